"""What texts mention, found a second time and in another way than the connector finds it: by the host of an address alone."""

from __future__ import annotations

import html
import re
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

#: Provider, type and id, as in a relation's key.
Link = tuple[str, str, str]

#: Those whose links a run has to show.
PROVIDERS = ("linear", "github", "jira", "sentry", "vercel")

#: One address of each of them, in a reply of a customer's. Two more lead nowhere that is known.
EVERY_PROVIDER = (
    '<p>Still broken: <a href="https://linear.app/acme/issue/ENG-42/export-fails">your ticket</a>, fix in '
    "https://github.com/acme/web/pull/7/files, trace https://acme.sentry.io/issues/4501234567/, also "
    "HTTPS://acme.atlassian.net/browse/PAY-7, deployed as https://vercel.com/acme/web/7uQw5XyZaBcDeFgHiJkLmNoP; see "
    "https://status.acme.example/incidents/9.</p>"
)


def mentioned(text: str) -> set[Link]:
    """The things of known providers to which the addresses in a piece of HTML lead."""
    found = (lead(address) for address in re.findall(r"https?://[^\s<>\"']+", html.unescape(text), re.IGNORECASE))
    return {link for link in found if link is not None}


def lead(address: str) -> Link | None:
    """Where an address leads; None to whom nobody asked for."""
    parts = urlsplit(address.rstrip(".,;:!?)"))
    host, path = (parts.hostname or "").lower(), [part for part in parts.path.split("/") if part]
    if host == "linear.app" and path[1:2] == ["issue"]:
        return ("linear", "issue", path[2].upper())
    if host == "github.com" and path[2:3] in (["issues"], ["pull"]):
        return ("github", "pr" if path[2] == "pull" else "issue", f"{path[0]}/{path[1]}#{path[3]}")
    if host.endswith(".atlassian.net") and path[:1] == ["browse"]:
        return ("jira", "issue", path[1].upper())
    if host.endswith(".sentry.io") and path[:1] == ["issues"]:
        return ("sentry", "issue", path[1])
    if host == "vercel.com" and len(path) == 3:
        return ("vercel", "deployment", f"dpl_{path[2]}")
    return None


def of_conversation(conversation: dict[str, Any]) -> set[Link]:
    """What the messages mention that become memory: no internal notes, and nothing that was redacted."""
    source = conversation.get("source") or {}
    parts = conversation.get("conversation_parts", {}).get("conversation_parts", [])
    shown = [part for part in [source, *parts] if part.get("part_type") != "note" and not part.get("redacted")]
    return set().union(*(mentioned(part.get("body") or "") for part in shown))


def by_provider(links: list[Link]) -> Counter[str]:
    """How many there are of each."""
    return Counter(provider for provider, _, _ in links)
