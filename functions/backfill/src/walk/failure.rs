//! After a page could not be had.

use intercom::client::{ApiError, Client, NotNowCause, Resource};
use store::checkpoint::{Checkpoint, Phase, Stage};

use super::{FORBIDDEN_SECONDS, spread, window};

/// Failures in a row lengthen the pause up to this, in seconds.
const MAX_BACKOFF_SECONDS: i64 = 15 * 60;

/// How often in a row somebody else holds the workspace's one scroll before the list is read instead.
const SCROLLS_LOST: u32 = 3;

/// A scroll that nobody goes on with ends after a minute, in seconds.
const SCROLL_SECONDS: i64 = 65;

/// When to try again, and from where.
pub fn after_failure(mut c: Checkpoint, resource: Resource, error: &ApiError, now: i64) -> Checkpoint {
    c.failures = c.failures.saturating_add(1);
    c.last_error = Some(error.to_string());
    let pause = match error {
        ApiError::NotNow(not_now) => match (not_now.retry_at_ms, &not_now.cause) {
            // Being told to wait is no failure.
            (Some(at), _) => {
                c.failures = c.failures.saturating_sub(1);
                at.div_euclid(1000).saturating_sub(now).saturating_add(1).clamp(1, MAX_BACKOFF_SECONDS)
            }
            (None, NotNowCause::TimedOut | NotNowCause::Status(408 | 504)) if reads(&c, resource.is_windowed()) => {
                window::after_timeout(&mut c);
                backoff(&c)
            }
            // Intercom's advice for a scroll that fails: begin again.
            (None, NotNowCause::Status(500..)) if reads(&c, resource == Resource::Companies) => {
                if c.cursor.is_some() {
                    again(&mut c);
                }
                backoff(&c).max(SCROLL_SECONDS)
            }
            (None, _) => backoff(&c),
        },
        ApiError::Forbidden { .. } => FORBIDDEN_SECONDS,
        ApiError::Unauthorized { .. } => {
            c.phase = Phase::Blocked;
            0
        }
        ApiError::Rejected { code, .. } if code == "scroll_exists" && reads(&c, resource == Resource::Companies) => {
            if c.failures >= SCROLLS_LOST {
                again(&mut c);
                c.cursor = Some(Client::company_list());
            }
            backoff(&c).max(SCROLL_SECONDS)
        }
        // A cursor or scroll that Intercom no longer knows: from the beginning, in a new generation. A list of companies
        // that ends at its limit too.
        ApiError::NotFound | ApiError::Rejected { .. } if reads(&c, c.cursor.is_some()) => {
            again(&mut c);
            if resource == Resource::Companies { backoff(&c).max(SCROLL_SECONDS) } else { backoff(&c) }
        }
        _ => backoff(&c),
    };
    c.next_run_at = Some(now.saturating_add(pause));
    c
}

/// Questions after single things have no cursor of Intercom's.
fn reads(c: &Checkpoint, condition: bool) -> bool {
    c.stage == Stage::List && condition
}

/// The walk from its beginning.
fn again(c: &mut Checkpoint) {
    c.generation = c.generation.saturating_add(1);
    c.cursor = None;
    c.window = None;
    c.pages = 0;
    c.seen = 0;
}

/// 10 s, doubling up to a quarter of an hour; up to a quarter less, so that those who failed together do not come back
/// together.
fn backoff(c: &Checkpoint) -> i64 {
    let pause = (5_i64 << c.failures.min(10)).min(MAX_BACKOFF_SECONDS);
    pause - pause * spread(c) / 4_000
}
