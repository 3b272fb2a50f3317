//! Walking the history.

use emulator::{Action, Failure, FailureKind, Kind, Mutate};
use serde_json::{Value, json};
use tests::{Options, Stack};

async fn checkpoint(stack: &Stack, resource: &str) -> Value {
    let key = (format!("WORKSPACE#{}", stack.workspace()), format!("CHECKPOINT#{resource}"));
    stack.tables.dump(&stack.tables.state).await.remove(&key).unwrap()
}

fn with_conversations(conversations: u32) -> Options {
    let options = Options::default();
    Options { seed: emulator::Seed { conversations, ..options.seed }, ..options }
}

#[tokio::test]
async fn a_history_costs_one_request_a_conversation_and_a_page_for_fifty() {
    let stack = Stack::start(with_conversations(120)).await;
    stack.install().await;
    stack.intercom.state().reset_requests();
    stack.settle().await;
    let requests = stack.intercom.state().requests();
    assert_eq!(requests.of("GET /conversations/{id}"), 120);
    assert!(requests.total <= 120 + 120 / 50 + 20, "{requests:?}");

    stack.intercom.state().reset_requests();
    stack.revisit().await;
    let requests = stack.intercom.state().requests();
    assert_eq!(requests.of("GET /conversations/{id}"), 0, "nothing has changed: {requests:?}");
    assert!(requests.total <= 120 / 50 + 20, "{requests:?}");
}

#[tokio::test]
async fn invariant_8_all_functions_together_stay_within_the_limit_that_the_headers_tell() {
    let stack = Stack::start(Options { rate_limit: 20, ..with_conversations(60) }).await;
    stack.install().await;
    stack.clock.advance(std::time::Duration::from_secs(10));
    stack.intercom.state().reset_requests();
    for round in 0..40 {
        // History, its refetches and what just happened all at once.
        if round % 4 == 0 {
            let live = stack.intercom.state().mutate(&Mutate::new(Action::UserReplied)).await.unwrap();
            stack.notify(&live.notifications[0]).await;
        }
        tokio::join!(stack.tick(), stack.enrich_batch(&stack.backfill_queue), stack.enrich_batch(&stack.live));
        stack.clock.advance(std::time::Duration::from_millis(700));
    }
    stack.settle().await;
    let requests = stack.intercom.state().requests();
    assert_eq!(requests.rate_limited, 0, "{requests:?}");
    assert!((15..=20).contains(&requests.max_in_window), "the limit is used, and not overrun: {requests:?}");
    let items = stack.tables.memory().await;
    let documents = items.keys().filter(|(pk, sk)| pk.contains("#conversation#") && sk == "document").count();
    assert_eq!(documents, 60, "everything arrives all the same");
}

#[tokio::test]
async fn the_checkpoint_is_saved_after_each_page_and_the_next_tick_goes_on_there() {
    let stack = Stack::start(with_conversations(120)).await;
    stack.install().await;
    let route = "POST /conversations/search".to_owned();
    stack
        .intercom
        .state()
        .fail(vec![Failure { route, kind: FailureKind::Status { status: 500 }, times: 3, skip: 1 }])
        .unwrap();
    stack.tick().await;
    let stopped = checkpoint(&stack, "conversations").await;
    assert_eq!((&stopped["pages"], &stopped["seen"], &stopped["phase"]), (&json!(1), &json!(50), &json!("running")));
    assert!(stopped["cursor"].is_string() && stopped["last_error"].as_str().unwrap().contains("HTTP 500"));
    assert_eq!(checkpoint(&stack, "contacts").await["phase"], "idle", "no other resource waits for it");

    stack.intercom.state().reset_requests();
    stack.clock.advance(std::time::Duration::from_secs(15));
    stack.settle().await;
    assert_eq!(stack.intercom.state().requests().of("POST /conversations/search"), 2, "pages 2 and 3 only");
    let done = checkpoint(&stack, "conversations").await;
    assert_eq!((&done["pages"], &done["seen"], done.get("last_error")), (&json!(3), &json!(120), None));
}

#[tokio::test]
async fn a_webhook_that_never_came_is_made_good_by_the_next_walk() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    stack.settle().await;
    stack.clock.advance(std::time::Duration::from_secs(60));
    let lost = stack.intercom.state().mutate(&Mutate::new(Action::UserReplied)).await.unwrap();
    stack.revisit().await;
    let items = stack.tables.memory().await;
    assert!(
        items.values().any(|item| item.get("part_id") == lost.ids.get("part_id")),
        "the reply that was not told of"
    );
}

