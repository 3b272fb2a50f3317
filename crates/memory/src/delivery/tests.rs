#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;
use crate::{EntityType, Settings, transform};
use proptest::prelude::*;

fn conversation(title: &str, body: &str) -> crate::View {
    let object = json!({
        "type": "conversation", "id": "215", "created_at": 1_768_031_789, "updated_at": 1_768_031_800, "title": title,
        "state": "open", "priority": "priority", "tags": {"tags": [{"id": "t1", "name": "bug"}, {"id": "t2", "name": "export"}]},
        "source": {"type": "conversation", "id": "1", "body": body, "author": {"type": "user", "id": "c1", "name": "Dana"}},
        "contacts": {"contacts": [{"type": "contact", "id": "c1"}]}
    });
    transform(&"ws1".parse().unwrap(), EntityType::Conversation, &object, &Settings::default()).unwrap()
}

fn delivered(title: &str, body: &str) -> Value {
    let view = conversation(title, body);
    post_transform_event(&view.document, view.events.first().unwrap(), &view.relations)
}

#[test]
fn a_message_is_delivered_as_the_contract_says() {
    let value = delivered("Export fails", "<p>See https://linear.app/acme/issue/ENG-42</p>");
    assert_eq!(validate(&value), Ok(()));
    insta::assert_json_snapshot!(value);
}

#[test]
fn a_long_body_is_cut_between_characters_and_says_so() {
    let value = delivered("t", &"😀".repeat(30_000));
    assert_eq!(validate(&value), Ok(()));
    assert_eq!(value["attributes"]["bodyTruncated"], true);
    assert!(value["body"].as_str().unwrap().ends_with("😀..."));
    assert_eq!(text::utf16_len(value["body"].as_str().unwrap()), 49_999, "no half emoji for the last unit");
}

#[test]
fn names_beyond_the_receivers_columns_do_not_break_the_contract() {
    let mut view = conversation(&"t".repeat(900), "x");
    let mut relation = view.relations.first().unwrap().clone();
    relation.target.entity_type = "x".repeat(51);
    view.relations.push(relation.clone());
    relation.target =
        RelationTarget { url: Some("no address".to_owned()), ..RelationTarget::new("web", "url", "u".repeat(900)) };
    view.relations.push(relation);
    view.document.state = Some("s".repeat(200));
    view.document.url = Some(format!("https://e.example/{}", "x".repeat(3_000)));
    let value = post_transform_event(&view.document, view.events.first().unwrap(), &view.relations);
    assert_eq!(validate(&value), Ok(()));
    assert_eq!(value["entity"]["url"], Value::Null);
}

#[test]
fn every_rule_of_the_contract_is_held_to() {
    let good = delivered("Export fails", "<p>See https://linear.app/acme/issue/ENG-42</p>");
    let set = |pointer: &str, value: Value| {
        let mut broken = good.clone();
        *broken.pointer_mut(pointer).unwrap() = value;
        validate(&broken).map_err(|violation| violation.path)
    };
    for (pointer, value) in [
        ("/deliveryId", json!("")),
        ("/deliveryId", json!("x".repeat(192))),
        ("/sourceId", json!("x".repeat(256))),
        ("/provider", json!("")),
        ("/eventType", json!("x".repeat(101))),
        ("/occurredAt", json!("2026-01-10T07:56:29+00:00")),
        ("/occurredAt", json!("soon")),
        ("/title", json!("")),
        ("/title", json!("😀".repeat(101))),
        ("/body", json!("x".repeat(50_001))),
        ("/body", Value::Null),
        ("/attributes/redacted", json!([])),
        ("/entity/title", Value::Null),
        ("/entity/url", json!("nowhere")),
        ("/entity/state", json!("x".repeat(101))),
        ("/entity/entityId", json!("x".repeat(501))),
    ] {
        let path = pointer.trim_start_matches('/').replace('/', ".");
        assert_eq!(set(pointer, value), Err(path));
    }
    assert_eq!(
        set("/relations/0/relationshipType", json!("x".repeat(51))),
        Err("relations[0].relationshipType".into())
    );
    assert_eq!(set("/relations/0/url", json!("")), Err("relations[0].url".into()));
    for member in [
        "deliveryId",
        "sourceId",
        "provider",
        "eventType",
        "occurredAt",
        "entity",
        "relations",
        "title",
        "body",
        "attributes",
    ] {
        let mut broken = good.clone();
        broken.as_object_mut().unwrap().remove(member);
        assert_eq!(validate(&broken).map_err(|v| v.rule), Err("must be present"), "{member}");
    }
}

proptest! {
    #[test]
    fn whatever_people_write_stays_within_the_contract(title in ".{0,300}", body in "(.|😀|https://e.example/|<p>){0,300}") {
        prop_assert_eq!(validate(&delivered(&title, &body)), Ok(()));
    }
}
