//! Values of custom and ticket attributes and of metadata: whatever the customer defined. Scalars stay what they are; lists,
//! files, references and objects become text to read, of limited length.

use serde_json::{Map, Value};

use crate::{links, text};

/// Longest text, in UTF-16 units, that one value becomes.
const MAX_TEXT: usize = 1_000;
/// Most entries of a list, and most members of an object, that are told.
const MAX_ENTRIES: usize = 100;
/// Deepest nesting that is told.
const MAX_DEPTH: usize = 6;
/// What stands in place of what is nested deeper.
const DEEPER: &str = "…";
/// Members of a file beside its name and kind; its address is signed and runs out.
const OF_FILES: [&str; 8] = ["id", "type", "name", "content_type", "url", "filesize", "width", "height"];

/// A value as a field of a document keeps it: a scalar, a list of such, or text. `None` where it says nothing (null, empty).
pub(crate) fn readable(value: &Value) -> Option<Value> {
    match value {
        Value::Array(entries) => {
            let mut kept: Vec<Value> = entries.iter().take(MAX_ENTRIES).filter_map(|entry| simple(entry, 1)).collect();
            if entries.len() > MAX_ENTRIES {
                kept.push(Value::from(and_more(entries.len())));
            }
            (!kept.is_empty()).then(|| Value::from(kept))
        }
        Value::Object(members) => match list_in(members) {
            Some(list) => readable(list),
            None => simple(value, 0),
        },
        scalar => simple(scalar, 0),
    }
}

/// The same on one line, as an attribute of an event keeps it.
pub(crate) fn flat(value: &Value) -> Option<Value> {
    match readable(value)? {
        Value::Array(entries) => {
            let entries: Vec<String> = entries.iter().map(plain).collect();
            Some(Value::from(text::cut(&entries.join(", "), MAX_TEXT)))
        }
        simple => Some(simple),
    }
}

/// A scalar, or text.
fn simple(value: &Value, depth: usize) -> Option<Value> {
    match value {
        Value::Number(_) | Value::Bool(_) => Some(value.clone()),
        other => {
            let told = told(other, depth);
            (!told.is_empty()).then(|| Value::from(text::cut(&told, MAX_TEXT)))
        }
    }
}

/// In words; empty where there is nothing to tell.
fn told(value: &Value, depth: usize) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => links::without_signatures(text).into_owned(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) if depth > MAX_DEPTH => DEEPER.to_owned(),
        Value::Array(entries) => {
            let mut told: Vec<String> =
                entries.iter().take(MAX_ENTRIES).map(|e| self::told(e, depth + 1)).filter(|t| !t.is_empty()).collect();
            if entries.len() > MAX_ENTRIES {
                told.push(and_more(entries.len()));
            }
            told.join(", ")
        }
        Value::Object(members) => match list_in(members) {
            Some(list) => told(list, depth + 1),
            None => object(members, depth),
        },
    }
}

/// `invoice.pdf (application/pdf)`, `Order:17`, `Blue (option:3)`, or its members one by one.
fn object(members: &Map<String, Value>, depth: usize) -> String {
    let word = |name: &str| members.get(name).map(|v| told(v, MAX_DEPTH + 1)).filter(|text| !text.is_empty());
    let is_file = members.contains_key("url") && (members.contains_key("name") || members.contains_key("content_type"));
    let name = ["name", "label", "title"].into_iter().find(|name| members.contains_key(*name));
    let (head, of_head): (Option<String>, Vec<&str>) = if is_file {
        let kind = word("content_type").or_else(|| word("type"));
        let name = word("name").unwrap_or_else(|| "unnamed".to_owned());
        (Some(format!("{name} ({})", kind.as_deref().unwrap_or("unknown type"))), OF_FILES.to_vec())
    } else if let (Some(kind), Some(id)) = (word("type"), word("id")) {
        let reference = format!("{kind}:{id}");
        match name.and_then(|name| Some((name, word(name)?))) {
            Some((member, name)) => (Some(format!("{name} ({reference})")), vec!["type", "id", member]),
            None => (Some(reference), vec!["type", "id"]),
        }
    } else {
        (None, Vec::new())
    };
    let rest = members.iter().filter(|(name, _)| !of_head.contains(&name.as_str()));
    let mut told: Vec<String> = head.into_iter().collect();
    for (name, value) in rest.clone().take(MAX_ENTRIES) {
        let inner = self::told(value, depth + 1);
        if !inner.is_empty() {
            let is_nested = value.is_object() || value.is_array();
            told.push(if is_nested { format!("{name}: {{{inner}}}") } else { format!("{name}: {inner}") });
        }
    }
    if rest.count() > MAX_ENTRIES {
        told.push(and_more(members.len()));
    }
    told.join("; ")
}

