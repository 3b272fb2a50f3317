//! HTTP API (payload 2.0) events, decoded so that no event can end the process.
//!
//! `lambda_http::run` panics on some malformed events (an unencoded query, invalid base64: seen with 1.3.2), and the
//! ready-made event types refuse a whole event for one header they do not like. So the event is taken as raw JSON and
//! only what is used is read here, into `lambda_http`'s types, each header for itself; what cannot be read is answered
//! 400.

use std::{borrow::Cow, collections::BTreeMap, convert::Infallible, future::Future};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use lambda_http::{
    Body,
    aws_lambda_events::apigw::ApiGatewayV2httpResponse,
    http::{HeaderMap, HeaderName, HeaderValue, header},
};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

pub use lambda_http::http::{Method, Response, StatusCode};

/// A request, as the browser or Intercom sent it.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path as sent, stage prefix included.
    pub path: String,
    /// The query's pairs, decoded.
    pub query: Vec<(String, String)>,
    /// Names in any case; repeated ones joined by the gateway.
    pub headers: HeaderMap,
    /// The raw bytes.
    pub body: Bytes,
    /// Whom the gateway saw.
    pub source_ip: Option<String>,
}

/// Why an event is no request.
#[derive(Debug, thiserror::Error)]
pub enum BadEvent {
    /// Not a payload-2.0 event.
    #[error("the event is no HTTP API request (payload format 2.0)")]
    NotHttp(#[source] serde_json::Error),
    /// The method is no HTTP method.
    #[error("the event's method is none")]
    NoMethod,
    /// The body says that it is base64 but is not.
    #[error("the body is not base64")]
    NotBase64(#[source] base64::DecodeError),
}

/// What is used of an event. Names are AWS's.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(default, borrow)]
    raw_path: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    raw_query_string: Option<Cow<'a, str>>,
    #[serde(default)]
    headers: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    cookies: Option<Vec<Value>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: Option<bool>,
    #[serde(borrow)]
    request_context: Context<'a>,
}

#[derive(Deserialize)]
struct Context<'a> {
    #[serde(borrow)]
    http: HttpContext<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HttpContext<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    source_ip: Option<String>,
}

impl Request {
    /// Reads an event.
    ///
    /// # Errors
    /// See [`BadEvent`].
    pub fn from_event(event: &str) -> Result<Self, BadEvent> {
        let event: Event<'_> = serde_json::from_str(event).map_err(BadEvent::NotHttp)?;
        let http = event.request_context.http;
        let body = match (event.body, event.is_base64_encoded) {
            (None, _) => Bytes::new(),
            (Some(text), Some(true)) => Bytes::from(STANDARD.decode(text).map_err(BadEvent::NotBase64)?),
            (Some(text), _) => Bytes::from(text),
        };
        let query = event.raw_query_string.unwrap_or_default();
        Ok(Self {
            method: http.method.parse().map_err(|_| BadEvent::NoMethod)?,
            path: event.raw_path.map(Cow::into_owned).or(http.path).unwrap_or_default(),
            query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            headers: headers(event.headers.unwrap_or_default(), event.cookies.unwrap_or_default()),
            body,
            source_ip: http.source_ip,
        })
    }

    /// One header as text; `None` where it is absent or no ASCII. Of several, the first.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// All values of a header, joined by commas as the gateway does it.
    pub fn joined_header(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self.headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).collect();
        if values.is_empty() { None } else { Some(values.join(",")) }
    }

    /// The first query parameter of this name.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str())
    }

    /// The value of a cookie. Cookies of others, whatever is in them, do not hide it.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let lines = self.headers.get_all(header::COOKIE).iter().filter_map(|v| std::str::from_utf8(v.as_bytes()).ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.into_iter().find(|(k, _)| *k == name).map(|(_, v)| v)
    }

    /// `https://host` as the browser sees it. Only names under `.localhost`, which never leave the machine, are `http`.
    pub fn origin(&self) -> Option<String> {
        let host = self.header("host").filter(|h| !h.is_empty() && !h.contains(['/', '@', ' ', '?', '#']))?;
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let scheme = if name == "localhost" || name.ends_with(".localhost") { "http" } else { "https" };
        Some(format!("{scheme}://{host}"))
    }
}

/// Headers and cookies that HTTP allows; another one costs only itself.
fn headers(named: BTreeMap<String, Value>, cookies: Vec<Value>) -> HeaderMap {
    let mut all = HeaderMap::new();
    for (name, value) in named {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else { continue };
        let values = if let Value::Array(values) = value { values } else { vec![value] };
        for value in values.iter().filter_map(Value::as_str) {
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                all.append(name.clone(), value);
            }
        }
    }
    // AWS moves cookies out of the headers; other gateways leave them there.
    for cookie in cookies.iter().filter_map(Value::as_str) {
        if let Ok(cookie) = HeaderValue::from_bytes(cookie.as_bytes()) {
            all.append(header::COOKIE, cookie);
        }
    }
    all
}

/// Answers events for ever.
///
/// # Errors
/// Where the Lambda Runtime API fails.
pub async fn run<H, F>(handler: H) -> Result<(), lambda_runtime::Error>
where
    H: Fn(Request) -> F,
    F: Future<Output = Response<String>>,
{
    let handler = &handler;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Box<RawValue>>| async move {
        Ok::<_, Infallible>(answer(event.payload.get(), handler).await)
    }))
    .await
}

