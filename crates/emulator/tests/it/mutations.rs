//! Each action changes what the API answers and makes the right notification.

use emulator::{Action, Kind, Mutate, Mutation};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{World, code, ids, start};

async fn does(world: &World, request: Mutate) -> Mutation {
    world.clock.advance_ms(1_000);
    world.state().mutate(&request).await.unwrap()
}

fn item(done: &Mutation) -> &Value {
    &done.notification["data"]["item"]
}

fn id<'a>(done: &'a Mutation, name: &str) -> &'a str {
    done.ids[name].as_str().unwrap_or_else(|| panic!("{name} is missing in {}", done.ids))
}

fn parts(conversation: &Value) -> &Vec<Value> {
    conversation["conversation_parts"]["conversation_parts"].as_array().unwrap()
}

#[tokio::test]
async fn a_new_conversation_is_announced_without_parts() {
    let world = start().await;
    let done = does(&world, Mutate::new(Action::ConversationCreated).saying("<p>Hello</p>")).await;
    assert_eq!(done.topic, "conversation.user.created");
    assert!(parts(item(&done)).is_empty());
    assert_eq!(item(&done)["source"]["body"], "<p>Hello</p>");
    let served = world.get(&format!("/conversations/{}", id(&done, "conversation_id"))).await;
    assert_eq!(served["source"]["body"], "<p>Hello</p>");
    assert_eq!(served["contacts"]["contacts"][0]["id"], done.ids["contact_id"]);
}

#[tokio::test]
async fn every_action_that_adds_a_part_announces_exactly_that_part() {
    let world = start().await;
    let cases = [
        (Action::UserReplied, "conversation.user.replied", "comment"),
        (Action::AdminReplied, "conversation.admin.replied", "comment"),
        (Action::OperatorReplied, "conversation.operator.replied", "comment"),
        (Action::AdminNoted, "conversation.admin.noted", "note"),
        (Action::AdminAssigned, "conversation.admin.assigned", "assignment"),
        (Action::AdminSnoozed, "conversation.admin.snoozed", "snoozed"),
        (Action::AdminOpened, "conversation.admin.opened", "open"),
        (Action::PriorityChanged, "conversation.priority.updated", "priority_changed"),
        (Action::AdminClosed, "conversation.admin.closed", "close"),
    ];
    let conversation = world.state().ids(Kind::Conversations)[46].clone();
    for (action, topic, part_type) in cases {
        let before = world.get(&format!("/conversations/{conversation}")).await;
        let done = does(&world, Mutate::new(action).on(&conversation)).await;
        assert_eq!(done.topic, topic);
        let announced = parts(item(&done));
        assert_eq!(announced.len(), 1, "{topic}");
        assert_eq!(item(&done)["conversation_parts"]["total_count"], 1);
        assert_eq!(announced[0]["part_type"], part_type);
        let after = world.get(&format!("/conversations/{conversation}")).await;
        assert_eq!(parts(&after).last().unwrap(), &announced[0]);
        assert_eq!(parts(&after).len(), parts(&before).len() + 1);
        assert!(after["updated_at"].as_i64() > before["updated_at"].as_i64());
        assert_eq!(after["updated_at"], announced[0]["created_at"]);
        assert_eq!(done.notification["created_at"], after["updated_at"]);
        assert_eq!(after["state"], announced[0]["state"]);
    }
    let closed = world.get(&format!("/conversations/{conversation}")).await;
    assert_eq!((&closed["state"], &closed["open"]), (&json!("closed"), &json!(false)));
    does(&world, Mutate::new(Action::UserReplied).on(&conversation)).await;
    let again = world.get(&format!("/conversations/{conversation}")).await;
    assert_eq!(again["state"], "open", "a customer's reply reopens");
    assert_eq!(again["statistics"]["count_reopens"], 1 + closed["statistics"]["count_reopens"].as_i64().unwrap());
}

#[tokio::test]
async fn changes_within_one_second_still_move_updated_at() {
    let world = start().await;
    let conversation = world.state().ids(Kind::Conversations)[0].clone();
    let mut last = 0;
    for _ in 0..4 {
        let done = world.state().mutate(&Mutate::new(Action::UserReplied).on(&conversation)).await.unwrap();
        let at = item(&done)["updated_at"].as_i64().unwrap();
        assert!(at > last);
        last = at;
    }
}

