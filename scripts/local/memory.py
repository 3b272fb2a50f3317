"""What the memory holds, read as an agent would read it: one partition a thing, events in order."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from . import aws

Item = dict[str, Any]


class Memory:
    """Reads MemoryTable."""

    def __init__(self, dynamodb: Any, table: str, workspace: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self.workspace = workspace

    def thing(self, entity_type: str, entity_id: str) -> list[Item]:
        """Everything about one thing, in the table's order."""
        # In keys `%` and `#` of an id are percent-encoded.
        encoded = entity_id.replace("%", "%25").replace("#", "%23")
        return list(aws.query(self._dynamodb, self._table, f"{self.workspace}#{entity_type}#{encoded}"))

    def all(self) -> dict[tuple[str, str], list[Item]]:
        """Everything, by thing."""
        things: dict[tuple[str, str], list[Item]] = defaultdict(list)
        for item in aws.scan(self._dynamodb, self._table):
            things[name_of(item)].append(item)
        for items in things.values():
            items.sort(key=lambda item: item["sk"])
        return things

    def documents(self) -> Counter[str]:
        """Number of living documents of each entity type."""
        counted: Counter[str] = Counter()
        for item in aws.scan(self._dynamodb, self._table):
            if item["sk"] == "document" and "deleted_at" not in item:
                counted[item["entity_type"]] += 1
        return counted


def name_of(item: Item) -> tuple[str, str]:
    """Kind and id of the thing that an item is about, from the key `<workspace>#<kind>#<id>`."""
    _, entity_type, encoded = item["pk"].split("#", 2)
    return entity_type, encoded.replace("%23", "#").replace("%25", "%")


def document_of(items: list[Item]) -> Item | None:
    """The document among a thing's items, tombstones included."""
    return next((item for item in items if item["sk"] == "document"), None)


def events_of(items: list[Item]) -> list[Item]:
    """The events among a thing's items, the continuations of long ones put back to their heads."""
    events: list[Item] = []
    for item in items:
        if not item["sk"].startswith("event#"):
            continue
        if events and item["sk"].startswith(events[-1]["sk"] + "#"):
            events[-1] = {**events[-1], "body": events[-1].get("body", "") + item.get("body", "")}
        else:
            events.append(item)
    return events


def what_of(event: Item) -> str:
    """What an event was made from: a part id, `source`, or `@<time>`.

    `intercom:<entity>:<entity id>:<what>:<event type>`; only the entity id may hold a colon.
    """
    return event["source_id"].rsplit(":", 2)[1]


def kind_of(item: Item) -> str:
    """`document`, `event`, `relation`, `claim`, or `piece` for what continues a long document or event."""
    kind, _, rest = item["sk"].partition("#")
    continues = (kind == "document" and rest) or (kind == "event" and "source_id" not in item)
    return "piece" if continues else kind


def seconds(value: Any) -> int:
    """A time as seconds since the epoch, whether it is stored as a number or as ISO text; 0 for none."""
    if isinstance(value, int | float | Decimal):
        return int(value)
    if isinstance(value, str) and value:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
        return int((moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp())
    return 0


def transcript(items: list[Item]) -> str:
    """One conversation as Markdown: the document's title, then what happened, in order."""
    document = document_of(items) or {}
    lines = [f"# {document.get('title', '(no document)')}", ""]
    facts = [f"{name}: {document[name]}" for name in ("state", "url") if document.get(name)]
    if facts:
        lines += [" · ".join(facts), ""]
    for event in events_of(items):
        lines += [f"## {event['occurred_at']} · {event['event_type']}", "", event["title"], ""]
        body = str(event.get("body") or "").strip()
        if body:
            lines += [*(f"> {line}".rstrip() for line in body.splitlines()), ""]
    relations = [item for item in items if kind_of(item) == "relation"]
    if relations:
        lines += ["## Relations", ""]
        for item in relations:
            target = f"{item['target_provider']} {item['target_type']} {item['target_id']}"
            title = item.get("target_title")
            lines.append(f"- {item['relationship']}: {target}" + (f" ({title})" if title else ""))
    return "\n".join(lines).rstrip() + "\n"
