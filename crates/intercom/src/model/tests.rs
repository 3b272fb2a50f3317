#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
use super::*;
use proptest::prelude::*;
use serde_json::json;

#[test]
fn a_conversation_is_read_whichever_way_its_fields_are_written() {
    let read: Conversation = read(&json!({
        "id": 215, "title": "", "state": "open", "admin_assignee_id": 9, "team_assignee_id": "0",
        "updated_at": "2026-01-10T07:56:29.000Z", "source": null, "statistics": null,
        "teammates": {"type": "admin.list", "admins": [{"type": "admin", "id": 9}]},
        "contacts": [{"id": "c1", "role": "user"}],
        "conversation_parts": {"conversation_parts": [{"id": "p1", "part_type": "made_up"}, "odd"], "total_count": 501}
    }));
    assert_eq!(read.id.as_deref(), Some("215"));
    assert_eq!(read.title, None);
    assert_eq!(read.admin_assignee_id.as_deref(), Some("9"));
    assert_eq!(read.team_assignee_id, None, "0 is nobody");
    assert_eq!(read.updated_at.map(|t| t.iso()).as_deref(), Some("2026-01-10T07:56:29Z"));
    assert_eq!(read.teammates.items[0].id.as_deref(), Some("9"));
    assert_eq!(read.contacts.items[0].role.as_deref(), Some("user"));
    assert_eq!(read.conversation_parts.items[0].part_type.as_deref(), Some("made_up"));
    assert!(read.conversation_parts.is_cut());
}

#[test]
fn a_field_of_another_type_costs_only_itself() {
    let read: Conversation = read(&json!({
        "id": "1", "title": {}, "created_at": [], "open": "yes", "tags": "none", "source": [1, 2], "contacts": 7,
        "conversation_rating": "good", "custom_attributes": [], "conversation_parts": null, "state": "closed",
        "ai_agent_participated": "maybe"
    }));
    assert_eq!(read.id.as_deref(), Some("1"));
    assert_eq!(read.state.as_deref(), Some("closed"));
    assert_eq!((read.open, read.source, read.conversation_rating), (None, None, None));
    assert!(read.tags.items.is_empty() && read.custom_attributes.is_empty());
}

#[test]
fn a_ticket_state_is_a_string_or_an_object() {
    let state = |value| read::<Ticket>(&json!({ "ticket_state": value })).ticket_state.and_then(|s| s.category);
    assert_eq!(state(json!("in_progress")).as_deref(), Some("in_progress"));
    assert_eq!(state(json!({"category": "resolved", "id": "4"})).as_deref(), Some("resolved"));
    assert_eq!(state(json!(null)), None);
}

#[test]
fn a_plan_is_a_name_an_object_or_nothing() {
    let plan = |value| read::<Company>(&json!({ "plan": value })).plan;
    assert_eq!(plan(json!({"type": "plan", "name": "Pro"})).as_deref(), Some("Pro"));
    assert_eq!(plan(json!("Pro")).as_deref(), Some("Pro"));
    assert_eq!(plan(json!({})), None);
    assert_eq!(plan(json!(null)), None);
}

#[test]
fn something_else_than_an_object_is_all_defaults() {
    assert_eq!(read::<Part>(&json!(["1", "comment"])), Part::default());
    assert_eq!(read::<Contact>(&json!(null)), Contact::default());
}

/// Any JSON, with the names that matter among its keys.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "id",
        "type",
        "source",
        "author",
        "tags",
        "contacts",
        "conversation_parts",
        "ticket_parts",
        "ticket_state",
        "data",
        "created_at",
        "plan",
        "total_count",
        "rating",
        "x",
    ]);
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

proptest! {
    #[test]
    fn an_id_survives_whatever_stands_beside_it(noise in any_json()) {
        let mut object = noise;
        if let Some(members) = object.as_object_mut() {
            members.insert("id".to_owned(), json!("kept"));
            let kept = Some("kept".to_owned());
            prop_assert_eq!(&read::<Conversation>(&object).id, &kept);
            prop_assert_eq!(&read::<Ticket>(&object).id, &kept);
            prop_assert_eq!(&read::<Contact>(&object).id, &kept);
            prop_assert_eq!(&read::<Company>(&object).id, &kept);
            prop_assert_eq!(&read::<Article>(&object).id, &kept);
            prop_assert_eq!(&read::<Part>(&object).id, &kept);
        }
    }
}
