//! Whether something went of which nobody told: where Intercom counts fewer things than it did, memory's own are counted,
//! and where these are more, a sweep comes at once. Intercom's counts may lie: sweeps in a row that find nothing gone make
//! the next one wait ever longer.

use intercom::{
    Timestamp,
    client::{Page, Resource},
};
use store::checkpoint::{Census, Checkpoint, Purpose, Stage, Tally};

use super::{Plan, end, is_swept, page::WHOLE_PAGES, trail};

/// How often a total is asked for that no page of a walk tells, in seconds: one small request an hour.
const ASK_EVERY: i64 = 3_600;

/// Whether the number of things has to be asked for, since this walk's pages do not tell it.
pub fn asks_total(c: &Checkpoint, resource: Resource, plan: Plan<'_>) -> bool {
    let apart = matches!(resource, Resource::Contacts | Resource::Tickets);
    let due = c.tally.is_none_or(|tally| tally.at.saturating_add(ASK_EVERY) <= plan.now);
    apart && due && c.purpose == Purpose::Changes && c.pages == 0 && counts(c, resource, plan)
}

/// Whether counting leads to anything: not where sweeps are switched off, or one is coming anyway.
fn counts(c: &Checkpoint, resource: Resource, plan: Plan<'_>) -> bool {
    is_swept(resource) && plan.sweep_seconds > 0 && !c.vanished
}

/// Counts what a page shows.
pub(super) fn after_page(c: &mut Checkpoint, resource: Resource, page: &Page, is_first: bool) {
    c.census.mark = c.census.mark.wrapping_add(trail::mark(&page.items));
    if is_first && (resource == Resource::Articles || c.purpose == Purpose::Sweep) && !resource.is_windowed() {
        c.census.total = page.total;
    }
    let Some(known_to) = c.high_water else { return };
    let is_new = |item: &&serde_json::Value| {
        item.get("created_at").and_then(Timestamp::from_value).is_some_and(|created| created > known_to)
    };
    c.census.created = c.census.created.saturating_add(page.items.iter().filter(is_new).count() as u64);
}

/// What becomes of a walk of changes that has read its last page. `is_partial` where a list was read that is known to leave
/// out some.
pub(super) fn after_list(mut c: Checkpoint, resource: Resource, is_partial: bool, plan: Plan<'_>) -> Checkpoint {
    if resource.is_whole() {
        c.census.total = Some(c.seen).filter(|_| !is_partial);
    }
    let Some(total) = c.census.total.filter(|_| c.purpose == Purpose::Changes && counts(&c, resource, plan)) else {
        return end(c, resource, plan);
    };
    if is_suspicious(c.tally, c.census, total, resource) {
        c.stage = Stage::Count;
        c.census.held = 0;
        return c;
    }
    c.tally = c.tally.map(|tally| Tally { total, mark: c.census.mark, at: plan.now, ..tally });
    c.census.created = 0;
    end(c, resource, plan)
}

/// Whether Intercom counts fewer than it should, by what it counted before and what came into being since.
fn is_suspicious(tally: Option<Tally>, census: Census, total: u64, resource: Resource) -> bool {
    match tally {
        None => true,
        Some(tally) if resource.is_whole() => (tally.total, tally.mark) != (total, census.mark),
        Some(tally) => total < tally.total.saturating_add(census.created),
    }
}

/// Memory has counted all it holds, and Intercom says once more how many there are (where it can be asked): what came into
/// being meanwhile is in both.
pub fn after_count(mut c: Checkpoint, resource: Resource, total: u64, plan: Plan<'_>) -> Checkpoint {
    let before = c.tally.unwrap_or_default();
    let over = difference(c.census.held, total);
    c.vanished = over > before.excess;
    c.tally = Some(Tally {
        total,
        mark: c.census.mark,
        // Things expire, and a floor leaves some out: what memory has fewer, it may not have more later.
        excess: over.min(before.excess),
        at: plan.now,
        ..before
    });
    c.census.created = 0;
    end(c, resource, plan)
}

/// Whether a sweep comes now though none is due.
pub(super) fn is_called(c: &Checkpoint, plan: Plan<'_>) -> bool {
    c.vanished && plan.sweep_seconds > 0 && not_before(c.tally.unwrap_or_default(), plan) <= plan.now
}

/// From one interval on, those in a row that find nothing make the next one wait four times as long, up to the week; after a
/// long one it waits longer, too.
fn not_before(tally: Tally, plan: Plan<'_>) -> i64 {
    let intervals = i64::try_from(tally.pages.div_ceil(WHOLE_PAGES).max(1)).unwrap_or(i64::MAX);
    let pause = plan.revisit_seconds.max(60).saturating_mul(intervals);
    let pause = pause.saturating_mul(1_i64 << tally.futile.saturating_sub(1).saturating_mul(2).min(40));
    tally.swept_at.saturating_add(pause.min(plan.sweep_seconds))
}

/// A sweep begins; `is_early` where none was due.
pub(super) fn begin_sweep(c: &mut Checkpoint, is_early: bool, plan: Plan<'_>) {
    c.vanished = false;
    if is_early {
        c.tally = Some(Tally { swept_at: plan.now, ..c.tally.unwrap_or_default() });
    }
}

/// A sweep has come to its end: whatever memory holds beside Intercom's count is there. `total` is what Intercom says now,
/// where it can be asked; `held` is `None` where not all of memory's things were looked at.
pub(super) fn after_sweep(c: &mut Checkpoint, removed: u64, held: Option<u64>, total: Option<u64>, plan: Plan<'_>) {
    let before = c.tally.unwrap_or_default();
    let was_early = c.until.is_some_and(|until| until.epoch_seconds() == before.swept_at);
    let futile = match removed {
        0 if was_early => before.futile.saturating_add(1),
        0 => before.futile,
        _ => 0,
    };
    let swept = Tally { futile, pages: c.pages, ..before };
    let total = total.or(c.census.total).unwrap_or(c.seen);
    c.tally = match held {
        Some(held) => Some(Tally {
            total,
            mark: c.census.mark,
            excess: difference(held.saturating_sub(removed), total),
            at: plan.now,
            ..swept
        }),
        None => c.tally.map(|_| swept),
    };
    c.census.created = 0;
}

fn difference(held: u64, total: u64) -> i64 {
    i64::try_from(held).unwrap_or(i64::MAX).saturating_sub(i64::try_from(total).unwrap_or(i64::MAX))
}
