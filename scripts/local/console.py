"""What a run tells the person who started it. Standard library only: it speaks before anything is installed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOG_TAIL_LINES = 40


class Failure(Exception):
    """Ends the run: one line that says what is wrong and what to do, and the log that tells more."""

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log


def say(text: str = "") -> None:
    """Prints a line at once, also into a pipe."""
    print(text, flush=True)


class Steps:
    """Which step of how many comes next; none where nobody has counted them."""

    number = 0
    total = 0

    @classmethod
    def count(cls, total: int, done: int = 0) -> None:
        """From now on steps are numbered."""
        cls.number, cls.total = done, total

    @classmethod
    def mark(cls) -> str:
        """What stands before the title of the next one."""
        if not cls.total:
            return "▸"
        cls.number += 1
        return f"▸ [{cls.number}/{cls.total}]"


@contextmanager
def step(title: str) -> Iterator[None]:
    """Announces a step and says how long it took."""
    say(f"{Steps.mark()} {title}")
    started = time.monotonic()
    yield
    say(f"  done in {time.monotonic() - started:.1f} s")


def tail(log: Path, lines: int = LOG_TAIL_LINES) -> str:
    """The end of a log file, empty when there is none."""
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def report_failure(failure: Failure) -> None:
    """The log's end first, the reason last: that is where a reader looks."""
    if failure.log is not None:
        end = tail(failure.log)
        if end:
            say(f"\n--- last lines of {failure.log} ---\n{end}\n---")
    say(f"\nFAILED: {failure}")