/// Answers one event.
pub async fn answer<H, F>(event: &str, handler: H) -> ApiGatewayV2httpResponse
where
    H: Fn(Request) -> F,
    F: Future<Output = Response<String>>,
{
    let response = match Request::from_event(event) {
        Ok(request) => handler(request).await,
        Err(error) => {
            tracing::warn!(%error, "a malformed event was answered 400");
            plain(StatusCode::BAD_REQUEST, "malformed request\n")
        }
    };
    to_gateway(response)
}

/// A short text answer.
pub fn plain(status: StatusCode, text: &str) -> Response<String> {
    let mut response = Response::new(text.to_owned());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// The gateway wants cookies apart from the other headers.
fn to_gateway(response: Response<String>) -> ApiGatewayV2httpResponse {
    let (parts, body) = response.into_parts();
    let mut headers = parts.headers;
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.cookies =
        headers.get_all(header::SET_COOKIE).iter().filter_map(|v| v.to_str().ok().map(str::to_owned)).collect();
    headers.remove(header::SET_COOKIE);
    answer.status_code = i64::from(parts.status.as_u16());
    answer.headers = headers;
    answer.body = Some(Body::Text(body));
    answer
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn event(change: impl FnOnce(&mut Value)) -> Result<Request, BadEvent> {
        let mut event = json!({"version": "2.0", "rawPath": "/a", "rawQueryString": "", "headers": {}, "body": "b",
            "isBase64Encoded": false,
            "requestContext": {"http": {"method": "POST", "path": "/a", "sourceIp": "192.0.2.1"}}});
        change(&mut event);
        Request::from_event(&event.to_string())
    }

    #[test]
    fn a_header_that_http_does_not_allow_costs_only_itself() {
        let headers = json!({"x-good": "1", "bad name": "2", "x-control": "a\u{0}b", "x-umlaut": "ü", "x-null": null,
            "X-Several": ["a", 5, "b"], "x-number": 7});
        let request = event(|e| e["headers"] = headers).unwrap();
        assert_eq!(request.header("X-GOOD"), Some("1"));
        assert_eq!(request.joined_header("x-several").as_deref(), Some("a,b"));
        assert_eq!(request.header("x-umlaut"), None, "kept, but no ASCII");
        assert!(request.headers.contains_key("x-umlaut"));
        let left_out = ["x-control", "x-null", "x-number"];
        assert!(left_out.iter().all(|name| !request.headers.contains_key(*name)));
    }

    #[test]
    fn a_header_that_came_twice_is_one_list_in_any_case_of_its_name() {
        let request = event(|e| e["headers"] = json!({"X-Hub-Signature": "a, b", "x-hub-signature": "c"})).unwrap();
        assert_eq!(request.joined_header("X-HUB-SIGNATURE").as_deref(), Some("a, b,c"));
        assert_eq!(request.joined_header("absent"), None);
    }

    #[test]
    fn cookies_are_found_beside_odd_ones_and_in_the_header_of_other_gateways() {
        let cookies = json!(["theirs=größer", "bad=\u{7}", 5, "empty", "=x", "mine=a=b"]);
        let request = event(|e| e["cookies"] = cookies).unwrap();
        assert_eq!(request.cookie("mine"), Some("a=b"));
        assert_eq!((request.cookie("bad"), request.cookie("empty")), (None, None));
        let request = event(|e| e["headers"] = json!({"Cookie": "x=ä; mine=1;y"})).unwrap();
        assert_eq!(request.cookie("mine"), Some("1"));
    }

    #[test]
    fn what_the_gateway_leaves_out_or_sends_as_null_is_empty() {
        let request = event(|e| {
            for name in ["rawPath", "rawQueryString", "headers", "cookies", "body", "isBase64Encoded"] {
                e[name] = Value::Null;
            }
        });
        let request = request.unwrap();
        assert_eq!((request.path.as_str(), request.body.len(), request.headers.len()), ("/a", 0, 0));
    }

    #[test]
    fn an_event_of_another_kind_is_refused_with_its_cause() {
        assert!(matches!(Request::from_event("{}"), Err(BadEvent::NotHttp(_))));
        assert!(matches!(Request::from_event("{\"body\":\"\\ud83d\"}"), Err(BadEvent::NotHttp(_))));
        let no_method = event(|e| e["requestContext"]["http"]["method"] = json!("two words"));
        assert!(matches!(no_method, Err(BadEvent::NoMethod)));
        let base64 = event(|e| {
            e["body"] = json!("%%%");
            e["isBase64Encoded"] = json!(true);
        });
        assert!(matches!(base64, Err(BadEvent::NotBase64(_))));
    }

    proptest! {
        #[test]
        fn no_header_cookie_query_or_body_refuses_the_event_or_panics(
            headers in prop::collection::btree_map(".{0,12}", ".{0,12}", 0..4),
            cookies in prop::collection::vec(".{0,12}", 0..4),
            query in ".{0,40}", path in ".{0,20}", body in ".{0,40}",
        ) {
            let request = event(|e| {
                e["headers"] = json!(headers);
                e["cookies"] = json!(cookies);
                e["rawQueryString"] = json!(query);
                e["rawPath"] = json!(path);
                e["body"] = json!(body);
            });
            let request = request.unwrap();
            let _ = (request.cookie("a"), request.origin(), request.query("a"));
            prop_assert_eq!(request.body, body.as_bytes());
        }
    }
}
