//! Pages: how each kind is asked for, and what a page says about the next one.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ApiError, Client, Resource};
use crate::{Timestamp, notification::id_text};

/// Which page.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest<'a> {
    /// Of what.
    pub resource: Resource,
    /// Where the page before said to go on; `None` for the first.
    pub cursor: Option<&'a str>,
    /// Only what changed at or after this second; `None` for everything.
    pub since: Option<Timestamp>,
    /// Only what changed at or before this second, where it can be asked so (searches).
    pub until: Option<Timestamp>,
    /// Objects at most; `None` for as many as usual.
    pub per_page: Option<u32>,
}

impl<'a> PageRequest<'a> {
    /// The first page of everything, or the one at `cursor`.
    pub fn of(resource: Resource, cursor: Option<&'a str>) -> Self {
        Self { resource, cursor, since: None, until: None, per_page: None }
    }
}

/// One page.
#[derive(Debug, Default, PartialEq)]
pub struct Page {
    /// The objects, as Intercom wrote them.
    pub items: Vec<Value>,
    /// Where to go on; `None` on the last page.
    pub next: Option<String>,
    /// How many there are in all, where Intercom says so.
    pub total: Option<u64>,
    /// How long Intercom took for it, in milliseconds; what was waited for the rate limit is not in it.
    pub took_ms: i64,
}

/// Objects of one page of contacts that are searched: fewer than of the list, which has no such trouble.
const SEARCH_PAGE: u32 = 50;
const EVENT_PAGE: u32 = 150;

/// What the cursor of the list of companies begins with; any other is a scroll's.
const LISTED: &str = "page:";

/// What the cursor of the list of contacts begins with, in a walk that would search.
const CONTACT_LIST: &str = "list:";

/// The first version that lists deleted conversations.
const DELETED_VERSION: &str = "2.16";

/// Contacts search rounds its bounds to days of the workspace's time zone up to 2.16; two days of overlap cover any zone.
const CONTACT_OVERLAP_SECONDS: i64 = 2 * 86_400;

impl Client {
    /// One page of a resource.
    ///
    /// # Errors
    /// See [`ApiError`]. A cursor that Intercom no longer knows is `NotFound` (scroll) or `Rejected`: begin again. Data
    /// events have no pages of their own: `Unexpected`.
    pub async fn page(&self, request: PageRequest<'_>) -> Result<Page, ApiError> {
        let PageRequest { resource, cursor, since, until, per_page } = request;
        let usual = resource.page_size().unwrap_or(u32::MAX);
        let per_page = per_page.map_or(usual, |asked| asked.clamp(1, usual));
        match resource {
            Resource::Conversations | Resource::Tickets => {
                self.search(Search { resource, cursor, since, until, per_page }).await
            }
            Resource::Contacts => match cursor.and_then(|cursor| cursor.strip_prefix(CONTACT_LIST)) {
                Some(cursor) => {
                    let page = self.list(resource, Some(cursor).filter(|c| !c.is_empty()), per_page).await?;
                    Ok(Page { next: page.next.map(|next| format!("{CONTACT_LIST}{next}")), ..page })
                }
                None => match since.and_then(|s| s.earlier(CONTACT_OVERLAP_SECONDS)) {
                    Some(since) => {
                        let until = until.and_then(|u| u.earlier(-CONTACT_OVERLAP_SECONDS));
                        let per_page = per_page.min(SEARCH_PAGE);
                        self.search(Search { resource, cursor, since: Some(since), until, per_page }).await
                    }
                    None => self.list(resource, cursor, per_page).await,
                },
            },
            Resource::Companies => match cursor.and_then(|cursor| cursor.strip_prefix(LISTED)) {
                Some(number) => self.listed_companies(number, per_page).await,
                None => self.scroll(cursor).await,
            },
            Resource::Articles => {
                let query = [("per_page", per_page.to_string())];
                self.numbered(resource, "/articles", &query, cursor, since).await
            }
            Resource::DeletedConversations => {
                let query = [("per_page", per_page.to_string()), ("order", "desc".to_owned())];
                let client = self.with_version(DELETED_VERSION);
                client.numbered(resource, "/conversations/deleted", &query, cursor, since).await
            }
            Resource::Admins | Resource::Teams | Resource::Tags | Resource::Segments => {
                let (answer, took_ms) = self.get_timed(&format!("/{}", resource.path()), &[]).await?;
                Ok(Page { items: items(answer, resource)?, took_ms, ..Page::default() })
            }
            Resource::DataEvents => Err(ApiError::Unexpected { what: "data events are read by contact" }),
        }
    }

