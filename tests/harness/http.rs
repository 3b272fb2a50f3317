//! HTTP API events as the gateway makes them, and what the functions answer.

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use serde_json::{Value, json};

/// A payload-2.0 event.
pub fn event(
    method: &str,
    path_and_query: &str,
    headers: &[(&str, &str)],
    cookies: &[&str],
    body: Option<&str>,
) -> String {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let mut all = serde_json::Map::from_iter([("host".to_owned(), json!("memory.example.com"))]);
    all.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    json!({
        "version": "2.0", "routeKey": format!("{method} {path}"), "rawPath": path, "rawQueryString": query,
        "cookies": cookies, "headers": all, "isBase64Encoded": false, "body": body,
        "requestContext": {
            "accountId": "123456789012", "apiId": "api", "domainName": "memory.example.com", "domainPrefix": "memory",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test"},
            "requestId": "r", "routeKey": format!("{method} {path}"), "stage": "$default",
            "time": "22/Nov/2026:00:00:00 +0000", "timeEpoch": 1_795_305_600_000_i64,
        },
    })
    .to_string()
}

/// A notification, signed as Intercom does.
pub fn signed(secret: &str, body: &str) -> String {
    let signature = emulator::hub_signature(secret, body.as_bytes());
    event(
        "POST",
        webhook::PATH,
        &[("X-Hub-Signature", &signature), ("content-type", "application/json")],
        &[],
        Some(body),
    )
}

/// The text of an answer.
pub fn body_of(response: &ApiGatewayV2httpResponse) -> String {
    let answer: Value = serde_json::to_value(response).unwrap();
    answer.get("body").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// One header of an answer.
pub fn header_of(response: &ApiGatewayV2httpResponse, name: &str) -> Option<String> {
    Some(response.headers.get(name)?.to_str().unwrap().to_owned())
}
