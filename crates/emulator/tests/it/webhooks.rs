//! Delivery: signature, retry, duplicates, the end of a subscription.

use emulator::{Action, Deliver, Mutate, SendWebhook, hub_signature};
use serde_json::{Value, json};

use crate::support::{Endpoint, NOW, World, start, start_with};

async fn world_sending_to(endpoint: &Endpoint) -> World {
    let url = endpoint.url.clone();
    start_with(|config| {
        config.settings.webhook_url = Some(url);
        config.settings.retry_delay_ms = 1;
    })
    .await
}

fn reply() -> Mutate {
    Mutate::new(Action::UserReplied).saying("<p>Grüße 🎉</p>").delivered(Deliver::Once)
}

#[tokio::test]
async fn a_notification_is_signed_over_its_exact_bytes() {
    let endpoint = Endpoint::start(&[]).await;
    let world = world_sending_to(&endpoint).await;
    let done = world.state().mutate(&reply()).await.unwrap();
    assert_eq!(done.delivery.as_ref().unwrap().status, Some(200));
    let received = endpoint.received();
    assert_eq!(received.len(), 1);
    let got = &received[0];
    assert_eq!(got.path, "/hooks");
    assert_eq!(got.header("x-hub-signature"), hub_signature("emulator-client-secret", &got.body));
    assert_eq!(got.header("x-hub-signature").len(), 45);
    assert_eq!(got.header("user-agent"), "intercom-parrot-service-client/1.0");
    assert!(got.header("content-type").starts_with("application/json"));
    let notification = got.json();
    assert_eq!(notification, done.notification);
    assert_eq!(notification["type"], "notification_event");
    assert_eq!(notification["app_id"], "acmews01");
    assert_eq!(notification["topic"], "conversation.user.replied");
    assert!(notification["id"].as_str().unwrap().starts_with("notif_"));
    assert_eq!(notification["created_at"], NOW);
    assert_eq!(notification["delivery_attempts"], 1);
}

#[tokio::test]
async fn twice_means_the_same_bytes_twice() {
    let endpoint = Endpoint::start(&[]).await;
    let world = world_sending_to(&endpoint).await;
    world.state().mutate(&reply().delivered(Deliver::Twice)).await.unwrap();
    let received = endpoint.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].body, received[1].body);
}

#[tokio::test]
async fn a_failed_delivery_is_tried_once_more_and_then_lost() {
    let endpoint = Endpoint::start(&[503, 500]).await;
    let world = world_sending_to(&endpoint).await;
    let done = world.state().mutate(&reply()).await.unwrap();
    let delivery = done.delivery.unwrap();
    assert_eq!((delivery.status, delivery.retry), (Some(503), true));
    world.state().settled().await;
    let received = endpoint.received();
    assert_eq!(received.len(), 2);
    let (first, second) = (received[0].json(), received[1].json());
    assert_eq!(first["id"], second["id"]);
    assert_eq!(second["delivery_attempts"], 2);
    assert_eq!(received[1].header("x-hub-signature"), hub_signature("emulator-client-secret", &received[1].body));
}

#[tokio::test]
async fn a_410_ends_the_subscription_until_the_url_is_set_again() {
    let endpoint = Endpoint::start(&[410]).await;
    let world = world_sending_to(&endpoint).await;
    let done = world.state().mutate(&reply()).await.unwrap();
    assert_eq!(done.delivery.as_ref().unwrap().status, Some(410));
    assert!(!done.delivery.unwrap().retry);
    let silent = world.state().mutate(&reply()).await.unwrap();
    assert_eq!(silent.delivery.as_ref().unwrap().status, None);
    assert_eq!(endpoint.received().len(), 1);
    let settings = json!({"webhook_url": endpoint.url});
    let response = world.http.put(world.url("/_emulator/settings")).json(&settings).send().await.unwrap();
    assert_eq!(response.status(), 200);
    world.state().mutate(&reply()).await.unwrap();
    assert_eq!(endpoint.received().len(), 2);
}

#[tokio::test]
async fn an_assignment_with_a_message_is_announced_under_two_topics_with_one_part() {
    let endpoint = Endpoint::start(&[]).await;
    let world = world_sending_to(&endpoint).await;
    let request = Mutate::new(Action::AdminAssigned).saying("<p>Mine.</p>").delivered(Deliver::Once);
    let done = world.state().mutate(&request).await.unwrap();
    assert_eq!(done.deliveries.len(), 2);
    let received: Vec<Value> = endpoint.received().iter().map(crate::support::Received::json).collect();
    assert_eq!(received[0]["topic"], "conversation.admin.assigned");
    assert_eq!(received[1]["topic"], "conversation.admin.replied");
    assert_ne!(received[0]["id"], received[1]["id"]);
    assert_eq!(received[0]["data"], received[1]["data"]);
    let part = &received[0]["data"]["item"]["conversation_parts"]["conversation_parts"][0];
    assert_eq!((&part["part_type"], &part["body"]), (&json!("assignment"), &json!("<p>Mine.</p>")));
}

#[tokio::test]
async fn nothing_happens_where_a_delivery_is_asked_for_but_no_url_is_set() {
    let world = start().await;
    let before = world.state().truth(None, None);
    let error = world.state().mutate(&reply()).await.unwrap_err();
    assert!(error.to_string().contains("webhook_url"), "{error}");
    assert_eq!(world.state().truth(None, None), before);
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_is_reported() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let world = start().await;
    let webhook = SendWebhook { body: Some("{}".to_owned()), url: Some(closed), ..SendWebhook::default() };
    let delivery = world.state().send_webhook(webhook).await.unwrap();
    assert_eq!(delivery.status, None);
    assert!(delivery.error.is_some());
}

#[tokio::test]
async fn a_webhook_made_by_hand_is_sent_as_told() {
    let endpoint = Endpoint::start(&[]).await;
    let world = world_sending_to(&endpoint).await;
    let send = async |body: Value| {
        let response = world.http.post(world.url("/_emulator/webhooks")).json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    assert_eq!(send(json!({"body": "not json", "secret": "other"})).await.0, 200);
    assert_eq!(send(json!({"notification": {"topic": "ping"}, "unsigned": true})).await.0, 200);
    let (status, answer) = send(json!({"body": "x"})).await;
    assert_eq!((status, &answer["status"], &answer["body"]), (200, &json!(200), &json!("answered 200")));
    assert!(answer["ms"].is_u64());
    assert_eq!(send(json!({})).await.0, 400);
    let received = endpoint.received();
    assert_eq!(received[0].header("x-hub-signature"), hub_signature("other", b"not json"));
    assert_eq!(received[1].header("x-hub-signature"), "");
    assert_eq!(received[2].body, "x");
}
