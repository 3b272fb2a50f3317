//! What is not paged: who we are, teammates, teams, tags, segments; and the events of one contact.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Json;
use serde_json::{Value, json};

use super::{Answer, Params, param};
use crate::error::ApiError;
use crate::json::{int, text};
use crate::pages;
use crate::state::EmulatorState;
use crate::world::Kind;

/// Events older than this are not served (OpenAPI 2.14, "List all data events").
const EVENT_WINDOW: i64 = 90 * 86_400;

pub(super) async fn me(State(state): State<Arc<EmulatorState>>) -> Answer {
    let inner = state.lock();
    let owner = inner.world.owner();
    let workspace = &inner.world.workspace;
    Ok(Json(json!({
        "type": "admin", "id": text(&owner, "id"), "email": text(&owner, "email"), "name": text(&owner, "name"),
        "email_verified": true,
        "app": {"type": "app", "id_code": workspace.id_code, "name": workspace.name, "created_at": 1_661_876_617,
                "secure": true, "identity_verification": true, "timezone": workspace.timezone,
                "region": workspace.region},
        "avatar": {"type": "avatar", "image_url": null}, "has_inbox_seat": true,
    })))
}

fn all(state: &EmulatorState, kind: Kind) -> Vec<Value> {
    state.lock().world.all(kind).cloned().collect()
}

fn one(state: &EmulatorState, kind: Kind, id: &str, code: &str, message: &str) -> Answer {
    state
        .lock()
        .world
        .get(kind, id)
        .map(|object| Json(object.clone()))
        .ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, code, message))
}

pub(super) async fn admins(State(state): State<Arc<EmulatorState>>) -> Answer {
    Ok(Json(json!({"type": "admin.list", "admins": all(&state, Kind::Admins)})))
}

pub(super) async fn admin(State(state): State<Arc<EmulatorState>>, Path(id): Path<String>) -> Answer {
    one(&state, Kind::Admins, &id, "admin_not_found", "Admin not found")
}

pub(super) async fn teams(State(state): State<Arc<EmulatorState>>) -> Answer {
    Ok(Json(json!({"type": "team.list", "teams": all(&state, Kind::Teams)})))
}

pub(super) async fn team(State(state): State<Arc<EmulatorState>>, Path(id): Path<String>) -> Answer {
    one(&state, Kind::Teams, &id, "team_not_found", "Team not found")
}

pub(super) async fn tags(State(state): State<Arc<EmulatorState>>) -> Answer {
    Ok(Json(json!({"type": "list", "data": all(&state, Kind::Tags)})))
}

pub(super) async fn tag(State(state): State<Arc<EmulatorState>>, Path(id): Path<String>) -> Answer {
    one(&state, Kind::Tags, &id, "tag_not_found", "Tag not found")
}

/// With `include_count` each segment says how many contacts it holds.
pub(super) async fn segments(State(state): State<Arc<EmulatorState>>, params: Params) -> Answer {
    let mut segments = all(&state, Kind::Segments);
    if params.get("include_count").is_some_and(|wanted| wanted == "true") {
        let inner = state.lock();
        for segment in &mut segments {
            let id = text(segment, "id").to_owned();
            let count = inner
                .world
                .all(Kind::Contacts)
                .filter(|contact| {
                    crate::json::list(contact, "/segments/data").iter().any(|entry| text(entry, "id") == id)
                })
                .count();
            crate::json::set(segment, "count", count);
        }
    }
    Ok(Json(json!({"type": "segment.list", "segments": segments})))
}

pub(super) async fn segment(State(state): State<Arc<EmulatorState>>, Path(id): Path<String>) -> Answer {
    one(&state, Kind::Segments, &id, "not_found", "Resource Not Found")
}

/// The events of one contact, newest first, of the last 90 days.
pub(super) async fn events(State(state): State<Arc<EmulatorState>>, params: Params) -> Answer {
    if params.get("type").map(String::as_str) != Some("user") {
        return Err(ApiError::invalid("type must be user"));
    }
    let (field, key, wanted) = [("intercom_user_id", "id"), ("user_id", "external_id"), ("email", "email")]
        .into_iter()
        .find_map(|(name, key)| params.get(name).map(|wanted| (name, key, wanted)))
        .ok_or_else(|| ApiError::invalid("one of intercom_user_id, user_id and email is needed"))?;
    let per_page = pages::per_page(param(&params, "per_page").as_ref(), 50, 150)?;
    let page = pages::number(param(&params, "page").as_ref(), "page", 1)?.max(1);
    let since = state.now() - EVENT_WINDOW;
    let inner = state.lock();
    let contact = inner
        .world
        .all(Kind::Contacts)
        .find(|contact| text(contact, key) == wanted)
        .ok_or_else(|| ApiError::not_found("User Not Found"))?;
    let id = text(contact, "id");
    let mut events = inner.world.newest(Kind::Events, "created_at");
    events.retain(|event| text(event, "intercom_user_id") == id && int(event, "created_at") >= since);
    let (events, total_pages) = pages::by_number(events, page, per_page);
    let mut found = json!({});
    if page < total_pages {
        let mut url = url::form_urlencoded::Serializer::new(format!("{}/events?", state.base_url()));
        url.append_pair("type", "user").append_pair(field, wanted);
        url.append_pair("per_page", &per_page.to_string()).append_pair("page", &(page + 1).to_string());
        crate::json::set(&mut found, "next", url.finish().replacen("?&", "?", 1));
    }
    Ok(Json(json!({
        "type": "event.summary", "events": events, "pages": found, "email": text(contact, "email"),
        "intercom_user_id": id, "user_id": contact.get("external_id"),
    })))
}
