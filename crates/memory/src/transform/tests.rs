#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
use super::*;
use crate::{Event, Relation, transcript};
use intercom::Timestamp;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeSet;

fn view_of(entity_type: EntityType, object: Value, settings: &Settings) -> View {
    transform(&"ws1".parse().unwrap(), entity_type, &object, settings).unwrap()
}

fn conversation(parts: Value) -> Value {
    json!({
        "id": "7", "created_at": 1_000, "updated_at": 2_000,
        "source": {"id": "s1", "type": "conversation", "body": "<p>Opening</p>", "author": {"type": "user", "id": "c1", "name": "Dana"}},
        "contacts": {"contacts": [{"type": "contact", "id": "c1"}]},
        "conversation_parts": {"conversation_parts": parts}
    })
}

fn part(id: &str, part_type: &str, body: &str) -> Value {
    json!({"id": id, "part_type": part_type, "body": body, "created_at": 1_500, "updated_at": 1_500,
           "author": {"type": "admin", "id": "a1", "name": "Kim"}})
}

fn events_of(object: Value) -> Vec<Event> {
    view_of(EntityType::Conversation, object, &Settings::default()).events
}

fn find<'v>(events: &'v [Event], part: &str) -> &'v Event {
    events.iter().find(|event| event.part_id.as_deref() == Some(part)).unwrap()
}

fn targets(relations: &[Relation], relationship: &str) -> Vec<String> {
    let wanted = relations.iter().filter(|relation| relation.relationship == relationship);
    wanted.map(|relation| format!("{}:{}", relation.target.entity_type, relation.target.entity_id)).collect()
}

#[test]
fn every_known_part_type_has_the_event_type_of_the_table_and_any_other_is_a_change() {
    for known in part_types::PART_TYPES.iter().filter(|known| !part_types::is_note(known.name)) {
        let events = events_of(conversation(json!([part("p", known.name, "")])));
        let event = find(&events, "p");
        assert_eq!(event.event_type, format!("conversation.{}", known.action));
        assert_eq!(event.source_id, format!("intercom:conversation:7:p:conversation.{}", known.action));
    }
    let events = events_of(conversation(json!([part("p", "brand_new_type", "")])));
    assert_eq!(find(&events, "p").event_type, "conversation.changed");
    assert_eq!(find(&events, "p").attributes["partType"], "brand_new_type");
}

#[test]
fn what_an_app_wrote_is_kept_and_says_which_app() {
    let mut part = part("p", "comment", "<p>From the app</p>");
    part["app_package_code"] = json!("acme-memory");
    let events = events_of(conversation(json!([part])));
    let event = find(&events, "p");
    assert_eq!((event.body.as_str(), &event.attributes["appPackageCode"]), ("From the app", &json!("acme-memory")));
}

#[test]
fn the_documented_table_of_part_types_is_the_one_in_use() {
    let page = include_str!("../../../../docs/data-model.md");
    for known in part_types::PART_TYPES {
        let row = format!("| `{}` | `{}` |", known.name, known.action);
        assert!(page.contains(&row), "docs/data-model.md lacks {row}");
    }
}

#[test]
fn an_event_does_not_change_when_the_conversation_around_it_does() {
    let plain = events_of(conversation(json!([part("p", "comment", "<p>Hi</p>")])));
    let mut changed = conversation(json!([part("q", "close", ""), part("p", "comment", "<p>Hi</p>")]));
    changed["title"] = json!("Another title");
    changed["state"] = json!("closed");
    changed["tags"] = json!({"tags": [{"id": "1", "name": "bug"}]});
    changed["updated_at"] = json!(9_999);
    let changed = events_of(changed);
    assert_eq!(find(&plain, "p"), find(&changed, "p"));
    assert_eq!(plain[0], changed[0], "the opening message too");
}

#[test]
fn an_assignment_or_closing_part_keeps_the_message_typed_with_it() {
    let events =
        events_of(conversation(json!([part("p", "close", "<p>Bye</p>"), part("q", "assignment", "<p>Mine</p>")])));
    assert_eq!(
        (find(&events, "p").title.as_str(), find(&events, "p").body.as_str()),
        ("[Conversation Closed] Bye", "Bye")
    );
    assert_eq!(find(&events, "q").body, "Mine");
}

#[test]
fn the_opening_message_is_an_event_even_where_it_comes_as_a_tagged_part() {
    let events = events_of(conversation(json!([part("s1", "comment", "<p>Opening</p>")])));
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].source_id, "intercom:conversation:7:source:conversation.created");
    assert_eq!(events[0].part_id, None);
}

