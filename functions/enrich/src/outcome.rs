//! What can become of a message, and when to try again. No I/O.

use intercom::client::NotNow;
use store::message::Message;

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

/// For how long a message may be put off where reconciliation finds what it told of (milliseconds).
const HALF_A_DAY_MS: i64 = 12 * 3600 * 1000;

/// … and where nothing else does, or only the next sweep: as long as a queue keeps a message at most.
const A_FORTNIGHT_MS: i64 = 14 * 24 * 3600 * 1000;

/// For how long a message may be put off, from the first time on; however long it lay in the queue before that says nothing.
/// `None` where it may be for ever: an erasure that has begun goes on to its end.
pub fn patience_ms(message: &Message) -> Option<i64> {
    match message {
        Message::Walk(_) => None,
        Message::Refetch(_) => Some(A_FORTNIGHT_MS),
        Message::Notification(notification) => match notification.topic.as_str() {
            "contact.deleted" | "conversation.deleted" | "contact.merged" => Some(A_FORTNIGHT_MS),
            _ => Some(HALF_A_DAY_MS),
        },
    }
}

/// What to do with a message that has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Send a copy, visible after so many seconds.
    Seconds(u32),
    /// It has waited as long as it may.
    NoLonger,
}

/// Ten seconds at first, then doubling (milliseconds).
pub fn usual_delay_ms(deferrals: u32) -> i64 {
    10_000_i64 << deferrals.min(7)
}

/// How long a message waits: ten seconds at first, then doubling up to SQS's fifteen minutes; where it is known when it
/// can work, until then. `spread` (0 to 999) keeps messages that failed together from coming back together.
pub fn wait(message: &Message, not_before_ms: Option<i64>, now_ms: i64, spread: u32) -> Wait {
    let since_ms = message.put_off_since_ms();
    let waited_ms = if since_ms > 0 { now_ms.saturating_sub(since_ms) } else { 0 };
    if patience_ms(message).is_some_and(|patience| waited_ms >= patience) {
        return Wait::NoLonger;
    }
    let base = match not_before_ms {
        Some(at) => at.saturating_sub(now_ms).div_euclid(1000).saturating_add(1),
        None => usual_delay_ms(message.deferrals()) / 1000,
    };
    let base = base.clamp(1, MAX_DELAY);
    let jitter = base.min(60).saturating_mul(i64::from(spread.min(999))) / 1000;
    let seconds = base.saturating_add(jitter).min(MAX_DELAY);
    Wait::Seconds(u32::try_from(seconds).unwrap_or(900))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refetch(deferrals: u32, put_off_since_ms: i64) -> Message {
        let text = format!(
            r#"{{"v":1,"kind":"refetch","workspace":"ws1","entity":"conversation","id":"7","reason":"backfill",
                "seen_updated_at":9,"received_at_ms":1,"deferrals":{deferrals},"put_off_since_ms":{put_off_since_ms}}}"#
        );
        Message::read(&text).unwrap()
    }

    fn notification(topic: &str, put_off_since_ms: i64) -> Message {
        let text = format!(
            r#"{{"v":1,"kind":"notification","workspace":"ws1","id":null,"topic":"{topic}","received_at_ms":1,
                "deferrals":1,"put_off_since_ms":{put_off_since_ms},"notification":{{}}}}"#
        );
        Message::read(&text).unwrap()
    }

    #[test]
    fn a_message_waits_longer_each_time_and_never_longer_than_sqs_allows() {
        let delays: Vec<_> = (0..10).map(|n| wait(&refetch(n, 1), None, 1, 0)).collect();
        let seconds = [10, 20, 40, 80, 160, 320, 640, 900, 900, 900].map(Wait::Seconds);
        assert_eq!(delays, seconds);
        assert_eq!(wait(&refetch(9, 1), None, 1, 999), Wait::Seconds(900));
    }

    #[test]
    fn where_it_is_known_when_intercom_answers_again_it_waits_until_then() {
        assert_eq!(wait(&refetch(5, 1), Some(4_500), 1_000, 0), Wait::Seconds(4));
        assert_eq!(wait(&refetch(5, 1), Some(500), 1_000, 0), Wait::Seconds(1));
    }

    #[test]
    fn giving_up_counts_from_the_first_time_that_a_message_was_put_off() {
        let late = 1_000 * HALF_A_DAY_MS;
        assert!(matches!(wait(&notification("x.updated", 0), None, late, 0), Wait::Seconds(_)), "however old it is");
        assert!(matches!(wait(&notification("x.updated", late - HALF_A_DAY_MS + 1), None, late, 0), Wait::Seconds(_)));
        assert_eq!(wait(&notification("x.updated", late - HALF_A_DAY_MS), None, late, 0), Wait::NoLonger);
    }

    #[test]
    fn what_nothing_else_tells_waits_as_long_as_a_queue_keeps_it_and_an_erasure_for_ever() {
        let late = 1_000 * HALF_A_DAY_MS;
        let since = late - 13 * 24 * 3600 * 1000;
        for topic in ["contact.deleted", "conversation.deleted", "contact.merged"] {
            assert!(matches!(wait(&notification(topic, since), None, late, 0), Wait::Seconds(_)), "{topic}");
        }
        assert!(matches!(wait(&refetch(90, since), None, late, 0), Wait::Seconds(_)));
        assert_eq!(wait(&refetch(90, late - A_FORTNIGHT_MS), None, late, 0), Wait::NoLonger);
        let walk = r#"{"v":1,"kind":"erase","workspace":"ws1","entity":"contact","id":"c1","cursor":null,"pass":1}"#;
        assert_eq!(wait(&Message::read(walk).unwrap(), None, late, 0), Wait::Seconds(10));
    }

    #[test]
    fn a_failure_outweighs_everything_else_that_happened_to_a_message() {
        let deferred = Deferral::because("x");
        assert_eq!(Outcome::Done.and(deferred.clone()).and(Outcome::Dropped("y")), deferred);
        assert_eq!(deferred.and(Outcome::Failed("z".into())), Outcome::Failed("z".into()));
        assert_eq!(Outcome::Dropped("y").and(Outcome::Done), Outcome::Done);
    }
}
