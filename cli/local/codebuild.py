"""CodeBuild as on AWS, where the emulator does less: builds really run (see builds.py).

* A build takes the overrides of `StartBuild`: source, buildspec, environment variables by name, timeout.
* A project without a source has the text of its buildspec, not a path.
* The same `idempotencyToken` within five minutes gives the same build; with other parameters it is refused.
* Builds of a project are listed newest first, a page at a time.
* Permissions are asked for on the project that a build belongs to; the emulator asks for them on everything.

For tests, builds can be made to end in other ways than their commands say (`hit`).
"""

import contextvars
import copy
import json
import os
import threading
import time
import uuid

import builds

TOKEN_SECONDS = 5 * 60
PAGE = 100
LOCK = threading.RLock()
# What was asked for with a token: when, with what, and the build that came of it.
TOKENS = {}
RUNNING = {}
HITS = []

SOURCE_OVERRIDES = {"sourceTypeOverride": "type", "sourceLocationOverride": "location", "buildspecOverride": "buildspec"}
ENVIRONMENT_OVERRIDES = {"imageOverride": "image", "computeTypeOverride": "computeType", "environmentTypeOverride": "type"}


def behave():
    """Called once, when the emulator's CodeBuild has been loaded."""
    from ministack.services import codebuild

    codebuild._start_build, codebuild._stop_build = start, stop
    create = codebuild._create_project

    def create_with_buildspec(data):
        source = data.get("source") or {}
        if source.get("type") == "NO_SOURCE" and not builds.is_inline(source.get("buildspec") or ""):
            # Where there is no source, no file is in it.
            return refusal("InvalidInputException", "Invalid buildspec: a project without a source needs its text, not a path")
        return create(data)

    codebuild._create_project = create_with_buildspec
    codebuild._list_builds_for_project = list_for_project
    show = codebuild._batch_get_builds

    def show_consistently(data):
        with LOCK:
            return show(data)

    codebuild._batch_get_builds = show_consistently


def permit_by_project():
    """Has calls about builds ask for their permissions on the builds' project, as on AWS."""
    from ministack.core import iam_actions

    extract = iam_actions.extract_resource_arn

    def extract_project(service, method, path, headers, body, query_params, *args, **kwargs):
        arn = extract(service, method, path, headers, body, query_params, *args, **kwargs)
        if service != "codebuild" or not body:
            return arn
        try:
            given = json.loads(body)
        except ValueError:
            return arn
        ids = given.get("ids") or [given.get("id")]
        if not isinstance(ids[0], str):
            return arn
        region, account = os.environ.get("MINISTACK_REGION", "us-east-1"), os.environ.get("MINISTACK_ACCOUNT_ID", "000000000000")
        return f"arn:aws:codebuild:{region}:{account}:project/{ids[0].rsplit('/', 1)[-1].split(':')[0]}"

    iam_actions.extract_resource_arn = extract_project


def refusal(code, message):
    from ministack.core.responses import error_response_json

    return error_response_json(code, message, 400)


def overridden(project, data):
    """The project as this build sees it."""
    project = copy.deepcopy(project)
    source, environment = project.setdefault("source", {}), project.setdefault("environment", {})
    source.update({key: data[name] for name, key in SOURCE_OVERRIDES.items() if name in data})
    environment.update({key: data[name] for name, key in ENVIRONMENT_OVERRIDES.items() if name in data})
    variables = {one["name"]: one for one in environment.get("environmentVariables") or []}
    variables.update({one["name"]: {"type": "PLAINTEXT", **one} for one in data.get("environmentVariablesOverride") or []})
    environment["environmentVariables"] = list(variables.values())
    if "timeoutInMinutesOverride" in data:
        project["timeoutInMinutes"] = data["timeoutInMinutesOverride"]
    if "serviceRoleOverride" in data:
        project["serviceRole"] = data["serviceRoleOverride"]
    return project


def invalid(data):
    minutes = data.get("timeoutInMinutesOverride", 60)
    if not 5 <= minutes <= 2160:
        return f"Invalid timeoutInMinutes: {minutes}. It must be between 5 and 2160"
    names = [one.get("name") for one in data.get("environmentVariablesOverride") or []]
    if len(set(names)) != len(names):
        return "Duplicate environment variable names"
    return None


