#![allow(clippy::unwrap_used)]

use intercom::client::{Client, NotNowCause};
use proptest::prelude::*;

use super::{
    tests::{NOW, fresh, not_now, plan, showing},
    *,
};
use intercom::client::{ApiError, Page};

const LATE: NotNowCause = NotNowCause::TimedOut;

fn refused() -> ApiError {
    ApiError::Rejected { status: 400, code: "parameter_invalid".into(), request_id: "r".into() }
}

fn reading(resource: Resource, cursor: Option<&str>) -> Checkpoint {
    let begun = begin(Checkpoint { resource: resource.path().into(), ..fresh() }, resource, plan(NOW));
    Checkpoint { cursor: cursor.map(str::to_owned), ..begun }
}

/// A walk of what changed, as every quarter of an hour.
fn searching_contacts(cursor: Option<&str>) -> Checkpoint {
    let known = Checkpoint {
        shape: Some("1".into()),
        high_water: Timestamp::from_epoch_seconds(NOW - 900),
        swept_at: Some(NOW),
        ..reading(Resource::Contacts, None)
    };
    Checkpoint { cursor: cursor.map(str::to_owned), ..begin(known, Resource::Contacts, plan(NOW)) }
}

#[test]
fn pages_that_are_too_large_or_too_late_become_shorter_from_the_same_place_on() {
    for error in [ApiError::TooLarge { limit: 1 }, not_now(LATE)] {
        let c = after_failure(reading(Resource::Articles, Some("4")), Resource::Articles, &error, NOW);
        assert_eq!((c.trail.per_page, c.cursor.as_deref()), (Some(25), Some("7")), "150 were read");
        let c = after_failure(reading(Resource::Contacts, Some("WzE")), Resource::Contacts, &error, NOW);
        assert_eq!((c.trail.per_page, c.cursor.as_deref()), (Some(75), Some("WzE")));
        let list = Client::company_list_from(3);
        let c = after_failure(reading(Resource::Companies, Some(&list)), Resource::Companies, &error, NOW);
        assert_eq!((c.trail.per_page, c.cursor), (Some(30), Some(Client::company_list_from(5))));
    }
    let mut c = reading(Resource::Tickets, Some("WzE"));
    for size in [25, 12, 6, 3, 1] {
        c = after_failure(c, Resource::Tickets, &ApiError::TooLarge { limit: 1 }, NOW);
        assert_eq!((c.trail.per_page, c.cursor.as_deref()), (Some(size), Some("WzE")));
    }
    let whole = current_window(&c).unwrap();
    c = after_failure(c, Resource::Tickets, &ApiError::TooLarge { limit: 1 }, NOW);
    assert!(c.window.unwrap().to < whole.to, "then the windows");
}

#[test]
fn a_cursor_that_is_refused_begins_its_window_again_and_not_those_before() {
    let window = |c: &Checkpoint| current_window(c).unwrap();
    let c = Checkpoint { pages: 9, ..reading(Resource::Conversations, Some("WzE")) };
    let c = Checkpoint { window: Some(window(&c)), ..c };
    let whole = window(&c);
    let once = after_failure(c, Resource::Conversations, &refused(), NOW);
    assert_eq!((once.cursor.as_deref(), once.window, once.pages, once.generation), (None, Some(whole), 9, 1));
    let again = Checkpoint { cursor: Some("WzE".into()), ..once };
    let twice = after_failure(again, Resource::Conversations, &refused(), NOW);
    assert!(window(&twice).to < whole.to && window(&twice).from == whole.from, "{:?}", twice.window);
}

#[test]
fn contacts_that_cannot_be_searched_are_listed() {
    let mut c = searching_contacts(Some("WzE"));
    assert!(c.since.is_some());
    for error in [not_now(LATE), refused()] {
        c = after_failure(c, Resource::Contacts, &error, NOW);
        assert_eq!(Client::listed(c.cursor.as_deref()), None);
    }
    c = after_failure(c, Resource::Contacts, &not_now(NotNowCause::Status(500)), NOW);
    assert_eq!(c.cursor, Some(Client::contact_list()));
    let mut down = searching_contacts(None);
    for _ in 0..9 {
        down = after_failure(down, Resource::Contacts, &not_now(NotNowCause::Unreachable), NOW);
        assert_eq!(down.cursor, None, "the list would not come either");
    }
}

