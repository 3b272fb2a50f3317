//! What the emulated workspace holds. Objects are kept whole in REST shape; the views of [`crate::view`] cut them as
//! Intercom does.

mod catalogue;
mod dialogue;
mod library;
pub(crate) mod people;
pub(crate) mod seed;
pub(crate) mod shapes;
pub(crate) mod thread;
pub(crate) mod ticket;

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::json::{int, text};
use crate::rng::Rng;

/// How big the invented workspace is, and which one it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Seed {
    /// Two worlds of one seed, size and time are equal.
    pub seed: u64,
    /// Number of conversations.
    pub conversations: u32,
    /// Number of contacts, users and leads together.
    pub contacts: u32,
    /// Number of companies.
    pub companies: u32,
    /// Number of help-centre articles.
    pub articles: u32,
    /// Number of tickets.
    pub tickets: u32,
    /// Every conversation has just so many parts; where absent, as many as its script gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parts_per_conversation: Option<u32>,
}

impl Default for Seed {
    fn default() -> Self {
        Self {
            seed: 42,
            conversations: 240,
            contacts: 80,
            companies: 12,
            articles: 20,
            tickets: 12,
            parts_per_conversation: None,
        }
    }
}

/// The workspace as `/me` describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// The id code: `app_id` of every webhook, tenant key of the connector.
    pub id_code: String,
    /// Display name.
    pub name: String,
    /// `US`, `EU` or `AU`.
    pub region: String,
    /// IANA name. The emulator counts calendar days in UTC whatever it says.
    pub timezone: String,
}

impl Default for Workspace {
    fn default() -> Self {
        Self {
            id_code: "acmews01".to_owned(),
            name: "Acme Cloud (emulated)".to_owned(),
            region: "US".to_owned(),
            timezone: "Etc/UTC".to_owned(),
        }
    }
}

/// What can be stored, under the names of the controls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Conversations, with all their parts.
    Conversations,
    /// Users and leads that are neither archived, merged away nor deleted.
    Contacts,
    /// Companies.
    Companies,
    /// Tickets, with all their parts.
    Tickets,
    /// Help-centre articles, drafts included.
    Articles,
    /// Teammates and Fin.
    Admins,
    /// Teams.
    Teams,
    /// Tags.
    Tags,
    /// Segments.
    Segments,
    /// Data events.
    Events,
}

impl Kind {
    /// Every kind, in the order in which they are shown.
    pub const ALL: [Self; 10] = [
        Self::Conversations,
        Self::Contacts,
        Self::Companies,
        Self::Tickets,
        Self::Articles,
        Self::Admins,
        Self::Teams,
        Self::Tags,
        Self::Segments,
        Self::Events,
    ];

    /// The name in controls and in `truth`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Conversations => "conversations",
            Self::Contacts => "contacts",
            Self::Companies => "companies",
            Self::Tickets => "tickets",
            Self::Articles => "articles",
            Self::Admins => "admins",
            Self::Teams => "teams",
            Self::Tags => "tags",
            Self::Segments => "segments",
            Self::Events => "events",
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| format!("unknown kind {name:?}"))
    }
}

/// Something that was deleted for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deleted {
    /// What it was.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// When, seconds since the epoch.
    pub deleted_at: i64,
}

/// One contact merged into another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Merge {
    /// The contact that is gone.
    pub source_contact_id: String,
    /// Its role at the time.
    pub source_contact_role: String,
    /// The survivor.
    pub into: String,
    /// When, seconds since the epoch.
    pub merged_at: i64,
}

/// Everything the workspace holds.
#[derive(Debug)]
pub(crate) struct World {
    pub workspace: Workspace,
    pub rng: Rng,
    pub deleted: Vec<Deleted>,
    pub merges: Vec<Merge>,
    /// Contacts that can come back: neither listed nor served.
    pub archived_contacts: BTreeMap<String, Value>,
    objects: BTreeMap<Kind, BTreeMap<String, Value>>,
    counters: Counters,
}

/// Ids already given out. Part ids are one sequence over all conversations and tickets, as at Intercom.
#[derive(Debug)]
struct Counters {
    conversation: u64,
    source: u64,
    part: u64,
    ticket: u64,
    article: u64,
}

impl World {
    pub(crate) fn empty(workspace: Workspace, seed: u64) -> Self {
        Self {
            workspace,
            rng: Rng::stream(seed, "world", 0),
            deleted: Vec::new(),
            merges: Vec::new(),
            archived_contacts: BTreeMap::new(),
            objects: BTreeMap::new(),
            counters: Counters {
                conversation: 215_470_000_000_100,
                source: 3_300_000_000,
                part: 37_350_000_000,
                ticket: 0,
                article: 15_000_000,
            },
        }
    }

