//! Uninstall notices, and what becomes of the memory afterwards.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use emulator::{Action, Failure, FailureKind, Mutate};
use serde_json::{Value, json};
use store::purge::{Purge, Purged};
use tests::{CLIENT_SECRET, Options, Stack, event};

const DAY: Duration = Duration::from_secs(86_400);

async fn installed(purge_on_uninstall: bool) -> Stack {
    let stack = Stack::start(Options { purge_on_uninstall, ..Options::default() }).await;
    assert_eq!(stack.install().await.status_code, 200);
    stack.settle().await;
    stack
}

/// The notice, signed in either of the ways that Intercom may use.
async fn notify(stack: &Stack, with_hub_signature: bool) -> i64 {
    let body = json!({"app_id": stack.workspace()}).to_string();
    let (name, signature) = if with_hub_signature {
        ("X-Hub-Signature", emulator::hub_signature(CLIENT_SECRET, body.as_bytes()))
    } else {
        ("X-Body-Signature", emulator::body_signature(CLIENT_SECRET, body.as_bytes()))
    };
    stack.oauth(&event("POST", "/api/intercom/uninstall", &[(name, &signature)], &[], Some(&body))).await.status_code
}

/// As Intercom does it: the token ends, then the notice comes.
async fn uninstall(stack: &Stack) {
    stack.intercom.state().revoke_tokens();
    assert_eq!(notify(stack, false).await, 200);
}

async fn state(stack: &Stack, sk: &str) -> Option<Value> {
    let key = (format!("WORKSPACE#{}", stack.workspace()), sk.to_owned());
    stack.tables.dump(&stack.tables.state).await.remove(&key)
}

async fn status(stack: &Stack) -> Value {
    state(stack, "INSTALLATION").await.unwrap()["status"].clone()
}

async fn remembered(stack: &Stack) -> usize {
    let prefix = format!("{}#", stack.workspace());
    stack.tables.dump(&stack.tables.memory).await.keys().filter(|(pk, _)| pk.starts_with(&prefix)).count()
}

/// Something of other workspaces, large enough for a table of several pages.
async fn others(stack: &Stack, count: usize) {
    for n in 0..count {
        // The first one's id begins like ours.
        let workspace = if n == 0 { format!("{}x", stack.workspace()) } else { format!("other{n}") };
        let put = stack.tables.client.put_item().table_name(&stack.tables.memory);
        let put = put.item("pk", AttributeValue::S(format!("{workspace}#article#1")));
        let put = put.item("sk", AttributeValue::S("document".to_owned()));
        put.item("body", AttributeValue::S("x".repeat(100_000))).send().await.unwrap();
    }
}

#[tokio::test]
async fn a_replayed_uninstall_notice_changes_nothing_and_a_true_one_erases_the_token() {
    let stack = installed(false).await;
    for with_hub_signature in [true, false] {
        assert_eq!(notify(&stack, with_hub_signature).await, 200);
        assert_eq!(status(&stack).await, "active", "the token still works");
    }
    uninstall(&stack).await;
    let item = state(&stack, "INSTALLATION").await.unwrap();
    assert_eq!((&item["status"], &item["token_ciphertext"]), (&json!("uninstalled"), &Value::Null));

    let unsigned = event("POST", "/api/intercom/uninstall", &[], &[], Some("{}"));
    assert_eq!(stack.oauth(&unsigned).await.status_code, 401);
    assert_eq!(stack.install().await.status_code, 200, "it comes back");
    assert_eq!(status(&stack).await, "active");
}

#[tokio::test]
async fn a_notice_that_cannot_be_checked_when_it_comes_is_checked_by_the_ticks() {
    let stack = installed(false).await;
    let down = Failure { route: "GET /me".into(), kind: FailureKind::Status { status: 503 }, times: 100, skip: 0 };
    stack.intercom.state().fail(vec![down]).unwrap();
    uninstall(&stack).await;
    assert_eq!(status(&stack).await, "uninstall_pending");
    stack.tick().await;
    assert_eq!(status(&stack).await, "uninstall_pending", "nobody knows yet");
    stack.intercom.state().clear_failures();
    stack.clock.advance(Duration::from_secs(61));
    stack.tick().await;
    assert_eq!(status(&stack).await, "uninstalled");
    assert_eq!(state(&stack, "INSTALLATION").await.unwrap()["token_ciphertext"], Value::Null);
}

#[tokio::test]
async fn a_stale_notice_wakes_what_a_passing_refusal_had_blocked() {
    for checked_at_once in [true, false] {
        let stack = installed(false).await;
        let refuse = |times| Failure { route: "*".into(), kind: FailureKind::Unauthorized, times, skip: 0 };
        stack.intercom.state().fail(vec![refuse(1_000)]).unwrap();
        stack.clock.advance(Duration::from_secs(16 * 60));
        stack.tick().await;
        assert_eq!(status(&stack).await, "needs_reauth");
        stack.intercom.state().clear_failures();
        if !checked_at_once {
            let down = Failure { route: "GET /me".into(), kind: FailureKind::Disconnect, times: 3, skip: 0 };
            stack.intercom.state().fail(vec![down]).unwrap();
        }
        let missed = stack.intercom.state().mutate(&Mutate::new(Action::UserReplied)).await.unwrap();
        assert_eq!(notify(&stack, false).await, 200);
        stack.settle().await;
        assert_eq!(status(&stack).await, "active");
        let items = stack.tables.memory().await;
        assert!(items.values().any(|item| item.get("part_id") == missed.ids.get("part_id")), "{checked_at_once}");
    }
}

