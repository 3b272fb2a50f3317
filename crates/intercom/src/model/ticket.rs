//! Tickets.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::{
    conversation::{LinkedObject, Part, Reference},
    lenient::{self, List},
};
use crate::Timestamp;

/// A ticket with its newest 500 parts, in webhooks too.
#[allow(missing_docs)]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Ticket {
    #[serde(deserialize_with = "lenient::id")]
    pub id: Option<String>,
    /// The number that people see; not the id.
    #[serde(deserialize_with = "lenient::id")]
    pub ticket_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub category: Option<String>,
    #[serde(deserialize_with = "lenient::map")]
    pub ticket_attributes: Map<String, Value>,
    #[serde(deserialize_with = "ticket_state")]
    pub ticket_state: Option<TicketState>,
    #[serde(deserialize_with = "lenient::object")]
    pub ticket_type: Option<TicketType>,
    #[serde(deserialize_with = "lenient::list")]
    pub contacts: List<Reference>,
    #[serde(deserialize_with = "lenient::assignee")]
    pub admin_assignee_id: Option<String>,
    #[serde(deserialize_with = "lenient::assignee")]
    pub team_assignee_id: Option<String>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub created_at: Option<Timestamp>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub updated_at: Option<Timestamp>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub open: Option<bool>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub snoozed_until: Option<Timestamp>,
    #[serde(deserialize_with = "lenient::list")]
    pub linked_objects: List<LinkedObject>,
    #[serde(deserialize_with = "lenient::list")]
    pub ticket_parts: List<Part>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub is_shared: Option<bool>,
    #[serde(deserialize_with = "lenient::assignee")]
    pub company_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub channel: Option<String>,
}

/// A part of a ticket.
pub type TicketPart = Part;

/// Where a ticket stands. A bare string up to API 2.11, an object since.
#[allow(missing_docs)]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct TicketState {
    #[serde(deserialize_with = "lenient::id")]
    pub id: Option<String>,
    /// `submitted`, `in_progress`, `waiting_on_customer`, `resolved`
    #[serde(deserialize_with = "lenient::text")]
    pub category: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub internal_label: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub external_label: Option<String>,
}

/// What kind of ticket.
#[allow(missing_docs)]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct TicketType {
    #[serde(deserialize_with = "lenient::id")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub name: Option<String>,
}

fn ticket_state<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TicketState>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(category) if !category.is_empty() => {
            Some(TicketState { category: Some(category), ..TicketState::default() })
        }
        state @ Value::Object(_) => TicketState::deserialize(state).ok(),
        _ => None,
    })
}
