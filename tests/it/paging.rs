//! What goes wrong while somebody else works in the workspace that is being read, and while Intercom has a bad day.

use std::time::Duration;

use emulator::{Action, Failure, FailureKind, Kind, Mutate};
use serde_json::{Value, json};
use tests::{Options, Stack};

async fn checkpoint(stack: &Stack, resource: &str) -> Value {
    let key = (format!("WORKSPACE#{}", stack.workspace()), format!("CHECKPOINT#{resource}"));
    stack.tables.dump(&stack.tables.state).await.remove(&key).unwrap()
}

fn sized(conversations: u32, articles: u32, companies: u32) -> Options {
    let options = Options::default();
    Options { seed: emulator::Seed { conversations, articles, companies, ..options.seed }, ..options }
}

fn fail(stack: &Stack, route: &str, kind: FailureKind, times: u32, skip: u32) {
    stack.intercom.state().fail(vec![Failure { route: route.to_owned(), kind, times, skip }]).unwrap();
}

/// Every thing of a kind that Intercom holds is in memory, once and in its newest version, and nothing else is. Of articles
/// those that are published.
pub(crate) async fn assert_same_as_intercom(stack: &Stack, kind: Kind, entity_type: &str) {
    let memory = stack.tables.memory().await;
    let prefix = format!("{}#{entity_type}#", stack.workspace());
    let documents = memory
        .iter()
        .filter(|((pk, sk), item)| pk.starts_with(&prefix) && sk == "document" && item.get("tombstone").is_none());
    let held: Vec<(String, i64)> = documents
        .map(|(_, item)| (item["entity_id"].as_str().unwrap().to_owned(), item["version"].as_i64().unwrap()))
        .collect();
    let intercom = stack.intercom.state();
    let mut truth: Vec<(String, i64)> = intercom
        .ids(kind)
        .into_iter()
        .filter(|id| kind != Kind::Articles || intercom.object(kind, id).unwrap()["state"] == "published")
        .map(|id| {
            let object = intercom.object(kind, &id).unwrap();
            let updated_at = object.get("updated_at").and_then(Value::as_i64).unwrap_or(0);
            (id, updated_at)
        })
        .collect();
    truth.sort();
    assert_eq!(held, truth, "{entity_type}");
}

#[tokio::test]
async fn a_conversation_that_is_bumped_while_its_window_is_read_is_neither_lost_nor_doubled() {
    let stack = Stack::start(sized(120, 0, 0)).await;
    stack.install().await;
    fail(&stack, "POST /conversations/search", FailureKind::Status { status: 500 }, 3, 1);
    stack.tick().await;
    assert_eq!(checkpoint(&stack, "conversations").await["pages"], 1);
    // One that was read, and one that was still to come; nobody tells.
    let ids = stack.intercom.state().ids(Kind::Conversations);
    let mut by_age: Vec<(i64, String)> = ids
        .into_iter()
        .map(|id| {
            (stack.intercom.state().object(Kind::Conversations, &id).unwrap()["updated_at"].as_i64().unwrap(), id)
        })
        .collect();
    by_age.sort();
    stack.clock.advance(Duration::from_secs(5));
    for (_, id) in [&by_age[0], &by_age[70]] {
        let reply = Mutate { id: Some(id.clone()), ..Mutate::new(Action::UserReplied) };
        stack.intercom.state().mutate(&reply).await.unwrap();
    }
    stack.clock.advance(Duration::from_secs(20));
    stack.settle().await;
    stack.revisit().await;
    assert_same_as_intercom(&stack, Kind::Conversations, "conversation").await;
}

#[tokio::test]
async fn conversations_of_the_same_second_are_all_there_whatever_page_they_fall_on() {
    let stack = Stack::start(sized(110, 0, 0)).await;
    for id in stack.intercom.state().ids(Kind::Conversations) {
        let mut object = stack.intercom.state().object(Kind::Conversations, &id).unwrap();
        object["updated_at"] = json!(1_795_000_000);
        stack.intercom.state().upsert(Kind::Conversations, &id, object).unwrap();
    }
    stack.install().await;
    stack.settle().await;
    assert_same_as_intercom(&stack, Kind::Conversations, "conversation").await;
    assert_eq!(stack.intercom.state().requests().of("GET /conversations/{id}"), 110, "each was fetched once");
}

