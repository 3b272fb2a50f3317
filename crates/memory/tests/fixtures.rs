//! Every fixture through [`memory::transform`] and [`memory::plan`], its result kept as a snapshot that was reviewed.
//! The data of the fixtures is invented; their shapes are those that Intercom was seen to send in 2026.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use intercom::{Timestamp, WorkspaceId, notification::Notification};
use memory::{EntityType, Plan, Settings, View, delivery::validate, plan, post_transform_event, transform};
use serde_json::Value;

fn workspace() -> WorkspaceId {
    "ws7fixt1".parse().unwrap()
}

fn received_at() -> Timestamp {
    Timestamp::parse("2026-11-22T12:00:00Z").unwrap()
}

fn with_notes() -> Settings {
    Settings {
        ingest_internal_notes: true,
        link_team_keys: BTreeSet::from(["ENG".to_owned(), "OPS".to_owned()]),
        ..Settings::default()
    }
}

/// The JSON files of a folder by name, sorted.
fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let json = entries.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let mut files: Vec<_> = json.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path)).collect();
    files.sort();
    files
}

fn fixtures(kind: &str) -> Vec<(String, PathBuf)> {
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(kind))
}

fn object(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/objects/{name}.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn notification(path: &Path) -> Notification {
    Notification::parse(&fs::read_to_string(path).unwrap()).unwrap()
}

fn view(name: &str, settings: &Settings) -> View {
    let kind: EntityType = name.split('.').next().unwrap().parse().unwrap();
    transform(&workspace(), kind, &object(name), settings).unwrap()
}

#[test]
fn every_object_becomes_what_its_snapshot_says() {
    for (name, _) in fixtures("objects") {
        insta::assert_json_snapshot!(format!("object.{name}"), view(&name, &with_notes()));
    }
}

#[test]
fn every_notification_asks_for_what_its_snapshot_says() {
    for (name, path) in fixtures("notifications") {
        let plans = plan(&notification(&path), &workspace(), received_at(), &Settings::default());
        insta::assert_json_snapshot!(format!("notification.{name}"), plans);
    }
}

#[test]
fn every_event_of_every_fixture_keeps_the_contract() {
    for (name, _) in fixtures("objects") {
        let view = view(&name, &with_notes());
        for event in &view.events {
            let delivered = post_transform_event(&view.document, event, &view.relations);
            assert_eq!(validate(&delivered), Ok(()), "{name}: {}", event.source_id);
        }
    }
    for (name, path) in fixtures("notifications") {
        for plan in plan(&notification(&path), &workspace(), received_at(), &with_notes()) {
            if let Plan::Observe(seen) = plan {
                let entity = &seen.entity;
                let document = seen.document.clone().unwrap_or_else(|| {
                    let bare = serde_json::json!({ "id": entity.id });
                    transform(&workspace(), entity.entity_type, &bare, &with_notes()).unwrap().document
                });
                let delivered = post_transform_event(&document, &seen.event, &seen.relations);
                assert_eq!(validate(&delivered), Ok(()), "{name}");
            }
        }
    }
}

#[test]
fn a_document_reads_back_as_it_was_written() {
    for (name, _) in fixtures("objects") {
        let view = view(&name, &with_notes());
        let written = serde_json::to_string(&view).unwrap();
        assert_eq!(serde_json::from_str::<View>(&written).unwrap(), view, "{name}");
    }
}

#[test]
fn a_webhook_and_the_rest_object_give_the_same_events() {
    let whole = view("conversation.with_every_kind_of_part", &with_notes());
    let mut compared = 0;
    for (name, path) in fixtures("notifications") {
        let told = notification(&path);
        for event in memory::plan::events_seen(&told, &workspace(), &with_notes()) {
            if event.entity == whole.document.entity {
                assert!(whole.events.contains(&event), "{name}: {}", event.source_id);
                compared += 1;
            }
        }
    }
    assert!(compared >= 8, "only {compared} events were compared");
    let ticket = view("ticket.with_a_note_and_nobody_assigned", &with_notes());
    for name in ["ticket.contact.replied", "ticket.note.created", "ticket.created"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/notifications/{name}.json"));
        let seen = memory::plan::events_seen(&notification(&path), &workspace(), &with_notes());
        assert!(!seen.is_empty() && seen.iter().all(|event| ticket.events.contains(event)), "{name}");
    }
}

#[test]
fn a_data_event_is_the_same_from_a_webhook_and_from_the_list_of_events() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/notifications/event.created.json");
    let plans = plan(&notification(&path), &workspace(), received_at(), &with_notes());
    let [Plan::Observe(seen)] = plans.as_slice() else { panic!("{plans:?}") };
    let listed = view("data-event", &with_notes());
    assert_eq!(listed.events, std::slice::from_ref(&seen.event));
    assert_eq!(Some(&listed.document), seen.document.as_ref());
}

