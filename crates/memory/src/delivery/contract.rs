//! The contract as a check. The receiver only logs what breaks it and goes on, so nobody but us would notice.

use intercom::Timestamp;
use serde_json::Value;
use url::Url;

use super::{
    MAX_BODY, MAX_DELIVERY_ID, MAX_ENTITY_ID, MAX_EVENT_TYPE, MAX_NAME, MAX_SOURCE_ID, MAX_STATE, MAX_TITLE, MAX_URL,
};
use crate::text::utf16_len;

/// A rule of the contract that a value breaks.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{path}: {rule}")]
pub struct ContractViolation {
    /// Where, such as `relations[2].url`.
    pub path: String,
    /// Which rule.
    pub rule: &'static str,
}

type Checked = Result<(), ContractViolation>;

/// Checks a value against every rule of the contract and the receiver's column limits.
///
/// # Errors
/// The first rule that is broken.
pub fn validate(value: &Value) -> Checked {
    let event = At { value, path: String::new() };
    event.text("deliveryId", 1, MAX_DELIVERY_ID)?;
    event.text("sourceId", 1, MAX_SOURCE_ID)?;
    event.text("provider", 1, MAX_NAME)?;
    event.text("eventType", 1, MAX_EVENT_TYPE)?;
    event.time("occurredAt")?;
    event.text("title", 1, MAX_TITLE)?;
    event.text("body", 0, MAX_BODY)?;
    let entity = event.member("entity")?;
    entity.names()?;
    entity.text("title", 0, usize::MAX)?;
    entity.address("url")?;
    entity.text_or_null("state", MAX_STATE)?;
    let relations = event.member("relations")?;
    let list = relations.value.as_array().ok_or_else(|| relations.broken("must be a list"))?;
    for (place, value) in list.iter().enumerate() {
        let relation = At { value, path: format!("relations[{place}]") };
        relation.names()?;
        relation.text_or_null("title", usize::MAX)?;
        relation.address("url")?;
        relation.text("relationshipType", 1, MAX_NAME)?;
    }
    let attributes = event.member("attributes")?;
    let map = attributes.value.as_object().ok_or_else(|| attributes.broken("must be a map"))?;
    for (name, value) in map {
        if value.is_array() || value.is_object() {
            return Err(At { value, path: format!("attributes.{name}") }.broken("must be flat"));
        }
    }
    Ok(())
}

/// A value and where it stands.
struct At<'a> {
    value: &'a Value,
    path: String,
}

impl<'a> At<'a> {
    fn broken(&self, rule: &'static str) -> ContractViolation {
        ContractViolation { path: self.path.clone(), rule }
    }

    fn member(&self, name: &str) -> Result<At<'a>, ContractViolation> {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        match self.value.get(name) {
            Some(value) => Ok(At { value, path }),
            None => Err(ContractViolation { path, rule: "must be present" }),
        }
    }

    fn text(&self, name: &str, min: usize, max: usize) -> Checked {
        let member = self.member(name)?;
        let length = member.value.as_str().map(utf16_len).ok_or_else(|| member.broken("must be a string"))?;
        if length < min {
            return Err(member.broken("must not be empty"));
        }
        if length > max { Err(member.broken("is too long")) } else { Ok(()) }
    }

    fn text_or_null(&self, name: &str, max: usize) -> Checked {
        if self.member(name)?.value.is_null() { Ok(()) } else { self.text(name, 0, max) }
    }

    fn address(&self, name: &str) -> Checked {
        let member = self.member(name)?;
        if member.value.is_null() {
            return Ok(());
        }
        self.text(name, 1, MAX_URL)?;
        match member.value.as_str().map(Url::parse) {
            Some(Ok(_)) => Ok(()),
            _ => Err(member.broken("must be a URL")),
        }
    }

    /// An offset such as `+00:00` is refused by the receiver, though it means the same.
    fn time(&self, name: &str) -> Checked {
        let member = self.member(name)?;
        let text = member.value.as_str().unwrap_or_default();
        let is_time = text.ends_with('Z') && Timestamp::parse(text).is_some();
        if is_time { Ok(()) } else { Err(member.broken("must be an ISO time in UTC with Z")) }
    }

    fn names(&self) -> Checked {
        self.text("provider", 1, MAX_NAME)?;
        self.text("entityType", 1, MAX_NAME)?;
        self.text("entityId", 1, MAX_ENTITY_ID)
    }
}
