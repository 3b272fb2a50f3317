//! Companies: a page-based list that ends at 10,000, and a scroll of which one may be open.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Json;
use serde_json::{Value, json};

use super::{Answer, Params, json_body, param};
use crate::error::ApiError;
use crate::json::{int, text};
use crate::pages;
use crate::scroll::Scroll;
use crate::state::{EmulatorState, Inner};
use crate::view;
use crate::world::Kind;

/// Companies that the list reaches; beyond it says to scroll.
const LIST_LIMIT: usize = 10_000;
const PER_PAGE_DEFAULT: usize = 15;
const PER_PAGE_MAX: usize = 60;
/// Companies of one scroll page. The server decides; `per_page` is not heeded.
const SCROLL_PAGE: usize = 100;

pub(super) async fn list(State(state): State<Arc<EmulatorState>>, params: Params) -> Answer {
    for (name, key) in [("company_id", "company_id"), ("name", "name")] {
        if let Some(wanted) = params.get(name) {
            let inner = state.lock();
            return inner
                .world
                .all(Kind::Companies)
                .find(|company| text(company, key) == wanted)
                .map(|company| Json(view::company(company)))
                .ok_or_else(not_found);
        }
    }
    page(&state, param(&params, "page"), param(&params, "per_page"), param(&params, "order"))
}

/// Page, page size and order come in the body; in the query string they are accepted too.
pub(super) async fn list_by_post(State(state): State<Arc<EmulatorState>>, params: Params, body: Bytes) -> Answer {
    let body = json_body(&body)?;
    let given = |name: &str| body.get(name).cloned().or_else(|| param(&params, name));
    page(&state, given("page"), given("per_page"), given("order"))
}

/// Companies without users are left out; the one that was seen last comes first.
fn page(state: &EmulatorState, page: Option<Value>, per_page: Option<Value>, order: Option<Value>) -> Answer {
    let per_page = pages::per_page(per_page.as_ref(), PER_PAGE_DEFAULT, PER_PAGE_MAX)?;
    let page = pages::number(page.as_ref(), "page", 1)?.max(1);
    if page.saturating_mul(per_page) > LIST_LIMIT {
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "bad_request", "page limit reached, please use scroll API"));
    }
    let inner = state.lock();
    let mut companies = inner.world.newest(Kind::Companies, "last_request_at");
    companies.retain(|company| int(company, "user_count") > 0);
    match order.as_ref().and_then(Value::as_str) {
        None | Some("desc") => {}
        Some("asc") => companies.reverse(),
        Some(other) => return Err(ApiError::invalid(format!("{other} is not an order"))),
    }
    let total = companies.len();
    let (companies, total_pages) = pages::by_number(companies, page, per_page);
    let next =
        (page < total_pages).then(|| format!("{}/companies?per_page={per_page}&page={}", state.base_url(), page + 1));
    let data: Vec<Value> = companies.into_iter().map(view::company).collect();
    Ok(Json(json!({
        "type": "list", "data": data, "total_count": total,
        "pages": {"type": "pages", "next": next, "page": page, "per_page": per_page, "total_pages": total_pages},
    })))
}

pub(super) async fn scroll(State(state): State<Arc<EmulatorState>>, params: Params) -> Answer {
    let now = state.now();
    let mut inner = state.lock();
    let Inner { world, scroll, noise, .. } = &mut *inner;
    if scroll.as_ref().is_some_and(|open| open.expired(now)) {
        *scroll = None;
    }
    let open = match (params.get("scroll_param").filter(|param| !param.is_empty()), scroll.as_mut()) {
        (None, Some(_)) => {
            return Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                "scroll_exists",
                "scroll already exists for this workspace",
            ));
        }
        (None, None) => {
            let ids = world.all(Kind::Companies).map(|company| text(company, "id").to_owned()).collect();
            scroll.insert(Scroll::open(noise.uuid(), ids, now))
        }
        (Some(param), Some(open)) if *param == open.param => open,
        (Some(_), _) => return Err(ApiError::not_found("scroll parameter not found")),
    };
    let ids = open.advance(SCROLL_PAGE, now);
    let param = open.param.clone();
    let data: Vec<Value> = ids.iter().filter_map(|id| world.get(Kind::Companies, id)).map(view::company).collect();
    // The end: no data under the same parameter, which is then gone.
    if ids.is_empty() {
        *scroll = None;
    }
    Ok(Json(json!({"type": "list", "data": data, "pages": null, "total_count": null, "scroll_param": param})))
}

pub(super) async fn get(State(state): State<Arc<EmulatorState>>, Path(id): Path<String>) -> Answer {
    let inner = state.lock();
    inner.world.get(Kind::Companies, &id).map(|company| Json(view::company(company))).ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "company_not_found", "Company Not Found")
}
