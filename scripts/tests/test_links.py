"""A run's own search for links, and what it says of a memory that lacks one."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from local import compare, links

EXPECTED = {
    ("linear", "issue", "ENG-42"),
    ("github", "pr", "acme/web#7"),
    ("sentry", "issue", "4501234567"),
    ("jira", "issue", "PAY-7"),
    ("vercel", "deployment", "dpl_7uQw5XyZaBcDeFgHiJkLmNoP"),
}


def conversation(**part: Any) -> dict[str, Any]:
    """One with a single reply."""
    reply = {"id": "11", "part_type": "comment", "body": links.EVERY_PROVIDER, **part}
    return {"id": "7", "conversation_parts": {"conversation_parts": [reply]}}


def held(mentioned: set[links.Link]) -> list[dict[str, Any]]:
    """What memory has of it when it has found these."""
    target = [{"provider": provider, "entity_type": kind, "entity_id": name} for provider, kind, name in mentioned]
    relations = [
        {
            "sk": f"relation#{provider}#{kind}#{name}#references",
            "target_provider": provider,
            "target_type": kind,
            "target_id": name,
            "relationship": "references",
        }
        for provider, kind, name in mentioned
    ]
    said = [{"target": one, "relationship": "references"} for one in target]
    return [{"sk": "event#2026-11-20T10:15:30Z#x", "source_id": "x", "relations": said}, *relations]


class Links(unittest.TestCase):
    """Addresses and what they lead to."""

    def test_the_reply_of_a_run_mentions_every_provider(self) -> None:
        self.assertEqual(links.mentioned(links.EVERY_PROVIDER), EXPECTED)
        self.assertEqual({provider for provider, _, _ in EXPECTED}, set(links.PROVIDERS))

    def test_notes_and_redacted_messages_mention_nothing(self) -> None:
        self.assertEqual(links.of_conversation(conversation()), EXPECTED)
        self.assertEqual(links.of_conversation(conversation(part_type="note")), set())
        self.assertEqual(links.of_conversation(conversation(redacted=True)), set())

    def test_every_missing_relation_is_named(self) -> None:
        self.assertEqual(compare.mentions("conversation 7", conversation(), held(EXPECTED)), [])
        wrong = compare.mentions("conversation 7", conversation(), held(EXPECTED - {("jira", "issue", "PAY-7")}))
        self.assertEqual(
            wrong,
            [
                "conversation 7: no relation to jira issue PAY-7, which it mentions",
                "conversation 7: no event says that it mentions jira issue PAY-7",
            ],
        )
        self.assertEqual(len(compare.mentions("conversation 7", conversation(), [])), 2 * len(EXPECTED))

    def test_links_are_counted_by_provider_in_intercom_and_in_memory(self) -> None:
        truth = {"conversations": [conversation()]}
        things = {("conversation", "7"): held(EXPECTED - {("jira", "issue", "PAY-7")})}
        counted = compare.providers(truth, things)
        self.assertEqual(counted, {name: (1, 0 if name == "jira" else 1) for name in links.PROVIDERS})
