#!/usr/bin/env python3
"""`make logs`: what the running stack's functions have logged, oldest first."""

from __future__ import annotations

import sys

from botocore.exceptions import BotoCoreError, ClientError

from local import logs
from local.console import say
from local.settings import Settings


def main() -> int:
    """Prints all there is."""
    settings = Settings(once=True)
    try:
        found = logs.lines(settings)
    except (BotoCoreError, ClientError) as error:
        say(f"no stack answers at {settings.aws_url} ({type(error).__name__}); start one with `make run`")
        return 1
    for line in found:
        say(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
