//! Pages that go wrong in every way: a walk comes to its end by another way, or says what is wrong, and never goes in a
//! circle.

use std::time::Duration;

use emulator::{Failure, FailureKind, Kind};
use serde_json::{Value, json};
use tests::{Options, Stack};

use crate::paging::assert_same_as_intercom;

async fn checkpoint(stack: &Stack, resource: &str) -> Value {
    let key = (format!("WORKSPACE#{}", stack.workspace()), format!("CHECKPOINT#{resource}"));
    stack.tables.dump(&stack.tables.state).await.remove(&key).unwrap()
}

fn seed() -> emulator::Seed {
    emulator::Seed {
        conversations: 2,
        contacts: 2,
        companies: 0,
        articles: 0,
        tickets: 0,
        parts_per_conversation: Some(1),
        ..Options::default().seed
    }
}

async fn installed(seed: emulator::Seed) -> Stack {
    let stack = Stack::start(Options { seed, ..Options::default() }).await;
    stack.install().await;
    stack
}

/// For ever, or as good as.
fn always(stack: &Stack, route: &str, kind: FailureKind) {
    times(stack, route, kind, 1_000_000, 0);
}

fn times(stack: &Stack, route: &str, kind: FailureKind, times: u32, skip: u32) {
    stack.intercom.state().fail(vec![Failure { route: route.to_owned(), kind, times, skip }]).unwrap();
}

fn paged(then: FailureKind) -> FailureKind {
    FailureKind::When { paged: true, above: None, then: Box::new(then) }
}

fn above(per_page: u64, then: FailureKind) -> FailureKind {
    FailureKind::When { paged: false, above: Some(per_page), then: Box::new(then) }
}

/// When the walk is tried again.
async fn until_due(stack: &Stack, resource: &str) {
    let at = checkpoint(stack, resource).await["next_run_at"].as_i64().unwrap();
    let wait = (at - stack.intercom.state().now()).max(1);
    stack.clock.advance(Duration::from_secs(wait.unsigned_abs()));
}

/// Goes on until the walk is done, for so many tries at most.
async fn until_done(stack: &Stack, resource: &str, tries: u32) {
    for _ in 0..tries {
        stack.tick().await;
        stack.drain().await;
        if checkpoint(stack, resource).await["phase"] == "idle" {
            return;
        }
        until_due(stack, resource).await;
    }
    panic!("{}", checkpoint(stack, resource).await);
}

/// Goes on for so many tries, and comes to no end; it asks a few times each time, and says plainly that it comes no further.
async fn says_what_is_wrong(stack: &Stack, resource: &str, route: &str) {
    stack.intercom.state().reset_requests();
    for _ in 0..12 {
        stack.tick().await;
        stack.drain().await;
        until_due(stack, resource).await;
    }
    let stuck = checkpoint(stack, resource).await;
    assert_eq!(stuck["phase"], "running", "{stuck}");
    let said = stuck["last_error"].as_str().unwrap_or_default();
    assert!(said.contains("has come no further in") && said.contains(resource), "{stuck}");
    let asked = stack.intercom.state().requests().of(route);
    assert!((4..=80).contains(&asked), "{asked} requests in twelve tries");
    stack.intercom.state().clear_failures();
    until_done(stack, resource, 20).await;
    assert_eq!(checkpoint(stack, resource).await.get("last_error"), None);
}

/// All contacts have changed a moment ago, so that one search has pages.
fn touch_contacts(stack: &Stack) {
    let intercom = stack.intercom.state();
    for id in intercom.ids(Kind::Contacts) {
        let mut contact = intercom.object(Kind::Contacts, &id).unwrap();
        contact["updated_at"] = json!(intercom.now());
        intercom.upsert(Kind::Contacts, &id, contact).unwrap();
    }
}

#[tokio::test]
async fn a_search_whose_cursors_are_refused_each_time_ends_in_shorter_windows() {
    for status in [400, 404, 500] {
        let stack = installed(emulator::Seed { conversations: 60, ..seed() }).await;
        always(&stack, "POST /conversations/search", paged(FailureKind::Status { status }));
        until_done(&stack, "conversations", 400).await;
        assert_same_as_intercom(&stack, Kind::Conversations, "conversation").await;
    }
}

