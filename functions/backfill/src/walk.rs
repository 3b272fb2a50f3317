//! Where a walk begins, what a page does to it, when it is due again. No I/O: every decision about a checkpoint is here.

use intercom::{
    Timestamp,
    client::{ApiError, Page, Resource},
};
use store::checkpoint::{Checkpoint, Phase};

/// How often what changed is asked for, in seconds.
pub const REVISIT_SECONDS: i64 = 15 * 60;

/// How far a walk reaches back behind the newest change of the last one, in seconds: Intercom's search may show a change
/// minutes late, and bounds are not reliably inclusive.
pub const OVERLAP_SECONDS: i64 = 10 * 60;

/// How long a resource whose permission is missing is left alone, in seconds.
pub const FORBIDDEN_SECONDS: i64 = 3600;

/// Failures in a row lengthen the pause up to this, in seconds.
const MAX_BACKOFF_SECONDS: i64 = 15 * 60;

/// The oldest change that is of interest; `None` is the beginning of time. 0 days are no limit.
pub fn floor(now: i64, backfill_days: u32, retention_days: u32) -> Option<Timestamp> {
    let days = [backfill_days, retention_days].into_iter().filter(|days| *days > 0).min()?;
    Timestamp::from_epoch_seconds(now.saturating_sub(i64::from(days).saturating_mul(86_400)))
}

/// The next walk: everything above the floor the first time, afterwards what changed since the last one, or since
/// something was lost, with an overlap.
pub fn begin(mut checkpoint: Checkpoint, resource: Resource, floor: Option<Timestamp>) -> Checkpoint {
    if checkpoint.pages > 0 {
        checkpoint.generation = checkpoint.generation.saturating_add(1);
    }
    let last = checkpoint.high_water.filter(|_| resource.is_incremental());
    let from = match (last, checkpoint.dirty_since) {
        (Some(last), Some(dirty)) => Some(last.min(dirty)),
        (last, _) => last,
    };
    checkpoint.since = from.and_then(|from| from.earlier(OVERLAP_SECONDS)).max(floor);
    checkpoint.phase = Phase::Running;
    checkpoint.begun = true;
    checkpoint.cursor = None;
    checkpoint.high_water_next = None;
    checkpoint.pages = 0;
    checkpoint.seen = 0;
    checkpoint.written = 0;
    checkpoint.estimate = None;
    checkpoint.rate_used = None;
    checkpoint
}

/// After a page of which everything is durable. `newest` is the latest change on it, `written` what was written or
/// queued of it.
pub fn after_page(
    mut checkpoint: Checkpoint,
    page: &Page,
    newest: Option<Timestamp>,
    written: u64,
    now: i64,
) -> Checkpoint {
    checkpoint.pages = checkpoint.pages.saturating_add(1);
    checkpoint.seen = checkpoint.seen.saturating_add(page.items.len() as u64);
    checkpoint.written = checkpoint.written.saturating_add(written);
    checkpoint.estimate = page.total.or(checkpoint.estimate);
    checkpoint.high_water_next = checkpoint.high_water_next.max(newest);
    checkpoint.cursor.clone_from(&page.next);
    checkpoint.failures = 0;
    checkpoint.last_error = None;
    if page.next.is_none() {
        checkpoint.phase = Phase::Idle;
        checkpoint.begun = false;
        checkpoint.high_water = checkpoint.high_water.max(checkpoint.high_water_next);
        checkpoint.next_run_at = Some(now.saturating_add(REVISIT_SECONDS));
    }
    checkpoint
}

/// After a page could not be had.
pub fn after_failure(mut checkpoint: Checkpoint, error: &ApiError, now: i64) -> Checkpoint {
    checkpoint.failures = checkpoint.failures.saturating_add(1);
    checkpoint.last_error = Some(error.to_string());
    let pause = match error {
        ApiError::NotNow(not_now) => match not_now.retry_at_ms {
            // Being told to wait is no failure.
            Some(at) => {
                checkpoint.failures = checkpoint.failures.saturating_sub(1);
                at.div_euclid(1000).saturating_sub(now).saturating_add(1).clamp(1, MAX_BACKOFF_SECONDS)
            }
            None => backoff(checkpoint.failures),
        },
        ApiError::Forbidden { .. } => FORBIDDEN_SECONDS,
        ApiError::Unauthorized { .. } => {
            checkpoint.phase = Phase::Blocked;
            0
        }
        // A cursor or scroll that Intercom no longer knows: from the beginning, in a new generation.
        ApiError::NotFound | ApiError::Rejected { .. } if checkpoint.cursor.is_some() => {
            checkpoint.generation = checkpoint.generation.saturating_add(1);
            checkpoint.cursor = None;
            checkpoint.pages = 0;
            backoff(checkpoint.failures)
        }
        _ => backoff(checkpoint.failures),
    };
    checkpoint.next_run_at = Some(now.saturating_add(pause));
    checkpoint
}

