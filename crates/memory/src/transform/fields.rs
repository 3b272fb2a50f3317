//! Filling a document's fields: nothing that is nothing, nothing nested deeper than a list.

use intercom::Timestamp;
use serde_json::{Map, Value};

use crate::text;

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
        let sorted: std::collections::BTreeSet<String> = values.into_iter().collect();
        if !sorted.is_empty() {
            self.0.insert(name.to_owned(), sorted.into_iter().collect());
        }
    }

    /// Keeps the scalar members of an open map as one field.
    pub(crate) fn map(&mut self, name: &str, members: &Map<String, Value>) {
        let mut left = MAX_MAP_BYTES;
        let size = |(name, value): &(String, Value)| name.len() + value.as_str().map_or(8, str::len);
        let fits = |member: &(String, Value)| left.checked_sub(size(member)).inspect(|rest| left = *rest).is_some();
        let kept: Map<String, Value> = scalars(members).take_while(fits).collect();
        if !kept.is_empty() {
            self.0.insert(name.to_owned(), Value::Object(kept));
        }
    }
}

/// The members of an open map that are texts, numbers or booleans, long texts cut, at most [`MAX_MEMBERS`].
pub(crate) fn scalars(members: &Map<String, Value>) -> impl Iterator<Item = (String, Value)> + '_ {
    members.iter().filter_map(|(name, value)| Some((name.clone(), scalar(value)?))).take(MAX_MEMBERS)
}

/// A text, number or boolean, a long text cut.
pub(crate) fn scalar(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(Value::from(text::cut(text, MAX_TEXT))),
        Value::Number(_) | Value::Bool(_) => Some(value.clone()),
        _ => None,
    }
}

/// The same, with e-mail addresses in texts replaced: events hold none.
pub(crate) fn scalar_without_addresses(value: &Value) -> Option<Value> {
    match scalar(value)? {
        Value::String(text) if text.contains('@') => {
            let masked = |word: &str| if is_address(word) { "[e-mail]".to_owned() } else { word.to_owned() };
            Some(Value::from(text.split(' ').map(masked).collect::<Vec<_>>().join(" ")))
        }
        other => Some(other),
    }
}

fn is_address(word: &str) -> bool {
    word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
}
