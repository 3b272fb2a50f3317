//! Looking for what is gone and nobody told of.

use std::time::Duration;

use emulator::{Action, Failure, FailureKind, Kind, Mutate};
use serde_json::{Value, json};
use tests::{Options, Stack};

use crate::paging::assert_same_as_intercom;

const WEEK: Duration = Duration::from_secs(7 * 86_400 + 3_600);

async fn checkpoint(stack: &Stack, resource: &str) -> Value {
    let key = (format!("WORKSPACE#{}", stack.workspace()), format!("CHECKPOINT#{resource}"));
    stack.tables.dump(&stack.tables.state).await.remove(&key).unwrap()
}

async fn caught_up(contacts: u32) -> Stack {
    let options = Options::default();
    let seed = emulator::Seed { contacts, companies: 6, articles: 6, tickets: 6, ..options.seed };
    let stack = Stack::start(Options { seed, ..options }).await;
    stack.install().await;
    stack.settle().await;
    stack
}

#[tokio::test]
async fn invariant_6_what_went_without_a_word_is_gone_after_the_next_sweep() {
    let stack = caught_up(8).await;
    let intercom = stack.intercom.state();
    for action in [
        Action::ContactDeleted,
        Action::ContactArchived,
        Action::ContactMerged,
        Action::CompanyDeleted,
        Action::ArticleDeleted,
        Action::ConversationDeleted,
    ] {
        stack.clock.advance(Duration::from_secs(1));
        intercom.mutate(&Mutate::new(action)).await.unwrap();
    }
    for (kind, all) in [(Kind::Tickets, 1), (Kind::Tags, 1), (Kind::Teams, 1), (Kind::Segments, 1)] {
        for id in intercom.ids(kind).into_iter().take(all) {
            assert!(intercom.remove(kind, &id));
        }
    }
    stack.clock.advance(WEEK);
    stack.settle().await;
    stack.clock.advance(Duration::from_secs(1_000));
    stack.settle().await;
    for (kind, entity_type) in [
        (Kind::Conversations, "conversation"),
        (Kind::Tickets, "ticket"),
        (Kind::Contacts, "contact"),
        (Kind::Companies, "company"),
        (Kind::Articles, "article"),
        (Kind::Admins, "admin"),
        (Kind::Teams, "team"),
        (Kind::Tags, "tag"),
        (Kind::Segments, "segment"),
    ] {
        assert_same_as_intercom(&stack, kind, entity_type).await;
    }
    let state = format!("{:?}", stack.tables.dump(&stack.tables.state).await);
    assert!(state.contains("SWEEP#"), "what was listed is kept beside the checkpoint until it expires");
}

#[tokio::test]
async fn what_a_list_omits_is_asked_for_and_stays() {
    let stack = caught_up(8).await;
    // The list of companies leaves out those without users, where the scroll cannot be had.
    let id = stack.intercom.state().ids(Kind::Companies)[0].clone();
    let mut company = stack.intercom.state().object(Kind::Companies, &id).unwrap();
    company["user_count"] = json!(0);
    stack.intercom.state().upsert(Kind::Companies, &id, company).unwrap();
    let kind = FailureKind::Refuse { status: 400, code: "scroll_exists".to_owned() };
    let held = Failure { route: "GET /companies/scroll".to_owned(), kind, times: 1_000, skip: 0 };
    stack.intercom.state().fail(vec![held]).unwrap();
    stack.clock.advance(WEEK);
    stack.intercom.state().reset_requests();
    stack.settle_with_patience().await;
    assert_eq!(stack.intercom.state().requests().of("GET /companies/{id}"), 1);
    assert_same_as_intercom(&stack, Kind::Companies, "company").await;
}

#[tokio::test]
async fn a_sweep_that_finds_too_much_gone_removes_nothing_and_tells_a_person() {
    let stack = caught_up(70).await;
    for id in stack.intercom.state().ids(Kind::Contacts).into_iter().take(55) {
        assert!(stack.intercom.state().remove(Kind::Contacts, &id));
    }
    let before = stack.tables.memory().await.len();
    stack.clock.advance(WEEK);
    stack.settle().await;
    let swept = checkpoint(&stack, "contacts").await;
    assert_eq!(swept["phase"], "idle");
    assert!(swept["notice"].as_str().unwrap().contains("SweepLimitPercent"), "{swept}");
    assert_eq!(stack.tables.memory().await.len(), before);
    assert_eq!(stack.metrics.sum("SweepsStopped"), 1);

    // The operator says that this is right.
    let mut stack = stack;
    stack.redeploy(|config| config.sweep_limit_percent = 500);
    stack.clock.advance(WEEK);
    stack.settle().await;
    assert_same_as_intercom(&stack, Kind::Contacts, "contact").await;
    assert_eq!(checkpoint(&stack, "contacts").await.get("notice"), None);
}

#[tokio::test]
async fn a_sweep_without_a_change_costs_a_page_for_fifty_and_no_question() {
    let stack = caught_up(120).await;
    stack.clock.advance(WEEK);
    stack.intercom.state().reset_requests();
    stack.settle().await;
    let requests = stack.intercom.state().requests();
    assert_eq!(requests.of("GET /contacts/{id}") + requests.of("GET /companies/{id}"), 0, "{requests:?}");
    assert_eq!(requests.of("GET /contacts"), 1, "150 a page");
}

#[tokio::test]
async fn data_events_are_read_where_they_are_wanted() {
    let options = Options::default();
    let stack = Stack::start(Options { data_events: true, ..options }).await;
    stack.install().await;
    stack.settle().await;
    stack.clock.advance(Duration::from_secs(60));
    stack.settle().await;
    let events = stack.intercom.state().ids(Kind::Events);
    let ninety_days_ago = stack.intercom.state().now() - 90 * 86_400;
    let young = events.iter().filter(|id| {
        let event = stack.intercom.state().object(Kind::Events, id).unwrap();
        event["created_at"].as_i64().unwrap() >= ninety_days_ago
    });
    let young = young.count();
    let memory = stack.tables.memory().await;
    let held = memory.keys().filter(|(pk, sk)| pk.starts_with("acmews01#data-event#") && sk == "document").count();
    assert!(young > 0, "the world has some");
    assert_eq!(held, young);
    let contacts = stack.intercom.state().ids(Kind::Contacts).len() as u64;
    assert!(stack.intercom.state().requests().of("GET /events") >= contacts, "one question a contact");

    stack.intercom.state().reset_requests();
    stack.revisit().await;
    assert_eq!(stack.intercom.state().requests().of("GET /events"), 0, "not every quarter of an hour");
}

#[tokio::test]
async fn data_events_are_not_asked_for_where_they_are_not_wanted() {
    let stack = caught_up(8).await;
    assert_eq!(stack.intercom.state().requests().of("GET /events"), 0);
}

#[tokio::test]
async fn a_conversation_whose_fetch_went_to_the_dead_letters_is_found_within_a_week() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    stack.tick().await;
    // Received again and again, and never done with.
    for _ in 0..6 {
        stack.backfill_queue.take(usize::MAX);
        stack.clock.advance(Duration::from_secs(400));
    }
    assert_eq!(stack.backfill_queue.dead().len(), 12);
    stack.settle().await;
    let held = |items: &crate::memory::Items| {
        items.keys().filter(|(pk, sk)| pk.contains("#conversation#") && sk == "document").count()
    };
    assert_eq!(held(&stack.tables.memory().await), 0, "nothing has changed since, so no reconciliation asks for them");
    stack.clock.advance(WEEK);
    stack.settle().await;
    assert_eq!(held(&stack.tables.memory().await), 12);
}