#[test]
fn tries_are_counted_across_pages_that_are_read_again_and_come_no_further() {
    let mut c = reading(Resource::Contacts, None);
    for tried in 1..=3 {
        c = after_page(c, Resource::Contacts, &showing(0..3, Some("a")), 3, plan(NOW));
        c = after_page(c, Resource::Contacts, &showing(3..6, Some("b")), 3, plan(NOW));
        c = after_failure(c, Resource::Contacts, &refused(), NOW);
        assert_eq!((c.trail.stumbles, c.cursor.as_deref()), (tried, None));
    }
    assert!(c.last_error.as_ref().unwrap().contains("come no further in 3 tries"), "{:?}", c.last_error);
    let c = after_page(c, Resource::Contacts, &showing(0..3, Some("a")), 3, plan(NOW));
    assert!(c.last_error.is_some(), "that was read before");
    let c = after_page(c, Resource::Contacts, &showing(3..6, Some("b")), 3, plan(NOW));
    let c = after_page(c, Resource::Contacts, &showing(6..9, Some("c")), 3, plan(NOW));
    assert_eq!((c.trail.stumbles, c.failures, c.last_error), (0, 0, None), "and this was not");
}

#[test]
fn being_told_to_wait_is_no_try() {
    let wait = ApiError::from(intercom::client::NotNow {
        retry_at_ms: Some((NOW + 7) * 1000),
        cause: NotNowCause::RateLimited,
    });
    let c = after_failure(reading(Resource::Contacts, Some("WzE")), Resource::Contacts, &wait, NOW);
    assert_eq!((c.failures, c.trail.stumbles, c.next_run_at), (0, 0, Some(NOW + 8)));
}

#[test]
fn a_page_that_leads_nowhere_is_not_followed() {
    let c = |cursor: Option<&str>| reading(Resource::Contacts, cursor);
    let odd = |c: &Checkpoint, page: &Page| oddity(c, Resource::Contacts, page);
    assert!(odd(&c(Some("a")), &showing(0..3, Some("a"))).is_some(), "it names itself");
    assert!(odd(&c(Some("a")), &showing(0..0, Some("b"))).is_some(), "empty, and more to come");
    assert!(odd(&c(Some("a")), &showing(0..0, None)).is_none(), "the end");
    let mut tried = c(Some("a"));
    tried.trail.stumbles = 1;
    assert!(odd(&tried, &showing(0..0, Some("b"))).is_none(), "empty again: it is so");
    let scrolling = reading(Resource::Companies, Some("scroll"));
    assert!(
        oddity(&scrolling, Resource::Companies, &showing(0..3, Some("scroll"))).is_none(),
        "one name for all pages"
    );
}

#[test]
fn counts_that_fall_with_every_page_send_no_walk_back_for_ever() {
    let mut c = reading(Resource::Articles, None);
    for pages in 0..200 {
        let number: u64 = c.cursor.as_deref().and_then(|number| number.parse().ok()).unwrap_or(1);
        let next = (number < 5).then(|| (number + 1).to_string());
        let shown = showing(number * 50..(number + 1) * 50, next.as_deref());
        c = after_page(c, Resource::Articles, &Page { total: Some(100_000 - 60 * pages), ..shown }, 1, plan(NOW));
        if c.phase == Phase::Idle {
            return;
        }
    }
    panic!("{c:?}");
}

