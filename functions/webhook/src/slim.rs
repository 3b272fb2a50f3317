//! Making a notification fit into a message. What it is about, and every id in it, stays; long texts and long lists are
//! cut, and `"slimmed": true` says so. Whoever can fetch the object fetches it whole anyway.
//!
//! Cutting happens while reading: four megabytes of tiny values would otherwise need some hundred times their size.

mod cut;

use intercom::{lenient, notification::MAX_NAME};
use serde::{Deserialize, de::DeserializeSeed};
use serde_json::{Map, Value, json, value::RawValue};
use store::message::sqs_safe;

use cut::Cut;

/// Room for the message around the notification, in bytes.
const TARGET: usize = 900 * 1024;

/// Longest string (characters) and longest list (entries, the last ones are kept) of each try.
const TRIES: [(usize, usize); 4] = [(20_000, 500), (2_000, 100), (200, 10), (64, 1)];

/// Cuts until it fits.
pub(crate) fn slim(notification: &RawValue) -> Box<RawValue> {
    let text = lenient::tame(notification.get());
    for (longest, entries) in TRIES {
        let cut = Cut::new(longest, entries);
        let read = cut.deserialize(&mut serde_json::Deserializer::from_str(&text));
        if let Ok(Value::Object(mut body)) = read
            && let Some(raw) = fitting(&mut body)
        {
            return raw;
        }
    }
    envelope_only(&text)
}

/// As text, where it fits, with the characters escaped that SQS would refuse: they grow by that.
fn fitting(body: &mut Map<String, Value>) -> Option<Box<RawValue>> {
    body.insert("slimmed".to_owned(), json!(true));
    let written = sqs_safe(serde_json::to_string(body).ok()?);
    if written.len() <= TARGET { RawValue::from_string(written).ok() } else { None }
}

/// The last resort, for bodies of a hundred thousand keys.
fn envelope_only(text: &str) -> Box<RawValue> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        data: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Data<'a> {
        #[serde(borrow)]
        item: Option<&'a RawValue>,
    }
    let data = serde_json::from_str::<Body<'_>>(text).ok().and_then(|body| body.data);
    let item = data.and_then(|data| serde_json::from_str::<Data<'_>>(data.get()).ok()).and_then(|data| data.item);
    let mut body = named(&["type", "app_id", "id", "topic", "created_at", "first_sent_at"], text);
    let item = named(&["type", "id", "conversation_id"], item.map_or("{}", RawValue::get));
    body.insert("data".to_owned(), json!({"item": item}));
    fitting(&mut body).unwrap_or_default()
}

/// The numbers and short strings of these names.
fn named(names: &'static [&'static str], text: &str) -> Map<String, Value> {
    let read = cut::Named(names).deserialize(&mut serde_json::Deserializer::from_str(text)).unwrap_or_default();
    let is_short = |value: &Value| value.is_number() || value.as_str().is_some_and(|s| s.len() <= MAX_NAME);
    read.into_iter().filter(|(_, value)| is_short(value)).collect()
}

#[cfg(test)]
mod tests;
