//! Making a notification fit into a message. What it is about, and every id in it, stays; long texts and long lists are
//! cut, and `"slimmed": true` says so. Whoever can fetch the object fetches it whole anyway.

use serde_json::{Value, json, value::RawValue};

/// Room for the message around the notification.
const TARGET: usize = 900 * 1024;

/// Longest string (characters) and longest list (entries, the last ones are kept) of each try.
const TRIES: [(usize, usize); 4] = [(20_000, 500), (2_000, 100), (200, 10), (64, 1)];

/// Cuts until it fits.
pub(crate) fn slim(notification: &RawValue) -> Box<RawValue> {
    let original: Value = serde_json::from_str(&intercom::notification::repair_surrogates(notification.get()))
        .unwrap_or_else(|_| json!({}));
    for (text, list) in TRIES {
        let mut value = original.clone();
        cut(&mut value, text, list);
        if let Some(body) = value.as_object_mut() {
            body.insert("slimmed".to_owned(), json!(true));
        }
        let written = value.to_string();
        if written.len() <= TARGET
            && let Ok(raw) = RawValue::from_string(written)
        {
            return raw;
        }
    }
    envelope_only(&original)
}

/// The last resort, for bodies of a hundred thousand keys.
fn envelope_only(original: &Value) -> Box<RawValue> {
    let kept = |names: &[&str], from: Option<&Value>| -> Value {
        let short = |name: &&str| {
            let value = from?.get(*name)?;
            let is_short = value.is_number() || value.as_str().is_some_and(|s| s.len() <= 200);
            is_short.then(|| ((*name).to_owned(), value.clone()))
        };
        Value::Object(names.iter().filter_map(short).collect())
    };
    let mut body = kept(&["type", "app_id", "id", "topic", "created_at", "first_sent_at"], Some(original));
    let item = kept(&["type", "id", "conversation_id"], original.pointer("/data/item"));
    if let Some(body) = body.as_object_mut() {
        body.insert("data".to_owned(), json!({"item": item}));
        body.insert("slimmed".to_owned(), json!(true));
    }
    RawValue::from_string(body.to_string()).unwrap_or_default()
}

fn cut(value: &mut Value, text: usize, list: usize) {
    match value {
        Value::String(s) => {
            if let Some((at, _)) = s.char_indices().nth(text) {
                s.truncate(at);
            }
        }
        Value::Array(entries) => {
            entries.drain(..entries.len().saturating_sub(list));
            entries.iter_mut().for_each(|entry| cut(entry, text, list));
        }
        Value::Object(fields) => fields.values_mut().for_each(|field| cut(field, text, list)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn slimmed(value: &Value) -> Value {
        let raw = RawValue::from_string(value.to_string()).unwrap();
        let slim = slim(&raw);
        assert!(slim.get().len() <= TARGET);
        serde_json::from_str(slim.get()).unwrap()
    }

    #[test]
    fn four_megabytes_of_text_keep_ids_topic_and_times() {
        let part = |id: usize| json!({"id": id.to_string(), "body": "é".repeat(100_000), "updated_at": 5});
        let body = json!({"topic":"ticket.created","app_id":"ws1","id":"notif_1","created_at":7,
            "data":{"item":{"type":"ticket","id":"9","ticket_parts":{"ticket_parts": (0..20).map(part).collect::<Vec<_>>()}}}});
        assert!(body.to_string().len() > 4_000_000);
        let slim = slimmed(&body);
        assert_eq!(slim.pointer("/data/item/id"), Some(&json!("9")));
        assert_eq!(slim.get("topic"), Some(&json!("ticket.created")));
        assert_eq!(slim.get("slimmed"), Some(&json!(true)));
        let parts = slim.pointer("/data/item/ticket_parts/ticket_parts").and_then(Value::as_array).unwrap();
        assert_eq!(parts.len(), 20, "short lists stay whole");
    }

    #[test]
    fn a_body_of_nothing_but_keys_is_reduced_to_its_envelope() {
        let fields: serde_json::Map<String, Value> =
            (0..120_000).map(|i| (format!("attribute_{i}"), json!(i))).collect();
        let slim = slimmed(&json!({"topic":"contact.user.updated","app_id":"ws1","id":"notif_1","created_at":7,
            "data":{"item":{"type":"contact","id":"c1","custom_attributes":fields}}}));
        assert_eq!(
            slim,
            json!({"topic":"contact.user.updated","app_id":"ws1","id":"notif_1","created_at":7,"slimmed":true,
            "data":{"item":{"type":"contact","id":"c1"}}})
        );
    }
}
