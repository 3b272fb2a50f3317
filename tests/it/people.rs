//! Contacts and companies as others name them: merges, names, the cache.

use std::time::Duration;

use emulator::{Action, Failure, FailureKind, Kind, Mutate};
use memory::{EntityRef, EntityType};
use serde_json::{Value, json};
use tests::Stack;

use crate::memory::{Items, assert_same, conversation_pk, deliver, installed, mutate};

fn document<'i>(items: &'i Items, kind: &str, id: &str) -> &'i Value {
    &items[&(format!("acmews01#{kind}#{id}"), "document".to_owned())]
}

fn links_of(items: &Items, conversation: &str, target: &str) -> Vec<String> {
    let prefix = format!("relation#intercom#{target}#");
    let pk = conversation_pk(conversation);
    let of = items.keys().filter(|(key, sk)| *key == pk && sk.starts_with(&prefix));
    of.map(|(_, sk)| sk.trim_start_matches(&prefix).to_owned()).collect()
}

/// A contact of a company, with a conversation of its own; gives the ids of all three.
async fn customer(stack: &Stack, name: &str) -> (String, String, String) {
    let (contact, company) = {
        let intercom = stack.intercom.state();
        let with_company = intercom.ids(Kind::Contacts).into_iter().find_map(|id| {
            let contact = intercom.object(Kind::Contacts, &id)?;
            let company = contact.pointer("/companies/data/0/id")?.as_str()?.to_owned();
            Some((id, company))
        });
        with_company.unwrap()
    };
    let mut rename = Mutate::new(Action::ContactUpdated).on(&contact);
    rename.fields.insert("name".to_owned(), json!(name));
    let renamed = mutate(stack, &rename).await;
    deliver(stack, &renamed).await;
    let begun = mutate(stack, &Mutate::new(Action::ConversationCreated).by_contact(&contact)).await;
    deliver(stack, &begun).await;
    (contact, company, begun.ids["conversation_id"].as_str().unwrap().to_owned())
}

fn name_in(items: &Items, conversation: &str, contact: &str) -> Option<String> {
    let people = document(items, "conversation", conversation)["participants"].as_array().unwrap().clone();
    people.iter().find(|p| p["id"] == contact)?.get("name")?.as_str().map(str::to_owned)
}

#[tokio::test]
async fn a_conversation_names_its_contacts_companies_and_assignees() {
    let stack = installed().await;
    let (contact, company, conversation) = customer(&stack, "Quillon Quibble").await;
    let assigned = mutate(&stack, &Mutate::new(Action::AdminAssigned).on(&conversation)).await;
    deliver(&stack, &assigned).await;
    let items = stack.tables.memory().await;
    assert_eq!(name_in(&items, &conversation, &contact).as_deref(), Some("Quillon Quibble"));
    let fields = &document(&items, "conversation", &conversation)["fields"];
    let names = |id: &str| stack.intercom.state().object(Kind::Companies, id).unwrap()["name"].clone();
    assert!(fields["companies"].as_array().unwrap().contains(&names(&company)), "{fields}");
    assert!(fields["admin_assignee"].is_string(), "{fields}");
    let entity = EntityRef::new(&stack.workspace(), EntityType::Company, &company);
    let listed = stack.memory().linked(&entity, None).await.unwrap().entities;
    assert!(listed.iter().any(|linked| linked.id == conversation), "by_relation lists it under the company");
}

#[tokio::test]
async fn a_new_name_reaches_every_conversation_without_a_fetch_of_any() {
    let stack = installed().await;
    let (contact, _, conversation) = customer(&stack, "Quillon Quibble").await;
    let mut rename = Mutate::new(Action::ContactUpdated).on(&contact);
    rename.fields.insert("name".to_owned(), json!("Quillon Quibble-Quick"));
    let renamed = mutate(&stack, &rename).await;
    stack.intercom.state().reset_requests();
    deliver(&stack, &renamed).await;
    let name = name_in(&stack.tables.memory().await, &conversation, &contact);
    assert_eq!(name.as_deref(), Some("Quillon Quibble-Quick"));
    assert_eq!(stack.intercom.state().requests().of("GET /conversations/{id}"), 0);
}

