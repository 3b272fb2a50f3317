//! The invented workspace itself.

use std::collections::BTreeSet;

use emulator::{Action, Config, Emulator, Kind, Mutate, PART_LIMIT, Reset};
use serde_json::{Value, json};

use crate::support::{NOW, seed, start, start_with};

#[tokio::test]
async fn a_seed_gives_the_same_world_and_the_same_events_every_time() {
    let (one, two) = (start().await, start().await);
    assert_eq!(one.state().truth(None, None), two.state().truth(None, None));
    for action in [Action::UserReplied, Action::AdminClosed, Action::ContactCreated, Action::ContactMerged] {
        let first = one.state().mutate(&Mutate::new(action)).await.unwrap();
        let second = two.state().mutate(&Mutate::new(action)).await.unwrap();
        assert_eq!(first, second);
    }
    let other = start_with(|config| config.seed.seed = 8).await;
    assert_ne!(one.state().truth(None, None), other.state().truth(None, None));
    one.state().reset(&Reset::default());
    two.state().reset(&Reset { seed: Some(7), ..Reset::default() });
    assert_eq!(one.state().truth(None, None), two.state().truth(None, None));
}

#[tokio::test]
async fn requests_do_not_change_what_chance_chooses() {
    let (quiet, busy) = (start().await, start().await);
    for _ in 0..7 {
        busy.get("/conversations").await;
    }
    let pick =
        async |world: &crate::support::World| world.state().mutate(&Mutate::new(Action::AdminNoted)).await.unwrap().ids;
    assert_eq!(pick(&quiet).await, pick(&busy).await);
}

#[tokio::test]
async fn times_are_in_order_and_within_the_history() {
    let world = start_with(|config| config.seed.conversations = 300).await;
    let truth = world.state().truth(None, None);
    let at = |object: &Value, key: &str| object[key].as_i64().unwrap();
    let mut part_ids = BTreeSet::new();
    for conversation in truth["conversations"].as_array().unwrap() {
        let (created, updated) = (at(conversation, "created_at"), at(conversation, "updated_at"));
        assert!((NOW - 90 * 86_400..NOW).contains(&created));
        assert!(updated < NOW);
        let mut newest = created;
        for part in conversation["conversation_parts"]["conversation_parts"].as_array().unwrap() {
            assert!(at(part, "created_at") >= newest);
            newest = at(part, "created_at");
            assert!(part_ids.insert(part["id"].as_str().unwrap().to_owned()), "part ids are unique");
        }
        let rated = conversation["conversation_rating"]["created_at"].as_i64().unwrap_or(0);
        assert_eq!(updated, newest.max(rated));
        let contact = conversation["contacts"]["contacts"][0]["id"].as_str().unwrap();
        assert!(world.state().object(Kind::Contacts, contact).is_some());
    }
    for kind in ["contacts", "companies", "articles", "tickets"] {
        for object in truth[kind].as_array().unwrap() {
            assert!(at(object, "created_at") <= at(object, "updated_at"), "{object}");
            assert!(at(object, "updated_at") <= NOW, "{object}");
        }
    }
}

#[tokio::test]
async fn the_dialogues_hold_what_a_connector_has_to_read() {
    let world = start_with(|config| config.seed.conversations = 300).await;
    let all = world.state().truth(Some(Kind::Conversations), None).to_string();
    for needed in [
        "https://linear.app/acme/issue/ENG-",
        "https://github.com/acme/web/pull/",
        ".sentry.io/issues/",
        "atlassian.net/browse/OPS-",
        "https://vercel.com/acme/web/",
        "UTF-8",
        "SHA-256",
        "<blockquote>",
        "<pre><code>",
        "<ul>",
        "<ol>",
        "\"part_type\":\"note\"",
        "\"part_type\":\"assignment\"",
        "\"part_type\":\"close\"",
        "\"part_type\":\"snoozed\"",
        "\"part_type\":\"priority_changed\"",
        "\"type\":\"bot\"",
        "\"type\":\"lead\"",
        "\"type\":\"email\"",
        "screenshot.png",
    ] {
        assert!(all.contains(needed), "{needed} never comes up");
    }
    assert!(!all.contains("{n}") && !all.contains("{first}") && !all.contains("{eng}"));
    let states: BTreeSet<&str> = ["open", "closed", "snoozed"].into();
    let found: Value = world.state().truth(Some(Kind::Conversations), None);
    let seen: BTreeSet<&str> =
        found["conversations"].as_array().unwrap().iter().map(|c| c["state"].as_str().unwrap()).collect();
    assert_eq!(seen, states);
}

