"""What a run needs before it can begin: tools and compiled programs, made side by side.

Standard library only, since this is what installs the rest.
"""

from __future__ import annotations

import sys
import time

from . import venvs
from .compiling import Compiling
from .console import say, step
from .settings import Settings, interactive

#: Between two looks, and between two lines in a log.
LOOK_SECONDS = 0.2
LINE_SECONDS = 15.0


def everything(settings: Settings) -> None:
    """Installs and compiles, telling how far it is: one line that changes for a person, one every now and then in a log."""
    installing = venvs.Installing([name for name in venvs.NAMES if not venvs.is_current(name)])
    compiling = Compiling(settings)
    with step("Compiling the functions and the emulated Intercom, and installing tools where they are missing"):
        installing.start()
        compiling.start()
        try:
            watch(installing, compiling)
            installing.result()
            compiling.result()
        finally:
            compiling.stop()


def watch(installing: venvs.Installing, compiling: Compiling) -> None:
    """Returns when both have ended."""
    told, lines = time.monotonic(), 0
    while installing.running() or compiling.running():
        time.sleep(LOOK_SECONDS)
        line = f"  {compiling.line()}" + (f"; {installing.line()}" if installing.running() else "")
        if interactive():
            sys.stdout.write(f"\r\x1b[2K{line}")
            sys.stdout.flush()
            lines += 1
        elif time.monotonic() - told > LINE_SECONDS:
            told = time.monotonic()
            say(line)
    if lines:
        sys.stdout.write("\r\x1b[2K")
        sys.stdout.flush()
