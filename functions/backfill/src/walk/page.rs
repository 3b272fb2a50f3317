//! After a page.

use intercom::client::{Client, Page, Resource};
use store::checkpoint::{Census, Checkpoint, Phase, Purpose, Stage, Trail};

use super::{Plan, count, spread, trail, window};

/// Pages of a resource that is read as a whole each time, for each of which it may wait one interval longer.
pub(super) const WHOLE_PAGES: u64 = 10;

/// … up to this, in seconds.
const LONGEST_REVISIT: i64 = 86_400;

/// What a person may wait longer for one of many, in seconds: those of one tick are spread over this long.
const SPREAD_SECONDS: i64 = 45;

/// After so many pages that came, shorter ones are lengthened again.
const LENGTHEN_AFTER: u64 = 16;

/// After a page of which everything is durable; `written` is what was written or queued of it.
pub fn after_page(mut c: Checkpoint, resource: Resource, page: &Page, written: u64, plan: Plan<'_>) -> Checkpoint {
    let before = c.estimate;
    let is_first = c.pages == 0;
    c.pages = c.pages.saturating_add(1);
    c.seen = c.seen.saturating_add(page.items.len() as u64);
    c.written = c.written.saturating_add(written);
    let moved = before.zip(page.total).map_or(0, |(before, now)| before.saturating_sub(now));
    // Counts that fall and rise with every page lead nowhere.
    let may_go_back = resource.is_numbered() && c.trail.stumbles < trail::TRIES;
    let back = if may_go_back { earlier_page(c.cursor.as_deref(), moved, page.items.len()) } else { None };
    let is_last = page.next.is_none() && back.is_none();
    let is_partial = Client::listed(c.cursor.as_deref()).is_some();
    count::after_page(&mut c, resource, page, is_first);
    trail::after_page(&mut c, resource, page, is_last);
    // What is read once more after it failed is not yet further than that.
    c.failures = c.trail.stumbles;
    if c.trail.stumbles == 0 {
        c.last_error = None;
    }
    if resource.is_windowed() {
        let is_whole = c.window.is_some_and(|window| window.from == c.since && Some(window.to) == c.until);
        c.estimate = if is_whole { page.total.or(before) } else { before.map(|before| before.max(c.seen)) };
        window::after_page(&mut c, page.took_ms, page.items.is_empty(), is_last);
    } else {
        c.estimate = page.total.or(before);
    }
    c.cursor = match back {
        Some(1) => None,
        Some(number) => Some(number.to_string()),
        None => page.next.clone(),
    };
    if back.is_some() {
        c.trail.stumbles = c.trail.stumbles.saturating_add(1);
        trail::restart(&mut c);
    }
    if c.trail.stumbles == 0 && (is_last || c.pages.is_multiple_of(LENGTHEN_AFTER)) {
        trail::lengthen(&mut c, resource);
    }
    if is_last {
        c.cursor = None;
        match window::next(&c).filter(|_| resource.is_windowed()) {
            Some(next) => c.window = Some(next),
            None if c.purpose == Purpose::Sweep => {
                c.stage = Stage::Confirm;
                c.trail = Trail::default();
            }
            None => return count::after_list(c, resource, is_partial, plan),
        }
    }
    c
}

/// Where to read again, because so many things went meanwhile that everything behind them `moved` to the front: from
/// this page to one that was read before.
fn earlier_page(cursor: Option<&str>, moved: u64, size: usize) -> Option<u64> {
    let number: u64 = cursor?.parse().ok()?;
    let pages = moved.div_ceil(u64::try_from(size).unwrap_or(1).max(1));
    (pages > 0 && number > 1).then(|| number.saturating_sub(pages).max(1))
}

/// The walk is done.
pub fn end(mut c: Checkpoint, resource: Resource, plan: Plan<'_>) -> Checkpoint {
    c.phase = Phase::Idle;
    c.begun = false;
    c.stage = Stage::List;
    c.cursor = None;
    c.window = None;
    c.failures = 0;
    c.last_error = None;
    c.trail = Trail::default();
    // What came into being is counted from one count of Intercom's to the next.
    c.census = Census { created: c.census.created, ..Census::default() };
    if c.purpose == Purpose::Older {
        c.reaches_back_to = c.since;
        // What changed meanwhile has waited long enough.
        c.next_run_at = Some(plan.now);
        return c;
    }
    c.high_water = c.until.filter(|_| resource.is_incremental());
    if c.purpose == Purpose::History {
        c.reaches_back_to = c.since;
        c.shape.clone_from(&c.shape_next);
    }
    if matches!(c.purpose, Purpose::History | Purpose::Sweep) {
        c.swept_at = Some(plan.now);
    }
    // What cannot be asked for by time is read whole each time: the more of it there is, the less often.
    let intervals = if resource.is_incremental() { 1 } else { c.pages.div_ceil(WHOLE_PAGES).max(1) };
    let revisit = plan.revisit_seconds.max(60);
    let pause = revisit.saturating_mul(i64::try_from(intervals).unwrap_or(i64::MAX));
    // A request for each contact: what webhooks lost of these is made good with the sweeps.
    let pause = match resource {
        Resource::DataEvents => plan.sweep_seconds.max(LONGEST_REVISIT),
        _ => pause.min(LONGEST_REVISIT.max(revisit)),
    };
    c.next_run_at = Some(plan.now.saturating_add(pause).saturating_add(spread(&c) * SPREAD_SECONDS / 1000));
    // Something is gone, and nobody told: the sweep does not wait.
    if count::is_called(&c, plan) {
        c.next_run_at = Some(plan.now);
    }
    c
}
