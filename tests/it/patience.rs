//! What passes by itself stops nothing and loses nothing: our own services away, a bad answer, a refusal of a minute.

use std::time::Duration;

use emulator::{Action, FailureKind, Kind, Mutate};
use serde_json::Value;
use tests::{Options, Stack};

use crate::{
    deletions::fail,
    memory::{deliver, installed, mutate},
    paging::assert_same_as_intercom,
};

async fn state(stack: &Stack, sk: &str) -> Value {
    let key = (format!("WORKSPACE#{}", stack.workspace()), sk.to_owned());
    stack.tables.dump(&stack.tables.state).await.remove(&key).unwrap_or_default()
}

async fn documents_of_conversations(stack: &Stack) -> usize {
    let items = stack.tables.memory().await;
    let documents = items.iter().filter(|((pk, sk), _)| pk.contains("#conversation#") && sk == "document");
    documents.filter(|(_, item)| item.get("tombstone").is_none()).count()
}

async fn has_part(stack: &Stack, of: &emulator::Mutation) -> bool {
    stack.tables.memory().await.values().any(|item| item.get("part_id") == of.ids.get("part_id"))
}

/// Ten minutes in which the live queue is worked on and nothing comes of it.
async fn ten_minutes(stack: &Stack) {
    for _ in 0..60 {
        stack.enrich_batch(&stack.live).await;
        stack.clock.advance(Duration::from_secs(10));
    }
}

#[tokio::test]
async fn ten_minutes_without_our_own_tables_put_nothing_among_the_dead_letters() {
    let stack = installed().await;
    let reply = mutate(&stack, &Mutate::new(Action::UserReplied)).await;
    let deleted = mutate(&stack, &Mutate::new(Action::ContactDeleted)).await;
    stack.tables.wire.set_trouble(1, 7);
    for notification in deleted.notifications.iter().chain(&reply.notifications) {
        stack.notify(notification).await;
    }
    ten_minutes(&stack).await;
    stack.tables.wire.set_trouble(0, 0);
    assert!(stack.live.dead().is_empty());
    stack.drain().await;
    assert!(stack.live.dead().is_empty());
    assert!(has_part(&stack, &reply).await);
    let contact = deleted.ids["contact_id"].as_str().unwrap().to_owned();
    let tombstone = &stack.tables.memory().await[&(format!("acmews01#contact#{contact}"), "document".to_owned())];
    assert_eq!(tombstone["tombstone"], "erased");
}

#[tokio::test]
async fn ten_minutes_without_the_key_put_nothing_among_the_dead_letters() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    stack.cipher.set_broken(true);
    let reply = mutate(&stack, &Mutate::new(Action::UserReplied)).await;
    stack.notify(&reply.notifications[0]).await;
    ten_minutes(&stack).await;
    stack.cipher.set_broken(false);
    stack.drain().await;
    assert!(stack.live.dead().is_empty());
    assert!(has_part(&stack, &reply).await);
}

#[tokio::test]
async fn a_refetch_that_lay_in_the_queue_for_a_day_is_put_off_like_any_other() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    stack.tick().await;
    stack.clock.advance(Duration::from_secs(24 * 3600));
    fail(&stack, "GET /conversations/{id}", FailureKind::Status { status: 503 }, 30);
    stack.drain().await;
    assert_eq!(stack.metrics.sum("RecordsGivenUp"), 0);
    assert!(stack.metrics.sum("RecordsDeferred") > 0);
    assert_eq!(documents_of_conversations(&stack).await, 12);
}

#[tokio::test]
async fn a_refetch_that_is_given_up_makes_no_history_be_listed_again() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    stack.tick().await;
    stack.clock.advance(Duration::from_secs(15 * 86_400));
    for message in stack.backfill_queue.take(usize::MAX) {
        stack.backfill_queue.delete(&message.id);
        let since =
            format!("\"put_off_since_ms\":{}", (stack.clock.now() - Duration::from_secs(14 * 86_400)).as_millis());
        stack.backfill_queue.put_again(message.body.replace("\"put_off_since_ms\":0", &since));
    }
    fail(&stack, "GET /conversations/{id}", FailureKind::Status { status: 503 }, 1_000_000);
    while stack.enrich_batch(&stack.backfill_queue).await {}
    assert_eq!(stack.metrics.sum("RecordsGivenUp"), 12, "after a fortnight");
    assert_eq!(state(&stack, "CHECKPOINT#conversations").await.get("dirty_since"), None);
    stack.intercom.state().clear_failures();
    stack.settle().await;
    assert_eq!(documents_of_conversations(&stack).await, 12, "a sweep was due meanwhile");
}

