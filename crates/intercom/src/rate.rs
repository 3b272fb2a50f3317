//! One budget for all requests to a workspace: Intercom's rate window, shared by every function.
//!
//! What is here is pure, except [`Pacer`], the way in which [`crate::client::Client`] asks. Windows last ten seconds and
//! lie on a grid that is not aligned to the clock (observed resets end in 6), so the end of a window is only ever taken
//! from `X-RateLimit-Reset`; the next ones are on the same grid.

use std::{
    future::Future,
    pin::Pin,
    sync::{Mutex, PoisonError},
};

/// Length of a window in milliseconds.
pub const WINDOW_MS: i64 = 10_000;

/// How long before its end a window is given free for backfill too, in milliseconds: what live work has left by then
/// would be lost.
const LAST_CALL_MS: i64 = 2_000;

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

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// What just happened: may take the last request.
    Live,
    /// History: leaves the larger of 2 requests and 5 % to live work until shortly before the window ends.
    Backfill,
}

/// The current window, as all callers know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// When it ends, milliseconds since 1970.
    pub ends_at_ms: i64,
    /// Requests in a window.
    pub limit: u32,
    /// Requests that nobody has taken yet.
    pub free: u32,
}

/// What a caller who needs requests does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Take this many, leaving `keep`.
    Take {
        /// Requests.
        n: u32,
        /// Must be left for others.
        keep: u32,
    },
    /// The window is over: begin the next one, with `n` requests of it taken already.
    Turn {
        /// The new window.
        to: Window,
        /// Requests taken.
        n: u32,
    },
    /// Nothing is free until then (milliseconds since 1970).
    Wait {
        /// The end of the window.
        until_ms: i64,
    },
}

impl Window {
    /// The window at `now_ms` where nothing but a limit is known. It ends as late as a window can, so that the real one is
    /// never overrun; the first answer tells the real end.
    pub fn unknown(limit: u32, now_ms: i64) -> Self {
        let limit = limit.max(1);
        Self { ends_at_ms: now_ms.saturating_add(WINDOW_MS), limit, free: limit }
    }

    /// The window on the same grid that `now_ms` lies in.
    fn at(self, now_ms: i64) -> Self {
        let passed = now_ms.saturating_sub(self.ends_at_ms);
        if passed < 0 {
            return self;
        }
        let windows = passed.div_euclid(WINDOW_MS).saturating_add(1);
        Self { ends_at_ms: self.ends_at_ms.saturating_add(windows.saturating_mul(WINDOW_MS)), free: self.limit, ..self }
    }

    /// What of this window is left to others.
    fn kept_back(self, priority: Priority, now_ms: i64) -> u32 {
        let last_call = self.ends_at_ms.saturating_sub(now_ms) <= LAST_CALL_MS;
        match priority {
            Priority::Live => 0,
            Priority::Backfill if last_call => 0,
            Priority::Backfill => (self.limit / 20).max(2).min(self.limit.saturating_sub(1)),
        }
    }

    /// How many requests are taken at once: few enough that what a dying holder takes along is small, enough that the
    /// shared item is written far less often than requests are sent.
    fn share(self) -> u32 {
        (self.limit / 32).clamp(1, 50)
    }

    /// What a caller who needs requests does at `now_ms`.
    pub fn step(self, priority: Priority, now_ms: i64) -> Step {
        let window = self.at(now_ms);
        let keep = window.kept_back(priority, now_ms);
        let n = window.free.saturating_sub(keep).min(window.share());
        if n == 0 {
            // A backfill that is only kept back by the reserve may go on when the reserve is given free.
            let reserve_ends = window.ends_at_ms.saturating_sub(LAST_CALL_MS);
            let until_ms = if window.free > 0 && reserve_ends > now_ms { reserve_ends } else { window.ends_at_ms };
            return Step::Wait { until_ms };
        }
        if window.ends_at_ms == self.ends_at_ms {
            Step::Take { n, keep }
        } else {
            Step::Turn { to: Self { free: window.free - n, ..window }, n }
        }
    }

    /// What an answer says about the window, or `None` where it says nothing new. Within a window `free` only falls:
    /// answers overtake each other, and other apps may have used the allowance.
    ///
    /// An answer that was under way when its window ended speaks of that one alone: "nothing left" is no longer so.
    pub fn learn(self, headers: RateHeaders, now_ms: i64) -> Option<Self> {
        let told_end = headers.reset.map(|s| s.saturating_mul(1000));
        if told_end.is_some_and(|end| end <= now_ms) {
            return None;
        }
        let limit = headers.limit.map_or(self.limit, |limit| limit.max(1));
        let ends_at_ms = told_end.unwrap_or(self.ends_at_ms);
        let same = (ends_at_ms - self.ends_at_ms).abs() < WINDOW_MS / 2;
        // A smaller limit lowers what is free; a larger one raises it by what it gives more.
        let used = self.limit.saturating_sub(self.free);
        let free = if limit == self.limit { self.free } else { limit.saturating_sub(used) };
        let free = match (same || told_end.is_none(), headers.remaining) {
            (true, Some(remaining)) => free.min(remaining),
            (true, None) => free,
            (false, remaining) => remaining.unwrap_or(limit),
        };
        let learnt = Self { ends_at_ms, limit, free };
        (learnt != self).then_some(learnt)
    }

