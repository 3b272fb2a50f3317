//! What writing costs. The numbers are those of docs/data-model.md.

use memory::{EntityRef, EntityType, Settings, transform};
use serde_json::{Value, json};
use store::memory_table::{MemoryTable, Retention, Written};
use tests::{Spent, Tables, Wire};

const NOW: i64 = 1_795_305_600;

/// A conversation as large as Intercom shows one, of one contact, with mail-sized messages, tags and links.
fn conversation(parts: usize) -> Value {
    let part = |number: usize| {
        let (kind, author) = if number.is_multiple_of(2) { ("user", "c1") } else { ("admin", "a1") };
        let link =
            if number.is_multiple_of(50) { format!(" https://linear.app/x/issue/ENG-{number}") } else { String::new() };
        let at = 1_700_000_000 + number as i64 * 60;
        json!({"id": format!("3735000{number:04}"), "part_type": "comment", "created_at": at, "updated_at": at,
               "body": format!("<p>{} {number}{link}</p>", "It still fails. ".repeat(20)),
               "author": {"type": kind, "id": author, "name": "Dana"}})
    };
    json!({
        "id": "215470000000123", "created_at": 1_700_000_000, "updated_at": 1_700_000_000 + parts as i64 * 60,
        "state": "open", "admin_assignee_id": "a1", "team_assignee_id": "t1",
        "source": {"id": "s1", "type": "conversation", "body": "<p>Export fails</p>", "author": {"type": "user", "id": "c1", "name": "Dana"}},
        "contacts": {"contacts": [{"type": "contact", "id": "c1"}]},
        "tags": {"tags": [{"id": "1", "name": "bug"}, {"id": "2", "name": "export"}]},
        "custom_attributes": {"Plan": "gold", "Note": "x".repeat(500)},
        "conversation_parts": {"conversation_parts": (0..parts).map(part).collect::<Vec<_>>(), "total_count": parts}
    })
}

/// As enrich writes: look, claim, (fetch), write.
async fn write(memory: &MemoryTable, kind: EntityType, object: &Value) -> Written {
    let settings = Settings { link_team_keys: ["ENG".to_owned()].into(), ..Settings::default() };
    let workspace = "acmews01".parse().unwrap();
    let view = transform(&workspace, kind, object, &settings).unwrap();
    let entity = EntityRef::new(&workspace, kind, object["id"].as_str().unwrap());
    let head = memory.head(&entity).await.unwrap();
    let claim = memory.claim(&entity).await.unwrap();
    memory.write(&view, claim, &settings.shape(), head.as_ref(), NOW).await.unwrap()
}

/// The costs of a first write, of one more reply, and of the same view again.
async fn costs(parts: usize) -> [Spent; 3] {
    let tables = Tables::start().await;
    let wire = Wire::counting();
    let memory = MemoryTable::new(tables.client_over(&wire), &tables.memory, Retention::default());
    let companies = json!({"data": [{"id": "co1"}, {"id": "co2"}]});
    for (kind, object) in [
        (EntityType::Company, json!({"id": "co1", "name": "Acme", "created_at": 5, "updated_at": 6})),
        (EntityType::Company, json!({"id": "co2", "name": "Acme North", "created_at": 5, "updated_at": 6})),
        (
            EntityType::Contact,
            json!({"id": "c1", "name": "Dana", "companies": companies, "created_at": 5, "updated_at": 6,
            "custom_attributes": {"Bio": "x".repeat(900), "More": "y".repeat(900)}}),
        ),
        (EntityType::Admin, json!({"id": "a1", "name": "Kim"})),
        (EntityType::Team, json!({"id": "t1", "name": "Support"})),
    ] {
        write(&memory, kind, &object).await;
    }
    wire.take_spent();
    let mut spent = Vec::new();
    for parts in [parts, parts + 1, parts + 1] {
        write(&memory, EntityType::Conversation, &conversation(parts)).await;
        spent.push(wire.take_spent());
    }
    spent.try_into().unwrap()
}

#[tokio::test]
async fn a_first_write_of_500_parts_and_one_more_reply_cost_what_the_data_model_says() {
    let page = include_str!("../../docs/data-model.md");
    let mut missing = Vec::new();
    for parts in [10, 100, 500] {
        let costs = costs(parts).await;
        for (what, spent) in ["first write", "one more reply", "nothing new"].iter().zip(&costs) {
            let row = format!("| {parts} parts, {what} | {} | {} | {} |", spent.total(), spent.read, spent.write);
            println!("{row}  {:?}", spent.requests);
            missing.extend((!page.contains(&row)).then_some(row));
        }
        let [first, reply, again] = costs;
        assert!(first.total() <= parts as u64 + 40, "no read a part: {first:?}");
        assert_eq!(first.requests.get("GetItem"), Some(&1));
        assert!(reply.read <= 20.0 && reply.write <= 20.0, "{reply:?}");
        assert!(again.write <= 1.0, "only the claim: {again:?}");
    }
    assert_eq!(missing, Vec::<String>::new(), "docs/data-model.md lacks these");
}
