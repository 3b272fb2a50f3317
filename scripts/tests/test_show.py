"""What `make show` finds and how it shows it: names beside ids, each text once, mentions by their own time."""

from __future__ import annotations

import json
import sys
import unittest
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from local import browser, finding, window
from local.finding import Asked
from local.memory import document_of
from local.names import Names, keys_in
from local.rendering import head, link_line, markdown, row, words_of

Item = dict[str, Any]
TODAY = date(2026, 11, 27)


def document(kind: str, key: str, title: str, **more: Any) -> Item:
    """A document."""
    return {
        "pk": f"ws#{kind}#{key}",
        "sk": "document",
        "entity_type": kind,
        "entity_id": key,
        "title": title,
        **more,
    }


def event(
    key: str, at: str, action: str, title: str, body: str = "", targets: tuple[str, ...] = (), **attributes: Any
) -> Item:
    """An event of a conversation."""
    source_id = f"intercom:conversation:{key}:{at}:conversation.{action}"
    relations = [
        {"target": {"provider": "linear", "entity_type": "issue", "entity_id": target}, "relationship": "references"}
        for target in targets
    ]
    return {
        "pk": f"ws#conversation#{key}",
        "sk": f"event#{at}#{source_id}",
        "source_id": source_id,
        "event_type": f"conversation.{action}",
        "occurred_at": at,
        "title": title,
        "body": body,
        "attributes": attributes,
        "relations": relations,
    }


def relation(owner: str, provider: str, kind: str, key: str, relationship: str) -> Item:
    """A relation of a conversation, or of a contact."""
    return {
        "pk": f"ws#{owner}",
        "sk": f"relation#{provider}#{kind}#{key}#{relationship}",
        "target_provider": provider,
        "target_type": kind,
        "target_id": key,
        "relationship": relationship,
    }


BY_INES = {"authorType": "user", "authorId": "c1"}
BY_KIM = {"authorType": "admin", "authorId": "97"}

THINGS = {
    ("contact", "c1"): [
        document("contact", "c1", "Ines Yamamoto", fields={"email": "ines@example.com", "company_ids": ["co1"]}),
        relation("contact#c1", "intercom", "company", "co1", "belongs_to"),
        relation("contact#c1", "intercom", "roster", "contact-3", "listed_in"),
    ],
    ("contact", "c2"): [document("contact", "c2", "Ines Example", fields={"email": "i.e@example.com"})],
    ("company", "co1"): [document("company", "co1", "Northwind Analytics", fields={"plan": "Pro"})],
    ("admin", "97"): [document("admin", "97", "Kim Lee")],
    ("conversation", "1"): [
        document("conversation", "1", "Export stops", state="open", updated_at="2026-11-27T09:00:00Z"),
        event(
            "1", "2026-10-01T08:00:00Z", "created", "[Conversation Created] The export", "The export stops.", **BY_INES
        ),
        event(
            "1",
            "2026-10-01T09:00:00Z",
            "assigned",
            "[Conversation Assigned] to admin 97",
            assignedToType="admin",
            assignedToId="97",
            **BY_KIM,
        ),
        event(
            "1",
            "2026-11-27T09:00:00Z",
            "replied",
            "[Customer Replied] see ENG-42",
            "see ENG-42\n\nIt crashes.",
            ("ENG-42",),
            **BY_INES,
        ),
        relation("conversation#1", "intercom", "contact", "c1", "raised_by"),
        relation("conversation#1", "linear", "issue", "ENG-42", "references"),
    ],
    ("conversation", "2"): [
        document("conversation", "2", "Later born", state="closed", updated_at="2026-11-02T08:00:00Z"),
        event(
            "2",
            "2026-11-01T08:00:00Z",
            "created",
            "[Conversation Created] like ENG-42",
            "like ENG-42, and ENG-7",
            ("ENG-42", "ENG-7"),
        ),
        event("2", "2026-11-02T08:00:00Z", "closed", "[Conversation Closed]", **BY_KIM),
        relation("conversation#2", "linear", "issue", "ENG-42", "references"),
        relation("conversation#2", "linear", "issue", "ENG-7", "references"),
    ],
    ("conversation", "3"): [
        document("conversation", "3", "", deleted_at="2026-11-03T00:00:00Z", reason="conversation.deleted"),
    ],
}
NAMES = Names(found for items in THINGS.values() if (found := document_of(items)))


class Asking(unittest.TestCase):
    def test_the_words_say_what_is_asked_for(self) -> None:
        cases = {
            "": Asked("all"),
            "contacts": Asked("kind", "contact"),
            "companies": Asked("kind", "company"),
            "conversation 215": Asked("thing", "conversation", ("215",)),
            "contact Ines Yamamoto": Asked("thing", "contact", ("Ines", "Yamamoto")),
            "mentions linear issue ENG-42": Asked("mentions", words=("linear", "issue", "ENG-42")),
            "mentions": Asked("usage"),
            "search export crash": Asked("search", words=("export", "crash")),
            "export crash": Asked("search", words=("export", "crash")),
            "since 2026-11-20": Asked("when", since="2026-11-20", until="~"),
            "on yesterday": Asked("when", since="2026-11-26", until="2026-11-26~"),
            "since forever": Asked("search", words=("since", "forever")),
            "help": Asked("usage"),
        }
        for words, expected in cases.items():
            self.assertEqual(finding.asked(words.split(), TODAY), expected, words)