#[tokio::test]
async fn what_could_not_be_fetched_while_the_plan_had_lapsed_is_made_good_by_reconciliation() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    stack.tick().await;
    fail(&stack, "GET /conversations/{id}", FailureKind::Status { status: 403 }, 12);
    stack.drain().await;
    assert_eq!(documents_of_conversations(&stack).await, 0);
    assert_eq!(state(&stack, "CHECKPOINT#contacts").await.get("dirty_since"), None, "only its own list is read again");
    stack.revisit().await;
    assert_eq!(documents_of_conversations(&stack).await, 12);
}

#[tokio::test]
async fn a_second_change_in_the_second_of_the_last_look_is_found_by_reconciliation_with_one_look() {
    let stack = installed().await;
    let intercom = stack.intercom.state();
    let conversation = intercom.ids(Kind::Conversations)[0].clone();
    let ticket = intercom.ids(Kind::Tickets)[0].clone();
    let contact = intercom.ids(Kind::Contacts)[0].clone();
    stack.clock.advance(Duration::from_secs(5));
    let mut lost = Vec::new();
    for (action, id) in
        [(Action::UserReplied, &conversation), (Action::TicketReplied, &ticket), (Action::ContactUpdated, &contact)]
    {
        let first = intercom.mutate(&Mutate::new(action).on(id)).await.unwrap();
        for notification in &first.notifications {
            stack.notify(notification).await;
        }
    }
    while stack.enrich_batch(&stack.live).await {}
    for (action, id) in [(Action::OperatorReplied, &conversation), (Action::TicketReplied, &ticket)] {
        lost.push(intercom.mutate(&Mutate::new(action).on(id)).await.unwrap());
    }
    let mut rename = Mutate::new(Action::ContactUpdated).on(&contact);
    rename.fields.insert("name".to_owned(), "Renamed Within The Second".into());
    intercom.mutate(&rename).await.unwrap();
    stack.drain().await;
    stack.clock.advance(Duration::from_secs(5));
    stack.revisit().await;
    for missed in &lost {
        assert!(has_part(&stack, missed).await, "{:?}", missed.ids);
    }
    let document = &stack.tables.memory().await[&(format!("acmews01#contact#{contact}"), "document".to_owned())];
    assert_eq!(document["title"], "Renamed Within The Second");

    intercom.reset_requests();
    stack.revisit().await;
    let requests = intercom.requests();
    for route in ["GET /conversations/{id}", "GET /tickets/{id}", "GET /contacts/{id}"] {
        assert_eq!(requests.of(route), 0, "{route}: once is enough");
    }
}

#[tokio::test]
async fn one_refused_call_disconnects_nobody() {
    let stack = installed().await;
    fail(&stack, "GET /conversations/{id}", FailureKind::Unauthorized, 1);
    let reply = mutate(&stack, &Mutate::new(Action::UserReplied)).await;
    deliver(&stack, &reply).await;
    assert_eq!(state(&stack, "INSTALLATION").await["status"], "active");
    assert_eq!(stack.metrics.sum("TokensRefused"), 0);
    assert!(has_part(&stack, &reply).await);

    fail(&stack, "POST /conversations/search", FailureKind::Unauthorized, 1);
    let missed = mutate(&stack, &Mutate::new(Action::UserReplied)).await;
    stack.revisit().await;
    stack.clock.advance(Duration::from_secs(120));
    stack.settle().await;
    assert_eq!(state(&stack, "CHECKPOINT#conversations").await["phase"], "idle");
    assert!(has_part(&stack, &missed).await);
}

#[tokio::test]
async fn a_workspace_whose_token_is_taken_again_goes_on_within_the_hour_without_a_person() {
    let stack = installed().await;
    let reply = mutate(&stack, &Mutate::new(Action::UserReplied)).await;
    fail(&stack, "*", FailureKind::Unauthorized, 1_000_000);
    let refused_at = stack.clock.now();
    deliver(&stack, &reply).await;
    assert_eq!(state(&stack, "INSTALLATION").await["status"], "needs_reauth");
    stack.intercom.state().clear_failures();
    while state(&stack, "INSTALLATION").await["status"] != "active" {
        stack.tick().await;
        stack.clock.advance(Duration::from_secs(60));
        assert!(stack.clock.now() - refused_at <= Duration::from_secs(3600));
    }
    assert_eq!(stack.metrics.sum("TokensTakenAgain"), 1);
    stack.settle().await;
    assert!(has_part(&stack, &reply).await);
}

