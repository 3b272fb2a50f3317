//! HTTP API (payload 2.0) events, decoded so that no event can end the process.
//!
//! `lambda_http::run` would panic on some malformed events (an unencoded query, invalid base64: seen with 1.3.2), so the
//! event is taken as raw JSON and read here with `lambda_http`'s types; what cannot be read is answered 400.

use std::{convert::Infallible, future::Future};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use lambda_http::{
    Body,
    aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse},
    http::{HeaderMap, HeaderValue, header},
};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::value::RawValue;

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
    #[error("the event is no HTTP API request")]
    NotHttp(#[source] serde_json::Error),
    /// The body says that it is base64 but is not.
    #[error("the body is not base64")]
    NotBase64(#[source] base64::DecodeError),
}

impl Request {
    /// Reads an event.
    ///
    /// # Errors
    /// See [`BadEvent`].
    pub fn from_event(event: &str) -> Result<Self, BadEvent> {
        let event: ApiGatewayV2httpRequest = serde_json::from_str(event).map_err(BadEvent::NotHttp)?;
        let body = match (event.body, event.is_base64_encoded) {
            (None, _) => Bytes::new(),
            (Some(text), false) => Bytes::from(text),
            (Some(text), true) => Bytes::from(STANDARD.decode(text).map_err(BadEvent::NotBase64)?),
        };
        let mut headers = event.headers;
        // AWS moves cookies out of the headers; other gateways leave them there.
        let cookies = event.cookies.map(|c| c.join("; ")).and_then(|c| HeaderValue::from_str(&c).ok());
        if let Some(cookies) = cookies.filter(|c| !c.is_empty()) {
            headers.insert(header::COOKIE, cookies);
        }
        let query = event.raw_query_string.unwrap_or_default();
        Ok(Self {
            method: event.request_context.http.method,
            path: event.raw_path.or(event.request_context.http.path).unwrap_or_default(),
            query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            headers,
            body,
            source_ip: event.request_context.http.source_ip,
        })
    }

    /// One header as text; `None` where it is absent or no ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The first query parameter of this name.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str())
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let all = self.header(header::COOKIE.as_str())?;
        all.split(';').filter_map(|pair| pair.trim().split_once('=')).find(|(k, _)| *k == name).map(|(_, v)| v)
    }

    /// `https://host` as the browser sees it. Only names under `.localhost`, which never leave the machine, are `http`.
    pub fn origin(&self) -> Option<String> {
        let host = self.header("host").filter(|h| !h.is_empty() && !h.contains(['/', '@', ' ', '?', '#']))?;
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let scheme = if name == "localhost" || name.ends_with(".localhost") { "http" } else { "https" };
        Some(format!("{scheme}://{host}"))
    }
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
