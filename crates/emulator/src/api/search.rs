//! What the three searches share.

use axum::body::Bytes;
use serde_json::{Value, json};

use super::json_body;
use crate::error::ApiError;
use crate::pages::{self, CursorPage, Order, Page};
use crate::query::{Filter, Language};

/// How one resource is searched.
pub(super) struct Resource {
    pub language: Language,
    pub default_per_page: usize,
    pub max_per_page: usize,
    /// Value of `type` in the answer, and the key that holds the array.
    pub list_type: &'static str,
    pub key: &'static str,
}

impl Resource {
    /// Answers a search over `objects`.
    pub(super) fn search<'a>(
        &self,
        objects: impl Iterator<Item = &'a Value>,
        body: &Bytes,
        show: impl Fn(&Value) -> Value,
    ) -> Result<Value, ApiError> {
        let body = json_body(body)?;
        let query = body.get("query").ok_or_else(|| ApiError::invalid("query is missing"))?;
        let filter = Filter::parse(query, self.language)?;
        let pagination = body.get("pagination");
        let wanted = CursorPage {
            per_page: pages::per_page(
                pagination.and_then(|pagination| pagination.get("per_page")),
                self.default_per_page,
                self.max_per_page,
            )?,
            starting_after: pagination.and_then(|pagination| pagination.get("starting_after")).and_then(Value::as_str),
            sort_by: body.pointer("/sort/field").and_then(Value::as_str).unwrap_or("updated_at"),
            order: match body.pointer("/sort/order").and_then(Value::as_str) {
                Some("ascending") => Order::Ascending,
                None | Some("descending") => Order::Descending,
                Some(other) => return Err(ApiError::invalid(format!("{other} is not a sort order"))),
            },
        };
        let page = pages::by_cursor(objects.filter(|object| filter.matches(object)), &wanted, show)?;
        Ok(self.answer(page))
    }

    /// A page in this resource's envelope.
    pub(super) fn answer(&self, page: Page) -> Value {
        let mut answer = json!({"type": self.list_type, "pages": page.pages, "total_count": page.total});
        crate::json::set(&mut answer, self.key, page.items);
        answer
    }
}
