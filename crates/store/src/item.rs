//! Reading and writing attribute values with few words.

use std::collections::HashMap;

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};

use crate::StoreError;

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn n(number: impl Into<i64>) -> AttributeValue {
    AttributeValue::N(number.into().to_string())
}

/// A count; counts beyond `i64` do not occur.
pub(crate) fn count(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(crate) fn b(bytes: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

/// An item being read, which knows its key for error messages.
pub(crate) struct Reader<'a> {
    item: &'a Item,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(item: &'a Item) -> Self {
        Self { item }
    }

    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.item.get(name)?.as_s().ok().map(String::as_str)
    }

    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.item.get(name)?.as_n().ok()?.parse().ok()
    }

    pub(crate) fn bytes(&self, name: &str) -> Option<&'a [u8]> {
        self.item.get(name)?.as_b().ok().map(Blob::as_ref)
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.item.get(name).and_then(|v| v.as_bool().ok().copied()).unwrap_or(false)
    }

    pub(crate) fn malformed(&self, what: &'static str) -> StoreError {
        let key = format!("{} / {}", self.text("pk").unwrap_or("?"), self.text("sk").unwrap_or("?"));
        StoreError::Malformed { key, what }
    }
}