class Finding(unittest.TestCase):
    def named(self, kind: str, *words: str) -> finding.Found:
        """What is found of a kind."""
        return finding.thing(kind, words, THINGS, NAMES)

    def test_a_contact_is_found_by_id_by_address_and_by_name(self) -> None:
        for words in (("c1",), ("INES@example.com",), ("ines", "yamamoto"), ("yama",)):
            self.assertEqual(self.named("contact", *words).keys, (("contact", "c1"),), words)
        self.assertEqual(len(self.named("contact", "Ines").keys), 2, "both, so that one can be chosen")

    def test_a_company_and_a_teammate_are_found_by_name(self) -> None:
        self.assertEqual(self.named("company", "northwind").keys, (("company", "co1"),))
        self.assertEqual(self.named("admin", "Kim", "Lee").keys, (("admin", "97"),))

    def test_whoever_is_not_there_is_answered_with_who_is_like_it(self) -> None:
        found = self.named("contact", "Ines", "Yamamato")
        self.assertEqual((found.keys, found.why.endswith("did you mean Ines Yamamoto?")), ((), True), found.why)
        self.assertEqual(self.named("tag", "x").why, "nothing is remembered of a tag x")

    def test_mentions_are_found_with_and_without_provider_and_kind(self) -> None:
        for words in (("ENG-42",), ("eng-42",), ("linear", "ENG-42"), ("linear", "issue", "ENG-42")):
            self.assertEqual(finding.mentioned(words, THINGS, NAMES).targets, (("linear", "issue", "ENG-42"),), words)
        by_name = finding.mentioned(("contact", "Ines", "Yamamoto"), THINGS, NAMES).targets
        self.assertEqual(by_name, (("intercom", "contact", "c1"),))

    def test_an_unknown_provider_kind_or_id_is_answered_with_what_there_is(self) -> None:
        def why(words: str) -> str:
            return finding.mentioned(tuple(words.split()), THINGS, NAMES).why

        self.assertIn("no provider is called linar; did you mean linear?", why("linar issue ENG-42"))
        self.assertIn("no kind of linear things is called isue; did you mean issue?", why("linear isue ENG-42"))
        self.assertIn("did you mean ENG-42", why("linear issue ENG-43"))
        self.assertIn("did you mean ENG-42", why("ENG-43"))
        self.assertIn("search for words", why("nothing-like-it"))

    def test_newest_first_goes_by_the_mention_and_not_by_the_conversations_birth(self) -> None:
        links = finding.links_to(("linear", "issue", "ENG-42"), THINGS, NAMES)
        self.assertEqual(
            [(link.at, link.key) for link in links], [("2026-11-27T09:00:00Z", "1"), ("2026-11-01T08:00:00Z", "2")]
        )
        self.assertEqual(
            link_line(links[0]),
            "2026-11-27 09:00  conversation 1  Export stops  (references)\n    Ines Yamamoto (contact c1): see ENG-42 It crashes.",
        )

    def test_words_are_found_in_texts_names_and_addresses_and_all_of_them_have_to_be_there(self) -> None:
        def keys(*words: str) -> list[str]:
            return [link.key for link in finding.search(words, THINGS, NAMES)]

        self.assertEqual(keys("EXPORT", "crashes"), ["1"])
        self.assertEqual(keys("eng-42"), ["1", "2"])
        self.assertEqual(keys("ines@example.com", "export"), ["1"])
        self.assertEqual(keys("export", "giraffe"), [])
        found = finding.search(("crashes",), THINGS, NAMES)[0]
        self.assertEqual((found.at, "It crashes." in found.said), ("2026-11-27T09:00:00Z", True))
        self.assertIn("did you mean conversation 2?", finding.nothing_found(("convresation", "2"), NAMES))

    def test_a_long_text_is_cut_around_the_word(self) -> None:
        long = event("1", "2026-10-01T08:00:00Z", "replied", "[x] y", "a " * 200 + "needle" + " b" * 200, **BY_INES)
        said = finding.snippet(long, NAMES, ("needle",))
        self.assertTrue("…" in said and "needle" in said and len(said) < 2 * finding.SNIPPET, said)

    def test_what_happened_on_a_day_is_found(self) -> None:
        found = finding.happened("2026-11-01", "2026-11-01~", THINGS, NAMES)
        self.assertEqual([(link.key, link.relationship) for link in found], [("2", "created")])
        self.assertEqual(len(finding.happened("2026-11-01", "~", THINGS, NAMES)), 3)


