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
async fn an_install_that_begins_at_another_host_goes_to_the_public_one_first_and_only_once() {
    let public_base = Some("https://connect.example.com".parse().unwrap());
    let stack = Stack::start(Options { public_base, ..Options::default() }).await;
    let install = |path: String| {
        let stack = &stack;
        async move { stack.oauth(&event("GET", &path, &[], &[], None)).await }
    };
    let sent = install("/api/intercom/install?return_to=https%3A%2F%2Fapp.example%2Fback".to_owned()).await;
    let to = header_of(&sent, "location").unwrap();
    let there = "https://connect.example.com/api/intercom/install?return_to=https%3A%2F%2Fapp.example%2Fback&sent=1";
    assert_eq!((to.as_str(), sent.cookies.len()), (there, 0), "a cookie of this host would be of no use there");
    let state = stack.tables.dump(&stack.tables.state).await;
    assert!(!state.keys().any(|(pk, _)| pk.starts_with("OAUTH#")));

    // A content delivery network may name another host to the API than the browser asked for.
    let arrived = install("/api/intercom/install?sent=1".to_owned()).await;
    let to: url::Url = header_of(&arrived, "location").unwrap().parse().unwrap();
    assert!(to.query().unwrap().contains("connect.example.com%2Fapi%2Fintercom%2Fcallback"), "{to}");
    assert_eq!(arrived.cookies.len(), 1);
}

#[tokio::test]
async fn an_install_that_begins_at_the_public_host_goes_to_intercom_at_once() {
    let public_base = Some("https://memory.example.com".parse().unwrap());
    let stack = Stack::start(Options { public_base, ..Options::default() }).await;
    let answer = stack.oauth(&event("GET", "/api/intercom/install", &[], &[], None)).await;
    assert!(header_of(&answer, "location").unwrap().starts_with(stack.intercom.base_url()));
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

/// From install with this query on to the callback's answer.
async fn install_with(stack: &Stack, query: &str) -> aws_lambda_events::apigw::ApiGatewayV2httpResponse {
    let begun = stack.oauth(&event("GET", &format!("/api/intercom/install{query}"), &[], &[], None)).await;
    assert_eq!(begun.status_code, 302, "{}", body_of(&begun));
    let to: url::Url = header_of(&begun, "location").unwrap().parse().unwrap();
    let state = to.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let cookie = begun.cookies.first().unwrap().split(';').next().unwrap();
    let code: String = url::form_urlencoded::byte_serialize(stack.intercom.state().issue_code().as_bytes()).collect();
    stack.callback(&format!("code={code}&state={state}"), &[cookie]).await
}

fn returning() -> Options {
    let list = &[("RETURN_TO_ORIGINS", "https://app.example.com")].into();
    Options { return_to: oauth::return_to::ReturnToOrigins::read(list).unwrap(), ..Options::default() }
}

#[tokio::test]
async fn the_browser_goes_back_to_a_listed_origin_and_to_no_other() {
    let stack = Stack::start(returning()).await;
    let answer = install_with(&stack, "?return_to=https%3A%2F%2Fapp.example.com%2Fdone%3Fa%3Db").await;
    let to = header_of(&answer, "location").unwrap();
    assert_eq!(to, format!("https://app.example.com/done?a=b&intercom=connected&workspace={}", stack.workspace()));
    assert_eq!(installation(&stack).await.unwrap()["status"], "active");
    for elsewhere in
        ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "https%3A%2F%2Fapp.example.com%40evil.example"]
    {
        let path = format!("/api/intercom/install?return_to={elsewhere}");
        let refused = stack.oauth(&event("GET", &path, &[], &[], None)).await;
        assert_eq!((refused.status_code, header_of(&refused, "location")), (400, None), "{elsewhere}");
        assert!(body_of(&refused).contains("ReturnToOrigins") && !body_of(&refused).contains("evil"), "{elsewhere}");
    }
}

#[tokio::test]
async fn a_refusal_leads_back_to_an_install_that_returns_all_the_same() {
    let stack = Stack::start(returning()).await;
    stack.cipher.set_broken(true);
    let answer = install_with(&stack, "?return_to=https%3A%2F%2Fapp.example.com%2Fdone").await;
    assert_eq!(answer.status_code, 503);
    assert!(body_of(&answer).contains("install?return_to=https%3A%2F%2Fapp.example.com%2Fdone"));
}

