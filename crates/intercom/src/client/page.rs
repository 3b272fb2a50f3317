//! Pages: what can be walked, how each kind is asked for, and what a page says about the next one.

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ApiError, Client};
use crate::{Timestamp, notification::id_text};

/// A kind of object that Intercom lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resource {
    /// Searched by `updated_at`; a page has no parts.
    Conversations,
    /// Which conversations were deleted, newest deletion first: `{id, deleted_at}`. Needs API 2.16.
    #[serde(rename = "deleted_conversations")]
    DeletedConversations,
    /// Searched by `updated_at`; a page has the parts.
    Tickets,
    /// Listed; searched by `updated_at`, which Intercom cuts to days.
    Contacts,
    /// Scrolled: the list stops at 10,000.
    Companies,
    /// Listed, newest change first.
    Articles,
    /// One answer.
    Admins,
    /// One answer.
    Teams,
    /// One answer.
    Tags,
    /// One answer.
    Segments,
    /// What a contact did, by one call a contact: read only where it is asked for.
    #[serde(rename = "data_events")]
    DataEvents,
}

impl Resource {
    /// All that an install begins to read, in the order in which a first pass is most useful: names before what refers to
    /// them.
    pub const ALL: [Resource; 10] = [
        Resource::Admins,
        Resource::Teams,
        Resource::Tags,
        Resource::Segments,
        Resource::Companies,
        Resource::Contacts,
        Resource::Conversations,
        Resource::DeletedConversations,
        Resource::Tickets,
        Resource::Articles,
    ];

    /// As in checkpoints, in logs and (but for deleted conversations) in the path of the REST API.
    pub fn path(self) -> &'static str {
        match self {
            Self::Conversations => "conversations",
            Self::DeletedConversations => "deleted_conversations",
            Self::Tickets => "tickets",
            Self::Contacts => "contacts",
            Self::Companies => "companies",
            Self::Articles => "articles",
            Self::Admins => "admins",
            Self::Teams => "teams",
            Self::Tags => "tags",
            Self::Segments => "segments",
            Self::DataEvents => "data_events",
        }
    }

    /// Reads [`Resource::path`] back.
    pub fn from_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().chain([Self::DataEvents]).find(|r| r.path() == path)
    }

    /// Read in windows of `updated_at`.
    pub fn is_windowed(self) -> bool {
        matches!(self, Self::Conversations | Self::Tickets)
    }

    /// Listed in pages that are counted: what goes meanwhile moves everything behind it to the front.
    pub fn is_numbered(self) -> bool {
        matches!(self, Self::Articles | Self::DeletedConversations)
    }

    /// Whether a page says when each object last changed, so that a later pass can ask for what changed since.
    pub fn is_incremental(self) -> bool {
        matches!(
            self,
            Self::Conversations | Self::DeletedConversations | Self::Tickets | Self::Contacts | Self::Articles
        )
    }

    /// The field of an object that says when it last changed.
    pub fn changed_field(self) -> &'static str {
        match self {
            Self::DeletedConversations => "deleted_at",
            Self::DataEvents => "created_at",
            _ => "updated_at",
        }
    }

    /// Where a list answer has its objects, where that is not `data`.
    fn list_key(self) -> &'static str {
        match self {
            Self::DeletedConversations => "conversations",
            Self::DataEvents => "events",
            other => other.path(),
        }
    }
}

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
}

