//! The REST client: one workspace, one token, one rate budget.
//!
//! What may be tried again is tried again only up to the next rate window (10 seconds); what needs longer is
//! [`ApiError::NotNow`], for the caller to defer.

mod error;
mod page;
mod resource;
mod transport;

use std::{sync::Arc, time::Duration};

use reqwest::{
    Method, Request, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::{
    WorkspaceId,
    clock::Clock,
    lenient,
    notification::id_text,
    rate::{Admission, Pacer, RateHeaders},
};

pub use crate::region::region_base;
pub use error::{ApiError, ErrorBody, NotNow, NotNowCause};
pub use page::{Page, PageRequest};
pub use resource::Resource;
pub use transport::{Transport, http_client};

/// The largest answer that is read, in bytes. A conversation of 500 long parts is a few megabytes.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// How often one call is sent at most.
const MAX_ATTEMPTS: u32 = 3;

/// How long an answer is waited for at most, and how long after the time to be done waiting, in milliseconds: what calls
/// one after another come to has to end before the invocation does.
const MAX_ANSWER_MS: i64 = 30_000;
const GRACE_MS: i64 = 15_000;

/// Where less is left than this, in milliseconds, no call begins.
const MIN_ANSWER_MS: i64 = 1_000;

/// How long one call may wait inside an invocation, all waits together: one rate window.
const MAX_WAIT_MS: i64 = 10_000;

/// The first version that has merge histories.
const MERGE_HISTORY_VERSION: &str = "2.16";

/// What an API call needs beside the path: shared by all calls to one workspace.
#[derive(Clone)]
pub struct Client {
    http: Arc<dyn Transport>,
    base: Url,
    version: String,
    token: SecretString,
    clock: Arc<dyn Clock>,
    pacer: Arc<dyn Pacer>,
    deadline_ms: i64,
}

/// Who answers to a token: `GET /me`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    /// The workspace that the token opens.
    pub workspace: WorkspaceId,
    /// Its name, for people.
    pub name: Option<String>,
    /// `US`, `EU`, `AU` or something new, as Intercom wrote it.
    pub region: Option<String>,
}

#[derive(Deserialize)]
struct MeAnswer {
    app: Option<App>,
}

#[derive(Deserialize)]
struct App {
    id_code: Option<WorkspaceId>,
    name: Option<String>,
    region: Option<String>,
}

impl Client {
    /// A client for one workspace. `pacer` is asked before each request; `deadline_ms` (milliseconds since 1970) is when
    /// the invocation must be done waiting: no call is under way for much longer.
    pub fn new(
        http: Arc<dyn Transport>,
        base: Url,
        version: impl Into<String>,
        token: SecretString,
        clock: Arc<dyn Clock>,
        pacer: Arc<dyn Pacer>,
        deadline_ms: i64,
    ) -> Self {
        Self { http, base, version: version.into(), token, clock, pacer, deadline_ms }
    }

    /// Requests used of those that the current window allows, as the last answer told; `None` where none has.
    pub fn rate_used(&self) -> Option<(u32, u32)> {
        self.pacer.told()
    }

    /// Whether this client calls with that token.
    pub fn uses(&self, token: &SecretString) -> bool {
        self.token.expose_secret() == token.expose_secret()
    }

    /// Which workspace the token opens.
    ///
    /// # Errors
    /// See [`ApiError`]; `Forbidden` where the app lacks the permission "Read admins".
    pub async fn me(&self) -> Result<Me, ApiError> {
        let value = self.get("/me", &[]).await?;
        let answer: MeAnswer = serde_json::from_value(value).map_err(|_| ApiError::Unexpected { what: "/me" })?;
        let app = answer.app.ok_or(ApiError::Unexpected { what: "/me without app" })?;
        let workspace = app.id_code.ok_or(ApiError::Unexpected { what: "/me without app.id_code" })?;
        Ok(Me { workspace, name: app.name, region: app.region })
    }

