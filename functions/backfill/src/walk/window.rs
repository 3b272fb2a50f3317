//! Windows of `updated_at`: as long as there is at first; shorter where Intercom is slow; longer again where it is not.

use intercom::Timestamp;
use store::checkpoint::{Checkpoint, WindowSpan};

/// A page that took longer than this came late, in milliseconds. Searches that are too deep took 18 seconds a page and then
/// failed (GitbookIO/integrations #1044).
pub const SLOW_MS: i64 = 8_000;

/// Intercom's first year: before it nothing changed, so that halving a window that begins with time soon leads somewhere.
const EARLIEST: i64 = 1_293_840_000;

/// A page that is late makes no window shorter than this, in seconds: pages that are slow whatever is asked would else be
/// asked for day and night.
const SHORTEST_IF_SLOW: u64 = 86_400;

/// One that does not come at all, no shorter than this.
const SHORTEST: u64 = 3_600;

/// The window that is to be read now: the one under way, or the walk's first.
pub fn current(checkpoint: &Checkpoint) -> Option<WindowSpan> {
    checkpoint.window.or_else(|| beginning_at(checkpoint, checkpoint.since))
}

/// The one after this one; `None` at the walk's end. They share a second: nobody knows for sure whether bounds are
/// inclusive.
pub(super) fn next(checkpoint: &Checkpoint) -> Option<WindowSpan> {
    let window = checkpoint.window?;
    (checkpoint.until? > window.to).then_some(())?;
    beginning_at(checkpoint, Some(window.to))
}

fn beginning_at(checkpoint: &Checkpoint, from: Option<Timestamp>) -> Option<WindowSpan> {
    let until = checkpoint.until?;
    let span = checkpoint.span.and_then(|span| i64::try_from(span).ok());
    let start = from.map_or(EARLIEST, Timestamp::epoch_seconds).max(EARLIEST);
    let to = span.and_then(|span| Timestamp::from_epoch_seconds(start.checked_add(span.max(1))?));
    Some(WindowSpan { from, to: to.map_or(until, |to| to.min(until)) })
}

fn length(window: WindowSpan) -> u64 {
    let start = window.from.map_or(EARLIEST, Timestamp::epoch_seconds).max(EARLIEST);
    window.to.epoch_seconds().saturating_sub(start).max(1).unsigned_abs()
}

/// After a page came: late ones halve the windows to come; a window without any doubles them, an empty one even more.
pub(super) fn after_page(checkpoint: &mut Checkpoint, took_ms: i64, is_empty: bool, is_last: bool) {
    let Some(window) = checkpoint.window else { return };
    if took_ms >= SLOW_MS && !checkpoint.slow {
        let half = (length(window) / 2).max(SHORTEST_IF_SLOW);
        checkpoint.span = Some(checkpoint.span.unwrap_or(u64::MAX).min(half));
        checkpoint.slow = true;
    }
    if is_last {
        let factor = if is_empty { 8 } else { 2 };
        if !checkpoint.slow {
            // Beyond what there ever was it is the whole again.
            let grown = checkpoint.span.map(|span| span.saturating_mul(factor));
            checkpoint.span = grown.filter(|span| *span < 50 * 366 * 86_400);
        }
        checkpoint.slow = false;
    }
}

/// After a page did not come in time, or not at all: the window again, a quarter as long. `false` where it cannot get any
/// shorter.
pub(super) fn shorten(checkpoint: &mut Checkpoint) -> bool {
    let Some(window) = current(checkpoint) else { return false };
    if length(window) <= SHORTEST {
        return false;
    }
    checkpoint.span = Some((length(window) / 4).max(SHORTEST));
    checkpoint.cursor = None;
    super::trail::restart(checkpoint);
    checkpoint.slow = false;
    checkpoint.window = beginning_at(checkpoint, window.from);
    true
}
