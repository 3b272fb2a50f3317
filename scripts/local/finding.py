"""What somebody asks of the memory, and what is found: by id, name, address, word, date, or by what it mentions. No I/O.

Everything is looked through, which a small local table allows; docs/data-model.md has the queries for a large one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from .memory import Item, document_of, events_of, kind_of
from .names import Key, Names, one_line
from .near import near, unknown
from .rendering import Link, author, whole_body, words_of

Things = dict[Key, list[Item]]
Target = tuple[str, str, str]

KINDS = (
    "conversation",
    "ticket",
    "contact",
    "company",
    "article",
    "admin",
    "team",
    "tag",
    "segment",
    "data-event",
    "content-stat",
)
PLURALS = {"companies": "company", **{f"{kind}s": kind for kind in KINDS if kind != "company"}}

#: What texts may mention, by provider.
PROVIDERS = {
    "linear": ("issue",),
    "github": ("issue", "pr", "commit"),
    "jira": ("issue",),
    "sentry": ("issue",),
    "vercel": ("deployment",),
    "web": ("url",),
    "intercom": KINDS,
}

#: As many characters of what was said as a list shows.
SNIPPET = 110


@dataclass(frozen=True)
class Asked:
    """What is asked for: `all`, `kind`, `thing`, `mentions`, `search`, `when`, or `usage`."""

    what: str
    kind: str = ""
    words: tuple[str, ...] = ()
    since: str = ""
    until: str = ""


@dataclass(frozen=True)
class Found:
    """The things that were found, or one line that says why there is none and what there is."""

    keys: tuple[Key, ...] = ()
    targets: tuple[Target, ...] = ()
    why: str = ""


def asked(words: list[str], today: date) -> Asked:
    """What the words ask for. Whatever is no command is searched for."""
    if not words:
        return Asked("all")
    first, rest = words[0].lower(), tuple(words[1:])
    kind = PLURALS.get(first, first)
    if first in ("help", "-h", "--help", "usage"):
        return Asked("usage")
    if kind in KINDS:
        return Asked("thing", kind, rest) if rest else Asked("kind", kind)
    if first == "mentions":
        return Asked("mentions", words=rest) if rest else Asked("usage")
    if first == "search":
        return Asked("search", words=rest) if rest else Asked("usage")
    if first in ("since", "on") and len(rest) == 1:
        day = day_of(rest[0], today)
        if day:
            return Asked("when", since=day, until=day + "~" if first == "on" else "~")
    return Asked("search", words=tuple(words))


def day_of(word: str, today: date) -> str:
    """A day as the beginning of its times; empty where the word is no day."""
    named = {"today": today, "yesterday": today - timedelta(days=1)}
    if word.lower() in named:
        return named[word.lower()].isoformat()
    return word if re.fullmatch(r"\d{4}-\d{2}-\d{2}(T\d{2}(:\d{2}){0,2})?", word) else ""


def thing(kind: str, words: tuple[str, ...], things: Things, names: Names) -> Found:
    """Things of a kind by id, e-mail or name, whole before in part."""
    wanted = " ".join(words)
    if (kind, wanted) in things:
        return Found(((kind, wanted),))
    living = [key for key, items in things.items() if key[0] == kind and lives(items)]
    called = {key: [one for one in (names.of(*key), names.emails.get(key)) if one] for key in living}
    sought = wanted.casefold()
    exact = [key for key in living if any(sought == one.casefold() for one in called[key])]
    partly = [key for key in living if any(sought in one.casefold() for one in called[key])]
    if exact or partly:
        return Found(tuple(exact or partly))
    meant = near(wanted, [*(one for ones in called.values() for one in ones), *(key for _, key in living)])
    guess = f"; did you mean {' or '.join(meant)}?" if meant else ""
    return Found(why=f"nothing is remembered of a {kind} {wanted}{guess}")


def lives(items: list[Item]) -> bool:
    """Whether a thing is remembered and not gone."""
    document = document_of(items)
    return document is not None and "deleted_at" not in document


def all_targets(things: Things) -> dict[Target, str]:
    """Everything that anything links to, with its address."""
    return {
        (str(item["target_provider"]), str(item["target_type"]), str(item["target_id"])): str(item.get("target_url"))
        for items in things.values()
        for item in items
        if kind_of(item) == "relation" and item["target_type"] != "roster"
    }


def mentioned(words: tuple[str, ...], things: Things, names: Names) -> Found:
    """What is meant by `linear issue ENG-42`, `linear ENG-42`, `ENG-42`, an address, or `contact Ines Yamamoto`."""
    known = all_targets(things)
    if len(words) == 1:
        found = [one for one, url in known.items() if words[0].casefold() in (one[2].casefold(), url.casefold())]
        return Found(targets=tuple(found)) if found else nothing_mentions(words[0], words[0], set(known))
    providers = {*PROVIDERS, *(provider for provider, _, _ in known)}
    provider, rest = words[0].lower(), words[1:]
    if provider in KINDS:
        provider, rest = "intercom", words
    if provider not in providers:
        return Found(why=unknown("provider", words[0], providers))
    of_provider = {one for one in known if one[0] == provider}
    kinds = {*PROVIDERS.get(provider, ()), *(kind for _, kind, _ in of_provider)}
    kind = rest[0].lower() if len(rest) > 1 else ""
    if kind and kind not in kinds:
        return Found(why=unknown(f"kind of {provider} things", rest[0], kinds))
    wanted = " ".join(rest[1:] if kind else rest)
    fitting = {one for one in of_provider if kind in ("", one[1])}
    found = [one for one in fitting if one[2].casefold() == wanted.casefold()]
    if not found and provider == "intercom" and kind:
        keys = thing(kind, (wanted,), things, names).keys
        found = [("intercom", *key) for key in keys]
    return Found(targets=tuple(sorted(found))) if found else nothing_mentions(" ".join(words), wanted, fitting)


def nothing_mentions(asked_for: str, wanted: str, fitting: set[Target]) -> Found:
    """Nothing does; what is most like it."""
    meant = near(wanted, sorted(key for _, _, key in fitting))
    guess = f"; did you mean {' or '.join(meant)}?" if meant else "; search for words with `search …`"
    return Found(why=f"nothing mentions {asked_for}{guess}")


def links_to(target: Target, things: Things, names: Names) -> list[Link]:
    """Everything that links to one thing, by the last time that somebody did so, newest first.

    A relation knows only when the thing came to be that it belongs to; the messages know when they were written.
    """
    found = []
    for (kind, key), items in things.items():
        ways = [item["relationship"] for item in items if kind_of(item) == "relation" and target_of(item) == target]
        if not ways or not lives(items):
            continue
        said = [event for event in events_of(items) if target in targets_of(event)]
        found.append(link(kind, key, items, said[-1] if said else None, ", ".join(dict.fromkeys(ways)), names))
    return sorted(found, key=lambda one: one.at, reverse=True)


def target_of(relation: Item) -> Target:
    """What a relation leads to."""
    return str(relation["target_provider"]), str(relation["target_type"]), str(relation["target_id"])


def targets_of(event: Item) -> set[Target]:
    """What an event's own relations lead to."""
    targets = [relation.get("target") or {} for relation in event.get("relations") or []]
    return {(str(one.get("provider")), str(one.get("entity_type")), str(one.get("entity_id"))) for one in targets}