#[tokio::test(start_paused = true)]
async fn windows_shrink_when_searches_time_out_and_what_lies_on_their_edges_is_fetched_once() {
    let stack = Stack::start(sized(120, 0, 0)).await;
    stack.install().await;
    // Searches are answered too late until the windows are short; then there are conversations right where one ends.
    fail(&stack, "POST /conversations/search", FailureKind::Delay { ms: 40_000 }, 6, 0);
    for _ in 0..6 {
        stack.tick().await;
        stack.clock.advance(Duration::from_secs(1_000));
    }
    let window = checkpoint(&stack, "conversations").await;
    let (to, span) = (window["window_to"].as_i64().unwrap(), window["span"].as_i64().unwrap());
    assert!(span < 86_400 * 30, "{window}");
    let ids = stack.intercom.state().ids(Kind::Conversations);
    for (id, updated_at) in ids.iter().zip([to - 1, to, to, to + 1, to + span, to + 3 * span]) {
        let mut object = stack.intercom.state().object(Kind::Conversations, id).unwrap();
        object["updated_at"] = json!(updated_at);
        stack.intercom.state().upsert(Kind::Conversations, id, object).unwrap();
    }
    stack.intercom.state().reset_requests();
    stack.settle().await;
    assert_same_as_intercom(&stack, Kind::Conversations, "conversation").await;
    let requests = stack.intercom.state().requests();
    assert_eq!(requests.of("GET /conversations/{id}"), 120, "none was fetched twice");
    let searches = requests.of("POST /conversations/search");
    assert!((4..40).contains(&searches), "the windows grew back: {searches}");
}

#[tokio::test(start_paused = true)]
async fn windows_shrink_when_searches_are_slow_and_grow_again() {
    let stack = Stack::start(sized(120, 0, 0)).await;
    stack.install().await;
    let span = async || checkpoint(&stack, "conversations").await["span"].as_i64();
    assert_eq!(span().await, None, "as long as there is");
    // Three pages of fifty: two of them take nine seconds.
    fail(&stack, "POST /conversations/search", FailureKind::Delay { ms: 9_000 }, 2, 0);
    stack.settle().await;
    let halved = span().await.unwrap();
    assert!(halved < 9 * 366 * 86_400, "{halved}");
    stack.revisit().await;
    assert_eq!(span().await, None, "and as long as there is again");
    assert_same_as_intercom(&stack, Kind::Conversations, "conversation").await;
}

#[tokio::test]
async fn a_conversation_that_is_deleted_between_search_and_fetch_leaves_nothing_behind() {
    let stack = Stack::start(sized(12, 0, 0)).await;
    stack.install().await;
    stack.tick().await;
    let deleted = stack.intercom.state().mutate(&Mutate::new(Action::ConversationDeleted)).await.unwrap();
    stack.settle().await;
    stack.revisit().await;
    assert_same_as_intercom(&stack, Kind::Conversations, "conversation").await;
    assert!(stack.backfill_queue.dead().is_empty());
    let pk = format!("acmews01#conversation#{}", deleted.ids["conversation_id"].as_str().unwrap());
    let left = stack.tables.memory_of(&pk).await;
    assert!(left.values().all(|item| item.get("body").is_none()), "{left:?}");
}

#[tokio::test]
async fn an_article_that_moves_to_the_page_before_while_one_is_deleted_is_not_lost() {
    let stack = Stack::start(sized(2, 120, 0)).await;
    stack.install().await;
    fail(&stack, "GET /articles", FailureKind::Status { status: 500 }, 3, 1);
    stack.tick().await;
    assert_eq!(checkpoint(&stack, "articles").await["pages"], 1);
    // The newest article is on the page that was read.
    let ids = stack.intercom.state().ids(Kind::Articles);
    let age = |id: &String| stack.intercom.state().object(Kind::Articles, id).unwrap()["updated_at"].as_i64().unwrap();
    let newest = ids.iter().max_by_key(|id| age(id)).unwrap().clone();
    let deleted = Mutate { id: Some(newest), ..Mutate::new(Action::ArticleDeleted) };
    let told = stack.intercom.state().mutate(&deleted).await.unwrap();
    stack.notify(&told.notifications[0]).await;
    stack.clock.advance(Duration::from_secs(20));
    stack.settle().await;
    assert_same_as_intercom(&stack, Kind::Articles, "article").await;
}

#[tokio::test]
async fn a_scroll_of_companies_that_breaks_begins_again() {
    let stack = Stack::start(sized(2, 0, 250)).await;
    stack.install().await;
    // What moves on with each request is not simply sent again.
    fail(&stack, "GET /companies/scroll", FailureKind::Status { status: 500 }, 1, 1);
    stack.tick().await;
    assert_eq!(checkpoint(&stack, "companies").await["generation"], 2);
    stack.clock.advance(Duration::from_secs(80));
    // This time it is left alone for longer than a scroll lives.
    fail(&stack, "GET /companies/scroll", FailureKind::Status { status: 503 }, 1, 2);
    stack.tick().await;
    stack.clock.advance(Duration::from_secs(90));
    stack.settle().await;
    assert_same_as_intercom(&stack, Kind::Companies, "company").await;
}

