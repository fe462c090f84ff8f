"""Runs the commands of a build on this machine, by its buildspec, as CodeBuild runs them in a container.

There is no container: the commands have the rights of whoever started the engine, in a temporary folder of their own. They find
the emulator where they look for AWS, and `python3` has boto3. What the project says of its image, its machine and its network
is not acted out, nor are artifacts, caches and `run-as`. Of reports there is only the name.
"""

import base64
import datetime
import io
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import zipfile

COMMANDS = ("INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD")
TICK = 0.05


class Failed(Exception):
    """A phase that failed, with what CodeBuild says of it."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message


class Ended(Exception):
    """The build was stopped, or its time is over."""

    def __init__(self, status):
        super().__init__(status)
        self.status = status


class Run:
    """One build, from the queue to its end."""

    def __init__(self, build, lock, fault):
        self.build, self.lock, self.fault = build, lock, fault
        self.stopped = threading.Event()
        self.limit = time.monotonic() + 60 * int(build["timeoutInMinutes"])
        self.folder = self.shell = self.log = None
        self.succeeding = True

    def stop(self):
        self.stopped.set()

    def run(self):
        self.log = Log(self.build["logs"])
        self.folder = tempfile.mkdtemp(prefix="build-")
        try:
            status = self.phases()
        except Ended as ended:
            status = ended.status
            self.leave(status)
        except Exception as error:  # whatever else goes wrong is no fault of the commands
            self.log.own(f"The build could not be run: {error!r}")
            status = "FAULT"
            self.leave(status, "INTERNAL_SERVICE_ERROR", repr(error))
        finally:
            kill_all(self.build["id"])
            if self.shell:
                self.shell.forget()
            shutil.rmtree(self.folder, ignore_errors=True)
        self.end(status)

    def phases(self):
        self.leave("SUCCEEDED")
        self.enter("PROVISIONING")
        if forced := self.suffer("before"):
            self.leave(forced, "FORCED", f"the build was made to end as {forced}")
            return forced
        self.leave("SUCCEEDED")
        self.enter("DOWNLOAD_SOURCE")
        try:
            spec = self.fetch()
            self.shell = Shell(self, spec)
        except Failed as failed:
            self.leave("FAILED", failed.code, failed.message)
            return "FAILED"
        self.leave("SUCCEEDED")
        for name in COMMANDS:
            phase = (spec.get("phases") or {}).get(name.lower()) or {}
            if name == "POST_BUILD" or self.succeeding:
                self.commands(name, phase)
            if not self.succeeding and (name in ("INSTALL", "PRE_BUILD") or phase.get("on-failure") == "ABORT"):
                break
        exported = (spec.get("env") or {}).get("exported-variables") or []
        values = self.shell.values(exported)
        with self.lock:
            self.build["exportedEnvironmentVariables"] = [{"name": name, "value": values[name]} for name in exported if name in values]
        self.report(spec)
        self.enter("UPLOAD_ARTIFACTS")
        self.leave("SUCCEEDED")
        self.enter("FINALIZING")
        if forced := self.suffer("after"):
            self.leave(forced, "FORCED", f"the build was made to end as {forced}")
            return forced
        self.leave("SUCCEEDED")
        return "SUCCEEDED" if self.succeeding else "FAILED"

    def commands(self, name, phase):
        """Runs the commands of a phase, and in any case those that finish it."""
        self.enter(name)
        failed = None
        for command in phase.get("commands") or []:
            try:
                self.command(str(command))
            except Failed as error:
                failed = error
                break
        for command in phase.get("finally") or []:
            try:
                self.command(str(command))
            except Failed as error:
                failed = failed or error
        if failed and phase.get("on-failure") != "CONTINUE":
            self.succeeding = False
        if failed:
            self.leave("FAILED", failed.code, failed.message)
        else:
            self.leave("SUCCEEDED")

    def command(self, command):
        self.log.own(f"Running command {command}")
        status = self.shell.execute(command, {"CODEBUILD_BUILD_SUCCEEDING": "1" if self.succeeding else "0"})
        if status:
            raise Failed("COMMAND_EXECUTION_ERROR", f"Error while executing command: {command}. Reason: exit status {status}")

    def check(self):
        """Ends the build where somebody stopped it, or where it took too long."""
        if self.stopped.is_set():
            raise Ended("STOPPED")
        if time.monotonic() > self.limit:
            raise Ended("TIMED_OUT")

    def suffer(self, moment):
        """The status that a test wants this build to have from this moment on; it may take its time first."""
        rule = self.fault
        if not rule or rule["moment"] != moment:
            return None
        until = time.monotonic() + rule["seconds"]
        while time.monotonic() < until and not rule.get("over"):
            self.check()
            time.sleep(TICK)
        return rule["status"] or None

    def report(self, spec):
        """Shows a report for each group that the buildspec names; what is in its files is not read."""
        project, region, account = self.build["projectName"], *self.build["arn"].split(":")[3:5]
        groups = [name if name.startswith("arn:") else f"{project}-{name}" for name in spec.get("reports") or {}]
        names = [name.rsplit("/", 1)[-1] for name in groups]
        with self.lock:
            self.build["reportArns"] = [f"arn:aws:codebuild:{region}:{account}:report/{name}:{uuid.uuid4()}" for name in names]

    # What the build shows

    def enter(self, name):
        self.log.own(f"Entering phase {name}")
        with self.lock:
            self.build["currentPhase"] = name
            self.build["phases"].append({"phaseType": name, "startTime": time.time()})

    def leave(self, status, code="", message=""):
        with self.lock:
            phase = self.build["phases"][-1]
            now = time.time()
            phase.update(
                phaseStatus=status,
                endTime=now,
                durationInSeconds=int(now - phase["startTime"]),
                contexts=[{"statusCode": code, "message": message}],
            )
            name = phase["phaseType"]
        self.log.own(f"Phase complete: {name} State: {status}")
        self.log.own(f"Phase context status code: {code} Message: {message}")

    def end(self, status):
        with self.lock:
            now = time.time()
            self.build["phases"].append({"phaseType": "COMPLETED", "startTime": now})
            self.build.update(currentPhase="COMPLETED", endTime=now, buildStatus=status, buildComplete=True)

    # What the build works on

    def fetch(self):
        source = self.build["source"]
        home = os.path.join(self.folder, "src")
        os.mkdir(home)
        kind, location = source.get("type"), source.get("location", "")
        if kind == "S3":
            unpack(location.removeprefix("arn:aws:s3:::"), home)
        elif kind != "NO_SOURCE":
            raise Failed("CLIENT_ERROR", f"the local engine cannot fetch a source of type {kind}")
        return buildspec(source.get("buildspec") or "", home)


def unpack(location, home):
    from ministack.services import s3

    bucket, _, key = location.partition("/")
    if key.endswith("/"):
        raise Failed("CLIENT_ERROR", f"the local engine takes a zip file as source, not a folder: {location}")
    data = s3._get_object_data(bucket, key)
    if data is None:
        raise Failed("CLIENT_ERROR", f"error while downloading key {key}, error: NoSuchKey: The specified key does not exist.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                place = archive.extract(entry, home)
                if not entry.is_dir() and entry.external_attr >> 16 & 0o111:
                    os.chmod(place, 0o755)
    except zipfile.BadZipFile as error:
        raise Failed("CLIENT_ERROR", f"the source {location} is no zip file: {error}") from error


def is_inline(told):
    """Whether this is the text of a buildspec, and not its place in the source."""
    return "\n" in told or told.lstrip().startswith(("{", "version:"))


def buildspec(told, home):
    import yaml

    text = told
    if not is_inline(told):
        name = told or "buildspec.yml"
        path = os.path.realpath(os.path.join(home, name))
        if not path.startswith(os.path.realpath(home) + os.sep) or not os.path.isfile(path):
            raise Failed("YAML_FILE_ERROR", f"stat {name}: no such file or directory")
        with open(path, encoding="utf-8") as file:
            text = file.read()
    try:
        spec = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise Failed("YAML_FILE_ERROR", f"the buildspec is no YAML: {error}") from error
    if not isinstance(spec, dict) or str(spec.get("version")) != "0.2":
        raise Failed("YAML_FILE_ERROR", "the local engine reads buildspecs of version 0.2")
    if not isinstance(spec.get("phases"), dict):
        raise Failed("YAML_FILE_ERROR", "the buildspec has no phases")
    return spec


class Shell:
    """The shell in which all commands of a build run. One that a command ended is followed by another, with its environment."""

    # The shell takes one line for each command, and tells how it ended on a pipe of its own.
    TRAP = "trap 'export -p >\"$CODEBUILD_ENGINE/environment\"; pwd >\"$CODEBUILD_ENGINE/folder\"' EXIT\n"

    def __init__(self, run, spec):
        self.run, self.process = run, None
        self.state = os.path.join(run.folder, "engine")
        os.mkdir(self.state)
        os.mkfifo(os.path.join(self.state, "status"))
        self.status = os.open(os.path.join(self.state, "status"), os.O_RDWR | os.O_NONBLOCK)
        shell = (spec.get("env") or {}).get("shell", "/bin/sh")
        self.program = shutil.which(shell) or "/bin/sh"
        self.environment = environment(run, spec, self.state)

    def execute(self, command, variables):
        if self.process is None:
            self.begin()
        path = os.path.join(self.state, "command")
        exports = "".join(f"export {name}={value}; " for name, value in variables.items())
        with open(path, "w", encoding="utf-8") as file:
            file.write(command)
        self.process.stdin.write(f'{exports}eval "$(cat "$CODEBUILD_ENGINE/command")" </dev/null; echo $? >"$CODEBUILD_ENGINE/status"\n'.encode())
        self.process.stdin.flush()
        return self.wait()

    def begin(self):
        # In the emulator's own process group: whatever becomes of the engine, its supervisor ends these, too.
        self.process = subprocess.Popen(
            [self.program],
            cwd=os.path.join(self.run.folder, "src"),
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.reader = threading.Thread(target=self.run.log.follow, args=(self.process.stdout,), daemon=True)
        self.reader.start()
        again = '. "$CODEBUILD_ENGINE/environment"; cd "$(cat "$CODEBUILD_ENGINE/folder")"\n'
        known = os.path.exists(os.path.join(self.state, "environment"))
        self.process.stdin.write((self.TRAP + (again if known else "")).encode())

    def wait(self):
        told = b""
        while b"\n" not in told:
            self.run.check()
            if select.select([self.status], [], [], TICK)[0]:
                told += os.read(self.status, 64)
            elif self.process.poll() is not None:
                return self.ended()
        self.run.log.settle()
        return int(told)

    def ended(self):
        """A command ended the shell: `exit 1`, or a failure after `set -e`."""
        status = self.process.returncode
        self.close()
        return status if status >= 0 else 128 - status

    def close(self):
        try:
            self.process.stdin.close()
        except OSError:
            pass  # what was not read any more
        self.reader.join(timeout=1)
        self.process = None

    def forget(self):
        """Takes leave of a shell that was killed."""
        if self.process is not None:
            self.process.wait()
            self.close()
        os.close(self.status)

    def values(self, names):
        """The values of variables at the end of the build."""
        if self.process is not None:
            try:
                self.process.stdin.close()
                self.process.wait(timeout=5)
            except (OSError, subprocess.TimeoutExpired):
                return {}
            self.close()
        path = os.path.join(self.state, "environment")
        if not names or not os.path.exists(path):
            return {}
        asked = subprocess.run(
            [self.program, "-c", '. "$CODEBUILD_ENGINE/environment" 2>/dev/null; env -0'], env=self.environment, capture_output=True, check=False
        )
        pairs = (pair.partition("=") for pair in asked.stdout.decode("utf-8", "replace").split("\0"))
        return {name: value for name, _, value in pairs}


def environment(run, spec, state):
    build = run.build
    endpoint, region = os.environ["AWS_ENDPOINT_URL"], os.environ.get("MINISTACK_REGION", "us-east-1")
    home = os.path.join(run.folder, "home")
    os.mkdir(home)
    given = {
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)]),
        "HOME": home,
        "TMPDIR": run.folder,
        "LANG": "C.UTF-8",
        "CODEBUILD_ENGINE": state,
        "CODEBUILD_BUILD_ID": build["id"],
        "CODEBUILD_BUILD_ARN": build["arn"],
        "CODEBUILD_BUILD_NUMBER": str(build["buildNumber"]),
        "CODEBUILD_BUILD_IMAGE": build["environment"].get("image", ""),
        "CODEBUILD_INITIATOR": build["initiator"],
        "CODEBUILD_LOG_PATH": build["logs"]["streamName"],
        "CODEBUILD_SOURCE_VERSION": build["sourceVersion"],
        "CODEBUILD_SOURCE_REPO_URL": build["source"].get("location", ""),
        "CODEBUILD_SRC_DIR": os.path.join(run.folder, "src"),
        "CODEBUILD_START_TIME": str(int(build["startTime"] * 1000)),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": os.environ.get("AWS_ACCESS_KEY_ID", "test"),
        "AWS_SECRET_ACCESS_KEY": os.environ.get("AWS_SECRET_ACCESS_KEY", "test"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    told = spec.get("env") or {}
    named = [{"name": name, "value": value} for name, value in (told.get("variables") or {}).items()]
    named += [{"name": name, "value": value, "type": "PARAMETER_STORE"} for name, value in (told.get("parameter-store") or {}).items()]
    named += [{"name": name, "value": value, "type": "SECRETS_MANAGER"} for name, value in (told.get("secrets-manager") or {}).items()]
    # The project and whoever starts the build have the last word.
    for one in named + (build["environment"].get("environmentVariables") or []):
        given[one["name"]] = value_of(one, endpoint, region)
    return given


def value_of(variable, endpoint, region):
    kind, value = variable.get("type", "PLAINTEXT"), str(variable.get("value", ""))
    if kind == "PLAINTEXT":
        return value
    import boto3

    try:
        if kind == "PARAMETER_STORE":
            ssm = boto3.client("ssm", endpoint_url=endpoint, region_name=region)
            return ssm.get_parameter(Name=value, WithDecryption=True)["Parameter"]["Value"]
        name, key, *_ = [*value.split(":"), ""] if not value.startswith("arn:") else [":".join(value.split(":")[:7]), *value.split(":")[7:], ""]
        secrets = boto3.client("secretsmanager", endpoint_url=endpoint, region_name=region)
        secret = secrets.get_secret_value(SecretId=name)
        text = secret.get("SecretString") or base64.b64encode(secret["SecretBinary"]).decode()
        return str(json.loads(text)[key]) if key else text
    except Exception as error:
        raise Failed("CLIENT_ERROR", f"{variable['name']} could not be read: {error}") from error


def kill_all(build):
    """Kills every process of a build, whatever became of its parents: each has the build's id in its environment."""
    mark = f"\0CODEBUILD_BUILD_ID={build}\0".encode()
    for _ in range(50):
        left = [int(name) for name in os.listdir("/proc") if name.isdigit() and mark in surroundings(name)]
        if not left:
            return
        for one in left:
            try:
                os.kill(one, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        time.sleep(0.01)


def surroundings(process):
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file:
            if file.read().rsplit(") ", 1)[1].startswith("Z"):
                return b""
        with open(f"/proc/{process}/environ", "rb") as file:
            return b"\0" + file.read()
    except OSError:
        return b""


class Log:
    """The build's log stream."""

    def __init__(self, where):
        from ministack.services import cloudwatch_logs

        self.logs, self.lines = cloudwatch_logs, threading.Lock()
        self.written = time.monotonic()
        cloudwatch_logs._create_log_group({"logGroupName": where["groupName"]})
        cloudwatch_logs._create_log_stream({"logGroupName": where["groupName"], "logStreamName": where["streamName"]})
        self.stream = cloudwatch_logs._log_groups[where["groupName"]]["streams"][where["streamName"]]

    def write(self, line):
        now = int(time.time() * 1000)
        with self.lines:
            self.written = time.monotonic()
            self.logs._append_log_events(self.stream, [{"timestamp": now, "message": line, "ingestionTime": now}])

    def own(self, line):
        """A line of CodeBuild's own."""
        at = datetime.datetime.now(datetime.timezone.utc).strftime("%Y/%m/%d %H:%M:%S.%f")
        self.write(f"[Container] {at} {line}\n")

    def follow(self, output):
        for line in output:
            self.write(line.decode("utf-8", "replace"))

    def settle(self):
        """Waits for what a command that ended has written, for as long as more comes."""
        time.sleep(0.01)
        until = time.monotonic() + 1
        while time.monotonic() < until and time.monotonic() - self.written < 0.01:
            time.sleep(0.005)
