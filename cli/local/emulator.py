"""Starts the AWS emulator (ministack) the way the local engine needs it.

    emulator.py serve             the emulator, on BIND_HOST:GATEWAY_PORT
    emulator.py clean-up PREFIX   removes the containers of the emulators whose instance label begins so, and the images
                                  that were pulled from the registry on GATEWAY_PORT

What is added to the emulator, all of it on its outside:

* `POST /_lockstep/events` accepts PutEvents entries whose source is `aws.*`. PutEvents refuses such sources, as AWS
  does; on AWS they come from the services themselves. The gateway uses it to emit the events the emulator lacks.
* `GET /_lockstep/state` lists services, tasks, the newest events of stacks and the newest builds, so that the gateway can see
  what AWS would announce.
* `POST /_lockstep/resources` has resources of stacks fail or take their time; only tests ask for that. `POST /_lockstep/builds`
  does so with builds, `POST /_lockstep/tasks` chooses how one-shot tasks end.
* Where containers have addresses that this machine cannot reach (rootless Podman), their ports are published.
* A function that EventBridge called and that failed is called again, as Lambda does; the emulator calls it once.
* A published version's code can be downloaded, and PublishVersion minds its guards, as on AWS; the emulator gives the
  function's newest code for every version, and publishes whatever is there.
* An alias with weights shares its invocations out by them, and CloudWatch counts these by the version that was run.
* CloudWatch is asked in CBOR, as the AWS SDKs ask it; the emulator needs a package for that which it does not bring.
* Calls about one alias need the permissions that they need on AWS; the emulator asks for `lambda:ListAliases` for all.
* An invocation of a version needs a permission on that version, as on AWS; the emulator asks for one on the function.
* Parameters below a path need a permission on that path, as on AWS; the emulator asks for one on everything.
* The event of an upload names the object's version, as on AWS.
* CloudFormation knows a few more resource types, and behaves as on AWS where it did not; see resources.py and stacks.py.
* ECS starts a task once for each client token, and tasks that no service starts end without a container engine too; see tasks.py.
* CodeBuild runs builds; see codebuild.py and builds.py.
* CloudFront functions read KeyValueStores, and calls about a store need permissions on it, as on AWS; see edge.py.
* Images named `ACCOUNT.dkr.ecr.REGION.amazonaws.com/...` are pulled from the emulator's own registry, for tasks and for functions.

All routes ask for the token in LOCKSTEP_TOKEN, which only the gateway knows.
"""

import asyncio
import datetime
import hmac
import json
import logging
import os
import random
import re
import struct
import sys
import threading

import codebuild
import edge
import resources
import stacks
import tasks

TOKEN = os.environ.get("LOCKSTEP_TOKEN", "")
ECR_HOST = re.compile(r"^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/")


def local_image(reference):
    """The reference under which the container engine finds an ECR image in the emulator's registry."""
    if not isinstance(reference, str):
        return reference
    return ECR_HOST.sub(f"127.0.0.1:{os.environ['GATEWAY_PORT']}/", reference)


class Forward:
    """Everything the container engine's client has, except what a subclass replaces."""

    def __init__(self, inner):
        self._inner = inner

    def __getattr__(self, name):
        return getattr(self._inner, name)


class LocalImages(Forward):
    def pull(self, repository, *args, **kwargs):
        return self._inner.pull(local_image(repository), *args, **kwargs)

    def get(self, name):
        return self._inner.get(local_image(name))

    def get_registry_data(self, name, *args, **kwargs):
        return self._inner.get_registry_data(local_image(name), *args, **kwargs)


class LocalContainers(Forward):
    def run(self, image, *args, **kwargs):
        return self._inner.run(local_image(image), *args, **kwargs)


class LocalEngine(Forward):
    """A client of the container engine that knows where the emulated account keeps its images."""

    @property
    def images(self):
        return LocalImages(self._inner.images)

    @property
    def containers(self):
        return LocalContainers(self._inner.containers)


def use_own_registry():
    from ministack.services import ecs

    connect = ecs._get_docker

    def connect_locally():
        client = connect()
        return LocalEngine(client) if client else None

    ecs._get_docker = connect_locally


def run_images_of_functions():
    """Finds the images of functions in the emulator's registry, as those of tasks."""
    from ministack.services import lambda_svc

    connect = lambda_svc._get_docker_client

    def connect_locally():
        client = connect()
        return LocalEngine(client) if client else None

    lambda_svc._get_docker_client = connect_locally


