#!/usr/bin/env python3
"""`make tick`: invokes the running stack's backfill function once and prints its answer."""

from __future__ import annotations

import sys

from local import aws, stack
from local.console import say
from local.settings import Settings


def tick(settings: Settings, outputs: dict[str, str]) -> int:
    """One tick."""
    answer = aws.client(settings, "lambda").invoke(FunctionName=outputs["BackfillFunctionName"], Payload=b"{}")
    say(answer["Payload"].read().decode())
    return 1 if answer.get("FunctionError") else 0


if __name__ == "__main__":
    sys.exit(stack.answer(tick))
