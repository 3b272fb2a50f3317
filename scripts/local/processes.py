"""The processes of a run: started with a log, remembered in a file, ended with all their children."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from .console import Failure, say
from .settings import LOCAL, LOGS, STATE_FILE

STOP_SECONDS = 8.0

#: What the command line of each remembered process contains. A process id may have been given to somebody else since.
MARKS = {"run": "scripts/run.py", "ministack": "ministack", "emulator": "intercom-emulator"}


def remember(name: str, pid: int) -> None:
    """Notes a process in the state file, so that the next run can end it if this one cannot."""
    note({name: pid})


def remember_ports(aws: int, intercom: int) -> None:
    """Notes where the servers of this run listen, for whoever looks at them from another shell."""
    note({"ports": {"aws": aws, "intercom": intercom}})


def note(more: dict[str, object]) -> None:
    """Adds to the state file, which is whole at any moment."""
    LOCAL.mkdir(exist_ok=True)
    written = STATE_FILE.with_suffix(".new")
    written.write_text(json.dumps({**state(), **more}), encoding="utf-8")
    written.replace(STATE_FILE)


def state() -> dict[str, object]:
    """What the last run has noted. A torn or missing file means: nothing known."""
    try:
        noted = json.loads(STATE_FILE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}


def remembered() -> dict[str, int]:
    """The processes of the last run."""
    return {name: pid for name, pid in state().items() if name in MARKS and isinstance(pid, int)}


def forget() -> None:
    """Removes the state file if it is still this run's."""
    if remembered().get("run") == os.getpid():
        STATE_FILE.unlink(missing_ok=True)


def command_line(pid: int) -> str:
    """The command line of a living process, empty for a dead one."""
    asked = subprocess.run(["ps", "-o", "stat=,args=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, arguments = asked.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else arguments.strip()


def stop_earlier_run() -> None:
    """Ends what an earlier run left behind, and an earlier run that still runs: the last one started wins."""
    for name, pid in remembered().items():
        if pid == os.getpid() or MARKS[name] not in command_line(pid):
            continue
        say(f"  an earlier run is still there: stopping its {name} (process {pid})")
        end(pid, group=name != "run")
    STATE_FILE.unlink(missing_ok=True)


def end(pid: int, *, group: bool) -> None:
    """Asks a process (with `group`, its whole group) to end, and insists after a while."""

    def send(number: int) -> None:
        if group:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)

    try:
        send(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            if not command_line(pid):
                return
            time.sleep(0.05)
        send(signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def ended(name: str, code: int) -> str:
    """That a server is gone, how it went, and what to do: nothing goes on without it."""
    if code < 0:
        how = f"was ended by signal {-code}"
    elif code == 0:
        how = "was told to end"
    else:
        how = f"ended with exit code {code}"
    return (
        f"{name} {how} by somebody or something outside this run, and nothing goes on without it; what was remembered "
        "went with it. `make run` starts everything again"
    )


class Child:
    """A server of this run, in a process group of its own: Ctrl-C reaches only the run, which then ends them in order."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], cwd: Path | None = None) -> None:
        self.name = name
        self.log = LOGS / f"{name}.log"
        LOGS.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as output:
            try:
                self.process = subprocess.Popen(
                    command,
                    env=environment,
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise Failure(f"{name} cannot be started: {error}") from error
        remember(name, self.process.pid)

    def wait_until_answering(self, url: str, seconds: float) -> None:
        """Returns once `url` answers anything below 500."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Failure(f"{self.name} ended while starting (exit code {self.process.returncode})", self.log)
            try:
                with opener.open(url, timeout=2):
                    return
            except urllib.error.HTTPError as error:
                if error.code < 500:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise Failure(f"{self.name} did not answer at {url} within {seconds:.0f} s", self.log)

    def check_alive(self) -> None:
        """Raises when the process has ended by itself."""
        if self.process.poll() is not None:
            raise Failure(ended(self.name, self.process.returncode), self.log)

    def stop(self) -> None:
        """Ends the process and its group."""
        if self.process.poll() is None:
            end(self.process.pid, group=True)
        self.process.wait()
        try:
            # What the server had started (the functions) and not ended.
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass


def run_logged(title: str, command: list[str], environment: dict[str, str], log: Path, cwd: Path) -> None:
    """Runs a command to its end with its output in `log`; a failure shows the log's end."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        done = subprocess.run(
            command,
            env=environment,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        raise Failure(f"{title} failed (exit code {done.returncode})", log)