#[tokio::test]
async fn an_app_store_install_ends_on_intercoms_page_with_what_became_of_it() {
    let stack = Stack::start(Options { app_store_redirect: true, ..returning() }).await;
    let base = stack.intercom.base_url().trim_end_matches('/').to_owned();
    let done = install_with(&stack, "").await;
    assert_eq!(header_of(&done, "location").unwrap(), format!("{base}/appstore/redirect?install_success=true"));
    stack.cipher.set_broken(true);
    let failed = install_with(&stack, "").await;
    let to = header_of(&failed, "location").unwrap();
    assert_eq!(
        to,
        format!("{base}/appstore/redirect?install_success=false&error_message=The+connection+could+not+be+stored")
    );
    stack.cipher.set_broken(false);
    let back = install_with(&stack, "?return_to=https%3A%2F%2Fapp.example.com").await;
    assert!(
        header_of(&back, "location").unwrap().starts_with("https://app.example.com/?"),
        "an app that asks comes first"
    );
}

#[tokio::test]
async fn two_tabs_at_once_both_arrive() {
    let stack = Stack::start(Options::default()).await;
    let (first, first_cookie) = stack.begin_install().await;
    let (second, second_cookie) = stack.begin_install().await;
    assert_ne!(first_cookie.split('=').next(), second_cookie.split('=').next());
    for state in [first, second] {
        let code: String =
            url::form_urlencoded::byte_serialize(stack.intercom.state().issue_code().as_bytes()).collect();
        let answer = stack.callback(&format!("code={code}&state={state}"), &[&first_cookie, &second_cookie]).await;
        assert_eq!(answer.status_code, 200, "{}", body_of(&answer));
        assert!(answer.cookies.iter().any(|cookie| cookie.contains("Max-Age=0")), "its own cookie is taken away");
    }
}

#[tokio::test]
async fn every_refusal_has_a_page_that_says_what_to_do_and_stores_no_installation() {
    let stack = Stack::start(Options::default()).await;
    let fails = |route: &str, kind: FailureKind| {
        stack.intercom.state().clear_failures();
        stack.intercom.state().fail(vec![Failure { route: route.into(), kind, times: 50, skip: 0 }]).unwrap();
    };
    let exchange = "POST /auth/eagle/token";
    for (route, kind, status, says) in [
        (exchange, FailureKind::Status { status: 503 }, 502, "Intercom cannot answer now"),
        (exchange, FailureKind::RateLimited, 502, "Intercom cannot answer now"),
        (exchange, FailureKind::Status { status: 400 }, 502, "did not accept the authorisation"),
        (exchange, FailureKind::Empty, 502, "did not accept the authorisation"),
        (exchange, FailureKind::NonJson, 502, "did not accept the authorisation"),
        (exchange, FailureKind::Disconnect, 502, "could not be reached"),
        (exchange, FailureKind::Truncated, 502, "could not be reached"),
        ("GET /me", FailureKind::Unauthorized, 502, "took the access back at once"),
        ("GET /me", FailureKind::Status { status: 403 }, 502, "Tick “Read admins”"),
        ("GET /me", FailureKind::Status { status: 500 }, 502, "did not say which workspace"),
        ("GET /me", FailureKind::Empty, 502, "did not say which workspace"),
    ] {
        fails(route, kind.clone());
        let answer = stack.install().await;
        let page = body_of(&answer);
        assert_eq!(answer.status_code, status, "{route} {kind:?}: {page}");
        assert!(page.contains(says) && page.contains("/api/intercom/install"), "{route} {kind:?}: {page}");
    }
    stack.intercom.state().clear_failures();
    stack.cipher.set_broken(true);
    let answer = stack.install().await;
    assert_eq!(answer.status_code, 503);
    assert!(body_of(&answer).contains("Nothing was stored. Please connect again"));
    assert_eq!(installation(&stack).await, None);
    assert_eq!(stack.metrics.sum("CallbacksRefused"), 12);
    stack.cipher.set_broken(false);

    let (state, cookie) = stack.begin_install().await;
    stack.tables.client.delete_table().table_name(&stack.tables.state).send().await.unwrap();
    let answer = stack.callback(&format!("code=x&state={state}"), &[&cookie]).await;
    assert_eq!(answer.status_code, 503);
    assert!(body_of(&answer).contains("Please try again in a minute"));
    let too_long = stack.callback(&format!("state={state}&code={}", "x".repeat(5000)), &[&cookie]).await;
    assert_eq!(too_long.status_code, 400);
}