def publish_on_loopback():
    """Gives each container an address of its own that this machine can reach.

    The containers of rootless Podman live in a network of their own, whose addresses mean nothing outside of it. Their
    ports are published instead, each container's on another address of 127.0.0.0/8, and that is the task's address.
    """
    from ministack.services import ecs

    build, address = ecs._build_run_kwargs, ecs._container_ip

    def build_with_ports(cdef, td, *args, **kwargs):
        built = build(cdef, td, *args, **kwargs)
        own = f"127.{random.randint(64, 127)}.{random.randint(0, 255)}.{random.randint(1, 254)}"
        ports = [mapping["containerPort"] for mapping in cdef.get("portMappings", [])]
        if td.get("networkMode") == "awsvpc" and ports:
            built["ports"] = {f"{port}/tcp": (own, port) for port in ports}
        return built

    def published_address(container, network):
        container_address = address(container, network)
        bindings = (container.attrs.get("NetworkSettings") or {}).get("Ports") or {}
        published = [binding["HostIp"] for port in bindings.values() for binding in port or []]
        return published[0] if published else container_address

    ecs._build_run_kwargs, ecs._container_ip = build_with_ports, published_address


def repeat_failed_events():
    """Has EventBridge call functions asynchronously, as on AWS: Lambda repeats an invocation that failed."""
    from ministack.services import eventbridge

    def dispatch(arn, payload):
        from ministack.services import lambda_svc

        function, config, name = lambda_svc._get_func_record_for_ref(arn)
        if not function or not config:
            return logging.warning("an event for the function %s, which does not exist", name)
        record = lambda_svc._execution_record_for_config(function, config)
        return lambda_svc.invoke_async_with_retry(record, json.loads(payload))

    eventbridge._dispatch_to_lambda = dispatch


def start_again_where_settings_changed():
    """Starts a worker once more whose function's settings were changed while the emulator read them: the code has not run yet."""
    from ministack.services import lambda_svc

    execute = lambda_svc._execute_function_warm

    def execute_again(function, event, request_id):
        result = execute(function, event, request_id)
        body = result.get("body")
        broke = isinstance(body, dict) and body.get("errorType") == "RuntimeError"
        if broke and body.get("errorMessage") == "dictionary changed size during iteration":
            return execute(function, event, request_id)
        return result

    lambda_svc._execute_function_warm = execute_again


def serve_code_of_versions():
    """Has `Code.Location` of a published version lead to that version's code, as on AWS."""
    from ministack.services import lambda_svc

    look, serve_latest = lambda_svc._get_function, lambda_svc.serve_function_code

    def look_at_version(name, qualifier=None):
        status, headers, body = look(name, qualifier)
        _, config = lambda_svc._get_func_record_for_qualifier(name, qualifier)
        version = (config or {}).get("Version", "$LATEST")
        if status != 200 or version == "$LATEST":
            return status, headers, body
        shown = json.loads(body)
        if "Location" in shown["Code"]:
            shown["Code"]["Location"] = shown["Code"]["Location"].replace(f"/{name}?", f"/{name}:{version}?")
        return lambda_svc.json_response(shown)

    def serve_version(name, account_id=None, region=None):
        name, _, version = name.partition(":")
        function = version and lambda_svc._functions.get_scoped(account_id, region, name)
        published = function and function["versions"].get(version)
        if not published:
            return serve_latest(name, account_id, region)
        return 200, {"Content-Type": "application/zip"}, published.get("code_zip") or b""

    lambda_svc._get_function, lambda_svc.serve_function_code = look_at_version, serve_version


def mind_guards_of_versions():
    """Has PublishVersion refuse what is not the code or the revision that the caller means, as on AWS."""
    from ministack.services import lambda_svc

    publish = lambda_svc._publish_version

    def publish_guarded(name, data):
        config = (lambda_svc._functions.get(name) or {}).get("config")
        refused = config and lambda_svc._check_revision(config, data)
        wanted = data.get("CodeSha256")
        # The emulator knows no hash of an image.
        if config and not refused and wanted and config["CodeSha256"] and wanted != config["CodeSha256"]:
            message = f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST ({config['CodeSha256']})."
            refused = lambda_svc.error_response_json("InvalidParameterValueException", message, 400)
        return refused or publish(name, data)

    lambda_svc._publish_version = publish_guarded