    /// A 429 came: nothing is left until the window ends.
    #[must_use]
    pub fn exhausted(self, headers: RateHeaders, now_ms: i64) -> Self {
        let window = self.at(now_ms).learn(headers, now_ms).unwrap_or(self.at(now_ms));
        Self { free: 0, ..window }
    }
}

/// A future of a [`Pacer`].
pub type Paced<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Asks for requests, and learns from answers.
pub trait Pacer: Send + Sync {
    /// Asks for one request.
    fn admit(&self, now_ms: i64) -> Paced<'_, Admission>;

    /// Learns from an answer.
    fn observe(&self, headers: RateHeaders, now_ms: i64) -> Paced<'_, ()>;

    /// Requests used of the window and its limit, as the last answer told: for people.
    fn told(&self) -> Option<(u32, u32)>;

    /// A 429 came. Gives the time at which it is worth trying again (milliseconds since 1970).
    fn exhausted(&self, headers: RateHeaders, now_ms: i64) -> Paced<'_, i64>;
}

impl RateHeaders {
    /// Requests used of the window, and its limit, where the answer told both.
    pub fn used(self) -> Option<(u32, u32)> {
        let limit = self.limit?;
        Some((limit.saturating_sub(self.remaining?), limit))
    }
}

/// A budget of one process alone: for calls that are few, such as those of an install.
#[derive(Debug)]
pub struct LocalPacer {
    window: Mutex<Window>,
    told: Mutex<Option<(u32, u32)>>,
    priority: Priority,
}

impl LocalPacer {
    /// Knows nothing but the limit.
    pub fn new(limit: u32, priority: Priority, now_ms: i64) -> Self {
        Self { window: Mutex::new(Window::unknown(limit, now_ms)), told: Mutex::default(), priority }
    }

