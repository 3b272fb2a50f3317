//! Pages and cursors. A cursor names the last object of a page by its place in the order, so that a walk meets every
//! object that does not move exactly once, whatever is added or deleted meanwhile.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::json::{int, text};

/// Direction of a sorted walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Ascending,
    Descending,
}

/// A page to be had.
#[derive(Debug, Clone)]
pub(crate) struct CursorPage<'a> {
    pub per_page: usize,
    pub starting_after: Option<&'a str>,
    pub sort_by: &'a str,
    pub order: Order,
}

/// One page and what belongs around it.
pub(crate) struct Page {
    pub items: Vec<Value>,
    pub total: usize,
    pub pages: Value,
}

/// Cuts a page out of `objects`. On the last page `next` is absent, as recorded for contacts, conversations, articles
/// and tickets.
pub(crate) fn by_cursor<'a>(
    objects: impl Iterator<Item = &'a Value>,
    wanted: &CursorPage<'_>,
    show: impl Fn(&Value) -> Value,
) -> Result<Page, ApiError> {
    let after = wanted.starting_after.map(Cursor::decode).transpose()?;
    let mut sorted: Vec<(Place<'_>, &Value)> =
        objects.map(|object| (Place::of(object, wanted.sort_by), object)).collect();
    sorted.sort_by(|(a, _), (b, _)| match wanted.order {
        Order::Ascending => a.cmp(b),
        Order::Descending => b.cmp(a),
    });
    let total = sorted.len();
    let mut rest = sorted.into_iter().filter(|(place, _)| {
        after.as_ref().is_none_or(|after| match wanted.order {
            Order::Ascending => *place > after.place(),
            Order::Descending => *place < after.place(),
        })
    });
    let page = after.as_ref().map_or(1, |after| after.page);
    let mut items = Vec::with_capacity(wanted.per_page.min(total));
    let mut last = None;
    for (place, object) in rest.by_ref().take(wanted.per_page) {
        items.push(show(object));
        last = Some(place);
    }
    let mut pages = json!({
        "type": "pages", "page": page, "per_page": wanted.per_page, "total_pages": total.div_ceil(wanted.per_page),
    });
    if let (Some(last), Some(_)) = (last, rest.next()) {
        let cursor = Cursor { at: last.at, id: last.id.to_owned(), page: page + 1 };
        crate::json::set(&mut pages, "next", json!({"page": page + 1, "starting_after": cursor.encode()}));
    }
    Ok(Page { items, total, pages })
}

/// Where an object stands in an order: by a whole number, then by id. Ids of one kind are compared by length first, so
/// that numbers written as text sort as numbers.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place<'a> {
    at: i64,
    id_length: usize,
    id: &'a str,
}

impl<'a> Place<'a> {
    fn of(object: &'a Value, sort_by: &str) -> Self {
        let id = text(object, "id");
        Self { at: int(object, sort_by), id_length: id.len(), id }
    }
}

/// What a cursor says, once decoded. Like Intercom's it is a JSON array in base64, so it starts with `Wz`; clients must
/// not look inside.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    at: i64,
    id: String,
    page: u64,
}

impl Cursor {
    fn encode(&self) -> String {
        STANDARD.encode(json!([self.at, self.id, self.page]).to_string())
    }

    fn decode(text: &str) -> Result<Self, ApiError> {
        STANDARD
            .decode(text)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<(i64, String, u64)>(&bytes).ok())
            .map(|(at, id, page)| Self { at, id, page })
            .ok_or_else(|| ApiError::invalid("starting_after is not a valid cursor"))
    }

    /// Another cursor for the same place; without one, for the beginning of an ascending order.
    pub(crate) fn again(text: Option<&str>) -> String {
        let start = Self { at: i64::MIN, id: String::new(), page: 1 };
        let cursor = text.map_or(Ok(start), Self::decode);
        cursor.map_or_else(|_| String::new(), |cursor| Self { page: cursor.page + 1, ..cursor }.encode())
    }

    fn place(&self) -> Place<'_> {
        Place { at: self.at, id_length: self.id.len(), id: &self.id }
    }
}

/// Cuts page `page` (1-based; 0 answers what 1 answers) out of `items`. Returns the items and the number of pages.
pub(crate) fn by_number<T>(items: Vec<T>, page: usize, per_page: usize) -> (Vec<T>, usize) {
    let total_pages = items.len().div_ceil(per_page);
    let skip = page.saturating_sub(1).saturating_mul(per_page);
    (items.into_iter().skip(skip).take(per_page).collect(), total_pages)
}

/// Reads a number of a query or a body: text and number are both accepted, as Intercom does.
pub(crate) fn number(value: Option<&Value>, name: &str, default: usize) -> Result<usize, ApiError> {
    match value {
        None | Some(Value::Null) => Some(default),
        Some(Value::Number(number)) => number.as_u64().and_then(|number| usize::try_from(number).ok()),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    }
    .ok_or_else(|| ApiError::invalid(format!("{name} must be a whole number")))
}

/// A page size within `1..=max`.
pub(crate) fn per_page(value: Option<&Value>, default: usize, max: usize) -> Result<usize, ApiError> {
    let asked = number(value, "per_page", default)?;
    if (1..=max).contains(&asked) {
        Ok(asked)
    } else {
        Err(ApiError::invalid(format!("per_page must be between 1 and {max}")))
    }
}
