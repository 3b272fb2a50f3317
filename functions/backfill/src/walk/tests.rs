#![allow(clippy::unwrap_used)]

use intercom::client::{ApiError, NotNow, NotNowCause, Page};
use proptest::prelude::*;
use store::checkpoint::WindowSpan;

use super::*;

pub(super) const DAY: i64 = 86_400;
/// 2026-11-22.
pub(super) const NOW: i64 = 1_795_305_600;

pub(super) fn time(seconds: i64) -> Timestamp {
    Timestamp::from_epoch_seconds(seconds).unwrap()
}

pub(super) fn fresh() -> Checkpoint {
    Checkpoint { next_run_at: Some(0), ..Checkpoint::fresh("ws1".parse().unwrap(), "conversations") }
}

pub(super) fn plan(now: i64) -> Plan<'static> {
    Plan { now, floor: None, shape: "1", revisit_seconds: 900, sweep_seconds: 7 * DAY }
}

fn page(next: Option<&str>) -> Page {
    Page { items: vec![serde_json::json!({}); 3], next: next.map(str::to_owned), total: Some(6), took_ms: 100 }
}

fn last() -> Page {
    page(None)
}

pub(super) fn not_now(cause: NotNowCause) -> ApiError {
    NotNow { retry_at_ms: None, cause }.into()
}

/// A page of things with these ids.
pub(super) fn showing(ids: std::ops::Range<u64>, next: Option<&str>) -> Page {
    let items = ids.map(|id| serde_json::json!({"id": id.to_string()})).collect();
    Page { items, next: next.map(str::to_owned), total: None, took_ms: 100 }
}

/// Walks on in windows, one page each, and gives them; the pages take as long as the caller says.
fn windows(
    mut c: Checkpoint,
    plan: Plan<'_>,
    mut took_ms: impl FnMut(WindowSpan) -> i64,
) -> (Vec<WindowSpan>, Checkpoint) {
    let mut windows = Vec::new();
    loop {
        let window = current_window(&c).unwrap();
        c.window = Some(window);
        windows.push(window);
        c = after_page(c, Resource::Conversations, &Page { took_ms: took_ms(window), ..last() }, 3, plan);
        if c.phase == Phase::Idle {
            return (windows, c);
        }
        assert!(windows.len() < 20_000, "{c:?}");
    }
}

/// A conversations checkpoint whose history was read at `at`.
fn caught_up(at: i64) -> Checkpoint {
    let plan = plan(at);
    windows(begin(fresh(), Resource::Conversations, plan), plan, |_| 100).1
}

#[test]
fn the_first_walk_reads_everything_and_the_second_what_changed_since_it_began_with_an_overlap() {
    let mut first = begin(fresh(), Resource::Conversations, plan(NOW));
    assert_eq!(
        (first.purpose, first.since, first.until, first.generation),
        (Purpose::History, None, Some(time(NOW)), 1)
    );
    first.window = current_window(&first);
    let first = after_page(first, Resource::Conversations, &page(Some("c")), 3, plan(NOW + 50));
    assert_eq!((first.phase, first.high_water), (Phase::Running, None), "not before the walk is done");
    let done = after_page(first, Resource::Conversations, &last(), 3, plan(NOW + 5_000));
    assert_eq!(
        (done.phase, done.high_water),
        (Phase::Idle, Some(time(NOW))),
        "what changed meanwhile is still to come"
    );
    let pause = done.next_run_at.unwrap() - (NOW + 5_000);
    assert!((900..960).contains(&pause), "{pause}");
    let second = begin(done, Resource::Conversations, plan(NOW + 6_000));
    assert_eq!((second.purpose, second.generation, second.pages), (Purpose::Changes, 2, 0));
    assert_eq!((second.since, second.until), (Some(time(NOW - OVERLAP_SECONDS)), Some(time(NOW + 6_000))));
}

#[test]
fn what_was_lost_is_walked_again_from_its_time_on() {
    let lost = Checkpoint { dirty_since: Some(time(NOW - 50_000)), ..caught_up(NOW) };
    assert_eq!(begin(lost, Resource::Conversations, plan(NOW + 900)).since, Some(time(NOW - 50_000 - OVERLAP_SECONDS)));
}

#[test]
fn a_walk_that_failed_at_its_first_page_keeps_its_bounds() {
    let lost = Checkpoint { dirty_since: Some(time(NOW - 50_000)), pages: 4, ..caught_up(NOW) };
    let begun = begin(lost, Resource::Conversations, plan(NOW));
    let failed = after_failure(begun.clone(), Resource::Conversations, &ApiError::Unexpected { what: "x" }, NOW);
    assert!(failed.begun, "the mark that something was lost is gone from the table by now");
    assert_eq!((failed.since, failed.until), (begun.since, begun.until));
}

