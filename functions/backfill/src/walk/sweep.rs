//! How a sweep decides. Absence from a list only nominates: lists omit companies without users, and miss what moves. A
//! question after the thing itself confirms.

use intercom::client::Resource;
use store::checkpoint::{Checkpoint, Stage};

use super::{Plan, end};

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

/// After a page of questions: `unseen` things were not listed so far, `found_gone` of those just asked for went, `next` is
/// where the next page begins.
pub fn after_confirming(mut c: Checkpoint, unseen: u64, found_gone: u64, next: Option<String>) -> Checkpoint {
    c.pages = c.pages.saturating_add(1);
    c.unseen = unseen;
    c.gone = c.gone.saturating_add(found_gone);
    c.failures = 0;
    c.last_error = None;
    if next.is_none() {
        c.stage = Stage::Apply;
    }
    c.cursor = next;
    c
}

/// The sweep ends with nothing removed, and a person is told why.
pub fn stopped(mut c: Checkpoint, resource: Resource, why: String, plan: Plan<'_>) -> Checkpoint {
    c.notice = Some(why);
    end(c, resource, plan)
}