#[test]
fn events_hold_no_names_and_no_addresses() {
    let mut seen = 0;
    for (name, path) in fixtures("notifications") {
        let told = notification(&path);
        let observed =
            plan(&told, &workspace(), received_at(), &with_notes()).into_iter().filter_map(|plan| match plan {
                Plan::Observe(observation) => Some(observation.event),
                _ => None,
            });
        for event in observed.chain(memory::plan::events_seen(&told, &workspace(), &with_notes())) {
            let written = serde_json::to_string(&event).unwrap();
            for personal in ["Robin", "Kim ", "@customer.example", "@vendor.example", "192.0.2.1"] {
                assert!(!written.contains(personal), "{name}: {written}");
            }
            seen += 1;
        }
    }
    assert!(seen > 20);
}

#[test]
fn every_capture_is_planned_without_error() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/intercom");
    if !folder.is_dir() {
        println!("not run: there is no ../shared/intercom beside this repository");
        return;
    }
    for (name, path) in files(&folder.join("captures")).into_iter().chain(files(&folder.join("constructed"))) {
        let told = notification(&path);
        let workspace = told.envelope.workspace.clone().unwrap();
        let plans = plan(&told, &workspace, received_at(), &with_notes());
        let what: Vec<&str> = plans
            .iter()
            .map(|plan| match plan {
                Plan::Fetch { .. } => "fetch",
                Plan::Erase { .. } => "erase",
                Plan::Absent { .. } => "absent",
                Plan::Merge { .. } => "merge",
                Plan::Observe(_) => "observe",
                Plan::Ignore { .. } => "ignore",
            })
            .collect();
        let expected: &[&str] = match name.as_str() {
            "ping" => &["ignore"],
            "contact.deleted" | "conversation.deleted" => &["erase"],
            "contact.merged" => &["observe", "merge", "fetch"],
            "event.created" => &["observe"],
            _ => &["fetch"],
        };
        assert_eq!(what, expected, "{name}");
    }
}

#[test]
fn every_part_type_and_every_kind_of_link_of_the_documented_tables_is_in_a_fixture() {
    let page = include_str!("../../../docs/data-model.md");
    let written: String = fixtures("objects").iter().map(|(_, path)| fs::read_to_string(path).unwrap()).collect();
    for known in memory::transform::part_types::PART_TYPES {
        assert!(written.contains(&format!("\"part_type\": \"{}\"", known.name)), "no fixture has a {}", known.name);
    }
    let view = view("conversation.with_every_part_type_and_link_of_the_tables", &with_notes());
    let mentioned: BTreeSet<(String, String)> = view
        .relations
        .iter()
        .filter(|relation| relation.relationship == "references")
        .map(|relation| (relation.target.provider.clone(), relation.target.entity_type.clone()))
        .collect();
    let table = page.split("## Links found in text").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: BTreeSet<(String, String)> = table
        .lines()
        .filter(|line| line.starts_with("| `") || line.starts_with("| any"))
        .map(|line| {
            let (provider, kind) = line.split(" | ").nth(1).unwrap().split_once(", ").unwrap();
            (provider.to_owned(), kind.to_owned())
        })
        .collect();
    assert_eq!(mentioned, rows);
}
