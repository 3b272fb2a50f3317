"""What the functions have logged."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from . import aws
from .loglines import Line, raw
from .settings import LOGS, Settings

FILE = LOGS / "functions.log"

#: Seconds between two looks while following.
POLL_SECONDS = 0.5

#: A line may become visible a little after one that is later than itself.
LATE_MS = 5_000


def lines(settings: Settings, since_ms: int = 0) -> list[Line]:
    """Every line of every log group from a time on, in order of time."""
    client = aws.client(settings, "logs")
    found: list[Line] = []
    for groups in client.get_paginator("describe_log_groups").paginate():
        for group in groups["logGroups"]:
            found += of_group(client, group["logGroupName"], since_ms)
    found.sort(key=lambda line: line.at_ms)
    return found


def of_group(client: Any, group: str, since_ms: int) -> list[Line]:
    """The lines of one log group."""
    name = group.rsplit("/", 1)[-1]
    pages = client.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since_ms)
    return keyed(name, [event for page in pages for event in page["events"]])


def keyed(name: str, events: list[dict[str, Any]]) -> list[Line]:
    """The lines of a group, each with what tells it from others: MiniStack gives events no id, and one may be logged twice."""
    seen: Counter[tuple[int, str]] = Counter()
    found = []
    for event in events:
        at, text = event["timestamp"], event["message"].rstrip()
        seen[(at, text)] += 1
        found.append(Line(at, name, text, f"{name} {at} {seen[(at, text)]} {text}"))
    return found


def follow(settings: Settings) -> Iterator[Line]:
    """The lines that there are, and those that come, until whoever listens has heard enough."""
    heard: dict[str, int] = {}
    since_ms = 0
    while True:
        for line in lines(settings, since_ms):
            if line.key not in heard:
                heard[line.key] = line.at_ms
                yield line
        since_ms = max([since_ms, *(at - LATE_MS for at in heard.values())])
        heard = {key: at for key, at in heard.items() if at >= since_ms}
        time.sleep(POLL_SECONDS)


def keep(settings: Settings) -> bool:
    """Writes them to a file before the local AWS ends, and forgets them with it. False where there are none."""
    try:
        kept = lines(settings)
    except (BotoCoreError, ClientError):
        return False
    LOGS.mkdir(parents=True, exist_ok=True)
    FILE.write_text("\n".join(map(raw, kept)) + "\n", encoding="utf-8")
    return bool(kept)
