//! Readers for `#[serde(deserialize_with = "…")]` that take what they understand and leave the rest.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::notification::id_text;

/// A list of Intercom's, in whichever wrapping.
#[derive(Clone, Debug, PartialEq)]
pub struct List<T> {
    /// The entries that could be read.
    pub items: Vec<T>,
    /// `total_count`, where Intercom gave one: sub-lists hold only the first 10, part lists the newest 500.
    pub total_count: Option<u64>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { items: Vec::new(), total_count: None }
    }
}

impl<T> List<T> {
    /// Whether Intercom has more than it listed.
    pub fn is_cut(&self) -> bool {
        self.total_count.is_some_and(|total| total > self.items.len() as u64)
    }
}

impl<T: DeserializeOwned> List<T> {
    /// Reads `[…]`, or an object whose first array is the list. Entries that are no objects are left out.
    pub fn from_value(value: Value) -> Self {
        let (entries, total_count) = match value {
            Value::Array(entries) => (entries, None),
            Value::Object(mut wrapping) => {
                let total = wrapping.get("total_count").and_then(Value::as_u64);
                let entries = wrapping.values_mut().find_map(|member| member.as_array_mut().map(std::mem::take));
                (entries.unwrap_or_default(), total)
            }
            _ => (Vec::new(), None),
        };
        let items =
            entries.into_iter().filter(Value::is_object).filter_map(|entry| T::deserialize(entry).ok()).collect();
        Self { items, total_count }
    }
}

/// Anything with a default: a value of another type is the default. For numbers, booleans and the like.
///
/// # Errors
/// Only where the input is no JSON, as for all readers here.
pub fn or_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(T::deserialize(Value::deserialize(deserializer)?).unwrap_or_default())
}

/// An object or nothing.
///
/// # Errors
/// As [`or_default`].
pub fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(if value.is_object() { T::deserialize(value).ok() } else { None })
}

/// A [`List`] in whichever wrapping.
///
/// # Errors
/// As [`or_default`].
pub fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<List<T>, D::Error> {
    Ok(List::from_value(Value::deserialize(deserializer)?))
}

/// A list of bare ids, numbers or strings.
///
/// # Errors
/// As [`or_default`].
pub fn ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value.as_array().map(|entries| entries.iter().filter_map(id_text).collect()).unwrap_or_default())
}

/// A map; anything else is an empty one.
///
/// # Errors
/// As [`or_default`].
pub fn map<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map<String, Value>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Object(map) => map,
        _ => Map::new(),
    })
}

/// An id, string or number.
///
/// # Errors
/// As [`or_default`].
pub fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(id_text(&Value::deserialize(deserializer)?))
}

/// The id of an assignee: tickets write "0" for nobody.
///
/// # Errors
/// As [`or_default`].
pub fn assignee<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(id(deserializer)?.filter(|id| id != "0"))
}

/// A text; the empty one is none, since Intercom writes both for nothing.
///
/// # Errors
/// As [`or_default`].
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    })
}
