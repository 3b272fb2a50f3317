"""What the memory holds, read as an agent would read it: one partition a thing, events in order."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from . import aws

Item = dict[str, Any]

#: As many as DynamoDB gives by key at once.
BATCH = 100


class Memory:
    """Reads MemoryTable."""

    def __init__(self, dynamodb: Any, table: str, workspace: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self.workspace = workspace

    def thing(self, entity_type: str, entity_id: str) -> list[Item]:
        """Everything about one thing, in the table's order."""
        return list(aws.query(self._dynamodb, self._table, f"{self.workspace}#{entity_type}#{encoded(entity_id)}"))

    def all(self) -> dict[tuple[str, str], list[Item]]:
        """Everything, by thing."""
        things: dict[tuple[str, str], list[Item]] = defaultdict(list)
        for item in aws.scan(self._dynamodb, self._table):
            things[name_of(item)].append(item)
        for items in things.values():
            items.sort(key=lambda item: item["sk"])
        return things

    def documents_of(self, keys: list[tuple[str, str]]) -> list[Item]:
        """The documents of some things: those that there are."""
        found: list[Item] = []
        for start in range(0, len(keys), BATCH):
            wanted = [
                {"pk": {"S": f"{self.workspace}#{kind}#{encoded(key)}"}, "sk": {"S": "document"}}
                for kind, key in keys[start : start + BATCH]
            ]
            answer = self._dynamodb.batch_get_item(RequestItems={self._table: {"Keys": wanted}})
            found += map(aws.plain, answer["Responses"].get(self._table, []))
        return found

    def documents(self) -> Counter[str]:
        """Number of living documents of each entity type."""
        counted: Counter[str] = Counter()
        for item in aws.scan(self._dynamodb, self._table):
            if item["sk"] == "document" and "deleted_at" not in item:
                counted[item["entity_type"]] += 1
        return counted


def encoded(entity_id: str) -> str:
    """An id as it stands in keys, where `%` and `#` are percent-encoded."""
    return entity_id.replace("%", "%25").replace("#", "%23")


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