proptest! {
    /// However many pages lead into a circle of however many, with other cursors each time: it is seen soon.
    #[test]
    fn a_circle_of_pages_is_seen(before in 0_u64..40, length in 1_u64..40) {
        let mut c = reading(Resource::Contacts, None);
        for turn in 0..1_000 {
            let page = if turn < before { turn } else { before + (turn - before) % length };
            let shown = showing(page * 10..page * 10 + 10, Some(&format!("cursor {turn}")));
            if oddity(&c, Resource::Contacts, &shown).is_some() {
                prop_assert!(turn >= before + length, "no page came twice");
                prop_assert!(turn <= 3 * (before + length) + 2, "{turn}");
                return Ok(());
            }
            c = after_page(c, Resource::Contacts, &shown, 1, plan(NOW));
        }
        prop_assert!(false, "never seen");
    }

    /// Whatever goes wrong in whatever order, every failure puts the next try into the future, and no page gets shorter
    /// than one.
    #[test]
    fn no_failure_is_tried_again_at_once(faults in proptest::collection::vec(0_u8..7, 1..60)) {
        for resource in Resource::ALL {
            let mut c = reading(resource, Some("7"));
            for fault in &faults {
                let error = match fault {
                    0 => not_now(LATE),
                    1 => not_now(NotNowCause::Status(500)),
                    2 => not_now(NotNowCause::Unreachable),
                    3 => ApiError::NotFound,
                    4 => refused(),
                    5 => ApiError::TooLarge { limit: 1 },
                    _ => ApiError::Unexpected { what: "x" },
                };
                c = after_failure(c, resource, &error, NOW);
                prop_assert!(c.next_run_at.unwrap() > NOW);
                prop_assert!(c.trail.per_page != Some(0));
                prop_assert!(c.phase == Phase::Running);
            }
        }
    }
}

fn counted(total: u64, excess: i64) -> Checkpoint {
    let tally = store::checkpoint::Tally { total, excess, at: NOW - 900, ..Default::default() };
    let known = Checkpoint {
        resource: "articles".into(),
        shape: Some("1".into()),
        swept_at: Some(NOW - 900),
        high_water: Timestamp::from_epoch_seconds(NOW - 900),
        tally: Some(tally),
        ..fresh()
    };
    begin(known, Resource::Articles, plan(NOW))
}

fn told(total: u64, created: i64) -> Page {
    let items = (0..created).map(|id| serde_json::json!({"id": id.to_string(), "created_at": NOW - 5})).collect();
    Page { items, total: Some(total), next: None, took_ms: 1 }
}

#[test]
fn memory_is_counted_only_where_intercom_counts_fewer_than_it_should() {
    let after = |total, created| after_page(counted(10, 0), Resource::Articles, &told(total, created), 0, plan(NOW));
    for (total, created) in [(10, 0), (12, 2), (13, 2)] {
        let c = after(total, created);
        assert_eq!((c.phase, c.tally.unwrap().total), (Phase::Idle, total), "{total} {created}");
    }
    for (total, created) in [(9, 0), (11, 2)] {
        assert_eq!(after(total, created).stage, Stage::Count, "{total} {created}");
    }
    let never = Plan { sweep_seconds: 0, ..plan(NOW) };
    let c = after_page(counted(10, 0), Resource::Articles, &told(9, 0), 0, never);
    assert_eq!(c.phase, Phase::Idle, "nobody wants sweeps");
}

#[test]
fn a_sweep_comes_at_once_where_memory_holds_more_and_only_there() {
    let count = |held, excess| {
        let mut c = after_page(counted(10, excess), Resource::Articles, &told(9, 0), 0, plan(NOW));
        c.census.held = held;
        after_count(c, Resource::Articles, 9, plan(NOW))
    };
    let gone = count(10, 0);
    assert_eq!((gone.vanished, gone.next_run_at, gone.phase), (true, Some(NOW), Phase::Idle));
    let sweep = begin(gone, Resource::Articles, plan(NOW));
    assert_eq!((sweep.purpose, sweep.vanished), (Purpose::Sweep, false));
    let told_of = count(9, 0);
    assert!(!told_of.vanished && told_of.next_run_at.unwrap() >= NOW + 900);
    assert!(!count(14, 5).vanished, "a sweep has found these five there before");
    let expired = count(3, 0);
    assert_eq!((expired.vanished, expired.tally.unwrap().excess), (false, -6), "a floor leaves some out");
}

