//! Things that go and come back under their old id.

use std::time::Duration;

use emulator::{Action, Failure, FailureKind, Kind, Mutate};
use serde_json::{Value, json};
use tests::{Options, Stack};

use crate::paging::assert_same_as_intercom;

const WEEK: Duration = Duration::from_secs(7 * 86_400 + 3_600);

const ALL: [(Kind, &str); 9] = [
    (Kind::Conversations, "conversation"),
    (Kind::Tickets, "ticket"),
    (Kind::Contacts, "contact"),
    (Kind::Companies, "company"),
    (Kind::Articles, "article"),
    (Kind::Admins, "admin"),
    (Kind::Teams, "team"),
    (Kind::Tags, "tag"),
    (Kind::Segments, "segment"),
];

async fn caught_up() -> Stack {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    stack.settle().await;
    stack.clock.advance(Duration::from_secs(60));
    stack
}

async fn document(stack: &Stack, entity_type: &str, id: &str) -> Value {
    let key = (format!("{}#{entity_type}#{id}", stack.workspace()), "document".to_owned());
    stack.tables.memory().await.remove(&key).unwrap_or_default()
}

/// What memory says of everything, but for how it came about.
async fn texts(stack: &Stack) -> String {
    let said = |item: &Value| format!("{} {} {} {}", item["body"], item["title"], item["event_type"], item["state"]);
    stack.tables.memory().await.values().map(said).collect::<Vec<_>>().join("\n")
}

async fn assert_all_same(stack: &Stack) {
    for (kind, entity_type) in ALL {
        assert_same_as_intercom(stack, kind, entity_type).await;
    }
}

/// Takes it away without a word, until nobody finds it any more, and puts it back without a word.
async fn goes_and_comes_back(stack: &Stack, kind: Kind, entity_type: &str) {
    let intercom = stack.intercom.state();
    let id = intercom.ids(kind)[0].clone();
    let mut object = intercom.object(kind, &id).unwrap();
    let before = texts(stack).await;
    assert!(intercom.remove(kind, &id));
    stack.clock.advance(WEEK);
    stack.settle().await;
    stack.settle().await;
    let gone = document(stack, entity_type, &id).await;
    assert_eq!(gone["tombstone"], "absent", "{entity_type}: nobody said that it was deleted: {gone}");
    assert_all_same(stack).await;
    stack.clock.advance(Duration::from_secs(60));
    if object.get("updated_at").is_some_and(Value::is_i64) {
        object["updated_at"] = json!(intercom.now());
    }
    intercom.upsert(kind, &id, object).unwrap();
    stack.revisit().await;
    assert_all_same(stack).await;
    assert_eq!(document(stack, entity_type, &id).await.get("tombstone"), None, "{entity_type}");
    let mut lost: Vec<String> = before.lines().map(str::to_owned).collect();
    let after = texts(stack).await;
    lost.retain(|line| !after.contains(line.as_str()));
    assert_eq!(lost, Vec::<String>::new(), "{entity_type}");
}

#[tokio::test]
async fn a_company_that_went_and_came_back_under_its_old_id_is_there_with_all_that_belongs_to_it() {
    goes_and_comes_back(&caught_up().await, Kind::Companies, "company").await;
}

#[tokio::test]
async fn a_ticket_that_was_not_found_and_is_found_again_is_there_with_all_its_words() {
    goes_and_comes_back(&caught_up().await, Kind::Tickets, "ticket").await;
}

#[tokio::test]
async fn an_article_that_was_deleted_and_made_again_is_there() {
    goes_and_comes_back(&caught_up().await, Kind::Articles, "article").await;
}

#[tokio::test]
async fn a_tag_that_was_removed_and_made_again_is_there() {
    goes_and_comes_back(&caught_up().await, Kind::Tags, "tag").await;
}

