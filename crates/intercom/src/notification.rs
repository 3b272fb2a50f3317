//! Notifications: at the door only the envelope is read; what it is about is read by whoever works on it.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::{Timestamp, Topic, WorkspaceId, signature::VerifiedBody};

/// Why a verified body is no notification.
#[derive(Debug, thiserror::Error)]
pub enum NotificationError {
    /// Not UTF-8.
    #[error("the notification is not UTF-8")]
    NotText(#[source] std::str::Utf8Error),
    /// Not JSON, or with an envelope of another shape.
    #[error("the notification is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// JSON, but no object.
    #[error("the notification is not a JSON object")]
    NotObject,
    /// Neither `topic` nor a `type` that could stand for it.
    #[error("the notification names no topic")]
    NoTopic,
}

/// What the door needs of a notification: whose, which, about what. `data` is passed over, not parsed.
#[derive(Debug, PartialEq, Eq)]
pub struct Envelope {
    /// `app_id`; absent in a bare content-stat body, and `None` too where it is no workspace id.
    pub workspace: Option<WorkspaceId>,
    /// `id`; null for `ping`.
    pub id: Option<String>,
    /// `topic`, or `type` where the body has no envelope.
    pub topic: Topic,
    /// When Intercom made the notification.
    pub created_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct EnvelopeFields {
    #[serde(default, deserialize_with = "text")]
    app_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    topic: Option<String>,
    #[serde(default, deserialize_with = "text")]
    r#type: Option<String>,
    #[serde(default, deserialize_with = "Timestamp::lenient")]
    created_at: Option<Timestamp>,
}

/// `type` of an ordinary envelope, which is no topic.
const ENVELOPE_TYPE: &str = "notification_event";

impl Envelope {
    /// Reads the envelope of a body whose signature held.
    ///
    /// # Errors
    /// See [`NotificationError`].
    pub fn read(body: &VerifiedBody) -> Result<Self, NotificationError> {
        let text = body.text().map_err(NotificationError::NotText)?;
        let fields = serde_json::from_str(text).map_err(NotificationError::NotJson)?;
        // A derived reader would take an array too, its entries in the order of the fields.
        if !text.trim_start().starts_with('{') {
            return Err(NotificationError::NotObject);
        }
        Self::from_fields(fields)
    }

    fn from_fields(fields: EnvelopeFields) -> Result<Self, NotificationError> {
        let named = fields.topic.or(fields.r#type.filter(|t| t != ENVELOPE_TYPE));
        Ok(Self {
            workspace: fields.app_id.and_then(|id| id.parse().ok()),
            id: fields.id,
            topic: named.map(|name| Topic::from(name.as_str())).ok_or(NotificationError::NoTopic)?,
            created_at: fields.created_at,
        })
    }
}

/// A whole notification, as the enrich function reads it from the queue.
#[derive(Debug, PartialEq)]
pub struct Notification {
    /// Whose it is, which, about what.
    pub envelope: Envelope,
    /// `data.item`; the whole body where there is no envelope; null where there is neither.
    pub item: Value,
}

impl Notification {
    /// Reads a notification from the text that was queued. Lone surrogates in strings (`"\ud83d"`), which are no
    /// Unicode but do occur where something cut a text in the middle of an emoji, become U+FFFD.
    ///
    /// # Errors
    /// See [`NotificationError`].
    pub fn parse(text: &str) -> Result<Self, NotificationError> {
        let text = repair_surrogates(text);
        let mut body: Value = serde_json::from_str(&text).map_err(NotificationError::NotJson)?;
        if !body.is_object() {
            return Err(NotificationError::NotObject);
        }
        let fields = EnvelopeFields::deserialize(&body).map_err(NotificationError::NotJson)?;
        let envelope = Envelope::from_fields(fields)?;
        let item = match body.get_mut("data") {
            Some(data) => data.get_mut("item").map(Value::take).unwrap_or_default(),
            None => body,
        };
        Ok(Self { envelope, item })
    }
}

/// Replaces each `\uD800`–`\uDFFF` escape that is not half of a pair by `\uFFFD`. Works on JSON text, where a
/// backslash only stands inside strings.
pub fn repair_surrogates(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out: Option<String> = None;
    let mut kept = 0; // everything before is in `out`
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|b| *b == b'\\')) {
        at += found;
        match unicode_escape(bytes, at) {
            Some(high) if (0xD800..0xDC00).contains(&high) => match unicode_escape(bytes, at + 6) {
                Some(low) if (0xDC00..0xE000).contains(&low) => at += 12,
                _ => replace(&mut out, text, &mut kept, &mut at),
            },
            Some(low) if (0xDC00..0xE000).contains(&low) => replace(&mut out, text, &mut kept, &mut at),
            Some(_) => at += 6,
            None => at += 2, // `\\`, `\"` and the like
        }
    }
    match out {
        Some(mut out) => {
            out.push_str(text.get(kept..).unwrap_or_default());
            Cow::Owned(out)
        }
        None => Cow::Borrowed(text),
    }
}

fn replace(out: &mut Option<String>, text: &str, kept: &mut usize, at: &mut usize) {
    let out = out.get_or_insert_with(String::new);
    out.push_str(text.get(*kept..*at).unwrap_or_default());
    out.push_str("\\uFFFD");
    *at += 6;
    *kept = *at;
}

/// The code unit of a `\uXXXX` escape that starts at `at`.
fn unicode_escape(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// A string, or a number as text, or nothing: ids are written both ways.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(id_text(&Value::deserialize(deserializer)?))
}

/// An id as text, whether Intercom wrote it as a string or as a number; `None` for anything else and for "".
pub fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::String(s) if !s.is_empty() => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn parse(body: &Value) -> Notification {
        Notification::parse(&body.to_string()).unwrap()
    }

