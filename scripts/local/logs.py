"""What the functions have logged."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from . import aws
from .settings import LOGS, Settings

FILE = LOGS / "functions.log"


def lines(settings: Settings) -> list[str]:
    """Every line of every log group, in order of time."""
    client = aws.client(settings, "logs")
    found: list[tuple[int, str, str]] = []
    for groups in client.get_paginator("describe_log_groups").paginate():
        for group in groups["logGroups"]:
            found += of_group(client, group["logGroupName"])
    found.sort(key=lambda line: line[0])
    return [f"{time(at)} {group}: {message}" for at, group, message in found]


def of_group(client: Any, group: str) -> list[tuple[int, str, str]]:
    """The lines of one log group with their time in milliseconds."""
    name = group.rsplit("/", 1)[-1]
    pages = client.get_paginator("filter_log_events").paginate(logGroupName=group)
    return [(event["timestamp"], name, event["message"].rstrip()) for page in pages for event in page["events"]]


def time(milliseconds: int) -> str:
    """The time of day, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, tz=timezone.utc).strftime("%H:%M:%S.%f")[:-3]


def keep(settings: Settings) -> bool:
    """Writes them to a file before the local AWS ends, and forgets them with it. False where there are none."""
    try:
        kept = lines(settings)
    except (BotoCoreError, ClientError):
        return False
    LOGS.mkdir(parents=True, exist_ok=True)
    FILE.write_text("\n".join(kept) + "\n", encoding="utf-8")
    return bool(kept)
