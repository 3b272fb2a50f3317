//! Articles, and the small things: tags, segments, data events.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::lenient::{self, List};
use crate::Timestamp;

/// An article of the help centre.
#[allow(missing_docs)]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Article {
    #[serde(deserialize_with = "lenient::id")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub title: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub description: Option<String>,
    /// HTML.
    #[serde(deserialize_with = "lenient::text")]
    pub body: Option<String>,
    #[serde(deserialize_with = "lenient::assignee")]
    pub author_id: Option<String>,
    /// `published`, `draft`
    #[serde(deserialize_with = "lenient::text")]
    pub state: Option<String>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub created_at: Option<Timestamp>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub updated_at: Option<Timestamp>,
    #[serde(deserialize_with = "lenient::text")]
    pub url: Option<String>,
    #[serde(deserialize_with = "lenient::id")]
    pub parent_id: Option<String>,
    #[serde(deserialize_with = "lenient::ids")]
    pub parent_ids: Vec<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub parent_type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub default_locale: Option<String>,
    #[serde(deserialize_with = "lenient::map")]
    pub translated_content: Map<String, Value>,
    #[serde(deserialize_with = "lenient::map")]
    pub statistics: Map<String, Value>,
    #[serde(deserialize_with = "lenient::list")]
    pub tags: List<Tag>,
}

/// An article in one language.
#[allow(missing_docs)]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ArticleContent {
    #[serde(deserialize_with = "lenient::text")]
    pub title: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub description: Option<String>,
    /// HTML.
    #[serde(deserialize_with = "lenient::text")]
    pub body: Option<String>,
    /// `published`, `draft`
    #[serde(deserialize_with = "lenient::text")]
    pub state: Option<String>,
}

/// A tag.
#[allow(missing_docs)]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Tag {
    #[serde(deserialize_with = "lenient::id")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub name: Option<String>,
}

/// A segment of contacts or companies.
#[allow(missing_docs)]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Segment {
    #[serde(deserialize_with = "lenient::id")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub person_type: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub count: Option<u64>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub created_at: Option<Timestamp>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub updated_at: Option<Timestamp>,
}

/// Something that a contact did in the customer's product.
#[allow(missing_docs)]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct DataEvent {
    #[serde(deserialize_with = "lenient::id")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub event_name: Option<String>,
    #[serde(deserialize_with = "Timestamp::lenient")]
    pub created_at: Option<Timestamp>,
    /// The customer's own id of the contact.
    #[serde(deserialize_with = "lenient::id")]
    pub user_id: Option<String>,
    #[serde(deserialize_with = "lenient::id")]
    pub intercom_user_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub email: Option<String>,
    #[serde(deserialize_with = "lenient::map")]
    pub metadata: Map<String, Value>,
}
