#!/usr/bin/env python3
"""`make logs`: what the running stack's functions have logged, oldest first, one line an event.

make logs                the events so far: time, function, topic or thing, what became of it, milliseconds
make logs ARGS=-f        goes on with those that come, until Ctrl-C
make logs ARGS=--raw     the lines as they were logged, metrics and request ids included
"""

from __future__ import annotations

import argparse
import sys

from local import logs, stack
from local.console import say
from local.loglines import Teller, raw
from local.settings import Settings


def main(arguments: list[str]) -> int:
    """Prints all there is, and what comes."""
    parser = argparse.ArgumentParser(prog="make logs", description="What the functions have logged.")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what comes, until Ctrl-C")
    parser.add_argument("--raw", action="store_true", help="the lines as they were logged")
    given = parser.parse_args(stack.words(arguments))
    return stack.answer(lambda settings, _: show(settings, follow=given.follow, as_logged=given.raw))


def show(settings: Settings, *, follow: bool, as_logged: bool) -> int:
    """Each line, or what a person wants to know of it."""
    teller = Teller()
    for line in logs.follow(settings) if follow else logs.lines(settings):
        for told in [raw(line)] if as_logged else teller.tell(line):
            say(told)
    for told in teller.rest():
        say(told)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
