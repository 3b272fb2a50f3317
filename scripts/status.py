#!/usr/bin/env python3
"""`make status`: the status of the connected workspace, as the running stack tells whoever has the operator key.

make status                  for people
make status ARGS=--json      all of it, as JSON
make status ARGS=--link      a new one-time link to the status page
"""

from __future__ import annotations

import argparse
import json
import sys

from local import install, report, stack
from local.console import say
from local.settings import Settings


def main(arguments: list[str]) -> int:
    """Asks and prints."""
    parser = argparse.ArgumentParser(prog="make status", description="The status of the connected workspace.")
    parser.add_argument("--json", action="store_true", help="all of it, as JSON")
    parser.add_argument("--link", action="store_true", help="a new one-time link to the status page")
    given = parser.parse_args(stack.words(arguments))
    return stack.answer(lambda settings, outputs: show(settings, outputs, link=given.link, as_json=given.json))


def show(settings: Settings, outputs: dict[str, str], *, link: bool, as_json: bool) -> int:
    """One of the three."""
    if link:
        say(install.status_link(settings, outputs))
        return 0
    status = install.status_of(settings, outputs)
    say(json.dumps(status, indent=2) if as_json else report.status(status))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
