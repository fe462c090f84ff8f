"""Runs the processes of the local engine and ends them with their parent.

    supervise.py PLAN.json

The plan: {"processes": [{"command": [...], "environment": {...}, "log": "path"}], "cleanup": [...], "remove": [...]}.
Standard input is a pipe that only the parent holds open. When it closes, however the parent ended (even by
SIGKILL), every process is killed with its whole process group, `cleanup` runs and the files in `remove` go.
The exit status is that of the first process that ended by itself, or 0 after an ordered stop.

Only the standard library: this also runs before there is a virtual environment.
"""

import json
import os
import select
import shutil
import signal
import subprocess
import sys


def start(process):
    """Starts one process in a process group of its own; without a log it shares our output.

    An empty value removes a variable: an empty AWS_PROFILE would be taken for the name of a profile.
    """
    environment = {**os.environ, **process.get("environment", {})}
    environment = {name: value for name, value in environment.items() if value}
    output = open(process["log"], "ab", buffering=0) if process.get("log") else None
    return subprocess.Popen(
        process["command"],
        cwd=process.get("directory"),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        start_new_session=True,
    )


def kill(child):
    """Kills the process group of a child, also when the child itself is gone already."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    child.wait()


def wait_for_end(children, wake):
    """Returns the status of the first child that ended, or 0 when the parent went away or a signal came."""
    while True:
        ready, _, _ = select.select([sys.stdin.fileno(), wake], [], [])
        if sys.stdin.fileno() in ready and not os.read(sys.stdin.fileno(), 4096):
            return 0
        if wake in ready and set(os.read(wake, 64)) & {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}:
            return 0
        for child in children:
            if child.poll() is not None:
                return child.returncode if child.returncode >= 0 else 128 - child.returncode


def main():
    with open(sys.argv[1]) as file:
        plan = json.load(file)
    wake, wake_writer = os.pipe()
    os.set_blocking(wake_writer, False)
    signal.set_wakeup_fd(wake_writer)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    children = []
    status = 1
    try:
        for process in plan["processes"]:
            children.append(start(process))
        status = wait_for_end(children, wake)
    finally:
        # The container engine is first in the list and ends last: clean-up still needs it.
        for child in reversed(children[1:]):
            kill(child)
        if plan.get("cleanup"):
            subprocess.run(plan["cleanup"]["command"], env={**os.environ, **plan["cleanup"].get("environment", {})},
                           stdin=subprocess.DEVNULL, timeout=60, check=False)
        for child in children[:1]:
            kill(child)
        for path in plan.get("remove", []):
            shutil.rmtree(path, ignore_errors=True) if os.path.isdir(path) else os.path.exists(path) and os.remove(path)
    return status


if __name__ == "__main__":
    sys.exit(main())
