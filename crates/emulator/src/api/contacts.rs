//! Contacts. Those merged away answer 410 and name the survivor, those archived or deleted 404.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Json;
use serde_json::{Value, json};

use super::search::Resource;
use super::{Answer, ApiVersion, Params, param};
use crate::error::ApiError;
use crate::json::{list as entries, text};
use crate::pages::{self, CursorPage, Order};
use crate::query::{Dates, Language};
use crate::state::EmulatorState;
use crate::view;
use crate::world::{Kind, World};

const CONTACTS: Resource = Resource {
    language: Language {
        fields: &[
            "id",
            "role",
            "name",
            "avatar",
            "owner_id",
            "email",
            "email_domain",
            "phone",
            "external_id",
            "created_at",
            "signed_up_at",
            "updated_at",
            "last_seen_at",
            "last_contacted_at",
            "last_replied_at",
            "last_email_opened_at",
            "last_email_clicked_at",
            "language_override",
            "browser",
            "browser_language",
            "os",
            "location.",
            "unsubscribed_from_emails",
            "marked_email_as_spam",
            "has_hard_bounced",
            "ios_last_seen_at",
            "android_last_seen_at",
            "segment_id",
            "tag_id",
            "custom_attributes.",
        ],
        dates: Dates::Days,
    },
    default_per_page: 50,
    max_per_page: 150,
    list_type: "list",
    key: "data",
};

/// Entries of a sub-list page at most.
const SUB_LIST_MAX: usize = 60;

pub(super) async fn list(State(state): State<Arc<EmulatorState>>, params: Params) -> Answer {
    let wanted = CursorPage {
        per_page: pages::per_page(param(&params, "per_page").as_ref(), 10, 150)?,
        starting_after: params.get("starting_after").map(String::as_str),
        sort_by: "created_at",
        order: Order::Descending,
    };
    let inner = state.lock();
    let page = pages::by_cursor(inner.world.all(Kind::Contacts), &wanted, view::contact)?;
    Ok(Json(CONTACTS.answer(page)))
}

pub(super) async fn search(
    State(state): State<Arc<EmulatorState>>,
    Extension(version): Extension<ApiVersion>,
    body: Bytes,
) -> Answer {
    let dates = if version >= ApiVersion::V2_17 { Dates::Seconds } else { Dates::Days };
    let resource = Resource { language: Language { dates, ..CONTACTS.language }, ..CONTACTS };
    let inner = state.lock();
    resource.search(inner.world.all(Kind::Contacts), &body, view::contact).map(Json)
}

pub(super) async fn get(State(state): State<Arc<EmulatorState>>, Path(id): Path<String>) -> Answer {
    let inner = state.lock();
    find(&inner.world, &id).map(view::contact).map(Json)
}

pub(super) async fn merge_history(
    State(state): State<Arc<EmulatorState>>,
    Extension(version): Extension<ApiVersion>,
    Path(id): Path<String>,
    params: Params,
) -> Answer {
    version.at_least(ApiVersion::V2_16)?;
    let per_page = pages::per_page(param(&params, "per_page").as_ref(), 20, 150)?;
    // Only the place in the list: a merge history never loses an entry.
    let from = pages::number(param(&params, "cursor").as_ref(), "cursor", 0)?;
    let inner = state.lock();
    find(&inner.world, &id)?;
    let all: Vec<Value> = inner
        .world
        .merges
        .iter()
        .filter(|merge| merge.into == id)
        .map(|merge| {
            json!({"type": "merge_history", "source_contact_id": merge.source_contact_id,
                   "source_contact_role": merge.source_contact_role, "merged_at": merge.merged_at})
        })
        .collect();
    let more = all.len() > from + per_page;
    let data: Vec<Value> = all.into_iter().skip(from).take(per_page).collect();
    let cursor = more.then(|| (from + per_page).to_string());
    Ok(Json(json!({"type": "list", "data": data, "next_cursor": cursor, "has_more": more})))
}

pub(super) async fn companies(
    State(state): State<Arc<EmulatorState>>,
    Path(id): Path<String>,
    params: Params,
) -> Answer {
    let per_page = pages::per_page(param(&params, "per_page").as_ref(), 50, SUB_LIST_MAX)?;
    let page = pages::number(param(&params, "page").as_ref(), "page", 1)?.max(1);
    let inner = state.lock();
    let all: Vec<Value> = entries(find(&inner.world, &id)?, "/companies/data")
        .iter()
        .filter_map(|entry| inner.world.get(Kind::Companies, text(entry, "id")))
        .map(view::company)
        .collect();
    let total = all.len();
    let (data, total_pages) = pages::by_number(all, page, per_page);
    let next = (page < total_pages)
        .then(|| format!("{}/contacts/{id}/companies?page={}&per_page={per_page}", state.base_url(), page + 1));
    Ok(Json(json!({
        "type": "list", "data": data, "total_count": total,
        "pages": {"type": "pages", "next": next, "page": page, "per_page": per_page, "total_pages": total_pages},
    })))
}

pub(super) async fn tags(State(state): State<Arc<EmulatorState>>, Path(id): Path<String>) -> Answer {
    let inner = state.lock();
    let tags = view::contact_tags(&inner.world, find(&inner.world, &id)?);
    Ok(Json(json!({"type": "list", "data": tags})))
}

pub(super) async fn segments(State(state): State<Arc<EmulatorState>>, Path(id): Path<String>) -> Answer {
    let inner = state.lock();
    let data: Vec<&Value> = entries(find(&inner.world, &id)?, "/segments/data")
        .iter()
        .filter_map(|entry| inner.world.get(Kind::Segments, text(entry, "id")))
        .collect();
    Ok(Json(json!({"type": "list", "data": data})))
}

/// The contact, or why not.
fn find<'a>(world: &'a World, id: &str) -> Result<&'a Value, ApiError> {
    if let Some(contact) = world.get(Kind::Contacts, id) {
        return Ok(contact);
    }
    match world.merged_away(id) {
        Some(merge) => Err(ApiError {
            link: Some(format!("</contacts/{}>; rel=\"canonical\"", merge.into)),
            ..ApiError::new(
                StatusCode::GONE,
                "contact_merged",
                "This contact has been merged. See the 'Link' header for the canonical contact.",
            )
        }),
        None => Err(ApiError::not_found("User Not Found")),
    }
}
