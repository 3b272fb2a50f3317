//! Blanking what an erased contact wrote, and whatever else of it stands in a view. Works on views alone, whether they
//! were just made or read back from the table, so that an erasure and a later fetch end in the same items.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    Document, EntityType, Event, Link, Relation, RelationTarget, View,
    html::Written,
    links,
    transform::context::{default_title, title},
};

/// What stands in place of a text whose author was erased.
const ERASED: &str = "Message Erased";

/// Says in the attributes of an event that its author was erased.
const AUTHOR_ERASED: &str = "authorErased";

/// The relationships that make somebody the author of an event.
const AUTHORSHIP: [&str; 3] = ["authored_by", "performed_by", "received_by"];

/// What an erased event still tells: what it was and where, nothing that was written.
const KEPT: [&str; 16] = [
    "workspaceId",
    "conversationId",
    "ticketId",
    "dataEventId",
    "contentStatId",
    "partId",
    "partType",
    "appPackageCode",
    "assignedToType",
    "assignedToId",
    "ticketState",
    "previousTicketState",
    "authorType",
    "sourceType",
    "deliveredAs",
    "rating",
];

/// Fields that repeat a customer's words, names or addresses.
const PERSONAL_FIELDS: [&str; 7] =
    ["subject", "page_url", "rating_remark", "custom_attributes", "ticket_attributes", "contact_id", "metadata"];

impl View {
    /// Blanks everything that these contacts (by id) wrote, and removes their names and the links to them. Words that
    /// others wrote about them stay.
    pub fn forget(&mut self, contacts: &BTreeSet<String>) {
        if contacts.is_empty() {
            return;
        }
        for event in &mut self.events {
            event.forget(contacts);
        }
        let raised = self.document.raised_by_any_of(contacts);
        if raised {
            self.document.forget();
        }
        // Not only those that were blanked just now: another writer may have done that and got no further.
        if raised || self.events.iter().any(|event| event.attributes.contains_key(AUTHOR_ERASED)) {
            self.forget_references();
        }
        self.relations.retain(|relation| !is_contact(&relation.target, contacts));
        remove_ids(&mut self.document, "contact_ids", contacts);
        self.document.participants.retain(|person| person.kind != "contact" || !contacts.contains(&person.id));
    }

    /// Removes the links to what no text mentions any more.
    fn forget_references(&mut self) {
        let told: BTreeSet<RelationTarget> = self.events.iter().flat_map(|e| references(&e.relations)).collect();
        let own = self.document.mentions(self.relations.iter().filter(|relation| is_reference(relation)));
        self.relations.retain(|relation| {
            let target = bare(&relation.target);
            !is_reference(relation) || told.contains(&target) || own.contains(&target)
        });
    }
}

impl Event {
    /// Blanks the event where one of these contacts wrote it; removes the links to them in any case.
    pub fn forget(&mut self, contacts: &BTreeSet<String>) {
        let wrote =
            |link: &Link| AUTHORSHIP.contains(&link.relationship.as_str()) && is_contact(&link.target, contacts);
        let erased = self.relations.iter().any(wrote);
        self.relations.retain(|link| !is_contact(&link.target, contacts));
        // Attributes that name them by id; the event's own entity is its key, and stays.
        let own = self.entity.id.as_str();
        let names = |value: &Value| value.as_str().is_some_and(|id| id != own && contacts.contains(id));
        self.attributes.retain(|_, value| !names(value));
        if !erased {
            return;
        }
        self.redacted = true;
        self.body.clear();
        self.relations.retain(|link| link.relationship == "assigned_to" || link.relationship == "rates");
        self.attributes.retain(|name, _| KEPT.contains(&name.as_str()));
        self.title = match self.attributes.get("rating") {
            Some(score) => title("Conversation Rated", &format!("{score} of 5")),
            None => title(ERASED, ""),
        };
        self.attributes.insert(AUTHOR_ERASED.to_owned(), Value::from(true));
        self.attributes.insert("redacted".to_owned(), Value::from(true));
    }
}

impl Document {
    /// Whether one of these contacts is among those that Intercom lists.
    fn raised_by_any_of(&self, contacts: &BTreeSet<String>) -> bool {
        let listed = self.fields.get("contact_ids").and_then(Value::as_array).into_iter().flatten();
        let one = self.fields.get("contact_id");
        listed.chain(one).filter_map(Value::as_str).any(|id| contacts.contains(id))
    }

    /// Which of these a ticket's own title and description mention. What a conversation mentions stands in its events.
    fn mentions<'r>(&self, relations: impl Iterator<Item = &'r Relation>) -> BTreeSet<RelationTarget> {
        if self.entity.entity_type != EntityType::Ticket {
            return BTreeSet::new();
        }
        let key = |relation: &Relation| Some(relation.target.entity_id.split_once('-')?.0.to_owned());
        let team_keys = relations.filter_map(key).collect();
        let texts = [Some(&self.title), self.body.as_ref()].into_iter().flatten();
        texts.flat_map(|text| links::find(Written::Plain(text), &team_keys)).map(|found| bare(&found.target)).collect()
    }

    /// The title is made of the customer's words, by Intercom or by us; so is a ticket's description.
    fn forget(&mut self) {
        self.title = default_title(&self.entity);
        if self.entity.entity_type == EntityType::Ticket {
            self.body = None;
        }
        for name in PERSONAL_FIELDS {
            self.fields.remove(name);
        }
    }
}

/// Takes ids out of a list field; an empty list is no field.
pub(crate) fn remove_ids(document: &mut Document, name: &str, ids: &BTreeSet<String>) {
    if let Some(listed) = document.fields.get_mut(name).and_then(Value::as_array_mut) {
        listed.retain(|id| id.as_str().is_none_or(|id| !ids.contains(id)));
        if listed.is_empty() {
            document.fields.remove(name);
        }
    }
}

fn is_reference(relation: &Relation) -> bool {
    relation.relationship == "references"
}

fn references(links: &[Link]) -> impl Iterator<Item = RelationTarget> + use<> {
    let targets = links.iter().filter(|link| link.relationship == "references").map(|link| bare(&link.target));
    targets.collect::<Vec<_>>().into_iter()
}

/// A target without title and address, to compare by.
fn bare(target: &RelationTarget) -> RelationTarget {
    RelationTarget::new(&target.provider, &target.entity_type, &target.entity_id)
}

fn is_contact(target: &RelationTarget, contacts: &BTreeSet<String>) -> bool {
    target.provider == "intercom" && target.entity_type == "contact" && contacts.contains(&target.entity_id)
}