#[tokio::test]
async fn a_stored_contact_is_fetched_again_only_when_it_is_older_than_the_cache_allows() {
    let stack = installed().await;
    let (_, _, conversation) = customer(&stack, "Quillon Quibble").await;
    let contacts_fetched = async |stack: &Stack| {
        stack.intercom.state().reset_requests();
        let reply = mutate(stack, &Mutate::new(Action::AdminReplied).on(&conversation)).await;
        deliver(stack, &reply).await;
        stack.intercom.state().requests().of("GET /contacts/{id}")
    };
    assert_eq!(contacts_fetched(&stack).await, 0);
    stack.clock.advance(Duration::from_secs(61 * 60));
    assert_eq!(contacts_fetched(&stack).await, 1);
    assert_eq!(contacts_fetched(&stack).await, 0, "it was looked at just now, even though nothing had changed");
}

#[tokio::test]
async fn a_contact_that_nobody_knows_yet_is_fetched_and_waited_for_a_while() {
    let stack = installed().await;
    let mut new = Mutate::new(Action::ContactCreated);
    new.fields.insert("name".to_owned(), json!("Quillon Quibble"));
    let created = mutate(&stack, &new).await;
    let contact = created.ids["contact_id"].as_str().unwrap().to_owned();
    // Its own webhook is lost.
    let begun = mutate(&stack, &Mutate::new(Action::ConversationCreated).by_contact(&contact)).await;
    let failure =
        Failure { route: "GET /contacts/{id}".into(), kind: FailureKind::Status { status: 500 }, times: 3, skip: 0 };
    stack.intercom.state().fail(vec![failure]).unwrap();
    deliver(&stack, &begun).await;
    assert!(stack.metrics.sum("RecordsDeferred") > 0);
    let items = stack.tables.memory().await;
    assert_eq!(document(&items, "contact", &contact)["title"], "Quillon Quibble");
    let conversation = begun.ids["conversation_id"].as_str().unwrap();
    assert_eq!(name_in(&items, conversation, &contact).as_deref(), Some("Quillon Quibble"));
}

/// A lead with a conversation, merged into a user; gives lead, user, conversation and the merge's notifications.
async fn merged(stack: &Stack, says_from_whom: bool) -> (String, String, String, emulator::Mutation) {
    let mut new = Mutate::new(Action::ContactCreated);
    new.fields.insert("role".to_owned(), json!("lead"));
    let lead = mutate(stack, &new).await;
    deliver(stack, &lead).await;
    let lead = lead.ids["contact_id"].as_str().unwrap().to_owned();
    let begun = mutate(stack, &Mutate::new(Action::ConversationCreated).by_contact(&lead)).await;
    deliver(stack, &begun).await;
    let user = mutate(stack, &Mutate::new(Action::ContactCreated)).await;
    deliver(stack, &user).await;
    let user = user.ids["contact_id"].as_str().unwrap().to_owned();
    let mut merge = Mutate::new(Action::ContactMerged).on(&lead);
    merge.into = Some(user.clone());
    let mut merge = mutate(stack, &merge).await;
    if says_from_whom {
        merge.notifications[0]["data"]["item"]["merged_from"] = json!({"type": "contact", "id": lead});
    }
    (lead, user, begun.ids["conversation_id"].as_str().unwrap().to_owned(), merge)
}

#[tokio::test]
async fn a_merged_contact_points_to_its_survivor_and_its_links_move_whoever_tells_of_it() {
    for says_from_whom in [true, false] {
        let stack = installed().await;
        let (lead, user, conversation, merge) = merged(&stack, says_from_whom).await;
        let before = links_of(&stack.tables.memory().await, &conversation, "contact");
        assert_eq!(before, [format!("{lead}#raised_by")]);
        stack.intercom.state().reset_requests();
        deliver(&stack, &merge).await;
        let history = stack.intercom.state().requests().of("GET /contacts/{id}/merge_history");
        assert_eq!(history, u64::from(!says_from_whom), "asked only where nobody says");
        let items = stack.tables.memory().await;
        let tombstone = document(&items, "contact", &lead);
        assert_eq!((&tombstone["tombstone"], &tombstone["merged_into"]), (&json!("absent"), &json!(user)));
        assert_eq!(links_of(&items, &conversation, "contact"), [format!("{user}#raised_by")]);
        assert_eq!(document(&items, "conversation", &conversation)["fields"]["contact_ids"], json!([user]));
        // A later view of it ends in the same.
        stack.revisit().await;
        let later = stack.tables.memory().await;
        assert_eq!(links_of(&later, &conversation, "contact"), [format!("{user}#raised_by")]);
    }
}

