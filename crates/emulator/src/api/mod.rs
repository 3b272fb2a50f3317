//! Intercom's REST API.

mod articles;
mod companies;
mod contacts;
mod conversations;
mod directory;
mod gate;
mod search;
mod tickets;
mod twist;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Query;
use axum::middleware::from_fn_with_state;
use axum::response::Json;
use axum::routing::{get, post};
use serde_json::Value;

use crate::error::ApiError;
use crate::oauth;
use crate::state::EmulatorState;

pub(crate) use gate::{ApiVersion, Disconnect, bearer};

/// What a route answers.
pub(crate) type Answer = Result<Json<Value>, ApiError>;

pub(crate) fn router(state: &Arc<EmulatorState>) -> Router<Arc<EmulatorState>> {
    Router::new()
        .route(gate::TOKEN_ROUTE, post(oauth::exchange))
        .route("/auth/uninstall", post(oauth::uninstall))
        .route("/me", get(directory::me))
        .route("/admins", get(directory::admins))
        .route("/admins/{id}", get(directory::admin))
        .route("/teams", get(directory::teams))
        .route("/teams/{id}", get(directory::team))
        .route("/tags", get(directory::tags))
        .route("/tags/{id}", get(directory::tag))
        .route("/segments", get(directory::segments))
        .route("/segments/{id}", get(directory::segment))
        .route("/events", get(directory::events))
        .route("/conversations", get(conversations::list))
        .route("/conversations/search", post(conversations::search))
        .route("/conversations/deleted", get(conversations::deleted))
        .route("/conversations/{id}", get(conversations::get))
        .route("/contacts", get(contacts::list))
        .route("/contacts/search", post(contacts::search))
        .route("/contacts/{id}", get(contacts::get))
        .route("/contacts/{id}/merge_history", get(contacts::merge_history))
        .route("/contacts/{id}/companies", get(contacts::companies))
        .route("/contacts/{id}/tags", get(contacts::tags))
        .route("/contacts/{id}/segments", get(contacts::segments))
        .route("/companies", get(companies::list))
        .route("/companies/list", post(companies::list_by_post))
        .route("/companies/scroll", get(companies::scroll))
        .route("/companies/{id}", get(companies::get))
        .route("/tickets/search", post(tickets::search))
        .route("/tickets/{id}", get(tickets::get))
        .route("/articles", get(articles::list))
        .route("/articles/{id}", get(articles::get))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(from_fn_with_state(Arc::clone(state), gate::gate))
}

async fn unknown() -> ApiError {
    ApiError::not_found("The requested resource was not found")
}

/// The query string.
pub(crate) type Params = Query<BTreeMap<String, String>>;

/// One parameter, as the readers of [`crate::pages`] take it.
pub(crate) fn param(params: &Params, name: &str) -> Option<Value> {
    params.0.get(name).map(|text| Value::String(text.clone()))
}

/// The body of a search or list request. An empty one is an empty object.
pub(crate) fn json_body(body: &Bytes) -> Result<Value, ApiError> {
    if body.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    serde_json::from_slice::<Value>(body)
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| ApiError::invalid("The request body is not valid JSON"))
}
