"""What is remembered, for people: one thing as Markdown, lists of one line a thing. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .memory import Item, document_of, events_of, kind_of
from .names import Names, one_line, person

#: The fields of a document that say most, beside what its relations say.
FIELDS = {
    "conversation": ("priority", "subject", "page_url", "rating", "rating_remark"),
    "ticket": ("ticket_type", "state_label", "category"),
    "contact": ("email", "phone", "external_id", "language", "country", "city", "signed_up_at", "last_seen_at"),
    "company": ("company_id", "plan", "size", "website", "industry", "monthly_spend", "user_count"),
    "admin": ("email", "job_title"),
    "article": ("description",),
    "data-event": ("metadata",),
    "content-stat": ("stat",),
}

#: What an event did, after its author's name.
DEEDS = {
    "created": "began it",
    "replied": "replied",
    "noted": "noted",
    "opened": "opened it",
    "closed": "closed it",
    "snoozed": "snoozed it",
    "unsnoozed": "woke it",
    "rated": "rated it",
    "rating-changed": "changed the rating",
    "tags-updated": "changed the tags",
    "title-changed": "changed the title",
    "priority-changed": "changed the priority",
    "state-updated": "changed the state",
    "attribute-updated": "changed an attribute",
    "attribute-requested": "asked for an attribute",
    "attribute-collected": "was told an attribute",
    "company-updated": "changed the company",
    "reply-time-announced": "announced when to expect a reply",
    "participant-added": "added somebody",
    "participant-removed": "removed somebody",
    "merged": "merged another into it",
}

#: As many things as are listed under another one.
LISTED = 20


@dataclass(frozen=True)
class Link:
    """A thing that links to another, with its last moment that has to do with it."""

    at: str
    kind: str
    key: str
    title: str
    relationship: str
    said: str = ""


def markdown(items: list[Item], names: Names, links: list[Link] | None = None) -> str:
    """One thing: what it is, whom it has to do with, what happened in order, what links to it."""
    document = document_of(items) or {}
    lines = [f"# {one_line(str(document.get('title') or '(no title)'))}", "", *head(document, items, names)]
    body = whole_body(items)
    if body:
        lines += ["", *quoted(body)]
    for event in events_of(items):
        lines += ["", f"## {heading(event, names)}"]
        said = words_of(event, names)
        if said:
            lines += ["", *quoted(said)]
    if links:
        lines += ["", f"## {len(links)} that link here, newest first", ""]
        lines += [f"- {row}" for link in links[:LISTED] for row in [link_line(link)]]
        if len(links) > LISTED:
            lines.append(f"- … and {len(links) - LISTED} more")
    return "\n".join(lines).rstrip() + "\n"


def head(document: Item, items: list[Item], names: Names) -> list[str]:
    """Kind, id, state and address; fields; relations, each of one kind in a line."""
    kind, key = str(document.get("entity_type", "")), str(document.get("entity_id", ""))
    facts = [f"{kind} {key}", document.get("state"), document.get("url")]
    if "deleted_at" in document:
        facts.append(f"gone since {moment(document['deleted_at'])} ({document.get('reason', 'no reason')})")
    lines = [" · ".join(str(fact) for fact in facts if fact), ""]
    fields = document.get("fields") or {}
    for name in FIELDS.get(kind, ()):
        if fields.get(name) not in (None, "", [], {}):
            lines.append(f"- {name.replace('_', ' ')}: {plain(fields[name])}")
    related: dict[str, list[str]] = {}
    for item in items:
        if kind_of(item) == "relation" and item["target_type"] != "roster":
            related.setdefault(item["relationship"], []).append(target(item, names))
    lines += [f"- {relationship.replace('_', ' ')}: {', '.join(them)}" for relationship, them in related.items()]
    return lines if lines[-1] else lines[:-1]


def target(relation: Item, names: Names) -> str:
    """What a relation leads to, by name, with what tells it from others of that name."""
    provider, kind, key = (str(relation[name]) for name in ("target_provider", "target_type", "target_id"))
    if provider != "intercom":
        title = relation.get("target_title")
        return f"{provider} {kind} {key}" + (f" ({title})" if title else "")
    label = names.label(kind, key)
    return f"{label}, {about(names, key)}" if kind == "contact" and about(names, key) else label


def about(names: Names, contact: str) -> str:
    """E-mail and companies of a contact."""
    email = names.emails.get(("contact", contact))
    companies = names.companies_of(contact)
    return ", ".join([*([email] if email else []), *([f"of {' and '.join(companies)}"] if companies else [])])


def heading(event: Item, names: Names) -> str:
    """When, who, what."""
    when = moment(event["occurred_at"])
    action = event["event_type"].partition(".")[2]
    who = author(event, names)
    if who is None:
        return f"{when} · {label_of(event)}"
    deed = DEEDS.get(action, action.replace("-", " "))
    if action == "created":
        deed = f"began the {event['event_type'].partition('.')[0]}"
    if action == "assigned":
        whom = to_whom(event, names)
        return f"{when} · {who} {'took it' if whom == who else f'assigned it to {whom}'}"
    return f"{when} · {who} {deed}"


def author(event: Item, names: Names) -> str | None:
    """Who did it, by name."""
    attributes = event.get("attributes") or {}
    kind, key = person(str(attributes.get("authorType") or "")), str(attributes.get("authorId") or "")
    if kind == "bot":
        return "Fin" if attributes.get("fromAiAgent") or attributes.get("isAiAnswer") else "A bot"
    return names.label(kind, key) if kind and key else None


def to_whom(event: Item, names: Names) -> str:
    """To whom something was assigned."""
    attributes = event.get("attributes") or {}
    kind, key = attributes.get("assignedToType"), attributes.get("assignedToId")
    return names.label(str(kind), str(key)) if kind and key else "nobody"


def label_of(event: Item) -> str:
    """What a title says in its brackets."""
    title = str(event.get("title") or event["event_type"])
    return title[1 : title.index("]")] if title.startswith("[") and "]" in title else title


def words_of(event: Item, names: Names) -> str:
    """What was said, once: the text whole, or where there is none what the title says of it."""
    body = str(event.get("body") or "").strip()
    if body:
        return body
    title = str(event.get("title") or "")
    if event.get("redacted"):
        return f"({label_of(event).lower()})"
    if event["event_type"].endswith(".assigned") or "]" not in title:
        return ""
    return names.in_text(title.partition("]")[2].strip())


def whole_body(items: list[Item]) -> str:
    """The text of a document, the continuations of a long one put behind its head."""
    pieces = [item for item in items if item["sk"] == "document" or item["sk"].startswith("document#")]
    return "".join(str(item.get("body") or "") for item in pieces).strip()


def quoted(text: str) -> list[str]:
    """As a quotation."""
    return [f"> {line}".rstrip() for line in text.splitlines()]


def moment(iso: Any) -> str:
    """`2026-11-20T10:15:30Z` as `2026-11-20 10:15`, in UTC."""
    text = str(iso or "")
    return f"{text[:10]} {text[11:16]}".strip()


def plain(value: Any) -> str:
    """A field's value on one line."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {plain(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(plain(one) for one in value)
    if isinstance(value, Decimal):
        return str(int(value)) if value == value.to_integral_value() else str(value)
    return one_line(str(value))


def link_line(link: Link) -> str:
    """One line of a list: when, what, its title, how it has to do with what was asked for, and what was said."""
    line = f"{moment(link.at)}  {link.kind} {link.key}  {link.title or '(no title)'}"
    if link.relationship:
        line += f"  ({link.relationship.replace('_', ' ')})"
    return line + (f"\n    {link.said}" if link.said else "")


def row(kind: str, key: str, items: list[Item], names: Names) -> str:
    """A thing in a list of everything: kind, id, title, and who it is about."""
    document = document_of(items) or {}
    if "deleted_at" in document:
        return f"{kind:<12} {key:<26} (gone since {moment(document['deleted_at'])})"
    parts = [one_line(str(document.get("title") or "(no title)"))]
    if kind == "contact":
        parts.append(about(names, key))
    else:
        whose = [
            names.of("contact", str(item["target_id"])) or f"contact {item['target_id']}"
            for item in items
            if item.get("relationship") in ("raised_by", "performed_by", "received_by")
        ]
        parts.append(", ".join(whose))
    return f"{kind:<12} {key:<26} {' · '.join(part for part in parts if part)}"
