//! What can come back instead of an answer, one variant for each thing a caller can do about it.

use std::fmt;

use reqwest::{StatusCode, header::HeaderMap};
use serde::Deserialize;

use crate::lenient;

/// Why a call gave no object. Texts hold codes and ids, never a token, a body or a person's data.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// It may work later: defer.
    #[error(transparent)]
    NotNow(#[from] NotNow),
    /// The token is refused: the workspace has to be connected again.
    #[error("Intercom refused the token (request id {request_id}): connect the workspace again")]
    Unauthorized {
        /// Intercom's id of the request, or "none".
        request_id: String,
    },
    /// The token is fine, but not for this: a permission is not ticked, or the plan does not include it.
    #[error(
        "Intercom forbids this call ({code}, request id {request_id}): tick the permission in the Developer Hub, or check the plan"
    )]
    Forbidden {
        /// Intercom's error code.
        code: String,
        /// Intercom's id of the request, or "none".
        request_id: String,
    },
    /// The object does not exist (any more).
    #[error("Intercom does not have this object")]
    NotFound,
    /// A contact that was merged into another.
    #[error("the contact was merged into another one")]
    Merged {
        /// The survivor's id, where the answer named it.
        survivor: Option<String>,
    },
    /// Any other refusal: our request is wrong, and repeating it changes nothing.
    #[error("Intercom refused the call (HTTP {status}, {code}, request id {request_id})")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// Intercom's error code.
        code: String,
        /// Intercom's id of the request, or "none".
        request_id: String,
    },
    /// The answer is longer than any that is read: a page of fewer objects may not be, one object always is.
    #[error("Intercom's answer is longer than {limit} bytes")]
    TooLarge {
        /// How much is read at most.
        limit: usize,
    },
    /// Well-formed JSON that is not what was asked for.
    #[error("Intercom answered with something else than was asked for: {what}")]
    Unexpected {
        /// What was wrong.
        what: &'static str,
    },
}

/// A call that may work later.
#[derive(Debug, thiserror::Error)]
#[error("Intercom cannot answer now: {cause}")]
pub struct NotNow {
    /// When it is worth trying again (milliseconds since 1970), where that is known.
    pub retry_at_ms: Option<i64>,
    /// For the log.
    pub cause: NotNowCause,
}

/// What stands in the way.
#[derive(Debug, PartialEq, Eq)]
pub enum NotNowCause {
    /// The rate limit.
    RateLimited,
    /// A status that passes by itself.
    Status(u16),
    /// No connection, or one that broke.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// An answer of 2xx that is no JSON.
    Garbled(u16),
}

impl fmt::Display for NotNowCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RateLimited => f.write_str("the rate limit is used up"),
            Self::Status(status) => write!(f, "HTTP {status}"),
            Self::Unreachable => f.write_str("no connection, or it broke"),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::Garbled(status) => write!(f, "HTTP {status} without JSON"),
        }
    }
}

impl NotNow {
    pub(crate) fn rate_limited(until_ms: i64) -> Self {
        Self { retry_at_ms: Some(until_ms), cause: NotNowCause::RateLimited }
    }

    /// The invocation ends too soon for another call; Intercom has failed at nothing.
    pub(crate) fn out_of_time(now_ms: i64) -> Self {
        Self { retry_at_ms: Some(now_ms), cause: NotNowCause::TimedOut }
    }

    /// The error itself is dropped: its text holds the URL and says little more.
    pub(crate) fn unreachable(error: &reqwest::Error) -> Self {
        tracing::debug!(timeout = error.is_timeout(), connect = error.is_connect(), "no answer from Intercom");
        let cause =
            if error.is_timeout() && !error.is_connect() { NotNowCause::TimedOut } else { NotNowCause::Unreachable };
        Self { retry_at_ms: None, cause }
    }

    pub(crate) fn garbled(status: StatusCode) -> Self {
        Self { retry_at_ms: None, cause: NotNowCause::Garbled(status.as_u16()) }
    }
}

/// Intercom's `error.list`, read leniently: proxies in between answer HTML.
#[derive(Debug, Default, Deserialize)]
pub struct ErrorBody {
    /// Intercom's id of the request; may be null.
    #[serde(default)]
    pub request_id: Option<String>,
    #[serde(default)]
    errors: Vec<ErrorEntry>,
}

#[derive(Debug, Default, Deserialize)]
struct ErrorEntry {
    #[serde(default)]
    code: Option<String>,
}

impl ErrorBody {
    /// Never fails: what is no error list has no code.
    pub fn parse(body: &[u8]) -> Self {
        lenient::read_bytes(body).ok().and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
    }

    /// Whether Intercom's API wrote this, and not something on the way to it: a list of errors that have codes.
    pub fn is_intercoms(&self) -> bool {
        self.errors.iter().any(|error| error.code.is_some())
    }

    /// The first code, if it looks like one: it goes into logs.
    pub fn code(&self) -> &str {
        let looks_like_a_code =
            |c: &&str| c.len() <= 60 && c.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.');
        self.errors.first().and_then(|e| e.code.as_deref()).filter(looks_like_a_code).unwrap_or("no code")
    }
}

pub(crate) fn from_status(
    status: StatusCode,
    body: ErrorBody,
    header_id: Option<String>,
    survivor: Option<String>,
) -> ApiError {
    let code = body.code().to_owned();
    let request_id = body.request_id.clone().or(header_id).unwrap_or_else(|| "none".to_owned());
    match status.as_u16() {
        // What an edge, a proxy or a captcha answers says nothing about the object.
        status @ (402..=404) if !body.is_intercoms() => {
            NotNow { retry_at_ms: None, cause: NotNowCause::Status(status) }.into()
        }
        401 => ApiError::Unauthorized { request_id },
        402 | 403 => ApiError::Forbidden { code, request_id },
        404 => ApiError::NotFound,
        410 => ApiError::Merged { survivor },
        // 405 is Intercom's captcha page, 423 a locked resource; both pass.
        408 | 405 | 423 | 500..=599 => NotNow { retry_at_ms: None, cause: NotNowCause::Status(status.as_u16()) }.into(),
        other => ApiError::Rejected { status: other, code, request_id },
    }
}

/// `Link: <https://api.intercom.io/contacts/{id}>; rel="…"` of a merged contact (Preview documentation).
pub(crate) fn survivor(headers: &HeaderMap) -> Option<String> {
    let link = headers.get("link")?.to_str().ok()?;
    let target = link.split_once('<')?.1.split_once('>')?.0;
    let id = target.rsplit_once("/contacts/")?.1;
    (!id.is_empty() && id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric())).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn answered(status: u16, body: &str) -> ApiError {
        from_status(StatusCode::from_u16(status).unwrap(), ErrorBody::parse(body.as_bytes()), None, None)
    }

    #[test]
    fn only_intercoms_own_error_list_says_that_something_is_gone_or_forbidden() {
        let list = r#"{"type":"error.list","request_id":null,"errors":[{"code":"not_found","message":"half \ud83d"}]}"#;
        assert!(matches!(answered(404, list), ApiError::NotFound));
        assert!(matches!(answered(403, list), ApiError::Forbidden { .. }));
        for body in ["<html>404 Not Found</html>", "", "{}", r#"{"errors":[]}"#, r#"{"message":"no Route matched"}"#] {
            for status in [402, 403, 404] {
                let error = answered(status, body);
                assert!(matches!(error, ApiError::NotNow(_)), "HTTP {status} {body}: {error}");
            }
        }
    }
}