    fn with<T>(&self, f: impl FnOnce(&mut Window) -> T) -> T {
        // A poisoned lock only means that another task panicked between two numbers; they are still numbers.
        f(&mut self.window.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Pacer for LocalPacer {
    fn admit(&self, now_ms: i64) -> Paced<'_, Admission> {
        let admission = self.with(|window| match window.step(self.priority, now_ms) {
            Step::Take { .. } => {
                window.free = window.free.saturating_sub(1);
                Admission::Now
            }
            // What the step took beyond one request is put back.
            Step::Turn { to, n } => {
                *window = Window { free: to.free.saturating_add(n).saturating_sub(1), ..to };
                Admission::Now
            }
            Step::Wait { until_ms } => Admission::At(until_ms),
        });
        Box::pin(std::future::ready(admission))
    }

    fn observe(&self, headers: RateHeaders, now_ms: i64) -> Paced<'_, ()> {
        self.with(|window| *window = window.learn(headers, now_ms).unwrap_or(*window));
        if let Some(used) = headers.used() {
            *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(used);
        }
        Box::pin(std::future::ready(()))
    }

    fn told(&self) -> Option<(u32, u32)> {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn exhausted(&self, headers: RateHeaders, now_ms: i64) -> Paced<'_, i64> {
        let ends = self.with(|window| {
            *window = window.exhausted(headers, now_ms);
            window.ends_at_ms
        });
        Box::pin(std::future::ready(ends))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn headers(limit: u32, remaining: u32, reset: i64) -> RateHeaders {
        RateHeaders { limit: Some(limit), remaining: Some(remaining), reset: Some(reset) }
    }

    fn admitted(pacer: &LocalPacer, now_ms: i64) -> Admission {
        let mut future = pacer.admit(now_ms);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(admission) => admission,
            std::task::Poll::Pending => Admission::At(i64::MAX),
        }
    }

    #[test]
    fn before_the_first_answer_the_default_limit_holds() {
        let pacer = LocalPacer::new(2, Priority::Live, 0);
        assert_eq!(admitted(&pacer, 0), Admission::Now);
        assert_eq!(admitted(&pacer, 1), Admission::Now);
        assert_eq!(admitted(&pacer, 2), Admission::At(10_000));
        assert_eq!(admitted(&pacer, 10_000), Admission::Now);
    }

    #[test]
    fn an_answer_that_was_overtaken_does_not_give_back_requests() {
        let window = Window { ends_at_ms: 6_000, limit: 166, free: 100 };
        let lowered = window.learn(headers(166, 0, 6), 1_000).unwrap();
        assert_eq!(lowered.free, 0);
        assert_eq!(lowered.learn(headers(166, 9, 6), 1_001), None);
    }

    #[test]
    fn a_late_answer_of_the_last_window_takes_nothing_from_the_next() {
        let next = Window { ends_at_ms: 20_000, limit: 166, free: 166 };
        assert_eq!(next.learn(headers(166, 0, 10), 10_200), None);
        assert_eq!(next.learn(headers(166, 0, 20), 10_200).map(|window| window.free), Some(0));
    }

    #[test]
    fn the_next_windows_are_on_the_grid_that_the_header_told() {
        let window = Window { ends_at_ms: 16_000, limit: 64, free: 0 };
        let Step::Turn { to, n } = window.step(Priority::Live, 41_000) else { panic_on(window) };
        assert_eq!((to.ends_at_ms, to.free + n), (46_000, 64));
    }

    #[allow(clippy::panic)]
    fn panic_on(window: Window) -> ! {
        panic!("{window:?} was not turned")
    }

    #[test]
    fn backfill_leaves_the_reserve_until_shortly_before_the_end_and_live_work_takes_it() {
        let window = Window { ends_at_ms: 10_000, limit: 100, free: 5 };
        assert_eq!(window.step(Priority::Backfill, 1), Step::Wait { until_ms: 8_000 });
        assert_eq!(window.step(Priority::Backfill, 8_000), Step::Take { n: 3, keep: 0 });
        assert_eq!(window.step(Priority::Live, 1), Step::Take { n: 3, keep: 0 });
        let small = Window { limit: 10, ..window };
        assert_eq!(small.step(Priority::Backfill, 1), Step::Take { n: 1, keep: 2 });
    }

    #[test]
    fn a_refusal_stops_until_the_reset_even_without_headers() {
        let window = Window::unknown(100, 5_000).exhausted(RateHeaders::default(), 6_000);
        assert_eq!(window.step(Priority::Live, 14_999), Step::Wait { until_ms: 15_000 });
        assert!(matches!(window.step(Priority::Live, 15_000), Step::Turn { .. }));
    }

    #[test]
    fn another_apps_use_of_the_same_allowance_is_given_way_to() {
        let window = Window { ends_at_ms: 10_000, limit: 100, free: 90 };
        assert_eq!(window.learn(headers(100, 10, 10), 1).unwrap().free, 10);
    }

    #[test]
    fn a_changed_limit_is_taken_over_within_the_window() {
        let window = Window { ends_at_ms: 10_000, limit: 166, free: 160 };
        assert_eq!(window.learn(headers(5_000, 4_990, 10), 1).unwrap().free, 4_990);
        assert_eq!(window.learn(headers(20, 14, 10), 1).unwrap().free, 14);
    }

    proptest! {
        /// Several callers share a window, hold what they took for a while and lose answers; a server counts on its own
        /// grid. Once one answer has told the grid, no window gets more than its limit.
        #[test]
        fn no_window_ever_gets_more_requests_than_its_limit(
            limit in 1_u32..200, grid in 0_i64..10_000,
            turns in prop::collection::vec((0_usize..4, 0_i64..400, any::<bool>()), 1..500),
        ) {
            let grid = grid.div_euclid(1000) * 1000; // resets are whole seconds
            let mut now = 0_i64;
            let end = |now: i64| (now - grid).div_euclid(WINDOW_MS) * WINDOW_MS + grid + WINDOW_MS;
            let mut shared = Window { ends_at_ms: end(now), limit, free: limit };
            let mut held = [(0_u32, 0_i64); 4]; // requests taken, and the window they belong to
            let (mut counted, mut used) = (end(now), 0_u32);
            for (who, wait, answer_arrives) in turns {
                now += wait;
                if end(now) != counted { counted = end(now); used = 0; }
                let Some(mine) = held.get_mut(who) else { continue };
                if mine.0 == 0 || mine.1 <= now {
                    match shared.step(if who == 0 { Priority::Live } else { Priority::Backfill }, now) {
                        Step::Take { n, keep } => {
                            prop_assert!(shared.free >= n + keep);
                            shared.free -= n;
                            *mine = (n, shared.ends_at_ms);
                        }
                        Step::Turn { to, n } => { shared = to; *mine = (n, to.ends_at_ms); }
                        Step::Wait { until_ms } => { prop_assert!(until_ms > now); continue; }
                    }
                }
                mine.0 -= 1;
                used += 1;
                prop_assert!(used <= limit, "{used} of {limit}");
                if answer_arrives {
                    let told = headers(limit, limit - used, counted / 1000);
                    shared = shared.learn(told, now).unwrap_or(shared);
                }
            }
        }
    }
}