    /// How many things of a kind there are, by one small question; `None` where Intercom does not say.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn total(&self, resource: Resource) -> Result<Option<u64>, ApiError> {
        let page = match resource {
            Resource::Tickets => {
                self.search(Search { resource, cursor: None, since: None, until: None, per_page: 1 }).await?
            }
            Resource::Contacts => self.list(resource, None, 1).await?,
            Resource::Articles => {
                self.numbered(resource, "/articles", &[("per_page", "1".to_owned())], None, None).await?
            }
            _ => return Ok(None),
        };
        Ok(page.total)
    }

    /// Where a walk of contacts begins that lists them, though it could search: the search does not get through.
    pub fn contact_list() -> String {
        CONTACT_LIST.to_owned()
    }

    /// Whether a cursor is one of [`Client::contact_list`] or [`Client::company_list`], and which page of the latter it names.
    pub fn listed(cursor: Option<&str>) -> Option<Option<u64>> {
        let cursor = cursor?;
        match cursor.strip_prefix(LISTED) {
            Some(number) => Some(number.parse().ok()),
            None => cursor.starts_with(CONTACT_LIST).then_some(None),
        }
    }

    /// The list of companies from this page on.
    pub fn company_list_from(number: u64) -> String {
        format!("{LISTED}{number}")
    }

    /// Where a walk of companies begins that does not scroll: somebody else holds the workspace's one scroll. Intercom ends
    /// this list at 10,000 and leaves out companies without users.
    pub fn company_list() -> String {
        Self::company_list_from(1)
    }

    /// What a contact did in the last 90 days, newest first; Intercom keeps no more. `cursor` is a page's `next`.
    ///
    /// # Errors
    /// See [`ApiError`]; `NotFound` where the contact is gone.
    pub async fn events(&self, contact_id: &str, cursor: Option<&str>) -> Result<Page, ApiError> {
        let per_page = EVENT_PAGE.to_string();
        let first = [("type", "user"), ("intercom_user_id", contact_id), ("per_page", &per_page)];
        let first = first.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let query: Vec<(String, String)> = match cursor {
            Some(cursor) => url::form_urlencoded::parse(cursor.as_bytes()).into_owned().collect(),
            None => first.to_vec(),
        };
        let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (answer, took_ms) = self.get_timed("/events", &query).await?;
        // Only the question of the next page's address is taken: a token never goes to an address out of an answer.
        let next = match answer.pointer("/pages/next") {
            None | Some(Value::Null) => None,
            Some(next) => {
                let url = next.as_str().and_then(|next| url::Url::parse(next).ok());
                let query = url.as_ref().and_then(url::Url::query).filter(|query| Some(*query) != cursor);
                Some(query.ok_or(ApiError::Unexpected { what: "pages.next" })?.to_owned())
            }
        };
        Ok(Page { items: items(answer, Resource::DataEvents)?, next, took_ms, ..Page::default() })
    }

    async fn search(&self, search: Search<'_>) -> Result<Page, ApiError> {
        let Search { resource, cursor, since, until, per_page } = search;
        // Whether `>` and `<` include their value is not settled, so the second itself is asked for as well.
        let bound = |operator: &str, at: i64| {
            json!({"operator": "OR", "value": [
                {"field": "updated_at", "operator": operator, "value": at},
                {"field": "updated_at", "operator": "=", "value": at},
            ]})
        };
        let lower = bound(">", since.map_or(0, Timestamp::epoch_seconds));
        let query = match until {
            Some(until) => json!({"operator": "AND", "value": [lower, bound("<", until.epoch_seconds())]}),
            None => lower,
        };
        let mut body = json!({
            "query": query,
            "sort": {"field": "updated_at", "order": "ascending"},
            "pagination": {"per_page": per_page},
        });
        if let (Some(cursor), Some(pagination)) = (cursor, body.get_mut("pagination")) {
            pagination["starting_after"] = json!(cursor);
        }
        let path = format!("/{}/search", resource.path());
        let (answer, took_ms) = self.call_timed(Method::POST, &path, &[], Some(&body)).await?;
        Ok(Page { took_ms, ..cursor_page(answer, resource)? })
    }

    async fn list(&self, resource: Resource, cursor: Option<&str>, per_page: u32) -> Result<Page, ApiError> {
        let per_page = per_page.to_string();
        let mut query = vec![("per_page", per_page.as_str())];
        query.extend(cursor.map(|c| ("starting_after", c)));
        let (answer, took_ms) = self.get_timed(&format!("/{}", resource.path()), &query).await?;
        Ok(Page { took_ms, ..cursor_page(answer, resource)? })
    }

    /// The end of a scroll is an empty page with the same parameter, so there is no last page before that. Each request moves
    /// the scroll on: what was in an answer that was lost comes with no later one.
    async fn scroll(&self, cursor: Option<&str>) -> Result<Page, ApiError> {
        let query: Vec<_> = cursor.map(|c| ("scroll_param", c)).into_iter().collect();
        let (answer, took_ms) = self.get_once("/companies/scroll", &query).await?;
        let next = answer.get("scroll_param").and_then(Value::as_str).map(str::to_owned);
        let total = answer.get("total_count").and_then(Value::as_u64);
        let items = items(answer, Resource::Companies)?;
        let next = if items.is_empty() { None } else { next };
        Ok(Page { items, next, total, took_ms })
    }

    async fn listed_companies(&self, number: &str, per_page: u32) -> Result<Page, ApiError> {
        let query = [("per_page", per_page.to_string()), ("order", "asc".to_owned())];
        let page = self.numbered(Resource::Companies, "/companies", &query, Some(number), None).await?;
        Ok(Page { next: page.next.as_ref().map(|number| format!("{LISTED}{number}")), ..page })
    }

    /// Pages counted from 1, newest change first: once a page holds something older than `since`, the rest is older.
    async fn numbered(
        &self,
        resource: Resource,
        path: &str,
        query: &[(&str, String)],
        cursor: Option<&str>,
        since: Option<Timestamp>,
    ) -> Result<Page, ApiError> {
        let number: u64 = cursor.and_then(|c| c.parse().ok()).unwrap_or(1);
        let page = number.to_string();
        let query = query.iter().map(|(name, value)| (*name, value.as_str()));
        let query: Vec<_> = std::iter::once(("page", page.as_str())).chain(query).collect();
        let (answer, took_ms) = self.get_timed(path, &query).await?;
        let total = answer.get("total_count").and_then(Value::as_u64);
        let pages = answer.pointer("/pages/total_pages").and_then(Value::as_u64);
        let points_on = answer.pointer("/pages/next").is_some_and(|next| !next.is_null());
        let items = items(answer, resource)?;
        // A count of pages that is too large points to empty ones without end; a pointer is taken at its word.
        let has_next = points_on || (!items.is_empty() && pages.is_some_and(|pages| number < pages));
        let reached = |item: &Value| {
            let changed = item.get(resource.changed_field()).and_then(Timestamp::from_value);
            since.is_some_and(|since| changed.is_some_and(|changed| changed < since))
        };
        let more = has_next && !items.iter().any(reached);
        Ok(Page { items, next: more.then(|| (number + 1).to_string()), total, took_ms })
    }
}

