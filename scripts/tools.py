#!/usr/bin/env python3
"""`make tools`: installs the pinned tools under .local/venvs, where they are not already."""

from __future__ import annotations

import sys

from local import venvs
from local.console import Failure, report_failure


def main() -> int:
    """Installs what is missing."""
    try:
        venvs.ensure()
    except Failure as failure:
        report_failure(failure)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