#[tokio::test]
async fn a_known_workspace_that_is_installed_again_gets_the_new_token_and_goes_on_with_its_checkpoints() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    stack.settle().await;
    let before = installation(&stack).await.unwrap();
    stack.clock.advance(std::time::Duration::from_secs(60));
    stack.intercom.state().reset_requests();
    let answer = stack.install().await;
    assert!(body_of(&answer).contains("Intercom is connected again"));
    let after = installation(&stack).await.unwrap();
    assert_ne!(before["token_ciphertext"], after["token_ciphertext"]);
    assert_eq!(before["installed_at"], after["installed_at"]);
    stack.settle().await;
    let requests = stack.intercom.state().requests();
    assert_eq!(requests.of("GET /conversations/{id}"), 0, "nothing is read twice: {requests:?}");
}

fn notice(path: &str, body: &Value) -> String {
    let body = body.to_string();
    let signature = emulator::body_signature(CLIENT_SECRET, body.as_bytes());
    event("POST", path, &[("X-Body-Signature", &signature)], &[], Some(&body))
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
    let answer: Value = serde_json::from_str(&body_of(&stack.oauth(&check).await)).unwrap();
    assert_eq!(answer["message"], "Intercom refuses the stored access: connect the workspace again.");
    assert_eq!((&answer["cta_type"], &answer["cta_label"]), (&json!("URL_CTA"), &json!("Connect again")));
    assert_eq!(answer["cta_url"], "https://memory.example.com/api/intercom/install");
}

#[tokio::test]
async fn a_missing_permission_is_told_by_the_health_check_and_clears_up_by_itself() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    let forbidden = FailureKind::Status { status: 403 };
    let rule = Failure { route: "POST /tickets/search".into(), kind: forbidden, times: 3, skip: 0 };
    stack.intercom.state().fail(vec![rule]).unwrap();
    let check = notice("/api/intercom/health", &json!({"workspace_id": stack.workspace()}));
    for _ in 0..3 {
        stack.tick().await;
        stack.clock.advance(std::time::Duration::from_secs(3_601));
    }
    let answer: Value = serde_json::from_str(&body_of(&stack.oauth(&check).await)).unwrap();
    assert_eq!(answer["state"], "UNHEALTHY");
    assert!(answer["message"].as_str().unwrap().contains("tickets"), "{answer}");
    stack.settle().await;
    assert!(body_of(&stack.oauth(&check).await).contains("\"OK\""));
}

#[tokio::test]
async fn a_health_check_that_cannot_be_answered_is_unknown_and_an_unsigned_one_is_refused() {
    let stack = Stack::start(Options::default()).await;
    let path = "/api/intercom/health";
    let body = json!({"workspace_id": stack.workspace()}).to_string();
    for headers in [vec![], vec![("x-body-signature", "00")], vec![("x-hub-signature", "sha1=00")]] {
        assert_eq!(stack.oauth(&event("POST", path, &headers, &[], Some(&body))).await.status_code, 401);
    }
    let (right, wrong) = (emulator::hub_signature(CLIENT_SECRET, body.as_bytes()), "0".repeat(64));
    let both = [("x-hub-signature", right.as_str()), ("x-body-signature", wrong.as_str())];
    assert_eq!(
        stack.oauth(&event("POST", path, &both, &[], Some(&body))).await.status_code,
        401,
        "one of two is wrong"
    );
    assert_eq!(stack.oauth(&event("POST", path, &both[..1], &[], Some(&body))).await.status_code, 200);
    stack.tables.client.delete_table().table_name(&stack.tables.state).send().await.unwrap();
    let check = notice(path, &json!({"workspace_id": stack.workspace()}));
    assert!(body_of(&stack.oauth(&check).await).contains("UNKNOWN"));
}
