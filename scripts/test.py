#!/usr/bin/env python3
"""`make test`: every check there is, one after the other; the first that fails ends it.

With --lint only those that run nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass

from local import build, fuzz, preflight, processes, venvs
from local.console import Failure, report_failure, say
from local.settings import ROOT, Settings, venv_bin


@dataclass(frozen=True)
class Check:
    """One command that has to succeed."""

    title: str
    command: list[str]


def lints() -> list[Check]:
    """What only reads."""
    ruff, sam = str(venv_bin("sam") / "ruff"), str(venv_bin("sam") / "sam")
    target = ["--target", preflight.host_triple()]
    return [
        Check("Rust is formatted", ["cargo", "fmt", "--all", "--check"]),
        Check("Python is formatted", [ruff, "format", "--check", "scripts"]),
        Check("Python has no lint", [ruff, "check", "scripts"]),
        Check("the template is valid", [sam, "validate", "--lint", "--region", "us-east-1"]),
        Check(
            "Rust has no lint",
            ["cargo", "clippy", "--workspace", "--all-targets", *target, "--", "--deny", "warnings"],
        ),
    ]


def tests() -> list[Check]:
    """What runs the code."""
    python = [str(venv_bin("aws") / "python"), "-m", "unittest", "discover", "--start-directory", "scripts/tests"]
    return [
        Check("the tests of the scripts pass", python),
        Check("the tests pass", ["cargo", "test", "--workspace", "--target", preflight.host_triple()]),
        *(Check(title, command) for title, command in fuzz.commands()),
        Check("the whole bundle runs", [sys.executable, str(ROOT / "scripts" / "run.py"), "--once"]),
    ]


def main() -> int:
    """Runs the checks; the exit code is 0 when all succeeded."""
    began = time.monotonic()
    settings = Settings(once=True)
    try:
        # What the last step needs is asked for first: nobody should wait twenty minutes for a port in use.
        processes.stop_earlier_run()
        preflight.check(settings)
        venvs.ensure()
        checks = lints() if "--lint" in sys.argv[1:] else lints() + tests()
        for number, check in enumerate(checks, start=1):
            run(check, f"[{number}/{len(checks)}]", environment(settings))
    except Failure as failure:
        report_failure(failure)
        return 1
    except KeyboardInterrupt:
        say("\nstopped")
        return 130
    say(f"\nOK: {len(checks)} checks in {(time.monotonic() - began) / 60:.1f} minutes")
    return 0


def environment(settings: Settings) -> dict[str, str]:
    """As for building, but with no AWS to talk to: the tests bring their own."""
    kept = {key: value for key, value in build.environment(settings).items() if not key.startswith("AWS_")}
    path = os.pathsep.join([kept.get("PATH", ""), str(fuzz.FOLDER / "bin")])
    return {**kept, "AWS_EC2_METADATA_DISABLED": "true", "PATH": path}


def run(check: Check, number: str, environment: dict[str, str]) -> None:
    """One check, its output in full."""
    say(f"\n{number} {check.title}: {' '.join(check.command).replace(str(ROOT) + os.sep, '')}")
    began = time.monotonic()
    done = subprocess.run(check.command, env=environment, cwd=ROOT, check=False)
    if done.returncode != 0:
        raise Failure(f"{number} {check.title}: no (exit code {done.returncode})")
    say(f"{number} ok after {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
