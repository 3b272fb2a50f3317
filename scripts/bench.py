#!/usr/bin/env python3
"""`make bench`: measures the webhook function beside the same in Python and Node.js, what enrich takes for a conversation,
and the backfill beside other connectors; writes docs/benchmarks.md.

Everything runs on this machine: a stand-in for the Lambda Runtime API, one for SQS and Secrets Manager, and the
functions as processes of their own. One part alone keeps the others' figures, and takes the options of its runner:
make bench ARGS="--only webhook --starts 5".
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from local import bench_backfill, bench_enrich, bench_page, venvs
from local.console import Failure, report_failure, say, step
from local.settings import LOCAL, ROOT, VENVS, venv_bin

FOLDER = LOCAL / "bench"
#: Set by `cargo lambda` and this workspace alike, so that what is measured is what ships.
TARGET = ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target") / "release"


def main() -> int:
    """Builds, measures, writes."""
    parser = argparse.ArgumentParser(description="Measure, and write docs/benchmarks.md.")
    parser.add_argument(
        "--only", choices=("webhook", bench_enrich.PART, *bench_backfill.PARTS), help="one part alone, with its options"
    )
    given, options = parser.parse_known_args()
    if options and given.only is None:
        parser.error("options belong to one part: name it with --only")
    try:
        FOLDER.mkdir(parents=True, exist_ok=True)
        tables = []
        if given.only in (None, "webhook"):
            build()
            tables.append(measure([webhook(), python(), *node(), hello()], options))
            bench_page.write(tables[-1])
        if given.only in (None, bench_enrich.PART):
            tables.append(bench_enrich.run(options))
        for part in bench_backfill.PARTS:
            if given.only in (None, part):
                tables.append(bench_backfill.run(part, options))
    except Failure as failure:
        report_failure(failure)
        return 1
    except KeyboardInterrupt:
        say("\nstopped")
        return 130
    say("\n".join(tables))
    say(f"written to {bench_page.PAGE.relative_to(ROOT)}")
    return 0


def build() -> None:
    """The real binaries, with the profile that ships."""
    say("Building with the release profile (minutes, the first time)")
    for package in ("webhook", "hello", "bench"):
        run(["cargo", "build", "--quiet", "--release", "--package", package])


def run(command: list[str], cwd: Path = ROOT) -> str:
    """A command that has to succeed; gives what it printed."""
    done = subprocess.run(command, cwd=cwd, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Failure(f"{command[0]} failed (exit code {done.returncode})")
    return done.stdout


def webhook() -> dict[str, object]:
    """What ships."""
    return described(
        "Rust (this bundle)", [str(TARGET / "webhook")], packed("webhook", {"bootstrap": TARGET / "webhook"})
    )


def hello() -> dict[str, object]:
    """The floor."""
    zipped = packed("hello", {"bootstrap": TARGET / "hello"})
    return {**described("Rust hello world", [str(TARGET / "hello")], zipped), "is_webhook": False}


def python() -> dict[str, object]:
    """Python with Lambda's own runtime client and boto3, from pinned requirements."""
    if not venvs.is_current("bench"):
        with step("Installing boto3 and awslambdaric into .local/venvs/bench (once)"):
            venvs.install("bench")
    app = ROOT / "bench" / "python"
    libraries = next((VENVS / "bench" / "lib").glob("python*/site-packages"))
    # As people ship it: their own code and the libraries of the requirements, without pip and without compiled files,
    # which Lambda's own advice leaves out too.
    kept = {
        str(file.relative_to(libraries)): file
        for file in libraries.rglob("*")
        if file.is_file()
        and "__pycache__" not in file.parts
        and file.relative_to(libraries).parts[0] not in ("pip", "setuptools", "pkg_resources")
    }
    zipped = packed("python", {"app.py": app / "app.py", **kept})
    command = [str(venv_bin("bench") / "python"), "-m", "awslambdaric", "app.handler"]
    version = ".".join(platform.python_version_tuple()[:2])
    return described(f"Python {version}, boto3", command, zipped, app)


def node() -> list[dict[str, object]]:
    """Node.js with the AWS SDK v3, from a lock file; left out where there is no Node.js."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        say("Node.js is not installed: its column is left out")
        return []
    folder = FOLDER / "node"
    shutil.copytree(ROOT / "bench" / "node", folder, dirs_exist_ok=True)
    marker = folder / "node_modules" / ".package-lock.json"
    lock = folder / "package-lock.json"
    if not marker.is_file() or marker.stat().st_mtime < lock.stat().st_mtime:
        with step("Installing the AWS SDK for JavaScript (once)"):
            run(["npm", "ci", "--omit=dev", "--silent"], folder)
            marker.touch()
    files = {str(file.relative_to(folder)): file for file in folder.rglob("*") if file.is_file()}
    version = run(["node", "--version"]).strip().removeprefix("v").split(".")[0]
    described_node = described(f"Node.js {version}, AWS SDK v3", ["node", "runtime.mjs"], packed("node", files), folder)
    return [{**described_node, "environment": [["NODE_NO_WARNINGS", "1"]]}]


def described(name: str, command: list[str], zip_bytes: int, directory: Path = ROOT) -> dict[str, object]:
    """A function for the runner."""
    return {
        "name": name,
        "command": command,
        "directory": str(directory),
        "zip_bytes": zip_bytes,
        "is_webhook": True,
    }


def packed(name: str, files: dict[str, Path]) -> int:
    """The size of a deployment package."""
    path = FOLDER / f"{name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        for inside, file in sorted(files.items()):
            package.write(file, inside)
    return path.stat().st_size


def measure(functions: list[dict[str, object]], options: list[str]) -> str:
    """The runner's table."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", dir=FOLDER, delete=False) as file:
        json.dump(functions, file)
    say("Measuring (a minute or two; let the machine rest meanwhile)")
    try:
        return run([str(TARGET / "bench"), "--functions", file.name, *options])
    finally:
        Path(file.name).unlink()


if __name__ == "__main__":
    sys.exit(main())
