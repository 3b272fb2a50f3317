//! What Intercom's `X-RateLimit-*` headers say about the current window, and whether one more request may go.
//!
//! Pure: time comes in as an argument. Windows last 10 seconds and are not aligned to the clock (observed resets end
//! in 6), so the end of a window is only ever taken from the header.

/// Length of a window in milliseconds, used only until the first header told the real end.
const WINDOW_MS: i64 = 10_000;

/// The three headers of one answer; any of them may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateHeaders {
    /// `X-RateLimit-Limit`: requests in a window.
    pub limit: Option<u32>,
    /// `X-RateLimit-Remaining`: requests left in this window, other apps' use included.
    pub remaining: Option<u32>,
    /// `X-RateLimit-Reset`: epoch seconds at which the window ends.
    pub reset: Option<i64>,
}

/// May a request go now?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Yes; one request has been counted.
    Now,
    /// Not before this time (milliseconds since 1970).
    At(i64),
}

/// One caller's knowledge of the current window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    limit: u32,
    remaining: u32,
    resets_at_ms: i64,
    reserve: Reserve,
    /// Used and limit, as the last answer told: for people. What is admitted goes by the fields above, which are careful
    /// where little is known.
    told: Option<(u32, u32)>,
}

/// How much of a window a caller leaves for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserve {
    /// Live work: takes the last request too.
    Nothing,
    /// Backfill: leaves the larger of 2 requests and 5 % to live work.
    ForLive,
}

impl Budget {
    /// Nothing is known yet: `limit` requests per window until the first answer tells the real one.
    pub fn new(limit: u32, reserve: Reserve) -> Self {
        Self { limit, remaining: limit, resets_at_ms: 0, reserve, told: None }
    }

    /// Asks for one request.
    pub fn admit(&mut self, now_ms: i64) -> Admission {
        if now_ms >= self.resets_at_ms {
            self.remaining = self.limit;
            self.resets_at_ms = now_ms.saturating_add(WINDOW_MS);
        }
        if self.remaining > self.kept_back() {
            self.remaining -= 1;
            Admission::Now
        } else {
            Admission::At(self.resets_at_ms)
        }
    }

    /// Learns from an answer. Within one window `remaining` only falls: answers overtake each other, and an older one
    /// must not give back what a newer one has taken.
    pub fn observe(&mut self, headers: RateHeaders, now_ms: i64) {
        if let Some(limit) = headers.limit {
            self.limit = limit.max(1);
        }
        if let (Some(limit), Some(remaining)) = (headers.limit, headers.remaining) {
            self.told = Some((limit.saturating_sub(remaining), limit));
        }
        let told_end = headers.reset.map(|s| s.saturating_mul(1000)).filter(|end| *end > now_ms);
        match (told_end, headers.remaining) {
            (Some(end), Some(remaining)) if (end - self.resets_at_ms).abs() >= WINDOW_MS / 2 => {
                self.resets_at_ms = end;
                self.remaining = remaining;
            }
            (Some(end), Some(remaining)) => {
                self.resets_at_ms = end;
                self.remaining = self.remaining.min(remaining);
            }
            (None, Some(remaining)) => self.remaining = self.remaining.min(remaining),
            (_, None) => {}
        }
    }

    /// A 429 came: nothing is left until the window ends. Returns that end in milliseconds since 1970.
    pub fn exhausted(&mut self, headers: RateHeaders, now_ms: i64) -> i64 {
        self.observe(headers, now_ms);
        if self.resets_at_ms <= now_ms {
            self.resets_at_ms = now_ms.saturating_add(WINDOW_MS);
        }
        self.remaining = 0;
        self.resets_at_ms
    }

    /// Requests used of those that a window allows, by whomever, as the last answer told; `None` before it did.
    pub fn used(&self) -> Option<(u32, u32)> {
        self.told
    }

    fn kept_back(&self) -> u32 {
        match self.reserve {
            Reserve::Nothing => 0,
            Reserve::ForLive => (self.limit / 20).max(2).min(self.limit.saturating_sub(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(limit: u32, remaining: u32, reset: i64) -> RateHeaders {
        RateHeaders { limit: Some(limit), remaining: Some(remaining), reset: Some(reset) }
    }

    #[test]
    fn before_the_first_answer_the_default_limit_holds() {
        let mut budget = Budget::new(2, Reserve::Nothing);
        assert_eq!(budget.admit(0), Admission::Now);
        assert_eq!(budget.admit(1), Admission::Now);
        assert_eq!(budget.admit(2), Admission::At(10_000));
        assert_eq!(budget.admit(10_000), Admission::Now);
    }

    #[test]
    fn an_answer_that_was_overtaken_does_not_give_back_requests() {
        let mut budget = Budget::new(166, Reserve::Nothing);
        assert_eq!(budget.admit(1_000), Admission::Now);
        budget.observe(headers(166, 0, 6), 1_000);
        budget.observe(headers(166, 9, 6), 1_001);
        assert_eq!(budget.admit(1_002), Admission::At(6_000));
    }

    #[test]
    fn backfill_leaves_the_reserve_and_live_work_takes_it() {
        let mut backfill = Budget::new(100, Reserve::ForLive);
        let sent = (0..200).filter(|_| backfill.admit(1) == Admission::Now).count();
        assert_eq!(sent, 95);
        let mut live = Budget::new(100, Reserve::Nothing);
        assert_eq!((0..200).filter(|_| live.admit(1) == Admission::Now).count(), 100);
    }

    #[test]
    fn what_others_use_counts_as_used() {
        let mut budget = Budget::new(166, Reserve::Nothing);
        budget.admit(1_000);
        assert_eq!(budget.used(), None, "nobody has told yet");
        budget.observe(headers(1_000, 400, 10), 1_000);
        assert_eq!(budget.used(), Some((600, 1_000)));
    }

    #[test]
    fn a_refusal_stops_until_the_reset_even_without_headers() {
        let mut budget = Budget::new(100, Reserve::Nothing);
        assert_eq!(budget.exhausted(RateHeaders::default(), 5_000), 15_000);
        assert_eq!(budget.admit(14_999), Admission::At(15_000));
        assert_eq!(budget.admit(15_000), Admission::Now);
    }

    proptest! {
        #[test]
        fn no_window_ever_gets_more_requests_than_its_limit(limit in 1_u32..200, asks in prop::collection::vec(0_i64..200, 1..600)) {
            // A server that counts on its own grid, told exactly.
            let (mut budget, mut now) = (Budget::new(limit, Reserve::Nothing), 0_i64);
            let (mut window, mut used) = (6_000_i64, 0_u32);
            for step in asks {
                now += step;
                while now >= window { window += WINDOW_MS; used = 0; }
                match budget.admit(now) {
                    Admission::Now => {
                        used += 1;
                        // The first request of an unknown window may be one too many only where nothing was known.
                        budget.observe(headers(limit, limit.saturating_sub(used), window / 1000), now);
                        prop_assert!(used <= limit);
                    }
                    Admission::At(later) => prop_assert!(later > now),
                }
            }
        }
    }
}
