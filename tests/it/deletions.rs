//! What counts as gone: erasing takes two voices, and what a fetch alone does not find can come back.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use emulator::{Action, Failure, FailureKind, Kind, Mutate};
use memory::{EntityRef, EntityType, Settings};
use serde_json::{Value, json};
use tests::{Options, Stack};

use crate::memory::{Items, conversation_pk, deliver, installed, mutate, of};

pub(crate) fn fail(stack: &Stack, route: &str, kind: FailureKind, times: u32) {
    let rule = Failure { route: route.to_owned(), kind, times, skip: 0 };
    stack.intercom.state().fail(vec![rule]).unwrap();
}

async fn document(stack: &Stack, kind: &str, id: &str) -> Value {
    let key = (format!("acmews01#{kind}#{id}"), "document".to_owned());
    stack.tables.memory().await.remove(&key).unwrap_or_default()
}

fn parts_of(items: &Items, id: &str) -> usize {
    let pk = conversation_pk(id);
    of(items, &pk).filter(|(sk, _)| sk.starts_with("event#")).count()
}

/// Deletes a thing, with its notification, and has Intercom serve it again all the same.
async fn said_to_be_deleted(stack: &Stack, action: Action, kind: Kind, id: &str) -> emulator::Mutation {
    let object = stack.intercom.state().object(kind, id).unwrap();
    let deleted = mutate(stack, &Mutate::new(action).on(id)).await;
    stack.intercom.state().upsert(kind, id, object).unwrap();
    deleted
}

#[tokio::test]
async fn a_not_found_alone_makes_a_conversation_absent_and_a_later_look_brings_it_back() {
    let stack = installed().await;
    let id = stack.intercom.state().ids(Kind::Conversations)[0].clone();
    let before = parts_of(&stack.tables.memory().await, &id);
    assert!(before > 1);
    fail(&stack, "GET /conversations/{id}", FailureKind::Status { status: 404 }, 1);
    let reply = mutate(&stack, &Mutate::new(Action::UserReplied).on(&id)).await;
    deliver(&stack, &reply).await;
    assert_eq!(document(&stack, "conversation", &id).await["tombstone"], "absent");
    assert_eq!(parts_of(&stack.tables.memory().await, &id), 0, "its words are gone while it is");
    stack.revisit().await;
    assert_eq!(document(&stack, "conversation", &id).await.get("tombstone"), None);
    assert_eq!(parts_of(&stack.tables.memory().await, &id), before + 1);
}

#[tokio::test]
async fn a_not_found_that_intercom_did_not_write_is_an_outage() {
    let stack = installed().await;
    let id = stack.intercom.state().ids(Kind::Conversations)[0].clone();
    fail(&stack, "GET /conversations/{id}", FailureKind::Foreign { status: 404 }, 4);
    let reply = mutate(&stack, &Mutate::new(Action::UserReplied).on(&id)).await;
    for notification in &reply.notifications {
        stack.notify(notification).await;
    }
    stack.enrich_batch(&stack.live).await;
    assert_eq!(document(&stack, "conversation", &id).await.get("tombstone"), None);
    assert_eq!(stack.live.bodies().len(), 1, "a copy waits");
    stack.drain().await;
    assert!(stack.tables.memory().await.values().any(|item| item.get("part_id") == reply.ids.get("part_id")));
}

#[tokio::test]
async fn what_is_said_to_be_deleted_and_still_served_is_not_erased() {
    let stack = installed().await;
    let conversation = stack.intercom.state().ids(Kind::Conversations)[0].clone();
    let contact = stack.intercom.state().ids(Kind::Contacts)[0].clone();
    let before = stack.tables.memory().await;
    for (action, kind, id) in [
        (Action::ConversationDeleted, Kind::Conversations, &conversation),
        (Action::ContactDeleted, Kind::Contacts, &contact),
    ] {
        let deleted = said_to_be_deleted(&stack, action, kind, id).await;
        deliver(&stack, &deleted).await;
    }
    crate::memory::assert_same(&before, &stack.tables.memory().await);
    assert_eq!(stack.metrics.sum("ErasuresDoubted"), 2);
    assert!(stack.live.bodies().is_empty() && stack.live.dead().is_empty());
}

#[tokio::test]
async fn what_is_listed_as_deleted_and_still_served_is_not_erased() {
    let stack = installed().await;
    let all = stack.intercom.state().ids(Kind::Conversations);
    let (id, deleted) = (all[0].clone(), all[1].clone());
    let _lost = mutate(&stack, &Mutate::new(Action::ConversationDeleted).on(&deleted)).await;
    let by = format!("\"{id}\"");
    let other = FailureKind::Replaced { text: format!("\"{deleted}\""), by };
    fail(&stack, "GET /conversations/deleted", other, 1_000);
    stack.revisit().await;
    assert_eq!(document(&stack, "conversation", &id).await.get("tombstone"), None);
    assert!(stack.metrics.sum("ErasuresDoubted") >= 1);
}

