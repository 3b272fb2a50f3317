//! The one company scroll that may be open.

/// Seconds without a call after which a scroll is gone (OpenAPI 2.14, "Scroll over all companies").
const IDLE_LIMIT: i64 = 60;

/// An open scroll: a snapshot of ids, so that what changes meanwhile moves nothing.
#[derive(Debug)]
pub(crate) struct Scroll {
    pub param: String,
    ids: Vec<String>,
    next: usize,
    last_used: i64,
}

impl Scroll {
    pub(crate) fn open(param: String, ids: Vec<String>, now: i64) -> Self {
        Self { param, ids, next: 0, last_used: now }
    }

    pub(crate) fn expired(&self, now: i64) -> bool {
        now - self.last_used >= IDLE_LIMIT
    }

    /// The next `count` ids; none at the end.
    pub(crate) fn advance(&mut self, count: usize, now: i64) -> Vec<String> {
        self.last_used = now;
        let ids: Vec<String> = self.ids.iter().skip(self.next).take(count).cloned().collect();
        self.next += ids.len();
        ids
    }
}
