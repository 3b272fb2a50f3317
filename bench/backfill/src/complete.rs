//! What somebody has, against what Intercom holds. No I/O.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use intercom::{Timestamp, notification::id_text};
use serde::Serialize;
use serde_json::Value;

/// Items of MemoryTable by their keys.
pub(crate) type Items = BTreeMap<(String, String), Value>;

/// How much of what Intercom holds is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Complete {
    pub(crate) conversations: usize,
    pub(crate) conversations_expected: usize,
    pub(crate) parts: usize,
    pub(crate) parts_expected: usize,
}

impl Complete {
    /// Whether nothing is missing.
    pub(crate) fn is_whole(self) -> bool {
        (self.conversations, self.parts) == (self.conversations_expected, self.parts_expected)
    }
}

/// The parts of a conversation.
fn parts(conversation: &Value) -> &[Value] {
    let listed = conversation.pointer("/conversation_parts/conversation_parts");
    listed.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn id(object: &Value) -> String {
    object.get("id").and_then(id_text).unwrap_or_default().to_string()
}

/// Of records that have just an id: those of which Intercom knows.
pub(crate) fn of_records(truth: &[Value], conversations: &HashSet<String>, emitted: &HashSet<String>) -> Complete {
    let mut complete = Complete::default();
    for conversation in truth {
        complete.conversations_expected += 1;
        complete.conversations += usize::from(conversations.contains(&id(conversation)));
        for part in parts(conversation) {
            complete.parts_expected += 1;
            complete.parts += usize::from(emitted.contains(&id(part)));
        }
    }
    complete
}

/// Of memory: a conversation counts where its document is of Intercom's time and state, a part where its event is there.
pub(crate) fn of_memory(truth: &[Value], items: &Items) -> Complete {
    let mut events: HashSet<(&str, &str)> = HashSet::new();
    let mut documents: BTreeMap<&str, &Value> = BTreeMap::new();
    for ((pk, sk), item) in items {
        if !pk.contains("#conversation#") {
            continue;
        }
        let Some(conversation) = item.get("entity_id").and_then(Value::as_str) else { continue };
        if sk == memory::keys::DOCUMENT {
            documents.insert(conversation, item);
        } else if let Some(source) = item.get("source_id").and_then(Value::as_str)
            && sk.starts_with(memory::keys::EVENT_PREFIX)
            && let Some(part) = source.rsplit(':').nth(1)
        {
            events.insert((conversation, part));
        }
    }
    let mut complete = Complete::default();
    for conversation in truth {
        let key = id(conversation);
        complete.conversations_expected += 1;
        let is_current = documents.get(key.as_str()).is_some_and(|document| is_current(document, conversation));
        complete.conversations += usize::from(is_current);
        for part in parts(conversation) {
            complete.parts_expected += 1;
            complete.parts += usize::from(events.contains(&(key.as_str(), id(part).as_str())));
        }
    }
    complete
}

fn is_current(document: &Value, conversation: &Value) -> bool {
    let updated_at = conversation.get("updated_at").and_then(Timestamp::from_value);
    document.get("deleted_at").is_none()
        && document.get("state") == conversation.get("state")
        && updated_at.is_some_and(|at| document.get("updated_at").and_then(Value::as_str) == Some(at.iso().as_str()))
}

/// Conversations that memory holds though Intercom does not.
pub(crate) fn too_many(truth: &[Value], items: &Items) -> usize {
    let known: BTreeSet<String> = truth.iter().map(id).collect();
    let living = |(pk, sk): &(String, String), item: &Value| {
        pk.contains("#conversation#") && sk == memory::keys::DOCUMENT && item.get("deleted_at").is_none()
    };
    let unknown = |item: &Value| item.get("entity_id").and_then(Value::as_str).is_none_or(|key| !known.contains(key));
    items.iter().filter(|(key, item)| living(key, item) && unknown(item)).count()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn truth() -> Vec<Value> {
        let part = |id: &str| json!({"id": id});
        vec![json!({"id": "7", "state": "open", "updated_at": 1_700_000_000,
                    "conversation_parts": {"conversation_parts": [part("1"), part("2")]}})]
    }

    fn items(state: &str, parts: &[&str]) -> Items {
        let key = |sk: &str| ("ws#conversation#7".to_owned(), sk.to_owned());
        let document = json!({"entity_id": "7", "state": state, "updated_at": "2023-11-14T22:13:20Z"});
        let mut items = Items::from([(key("document"), document)]);
        for part in parts {
            let source = format!("intercom:conversation:7:{part}:conversation.replied");
            items.insert(key(&format!("event#t#{source}")), json!({"entity_id": "7", "source_id": source}));
        }
        items
    }

    #[test]
    fn memory_is_whole_where_every_part_has_its_event_and_the_document_is_current() {
        assert!(of_memory(&truth(), &items("open", &["1", "2", "source"])).is_whole());
        assert_eq!(of_memory(&truth(), &items("open", &["1"])).parts, 1);
        assert_eq!(of_memory(&truth(), &items("closed", &["1", "2"])).conversations, 0);
        assert_eq!(of_memory(&truth(), &Items::new()).conversations_expected, 1);
    }

    #[test]
    fn records_count_only_where_intercom_knows_them() {
        let ids = |ids: &[&str]| ids.iter().map(ToString::to_string).collect::<HashSet<_>>();
        let complete = of_records(&truth(), &ids(&["7", "8"]), &ids(&["2", "9"]));
        assert_eq!((complete.conversations, complete.parts), (1, 1));
        assert!(!complete.is_whole());
    }

    #[test]
    fn what_intercom_does_not_have_is_too_many_unless_it_is_a_tombstone() {
        assert_eq!(too_many(&truth(), &items("open", &[])), 0);
        assert_eq!(too_many(&[], &items("open", &[])), 1);
        let mut buried = items("open", &[]);
        for item in buried.values_mut() {
            item.as_object_mut().unwrap().insert("deleted_at".to_owned(), json!("2023-11-14T22:13:20Z"));
        }
        assert_eq!(too_many(&[], &buried), 0);
    }
}
