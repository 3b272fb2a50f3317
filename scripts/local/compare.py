"""Intercom's truth against what the memory holds. Every function returns what is wrong, nothing when all is right."""

from __future__ import annotations

from typing import Any

from . import links
from .memory import Item, document_of, events_of, seconds, what_of

Truth = dict[str, Any]

#: Kinds of the emulator's truth and the entity types that they become.
KINDS = {"conversations": "conversation", "contacts": "contact", "companies": "company", "articles": "article"}


def thing(entity_type: str, truth: Truth, items: list[Item]) -> list[str]:
    """One thing as Intercom now has it."""
    name = f"{entity_type} {truth['id']}"
    document = document_of(items)
    if entity_type == "article" and truth.get("state") == "draft" and (document is None or "deleted_at" in document):
        # What is not published need not be remembered.
        return []
    if document is None:
        return [f"{name}: no document"]
    if "deleted_at" in document:
        return [f"{name}: a tombstone, though Intercom has it"]
    wrong = []
    if seconds(document.get("updated_at")) < seconds(truth.get("updated_at")):
        wrong.append(f"{name}: the document is older than Intercom's")
    if entity_type in ("conversation", "article") and document.get("state") != truth.get("state"):
        wrong.append(f"{name}: state {document.get('state')!r}, Intercom has {truth.get('state')!r}")
    if entity_type == "conversation":
        wrong += parts(name, truth, items)
        wrong += mentions(name, truth, items)
    if entity_type in ("data-event", "content-stat"):
        wrong += deed(name, entity_type, truth, document, items)
    return wrong


def held_links(items: list[Item]) -> set[links.Link]:
    """The relations of a thing to what its texts mention."""
    return {
        (item["target_provider"], item["target_type"], item["target_id"])
        for item in items
        if item.get("relationship") == "references"
    }


def mentions(name: str, truth: Truth, items: list[Item]) -> list[str]:
    """A relation for each address of a known provider, and the same on the events."""
    said = {
        (link["target"]["provider"], link["target"]["entity_type"], link["target"]["entity_id"])
        for event in events_of(items)
        for link in event.get("relations", [])
    }
    wrong = []
    for link in sorted(links.of_conversation(truth)):
        if link not in held_links(items):
            wrong.append(f"{name}: no relation to {' '.join(link)}, which it mentions")
        if link not in said:
            wrong.append(f"{name}: no event says that it mentions {' '.join(link)}")
    return wrong


def providers(truth: dict[str, Any], things: dict[tuple[str, str], list[Item]]) -> dict[str, tuple[int, int]]:
    """By provider: how many links the conversations mention in Intercom, and how many of those memory holds."""
    mentioned: list[links.Link] = []
    held: list[links.Link] = []
    for one in truth["conversations"]:
        expected = links.of_conversation(one)
        mentioned += expected
        held += expected & held_links(things.get(("conversation", str(one["id"])), []))
    return {name: (links.by_provider(mentioned)[name], links.by_provider(held)[name]) for name in links.PROVIDERS}


def deed(name: str, entity_type: str, truth: Truth, document: Item, items: list[Item]) -> list[str]:
    """What somebody did or was sent: what, by whom, and one event of that time."""
    if entity_type == "data-event":
        told = {"event_name": truth["event_name"], "contact_id": truth["intercom_user_id"]}
    else:
        told = {"kind": truth["type"].removeprefix("content_stat."), "contact_id": truth["contact"]["id"]}
    fields = document.get("fields", {})
    wrong = [
        f"{name}: {field} {fields.get(field)!r}, Intercom has {value!r}"
        for field, value in told.items()
        if fields.get(field) != value
    ]
    times = [seconds(event["occurred_at"]) for event in events_of(items)]
    if times != [seconds(truth["created_at"])]:
        wrong.append(f"{name}: events at {times}, Intercom has one at {seconds(truth['created_at'])}")
    return wrong


def parts(name: str, truth: Truth, items: list[Item]) -> list[str]:
    """An event for the opening message and each part; none for internal notes, which are off by default."""
    events = {what_of(event): event for event in events_of(items)}
    listed = truth.get("conversation_parts", {}).get("conversation_parts", [])
    wrong = [] if "source" in events or not truth.get("source") else [f"{name}: no event of the opening message"]
    for part in listed:
        event = events.get(str(part["id"]))
        if part["part_type"] == "note":
            if event is not None:
                wrong.append(f"{name}: internal note {part['id']} was remembered")
        elif event is None:
            wrong.append(f"{name}: no event of part {part['id']} ({part['part_type']})")
        elif part.get("redacted") and str(event.get("body") or ""):
            wrong.append(f"{name}: part {part['id']} was redacted, its text is still there")
    return wrong


def gone(entity_type: str, key: str, items: list[Item]) -> list[str]:
    """A thing that Intercom has deleted: a tombstone, and no text."""
    document = document_of(items)
    wrong = []
    if document is None or "deleted_at" not in document:
        wrong.append(f"{entity_type} {key}: no tombstone, though Intercom has deleted it")
    if events_of(items):
        wrong.append(f"{entity_type} {key}: events are left of what Intercom has deleted")
    return wrong


def everything(truth: dict[str, Any], things: dict[tuple[str, str], list[Item]]) -> list[str]:
    """All conversations, contacts, companies and articles, both ways: nothing missing, nothing too many."""
    wrong: list[str] = []
    for kind, entity_type in KINDS.items():
        known = {str(one["id"]): one for one in truth[kind]}
        for key, one in known.items():
            wrong += thing(entity_type, one, things.get((entity_type, key), []))
        for (held_type, key), items in things.items():
            document = document_of(items)
            living = document is not None and "deleted_at" not in document
            if held_type == entity_type and key not in known and living:
                wrong.append(f"{entity_type} {key}: remembered, though Intercom does not have it")
    return wrong
