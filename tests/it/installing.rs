//! Install, callback, status, uninstall, health: what a browser and Intercom can cause.

use emulator::{Failure, FailureKind};
use serde_json::{Value, json};
use tests::{CLIENT_SECRET, Options, Stack, body_of, event, header_of};

async fn installation(stack: &Stack) -> Option<Value> {
    let key = (format!("WORKSPACE#{}", stack.workspace()), "INSTALLATION".to_owned());
    stack.tables.dump(&stack.tables.state).await.get(&key).cloned()
}

#[tokio::test]
async fn an_install_stores_the_token_encrypted_and_makes_every_resource_due() {
    let stack = Stack::start(Options::default()).await;
    let answer = stack.install().await;
    assert_eq!(answer.status_code, 200, "{}", body_of(&answer));
    assert!(body_of(&answer).contains("Intercom is connected"));
    let item = installation(&stack).await.unwrap();
    assert_eq!(item["status"], "active");
    assert_eq!(item["public_base_url"], "https://memory.example.com");
    let state = stack.tables.dump(&stack.tables.state).await;
    assert!(!format!("{state:?}").contains("dG9rO"), "the token stands in clear in StateTable");
    let due = state.keys().filter(|(_, sk)| sk.starts_with("CHECKPOINT#")).count();
    assert_eq!(due, 10);
    assert!(!state.keys().any(|(pk, _)| pk.starts_with("OAUTH#")), "the state is used up");
}

#[tokio::test]
async fn the_browser_is_sent_to_intercom_with_a_state_bound_to_a_host_cookie() {
    let stack = Stack::start(Options::default()).await;
    let answer = stack.oauth(&event("GET", "/api/intercom/install", &[], &[], None)).await;
    let to: url::Url = header_of(&answer, "location").unwrap().parse().unwrap();
    let query: std::collections::HashMap<_, _> = to.query_pairs().into_owned().collect();
    assert_eq!(query["client_id"], "client-id");
    assert_eq!(query["redirect_uri"], "https://memory.example.com/api/intercom/callback");
    assert_eq!(query["state"].len(), 64, "256 bits in hex");
    let cookie = answer.cookies.first().unwrap();
    assert!(cookie.starts_with("__Host-intercom-install-"));
    for attribute in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"] {
        assert!(cookie.contains(attribute), "{cookie} lacks {attribute}");
    }
}

#[tokio::test]
async fn a_foreign_a_used_an_expired_and_another_browsers_state_store_nothing_and_say_what_to_do() {
    let stack = Stack::start(Options::default()).await;
    let refused = |answer: &aws_lambda_events::apigw::ApiGatewayV2httpResponse| {
        assert_eq!(answer.status_code, 400);
        assert!(body_of(answer).contains("Please begin again"));
    };
    let code = stack.intercom.state().issue_code();
    refused(&stack.callback(&format!("code={code}&state={}", "0".repeat(64)), &[]).await);
    refused(&stack.callback(&format!("code={code}&state=nonsense"), &[]).await);

    let (state, _) = stack.begin_install().await;
    refused(&stack.callback(&format!("code={code}&state={state}"), &[]).await);
    let (state, _) = stack.begin_install().await;
    let other = format!("__Host-intercom-install-{}=0000", &state[..16]);
    refused(&stack.callback(&format!("code={code}&state={state}"), &[&other]).await);

    let (state, cookie) = stack.begin_install().await;
    stack.clock.advance(std::time::Duration::from_secs(601));
    refused(&stack.callback(&format!("code={code}&state={state}"), &[&cookie]).await);
    assert_eq!(installation(&stack).await, None);

    let (state, cookie) = stack.begin_install().await;
    let code = stack.intercom.state().issue_code();
    let code: String = url::form_urlencoded::byte_serialize(code.as_bytes()).collect();
    let query = format!("code={code}&state={state}");
    assert_eq!(stack.callback(&query, &[&cookie]).await.status_code, 200);
    refused(&stack.callback(&query, &[&cookie]).await);
}

#[tokio::test]
async fn a_code_without_a_state_is_sent_to_install_and_never_exchanged() {
    let stack = Stack::start(Options::default()).await;
    let answer = stack.callback("code=abc", &[]).await;
    assert_eq!(answer.status_code, 302);
    assert_eq!(header_of(&answer, "location").unwrap(), "https://memory.example.com/api/intercom/install");
    assert_eq!(stack.intercom.state().requests().of("POST /auth/eagle/token"), 0);
}

#[tokio::test]
async fn a_refused_code_gives_a_page_with_intercoms_request_id() {
    let stack = Stack::start(Options::default()).await;
    let (state, cookie) = stack.begin_install().await;
    let answer = stack.callback(&format!("code=wrong&state={state}"), &[&cookie]).await;
    assert_eq!(answer.status_code, 502);
    let page = body_of(&answer);
    assert!(page.contains("request id: ") && !page.contains("request id: none"), "{page}");
    assert_eq!(installation(&stack).await, None);
}

