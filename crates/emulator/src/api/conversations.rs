//! Conversations: list and search without parts, one with its newest 500, and those that are gone.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Json;
use serde_json::{Value, json};

use super::search::Resource;
use super::{Answer, ApiVersion, Params, param};
use crate::error::ApiError;
use crate::pages::{self, CursorPage, Order};
use crate::query::{Dates, Language};
use crate::state::EmulatorState;
use crate::view;
use crate::world::Kind;

const CONVERSATIONS: Resource = Resource {
    language: Language {
        fields: &[
            "id",
            "created_at",
            "updated_at",
            "source.",
            "contact_ids",
            "teammate_ids",
            "admin_assignee_id",
            "team_assignee_id",
            "channel_initiated",
            "open",
            "read",
            "state",
            "waiting_since",
            "snoozed_until",
            "tag_ids",
            "priority",
            "statistics.",
            "conversation_rating.",
            "ai_agent_participated",
            "ai_agent.",
            "custom_attributes.",
            "title",
        ],
        dates: Dates::Seconds,
    },
    default_per_page: 20,
    max_per_page: 150,
    list_type: "conversation.list",
    key: "conversations",
};

/// Pages of deleted conversations hold at most this many (OpenAPI 2.16).
const DELETED_MAX: usize = 60;

pub(super) async fn list(State(state): State<Arc<EmulatorState>>, params: Params) -> Answer {
    let wanted = CursorPage {
        per_page: pages::per_page(param(&params, "per_page").as_ref(), 20, 150)?,
        starting_after: params.get("starting_after").map(String::as_str),
        sort_by: "created_at",
        order: Order::Descending,
    };
    let inner = state.lock();
    let page = pages::by_cursor(inner.world.all(Kind::Conversations), &wanted, view::conversation_in_list)?;
    Ok(Json(CONVERSATIONS.answer(page)))
}

pub(super) async fn search(State(state): State<Arc<EmulatorState>>, body: Bytes) -> Answer {
    let inner = state.lock();
    CONVERSATIONS.search(inner.world.all(Kind::Conversations), &body, view::conversation_in_list).map(Json)
}

pub(super) async fn get(State(state): State<Arc<EmulatorState>>, Path(id): Path<String>, params: Params) -> Answer {
    let inner = state.lock();
    let stored =
        inner.world.get(Kind::Conversations, &id).ok_or_else(|| ApiError::not_found("Conversation not found"))?;
    let mut shown = view::conversation(stored);
    if params.get("display_as").is_some_and(|form| form == "plaintext") {
        plain(&mut shown);
    }
    Ok(Json(shown))
}

pub(super) async fn deleted(
    State(state): State<Arc<EmulatorState>>,
    Extension(version): Extension<ApiVersion>,
    params: Params,
) -> Answer {
    version.at_least(ApiVersion::V2_16)?;
    let per_page = pages::per_page(param(&params, "per_page").as_ref(), 20, DELETED_MAX)?;
    let page = pages::number(param(&params, "page").as_ref(), "page", 1)?.max(1);
    let order = params.get("order").map_or("desc", String::as_str);
    let mut gone: Vec<(i64, String)> = state
        .lock()
        .world
        .deleted
        .iter()
        .filter(|gone| gone.kind == Kind::Conversations)
        .map(|gone| (gone.deleted_at, gone.id.clone()))
        .collect();
    match order {
        "asc" => gone.sort(),
        "desc" => gone.sort_by_key(|entry| Reverse(entry.clone())),
        other => return Err(ApiError::invalid(format!("{other} is not an order"))),
    }
    let total = gone.len();
    let (gone, total_pages) = pages::by_number(gone, page, per_page);
    let next = (page < total_pages).then(|| {
        let base = state.base_url();
        format!("{base}/conversations/deleted?per_page={per_page}&order={order}&page={}", page + 1)
    });
    let conversations: Vec<Value> = gone
        .into_iter()
        .map(|(deleted_at, id)| {
            json!({"type": "conversation", "id": id, "metrics_retained": true, "deleted_at": deleted_at})
        })
        .collect();
    Ok(Json(json!({
        "type": "conversations.list", "total_count": total, "conversations": conversations,
        "pages": {"type": "pages", "next": next, "page": page, "per_page": per_page, "total_pages": total_pages},
    })))
}

/// `display_as=plaintext`: bodies without tags.
fn plain(conversation: &mut Value) {
    let strip = |body: &mut Value| {
        if let Some(html) = body.as_str() {
            *body = json!(text_of(html));
        }
    };
    if let Some(body) = conversation.pointer_mut("/source/body") {
        strip(body);
    }
    for part in crate::json::list_mut(conversation, crate::world::thread::PARTS).into_iter().flatten() {
        if let Some(body) = part.get_mut("body") {
            strip(body);
        }
    }
}

fn text_of(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => inside = false,
            other if !inside => text.push(other),
            _ => {}
        }
    }
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}
