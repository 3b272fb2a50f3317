//! Deletions that nobody told of, where Intercom's counts show that something is gone.

use emulator::{Action, Failure, FailureKind, Kind, Mutate};
use serde_json::Value;
use tests::{Options, Stack};

use crate::paging::assert_same_as_intercom;

/// Reconciled once, so that there is something to compare with.
async fn reconciled() -> Stack {
    let options = Options::default();
    let seed = emulator::Seed {
        conversations: 2,
        companies: 6,
        articles: 8,
        tickets: 4,
        contacts: 6,
        parts_per_conversation: Some(1),
        ..options.seed
    };
    let stack = Stack::start(Options { seed, ..options }).await;
    stack.install().await;
    stack.settle().await;
    stack.revisit().await;
    stack
}

/// How many sweeps there were: each has a page that lists, one for each of memory's eight rosters, and one that removes.
fn swept(stack: &Stack, resource: &str) -> usize {
    let pages = stack.metrics.lines("PagesRead");
    let is_sweep = |line: &&Value| line["resource"] == resource && line["purpose"] == "sweep";
    pages.iter().filter(is_sweep).count().div_ceil(10)
}

/// Deletes an article that others see; gives the notification, which is not delivered.
async fn delete_article(stack: &Stack) -> Value {
    let intercom = stack.intercom.state();
    let is_published = |id: &String| intercom.object(Kind::Articles, id).unwrap()["state"] == "published";
    let id = intercom.ids(Kind::Articles).into_iter().find(is_published).unwrap();
    intercom.mutate(&Mutate::new(Action::ArticleDeleted).on(id)).await.unwrap().notifications.remove(0)
}

#[tokio::test]
async fn a_deleted_article_whose_webhook_was_lost_is_gone_after_the_next_reconciliation() {
    let stack = reconciled().await;
    delete_article(&stack).await;
    stack.revisit().await;
    assert_same_as_intercom(&stack, Kind::Articles, "article").await;
    // And another one, after that.
    stack.revisit().await;
    delete_article(&stack).await;
    stack.intercom.state().mutate(&Mutate::new(Action::ArticlePublished)).await.unwrap();
    stack.revisit().await;
    assert_same_as_intercom(&stack, Kind::Articles, "article").await;
}

#[tokio::test]
async fn a_contact_and_a_ticket_that_went_without_a_word_are_gone_within_the_hour() {
    let stack = reconciled().await;
    stack.intercom.state().mutate(&Mutate::new(Action::ContactDeleted)).await.unwrap();
    let ticket = stack.intercom.state().ids(Kind::Tickets)[0].clone();
    assert!(stack.intercom.state().remove(Kind::Tickets, &ticket));
    for _ in 0..5 {
        stack.revisit().await;
    }
    assert_same_as_intercom(&stack, Kind::Contacts, "contact").await;
    assert_same_as_intercom(&stack, Kind::Tickets, "ticket").await;
}

#[tokio::test]
async fn what_is_listed_whole_each_time_is_gone_after_the_next_reconciliation() {
    let stack = reconciled().await;
    let all = [
        (Kind::Companies, "company"),
        (Kind::Tags, "tag"),
        (Kind::Teams, "team"),
        (Kind::Segments, "segment"),
        (Kind::Admins, "admin"),
    ];
    for (kind, _) in all {
        let id = stack.intercom.state().ids(kind)[0].clone();
        assert!(stack.intercom.state().remove(kind, &id));
    }
    stack.intercom.state().mutate(&Mutate::new(Action::CompanyCreated)).await.unwrap();
    stack.revisit().await;
    for (kind, entity_type) in all {
        assert_same_as_intercom(&stack, kind, entity_type).await;
    }
}

#[tokio::test]
async fn where_nothing_is_gone_nothing_is_asked_and_nothing_is_counted() {
    let stack = reconciled().await;
    let intercom = stack.intercom.state();
    stack.revisit().await;
    intercom.reset_requests();
    stack.tables.wire.take_spent();
    stack.revisit().await;
    let usual = stack.tables.wire.take_spent();
    let requests = intercom.requests();
    assert!(requests.total <= 12, "{requests:?}");
    assert_eq!(requests.of("GET /articles"), 1, "{requests:?}");
    // What is new is no reason either.
    intercom.mutate(&Mutate::new(Action::ArticlePublished)).await.unwrap();
    intercom.mutate(&Mutate::new(Action::ContactCreated)).await.unwrap();
    intercom.reset_requests();
    stack.revisit().await;
    let with_news = stack.tables.wire.take_spent();
    assert_eq!(intercom.requests().of("GET /articles"), 1);
    let queries = |spent: &tests::Spent| spent.requests.get("Query").copied().unwrap_or_default();
    assert!(queries(&with_news) <= queries(&usual) + 4, "no roster is read: {usual:?} {with_news:?}");
    for resource in ["articles", "contacts", "tickets", "companies", "tags"] {
        assert_eq!(swept(&stack, resource), 0, "{resource}");
    }
}

#[tokio::test]
async fn a_deletion_that_a_webhook_told_of_calls_no_sweep() {
    let stack = reconciled().await;
    let deleted = delete_article(&stack).await;
    stack.notify(&deleted).await;
    stack.drain().await;
    stack.revisit().await;
    assert_same_as_intercom(&stack, Kind::Articles, "article").await;
    assert_eq!(swept(&stack, "articles"), 0);
}

#[tokio::test]
async fn a_count_that_lies_calls_a_sweep_ever_less_often_and_nothing_is_lost() {
    let stack = reconciled().await;
    let lie = |total: u64| Failure {
        route: "GET /articles".to_owned(),
        kind: FailureKind::Total { total },
        times: 1,
        skip: 0,
    };
    // Some hours of it: always fewer than there are, another number each time.
    for round in 0..30_u64 {
        stack.intercom.state().clear_failures();
        stack.intercom.state().fail((0..6).map(|page| lie((round * 7 + page) % 5)).collect()).unwrap();
        stack.revisit().await;
    }
    let sweeps = swept(&stack, "articles");
    assert!((1..=5).contains(&sweeps), "{sweeps} sweeps in eight hours");
    assert_same_as_intercom(&stack, Kind::Articles, "article").await;
    assert_eq!(stack.metrics.sum("ThingsGone"), 0);
}

#[tokio::test]
async fn where_sweeps_are_switched_off_nothing_is_counted() {
    let stack = Stack::start(Options { sweep_days: 0, ..Options::default() }).await;
    stack.install().await;
    stack.settle().await;
    stack.revisit().await;
    delete_article(&stack).await;
    stack.intercom.state().reset_requests();
    stack.revisit().await;
    assert_eq!(stack.intercom.state().requests().of("GET /articles/{id}"), 0);
    assert_eq!(swept(&stack, "articles"), 0);
}
