//! The webhook function, through its events.

use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::{Value, json};
use tests::{CLIENT_SECRET, Options, Stack, event, signed};

fn small() -> Options {
    let seed = emulator::Seed {
        conversations: 1,
        contacts: 1,
        companies: 0,
        articles: 0,
        tickets: 0,
        ..emulator::Seed::default()
    };
    Options { seed, ..Options::default() }
}

fn reply(id: &str) -> Value {
    json!({"type":"notification_event","app_id":"acmews01","id":id,"topic":"conversation.user.replied","created_at":1_795_305_600,
        "data":{"item":{"type":"conversation","id":"7"}}})
}

#[tokio::test]
async fn invariant_1_a_notification_answered_200_is_in_the_queue_as_it_came() {
    let stack = Stack::start(small()).await;
    let body = reply("notif_1").to_string();
    assert_eq!(stack.webhook(&signed(CLIENT_SECRET, &body)).await.status_code, 200);
    let queued = stack.live.bodies();
    assert_eq!(queued.len(), 1);
    assert!(queued[0].contains(&body), "byte for byte");
    let message: Value = serde_json::from_str(&queued[0]).unwrap();
    assert_eq!((&message["kind"], &message["workspace"]), (&json!("notification"), &json!("acmews01")));

    stack.live.set_broken(true);
    assert_eq!(stack.notify(&reply("notif_2")).await, 503, "Intercom is asked to send it again");
    assert_eq!(stack.live.bodies().len(), 1);
}

#[tokio::test]
async fn invariant_1_holds_for_every_known_topic() {
    let stack = Stack::start(small()).await;
    let mut queued = 0;
    for topic in intercom::Topic::KNOWN {
        let body =
            json!({"type":"notification_event","app_id":"acmews01","id":"notif_1","topic":topic.as_str(),"data":{}});
        assert_eq!(stack.notify(&body).await, 200, "{topic}");
        queued += usize::from(!topic.is_counted_only());
        assert_eq!(stack.live.bodies().len(), queued, "{topic}");
    }
    assert_eq!(queued, intercom::Topic::KNOWN.len() - 2, "ping and api.request.completed");
}

#[tokio::test]
async fn invariant_2_no_answer_is_410_or_429_whatever_is_asked() {
    let stack = Stack::start(small()).await;
    stack.live.set_broken(true);
    let body = reply("notif_1").to_string();
    for method in ["POST", "HEAD", "GET", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        for path in [webhook::PATH, "/prod/api/intercom/webhooks", "/", "/api/intercom/webhooks/"] {
            for request in [signed(CLIENT_SECRET, &body), signed("another", &body), event("POST", "/", &[], &[], None)]
            {
                let mut request: Value = serde_json::from_str(&request).unwrap();
                request["rawPath"] = json!(path);
                request["requestContext"]["http"]["method"] = json!(method);
                let status = stack.webhook(&request.to_string()).await.status_code;
                assert!([200, 401, 404, 405, 503].contains(&status), "{method} {path}: {status}");
            }
        }
    }
}

#[tokio::test]
async fn invariant_2_unknown_topics_and_workspaces_are_queued_and_pings_are_counted() {
    let stack = Stack::start(small()).await;
    assert_eq!(stack.notify(&json!({"topic":"brand.new","app_id":"nobody1","id":"n","data":{"item":{}}})).await, 200);
    assert_eq!(stack.live.bodies().len(), 1);
    for topic in ["ping", "api.request.completed"] {
        assert_eq!(stack.notify(&json!({"topic":topic,"app_id":"acmews01","id":null,"data":{"item":{}}})).await, 200);
    }
    assert_eq!(stack.live.bodies().len(), 1);
    assert_eq!(stack.metrics.sum("NotificationsCounted"), 2);
}