    pub(crate) fn get(&self, kind: Kind, id: &str) -> Option<&Value> {
        self.objects.get(&kind)?.get(id)
    }

    pub(crate) fn get_mut(&mut self, kind: Kind, id: &str) -> Option<&mut Value> {
        self.objects.get_mut(&kind)?.get_mut(id)
    }

    /// Stores an object under its own id; nothing where it has none.
    pub(crate) fn put(&mut self, kind: Kind, object: Value) -> Option<String> {
        let id = crate::json::id_of(object.get("id")?)?;
        self.put_as(kind, id.clone(), object);
        Some(id)
    }

    pub(crate) fn put_as(&mut self, kind: Kind, id: String, object: Value) {
        self.deleted.retain(|gone| gone.kind != kind || gone.id != id);
        self.objects.entry(kind).or_default().insert(id, object);
    }

    pub(crate) fn take(&mut self, kind: Kind, id: &str) -> Option<Value> {
        self.objects.get_mut(&kind)?.remove(id)
    }

    /// Deletes for good, and remembers that and when.
    pub(crate) fn delete(&mut self, kind: Kind, id: &str, at: i64) -> Option<Value> {
        let gone = self.take(kind, id)?;
        self.deleted.push(Deleted { kind, id: id.to_owned(), deleted_at: at });
        Some(gone)
    }

    pub(crate) fn all(&self, kind: Kind) -> impl Iterator<Item = &Value> {
        self.objects.get(&kind).into_iter().flat_map(BTreeMap::values)
    }

    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.objects.get(&kind).map_or(0, BTreeMap::len)
    }

    /// A seeded-random object that suits.
    pub(crate) fn any(&mut self, kind: Kind, suits: impl Fn(&Value) -> bool) -> Option<Value> {
        let ids: Vec<String> =
            self.objects.get(&kind)?.iter().filter(|(_, object)| suits(object)).map(|(id, _)| id.clone()).collect();
        let id = self.rng.pick(&ids)?.clone();
        self.get(kind, &id).cloned()
    }

    /// The next whole second at which an object last changed at `before` may change: never the same second twice, so
    /// that `updated_at` tells versions apart.
    pub(crate) const fn tick(before: i64, now: i64) -> i64 {
        if now > before { now } else { before + 1 }
    }

    /// The record of a merge in which `id` disappeared.
    pub(crate) fn merged_away(&self, id: &str) -> Option<&Merge> {
        self.merges.iter().find(|merge| merge.source_contact_id == id)
    }

    /// The first admin that is a person.
    pub(crate) fn owner(&self) -> Value {
        self.all(Kind::Admins)
            .find(|admin| !shapes::is_operator(admin))
            .cloned()
            .unwrap_or_else(|| json!({"type": "admin", "id": "9700001", "name": "Ada Park"}))
    }

    /// Fin, who is an admin too.
    pub(crate) fn operator(&self) -> Value {
        self.all(Kind::Admins)
            .find(|admin| shapes::is_operator(admin))
            .cloned()
            .unwrap_or_else(|| shapes::operator(&self.workspace.id_code))
    }

    pub(crate) fn next_conversation_id(&mut self) -> String {
        self.counters.conversation += 1;
        self.counters.conversation.to_string()
    }

    pub(crate) fn next_source_id(&mut self) -> String {
        self.counters.source += 1;
        self.counters.source.to_string()
    }

    pub(crate) fn next_part_id(&mut self) -> String {
        self.counters.part += 1;
        self.counters.part.to_string()
    }

    /// The id of a new ticket and the shorter one that people see.
    pub(crate) fn next_ticket_ids(&mut self) -> (String, String) {
        self.counters.ticket += 1;
        ((215_470_009_000_000 + self.counters.ticket).to_string(), (66_040_000 + self.counters.ticket).to_string())
    }

    pub(crate) fn next_article_id(&mut self) -> String {
        self.counters.article += 1;
        self.counters.article.to_string()
    }

    /// Counts, for the page of the controls.
    pub(crate) fn counts(&self) -> Value {
        let mut counts = json!({});
        for kind in Kind::ALL {
            crate::json::set(&mut counts, kind.name(), self.count(kind));
        }
        let parts: usize = self
            .all(Kind::Conversations)
            .map(|conversation| crate::json::list(conversation, thread::PARTS).len())
            .sum();
        crate::json::set(&mut counts, "conversation_parts", parts);
        counts
    }

    /// Conversations, newest first, with the key by which they are sorted.
    pub(crate) fn newest<'a>(&'a self, kind: Kind, by: &'a str) -> Vec<&'a Value> {
        let mut objects: Vec<&Value> = self.all(kind).collect();
        objects.sort_by(|a, b| int(b, by).cmp(&int(a, by)).then_with(|| text(b, "id").cmp(text(a, "id"))));
        objects
    }
}
