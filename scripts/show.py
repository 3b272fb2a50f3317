#!/usr/bin/env python3
"""`make show`: looks at what the memory of the running stack holds.

make show                                          everything, one line a thing
make show ARGS=contacts                            everything of a kind: conversations, companies, articles, admins, tags …
make show ARGS="conversation 215470000000101"      one thing, whole, as Markdown
make show ARGS="contact Ines Yamamoto"             a contact by name or e-mail, with what it has to do with
make show ARGS="company Northwind"                 a company by name (admins, teams, tags, articles likewise)
make show ARGS="mentions ENG-242"                  what mentions it, the latest mention first
make show ARGS="mentions linear issue ENG-242"     the same, where the id alone is not enough
make show ARGS="search export fails"               what has all these words (`search` may be left out)
make show ARGS="since 2026-11-20"                  what happened since a day, or `on` it; today and yesterday are days too
"""

from __future__ import annotations

import sys
from datetime import datetime, timezone

from local import aws, finding, report, stack
from local.console import say
from local.finding import Asked, Things
from local.memory import Memory, document_of
from local.names import Key, Names
from local.rendering import Link, link_line, markdown, row
from local.settings import Settings

#: As much of a list as is printed.
LISTED = 40


def main(arguments: list[str]) -> int:
    """Shows what the words ask for."""
    asked = finding.asked(stack.words(arguments), datetime.now(timezone.utc).date())
    if asked.what == "usage":
        say((__doc__ or "").strip())
        return 0
    return stack.answer(lambda settings, outputs: show(settings, outputs, asked))


def show(settings: Settings, outputs: dict[str, str], asked: Asked) -> int:
    """Reads everything, and prints what was asked for."""
    things = Memory(aws.client(settings, "dynamodb"), outputs["MemoryTableName"], settings.workspace).all()
    names = Names(document for items in things.values() if (document := document_of(items)))
    if asked.what in ("all", "kind"):
        return everything(things, names, asked.kind)
    if asked.what == "thing":
        return named(finding.thing(asked.kind, asked.words, things, names), things, names)
    if asked.what == "mentions":
        return mentions(finding.mentioned(asked.words, things, names), things, names)
    if asked.what == "when":
        found = finding.happened(asked.since, asked.until, things, names)
        return listed(found, f"nothing happened {'on' if asked.until != '~' else 'since'} {asked.since}")
    by_id: list[Key] = [key for key in things if len(asked.words) == 1 and key[1] == asked.words[0]]
    if by_id:
        return named(finding.Found(tuple(by_id)), things, names)
    return listed(finding.search(asked.words, things, names), finding.nothing_found(asked.words, names))


def everything(things: Things, names: Names, kind: str) -> int:
    """One line a thing, and how many there are."""
    shown = {key: items for key, items in sorted(things.items()) if kind in ("", key[0])}
    for key, items in shown.items():
        say(row(*key, items, names))
    if not shown:
        say(f"no {kind} is remembered")
        return 1
    if not kind:
        report.contents(things)
        say('One thing whole: make show ARGS="conversation ID"; by word: ARGS="export fails"; all ways: ARGS=help')
    return 0


def named(found: finding.Found, things: Things, names: Names) -> int:
    """The one thing that was found, or the several."""
    if not found.keys:
        say(found.why)
        return 1
    if len(found.keys) > 1:
        say(finding.many(found))
        for key in found.keys[:LISTED]:
            say(row(*key, things[key], names))
        return 0
    key = found.keys[0]
    say(markdown(things[key], names, finding.links_to(("intercom", *key), things, names)))
    return 0


def mentions(found: finding.Found, things: Things, names: Names) -> int:
    """What links to the things that were found, each by its latest mention."""
    if not found.targets:
        say(found.why)
        return 1
    for target in found.targets:
        if len(found.targets) > 1:
            say(f"{' '.join(target)}:")
        listed(finding.links_to(target, things, names), f"nothing mentions {' '.join(target)}")
    return 0


def listed(links: list[Link], otherwise: str) -> int:
    """A list, cut where it gets long."""
    for link in links[:LISTED]:
        say(link_line(link))
    if len(links) > LISTED:
        say(f"… and {len(links) - LISTED} more")
    if not links:
        say(otherwise)
    return 0 if links else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
