#!/usr/bin/env python3
"""`make status`: the status of the connected workspace, as the running stack tells whoever has the operator key."""

from __future__ import annotations

import json
import sys

from botocore.exceptions import BotoCoreError, ClientError

from local import deploy, install
from local.console import Failure, report_failure, say
from local.settings import Settings


def main() -> int:
    """Asks and prints."""
    settings = Settings(once=True)
    try:
        say(json.dumps(install.status_of(settings, deploy.outputs(settings)), indent=2))
    except (BotoCoreError, ClientError) as error:
        say(f"no stack answers at {settings.aws_url} ({type(error).__name__}); start one with `make run`")
        return 1
    except Failure as failure:
        report_failure(failure)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
