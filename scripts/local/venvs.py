"""The two virtual environments under .local/, made from pinned requirement files."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from .console import Failure, say, step, tail
from .settings import LOGS, ROOT, VENVS, venv_bin

NAMES = ("sam", "aws")


def ensure() -> None:
    """Makes each environment that is missing or whose requirement file has changed."""
    for name in NAMES:
        if not is_current(name):
            with step(f"Installing tools into .local/venvs/{name} (once)"):
                install(name)


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
    say(f"  from {requirement_file(name).relative_to(ROOT)}")


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
