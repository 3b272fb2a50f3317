//! docs/data-model.md: its queries find what it says, and what is written reads back.

use std::{collections::HashMap, fs, path::Path};

use aws_sdk_dynamodb::types::AttributeValue;
use memory::{EntityRef, EntityType, Settings, View, keys, transform};
use serde_json::{Value, json};
use store::memory_table::{MemoryTable, Retention, Written};
use tests::{Tables, Wire};

const NOW: i64 = 1_795_305_600;

fn settings() -> Settings {
    Settings { ingest_internal_notes: true, link_team_keys: ["ENG".to_owned()].into(), ..Settings::default() }
}

fn table(tables: &Tables) -> MemoryTable {
    MemoryTable::new(tables.client_over(&Wire::counting()), &tables.memory, Retention::default())
}

async fn write(memory: &MemoryTable, view: &View) -> Written {
    let head = memory.head(&view.document.entity).await.unwrap();
    let claim = memory.claim(&view.document.entity).await.unwrap();
    memory.write(view, claim, &settings().shape(), head.as_ref(), NOW).await.unwrap()
}

fn view(workspace: &str, kind: EntityType, object: &Value) -> View {
    transform(&workspace.parse().unwrap(), kind, object, &settings()).unwrap()
}

/// The world of the page's examples.
async fn example(memory: &MemoryTable) {
    let (contact, company) = ("6318db7dfb80c614fe1792b5", "6762f0971bb69f9f2193bb2b");
    let at = 1_795_169_730; // 2026-11-20T10:15:30Z
    for (kind, object) in [
        (EntityType::Company, json!({"id": company, "name": "Acme", "created_at": at, "updated_at": at})),
        (
            EntityType::Contact,
            json!({"id": contact, "name": "Dana Marie", "companies": {"data": [{"id": company}]},
            "created_at": at, "updated_at": at}),
        ),
        (
            EntityType::Conversation,
            json!({
                "id": "215470000000123", "title": "Export fails with 500", "state": "open", "created_at": at - 88, "updated_at": at,
                "source": {"id": "s1", "body": "<p>Export fails</p>", "author": {"type": "user", "id": contact, "name": "Dana"}},
                "contacts": {"contacts": [{"type": "contact", "id": contact}]},
                "conversation_parts": {"conversation_parts": [{"id": "37350000002", "part_type": "comment", "created_at": at,
                    "updated_at": at, "body": "<p>It still fails, see ENG-42.</p>", "author": {"type": "user", "id": contact}}]}
            }),
        ),
    ] {
        write(memory, &view("abc123", kind, &object)).await;
    }
}

/// The value of an option of a command line, without its quotes.
fn option<'c>(command: &'c str, name: &str) -> Option<&'c str> {
    let value = command.split(&format!("{name} ")).nth(1)?;
    match value.strip_prefix('\'') {
        Some(quoted) => quoted.split('\'').next(),
        None => value.split_whitespace().next(),
    }
}

fn values(json: &str) -> HashMap<String, AttributeValue> {
    let values: HashMap<String, HashMap<String, String>> = serde_json::from_str(json).unwrap();
    values.into_iter().map(|(name, value)| (name, AttributeValue::S(value["S"].clone()))).collect()
}