    #[test]
    fn an_ordinary_notification_is_read() {
        let read = parse(
            &json!({"type":"notification_event","app_id":"ws1","id":"notif_1","topic":"conversation.user.replied",
            "created_at":1768031793,"data":{"type":"notification_event_data","item":{"type":"conversation","id":"7"}}}),
        );
        assert_eq!(read.envelope.topic, Topic::ConversationUserReplied);
        assert_eq!(read.envelope.workspace, "ws1".parse().ok());
        assert_eq!(read.envelope.id.as_deref(), Some("notif_1"));
        assert_eq!(read.item, json!({"type":"conversation","id":"7"}));
    }

    #[test]
    fn a_ping_has_no_id() {
        let read = parse(
            &json!({"type":"notification_event","app_id":"ws1","id":null,"topic":"ping","data":{"item":{"type":"ping"}}}),
        );
        assert_eq!(read.envelope.id, None);
        assert!(read.envelope.topic.is_counted_only());
    }

    #[test]
    fn a_bare_content_statistic_is_its_own_item_and_belongs_to_nobody() {
        let body =
            json!({"type":"content_stat.series","created_at":"2022-10-11T15:01:07.000Z","content_stat":{"id":1}});
        let read = parse(&body);
        assert_eq!(read.envelope.topic, Topic::ContentStatSeries);
        assert_eq!(read.envelope.workspace, None);
        assert_eq!(read.item, body);
    }

    #[test]
    fn a_body_without_a_topic_says_so() {
        assert!(matches!(Notification::parse("{}"), Err(NotificationError::NoTopic)));
        assert!(matches!(Notification::parse("[]"), Err(NotificationError::NotObject)));
        assert!(matches!(Notification::parse("not json"), Err(NotificationError::NotJson(_))));
    }

    #[test]
    fn half_an_emoji_is_repaired_and_a_whole_one_is_kept() {
        assert_eq!(repair_surrogates(r#""\ud83d\ude00 ok""#), r#""\ud83d\ude00 ok""#);
        assert_eq!(repair_surrogates(r#""a\ud83d""#), r#""a\uFFFD""#);
        assert_eq!(repair_surrogates(r#""\ude00\ud83d b""#), r#""\uFFFD\uFFFD b""#);
        assert_eq!(repair_surrogates(r#""\\ud83d""#), r#""\\ud83d""#, "an escaped backslash is no escape");
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(text in ".{0,200}") {
            let _ = Notification::parse(&text);
        }

        #[test]
        fn repaired_json_strings_are_json(units in prop::collection::vec(any::<u16>(), 0..40)) {
            let text: String = units.iter().map(|u| format!("\\u{u:04x}")).collect();
            let quoted = format!("\"{text}\"");
            prop_assert!(serde_json::from_str::<String>(&repair_surrogates(&quoted)).is_ok());
        }
    }
}
