"""The two virtual environments under .local/, made from pinned requirement files."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from .console import Failure, step, tail
from .settings import LOGS, ROOT, VENVS, venv_bin

NAMES = ("sam", "aws")


def ensure() -> None:
    """Makes each environment that is missing or whose requirement file has changed, side by side."""
    missing = [name for name in NAMES if not is_current(name)]
    if missing:
        with step(f"Installing tools into {', '.join(f'.local/venvs/{name}' for name in missing)} (once)"):
            installing = Installing(missing)
            installing.start()
            installing.result()


class Installing:
    """Makes environments, each in a thread of its own, while something else goes on."""

    def __init__(self, names: list[str]) -> None:
        self._failures: list[Failure] = []
        self._threads = {name: threading.Thread(target=self._make, args=(name,), daemon=True) for name in names}

    def start(self) -> None:
        """Begins."""
        for thread in self._threads.values():
            thread.start()

    def running(self) -> bool:
        """Whether there is something to wait for."""
        return any(thread.is_alive() for thread in self._threads.values())

    def line(self) -> str:
        """How far it is."""
        missing = [f".local/venvs/{name}" for name, thread in self._threads.items() if thread.is_alive()]
        return f"installing tools into {', '.join(missing)}" if missing else "tools installed"

    def result(self) -> None:
        """Waits for the end; raises what went wrong first."""
        for thread in self._threads.values():
            thread.join()
        if self._failures:
            raise self._failures[0]

    def _make(self, name: str) -> None:
        try:
            install(name)
        except Failure as failure:
            self._failures.append(failure)
        except OSError as error:
            self._failures.append(Failure(f"installing requirements/{name}.txt: {error}"))


def requirement_file(name: str) -> Path:
    """The pinned requirements of an environment."""
    return ROOT / "requirements" / f"{name}.txt"


def fingerprint(name: str) -> str:
    """What the environment has to be made of: its requirements, this Python, and the place, which its programs name."""
    digest = hashlib.sha256(requirement_file(name).read_bytes())
    digest.update(f"{sys.version}\n{VENVS / name}".encode())
    return digest.hexdigest()


def is_current(name: str) -> bool:
    """Whether the environment was finished from just this fingerprint."""
    marker = VENVS / name / "fingerprint"
    return marker.is_file() and marker.read_text(encoding="utf-8") == fingerprint(name)


def install(name: str, python: str = sys.executable) -> None:
    """Makes an environment from nothing. The marker is written last: an interrupted one is made anew."""
    folder = VENVS / name
    log = LOGS / f"install-{name}.log"
    shutil.rmtree(folder, ignore_errors=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    pip = [str(venv_bin(name) / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    with log.open("wb") as output:
        for command in (
            [python, "-m", "venv", str(folder)],
            [*pip, "install", "--requirement", str(requirement_file(name))],
        ):
            done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False, cwd=ROOT)
            if done.returncode != 0:
                raise failure(name, log)
    (folder / "fingerprint").write_text(fingerprint(name), encoding="utf-8")


def failure(name: str, log: Path) -> Failure:
    """The reason in one line; a missing network is told apart from a package that does not install."""
    end = tail(log)
    if "ensurepip is not available" in end:
        return Failure("this Python cannot make virtual environments; install its venv package (e.g. python3-venv)")
    if offline(end):
        return Failure(
            "no network: the package index cannot be reached, and the first run has to install its tools", log
        )
    return Failure(f"installing requirements/{name}.txt failed", log)


def offline(output: str) -> bool:
    """Whether what pip or cargo said is about the network."""
    signs = (
        "NewConnectionError",
        "ConnectTimeoutError",
        "Temporary failure in name resolution",
        "(from versions: none)",
        "ould not resolve host",
        "ailed to connect",
        "ould not connect",
        "onnection refused",
        "network failure",
    )
    return any(sign in output for sign in signs)
