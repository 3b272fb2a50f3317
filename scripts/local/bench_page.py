"""docs/benchmarks.md: what `make bench` writes stands between marks, one pair for each part."""

from __future__ import annotations

import os
import platform
from datetime import datetime, timezone

from .console import Failure
from .settings import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"


def marks(part: str) -> tuple[str, str]:
    """Where a part's tables begin and end; the first part has none of its own."""
    about = f" about {part}" if part else ""
    return f"<!-- begin of what `make bench` writes{about} -->", f"<!-- end of what `make bench` writes{about} -->"


def write(table: str, part: str = "") -> None:
    """Puts a table between the marks of its part."""
    begin, end = marks(part)
    page = PAGE.read_text(encoding="utf-8")
    before, begun, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not begun or not ended:
        raise Failure(f"{PAGE.relative_to(ROOT)} lacks the marks between which the table belongs: {begin}")
    PAGE.write_text(f"{before}{begin}\n{measured()}\n\n{table}{end}{after}", encoding="utf-8")


def measured() -> str:
    """When and on what."""
    machine = f"{os.cpu_count()}-core {platform.machine()}, Linux"
    return f"Measured on {datetime.now(timezone.utc).date().isoformat()} on a {machine}."


def table(header: list[str], rows: list[list[str]]) -> str:
    """Markdown: the first column is of words, the others are of numbers."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
