//! Contacts, companies, and who works for the customer.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

use super::{
    content::{Segment, Tag},
    conversation::Reference,
    lenient::{self, List},
};
use crate::Timestamp;

/// A user or lead. Its sub-lists hold the first 10 entries only.
#[allow(missing_docs)]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Contact {
    #[serde(deserialize_with = "lenient::id")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lenient::id")]
    pub external_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub role: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub email: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub phone: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::assignee")]
    pub owner_id: Option<String>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub created_at: Option<Timestamp>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub updated_at: Option<Timestamp>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub signed_up_at: Option<Timestamp>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub last_seen_at: Option<Timestamp>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub last_replied_at: Option<Timestamp>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub last_contacted_at: Option<Timestamp>,
    #[serde(deserialize_with = "lenient::text")]
    pub language_override: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub unsubscribed_from_emails: Option<bool>,
    #[serde(deserialize_with = "lenient::map")]
    pub custom_attributes: Map<String, Value>,
    #[serde(deserialize_with = "lenient::list")]
    pub tags: List<Tag>,
    #[serde(deserialize_with = "lenient::list")]
    pub companies: List<Reference>,
    #[serde(deserialize_with = "lenient::object")]
    pub location: Option<Location>,
}

/// Where a contact was last seen.
#[allow(missing_docs)]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Location {
    #[serde(deserialize_with = "lenient::text")]
    pub country: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub region: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub city: Option<String>,
}

/// A company. Webhooks have `tag_ids` in place of `tags`.
#[allow(missing_docs)]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Company {
    #[serde(deserialize_with = "lenient::id")]
    pub id: Option<String>,
    /// The customer's own id.
    #[serde(deserialize_with = "lenient::id")]
    pub company_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub name: Option<String>,
    /// `plan.name`, or a bare string.
    #[serde(deserialize_with = "plan")]
    pub plan: Option<String>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub remote_created_at: Option<Timestamp>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub created_at: Option<Timestamp>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub updated_at: Option<Timestamp>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub last_request_at: Option<Timestamp>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub size: Option<u64>,
    #[serde(deserialize_with = "lenient::text")]
    pub website: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub industry: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub monthly_spend: Option<Number>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub session_count: Option<u64>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub user_count: Option<u64>,
    #[serde(deserialize_with = "lenient::map")]
    pub custom_attributes: Map<String, Value>,
    #[serde(deserialize_with = "lenient::list")]
    pub tags: List<Tag>,
    #[serde(deserialize_with = "lenient::ids")]
    pub tag_ids: Vec<String>,
    #[serde(deserialize_with = "lenient::list")]
    pub segments: List<Segment>,
}

/// A teammate; Fin is one too.
#[allow(missing_docs)]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Admin {
    #[serde(deserialize_with = "lenient::id")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub email: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub job_title: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub away_mode_enabled: Option<bool>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub away_mode_reassign: Option<bool>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub has_inbox_seat: Option<bool>,
    #[serde(deserialize_with = "lenient::ids")]
    pub team_ids: Vec<String>,
}

/// A team.
#[allow(missing_docs)]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Team {
    #[serde(deserialize_with = "lenient::id")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::ids")]
    pub admin_ids: Vec<String>,
}

fn plan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let name = value.get("name").unwrap_or(&value);
    Ok(name.as_str().filter(|name| !name.is_empty()).map(str::to_owned))
}
