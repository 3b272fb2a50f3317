//! Both tables, with the keys and indexes of the template, on a DynamoDB of the test's own.

use crate::Wire;
use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
    types::{
        AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
        ProjectionType, ScalarAttributeType,
    },
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

/// Both tables.
pub struct Tables {
    /// A client of that DynamoDB.
    pub client: Client,
    /// StateTable's name.
    pub state: String,
    /// MemoryTable's name.
    pub memory: String,
    /// The way of that client's requests: what they cost.
    pub wire: Wire,
    database: dynoxide::Database,
}

impl Tables {
    /// Makes the tables in a DynamoDB of their own.
    pub async fn start() -> Self {
        let database = dynoxide::Database::memory().unwrap();
        let wire = Wire::counting();
        let tables = Self {
            client: client_over(&wire, &database),
            state: "StateTable".to_owned(),
            memory: "MemoryTable".to_owned(),
            wire,
            database,
        };
        tables.create(&tables.state, &[("due", "due_shard", "N", "next_run_at", "N")]).await;
        let indexes =
            [("by_time", "time_pk", "S", "time_sk", "S"), ("by_relation", "relation_pk", "S", "relation_sk", "S")];
        tables.create(&tables.memory, &indexes).await;
        tables
    }

    /// The same tables for somebody who only looks on: what that costs is not counted with the rest.
    pub fn looking_on(&self) -> Self {
        let wire = Wire::counting();
        let (state, memory, database) = (self.state.clone(), self.memory.clone(), self.database.clone());
        Self { client: client_over(&wire, &database), state, memory, wire, database }
    }

    /// Removes everything from both tables.
    pub async fn clear(&self) {
        for table in [&self.state, &self.memory] {
            for (pk, sk) in self.dump(table).await.into_keys() {
                let delete = self.client.delete_item().table_name(table);
                delete.key("pk", AttributeValue::S(pk)).key("sk", AttributeValue::S(sk)).send().await.unwrap();
            }
        }
    }

    /// A client whose requests go over this wire.
    pub fn client_over(&self, wire: &Wire) -> Client {
        client_over(wire, &self.database)
    }

    /// What this DynamoDB answers to a request as it comes over the network: status and text.
    pub(crate) fn ask(&self, operation: &str, body: &[u8]) -> (u16, String) {
        self.wire.answer(&self.database, operation, body)
    }

    /// The items of one partition of MemoryTable by their sort key, as [`Tables::memory`] shows them.
    pub async fn memory_of(&self, pk: &str) -> BTreeMap<(String, String), Value> {
        let request = self.client.query().table_name(&self.memory).key_condition_expression("pk = :pk");
        let items = request.expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()));
        let items = items.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await.unwrap();
        without_order(by_key(items))
    }

    async fn create(&self, name: &str, indexes: &[(&str, &str, &str, &str, &str)]) {
        let key = |name: &str, kind: KeyType| {
            KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
        };
        let attribute = |name: &str, kind: &str| {
            let kind = ScalarAttributeType::from(kind);
            AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
        };
        let mut request = self
            .client
            .create_table()
            .table_name(name)
            .billing_mode(BillingMode::PayPerRequest)
            .key_schema(key("pk", KeyType::Hash))
            .key_schema(key("sk", KeyType::Range))
            .attribute_definitions(attribute("pk", "S"))
            .attribute_definitions(attribute("sk", "S"));
        for (index, hash, hash_type, range, range_type) in indexes {
            let projection = match *index {
                "by_time" => {
                    Projection::builder().projection_type(ProjectionType::Include).set_non_key_attributes(Some(
                        ["entity_type", "entity_id", "event_type", "occurred_at", "source_id", "title"]
                            .map(str::to_owned)
                            .to_vec(),
                    ))
                }
                _ => Projection::builder().projection_type(ProjectionType::All),
            };
            request = request
                .attribute_definitions(attribute(hash, hash_type))
                .attribute_definitions(attribute(range, range_type))
                .global_secondary_indexes(
                    GlobalSecondaryIndex::builder()
                        .index_name(*index)
                        .key_schema(key(hash, KeyType::Hash))
                        .key_schema(key(range, KeyType::Range))
                        .projection(projection.build())
                        .build()
                        .unwrap(),
                );
        }
        request.send().await.unwrap();
    }

    /// Every item of a table by its key, as JSON.
    pub async fn dump(&self, table: &str) -> BTreeMap<(String, String), Value> {
        let items = self.client.scan().table_name(table).into_paginator().items().send();
        let items = items.collect::<Result<Vec<_>, _>>().await.unwrap();
        by_key(items)
    }

    /// What memory says, without what depends on the order of things: the fetch counters, the claims taken from them, and
    /// the times of the fetches.
    pub async fn memory(&self) -> BTreeMap<(String, String), Value> {
        without_order(self.dump(&self.memory).await)
    }
}

/// The SDK's client as it is, but for the socket.
fn client_over(wire: &Wire, database: &dynoxide::Database) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        // As many tries as anywhere, but nobody waits for them.
        .retry_config(RetryConfig::standard().with_max_backoff(Duration::from_millis(1)))
        .http_client(wire.http_client(database.clone()));
    Client::from_conf(config.build())
}

fn by_key(items: Vec<HashMap<String, AttributeValue>>) -> BTreeMap<(String, String), Value> {
    items
        .into_iter()
        .map(|item| {
            let text = |name: &str| item[name].as_s().unwrap().clone();
            ((text("pk"), text("sk")), to_json(&item))
        })
        .collect()
}

fn without_order(mut items: BTreeMap<(String, String), Value>) -> BTreeMap<(String, String), Value> {
    items.retain(|(_, sk), _| sk != memory::keys::CLAIM);
    for ((_, sk), item) in &mut items {
        if sk.starts_with(memory::keys::RELATION_PREFIX) {
            item.as_object_mut().unwrap().remove("version"); // of the view that happened to show the link first
        }
        item.as_object_mut().unwrap().remove("claim");
        item.as_object_mut().unwrap().remove("fetched_at");
        item.as_object_mut().unwrap().remove("erased_everywhere_at");
    }
    items
}

fn to_json(item: &HashMap<String, AttributeValue>) -> Value {
    Value::Object(item.iter().map(|(name, value)| (name.clone(), value_to_json(value))).collect())
}

fn value_to_json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => text.clone().into(),
        AttributeValue::N(number) => number.parse::<i64>().map_or_else(|_| number.clone().into(), Into::into),
        AttributeValue::Bool(flag) => (*flag).into(),
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::B(bytes) => format!("{} bytes {:?}", bytes.as_ref().len(), bytes.as_ref()).into(),
        AttributeValue::L(list) => list.iter().map(value_to_json).collect(),
        AttributeValue::M(map) => to_json(map),
        other => panic!("memory holds no {other:?}"),
    }
}
