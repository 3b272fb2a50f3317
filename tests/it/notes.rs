//! The switch for internal notes.

use emulator::{Action, Kind, Mutate};
use memory::{EntityRef, EntityType, Settings, transform};
use store::memory_table::Written;
use tests::Stack;

use crate::memory::{Items, assert_same, deliver, installed, mutate};

const NOTE: &str = "<p>between us, see https://linear.app/x/issue/ENG-99</p>";

fn with_notes(ingest_internal_notes: bool) -> Settings {
    Settings { ingest_internal_notes, link_team_keys: ["ENG".to_owned()].into(), ..Settings::default() }
}

/// What a walk's refetch does after a new deployment with these settings.
async fn refetch(stack: &Stack, id: &str, settings: &Settings) -> Written {
    let memory = stack.memory();
    let entity = EntityRef::new(&stack.workspace(), EntityType::Conversation, id);
    let head = memory.head(&entity).await.unwrap();
    let object = stack.intercom.state().object(Kind::Conversations, id).unwrap();
    let updated_at = object["updated_at"].as_i64().unwrap();
    assert!(!head.as_ref().unwrap().covers(updated_at, &settings.shape()), "another shape is never up to date");
    let claim = memory.claim(&entity).await.unwrap();
    let view = transform(&stack.workspace(), EntityType::Conversation, &object, settings).unwrap();
    memory.write(&view, claim, &settings.shape(), head.as_ref(), 0).await.unwrap()
}

fn of_conversation(items: Items, id: &str) -> Items {
    items.into_iter().filter(|((pk, _), _)| pk.ends_with(&format!("#conversation#{id}"))).collect()
}

#[tokio::test]
async fn switching_notes_on_brings_the_old_ones_and_switching_them_off_erases_them() {
    let stack = installed().await;
    let noted = mutate(&stack, &Mutate::new(Action::AdminNoted).saying(NOTE)).await;
    deliver(&stack, &noted).await;
    let id = noted.ids["conversation_id"].as_str().unwrap().to_owned();
    let without = of_conversation(stack.tables.memory().await, &id);
    assert!(!format!("{without:?}").contains("between us"));

    refetch(&stack, &id, &with_notes(true)).await;
    let with = of_conversation(stack.tables.memory().await, &id);
    assert!(format!("{with:?}").contains("between us"));
    assert!(with.keys().any(|(_, sk)| sk.starts_with("relation#linear#issue#ENG-99")));

    refetch(&stack, &id, &with_notes(false)).await;
    assert_same(&without, &of_conversation(stack.tables.memory().await, &id));
}

#[tokio::test]
async fn a_long_note_goes_with_all_its_pieces() {
    let stack = installed().await;
    let long = format!("<p>between us {}</p>", "x".repeat(700_000));
    let noted = mutate(&stack, &Mutate::new(Action::AdminNoted).saying(long)).await;
    deliver(&stack, &noted).await;
    let id = noted.ids["conversation_id"].as_str().unwrap().to_owned();
    refetch(&stack, &id, &with_notes(true)).await;
    let with = of_conversation(stack.tables.memory().await, &id);
    assert!(with.keys().filter(|(_, sk)| sk.contains(".noted")).count() > 2);
    refetch(&stack, &id, &with_notes(false)).await;
    let left = of_conversation(stack.tables.memory().await, &id);
    assert_eq!(left.keys().filter(|(_, sk)| sk.contains(".noted")).count(), 0);
}