#[test]
fn nothing_that_has_expired_is_asked_for() {
    assert_eq!(floor(1_000_000, 0, 0), None);
    assert_eq!(floor(1_000_000, 10, 2), floor(1_000_000, 2, 10));
    let floor = floor(1_000_000, 0, 2);
    let begun = begin(fresh(), Resource::Conversations, Plan { floor, ..plan(1_000_000) });
    assert_eq!(begun.since, Some(time(1_000_000 - 2 * DAY)));
}

#[test]
fn another_shape_reads_everything_again_and_only_once() {
    let reshaped = Plan { shape: "2", ..plan(NOW + 900) };
    let again = begin(caught_up(NOW), Resource::Conversations, reshaped);
    assert_eq!((again.purpose, again.since), (Purpose::History, None));
    let (_, done) = windows(again, reshaped, |_| 100);
    assert_eq!(purpose(&done, Resource::Conversations, reshaped), Purpose::Changes);
    assert_eq!(purpose(&done, Resource::Conversations, plan(NOW)), Purpose::History, "switched back");
}

#[test]
fn a_lower_floor_fetches_only_what_is_missing_and_then_goes_on_where_it_was() {
    let days = |days: u32, now: i64| Plan { floor: floor(now, days, 0), ..plan(now) };
    let first = begin(fresh(), Resource::Conversations, days(30, NOW));
    let (_, done) = windows(first, days(30, NOW), |_| 100);
    assert_eq!(
        purpose(&done, Resource::Conversations, days(30, NOW + 900)),
        Purpose::Changes,
        "the floor moves with time"
    );
    let older = begin(done, Resource::Conversations, days(90, NOW + 900));
    assert_eq!(older.purpose, Purpose::Older);
    assert_eq!((older.since, older.until), (Some(time(NOW + 900 - 90 * DAY)), Some(time(NOW - 30 * DAY))));
    let (_, done) = windows(older, days(90, NOW + 900), |_| 100);
    assert_eq!(done.high_water, Some(time(NOW)), "what changed is still to be asked for");
    assert_eq!(done.next_run_at, Some(NOW + 900), "at once");
    let next = begin(done, Resource::Conversations, days(90, NOW + 960));
    assert_eq!((next.purpose, next.since), (Purpose::Changes, Some(time(NOW - OVERLAP_SECONDS))));
    let unlimited = begin(next, Resource::Conversations, plan(NOW + 1_000));
    assert_eq!((unlimited.purpose, unlimited.since), (Purpose::Older, None));
}

#[test]
fn what_expired_while_the_retention_was_short_is_fetched_again_when_it_is_long() {
    let keep = |days: u32, now: i64| Plan { floor: floor(now, 0, days), ..plan(now) };
    let (_, done) = windows(begin(fresh(), Resource::Conversations, keep(10, NOW)), keep(10, NOW), |_| 100);
    let later = NOW + 5 * DAY;
    let (_, done) = windows(begin(done, Resource::Conversations, keep(10, later)), keep(10, later), |_| 100);
    let longer = begin(done, Resource::Conversations, keep(30, later + 900));
    assert_eq!((longer.purpose, longer.until), (Purpose::Older, Some(time(later - 10 * DAY))));
}

#[test]
fn a_sweep_is_due_once_a_week_where_intercom_does_not_tell_what_is_gone() {
    let done = Checkpoint { shape: Some("1".into()), swept_at: Some(NOW), ..fresh() };
    let at = |days: i64| purpose(&done, Resource::Contacts, plan(NOW + days * DAY));
    assert_eq!((at(6), at(7)), (Purpose::Changes, Purpose::Sweep));
    assert_eq!(purpose(&done, Resource::DeletedConversations, plan(NOW + 8 * DAY)), Purpose::Changes);
    let conversations = |days: i64| purpose(&done, Resource::Conversations, plan(NOW + days * DAY));
    assert_eq!(
        (conversations(6), conversations(7)),
        (Purpose::Changes, Purpose::History),
        "they have a list of their own"
    );
    let never = Plan { sweep_seconds: 0, ..plan(NOW + 8 * DAY) };
    assert_eq!(purpose(&done, Resource::Contacts, never), Purpose::Changes);
}

