"""The functions as `sam build` makes them, for this machine: as for a deploy, but faster."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from . import preflight
from .compiling import binary, environment
from .console import say
from .processes import run_logged
from .settings import BUILD, FUNCTIONS, LOGS, ROOT, Settings, venv_bin

#: Says of what the build folder was made.
MARKER = BUILD / "fingerprint"


def sam_build(settings: Settings) -> Path:
    """`sam build` of the real template for this machine; returns the built template. Needs what `compiling` compiles."""
    key = fingerprint()
    template = BUILD / "template.yaml"
    if template.is_file() and MARKER.is_file() and MARKER.read_text(encoding="utf-8") == key:
        say("  nothing has changed since the last one")
        return template
    MARKER.unlink(missing_ok=True)
    run_logged(
        "sam build",
        [
            str(venv_bin("sam") / "sam"),
            "build",
            "--config-file",
            str(ROOT / "samconfig.yaml"),
            "--build-dir",
            str(BUILD),
            "--parameter-overrides",
            f"Architecture={preflight.sam_architecture()}",
        ],
        environment(settings),
        LOGS / "sam-build.log",
        ROOT,
    )
    strip()
    MARKER.write_text(key, encoding="utf-8")
    return template


def fingerprint() -> str:
    """What goes into a build: the template, its settings, and each function's program as cargo has it."""
    digest = hashlib.sha256(preflight.sam_architecture().encode())
    triple = preflight.host_triple()
    inputs = [ROOT / "template.yaml", ROOT / "samconfig.yaml", *(Path(binary(name, triple)) for name in FUNCTIONS)]
    for path in inputs:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def strip() -> None:
    """Takes the debug information out of what is uploaded, which is most of it."""
    tool = shutil.which("strip")
    if tool is not None:
        for program in BUILD.glob("*/bootstrap"):
            subprocess.run([tool, str(program)], check=False, capture_output=True)