#[tokio::test]
async fn queued_work_of_an_uninstalled_workspace_is_dropped_when_it_is_met() {
    let stack = installed(false).await;
    let before = stack.tables.memory().await;
    let reply = stack.intercom.state().mutate(&Mutate::new(Action::UserReplied)).await.unwrap();
    let deleted = stack.intercom.state().mutate(&Mutate::new(Action::ContactDeleted)).await.unwrap();
    for notification in reply.notifications.iter().chain(&deleted.notifications) {
        assert_eq!(stack.notify(notification).await, 200);
    }
    uninstall(&stack).await;
    stack.intercom.state().reset_requests();
    stack.drain().await;
    assert_eq!(stack.tables.memory().await, before);
    assert_eq!(stack.intercom.state().requests().total, 0);
    let dropped = stack.metrics.lines("RecordsDropped");
    assert!(dropped.iter().all(|line| line["reason"] == "workspace uninstalled") && dropped.len() >= 2, "{dropped:?}");
    assert!(stack.live.dead().is_empty());
}

#[tokio::test]
async fn what_was_dropped_while_uninstalled_is_found_again_when_the_workspace_comes_back() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    stack.tick().await;
    let refetches = stack.backfill_queue.bodies().into_iter().filter(|body| body.contains("\"kind\":\"refetch\""));
    assert_eq!(refetches.count(), 12, "the pages are read, the conversations not yet fetched");
    uninstall(&stack).await;
    stack.drain().await;
    stack.clock.advance(DAY);
    assert_eq!(stack.install().await.status_code, 200);
    stack.settle().await;
    stack.revisit().await;
    let documents = stack.tables.memory().await;
    let documents = documents.keys().filter(|(pk, sk)| pk.contains("#conversation#") && sk == "document").count();
    assert_eq!(documents, 12);
}

#[tokio::test]
async fn memory_is_kept_after_an_uninstall_unless_a_purge_is_asked_for() {
    let stack = installed(false).await;
    let before = remembered(&stack).await;
    uninstall(&stack).await;
    stack.clock.advance(DAY * 2);
    stack.settle().await;
    assert_eq!(remembered(&stack).await, before);
}

#[tokio::test]
async fn a_purge_waits_for_a_day_and_then_removes_every_item_of_that_workspace_only() {
    let stack = installed(true).await;
    others(&stack, 25).await;
    let before = remembered(&stack).await;
    uninstall(&stack).await;
    stack.clock.advance(DAY - Duration::from_secs(60));
    stack.tick().await;
    assert_eq!(remembered(&stack).await, before, "it may still come back");
    stack.clock.advance(Duration::from_secs(61));
    stack.settle().await;
    assert_eq!(stack.tables.dump(&stack.tables.memory).await.len(), 25, "everything of the others, nothing else");
    assert_eq!(stack.metrics.sum("ItemsPurged"), before as u64);
    assert_eq!(state(&stack, "CHECKPOINT#conversations").await, None);
    let installation = state(&stack, "INSTALLATION").await.unwrap();
    assert!(installation["purged_at"].is_i64() && installation.get("name").is_none(), "{installation}");

    assert_eq!(stack.install().await.status_code, 200);
    stack.settle().await;
    assert_eq!(remembered(&stack).await, before, "who comes back is read from the beginning");

    uninstall(&stack).await;
    stack.clock.advance(DAY + Duration::from_secs(1));
    stack.settle().await;
    assert_eq!(remembered(&stack).await, 0, "and a second uninstall purges again");
}

#[tokio::test]
async fn a_workspace_that_came_back_within_the_day_is_not_purged() {
    let stack = installed(true).await;
    let before = remembered(&stack).await;
    uninstall(&stack).await;
    stack.clock.advance(DAY / 2);
    stack.install().await;
    stack.clock.advance(DAY);
    stack.settle().await;
    assert_eq!(remembered(&stack).await, before);
    assert_eq!(stack.metrics.sum("ItemsPurged"), 0);
}

#[tokio::test]
async fn a_purge_goes_on_where_it_stopped_and_stops_where_the_workspace_comes_back() {
    let stack = installed(true).await;
    others(&stack, 40).await;
    uninstall(&stack).await;
    let (workspace, tables) = (stack.workspace(), &stack.tables);
    let purge = Purge::new(tables.client.clone(), &tables.state, &tables.memory);
    let before = remembered(&stack).await;
    let (mut cursor, mut steps, mut removed) = (None::<String>, 0, 0);
    loop {
        steps += 1;
        match purge.step(&workspace, cursor.as_deref()).await.unwrap() {
            Purged::Items { items, next } => {
                removed += items;
                cursor = next;
            }
            Purged::CameBack => panic!("it is uninstalled"),
        }
        if cursor.is_none() {
            break;
        }
    }
    assert!(steps > 3, "the table has several pages: {steps}");
    assert_eq!((removed, remembered(&stack).await), (before, 0));

    stack.install().await;
    stack.settle().await;
    assert_eq!(remembered(&stack).await, before, "the fetched conversations are missing from memory, and come back");
    let mut came_back = false;
    let mut cursor = None::<String>;
    for _ in 0..steps {
        match purge.step(&workspace, cursor.as_deref()).await.unwrap() {
            Purged::Items { items, next } => {
                assert_eq!(items, 0, "nothing may be removed from an active workspace");
                cursor = next;
            }
            Purged::CameBack => {
                came_back = true;
                break;
            }
        }
    }
    assert!(came_back);
    assert_eq!(remembered(&stack).await, before);
    assert!(!purge.forget_checkpoints(&workspace, &["conversations"]).await.unwrap());
    assert!(state(&stack, "CHECKPOINT#conversations").await.is_some());
}