#[test]
fn notes_leave_no_trace_at_all_unless_they_are_wanted() {
    let note = json!({"id": "n", "part_type": "note", "body": "<p>secret https://linear.app/x/issue/ENG-1</p>", "created_at": 1_500,
        "author": {"type": "admin", "id": "a9", "name": "Nora"}, "tags": {"tags": [{"id": "5", "name": "hush"}]}});
    for (kind, object) in [
        (EntityType::Conversation, conversation(json!([note]))),
        (EntityType::Ticket, json!({"id": "8", "created_at": 1_000, "ticket_parts": {"ticket_parts": [note]}})),
    ] {
        let hidden = serde_json::to_string(&view_of(kind, object.clone(), &Settings::default())).unwrap();
        for word in ["secret", "ENG-1", "Nora", "a9", "hush", "noted"] {
            assert!(!hidden.contains(word), "{kind}: {word}");
        }
        let wanted = Settings { ingest_internal_notes: true, ..Settings::default() };
        let shown = view_of(kind, object, &wanted);
        assert_eq!(find(&shown.events, "n").event_type, format!("{kind}.noted"));
        assert_eq!(targets(&shown.relations, "references"), ["issue:ENG-1"]);
    }
}

#[test]
fn a_redacted_part_keeps_its_place_and_loses_its_words() {
    let mut redacted = part("p", "comment", "<p>my password is x https://linear.app/x/issue/ENG-1</p>");
    redacted["redacted"] = json!(true);
    redacted["email_message_metadata"] = json!({"subject": "password"});
    redacted["attachments"] = json!([{"name": "password.txt"}]);
    redacted["updated_at"] = json!(1_800);
    let view = view_of(EntityType::Conversation, conversation(json!([redacted])), &Settings::default());
    let event = find(&view.events, "p");
    assert_eq!((event.title.as_str(), event.body.as_str(), event.redacted), ("[Message Deleted]", "", true));
    assert_eq!(event.source_id, "intercom:conversation:7:p:conversation.replied");
    assert_eq!(event.version, Timestamp::from_epoch_seconds(1_800).unwrap());
    let written = serde_json::to_string(&view).unwrap();
    assert!(!written.contains("password") && !written.contains("ENG-1"), "{written}");
}

#[test]
fn a_redacted_opening_message_is_in_neither_event_nor_title() {
    let mut object = conversation(json!([]));
    object["source"]["redacted"] = json!(true);
    object["source"]["subject"] = json!("Opening subject");
    let view = view_of(EntityType::Conversation, object, &Settings::default());
    assert_eq!(view.document.title, "Conversation 7");
    assert!(!serde_json::to_string(&view).unwrap().contains("Opening"));
}

#[test]
fn an_erased_contact_does_not_come_back_with_the_next_fetch() {
    let mut object = conversation(json!([
        {"id": "p", "part_type": "comment", "body": "<p>Dana writes</p>", "created_at": 1_500, "author": {"type": "user", "id": "c1", "name": "Dana", "email": "dana@x.example"}},
        part("q", "comment", "<p>Answer</p>")
    ]));
    object["title"] = json!("Dana cannot export");
    object["custom_attributes"] = json!({"Customer": "Dana"});
    object["conversation_rating"] =
        json!({"rating": 1, "remark": "Dana is angry", "updated_at": 1_900, "contact": {"id": "c1"}});
    let mut view = view_of(EntityType::Conversation, object.clone(), &Settings::default());
    view.forget(&BTreeSet::from(["c1".to_owned()]));
    let written = serde_json::to_string(&view).unwrap();
    for word in ["Dana", "dana", "c1", "Opening"] {
        assert!(!written.contains(word), "{word} in {written}");
    }
    assert_eq!(find(&view.events, "p").title, "[Message Erased]");
    assert_eq!(find(&view.events, "q").body, "Answer", "the words of others stay");
    let ids = |view: &View| view.events.iter().map(|event| event.source_id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&view), ids(&view_of(EntityType::Conversation, object, &Settings::default())));
}

#[test]
fn the_title_is_the_title_else_the_subject_else_the_first_words_else_the_number() {
    let title = |title: &str, subject: &str, body: &str| {
        let object = json!({"id": "7", "title": title, "source": {"subject": subject, "body": body}});
        view_of(EntityType::Conversation, object, &Settings::default()).document.title
    };
    assert_eq!(title("T", "S", "<p>B</p>"), "T");
    assert_eq!(title("", "<p>S</p>", "<p>B</p>"), "S");
    assert_eq!(title("", "", "<p><img src=x></p><p>First <b>words</b></p><p>more</p>"), "First words");
    assert_eq!(title("", "", ""), "Conversation 7");
}

#[test]
fn a_fins_answer_is_marked_as_such() {
    let mut answer = part("p", "comment", "<p>Try this</p>");
    answer["author"] = json!({"type": "bot", "id": "9", "from_ai_agent": true, "is_ai_answer": true});
    let events = events_of(conversation(json!([answer])));
    let event = find(&events, "p");
    assert_eq!(event.title, "[Fin Replied] Try this");
    assert_eq!((&event.attributes["fromAiAgent"], &event.attributes["isAiAnswer"]), (&json!(true), &json!(true)));
}