#[tokio::test]
async fn half_an_emoji_in_an_answer_stops_nothing() {
    let stack = Stack::start(Options::default()).await;
    let intercom = stack.intercom.state();
    let id = intercom.ids(Kind::Conversations)[0].clone();
    let mut conversation = intercom.object(Kind::Conversations, &id).unwrap();
    conversation["title"] = "A title that was cut HERE".into();
    intercom.upsert(Kind::Conversations, &id, conversation).unwrap();
    fail(&stack, "*", FailureKind::Replaced { text: "cut HERE".into(), by: "cut \\ud83d".into() }, 1_000_000);
    stack.install().await;
    stack.settle().await;
    assert_eq!(documents_of_conversations(&stack).await, 12);
    assert_same_as_intercom(&stack, Kind::Contacts, "contact").await;
    let document = &stack.tables.memory().await[&(format!("acmews01#conversation#{id}"), "document".to_owned())];
    assert_eq!(document["title"], "A title that was cut \u{FFFD}");
}

#[tokio::test]
async fn one_conversation_that_is_too_large_to_read_is_passed_by() {
    let stack = Stack::start(Options::default()).await;
    let intercom = stack.intercom.state();
    let id = intercom.ids(Kind::Conversations)[0].clone();
    let mut conversation = intercom.object(Kind::Conversations, &id).unwrap();
    conversation["title"] = "A title that is LONG".into();
    intercom.upsert(Kind::Conversations, &id, conversation).unwrap();
    let by = "long ".repeat(14 * 1024 * 1024);
    fail(&stack, "GET /conversations/{id}", FailureKind::Replaced { text: "LONG".into(), by }, 1_000);
    stack.install().await;
    stack.settle().await;
    assert_eq!(documents_of_conversations(&stack).await, 11);
    assert!(stack.backfill_queue.bodies().is_empty() && stack.backfill_queue.dead().is_empty());
    let dropped = stack.metrics.lines("RecordsDropped");
    assert_eq!(dropped.iter().filter(|line| line["reason"] == "too large").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn when_intercom_hangs_a_batch_ends_in_time_with_everything_put_off() {
    for route in ["GET /conversations/{id}", "GET /contacts/{id}", "*"] {
        let stack = Stack::start(Options { cache_minutes: 0, ..Options::default() }).await;
        stack.install().await;
        stack.settle().await;
        stack.clock.advance(Duration::from_secs(3600));
        for id in stack.intercom.state().ids(Kind::Conversations).into_iter().take(10) {
            let reply = mutate(&stack, &Mutate::new(Action::UserReplied).on(&id)).await;
            stack.notify(&reply.notifications[0]).await;
        }
        fail(&stack, route, FailureKind::Delay { ms: 35_000 }, 1_000_000);
        let began = stack.clock.now();
        stack.enrich_batch(&stack.live).await;
        let took = stack.clock.now() - began;
        assert!(took <= Duration::from_secs(55), "{route}: {took:?}");
        assert_eq!(stack.metrics.sum("RecordsFailed"), 0, "{route}");
        stack.intercom.state().clear_failures();
        stack.drain().await;
        assert!(stack.live.dead().is_empty(), "{route}");
        assert_same_as_intercom(&stack, Kind::Conversations, "conversation").await;
    }
}

#[tokio::test]
async fn an_opening_message_that_was_first_seen_without_its_text_gets_it() {
    let stack = Stack::start(Options::default()).await;
    let intercom = stack.intercom.state();
    let id = intercom.ids(Kind::Conversations)[0].clone();
    let whole = intercom.object(Kind::Conversations, &id).unwrap();
    let opening = whole["source"]["body"].as_str().unwrap().to_owned();
    let mut unfinished = whole.clone();
    unfinished["source"]["body"] = Value::Null;
    intercom.upsert(Kind::Conversations, &id, unfinished).unwrap();
    stack.install().await;
    stack.settle().await;
    let created = |items: &crate::memory::Items| {
        let pk = crate::memory::conversation_pk(&id);
        let event = crate::memory::of(items, &pk).find(|(_, item)| item["event_type"] == "conversation.created");
        event.unwrap().1["body"].as_str().unwrap().to_owned()
    };
    assert_eq!(created(&stack.tables.memory().await), "");
    let mut finished = whole;
    finished["updated_at"] = (stack.intercom.state().now()).into();
    intercom.upsert(Kind::Conversations, &id, finished).unwrap();
    stack.revisit().await;
    assert!(!opening.is_empty() && !created(&stack.tables.memory().await).is_empty());
}
