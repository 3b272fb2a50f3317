//! What every API request passes: counting, rate limit, failure rules, version, token; and the headers of every answer.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::twist;
use crate::error::ApiError;
use crate::failures::{Asked, FailureKind};
use crate::rate::Rate;
use crate::state::{EmulatorState, Inner};

/// The one route that has its own authorisation.
pub(super) const TOKEN_ROUTE: &str = "/auth/eagle/token";

/// How requests to no route are counted.
const NO_ROUTE: &str = "(unknown)";

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// An answer with this mark is not sent: the connection ends instead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Disconnect;

/// The API version of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ApiVersion {
    major: u32,
    minor: u32,
}

impl ApiVersion {
    /// What an app gets that sends no header: the version set in the Developer Hub.
    pub(crate) const DEFAULT: Self = Self { major: 2, minor: 14 };
    /// The first one with deleted conversations and merge history.
    pub(crate) const V2_16: Self = Self { major: 2, minor: 16 };
    /// The first one that compares dates of contacts to the second.
    pub(crate) const V2_17: Self = Self { major: 2, minor: 17 };
    const PREVIEW: Self = Self { major: u32::MAX, minor: 0 };

    fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("preview") || text.eq_ignore_ascii_case("unstable") {
            return Some(Self::PREVIEW);
        }
        let (major, minor) = text.split_once('.')?;
        let version = Self { major: major.parse().ok()?, minor: minor.parse().ok()? };
        let known = (version.major == 1 && version.minor <= 4) || (version.major == 2 && version <= Self::V2_17);
        known.then_some(version)
    }

    /// An error where this version is older than `needed`.
    pub(crate) fn at_least(self, needed: Self) -> Result<(), ApiError> {
        if self >= needed { Ok(()) } else { Err(ApiError::version_invalid()) }
    }
}

pub(super) async fn gate(State(state): State<Arc<EmulatorState>>, mut request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map_or(NO_ROUTE, MatchedPath::as_str).to_owned();
    let asked;
    (request, asked) = twist::asked(request).await;
    let (admission, request_id, latency) = admit(&state, &request, &path, &asked);
    if latency > 0 {
        tokio::time::sleep(Duration::from_millis(latency)).await;
    }
    let named = request.headers().get("intercom-version").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let version = named.as_deref().map_or(Some(ApiVersion::DEFAULT), ApiVersion::parse);
    let Admission { rate, outcome } = admission;
    let mut after = None;
    let response = match outcome {
        Outcome::Refuse(error) => error.into_response(),
        Outcome::Answer(response) => response,
        Outcome::Pass(strike) => {
            match strike {
                Some(FailureKind::Delay { ms }) => tokio::time::sleep(Duration::from_millis(ms)).await,
                Some(FailureKind::FirstAgain) => request = twist::without_cursor(request).await,
                _ => {}
            }
            after = strike;
            match version {
                None => ApiError::version_invalid().into_response(),
                Some(version) => {
                    request.extensions_mut().insert(version);
                    next.run(request).await
                }
            }
        }
    };
    let echoed = named.unwrap_or_else(|| "2.14".to_owned());
    let response = finish(response, rate, &request_id, &echoed);
    match after {
        Some(FailureKind::Truncated) => cut_short(response).await,
        Some(kind) if twist::concerns(&kind) => twist::answer(response, &kind, &asked).await,
        Some(FailureKind::Replaced { text, by }) => replaced(response, &text, &by).await,
        _ => response,
    }
}

/// What was decided at the door.
struct Admission {
    rate: Rate,
    outcome: Outcome,
}

enum Outcome {
    Refuse(ApiError),
    Answer(Response),
    /// The right answer, but for what this does to it.
    Pass(Option<FailureKind>),
}

fn admit(state: &EmulatorState, request: &Request, path: &str, asked: &Asked) -> (Admission, String, u64) {
    let now = state.now();
    let mut inner = state.lock();
    let Inner { settings, access, rate, requests, failures, noise, .. } = &mut *inner;
    let request_id = format!("00{}", noise.hex(18));
    let mut told = rate.take(now, settings.rate_limit_per_10s);
    requests.count(format!("{} {path}", request.method()), rate.window_end(), rate.used());
    let outcome = if told.allowed {
        let strike = failures.strike(request.method(), path, asked);
        let authorized = path == TOKEN_ROUTE || bearer(request.headers()).is_some_and(|token| access.allows(token));
        decide(strike, &mut told, authorized, request.headers())
    } else {
        Outcome::Refuse(ApiError::rate_limited(told.limit))
    };
    if matches!(&outcome, Outcome::Refuse(error) if error.status == StatusCode::TOO_MANY_REQUESTS) {
        requests.rate_limited += 1;
    }
    (Admission { rate: told, outcome }, request_id, settings.latency_ms)
}

