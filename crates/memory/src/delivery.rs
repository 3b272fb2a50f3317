//! Events in the shape of Lightfast's `PostTransformEvent`
//! (`packages/app-providers/src/contracts/event.ts` of lightfastai/lightfast at db094fdd), within the limits of the
//! schema and of the receiver's columns. Lengths count UTF-16 code units, as JavaScript does.

mod contract;

use serde_json::{Map, Value, json};
use url::Url;

use crate::{Document, Event, Link, Relation, RelationTarget, keys, text};
pub use contract::{ContractViolation, validate};

/// Longest body; a longer one is cut, and the attribute `bodyTruncated` says so.
pub const MAX_BODY: usize = 50_000;
/// Longest title.
pub const MAX_TITLE: usize = 200;
/// Longest source id.
pub const MAX_SOURCE_ID: usize = 255;
/// Longest delivery id.
pub const MAX_DELIVERY_ID: usize = 191;
/// Longest event type.
pub const MAX_EVENT_TYPE: usize = 100;
/// Longest provider, entity type or relationship.
pub const MAX_NAME: usize = 50;
/// Longest entity id.
pub const MAX_ENTITY_ID: usize = 500;
/// Longest state.
pub const MAX_STATE: usize = 100;
/// Longest address; a longer one is left out.
pub const MAX_URL: usize = 2_048;

/// An event as it is delivered: what happened from the event, title and state from the document as it is now. The links
/// are those of the event and the given ones of the thing, each once.
pub fn post_transform_event(document: &Document, event: &Event, relations: &[Relation]) -> Value {
    let mut attributes: Map<String, Value> =
        event.attributes.iter().filter(|(_, value)| is_flat(value)).map(|(k, v)| (k.clone(), v.clone())).collect();
    attributes.insert("redacted".to_owned(), Value::from(event.redacted));
    let body = body(document, event);
    let length = text::utf16_len(&body);
    if length > MAX_BODY {
        attributes.insert("bodyTruncated".to_owned(), Value::from(true));
        attributes.insert("bodyLength".to_owned(), Value::from(length));
    }
    let title = text::cut(&event.title, MAX_TITLE);
    json!({
        "deliveryId": event.delivery_id(),
        "sourceId": event.source_id,
        "provider": "intercom",
        "eventType": event.event_type,
        "occurredAt": event.occurred_at.iso(),
        "entity": {
            "provider": "intercom",
            "entityType": event.entity.entity_type.as_str(),
            "entityId": entity_id(&event.entity.id),
            "title": document.title,
            "url": address(document.url.as_deref()),
            "state": document.state.as_deref().map(|state| text::cut(state, MAX_STATE)),
        },
        "relations": links(document, event, relations),
        "title": if title.is_empty() { event.event_type.clone() } else { title },
        "body": text::cut(&body, MAX_BODY),
        "attributes": attributes,
    })
}

/// The text, then what the receiver's search looks for, as `Key: value` lines. A deleted text leaves neither.
fn body(document: &Document, event: &Event) -> String {
    let mut lines = Vec::new();
    if !event.redacted {
        lines.extend(document.state.as_ref().map(|state| format!("State: {state}")));
        for (label, field) in [("Priority", "priority"), ("Tags", "tags")] {
            lines.extend(document.fields.get(field).and_then(words).map(|value| format!("{label}: {value}")));
        }
    }
    let lines = lines.join("\n");
    let parts: Vec<&str> = [event.body.as_str(), lines.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n\n")
}

/// A text, or a list of texts with commas between.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(list) => Some(list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")),
        _ => None,
    }
}

fn links(document: &Document, event: &Event, relations: &[Relation]) -> Vec<Value> {
    let of_thing = relations.iter().map(|r| Link { target: r.target.clone(), relationship: r.relationship.clone() });
    let mut all: Vec<Link> = Vec::new();
    for link in event.relations.iter().cloned().chain(of_thing) {
        let same = |known: &Link| known.relationship == link.relationship && known.target.is_same_as(&link.target);
        if !all.iter().any(same) && is_deliverable(&link) {
            all.push(link);
        }
    }
    all.iter().map(|link| relation(document, link)).collect()
}

/// Links with a name that is empty or longer than the receiver's columns are not delivered; cutting a kind of thing
/// would make it another kind. That a thing is on our own list of its kind is news to nobody.
fn is_deliverable(link: &Link) -> bool {
    if link.target.provider == "intercom" && link.target.entity_type == keys::ROSTER {
        return false;
    }
    let names = [&link.target.provider, &link.target.entity_type, &link.relationship];
    names.iter().all(|name| !name.is_empty() && text::utf16_len(name) <= MAX_NAME) && !link.target.entity_id.is_empty()
}

fn relation(document: &Document, link: &Link) -> Value {
    let target = &link.target;
    json!({
        "provider": target.provider,
        "entityType": target.entity_type,
        "entityId": entity_id(&target.entity_id),
        "title": target.title.as_deref().or_else(|| name(document, target)),
        "url": address(target.url.as_deref()),
        "relationshipType": link.relationship,
    })
}

/// The name of somebody who takes part.
fn name<'a>(document: &'a Document, target: &RelationTarget) -> Option<&'a str> {
    let is_target = |kind: &str| kind == target.entity_type || (kind == "bot" && target.entity_type == "admin");
    let known = document.participants.iter().find(|p| is_target(&p.kind) && p.id == target.entity_id)?;
    known.name.as_deref().filter(|_| target.provider == "intercom")
}

fn entity_id(id: &str) -> String {
    if text::utf16_len(id) > MAX_ENTITY_ID { keys::sha256_hex(id) } else { id.to_owned() }
}

fn address(url: Option<&str>) -> Option<&str> {
    url.filter(|url| text::utf16_len(url) <= MAX_URL && Url::parse(url).is_ok())
}

fn is_flat(value: &Value) -> bool {
    !value.is_array() && !value.is_object()
}

#[cfg(test)]
mod tests;
