//! What can become of a message, and when to try again. No I/O.

use intercom::client::NotNow;

/// What became of a message, or of one thing it asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// In memory.
    Done,
    /// Rightly left out; the reason is counted.
    Dropped(&'static str),
    /// Not now: a copy is sent with a delay.
    Deferred(Deferral),
    /// A real failure: the queue gives it again, and at last to the dead letters.
    Failed(String),
}

/// Why something has to wait, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deferral {
    /// For the metric and the log.
    pub cause: &'static str,
    /// Milliseconds since 1970, where it is known.
    pub not_before_ms: Option<i64>,
}

impl Deferral {
    /// Until the usual delay has passed.
    pub fn because(cause: &'static str) -> Outcome {
        Outcome::Deferred(Self { cause, not_before_ms: None })
    }

    /// Until Intercom may answer again.
    pub fn until_intercom_answers(not_now: &NotNow) -> Outcome {
        use intercom::client::NotNowCause;
        let cause = match not_now.cause {
            NotNowCause::RateLimited => "rate limit",
            NotNowCause::Status(_) | NotNowCause::Garbled(_) => "Intercom failing",
            NotNowCause::Unreachable | NotNowCause::TimedOut => "Intercom unreachable",
        };
        Outcome::Deferred(Self { cause, not_before_ms: not_now.retry_at_ms })
    }
}

impl Outcome {
    /// Both happened to one message: a failure outweighs a deferral, and that everything else; of equals the later one
    /// is told.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        fn weight(outcome: &Outcome) -> u8 {
            match outcome {
                Outcome::Failed(_) => 3,
                Outcome::Deferred(_) => 2,
                Outcome::Done => 1,
                Outcome::Dropped(_) => 0,
            }
        }
        if weight(&other) >= weight(&self) { other } else { self }
    }
}

/// SQS delays a message by at most this many seconds.
const MAX_DELAY: i64 = 900;

/// After this long a message ends, and reconciliation takes over (milliseconds).
const GIVE_UP_AFTER_MS: i64 = 12 * 3600 * 1000;

/// What to do with a message that has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Send a copy, visible after so many seconds.
    Seconds(u32),
    /// It has waited for twelve hours: mark the checkpoint dirty from that time on, and end it.
    NoLonger,
}

/// How long a message waits: ten seconds at first, then doubling up to SQS's fifteen minutes; where it is known when it
/// can work, until then. `spread` (0 to 999) keeps messages that failed together from coming back together.
pub fn wait(deferrals: u32, received_at_ms: i64, not_before_ms: Option<i64>, now_ms: i64, spread: u32) -> Wait {
    if received_at_ms > 0 && now_ms.saturating_sub(received_at_ms) >= GIVE_UP_AFTER_MS {
        return Wait::NoLonger;
    }
    let base = match not_before_ms {
        Some(at) => at.saturating_sub(now_ms).div_euclid(1000).saturating_add(1),
        None => 10_i64 << deferrals.min(7),
    };
    let base = base.clamp(1, MAX_DELAY);
    let jitter = base.min(60).saturating_mul(i64::from(spread.min(999))) / 1000;
    let seconds = base.saturating_add(jitter).min(MAX_DELAY);
    Wait::Seconds(u32::try_from(seconds).unwrap_or(900))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_waits_longer_each_time_and_never_longer_than_sqs_allows() {
        let delays: Vec<_> = (0..10).map(|n| wait(n, 1, None, 1, 0)).collect();
        let seconds = [10, 20, 40, 80, 160, 320, 640, 900, 900, 900].map(Wait::Seconds);
        assert_eq!(delays, seconds);
        assert_eq!(wait(9, 1, None, 1, 999), Wait::Seconds(900));
    }

    #[test]
    fn where_it_is_known_when_intercom_answers_again_it_waits_until_then() {
        assert_eq!(wait(5, 1, Some(4_500), 1_000, 0), Wait::Seconds(4));
        assert_eq!(wait(5, 1, Some(500), 1_000, 0), Wait::Seconds(1));
    }

    #[test]
    fn after_twelve_hours_reconciliation_takes_over() {
        assert_eq!(wait(50, 1, None, 1 + GIVE_UP_AFTER_MS, 0), Wait::NoLonger);
        assert!(matches!(wait(50, 0, None, i64::MAX, 0), Wait::Seconds(_)), "an unknown time is no old time");
    }

    #[test]
    fn a_failure_outweighs_everything_else_that_happened_to_a_message() {
        let deferred = Deferral::because("x");
        assert_eq!(Outcome::Done.and(deferred.clone()).and(Outcome::Dropped("y")), deferred);
        assert_eq!(deferred.and(Outcome::Failed("z".into())), Outcome::Failed("z".into()));
        assert_eq!(Outcome::Dropped("y").and(Outcome::Done), Outcome::Done);
    }
}
