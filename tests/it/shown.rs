//! What only a notification has shown, and the fetched view that takes its place; what teammates say among themselves.

use intercom::{Timestamp, notification::Notification};
use memory::{EntityRef, EntityType, Event, Settings, View, keys, plan::events_seen, transform};
use serde_json::{Value, json};
use store::memory_table::{MemoryTable, Retention, TombstoneKind, Written};
use tests::{Tables, Wire};

use crate::memory::{Items, assert_same};

const NOW: i64 = 1_795_305_600;
const TYPED: &str = "if a<b the <Save> button\nbreaks, see\nENG-42\nplease";
const HTML: &str = "<p>if a&lt;b the &lt;Save&gt; button</p><p><b>breaks</b>, see \
                    <a href=\"https://linear.app/acme/issue/ENG-42\">this</a> please</p>";

fn settings(ingest_internal_notes: bool) -> Settings {
    Settings { ingest_internal_notes, ..Settings::default() }
}

fn table(tables: &Tables) -> MemoryTable {
    MemoryTable::new(tables.client_over(&Wire::counting()), &tables.memory, Retention::default())
}

fn conversation(body: &str) -> Value {
    json!({"type": "conversation", "id": "215", "created_at": 1_000, "updated_at": 1_600, "source": {"id": "s1", "body": "<p>Hello</p>",
        "author": {"type": "user", "id": "c1"}}, "contacts": {"contacts": [{"type": "contact", "id": "c1"}]},
        "conversation_parts": {"conversation_parts": [{"id": "p", "part_type": "comment", "body": body, "created_at": 1_500,
            "updated_at": 1_600, "author": {"type": "user", "id": "c1"}}]}})
}

fn seen(item: &Value) -> Vec<Event> {
    let body = json!({"type": "notification_event", "app_id": "abc123", "id": "n1", "topic": "conversation.user.replied",
        "created_at": 1_600, "data": {"type": "notification_event_data", "item": item}});
    let told = Notification::parse(&body.to_string()).unwrap();
    events_seen(&told, &"abc123".parse().unwrap(), &settings(false))
}

fn view(object: &Value, settings: &Settings) -> View {
    transform(&"abc123".parse().unwrap(), EntityType::Conversation, object, settings).unwrap()
}

async fn write(memory: &MemoryTable, view: &View, settings: &Settings) -> Written {
    let head = memory.head(&view.document.entity).await.unwrap();
    let claim = memory.claim(&view.document.entity).await.unwrap();
    memory.write(view, claim, &settings.shape(), head.as_ref(), NOW).await.unwrap()
}

fn events(items: Items) -> Items {
    items.into_iter().filter(|((_, sk), _)| sk.starts_with(keys::EVENT_PREFIX)).collect()
}

async fn stored_part(memory: &MemoryTable, entity: &EntityRef) -> Event {
    let events = memory.stored(entity).await.unwrap().unwrap().view.events;
    events.into_iter().find(|event| event.part_id.as_deref() == Some("p")).unwrap()
}

#[tokio::test]
async fn the_fetched_view_takes_the_place_of_what_a_notification_showed_whichever_is_written_first() {
    let long = |words: &str, times: usize| words.repeat(times);
    for (typed, html) in [
        (TYPED.to_owned(), HTML.to_owned()),
        // In several items, the notification's more than the view's, and the other way round.
        (long("typed <ENG> ", 80_000), format!("<p>{}</p>", long("html ", 70_000))),
        (long("typed ", 60_000), format!("<p>{}</p>", long("html <b>x</b> ", 70_000))),
    ] {
        let settings = settings(false);
        let (shown, view) = (seen(&conversation(&typed)), view(&conversation(&html), &settings));
        let entity = &view.document.entity;
        let (first, second) = (Tables::start().await, Tables::start().await);
        let memory = table(&first);
        memory.put_shown(entity, &shown, &settings.shape()).await.unwrap();
        assert_eq!(
            stored_part(&memory, entity).await.body.replace('\\', ""),
            typed.trim(),
            "no word is lost meanwhile"
        );
        write(&memory, &view, &settings).await;
        let other = table(&second);
        write(&other, &view, &settings).await;
        other.put_shown(entity, &shown, &settings.shape()).await.unwrap();
        for memory in [&memory, &other] {
            let expected = view.events.iter().find(|event| event.part_id.is_some()).unwrap();
            assert_eq!(&stored_part(memory, entity).await, expected);
        }
        assert_same(&events(first.memory().await), &events(second.memory().await));
        assert_eq!(write(&memory, &view, &settings).await, Written::Unchanged);
    }
}

