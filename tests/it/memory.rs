//! From notification to memory.

use std::collections::{BTreeMap, BTreeSet};

use emulator::{Action, Failure, FailureKind, Kind, Mutate, Mutation};
use serde_json::{Value, json};
use tests::{Options, Stack};

pub(crate) type Items = BTreeMap<(String, String), Value>;

pub(crate) async fn installed() -> Stack {
    let stack = Stack::start(Options::default()).await;
    assert_eq!(stack.install().await.status_code, 200);
    stack.settle().await;
    stack
}

pub(crate) async fn mutate(stack: &Stack, request: &Mutate) -> Mutation {
    // A second between two changes, so that each has a time of its own.
    stack.clock.advance(std::time::Duration::from_secs(1));
    stack.intercom.state().mutate(request).await.unwrap()
}

pub(crate) async fn deliver(stack: &Stack, mutation: &Mutation) {
    for notification in &mutation.notifications {
        assert_eq!(stack.notify(notification).await, 200);
    }
    stack.drain().await;
}

pub(crate) fn of<'a>(items: &'a Items, pk: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    items.iter().filter(move |((key, _), _)| key == pk).map(|((_, sk), item)| (sk.as_str(), item))
}

pub(crate) fn conversation_pk(id: &str) -> String {
    format!("acmews01#conversation#{id}")
}

/// What Intercom says has to be in memory of one conversation: the opening message and each part but notes.
fn expected_parts(conversation: &Value) -> BTreeSet<String> {
    let parts = conversation.pointer("/conversation_parts/conversation_parts").and_then(Value::as_array).unwrap();
    parts
        .iter()
        .filter(|part| part["part_type"] != "note")
        .map(|part| part["id"].as_str().unwrap().to_owned())
        .collect()
}

fn assert_conversation_is_whole(items: &Items, conversation: &Value) {
    let id = conversation["id"].as_str().unwrap();
    let pk = conversation_pk(id);
    let stored: BTreeMap<&str, &Value> = of(items, &pk).collect();
    assert!(stored.contains_key("document"), "conversation {id} has no document");
    let events: Vec<&Value> = stored.iter().filter(|(sk, _)| sk.starts_with("event#")).map(|(_, item)| *item).collect();
    let parts: BTreeSet<String> = events.iter().filter_map(|e| Some(e.get("part_id")?.as_str()?.to_owned())).collect();
    assert_eq!(parts, expected_parts(conversation), "parts of conversation {id}");
    assert!(events.iter().any(|e| e["event_type"] == "conversation.created"), "the opening message of {id}");
    assert!(stored.keys().any(|sk| sk.starts_with("relation#intercom#contact#")), "the contact of {id}");
}

#[tokio::test]
async fn a_backfill_brings_everything_that_intercom_holds() {
    let stack = installed().await;
    let items = stack.tables.memory().await;
    let intercom = stack.intercom.state();
    for id in intercom.ids(Kind::Conversations) {
        assert_conversation_is_whole(&items, &intercom.object(Kind::Conversations, &id).unwrap());
    }
    for (kind, entity) in [
        (Kind::Contacts, "contact"),
        (Kind::Companies, "company"),
        (Kind::Articles, "article"),
        (Kind::Tickets, "ticket"),
    ] {
        for id in intercom.ids(kind) {
            assert!(items.contains_key(&(format!("acmews01#{entity}#{id}"), "document".into())), "{entity} {id}");
        }
    }
}

#[tokio::test]
async fn a_reply_is_in_memory_with_one_fetch() {
    let stack = installed().await;
    let reply = mutate(&stack, &Mutate::new(Action::UserReplied).saying("<p>It fails again, see ENG-42.</p>")).await;
    stack.intercom.state().reset_requests();
    deliver(&stack, &reply).await;
    assert_eq!(stack.intercom.state().requests().total, 1);
    let id = reply.ids["conversation_id"].as_str().unwrap();
    let items = stack.tables.memory().await;
    assert_conversation_is_whole(&items, &stack.intercom.state().object(Kind::Conversations, id).unwrap());
    let pk = conversation_pk(id);
    let event = of(&items, &pk).find(|(_, e)| e.get("part_id") == reply.ids.get("part_id")).unwrap().1;
    assert_eq!(event["event_type"], "conversation.replied");
    assert!(event["body"].as_str().unwrap().contains("It fails again"));
    assert!(of(&items, &pk).any(|(sk, _)| sk.starts_with("relation#linear#issue#ENG-42#")), "the link to Linear");
    assert_eq!(stack.metrics.lines("WebhookToMemory").len(), 1);
}

