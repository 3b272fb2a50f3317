//! A token that Intercom refuses: work stops, is said to have stopped, and goes on with nothing lost.

use std::{sync::Arc, time::Duration};

use access::{Access, ApiConfig, Opening};
use emulator::{Action, Failure, FailureKind, Mutate};
use intercom::{client::ApiError, clock::Clock, rate::Priority};
use platform::credentials::CachedCredentials;
use serde_json::{Value, json};
use store::{
    StoreError,
    checkpoint::{Checkpoints, Phase},
    installation::Installations,
    rate_window::RateWindows,
};
use tests::{CLIENT_SECRET, Options, Stack, WorkspaceCipher, body_of, event};

async fn state(stack: &Stack, sk: &str) -> Value {
    let key = (format!("WORKSPACE#{}", stack.workspace()), sk.to_owned());
    stack.tables.dump(&stack.tables.state).await.remove(&key).unwrap()
}

async fn documents_of_conversations(stack: &Stack) -> usize {
    let items = stack.tables.memory().await;
    items.keys().filter(|(pk, sk)| pk.contains("#conversation#") && sk == "document").count()
}

#[tokio::test]
async fn a_refused_token_is_told_everywhere_erasures_still_count_and_nothing_is_lost() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    stack.settle().await;
    let intercom = stack.intercom.state();
    intercom.revoke_tokens();

    let received = stack.clock.now_seconds();
    let reply = intercom.mutate(&Mutate::new(Action::UserReplied)).await.unwrap();
    stack.notify(&reply.notifications[0]).await;
    stack.drain().await;
    assert_eq!(stack.metrics.sum("TokensRefused"), 1);
    assert_eq!(state(&stack, "INSTALLATION").await["status"], "needs_reauth");
    for resource in ["conversations", "contacts", "articles"] {
        let checkpoint = state(&stack, &format!("CHECKPOINT#{resource}")).await;
        assert_eq!(checkpoint["dirty_since"], received, "{resource}");
    }

    // What needs no call is done, what needs one is dropped at once: nothing circles.
    stack.clock.advance(Duration::from_secs(600));
    intercom.reset_requests();
    let deleted = intercom.mutate(&Mutate::new(Action::ContactDeleted)).await.unwrap();
    let closed = intercom.mutate(&Mutate::new(Action::AdminClosed)).await.unwrap();
    for notification in deleted.notifications.iter().chain(&closed.notifications) {
        stack.notify(notification).await;
    }
    let dropped_before = stack.metrics.lines("RecordsDropped").len();
    stack.drain().await;
    assert!(stack.live.bodies().is_empty() && stack.live.dead().is_empty());
    let contact = deleted.ids["contact_id"].as_str().unwrap().to_owned();
    let tombstone = &stack.tables.memory().await[&(format!("acmews01#contact#{contact}"), "document".to_owned())];
    assert_eq!(tombstone["tombstone"], "erased");
    let dropped = stack.metrics.lines("RecordsDropped").split_off(dropped_before);
    assert!(dropped.iter().any(|line| line["reason"] == "workspace not connected"), "{dropped:?}");
    let checkpoint = state(&stack, "CHECKPOINT#conversations").await;
    assert_eq!(checkpoint["dirty_since"], received, "an older mark stays");
    stack.revisit().await;
    assert_eq!(intercom.requests().total, 0, "nobody calls");

    let body = json!({"workspace_id": stack.workspace()}).to_string();
    let signature = emulator::body_signature(CLIENT_SECRET, body.as_bytes());
    let check = event("POST", "/api/intercom/health", &[("x-body-signature", &signature)], &[], Some(&body));
    assert!(body_of(&stack.oauth(&check).await).contains("UNHEALTHY"));
    let path = format!("/api/intercom/status?workspace={}", stack.workspace());
    let key = ("authorization", "Bearer operator-key-of-the-test");
    let report: Value =
        serde_json::from_str(&body_of(&stack.oauth(&event("GET", &path, &[key], &[], None)).await)).unwrap();
    assert_eq!((&report["status"], &report["needs_reconnect"]), (&json!("needs_reauth"), &json!(true)));

    assert_eq!(stack.install().await.status_code, 200);
    stack.settle().await;
    stack.revisit().await;
    let items = stack.tables.memory().await;
    for missed in [&reply, &closed] {
        assert!(items.values().any(|item| item.get("part_id") == missed.ids.get("part_id")), "{:?}", missed.ids);
    }
    assert_eq!(items[&(format!("acmews01#contact#{contact}"), "document".to_owned())]["tombstone"], "erased");
}

#[tokio::test]
async fn an_old_conversation_whose_fetch_met_a_refused_token_is_read_after_reconnecting() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    stack.tick().await;
    let refetches = stack.backfill_queue.bodies().into_iter().filter(|body| body.contains("\"kind\":\"refetch\""));
    assert_eq!(refetches.count(), 12, "the pages are read, the conversations not yet fetched");
    stack.intercom.state().revoke_tokens();
    stack.drain().await;
    assert_eq!(documents_of_conversations(&stack).await, 0);
    stack.clock.advance(Duration::from_secs(3600));
    assert_eq!(stack.install().await.status_code, 200);
    stack.settle().await;
    stack.revisit().await;
    assert_eq!(documents_of_conversations(&stack).await, 12);
}