/// What is searched for.
#[derive(Clone, Copy)]
struct Search<'a> {
    resource: Resource,
    cursor: Option<&'a str>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    per_page: u32,
}

fn cursor_page(mut answer: Value, resource: Resource) -> Result<Page, ApiError> {
    let total = answer.get("total_count").and_then(Value::as_u64);
    // `next` is absent or null on the last page, an object before it; a URL with the cursor inside in old versions.
    let next = answer.get_mut("pages").and_then(|pages| pages.get_mut("next")).map(Value::take).unwrap_or_default();
    let next = match next {
        Value::Null => None,
        Value::String(url) => Some(url_cursor(&url).ok_or(ApiError::Unexpected { what: "pages.next" })?),
        next => match next.get("starting_after") {
            None | Some(Value::Null) => None,
            Some(cursor) => Some(id_text(cursor).ok_or(ApiError::Unexpected { what: "pages.next.starting_after" })?),
        },
    };
    Ok(Page { items: items(answer, resource)?, next, total, took_ms: 0 })
}

fn url_cursor(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    url.query_pairs().find(|(name, _)| name == "starting_after").map(|(_, value)| value.into_owned())
}

/// The array of a list answer, under the resource's own key or under `data`. An answer without one is an error: taking
/// it for an empty page would end a walk in its middle.
fn items(mut answer: Value, resource: Resource) -> Result<Vec<Value>, ApiError> {
    for key in [resource.list_key(), "data"] {
        if let Some(Value::Array(items)) = answer.get_mut(key).map(Value::take) {
            return Ok(items);
        }
    }
    Err(ApiError::Unexpected { what: "a list answer without its array" })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_missing_a_null_and_a_present_next_are_told_apart() {
        let page =
            |pages: Value| cursor_page(json!({"conversations":[{"id":"1"}],"pages":pages}), Resource::Conversations);
        assert_eq!(page(json!({"page":1})).unwrap().next, None);
        assert_eq!(page(json!({"next":null})).unwrap().next, None);
        assert_eq!(page(json!({"next":{"page":2,"starting_after":"WzE="}})).unwrap().next.as_deref(), Some("WzE="));
        assert_eq!(page(json!({"next":"https://x/y?starting_after=Wz%3D"})).unwrap().next.as_deref(), Some("Wz="));
        assert!(page(json!({"next":"https://x/y"})).is_err(), "a cursor that cannot be read must not end the walk");
    }

    #[test]
    fn an_answer_without_its_array_is_no_empty_page() {
        assert!(cursor_page(json!({"type":"error"}), Resource::Contacts).is_err());
        assert_eq!(cursor_page(json!({"data":[]}), Resource::Contacts).unwrap(), Page::default());
    }
}