#[tokio::test]
async fn what_a_swallowed_contact_wrote_is_erased_with_its_survivor() {
    let stack = installed().await;
    let (_, user, conversation, merge) = merged(&stack, true).await;
    deliver(&stack, &merge).await;
    let words = "The import of our orders stopped";
    let text = |items: &Items| format!("{items:?}").to_lowercase().contains(&words.to_lowercase());
    let of = |items: &Items| {
        items
            .iter()
            .filter(|((pk, _), _)| pk.ends_with(&conversation))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect::<Items>()
    };
    assert!(format!("{:?}", of(&stack.tables.memory().await)).contains("import of our orders"));
    let deleted = mutate(&stack, &Mutate::new(Action::ContactDeleted).on(&user)).await;
    deliver(&stack, &deleted).await;
    assert!(!text(&of(&stack.tables.memory().await)));
}

#[tokio::test]
async fn an_archived_contact_goes_and_comes_back_and_keeps_what_it_wrote() {
    let stack = installed().await;
    let (contact, _, conversation) = customer(&stack, "Quillon Quibble").await;
    let before = stack.tables.memory().await;
    let archived = mutate(&stack, &Mutate::new(Action::ContactArchived).on(&contact)).await;
    deliver(&stack, &archived).await;
    let items = stack.tables.memory().await;
    let tombstone = document(&items, "contact", &contact);
    assert_eq!((&tombstone["tombstone"], tombstone.get("title")), (&json!("absent"), None));
    let words = |items: &Items| {
        format!(
            "{:?}",
            items
                .iter()
                .filter(|((pk, sk), _)| pk.ends_with(&conversation) && sk.starts_with("event#"))
                .collect::<Vec<_>>()
        )
    };
    assert_eq!(words(&items), words(&before), "archiving is no erasure");
    let back = mutate(&stack, &Mutate::new(Action::ContactUnarchived).on(&contact)).await;
    deliver(&stack, &back).await;
    let items = stack.tables.memory().await;
    assert_eq!(document(&items, "contact", &contact)["title"], "Quillon Quibble");
    assert_eq!(name_in(&items, &conversation, &contact).as_deref(), Some("Quillon Quibble"));
    // The webhook of the archiving comes once more, too late.
    deliver(&stack, &archived).await;
    assert_same(&items, &stack.tables.memory().await);
}

#[tokio::test]
async fn a_contact_that_intercom_does_not_serve_any_more_keeps_its_words_until_it_is_said_to_be_deleted() {
    let stack = installed().await;
    let (contact, _, conversation) = customer(&stack, "Quillon Quibble").await;
    let late = mutate(&stack, &Mutate::new(Action::ContactUpdated).on(&contact)).await;
    let deleted = mutate(&stack, &Mutate::new(Action::ContactDeleted).on(&contact)).await;
    deliver(&stack, &late).await;
    let items = stack.tables.memory().await;
    assert_eq!(document(&items, "contact", &contact)["tombstone"], "absent");
    let opening = |items: &Items| {
        format!("{:?}", items.iter().filter(|((pk, _), _)| pk.ends_with(&conversation)).collect::<Vec<_>>())
            .contains("import of our orders")
    };
    assert!(opening(&items));
    deliver(&stack, &deleted).await;
    assert!(!opening(&stack.tables.memory().await));
}

#[tokio::test]
async fn articles_go_and_come_back_with_their_state() {
    let stack = installed().await;
    let article = stack.intercom.state().ids(Kind::Articles)[0].clone();
    let published = mutate(&stack, &Mutate::new(Action::ArticlePublished).on(&article)).await;
    deliver(&stack, &published).await;
    let unpublished = mutate(&stack, &Mutate::new(Action::ArticleUnpublished).on(&article)).await;
    deliver(&stack, &unpublished).await;
    assert_eq!(document(&stack.tables.memory().await, "article", &article)["tombstone"], "absent");
    let again = mutate(&stack, &Mutate::new(Action::ArticlePublished).on(&article)).await;
    deliver(&stack, &again).await;
    let items = stack.tables.memory().await;
    assert_eq!(document(&items, "article", &article)["state"], "published");
    let deleted = mutate(&stack, &Mutate::new(Action::ArticleDeleted).on(&article)).await;
    deliver(&stack, &deleted).await;
    let items = stack.tables.memory().await;
    assert_eq!(document(&items, "article", &article)["tombstone"], "absent");
    assert_eq!(items.keys().filter(|(pk, _)| pk.ends_with(&format!("#article#{article}"))).count(), 1);
}
