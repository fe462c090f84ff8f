"""Tasks that no service starts, as on AWS, where the emulator does less.

* `RunTask` with a `clientToken` that it has seen in a cluster gives the task of the first call, and refuses another request.
* Without a container engine such a task still ends: nothing runs, and by default the command counts as one that ended well.

For tests, how commands end can be chosen (`hit`): with which exit code, after which time, what they say, or that they never begin.
"""

import copy
import json
import threading
import time

LOCK = threading.Lock()
ENDINGS = []
TOKENS = {}

# A task that ends at once would be over before anybody has seen it run.
DEFAULT = {"seconds": 0.2, "exit": 0, "says": [], "refuses": ""}


def behave():
    """Called once, when the emulator's ECS has been loaded."""
    from ministack.services import ecs

    run = ecs._ACTION_MAP["RunTask"]

    def run_once(data):
        token, request = data.get("clientToken"), copy.deepcopy(data)
        if not token:
            return started(run(data), data)
        key = (data.get("cluster", "default"), token)
        with LOCK:
            if key in TOKENS:
                seen, answer = TOKENS[key]
                if seen != request:
                    return ecs.error_response_json("ConflictException", "The clientToken is used by another request.", 400)
                return answer
            answer = started(run(data), data)
            if answer[0] == 200 and json.loads(answer[2]).get("tasks"):
                TOKENS[key] = (request, answer)
            return answer

    def started(answer, data):
        if answer[0] == 200 and not ecs._get_docker():
            scope_of = (ecs.get_account_id(), ecs.get_region())
            for shown in json.loads(answer[2]).get("tasks", []):
                threading.Thread(target=end, args=(shown["taskArn"], data, scope_of), daemon=True).start()
        return answer

    def end(arn, data, scope_of):
        ending = ending_of(data)
        if ending["exit"] is None and not ending["refuses"]:
            return
        time.sleep(ending["seconds"])
        with ecs.request_scope(*scope_of):
            task = ecs._tasks.get(arn)
            if task is None:
                return
            if ending["refuses"]:
                task["startedAt"] = None
                ecs._mark_task_stopped(arn, task, ending["refuses"], "TaskFailedToStart")
                return
            say(ecs, task, ending["says"])
            reason = "Essential container in task exited"
            ecs._mark_task_stopped(arn, task, reason, "EssentialContainerExited", exit_code=ending["exit"])

    ecs._ACTION_MAP["RunTask"] = run_once


def hit(endings):
    """Sets how commands end; see `TaskEnding` of the gateway."""
    with LOCK:
        ENDINGS[:] = [{**DEFAULT, **ending} for ending in endings]


def ending_of(data):
    """The first ending whose word is in the command, and that has not been used up."""
    overrides = data.get("overrides", {}).get("containerOverrides", [])
    command = " ".join(word for override in overrides for word in override.get("command", []))
    with LOCK:
        for ending in ENDINGS:
            if ending["command"] in command and ending.get("times", 1 << 30) > 0:
                ending["times"] = ending.get("times", 1 << 30) - 1
                return ending
    return DEFAULT


def say(ecs, task, lines):
    """Writes lines to the logs of the task's containers, as the awslogs driver does."""
    definition = ecs._task_defs.get(ecs._resolve_td_key(task["taskDefinitionArn"])) or {}
    for container in definition.get("containerDefinitions", []):
        config = ecs._awslogs_config(container, task["taskArn"].rsplit("/", 1)[-1], "")
        if config and lines and ecs._ensure_awslogs_stream(config):
            for line in lines:
                ecs._emit_awslogs_event(config, line)