fn decide(strike: Option<FailureKind>, rate: &mut Rate, authorized: bool, headers: &HeaderMap) -> Outcome {
    match &strike {
        Some(FailureKind::Status { status }) => return Outcome::Refuse(failed(*status)),
        Some(FailureKind::Refuse { status, code }) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_REQUEST);
            return Outcome::Refuse(ApiError::new(status, code, "refused by a failure rule"));
        }
        Some(FailureKind::Foreign { status }) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY);
            let html = "<html><head><title>Error</title></head><body>nginx</body></html>";
            return Outcome::Answer((status, [(header::CONTENT_TYPE, "text/html")], html).into_response());
        }
        Some(FailureKind::RateLimited) => {
            rate.remaining = 0;
            return Outcome::Refuse(ApiError::rate_limited(rate.limit));
        }
        Some(FailureKind::Unauthorized) => return Outcome::Refuse(ApiError::unauthorized()),
        Some(FailureKind::Empty) => return Outcome::Answer(StatusCode::OK.into_response()),
        Some(FailureKind::NonJson) => {
            let html = "<html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>";
            return Outcome::Answer(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response());
        }
        Some(FailureKind::Disconnect) => {
            let mut response = StatusCode::BAD_GATEWAY.into_response();
            response.extensions_mut().insert(Disconnect);
            return Outcome::Answer(response);
        }
        Some(FailureKind::Oversized) => return Outcome::Answer(twist::oversized()),
        _ => {}
    }
    if !headers.contains_key(header::ACCEPT) {
        return Outcome::Refuse(ApiError::new(
            StatusCode::NOT_ACCEPTABLE,
            "media_type_not_acceptable",
            "The Accept header should send a media type of application/json",
        ));
    }
    if !authorized {
        return Outcome::Refuse(ApiError::unauthorized());
    }
    Outcome::Pass(strike)
}

/// The token of an `Authorization: Bearer …` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn failed(status: u16) -> ApiError {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (code, message) = match status.as_u16() {
        401 => ("unauthorized", "Access Token Invalid"),
        403 => ("api_plan_restricted", "Active subscription needed."),
        404 => ("not_found", "Resource Not Found"),
        429 => ("rate_limit_exceeded", "Exceeded rate limit"),
        400..=499 => ("client_error", "The request could not be processed"),
        503 => ("service_unavailable", "Sorry, the API service is temporarily unavailable"),
        _ => ("server_error", "An error occurred while processing your request"),
    };
    ApiError::new(status, code, message)
}

/// Writes error bodies and the headers of every answer.
fn finish(mut response: Response, rate: Rate, request_id: &str, version: &str) -> Response {
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        *response.body_mut() = Body::from(error.body(request_id).to_string());
        response.headers_mut().remove(header::CONTENT_LENGTH);
        response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    }
    let headers = response.headers_mut();
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind == "application/json") {
        headers.insert(header::CONTENT_TYPE, JSON);
    }
    let mut write = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    write("x-request-id", request_id);
    write("intercom-version", version);
    write("x-ratelimit-limit", &rate.limit.to_string());
    write("x-ratelimit-remaining", &rate.remaining.to_string());
    write("x-ratelimit-reset", &rate.reset.to_string());
    response
}

/// One text stands for another in the body.
async fn replaced(response: Response, text: &str, by: &str) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(whole) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let whole = String::from_utf8_lossy(&whole).replace(text, by);
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len()));
    Response::from_parts(parts, Body::from(whole))
}

/// Promises the whole body, sends half of it, and ends the connection.
async fn cut_short(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(whole) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len()));
    let half = whole.slice(..whole.len() / 2);
    let steps = [Ok::<Bytes, io::Error>(half), Err(io::ErrorKind::ConnectionReset.into())];
    let stream = futures::stream::unfold(steps.into_iter(), |mut steps| async move {
        let step = steps.next()?;
        if step.is_err() {
            // Lets the first half reach the wire before the connection goes.
            tokio::task::yield_now().await;
        }
        Some((step, steps))
    });
    Response::from_parts(parts, Body::from_stream(stream))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_and_unknown_ones_refused() {
        assert_eq!(ApiVersion::parse("2.14"), Some(ApiVersion::DEFAULT));
        assert!(ApiVersion::parse("Preview") > Some(ApiVersion::V2_17));
        assert!(ApiVersion::parse("2.9") < Some(ApiVersion::DEFAULT));
        assert_eq!(ApiVersion::parse("2.99"), None);
        assert_eq!(ApiVersion::parse("latest"), None);
    }
}
