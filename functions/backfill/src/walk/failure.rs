//! After a page could not be had, or was none to follow.

use intercom::client::{ApiError, Client, NotNow, NotNowCause, Resource};
use store::checkpoint::{Checkpoint, Phase, Stage};

use super::{
    FORBIDDEN_SECONDS, spread,
    sweep::decided_at,
    trail::{self, TRIES},
    window,
};

/// Failures in a row lengthen the pause up to this, in seconds.
const MAX_BACKOFF_SECONDS: i64 = 15 * 60;

/// Things of memory that a sweep compares at once, and asks after where they were not listed.
pub const QUESTIONS: u32 = 200;

/// A scroll that nobody goes on with ends after a minute, in seconds.
const SCROLL_SECONDS: i64 = 65;

/// What goes before all others counts as due for this long.
const AHEAD_SECONDS: i64 = 7 * 86_400;

/// What a failed page says about asking for it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// It takes too long.
    Late,
    /// It is more than can be read.
    TooLarge,
    /// Its place is not known, or the question is refused.
    Refused,
    /// It is not what was asked for, or leads in a circle.
    Odd,
    /// Intercom breaks down over it.
    Broken,
    /// Nothing about this page: nobody answers.
    Down,
}

impl Fault {
    fn of(error: &ApiError) -> Self {
        match error {
            ApiError::NotNow(NotNow { cause, .. }) => match cause {
                NotNowCause::TimedOut | NotNowCause::Status(408 | 504) => Self::Late,
                NotNowCause::Status(500) | NotNowCause::Garbled(_) => Self::Broken,
                NotNowCause::Status(_) | NotNowCause::Unreachable | NotNowCause::RateLimited => Self::Down,
            },
            ApiError::TooLarge { .. } => Self::TooLarge,
            ApiError::Unexpected { .. } => Self::Odd,
            _ => Self::Refused,
        }
    }
}

/// When to try again, from where, and which way.
pub fn after_failure(mut c: Checkpoint, resource: Resource, error: &ApiError, now: i64) -> Checkpoint {
    let pause = match error {
        // Being told to wait is no failure.
        ApiError::NotNow(NotNow { retry_at_ms: Some(at), .. }) => {
            fewer_questions(&mut c);
            at.div_euclid(1000).saturating_sub(now).saturating_add(1).clamp(1, MAX_BACKOFF_SECONDS)
        }
        ApiError::Forbidden { .. } => {
            c.failures = c.failures.saturating_add(1);
            FORBIDDEN_SECONDS
        }
        ApiError::Unauthorized { .. } => {
            c.failures = c.failures.saturating_add(1);
            c.phase = Phase::Blocked;
            0
        }
        // Questions after single things have no pages.
        _ if c.stage != Stage::List => {
            c.failures = c.failures.saturating_add(1);
            fewer_questions(&mut c);
            backoff(&c)
        }
        _ => {
            c.failures = c.failures.saturating_add(1);
            c.trail.stumbles = c.trail.stumbles.saturating_add(1);
            let at_least = other_way(&mut c, resource, error);
            backoff(&c).max(at_least)
        }
    };
    c.last_error = Some(words(&c, resource, error));
    let next = now.saturating_add(pause);
    // What is listed as deleted waits for a second word, and no longer than that.
    let decided = c.until.filter(|_| resource == Resource::DeletedConversations).map(decided_at);
    c.next_run_at = Some(decided.filter(|at| *at > now).map_or(next, |at| next.min(at)));
    c
}

/// A token was refused that the workspace no longer has, or that somebody else has noted already: nothing is known about the
/// one it has now, so the next try decides.
pub fn after_old_token(mut c: Checkpoint, error: &ApiError, now: i64) -> Checkpoint {
    c.failures = c.failures.saturating_add(1);
    c.last_error = Some(error.to_string());
    c.next_run_at = Some(now.saturating_add(backoff(&c)));
    c
}

/// When a walk goes on that ran out of time: at the end of the queue, so that everybody has a turn. A scroll ends when it is
/// left alone for a minute: it goes before all others.
pub fn goes_on_at(c: &Checkpoint, resource: Resource, now: i64) -> i64 {
    let scrolls = resource == Resource::Companies
        && c.stage == Stage::List
        && c.cursor.is_some()
        && Client::listed(c.cursor.as_deref()).is_none();
    if scrolls { now.saturating_sub(AHEAD_SECONDS) } else { now }
}

/// What the status page says.
fn words(c: &Checkpoint, resource: Resource, error: &ApiError) -> String {
    if c.trail.stumbles < TRIES {
        return error.to_string();
    }
    format!(
        "Reading {} has come no further in {} tries: {error}. What was read so far is kept, and the rest is asked for again, \
         in smaller pages or by another list where there is one. If this stays so, Intercom's support has to be asked.",
        resource.path().replace('_', " "),
        c.trail.stumbles
    )
}

