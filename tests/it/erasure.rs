//! Deleting people: every word and name of theirs leaves every item and index.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use emulator::{Action, Kind, Mutate};
use memory::{EntityRef, EntityType};
use serde_json::{Value, json};
use tests::Stack;

use crate::memory::{Items, conversation_pk, deliver, installed, mutate, of};

const SECRET: &str = "zanzibar-7731";

/// Every item of memory as text; indexes hold what items hold.
pub(crate) async fn everything(stack: &Stack) -> String {
    format!("{:?}", stack.tables.dump(&stack.tables.memory).await)
}

fn contact_ref(stack: &Stack, id: &str) -> EntityRef {
    EntityRef::new(&stack.workspace(), EntityType::Contact, id)
}

/// A contact with a name of its own, a conversation that it began, and one that it joined; gives contact, both
/// conversations and the notifications of it all.
pub(crate) async fn outspoken(stack: &Stack) -> (String, String, String, Vec<Value>) {
    let mut new = Mutate::new(Action::ContactCreated);
    new.fields.insert("name".to_owned(), json!("Quillon Quibble"));
    new.fields.insert("email".to_owned(), json!("quillon@quibble.example"));
    let created = mutate(stack, &new).await;
    let contact = created.ids["contact_id"].as_str().unwrap().to_owned();
    let begin =
        Mutate::new(Action::ConversationCreated).by_contact(&contact).saying(format!("<p>Opening {SECRET}</p>"));
    let begun = mutate(stack, &begin).await;
    let own = begun.ids["conversation_id"].as_str().unwrap().to_owned();
    let other = stack.intercom.state().ids(Kind::Conversations)[0].clone();
    let mut all = created.notifications;
    all.extend(begun.notifications);
    for (conversation, words) in [(&own, "Reply"), (&other, "Joined")] {
        let body = format!("<p>{words} {SECRET} https://linear.app/x/issue/ENG-7731</p>");
        let reply = Mutate::new(Action::UserReplied).on(conversation).by_contact(&contact).saying(body);
        all.extend(mutate(stack, &reply).await.notifications);
    }
    let answer = Mutate::new(Action::AdminReplied).on(&own).saying("<p>We will see to it</p>");
    all.extend(mutate(stack, &answer).await.notifications);
    let event = Mutate::new(Action::EventCreated).by_contact(&contact).saying(format!("did-{SECRET}"));
    all.extend(mutate(stack, &event).await.notifications);
    (contact, own, other, all)
}

async fn deliver_all(stack: &Stack, notifications: &[Value]) {
    for notification in notifications {
        assert_eq!(stack.notify(notification).await, 200);
    }
    stack.drain().await;
}

pub(crate) fn assert_forgotten(text: &str) {
    for word in [SECRET, "Quillon", "quillon", "Quibble", "ENG-7731"] {
        assert!(!text.contains(word), "{word} is still there");
    }
}

#[tokio::test]
async fn invariant_10_an_erased_text_leaves_every_item_and_index_within_15_minutes() {
    let stack = installed().await;
    let (contact, own, _, notifications) = outspoken(&stack).await;
    deliver_all(&stack, &notifications).await;
    assert!(everything(&stack).await.contains(SECRET));
    let deleted = mutate(&stack, &Mutate::new(Action::ContactDeleted).on(&contact)).await;
    let told_at = stack.clock.now();
    deliver(&stack, &deleted).await;
    assert_forgotten(&everything(&stack).await);
    assert!(stack.clock.now() - told_at <= Duration::from_secs(15 * 60), "the second pass included");

    let items = stack.tables.memory().await;
    let pk = format!("acmews01#contact#{contact}");
    let left: Vec<_> = of(&items, &pk).collect();
    assert_eq!(left.len(), 1, "only the tombstone: {left:?}");
    assert_eq!((&left[0].1["tombstone"], &left[0].1["reason"]), (&json!("erased"), &json!("contact.deleted")));
    assert_eq!(stack.metrics.sum("ErasuresDone"), 1, "and that it is done is recorded");
    let answer = format!("{:?}", of(&items, &conversation_pk(&own)).collect::<Vec<_>>());
    assert!(answer.contains("We will see to it"), "the words of others stay");
    assert!(answer.contains("[Message Erased]"), "and the place of the erased ones");
}

#[tokio::test]
async fn no_refetch_webhook_or_backfill_brings_erased_words_back() {
    let stack = installed().await;
    let (contact, own, other, notifications) = outspoken(&stack).await;
    deliver_all(&stack, &notifications).await;
    let deleted = mutate(&stack, &Mutate::new(Action::ContactDeleted).on(&contact)).await;
    deliver(&stack, &deleted).await;
    let erased = stack.tables.memory().await;
    deliver_all(&stack, &notifications).await;
    stack.revisit().await;
    assert_forgotten(&everything(&stack).await);
    assert_same_but_updates(&erased, &stack.tables.memory().await);
    // Intercom still serves the words, in a newer version of both conversations.
    for conversation in [&own, &other] {
        let served = stack.intercom.state().object(Kind::Conversations, conversation).unwrap().to_string();
        assert!(served.contains(SECRET));
        let reply = mutate(&stack, &Mutate::new(Action::AdminReplied).on(conversation)).await;
        deliver(&stack, &reply).await;
    }
    assert_forgotten(&everything(&stack).await);
}

fn assert_same_but_updates(a: &Items, b: &Items) {
    let changed: Vec<_> = b.iter().filter(|(key, item)| a.get(*key) != Some(item)).collect();
    assert!(changed.is_empty(), "{changed:?}");
    assert_eq!(a.len(), b.len());
}

