#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
use super::*;
use crate::transform::tests::any_json;
use proptest::prelude::*;
use serde_json::json;

fn told(topic: &str, item: &Value) -> Notification {
    let body = json!({"type": "notification_event", "app_id": "ws1", "id": "n1", "topic": topic, "created_at": 5_000,
        "data": {"type": "notification_event_data", "item": item}});
    Notification::parse(&body.to_string()).unwrap()
}

fn plans(topic: &str, item: &Value) -> Vec<Plan> {
    plan(
        &told(topic, item),
        &"ws1".parse().unwrap(),
        Timestamp::from_epoch_seconds(9_000).unwrap(),
        &Settings::default(),
    )
}

/// An item of the shape that a topic's group has.
fn item_of(topic: &Topic) -> Value {
    let name = topic.as_str();
    match name.split('.').next().unwrap() {
        "conversation" | "conversation_part" => json!({"type": "conversation", "id": "7"}),
        "ticket" => json!({"type": "ticket", "id": "8"}),
        "contact" if name.contains(".tag.") => {
            json!({"type": "contact_tag", "tag": {"id": "t"}, "contact": {"id": "c1"}})
        }
        "contact" if name.contains("subscribed") => json!({"contact": {"id": "c1"}, "subscription_types": []}),
        "granular" => json!({"contact": {"id": "c1"}, "subscription_types": []}),
        "contact" => json!({"type": "contact", "id": "c1"}),
        "company" if name.contains("contact") => json!({"company": {"id": "co"}, "contact": {"id": "c1"}}),
        "company" => json!({"type": "company", "id": "co"}),
        "article" => json!({"type": "article", "id": 15}),
        "admin" if name.contains("activity") => json!({"id": "b", "performed_by": {"id": "a1"}}),
        "admin" => json!({"type": "admin", "id": 41}),
        "call" => json!({"type": "call", "id": "k", "conversation_id": "7"}),
        "visitor" | "user" => json!({"type": "user", "id": "c1"}),
        "event" => json!({"type": "event", "id": "e", "event_name": "x", "created_at": 4_000}),
        _ => json!({"type": name, "id": "x1"}),
    }
}

fn summary(plans: &[Plan]) -> String {
    let said = plans.iter().map(|plan| match plan {
        Plan::Fetch { entity, .. } => format!("fetch {}", entity.entity_type),
        Plan::Erase { entity, .. } => format!("erase {}", entity.entity_type),
        Plan::Absent { entity, .. } => format!("absent {}", entity.entity_type),
        Plan::Merge { .. } => "merge contact".to_owned(),
        Plan::Observe(seen) => format!("observe {}", seen.event.event_type),
        Plan::Ignore { .. } => "ignore".to_owned(),
    });
    said.collect::<Vec<_>>().join(", ")
}

#[test]
fn every_known_topic_asks_for_what_the_documented_table_says() {
    let page = include_str!("../../../../docs/data-model.md");
    for topic in Topic::KNOWN {
        let row = format!("| `{topic}` | {} |", summary(&plans(topic.as_str(), &item_of(topic))));
        assert!(page.contains(&row), "docs/data-model.md lacks {row}");
    }
}

#[test]
fn a_deleted_conversation_is_named_by_its_conversation_id() {
    let plans = plans("conversation.deleted", &json!({"type": "conversation", "conversation_id": "215"}));
    let [Plan::Erase { entity, at, reason }] = plans.as_slice() else { panic!("{plans:?}") };
    assert_eq!((entity.id.as_str(), at.epoch_seconds(), reason.as_str()), ("215", 5_000, "conversation.deleted"));
}

#[test]
fn an_unknown_topic_fetches_what_can_be_fetched_and_observes_the_rest() {
    assert_eq!(summary(&plans("conversation.sla.missed", &json!({"id": 7}))), "fetch conversation");
    assert_eq!(summary(&plans("audit.closed", &json!({"type": "ticket", "id": "8"}))), "fetch ticket");
    assert_eq!(
        summary(&plans("audience.created", &json!({"type": "audience", "id": "3"}))),
        "observe data-event.notified"
    );
    assert_eq!(summary(&plans("audience.created", &json!(null))), "observe data-event.notified");
    assert_eq!(summary(&plans("conversation.user.replied", &json!({}))), "observe data-event.notified");
}

#[test]
fn a_part_that_causes_the_topic_is_named_and_one_that_only_comes_along_is_not() {
    let conversation = json!({"type": "conversation", "id": "7", "source": {"id": "s1"}, "conversation_parts": {
        "conversation_parts": [{"id": "p", "part_type": "comment", "created_at": 4_000, "updated_at": 4_001}]}});
    let part = |topic: &str| match plans(topic, &conversation).remove(0) {
        Plan::Fetch { part, .. } => part,
        other => panic!("{other:?}"),
    };
    let seen = part("conversation.user.replied").unwrap();
    assert_eq!((seen.id.as_str(), seen.version.epoch_seconds(), seen.redacted), ("p", 4_001, false));
    for topic in ["conversation_part.tag.created", "conversation.rating.added", "conversation.contact.attached"] {
        assert_eq!(part(topic), None, "{topic}");
    }
}