#[tokio::test]
async fn a_cancelled_authorisation_gives_a_page_with_a_way_back() {
    let stack = Stack::start(Options::default()).await;
    let answer = stack.callback("error=access_denied", &[]).await;
    assert_eq!(answer.status_code, 400);
    assert!(body_of(&answer).contains("/api/intercom/install"));
}

#[tokio::test]
async fn a_workspace_that_is_not_allowed_is_refused_and_its_token_given_back() {
    let allowed = platform::config::AllowedWorkspaces::read(&[("ALLOWED_WORKSPACES", "other1")].into()).unwrap();
    let stack = Stack::start(Options { allowed, ..Options::default() }).await;
    assert_eq!(stack.install().await.status_code, 403);
    assert_eq!(stack.intercom.state().requests().of("POST /auth/uninstall"), 1);
    assert_eq!(installation(&stack).await, None);
}

#[tokio::test]
async fn intercom_failing_during_the_callback_stores_nothing() {
    let stack = Stack::start(Options::default()).await;
    let down =
        |route: &str| Failure { route: route.into(), kind: FailureKind::Status { status: 503 }, times: 50, skip: 0 };
    stack.intercom.state().fail(vec![down("GET /me")]).unwrap();
    assert_eq!(stack.install().await.status_code, 502);
    assert_eq!(installation(&stack).await, None);
    stack.intercom.state().clear_failures();
    assert_eq!(stack.install().await.status_code, 200);
}

#[tokio::test]
async fn the_status_needs_the_operator_key_and_tells_the_progress() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    stack.settle().await;
    let path = format!("/api/intercom/status?workspace={}", stack.workspace());
    for wrong in ["", "Bearer ", "Bearer wrong", "operator-key-of-the-test"] {
        assert_eq!(stack.oauth(&event("GET", &path, &[("authorization", wrong)], &[], None)).await.status_code, 401);
    }
    let key = ("authorization", "Bearer operator-key-of-the-test");
    let answer = stack.oauth(&event("GET", &path, &[key], &[], None)).await;
    let report: Value = serde_json::from_str(&body_of(&answer)).unwrap();
    assert_eq!(report["status"], "active");
    let conversations =
        report["resources"].as_array().unwrap().iter().find(|r| r["resource"] == "conversations").unwrap();
    assert_eq!((&conversations["phase"], &conversations["seen"]), (&json!("idle"), &json!(12)));
    let page = stack.oauth(&event("GET", &path, &[key, ("accept", "text/html")], &[], None)).await;
    assert!(body_of(&page).contains("<td>conversations"));
    assert!(header_of(&page, "content-security-policy").unwrap().starts_with("default-src 'none'"));
}

fn notice(path: &str, body: &Value) -> String {
    let body = body.to_string();
    let signature = emulator::body_signature(CLIENT_SECRET, body.as_bytes());
    event("POST", path, &[("X-Body-Signature", &signature)], &[], Some(&body))
}

#[tokio::test]
async fn a_replayed_uninstall_notice_changes_nothing_and_a_true_one_erases_the_token() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    let uninstall = notice("/api/intercom/uninstall", &json!({"app_id": stack.workspace()}));
    assert_eq!(stack.oauth(&uninstall).await.status_code, 200);
    assert_eq!(installation(&stack).await.unwrap()["status"], "active", "the token still works");

    stack.intercom.state().revoke_tokens();
    assert_eq!(stack.oauth(&uninstall).await.status_code, 200);
    let item = installation(&stack).await.unwrap();
    assert_eq!((&item["status"], &item["token_ciphertext"]), (&json!("uninstalled"), &Value::Null));

    let unsigned = event("POST", "/api/intercom/uninstall", &[], &[], Some("{}"));
    assert_eq!(stack.oauth(&unsigned).await.status_code, 401);
    assert_eq!(stack.install().await.status_code, 200, "it comes back");
    assert_eq!(installation(&stack).await.unwrap()["status"], "active");
}

#[tokio::test]
async fn the_health_check_is_answered_from_the_real_state() {
    let stack = Stack::start(Options::default()).await;
    let check = notice("/api/intercom/health", &json!({"workspace_id": stack.workspace()}));
    let state = |answer| serde_json::from_str::<Value>(&body_of(&answer)).unwrap()["state"].clone();
    assert_eq!(state(stack.oauth(&check).await), "UNHEALTHY");
    stack.install().await;
    assert_eq!(state(stack.oauth(&check).await), "OK");
    stack.intercom.state().revoke_tokens();
    stack.tick().await;
    assert_eq!(state(stack.oauth(&check).await), "UNHEALTHY", "a refused token was noticed by the backfill");
}
