//! What one look at one thing of Intercom's amounts to.

use std::collections::BTreeMap;

use intercom::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::EntityRef;

/// Everything that one object of Intercom's says: the thing as it is, what happened to it, what it is linked to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// The thing as it is.
    pub document: Document,
    /// What happened, in order of time, each source id once.
    pub events: Vec<Event>,
    /// Its links, sorted, each once.
    pub relations: Vec<Relation>,
}

/// A thing as it is now. Only here, never in events, are names, addresses and whatever else changes with time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Which thing.
    pub entity: EntityRef,
    /// One line for people; never empty.
    pub title: String,
    /// `open`, `closed`, `published` …, as Intercom spells it.
    #[serde(default)]
    pub state: Option<String>,
    /// Where a person can open it.
    #[serde(default)]
    pub url: Option<String>,
    /// Its own text in Markdown, whole: an article's, a ticket's description. A conversation's text is in its events.
    #[serde(default)]
    pub body: Option<String>,
    /// When it came to be.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    /// Intercom's `updated_at`, else `created_at`, else 1970: the first half of the document's version.
    pub updated_at: Timestamp,
    /// Fields by kind (docs/data-model.md); no nulls.
    #[serde(default)]
    pub fields: Map<String, Value>,
    /// Who takes part, sorted by type and id.
    #[serde(default)]
    pub participants: Vec<Participant>,
    /// Numbers of things in it.
    #[serde(default)]
    pub counts: BTreeMap<String, u64>,
    /// Intercom listed fewer parts than there are (it serves the newest 500).
    #[serde(default)]
    pub parts_truncated: bool,
}

impl Document {
    /// The field of a conversation in which teammates talk among themselves.
    pub const INTERNAL: &'static str = "internal";

    /// Whether teammates talk among themselves in it: where notes are off, nothing of it is kept.
    pub fn is_internal(&self) -> bool {
        self.fields.get(Self::INTERNAL).and_then(Value::as_bool).unwrap_or(false)
    }
}

/// Somebody who takes part in a conversation or ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// `contact`, `admin`, `team`, `bot`, or what else Intercom wrote.
    #[serde(rename = "type")]
    pub kind: String,
    /// Intercom's id.
    pub id: String,
    /// The name, where one is known; never an e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The name as their latest message shows it. [`View::complete`] prefers the one that memory knows of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_as: Option<String>,
    /// `raised_by`, `participant`, `assignee`, `teammate`.
    pub role: String,
}

/// One thing that happened. A function of the part (or of the object's own times), never of what changes later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// To what.
    pub entity: EntityRef,
    /// `intercom:<entity>:<entity id>:<what>:<event type>`, at most 255 bytes: the idempotency key.
    pub source_id: String,
    /// `kebab-entity.past-tense-action`
    pub event_type: String,
    /// When.
    pub occurred_at: Timestamp,
    /// The part's `updated_at`, else `occurred_at`: the later version of an event wins.
    pub version: Timestamp,
    /// Intercom has deleted the text; wins over every version that has not.
    #[serde(default)]
    pub redacted: bool,
    /// One line, 1 to 200 UTF-16 units.
    pub title: String,
    /// Markdown, whole, of any length; may be empty.
    #[serde(default)]
    pub body: String,
    /// Flat: strings, numbers, booleans.
    #[serde(default)]
    pub attributes: BTreeMap<String, Value>,
    /// Author, assignee and the references in this part's own text; sorted, each once.
    #[serde(default)]
    pub relations: Vec<Link>,
    /// The id of the part that this event was read from; `None` for the opening message and for events by time.
    #[serde(default)]
    pub part_id: Option<String>,
}

impl Event {
    /// UUIDv5 of the source id: the same wherever and whenever the event is made.
    pub fn delivery_id(&self) -> String {
        // The namespace is itself the UUIDv5 (namespace URL) of this name, so that nothing is arbitrary.
        let namespace = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, b"intercom-memory:source-id");
        uuid::Uuid::new_v5(&namespace, self.source_id.as_bytes()).to_string()
    }
}

/// The other end of a link.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RelationTarget {
    /// `intercom`, `linear`, `github`, `jira`, `sentry`, `vercel`, or `web` for any other address.
    pub provider: String,
    /// `contact`, `issue`, `pr`, `url` …
    pub entity_type: String,
    /// The id there.
    pub entity_id: String,
    /// A name for people, where one was to hand.
    #[serde(default)]
    pub title: Option<String>,
    /// Where a person can open it.
    #[serde(default)]
    pub url: Option<String>,
}

impl RelationTarget {
    /// A target without title and address.
    pub fn new(provider: &str, entity_type: &str, entity_id: impl Into<String>) -> Self {
        Self {
            provider: provider.to_owned(),
            entity_type: entity_type.to_owned(),
            entity_id: entity_id.into(),
            title: None,
            url: None,
        }
    }
}

/// A typed link of an event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Link {
    /// To what.
    pub target: RelationTarget,
    /// In which way: `authored_by`, `references` … (snake case, at most 50 characters).
    pub relationship: String,
}

/// A typed link of a thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// From what.
    pub entity: EntityRef,
    /// When the thing came to be (1970 where nobody knows): the order in `by_relation`, which must never change.
    pub entity_created_at: Timestamp,
    /// To what.
    pub target: RelationTarget,
    /// In which way.
    pub relationship: String,
}

impl Relation {
    /// The sort key of its item.
    pub fn sk(&self) -> String {
        crate::keys::relation_sk(
            &self.target.provider,
            &self.target.entity_type,
            &self.target.entity_id,
            &self.relationship,
        )
    }
}

impl View {
    /// Brings a view into the one order that it has whatever the order of Intercom's lists: events by time, links
    /// sorted, nothing twice. Of two events with one source id the redacted, then the later one is kept.
    pub(crate) fn settle(&mut self) {
        for event in &mut self.events {
            settle_links(&mut event.relations, |link| (&link.relationship, &link.target));
        }
        let age = |event: &Event| (std::cmp::Reverse(event.redacted), std::cmp::Reverse(event.version));
        self.events.sort_by(|a, b| (a.occurred_at, &a.source_id, age(a)).cmp(&(b.occurred_at, &b.source_id, age(b))));
        self.events.dedup_by(|later, earlier| later.source_id == earlier.source_id);
        settle_links(&mut self.relations, |relation| (&relation.relationship, &relation.target));
    }
}

/// Sorts links and keeps one of each relationship and target: the one that tells most (title, address), which sorts last.
fn settle_links<T>(links: &mut Vec<T>, key: impl Fn(&T) -> (&String, &RelationTarget)) {
    links.sort_by(|a, b| key(b).cmp(&key(a)));
    links.dedup_by(|later, earlier| {
        let ((ours, target), (theirs, other)) = (key(later), key(earlier));
        ours == theirs && target.is_same_as(other)
    });
    links.reverse();
}

impl RelationTarget {
    /// Whether both name the same thing, whatever title and address they carry.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        (&self.provider, &self.entity_type, &self.entity_id) == (&other.provider, &other.entity_type, &other.entity_id)
    }
}
