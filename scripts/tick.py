#!/usr/bin/env python3
"""`make tick`: invokes the running stack's backfill function once and prints its answer."""

from __future__ import annotations

import sys

from botocore.exceptions import BotoCoreError, ClientError

from local import aws, deploy
from local.console import say
from local.settings import Settings


def main() -> int:
    """One tick."""
    settings = Settings(once=True)
    try:
        function = deploy.outputs(settings)["BackfillFunctionName"]
        answer = aws.client(settings, "lambda").invoke(FunctionName=function, Payload=b"{}")
    except (BotoCoreError, ClientError) as error:
        say(f"no stack answers at {settings.aws_url} ({type(error).__name__}); start one with `make run`")
        return 1
    say(answer["Payload"].read().decode())
    return 1 if answer.get("FunctionError") else 0


if __name__ == "__main__":
    sys.exit(main())
