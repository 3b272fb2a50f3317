//! The messages in the queues: written by the webhook and backfill functions, read by enrich.

use intercom::WorkspaceId;
use memory::EntityRef;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The version this code writes and reads.
const VERSION: u32 = 1;

/// The largest message SQS takes, in bytes (since August 2025).
pub const MAX_MESSAGE: usize = 1024 * 1024;

/// The largest that a message may be when it is new: it grows by its owner, and by what is noted when it is put off.
pub const MAX_NEW_MESSAGE: usize = MAX_MESSAGE - 256;

/// A message, whole.
#[derive(Debug, Clone)]
pub enum Message {
    /// A webhook as it came.
    Notification(Notification),
    /// An object is to be fetched because a page showed a newer one than is stored.
    Refetch(Refetch),
    /// Everything that names somebody is to be brought in line with what became of them.
    Walk(Walk),
}

/// Why everything that names somebody is gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// A contact or company was erased: what it wrote and every link to it go (`erase`).
    Erase,
    /// A contact was merged, or somebody has another name or company (`revise`).
    Revise,
}

impl Errand {
    /// As the message's `kind`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Erase => "erase",
            Self::Revise => "revise",
        }
    }
}

/// A walk through everything that `by_relation` lists under somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// Why.
    pub errand: Errand,
    /// Where it stands, and under whom.
    pub place: Place,
}

/// When a change of name reaches the others, in seconds: no invocation of enrich is under way for longer, and so none that
/// read the old name.
pub const REVISE_AFTER: u32 = 70;

impl Walk {
    /// A walk from the beginning.
    pub fn begin(errand: Errand, of: &EntityRef, pass: u32, now_ms: i64) -> Self {
        let place = Place {
            workspace: of.workspace.clone(),
            entity: of.entity_type.as_str().to_owned(),
            id: of.id.clone(),
            cursor: None,
            pass,
            received_at_ms: now_ms,
            deferrals: 0,
        };
        Self { errand, place }
    }

    /// For somebody whose name or companies are others now; to be sent with a delay of [`REVISE_AFTER`].
    pub fn after_rename(of: &EntityRef, now_ms: i64) -> Self {
        Self::begin(Errand::Revise, of, 2, now_ms)
    }
}

/// Where a walk stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Whose.
    pub workspace: WorkspaceId,
    /// Entity type of the one whose links are followed, as in the keys of MemoryTable.
    pub entity: String,
    /// Its id.
    pub id: String,
    /// Where the page before ended; `None` at the beginning.
    pub cursor: Option<String>,
    /// 1 for the first pass; a second one meets what a writer had under way during the first.
    pub pass: u32,
    /// When it was queued first (milliseconds since 1970).
    #[serde(default)]
    pub received_at_ms: i64,
    /// How often it was put off.
    #[serde(default)]
    pub deferrals: u32,
}

/// A webhook as it came.
#[derive(Debug, Clone)]
pub struct Notification {
    /// Whose; `None` where the body did not say.
    pub workspace: Option<WorkspaceId>,
    /// Intercom's id; null for some.
    pub id: Option<String>,
    /// Its topic, as sent.
    pub topic: String,
    /// When the door received it (milliseconds since 1970).
    pub received_at_ms: i64,
    /// How often it was put off.
    pub deferrals: u32,
    /// When it was put off first (milliseconds since 1970); 0 where it never was.
    pub put_off_since_ms: i64,
    /// X-Ray's header, to join the traces.
    pub trace: Option<String>,
    /// The JSON text as Intercom sent it, not parsed and printed again.
    pub notification: Box<RawValue>,
}

/// An object to fetch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refetch {
    /// Whose.
    pub workspace: WorkspaceId,
    /// Entity type, as in the keys of MemoryTable.
    pub entity: String,
    /// Its id.
    pub id: String,
    /// Why: `backfill`, for now.
    pub reason: String,
    /// `updated_at` that the page showed (epoch seconds): older views are not what was asked for.
    pub seen_updated_at: i64,
    /// When it was queued first (milliseconds since 1970).
    #[serde(default)]
    pub received_at_ms: i64,
    /// How often it was put off.
    #[serde(default)]
    pub deferrals: u32,
    /// When it was put off first (milliseconds since 1970); 0 where it never was.
    #[serde(default)]
    pub put_off_since_ms: i64,
}

/// A text in a queue that is no message of this version. It goes to the dead-letter queue whole.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableMessage {
    /// No JSON of the expected form.
    #[error("the message is not of the expected form")]
    NotAMessage(#[source] serde_json::Error),
    /// A kind or version that this code does not know: perhaps written by a newer deployment.
    #[error("the message is of kind {kind:?}, version {version}, which this version of the bundle cannot read")]
    Unknown {
        /// Its `kind`.
        kind: String,
        /// Its `v`.
        version: u32,
    },
}

