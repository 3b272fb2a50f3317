"""Builds the functions with `sam build`, as for a deploy but faster, and the emulator."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from . import preflight, venvs
from .console import Failure, say, tail
from .processes import run_logged
from .settings import BUILD, FUNCTIONS, LOCAL, LOGS, ROOT, Settings, aws_environment, venv_bin

EMULATOR = LOCAL / "bin" / "intercom-emulator"
PACKAGES = (*FUNCTIONS, "emulator")


def environment(settings: Settings) -> dict[str, str]:
    """The environment of all compiling here.

    `SAM_BUILD_MODE=debug` is the fast profile: a quarter of the release profile's time. `CARGO_LAMBDA_COMPILER=cargo`
    leaves out zig, which a build for the machine's own system does not need, and lets cargo-lambda and plain cargo
    share what they have compiled.
    """
    path = os.pathsep.join([str(venv_bin("sam")), os.environ.get("PATH", "")])
    return {
        **aws_environment(settings),
        "PATH": path,
        "SAM_BUILD_MODE": "debug",
        "CARGO_LAMBDA_COMPILER": "cargo",
        "SAM_CLI_POLL_DELAY": "0.5",
    }


def compile_all(settings: Settings) -> None:
    """Compiles each package with cargo itself, whose progress can be watched; `sam build` shows none.

    One by one, as `sam build` will: together they would get the union of their features and be compiled again.
    """
    triple = preflight.host_triple()
    fetch(settings, triple)
    for package in PACKAGES:
        command = ["cargo", "build", "--package", package, "--target", triple]
        if sys.stderr.isatty():
            done = subprocess.run(command, env=environment(settings), cwd=ROOT, check=False).returncode
            if done != 0:
                raise Failure(f"compiling {package} failed")
        else:
            compile_quietly(package, command, environment(settings))
    keep_emulator()


def fetch(settings: Settings, triple: str) -> None:
    """Downloads the crates that are missing: a network that is not there is then told apart from code that is wrong."""
    log = LOGS / "fetch.log"
    try:
        run_logged("downloading crates", ["cargo", "fetch", "--target", triple], environment(settings), log, ROOT)
    except Failure as failure:
        if venvs.offline(tail(log)):
            raise Failure("no network: the crates cannot be downloaded, and the first run has to") from failure
        raise


def compile_quietly(package: str, command: list[str], environment: dict[str, str]) -> None:
    """For logs: one line every quarter of a minute instead of one a crate."""
    log = LOGS / f"compile-{package}.log"
    LOGS.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        try:
            told = time.monotonic()
            while process.poll() is None:
                time.sleep(0.1)
                if time.monotonic() - told > 15:
                    told = time.monotonic()
                    crates = log.read_text(encoding="utf-8", errors="replace").count(" Compiling ")
                    say(f"  {package}: {crates} crates so far")
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if process.returncode != 0:
        raise Failure(f"compiling {package} failed (exit code {process.returncode})", log)


def sam_build(settings: Settings) -> Path:
    """`sam build` of the real template for this machine; returns the built template."""
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
    return BUILD / "template.yaml"


def strip() -> None:
    """Takes the debug information out of what is uploaded, which is most of it."""
    tool = shutil.which("strip")
    if tool is not None:
        for binary in BUILD.glob("*/bootstrap"):
            subprocess.run([tool, str(binary)], check=False, capture_output=True)


def keep_emulator() -> None:
    """Copies the emulator out of cargo's folder: cargo-lambda moves every binary that it finds there."""
    target = ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target")
    EMULATOR.parent.mkdir(parents=True, exist_ok=True)
    # A program that runs cannot be written over, but it can be replaced.
    EMULATOR.unlink(missing_ok=True)
    shutil.copy2(target / preflight.host_triple() / "debug" / EMULATOR.name, EMULATOR)
