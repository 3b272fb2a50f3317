//! Installation: the authorize page, the exchange of the code, the end of a token.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::api::Answer;
use crate::error::ApiError;
use crate::html::{escape, page};
use crate::state::{EmulatorState, Inner};

/// What the authorize page is asked with, and asks with when the button is pressed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Authorize {
    client_id: String,
    state: Option<String>,
    redirect_uri: Option<String>,
}

/// `GET /oauth`: who wants access to what, with a button and a way out.
pub(crate) async fn show(State(state): State<Arc<EmulatorState>>, Query(ask): Query<Authorize>) -> Response {
    let target = match target(&state, &ask) {
        Ok(target) => target,
        Err(why) => return refusal(why),
    };
    let workspace = state.workspace();
    let cancel = redirect(&target, &[("error", "access_denied"), ("state", ask.state.as_deref().unwrap_or_default())]);
    let hidden: String = [
        ("client_id", Some(ask.client_id.as_str())),
        ("state", ask.state.as_deref()),
        ("redirect_uri", ask.redirect_uri.as_deref()),
    ]
    .into_iter()
    .filter_map(|(name, value)| {
        value.map(|value| format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value)))
    })
    .collect();
    let body = format!(
        "<p>An app wants to connect to the workspace <b>{name}</b> (<code>{code}</code>, region {region}).</p>\
         <p>It will be able to:</p><ul><li>read conversations and tickets</li><li>read and list users and companies</li>\
         <li>read articles, tags and admins</li></ul>\
         <form method=\"post\" action=\"/oauth\">{hidden}<button type=\"submit\">Authorize</button>\
         <a class=\"cancel\" href=\"{cancel}\">Cancel</a></form>\
         <p class=\"note\">This is an emulator: no real workspace is involved. You will be sent to <code>{to}</code>.</p>",
        name = escape(&workspace.name),
        code = escape(&workspace.id_code),
        region = escape(&workspace.region),
        cancel = escape(cancel.as_str()),
        to = escape(target.as_str()),
    );
    page(StatusCode::OK, "Connect an app", &body)
}

/// `POST /oauth`: one code a click, and back to the app.
pub(crate) async fn authorize(State(state): State<Arc<EmulatorState>>, Form(ask): Form<Authorize>) -> Response {
    let target = match target(&state, &ask) {
        Ok(target) => target,
        Err(why) => return refusal(why),
    };
    let code = state.issue_code();
    let mut parameters = vec![("code", code.as_str())];
    if let Some(given) = ask.state.as_deref() {
        parameters.push(("state", given));
    }
    let location = redirect(&target, &parameters);
    (StatusCode::FOUND, [(header::LOCATION, location.to_string())]).into_response()
}

/// Where to go back to. Only a registered address, once one is registered.
fn target(state: &EmulatorState, ask: &Authorize) -> Result<Url, &'static str> {
    if ask.client_id != state.client_id() {
        return Err("The client_id is unknown. Compare it with the one in the Developer Hub.");
    }
    let registered = state.settings().redirect_uri;
    let asked = ask.redirect_uri.as_deref().filter(|uri| !uri.is_empty());
    let chosen = match (asked, registered.as_deref()) {
        (Some(asked), Some(registered)) if asked != registered => {
            return Err("The redirect_uri is not one of those registered for this app.");
        }
        (Some(uri), _) | (None, Some(uri)) => uri,
        (None, None) => return Err("No redirect_uri was given, and none is registered."),
    };
    Url::parse(chosen)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or("The redirect_uri is not an http or https address.")
}

fn refusal(why: &str) -> Response {
    let body = format!("<p>{}</p><p class=\"note\">Nothing was authorized.</p>", escape(why));
    page(StatusCode::BAD_REQUEST, "This app cannot be connected", &body)
}

fn redirect(target: &Url, parameters: &[(&str, &str)]) -> Url {
    let mut url = target.clone();
    url.query_pairs_mut().extend_pairs(parameters);
    url
}

/// `POST /auth/eagle/token`, as a form or as JSON.
pub(crate) async fn exchange(State(state): State<Arc<EmulatorState>>, headers: HeaderMap, body: Bytes) -> Answer {
    let fields = fields(&headers, &body)?;
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    let refused = || ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized Code");
    if field("client_id") != state.client_id() || field("client_secret") != state.client_secret() {
        return Err(refused());
    }
    let now = state.now();
    let mut inner = state.lock();
    let Inner { access, noise, .. } = &mut *inner;
    if !access.redeem(field("code"), now) {
        return Err(refused());
    }
    let token = access.issue_token(noise);
    Ok(Json(json!({"token_type": "Bearer", "token": token, "access_token": token})))
}

fn fields(headers: &HeaderMap, body: &Bytes) -> Result<BTreeMap<String, String>, ApiError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/json") {
        return Ok(url::form_urlencoded::parse(body).into_owned().collect());
    }
    let body = crate::api::json_body(body)?;
    Ok(body
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| value.as_str().map(|text| (key.clone(), text.to_owned())))
        .collect())
}

/// `POST /auth/uninstall`: the token that asks ends.
pub(crate) async fn uninstall(State(state): State<Arc<EmulatorState>>, headers: HeaderMap) -> Answer {
    if let Some(token) = crate::api::bearer(&headers) {
        state.lock().access.revoke(token);
    }
    Ok(Json(Value::Object(serde_json::Map::new())))
}