#[tokio::test]
async fn only_the_newest_five_hundred_parts_are_served() {
    let world = start().await;
    let id = world.state().ids(Kind::Conversations)[0].clone();
    let before = world.get(&format!("/conversations/{id}")).await;
    let had = before["conversation_parts"]["conversation_parts"].as_array().unwrap().len();
    let mut last = Value::Null;
    for _ in 0..(PART_LIMIT + 3 - had) {
        last = world.state().mutate(&Mutate::new(Action::UserReplied).on(&id)).await.unwrap().ids;
    }
    let served = world.get(&format!("/conversations/{id}")).await;
    let parts = served["conversation_parts"]["conversation_parts"].as_array().unwrap();
    assert_eq!(parts.len(), 500);
    assert_eq!(served["conversation_parts"]["total_count"], 500);
    assert_eq!(parts[499]["id"], last["part_id"]);
    let oldest: i64 = parts[0]["id"].as_str().unwrap().parse().unwrap();
    let first = &before["conversation_parts"]["conversation_parts"];
    if had > 3 {
        assert_eq!(first[3]["id"], parts[0]["id"], "the three oldest are cut off");
    }
    assert!(oldest > 0);
    assert_eq!(served["statistics"]["count_conversation_parts"], 504);
}

#[tokio::test]
async fn every_conversation_has_as_many_parts_as_are_asked_for() {
    for wanted in [0, 8, 30] {
        let world = start_with(|config| {
            config.seed = emulator::Seed { parts_per_conversation: Some(wanted), conversations: 200, ..seed() };
        })
        .await;
        let truth = world.state().truth(Some(Kind::Conversations), None);
        let conversations = truth["conversations"].as_array().unwrap();
        assert_eq!(conversations.len(), 200);
        for conversation in conversations {
            let parts = conversation["conversation_parts"]["conversation_parts"].as_array().unwrap();
            assert_eq!(parts.len(), wanted as usize, "conversation {}", conversation["id"]);
            assert!(parts.iter().all(|part| part["created_at"].as_i64().unwrap() < NOW), "nothing is to come");
        }
    }
}

#[tokio::test]
async fn a_larger_world_holds_the_smaller_one_and_an_empty_one_works() {
    let contacts = |value: Value| value["contacts"].as_array().unwrap().len();
    let world = start_with(|config| {
        config.seed = emulator::Seed { conversations: 0, contacts: 0, companies: 0, articles: 0, tickets: 0, ..seed() };
    })
    .await;
    assert_eq!(contacts(world.state().truth(Some(Kind::Contacts), None)), 0);
    assert_eq!(
        world.get("/conversations").await["pages"],
        json!({"type": "pages", "page": 1, "per_page": 20, "total_pages": 0})
    );
    assert_eq!(world.get("/companies/scroll").await["data"], json!([]));
    let error = world.state().mutate(&Mutate::new(Action::UserReplied)).await.unwrap_err();
    assert!(error.to_string().contains("no conversations"), "{error}");
}

#[tokio::test]
async fn the_default_world_is_big_enough_for_a_demonstration() {
    let emulator = Emulator::start(Config::default()).await.unwrap();
    assert!(emulator.state().ids(Kind::Conversations).len() >= 200);
    emulator.shutdown().await;
}