def link(kind: str, key: str, items: list[Item], event: Item | None, relationship: str, names: Names) -> Link:
    """A thing in a list, with the event because of which it stands there."""
    document = document_of(items) or {}
    title = one_line(str(document.get("title") or ""))
    if event is None:
        at = str(document.get("updated_at") or document.get("created_at") or "")
        return Link(at, kind, key, title, relationship)
    said = snippet(event, names, ())
    return Link(str(event["occurred_at"]), kind, key, title, relationship, "" if said == title else said)


def snippet(event: Item, names: Names, words: tuple[str, ...]) -> str:
    """Who said what, around the first of the words that is in it."""
    text = one_line(words_of(event, names))
    places = [text.casefold().find(word) for word in words if word in text.casefold()]
    start = max(0, min(places) - SNIPPET // 2) if places and min(places) > SNIPPET // 2 else 0
    cut = text[start : start + SNIPPET]
    shown = ("…" if start else "") + cut + ("…" if len(text) > start + SNIPPET else "")
    who = author(event, names)
    return f"{who}: {shown}" if who and shown else shown


def search(words: tuple[str, ...], things: Things, names: Names) -> list[Link]:
    """Things in which all the words are, newest first, each with the last message that has the most of them."""
    sought = tuple(word.casefold() for word in words)
    found = []
    for (kind, key), items in things.items():
        if not lives(items):
            continue
        events = events_of(items)
        whole = text_of(kind, key, items, events, names).casefold()
        if not all(word in whole for word in sought):
            continue
        best = max(events, key=lambda event: (hits(event, names, sought), event["occurred_at"]), default=None)
        if best is not None and hits(best, names, sought) == 0:
            best = None
        shown = link(kind, key, items, best, "", names)
        said = snippet(best, names, sought) if best is not None else ""
        found.append(Link(shown.at, kind, key, shown.title, "", "" if said == shown.title else said))
    return sorted(found, key=lambda one: one.at, reverse=True)


def hits(event: Item, names: Names, sought: tuple[str, ...]) -> int:
    """How many of the words an event's text has."""
    text = words_of(event, names).casefold()
    return sum(word in text for word in sought)


def text_of(kind: str, key: str, items: list[Item], events: list[Item], names: Names) -> str:
    """All that can be found of a thing: texts, names, addresses, and what it mentions."""
    document = document_of(items) or {}
    people = [names.of(*one) or "" for one in people_in(document, items)]
    emails = [names.emails.get(one, "") for one in [(kind, key), *people_in(document, items)]]
    fields = [str(value) for value in (document.get("fields") or {}).values() if isinstance(value, str)]
    tags = [str(tag) for tag in (document.get("fields") or {}).get("tags") or []]
    targets = [str(item["target_id"]) for item in items if kind_of(item) == "relation"]
    said = [words_of(event, names) for event in events]
    return "\n".join(
        [
            kind,
            key,
            str(document.get("title") or ""),
            whole_body(items),
            *fields,
            *tags,
            *people,
            *emails,
            *targets,
            *said,
        ]
    )


def people_in(document: Item, items: list[Item]) -> list[Key]:
    """Whom a thing has to do with."""
    related = [
        (str(item["target_type"]), str(item["target_id"]))
        for item in items
        if kind_of(item) == "relation" and item["target_provider"] == "intercom" and item["target_type"] != "roster"
    ]
    return list(dict.fromkeys(related))


def happened(since: str, until: str, things: Things, names: Names) -> list[Link]:
    """What happened in a stretch of time, newest first."""
    found = []
    for (kind, key), items in things.items():
        for event in events_of(items):
            at = str(event["occurred_at"])
            if since <= at <= until:
                deed = event["event_type"].partition(".")[2].replace("-", " ")
                found.append(link(kind, key, items, event, deed, names))
    return sorted(found, key=lambda one: one.at, reverse=True)


def nothing_found(words: tuple[str, ...], names: Names) -> str:
    """Nothing has these words; what may have been meant."""
    line = f"nothing that is remembered has all of these words: {' '.join(words)}"
    if len(words) > 1:
        kind = near(words[0], [*KINDS, "mentions", "search"], limit=1)
        line += f"; did you mean {kind[0]} {' '.join(words[1:])}?" if kind else ""
    return line


def many(found: Found) -> str:
    """More than one thing bears the name."""
    kind = found.keys[0][0]
    plural = next(plural for plural, one in PLURALS.items() if one == kind)
    return f"{len(found.keys)} {plural} are called so; which one? Ask by id:"
