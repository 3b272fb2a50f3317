//! What the golden corpus becomes, kept in `tests/golden/memory.ndjson`: one item a line, by key. A change of it is a change
//! of what users have, and needs another version of the transform. `UPDATE_GOLDEN=1` writes the file anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tests::{
    Stack,
    golden::{Corpus, Items, play},
};

/// Longest text, in bytes, that stands in the file as it is; of a longer one its size and SHA-256.
const MAX_TEXT: usize = 300;

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/memory.ndjson")
}

fn shortened(value: &Value) -> Value {
    match value {
        Value::String(text) if text.len() > MAX_TEXT => {
            json!(format!("{} bytes, SHA-256 {}", text.len(), hex::encode(Sha256::digest(text))))
        }
        Value::Array(list) => list.iter().map(shortened).collect(),
        Value::Object(map) => Value::Object(map.iter().map(|(name, value)| (name.clone(), shortened(value))).collect()),
        other => other.clone(),
    }
}

/// One item a line, and where in the course of things it was.
fn lines(when: &str, items: &Items) -> String {
    items.values().map(|item| format!("{}\n", json!([when, shortened(item)]))).collect()
}

#[tokio::test]
async fn the_golden_corpus_becomes_what_it_became_before() {
    let (history, end) = play(&Stack::start(Corpus::options()).await, &Corpus::read()).await;
    // Of the end only what the notifications have changed.
    let changed = end.into_iter().filter(|(key, item)| history.get(key) != Some(item)).collect();
    let now = lines("history", &history) + &lines("end", &changed);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(file(), &now).unwrap();
    }
    let before = fs::read_to_string(file()).unwrap_or_default();
    let (old, new): (BTreeSet<&str>, BTreeSet<&str>) = (before.lines().collect(), now.lines().collect());
    let gone: Vec<_> = old.difference(&new).take(5).collect();
    let come: Vec<_> = new.difference(&old).take(5).collect();
    assert!(gone.is_empty() && come.is_empty(), "no longer:\n{gone:#?}\nnow:\n{come:#?}");
}

/// The first cells of a table of docs/data-model.md, below this heading.
fn first_cells(heading: &str) -> Vec<String> {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/data-model.md");
    let page = fs::read_to_string(page).unwrap();
    let from = page.split(heading).nth(1).unwrap();
    let rows =
        from.lines().skip_while(|line| !line.starts_with("|---")).skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.split('|').nth(1).unwrap().trim().to_owned()).collect()
}

#[test]
fn the_corpus_holds_every_kind_of_thing_and_of_part_and_every_kind_of_link() {
    let corpus = Corpus::read();
    let all = corpus.objects.len() + corpus.notifications.len();
    assert!(all >= 80, "{all} objects and notifications");
    let kinds: BTreeSet<&str> = corpus.objects.values().map(|(kind, _)| kind.name()).collect();
    for kind in emulator::Kind::ALL {
        assert!(kinds.contains(kind.name()), "no object is one of the {}", kind.name());
    }
    assert!(corpus.notifications.iter().any(|(name, _)| name.starts_with("content_stat.")));
    let mut parts = BTreeSet::new();
    for (_, object) in corpus.objects.values() {
        for list in ["conversation_parts", "ticket_parts"] {
            for part in object[list][list].as_array().into_iter().flatten() {
                parts.extend(part["part_type"].as_str());
            }
        }
    }
    let documented = first_cells("## From part to event");
    assert!(documented.len() > 30);
    for part in documented {
        assert!(parts.contains(part.trim_matches('`')), "no object has a part of type {part}");
    }
}

/// Row of the table of links, and what of the corpus's memory shows it.
#[tokio::test]
async fn every_row_of_the_table_of_links_is_found_in_what_the_corpus_becomes() {
    let (history, _) = play(&Stack::start(Corpus::options()).await, &Corpus::read()).await;
    let mut found: BTreeMap<(String, String), usize> = BTreeMap::new();
    for item in history.values().filter(|item| item["relationship"] == "references") {
        let text = |name: &str| item[name].as_str().unwrap().to_owned();
        *found.entry((text("target_provider"), text("target_type"))).or_default() += 1;
    }
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/data-model.md");
    let page = fs::read_to_string(page).unwrap();
    let table = page.split("## Links found in text").nth(1).unwrap();
    let rows =
        table.lines().skip_while(|line| !line.starts_with("|---")).skip(1).take_while(|line| line.starts_with('|'));
    let mut documented = 0;
    for row in rows {
        let (provider, kind) = row.split('|').nth(2).unwrap().trim().split_once(", ").unwrap();
        assert!(found.contains_key(&(provider.to_owned(), kind.to_owned())), "nothing is linked as {row}");
        documented += 1;
    }
    assert!(documented >= 10 && found.len() >= 9, "{found:?}");
}
