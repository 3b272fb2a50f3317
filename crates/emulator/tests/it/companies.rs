//! Companies: the list that ends, and the one scroll.

use std::collections::BTreeSet;

use emulator::{Action, Kind, Mutate};
use serde_json::{Value, json};

use crate::support::{code, ids, start, start_with};

#[tokio::test]
async fn the_list_is_paged_by_number_and_next_is_null_at_the_end() {
    let world = start().await;
    let (_, first) = world.post("/companies/list", &json!({"page": 1, "per_page": 5})).await;
    assert_eq!(first["pages"]["page"], 1);
    assert!(first["pages"]["next"].as_str().unwrap().ends_with("/companies?per_page=5&page=2"));
    let pages = first["pages"]["total_pages"].as_u64().unwrap();
    let mut met = BTreeSet::new();
    for page in 1..=pages {
        let (_, answer) = world.post("/companies/list", &json!({"page": page, "per_page": 5})).await;
        for id in ids(&answer["data"]) {
            assert!(met.insert(id));
        }
        assert_eq!(answer["pages"]["next"].is_null(), page == pages);
        assert!(answer["pages"].get("next").is_some(), "null, not absent");
    }
    assert_eq!(met.len() as u64, first["total_count"].as_u64().unwrap());
    let listed = world.get("/companies?per_page=5").await;
    assert_eq!(listed["data"], first["data"]);
}

#[tokio::test]
async fn the_list_leaves_out_companies_without_users_but_the_scroll_does_not() {
    let world = start().await;
    let done = world.state().mutate(&Mutate::new(Action::CompanyCreated)).await.unwrap();
    let id = done.ids["company_id"].as_str().unwrap().to_owned();
    let listed = world.get("/companies?per_page=60").await;
    assert!(!ids(&listed["data"]).contains(&id));
    let scrolled = world.get("/companies/scroll").await;
    assert!(ids(&scrolled["data"]).contains(&id));
    assert_eq!(world.get(&format!("/companies/{id}")).await["id"], id.as_str());
}

#[tokio::test]
async fn the_list_refuses_to_go_beyond_ten_thousand() {
    let world = start().await;
    assert_eq!(world.try_get("/companies?per_page=50&page=200").await.0, 200);
    let (status, error) = world.try_get("/companies?per_page=50&page=201").await;
    assert_eq!((status, code(&error)), (400, "bad_request"));
    assert_eq!(error["errors"][0]["message"], "page limit reached, please use scroll API");
}

#[tokio::test]
async fn a_scroll_meets_every_company_once_and_ends_with_empty_data_under_the_same_parameter() {
    let world = start_with(|config| config.seed.companies = 230).await;
    let mut met = BTreeSet::new();
    let mut answer = world.get("/companies/scroll").await;
    let param = answer["scroll_param"].as_str().unwrap().to_owned();
    let mut sizes = Vec::new();
    loop {
        let page = ids(&answer["data"]);
        sizes.push(page.len());
        assert_eq!(answer["scroll_param"], param.as_str());
        assert_eq!(answer["pages"], Value::Null);
        assert_eq!(answer["total_count"], Value::Null);
        if page.is_empty() {
            break;
        }
        for id in page {
            assert!(met.insert(id));
        }
        answer = world.get(&format!("/companies/scroll?scroll_param={param}")).await;
    }
    assert_eq!(sizes, [100, 100, 30, 0]);
    assert_eq!(met, world.state().ids(Kind::Companies).into_iter().collect());
    // Over: the parameter is gone, and another scroll may begin.
    assert_eq!(world.try_get(&format!("/companies/scroll?scroll_param={param}")).await.0, 404);
    assert_eq!(world.try_get("/companies/scroll").await.0, 200);
}

#[tokio::test]
async fn only_one_scroll_is_open_and_it_is_gone_after_a_minute_without_a_call() {
    let world = start().await;
    let first = world.get("/companies/scroll").await;
    let param = first["scroll_param"].as_str().unwrap().to_owned();
    let (status, error) = world.try_get("/companies/scroll").await;
    assert_eq!((status, code(&error)), (400, "scroll_exists"));
    world.clock.advance_ms(59_000);
    assert_eq!(world.try_get("/companies/scroll").await.0, 400);
    world.clock.advance_ms(1_000);
    let (status, error) = world.try_get(&format!("/companies/scroll?scroll_param={param}")).await;
    assert_eq!((status, code(&error)), (404, "not_found"));
    assert_eq!(error["errors"][0]["message"], "scroll parameter not found");
    assert_eq!(world.try_get("/companies/scroll").await.0, 200);
}
