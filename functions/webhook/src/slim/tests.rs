#![allow(clippy::unwrap_used)]
use super::*;

fn slimmed(value: &Value) -> Value {
    let raw = RawValue::from_string(value.to_string()).unwrap();
    let slim = slim(&raw);
    assert!(slim.get().len() <= TARGET);
    serde_json::from_str(slim.get()).unwrap()
}

#[test]
fn four_megabytes_of_text_keep_ids_topic_and_times() {
    let part = |id: usize| json!({"id": id.to_string(), "body": "é".repeat(100_000), "updated_at": 5});
    let body = json!({"topic":"ticket.created","app_id":"ws1","id":"notif_1","created_at":7,
        "data":{"item":{"type":"ticket","id":"9","ticket_parts":{"ticket_parts": (0..20).map(part).collect::<Vec<_>>()}}}});
    assert!(body.to_string().len() > 4_000_000);
    let slim = slimmed(&body);
    assert_eq!(slim.pointer("/data/item/id"), Some(&json!("9")));
    assert_eq!(slim.get("topic"), Some(&json!("ticket.created")));
    assert_eq!(slim.get("slimmed"), Some(&json!(true)));
    let parts = slim.pointer("/data/item/ticket_parts/ticket_parts").and_then(Value::as_array).unwrap();
    assert_eq!(parts.len(), 20, "short lists stay whole");
}

#[test]
fn a_body_of_nothing_but_keys_is_reduced_to_its_envelope() {
    let fields: serde_json::Map<String, Value> = (0..120_000).map(|i| (format!("attribute_{i}"), json!(i))).collect();
    let slim = slimmed(&json!({"topic":"contact.user.updated","app_id":"ws1","id":"notif_1","created_at":7,
        "data":{"item":{"type":"contact","id":"c1","custom_attributes":fields}}}));
    assert_eq!(
        slim,
        json!({"topic":"contact.user.updated","app_id":"ws1","id":"notif_1","created_at":7,"slimmed":true,
        "data":{"item":{"type":"contact","id":"c1"}}})
    );
}

#[test]
fn characters_that_have_to_be_escaped_for_sqs_are_counted_as_escaped() {
    let texts: Vec<String> = (0..20).map(|_| "\u{FFFF}".repeat(15_000)).collect();
    let body = json!({"topic":"t","data":{"item":{"id":"9","texts":texts,"more":"x".repeat(1_000_000)}}});
    let raw = RawValue::from_string(body.to_string()).unwrap();
    let slim = slim(&raw);
    assert!(sqs_safe(slim.get().to_owned()).len() <= TARGET);
}

#[test]
fn what_cannot_be_read_as_it_is_keeps_its_topic_and_ids() {
    let deep = format!("{}1e999{}", "[".repeat(200), "]".repeat(200));
    let text = format!(
        "{{\"topic\":\"ticket.created\",\"data\":{{\"item\":{{\"id\":\"9\",\"cut\":\"\\ud83d\",\"deep\":{deep},\"body\":\"{}\"}}}}}}",
        "x".repeat(2_000_000)
    );
    let slim: Value = serde_json::from_str(slim(&RawValue::from_string(text).unwrap()).get()).unwrap();
    assert_eq!(slim.get("topic"), Some(&json!("ticket.created")));
    assert_eq!(slim.pointer("/data/item/id"), Some(&json!("9")));
    assert_eq!(slim.pointer("/data/item/cut"), Some(&json!("\u{FFFD}")));
}

#[test]
fn a_list_of_a_million_entries_keeps_its_last_ones() {
    let body = format!(
        "{{\"topic\":\"t\",\"data\":{{\"item\":{{\"id\":\"9\",\"list\":[{}7]}}}}}}",
        "{\"a\":0},".repeat(500_000)
    );
    let slim: Value = serde_json::from_str(slim(&RawValue::from_string(body).unwrap()).get()).unwrap();
    let list = slim.pointer("/data/item/list").and_then(Value::as_array).unwrap();
    assert_eq!((list.len(), list.last()), (500, Some(&json!(7))));
}
