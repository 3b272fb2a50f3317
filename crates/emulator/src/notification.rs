//! Webhook notifications: the envelope, and objects as webhooks show them. Times of contacts, companies, articles and of
//! conversation statistics are ISO strings there, everything else is epoch seconds (captures of January and May 2026).

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::json::{int, set, text};

/// The envelope around `item`. `id` is null for pings only.
pub(crate) fn envelope(app_id: &str, id: Option<&str>, topic: &str, item: &Value, created: i64, sent: i64) -> Value {
    json!({
        "type": "notification_event", "app_id": app_id,
        "data": {"type": "notification_event_data", "item": item}, "links": {}, "id": id, "topic": topic,
        "delivery_status": if id.is_some() { json!("pending") } else { Value::Null },
        "delivery_attempts": 1, "delivered_at": 0, "first_sent_at": sent.max(created), "created_at": created,
        "self": null,
    })
}

/// A conversation with the triggering parts only.
pub(crate) fn conversation(stored: &Value, parts: &[Value]) -> Value {
    let mut item = crate::view::conversation_in_list(stored);
    if let Some(statistics) = item.get_mut("statistics").and_then(Value::as_object_mut) {
        for (_, value) in statistics.iter_mut().filter(|(key, _)| key.ends_with("_at")) {
            if let Some(at) = value.as_i64() {
                *value = json!(iso_z(at, 0));
            }
        }
    }
    set(
        &mut item,
        "conversation_parts",
        json!({"type": "conversation_part.list", "conversation_parts": parts, "total_count": parts.len()}),
    );
    item
}

/// A contact: every time as ISO string with milliseconds. REST knows whole seconds only, so the milliseconds are made
/// from id and time, the same ones every time.
pub(crate) fn contact(stored: &Value) -> Value {
    let mut item = crate::view::contact(stored);
    if let Some(map) = item.as_object_mut() {
        map.remove("email_domain");
    }
    iso_times(&mut item);
    item
}

/// A company: `plan` is null and tags are ids, as captured.
pub(crate) fn company(stored: &Value) -> Value {
    let mut item = stored.clone();
    let tags: Vec<Value> =
        crate::json::list(stored, "/tags/tags").iter().filter_map(|tag| tag.get("id").cloned()).collect();
    if let Some(map) = item.as_object_mut() {
        map.remove("tags");
        map.remove("segments");
        for key in ["size", "website", "industry"] {
            map.entry(key).or_insert(Value::Null);
        }
        map.insert("plan".to_owned(), Value::Null);
        map.insert("tag_ids".to_owned(), json!(tags));
    }
    iso_times(&mut item);
    item
}

/// An article: ISO times ending in `Z`, and `body_markdown`, which was null when captured.
pub(crate) fn article(stored: &Value) -> Value {
    let mut item = stored.clone();
    for key in ["created_at", "updated_at"] {
        let at = int(stored, key);
        set(&mut item, key, iso_z(at, 0));
    }
    set(&mut item, "body_markdown", Value::Null);
    item
}

/// A data event, which adds `ext_metadata`.
pub(crate) fn event(stored: &Value) -> Value {
    let mut item = stored.clone();
    set(&mut item, "ext_metadata", Value::Object(Map::new()));
    item
}

/// That a message of this kind reached a contact.
pub(crate) fn content_stat(kind: &str, id: i64, contact: &Value, at: i64) -> Value {
    json!({
        "type": format!("content_stat.{kind}"), "created_at": iso_z(at, 0), "action_type": kind,
        "content_stat": {
            "type": "content_stat", "id": id, "content_type": kind, "content_id": 41, "content_title": "Welcome",
            "stat_type": "received", "ruleset_version_id": 7
        },
        "contact": {"type": "contact", "id": text(contact, "id"), "name": contact.get("name")},
    })
}

fn iso_times(item: &mut Value) {
    let id = text(item, "id").to_owned();
    let Some(map) = item.as_object_mut() else { return };
    for (key, value) in map.iter_mut().filter(|(key, _)| key.ends_with("_at")) {
        if let Some(at) = value.as_i64() {
            let mark =
                id.bytes().chain(key.bytes()).fold(at, |sum, byte| sum.wrapping_mul(31).wrapping_add(i64::from(byte)));
            *value = json!(iso_offset(at, mark.rem_euclid(1_000)));
        }
    }
}

/// `2026-01-10T06:30:59.735+00:00`
fn iso_offset(at: i64, ms: i64) -> String {
    format!("{}+00:00", iso(at, ms))
}

/// `2026-01-10T07:56:29.000Z`
fn iso_z(at: i64, ms: i64) -> String {
    format!("{}Z", iso(at, ms))
}

fn iso(at: i64, ms: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (hour, minute, second) = moment.to_hms();
    let date = moment.date();
    format!("{date}T{hour:02}:{minute:02}:{second:02}.{ms:03}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_times_have_three_digits_of_milliseconds() {
        assert_eq!(iso_z(1_768_031_789, 0), "2026-01-10T07:56:29.000Z");
        assert_eq!(iso_offset(1_768_031_789, 42), "2026-01-10T07:56:29.042+00:00");
    }
}