def start(data):
    from ministack.core.responses import json_response
    from ministack.services import codebuild

    project = codebuild._projects.get(data.get("projectName", ""))
    if not project:
        return refusal("ResourceNotFoundException", f"Project cannot be found: {codebuild._project_arn(data.get('projectName', ''))}")
    if reason := invalid(data):
        return refusal("InvalidInputException", reason)
    token = data.get("idempotencyToken")
    asked = json.dumps({key: value for key, value in data.items() if key != "idempotencyToken"}, sort_keys=True)
    with LOCK:
        at, known, identifier = TOKENS.get(token, (0, None, None)) if token else (0, None, None)
        if token and time.monotonic() - at < TOKEN_SECONDS and identifier in codebuild._builds:
            if known != asked:
                return refusal("InvalidInputException", "Idempotency token was used with other parameters")
            return json_response({"build": copy.deepcopy(codebuild._builds[identifier])})
        build = record(overridden(project, data), data)
        codebuild._builds[build["id"]] = build
        if token:
            TOKENS[token] = (time.monotonic(), asked, build["id"])
        run = RUNNING[build["id"]] = builds.Run(build, LOCK, strike(build))
        answer = json_response({"build": copy.deepcopy(build)})
    # The emulator's stores belong to the account and the region of the call.
    threading.Thread(target=contextvars.copy_context().run, args=(carry_out, run), daemon=True).start()
    return answer


def carry_out(run):
    try:
        run.run()
    finally:
        with LOCK:
            RUNNING.pop(run.build["id"], None)


def record(project, data):
    from ministack.core.responses import get_region
    from ministack.services import codebuild

    name, number = project["name"], uuid.uuid4()
    identifier = f"{name}:{number}"
    group = f"/aws/codebuild/{name}"
    escaped = group.replace("/", "$252F")
    now = time.time()
    return {
        "id": identifier,
        "arn": codebuild._build_arn(identifier),
        "buildNumber": 1 + sum(one["projectName"] == name for one in codebuild._builds.values()),
        "startTime": now,
        "currentPhase": "QUEUED",
        "buildStatus": "IN_PROGRESS",
        "buildComplete": False,
        "sourceVersion": data.get("sourceVersion") or project.get("sourceVersion") or "",
        "projectName": name,
        "phases": [
            {"phaseType": "SUBMITTED", "phaseStatus": "SUCCEEDED", "startTime": now, "endTime": now, "durationInSeconds": 0},
            {"phaseType": "QUEUED", "startTime": now},
        ],
        "source": project["source"],
        "artifacts": project.get("artifacts", {"type": "NO_ARTIFACTS"}),
        "environment": project["environment"],
        "serviceRole": project.get("serviceRole", ""),
        "logs": {
            "groupName": group,
            "streamName": str(number),
            "deepLink": f"https://console.aws.amazon.com/cloudwatch/home?region={get_region()}"
            f"#logsV2:log-groups/log-group/{escaped}/log-events/{number}",
        },
        "timeoutInMinutes": project.get("timeoutInMinutes", 60),
        "initiator": "root",
        "encryptionKey": project.get("encryptionKey", ""),
    }


def stop(data):
    from ministack.core.responses import json_response
    from ministack.services import codebuild

    build = codebuild._builds.get(data.get("id", ""))
    if not build:
        return refusal("ResourceNotFoundException", f"Build cannot be found: {data.get('id', '')}")
    run = RUNNING.get(build["id"])
    if run:
        run.stop()
    with LOCK:
        return json_response({"build": copy.deepcopy(build)})


def list_for_project(data):
    from ministack.core.responses import json_response
    from ministack.services import codebuild

    name = data.get("projectName", "")
    if name not in codebuild._projects:
        return refusal("ResourceNotFoundException", f"Project cannot be found: {codebuild._project_arn(name)}")
    with LOCK:
        of_project = [one for one in codebuild._builds.values() if one["projectName"] == name]
    of_project.sort(key=lambda one: one["buildNumber"], reverse=data.get("sortOrder") != "ASCENDING")
    begin = int(data.get("nextToken") or 0)
    answer = {"ids": [one["id"] for one in of_project[begin : begin + PAGE]]}
    if len(of_project) > begin + PAGE:
        answer["nextToken"] = str(begin + PAGE)
    return json_response(answer)


def news():
    """How the newest builds are, for the gateway to announce."""
    from ministack.services import codebuild

    with LOCK:
        newest = list(codebuild._builds.values())[-200:]
        return [{key: build.get(key) for key in ("id", "arn", "projectName", "buildStatus", "currentPhase", "logs")} for build in newest]


# Faults of builds


def hit(rules):
    """Sets which builds end in another way than their commands say; see `BuildFault` of the gateway."""
    with LOCK:
        for rule in HITS:
            rule["over"] = True
        HITS[:] = [dict(rule) for rule in rules]


def strike(build):
    """The fault for a build that begins, by what its LOCKSTEP_BUILD says."""
    variables = build["environment"]["environmentVariables"]
    identity = next((one["value"] for one in variables if one["name"] == "LOCKSTEP_BUILD"), "")
    for rule in HITS:
        if rule["build"] not in identity:
            continue
        if rule["skip"] > 0:
            rule["skip"] -= 1
        elif rule["times"] > 0:
            rule["times"] -= 1
            return rule
    return None
