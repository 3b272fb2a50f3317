#!/usr/bin/env python3
"""`make release-check`: the golden corpus through the functions of the release profile, for every architecture that this
machine can build and run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from local import compiling, preflight, venvs
from local.console import Failure, report_failure, say, step
from local.processes import run_logged
from local.settings import LOCAL, LOGS, ROOT, Settings, venv_bin

#: What SAM calls them, and Rust.
TARGETS = {"x86_64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}


def main() -> int:
    """The exit code is 0 when every architecture that can be run here leaves what the tests leave."""
    settings = Settings(once=True)
    try:
        venvs.ensure()
        for architecture, target in TARGETS.items():
            reason = why_not(architecture, target)
            if reason:
                say(f"▸ {architecture} is left out: {reason}")
                continue
            with step(f"sam build, release profile, {architecture} (ten minutes and more, the first time)"):
                folder = build(settings, architecture)
            with step(f"The golden corpus through the functions as they ship, {architecture}"):
                golden(settings, folder)
    except Failure as failure:
        report_failure(failure)
        return 1
    except KeyboardInterrupt:
        say("\nstopped")
        return 130
    return 0


def why_not(architecture: str, target: str) -> str:
    """What is missing; nothing where it can be built and run."""
    if architecture != preflight.sam_architecture():
        return f"this machine cannot run its programs; `make release-check` on one with {architecture} does"
    print_target = ["rustc", "--print", "target-libdir", "--target", target]
    folder = subprocess.run(print_target, capture_output=True, text=True, check=False).stdout.strip()
    return "" if Path(folder).is_dir() else f"Rust has no {target} here (`rustup target add {target}`)"


def build(settings: Settings, architecture: str) -> Path:
    """As for a deploy, with zig and everything."""
    folder = LOCAL / "release" / architecture
    environment = compiling.environment(settings)
    shipped = {
        key: value for key, value in environment.items() if key not in ("SAM_BUILD_MODE", "CARGO_LAMBDA_COMPILER")
    }
    command = [str(venv_bin("sam") / "sam"), "build", "--config-file", str(ROOT / "samconfig.yaml"), "--build-dir"]
    overrides = ["--parameter-overrides", f"Architecture={architecture}"]
    run_logged("sam build", [*command, str(folder), *overrides], shipped, LOGS / "sam-build-release.log", ROOT)
    return folder


def golden(settings: Settings, folder: Path) -> None:
    """The same test as `make test` runs with the fast build."""
    command = ["cargo", "test", "--workspace", "--features", "tests/built", "--test", "built"]
    environment = {key: value for key, value in compiling.environment(settings).items() if not key.startswith("AWS_")}
    done = subprocess.run(
        [*command, "--target", preflight.host_triple()],
        env={**environment, "AWS_EC2_METADATA_DISABLED": "true", "BUILT_FUNCTIONS": os.fspath(folder)},
        cwd=ROOT,
        check=False,
    )
    if done.returncode != 0:
        raise Failure("what ships does not leave what the tests leave; the differences are above")


if __name__ == "__main__":
    sys.exit(main())
