//! Short readers and writers for objects that are kept as JSON: the emulator holds what Intercom would send, not a
//! model of it.

use serde_json::{Map, Value, json};

/// A whole number at `key`; 0 where there is none.
pub(crate) fn int(object: &Value, key: &str) -> i64 {
    object.get(key).and_then(Value::as_i64).unwrap_or(0)
}

/// A text at `key`; empty where there is none.
pub(crate) fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// An id that may be written as text or as a number.
pub(crate) fn id_of(value: &Value) -> Option<String> {
    match value {
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// The array at a JSON pointer; empty where there is none.
pub(crate) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The array at a JSON pointer, to change it; nothing where there is none.
pub(crate) fn list_mut<'a>(object: &'a mut Value, pointer: &str) -> Option<&'a mut Vec<Value>> {
    object.pointer_mut(pointer).and_then(Value::as_array_mut)
}

/// Writes `value` at `key`. Does nothing where `object` is no object.
pub(crate) fn set(object: &mut Value, key: &str, value: impl Into<Value>) {
    if let Some(map) = object.as_object_mut() {
        map.insert(key.to_owned(), value.into());
    }
}

/// Writes `value` at `key` of the object under `parent`, which is made where it is missing.
pub(crate) fn set_in(object: &mut Value, parent: &str, key: &str, value: impl Into<Value>) {
    let Some(map) = object.as_object_mut() else {
        return;
    };
    let inner = map.entry(parent.to_owned()).or_insert_with(|| json!({}));
    if !inner.is_object() {
        *inner = json!({});
    }
    set(inner, key, value);
}

/// Adds one to the counter at `key` of the object under `parent`.
pub(crate) fn count_up(object: &mut Value, parent: &str, key: &str) {
    let before = object.get(parent).map_or(0, |inner| int(inner, key));
    set_in(object, parent, key, before + 1);
}

/// Copies every field of `fields` over `object`; objects are merged one level deep, so that one custom attribute can
/// be changed without naming the others.
pub(crate) fn merge(object: &mut Value, fields: &Map<String, Value>) {
    let Some(map) = object.as_object_mut() else {
        return;
    };
    for (key, value) in fields {
        match (map.get_mut(key).and_then(Value::as_object_mut), value.as_object()) {
            (Some(into), Some(from)) => {
                for (inner_key, inner) in from {
                    into.insert(inner_key.clone(), inner.clone());
                }
            }
            _ => {
                map.insert(key.clone(), value.clone());
            }
        }
    }
}