/// 10 s, doubling up to a quarter of an hour.
fn backoff(failures: u32) -> i64 {
    (5_i64 << failures.min(10)).min(MAX_BACKOFF_SECONDS)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn time(seconds: i64) -> Timestamp {
        Timestamp::from_epoch_seconds(seconds).unwrap()
    }

    fn fresh() -> Checkpoint {
        Checkpoint {
            workspace: "ws1".parse().unwrap(),
            resource: "conversations".into(),
            phase: Phase::Running,
            begun: false,
            generation: 1,
            cursor: None,
            since: None,
            high_water: None,
            high_water_next: None,
            dirty_since: None,
            pages: 0,
            seen: 0,
            written: 0,
            estimate: None,
            rate_used: None,
            failures: 0,
            last_error: None,
            next_run_at: Some(0),
            fence: 1,
        }
    }

    fn page(next: Option<&str>) -> Page {
        Page { items: vec![serde_json::json!({}); 3], next: next.map(str::to_owned), total: Some(6) }
    }

    #[test]
    fn the_first_walk_reads_everything_and_the_second_what_changed_since_with_an_overlap() {
        let first = begin(fresh(), Resource::Conversations, None);
        assert_eq!((first.since, first.generation), (None, 1));
        let first = after_page(first, &page(Some("c")), Some(time(90_000)), 3, 100_000);
        assert_eq!((first.phase, first.high_water), (Phase::Running, None), "not before the walk is done");
        let done = after_page(first, &page(None), Some(time(80_000)), 3, 100_000);
        assert_eq!((done.phase, done.high_water), (Phase::Idle, Some(time(90_000))));
        assert_eq!(done.next_run_at, Some(100_000 + REVISIT_SECONDS));
        let second = begin(done, Resource::Conversations, None);
        assert_eq!((second.since, second.generation, second.pages), (Some(time(90_000 - OVERLAP_SECONDS)), 2, 0));
    }

    #[test]
    fn what_was_lost_is_walked_again_from_its_time_on() {
        let lost = Checkpoint {
            phase: Phase::Idle,
            high_water: Some(time(90_000)),
            dirty_since: Some(time(50_000)),
            ..fresh()
        };
        assert_eq!(begin(lost, Resource::Conversations, None).since, Some(time(50_000 - OVERLAP_SECONDS)));
    }

    #[test]
    fn a_walk_that_failed_at_its_first_page_keeps_its_bounds() {
        let lost = Checkpoint { high_water: Some(time(90_000)), dirty_since: Some(time(50_000)), pages: 4, ..fresh() };
        let begun = begin(lost, Resource::Conversations, None);
        let failed = after_failure(begun.clone(), &ApiError::Unexpected { what: "x" }, 0);
        assert!(failed.begun, "the mark that something was lost is gone from the table by now");
        assert_eq!(failed.since, begun.since);
    }

    #[test]
    fn nothing_that_has_expired_is_asked_for() {
        assert_eq!(floor(1_000_000, 0, 0), None);
        assert_eq!(floor(1_000_000, 10, 2), floor(1_000_000, 2, 10));
        let floor = floor(1_000_000, 0, 2);
        assert_eq!(begin(fresh(), Resource::Conversations, floor).since, Some(time(1_000_000 - 2 * 86_400)));
    }

    #[test]
    fn a_refused_token_blocks_and_a_missing_permission_only_pauses() {
        let unauthorized = ApiError::Unauthorized { request_id: "r".into() };
        assert_eq!(after_failure(fresh(), &unauthorized, 0).phase, Phase::Blocked);
        let forbidden = ApiError::Forbidden { code: "action_forbidden".into(), request_id: "r".into() };
        let paused = after_failure(fresh(), &forbidden, 0);
        assert_eq!((paused.phase, paused.next_run_at), (Phase::Running, Some(FORBIDDEN_SECONDS)));
        assert!(paused.last_error.unwrap().contains("action_forbidden"));
    }

    #[test]
    fn a_cursor_that_is_gone_begins_a_new_generation() {
        let walking = Checkpoint { cursor: Some("scroll".into()), pages: 7, ..fresh() };
        let again = after_failure(walking, &ApiError::NotFound, 0);
        assert_eq!((again.generation, again.cursor, again.pages), (2, None, 0));
    }

    proptest! {
        #[test]
        fn a_failing_endpoint_is_asked_ever_less_often_but_never_given_up(failures in 0_u32..100) {
            let failed = Checkpoint { failures, ..fresh() };
            let next = after_failure(failed, &ApiError::Unexpected { what: "x" }, 0).next_run_at.unwrap();
            prop_assert!((10..=MAX_BACKOFF_SECONDS).contains(&next));
        }
    }
}
