"""What the enrich function itself takes for one conversation: the part of `make bench` about it."""

from __future__ import annotations

import os
import subprocess

from . import bench_page
from .console import Failure, say
from .settings import ROOT

PART = "enrich"
#: Optimised like what ships, without linking everything as one, which would take ten minutes.
PROFILE = "bench-local"
BINARY = ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target") / PROFILE / "bench-enrich"


def run(options: list[str]) -> str:
    """Builds, measures, writes the table into the page, and gives it."""
    say("Building the benchmark of enrich (minutes, the first time)")
    checked(["cargo", "build", "--quiet", "--profile", PROFILE, "--package", "bench-enrich"])
    say("Measuring enrich")
    table = checked([str(BINARY), *options])
    bench_page.write(table, PART)
    return table


def checked(command: list[str]) -> str:
    """A command that has to succeed; gives what it printed."""
    done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Failure(f"{command[0]} failed (exit code {done.returncode})")
    return done.stdout
