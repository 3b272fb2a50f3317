//! Articles: numbered pages, latest change first.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Json;
use serde_json::{Value, json};

use super::{Answer, Params, param};
use crate::error::ApiError;
use crate::pages;
use crate::state::EmulatorState;
use crate::view;
use crate::world::Kind;

/// The largest page. Intercom does not say; 100 was seen to be accepted.
const PER_PAGE_MAX: usize = 250;

/// Pages count from 1. Page 0 answers as page 0 with the first page's items and points to page 1, where they come
/// again (recorded 2026-05-07). On the last page `next` is absent.
pub(super) async fn list(State(state): State<Arc<EmulatorState>>, params: Params) -> Answer {
    let per_page = pages::per_page(param(&params, "per_page").as_ref(), 25, PER_PAGE_MAX)?;
    let page = pages::number(param(&params, "page").as_ref(), "page", 1)?;
    let inner = state.lock();
    let articles = inner.world.newest(Kind::Articles, "updated_at");
    let total = articles.len();
    let (articles, total_pages) = pages::by_number(articles, page, per_page);
    let data: Vec<Value> = articles.into_iter().map(view::article_in_list).collect();
    let mut answer = json!({
        "type": "list", "total_count": total, "data": data,
        "pages": {"type": "pages", "page": page, "per_page": per_page, "total_pages": total_pages},
    });
    if page < total_pages {
        let next = format!("{}/articles?per_page={per_page}&page={}", state.base_url(), page + 1);
        crate::json::set_in(&mut answer, "pages", "next", next);
    }
    Ok(Json(answer))
}

pub(super) async fn get(State(state): State<Arc<EmulatorState>>, Path(id): Path<String>) -> Answer {
    let inner = state.lock();
    inner
        .world
        .get(Kind::Articles, &id)
        .map(|article| Json(article.clone()))
        .ok_or_else(|| ApiError::not_found("Resource Not Found"))
}
