//! What every reader of an object needs: which thing it is about, and how its events and relations are named.

use std::collections::BTreeMap;

use intercom::Timestamp;
use serde_json::Value;

use crate::{
    Document, EntityRef, EntityType, Event, Link, Relation, RelationTarget, Settings, html::Written, keys, links, text,
};

/// Longest source id, in bytes (the receiver's column limit, facts of `PostTransformEvent`).
const MAX_SOURCE_ID: usize = 255;
/// Longest title of an event, in UTF-16 units.
pub(crate) const MAX_TITLE: usize = 200;

/// Where an object was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// By the REST API: messages are HTML.
    Rest,
    /// In a notification: messages are HTML or text, as the app's version of webhooks has it, and nothing says which.
    Notification,
}

/// One look at one object.
pub(crate) struct Context<'a> {
    pub(crate) entity: EntityRef,
    pub(crate) settings: &'a Settings,
    pub(crate) shown: Shown,
}

/// Time zero, for what has no time.
pub(crate) fn never() -> Timestamp {
    // The epoch is within the range of every calendar; the other arm is not reached.
    Timestamp::from_epoch_seconds(0).unwrap_or_else(|| unreachable!("1970 is a year"))
}

/// `intercom:<entity>:<entity id>:<what>:<event type>`; ids too long for it are replaced by their SHA-256.
pub(crate) fn source_id(entity: &EntityRef, what: &str, event_type: &str) -> String {
    let spelt = |id: &str, what: &str| format!("intercom:{}:{id}:{what}:{event_type}", entity.entity_type);
    let id = spelt(&entity.id, what);
    if id.len() <= MAX_SOURCE_ID {
        return id;
    }
    let short = |text: &str| if text.len() > 64 { keys::sha256_hex(text) } else { text.to_owned() };
    spelt(&short(&entity.id), &short(what))
}

/// `@<epoch seconds>`: the name of what Intercom makes no part of.
pub(crate) fn at(time: Timestamp) -> String {
    format!("@{}", time.epoch_seconds())
}

/// `[Label] detail`, within the limit.
pub(crate) fn title(label: &str, detail: &str) -> String {
    let detail = links::without_signatures(detail);
    text::cut(format!("[{label}] {detail}").trim_end(), MAX_TITLE)
}

/// An event with nothing in it but its identity.
pub(crate) fn bare_event(entity: &EntityRef, what: &str, action: &str, label: &str, occurred_at: Timestamp) -> Event {
    let event_type = format!("{}.{action}", entity.entity_type);
    let mut attributes = BTreeMap::new();
    attributes.insert("workspaceId".to_owned(), Value::from(entity.workspace.as_str()));
    attributes.insert(id_attribute(entity.entity_type).to_owned(), Value::from(entity.id.as_str()));
    Event {
        entity: entity.clone(),
        source_id: source_id(entity, what, &event_type),
        event_type,
        occurred_at,
        version: occurred_at,
        redacted: false,
        title: title(label, ""),
        body: String::new(),
        attributes,
        relations: Vec::new(),
        part_id: None,
    }
}

/// The attribute that holds the id of the thing.
fn id_attribute(entity_type: EntityType) -> &'static str {
    match entity_type {
        EntityType::Conversation => "conversationId",
        EntityType::Ticket => "ticketId",
        EntityType::Contact => "contactId",
        EntityType::Company => "companyId",
        EntityType::Admin => "adminId",
        EntityType::Team => "teamId",
        EntityType::Article => "articleId",
        EntityType::Tag => "tagId",
        EntityType::Segment => "segmentId",
        EntityType::DataEvent => "dataEventId",
        EntityType::ContentStat => "contentStatId",
    }
}