#[tokio::test]
async fn a_burst_about_one_conversation_in_one_batch_makes_one_fetch() {
    let stack = installed().await;
    let first = mutate(&stack, &Mutate::new(Action::UserReplied)).await;
    let id = first.ids["conversation_id"].as_str().unwrap().to_owned();
    let mut all = first.notifications.clone();
    for action in [Action::AdminReplied, Action::AdminAssigned, Action::AdminClosed] {
        all.extend(mutate(&stack, &Mutate::new(action).on(&id)).await.notifications);
    }
    for notification in &all {
        stack.notify(notification).await;
    }
    stack.intercom.state().reset_requests();
    stack.drain().await;
    assert_eq!(stack.intercom.state().requests().of("GET /conversations/{id}"), 1);
    let truth = stack.intercom.state().object(Kind::Conversations, &id).unwrap();
    assert_conversation_is_whole(&stack.tables.memory().await, &truth);
}

/// A little history of a workspace, and its notifications.
async fn history(stack: &Stack) -> Vec<Value> {
    let mut notifications = Vec::new();
    let conversation = stack.intercom.state().ids(Kind::Conversations)[0].clone();
    let contact = stack.intercom.state().ids(Kind::Contacts)[0].clone();
    for request in [
        Mutate::new(Action::UserReplied).on(&conversation),
        Mutate::new(Action::AdminReplied).on(&conversation),
        Mutate::new(Action::ConversationTagged).on(&conversation),
        Mutate::new(Action::AdminAssigned).on(&conversation),
        Mutate::new(Action::AdminNoted).on(&conversation),
        Mutate::new(Action::ConversationCreated),
        Mutate::new(Action::ContactUpdated).on(&contact),
        Mutate::new(Action::CompanyUpdated),
        Mutate::new(Action::ArticlePublished),
        Mutate::new(Action::TicketReplied),
        Mutate::new(Action::EventCreated),
        Mutate::new(Action::AdminClosed).on(&conversation),
        Mutate::new(Action::ConversationDeleted).on(stack.intercom.state().ids(Kind::Conversations)[1].clone()),
    ] {
        notifications.extend(mutate(stack, &request).await.notifications);
    }
    notifications
}

#[tokio::test]
async fn invariant_4_the_same_webhooks_and_backfill_twice_leave_memory_as_after_once() {
    let stack = installed().await;
    let notifications = history(&stack).await;
    for notification in &notifications {
        stack.notify(notification).await;
    }
    stack.drain().await;
    stack.revisit().await;
    let once = stack.tables.memory().await;
    for notification in &notifications {
        stack.notify(notification).await;
    }
    stack.drain().await;
    stack.revisit().await;
    assert_same(&once, &stack.tables.memory().await);
}

#[tokio::test]
async fn invariant_4_the_order_of_webhooks_does_not_matter() {
    let mut results = Vec::new();
    for order in 0..3_usize {
        let stack = installed().await;
        let mut notifications = history(&stack).await;
        match order {
            1 => notifications.reverse(),
            2 => notifications.rotate_left(7),
            _ => {}
        }
        for notification in &notifications {
            stack.notify(notification).await;
            stack.drain().await;
        }
        results.push(stack.tables.memory().await);
    }
    assert_same(&results[0], &results[1]);
    assert_same(&results[0], &results[2]);
}

pub(crate) fn assert_same(a: &Items, b: &Items) {
    let keys: BTreeSet<_> = a.keys().chain(b.keys()).collect();
    for key in keys {
        let (Some(Value::Object(one)), Some(Value::Object(other))) = (a.get(key), b.get(key)) else {
            assert_eq!(a.get(key), b.get(key), "{key:?}");
            continue;
        };
        let names: BTreeSet<_> = one.keys().chain(other.keys()).collect();
        for name in names {
            assert_eq!(one.get(name), other.get(name), "{name} of {key:?}");
        }
    }
}

#[tokio::test]
async fn every_item_says_of_what_it_is() {
    let stack = installed().await;
    for notification in history(&stack).await {
        stack.notify(&notification).await;
    }
    stack.drain().await;
    let items = stack.tables.dump(&stack.tables.memory).await;
    assert!(items.keys().any(|(_, sk)| sk == memory::keys::CLAIM));
    for ((pk, sk), item) in items {
        let name = ["workspace_id", "entity_type", "entity_id"].map(|name| item[name].as_str().unwrap_or("nobody"));
        assert_eq!(pk, name.join("#"), "{sk}");
    }
}

#[tokio::test]
async fn a_deleted_conversation_leaves_a_tombstone_without_a_word() {
    let stack = installed().await;
    let deleted = mutate(&stack, &Mutate::new(Action::ConversationDeleted)).await;
    deliver(&stack, &deleted).await;
    let pk = conversation_pk(deleted.ids["conversation_id"].as_str().unwrap());
    let items = stack.tables.memory().await;
    let left: Vec<_> = of(&items, &pk).collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!((left[0].0, &left[0].1["tombstone"], left[0].1.get("title")), ("document", &json!("erased"), None));
}