#[tokio::test]
async fn where_somebody_else_holds_the_scroll_companies_are_listed() {
    let stack = Stack::start(sized(2, 0, 130)).await;
    stack.install().await;
    let exists = || FailureKind::Refuse { status: 400, code: "scroll_exists".to_owned() };
    fail(&stack, "GET /companies/scroll", exists(), 1_000, 0);
    stack.settle_with_patience().await;
    let requests = stack.intercom.state().requests();
    assert_eq!(requests.of("GET /companies/scroll"), 3);
    let memory = stack.tables.memory().await;
    let held = memory.keys().filter(|(pk, sk)| pk.starts_with("acmews01#company#") && sk == "document").count();
    // Intercom's list leaves out companies without users.
    let intercom = stack.intercom.state();
    let with_users = intercom
        .ids(Kind::Companies)
        .iter()
        .filter(|id| intercom.object(Kind::Companies, id).unwrap()["user_count"].as_i64().unwrap() > 0)
        .count();
    assert_eq!(requests.of("GET /companies"), with_users.div_ceil(60) as u64, "60 a page");
    assert!(held >= with_users && with_users > 0, "{held} of {with_users}");
}

#[tokio::test]
async fn a_longer_backfill_later_fetches_only_what_is_missing() {
    let mut stack = Stack::start(Options { backfill_days: 10, ..sized(60, 5, 2) }).await;
    stack.install().await;
    stack.settle().await;
    let first = stack.intercom.state().requests().of("GET /conversations/{id}");
    assert!(first > 0 && first < 60, "{first}");
    stack.redeploy(|config| config.backfill_days = 0);
    stack.intercom.state().reset_requests();
    stack.revisit().await;
    assert_eq!(stack.intercom.state().requests().of("GET /conversations/{id}"), 60 - first);
    assert_same_as_intercom(&stack, Kind::Conversations, "conversation").await;
    assert_same_as_intercom(&stack, Kind::Contacts, "contact").await;
    assert_same_as_intercom(&stack, Kind::Articles, "article").await;
    assert_same_as_intercom(&stack, Kind::Tickets, "ticket").await;
    stack.intercom.state().reset_requests();
    stack.revisit().await;
    assert_eq!(stack.intercom.state().requests().of("GET /conversations/{id}"), 0);
}

#[tokio::test]
async fn notes_that_are_switched_on_later_arrive_with_the_next_reconciliation_and_go_when_they_are_switched_off() {
    let mut stack = Stack::start(sized(40, 0, 0)).await;
    stack.install().await;
    stack.settle().await;
    let noted = async |stack: &Stack| {
        let memory = stack.tables.memory().await;
        memory.values().filter(|item| item["event_type"] == "conversation.noted").count()
    };
    assert_eq!(noted(&stack).await, 0);
    stack.redeploy(|config| config.settings.ingest_internal_notes = true);
    stack.revisit().await;
    let truth: usize = stack
        .intercom
        .state()
        .ids(Kind::Conversations)
        .iter()
        .map(|id| stack.intercom.state().object(Kind::Conversations, id).unwrap())
        .flat_map(|object| object["conversation_parts"]["conversation_parts"].as_array().unwrap().clone())
        .filter(|part| part["part_type"] == "note" && part["redacted"] != json!(true))
        .count();
    assert!(truth > 0);
    assert_eq!(noted(&stack).await, truth);
    stack.redeploy(|config| config.settings.ingest_internal_notes = false);
    stack.revisit().await;
    assert_eq!(noted(&stack).await, 0);
    let dump = format!("{:?}", stack.tables.memory().await);
    assert!(!dump.contains("conversation.noted"), "no index, no split body, no digest tells of them");
}

#[tokio::test]
async fn a_longer_retention_keeps_what_is_there_and_fetches_what_has_expired() {
    let mut stack = Stack::start(Options { retention_days: 10, ..sized(60, 5, 2) }).await;
    stack.install().await;
    stack.settle().await;
    let expiring = async |stack: &Stack| {
        let memory = stack.tables.memory().await;
        memory.values().filter(|item| item.get("expires_at").is_some()).count()
    };
    assert!(expiring(&stack).await > 0);
    stack.redeploy(|config| config.settings.retention_days = 0);
    stack.revisit().await;
    assert_eq!(expiring(&stack).await, 0, "everything that is there stays");
    assert_same_as_intercom(&stack, Kind::Conversations, "conversation").await;
}
