//! How a sweep decides. Absence from a list only nominates: lists omit companies without users, and miss what moves. A
//! question after the thing itself confirms.

use intercom::{Timestamp, client::Resource};
use store::checkpoint::{Checkpoint, Stage};

use super::{Plan, QUESTIONS, count, end};

/// So many things may be gone in any workspace.
pub const MIN_LIMIT: u64 = 50;

/// How many may be confirmed to be gone in one sweep that listed `seen` things, before it stops and asks a person.
pub fn limit(seen: u64, percent: u32) -> u64 {
    (seen.saturating_mul(u64::from(percent)) / 100).max(MIN_LIMIT)
}

/// Whether so many of memory's things were not listed that the list is not to be believed, and asking after each would only
/// use up the rate limit.
pub fn is_too_much_unseen(unseen: u64, seen: u64) -> bool {
    unseen > (seen / 2).max(20 * MIN_LIMIT)
}

/// How long a deletion that Intercom lists waits for a question after the thing itself, in seconds.
const DOUBT_SECONDS: i64 = 15 * 60;

/// Whether something that is listed as deleted counts as deleted although Intercom cannot be asked for it: a second word is
/// not waited for any longer than a quarter of an hour after the walk that read of it began.
pub fn is_confirmed(begun: Option<Timestamp>, now: i64) -> bool {
    begun.is_none_or(|begun| decided_at(begun) <= now)
}

/// When that is, epoch seconds.
pub(super) fn decided_at(begun: Timestamp) -> i64 {
    begun.epoch_seconds().saturating_add(DOUBT_SECONDS)
}

/// After a page of questions: of `held` things of memory's, `unseen` were not listed so far, `found_gone` of those just
/// asked for went, `next` is where the next page begins.
pub fn after_confirming(
    mut c: Checkpoint,
    held: u64,
    unseen: u64,
    found_gone: u64,
    next: Option<String>,
) -> Checkpoint {
    c.pages = c.pages.saturating_add(1);
    c.census.held = c.census.held.saturating_add(held);
    c.unseen = unseen;
    c.gone = c.gone.saturating_add(found_gone);
    c.failures = 0;
    c.last_error = None;
    c.trail.per_page = c.trail.per_page.map(|size| size.saturating_mul(2).min(QUESTIONS));
    if next.is_none() {
        c.stage = Stage::Apply;
    }
    c.cursor = next;
    c
}

/// The sweep ends, and what was confirmed to be gone is gone from memory. `total` is how many there are, where Intercom can
/// be asked.
pub fn after_applying(
    mut c: Checkpoint,
    resource: Resource,
    removed: u64,
    total: Option<u64>,
    plan: Plan<'_>,
) -> Checkpoint {
    c.notice = None;
    c.written = c.written.saturating_add(removed);
    let held = Some(c.census.held);
    count::after_sweep(&mut c, removed, held, total, plan);
    end(c, resource, plan)
}

/// The sweep ends with nothing removed, and a person is told why.
pub fn stopped(mut c: Checkpoint, resource: Resource, why: String, plan: Plan<'_>) -> Checkpoint {
    c.notice = Some(why);
    count::after_sweep(&mut c, 0, None, None, plan);
    end(c, resource, plan)
}