#[test]
fn a_sweep_lists_then_confirms_then_removes() {
    let due = Checkpoint { shape: Some("1".into()), high_water: Some(time(NOW)), ..fresh() };
    let listing = begin(due, Resource::Contacts, plan(NOW + 8 * DAY));
    assert_eq!((listing.purpose, listing.since), (Purpose::Sweep, None));
    let confirming = after_page(listing, Resource::Contacts, &last(), 0, plan(NOW + 8 * DAY));
    assert_eq!((confirming.stage, confirming.phase), (Stage::Confirm, Phase::Running));
    let half = after_confirming(confirming, 200, 7, 2, Some("0 x".into()));
    assert_eq!((half.stage, half.gone, half.unseen), (Stage::Confirm, 2, 7));
    let applying = after_confirming(half, 40, 9, 1, None);
    assert_eq!((applying.stage, applying.gone, applying.census.held), (Stage::Apply, 3, 240));
    let done = after_applying(applying, Resource::Contacts, 3, Some(230), plan(NOW + 8 * DAY + 60));
    assert_eq!(done.tally.unwrap().excess, 7, "240 were held, of which 3 went");
    assert_eq!((done.phase, done.swept_at), (Phase::Idle, Some(NOW + 8 * DAY + 60)));
    assert_eq!(done.high_water, Some(time(NOW + 8 * DAY)), "a sweep shows what changed, too");
}

#[test]
fn a_sweep_may_remove_fifty_things_or_a_hundredth() {
    assert_eq!((limit(0, 1), limit(5_000, 1), limit(40_000, 1), limit(40_000, 5)), (50, 50, 400, 2_000));
    assert!(!is_too_much_unseen(1_000, 0) && is_too_much_unseen(1_001, 0) && !is_too_much_unseen(50_000, 100_000));
}

#[test]
fn a_refused_token_blocks_and_a_missing_permission_only_pauses() {
    let unauthorized = ApiError::Unauthorized { request_id: "r".into() };
    assert_eq!(after_failure(fresh(), Resource::Conversations, &unauthorized, 0).phase, Phase::Blocked);
    let forbidden = ApiError::Forbidden { code: "action_forbidden".into(), request_id: "r".into() };
    let paused = after_failure(fresh(), Resource::Conversations, &forbidden, 0);
    assert_eq!((paused.phase, paused.next_run_at), (Phase::Running, Some(FORBIDDEN_SECONDS)));
    assert!(paused.last_error.unwrap().contains("action_forbidden"));
}

#[test]
fn a_cursor_that_is_gone_begins_a_new_generation() {
    let walking = Checkpoint { cursor: Some("scroll".into()), pages: 7, ..fresh() };
    let again = after_failure(walking, Resource::Companies, &ApiError::NotFound, 0);
    assert_eq!((again.generation, again.cursor, again.pages), (2, None, 0));
    assert!(again.next_run_at.unwrap() > 60, "the old scroll has to end first");
}

#[test]
fn a_scroll_that_fails_begins_again_and_one_that_somebody_else_holds_gives_way_to_the_list() {
    let scrolling = Checkpoint { cursor: Some("scroll".into()), pages: 7, ..fresh() };
    let again = after_failure(scrolling.clone(), Resource::Companies, &not_now(NotNowCause::Status(500)), 0);
    assert_eq!((again.generation, again.cursor), (2, None));
    let unreachable = after_failure(scrolling, Resource::Companies, &not_now(NotNowCause::Unreachable), 0);
    assert_eq!((unreachable.generation, unreachable.cursor), (2, None), "it may have moved on with the lost answer");

    let exists = || ApiError::Rejected { status: 400, code: "scroll_exists".into(), request_id: "r".into() };
    let mut c = fresh();
    for _ in 0..2 {
        c = after_failure(c, Resource::Companies, &exists(), 0);
        assert_eq!(c.cursor, None);
    }
    c = after_failure(c, Resource::Companies, &exists(), 0);
    assert_eq!(c.cursor.as_deref(), Some("page:1"));
    let limit = ApiError::Rejected { status: 400, code: "bad_request".into(), request_id: "r".into() };
    assert_eq!(after_failure(c, Resource::Companies, &limit, 0).cursor, None, "the list ends at 10,000");
}

#[test]
fn where_something_went_meanwhile_the_page_before_is_read_again() {
    let numbered = |total: u64, next: Option<&str>| Page { total: Some(total), ..page(next) };
    let after = |c, page: &Page| after_page(c, Resource::Articles, page, 3, plan(NOW));
    let c = after(begin(fresh(), Resource::Articles, plan(NOW)), &numbered(9, Some("2")));
    let c = after(c, &numbered(8, Some("3")));
    assert_eq!(c.cursor, None, "what was its first is the last of page 1 now");
    let c = after(after(c, &numbered(8, Some("2"))), &numbered(8, Some("3")));
    assert_eq!(c.cursor.as_deref(), Some("3"));
    let c = after(c, &numbered(7, None));
    assert_eq!((c.cursor.as_deref(), c.phase), (Some("2"), Phase::Running), "before the last page too");
    let c = after(after(c, &numbered(7, Some("3"))), &numbered(7, None));
    assert_eq!(c.phase, Phase::Idle);
    let far =
        Checkpoint { estimate: Some(100), cursor: Some("9".into()), ..begin(fresh(), Resource::Articles, plan(NOW)) };
    assert_eq!(after(far, &numbered(90, Some("10"))).cursor.as_deref(), Some("5"), "ten of three a page");
}

