//! Every file in `events/`, through the handler that `sam local invoke` would run.

use std::path::PathBuf;

use serde_json::{Value, json};
use tests::{Options, Stack, body_of, header_of};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../events")
}

fn sample(name: &str) -> String {
    std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap()
}

/// A stack whose app has the credentials of `events/env.json`.
async fn stack() -> Stack {
    let env: Value = serde_json::from_str(&sample("env")).unwrap();
    let client_secret = env["WebhookFunction"]["INTERCOM_CLIENT_SECRET"].as_str().unwrap().to_owned();
    Stack::start(Options { client_secret, workspace: "abc123de".to_owned(), ..Options::default() }).await
}

#[tokio::test]
async fn each_webhook_sample_is_answered_as_its_name_says() {
    let stack = stack().await;
    for (name, status) in [
        ("webhook-head", 200),
        ("webhook-ping", 200),
        ("webhook-ping-base64", 200),
        ("webhook-user-replied", 200),
        ("webhook-wrong-signature", 401),
    ] {
        assert_eq!(stack.webhook(&sample(name)).await.status_code, status, "{name}");
    }
    assert_eq!(stack.live.bodies().len(), 1, "the reply only");
}

#[tokio::test]
async fn each_oauth_sample_is_answered_as_its_name_says() {
    let stack = stack().await;
    let install = stack.oauth(&sample("oauth-install")).await;
    assert_eq!(install.status_code, 302);
    assert!(header_of(&install, "location").unwrap().contains("/oauth?client_id="));
    assert_eq!(stack.oauth(&sample("oauth-callback-without-state")).await.status_code, 302);
    assert_eq!(stack.oauth(&sample("oauth-callback-foreign-state")).await.status_code, 400);
    assert_eq!(stack.oauth(&sample("oauth-status")).await.status_code, 401, "the sample's key is not this stack's");
    assert_eq!(stack.oauth(&sample("oauth-uninstall")).await.status_code, 200);
    let health = stack.oauth(&sample("oauth-health")).await;
    assert!(body_of(&health).contains("UNHEALTHY"), "not installed");
}

#[tokio::test]
async fn the_schedule_sample_ticks() {
    let stack = stack().await;
    stack.install().await;
    assert!(serde_json::from_str::<Value>(&sample("backfill-schedule")).unwrap().is_object());
    assert_eq!(stack.tick().await.walked, 10);
}

#[tokio::test]
async fn the_enrich_samples_are_read_and_worked_on_record_by_record() {
    let stack = stack().await;
    stack.install().await;
    for name in ["enrich-notification", "enrich-refetch"] {
        let response = stack.enrich_event(serde_json::from_str(&sample(name)).unwrap()).await.unwrap();
        assert!(response.batch_item_failures.is_empty(), "{name}: put off or done, not failed");
    }
    let mixed = stack.enrich_event(serde_json::from_str(&sample("enrich-mixed-batch")).unwrap()).await.unwrap();
    assert_eq!(mixed.batch_item_failures.len(), 2, "only the records that are no messages of this version");
}

#[test]
fn every_sample_is_tried_by_a_test() {
    let here = include_str!("sample_events.rs");
    for file in std::fs::read_dir(folder()).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(here.contains(&json!(name).to_string()), "events/{name}.json is not tried here");
    }
}