#[test]
fn only_what_changed_after_it_was_made_was_updated() {
    let types = |created: Value, updated: Value| -> Vec<String> {
        let object = json!({"id": "c1", "created_at": created, "updated_at": updated});
        let view = view_of(EntityType::Contact, object, &Settings::default());
        view.events.into_iter().map(|event| event.source_id).collect()
    };
    assert_eq!(types(json!(1_000), json!(1_000)), ["intercom:contact:c1:@1000:contact.created"]);
    assert_eq!(types(json!("2026-01-10T06:29:21.002Z"), json!("2026-01-10T06:29:21.000Z")).len(), 1, "2 ms earlier");
    assert_eq!(types(json!(1_000), json!(1_001))[1], "intercom:contact:c1:@1001:contact.updated");
}

#[test]
fn a_source_id_stays_within_255_characters() {
    let workspace = "ws1".parse().unwrap();
    let long = EntityRef::new(&workspace, EntityType::DataEvent, "x".repeat(2_000));
    let id = context::source_id(&long, &"y".repeat(2_000), "data-event.created");
    assert!(id.len() <= 255 && id.starts_with("intercom:data-event:"), "{id}");
}

#[test]
fn a_transcript_tells_who_said_what_when() {
    let view = view_of(
        EntityType::Conversation,
        conversation(json!([part("p", "comment", "<p>Answer</p>")])),
        &Settings::default(),
    );
    let text = transcript(&view.document, &view.events);
    assert!(text.starts_with("# Opening\n"), "{text}");
    assert!(text.contains("## 1970-01-01T00:16:40Z · Dana · created\n\nOpening\n"), "{text}");
    assert!(text.ends_with("## 1970-01-01T00:25:00Z · Kim · replied\n\nAnswer\n"), "{text}");
}

#[test]
fn what_has_no_id_or_is_no_object_is_refused() {
    let workspace = "ws1".parse().unwrap();
    let refused = |value: Value| transform(&workspace, EntityType::Contact, &value, &Settings::default()).unwrap_err();
    assert_eq!(refused(json!({"id": null})), TransformError::NoId(EntityType::Contact));
    assert_eq!(refused(json!([1])), TransformError::NotObject(EntityType::Contact));
}

/// Any JSON, most of its keys those that the transform reads.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let words = vec![
        "",
        "note",
        "comment",
        "assignment",
        "user",
        "admin",
        "open",
        "<p>a</p>",
        "https://e.example",
        "2026-01-10T07:56:29.000Z",
        "0",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(words).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    let keys = vec![
        "id",
        "type",
        "title",
        "source",
        "author",
        "body",
        "tags",
        "contacts",
        "contact",
        "conversation",
        "company",
        "model",
        "conversation_parts",
        "ticket_parts",
        "ticket_part",
        "ticket",
        "part_type",
        "created_at",
        "updated_at",
        "statistics",
        "conversation_rating",
        "rating",
        "ai_agent",
        "resolution_state",
        "linked_objects",
        "data",
        "redacted",
        "attachments",
        "event_details",
        "metadata",
        "content_stat",
        "performed_by",
        "subscription_types",
        "merged_from",
        "conversation_id",
    ];
    let key = prop::sample::select(keys);
    leaf.prop_recursive(5, 96, 8, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            3 => prop::collection::vec((key.clone(), inner), 0..10)
                .prop_map(|members| Value::Object(members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_object_makes_the_transform_panic_and_every_event_of_it_can_be_delivered(mut object in any_json()) {
        if let Some(members) = object.as_object_mut() {
            members.insert("id".to_owned(), json!("7"));
        }
        for kind in EntityType::ALL {
            if let Ok(view) = transform(&"ws1".parse().unwrap(), *kind, &object, &Settings::default()) {
                for event in &view.events {
                    let delivered = crate::post_transform_event(&view.document, event, &view.relations);
                    prop_assert_eq!(crate::delivery::validate(&delivered), Ok(()));
                }
                let written = serde_json::to_string(&view).unwrap();
                prop_assert_eq!(serde_json::from_str::<View>(&written).unwrap(), view);
            }
        }
    }

    #[test]
    fn the_order_in_which_parts_are_listed_changes_nothing(order in Just((0..8).collect::<Vec<usize>>()).prop_shuffle()) {
        let types = ["comment", "close", "open", "assignment", "comment", "snoozed", "odd", "title_changed"];
        let listed = |order: &[usize]| {
            let parts = order.iter().map(|n| part(&n.to_string(), types[*n], "<p>see https://e.example/a</p>"));
            view_of(EntityType::Conversation, conversation(parts.collect()), &Settings::default())
        };
        prop_assert_eq!(listed(&order), listed(&[0, 1, 2, 3, 4, 5, 6, 7]));
    }
}
