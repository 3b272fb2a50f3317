//! What `RetentionDays` leaves out, and what it does not.

use emulator::{Action, Kind, Mutate};
use serde_json::json;
use tests::{Options, Stack};

use crate::paging::assert_same_as_intercom;

const DAY: i64 = 86_400;

#[tokio::test]
async fn teammates_teams_and_tags_are_remembered_whatever_the_retention() {
    let stack = Stack::start(Options { retention_days: 10, ..Options::default() }).await;
    stack.install().await;
    stack.settle().await;
    for _ in 0..3 {
        for (kind, entity_type) in [(Kind::Admins, "admin"), (Kind::Teams, "team"), (Kind::Tags, "tag")] {
            assert!(!stack.intercom.state().ids(kind).is_empty());
            assert_same_as_intercom(&stack, kind, entity_type).await;
        }
        stack.revisit().await;
    }
}

#[tokio::test]
async fn what_is_not_kept_renames_nobody() {
    let stack = Stack::start(Options { retention_days: 30, ..Options::default() }).await;
    let intercom = stack.intercom.state();
    // Older than what is kept, and named by conversations that are not.
    for (kind, ids) in
        [(Kind::Companies, intercom.ids(Kind::Companies)), (Kind::Contacts, intercom.ids(Kind::Contacts))]
    {
        for id in ids {
            let mut object = intercom.object(kind, &id).unwrap();
            object["updated_at"] = json!(intercom.now() - 40 * DAY);
            intercom.upsert(kind, &id, object).unwrap();
        }
    }
    stack.install().await;
    stack.settle().await;
    stack.clock.advance(std::time::Duration::from_secs(600));
    let walks = stack.metrics.lines("ThingsRevised").len();
    for _ in 0..3 {
        let said = intercom.mutate(&Mutate::new(Action::UserReplied)).await.unwrap();
        stack.notify(&said.notifications[0]).await;
        stack.drain().await;
        stack.revisit().await;
    }
    assert_eq!(stack.metrics.lines("ThingsRevised").len(), walks, "no walk after a name that is not stored");
}
