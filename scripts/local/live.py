"""Things that happen in the workspace while the connector listens, and how long each takes to become memory."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import time
from dataclasses import dataclass
from typing import Any

from rich.progress import track

from . import aws, browser, compare, links
from .console import Failure
from .intercom import Intercom
from .memory import Memory
from .settings import MINISTACK_LOG, Settings, interactive

LIMIT_SECONDS = 15.0
POLL_SECONDS = 0.01

#: What is done, and what kind of thing it changes. What a webhook tells whole comes first, what it tells in part later.
ACTIONS = (
    ("conversation_created", "conversation"),
    ("user_replied", "conversation"),
    ("admin_replied", "conversation"),
    ("operator_replied", "conversation"),
    ("admin_noted", "conversation"),
    ("admin_assigned", "conversation"),
    ("priority_changed", "conversation"),
    ("admin_snoozed", "conversation"),
    ("admin_opened", "conversation"),
    ("user_replied", "conversation"),
    ("admin_closed", "conversation"),
    ("rating_added", "conversation"),
    ("part_redacted", "conversation"),
    ("contact_created", "contact"),
    ("contact_updated", "contact"),
    ("company_created", "company"),
    ("company_updated", "company"),
    ("article_published", "article"),
    ("article_updated", "article"),
    ("user_replied", "conversation"),
    ("conversation_deleted", "conversation"),
    ("event_created", "data-event"),
    ("content_stat_recorded", "content-stat"),
)

#: The name of the id in the emulator's answer, where it is not that of the entity type.
IDS = {"data-event": "event_id", "content-stat": "content_stat_id"}


@dataclass
class Happened:
    """One thing that happened, and when memory knew."""

    action: str
    topic: str
    seconds: float | None
    wrong: list[str]


def make_things_happen(intercom: Intercom, memory: Memory) -> list[Happened]:
    """Each action in turn, its webhook delivered, until memory shows it."""
    happened = []
    for action, entity_type in track(ACTIONS, "  webhooks      ", disable=not interactive()):
        happened.append(one(intercom, memory, action, entity_type))
    return happened


def one(intercom: Intercom, memory: Memory, action: str, entity_type: str) -> Happened:
    """One action. The clock starts when Intercom starts to send the webhook."""
    # A customer who writes at all mentions a thing of each provider.
    answer = intercom.mutate(action, **({"body": links.EVERY_PROVIDER} if action == "user_replied" else {}))
    returned = time.monotonic()
    delivery = answer["delivery"]
    if delivery is None or delivery["status"] != 200:
        raise Failure(f"the webhook of {action} was answered {delivery}", MINISTACK_LOG)
    sent = returned - delivery["ms"] / 1000
    key = str(answer["ids"][IDS.get(entity_type, f"{entity_type}_id")])
    if action.endswith("_deleted"):
        truth = None
    elif entity_type == "content-stat":
        # Intercom serves no statistics: what it sent is all that there is to compare with.
        truth = {"id": key, **answer["notification"]["data"]["item"]}
    else:
        truth = intercom.object(kind_of(entity_type), key)
    while True:
        items = memory.thing(entity_type, key)
        seen = time.monotonic()
        wrong = compare.gone(entity_type, key, items) if truth is None else compare.thing(entity_type, truth, items)
        if not wrong:
            return Happened(action, answer["topic"], seen - sent, [])
        if seen - sent > LIMIT_SECONDS:
            return Happened(action, answer["topic"], None, wrong)
        time.sleep(POLL_SECONDS)


def kind_of(entity_type: str) -> str:
    """The emulator's name for the kind of an entity type."""
    if entity_type == "data-event":
        return "events"
    return next(kind for kind, name in compare.KINDS.items() if name == entity_type)


def percentile(values: list[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def door_checks(settings: Settings, outputs: dict[str, str]) -> list[str]:
    """What the webhook route must refuse, and what it must answer. Returns what is wrong.

    The live queue's consumer is paused meanwhile, so that whatever was queued can be counted; a rightly signed
    notification at the end shows that the counting works.
    """
    url = f"{settings.internal_url}/api/intercom/webhooks"
    body = json.dumps(
        {
            "type": "notification_event",
            "app_id": settings.workspace,
            "data": {"type": "notification_event_data", "item": {"type": "nothing", "id": "1"}},
            "links": {},
            "id": "notif_00000000-0000-4000-8000-000000000001",
            "topic": "nothing.happened",
            "delivery_attempts": 1,
            "created_at": int(time.time()),
        }
    ).encode()
    right = hmac.new(settings.client_secret.encode(), body, hashlib.sha1).hexdigest()
    sha256 = hmac.new(settings.client_secret.encode(), body, hashlib.sha256).hexdigest()
    refused = {
        "no signature": {},
        "a signature by another secret": {"X-Hub-Signature": "sha1=" + hmac.new(b"x", body, hashlib.sha1).hexdigest()},
        "a right signature under the wrong scheme": {"X-Hub-Signature": f"sha256={sha256}"},
        "half a signature": {"X-Hub-Signature": f"sha1={right[:20]}"},
    }
    sqs, functions = aws.client(settings, "sqs"), aws.client(settings, "lambda")
    wrong: list[str] = []

    def post(headers: dict[str, str]) -> int:
        status, _, _ = browser.request("POST", url, body, {"Content-Type": "application/json", **headers})
        return status

    def queued() -> int:
        return aws.queue_depth(sqs, outputs["LiveQueueUrl"])

    if browser.request("HEAD", url)[0] != 200:
        wrong.append("HEAD on the webhook route is not answered 200")
    mapping = live_mapping(functions)
    functions.update_event_source_mapping(UUID=mapping, Enabled=False)
    try:
        # What the consumer had in its hands would be missing from the second count.
        deadline = time.monotonic() + 10
        while aws.in_flight(sqs, outputs["LiveQueueUrl"]) and time.monotonic() < deadline:
            time.sleep(0.2)
        before = queued()
        for name, headers in refused.items():
            status = post(headers)
            if status != 401:
                wrong.append(f"a webhook with {name} is answered {status}, not 401")
        if queued() != before:
            wrong.append("a webhook that was refused is in the queue")
        status = post({"X-Hub-Signature": f"sha1={right}"})
        if status != 200 or queued() != before + 1:
            wrong.append(f"a rightly signed webhook of an unknown topic is answered {status} and not queued")
    finally:
        functions.update_event_source_mapping(UUID=mapping, Enabled=True)
    return wrong


def live_mapping(functions: Any) -> str:
    """The id of the event source mapping between the live queue and enrich."""
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        if "-LiveQueue-" in mapping["EventSourceArn"]:
            return mapping["UUID"]
    raise Failure("the live queue has no consumer")