#[derive(Deserialize)]
struct Head {
    v: u32,
    kind: String,
}

#[derive(Serialize, Deserialize)]
struct NotificationWire<'a> {
    #[serde(default)]
    v: u32,
    #[serde(default, borrow)]
    kind: std::borrow::Cow<'a, str>,
    workspace: Option<WorkspaceId>,
    id: Option<String>,
    topic: String,
    received_at_ms: i64,
    #[serde(default)]
    deferrals: u32,
    #[serde(default)]
    put_off_since_ms: i64,
    #[serde(default)]
    trace: Option<String>,
    #[serde(borrow)]
    notification: &'a RawValue,
}

#[derive(Serialize)]
struct RefetchWire<'a> {
    v: u32,
    kind: &'static str,
    #[serde(flatten)]
    refetch: &'a Refetch,
}

#[derive(Serialize)]
struct WalkWire<'a> {
    v: u32,
    kind: &'static str,
    #[serde(flatten)]
    place: &'a Place,
}

impl Message {
    /// Reads the text of a message.
    ///
    /// # Errors
    /// See [`UnreadableMessage`].
    pub fn read(text: &str) -> Result<Self, UnreadableMessage> {
        let head: Head = serde_json::from_str(text).map_err(UnreadableMessage::NotAMessage)?;
        match (head.v, head.kind.as_str()) {
            (VERSION, "notification") => {
                let wire: NotificationWire<'_> = serde_json::from_str(text).map_err(UnreadableMessage::NotAMessage)?;
                Ok(Self::Notification(Notification {
                    workspace: wire.workspace,
                    id: wire.id,
                    topic: wire.topic,
                    received_at_ms: wire.received_at_ms,
                    deferrals: wire.deferrals,
                    put_off_since_ms: wire.put_off_since_ms,
                    trace: wire.trace,
                    notification: wire.notification.to_owned(),
                }))
            }
            (VERSION, "refetch") => {
                serde_json::from_str(text).map(Self::Refetch).map_err(UnreadableMessage::NotAMessage)
            }
            (VERSION, "erase" | "revise") => {
                let place = serde_json::from_str(text).map_err(UnreadableMessage::NotAMessage)?;
                let errand = if head.kind == Errand::Erase.as_str() { Errand::Erase } else { Errand::Revise };
                Ok(Self::Walk(Walk { errand, place }))
            }
            _ => Err(UnreadableMessage::Unknown { kind: head.kind, version: head.v }),
        }
    }

    /// The text to send; see [`sqs_safe`].
    pub fn write(&self) -> String {
        let text = match self {
            Self::Notification(n) => serde_json::to_string(&NotificationWire {
                v: VERSION,
                kind: "notification".into(),
                workspace: n.workspace.clone(),
                id: n.id.clone(),
                topic: n.topic.clone(),
                received_at_ms: n.received_at_ms,
                deferrals: n.deferrals,
                put_off_since_ms: n.put_off_since_ms,
                trace: n.trace.clone(),
                notification: &n.notification,
            }),
            Self::Refetch(refetch) => serde_json::to_string(&RefetchWire { v: VERSION, kind: "refetch", refetch }),
            Self::Walk(walk) => {
                serde_json::to_string(&WalkWire { v: VERSION, kind: walk.errand.as_str(), place: &walk.place })
            }
        };
        // Strings, numbers and text that is JSON already always serialise.
        sqs_safe(text.unwrap_or_default())
    }

    /// Whose it is, where it says so.
    pub fn workspace(&self) -> Option<&WorkspaceId> {
        match self {
            Self::Notification(n) => n.workspace.as_ref(),
            Self::Refetch(r) => Some(&r.workspace),
            Self::Walk(w) => Some(&w.place.workspace),
        }
    }

    /// When the work was first asked for (milliseconds since 1970).
    pub fn received_at_ms(&self) -> i64 {
        match self {
            Self::Notification(n) => n.received_at_ms,
            Self::Refetch(r) => r.received_at_ms,
            Self::Walk(w) => w.place.received_at_ms,
        }
    }

    /// How often it was put off.
    pub fn deferrals(&self) -> u32 {
        match self {
            Self::Notification(n) => n.deferrals,
            Self::Refetch(r) => r.deferrals,
            Self::Walk(w) => w.place.deferrals,
        }
    }

