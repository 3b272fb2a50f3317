//! Conversations and their parts.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    content::Tag,
    lenient::{self, List},
    people::{Admin, Company},
};
use crate::Timestamp;

/// A conversation. In a webhook it has the triggering part only, in REST the newest 500.
#[allow(missing_docs)] // the names are Intercom's own; the OpenAPI file describes them
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Conversation {
    #[serde(deserialize_with = "lenient::id")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub title: Option<String>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub created_at: Option<Timestamp>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub updated_at: Option<Timestamp>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub waiting_since: Option<Timestamp>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub snoozed_until: Option<Timestamp>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub open: Option<bool>,
    #[serde(deserialize_with = "lenient::text")]
    pub state: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub priority: Option<String>,
    #[serde(deserialize_with = "lenient::assignee")]
    pub admin_assignee_id: Option<String>,
    #[serde(deserialize_with = "lenient::assignee")]
    pub team_assignee_id: Option<String>,
    #[serde(deserialize_with = "lenient::list")]
    pub tags: List<Tag>,
    /// The opening message; null at times.
    #[serde(deserialize_with = "lenient::object")]
    pub source: Option<Source>,
    #[serde(deserialize_with = "lenient::list")]
    pub contacts: List<Reference>,
    #[serde(deserialize_with = "lenient::list")]
    pub teammates: List<Admin>,
    #[serde(deserialize_with = "lenient::object")]
    pub conversation_rating: Option<Rating>,
    #[serde(deserialize_with = "lenient::object")]
    pub statistics: Option<Statistics>,
    #[serde(deserialize_with = "lenient::map")]
    pub custom_attributes: Map<String, Value>,
    #[serde(deserialize_with = "lenient::list")]
    pub linked_objects: List<LinkedObject>,
    /// The ticket that it was made into; both have one id.
    #[serde(deserialize_with = "lenient::object")]
    pub ticket: Option<LinkedTicket>,
    #[serde(deserialize_with = "lenient::object")]
    pub ai_agent: Option<AiAgent>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub ai_agent_participated: bool,
    /// From 2.15 on.
    #[serde(deserialize_with = "lenient::object")]
    pub company: Option<Company>,
    /// `sla_applied.sla_name` and `.sla_status`, kept as they are.
    #[serde(deserialize_with = "lenient::map")]
    pub sla_applied: Map<String, Value>,
    #[serde(deserialize_with = "lenient::list")]
    pub conversation_parts: List<Part>,
}

/// The opening message of a conversation.
#[allow(missing_docs)]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Source {
    /// The channel: `conversation`, `email`, `whatsapp` …
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    pub kind: Option<String>,
    #[serde(deserialize_with = "lenient::id")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub delivered_as: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub subject: Option<String>,
    /// HTML.
    #[serde(deserialize_with = "lenient::text")]
    pub body: Option<String>,
    #[serde(deserialize_with = "lenient::object")]
    pub author: Option<Author>,
    #[serde(deserialize_with = "lenient::list")]
    pub attachments: List<Attachment>,
    /// The page on which it was written.
    #[serde(deserialize_with = "lenient::text")]
    pub url: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub redacted: bool,
}

/// A part of a conversation or ticket: a message, a note, or something that was done.
#[allow(missing_docs)]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Part {
    #[serde(deserialize_with = "lenient::id")]
    pub id: Option<String>,
    /// An open set.
    #[serde(deserialize_with = "lenient::text")]
    pub part_type: Option<String>,
    /// HTML; none in most system parts.
    #[serde(deserialize_with = "lenient::text")]
    pub body: Option<String>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub created_at: Option<Timestamp>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub updated_at: Option<Timestamp>,
    #[serde(deserialize_with = "lenient::object")]
    pub assigned_to: Option<Reference>,
    #[serde(deserialize_with = "lenient::object")]
    pub author: Option<Author>,
    #[serde(deserialize_with = "lenient::list")]
    pub attachments: List<Attachment>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub redacted: bool,
    #[serde(deserialize_with = "lenient::list")]
    pub tags: List<Tag>,
    #[serde(deserialize_with = "lenient::map")]
    pub event_details: Map<String, Value>,
    /// The quick replies that were offered.
    #[serde(deserialize_with = "lenient::map")]
    pub metadata: Map<String, Value>,
    #[serde(deserialize_with = "lenient::map")]
    pub email_message_metadata: Map<String, Value>,
    /// The app that wrote it through the API.
    #[serde(deserialize_with = "lenient::text")]
    pub app_package_code: Option<String>,
    /// Tickets only.
    #[serde(deserialize_with = "lenient::text")]
    pub ticket_state: Option<String>,
    /// Tickets only.
    #[serde(deserialize_with = "lenient::text")]
    pub previous_ticket_state: Option<String>,
    /// Tickets only.
    #[serde(deserialize_with = "lenient::map")]
    pub updated_attribute_data: Map<String, Value>,
}