#[tokio::test]
async fn authors_have_the_types_that_intercom_uses() {
    let world = start().await;
    let fin = does(&world, Mutate::new(Action::OperatorReplied)).await;
    let author = &parts(item(&fin))[0]["author"];
    assert_eq!(
        (&author["type"], &author["id"], &author["is_ai_answer"]),
        (&json!("bot"), &json!("9700018"), &json!(true))
    );
    let note = does(&world, Mutate::new(Action::AdminNoted).by_admin("9700010")).await;
    assert_eq!(parts(item(&note))[0]["author"]["email"], "bruno@acme.example");
    let reply = does(&world, Mutate::new(Action::UserReplied)).await;
    assert!(["user", "lead"].contains(&parts(item(&reply))[0]["author"]["type"].as_str().unwrap()));
}

#[tokio::test]
async fn a_rating_is_in_the_conversation_and_makes_no_part() {
    let world = start().await;
    let done = does(&world, Mutate::new(Action::RatingAdded).saying("Great")).await;
    assert_eq!(done.topic, "conversation.rating.added");
    let served = world.get(&format!("/conversations/{}", id(&done, "conversation_id"))).await;
    assert_eq!(served["conversation_rating"]["remark"], "Great");
    assert!((1..=5).contains(&served["conversation_rating"]["rating"].as_i64().unwrap()));
}

#[tokio::test]
async fn a_tag_on_the_opening_message_comes_as_a_part_with_the_opening_messages_id() {
    let world = start().await;
    let done = does(&world, Mutate::new(Action::ConversationTagged)).await;
    assert_eq!(done.topic, "conversation_part.tag.created");
    let shown = &parts(item(&done))[0];
    assert_eq!(shown["part_type"], "comment");
    assert_eq!(shown["id"], item(&done)["source"]["id"]);
    assert_eq!(shown["tags"][0]["id"], done.ids["tag_id"]);
    let served = world.get(&format!("/conversations/{}", id(&done, "conversation_id"))).await;
    assert!(served["tags"]["tags"].as_array().unwrap().iter().any(|tag| tag["id"] == done.ids["tag_id"]));
}

#[tokio::test]
async fn a_redacted_part_loses_its_words_everywhere() {
    let world = start().await;
    let done = does(&world, Mutate::new(Action::PartRedacted)).await;
    assert_eq!(done.topic, "conversation_part.redacted");
    let part = &parts(item(&done))[0];
    assert_eq!((&part["redacted"], &part["body"]), (&json!(true), &json!("<p><i>This message was deleted</i></p>")));
    let served = world.get(&format!("/conversations/{}", id(&done, "conversation_id"))).await;
    let there = parts(&served).iter().find(|part| part["id"] == done.ids["part_id"]).unwrap();
    assert_eq!(there, part);
    assert!(part["updated_at"].as_i64() > part["created_at"].as_i64());
    // The opening message can be redacted too.
    let request = Mutate {
        part_id: Some(served["source"]["id"].as_str().unwrap().to_owned()),
        ..Mutate::new(Action::PartRedacted)
    };
    does(&world, request.on(id(&done, "conversation_id"))).await;
    let served = world.get(&format!("/conversations/{}", id(&done, "conversation_id"))).await;
    assert_eq!(served["source"]["redacted"], true);
}

#[tokio::test]
async fn a_deleted_conversation_is_announced_by_conversation_id_alone() {
    let world = start().await;
    let done = does(&world, Mutate::new(Action::ConversationDeleted)).await;
    let gone = id(&done, "conversation_id");
    assert_eq!(*item(&done), json!({"type": "conversation", "conversation_id": gone}));
    assert_eq!(world.try_get(&format!("/conversations/{gone}")).await.0, 404);
    let truth = world.state().truth(Some(Kind::Conversations), Some(gone));
    assert_eq!(truth["conversations"], json!([]));
    assert_eq!(truth["deleted"]["conversations"][0]["id"], gone);
}

