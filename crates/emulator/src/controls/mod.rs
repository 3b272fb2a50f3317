//! `/_emulator`: the levers. No token, but for this machine only.

mod home;
mod memory;

use std::str::FromStr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post, put};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::deliver::{Delivery, Mutation, Replayed, SendWebhook};
use crate::error::ControlError;
use crate::failures::Failure;
use crate::mutate::Mutate;
use crate::requests::RequestCounts;
use crate::settings::{Settings, SettingsPatch};
use crate::state::{EmulatorState, Reset};
use crate::world::Kind;

type Shared = State<Arc<EmulatorState>>;
type Outcome<T> = Result<Json<T>, ControlError>;

pub(crate) fn router() -> Router<Arc<EmulatorState>> {
    Router::new()
        .route("/_emulator", get(home::show))
        .route("/_emulator/say", post(home::say))
        .route("/_emulator/reset", post(reset))
        .route("/_emulator/settings", put(update_settings).get(settings))
        .route("/_emulator/truth", get(truth))
        .route("/_emulator/requests", get(requests).delete(reset_requests))
        .route("/_emulator/failures", post(fail).get(failures).delete(clear_failures))
        .route("/_emulator/mutate", post(mutate))
        .route("/_emulator/objects/{kind}/{id}", put(upsert).get(object).delete(remove))
        .route("/_emulator/webhooks", post(send_webhook))
        .route("/_emulator/notifications", get(notifications))
        .route("/_emulator/replay", post(replay))
        .route("/_emulator/uninstall", post(uninstall))
        .route("/_emulator/health", post(health))
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(loopback_only))
}

/// Whoever opens the bare address wants the page.
pub(crate) async fn lead_home() -> Redirect {
    Redirect::to("/_emulator")
}

/// The socket is bound to loopback already; this keeps out pages of other sites that a browser on this machine shows
/// (DNS rebinding, cross-site forms).
async fn loopback_only(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let origin = request.headers().get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let own = origin.is_none_or(|origin| origin.strip_prefix("http://") == Some(host));
    if is_loopback(host) && own {
        return next.run(request).await;
    }
    (StatusCode::FORBIDDEN, Json(json!({"error": "the controls are for this machine only"}))).into_response()
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}

/// Reads JSON whatever the content type says; an empty body is an empty object.
fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, ControlError> {
    let bytes: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(bytes).map_err(|error| ControlError::Invalid(error.to_string()))
}

async fn reset(State(state): Shared, body: Bytes) -> Outcome<Value> {
    let seed = state.reset(&read::<Reset>(&body)?);
    Ok(Json(json!({"seed": seed, "counts": state.lock().world.counts()})))
}

async fn settings(State(state): Shared) -> Json<Settings> {
    Json(state.settings())
}

async fn update_settings(State(state): Shared, body: Bytes) -> Outcome<Settings> {
    Ok(Json(state.update_settings(read::<SettingsPatch>(&body)?)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TruthOf {
    kind: Option<String>,
    id: Option<String>,
}

async fn truth(State(state): Shared, Query(of): Query<TruthOf>) -> Outcome<Value> {
    let kind = of.kind.as_deref().map(kind).transpose()?;
    Ok(Json(state.truth(kind, of.id.as_deref())))
}

fn kind(name: &str) -> Result<Kind, ControlError> {
    Kind::from_str(name).map_err(ControlError::Invalid)
}

async fn requests(State(state): Shared) -> Json<RequestCounts> {
    Json(state.requests())
}

async fn reset_requests(State(state): Shared) -> StatusCode {
    state.reset_requests();
    StatusCode::NO_CONTENT
}

/// Takes one rule or a list of them.
async fn fail(State(state): Shared, body: Bytes) -> Outcome<Vec<Failure>> {
    let rules = match read::<Value>(&body)? {
        list @ Value::Array(_) => from_value(list)?,
        one => vec![from_value(one)?],
    };
    state.fail(rules)?;
    Ok(Json(state.failures()))
}

fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, ControlError> {
    serde_json::from_value(value).map_err(|error| ControlError::Invalid(error.to_string()))
}

async fn failures(State(state): Shared) -> Json<Vec<Failure>> {
    Json(state.failures())
}

async fn clear_failures(State(state): Shared) -> StatusCode {
    state.clear_failures();
    StatusCode::NO_CONTENT
}

async fn mutate(State(state): Shared, body: Bytes) -> Outcome<Mutation> {
    Ok(Json(state.mutate(&read::<Mutate>(&body)?).await?))
}

async fn object(State(state): Shared, Path((name, id)): Path<(String, String)>) -> Outcome<Value> {
    state.object(kind(&name)?, &id).map(Json).ok_or_else(|| ControlError::NotFound(format!("no {name} with id {id:?}")))
}

async fn upsert(State(state): Shared, Path((name, id)): Path<(String, String)>, body: Bytes) -> Outcome<Value> {
    let kind = kind(&name)?;
    state.upsert(kind, &id, read(&body)?)?;
    Ok(Json(state.object(kind, &id).unwrap_or_default()))
}

async fn remove(State(state): Shared, Path((name, id)): Path<(String, String)>) -> Result<StatusCode, ControlError> {
    if state.remove(kind(&name)?, &id) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ControlError::NotFound(format!("no {name} with id {id:?}")))
    }
}

async fn send_webhook(State(state): Shared, body: Bytes) -> Outcome<Delivery> {
    Ok(Json(state.send_webhook(read::<SendWebhook>(&body)?).await?))
}

async fn notifications(State(state): Shared) -> Json<Vec<Value>> {
    Json(state.lock().sent.newest())
}

/// Which notification; without an id the last one.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Replay {
    id: Option<String>,
}

async fn replay(State(state): Shared, body: Bytes) -> Outcome<Replayed> {
    Ok(Json(state.replay(read::<Replay>(&body)?.id.as_deref()).await?))
}

async fn uninstall(State(state): Shared) -> Outcome<Delivery> {
    Ok(Json(state.uninstall().await?))
}

async fn health(State(state): Shared) -> Outcome<Delivery> {
    Ok(Json(state.health().await?))
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        assert!(is_loopback("127.0.0.1:4570"));
        assert!(is_loopback("localhost"));
        assert!(is_loopback("[::1]:80"));
        assert!(!is_loopback("evil.example:4570"));
        assert!(!is_loopback(""));
    }
}