#[tokio::test]
async fn a_search_whose_pages_lead_in_a_circle_ends_in_shorter_windows() {
    for kind in [FailureKind::NextIsSame, FailureKind::FirstAgain] {
        let stack = installed(emulator::Seed { conversations: 60, ..seed() }).await;
        always(&stack, "POST /conversations/search", paged(kind));
        until_done(&stack, "conversations", 400).await;
        assert_same_as_intercom(&stack, Kind::Conversations, "conversation").await;
    }
}

#[tokio::test]
async fn contacts_whose_search_does_not_come_through_are_listed() {
    for status in [404, 500] {
        let stack = installed(emulator::Seed { contacts: 60, ..seed() }).await;
        stack.settle().await;
        stack.clock.advance(Duration::from_secs(1_000));
        touch_contacts(&stack);
        always(&stack, "POST /contacts/search", paged(FailureKind::Status { status }));
        stack.intercom.state().reset_requests();
        until_done(&stack, "contacts", 40).await;
        stack.drain().await;
        assert_same_as_intercom(&stack, Kind::Contacts, "contact").await;
        assert!(stack.intercom.state().requests().of("GET /contacts") > 0);
    }
}

#[tokio::test]
async fn a_list_whose_cursors_are_refused_each_time_says_so_and_goes_on_when_it_can() {
    for kind in [
        FailureKind::Status { status: 404 },
        FailureKind::Status { status: 500 },
        FailureKind::NextIsSame,
        FailureKind::FirstAgain,
        FailureKind::Hollow,
    ] {
        let stack = installed(emulator::Seed { contacts: 160, ..seed() }).await;
        always(&stack, "GET /contacts", paged(kind));
        says_what_is_wrong(&stack, "contacts", "GET /contacts").await;
        assert_same_as_intercom(&stack, Kind::Contacts, "contact").await;
    }
}

#[tokio::test]
async fn counted_pages_that_are_refused_each_time_say_so_and_go_on_when_they_can() {
    for status in [400, 500] {
        let stack = installed(emulator::Seed { articles: 60, ..seed() }).await;
        always(&stack, "GET /articles", paged(FailureKind::Status { status }));
        says_what_is_wrong(&stack, "articles", "GET /articles").await;
        assert_same_as_intercom(&stack, Kind::Articles, "article").await;
    }
}

#[tokio::test]
async fn a_scroll_whose_answer_was_lost_after_it_had_moved_on_loses_no_company() {
    let stack = installed(emulator::Seed { companies: 310, ..seed() }).await;
    times(&stack, "GET /companies/scroll", FailureKind::Truncated, 1, 1);
    until_done(&stack, "companies", 20).await;
    assert_same_as_intercom(&stack, Kind::Companies, "company").await;
}

#[tokio::test]
async fn a_scroll_that_loses_its_answers_each_time_gives_way_to_the_list() {
    for kind in [FailureKind::Truncated, FailureKind::Status { status: 404 }] {
        let stack = installed(emulator::Seed { companies: 130, ..seed() }).await;
        always(&stack, "GET /companies/scroll", paged(kind));
        until_done(&stack, "companies", 20).await;
        let intercom = stack.intercom.state();
        assert!(intercom.requests().of("GET /companies") > 0);
        let memory = stack.tables.memory().await;
        for id in intercom.ids(Kind::Companies) {
            let has_users = intercom.object(Kind::Companies, &id).unwrap()["user_count"].as_i64().unwrap() > 0;
            let key = (format!("{}#company#{id}", stack.workspace()), "document".to_owned());
            assert!(!has_users || memory.contains_key(&key), "{id}");
        }
    }
}

#[tokio::test]
async fn pages_that_are_too_large_to_be_read_become_shorter() {
    let seed = emulator::Seed { conversations: 30, contacts: 30, articles: 30, tickets: 30, ..seed() };
    let stack = installed(seed).await;
    for route in ["POST /conversations/search", "POST /tickets/search", "GET /contacts", "GET /articles"] {
        always(&stack, route, above(20, FailureKind::Oversized));
    }
    for resource in ["conversations", "tickets", "contacts", "articles"] {
        until_done(&stack, resource, 40).await;
    }
    stack.drain().await;
    assert_same_as_intercom(&stack, Kind::Conversations, "conversation").await;
    assert_same_as_intercom(&stack, Kind::Tickets, "ticket").await;
    assert_same_as_intercom(&stack, Kind::Contacts, "contact").await;
    assert_same_as_intercom(&stack, Kind::Articles, "article").await;
}

