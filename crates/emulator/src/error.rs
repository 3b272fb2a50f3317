//! Errors as Intercom words them, and errors of the emulator itself.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// One `error.list` answer. The body is written by [`crate::api`], which knows the request id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub status: StatusCode,
    pub code: String,
    pub message: String,
    /// Value of the `Link` header: the survivor of a merge.
    pub link: Option<String>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), link: None }
    }

    pub(crate) fn not_found(message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "parameter_invalid", message)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Access Token Invalid")
    }

    pub(crate) fn version_invalid() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "intercom_version_invalid",
            "Requested resource is not available in current API version.",
        )
    }

    pub(crate) fn rate_limited(limit: u32) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limit_exceeded",
            format!("Exceeded rate limit of {limit} in 10_seconds"),
        )
    }

    /// The body, with the request id that the header carries too.
    pub(crate) fn body(&self, request_id: &str) -> Value {
        json!({
            "type": "error.list", "request_id": request_id,
            "errors": [{"code": self.code, "message": self.message, "field": null}],
        })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(link) = self.link.as_deref().and_then(|link| HeaderValue::from_str(link).ok()) {
            response.headers_mut().insert(header::LINK, link);
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Why a control could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No object of that id, or none that the action suits.
    #[error("nothing to act on: {0}")]
    NotFound(String),
    /// The request makes no sense; the text says why.
    #[error("{0}")]
    Invalid(String),
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
        };
        (status, axum::Json(json!({"error": self.to_string()}))).into_response()
    }
}
