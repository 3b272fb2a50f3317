//! Notifications have the keys of real ones. The recordings are not part of this repository: where they are missing the
//! test says so and passes.

use std::collections::BTreeSet;
use std::path::PathBuf;

use emulator::{Action, Mutate};
use serde_json::Value;

use crate::support::start;

fn capture(topic: &str) -> Option<Value> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/intercom/captures")
        .join(format!("{topic}.json"));
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}

/// Compares keys of objects at a path, and how times are written there.
fn same_shape(ours: &Value, theirs: &Value, pointer: &str, topic: &str) {
    let (ours, theirs) = (ours.pointer(pointer).unwrap(), theirs.pointer(pointer).unwrap());
    assert_eq!(keys(ours), keys(theirs), "{topic} at {pointer:?}");
    for (key, value) in ours.as_object().unwrap().iter().filter(|(key, _)| key.ends_with("_at")) {
        let real = &theirs[key];
        if !value.is_null() && !real.is_null() {
            assert_eq!(value.is_i64(), real.is_i64(), "{topic}: {key}");
            if let (Some(value), Some(real)) = (value.as_str(), real.as_str()) {
                assert_eq!(value.len(), real.len(), "{topic}: {key}: {value} and {real}");
            }
        }
    }
}

#[tokio::test]
async fn notifications_have_the_keys_and_times_of_captured_ones() {
    let world = start().await;
    const PART: &str = "/data/item/conversation_parts/conversation_parts/0";
    let cases: [(&str, Action, &[&str]); 10] = [
        ("article.published", Action::ArticlePublished, &["", "/data/item"]),
        ("company.created", Action::CompanyCreated, &["", "/data/item"]),
        ("company.updated", Action::CompanyUpdated, &[""]),
        (
            "contact.user.created",
            Action::ContactCreated,
            &["", "/data/item", "/data/item/companies", "/data/item/location"],
        ),
        ("contact.merged", Action::ContactMerged, &["", "/data/item"]),
        ("contact.deleted", Action::ContactDeleted, &["", "/data/item"]),
        ("conversation.deleted", Action::ConversationDeleted, &["", "/data/item"]),
        (
            "conversation.operator.replied",
            Action::OperatorReplied,
            &["", "/data/item", "/data/item/source", "/data/item/source/author", "/data/item/statistics", PART],
        ),
        ("conversation.priority.updated", Action::PriorityChanged, &["", "/data/item", "/data/item/statistics", PART]),
        (
            "ticket.created",
            Action::TicketCreated,
            &[
                "",
                "/data/item",
                "/data/item/ticket_state",
                "/data/item/ticket_type",
                "/data/item/ticket_parts/ticket_parts/0",
                "/data/item/ticket_parts/ticket_parts/0/author",
            ],
        ),
    ];
    let mut compared = 0;
    for (topic, action, pointers) in cases {
        let done = world.state().mutate(&Mutate::new(action)).await.unwrap();
        assert_eq!(done.topic, topic);
        let Some(real) = capture(topic) else { continue };
        for pointer in pointers {
            same_shape(&done.notification, &real, pointer, topic);
        }
        compared += 1;
    }
    if compared == 0 {
        eprintln!("no recordings beside this repository: shapes of notifications were not compared");
    }
}