/// Where one way comes no further there is often another: a shorter page, a shorter window, a list in the place of a search
/// or a scroll. Gives how long to wait at least, in seconds.
fn other_way(c: &mut Checkpoint, resource: Resource, error: &ApiError) -> i64 {
    let fault = Fault::of(error);
    match resource {
        Resource::Companies if Client::listed(c.cursor.as_deref()).is_none() => return leave_scroll(c, error, fault),
        Resource::Companies if fault == Fault::Refused => {
            // The list ends at 10,000.
            again(c);
            return SCROLL_SECONDS;
        }
        Resource::Contacts if c.since.is_some() && Client::listed(c.cursor.as_deref()).is_none() => {
            leave_search(c, fault);
        }
        resource if resource.is_windowed() => shorten_window(c, resource, fault),
        resource => shorten_list(c, resource, fault),
    }
    0
}

/// A scroll moves on with every request: what was in an answer that did not come is had by beginning again. Where that does
/// not help, or somebody else holds the workspace's one scroll, the list is read instead.
fn leave_scroll(c: &mut Checkpoint, error: &ApiError, fault: Fault) -> i64 {
    let is_held = matches!(error, ApiError::Rejected { code, .. } if code == "scroll_exists");
    let has_begun = c.cursor.is_some() && !is_held;
    if has_begun {
        again(c);
    }
    if c.trail.stumbles >= TRIES && (has_begun || fault != Fault::Down) {
        again(c);
        c.cursor = Some(Client::company_list());
    }
    SCROLL_SECONDS
}

/// A search for contacts has no windows: Intercom rounds its times to days. Where it does not get through, all of them are
/// listed.
fn leave_search(c: &mut Checkpoint, fault: Fault) {
    if c.trail.stumbles >= TRIES && fault != Fault::Down {
        again(c);
        c.cursor = Some(Client::contact_list());
        return;
    }
    match fault {
        Fault::Late | Fault::TooLarge => {
            trail::shorten(c, Resource::Contacts);
        }
        Fault::Odd if c.trail.stumbles < 2 => {}
        Fault::Refused | Fault::Odd if c.cursor.is_some() => again(c),
        _ => {}
    }
}

fn shorten_window(c: &mut Checkpoint, resource: Resource, fault: Fault) {
    let is_stuck = c.trail.stumbles.is_multiple_of(TRIES);
    match fault {
        Fault::Late => {
            if !window::shorten(c) {
                trail::shorten(c, resource);
            }
        }
        Fault::TooLarge => {
            if !trail::shorten(c, resource) {
                window::shorten(c);
            }
        }
        // It may be right the next time.
        Fault::Odd if c.trail.stumbles < 2 => {}
        // A cursor that Intercom no longer knows: from the window's beginning; those before it are done. The shorter a
        // window, the fewer cursors it needs.
        Fault::Refused | Fault::Odd => {
            let had_cursor = c.cursor.take().is_some();
            if had_cursor {
                trail::restart(c);
            }
            let shorter = c.trail.stumbles > 1 && window::shorten(c);
            if !had_cursor && !shorter && is_stuck {
                trail::shorten(c, resource);
            }
        }
        // One way after the other, since nobody knows what it breaks down over.
        Fault::Broken if is_stuck => {
            let is_odd = (c.trail.stumbles / TRIES) % 2 == 1;
            if !(is_odd && window::shorten(c)) {
                trail::shorten(c, resource);
            }
        }
        Fault::Broken | Fault::Down => {}
    }
}

fn shorten_list(c: &mut Checkpoint, resource: Resource, fault: Fault) {
    match fault {
        Fault::Late | Fault::TooLarge => {
            trail::shorten(c, resource);
        }
        Fault::Odd if c.trail.stumbles < 2 => {}
        // A cursor that Intercom no longer knows: from the beginning, in a new generation.
        Fault::Refused | Fault::Odd if c.cursor.is_some() => {
            let is_listed = resource == Resource::Contacts && Client::listed(c.cursor.as_deref()).is_some();
            again(c);
            if is_listed {
                c.cursor = Some(Client::contact_list());
            }
            if c.trail.stumbles > 1 {
                trail::shorten(c, resource);
            }
        }
        Fault::Broken if c.trail.stumbles.is_multiple_of(TRIES) => {
            trail::shorten(c, resource);
        }
        _ => {}
    }
}

/// A page of questions whose answers did not all come is asked again as a whole: a smaller one gets through.
fn fewer_questions(c: &mut Checkpoint) {
    if c.stage == Stage::Confirm {
        c.trail.per_page = Some((c.trail.per_page.unwrap_or(QUESTIONS) / 2).max(1));
    }
}

/// The walk from its beginning. How far it came once stays known, so that one which ends at the same place each time is
/// seen.
fn again(c: &mut Checkpoint) {
    c.generation = c.generation.saturating_add(1);
    c.cursor = None;
    c.window = None;
    c.pages = 0;
    c.seen = 0;
    c.census.mark = 0;
    trail::restart(c);
}

/// 10 s, doubling up to a quarter of an hour; up to a quarter less, so that those who failed together do not come back
/// together.
fn backoff(c: &Checkpoint) -> i64 {
    let pause = (5_i64 << c.failures.max(c.trail.stumbles).min(10)).min(MAX_BACKOFF_SECONDS);
    pause - pause * spread(c) / 4_000
}
