//! Walking lists to their end.

use std::collections::BTreeSet;

use emulator::{Action, Kind, Mutate};
use serde_json::{Value, json};

use crate::support::{World, code, ids, start};

/// Walks a cursor list and returns every id met, in order.
async fn walk(world: &World, path: &str, key: &str, per_page: usize) -> Vec<String> {
    let mut met = Vec::new();
    let mut cursor: Option<String> = None;
    for page in 1_u64.. {
        let mut url = format!("{path}?per_page={per_page}");
        if let Some(cursor) = &cursor {
            url.push_str("&starting_after=");
            url.push_str(&cursor.replace('=', "%3D").replace('+', "%2B"));
        }
        let answer = world.get(&url).await;
        assert_eq!(answer["pages"]["page"], page);
        assert_eq!(answer["pages"]["per_page"], per_page);
        met.extend(ids(&answer[key]));
        match answer["pages"].get("next") {
            None => break,
            Some(next) => {
                let text = next["starting_after"].as_str().unwrap();
                assert!(text.starts_with("Wz"), "{text}");
                assert_eq!(next["page"], page + 1);
                cursor = Some(text.to_owned());
            }
        }
    }
    met
}

fn assert_exactly_once(world: &World, kind: Kind, met: &[String]) {
    let unique: BTreeSet<_> = met.iter().cloned().collect();
    assert_eq!(unique.len(), met.len(), "something came twice");
    assert_eq!(unique, world.state().ids(kind).into_iter().collect());
}

#[tokio::test]
async fn a_walk_over_conversations_meets_each_exactly_once() {
    let world = start().await;
    for per_page in [1, 7, 20, 47, 150] {
        let met = walk(&world, "/conversations", "conversations", per_page).await;
        assert_exactly_once(&world, Kind::Conversations, &met);
    }
}

#[tokio::test]
async fn a_walk_over_contacts_meets_each_exactly_once() {
    let world = start().await;
    let met = walk(&world, "/contacts", "data", 10).await;
    assert_exactly_once(&world, Kind::Contacts, &met);
}

#[tokio::test]
async fn what_changes_during_a_walk_neither_repeats_nor_loses_the_others() {
    let world = start().await;
    let first = world.get("/conversations?per_page=20").await;
    for _ in 0..5 {
        world.state().mutate(&Mutate::new(Action::ConversationCreated)).await.unwrap();
        world.state().mutate(&Mutate::new(Action::UserReplied)).await.unwrap();
    }
    let gone = ids(&first["conversations"])[19].clone();
    world.state().mutate(&Mutate::new(Action::ConversationDeleted).on(&gone)).await.unwrap();
    let cursor = first["pages"]["next"]["starting_after"].as_str().unwrap().replace('=', "%3D");
    let rest = world.get(&format!("/conversations?per_page=150&starting_after={cursor}")).await;
    let met: BTreeSet<_> = ids(&first["conversations"]).into_iter().chain(ids(&rest["conversations"])).collect();
    assert_eq!(met.len(), 47);
}

#[tokio::test]
async fn lists_and_searches_of_conversations_hold_no_parts() {
    let world = start().await;
    let listed = world.get("/conversations").await;
    assert_eq!(listed["conversations"].as_array().unwrap().len(), 20);
    assert_eq!(listed["type"], "conversation.list");
    assert_eq!(listed["total_count"], 47);
    assert_eq!(listed["pages"]["total_pages"], 3);
    for conversation in listed["conversations"].as_array().unwrap() {
        assert!(conversation.get("conversation_parts").is_none());
    }
    let query = json!({"query": {"field": "open", "operator": "=", "value": true}});
    let (_, found) = world.post("/conversations/search", &query).await;
    for conversation in found["conversations"].as_array().unwrap() {
        assert!(conversation.get("conversation_parts").is_none());
    }
}

#[tokio::test]
async fn page_sizes_beyond_the_limit_and_forged_cursors_are_refused() {
    let world = start().await;
    for path in [
        "/conversations?per_page=151",
        "/conversations?per_page=0",
        "/contacts?per_page=many",
        "/conversations?starting_after=nonsense",
        "/contacts?starting_after=Wz==",
    ] {
        let (status, error) = world.try_get(path).await;
        assert_eq!((status, code(&error)), (400, "parameter_invalid"), "{path}");
    }
}

#[tokio::test]
async fn article_page_zero_repeats_page_one_and_the_last_page_has_no_next() {
    let world = start().await;
    let zero = world.get("/articles?page=0&per_page=4").await;
    let one = world.get("/articles?page=1&per_page=4").await;
    assert_eq!(zero["data"], one["data"]);
    assert_eq!(zero["pages"]["page"], 0);
    assert!(zero["pages"]["next"].as_str().unwrap().ends_with("/articles?per_page=4&page=1"));
    let mut met = Vec::new();
    let mut next = Some(world.url("/articles?per_page=4"));
    while let Some(url) = next {
        let page: Value = world.http.get(&url).bearer_auth(&world.token).send().await.unwrap().json().await.unwrap();
        met.extend(ids(&page["data"]));
        next = page["pages"].get("next").map(|url| url.as_str().unwrap().to_owned());
    }
    assert_exactly_once(&world, Kind::Articles, &met);
    let times: Vec<i64> =
        one["data"].as_array().unwrap().iter().map(|article| article["updated_at"].as_i64().unwrap()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "latest change first: {times:?}");
    assert!(one["data"][0].get("statistics").is_none());
    let single = world.get(&format!("/articles/{}", met[0])).await;
    assert!(single.get("statistics").is_some());
}