    /// When it was put off first (milliseconds since 1970); 0 where it never was, and for walks, which wait as long as it
    /// takes.
    pub fn put_off_since_ms(&self) -> i64 {
        match self {
            Self::Notification(n) => n.put_off_since_ms,
            Self::Refetch(r) => r.put_off_since_ms,
            Self::Walk(_) => 0,
        }
    }

    /// The same message, put off once more.
    #[must_use]
    pub fn deferred(mut self, now_ms: i64) -> Self {
        let (deferrals, since) = match &mut self {
            Self::Notification(n) => (&mut n.deferrals, Some(&mut n.put_off_since_ms)),
            Self::Refetch(r) => (&mut r.deferrals, Some(&mut r.put_off_since_ms)),
            Self::Walk(w) => (&mut w.place.deferrals, None),
        };
        *deferrals = deferrals.saturating_add(1);
        if let Some(since) = since.filter(|since| **since == 0) {
            *since = now_ms;
        }
        self
    }
}

/// Escapes the two characters that JSON allows inside strings but SQS refuses anywhere: U+FFFE and U+FFFF. (The control
/// characters it refuses cannot stand unescaped in JSON.)
pub fn sqs_safe(json: String) -> String {
    // One by one: the search for a single character is many times faster than that for a set.
    if json.contains('\u{FFFE}') || json.contains('\u{FFFF}') {
        json.replace('\u{FFFE}', "\\ufffe").replace('\u{FFFF}', "\\uffff")
    } else {
        json
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn notification(raw: &str) -> Notification {
        Notification {
            workspace: "ws1".parse().ok(),
            id: Some("notif_1".into()),
            topic: "conversation.user.replied".into(),
            received_at_ms: 5,
            deferrals: 0,
            put_off_since_ms: 0,
            trace: None,
            notification: RawValue::from_string(raw.to_owned()).unwrap(),
        }
    }

    #[test]
    fn a_notification_travels_byte_for_byte() {
        let raw = "{\"b\": 1.0,  \"a\":\"\\u00e4\"}";
        let text = Message::Notification(notification(raw)).write();
        let Message::Notification(read) = Message::read(&text).unwrap() else { panic!("another kind") };
        assert_eq!(read.notification.get(), raw);
        assert_eq!(read.workspace, "ws1".parse().ok());
    }

    #[test]
    fn characters_that_sqs_refuses_are_escaped_and_mean_the_same() {
        let text = Message::Notification(notification("{\"a\":\"x\u{FFFF}y\u{FFFE}\"}")).write();
        assert!(!text.contains(['\u{FFFE}', '\u{FFFF}']));
        let Message::Notification(read) = Message::read(&text).unwrap() else { panic!("another kind") };
        let value: serde_json::Value = serde_json::from_str(read.notification.get()).unwrap();
        assert_eq!(value, serde_json::json!({"a": "x\u{FFFF}y\u{FFFE}"}));
    }

    #[test]
    fn a_refetch_reads_back_and_counts_its_deferrals() {
        let refetch = Refetch {
            workspace: "ws1".parse().unwrap(),
            entity: "conversation".into(),
            id: "7".into(),
            reason: "backfill".into(),
            seen_updated_at: 9,
            received_at_ms: 5,
            deferrals: 0,
            put_off_since_ms: 0,
        };
        let text = Message::Refetch(refetch).deferred(7).deferred(9).write();
        let Message::Refetch(read) = Message::read(&text).unwrap() else { panic!("another kind") };
        assert_eq!((read.deferrals, read.id.as_str(), read.received_at_ms), (2, "7", 5));
        assert_eq!(read.put_off_since_ms, 7, "the first time counts");
    }

    #[test]
    fn an_erasure_is_spelt_as_the_design_says_and_reads_back() {
        let text = r#"{"v":1,"kind":"erase","workspace":"ws1","entity":"contact","id":"c1","cursor":null,"pass":1}"#;
        let Message::Walk(walk) = Message::read(text).unwrap() else { panic!("another kind") };
        assert_eq!((walk.errand, walk.place.entity.as_str(), walk.place.pass), (Errand::Erase, "contact", 1));
        for errand in [Errand::Erase, Errand::Revise] {
            let message = Message::Walk(Walk { errand, place: walk.place.clone() });
            let Message::Walk(read) = Message::read(&message.write()).unwrap() else { panic!("another kind") };
            assert_eq!(read, Walk { errand, place: walk.place.clone() });
        }
    }

    #[test]
    fn a_message_of_a_newer_version_is_refused_by_name() {
        let error = Message::read(r#"{"v":2,"kind":"notification"}"#).unwrap_err();
        assert!(matches!(error, UnreadableMessage::Unknown { version: 2, .. }));
        assert!(matches!(Message::read("nonsense"), Err(UnreadableMessage::NotAMessage(_))));
    }
}
