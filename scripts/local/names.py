"""Who bears which name: ids made readable. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

Item = dict[str, Any]
Key = tuple[str, str]

#: How Intercom calls people in a message, and what they are in memory.
PEOPLE = {"user": "contact", "lead": "contact", "visitor": "contact", "contact": "contact"}

#: What stands before an id in a title that was made of ids, such as `[Conversation Assigned] to admin 9700010`.
_NAMED_ID = re.compile(r"\b(admin|team|contact|user|lead|company) ([\w.-]+)")


def person(kind: str) -> str:
    """`user`, `lead` and `visitor` are contacts; everybody else is what they are called."""
    return PEOPLE.get(kind, kind)


class Names:
    """Names by kind and id, from the documents that bear them and from those that repeat them."""

    def __init__(self, documents: Iterable[Item]) -> None:
        self._own: dict[Key, str] = {}
        self._repeated: dict[Key, str] = {}
        self.emails: dict[Key, str] = {}
        self.companies: dict[Key, list[str]] = {}
        for document in documents:
            self._learn(document)

    def _learn(self, document: Item) -> None:
        key = (str(document.get("entity_type")), str(document.get("entity_id")))
        fields = document.get("fields") or {}
        if document.get("title"):
            self._own[key] = one_line(str(document["title"]))
        if fields.get("email"):
            self.emails[key] = str(fields["email"])
        if key[0] == "contact":
            self.companies[key] = [str(company) for company in fields.get("company_ids") or []]
        for participant in document.get("participants") or []:
            name = participant.get("name") or participant.get("signed_as")
            if name:
                self._repeated[(person(str(participant.get("type"))), str(participant.get("id")))] = str(name)
        for kind in ("admin", "team"):
            if fields.get(f"{kind}_assignee") and fields.get(f"{kind}_assignee_id"):
                self._repeated[(kind, str(fields[f"{kind}_assignee_id"]))] = str(fields[f"{kind}_assignee"])

    def of(self, kind: str, key: str) -> str | None:
        """The name of a thing, if anything remembered says it."""
        found = (person(kind), key)
        return self._own.get(found) or self._repeated.get(found)

    def label(self, kind: str, key: str) -> str:
        """The name with kind and id behind it: `Kim Lee (admin 9700010)`."""
        name = self.of(kind, key)
        return f"{name} ({person(kind)} {key})" if name else f"{person(kind)} {key}"

    def companies_of(self, contact: str) -> list[str]:
        """The companies of a contact, by name where there is one."""
        return [self.of("company", key) or f"company {key}" for key in self.companies.get(("contact", contact), [])]

    def in_text(self, text: str) -> str:
        """A text whose ids have their names before them."""
        return _NAMED_ID.sub(
            lambda found: self.label(found[1], found[2]) if self.of(found[1], found[2]) else found[0], text
        )


def one_line(text: str) -> str:
    """A text without its line breaks."""
    return " ".join(text.split())


def keys_in(items: list[Item]) -> list[Key]:
    """Whom and what the items of a thing name by id: their documents bear the names."""
    found: dict[Key, None] = {}
    for item in items:
        if item.get("target_provider") == "intercom":
            found[(str(item["target_type"]), str(item["target_id"]))] = None
        attributes = item.get("attributes") or {}
        for who in ("author", "assignedTo"):
            kind, key = attributes.get(f"{who}Type"), attributes.get(f"{who}Id")
            if kind and key:
                found[(person(str(kind)), str(key))] = None
    return [key for key in found if key[0] not in ("roster", "bot")]
