//! The other controls.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Json;
use axum::extract::Path;
use emulator::Kind;
use serde_json::{Value, json};

use crate::support::{Endpoint, NOW, World, ids, start, start_with};

async fn control(world: &World, method: &str, path: &str, body: Value) -> (u16, Value) {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let response = world.http.request(method, world.url(path)).json(&body).send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
}

#[tokio::test]
async fn a_reset_makes_another_world_and_keeps_what_is_not_named() {
    let world = start().await;
    let (status, answer) = control(&world, "POST", "/_emulator/reset", json!({"conversations": 3})).await;
    assert_eq!(status, 200);
    assert_eq!(answer["counts"]["conversations"], 3);
    assert_eq!(answer["counts"]["contacts"], 33);
    assert_eq!(world.get("/conversations").await["total_count"], 3);
    assert_eq!(control(&world, "POST", "/_emulator/reset", json!({"planets": 3})).await.0, 400);
}

#[tokio::test]
async fn settings_are_changed_one_by_one_and_null_clears() {
    let world = start().await;
    let (_, settings) =
        control(&world, "PUT", "/_emulator/settings", json!({"webhook_url": "http://x/", "rate_limit_per_10s": 9}))
            .await;
    assert_eq!(settings["rate_limit_per_10s"], 9);
    let (_, settings) = control(&world, "PUT", "/_emulator/settings", json!({"latency_ms": 0})).await;
    assert_eq!(settings["webhook_url"], "http://x/");
    let (_, settings) = control(&world, "PUT", "/_emulator/settings", json!({"webhook_url": null})).await;
    assert_eq!(settings["webhook_url"], Value::Null);
    assert_eq!(world.send("/tags").await.headers()["x-ratelimit-limit"], "9");
    assert_eq!(control(&world, "PUT", "/_emulator/settings", json!({"colour": 1})).await.0, 400);
}

#[tokio::test]
async fn truth_is_what_the_api_answers() {
    let world = start().await;
    let (_, truth) = control(&world, "GET", "/_emulator/truth", Value::Null).await;
    for (kind, path) in [
        ("conversations", "/conversations/"),
        ("contacts", "/contacts/"),
        ("companies", "/companies/"),
        ("tickets", "/tickets/"),
        ("articles", "/articles/"),
    ] {
        let objects = truth[kind].as_array().unwrap();
        assert!(!objects.is_empty());
        for object in objects.iter().take(3) {
            assert_eq!(world.get(&format!("{path}{}", object["id"].as_str().unwrap())).await, *object);
        }
    }
    let id = truth["conversations"][0]["id"].as_str().unwrap();
    let (_, one) = control(&world, "GET", &format!("/_emulator/truth?kind=conversations&id={id}"), Value::Null).await;
    assert_eq!(one["conversations"], json!([truth["conversations"][0]]));
    assert!(one.get("contacts").is_none());
    assert_eq!(control(&world, "GET", "/_emulator/truth?kind=ships", Value::Null).await.0, 400);
}

#[tokio::test]
async fn a_raw_object_is_served_as_it_was_put() {
    let world = start().await;
    let raw = json!({"type": "conversation", "id": 4711, "created_at": NOW, "updated_at": NOW, "source": null,
                     "teammates": null, "statistics": null});
    let (status, _) = control(&world, "PUT", "/_emulator/objects/conversations/4711", raw.clone()).await;
    assert_eq!(status, 200);
    assert_eq!(world.get("/conversations/4711").await, raw);
    assert_eq!(control(&world, "DELETE", "/_emulator/objects/conversations/4711", Value::Null).await.0, 204);
    assert_eq!(world.try_get("/conversations/4711").await.0, 404);
    assert_eq!(control(&world, "DELETE", "/_emulator/objects/conversations/4711", Value::Null).await.0, 404);
    assert_eq!(control(&world, "PUT", "/_emulator/objects/conversations/1", json!([])).await.0, 400);
}