#[tokio::test]
async fn invariant_3_an_unsigned_or_wrongly_signed_request_changes_nothing() {
    let stack = Stack::start(small()).await;
    let body = reply("notif_1").to_string();
    let right = emulator::hub_signature(CLIENT_SECRET, body.as_bytes());
    let forged = emulator::hub_signature("another", body.as_bytes());
    for signature in [None, Some(""), Some("sha1="), Some(forged.as_str()), Some(&right[..44]), Some(&right[5..])] {
        let headers: Vec<_> = signature.map(|s| ("X-Hub-Signature", s)).into_iter().collect();
        let answer = stack.webhook(&event("POST", webhook::PATH, &headers, &[], Some(&body))).await;
        assert_eq!(answer.status_code, 401, "{signature:?}");
    }
    assert!(stack.live.bodies().is_empty());
    assert_eq!(stack.metrics.sum("RequestsUnverified"), 6);
}

#[tokio::test]
async fn a_signed_body_that_is_no_notification_is_answered_400_and_counted() {
    let stack = Stack::start(small()).await;
    for body in ["not json", "[]", "{}", "null", "\"topic\"", "{\"topic\":"] {
        assert_eq!(stack.webhook(&signed(CLIENT_SECRET, body)).await.status_code, 400, "{body}");
    }
    assert_eq!(stack.metrics.sum("NotificationsUnreadable"), 6);
    assert_eq!(stack.notify(&reply("notif_1")).await, 200, "nothing is lost from other requests");
}

#[tokio::test]
async fn intercoms_validation_by_head_is_answered_200_without_a_signature() {
    let stack = Stack::start(small()).await;
    assert_eq!(stack.webhook(&event("HEAD", webhook::PATH, &[], &[], None)).await.status_code, 200);
    assert_eq!(stack.webhook(&event("GET", webhook::PATH, &[], &[], None)).await.status_code, 405);
    assert_eq!(stack.webhook(&event("POST", "/elsewhere", &[], &[], None)).await.status_code, 404);
}

#[tokio::test]
async fn base64_bodies_header_cases_and_a_stage_prefix_all_work() {
    let stack = Stack::start(small()).await;
    let body = reply("notif_1").to_string();
    let signature = emulator::hub_signature(CLIENT_SECRET, body.as_bytes());
    for (name, path, encode) in [
        ("x-hub-signature", webhook::PATH.to_owned(), true),
        ("X-HUB-SIGNATURE", format!("/prod{}", webhook::PATH), false),
    ] {
        let mut with: Value =
            serde_json::from_str(&event("POST", &path, &[(name, &signature)], &[], Some(&body))).unwrap();
        if encode {
            with["body"] = json!(STANDARD.encode(&body));
            with["isBase64Encoded"] = json!(true);
        }
        assert_eq!(stack.webhook(&with.to_string()).await.status_code, 200);
    }
    assert_eq!(stack.live.bodies().len(), 2);
}

#[tokio::test]
async fn events_on_which_lambda_http_panics_are_answered_400_or_read() {
    let stack = Stack::start(small()).await;
    let mut bad: Value = serde_json::from_str(&event("POST", webhook::PATH, &[], &[], Some("%%%"))).unwrap();
    bad["isBase64Encoded"] = json!(true);
    assert_eq!(stack.webhook(&bad.to_string()).await.status_code, 400);
    assert_eq!(stack.webhook("{}").await.status_code, 400);
    let query = event("GET", "/api/intercom/callback?code=a b|c\"<>&state=x", &[], &[], None);
    assert_eq!(stack.oauth(&query).await.status_code, 400, "a state that is not ours");
}

const ROTATED: &str = "client-secret-after-the-rotation";

#[tokio::test]
async fn a_rotated_secret_is_picked_up_without_a_new_deployment() {
    let stack = Stack::start(small()).await;
    stack.credentials.rotate(|credentials| credentials.client_secret = ROTATED.into());
    let body = reply("notif_1").to_string();
    assert_eq!(stack.webhook(&signed(ROTATED, &body)).await.status_code, 401, "looked less than a minute ago");
    stack.clock.advance(std::time::Duration::from_secs(61));
    assert_eq!(stack.webhook(&signed(ROTATED, &body)).await.status_code, 200);
}

