"""Runs the processes of the local engine and ends them with their parent.

    supervise.py PLAN.json

The plan is what `process.rs` writes: processes, a clean-up command, files to remove. Standard input is a pipe that
only the parent holds open. When it closes, however the parent ended (even by SIGKILL), every process is killed with
its whole process group, the clean-up runs, and the files go.

The exit status is that of the first process that ended by itself, or 0 after an ordered stop.

Only the standard library: this also runs before there is a virtual environment.
"""

import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36


def start(process):
    """Starts one process in a process group of its own; without a log it shares our output.

    An empty value removes a variable: an empty AWS_PROFILE would be taken for the name of a profile.
    """
    environment = {**os.environ, **process.get("environment", {})}
    environment = {name: value for name, value in environment.items() if value}
    output = open(process["log"], "ab", buffering=0) if process.get("log") else None
    try:
        return subprocess.Popen(
            process["command"],
            cwd=process.get("directory"),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            start_new_session=True,
        )
    except OSError as error:
        (output or sys.stderr.buffer).write(f"{process['command'][0]} could not be started: {error}\n".encode())
        raise


def reap():
    """The statuses of all processes below us that ended, orphans of our children included."""
    ended = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended[pid] = os.waitstatus_to_exitcode(status)


def kill(children):
    """Kills the process groups of children, also of those that are gone already, and waits until they are empty."""
    groups = {child.pid for child in children}
    limit = time.monotonic() + 5
    while groups and time.monotonic() < limit:
        for group in list(groups):
            try:
                os.killpg(group, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                groups.discard(group)
        reap()
        time.sleep(0.005)


def wait_for_end(children, wake):
    """Returns the status of the first child that ended, or 0 when the parent went away or a signal came."""
    while True:
        ended = reap()
        for child in children:
            if child.pid in ended:
                status = ended[child.pid]
                return status if status >= 0 else 128 - status
        ready, _, _ = select.select([sys.stdin.fileno(), wake], [], [])
        if sys.stdin.fileno() in ready and not os.read(sys.stdin.fileno(), 4096):
            return 0
        if wake in ready and set(os.read(wake, 64)) & {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}:
            return 0


def clean_up(process):
    """Runs the clean-up command; what it leaves behind, the next start of the engine removes."""
    environment = {**os.environ, **process.get("environment", {})}
    try:
        subprocess.run(process["command"], env=environment, stdin=subprocess.DEVNULL, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"clean-up failed: {error}", file=sys.stderr)


def remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.exists(path):
        os.remove(path)


def main():
    with open(sys.argv[1]) as file:
        plan = json.load(file)
    wake, wake_writer = os.pipe()
    os.set_blocking(wake_writer, False)
    signal.set_wakeup_fd(wake_writer)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    # Orphans of our children become ours: nobody else would reap them in a container without an init process.
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    ordinary, needed_by_cleanup = [], []
    status = 127
    try:
        for process in plan["processes"]:
            (needed_by_cleanup if process.get("needed_by_cleanup") else ordinary).append(start(process))
        status = wait_for_end(ordinary + needed_by_cleanup, wake)
    finally:
        kill(ordinary)
        if plan.get("cleanup"):
            clean_up(plan["cleanup"])
        kill(needed_by_cleanup)
        for path in plan.get("remove", []):
            remove(path)
    return status


if __name__ == "__main__":
    sys.exit(main())