#[tokio::test]
async fn requests_are_counted_by_route_and_zeroed() {
    let world = start().await;
    world.get("/tags").await;
    let id = world.state().ids(Kind::Contacts)[0].clone();
    world.get(&format!("/contacts/{id}")).await;
    let (_, counts) = control(&world, "GET", "/_emulator/requests", Value::Null).await;
    assert_eq!(
        counts,
        json!({
            "total": 2, "by_route": {"GET /tags": 1, "GET /contacts/{id}": 1}, "rate_limited": 0, "max_in_window": 2,
            "by_window": {(crate::support::NOW + 6).to_string(): 2},
        })
    );
    control(&world, "DELETE", "/_emulator/requests", Value::Null).await;
    assert_eq!(world.state().requests().total, 0);
}

#[tokio::test]
async fn the_page_lets_a_person_say_something() {
    let endpoint = Endpoint::start(&[]).await;
    let url = endpoint.url.clone();
    let world = start_with(|config| config.settings.webhook_url = Some(url)).await;
    let html = world.http.get(world.url("/_emulator")).send().await.unwrap().text().await.unwrap();
    assert!(html.contains("acmews01") && html.contains("<label for=\"body\">"));
    let id = ids(&world.get("/conversations").await["conversations"])[0].clone();
    let response = world
        .http
        .post(world.url("/_emulator/say"))
        .form(&[("id", id.as_str()), ("body", "a < b & <script>")])
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 303);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    assert!(
        location.starts_with("/_emulator?done=") && location.ends_with(&format!("&conversation={id}")),
        "{location}"
    );
    let item = endpoint.received()[0].json()["data"]["item"].clone();
    assert_eq!(item["conversation_parts"]["conversation_parts"][0]["body"], "<p>a &lt; b &amp; &lt;script&gt;</p>");
}

/// Whom the emulator asks what memory holds: nothing the first time, later the part that the endpoint has received.
async fn memory_behind(endpoint: &Endpoint) -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let (times, endpoint) = (Arc::clone(&asked), endpoint.clone());
    let answer = async move |Path(_id): Path<String>| {
        if times.fetch_add(1, Ordering::SeqCst) == 0 {
            return Json(json!({"parts": [], "text": ""}));
        }
        let part = &endpoint.received()[0].json()["data"]["item"]["conversation_parts"]["conversation_parts"][0];
        Json(json!({"parts": [part["id"]], "text": "# <Export> fails\n\nas memory holds it"}))
    };
    let router = axum::Router::new().route("/conversations/{id}", axum::routing::get(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, asked)
}

#[tokio::test]
async fn the_page_waits_until_memory_has_what_was_said_and_shows_the_conversation_as_memory_holds_it() {
    let endpoint = Endpoint::start(&[]).await;
    let url = endpoint.url.clone();
    let world = start_with(|config| config.settings.webhook_url = Some(url)).await;
    let id = ids(&world.get("/conversations").await["conversations"])[0].clone();
    let page = world.url(&format!("/_emulator?conversation={id}"));
    let html = world.http.get(&page).send().await.unwrap().text().await.unwrap();
    assert!(html.contains("no memory_url is set"), "{html}");

    let (memory_url, asked) = memory_behind(&endpoint).await;
    control(&world, "PUT", "/_emulator/settings", json!({"memory_url": memory_url})).await;
    let form = [("id", id.as_str()), ("body", "Any news?")];
    let said = world.http.post(world.url("/_emulator/say")).form(&form).send().await.unwrap();
    let location = said.headers()["location"].to_str().unwrap().to_owned();
    let done = url::Url::parse(&world.url(&location)).unwrap();
    let done = done.query_pairs().find(|(name, _)| name == "done").unwrap().1.into_owned();
    let notification = endpoint.received()[0].json()["id"].as_str().unwrap().to_owned();
    assert!(done.starts_with(&format!("conversation.user.replied ({notification}) delivered: 200 after ")), "{done}");
    assert!(done.contains("; in memory after ") && done.ends_with(" ms"), "{done}");
    assert_eq!(asked.load(Ordering::SeqCst), 2, "asked until it was there");

    let html = world.http.get(world.url(&location)).send().await.unwrap().text().await.unwrap();
    assert!(html.contains("# &lt;Export&gt; fails\n\nas memory holds it"), "{html}");
    assert!(html.contains(&format!("<option value=\"{id}\" selected>")), "{html}");
    assert!(html.contains(&notification), "the last notification, by id: {html}");
}