#[tokio::test]
async fn the_fetched_view_brings_the_links_that_the_text_of_a_notification_lacked() {
    let tables = Tables::start().await;
    let (memory, settings) = (table(&tables), settings(false));
    let view = view(&conversation(HTML), &settings);
    memory.put_shown(&view.document.entity, &seen(&conversation(TYPED)), &settings.shape()).await.unwrap();
    let linear = |items: &Items| items.keys().any(|(_, sk)| sk == "relation#linear#issue#ENG-42#references");
    assert!(!linear(&tables.memory().await), "a bare key of a team that nobody named is no link");
    write(&memory, &view, &settings).await;
    assert!(linear(&tables.memory().await));
}

#[tokio::test]
async fn a_shown_event_that_is_revised_is_still_replaced_by_the_fetched_view() {
    let tables = Tables::start().await;
    let (memory, settings) = (table(&tables), settings(false));
    let mut item = conversation(TYPED);
    item["conversation_parts"]["conversation_parts"][0]["author"] = json!({"type": "admin", "id": "a1"});
    let added = json!({"participant": {"type": "user", "id": "c2"}});
    item["conversation_parts"]["conversation_parts"][0]["event_details"] = added.clone();
    let mut fetched = item.clone();
    fetched["conversation_parts"]["conversation_parts"][0]["body"] = json!(HTML);
    let view = view(&fetched, &settings);
    let entity = &view.document.entity;
    memory.put_shown(entity, &seen(&item), &settings.shape()).await.unwrap();
    let gone = EntityRef::new(&entity.workspace, EntityType::Contact, "c2");
    let claim = memory.claim(&gone).await.unwrap();
    let at = Timestamp::from_epoch_seconds(1_700).unwrap();
    memory.bury(&gone, TombstoneKind::Erased, at, claim, "contact.deleted").await.unwrap();
    assert!(memory.revise(entity).await.unwrap(), "the link to whom was added goes");
    write(&memory, &view, &settings).await;
    let stored = stored_part(&memory, entity).await;
    assert!(stored.body.contains("**breaks**") && stored.contacts().next().is_none(), "{stored:?}");
}

#[tokio::test]
async fn what_teammates_said_among_themselves_goes_when_notes_are_switched_off() {
    let tables = Tables::start().await;
    let memory = table(&tables);
    let thread = json!({"type": "conversation", "id": "300", "title": "Churn risk", "created_at": 1_000, "updated_at": 2_000,
        "source": null, "contacts": {"contacts": []}, "conversation_parts": {"conversation_parts": [
            {"id": "p", "part_type": "comment", "body": "<p>about to churn, see https://linear.app/x/issue/ENG-5</p>", "created_at": 1_500,
             "updated_at": 1_500, "author": {"type": "admin", "id": "77"}}]}});
    let (on, off) = (settings(true), settings(false));
    write(&memory, &view(&thread, &off), &off).await;
    let without = tables.memory().await;
    assert!(!format!("{without:?}").to_lowercase().contains("churn"));
    write(&memory, &view(&thread, &on), &on).await;
    assert!(format!("{:?}", tables.memory().await).contains("about to churn"));
    write(&memory, &view(&thread, &off), &off).await;
    assert_same(&without, &tables.memory().await);
}