#[tokio::test]
async fn an_erasure_before_the_words_arrive_ends_as_one_after() {
    let mut ends = Vec::new();
    for erase_first in [false, true] {
        let stack = installed().await;
        let (contact, _, _, notifications) = outspoken(&stack).await;
        let deleted = mutate(&stack, &Mutate::new(Action::ContactDeleted).on(&contact)).await;
        if erase_first {
            deliver(&stack, &deleted).await;
            deliver_all(&stack, &notifications).await;
        } else {
            deliver_all(&stack, &notifications).await;
            deliver(&stack, &deleted).await;
        }
        assert_forgotten(&everything(&stack).await);
        ends.push(stack.tables.memory().await);
    }
    crate::memory::assert_same(&ends[0], &ends[1]);
}

#[tokio::test]
async fn a_writer_that_began_before_the_erasure_leaves_no_words_behind() {
    let stack = installed().await;
    let (contact, own, _, notifications) = outspoken(&stack).await;
    let deleted = mutate(&stack, &Mutate::new(Action::ContactDeleted).on(&contact)).await;
    deliver(&stack, &deleted).await;
    // As if it had read everything before the tombstone stood, and wrote after the first pass: the view as it is served.
    let memory = stack.memory();
    let entity = EntityRef::new(&stack.workspace(), EntityType::Conversation, &own);
    let object = stack.intercom.state().object(Kind::Conversations, &own).unwrap();
    let settings = memory::Settings::default();
    let view = memory::transform(&stack.workspace(), EntityType::Conversation, &object, &settings).unwrap();
    let claim = memory.claim(&entity).await.unwrap();
    memory.write(&view, claim, &settings.shape(), None, 0).await.unwrap();
    assert_forgotten(&everything(&stack).await);
    // One that died between its events and its document is met by the queue's retry.
    deliver_all(&stack, &notifications).await;
    assert_forgotten(&everything(&stack).await);
    assert!(memory.head(&contact_ref(&stack, &contact)).await.unwrap().unwrap().is_erased());
}

#[tokio::test]
async fn an_erasure_of_many_conversations_goes_on_in_pages() {
    let stack = installed().await;
    let created = mutate(&stack, &Mutate::new(Action::ContactCreated)).await;
    let contact = created.ids["contact_id"].as_str().unwrap().to_owned();
    let mut notifications = created.notifications;
    for number in 0..60 {
        let body = format!("<p>{SECRET} {number}</p>");
        let begin = Mutate::new(Action::ConversationCreated).by_contact(&contact).saying(body);
        notifications.extend(mutate(&stack, &begin).await.notifications);
    }
    deliver_all(&stack, &notifications).await;
    let listed = stack.memory().linked(&contact_ref(&stack, &contact), None).await.unwrap();
    assert!(listed.cursor.is_some(), "more than one page");
    let deleted = mutate(&stack, &Mutate::new(Action::ContactDeleted).on(&contact)).await;
    deliver(&stack, &deleted).await;
    assert!(!everything(&stack).await.contains(SECRET));
    assert!(stack.memory().linked(&contact_ref(&stack, &contact), None).await.unwrap().entities.is_empty());
}

async fn a_sweep_later(stack: &Stack) {
    stack.clock.advance(Duration::from_secs(7 * 86_400 + 3_600));
    stack.settle().await;
}

#[tokio::test]
async fn a_deleted_company_leaves_the_conversations_of_its_people() {
    let stack = installed().await;
    let company = stack.intercom.state().ids(Kind::Companies)[0].clone();
    let entity = EntityRef::new(&stack.workspace(), EntityType::Company, &company);
    let before = stack.memory().linked(&entity, None).await.unwrap().entities;
    assert!(before.iter().any(|linked| linked.entity_type == EntityType::Conversation), "{before:?}");
    let name = stack.intercom.state().object(Kind::Companies, &company).unwrap()["name"].as_str().unwrap().to_owned();
    assert!(everything(&stack).await.contains(&name));
    let deleted = mutate(&stack, &Mutate::new(Action::CompanyDeleted).on(&company)).await;
    deliver(&stack, &deleted).await;
    assert!(!everything(&stack).await.contains(&name), "the name goes at once");
    // That its people are not in it any more no notification tells.
    a_sweep_later(&stack).await;
    assert!(stack.memory().linked(&entity, None).await.unwrap().entities.is_empty());
    let items = stack.tables.memory().await;
    let named = items.iter().filter(|((pk, _), item)| !pk.ends_with(&company) && item.to_string().contains(&company));
    assert_eq!(named.map(|(key, _)| key).collect::<Vec<_>>(), Vec::<&(String, String)>::new());
}

#[tokio::test]
async fn a_link_that_a_killed_writer_of_a_later_look_left_goes_with_the_company_all_the_same() {
    let stack = installed().await;
    let company = stack.intercom.state().ids(Kind::Companies)[0].clone();
    let entity = EntityRef::new(&stack.workspace(), EntityType::Company, &company);
    let linked = stack.memory().linked(&entity, None).await.unwrap().entities;
    assert!(!linked.is_empty());
    for from in &linked {
        let link = stack.tables.client.update_item().table_name(&stack.tables.memory);
        let sk = format!("relation#intercom#company#{company}#belongs_to");
        let link = link.key("pk", AttributeValue::S(from.pk())).key("sk", AttributeValue::S(sk));
        let later = AttributeValue::N("1".to_owned());
        link.update_expression("ADD claim :one").expression_attribute_values(":one", later).send().await.unwrap();
    }
    let deleted = mutate(&stack, &Mutate::new(Action::CompanyDeleted).on(&company)).await;
    deliver(&stack, &deleted).await;
    a_sweep_later(&stack).await;
    assert!(stack.memory().linked(&entity, None).await.unwrap().entities.is_empty());
}
