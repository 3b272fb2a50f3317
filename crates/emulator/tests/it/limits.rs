//! Rate limit, versions, tokens, unknown routes: what every request passes.

use reqwest::Method;
use serde_json::Value;

use crate::support::{NOW, code, start, start_with};

fn header(response: &reqwest::Response, name: &str) -> String {
    response.headers().get(name).unwrap_or_else(|| panic!("{name} is missing")).to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_limit_is_enforced_per_window_and_the_headers_tell_the_truth() {
    let world = start_with(|config| config.settings.rate_limit_per_10s = 5).await;
    // NOW ends in 0, so the window ends six seconds later.
    for left in (0..5).rev() {
        let response = world.send("/tags").await;
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "x-ratelimit-limit"), "5");
        assert_eq!(header(&response, "x-ratelimit-remaining"), left.to_string());
        assert_eq!(header(&response, "x-ratelimit-reset"), (NOW + 6).to_string());
    }
    let refused = world.send("/tags").await;
    assert_eq!(refused.status(), 429);
    assert_eq!(header(&refused, "x-ratelimit-remaining"), "0");
    assert_eq!(header(&refused, "x-ratelimit-reset"), (NOW + 6).to_string());
    let error: Value = refused.json().await.unwrap();
    assert_eq!(code(&error), "rate_limit_exceeded");
    assert_eq!(error["errors"][0]["message"], "Exceeded rate limit of 5 in 10_seconds");

    world.clock.advance_ms(5_999);
    assert_eq!(world.send("/tags").await.status(), 429);
    world.clock.advance_ms(1);
    let fresh = world.send("/tags").await;
    assert_eq!(fresh.status(), 200);
    assert_eq!(header(&fresh, "x-ratelimit-remaining"), "4");
    assert_eq!(header(&fresh, "x-ratelimit-reset"), (NOW + 16).to_string());

    let counts = world.state().requests();
    assert_eq!((counts.total, counts.rate_limited, counts.max_in_window), (8, 2, 7));
    assert_eq!(counts.by_window.clone().into_iter().collect::<Vec<_>>(), [(NOW + 6, 7), (NOW + 16, 1)]);
    assert_eq!(counts.of("GET /tags"), 8);
}

#[tokio::test]
async fn authorize_page_and_controls_cost_nothing_but_refused_tokens_do() {
    let world = start().await;
    world.http.get(world.url("/oauth?client_id=x")).send().await.unwrap();
    world.http.get(world.url("/_emulator/settings")).send().await.unwrap();
    assert_eq!(world.state().requests().total, 0);
    let response = world.http.get(world.url("/me")).bearer_auth("wrong").send().await.unwrap();
    assert_eq!(header(&response, "x-ratelimit-remaining"), "1665");
    assert_eq!(world.state().requests().of("GET /me"), 1);
}

#[tokio::test]
async fn errors_carry_the_request_id_of_the_header() {
    let world = start().await;
    for (response, status, expected) in [
        (world.http.get(world.url("/me")).send().await.unwrap(), 401, "unauthorized"),
        (world.http.get(world.url("/me")).bearer_auth("dG9rOnh4").send().await.unwrap(), 401, "unauthorized"),
        (world.send("/nothing/here").await, 404, "not_found"),
        (world.request(Method::DELETE, "/conversations").send().await.unwrap(), 404, "not_found"),
        (world.send("/contacts/nobody").await, 404, "not_found"),
    ] {
        assert_eq!(response.status(), status);
        let id = header(&response, "x-request-id");
        assert_eq!(id.len(), 20);
        let error: Value = response.json().await.unwrap();
        assert_eq!(error["request_id"], id.as_str());
        assert_eq!(code(&error), expected);
    }
    assert_eq!(world.state().requests().of("GET (unknown)"), 1);
    assert_eq!(world.state().requests().of("GET /contacts/{id}"), 1);
}

#[tokio::test]
async fn the_version_is_echoed_and_unknown_ones_are_refused() {
    let world = start().await;
    assert_eq!(header(&world.send("/tags").await, "intercom-version"), "2.14");
    let newer = world.request(Method::GET, "/tags").header("Intercom-Version", "2.16").send().await.unwrap();
    assert_eq!(header(&newer, "intercom-version"), "2.16");
    let (status, error) = world.get_as("9.9", "/tags").await;
    assert_eq!((status, code(&error)), (400, "intercom_version_invalid"));
}

#[tokio::test]
async fn a_request_without_accept_is_406() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = start().await;
    let address = world.emulator.base_url().strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /me HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
        world.token
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 406"), "{answer}");
}
