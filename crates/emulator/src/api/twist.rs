//! Pages that go wrong: what a request asks for, and answers that are nearly right.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::failures::{Asked, FailureKind};
use crate::pages::Cursor;

/// More than any client wants: chunks of a mebibyte, and how many.
const CHUNK: usize = 1024 * 1024;
const CHUNKS: usize = 65;

/// What a request asks for; the request is whole again afterwards.
pub(super) async fn asked(request: Request) -> (Request, Asked) {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut asked = Asked::default();
    for (name, value) in url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
        match &*name {
            "per_page" => asked.per_page = value.parse().ok(),
            "page" if value == "1" => {}
            "starting_after" | "scroll_param" | "page" => asked.cursor = Some(value.into_owned()),
            _ => {}
        }
    }
    let json: Value = serde_json::from_slice(&body).unwrap_or_default();
    if let Some(pagination) = json.get("pagination") {
        asked.per_page = pagination.get("per_page").and_then(Value::as_u64);
        asked.cursor = pagination.get("starting_after").and_then(Value::as_str).map(str::to_owned);
    }
    (Request::from_parts(parts, Body::from(body)), asked)
}

/// The same request for the first page.
pub(super) async fn without_cursor(request: Request) -> Request {
    let (mut parts, body) = request.into_parts();
    let mut body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    if let Ok(mut json) = serde_json::from_slice::<Value>(&body)
        && let Some(pagination) = json.get_mut("pagination").and_then(Value::as_object_mut)
    {
        pagination.remove("starting_after");
        body = Bytes::from(json.to_string());
        parts.headers.remove(header::CONTENT_LENGTH);
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
        if !matches!(&*name, "starting_after" | "page") {
            query.append_pair(&name, &value);
        }
    }
    if let Ok(uri) = format!("{}?{}", parts.uri.path(), query.finish()).parse() {
        parts.uri = uri;
    }
    Request::from_parts(parts, Body::from(body))
}

/// Whether [`answer`] has something to do.
pub(super) fn concerns(kind: &FailureKind) -> bool {
    matches!(kind, FailureKind::Total { .. } | FailureKind::NextIsSame | FailureKind::Hollow)
}

/// The right answer, made wrong.
pub(super) async fn answer(response: Response, kind: &FailureKind, asked: &Asked) -> Response {
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let Ok(mut page) = serde_json::from_slice::<Value>(&body) else {
        return Response::from_parts(parts, Body::from(body));
    };
    twist(&mut page, kind, asked);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(page.to_string()))
}

fn twist(page: &mut Value, kind: &FailureKind, asked: &Asked) {
    let counted = page.pointer("/pages/next").is_some_and(Value::is_string);
    match kind {
        FailureKind::Total { total } => {
            let per_page = page.pointer("/pages/per_page").and_then(Value::as_u64).unwrap_or(1).max(1);
            if let Some(count) = page.get_mut("total_count") {
                *count = json!(total);
            }
            if let Some(pages) = page.pointer_mut("/pages/total_pages") {
                *pages = json!(total.div_ceil(per_page));
            }
        }
        FailureKind::NextIsSame => {
            if let (Some(cursor), Some(pages)) = (&asked.cursor, page.get_mut("pages")) {
                crate::json::set(pages, "next", json!({"page": 1, "starting_after": cursor}));
            }
        }
        FailureKind::Hollow => {
            let keys = ["data", "conversations", "tickets", "contacts"];
            if let Some(items) =
                keys.iter().find_map(|key| page.get(*key).filter(|items| items.is_array()).map(|_| *key))
            {
                crate::json::set(page, items, json!([]));
            }
            if let Some(pages) = page.get_mut("pages").filter(|pages| !counted && pages.is_object()) {
                let again = Cursor::again(asked.cursor.as_deref());
                crate::json::set(pages, "next", json!({"page": 2, "starting_after": again}));
            }
        }
        _ => {}
    }
}

/// 200, and no end of it.
pub(super) fn oversized() -> Response {
    let chunks = (0..CHUNKS).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; CHUNK])));
    Body::from_stream(futures::stream::iter(chunks)).into_response()
}