#[tokio::test]
async fn a_segment_and_a_team_that_were_removed_and_made_again_are_there() {
    let stack = caught_up().await;
    goes_and_comes_back(&stack, Kind::Segments, "segment").await;
    goes_and_comes_back(&stack, Kind::Teams, "team").await;
}

#[tokio::test]
async fn a_contact_that_was_archived_and_is_back_is_there_although_nobody_told_of_its_return() {
    let stack = caught_up().await;
    let id = stack.intercom.state().ids(Kind::Contacts)[0].clone();
    let archived = Mutate::new(Action::ContactArchived).on(&id);
    let archived = stack.intercom.state().mutate(&archived).await.unwrap();
    stack.notify(&archived.notifications[0]).await;
    stack.drain().await;
    assert_eq!(document(&stack, "contact", &id).await["tombstone"], "absent");
    stack.clock.advance(Duration::from_secs(60));
    stack.intercom.state().mutate(&Mutate::new(Action::ContactUnarchived).on(&id)).await.unwrap();
    stack.revisit().await;
    assert_all_same(&stack).await;
}

#[tokio::test]
async fn what_is_listed_as_deleted_and_served_all_the_same_stays() {
    let stack = caught_up().await;
    let id = stack.intercom.state().ids(Kind::Conversations)[0].clone();
    let before = texts(&stack).await;
    stack.intercom.state().say_deleted(Kind::Conversations, &id);
    stack.revisit().await;
    assert_all_same(&stack).await;
    assert_eq!(texts(&stack).await, before);
}

#[tokio::test]
async fn what_is_listed_as_deleted_and_cannot_be_asked_for_is_gone_after_a_quarter_of_an_hour() {
    let stack = caught_up().await;
    let id = stack.intercom.state().ids(Kind::Conversations)[0].clone();
    stack.intercom.state().mutate(&Mutate::new(Action::ConversationDeleted).on(&id)).await.unwrap();
    let (route, kind) = ("GET /conversations/{id}".to_owned(), FailureKind::Status { status: 503 });
    stack.intercom.state().fail(vec![Failure { route, kind, times: 10_000, skip: 0 }]).unwrap();
    stack.clock.advance(Duration::from_secs(16 * 60));
    stack.tick().await;
    assert_eq!(document(&stack, "conversation", &id).await.get("tombstone"), None, "a second word is waited for");
    for _ in 0..20 {
        stack.clock.advance(Duration::from_secs(60));
        stack.tick().await;
    }
    assert_eq!(document(&stack, "conversation", &id).await["tombstone"], "erased");
}

#[tokio::test]
async fn an_article_that_was_unpublished_stays_so_until_it_is_published_again() {
    for is_told in [true, false] {
        let stack = caught_up().await;
        let intercom = stack.intercom.state();
        let published = intercom.mutate(&Mutate::new(Action::ArticlePublished)).await.unwrap();
        let id = published.ids["article_id"].as_str().unwrap().to_owned();
        stack.notify(&published.notifications[0]).await;
        stack.drain().await;
        assert_eq!(document(&stack, "article", &id).await["state"], "published");
        stack.clock.advance(Duration::from_secs(60));
        let unpublished = intercom.mutate(&Mutate::new(Action::ArticleUnpublished).on(&id)).await.unwrap();
        if is_told {
            stack.notify(&unpublished.notifications[0]).await;
            stack.drain().await;
        }
        for _ in 0..3 {
            stack.revisit().await;
            assert_eq!(document(&stack, "article", &id).await["tombstone"], "absent", "told: {is_told}");
        }
        stack.clock.advance(WEEK);
        stack.settle().await;
        assert_eq!(document(&stack, "article", &id).await["tombstone"], "absent");
        intercom.mutate(&Mutate::new(Action::ArticlePublished).on(&id)).await.unwrap();
        stack.revisit().await;
        assert_eq!(document(&stack, "article", &id).await["state"], "published");
        assert_all_same(&stack).await;
    }
}
