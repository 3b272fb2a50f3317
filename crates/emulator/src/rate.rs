//! The request budget: windows of ten seconds, enforced.

/// Length of a window in seconds (Intercom docs, "Rate limiting").
pub(crate) const WINDOW_SECONDS: i64 = 10;

/// Windows end on seconds that leave this remainder. Every recorded `X-RateLimit-Reset` ended in 6: the grid is not
/// aligned to multiples of ten, and a client that computes the boundary instead of reading it is wrong.
const GRID_OFFSET: i64 = 6;

/// What one request was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    pub limit: u32,
    pub remaining: u32,
    /// End of the window, seconds since the epoch.
    pub reset: i64,
    pub allowed: bool,
}

/// Counts requests in the current window.
#[derive(Debug, Default)]
pub(crate) struct RateLimiter {
    window_end: i64,
    used: u32,
}

impl RateLimiter {
    /// Counts one request at `now` (seconds). Refused requests count too.
    pub(crate) fn take(&mut self, now: i64, limit: u32) -> Rate {
        let end = window_end(now);
        if end != self.window_end {
            self.window_end = end;
            self.used = 0;
        }
        self.used = self.used.saturating_add(1);
        Rate { limit, remaining: limit.saturating_sub(self.used), reset: end, allowed: self.used <= limit }
    }

    /// The end of the current window, seconds since the epoch.
    pub(crate) const fn window_end(&self) -> i64 {
        self.window_end
    }

    /// Requests counted in the current window, refused ones included.
    pub(crate) const fn used(&self) -> u32 {
        self.used
    }
}

/// The end of the window that holds `now`.
const fn window_end(now: i64) -> i64 {
    now - (now - GRID_OFFSET).rem_euclid(WINDOW_SECONDS) + WINDOW_SECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_end_on_seconds_that_end_in_six() {
        assert_eq!(window_end(1_778_137_440), 1_778_137_446);
        assert_eq!(window_end(1_778_137_445), 1_778_137_446);
        assert_eq!(window_end(1_778_137_446), 1_778_137_456);
    }

    #[test]
    fn a_new_window_starts_with_the_whole_limit() {
        let mut limiter = RateLimiter::default();
        assert_eq!(limiter.take(100, 2).remaining, 1);
        assert!(limiter.take(105, 2).allowed);
        assert!(!limiter.take(105, 2).allowed);
        assert!(limiter.take(106, 2).allowed);
        assert_eq!(limiter.used(), 1);
    }
}
