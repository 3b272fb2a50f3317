"""What a run ends with: what the memory holds, one conversation, the times, what to try by hand."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from .console import say
from .live import Happened, percentile
from .memory import Item, document_of, kind_of
from .names import Names
from .rendering import markdown, moment
from .settings import LOCAL, ROOT, Settings

TRANSCRIPT_LINES = 60

Things = dict[tuple[str, str], list[Item]]


def contents(things: Things) -> None:
    """A table of the memory's items by entity type."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for (entity_type, _), items in things.items():
        for item in items:
            kind = kind_of(item)
            counts[entity_type]["tombstone" if kind == "document" and "deleted_at" in item else kind] += 1
    table = Table(title="What the memory holds", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("entity type")
    kinds = ("document", "tombstone", "event", "relation")
    for kind in kinds:
        table.add_column(f"{kind}s", justify="right")
    for entity_type, counted in sorted(counts.items()):
        table.add_row(entity_type, *(str(counted[kind]) for kind in kinds))
    table.add_section()
    table.add_row("all", *(str(sum(counted[kind] for counted in counts.values())) for kind in kinds))
    Console(highlight=False).print(table)


def links(providers: dict[str, tuple[int, int]]) -> list[str]:
    """A table of the relations to other tools' things; a tool without any shows nothing, which is wrong too."""
    table = Table(title="Links to other tools, found in conversations", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("provider")
    table.add_column("in Intercom", justify="right")
    table.add_column("in memory", justify="right")
    for provider, (mentioned, held) in providers.items():
        table.add_row(provider, str(mentioned), str(held))
    Console(highlight=False).print(table)
    return [f"no conversation mentions anything of {name}" for name, (count, _) in providers.items() if not count] + [
        f"{name}: {mentioned - held} of {mentioned} links are missing"
        for name, (mentioned, held) in providers.items()
        if held < mentioned
    ]


def times(happened: list[Happened]) -> None:
    """Each live change with its time from webhook to memory, and how they are spread."""
    table = Table(title="From webhook to memory", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("what happened")
    table.add_column("topic")
    table.add_column("ms", justify="right")
    for one in happened:
        table.add_row(one.action, one.topic, "never" if one.seconds is None else f"{one.seconds * 1000:.0f}")
    Console(highlight=False).print(table)
    seconds = [one.seconds for one in happened if one.seconds is not None]
    if seconds:
        p50, p95 = percentile(seconds, 0.5) * 1000, percentile(seconds, 0.95) * 1000
        say(f"p50 {p50:.0f} ms, p95 {p95:.0f} ms, {len(seconds)} webhooks")


def one_conversation(things: Things) -> tuple[str, str]:
    """Prints a conversation as Markdown, and keeps it whole in a file. Returns its id and what it mentions."""
    # One of middle length that mentions something outside says most.
    conversations = sorted(
        (
            sum(item.get("target_provider") == "linear" for item in items) > 0,
            -abs(len(items) - 14),
            key,
        )
        for (entity_type, key), items in things.items()
        if entity_type == "conversation" and "deleted_at" not in (document_of(items) or {"deleted_at": 0})
    )
    if not conversations:
        return "ID", "ENG-42"
    key = conversations[-1][2]
    names = Names(document for items in things.values() if (document := document_of(items)))
    text = markdown(things[("conversation", key)], names)
    path = LOCAL / "conversation.md"
    path.write_text(text, encoding="utf-8")
    lines = text.splitlines()
    say(f"\nConversation {key}, as the memory has it:\n")
    for line in lines[:TRANSCRIPT_LINES]:
        say(f"    {line}".rstrip())
    if len(lines) > TRANSCRIPT_LINES:
        say(f"    … {len(lines) - TRANSCRIPT_LINES} more lines in {path.relative_to(ROOT)}")
    linear = [item for item in things[("conversation", key)] if item.get("target_provider") == "linear"]
    return key, str(linear[0]["target_id"]) if linear else "ENG-42"


def by_hand(settings: Settings, outputs: dict[str, str], shown: tuple[str, str], link: str) -> None:
    """Addresses and commands to go on with. The commands find this run by themselves, whatever its ports."""
    intercom = settings.intercom_url
    mutate = '{"action":"user_replied","body":"<p>Still broken, see ENG-42</p>","deliver":"once"}'
    heading = "To try by hand after `make run`, which stays up" if settings.once else "To try by hand, in another shell"
    say(
        f"""
{heading}
  status page           {link}
                        (opens once, within 15 minutes; another: make status ARGS=--link)
  write as a customer   {intercom}/_emulator
                        (a page: what you send, and the conversation as memory then holds it)
  the same, by curl     curl -X POST {intercom}/_emulator/mutate -H 'content-type: application/json' -d '{mutate}'
  what is remembered    make show                     (or ARGS="conversation {shown[0]}", ARGS="mentions {shown[1]}", ARGS="export fails"; ARGS=help)
  functions' logs       make logs ARGS=-f             (follows; one line an event)
  status                make status
  backfill, now         make tick                     (on AWS a schedule does it every minute)
  an event again        make replay                   (the last one; or ARGS=notif_…)
  a sample event        make invoke FUNCTION=WebhookFunction EVENT=events/webhook-ping.json
  connect a workspace   {outputs["InstallUrl"]}
  AWS, emulated         AWS_ENDPOINT_URL={settings.aws_url}   (keys: test, region: us-east-1)"""
    )


def status(told: dict[str, Any]) -> str:
    """The status of a workspace, for people: one line a resource."""
    lines = [
        f"{told.get('name') or told['workspace']} ({told['workspace']}): {told['summary']}",
        f"last live event: {moment(told['last_event_at']) + ' UTC' if told.get('last_event_at') else 'none yet'}",
    ]
    for one in told["resources"]:
        if one["phase"] == "idle":
            number = f"{one['seen']} at the last look"
        elif one.get("estimate") is not None:
            number = f"{one['seen']} of about {one['estimate']}"
        else:
            number = f"{one['seen']} so far"
        up_to = f", up to {moment(one['up_to'])} UTC" if one.get("up_to") else ""
        lines.append(f"  {one['resource']:<14} {one['state']:<24} {number}{up_to}")
        lines += [f"    {one[name]}" for name in ("last_error", "notice") if one.get(name)]
    return "\n".join([*lines, "all of it: make status ARGS=--json; the page: make status ARGS=--link"])
