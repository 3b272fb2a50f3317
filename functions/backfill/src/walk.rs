//! Where a walk begins, what a page does to it, when it is due again. No I/O: every decision about a checkpoint is here.
//!
//! A walk reads what changed between two times, both fixed when it begins: what changes while it is under way belongs to
//! the next one. So nothing depends on the order in which Intercom lists things, and nothing that is bumped from a page
//! still to come to one already read is lost.

mod count;
mod failure;
mod page;
mod sweep;
mod trail;
mod window;

use intercom::{Timestamp, client::Resource};
use store::checkpoint::{Census, Checkpoint, Phase, Purpose, Stage, Trail};

pub use count::{after_count, asks_total};
pub use failure::{QUESTIONS, after_failure, after_old_token, goes_on_at};
pub use page::{after_page, end};
pub use sweep::{MIN_LIMIT, after_applying, after_confirming, is_confirmed, is_too_much_unseen, limit, stopped};
pub use trail::{TRIES, oddity};
pub use window::{SLOW_MS, current as current_window};

/// How far a walk reaches back behind the end of the last one, in seconds: Intercom's search may show a change minutes
/// late, and two clocks never agree.
pub const OVERLAP_SECONDS: i64 = 10 * 60;

/// How long a resource whose permission is missing is left alone, in seconds.
pub const FORBIDDEN_SECONDS: i64 = 3600;

/// What an operator chose, and the time.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// Now, epoch seconds.
    pub now: i64,
    /// The oldest change that is of interest; `None` is the beginning of time.
    pub floor: Option<Timestamp>,
    /// What objects become now (`memory::Settings::shape`).
    pub shape: &'a str,
    /// How often what changed is asked for, in seconds (`RECONCILE_MINUTES`).
    pub revisit_seconds: i64,
    /// How often everything is looked at, in seconds; 0 is never (`SWEEP_DAYS`).
    pub sweep_seconds: i64,
}

/// The oldest change that is of interest; `None` is the beginning of time. 0 days are no limit.
pub fn floor(now: i64, backfill_days: u32, retention_days: u32) -> Option<Timestamp> {
    let days = [backfill_days, retention_days].into_iter().filter(|days| *days > 0).min()?;
    Timestamp::from_epoch_seconds(now.saturating_sub(i64::from(days).saturating_mul(86_400)))
}

/// What the next walk is for.
pub fn purpose(checkpoint: &Checkpoint, resource: Resource, plan: Plan<'_>) -> Purpose {
    // A transform that gives another result, or a switch that does, reaches old things by reading everything again.
    if checkpoint.shape.as_deref() != Some(plan.shape) {
        return Purpose::History;
    }
    let is_older = |floor: Option<Timestamp>, reached: Option<Timestamp>| reached.is_some() && floor < reached;
    if resource.is_incremental() && is_older(plan.floor, checkpoint.reaches_back_to) {
        return Purpose::Older;
    }
    let sweep_at = checkpoint.swept_at.unwrap_or_default().saturating_add(plan.sweep_seconds);
    let sweep_is_due = plan.sweep_seconds > 0 && sweep_at <= plan.now;
    match resource {
        // Whatever became of the message that should have fetched one: it is there now, or is fetched now.
        Resource::Conversations if sweep_is_due => Purpose::History,
        resource if is_swept(resource) && (sweep_is_due || count::is_called(checkpoint, plan)) => Purpose::Sweep,
        _ => Purpose::Changes,
    }
}

/// Whether Intercom tells of none that are gone, so that they have to be looked for. Deleted conversations have a list of
/// their own.
pub fn is_swept(resource: Resource) -> bool {
    !matches!(resource, Resource::Conversations | Resource::DeletedConversations | Resource::DataEvents)
}

/// The next walk.
pub fn begin(mut checkpoint: Checkpoint, resource: Resource, plan: Plan<'_>) -> Checkpoint {
    if checkpoint.pages > 0 {
        checkpoint.generation = checkpoint.generation.saturating_add(1);
    }
    let now = Timestamp::from_epoch_seconds(plan.now);
    checkpoint.purpose = purpose(&checkpoint, resource, plan);
    if checkpoint.purpose == Purpose::Sweep {
        let is_due = checkpoint.swept_at.unwrap_or_default().saturating_add(plan.sweep_seconds) <= plan.now;
        count::begin_sweep(&mut checkpoint, !is_due, plan);
    }
    (checkpoint.since, checkpoint.until) = match checkpoint.purpose {
        Purpose::History => (plan.floor, now),
        Purpose::Older => (plan.floor, checkpoint.reaches_back_to),
        Purpose::Sweep => (None, now),
        Purpose::Changes => {
            let last = checkpoint.high_water.filter(|_| resource.is_incremental());
            let from = match (last, checkpoint.dirty_since) {
                (Some(last), Some(dirty)) => Some(last.min(dirty)),
                (last, _) => last,
            };
            // Before the beginning of time there is nothing to ask for; without a bound everything is listed.
            let from = from.and_then(|from| from.earlier(OVERLAP_SECONDS)).filter(|from| *from > Timestamp::EPOCH);
            (from.max(plan.floor), now)
        }
    };
    // What has expired since is gone: a floor that is lowered later has to go over it again.
    if checkpoint.shape.is_some() && checkpoint.purpose != Purpose::Older {
        checkpoint.reaches_back_to = checkpoint.reaches_back_to.max(plan.floor);
    }
    checkpoint.shape_next = Some(plan.shape.to_owned());
    checkpoint.stage = Stage::List;
    checkpoint.phase = Phase::Running;
    checkpoint.begun = true;
    checkpoint.cursor = None;
    checkpoint.window = None;
    checkpoint.slow = false;
    checkpoint.trail = Trail::default();
    checkpoint.census = Census { created: checkpoint.census.created, ..Census::default() };
    checkpoint.unseen = 0;
    checkpoint.gone = 0;
    checkpoint.pages = 0;
    checkpoint.seen = 0;
    checkpoint.written = 0;
    checkpoint.estimate = None;
    checkpoint.rate_used = None;
    checkpoint
}

/// 0 to 999, another number for each checkpoint and each of its walks, and the same whoever asks: so those that failed
/// together, or were installed together, do not come back together.
fn spread(checkpoint: &Checkpoint) -> i64 {
    let turn = checkpoint.generation.wrapping_mul(31).wrapping_add(u64::from(checkpoint.failures));
    let name = checkpoint.workspace.as_str().bytes().chain(checkpoint.resource.bytes());
    let hash = name
        .chain(turn.to_be_bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    i64::try_from((hash >> 32) % 1000).unwrap_or(0)
}

#[cfg(test)]
mod detour_tests;
#[cfg(test)]
mod tests;