#[tokio::test]
async fn a_token_that_is_refused_while_looking_for_people_stops_the_workspace_too() {
    for route in ["GET /contacts/{id}/merge_history", "GET /contacts/{id}"] {
        let stack = Stack::start(Options::default()).await;
        stack.install().await;
        stack.settle().await;
        let action = if route.ends_with("merge_history") { Action::ContactMerged } else { Action::ConversationCreated };
        // Whoever is stored would be good enough for a while.
        stack.clock.advance(Duration::from_secs(2 * 3600));
        let rule =
            |route: &str| Failure { route: route.to_owned(), kind: FailureKind::Unauthorized, times: 100, skip: 0 };
        stack.intercom.state().fail(vec![rule(route), rule("GET /me")]).unwrap();
        for notification in &stack.intercom.state().mutate(&Mutate::new(action)).await.unwrap().notifications {
            stack.notify(notification).await;
        }
        // What a merge does not say is waited for, longer than a test.
        for _ in 0..20 {
            stack.enrich_batch(&stack.live).await;
            stack.clock.advance(Duration::from_secs(10));
        }
        assert_eq!(state(&stack, "INSTALLATION").await["status"], "needs_reauth", "{route}");
        assert_eq!(stack.metrics.sum("TokensRefused"), 1, "{route}");
    }
}

#[tokio::test]
async fn a_merge_whose_notification_does_not_say_of_whom_waits_until_its_history_can_be_asked() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    stack.settle().await;
    let intercom = stack.intercom.state();
    intercom.revoke_tokens();
    for notification in &intercom.mutate(&Mutate::new(Action::AdminClosed)).await.unwrap().notifications {
        stack.notify(notification).await;
    }
    stack.drain().await;
    let merged = intercom.mutate(&Mutate::new(Action::ContactMerged)).await.unwrap();
    let swallowed = merged.ids["merged_contact_id"].as_str().unwrap().to_owned();
    assert_eq!(merged.notifications[0]["data"]["item"].get("merged_from"), None);
    stack.notify(&merged.notifications[0]).await;
    stack.enrich_batch(&stack.live).await;
    assert_eq!(stack.live.bodies().len(), 1, "a copy waits");
    assert_eq!(stack.install().await.status_code, 200);
    stack.drain().await;
    let document = &stack.tables.memory().await[&(format!("acmews01#contact#{swallowed}"), "document".to_owned())];
    assert_eq!(document["merged_into"], merged.ids["contact_id"]);
}

#[tokio::test]
async fn a_call_under_way_with_the_old_token_does_not_stop_a_workspace_that_was_connected_again() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    let api = ApiConfig { base: stack.intercom.base_url().parse().unwrap(), version: "2.14".to_owned(), limit: 166 };
    let (client, table) = (&stack.tables.client, &stack.tables.state);
    let tables = access::Tables {
        installations: Installations::new(client.clone(), table),
        windows: RateWindows::new(client.clone(), table),
    };
    let access = Access::new(
        tables,
        CachedCredentials::load(stack.credentials.clone(), stack.clock.clone()).await.unwrap(),
        WorkspaceCipher::default(),
        intercom::client::http_client().unwrap(),
        api,
        Arc::<tests::TestClock>::clone(&stack.clock),
        0,
    );
    let open = || async {
        match access.open(&stack.workspace(), Priority::Live, i64::MAX).await.unwrap() {
            Opening::Open(client) => client,
            _ => panic!("it is connected"),
        }
    };
    let unauthorized = ApiError::Unauthorized { request_id: "r".to_owned() };
    let old = open().await;
    stack.install().await;
    assert!(!access.refused(&stack.workspace(), &old, &unauthorized).await.unwrap());
    let new = open().await;
    assert!(!access.refused(&stack.workspace(), &old, &unauthorized).await.unwrap());
    assert_eq!(state(&stack, "INSTALLATION").await["status"], "active");
    assert!(!access.refused(&stack.workspace(), &new, &unauthorized).await.unwrap(), "`/me` takes it");
    stack.intercom.state().revoke_tokens();
    assert!(access.refused(&stack.workspace(), &new, &unauthorized).await.unwrap());
    assert!(!access.refused(&stack.workspace(), &new, &unauthorized).await.unwrap(), "counted once");
    assert_eq!(state(&stack, "INSTALLATION").await["status"], "needs_reauth");
}

#[tokio::test]
async fn a_run_that_saw_the_workspace_stopped_cannot_block_a_checkpoint_that_was_woken_meanwhile() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    let checkpoints = Checkpoints::new(stack.tables.client.clone(), &stack.tables.state);
    let (workspace, now_ms) = (stack.workspace(), stack.clock.now_ms());
    let held = checkpoints.acquire(&workspace, "contacts", "slow", now_ms, now_ms + 150_000).await.unwrap();
    let mut held = held.unwrap();
    checkpoints.make_due(&workspace, "contacts", stack.clock.now_seconds()).await.unwrap();
    held.phase = Phase::Blocked;
    assert!(matches!(checkpoints.release(&held).await, Err(StoreError::LeaseLost { .. })));
    assert_eq!(stack.tick().await.walked, 10, "all of them, at once");
    assert_eq!(state(&stack, "CHECKPOINT#contacts").await["phase"], "idle");
}
