//! Failure switches.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{World, code, start};

async fn fail(world: &World, rules: Value) {
    let response = world.http.post(world.url("/_emulator/failures")).json(&rules).send().await.unwrap();
    assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
}

#[tokio::test]
async fn a_rule_lets_some_pass_then_fails_some_then_is_used_up() {
    let world = start().await;
    let id = world.state().ids(emulator::Kind::Conversations)[0].clone();
    fail(&world, json!([{"route": "GET /conversations/{id}", "kind": "status", "status": 500, "times": 2, "skip": 1}]))
        .await;
    let path = format!("/conversations/{id}");
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(world.try_get(&path).await.0);
        assert_eq!(world.try_get("/tags").await.0, 200, "another route is not touched");
    }
    assert_eq!(seen, [200, 500, 500, 200]);
    assert!(world.state().failures().is_empty());
}

#[tokio::test]
async fn each_kind_fails_in_its_own_way() {
    let world = start().await;
    fail(&world, json!([{"route": "*", "kind": "rate_limited"}])).await;
    let response = world.send("/tags").await;
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["x-ratelimit-remaining"], "0");
    assert_eq!(world.state().requests().rate_limited, 1);

    fail(&world, json!({"route": "/tags", "kind": "unauthorized"})).await;
    let (status, error) = world.try_get("/tags").await;
    assert_eq!((status, code(&error)), (401, "unauthorized"));

    fail(&world, json!({"route": "GET *", "kind": "empty"})).await;
    let response = world.send("/tags").await;
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.unwrap().is_empty());

    fail(&world, json!({"route": "*", "kind": "non_json"})).await;
    let response = world.send("/tags").await;
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    assert!(response.json::<Value>().await.is_err());

    fail(&world, json!({"route": "*", "kind": "truncated"})).await;
    let response = world.send("/tags").await;
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err(), "the body ends too early");

    fail(&world, json!({"route": "*", "kind": "disconnect"})).await;
    assert!(world.request(reqwest::Method::GET, "/tags").send().await.is_err());

    fail(&world, json!({"route": "*", "kind": "delay", "ms": 60})).await;
    let started = Instant::now();
    assert_eq!(world.try_get("/tags").await.0, 200);
    assert!(started.elapsed() >= Duration::from_millis(60));

    assert_eq!(world.try_get("/tags").await.0, 200);
}

#[tokio::test]
async fn rules_are_listed_cleared_and_checked() {
    let world = start().await;
    fail(&world, json!([{"route": "*", "kind": "status", "status": 503, "times": 9}])).await;
    let listed: Value = world.http.get(world.url("/_emulator/failures")).send().await.unwrap().json().await.unwrap();
    assert_eq!(listed, json!([{"route": "*", "kind": "status", "status": 503, "times": 9, "skip": 0}]));
    world.http.delete(world.url("/_emulator/failures")).send().await.unwrap();
    assert_eq!(world.try_get("/tags").await.0, 200);
    for wrong in [json!({"route": "*", "kind": "status", "status": 200}), json!({"route": "*", "kind": "meteor"})] {
        let response = world.http.post(world.url("/_emulator/failures")).json(&wrong).send().await.unwrap();
        assert_eq!(response.status(), 400);
    }
}