#[tokio::test]
async fn the_page_lists_conversations_by_id_and_the_bare_address_leads_to_it() {
    let world = start().await;
    let root = world.http.get(world.url("/")).send().await.unwrap();
    assert_eq!((root.status().as_u16(), root.headers()["location"].to_str().unwrap()), (303, "/_emulator"));
    let id_links = async |path: &str| {
        let html = world.http.get(world.url(path)).send().await.unwrap().text().await.unwrap();
        html.matches("#memory\"><code>").count()
    };
    assert_eq!((id_links("/_emulator").await, id_links("/_emulator?all=yes").await), (15, 47));
}

#[tokio::test]
async fn a_notification_is_sent_again_the_same_to_the_byte() {
    let endpoint = Endpoint::start(&[]).await;
    let url = endpoint.url.clone();
    let world = start_with(|config| config.settings.webhook_url = Some(url)).await;
    assert_eq!(control(&world, "POST", "/_emulator/replay", json!({})).await.0, 404, "none yet");
    for action in ["user_replied", "admin_closed"] {
        control(&world, "POST", "/_emulator/mutate", json!({"action": action, "deliver": "once"})).await;
    }
    let first = endpoint.received()[0].json()["id"].clone();
    let (status, again) = control(&world, "POST", "/_emulator/replay", json!({"id": first})).await;
    assert_eq!(
        (status, &again["topic"], &again["delivery"]["status"]),
        (200, &json!("conversation.user.replied"), &json!(200))
    );
    let (_, last) = control(&world, "POST", "/_emulator/replay", json!({})).await;
    assert_eq!(last["topic"], "conversation.admin.closed");
    let received = endpoint.received();
    assert_eq!((received.len(), &received[2].body), (4, &received[0].body));
    let (_, listed) = control(&world, "GET", "/_emulator/notifications", Value::Null).await;
    assert_eq!(listed.as_array().unwrap().len(), 2, "a replay is no new notification");
    let (status, error) = control(&world, "POST", "/_emulator/replay", json!({"id": "notif_x"})).await;
    assert_eq!(status, 404);
    assert!(error["error"].as_str().unwrap().contains("the last ones: notif_"), "{error}");
}

#[tokio::test]
async fn other_sites_and_other_names_are_kept_out() {
    let world = start().await;
    let page = world.url("/_emulator/reset");
    let foreign = world.http.post(&page).header("origin", "https://evil.example").send().await.unwrap();
    assert_eq!(foreign.status(), 403);
    let rebound = world.http.get(world.url("/_emulator/truth")).header("host", "evil.example").send().await.unwrap();
    assert_eq!(rebound.status(), 403);
}

#[tokio::test]
async fn a_port_in_use_is_said_and_free_again_after_shutdown() {
    let world = start().await;
    let port: u16 = world.emulator.base_url().rsplit_once(':').unwrap().1.parse().unwrap();
    let taken = emulator::Emulator::start(emulator::Config { port, ..emulator::Config::default() }).await;
    let Err(error) = taken else { panic!("two listen on one port") };
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
    world.emulator.shutdown().await;
    let again = emulator::Emulator::start(emulator::Config { port, ..emulator::Config::default() }).await;
    assert!(again.is_ok());
}