#[tokio::test(start_paused = true)]
async fn pages_that_never_come_in_time_become_shorter() {
    let stack = installed(emulator::Seed { contacts: 30, articles: 30, ..seed() }).await;
    for route in ["GET /contacts", "GET /articles"] {
        always(&stack, route, above(20, FailureKind::Delay { ms: 40_000 }));
    }
    for resource in ["contacts", "articles"] {
        until_done(&stack, resource, 40).await;
    }
    assert_same_as_intercom(&stack, Kind::Contacts, "contact").await;
    assert_same_as_intercom(&stack, Kind::Articles, "article").await;
}

#[tokio::test]
async fn totals_that_lie_lose_nothing_and_end() {
    for total in [0, 10_000_000] {
        let stack = installed(emulator::Seed { articles: 60, conversations: 60, contacts: 20, ..seed() }).await;
        for route in ["GET /articles", "POST /conversations/search", "GET /contacts", "GET /conversations/deleted"] {
            always(&stack, route, FailureKind::Total { total });
        }
        for resource in ["articles", "conversations", "contacts", "deleted_conversations"] {
            until_done(&stack, resource, 20).await;
        }
        stack.drain().await;
        assert_same_as_intercom(&stack, Kind::Articles, "article").await;
        assert_same_as_intercom(&stack, Kind::Conversations, "conversation").await;
        assert_same_as_intercom(&stack, Kind::Contacts, "contact").await;
    }
}

#[tokio::test]
async fn totals_that_change_with_every_page_send_no_walk_back_for_ever() {
    let stack = installed(emulator::Seed { articles: 160, ..seed() }).await;
    for page in 0..400 {
        times(&stack, "GET /articles", FailureKind::Total { total: 100_000 - page * 60 }, 1, 0);
    }
    until_done(&stack, "articles", 5).await;
    let asked = stack.intercom.state().requests().of("GET /articles");
    assert!(asked <= 60, "{asked}");
    assert_same_as_intercom(&stack, Kind::Articles, "article").await;
}

#[tokio::test]
async fn an_empty_page_that_says_there_is_more_loses_nothing() {
    let seed = emulator::Seed { articles: 60, conversations: 60, contacts: 160, ..seed() };
    let stack = installed(seed).await;
    for route in ["GET /articles", "POST /conversations/search", "GET /contacts"] {
        times(&stack, route, FailureKind::Hollow, 1, 1);
    }
    for resource in ["articles", "conversations", "contacts"] {
        until_done(&stack, resource, 20).await;
    }
    stack.drain().await;
    assert_same_as_intercom(&stack, Kind::Articles, "article").await;
    assert_same_as_intercom(&stack, Kind::Conversations, "conversation").await;
    assert_same_as_intercom(&stack, Kind::Contacts, "contact").await;
}

#[tokio::test]
async fn a_page_that_came_before_once_is_asked_for_again() {
    let stack = installed(emulator::Seed { conversations: 60, contacts: 160, articles: 60, ..seed() }).await;
    for route in ["POST /conversations/search", "GET /contacts", "GET /articles"] {
        times(&stack, route, paged(FailureKind::FirstAgain), 1, 0);
    }
    for resource in ["conversations", "contacts", "articles"] {
        until_done(&stack, resource, 20).await;
    }
    stack.drain().await;
    assert_same_as_intercom(&stack, Kind::Conversations, "conversation").await;
    assert_same_as_intercom(&stack, Kind::Contacts, "contact").await;
    assert_same_as_intercom(&stack, Kind::Articles, "article").await;
}

#[tokio::test]
async fn searches_that_are_empty_for_ever_are_asked_a_few_times_and_say_so() {
    let stack = installed(emulator::Seed { conversations: 60, ..seed() }).await;
    always(&stack, "POST /conversations/search", FailureKind::Hollow);
    says_what_is_wrong(&stack, "conversations", "POST /conversations/search").await;
    stack.drain().await;
    assert_same_as_intercom(&stack, Kind::Conversations, "conversation").await;
}
