"""The pinned SAM CLI as `make deploy` runs it: in the person's own account, in their sight, with no secret on a command line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.console import Failure
from local.settings import ROOT, venv_bin

from . import questions

CONFIG = ROOT / "samconfig.yaml"
BUILT = ROOT / ".aws-sam" / "build" / "template.yaml"

#: What an ELF header says of the processor, by the template's names for it.
_MACHINES = {0xB7: "arm64", 0x3E: "x86_64"}


def environment() -> dict[str, str]:
    """The person's own, without the secrets, which are handed over another way."""
    asked = {one.variable for one in vars(questions).values() if isinstance(one, questions.Question)}
    kept = {key: value for key, value in os.environ.items() if key not in asked}
    path = os.pathsep.join([str(venv_bin("sam")), kept.get("PATH", "")])
    return {**kept, "PATH": path, "SAM_CLI_TELEMETRY": "0"}


def run(title: str, arguments: list[str], extra: dict[str, str]) -> None:
    """Runs SAM in the person's sight. Ctrl-C reaches it as it reaches us; what it had begun is waited for."""
    command = [str(venv_bin("sam") / "sam"), *arguments]
    with subprocess.Popen(command, cwd=ROOT, env={**environment(), **extra}) as process:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(10)
            except (subprocess.TimeoutExpired, KeyboardInterrupt):
                process.kill()
            raise
    if code != 0:
        raise Failure(f"{title} failed (exit code {code}); the reason is above")


def build(architecture: str) -> Path:
    """`sam build` of everything that ships; gives the built template."""
    if shutil.which("cargo") is None:
        raise Failure("Rust (cargo) is not on the PATH; install it from https://rustup.rs")
    run(
        "sam build",
        ["build", "--config-file", str(CONFIG), "--parameter-overrides", f"Architecture={architecture}"],
        {},
    )
    return BUILT


def check_built(template: Path, architecture: str) -> None:
    """Each function was built for the processor that it will be deployed to; Lambda would only say Runtime.InvalidEntrypoint."""
    binaries = sorted(template.parent.glob("*/bootstrap"))
    if not template.is_file() or not binaries:
        raise Failure(f"there are no built functions beside {template}")
    for binary in binaries:
        built_for = machine(binary)
        if built_for != architecture:
            raise Failure(
                f"{binary.parent.name} was built for {built_for}, and the parameter Architecture is {architecture}; "
                "build it again"
            )


def machine(binary: Path) -> str:
    """The processor of a program, by its ELF header."""
    with binary.open("rb") as file:
        header = file.read(20)
    if header[:4] != b"\x7fELF" or len(header) < 20:
        return "no Linux program"
    number = int.from_bytes(header[18:20], "little" if header[5] == 1 else "big")
    return _MACHINES.get(number, f"another processor (ELF machine {number})")


def deploy(template: Path, stack: str, region: str, profile: str | None, parameters: dict[str, str]) -> None:
    """`sam deploy` without questions. Parameters that are not named keep the value that they have."""
    with parameter_file(parameters) as overrides:
        arguments = ["--config-file", str(CONFIG), "--template-file", str(template), "--stack-name", stack]
        arguments += ["--region", region, "--no-confirm-changeset", "--no-fail-on-empty-changeset", *overrides]
        # SAM's `--profile` would be saved nowhere either; the variable also reaches what SAM starts.
        run("sam deploy", ["deploy", *arguments], {"AWS_PROFILE": profile} if profile else {})


@contextmanager
def parameter_file(parameters: dict[str, str]) -> Iterator[list[str]]:
    """SAM's option for the parameters: by a file that only this user can read, and that is gone when SAM has ended.

    Everybody on the machine can read a command line.
    """
    if not parameters:
        yield []
        return
    # Made with mode 0700. JSON is YAML, and quotes everything that has to be.
    with tempfile.TemporaryDirectory(prefix="intercom-memory-", dir=in_memory()) as folder:
        file = Path(folder) / "parameters.yaml"
        file.touch(mode=0o600)
        file.write_text(json.dumps(parameters), encoding="utf-8")
        yield ["--parameter-overrides", f"file://{file}"]


def in_memory() -> str | None:
    """A folder that is in memory, where the system has one: what is written there is on no disk."""
    places = (os.environ.get("XDG_RUNTIME_DIR", ""), "/dev/shm")
    return next((place for place in places if place and os.access(place, os.W_OK | os.X_OK)), None)
