"""The other connectors that the backfill is measured beside, each in a virtual environment of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from . import venvs
from .console import Failure, say, step
from .settings import LOCAL, LOGS, ROOT, venv_bin


@dataclass(frozen=True)
class Peer:
    """A connector from PyPI."""

    name: str
    #: Of its environment and its requirement file.
    environment: str
    launcher: str
    #: The first minor version of Python 3 that it does not install on.
    below: int = 99


PEERS = (
    Peer("tap-intercom 2.2.5", "tap-intercom", "tap_intercom_at.py"),
    Peer("airbyte-source-intercom 0.8.3", "airbyte-source-intercom", "airbyte_at.py", below=12),
)


def install(peer: Peer) -> bool:
    """Makes its environment; `False`, and one line that says why, where that cannot be done here."""
    python = python_below(peer.below)
    if python is None:
        say(f"  {peer.name} needs a Python older than 3.{peer.below}: not installed")
        return False
    if venvs.is_current(peer.environment):
        return True
    try:
        with step(f"Installing {peer.name} into .local/venvs/{peer.environment} (once)"):
            venvs.install(peer.environment, python)
    except Failure as failure:
        say(f"  {peer.name} is not installed: {failure}")
        return False
    return True


def python_below(minor: int) -> str | None:
    """This Python where it is old enough, else one that is installed beside it."""
    if sys.version_info < (3, minor):
        return sys.executable
    for older in range(minor - 1, 9, -1):
        found = shutil.which(f"python3.{older}")
        # A shim of a version manager may be there though the version is not.
        if found and subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0:
            return found
    return None


def listed(installed: list[Peer]) -> Path:
    """The file that tells the runner how to start them."""
    file = LOCAL / "bench" / "peers.json"
    LOGS.mkdir(parents=True, exist_ok=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    peers = [
        {
            "name": peer.name,
            "command": [str(venv_bin(peer.environment) / "python"), str(ROOT / "bench" / "peers" / peer.launcher)],
            "log": str(LOGS / f"bench-{peer.environment}.log"),
        }
        for peer in installed
    ]
    file.write_text(json.dumps(peers), encoding="utf-8")
    return file