def share_traffic_by_weights():
    """Has an alias with weights send its invocations to both versions, and counts them by version, as on AWS.

    On AWS each invocation is a throw of the dice. Here the shares are exact: of a weight of 0.25 every fourth
    invocation, so that what is tested does not depend on luck.
    """
    from ministack.services import cloudwatch, lambda_svc

    invoke, owed, lock = lambda_svc._invoke, {}, threading.Lock()

    def version_for(key, alias):
        weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        for version, weight in weights.items():
            with lock:
                share = owed.get((key, version), 0.0) + weight
                owed[(key, version)] = share - 1 if share > 0.999 else share
            if share > 0.999:
                return version
        return alias["FunctionVersion"] if weights else None

    async def invoke_by_weight(name, event, headers, path_qualifier=None, query_params=None):
        first = lambda_svc._qp_first
        qualifier = path_qualifier or first(query_params or {}, "Qualifier") or first(headers, "x-amz-qualifier")
        alias = (lambda_svc._functions.get(name) or {}).get("aliases", {}).get(qualifier)
        version = alias and version_for((name, qualifier), alias)
        if not version:
            return await invoke(name, event, headers, path_qualifier, query_params)
        answer = await invoke(name, event, headers, version, query_params)
        failed = any(header.lower() == "x-amz-function-error" for header in answer[1])
        dimensions = {"FunctionName": name, "Resource": f"{name}:{qualifier}", "ExecutedVersion": version}
        for metric, value in (("Invocations", 1), ("Errors", int(failed))):
            cloudwatch.record_metric("AWS/Lambda", metric, value, "Count", dimensions)
        return answer

    lambda_svc._invoke = invoke_by_weight


class Cbor:
    """As much of the package `cbor2` as the emulator asks of it (RFC 8949)."""

    class CBORTag:
        def __init__(self, tag, value):
            self.tag, self.value = tag, value

    @staticmethod
    def loads(data):
        return CborReader(data).value()

    @classmethod
    def dumps(cls, value):
        def head(kind, number):
            for size, code, most in ((1, 24, 0xFF), (2, 25, 0xFFFF), (4, 26, 0xFFFFFFFF), (8, 27, 2**64 - 1)):
                if number < 24:
                    return bytes([kind << 5 | number])
                if number <= most:
                    return bytes([kind << 5 | code]) + number.to_bytes(size, "big")
            raise ValueError(f"{number} does not fit into CBOR")

        if value is None or isinstance(value, bool):
            return bytes([{False: 0xF4, True: 0xF5, None: 0xF6}[value]])
        if isinstance(value, int):
            return head(0, value) if value >= 0 else head(1, -1 - value)
        if isinstance(value, float):
            return b"\xfb" + struct.pack(">d", value)
        if isinstance(value, bytes):
            return head(2, len(value)) + value
        if isinstance(value, str):
            return head(3, len(value.encode())) + value.encode()
        if isinstance(value, cls.CBORTag):
            return head(6, value.tag) + cls.dumps(value.value)
        if isinstance(value, dict):
            return head(5, len(value)) + b"".join(cls.dumps(key) + cls.dumps(one) for key, one in value.items())
        return head(4, len(value)) + b"".join(map(cls.dumps, value))


class CborReader:
    END = object()

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        self.at += size
        return self.data[self.at - size : self.at]

    def items(self, number):
        """So many values, or those up to the end's mark."""
        left = number
        while left is None or left > 0:
            value = self.value()
            if value is self.END:
                return
            yield value
            left = None if left is None else left - 1

    def value(self):
        kind, low = divmod(self.take(1)[0], 32)
        if kind == 7:
            simple = {20: False, 21: True, 22: None, 23: None, 31: self.END}
            floats = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}
            return simple[low] if low in simple else struct.unpack(floats[low][0], self.take(floats[low][1]))[0]
        number = None if low == 31 else low if low < 24 else int.from_bytes(self.take(1 << low - 24), "big")
        if kind in (2, 3):
            whole = b"".join(part if kind == 2 else part.encode() for part in self.items(None)) if number is None else self.take(number)
            return bytes(whole) if kind == 2 else bytes(whole).decode()
        if kind == 4:
            return list(self.items(number))
        if kind == 5:
            flat = list(self.items(None if number is None else 2 * number))
            return dict(zip(flat[::2], flat[1::2]))
        if kind == 6:
            # Times, the only tags that are sent, are read as what they are tagged.
            return self.value()
        return number if kind == 0 else -1 - number