impl<'a> PageRequest<'a> {
    /// The first page of everything, or the one at `cursor`.
    pub fn of(resource: Resource, cursor: Option<&'a str>) -> Self {
        Self { resource, cursor, since: None, until: None }
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

/// Objects a page. Search slows down and times out at 100 and more (GitbookIO/integrations #1044).
const SEARCH_PAGE: u32 = 50;
const LIST_PAGE: u32 = 150;
const ARTICLE_PAGE: u32 = 50;
const DELETED_PAGE: u32 = 60;
const COMPANY_PAGE: u32 = 60;
const EVENT_PAGE: u32 = 150;

/// What the cursor of the list of companies begins with; any other is a scroll's.
const LISTED: &str = "page:";

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
        let PageRequest { resource, cursor, since, until } = request;
        match resource {
            Resource::Conversations | Resource::Tickets => self.search(resource, cursor, since, until).await,
            Resource::Contacts => match since.and_then(|s| s.earlier(CONTACT_OVERLAP_SECONDS)) {
                Some(since) => {
                    let until = until.and_then(|u| u.earlier(-CONTACT_OVERLAP_SECONDS));
                    self.search(resource, cursor, Some(since), until).await
                }
                None => self.list(resource, cursor).await,
            },
            Resource::Companies => match cursor.and_then(|cursor| cursor.strip_prefix(LISTED)) {
                Some(number) => self.listed_companies(number).await,
                None => self.scroll(cursor).await,
            },
            Resource::Articles => {
                let query = [("per_page", ARTICLE_PAGE.to_string())];
                self.numbered(resource, "/articles", &query, cursor, since).await
            }
            Resource::DeletedConversations => {
                let query = [("per_page", DELETED_PAGE.to_string()), ("order", "desc".to_owned())];
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

    /// Where a walk of companies begins that does not scroll: somebody else holds the workspace's one scroll. Intercom ends
    /// this list at 10,000 and leaves out companies without users.
    pub fn company_list() -> String {
        format!("{LISTED}1")
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

    async fn search(
        &self,
        resource: Resource,
        cursor: Option<&str>,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<Page, ApiError> {
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
            "pagination": {"per_page": SEARCH_PAGE},
        });
        if let (Some(cursor), Some(pagination)) = (cursor, body.get_mut("pagination")) {
            pagination["starting_after"] = json!(cursor);
        }
        let path = format!("/{}/search", resource.path());
        let (answer, took_ms) = self.call_timed(Method::POST, &path, &[], Some(&body)).await?;
        Ok(Page { took_ms, ..cursor_page(answer, resource)? })
    }

    async fn list(&self, resource: Resource, cursor: Option<&str>) -> Result<Page, ApiError> {
        let per_page = LIST_PAGE.to_string();
        let mut query = vec![("per_page", per_page.as_str())];
        query.extend(cursor.map(|c| ("starting_after", c)));
        let (answer, took_ms) = self.get_timed(&format!("/{}", resource.path()), &query).await?;
        Ok(Page { took_ms, ..cursor_page(answer, resource)? })
    }

    /// The end of a scroll is an empty page with the same parameter, so there is no last page before that.
    async fn scroll(&self, cursor: Option<&str>) -> Result<Page, ApiError> {
        let query: Vec<_> = cursor.map(|c| ("scroll_param", c)).into_iter().collect();
        let (answer, took_ms) = self.get_timed("/companies/scroll", &query).await?;
        let next = answer.get("scroll_param").and_then(Value::as_str).map(str::to_owned);
        let total = answer.get("total_count").and_then(Value::as_u64);
        let items = items(answer, Resource::Companies)?;
        let next = if items.is_empty() { None } else { next };
        Ok(Page { items, next, total, took_ms })
    }

    async fn listed_companies(&self, number: &str) -> Result<Page, ApiError> {
        let query = [("per_page", COMPANY_PAGE.to_string()), ("order", "asc".to_owned())];
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
        let has_next = answer.pointer("/pages/next").is_some_and(|n| !n.is_null()) || pages.is_some_and(|p| number < p);
        let items = items(answer, resource)?;
        let reached = |item: &Value| {
            let changed = item.get(resource.changed_field()).and_then(Timestamp::from_value);
            since.is_some_and(|since| changed.is_some_and(|changed| changed < since))
        };
        let more = has_next && !items.is_empty() && !items.iter().any(reached);
        Ok(Page { items, next: more.then(|| (number + 1).to_string()), total, took_ms })
    }
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
