//! Counts API requests, for tests that hold a client to a budget.

use std::collections::BTreeMap;

use serde::Serialize;

/// What was asked of the API since the start or the last reset. The authorize page and the controls do not count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RequestCounts {
    /// All requests, refused ones included.
    pub total: u64,
    /// By method and path template, such as `GET /conversations/{id}`.
    pub by_route: BTreeMap<String, u64>,
    /// Requests answered 429, because the window was used up or because a failure rule said so.
    pub rate_limited: u64,
    /// The most requests that any one window of ten seconds saw, refused ones included.
    pub max_in_window: u32,
    /// Requests of each window of ten seconds, by the second at which it ends, refused ones included.
    pub by_window: BTreeMap<i64, u32>,
}

impl RequestCounts {
    pub(crate) fn count(&mut self, route: String, window_end: i64, in_window: u32) {
        self.total += 1;
        *self.by_route.entry(route).or_default() += 1;
        self.by_window.insert(window_end, in_window);
        self.max_in_window = self.max_in_window.max(in_window);
    }

    /// Requests of one route, such as `GET /conversations/{id}`.
    #[must_use]
    pub fn of(&self, route: &str) -> u64 {
        self.by_route.get(route).copied().unwrap_or(0)
    }
}
