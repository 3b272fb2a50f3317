//! Things that happen in the workspace: each changes what the API answers and makes the notification that Intercom
//! would send.

mod content;
mod conversation;
mod people;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::error::ControlError;
use crate::json::text;
use crate::world::{Kind, World};

/// What shall happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A contact starts a conversation: `conversation.user.created`.
    ConversationCreated,
    /// The customer writes: `conversation.user.replied`.
    UserReplied,
    /// A teammate writes: `conversation.admin.replied`.
    AdminReplied,
    /// Fin writes: `conversation.operator.replied`.
    OperatorReplied,
    /// An internal note: `conversation.admin.noted`.
    AdminNoted,
    /// Assigned: `conversation.admin.assigned`. With a `body` one part carries message and assignment, and
    /// `conversation.admin.replied` is sent too, with the same part.
    AdminAssigned,
    /// Closed: `conversation.admin.closed`.
    AdminClosed,
    /// Reopened: `conversation.admin.opened`.
    AdminOpened,
    /// Snoozed for a day: `conversation.admin.snoozed`.
    AdminSnoozed,
    /// Priority toggled: `conversation.priority.updated`.
    PriorityChanged,
    /// Rated by the customer: `conversation.rating.added`.
    RatingAdded,
    /// A message is tagged: `conversation_part.tag.created`. The opening message where no part is named.
    ConversationTagged,
    /// A message is redacted: `conversation_part.redacted`.
    PartRedacted,
    /// Deleted for good: `conversation.deleted`.
    ConversationDeleted,
    /// A new contact: `contact.user.created` or `contact.lead.created`.
    ContactCreated,
    /// Changed: `contact.user.updated` or `contact.lead.updated`.
    ContactUpdated,
    /// Archived: `contact.archived`.
    ContactArchived,
    /// Back again: `contact.unarchive` (spelt so).
    ContactUnarchived,
    /// Deleted for good: `contact.deleted`.
    ContactDeleted,
    /// A lead (or `id`) merged into a user (or `into`): `contact.merged`.
    ContactMerged,
    /// A new company: `company.created`.
    CompanyCreated,
    /// Changed: `company.updated`.
    CompanyUpdated,
    /// Deleted: `company.deleted`.
    CompanyDeleted,
    /// A draft, or a new article, published: `article.published`.
    ArticlePublished,
    /// Changed: `article.updated`.
    ArticleUpdated,
    /// Back to draft: `article.unpublished`.
    ArticleUnpublished,
    /// Deleted: `article.deleted`, with the whole article as it was.
    ArticleDeleted,
    /// A new ticket: `ticket.created`.
    TicketCreated,
    /// The customer writes into a ticket: `ticket.contact.replied`.
    TicketReplied,
    /// A data event: `event.created`.
    EventCreated,
    /// A contact received an e-mail: `content_stat.email`. No request serves statistics.
    ContentStatRecorded,
    /// `ping`, whose id is null. Changes nothing.
    Ping,
}

/// How often the notification is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deliver {
    /// Not at all: a missed webhook.
    #[default]
    None,
    /// Once.
    Once,
    /// Twice, byte for byte the same.
    Twice,
}

/// A request to make something happen. Whatever is left out is chosen: seeded, at random, something that suits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Mutate {
    /// What shall happen.
    pub action: Action,
    /// The conversation, contact, company, article or ticket it happens to.
    #[serde(
        default,
        alias = "conversation_id",
        alias = "company_id",
        alias = "article_id",
        alias = "ticket_id",
        skip_serializing_if = "Option::is_none"
    )]
    pub id: Option<String>,
    /// Who writes, creates or does something; for actions on contacts the contact itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<String>,
    /// The teammate who acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_id: Option<String>,
    /// The part to tag or to redact; the id of the opening message is accepted too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_id: Option<String>,
    /// The survivor of a merge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub into: Option<String>,
    /// HTML of the message, note or article.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Fields written over the object (contacts, companies, articles), or the metadata of an event.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
    /// How often the notification is delivered.
    #[serde(default)]
    pub deliver: Deliver,
}

