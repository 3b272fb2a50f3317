//! Notifications: at the door only the envelope is read; what it is about is read by whoever works on it.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

use crate::{Timestamp, Topic, WorkspaceId, lenient, signature::VerifiedBody};

/// Longest topic and longest notification id that are taken, in bytes. Intercom's have up to 50; both stand in queue
/// messages, log lines and metrics beside the notification itself, where a megabyte would not fit.
pub const MAX_NAME: usize = 256;

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
    /// The topic or the id is longer than [`MAX_NAME`].
    #[error("the notification's {0} is longer than {MAX_NAME} bytes")]
    TooLong(&'static str),
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
        // A derived reader would take an array too, its entries in the order of the fields; and its complaint about a
        // string would repeat the string, which may be anybody's words.
        if !text.trim_start().starts_with('{') {
            return Err(NotificationError::NotObject);
        }
        // Tamed only where it has to be: nearly every body is read as it is, without looking at each of its bytes twice.
        let fields = serde_json::from_str(text).or_else(|_| serde_json::from_str(&lenient::tame(text)));
        let fields = fields.map_err(NotificationError::NotJson)?;
        Self::from_fields(fields)
    }

    fn from_fields(fields: EnvelopeFields) -> Result<Self, NotificationError> {
        let named = fields.topic.or(fields.r#type.filter(|t| t != ENVELOPE_TYPE)).ok_or(NotificationError::NoTopic)?;
        if named.len() > MAX_NAME {
            return Err(NotificationError::TooLong("topic"));
        }
        if fields.id.as_ref().is_some_and(|id| id.len() > MAX_NAME) {
            return Err(NotificationError::TooLong("id"));
        }
        Ok(Self {
            workspace: fields.app_id.and_then(|id| id.parse().ok()),
            id: fields.id,
            topic: Topic::from(named.as_str()),
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
    /// Reads a notification from the text that was queued, with [`lenient::tame`]: whatever the door has taken can be
    /// read.
    ///
    /// # Errors
    /// See [`NotificationError`].
    pub fn parse(text: &str) -> Result<Self, NotificationError> {
        let mut body = lenient::read(text).map_err(NotificationError::NotJson)?;
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

/// A string, or a number as text, or nothing: ids are written both ways. What stands there instead is passed over,
/// however deep it goes.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    struct Text;
    impl<'de> Visitor<'de> for Text {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("anything")
        }
        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Some(text).filter(|t| !t.is_empty()).map(str::to_owned))
        }
        fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
            Ok(Some(number.to_string()))
        }
        fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
            Ok(Some(number.to_string()))
        }
        fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
            Ok(id_text(&Value::from(number)))
        }
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok(None)
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(None)
        }
    }
    deserializer.deserialize_any(Text)
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
    fn what_is_no_id_counts_as_none_and_a_name_that_fits_no_message_is_refused() {
        let read = parse(&json!({"topic":"call.ended","id":{"a":[1]},"app_id":["x"],"created_at":{"b":null}}));
        assert_eq!((read.envelope.id, read.envelope.workspace, read.envelope.created_at), (None, None, None));
        let long = "t".repeat(MAX_NAME + 1);
        for body in [json!({"topic":long}), json!({"topic":"call.ended","id":long})] {
            assert!(matches!(Notification::parse(&body.to_string()), Err(NotificationError::TooLong(_))));
        }
        assert_eq!(parse(&json!({"topic": &long[1..]})).envelope.topic.as_str().len(), MAX_NAME);
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(text in ".{0,200}") {
            let _ = Notification::parse(&text);
        }
    }
}
