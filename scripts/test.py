#!/usr/bin/env python3
"""`make test`: every check there is, one after the other; the first that fails ends it.

With --lint only those that run nothing; with --fast those and the tests, but few of the random histories and no run
(`make check`); with --built only what needs the built functions (`make golden`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from local import build, compiling, fuzz, preflight, prepare, processes, venvs
from local.console import Failure, report_failure, say
from local.settings import BUILD, ROOT, Settings, venv_bin


@dataclass(frozen=True)
class Check:
    """One command that has to succeed, or one thing to do."""

    title: str
    command: list[str]
    more: dict[str, str] = field(default_factory=dict)
    work: Callable[[], object] | None = None


def lints() -> list[Check]:
    """What only reads."""
    ruff, sam = str(venv_bin("sam") / "ruff"), str(venv_bin("sam") / "sam")
    target = ["--target", preflight.host_triple()]
    return [
        Check("Rust is formatted", ["cargo", "fmt", "--all", "--check"]),
        Check("Python is formatted", [ruff, "format", "--check", "scripts"]),
        Check("Python has no lint", [ruff, "check", "scripts"]),
        Check("what ships has the features that are tested", [sys.executable, "scripts/check_features.py"]),
        Check("the template is valid", [sam, "validate", "--lint", "--region", "us-east-1"]),
        Check(
            "Rust has no lint",
            ["cargo", "clippy", "--workspace", "--all-targets", *target, "--", "--deny", "warnings"],
        ),
    ]


def scripts() -> Check:
    """The tests of what `make` runs."""
    python = [str(venv_bin("aws") / "python"), "-m", "unittest", "discover", "--start-directory", "scripts/tests"]
    return Check("the tests of the scripts pass", python)


def built(settings: Settings) -> Check:
    """The functions as they ship, for this machine: others' checks run them."""
    return Check("the functions are built as for a deploy", ["sam", "build"], work=lambda: build.sam_build(settings))


def rust(*selection: str) -> list[str]:
    """Tests, all of one invocation with the same features."""
    return [
        "cargo",
        "test",
        "--workspace",
        "--features",
        "tests/built",
        "--target",
        preflight.host_triple(),
        *selection,
    ]


#: The golden corpus goes through these.
FUNCTIONS = {"BUILT_FUNCTIONS": str(BUILD)}

#: A look at the random histories, fault schedules and kills instead of all of them: for while one works.
FEW = {"ORDER_HISTORIES": "20", "FAULT_SCHEDULES": "10", "KILL_EVERY": "8"}


def checks(settings: Settings, arguments: list[str]) -> list[Check]:
    """Those that were asked for."""
    golden = Check("the golden corpus goes through the built functions", rust("--test", "built"), FUNCTIONS)
    if "--lint" in arguments:
        return lints()
    if "--built" in arguments:
        return [built(settings), golden]
    if "--fast" in arguments:
        fast = ["cargo", "test", "--workspace", "--target", preflight.host_triple()]
        return [*lints(), scripts(), Check("the tests pass", fast, FEW)]
    return [
        *lints(),
        scripts(),
        built(settings),
        Check("the tests pass, the golden corpus through the built functions among them", rust(), FUNCTIONS),
        *(Check(title, command) for title, command in fuzz.commands()),
        Check("the whole bundle runs", [sys.executable, str(ROOT / "scripts" / "run.py"), "--once"]),
    ]


def main() -> int:
    """Runs the checks; the exit code is 0 when all succeeded."""
    began = time.monotonic()
    settings = Settings(once=True)
    arguments = sys.argv[1:]
    try:
        if "--lint" in arguments or "--fast" in arguments:
            venvs.ensure()
        else:
            # What the last step needs is asked for first: nobody should wait twenty minutes for a port in use.
            processes.stop_earlier_run()
            preflight.check(settings)
            prepare.everything(settings)
        wanted = checks(settings, arguments)
        for number, check in enumerate(wanted, start=1):
            run(check, f"[{number}/{len(wanted)}]", environment(settings))
    except Failure as failure:
        report_failure(failure)
        return 1
    except KeyboardInterrupt:
        say("\nstopped")
        return 130
    say(f"\nOK: {len(wanted)} checks in {(time.monotonic() - began) / 60:.1f} minutes")
    return 0


def environment(settings: Settings) -> dict[str, str]:
    """As for building, but with no AWS to talk to: the tests bring their own."""
    kept = {key: value for key, value in compiling.environment(settings).items() if not key.startswith("AWS_")}
    path = os.pathsep.join([kept.get("PATH", ""), str(fuzz.FOLDER / "bin")])
    return {**kept, "AWS_EC2_METADATA_DISABLED": "true", "PATH": path}


def run(check: Check, number: str, environment: dict[str, str]) -> None:
    """One check, its output in full."""
    say(f"\n{number} {check.title}: {' '.join(check.command).replace(str(ROOT) + os.sep, '')}")
    began = time.monotonic()
    if check.work is not None:
        check.work()
    else:
        done = subprocess.run(check.command, env={**environment, **check.more}, cwd=ROOT, check=False)
        if done.returncode != 0:
            raise Failure(f"{number} {check.title}: no (exit code {done.returncode})")
    say(f"{number} ok after {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