def permit_calls_on_aliases():
    """Has calls about one alias ask for their own permissions, as on AWS."""
    from ministack.core import iam_actions

    action_of = iam_actions._lambda_action
    on_alias = {"GET": "GetAlias", "PUT": "UpdateAlias", "DELETE": "DeleteAlias"}

    def action_of_alias(method, path):
        parts = [part for part in path.split("/") if part]
        if len(parts) == 5 and parts[1] == "functions" and parts[3] == "aliases":
            return on_alias.get(method)
        return action_of(method, path)

    iam_actions._lambda_action = action_of_alias


def permit_invocations_of_versions():
    """Has an invocation of a version or an alias ask for a permission on it, as on AWS, and not on the function."""
    from ministack.core import iam_actions

    extract = iam_actions.extract_resource_arn

    def extract_qualified(service, method, path, headers, body, query_params, *args, **kwargs):
        arn = extract(service, method, path, headers, body, query_params, *args, **kwargs)
        qualifier = (query_params or {}).get("Qualifier")
        if isinstance(qualifier, list):
            qualifier = qualifier[0]
        invoked = service == "lambda" and path.rstrip("/").endswith("/invocations")
        return f"{arn}:{qualifier}" if invoked and qualifier and arn.count(":") == 6 else arn

    iam_actions.extract_resource_arn = extract_qualified


def permit_repositories_by_name():
    """Has a look at one repository ask for a permission on it, as on AWS, and not on all of them."""
    from ministack.core import iam_actions

    extract = iam_actions.extract_resource_arn

    def extract_repository(service, method, path, headers, body, query_params, *args, **kwargs):
        arn = extract(service, method, path, headers, body, query_params, *args, **kwargs)
        if service != "ecr" or arn != "*" or b"repositoryNames" not in (body or b""):
            return arn
        names = json.loads(body).get("repositoryNames") or []
        region, account = os.environ.get("MINISTACK_REGION", "us-east-1"), os.environ.get("MINISTACK_ACCOUNT_ID", "000000000000")
        return f"arn:aws:ecr:{region}:{account}:repository/{names[0]}" if len(names) == 1 else arn

    iam_actions.extract_resource_arn = extract_repository


def permit_parameters_by_path():
    """Has GetParametersByPath ask for its permission on the path, as on AWS, and not on everything."""
    from ministack.core import iam_actions

    extract = iam_actions.extract_resource_arn

    def extract_path(service, method, path, headers, body, query_params, region, account_id, *args, **kwargs):
        arn = extract(service, method, path, headers, body, query_params, region, account_id, *args, **kwargs)
        if service != "ssm" or arn != "*" or iam_actions._action_from_target(headers) != "GetParametersByPath":
            return arn
        below = json.loads(body or b"{}").get("Path", "").strip("/")
        return f"arn:aws:ssm:{region}:{account_id}:parameter/{below}"

    iam_actions.extract_resource_arn = extract_path


def tell_versions_of_objects():
    """Has the event of an upload name the object's version, as on AWS."""
    from ministack.services import eventbridge, s3

    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event
    current = threading.local()

    def fire_with_version(*args, version_id=None, **kwargs):
        current.version = version_id
        try:
            return fire(*args, version_id=version_id, **kwargs)
        finally:
            current.version = None

    def dispatch_with_version(event, *args, **kwargs):
        version = getattr(current, "version", None)
        if version and event.get("Source") == "aws.s3":
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version
            event = {**event, "Detail": json.dumps(detail)}
        return dispatch(event, *args, **kwargs)

    s3._fire_s3_event, eventbridge._dispatch_event = fire_with_version, dispatch_with_version


def scope():
    """The one account and region that the local engine uses."""
    from ministack.core.responses import request_scope

    return request_scope("000000000000", os.environ.get("MINISTACK_REGION", "us-east-1"))


def put_events(entries):
    from ministack.services import eventbridge

    with scope():
        _, _, body = eventbridge._put_events({"Entries": entries}, allow_aws_source=True)
    return json.loads(body)


def state():
    """Rollouts and tasks in the shape that ECS itself shows them; tasks that stopped a minute ago are no news."""
    from ministack.services import ecs

    old = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%S")

    def is_news(task):
        return task.get("lastStatus") != "STOPPED" or (task.get("stoppedAt") or old) >= old

    with scope():
        services = [{name: service.get(name) for name in ("serviceArn", "deployments")} for service in list(ecs._services.values())]
        tasks = [task for task in list(ecs._tasks.values()) if is_news(task)]
        # Until somebody asks CloudFormation for something, it is not even loaded.
        news = stacks.news() if "ministack.services.cloudformation" in sys.modules else []
        builds = codebuild.news() if "ministack.services.codebuild" in sys.modules else []
        return {**ecs._sanitize({"services": services, "tasks": tasks}), "stacks": news, "builds": builds}