/// The kind as it stands in a title.
pub(crate) fn noun(entity_type: EntityType) -> &'static str {
    match entity_type {
        EntityType::Conversation => "Conversation",
        EntityType::Ticket => "Ticket",
        EntityType::Contact => "Contact",
        EntityType::Company => "Company",
        EntityType::Admin => "Teammate",
        EntityType::Team => "Team",
        EntityType::Article => "Article",
        EntityType::Tag => "Tag",
        EntityType::Segment => "Segment",
        EntityType::DataEvent => "Event",
        EntityType::ContentStat => "Content Statistic",
    }
}

/// The title of what has none of its own.
pub(crate) fn default_title(entity: &EntityRef) -> String {
    format!("{} {}", noun(entity.entity_type), entity.id)
}

/// Intercom's words for somebody, as the kind of thing that memory holds: users and leads are contacts, Fin is an admin.
pub(crate) fn person_type(kind: &str) -> &str {
    match kind {
        "user" | "lead" | "contact" | "visitor" => "contact",
        "bot" => "admin",
        other => other,
    }
}

/// A link within Intercom.
pub(crate) fn link(entity_type: &str, id: &str, relationship: &str) -> Link {
    Link { target: RelationTarget::new("intercom", entity_type, id), relationship: relationship.to_owned() }
}

/// A link from a text to something that it mentions.
pub(crate) fn references(written: Written<'_>, settings: &Settings) -> Vec<Link> {
    let link = |r: links::Reference| Link { target: r.target, relationship: "references".to_owned() };
    links::find(written, &settings.link_team_keys).into_iter().map(link).collect()
}

impl Context<'_> {
    /// A message as it is shown here.
    pub(crate) fn message<'t>(&self, body: &'t str) -> Written<'t> {
        match self.shown {
            Shown::Rest => Written::Html(body),
            Shown::Notification => Written::either(body),
        }
    }

    /// An event of this thing.
    pub(crate) fn event(&self, what: &str, action: &str, label: &str, occurred_at: Timestamp) -> Event {
        let label = format!("{} {label}", noun(self.entity.entity_type));
        bare_event(&self.entity, what, action, &label, occurred_at)
    }

    /// `created` and `updated`, from the object's own times. Webhooks write `updated_at` milliseconds before
    /// `created_at` at times; whole seconds hide that.
    pub(crate) fn own_times(&self, created: Option<Timestamp>, updated: Option<Timestamp>) -> Vec<Event> {
        let created_event = created.map(|time| self.event(&at(time), "created", "Created", time));
        let changed = updated.filter(|time| created.is_none_or(|created| *time > created));
        let updated_event = changed.map(|time| self.event(&at(time), "updated", "Updated", time));
        created_event.into_iter().chain(updated_event).collect()
    }

    /// A document with nothing in it but its identity, title and times.
    pub(crate) fn document(
        &self,
        title: Option<String>,
        created: Option<Timestamp>,
        updated: Option<Timestamp>,
    ) -> Document {
        let one_line = |title: String| text::one_line(&links::without_signatures(&title), MAX_TITLE);
        let title = title.map(one_line).filter(|title| !title.is_empty());
        Document {
            entity: self.entity.clone(),
            title: title.unwrap_or_else(|| default_title(&self.entity)),
            state: None,
            url: None,
            body: None,
            created_at: created,
            updated_at: updated.or(created).unwrap_or_else(never),
            fields: serde_json::Map::new(),
            participants: Vec::new(),
            counts: BTreeMap::new(),
            parts_truncated: false,
        }
    }

    /// Relations of this thing.
    pub(crate) fn relations(&self, created: Option<Timestamp>, links: Vec<Link>) -> Vec<Relation> {
        let relation = |link: Link| Relation {
            entity: self.entity.clone(),
            entity_created_at: created.unwrap_or_else(never),
            target: link.target,
            relationship: link.relationship,
        };
        links.into_iter().map(relation).collect()
    }

    /// An address in Intercom's own pages.
    pub(crate) fn page(&self, path: &str) -> Option<String> {
        Some(format!("{}{path}", self.settings.app_base_url.trim_end_matches('/')))
    }
}
