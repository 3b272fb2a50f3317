//! The notification that does not say whose it is: `content_stat.series` without an envelope.

use platform::config::{AllowedWorkspaces, Environment};
use serde_json::{Value, json};
use tests::{CLIENT_SECRET, Options, Stack, signed};

fn bare() -> Value {
    json!({"type": "content_stat.series", "created_at": "2026-11-21T14:13:37.000Z", "action_type": "series",
        "content_stat": {"type": "content_stat", "id": 88_001, "content_type": "email", "content_id": 41,
            "content_title": "Welcome", "stat_type": "received", "ruleset_version_id": 7},
        "contact": {"type": "contact", "id": "6a1000000000000000000001"}})
}

async fn remembered(stack: &Stack) -> usize {
    let memory = stack.tables.memory().await;
    memory.keys().filter(|(pk, _)| pk.starts_with("acmews01#content-stat#")).count()
}

#[tokio::test]
async fn a_bare_statistic_belongs_to_the_only_workspace_that_may_install() {
    let allowed = AllowedWorkspaces::read(&Environment::from([("ALLOWED_WORKSPACES", "acmews01")])).unwrap();
    let stack = Stack::start(Options { allowed, ..Options::default() }).await;
    stack.install().await;
    assert_eq!(stack.webhook(&signed(CLIENT_SECRET, &bare().to_string())).await.status_code, 200);
    let queued: Value = serde_json::from_str(&stack.live.bodies()[0]).unwrap();
    assert_eq!(queued["workspace"], Value::Null, "the door does not guess");
    stack.drain().await;
    assert!(remembered(&stack).await > 0);
    assert!(stack.live.dead().is_empty());
}

#[tokio::test]
async fn a_bare_statistic_belongs_to_the_workspace_of_the_private_app() {
    let stack = Stack::start(Options { private_app: true, ..Options::default() }).await;
    stack.tick().await;
    for second in [1, 2] {
        let mut body = bare();
        body["created_at"] = json!(format!("2026-11-21T14:13:0{second}.000Z"));
        assert_eq!(stack.notify(&body).await, 200);
    }
    stack.drain().await;
    assert!(remembered(&stack).await > 0);
    assert!(stack.live.dead().is_empty());
}

#[tokio::test]
async fn where_several_workspaces_may_install_a_bare_statistic_is_parked_whole_for_a_person_to_decide() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    assert_eq!(stack.notify(&bare()).await, 200);
    stack.drain().await;
    assert_eq!(remembered(&stack).await, 0);
    let parked = stack.live.dead();
    assert_eq!(parked.len(), 1);
    assert!(parked[0].contains("content_stat.series"), "it is all there");
    assert!(stack.metrics.sum("RecordsFailed") > 0);
}

#[tokio::test]
async fn where_only_one_workspace_is_installed_but_others_may_the_record_fails_and_says_what_to_do() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    stack.notify(&bare()).await;
    let taken = stack.live.take(1);
    let mut record = aws_lambda_events::sqs::SqsMessage::default();
    record.body = Some(taken[0].body.clone());
    let mut event = aws_lambda_events::sqs::SqsEvent::default();
    event.records.push(record);
    let failed = stack.enrich_event(event).await.unwrap_err();
    assert!(failed.to_string().contains("AllowedWorkspaces"), "{failed}");
}