    /// Gives the token back: the app is uninstalled from the workspace.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn uninstall(&self) -> Result<(), ApiError> {
        self.call(Method::POST, "/auth/uninstall", &[], None).await.map(|_| ())
    }

    /// One object as Intercom holds it, whole.
    ///
    /// # Errors
    /// See [`ApiError`]; `NotFound` and `Merged` are answers, not faults.
    pub async fn object(&self, resource: Resource, id: &str) -> Result<Value, ApiError> {
        let value = self.get_segments(&[resource.path(), id]).await?;
        // An answer about another object must never be written under this one's key.
        match value.get("id").and_then(id_text) {
            Some(answered) if answered == id => Ok(value),
            _ => Err(ApiError::Unexpected { what: "an object with another id, or none" }),
        }
    }

    /// The same client for a call that needs a newer version of the API than the configured one.
    fn with_version(&self, version: &str) -> Self {
        Self { version: version.to_owned(), ..self.clone() }
    }

    /// The contacts that were merged into this one, as far back as one page tells.
    ///
    /// # Errors
    /// See [`ApiError`]; `Rejected` where the workspace does not have version 2.16 of the API.
    pub async fn merge_history(&self, contact_id: &str) -> Result<Vec<String>, ApiError> {
        // The endpoint came with 2.16; the version is a header of each request.
        let newer = self.with_version(MERGE_HISTORY_VERSION);
        let answer = newer.get_segments(&["contacts", contact_id, "merge_history"]).await?;
        let entries = answer.get("data").and_then(Value::as_array);
        let entries = entries.ok_or(ApiError::Unexpected { what: "a merge history without its array" })?;
        Ok(entries.iter().filter_map(|entry| id_text(entry.get("source_contact_id")?)).collect())
    }

    async fn get_segments(&self, segments: &[&str]) -> Result<Value, ApiError> {
        let mut url = self.base.clone();
        url.path_segments_mut().map_err(|()| ApiError::Unexpected { what: "base URL" })?.clear().extend(segments);
        self.call(Method::GET, url.path(), &[], None).await
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, ApiError> {
        self.call(Method::GET, path, query, None).await
    }

    async fn get_timed(&self, path: &str, query: &[(&str, &str)]) -> Result<(Value, i64), ApiError> {
        self.call_timed(Method::GET, path, query, None).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Value, ApiError> {
        self.call_timed(method, path, query, body).await.map(|(answer, _)| answer)
    }

    /// The answer, and how long the attempt that brought it took, in milliseconds.
    async fn call_timed(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<(Value, i64), ApiError> {
        self.call_patiently(method, path, query, body, MAX_ATTEMPTS).await
    }

    /// The same for what moves something on at Intercom with each request, so that one whose answer was lost must not simply
    /// be sent again: only a refusal for the rate limit is.
    async fn get_once(&self, path: &str, query: &[(&str, &str)]) -> Result<(Value, i64), ApiError> {
        self.call_patiently(Method::GET, path, query, None, 1).await
    }

    async fn call_patiently(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
        attempts: u32,
    ) -> Result<(Value, i64), ApiError> {
        let mut url = self.base.clone();
        url.set_path(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let body = body.map(|body| body.to_string().into_bytes());
        let started = self.clock.now_ms();
        let give_up_at = self.deadline_ms.min(started.saturating_add(MAX_WAIT_MS));
        let mut attempt = 0;
        loop {
            self.admitted(give_up_at).await?;
            attempt += 1;
            let sent = self.clock.now_ms();
            let patience = self.deadline_ms.saturating_sub(sent).saturating_add(GRACE_MS).min(MAX_ANSWER_MS);
            if patience < MIN_ANSWER_MS {
                return Err(NotNow::out_of_time(sent).into());
            }
            let mut request = self.request(method.clone(), url.clone(), body.clone())?;
            *request.timeout_mut() = Some(Duration::from_millis(patience.unsigned_abs()));
            let not_now = match self.attempt(request).await {
                Err(ApiError::NotNow(not_now)) => not_now,
                other => return other.map(|answer| (answer, self.clock.now_ms().saturating_sub(sent))),
            };
            let now = self.clock.now_ms();
            // 429 tells when; anything else backs off 0.5 s, then 1 s.
            let wait_until = not_now.retry_at_ms.unwrap_or(now + i64::from(500_u32 << (attempt - 1).min(4)));
            let attempts = if not_now.cause == NotNowCause::RateLimited { MAX_ATTEMPTS } else { attempts };
            if attempt >= attempts || wait_until > give_up_at {
                return Err(ApiError::NotNow(not_now));
            }
            tracing::debug!(attempt, cause = %not_now.cause, "trying the call again");
            self.wait_until(wait_until).await;
        }
    }

    /// Waits for the budget, but never past `give_up_at`.
    async fn admitted(&self, give_up_at: i64) -> Result<(), ApiError> {
        loop {
            match self.pacer.admit(self.clock.now_ms()).await {
                Admission::Now => return Ok(()),
                Admission::At(later) if later <= give_up_at => self.wait_until(later).await,
                Admission::At(later) => return Err(NotNow::rate_limited(later).into()),
            }
        }
    }

    async fn wait_until(&self, at_ms: i64) {
        let wait = at_ms.saturating_sub(self.clock.now_ms()).max(1);
        self.clock.sleep(Duration::from_millis(wait.unsigned_abs())).await;
    }

    fn request(&self, method: Method, url: Url, body: Option<Vec<u8>>) -> Result<Request, ApiError> {
        let mut token = HeaderValue::from_str(&format!("Bearer {}", self.token.expose_secret()))
            .map_err(|_| ApiError::Unauthorized { request_id: "none".to_owned() })?;
        token.set_sensitive(true);
        let version = HeaderValue::from_str(&self.version).map_err(|_| ApiError::Unexpected { what: "API version" })?;
        let mut request = Request::new(method, url);
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, token);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert("Intercom-Version", version);
        if let Some(body) = body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Some(body.into());
        }
        Ok(request)
    }

    async fn attempt(&self, request: Request) -> Result<Value, ApiError> {
        let response = self.http.send(request).await.map_err(|e| NotNow::unreachable(&e))?;
        self.read(response).await
    }

    async fn read(&self, response: Response) -> Result<Value, ApiError> {
        let status = response.status();
        let rate = rate_headers(response.headers());
        let now = self.clock.now_ms();
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Err(NotNow::rate_limited(self.pacer.exhausted(rate, now).await).into());
        }
        self.pacer.observe(rate, now).await;
        let header_id = request_id(response.headers());
        let survivor = error::survivor(response.headers());
        let body = read_limited(response).await.map_err(|e| NotNow::unreachable(&e))?;
        if status.is_success() {
            let body = body.ok_or(ApiError::TooLarge { limit: MAX_ANSWER })?;
            return match lenient::read_bytes(&body) {
                Ok(value @ (Value::Object(_) | Value::Array(_))) => Ok(value),
                // 200 with an empty or non-JSON body has been seen and passes by itself.
                _ => Err(NotNow::garbled(status).into()),
            };
        }
        Err(error::from_status(status, ErrorBody::parse(&body.unwrap_or_default()), header_id, survivor))
    }
}

/// Reads a body; `None` where it is longer than [`MAX_ANSWER`].
pub(crate) async fn read_limited(mut response: Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// `X-Request-Id`: a string, not a UUID.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
    headers.get("x-request-id")?.to_str().ok().filter(|id| id.len() <= 200).map(str::to_owned)
}

fn rate_headers(headers: &HeaderMap) -> RateHeaders {
    fn number<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
        headers.get(name)?.to_str().ok()?.trim().parse().ok()
    }
    RateHeaders {
        limit: number(headers, "x-ratelimit-limit"),
        remaining: number(headers, "x-ratelimit-remaining"),
        reset: number(headers, "x-ratelimit-reset"),
    }
}