#[tokio::test]
async fn contacts_come_change_and_go() {
    let world = start().await;
    let created = does(&world, Mutate::new(Action::ContactCreated)).await;
    assert_eq!(created.topic, "contact.user.created");
    let contact = id(&created, "contact_id").to_owned();
    assert_eq!(contact.len(), 24);
    assert!(item(&created)["created_at"].as_str().unwrap().ends_with("+00:00"));
    let path = format!("/contacts/{contact}");
    assert!(world.get(&path).await["created_at"].is_i64());

    let mut update = Mutate::new(Action::ContactUpdated).by_contact(&contact);
    update.fields.insert("custom_attributes".to_owned(), json!({"plan": "enterprise"}));
    let updated = does(&world, update).await;
    assert_eq!(updated.topic, "contact.user.updated");
    assert_eq!(world.get(&path).await["custom_attributes"]["plan"], "enterprise");

    let archived = does(&world, Mutate::new(Action::ContactArchived).on(&contact)).await;
    assert_eq!(archived.topic, "contact.archived");
    assert_eq!(item(&archived)["archived"], true);
    assert_eq!(world.try_get(&path).await.0, 404);
    let back = does(&world, Mutate::new(Action::ContactUnarchived)).await;
    assert_eq!(back.topic, "contact.unarchive");
    assert_eq!(world.try_get(&path).await.0, 200);

    let deleted = does(&world, Mutate::new(Action::ContactDeleted).on(&contact)).await;
    assert_eq!(deleted.topic, "contact.deleted");
    assert_eq!(item(&deleted)["deleted"], true);
    assert_eq!(world.try_get(&path).await.0, 404);
}

#[tokio::test]
async fn a_merged_contact_answers_410_and_names_the_survivor() {
    let world = start().await;
    let done = does(&world, Mutate::new(Action::ContactMerged)).await;
    assert_eq!(done.topic, "contact.merged");
    let (survivor, gone) = (id(&done, "contact_id"), id(&done, "merged_contact_id"));
    assert_eq!(item(&done)["id"], survivor);
    assert!(item(&done).get("merged_from").is_none());
    let response = world.send(&format!("/contacts/{gone}")).await;
    assert_eq!(response.status(), 410);
    assert_eq!(response.headers()["link"], format!("</contacts/{survivor}>; rel=\"canonical\"").as_str());
    assert_eq!(code(&response.json().await.unwrap()), "contact_merged");
    let path = format!("/contacts/{survivor}/merge_history");
    assert_eq!(code(&world.try_get(&path).await.1), "intercom_version_invalid");
    let (_, history) = world.get_as("2.16", &path).await;
    assert_eq!(history["data"][0]["source_contact_id"], gone);
    assert_eq!(history["data"][0]["source_contact_role"], "lead");
    assert_eq!(history["has_more"], false);
    let body = json!({"query": {"field": "contact_ids", "operator": "=", "value": gone}});
    assert_eq!(world.post("/conversations/search", &body).await.1["total_count"], 0);
    for conversation in done.ids["conversation_ids"].as_array().unwrap() {
        let served = world.get(&format!("/conversations/{}", conversation.as_str().unwrap())).await;
        assert_eq!(served["contacts"]["contacts"][0]["id"], survivor);
    }
}

#[tokio::test]
async fn companies_come_change_and_go() {
    let world = start().await;
    let created = does(&world, Mutate::new(Action::CompanyCreated)).await;
    assert_eq!(created.topic, "company.created");
    assert_eq!((&item(&created)["plan"], &item(&created)["tag_ids"]), (&Value::Null, &json!([])));
    let company = id(&created, "company_id");
    let updated = does(&world, Mutate::new(Action::CompanyUpdated).on(company)).await;
    assert_eq!(updated.topic, "company.updated");
    assert!(item(&updated)["updated_at"].is_string());
    let deleted = does(&world, Mutate::new(Action::CompanyDeleted).on(company)).await;
    assert_eq!(*item(&deleted), json!({"id": company, "type": "company", "deleted": true}));
    assert_eq!(code(&world.try_get(&format!("/companies/{company}")).await.1), "company_not_found");
}

