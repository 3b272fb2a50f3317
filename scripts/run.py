#!/usr/bin/env python3
"""`make run`: the whole bundle on this machine, without AWS, Intercom or Docker.

Runs twice: first with the machine's Python, which checks the machine and installs tools under .local/, then with the
Python of the environment that was installed, which does the rest. The steps themselves are in scripts/local/.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from types import FrameType

from local import preflight, prepare, processes
from local.console import Failure, Steps, report_failure, say
from local.settings import Settings, venv_bin


def main() -> int:
    """Runs; the exit code is 0 when everything expected was there."""
    settings = arguments()
    signal.signal(signal.SIGTERM, interrupt)
    # Shells start background jobs with Ctrl-C switched off.
    signal.signal(signal.SIGINT, interrupt)
    try:
        if not in_installed_python():
            processes.stop_earlier_run()
            preflight.check(settings)
            Steps.count(settings.steps)
            prepare.everything(settings)
            python = str(venv_bin("aws") / "python")
            os.execv(python, [python, *sys.argv])
        from local.journey import Journey

        Steps.count(settings.steps, done=1)

        return Journey(settings).run()
    except Failure as failure:
        report_failure(failure)
        return 1
    except KeyboardInterrupt:
        say("\nstopped")
        return 130


def arguments() -> Settings:
    """The command line."""
    parser = argparse.ArgumentParser(description="Run the whole bundle locally.")
    parser.add_argument("--once", action="store_true", help="end by itself, with exit code 1 when anything is missing")
    parser.add_argument("--aws-port", type=int, default=4566, help="port of MiniStack (default 4566)")
    parser.add_argument("--intercom-port", type=int, default=4570, help="port of the emulated Intercom (default 4570)")
    parser.add_argument("--conversations", type=int, default=240, help="size of the workspace (default 240)")
    given = parser.parse_args()
    return Settings(
        once=given.once or os.environ.get("CI", "").lower() in ("1", "true"),
        aws_port=given.aws_port,
        intercom_port=given.intercom_port,
        conversations=given.conversations,
    )


def in_installed_python() -> bool:
    """Whether this is the second round."""
    return os.path.realpath(sys.prefix) == os.path.realpath(venv_bin("aws").parent)


def interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Both signals take the same clean way out."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