#[tokio::test]
async fn every_query_of_the_page_finds_what_it_says() {
    let tables = Tables::start().await;
    example(&table(&tables)).await;
    let page = include_str!("../../docs/data-model.md");
    let joined = page.replace("\\\n", " ");
    let commands: Vec<&str> = joined.lines().filter(|line| line.starts_with("aws dynamodb ")).collect();
    assert!(commands.len() >= 8, "{commands:?}");
    for command in commands {
        if command.starts_with("aws dynamodb get-item") {
            let key = values(option(command, "--key").unwrap());
            let found = tables.client.get_item().table_name(&tables.memory).set_key(Some(key)).send().await.unwrap();
            assert!(found.item.is_some(), "{command}");
            continue;
        }
        assert!(command.starts_with("aws dynamodb query"), "{command}");
        let mut found = 0;
        // The page says to ask once for each partition of the day; nothing else has such a key.
        for shard in 0..if command.contains("by_time") { keys::TIME_SHARDS } else { 1 } {
            let asked = option(command, "--expression-attribute-values").unwrap();
            let asked = asked.replace("2026-11-20#0\"", &format!("2026-11-20#{shard}\""));
            let query = tables.client.query().table_name(&tables.memory);
            let query = query.set_index_name(option(command, "--index-name").map(str::to_owned));
            let query = query.key_condition_expression(option(command, "--key-condition-expression").unwrap());
            let query = query.scan_index_forward(!command.contains("--no-scan-index-forward"));
            found += query.set_expression_attribute_values(Some(values(&asked))).send().await.unwrap().count();
        }
        assert!(found > 0, "nothing is found by {command}");
    }
}

fn objects() -> Vec<(EntityType, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/memory/tests/fixtures/objects");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut objects: Vec<(EntityType, Value)> = paths
        .iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            let kind = name.split('.').next().unwrap().parse().unwrap();
            (kind, serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap())
        })
        .collect();
    // Bodies over several items, cut where characters have several bytes.
    let long = format!("<p>{}</p>", "wörter ☕ ".repeat(60_000));
    objects.push((
        EntityType::Article,
        json!({"id": "long", "title": "T", "body": long, "created_at": 5, "updated_at": 6}),
    ));
    objects.push((EntityType::Conversation, json!({"id": "long", "created_at": 5, "updated_at": 6, "conversation_parts": {"conversation_parts": [
        {"id": "p", "part_type": "comment", "body": long, "created_at": 6, "updated_at": 6, "author": {"type": "admin", "id": "1"}}]}})));
    objects
}

fn sorted(mut view: View) -> View {
    view.events.sort_by(|a, b| (a.occurred_at, &a.source_id).cmp(&(b.occurred_at, &b.source_id)));
    view.relations.sort_by_key(memory::Relation::sk);
    view
}

#[tokio::test]
async fn what_is_written_reads_back_whole_and_is_written_again_item_for_item() {
    let mut split = 0;
    for (kind, object) in objects() {
        let (tables, copy) = (Tables::start().await, Tables::start().await);
        let (memory, second) = (table(&tables), table(&copy));
        let view = view("abc123", kind, &object);
        let entity = EntityRef::new(&"abc123".parse().unwrap(), kind, &view.document.entity.id);
        write(&memory, &view).await;
        let read = memory.stored(&entity).await.unwrap().unwrap().view;
        let mut expected = view.clone();
        expected.complete(&memory::Known::default());
        assert_eq!(sorted(read.clone()), sorted(expected), "{kind}");
        write(&second, &read).await;
        assert_eq!(write(&memory, &read).await, Written::Unchanged, "{kind}");
        let first = tables.memory().await;
        split += first.keys().filter(|(_, sk)| sk.ends_with("#0002")).count();
        crate::memory::assert_same(&first, &copy.memory().await);
    }
    assert_eq!(split, 2, "an article and a message");
}

#[tokio::test]
async fn a_body_that_lacks_a_piece_is_an_error_and_no_shorter_text() {
    let tables = Tables::start().await;
    let memory = table(&tables);
    let (kind, object) = objects().pop().unwrap();
    let view = view("abc123", kind, &object);
    write(&memory, &view).await;
    let items = tables.memory().await;
    let (pk, sk) = items.keys().find(|(_, sk)| sk.ends_with("#0001")).unwrap();
    let delete = tables.client.delete_item().table_name(&tables.memory).key("pk", AttributeValue::S(pk.clone()));
    delete.key("sk", AttributeValue::S(sk.clone())).send().await.unwrap();
    let error = memory.stored(&view.document.entity).await.unwrap_err();
    assert!(error.to_string().contains("pieces"), "{error}");
}