#[tokio::test]
async fn a_deletion_is_believed_where_intercom_cannot_be_asked_for_a_quarter_of_an_hour() {
    let stack = installed().await;
    let deleted = mutate(&stack, &Mutate::new(Action::ContactDeleted)).await;
    let contact = deleted.ids["contact_id"].as_str().unwrap().to_owned();
    fail(&stack, "*", FailureKind::Status { status: 503 }, 1_000_000);
    let told_at = stack.clock.now();
    stack.notify(&deleted.notifications[0]).await;
    stack.enrich_batch(&stack.live).await;
    assert_eq!(document(&stack, "contact", &contact).await.get("tombstone"), None);
    while document(&stack, "contact", &contact).await["tombstone"] != "erased" {
        stack.clock.advance(Duration::from_secs(5));
        stack.enrich_batch(&stack.live).await;
        assert!(stack.clock.now() - told_at < Duration::from_secs(17 * 60));
    }
    assert!(stack.clock.now() - told_at >= Duration::from_secs(15 * 60));
}

#[tokio::test]
async fn a_rush_of_not_found_in_one_workspace_stops_and_tells_and_everything_comes_back() {
    let options = Options::default();
    let seed = emulator::Seed { conversations: 60, ..options.seed };
    let stack = Stack::start(Options { seed, ..options }).await;
    stack.install().await;
    stack.settle().await;
    fail(&stack, "GET /conversations/{id}", FailureKind::Status { status: 404 }, 1_000);
    for id in stack.intercom.state().ids(Kind::Conversations) {
        let reply = mutate(&stack, &Mutate::new(Action::UserReplied).on(&id)).await;
        stack.notify(&reply.notifications[0]).await;
    }
    // What waits may come again within the hour: it waits on.
    for _ in 0..20 {
        while stack.enrich_batch(&stack.live).await {}
        stack.clock.advance(Duration::from_secs(30));
    }
    let absent = |items: &Items| items.values().filter(|item| item.get("tombstone").is_some()).count();
    assert_eq!(absent(&stack.tables.memory().await), 50);
    assert!(stack.metrics.sum("AbsencesStopped") >= 10);
    stack.intercom.state().clear_failures();
    stack.drain().await;
    stack.revisit().await;
    assert_eq!(absent(&stack.tables.memory().await), 0);
    crate::paging::assert_same_as_intercom(&stack, Kind::Conversations, "conversation").await;
}

#[tokio::test]
async fn a_deleted_company_comes_back_under_its_id() {
    let stack = installed().await;
    let id = stack.intercom.state().ids(Kind::Companies)[0].clone();
    let deleted = said_to_be_deleted(&stack, Action::CompanyDeleted, Kind::Companies, &id).await;
    deliver(&stack, &deleted).await;
    assert_eq!(document(&stack, "company", &id).await["tombstone"], "absent");
    let updated = mutate(&stack, &Mutate::new(Action::CompanyUpdated).on(&id)).await;
    deliver(&stack, &updated).await;
    assert_eq!(document(&stack, "company", &id).await.get("tombstone"), None);
}

/// A customer's ticket: a conversation, and a ticket under the same id.
async fn customers_ticket(stack: &Stack) -> String {
    let intercom = stack.intercom.state();
    let id = intercom.ids(Kind::Conversations)[0].clone();
    let mut ticket = intercom.object(Kind::Tickets, &intercom.ids(Kind::Tickets)[0]).unwrap();
    ticket["id"] = json!(id);
    ticket["updated_at"] = json!(intercom.now());
    intercom.upsert(Kind::Tickets, &id, ticket).unwrap();
    stack.revisit().await;
    assert!(document(stack, "ticket", &id).await.get("title").is_some());
    id
}

#[tokio::test]
async fn deleting_a_conversation_erases_the_ticket_of_the_same_id() {
    for is_told in [true, false] {
        let stack = installed().await;
        let id = customers_ticket(&stack).await;
        stack.intercom.state().remove(Kind::Tickets, &id);
        let deleted = mutate(&stack, &Mutate::new(Action::ConversationDeleted).on(&id)).await;
        if is_told {
            deliver(&stack, &deleted).await;
        } else {
            stack.revisit().await;
        }
        for kind in ["conversation", "ticket"] {
            assert_eq!(document(&stack, kind, &id).await["tombstone"], "erased", "{kind}, told: {is_told}");
        }
        let items = stack.tables.memory().await;
        let left = items.keys().filter(|(pk, sk)| pk.ends_with(&format!("#{id}")) && sk != "document").count();
        assert_eq!(left, 0);
    }
}