#[tokio::test]
async fn a_signature_header_that_came_twice_holds_when_one_of_them_does() {
    let stack = Stack::start(small()).await;
    let body = reply("notif_1").to_string();
    let right = emulator::hub_signature(CLIENT_SECRET, body.as_bytes());
    let forged = emulator::hub_signature("another", body.as_bytes());
    for (headers, status) in [
        (vec![("x-hub-signature", format!("{right}, {right}"))], 200),
        (vec![("X-Hub-Signature", forged.clone()), ("x-hub-signature", right.clone())], 200),
        (vec![("x-hub-signature", format!("{forged}, {forged}"))], 401),
        (vec![("x-hub-signature", format!("{right}{right}"))], 401),
    ] {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = stack.webhook(&event("POST", webhook::PATH, &headers, &[], Some(&body))).await;
        assert_eq!(answer.status_code, status, "{headers:?}");
    }
    assert_eq!(stack.live.bodies().len(), 2);
}

#[tokio::test]
async fn odd_headers_and_cookies_of_a_signed_request_change_nothing() {
    let stack = Stack::start(small()).await;
    let body = reply("notif_1").to_string();
    let signature = emulator::hub_signature(CLIENT_SECRET, body.as_bytes());
    let mut odd: Value = serde_json::from_str(&event("POST", webhook::PATH, &[], &[], Some(&body))).unwrap();
    odd["headers"] = json!({"X-Hub-Signature": signature, "x-name": "Größe", "bad name": "x", "x-nul": "a\u{0}",
        "x-amzn-trace-id": "x".repeat(100_000), "x-list": ["a"], "x-null": null});
    odd["cookies"] = json!(["ä=ö", "\u{1}", "a=b=c", ""]);
    odd["rawQueryString"] = json!("a b|c\"<>&%zz=%");
    odd["queryStringParameters"] = json!({"a b|c": "\u{0}"});
    odd["requestContext"]["authorizer"] = json!({"nobody": ["knows"]});
    assert_eq!(stack.webhook(&odd.to_string()).await.status_code, 200);
    assert_eq!(stack.live.bodies().len(), 1);
}

#[tokio::test]
async fn an_event_that_is_no_request_is_answered_400() {
    let stack = Stack::start(small()).await;
    for no_request in
        ["", "null", "[]", "{\"requestContext\":{}}", "{\"requestContext\":{\"http\":{\"method\":\"\"}}}", "\"x\""]
    {
        assert_eq!(stack.webhook(no_request).await.status_code, 400, "{no_request}");
    }
}

#[tokio::test]
async fn four_megabytes_and_characters_that_sqs_refuses_are_queued_all_the_same() {
    let stack = Stack::start(small()).await;
    let mut large = reply("notif_large");
    large["data"]["item"]["source"] = json!({"body": "x\u{FFFF}".repeat(1_000_000)});
    assert_eq!(stack.notify(&large).await, 200);
    large["data"]["item"]["source"] = json!({"bodies": vec!["\u{FFFE}".repeat(15_000); 90]});
    assert_eq!(stack.notify(&large).await, 200, "4 MB of characters that grow when they are escaped");
    let queued = stack.live.bodies();
    assert_eq!(queued.len(), 2);
    for message in &queued {
        let message: Value = serde_json::from_str(message).unwrap();
        assert_eq!(message["notification"]["slimmed"], true);
        assert_eq!(message["notification"]["data"]["item"]["id"], "7");
    }
}

