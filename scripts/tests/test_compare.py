"""A local run is worth what its comparison notices."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from local import compare, memory

Item = dict[str, Any]


def conversation(**changed: Any) -> dict[str, Any]:
    """A conversation as Intercom has it: an opening message, an answer, a note."""
    parts = [
        {"id": "11", "part_type": "comment", "redacted": False},
        {"id": "12", "part_type": "note", "redacted": False},
    ]
    return {
        "id": "7",
        "state": "open",
        "updated_at": 1_700_000_000,
        "source": {"id": "1"},
        "conversation_parts": {"conversation_parts": parts},
        **changed,
    }


def document(**changed: Any) -> Item:
    """Its document."""
    return {
        "pk": "ws#conversation#7",
        "sk": "document",
        "state": "open",
        "updated_at": "2023-11-14T22:13:20Z",
        **changed,
    }


def event(what: str, **changed: Any) -> Item:
    """One of its events."""
    source_id = f"intercom:conversation:7:{what}:conversation.replied"
    return {
        "pk": "ws#conversation#7",
        "sk": f"event#2023-11-14T22:13:20Z#{source_id}",
        "source_id": source_id,
        "body": "text",
        **changed,
    }


class Comparison(unittest.TestCase):
    """What `compare` says of one conversation."""

    def wrong(self, items: list[Item], **changed: Any) -> list[str]:
        """The comparison's findings."""
        return compare.thing("conversation", conversation(**changed), items)

    def test_nothing_is_wrong_when_all_is_there_and_the_note_is_not(self) -> None:
        self.assertEqual(self.wrong([document(), event("source"), event("11")]), [])

    def test_what_is_missing_is_named(self) -> None:
        self.assertEqual(self.wrong([]), ["conversation 7: no document"])
        self.assertEqual(
            self.wrong([document()]),
            ["conversation 7: no event of the opening message", "conversation 7: no event of part 11 (comment)"],
        )

    def test_a_remembered_note_is_noticed(self) -> None:
        found = self.wrong([document(), event("source"), event("11"), event("12")])
        self.assertEqual(found, ["conversation 7: internal note 12 was remembered"])

    def test_an_older_document_or_another_state_is_noticed(self) -> None:
        items = [document(), event("source"), event("11")]
        self.assertEqual(
            self.wrong(items, updated_at=1_700_000_001), ["conversation 7: the document is older than Intercom's"]
        )
        self.assertEqual(self.wrong(items, state="closed"), ["conversation 7: state 'open', Intercom has 'closed'"])

    def test_a_tombstone_is_no_document(self) -> None:
        found = self.wrong([document(deleted_at="2023-11-14T22:13:20Z")])
        self.assertEqual(found, ["conversation 7: a tombstone, though Intercom has it"])

    def test_redacted_text_that_is_still_there_is_noticed(self) -> None:
        redacted = {"conversation_parts": [{"id": "11", "part_type": "comment", "redacted": True}]}
        found = self.wrong([document(), event("source"), event("11")], conversation_parts=redacted)
        self.assertEqual(found, ["conversation 7: part 11 was redacted, its text is still there"])
        self.assertEqual(
            self.wrong([document(), event("source"), event("11", body="")], conversation_parts=redacted), []
        )

    def test_what_intercom_deleted_may_leave_no_events(self) -> None:
        tombstone = document(deleted_at="2023-11-14T22:13:20Z")
        self.assertEqual(compare.gone("conversation", "7", [tombstone]), [])
        self.assertEqual(len(compare.gone("conversation", "7", [tombstone, event("11")])), 1)
        self.assertEqual(len(compare.gone("conversation", "7", [document()])), 1)

    def test_what_intercom_does_not_have_may_not_be_remembered(self) -> None:
        truth: dict[str, list[Any]] = {kind: [] for kind in compare.KINDS}
        self.assertEqual(
            compare.everything(truth, {("conversation", "7"): [document()]}),
            ["conversation 7: remembered, though Intercom does not have it"],
        )


class Deeds(unittest.TestCase):
    """What `compare` says of a data event and of a content statistic."""

    def wrong(self, entity_type: str, truth: Item, fields: Item, at: str) -> list[str]:
        """The comparison's findings."""
        source_id = f"intercom:{entity_type}:5:@1700000000:{entity_type}.created"
        recorded = {"sk": f"event#{at}#{source_id}", "source_id": source_id, "occurred_at": at}
        return compare.thing(entity_type, {"id": "5", **truth}, [{"sk": "document", "fields": fields}, recorded])

    def test_a_data_event_is_by_its_name_contact_and_time(self) -> None:
        truth = {"event_name": "exported", "intercom_user_id": "c1", "created_at": 1_700_000_000}
        right = {"event_name": "exported", "contact_id": "c1"}
        self.assertEqual(self.wrong("data-event", truth, right, "2023-11-14T22:13:20Z"), [])
        found = self.wrong("data-event", truth, {**right, "contact_id": "c2"}, "2023-11-14T22:13:21Z")
        self.assertEqual(
            found,
            [
                "data-event 5: contact_id 'c2', Intercom has 'c1'",
                "data-event 5: events at [1700000001], Intercom has one at 1700000000",
            ],
        )

    def test_a_statistic_is_by_what_was_sent(self) -> None:
        truth = {"type": "content_stat.email", "contact": {"id": "c1"}, "created_at": "2023-11-14T22:13:20.000Z"}
        at = "2023-11-14T22:13:20Z"
        self.assertEqual(self.wrong("content-stat", truth, {"kind": "email", "contact_id": "c1"}, at), [])
        self.assertEqual(
            self.wrong("content-stat", truth, {"contact_id": "c1"}, at),
            ["content-stat 5: kind None, Intercom has 'email'"],
        )


class Reading(unittest.TestCase):
    """How items are read."""

    def test_the_pieces_of_a_long_event_are_put_together(self) -> None:
        head = event("11", body="one ")
        piece = {"pk": head["pk"], "sk": head["sk"] + "#1700000000#0001", "body": "two"}
        self.assertEqual([e["body"] for e in memory.events_of([head, piece])], ["one two"])
        self.assertEqual(memory.kind_of(piece), "piece")

    def test_times_are_read_as_numbers_and_as_text(self) -> None:
        self.assertEqual(memory.seconds("2023-11-14T22:13:20Z"), 1_700_000_000)
        self.assertEqual(memory.seconds(1_700_000_000), 1_700_000_000)
        self.assertEqual(memory.seconds(None), 0)

    def test_ids_are_read_back_from_keys(self) -> None:
        self.assertEqual(memory.name_of({"pk": "ws#company#a%23b%25c"}), ("company", "a#b%c"))


if __name__ == "__main__":
    unittest.main()
