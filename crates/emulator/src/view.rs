//! What Intercom shows of what it holds: at most 500 parts, at most ten entries of a contact's sub-lists, no parts in
//! lists of conversations.

use serde_json::{Value, json};

use crate::json::{list, set, set_in, text};
use crate::world::{Kind, World, thread, ticket};

/// Parts that one answer holds at most: the newest (OpenAPI 2.14, "There is a limit of 500 parts").
pub const PART_LIMIT: usize = 500;

/// Entries of a contact's tags, companies and notes that the contact itself holds.
const EMBEDDED_LIMIT: usize = 10;

/// A conversation as `GET /conversations/{id}` answers it. `total_count` is the number of parts served; the whole
/// number is in `statistics.count_conversation_parts`, opening message included.
pub(crate) fn conversation(stored: &Value) -> Value {
    let mut shown = stored.clone();
    cut_parts(&mut shown, "conversation_parts", thread::PARTS);
    shown
}

/// A conversation as lists and searches show it.
pub(crate) fn conversation_in_list(stored: &Value) -> Value {
    without(stored, &["conversation_parts"])
}

/// A ticket: the same everywhere, parts inline.
pub(crate) fn ticket(stored: &Value) -> Value {
    let mut shown = stored.clone();
    cut_parts(&mut shown, "ticket_parts", ticket::PARTS);
    shown
}

/// A contact: the first ten of each sub-list, and where to read the rest.
pub(crate) fn contact(stored: &Value) -> Value {
    let mut shown = without(stored, &["segments"]);
    for name in ["tags", "notes", "companies"] {
        let pointer = format!("/{name}/data");
        let total = list(&shown, &pointer).len();
        let first: Vec<Value> =
            list(&shown, &pointer).iter().take(EMBEDDED_LIMIT).map(|entry| without(entry, &["applied_at"])).collect();
        if shown.get(name).is_some_and(Value::is_object) {
            set_in(&mut shown, name, "data", first);
            set_in(&mut shown, name, "total_count", total);
            set_in(&mut shown, name, "has_more", total > EMBEDDED_LIMIT);
        }
    }
    shown
}

/// A company. Fields without a value are left out, as in every recorded answer.
pub(crate) fn company(stored: &Value) -> Value {
    let mut shown = stored.clone();
    if let Some(map) = shown.as_object_mut() {
        map.retain(|_, value| !value.is_null());
    }
    shown
}

/// An article as the list shows it: statistics and tags come with the single one only.
pub(crate) fn article_in_list(stored: &Value) -> Value {
    without(stored, &["statistics", "tags"])
}

/// Any stored object as its single `GET` answers it.
pub(crate) fn whole(kind: Kind, stored: &Value) -> Value {
    match kind {
        Kind::Conversations => conversation(stored),
        Kind::Tickets => ticket(stored),
        Kind::Contacts => contact(stored),
        Kind::Companies => company(stored),
        _ => stored.clone(),
    }
}

/// Everything, or one kind, or one object, as Intercom would answer it now, and what is gone.
pub(crate) fn truth(world: &World, kind: Option<Kind>, id: Option<&str>) -> Value {
    let mut truth = json!({});
    let mut deleted = json!({});
    for each in Kind::ALL.into_iter().filter(|each| kind.is_none_or(|wanted| wanted == *each)) {
        let objects: Vec<Value> = match id {
            Some(id) => world.get(each, id).into_iter().map(|object| whole(each, object)).collect(),
            None => world.all(each).map(|object| whole(each, object)).collect(),
        };
        set(&mut truth, each.name(), objects);
        let gone: Vec<Value> = world
            .deleted
            .iter()
            .filter(|gone| gone.kind == each && id.is_none_or(|id| id == gone.id))
            .map(|gone| json!({"id": gone.id, "deleted_at": gone.deleted_at}))
            .collect();
        if !gone.is_empty() {
            set(&mut deleted, each.name(), gone);
        }
    }
    set(&mut truth, "deleted", deleted);
    if kind.is_none_or(|kind| kind == Kind::Contacts) {
        set(&mut truth, "archived_contacts", world.archived_contacts.keys().cloned().collect::<Vec<_>>());
        set(&mut truth, "merged_contacts", json!(world.merges));
    }
    truth
}

/// The tags of a contact as the sub-list shows them.
pub(crate) fn contact_tags(world: &World, contact: &Value) -> Vec<Value> {
    list(contact, "/tags/data")
        .iter()
        .filter_map(|entry| {
            let tag = world.get(Kind::Tags, text(entry, "id"))?;
            let mut shown = tag.clone();
            set(&mut shown, "applied_at", entry.get("applied_at").cloned());
            set(&mut shown, "applied_by", json!({"type": "admin", "id": text(&world.owner(), "id")}));
            Some(shown)
        })
        .collect()
}

fn cut_parts(shown: &mut Value, key: &str, pointer: &str) {
    let parts = list(shown, pointer);
    let from = parts.len().saturating_sub(PART_LIMIT);
    if from == 0 {
        return;
    }
    let newest: Vec<Value> = parts.iter().skip(from).cloned().collect();
    let inner = pointer.rsplit('/').next().unwrap_or(key);
    set_in(shown, key, "total_count", newest.len());
    set_in(shown, key, inner, newest);
}

fn without(stored: &Value, keys: &[&str]) -> Value {
    stored.as_object().map_or_else(
        || stored.clone(),
        |map| {
            map.iter()
                .filter(|(key, _)| !keys.contains(&key.as_str()))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect::<serde_json::Map<_, _>>()
                .into()
        },
    )
}