/// Intercom's wrapping of a list (`{"type":"order.list","instances":[…]}`): only a type, a count and one array.
fn list_in(members: &Map<String, Value>) -> Option<&Value> {
    let mut lists = members.iter().filter(|(_, value)| value.is_array());
    let (Some((_, list)), None) = (lists.next(), lists.next()) else { return None };
    let wraps = |name: &str| matches!(name, "type" | "total_count" | "has_more" | "pages" | "url");
    members.iter().all(|(name, value)| value.is_array() || wraps(name)).then_some(list)
}

fn and_more(all: usize) -> String {
    format!("… and {} more", all - MAX_ENTRIES)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn lists_files_references_and_objects_stay_readable() {
        let signed = "https://acme.intercom-attachments-7.com/a.pdf?expires=1&signature=s";
        for (value, kept, on_a_line) in [
            (json!(["Web", "iOS", null, 3]), json!(["Web", "iOS", 3]), json!("Web, iOS, 3")),
            (
                json!([{"name": "a.pdf", "url": signed, "content_type": "application/pdf", "filesize": 9}]),
                json!(["a.pdf (application/pdf)"]),
                json!("a.pdf (application/pdf)"),
            ),
            (json!({"type": "Order", "id": 17}), json!("Order:17"), json!("Order:17")),
            (
                json!({"type": "list_option", "id": "3", "label": "Blue"}),
                json!("Blue (list_option:3)"),
                json!("Blue (list_option:3)"),
            ),
            (
                json!({"type": "order.list", "instances": [{"type": "Order", "id": "17", "external_id": "o-1",
                    "custom_attributes": {"sum": 5, "paid": true}}]}),
                json!(["Order:17; custom_attributes: {paid: true; sum: 5}; external_id: o-1"]),
                json!("Order:17; custom_attributes: {paid: true; sum: 5}; external_id: o-1"),
            ),
            (
                json!({"amount": 5, "currency": "eur", "none": null}),
                json!("amount: 5; currency: eur"),
                json!("amount: 5; currency: eur"),
            ),
            (
                json!(signed),
                json!("https://acme.intercom-attachments-7.com/a.pdf"),
                json!("https://acme.intercom-attachments-7.com/a.pdf"),
            ),
            (json!(true), json!(true), json!(true)),
        ] {
            assert_eq!(readable(&value), Some(kept), "{value}");
            assert_eq!(flat(&value), Some(on_a_line), "{value}");
        }
        for nothing in [
            json!(null),
            json!(""),
            json!([]),
            json!({}),
            json!([null, ""]),
            json!({"a": null}),
            json!({"type": "list", "data": []}),
        ] {
            assert_eq!(readable(&nothing).filter(|v| v != "type: list"), None, "{nothing}");
        }
    }

    #[test]
    fn what_is_too_much_is_cut_and_says_so() {
        let many: Vec<usize> = (0..150).collect();
        assert_eq!(readable(&json!(many)).and_then(|v| v.get(100).cloned()), Some(json!("… and 50 more")));
        let long = json!({"a": "x".repeat(2_000)});
        assert!(flat(&long).is_some_and(|v| v.as_str().is_some_and(|t| t.ends_with("...") && t.len() == 1_000)));
        let deep = (0..60).fold(json!("core"), |inner, _| json!({ "a": inner }));
        assert!(flat(&deep).is_some_and(|v| v.as_str().is_some_and(|t| t.contains(DEEPER))));
    }

    proptest! {
        #[test]
        fn every_value_becomes_something_short(value in crate::transform::tests::any_json()) {
            for kept in [flat(&value), readable(&value)].into_iter().flatten() {
                let entries = kept.as_array().map_or(1, Vec::len);
                prop_assert!(entries <= MAX_ENTRIES + 1 && !kept.is_object());
            }
        }
    }
}