#[tokio::test]
async fn invariant_5_erased_stays_erased_whatever_comes_later() {
    let stack = installed().await;
    let id = stack.intercom.state().ids(Kind::Conversations)[0].clone();
    let late = mutate(&stack, &Mutate::new(Action::UserReplied).on(&id)).await;
    let deleted = mutate(&stack, &Mutate::new(Action::ConversationDeleted).on(&id)).await;
    deliver(&stack, &deleted).await;
    let after_deletion = stack.tables.memory().await;
    // The reply arrives after the deletion, and Intercom serves the conversation as if nothing had happened.
    deliver(&stack, &late).await;
    stack.revisit().await;
    assert_same(&after_deletion, &stack.tables.memory().await);
}

#[tokio::test]
async fn a_redacted_part_loses_its_words_everywhere() {
    let stack = installed().await;
    let reply = mutate(&stack, &Mutate::new(Action::UserReplied).saying("<p>my password is hunter2</p>")).await;
    deliver(&stack, &reply).await;
    let text = |items: &Items| format!("{items:?}");
    assert!(text(&stack.tables.memory().await).contains("hunter2"));
    let id = reply.ids["conversation_id"].as_str().unwrap();
    let mut redact = Mutate::new(Action::PartRedacted).on(id);
    redact.part_id = Some(reply.ids["part_id"].as_str().unwrap().to_owned());
    let redacted = mutate(&stack, &redact).await;
    deliver(&stack, &redacted).await;
    assert!(!text(&stack.tables.memory().await).contains("hunter2"));
}

#[tokio::test]
async fn internal_notes_stay_out_unless_they_are_asked_for() {
    let stack = installed().await;
    let noted = mutate(&stack, &Mutate::new(Action::AdminNoted).saying("<p>between us: difficult</p>")).await;
    deliver(&stack, &noted).await;
    assert!(!format!("{:?}", stack.tables.memory().await).contains("between us"));

    let mut options = Options::default();
    options.settings.ingest_internal_notes = true;
    let stack = Stack::start(options).await;
    stack.install().await;
    let noted = mutate(&stack, &Mutate::new(Action::AdminNoted).saying("<p>between us: difficult</p>")).await;
    deliver(&stack, &noted).await;
    assert!(format!("{:?}", stack.tables.memory().await).contains("between us"));
}

#[tokio::test]
async fn a_message_that_cannot_be_read_goes_to_the_dead_letters_and_stops_nobody() {
    use store::queue::Queue;
    let stack = installed().await;
    stack.live.send("{\"v\":9,\"kind\":\"from the future\"}".into(), 0).await.unwrap();
    stack.live.send("not json at all".into(), 0).await.unwrap();
    let reply = mutate(&stack, &Mutate::new(Action::UserReplied)).await;
    deliver(&stack, &reply).await;
    assert_eq!(stack.live.dead().len(), 2);
    assert_eq!(stack.metrics.lines("WebhookToMemory").len(), 1);
}

#[tokio::test]
async fn intercom_failing_puts_work_off_and_loses_none() {
    let stack = installed().await;
    for kind in [
        FailureKind::Status { status: 500 },
        FailureKind::RateLimited,
        FailureKind::Empty,
        FailureKind::NonJson,
        FailureKind::Disconnect,
    ] {
        let reply = mutate(&stack, &Mutate::new(Action::UserReplied)).await;
        let name = format!("{kind:?}");
        let failure = Failure { route: "GET /conversations/{id}".into(), kind, times: 7, skip: 0 };
        stack.intercom.state().fail(vec![failure]).unwrap();
        deliver(&stack, &reply).await;
        let id = reply.ids["conversation_id"].as_str().unwrap();
        let truth = stack.intercom.state().object(Kind::Conversations, id).unwrap();
        assert_conversation_is_whole(&stack.tables.memory().await, &truth);
        assert!(stack.metrics.sum("RecordsDeferred") > 0, "{name}");
    }
    assert!(stack.live.dead().is_empty(), "waiting does not count towards the dead letters");
}

#[tokio::test]
async fn a_webhook_before_the_install_is_kept_and_one_for_nobody_ends() {
    let stack = Stack::start(Options::default()).await;
    let reply = mutate(&stack, &Mutate::new(Action::UserReplied)).await;
    assert_eq!(stack.notify(&reply.notifications[0]).await, 200);
    assert!(stack.enrich_batch(&stack.live).await);
    stack.install().await;
    stack.drain().await;
    let pk = conversation_pk(reply.ids["conversation_id"].as_str().unwrap());
    assert!(of(&stack.tables.memory().await, &pk).count() > 1, "an install was under way");

    let mut stranger = reply.notifications[0].clone();
    stranger["app_id"] = json!("stranger1");
    assert_eq!(stack.notify(&stranger).await, 200);
    let told_at = stack.clock.now();
    stack.drain().await;
    let waited = (stack.clock.now() - told_at).as_secs();
    assert!((600..=15 * 60).contains(&waited), "three times over ten minutes, not {waited} s");
    assert!(stack.live.dead().is_empty());
    let dropped = stack.metrics.lines("RecordsDropped");
    assert!(dropped.iter().any(|line| line["reason"] == "unknown workspace"), "{dropped:?}");
}