async def answer(send, status, value):
    body = json.dumps(value, default=str).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def read(receive):
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def with_own_routes(app):
    """Wraps the emulator's application with the routes of the gateway."""

    async def handle(scope_, receive, send):
        path = scope_.get("path", "")
        if scope_["type"] != "http" or not path.startswith("/_lockstep/"):
            return await app(scope_, receive, send)
        given = dict(scope_["headers"]).get(b"x-lockstep-token", b"").decode("latin-1")
        if not TOKEN or not hmac.compare_digest(given, TOKEN):
            return await answer(send, 403, {"message": "this route belongs to the gateway of the local engine"})
        if path == "/_lockstep/events":
            return await answer(send, 200, await asyncio.to_thread(put_events, json.loads(await read(receive))))
        if path == "/_lockstep/state":
            return await answer(send, 200, state())
        if path == "/_lockstep/resources":
            return await answer(send, 200, stacks.hit(json.loads(await read(receive))))
        if path == "/_lockstep/tasks":
            return await answer(send, 200, tasks.hit(json.loads(await read(receive))))
        if path == "/_lockstep/builds":
            return await answer(send, 200, codebuild.hit(json.loads(await read(receive))))
        return await answer(send, 404, {"message": f"no such route: {path}"})

    return handle


def load_what_a_deployment_needs():
    """Loads the emulator's services that `sam deploy` asks first, while the SAM CLI is still loading itself."""
    import importlib

    importlib.import_module("ministack.services.ecs")
    tasks.behave()
    for name in ("services.cloudformation", "services.lambda_svc", "services.stepfunctions", "services.dynamodb"):
        importlib.import_module(f"ministack.{name}")
        if name == "services.cloudformation":
            resources.know_more()
            stacks.behave()
            codebuild.behave()
        if name == "services.lambda_svc":
            serve_code_of_versions()
            mind_guards_of_versions()
            share_traffic_by_weights()
            if os.environ.get("DOCKER_HOST"):
                run_images_of_functions()
    tell_versions_of_objects()
    importlib.import_module("samtranslator.translator.transform")


def serve():
    from hypercorn.asyncio import serve as hypercorn
    from hypercorn.config import Config
    from ministack.app import app

    if os.environ.get("DOCKER_HOST"):
        use_own_registry()
    if os.environ.get("LOCKSTEP_PUBLISH") == "loopback":
        publish_on_loopback()
    repeat_failed_events()
    start_again_where_settings_changed()
    permit_calls_on_aliases()
    permit_invocations_of_versions()
    permit_repositories_by_name()
    permit_parameters_by_path()
    stacks.permit_by_stack()
    codebuild.permit_by_project()
    edge.permit_by_store()
    edge.give_stores_to_functions(scope)
    sys.modules.setdefault("cbor2", Cbor)
    threading.Thread(target=load_what_a_deployment_needs, daemon=True).start()
    logging.getLogger("hypercorn.access").setLevel(logging.WARNING)
    config = Config()
    config.bind = [f"{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    asyncio.run(hypercorn(with_own_routes(app), config))


def clean_up(prefix):
    import docker

    client = docker.from_env(timeout=20)
    remove_containers(client, prefix)
    remove_images(client, local_image("000000000000.dkr.ecr.us-east-1.amazonaws.com/"))


def remove_containers(client, prefix):
    import docker

    for container in client.containers.list(all=True, sparse=True, filters={"label": "ministack.instance"}):
        if (container.attrs.get("Labels") or {}).get("ministack.instance", "").startswith(prefix):
            try:
                container.remove(force=True, v=True)
            except docker.errors.NotFound:
                pass


def remove_images(client, registry):
    """Removes what is known by the name of the emulator's registry only: the registry is about to forget it as well."""
    import docker

    for image in client.api.images():
        names = [name for name in (image.get("RepoTags") or []) + (image.get("RepoDigests") or []) if "<none>" not in name]
        if names and all(name.startswith(registry) for name in names):
            try:
                client.api.remove_image(image["Id"])
            except docker.errors.APIError as error:
                print(f"the image {names[0]} stays: {error}", file=sys.stderr)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    else:
        clean_up(sys.argv[2])
