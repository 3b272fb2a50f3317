//! What the functions get: notifications of a size, signed, inside the gateway's event.

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha1::Sha1;

/// The path of the webhook route.
const PATH: &str = "/api/intercom/webhooks";

/// As many notifications of `bytes` bytes, each with an id of its own.
pub(crate) fn notifications(topic: &str, bytes: usize, count: usize) -> Vec<String> {
    const ID: &str = "notif_000000000000";
    let one = notification(topic, ID, bytes);
    (0..count).map(|number| one.replace(ID, &format!("notif_{number:012}"))).collect()
}

/// A conversation with as many parts as it takes.
fn notification(topic: &str, id: &str, bytes: usize) -> String {
    let part = |number: usize| {
        json!({"type": "conversation_part", "id": format!("2154726{number:05}"), "part_type": "comment",
            "body": "<p>The export stops after a few rows. It worked on Tuesday; nothing was changed since.</p>",
            "created_at": 1_795_305_600, "updated_at": 1_795_305_600, "notified_at": 1_795_305_600,
            "assigned_to": null, "author": {"type": "user", "id": "6762c1", "name": "Robin", "email": "robin@example.com"},
            "attachments": [], "external_id": null, "redacted": false, "metadata": {}, "app_package_code": null})
    };
    let of = |parts: usize, fill: &str| {
        let parts: Vec<_> = (0..parts).map(part).collect();
        json!({"type": "notification_event", "app_id": "abc123", "id": id, "topic": topic, "self": null, "links": {},
            "delivery_status": "pending", "delivery_attempts": 1, "delivered_at": 0, "created_at": 1_795_305_600,
            "first_sent_at": 1_795_305_600, "data": {"type": "notification_event_data", "item": {
                "type": "conversation", "id": "215470000000777", "created_at": 1_795_300_000, "updated_at": 1_795_305_600,
                "source": {"type": "conversation", "id": "1", "subject": "", "body": fill},
                "conversation_parts": {"type": "conversation_part.list", "conversation_parts": parts}}}})
        .to_string()
    };
    let mut parts = 0;
    while of(parts + 1, "").len() <= bytes {
        parts += 1;
    }
    let fill = bytes.saturating_sub(of(parts, "").len());
    of(parts, &"x".repeat(fill))
}

/// The event of the gateway, payload 2.0.
pub(crate) fn gateway_event(secret: &str, body: &str) -> Bytes {
    // HMAC takes a key of any length; without a signature the functions would answer 401, and the run would fail.
    let signature = <Hmac<Sha1> as KeyInit>::new_from_slice(secret.as_bytes())
        .map(|mac| hex::encode(mac.chain_update(body.as_bytes()).finalize().into_bytes()))
        .unwrap_or_default();
    let event = json!({
        "version": "2.0", "routeKey": format!("POST {PATH}"), "rawPath": PATH, "rawQueryString": "",
        "headers": {
            "accept": "*/*", "content-length": body.len().to_string(), "content-type": "application/json",
            "host": "bench.example.com", "user-agent": "intercom-parrot-service-client/1.0",
            "x-amzn-trace-id": "Root=1-00000000-000000000000000000000000", "x-forwarded-for": "203.0.113.7",
            "x-forwarded-port": "443", "x-forwarded-proto": "https", "x-hub-signature": format!("sha1={signature}"),
        },
        "requestContext": {
            "accountId": "123456789012", "apiId": "bench", "domainName": "bench.example.com", "domainPrefix": "bench",
            "http": {"method": "POST", "path": PATH, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7",
                "userAgent": "intercom-parrot-service-client/1.0"},
            "requestId": "bench", "routeKey": format!("POST {PATH}"), "stage": "$default",
            "time": "22/Nov/2026:00:00:00 +0000", "timeEpoch": 1_795_305_600_000_i64,
        },
        "body": body, "isBase64Encoded": false,
    });
    Bytes::from(event.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_has_the_size_that_was_asked_for() {
        for bytes in [1_000, 10_000, 100_000] {
            let all = notifications("conversation.user.replied", bytes, 2);
            assert!(all.iter().all(|one| one.len() == bytes));
            assert_ne!(all.first(), all.last());
        }
    }
}
