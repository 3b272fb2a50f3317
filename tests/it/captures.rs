//! Notifications as other people received them from Intercom. They are not part of this repository: where the folder is
//! not there, the test says so and passes.

use std::{collections::BTreeMap, path::PathBuf};

use emulator::Kind;
use serde_json::{Value, json};
use tests::{Options, Stack};

fn captures() -> Option<BTreeMap<String, Value>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/intercom/captures");
    let files = std::fs::read_dir(&folder).ok()?;
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
    };
    Some(files.map(|file| read(file.unwrap().path())).collect())
}

/// What Intercom would serve when it is asked for the thing that a capture is about.
fn truth(name: &str) -> Option<Kind> {
    match name.split('.').next()? {
        "conversation" if name != "conversation.deleted" => Some(Kind::Conversations),
        "contact" if name != "contact.deleted" => Some(Kind::Contacts),
        "company" => Some(Kind::Companies),
        "article" => Some(Kind::Articles),
        "ticket" => Some(Kind::Tickets),
        _ => None,
    }
}

/// The sort keys that a capture has to leave under its thing, by what they begin with; `None` for nothing at all.
fn expected(name: &str) -> Option<(&'static str, &'static [&'static str])> {
    match name {
        "ping" => None,
        "conversation.deleted" => Some(("conversation", &["document"])),
        "contact.deleted" => Some(("contact", &["document"])),
        "conversation.operator.replied" | "conversation.priority.updated" => {
            Some(("conversation", &["document", "event#", "relation#intercom#contact#"]))
        }
        "contact.user.created" | "contact.merged" => Some(("contact", &["document", "event#"])),
        "company.created" | "company.updated" => Some(("company", &["document", "event#"])),
        "article.published" => Some(("article", &["document", "event#"])),
        "ticket.created" => Some(("ticket", &["document", "event#", "relation#intercom#contact#"])),
        "event.created" => Some(("data-event", &["document", "event#"])),
        other => panic!("what does {other} have to leave?"),
    }
}

#[tokio::test]
async fn each_captured_notification_leaves_the_expected_items() {
    let Some(captures) = captures() else {
        println!("the folder with captured notifications is not here; nothing was replayed");
        return;
    };
    assert!(captures.len() >= 12, "{} captures", captures.len());
    for (name, mut notification) in captures {
        let nothing = emulator::Seed {
            conversations: 0,
            contacts: 0,
            companies: 0,
            articles: 0,
            tickets: 0,
            ..emulator::Seed::default()
        };
        let stack = Stack::start(Options { seed: nothing, ..Options::default() }).await;
        stack.install().await;
        notification["app_id"] = json!(stack.workspace());
        let item = &notification["data"]["item"];
        if let Some(kind) = truth(&name) {
            let id = intercom::notification::id_text(&item["id"]).unwrap();
            stack.intercom.state().upsert(kind, &id, item.clone()).unwrap();
        }
        assert_eq!(stack.notify(&notification).await, 200, "{name}");
        stack.drain().await;
        assert!(stack.live.dead().is_empty(), "{name}");
        let items = stack.tables.memory().await;
        let Some((entity, prefixes)) = expected(&name) else {
            assert!(items.is_empty(), "{name}: {items:?}");
            continue;
        };
        let id = ["id", "conversation_id"].iter().find_map(|key| intercom::notification::id_text(&item[*key])).unwrap();
        let pk = format!("{}#{entity}#{id}", stack.workspace());
        let sks: Vec<&str> = items.keys().filter(|(key, _)| *key == pk).map(|(_, sk)| sk.as_str()).collect();
        for prefix in prefixes {
            assert!(sks.iter().any(|sk| sk.starts_with(prefix)), "{name} leaves no {prefix}: {sks:?}");
        }
        let is_tombstone = items[&(pk, "document".to_owned())].get("tombstone").is_some();
        assert_eq!(is_tombstone, name.ends_with(".deleted"), "{name}");
    }
}