#[test]
fn what_is_read_whole_each_time_is_read_the_less_often_the_more_there_is() {
    let pause = |pages: u64| {
        let done = end(Checkpoint { pages, ..fresh() }, Resource::Companies, plan(NOW));
        done.next_run_at.unwrap() - NOW
    };
    assert!((900..960).contains(&pause(1)) && (900..960).contains(&pause(10)));
    assert!((1_800..1_860).contains(&pause(11)) && (DAY..DAY + 60).contains(&pause(100_000)));
}

#[test]
fn a_window_that_times_out_is_asked_for_again_a_quarter_as_long() {
    let walking = begin(Checkpoint { cursor: None, ..fresh() }, Resource::Conversations, plan(NOW));
    let walking = Checkpoint { window: current_window(&walking), cursor: Some("deep".into()), pages: 6, ..walking };
    let whole = walking.window.unwrap();
    let timed_out = after_failure(walking.clone(), Resource::Conversations, &not_now(NotNowCause::TimedOut), NOW);
    let window = timed_out.window.unwrap();
    assert_eq!((window.from, timed_out.cursor, timed_out.generation), (whole.from, None, 1));
    assert!(window.to < whole.to);
    let unreachable = after_failure(walking, Resource::Conversations, &not_now(NotNowCause::Status(500)), NOW);
    assert_eq!((unreachable.window, unreachable.cursor.as_deref()), (Some(whole), Some("deep")));
}

#[test]
fn windows_halve_while_pages_are_late_and_grow_back_when_they_are_not() {
    let plan = plan(NOW);
    let mut pages = 0;
    let (windows, done) = windows(begin(fresh(), Resource::Conversations, plan), plan, |_| {
        pages += 1;
        if pages <= 1 { SLOW_MS } else { 100 }
    });
    assert_eq!(windows.len(), 1, "a late page is no lost page");
    assert!(done.span.is_some_and(|span| span < 16 * 366 * 86_400 / 2), "the next walk begins with less");
    let mut c = begin(Checkpoint { span: Some(86_400), since: None, ..fresh() }, Resource::Conversations, plan);
    let mut spans = Vec::new();
    while c.phase == Phase::Running {
        c.window = current_window(&c);
        spans.push(c.span);
        c = after_page(c, Resource::Conversations, &last(), 3, plan);
    }
    assert_eq!(&spans[..3], &[Some(86_400), Some(2 * 86_400), Some(4 * 86_400)]);
    assert!(spans.len() < 20, "{}", spans.len());
}

proptest! {
    #[test]
    fn a_failing_endpoint_is_asked_ever_less_often_but_never_given_up(failures in 0_u32..100) {
        let failed = Checkpoint { failures, ..fresh() };
        let failed = after_failure(failed, Resource::Conversations, &ApiError::Unexpected { what: "x" }, 0);
        prop_assert!((7..=900).contains(&failed.next_run_at.unwrap()));
    }

    /// Whatever comes late or not at all: every second of the walk is in a window that was read, and it comes to an end.
    #[test]
    fn windows_cover_a_walk_without_a_gap(
        since in proptest::option::of(NOW - 4_000 * DAY..NOW),
        outcomes in proptest::collection::vec((0_u8..10, 0_u8..4), 0..200),
    ) {
        let plan = plan(NOW);
        let mut c = begin(fresh(), Resource::Conversations, plan);
        c.since = since.map(time);
        let mut covered_to = c.since;
        let mut outcomes = outcomes.into_iter();
        let mut pages = 0;
        while c.phase == Phase::Running {
            let window = current_window(&c).unwrap();
            c.window = Some(window);
            prop_assert!(window.from == covered_to, "{window:?} after {covered_to:?}");
            prop_assert!(window.to <= time(NOW) && window.from.is_none_or(|from| from < window.to));
            c = match outcomes.next() {
                Some((0 | 1, _)) => {
                    after_failure(c, Resource::Conversations, &not_now(NotNowCause::TimedOut), NOW)
                }
                Some((kind, more)) => {
                    let next = (more == 0).then_some("next");
                    if next.is_none() {
                        covered_to = Some(window.to);
                    }
                    let took_ms = if kind < 5 { SLOW_MS } else { 100 };
                    after_page(c, Resource::Conversations, &Page { took_ms, ..page(next) }, 1, plan)
                }
                None => {
                    covered_to = Some(window.to);
                    after_page(c, Resource::Conversations, &last(), 1, plan)
                }
            };
            pages += 1;
            prop_assert!(pages < 8_000);
        }
        prop_assert_eq!(covered_to, Some(time(NOW)));
        prop_assert_eq!(c.high_water, Some(time(NOW)));
    }
}
