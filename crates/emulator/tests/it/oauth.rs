//! Installation, from the page to the end of the token.

use reqwest::Url;
use serde_json::{Value, json};

use crate::support::{Endpoint, World, code, start, start_with};

const BACK: &str = "https://connector.example/api/intercom/callback";

fn ask(world: &World, client_id: &str) -> String {
    world.url(&format!("/oauth?client_id={client_id}&state=st%26te&redirect_uri={BACK}"))
}

async fn press_authorize(world: &World) -> Url {
    let response = world
        .http
        .post(world.url("/oauth"))
        .form(&[("client_id", "emulator-client-id"), ("state", "st&te"), ("redirect_uri", BACK)])
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 302);
    Url::parse(response.headers()["location"].to_str().unwrap()).unwrap()
}

fn parameter(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned()
}

async fn exchange(world: &World, code: &str, secret: &str) -> (u16, Value) {
    let form = [("code", code), ("client_id", "emulator-client-id"), ("client_secret", secret)];
    let response = world.http.post(world.url("/auth/eagle/token")).form(&form).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn an_installation_goes_from_the_button_to_me() {
    let world = start().await;
    let page = world.http.get(ask(&world, "emulator-client-id")).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let html = page.text().await.unwrap();
    for needed in
        ["<html lang=\"en\">", "<button type=\"submit\">Authorize</button>", ">Cancel</a>", "value=\"st&amp;te\""]
    {
        assert!(html.contains(needed), "{needed} is missing:\n{html}");
    }

    let location = press_authorize(&world).await;
    assert!(location.as_str().starts_with(BACK));
    assert_eq!(parameter(&location, "state"), "st&te");
    let code = parameter(&location, "code");
    assert!(code.ends_with('='));

    let (status, answer) = exchange(&world, &code, "emulator-client-secret").await;
    assert_eq!(status, 200);
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["token"], answer["access_token"]);
    let token = answer["token"].as_str().unwrap();
    assert!(token.starts_with("dG9rO"));

    let me: Value = world.http.get(world.url("/me")).bearer_auth(token).send().await.unwrap().json().await.unwrap();
    assert_eq!(me["type"], "admin");
    assert_eq!(me["app"]["id_code"], "acmews01");
    assert_eq!(me["app"]["region"], "US");
}

#[tokio::test]
async fn a_code_is_good_once_and_for_the_right_secret_only() {
    let world = start().await;
    let code_text = parameter(&press_authorize(&world).await, "code");
    let (status, error) = exchange(&world, &code_text, "guessed").await;
    assert_eq!((status, code(&error)), (401, "unauthorized"));
    assert_eq!(error["errors"][0]["message"], "Unauthorized Code");
    assert_eq!(exchange(&world, &code_text, "emulator-client-secret").await.0, 200);
    assert_eq!(exchange(&world, &code_text, "emulator-client-secret").await.0, 401);
    assert_eq!(exchange(&world, "bWFkZSB1cA==", "emulator-client-secret").await.0, 401);
    let late = parameter(&press_authorize(&world).await, "code");
    world.clock.advance_ms(600_000);
    assert_eq!(exchange(&world, &late, "emulator-client-secret").await.0, 401);
}

#[tokio::test]
async fn each_click_gives_another_code_and_json_is_taken_too() {
    let world = start().await;
    let first = parameter(&press_authorize(&world).await, "code");
    let second = parameter(&press_authorize(&world).await, "code");
    assert_ne!(first, second);
    let body = json!({"code": second, "client_id": "emulator-client-id", "client_secret": "emulator-client-secret"});
    let response = world.http.post(world.url("/auth/eagle/token")).json(&body).send().await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn an_unknown_app_and_an_unregistered_address_get_an_error_page() {
    let world = start().await;
    let response = world.http.get(ask(&world, "someone-else")).send().await.unwrap();
    assert_eq!(response.status(), 400);
    assert!(response.text().await.unwrap().contains("client_id is unknown"));
    let world = start_with(|config| config.settings.redirect_uri = Some("https://other.example/cb".to_owned())).await;
    assert_eq!(world.http.get(ask(&world, "emulator-client-id")).send().await.unwrap().status(), 400);
    // Without a redirect_uri the registered one is used.
    let response = world
        .http
        .post(world.url("/oauth"))
        .form(&[("client_id", "emulator-client-id"), ("state", "s")])
        .send()
        .await
        .unwrap();
    assert!(response.headers()["location"].to_str().unwrap().starts_with("https://other.example/cb?code="));
}

#[tokio::test]
async fn an_uninstall_by_the_app_ends_its_token() {
    let world = start().await;
    let (status, _) = world.post("/auth/uninstall", &json!({})).await;
    assert_eq!(status, 200);
    assert_eq!(world.try_get("/me").await.0, 401);
}

#[tokio::test]
async fn an_uninstall_by_a_person_revokes_the_token_and_sends_a_signed_notice() {
    let endpoint = Endpoint::start(&[]).await;
    let url = endpoint.url.clone();
    let world = start_with(|config| {
        config.settings.uninstall_url = Some(url.clone());
        config.settings.health_url = Some(url);
    })
    .await;
    let response = world.http.post(world.url("/_emulator/health")).send().await.unwrap();
    assert_eq!(response.json::<Value>().await.unwrap()["body"], "answered 200");
    let response = world.http.post(world.url("/_emulator/uninstall")).send().await.unwrap();
    assert_eq!(response.json::<Value>().await.unwrap()["status"], 200);
    assert_eq!(world.try_get("/me").await.0, 401);
    let received = endpoint.received();
    assert_eq!(received[0].json(), json!({"workspace_id": "acmews01"}));
    assert_eq!(received[1].json(), json!({"app_id": "acmews01"}));
    for notice in received {
        let signature = emulator::body_signature("emulator-client-secret", &notice.body);
        assert_eq!(notice.header("x-body-signature"), signature);
        assert!(!signature.contains('='));
        assert_eq!(notice.header("x-hub-signature"), "");
    }
}

#[tokio::test]
async fn a_token_of_the_configuration_is_good_from_the_start() {
    let world = start_with(|config| config.access_token = Some("dG9rOnByaXZhdGU=".to_owned())).await;
    let response = world.http.get(world.url("/me")).bearer_auth("dG9rOnByaXZhdGU=").send().await.unwrap();
    assert_eq!(response.status(), 200);
}
