//! One broken workspace stops no other.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use tests::{Options, Stack};

/// Puts another workspace into the tables whose token cannot be opened by anybody, with checkpoints that have been due for
/// long.
async fn broken_neighbour(stack: &Stack, number: u32) {
    let s = |text: String| AttributeValue::S(text);
    let n = |number: i64| AttributeValue::N(number.to_string());
    let state = stack.tables.dump(&stack.tables.state).await;
    let own = format!("WORKSPACE#{}", stack.workspace());
    for (pk, sk) in state.keys().filter(|(pk, _)| *pk == own) {
        let get = stack.tables.client.get_item().table_name(&stack.tables.state);
        let item = get.key("pk", s(pk.clone())).key("sk", s(sk.clone())).send().await.unwrap().item.unwrap();
        let mut item = item;
        item.insert("pk".to_owned(), s(format!("WORKSPACE#broken{number:02}")));
        if item.contains_key("workspace_id") {
            item.insert("workspace_id".to_owned(), s(format!("broken{number:02}")));
        }
        if item.contains_key("due_shard") {
            item.insert("next_run_at".to_owned(), n(1));
            item.insert("due_shard".to_owned(), n(i64::from(number % 8)));
        }
        stack.tables.client.put_item().table_name(&stack.tables.state).set_item(Some(item)).send().await.unwrap();
    }
}

#[tokio::test]
async fn broken_workspaces_however_many_do_not_keep_a_healthy_one_from_its_history() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    for number in 0..40 {
        broken_neighbour(&stack, number).await;
    }
    let own = async |sk: &str| {
        let key = (format!("WORKSPACE#{}", stack.workspace()), sk.to_owned());
        stack.tables.dump(&stack.tables.state).await.remove(&key).unwrap()
    };
    for _ in 0..12 {
        stack.tick().await;
        stack.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(own("CHECKPOINT#conversations").await["phase"], "idle");
    let state = stack.tables.dump(&stack.tables.state).await;
    let broken = &state[&("WORKSPACE#broken01".to_owned(), "CHECKPOINT#contacts".to_owned())];
    assert!(broken["failures"].as_i64().unwrap() > 0, "{broken}");
    assert!(broken["next_run_at"].as_i64().unwrap() > 1 && broken["last_error"].is_string(), "{broken}");
}