#[tokio::test]
async fn a_ticket_that_intercom_still_serves_stays_when_the_conversation_of_its_id_is_deleted() {
    let stack = installed().await;
    let id = customers_ticket(&stack).await;
    let deleted = mutate(&stack, &Mutate::new(Action::ConversationDeleted).on(&id)).await;
    deliver(&stack, &deleted).await;
    assert_eq!(document(&stack, "conversation", &id).await["tombstone"], "erased");
    assert_eq!(document(&stack, "ticket", &id).await.get("tombstone"), None);
}

#[tokio::test]
async fn redacting_a_message_of_a_conversation_looks_at_the_ticket_of_the_same_id_too() {
    let stack = installed().await;
    let id = customers_ticket(&stack).await;
    let reply = mutate(&stack, &Mutate::new(Action::UserReplied).on(&id).saying("<p>my card is 4000-0000</p>")).await;
    deliver(&stack, &reply).await;
    // Intercom's ticket has lost the words as well, and says no other time of change.
    let mut ticket = stack.intercom.state().object(Kind::Tickets, &id).unwrap();
    ticket["ticket_attributes"]["_default_title_"] = json!("redacted title");
    stack.intercom.state().upsert(Kind::Tickets, &id, ticket).unwrap();
    let mut redact = Mutate::new(Action::PartRedacted).on(&id);
    redact.part_id = reply.ids["part_id"].as_str().map(str::to_owned);
    let redacted = mutate(&stack, &redact).await;
    deliver(&stack, &redacted).await;
    assert_eq!(document(&stack, "ticket", &id).await["title"], "redacted title");
    assert!(!format!("{:?}", stack.tables.memory().await).contains("4000-0000"));
}

#[tokio::test]
async fn what_only_a_notification_told_stays_while_a_contact_is_archived_and_goes_when_it_is_deleted() {
    let stack = installed().await;
    let merged = mutate(&stack, &Mutate::new(Action::ContactMerged)).await;
    let contact = merged.ids["contact_id"].as_str().unwrap().to_owned();
    deliver(&stack, &merged).await;
    let pk = format!("acmews01#contact#{contact}");
    let observed = |items: &Items| {
        of(items, &pk)
            .filter(|(_, item)| item["attributes"]["seen_by"] == "webhook")
            .map(|(sk, _)| sk.to_owned())
            .collect::<Vec<_>>()
    };
    let told = observed(&stack.tables.memory().await);
    assert_eq!(told.len(), 1, "that it swallowed another one");
    let archived = mutate(&stack, &Mutate::new(Action::ContactArchived).on(&contact)).await;
    deliver(&stack, &archived).await;
    let items = stack.tables.memory().await;
    assert_eq!(of(&items, &pk).count(), 2, "tombstone and observation: {:?}", of(&items, &pk).collect::<Vec<_>>());
    let back = mutate(&stack, &Mutate::new(Action::ContactUnarchived).on(&contact)).await;
    deliver(&stack, &back).await;
    assert_eq!(observed(&stack.tables.memory().await), told);
    let deleted = mutate(&stack, &Mutate::new(Action::ContactDeleted).on(&contact)).await;
    deliver(&stack, &deleted).await;
    let items = stack.tables.memory().await;
    assert_eq!(of(&items, &pk).count(), 1);
}

#[tokio::test]
async fn what_slower_writers_put_behind_the_tombstone_of_a_conversation_goes_again() {
    let stack = installed().await;
    let id = stack.intercom.state().ids(Kind::Conversations)[0].clone();
    let entity = EntityRef::new(&stack.workspace(), EntityType::Conversation, &id);
    let reply = mutate(&stack, &Mutate::new(Action::UserReplied).on(&id)).await;
    deliver(&stack, &reply).await;
    let events = stack.memory().stored(&entity).await.unwrap().unwrap().view.events;
    let client = &stack.tables.client;
    let query = client.query().table_name(&stack.tables.memory).key_condition_expression("pk = :pk");
    let all = query.expression_attribute_values(":pk", AttributeValue::S(entity.pk())).send().await.unwrap();
    let is_event = |item: &&std::collections::HashMap<String, AttributeValue>| item.contains_key("source_id");
    let left = all.items().iter().find(is_event).unwrap().clone();
    let deleted = mutate(&stack, &Mutate::new(Action::ConversationDeleted).on(&id)).await;
    deliver(&stack, &deleted).await;
    let items = async || of(&stack.tables.memory().await, &conversation_pk(&id)).count();
    assert_eq!(items().await, 1);

    // The last try of a message whose view was fetched before.
    stack.memory().put_shown(&entity, &events, &Settings::default().shape()).await.unwrap();
    assert_eq!(items().await, 1);

    // One that was killed between its events and its document: its message comes again.
    client.put_item().table_name(&stack.tables.memory).set_item(Some(left)).send().await.unwrap();
    stack.notify(&reply.notifications[0]).await;
    assert_eq!(stack.live.take(10).len(), 1);
    stack.clock.advance(Duration::from_secs(400));
    stack.drain().await;
    assert_eq!(items().await, 1);
}
