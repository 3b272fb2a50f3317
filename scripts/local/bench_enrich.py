"""What the enrich function itself takes for one conversation: the part of `make bench` about it."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import datetime, timezone

from .console import Failure, say
from .settings import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- begin of enrich, by `make bench` -->", "<!-- end of enrich, by `make bench` -->"
#: Optimised like what ships, without linking everything as one, which would take ten minutes.
PROFILE = "bench-local"
BINARY = ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target") / PROFILE / "bench-enrich"


def run() -> str:
    """Builds, measures, writes the table into the page, and gives it."""
    say("Building the benchmark of enrich (minutes, the first time)")
    checked(["cargo", "build", "--quiet", "--profile", PROFILE, "--package", "bench-enrich"])
    say("Measuring enrich")
    table = checked([str(BINARY)])
    PAGE.write_text(between_marks(PAGE.read_text(encoding="utf-8"), table), encoding="utf-8")
    return table


def checked(command: list[str]) -> str:
    """A command that has to succeed; gives what it printed."""
    done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Failure(f"{command[0]} failed (exit code {done.returncode})")
    return done.stdout


def between_marks(page: str, table: str) -> str:
    """The page with this table between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise Failure(f"{PAGE.relative_to(ROOT)} lacks the marks between which the table of enrich belongs")
    machine = f"{os.cpu_count()}-core {platform.machine()}, Linux"
    day = datetime.now(timezone.utc).date().isoformat()
    return f"{before}{BEGIN}\nMeasured on {day} on a {machine}.\n\n{table}{END}{after}"