#[test]
fn a_tickets_rating_is_kept_as_it_is_told_since_no_ticket_shows_it() {
    let ticket = |rating: Value| json!({"type": "ticket", "id": "8", "rating": rating});
    for (told, score) in
        [(json!({"rating": 4, "remark": "Dana was great"}), Some(4)), (json!(2), Some(2)), (json!("?"), None)]
    {
        let plans = plans("ticket.rating.provided", &ticket(told));
        assert_eq!(summary(&plans), "observe ticket.rated, fetch ticket");
        let Plan::Observe(seen) = &plans[0] else { panic!("{plans:?}") };
        assert_eq!(seen.event.attributes.get("rating").and_then(Value::as_i64), score);
        assert_eq!(seen.event.source_id, "intercom:ticket:8:@5000:ticket.rated");
        assert_eq!(seen.event.attributes["seen_by"], "webhook");
        assert!(!format!("{seen:?}").contains("Dana"), "its words are the customer's");
    }
}

#[test]
fn a_notification_about_our_own_requests_causes_no_request() {
    let item = json!({"type": "api_request", "id": "r1", "method": "GET", "url": "/conversations/215"});
    assert_eq!(summary(&plans("api.request.completed", &item)), "ignore");
}

#[test]
fn a_note_is_not_waited_for_where_notes_are_off() {
    let item = json!({"type": "conversation", "id": "7", "conversation_parts": [{"id": "n", "part_type": "note", "created_at": 4_000}]});
    let part = |settings: &Settings| {
        let told = told("conversation.admin.noted", &item);
        match plan(&told, &"ws1".parse().unwrap(), Timestamp::from_epoch_seconds(9_000).unwrap(), settings).remove(0) {
            Plan::Fetch { part, .. } => part.map(|part| part.id),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(part(&Settings::default()), None);
    assert_eq!(part(&Settings { ingest_internal_notes: true, ..Settings::default() }), Some("n".to_owned()));
}

#[test]
fn the_redacted_part_of_a_redaction_says_so() {
    let item = json!({"type": "conversation", "id": "7", "conversation_parts": [
        {"id": "p", "part_type": "comment", "created_at": 4_000, "updated_at": 4_500, "redacted": true}]});
    let Plan::Fetch { part: Some(part), .. } = plans("conversation_part.redacted", &item).remove(0) else { panic!() };
    assert!(part.redacted);
}

#[test]
fn two_tags_in_one_second_are_two_observations_and_a_retry_is_the_same_one() {
    let source_id = |tag: &str| {
        let item = json!({"type": "contact_tag", "tag": {"id": tag}, "contact": {"id": "c1"}});
        let Plan::Observe(seen) = plans("contact.user.tag.created", &item).remove(0) else { panic!() };
        seen.event.source_id
    };
    assert_eq!(source_id("1"), "intercom:contact:c1:@5000+1:contact.tagged");
    assert_ne!(source_id("1"), source_id("2"));
    assert_eq!(source_id("1"), source_id("1"));
}

#[test]
fn a_merge_names_the_swallowed_contact_where_intercom_does() {
    let item = json!({"type": "contact", "id": "c1", "merged_from": {"type": "contact", "id": "c2"}});
    let swallowed = |item: &Value| match plans("contact.merged", item).remove(1) {
        Plan::Merge { survivor, swallowed, .. } => (survivor.id, swallowed),
        other => panic!("{other:?}"),
    };
    assert_eq!(swallowed(&item), ("c1".to_owned(), Some("c2".to_owned())));
    assert_eq!(swallowed(&json!({"type": "contact", "id": "c1"})), ("c1".to_owned(), None));
    let itself = json!({"type": "contact", "id": "c1", "merged_from": {"id": "c1"}});
    assert_eq!(swallowed(&itself), ("c1".to_owned(), None));
}

#[test]
fn a_call_without_a_conversation_is_still_an_observation() {
    assert_eq!(summary(&plans("call.ended", &json!({"type": "call", "id": "k"}))), "observe data-event.notified");
}

proptest! {
    #[test]
    fn no_notification_makes_planning_panic_and_none_is_left_without_a_plan(
        item in any_json(),
        topic in prop_oneof![
            prop::sample::select(Topic::KNOWN).prop_map(|topic| topic.as_str().to_owned()),
            "[a-z_.]{1,20}",
        ],
    ) {
        prop_assert!(!plans(&topic, &item).is_empty());
        let _ = events_seen(&told(&topic, &item), &"ws1".parse().unwrap(), &Settings::default());
    }
}