#[tokio::test]
async fn deleted_conversations_are_listed_from_2_16_on_with_urls() {
    let world = start().await;
    let mut gone = Vec::new();
    for _ in 0..5 {
        world.clock.advance_ms(1_000);
        let done = world.state().mutate(&Mutate::new(Action::ConversationDeleted)).await.unwrap();
        gone.push(done.ids["conversation_id"].as_str().unwrap().to_owned());
    }
    let (status, error) = world.try_get("/conversations/deleted").await;
    assert_eq!((status, code(&error)), (400, "intercom_version_invalid"));
    let (status, page) = world.get_as("2.16", "/conversations/deleted?per_page=2&order=asc").await;
    assert_eq!(status, 200);
    assert_eq!(page["type"], "conversations.list");
    assert_eq!(page["total_count"], 5);
    assert_eq!(ids(&page["conversations"]), gone[..2]);
    let next = page["pages"]["next"].as_str().unwrap();
    let path = next.strip_prefix(world.emulator.base_url()).unwrap();
    let (_, page) = world.get_as("2.16", path).await;
    assert_eq!(ids(&page["conversations"]), gone[2..4]);
    let (_, page) = world.get_as("2.16", "/conversations/deleted?per_page=2&order=asc&page=3").await;
    assert_eq!(page["pages"]["next"], Value::Null);
    let (status, error) = world.try_get(&format!("/conversations/{}", gone[0])).await;
    assert_eq!((status, code(&error)), (404, "not_found"));
    assert_eq!(error["errors"][0]["message"], "Conversation not found");
    let (status, _) = world.get_as("2.16", "/conversations/deleted?per_page=61").await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_contact_embeds_ten_companies_and_the_sub_list_holds_all() {
    let world = start().await;
    let (contact, count) = world.state().truth(Some(Kind::Contacts), None)["contacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|contact| {
            (contact["id"].as_str().unwrap().to_owned(), contact["companies"]["total_count"].as_u64().unwrap())
        })
        .max_by_key(|(_, count)| *count)
        .unwrap();
    assert_eq!(count, 12);
    let shown = world.get(&format!("/contacts/{contact}")).await;
    assert_eq!(shown["companies"]["data"].as_array().unwrap().len(), 10);
    assert_eq!(shown["companies"]["has_more"], true);
    assert!(shown.get("segments").is_none());
    let sub = world.get(&format!("/contacts/{contact}/companies?per_page=5&page=3")).await;
    assert_eq!(sub["total_count"], 12);
    assert_eq!(sub["data"].as_array().unwrap().len(), 2);
    assert_eq!(sub["pages"]["next"], Value::Null);
    let segments = world.get(&format!("/contacts/{contact}/segments")).await;
    assert_eq!(segments["data"][0]["type"], "segment");
    assert_eq!(world.get(&format!("/contacts/{contact}/tags")).await["type"], "list");
}

#[tokio::test]
async fn what_is_not_paged_comes_whole_under_its_own_key() {
    let world = start().await;
    let admins = world.get("/admins").await;
    assert!(admins["admins"].as_array().unwrap().iter().any(|admin| {
        admin["email"].as_str().unwrap() == "operator+acmews01@intercom.io" && admin["name"] == "Fin"
    }));
    let id = admins["admins"][0]["id"].as_str().unwrap();
    assert_eq!(world.get(&format!("/admins/{id}")).await, admins["admins"][0]);
    assert_eq!(code(&world.try_get("/admins/1").await.1), "admin_not_found");
    assert_eq!(world.get("/teams").await["teams"].as_array().unwrap().len(), 3);
    assert_eq!(world.get("/tags").await["data"].as_array().unwrap().len(), 6);
    assert_eq!(world.get("/segments").await["segments"].as_array().unwrap().len(), 4);
    let counted = world.get("/segments?include_count=true").await;
    let members: u64 =
        counted["segments"].as_array().unwrap().iter().map(|segment| segment["count"].as_u64().unwrap()).sum();
    assert_eq!(members, 33);
}

#[tokio::test]
async fn events_belong_to_one_contact_and_end_after_ninety_days() {
    let world = start().await;
    let done = world.state().mutate(&Mutate::new(Action::EventCreated)).await.unwrap();
    let contact = done.ids["contact_id"].as_str().unwrap();
    let path = format!("/events?type=user&intercom_user_id={contact}");
    let found = world.get(&path).await;
    assert_eq!(found["type"], "event.summary");
    assert!(ids(&found["events"]).contains(&done.ids["event_id"].as_str().unwrap().to_owned()));
    world.clock.advance_ms(91 * 86_400_000);
    assert!(world.get(&path).await["events"].as_array().unwrap().is_empty());
    assert_eq!(world.try_get("/events?type=user").await.0, 400);
    assert_eq!(world.try_get("/events?type=user&intercom_user_id=nobody").await.0, 404);
}