#[test]
fn a_count_that_lies_calls_a_sweep_ever_less_often() {
    let mut c = counted(10, 0);
    let (mut now, mut sweeps) = (NOW, Vec::new());
    while now < NOW + 7 * 86_400 {
        // Another lie each time, and nothing of it is true.
        let total = 9 - (now / 900).rem_euclid(9).unsigned_abs();
        let plan = Plan { now, ..plan(now) };
        c = begin(c, Resource::Articles, plan);
        if c.purpose == Purpose::Sweep {
            sweeps.push(now);
            c = after_page(c, Resource::Articles, &told(total, 0), 0, plan);
            c = after_applying(after_confirming(c, 10, 0, 0, None), Resource::Articles, 0, Some(10), plan);
        } else {
            c = after_page(c, Resource::Articles, &told(total, 0), 0, plan);
            if c.stage == Stage::Count {
                c.census.held = 10;
                c = after_count(c, Resource::Articles, total, plan);
            }
        }
        now += 900;
    }
    assert!((2..=7).contains(&sweeps.len()), "{sweeps:?}");
}

#[test]
fn a_scroll_that_ran_out_of_time_goes_before_all_others() {
    let at = |cursor: Option<String>| goes_on_at(&Checkpoint { cursor, ..fresh() }, Resource::Companies, NOW);
    assert!(at(Some("scroll".into())) < NOW - 86_400);
    assert_eq!((at(None), at(Some(Client::company_list()))), (NOW, NOW));
    let contacts = Checkpoint { cursor: Some("WzE".into()), ..fresh() };
    assert_eq!(goes_on_at(&contacts, Resource::Contacts, NOW), NOW, "everybody has a turn");
}

#[test]
fn an_old_token_that_is_refused_blocks_nothing() {
    let refused = ApiError::Unauthorized { request_id: "r".into() };
    let c = after_old_token(reading(Resource::Conversations, None), &refused, NOW);
    assert_eq!((c.phase, c.failures), (Phase::Running, 1));
    assert!(c.next_run_at.unwrap() > NOW);
}

#[test]
fn a_page_of_questions_that_does_not_get_through_becomes_smaller_and_grows_back() {
    let wait = || {
        ApiError::from(intercom::client::NotNow {
            retry_at_ms: Some((NOW + 5) * 1000),
            cause: NotNowCause::RateLimited,
        })
    };
    let mut c = Checkpoint { stage: Stage::Confirm, ..reading(Resource::Contacts, None) };
    for size in [100, 50, 25] {
        c = after_failure(c, Resource::Contacts, &wait(), NOW);
        assert_eq!(c.trail.per_page, Some(size));
    }
    for _ in 0..5 {
        c = after_confirming(c, 1, 0, 0, Some("1 ".into()));
    }
    assert_eq!(c.trail.per_page, Some(200));
}

#[test]
fn before_the_beginning_of_time_nothing_is_asked_for() {
    let known = Checkpoint {
        shape: Some("1".into()),
        swept_at: Some(NOW),
        high_water: Timestamp::from_epoch_seconds(NOW),
        dirty_since: Some(Timestamp::EPOCH),
        ..fresh()
    };
    assert_eq!(begin(known, Resource::Contacts, plan(NOW)).since, None, "a list, and no search from 1969 on");
}

#[test]
fn a_second_word_on_a_deletion_is_waited_for_a_quarter_of_an_hour_and_no_longer() {
    let mut c = reading(Resource::DeletedConversations, None);
    let mut now = NOW;
    while !is_confirmed(c.until, now) {
        c = after_failure(c, Resource::DeletedConversations, &not_now(NotNowCause::Status(503)), now);
        now = c.next_run_at.unwrap();
        assert!(now <= NOW + 900, "{now}");
    }
    assert_eq!(now, NOW + 900);
}