#[tokio::test]
async fn invariant_6_a_deletion_that_nobody_told_of_is_found_by_the_next_walk() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    stack.settle().await;
    stack.clock.advance(std::time::Duration::from_secs(60));
    let lost = stack.intercom.state().mutate(&Mutate::new(Action::ConversationDeleted)).await.unwrap();
    let pk = format!("acmews01#conversation#{}", lost.ids["conversation_id"].as_str().unwrap());
    assert!(stack.tables.memory().await.keys().filter(|(key, _)| *key == pk).count() > 1);
    stack.revisit().await;
    let items = stack.tables.memory().await;
    let left: Vec<_> = items.iter().filter(|((key, _), _)| *key == pk).collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0].1["tombstone"], "erased");

    stack.intercom.state().reset_requests();
    stack.revisit().await;
    assert_eq!(
        stack.intercom.state().requests().of("GET /conversations/deleted"),
        1,
        "old deletions are not read again"
    );
}

#[tokio::test]
async fn private_app_mode_registers_its_workspace_at_the_first_tick() {
    let stack = Stack::start(Options { private_app: true, ..Options::default() }).await;
    stack.settle().await;
    let items = stack.tables.memory().await;
    let documents = items.keys().filter(|(pk, sk)| pk.contains("#conversation#") && sk == "document").count();
    assert_eq!(documents, 12);
    let state = stack.tables.dump(&stack.tables.state).await;
    assert!(!format!("{state:?}").contains("dG9rO"), "the token stays in the secret");
}

#[tokio::test]
async fn a_refused_token_stops_the_calls_until_the_workspace_is_connected_again() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    stack.settle().await;
    stack.intercom.state().revoke_tokens();
    let missed = stack.intercom.state().mutate(&Mutate::new(Action::UserReplied)).await.unwrap();
    stack.notify(&missed.notifications[0]).await;
    stack.drain().await;
    stack.intercom.state().reset_requests();
    stack.revisit().await;
    let calls = stack.intercom.state().requests().total;
    assert!(calls <= 10, "one look a resource at most, not one a minute: {calls}");
    assert_eq!(checkpoint(&stack, "conversations").await["phase"], "blocked");

    assert_eq!(stack.install().await.status_code, 200);
    stack.settle().await;
    let items = stack.tables.memory().await;
    assert!(items.values().any(|item| item.get("part_id") == missed.ids.get("part_id")), "nothing was lost meanwhile");
}

#[tokio::test]
async fn two_runs_at_once_never_walk_the_same_checkpoint() {
    let stack = Stack::start(with_conversations(120)).await;
    stack.install().await;
    let (a, b) = tokio::join!(stack.tick(), stack.tick());
    assert_eq!(a.walked + b.walked, 10, "{a:?} {b:?}");
    stack.drain().await;
    assert_eq!(stack.intercom.state().requests().of("GET /conversations/{id}"), 120);
}

#[tokio::test]
async fn what_is_older_than_the_retention_is_neither_fetched_nor_kept() {
    let stack = Stack::start(Options { retention_days: 10, ..with_conversations(40) }).await;
    stack.install().await;
    stack.settle().await;
    let floor = 1_795_305_600 - 10 * 86_400;
    let intercom = stack.intercom.state();
    let young = intercom
        .ids(Kind::Conversations)
        .iter()
        .filter(|id| intercom.object(Kind::Conversations, id).unwrap()["updated_at"].as_i64().unwrap() >= floor)
        .count();
    assert!(young > 0 && young < 40, "the world has both: {young}");
    let items = stack.tables.memory().await;
    let stored = items.iter().filter(|((pk, sk), _)| pk.contains("#conversation#") && sk == "document");
    let stored: Vec<_> = stored.map(|(_, item)| item).collect();
    assert!(stored.len().abs_diff(young) <= 1, "{} of {young}", stored.len());
    assert!(
        items
            .iter()
            .filter(|((pk, _), _)| pk.contains("#conversation#"))
            .all(|(_, item)| item["expires_at"].as_i64().unwrap() > 1_795_305_600)
    );
}
