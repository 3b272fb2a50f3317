//! Filling a document's fields: nothing that is nothing, nothing nested deeper than a list.

use intercom::Timestamp;
use serde_json::{Map, Value};

use super::attributes;
use crate::{links, text};

/// Longest text, in UTF-16 units, that a field or attribute keeps.
const MAX_TEXT: usize = 1_000;
/// Longest text, in UTF-16 units, of a field of Intercom's own (a subject, an address, a remark).
const MAX_OWN_TEXT: usize = 5_000;
/// Most members that are taken over from an open map, and most bytes of them together: a document is one item.
const MAX_MEMBERS: usize = 100;
const MAX_MAP_BYTES: usize = 50 * 1024;

/// A document's fields while they are collected.
#[derive(Default)]
pub(crate) struct Fields(pub(crate) Map<String, Value>);

impl Fields {
    /// Keeps a value where there is one.
    pub(crate) fn set<T: Into<Value>>(&mut self, name: &str, value: Option<T>) {
        match value.map(Into::into) {
            Some(Value::String(text)) => {
                let text = links::without_signatures(&text);
                self.0.insert(name.to_owned(), Value::from(text::cut(&text, MAX_OWN_TEXT)));
            }
            Some(value) => {
                self.0.insert(name.to_owned(), value);
            }
            None => {}
        }
    }

    /// Keeps a time as text.
    pub(crate) fn time(&mut self, name: &str, value: Option<Timestamp>) {
        self.set(name, value.map(Timestamp::iso));
    }

    /// Keeps a list where it is not empty, sorted, each entry once: Intercom's order of tags and the like says nothing
    /// and differs from answer to answer.
    pub(crate) fn list(&mut self, name: &str, values: impl IntoIterator<Item = String>) {
        let values = values.into_iter().map(|value| links::without_signatures(&value).into_owned());
        let sorted: std::collections::BTreeSet<String> = values.collect();
        if !sorted.is_empty() {
            self.0.insert(name.to_owned(), sorted.into_iter().collect());
        }
    }

    /// Keeps the members of an open map as one field, as far as there is room; `<name>_left_out` counts the others.
    pub(crate) fn map(&mut self, name: &str, members: &Map<String, Value>) {
        let mut left = MAX_MAP_BYTES;
        let mut kept = Map::new();
        let mut left_out = 0_u64;
        for (member, value) in members {
            let Some(value) = attributes::readable(value) else { continue };
            let size = member.len() + size(&value);
            match left.checked_sub(size).filter(|_| left_out == 0 && kept.len() < MAX_MEMBERS) {
                Some(rest) => {
                    left = rest;
                    kept.insert(member.clone(), value);
                }
                None => left_out += 1,
            }
        }
        if !kept.is_empty() {
            self.0.insert(name.to_owned(), Value::Object(kept));
        }
        if left_out > 0 {
            self.0.insert(format!("{name}_left_out"), Value::from(left_out));
        }
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(entries) => entries.iter().map(size).sum(),
        _ => 8,
    }
}

/// A text, number or boolean, a long text cut.
fn scalar(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(Value::from(text::cut(&links::without_signatures(text), MAX_TEXT))),
        Value::Number(_) | Value::Bool(_) => Some(value.clone()),
        _ => None,
    }
}

/// The same, with e-mail addresses in texts replaced: events hold none.
pub(crate) fn scalar_without_addresses(value: &Value) -> Option<Value> {
    scalar(value).map(masked)
}

/// Any value on one line, in the same way.
pub(crate) fn flat_without_addresses(value: &Value) -> Option<Value> {
    attributes::flat(value).map(masked)
}

fn masked(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains('@') => {
            let masked = |word: &str| if is_address(word) { "[e-mail]".to_owned() } else { word.to_owned() };
            Value::from(text.split(' ').map(masked).collect::<Vec<_>>().join(" "))
        }
        other => other,
    }
}

fn is_address(word: &str) -> bool {
    word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
}