#[tokio::test]
async fn articles_are_published_changed_unpublished_and_deleted() {
    let world = start().await;
    let published = does(&world, Mutate::new(Action::ArticlePublished)).await;
    assert_eq!(published.topic, "article.published");
    assert!(item(&published)["author_id"].is_i64());
    assert!(item(&published)["updated_at"].as_str().unwrap().ends_with(".000Z"));
    let article = id(&published, "article_id");
    let path = format!("/articles/{article}");
    does(&world, Mutate::new(Action::ArticleUpdated).on(article).saying("<p>New</p>")).await;
    assert_eq!(world.get(&path).await["body"], "<p>New</p>");
    does(&world, Mutate::new(Action::ArticleUnpublished).on(article)).await;
    let draft = world.get(&path).await;
    assert_eq!((&draft["state"], &draft["url"]), (&json!("draft"), &Value::Null));
    does(&world, Mutate::new(Action::ArticlePublished).on(article)).await;
    let deleted = does(&world, Mutate::new(Action::ArticleDeleted).on(article)).await;
    assert_eq!((deleted.topic.as_str(), &item(&deleted)["state"]), ("article.deleted", &json!("published")));
    assert_eq!(world.try_get(&path).await.0, 404);
}

#[tokio::test]
async fn tickets_are_announced_whole_and_replies_with_their_part() {
    let world = start().await;
    let created = does(&world, Mutate::new(Action::TicketCreated)).await;
    assert_eq!(created.topic, "ticket.created");
    assert_eq!(item(&created)["ticket_parts"]["total_count"], 1);
    let ticket = id(&created, "ticket_id");
    let replied = does(&world, Mutate::new(Action::TicketReplied).on(ticket)).await;
    assert_eq!(replied.topic, "ticket.contact.replied");
    assert_eq!(item(&replied)["type"], "ticket_ticket_part");
    assert_eq!(item(&replied)["ticket_part"]["id"], replied.ids["part_id"]);
    assert_eq!(world.get(&format!("/tickets/{ticket}")).await, item(&replied)["ticket"]);
}

#[tokio::test]
async fn a_data_event_and_a_statistic_are_told_of_a_contact() {
    let world = start().await;
    let event = does(&world, Mutate::new(Action::EventCreated).saying("exported-report")).await;
    assert_eq!((event.topic.as_str(), &item(&event)["event_name"]), ("event.created", &json!("exported-report")));
    assert_eq!(item(&event)["intercom_user_id"], event.ids["contact_id"]);

    let before = world.state().truth(None, None);
    let stat = does(&world, Mutate::new(Action::ContentStatRecorded)).await;
    assert_eq!((stat.topic.as_str(), &item(&stat)["type"]), ("content_stat.email", &json!("content_stat.email")));
    assert_eq!(item(&stat)["content_stat"]["id"].to_string(), stat.ids["content_stat_id"].as_str().unwrap());
    assert_eq!(item(&stat)["contact"]["id"], stat.ids["contact_id"]);
    assert!(item(&stat)["created_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(world.state().truth(None, None), before, "nothing of it can be asked for");
}

#[tokio::test]
async fn a_ping_has_no_id_and_changes_nothing() {
    let world = start().await;
    let before = world.state().truth(None, None);
    let done = does(&world, Mutate::new(Action::Ping)).await;
    assert_eq!(done.topic, "ping");
    assert_eq!(done.notification["id"], Value::Null);
    assert_eq!(world.state().truth(None, None), before);
}

#[tokio::test]
async fn mutations_through_http_say_what_happened_or_why_not() {
    let world = start().await;
    let body = json!({"action": "admin_noted", "body": "<p>n</p>"});
    let done: Value = world
        .http
        .request(Method::POST, world.url("/_emulator/mutate"))
        .json(&body)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(done["topic"], "conversation.admin.noted");
    assert_eq!(done["delivery"], Value::Null);
    assert_eq!(done["notification"]["topic"], "conversation.admin.noted");
    for (body, status) in [
        (json!({"action": "dance"}), 400),
        (json!({"action": "user_replied", "conversation_id": "1"}), 404),
        (json!({"action": "contact_unarchived"}), 404),
        (json!({"action": "user_replied", "deliver": "once"}), 400),
    ] {
        let response = world.http.post(world.url("/_emulator/mutate")).json(&body).send().await.unwrap();
        assert_eq!(response.status(), status, "{body}");
        assert!(response.json::<Value>().await.unwrap()["error"].is_string());
    }
    assert_eq!(ids(&world.get("/conversations?per_page=150").await["conversations"]).len(), 47);
}
