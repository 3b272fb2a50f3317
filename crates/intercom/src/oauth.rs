//! Intercom's OAuth: no scopes in the URL, no PKCE, no refresh token; a code is exchanged for a token that does not
//! expire ("Setting up OAuth" in Intercom's documentation).

use reqwest::{
    Method, Request,
    header::{ACCEPT, CONTENT_TYPE, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use crate::client::{ErrorBody, Transport, read_limited};

/// Where to send the browser so that a person can let the app into a workspace. `redirect_uri` must be registered in
/// the Developer Hub; without it Intercom takes the first one registered there.
pub fn authorize_url(app_base: &Url, client_id: &str, state: &str, redirect_uri: Option<&str>) -> Url {
    let mut url = app_base.clone();
    url.set_path("/oauth");
    {
        let mut query = url.query_pairs_mut();
        query.clear().append_pair("client_id", client_id).append_pair("state", state);
        if let Some(uri) = redirect_uri {
            query.append_pair("redirect_uri", uri);
        }
    }
    url
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// Intercom answered, but not with a token: the code is used, expired or another app's, or the secret is wrong.
    #[error(
        "Intercom refused the code (HTTP {status}, request id {request_id}): install again, and check the client id and secret if it repeats"
    )]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Intercom's id of the request, or "none".
        request_id: String,
    },
    /// Intercom could not be reached or did not answer in time.
    #[error("Intercom could not be reached for the token exchange: try again in a minute")]
    Unreachable(#[source] reqwest::Error),
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Option<SecretString>,
    token: Option<SecretString>,
}

/// Exchanges the code of the callback for a token.
///
/// # Errors
/// See [`ExchangeError`].
pub async fn exchange(
    http: &dyn Transport,
    api_base: &Url,
    client_id: &str,
    client_secret: &SecretString,
    code: &SecretString,
) -> Result<SecretString, ExchangeError> {
    let mut url = api_base.clone();
    url.set_path("/auth/eagle/token");
    let form =
        [("code", code.expose_secret()), ("client_id", client_id), ("client_secret", client_secret.expose_secret())];
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let mut request = Request::new(Method::POST, url);
    *request.body_mut() = Some(form.into());
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    let response = http.send(request).await.map_err(|e| ExchangeError::Unreachable(e.without_url()))?;
    let status = response.status();
    let header_id = crate::client::request_id(response.headers());
    let body = read_limited(response).await.map_err(|e| ExchangeError::Unreachable(e.without_url()))?;
    let body = body.unwrap_or_default();
    if status.is_success() {
        let answer: Option<TokenAnswer> = serde_json::from_slice(&body).ok();
        if let Some(token) = answer.and_then(|a| a.access_token.or(a.token)).filter(|t| !t.expose_secret().is_empty()) {
            return Ok(token);
        }
    }
    let request_id = ErrorBody::parse(&body).request_id.or(header_id).unwrap_or_else(|| "none".to_owned());
    Err(ExchangeError::Refused { status: status.as_u16(), request_id })
}