class Showing(unittest.TestCase):
    def test_a_conversation_names_everybody_and_shows_each_text_once(self) -> None:
        text = markdown(THINGS[("conversation", "1")], NAMES)
        self.assertEqual(
            text,
            "# Export stops\n\n"
            "conversation 1 · open\n\n"
            "- raised by: Ines Yamamoto (contact c1), ines@example.com, of Northwind Analytics\n"
            "- references: linear issue ENG-42\n\n"
            "## 2026-10-01 08:00 · Ines Yamamoto (contact c1) began the conversation\n\n> The export stops.\n\n"
            "## 2026-10-01 09:00 · Kim Lee (admin 97) took it\n\n"
            "## 2026-11-27 09:00 · Ines Yamamoto (contact c1) replied\n\n> see ENG-42\n>\n> It crashes.\n",
        )

    def test_a_contact_shows_address_company_and_what_it_has_to_do_with(self) -> None:
        links = finding.links_to(("intercom", "contact", "c1"), THINGS, NAMES)
        text = markdown(THINGS[("contact", "c1")], NAMES, links)
        self.assertIn("- email: ines@example.com\n- belongs to: Northwind Analytics (company co1)", text)
        self.assertIn(
            "## 1 that link here, newest first\n\n- 2026-11-27 09:00  conversation 1  Export stops  (raised by)", text
        )
        self.assertNotIn("roster", text)

    def test_what_a_bot_did_and_what_was_deleted_say_so(self) -> None:
        fin = event(
            "1",
            "2026-10-01T08:00:00Z",
            "replied",
            "[Fin Replied] Hi",
            "Hi",
            authorType="bot",
            authorId="5",
            fromAiAgent=True,
        )
        self.assertIn("· Fin replied", markdown([document("conversation", "1", "x"), fin], NAMES))
        gone = {**fin, "redacted": True, "body": "", "title": "[Message Deleted]"}
        self.assertEqual(words_of(gone, NAMES), "(message deleted)")
        told = event(
            "1", "2026-10-01T08:00:00Z", "attribute-updated", "[Conversation Attribute Updated] plan → admin 97"
        )
        self.assertEqual(words_of(told, NAMES), "plan → Kim Lee (admin 97)")
        self.assertIn("gone since 2026-11-03 00:00", head(THINGS[("conversation", "3")][0], [], NAMES)[0])

    def test_the_list_of_everything_has_titles_names_and_addresses(self) -> None:
        rows = [row(*key, items, NAMES) for key, items in THINGS.items()]
        self.assertEqual(
            " ".join(rows[0].split()), "contact c1 Ines Yamamoto · ines@example.com, of Northwind Analytics"
        )
        self.assertEqual(" ".join(rows[4].split()), "conversation 1 Export stops · Ines Yamamoto")
        self.assertTrue(rows[6].endswith("(gone since 2026-11-03 00:00)"))

    def test_names_that_a_conversation_repeats_do_where_the_people_are_not_remembered(self) -> None:
        participant = {"type": "contact", "id": "c9", "name": None, "signed_as": "Dana"}
        fields = {"admin_assignee_id": "98", "admin_assignee": "Sam"}
        names = Names([document("conversation", "9", "t", participants=[participant], fields=fields)])
        self.assertEqual((names.of("user", "c9"), names.label("admin", "98")), ("Dana", "Sam (admin 98)"))
        self.assertEqual(names.label("lead", "c8"), "contact c8")


class FakeMemory:
    """As much of the memory as the window reads."""

    def thing(self, kind: str, key: str) -> list[Item]:
        """One thing."""
        return THINGS.get((kind, key), [])

    def documents_of(self, keys: list[tuple[str, str]]) -> list[Item]:
        """Documents by key."""
        return [found for key in keys if (found := document_of(THINGS.get(key, [])))]


class Window(unittest.TestCase):
    def setUp(self) -> None:
        self.window = window.MemoryWindow(FakeMemory())  # type: ignore[arg-type]
        self.addCleanup(self.window.close)

    def test_a_conversation_is_told_with_its_parts_and_names(self) -> None:
        status, _, text = browser.request("GET", f"{self.window.url}/conversations/1")
        answer = json.loads(text)
        self.assertEqual(status, 200)
        self.assertEqual(answer["text"], markdown(THINGS[("conversation", "1")], NAMES))
        self.assertEqual(len(answer["parts"]), 3)
        self.assertEqual(keys_in(THINGS[("conversation", "1")]), [("contact", "c1"), ("admin", "97")])

    def test_what_is_not_remembered_is_empty_and_other_names_and_paths_are_refused(self) -> None:
        _, _, text = browser.request("GET", f"{self.window.url}/conversations/none")
        self.assertEqual(json.loads(text), {"parts": [], "text": ""})
        self.assertEqual(browser.request("GET", f"{self.window.url}/")[0], 404)
        foreign = {"Host": "evil.example"}
        self.assertEqual(browser.request("GET", f"{self.window.url}/conversations/1", headers=foreign)[0], 404)


if __name__ == "__main__":
    unittest.main()
