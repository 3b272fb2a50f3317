//! The search language.

use std::collections::BTreeSet;

use emulator::Kind;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{NOW, World, code, ids, start};

async fn conversations(world: &World, query: Value) -> BTreeSet<String> {
    let (status, found) =
        world.post("/conversations/search", &json!({"query": query, "pagination": {"per_page": 150}})).await;
    assert_eq!(status, 200, "{found}");
    ids(&found["conversations"]).into_iter().collect()
}

fn expected(world: &World, suits: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    world.state().truth(Some(Kind::Conversations), None)["conversations"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|conversation| suits(conversation))
        .map(|conversation| conversation["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn conditions_compare_as_their_operators_say() {
    let world = start().await;
    let all: Vec<Value> =
        world.state().truth(Some(Kind::Conversations), None)["conversations"].as_array().unwrap().clone();
    let pivot = all[20]["updated_at"].as_i64().unwrap();
    let at = |conversation: &Value| conversation["updated_at"].as_i64().unwrap();
    for operator in [">", "<", "=", "!=", ">=", "<="] {
        let suits = |at: i64| match operator {
            ">" => at > pivot,
            "<" => at < pivot,
            "=" => at == pivot,
            "!=" => at != pivot,
            ">=" => at >= pivot,
            _ => at <= pivot,
        };
        for value in [json!(pivot), json!(pivot.to_string())] {
            let query = json!({"field": "updated_at", "operator": operator, "value": value});
            let wanted = expected(&world, |conversation| suits(at(conversation)));
            assert!(!wanted.is_empty());
            assert_eq!(conversations(&world, query).await, wanted, "{operator}");
        }
    }
}

#[tokio::test]
async fn lists_texts_and_nested_fields_can_be_searched() {
    let world = start().await;
    let all: Vec<Value> =
        world.state().truth(Some(Kind::Conversations), None)["conversations"].as_array().unwrap().clone();
    let author = all[3]["source"]["author"]["id"].clone();
    let found = conversations(&world, json!({"field": "source.author.id", "operator": "=", "value": author})).await;
    assert_eq!(found, expected(&world, |c| c["source"]["author"]["id"] == author));
    let by_contact = conversations(&world, json!({"field": "contact_ids", "operator": "IN", "value": [author]})).await;
    assert_eq!(by_contact, found);
    let pair = json!([all[0]["id"], all[1]["id"]]);
    assert_eq!(conversations(&world, json!({"field": "id", "operator": "IN", "value": pair})).await.len(), 2);
    assert_eq!(conversations(&world, json!({"field": "id", "operator": "NIN", "value": pair})).await.len(), 45);
    let texts = conversations(&world, json!({"field": "source.body", "operator": "~", "value": "EXPORT"})).await;
    assert_eq!(texts, expected(&world, |c| c["source"]["body"].as_str().unwrap().to_lowercase().contains("export")));
    let closed = conversations(&world, json!({"field": "state", "operator": "=", "value": "closed"})).await;
    assert_eq!(closed, expected(&world, |c| c["state"] == "closed"));
    let unassigned = conversations(&world, json!({"field": "admin_assignee_id", "operator": "=", "value": null})).await;
    assert_eq!(unassigned, expected(&world, |c| c["admin_assignee_id"].is_null()));
}

#[tokio::test]
async fn conditions_nest_two_levels_deep_and_no_deeper() {
    let world = start().await;
    let (low, high) = (NOW - 60 * 86_400, NOW - 20 * 86_400);
    let query = json!({"operator": "AND", "value": [
        {"operator": "OR", "value": [
            {"field": "updated_at", "operator": ">", "value": low},
            {"field": "updated_at", "operator": "=", "value": low}]},
        {"field": "updated_at", "operator": "<", "value": high}]});
    let wanted = expected(&world, |c| (low..high).contains(&c["updated_at"].as_i64().unwrap()));
    assert!(!wanted.is_empty());
    assert_eq!(conversations(&world, query.clone()).await, wanted);
    let deeper = json!({"operator": "AND", "value": [{"operator": "AND", "value": [query]}]});
    let many: Vec<Value> = (0..16).map(|id| json!({"field": "id", "operator": "=", "value": id.to_string()})).collect();
    for wrong in [
        deeper,
        json!({"operator": "OR", "value": many}),
        json!({"operator": "AND", "value": []}),
        json!({"field": "colour", "operator": "=", "value": 1}),
        json!({"field": "updated_at", "operator": "between", "value": 1}),
        json!({"field": "updated_at", "operator": ">", "value": "yesterday"}),
        json!({"field": "id", "operator": "IN", "value": "1"}),
    ] {
        let (status, error) = world.post("/conversations/search", &json!({"query": wrong})).await;
        assert_eq!((status, code(&error)), (400, "parameter_invalid"));
    }
}

#[tokio::test]
async fn a_sorted_search_walks_everything_once_in_order() {
    let world = start().await;
    for (order, ascending) in [("ascending", true), ("descending", false)] {
        let mut times = Vec::new();
        let mut met = BTreeSet::new();
        let mut pagination = json!({"per_page": 9});
        loop {
            let (_, page) = world
                .post(
                    "/conversations/search",
                    &json!({
                        "query": {"field": "updated_at", "operator": ">", "value": 0},
                        "sort": {"field": "updated_at", "order": order}, "pagination": pagination,
                    }),
                )
                .await;
            for conversation in page["conversations"].as_array().unwrap() {
                times.push(conversation["updated_at"].as_i64().unwrap());
                assert!(met.insert(conversation["id"].as_str().unwrap().to_owned()));
            }
            let Some(next) = page["pages"].get("next") else { break };
            pagination["starting_after"] = next["starting_after"].clone();
        }
        assert_eq!(met.len(), 47);
        assert!(times.is_sorted_by(|a, b| if ascending { a <= b } else { a >= b }));
    }
}

#[tokio::test]
async fn contact_dates_are_cut_to_days_up_to_2_16_and_exact_from_2_17() {
    let world = start().await;
    let all: Vec<Value> = world.state().truth(Some(Kind::Contacts), None)["contacts"].as_array().unwrap().clone();
    let pivot = all[16]["updated_at"].as_i64().unwrap();
    let day = pivot - pivot.rem_euclid(86_400);
    let search = async |version: &str, operator: &str| {
        let body = json!({"query": {"field": "updated_at", "operator": operator, "value": pivot},
                          "pagination": {"per_page": 150}});
        let response = world
            .request(Method::POST, "/contacts/search")
            .header("Intercom-Version", version)
            .json(&body)
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let count = |suits: &dyn Fn(i64) -> bool| {
        all.iter().filter(|contact| suits(contact["updated_at"].as_i64().unwrap())).count()
    };
    let (_, found) = search("2.14", ">").await;
    assert_eq!(ids(&found["data"]).len(), count(&|at| at >= day + 86_400));
    let (_, found) = search("2.14", "<").await;
    assert_eq!(ids(&found["data"]).len(), count(&|at| at < day));
    let (_, found) = search("2.17", ">").await;
    assert_eq!(ids(&found["data"]).len(), count(&|at| at > pivot));
    assert_eq!(search("2.16", ">=").await.0, 400);
    assert_eq!(search("2.17", ">=").await.0, 200);
}

#[tokio::test]
async fn tickets_are_searched_with_their_parts() {
    let world = start().await;
    let body = json!({"query": {"field": "created_at", "operator": ">=", "value": 0}, "pagination": {"per_page": 4}});
    let (status, found) = world.post("/tickets/search", &body).await;
    assert_eq!(status, 200);
    assert_eq!(found["type"], "ticket.list");
    assert_eq!(found["total_count"], 6);
    assert!(found["pages"]["next"]["starting_after"].as_str().unwrap().starts_with("Wz"));
    let first = &found["tickets"][0];
    assert!(!first["ticket_parts"]["ticket_parts"].as_array().unwrap().is_empty());
    assert_eq!(world.get(&format!("/tickets/{}", first["id"].as_str().unwrap())).await, *first);
    let by_title = json!({"query": {"field": "title", "operator": "~", "value": "rows"}});
    assert_eq!(world.post("/tickets/search", &by_title).await.1["total_count"], 6);
}

#[tokio::test]
async fn malformed_json_is_parameter_invalid() {
    let world = start().await;
    for body in ["{", "[]", "\"x\"", "{}"] {
        let response = world
            .request(Method::POST, "/conversations/search")
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 400, "{body}");
        assert_eq!(code(&response.json().await.unwrap()), "parameter_invalid");
    }
}