impl Mutate {
    /// An action of which everything else is chosen, and nothing delivered.
    #[must_use]
    pub fn new(action: Action) -> Self {
        Self {
            action,
            id: None,
            contact_id: None,
            admin_id: None,
            part_id: None,
            into: None,
            body: None,
            fields: Map::new(),
            deliver: Deliver::None,
        }
    }

    /// On this object.
    #[must_use]
    pub fn on(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// With these words (HTML).
    #[must_use]
    pub fn saying(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Delivered this often.
    #[must_use]
    pub const fn delivered(mut self, deliver: Deliver) -> Self {
        self.deliver = deliver;
        self
    }

    /// By this teammate.
    #[must_use]
    pub fn by_admin(mut self, id: impl Into<String>) -> Self {
        self.admin_id = Some(id.into());
        self
    }

    /// By, or on, this contact.
    #[must_use]
    pub fn by_contact(mut self, id: impl Into<String>) -> Self {
        self.contact_id = Some(id.into());
        self
    }
}

/// What happened: what is to be announced, and the ids of what it happened to.
#[derive(Debug)]
pub(crate) struct Change {
    /// Topic and item of each notification, in the order of sending.
    pub news: Vec<(&'static str, Value)>,
    /// When, seconds since the epoch.
    pub at: i64,
    pub ids: Value,
}

impl Change {
    fn one(topic: &'static str, item: Value, at: i64, ids: Value) -> Self {
        Self { news: vec![(topic, item)], at, ids }
    }
}

/// Makes it happen at `now` (seconds).
pub(crate) fn apply(world: &mut World, request: &Mutate, now: i64) -> Result<Change, ControlError> {
    use Action as A;
    match request.action {
        A::ConversationCreated
        | A::UserReplied
        | A::AdminReplied
        | A::OperatorReplied
        | A::AdminNoted
        | A::AdminAssigned
        | A::AdminClosed
        | A::AdminOpened
        | A::AdminSnoozed
        | A::PriorityChanged
        | A::RatingAdded
        | A::ConversationTagged
        | A::PartRedacted
        | A::ConversationDeleted => conversation::apply(world, request, now),
        A::ContactCreated
        | A::ContactUpdated
        | A::ContactArchived
        | A::ContactUnarchived
        | A::ContactDeleted
        | A::ContactMerged
        | A::CompanyCreated
        | A::CompanyUpdated
        | A::CompanyDeleted
        | A::EventCreated
        | A::ContentStatRecorded => people::apply(world, request, now),
        A::ArticlePublished
        | A::ArticleUpdated
        | A::ArticleUnpublished
        | A::ArticleDeleted
        | A::TicketCreated
        | A::TicketReplied => content::apply(world, request, now),
        A::Ping => {
            Ok(Change::one("ping", json!({"type": "ping", "message": "something something interzen"}), now, json!({})))
        }
    }
}

/// The object asked for, or a random one that suits, or failing that any one of the kind.
fn choose(
    world: &mut World,
    kind: Kind,
    id: Option<&str>,
    suits: impl Fn(&Value) -> bool,
) -> Result<Value, ControlError> {
    match id {
        Some(id) => world
            .get(kind, id)
            .cloned()
            .ok_or_else(|| ControlError::NotFound(format!("no {} with id {id:?}", kind.name()))),
        None => match world.any(kind, suits) {
            Some(object) => Ok(object),
            None => world
                .any(kind, |_| true)
                .ok_or_else(|| ControlError::NotFound(format!("the workspace has no {}", kind.name()))),
        },
    }
}

/// The teammate asked for, or a random person among the teammates.
fn admin(world: &mut World, request: &Mutate) -> Result<Value, ControlError> {
    choose(world, Kind::Admins, request.admin_id.as_deref(), |admin| !crate::world::shapes::is_operator(admin))
}

fn id(object: &Value) -> String {
    text(object, "id").to_owned()
}
