#!/usr/bin/env python3
"""Compares the features of every dependency as shipped with those under test (part of `make lint`)."""

from __future__ import annotations

import sys

from local import features
from local.console import Failure, report_failure, say


def main() -> int:
    """The exit code is 0 when every difference is explained."""
    try:
        wrong = features.check()
    except Failure as failure:
        report_failure(failure)
        return 1
    for one in wrong:
        say(f"  ✗ {one}")
    if wrong:
        say(f"scripts/{features.LIST.name} explains what may differ, and why")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