/// What the door takes and a strict reader would not: each has to become memory, not a dead letter.
#[tokio::test]
async fn two_hundred_levels_half_characters_and_endless_numbers_are_queued_and_become_memory() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    stack.settle().await;
    let id = stack.intercom.state().ids(emulator::Kind::Conversations)[0].clone();
    let deep = format!("{}null{}", "[{\"a\":".repeat(100), "}]".repeat(100));
    let odd = [
        ("deep", deep.as_str()),
        ("half", r#""a\ud83d""#),
        ("endless", "1e999"),
        ("controls", r#""\u0000\u0007\u001f""#),
        ("nonsense", "\"\u{FFFE}\u{FFFF}\u{7F}\""),
    ];
    for (name, value) in odd {
        let body = format!(
            r#"{{"topic":"conversation.user.replied","app_id":"acmews01","id":"notif_{name}","data":{{"item":{{"type":"conversation","id":"{id}","odd":{value}}}}}}}"#
        );
        assert_eq!(stack.webhook(&signed(CLIENT_SECRET, &body)).await.status_code, 200, "{name}");
    }
    assert_eq!(stack.live.bodies().len(), odd.len());
    stack.drain().await;
    assert_eq!(stack.live.dead(), Vec::<String>::new());
    assert_eq!(stack.metrics.sum("RecordsFailed"), 0);
}

#[tokio::test]
async fn what_no_message_can_hold_and_what_is_no_text_is_answered_400() {
    let stack = Stack::start(small()).await;
    let raw_control = "{\"topic\":\"t\",\"a\":\"\u{1}\"}";
    let long_topic = json!({"topic": "t".repeat(2_000_000)}).to_string();
    let long_id = json!({"topic": "t", "id": "n".repeat(2_000_000)}).to_string();
    for body in [raw_control, &long_topic, &long_id, "{\"topic\":\"a\",\"topic\":\"b\"}"] {
        assert_eq!(
            stack.webhook(&signed(CLIENT_SECRET, body)).await.status_code,
            400,
            "{}",
            &body[..30.min(body.len())]
        );
    }
    let bytes = b"{\"topic\":\"\xff\"}";
    let signature = emulator::hub_signature(CLIENT_SECRET, bytes);
    let mut no_text: Value =
        serde_json::from_str(&event("POST", webhook::PATH, &[("x-hub-signature", &signature)], &[], None)).unwrap();
    no_text["body"] = json!(STANDARD.encode(bytes));
    no_text["isBase64Encoded"] = json!(true);
    assert_eq!(stack.webhook(&no_text.to_string()).await.status_code, 400);
    assert!(stack.live.bodies().is_empty());
}

#[tokio::test]
async fn every_topic_that_the_emulated_intercom_sends_is_known_by_name() {
    let source = concat!(
        include_str!("../../crates/emulator/src/mutate/conversation.rs"),
        include_str!("../../crates/emulator/src/mutate/content.rs"),
        include_str!("../../crates/emulator/src/mutate/people.rs"),
    );
    let groups = ["conversation", "conversation_part", "ticket", "contact", "company", "article", "event", "visitor"];
    let sent: Vec<&str> = source
        .split('"')
        .filter(|text| text.contains('.') && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'.' || b == b'_'))
        .filter(|text| groups.contains(&text.split('.').next().unwrap()))
        .filter(|text| !text.ends_with(".list"))
        .collect();
    assert!(sent.len() > 25, "{sent:?}");
    for name in sent {
        assert!(!matches!(intercom::Topic::from(name), intercom::Topic::Other(_)), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_signed_body_is_answered_5xx_or_410(bodies in prop::collection::vec(prop_oneof![".{0,60}", json_like()], 16)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let statuses = runtime.block_on(async {
            let stack = Stack::start(small()).await;
            let mut statuses = Vec::new();
            for body in &bodies { statuses.push(stack.webhook(&signed(CLIENT_SECRET, body)).await.status_code); }
            statuses
        });
        prop_assert!(statuses.iter().all(|status| [200, 400].contains(status)), "{statuses:?}");
    }
}

/// Objects that look like notifications with anything for values.
fn json_like() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just(json!(null)),
        any::<i64>().prop_map(|n| json!(n)),
        ".{0,12}".prop_map(|s| json!(s)),
        Just(json!({"item":[]}))
    ];
    prop::collection::btree_map(
        prop_oneof![Just("topic"), Just("app_id"), Just("id"), Just("data"), Just("created_at"), Just("type")],
        value,
        0..6,
    )
    .prop_map(|fields| json!(fields).to_string())
}