/// A part of a conversation.
pub type ConversationPart = Part;

/// Who wrote or did something: `admin`, `bot`, `user`, `lead`, `team`.
#[allow(missing_docs)]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Author {
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    pub kind: Option<String>,
    #[serde(deserialize_with = "lenient::id")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub email: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub from_ai_agent: bool,
    #[serde(deserialize_with = "lenient::or_default")]
    pub is_ai_answer: bool,
}

/// `{type, id}` and what may stand beside it; contacts of tickets carry a role instead of a type.
#[allow(missing_docs)]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Reference {
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    pub kind: Option<String>,
    #[serde(deserialize_with = "lenient::id")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub role: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub external_id: Option<String>,
}

/// A file at a message. Its address is signed and runs out, so memory does not keep it.
#[allow(missing_docs)]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Attachment {
    #[serde(deserialize_with = "lenient::text")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub content_type: Option<String>,
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    pub kind: Option<String>,
}

/// What a customer thought of a conversation.
#[allow(missing_docs)]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Rating {
    /// 1 to 5; none while it is only asked for.
    #[serde(deserialize_with = "lenient::or_default")]
    pub rating: Option<i64>,
    #[serde(deserialize_with = "lenient::text")]
    pub remark: Option<String>,
    /// When it was asked for.
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub created_at: Option<Timestamp>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub updated_at: Option<Timestamp>,
    #[serde(deserialize_with = "lenient::object")]
    pub contact: Option<Reference>,
    #[serde(deserialize_with = "lenient::object")]
    pub teammate: Option<Reference>,
}

/// The figures of a conversation that memory keeps. Times are epochs in REST and ISO in webhooks.
#[allow(missing_docs)]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Statistics {
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub first_contact_reply_at: Option<Timestamp>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub first_admin_reply_at: Option<Timestamp>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub last_contact_reply_at: Option<Timestamp>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub last_admin_reply_at: Option<Timestamp>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub first_close_at: Option<Timestamp>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub last_close_at: Option<Timestamp>,
    #[serde(deserialize_with = "lenient::id")]
    pub last_closed_by_id: Option<String>,
    /// Seconds.
    #[serde(deserialize_with = "lenient::or_default")]
    pub time_to_admin_reply: Option<u64>,
    /// Seconds.
    #[serde(deserialize_with = "lenient::or_default")]
    pub time_to_first_close: Option<u64>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub count_reopens: Option<u64>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub count_assignments: Option<u64>,
}

/// What Fin did in a conversation.
#[allow(missing_docs)]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct AiAgent {
    #[serde(deserialize_with = "lenient::text")]
    pub source_type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub source_title: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub last_answer_type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub resolution_state: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub rating: Option<i64>,
    #[serde(deserialize_with = "lenient::text")]
    pub rating_remark: Option<String>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub created_at: Option<Timestamp>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub updated_at: Option<Timestamp>,
}

/// The ticket that a conversation was made into.
#[allow(missing_docs)]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct LinkedTicket {
    #[serde(deserialize_with = "lenient::id")]
    pub id: Option<String>,
    /// The number that people see.
    #[serde(deserialize_with = "lenient::id")]
    pub ticket_id: Option<String>,
}

/// A ticket linked to a conversation, or the other way round.
#[allow(missing_docs)]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct LinkedObject {
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    pub kind: Option<String>,
    #[serde(deserialize_with = "lenient::id")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub category: Option<String>,
}
