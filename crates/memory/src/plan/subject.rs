//! What a notification is about.

use intercom::notification::{Notification, id_text};
use serde_json::{Value, json};

use crate::EntityType;

/// The kind of thing: by the first word of the topic, else by the type of the item.
pub(super) fn entity_type(notification: &Notification) -> Option<EntityType> {
    let topic = notification.envelope.topic.as_str();
    let by_topic = match topic.split('.').next().unwrap_or_default() {
        "conversation" | "conversation_part" => Some(EntityType::Conversation),
        "ticket" => Some(EntityType::Ticket),
        "contact" | "user" => Some(EntityType::Contact),
        "company" => Some(EntityType::Company),
        "article" => Some(EntityType::Article),
        "admin" => Some(EntityType::Admin),
        _ => None,
    };
    by_topic.or_else(|| match notification.item.get("type").and_then(Value::as_str)? {
        "conversation" => Some(EntityType::Conversation),
        "ticket" | "ticket_ticket_part" => Some(EntityType::Ticket),
        "contact" | "user" | "lead" => Some(EntityType::Contact),
        "company" => Some(EntityType::Company),
        "article" => Some(EntityType::Article),
        "admin" => Some(EntityType::Admin),
        _ => None,
    })
}

/// The id of the thing of that kind in an item. Intercom puts it in the item itself, in `<kind>_id`, in a member named
/// like the kind, or in the `model` of one (`conversation.contact.attached` shows its internal shape).
pub(super) fn id(item: &Value, entity_type: EntityType) -> Option<String> {
    let kind = entity_type.as_str();
    let member = item.get(kind);
    let nested = member.and_then(|member| member.get("id").or_else(|| member.get("model")?.get("id")));
    // A member named like the kind goes first: an item that wraps the thing may have an id of its own.
    nested
        .and_then(id_text)
        .or_else(|| item.get("id").filter(|_| is_kind(item, entity_type)).and_then(id_text))
        .or_else(|| item.get(format!("{kind}_id")).and_then(id_text))
        .or_else(|| item.get("model")?.get("id").and_then(id_text))
}

/// Whether an item may be the thing itself, or wraps it.
fn is_kind(item: &Value, entity_type: EntityType) -> bool {
    match item.get("type").and_then(Value::as_str) {
        None => true,
        Some("user" | "lead" | "visitor") => entity_type == EntityType::Contact,
        Some(kind) => kind == entity_type.as_str(),
    }
}

/// The conversation or ticket in the shape of the REST API, with the parts that the notification shows.
pub(super) fn object(notification: &Notification) -> Option<(EntityType, Value)> {
    let item = &notification.item;
    match entity_type(notification)? {
        EntityType::Conversation => Some((EntityType::Conversation, item.clone())),
        EntityType::Ticket => {
            let ticket = item.get("ticket").filter(|ticket| ticket.is_object()).unwrap_or(item);
            let mut object = ticket.clone();
            if let (Some(part), Some(members)) = (item.get("ticket_part"), object.as_object_mut()) {
                members.insert("ticket_parts".to_owned(), json!({ "ticket_parts": [part] }));
            }
            Some((EntityType::Ticket, object))
        }
        _ => None,
    }
}
