//! The enrich function with everything around it: the real one, its Intercom, its tables and its queue stand-ins.

use std::sync::Arc;

use ::tests::{FixedCredentials, MemoryQueue, Tables, TestClock, Wire, WorkspaceCipher};
use access::{Access, ApiConfig};
use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use emulator::{Emulator, Kind};
use enrich::{Enrich, Queues, ownerless::Owner};
use intercom::{WorkspaceId, clock::Clock};
use memory::{EntityRef, EntityType, Settings};
use platform::{
    cipher::TokenCipher,
    credentials::{CachedCredentials, Credentials},
    metrics::Metrics,
};
use serde_json::{Value, json};
use store::{
    absences::Absences,
    checkpoint::Checkpoints,
    installation::{Installation, Installations, Status, StoredToken},
    memory_table::{MemoryTable, Retention},
    rate_window::RateWindows,
};

use crate::BenchError;

const WORKSPACE: &str = "acmews01";
const TOKEN: &str = "dG9rOmJlbmNobWFyaw";
/// 2026-11-22T00:00:00Z.
const NOW: i64 = 1_795_305_600;
const INVOCATION_MS: i64 = 300_000;

/// All of it.
pub(crate) struct Bundle {
    /// Counts what is asked of the tables.
    pub(crate) wire: Wire,
    enrich: Enrich<MemoryQueue, WorkspaceCipher, FixedCredentials>,
    clock: Arc<TestClock>,
    workspace: WorkspaceId,
    contact: String,
    _tables: Tables,
}

/// Intercom, whose own work is done on another thread.
pub(crate) async fn intercom() -> Result<Emulator, BenchError> {
    let config = emulator::Config {
        seed: emulator::Seed {
            conversations: 1,
            contacts: 1,
            companies: 1,
            articles: 0,
            tickets: 0,
            ..emulator::Seed::default()
        },
        workspace: emulator::Workspace { id_code: WORKSPACE.to_owned(), ..emulator::Workspace::default() },
        access_token: Some(TOKEN.to_owned()),
        settings: emulator::Settings { rate_limit_per_10s: 1_000_000, ..emulator::Settings::default() },
        clock: Arc::new(TestClock::at(NOW)),
        ..emulator::Config::default()
    };
    Emulator::start(config).await.map_err(|error| BenchError::Intercom(error.to_string()))
}

impl Bundle {
    /// With a workspace installed, and nothing in memory yet.
    pub(crate) async fn new(intercom: &Emulator, wire: Wire) -> Result<Self, BenchError> {
        let unexpected = |error: &dyn std::fmt::Display| BenchError::Unexpected(error.to_string());
        let workspace: WorkspaceId = WORKSPACE.parse().map_err(|_| BenchError::Unexpected(WORKSPACE.to_owned()))?;
        let clock = Arc::new(TestClock::at(NOW));
        let tables = Tables::start().await;
        let client = tables.client_over(&wire);
        let cipher = WorkspaceCipher::default();
        let credentials = FixedCredentials::new(Credentials {
            client_id: "client-id".to_owned(),
            client_secret: "client-secret-of-the-benchmark".into(),
            webhook_secrets: Vec::new(),
            access_token: "".into(),
        });
        let token = cipher.encrypt(&workspace, &TOKEN.into()).await.map_err(|error| unexpected(&error))?;
        let installations = Installations::new(client.clone(), &tables.state);
        let installation = Installation {
            workspace: workspace.clone(),
            name: Some("Acme".to_owned()),
            region: Some("US".to_owned()),
            api_base_url: intercom.base_url().to_owned(),
            public_base_url: None,
            token: StoredToken::Encrypted(token),
            status: Status::Active,
            installed_at: NOW,
            changed_at: NOW,
            last_event_at: None,
        };
        installations.put(&installation).await.map_err(|error| unexpected(&error))?;
        let base = intercom.base_url().parse().map_err(|error| unexpected(&error))?;
        let cached = CachedCredentials::load(credentials, clock.clone()).await.map_err(|error| unexpected(&error))?;
        let windows = RateWindows::new(client.clone(), &tables.state);
        let http = intercom::client::http_client().map_err(|error| unexpected(&error))?;
        let api = ApiConfig { base, version: "2.14".to_owned(), limit: 166 };
        let access =
            Access::new(access::Tables { installations, windows }, cached, cipher, http, api, clock.clone(), 0);
        let queue = || MemoryQueue::new(clock.clone());
        let enrich = Enrich {
            access,
            memory: MemoryTable::new(client.clone(), &tables.memory, Retention::default()),
            checkpoints: Checkpoints::new(client.clone(), &tables.state),
            absences: Absences::new(client, &tables.state),
            owner: Owner::default(),
            queues: Queues { live: queue(), backfill: queue() },
            settings: Settings { link_team_keys: ["ENG".to_owned()].into(), ..Settings::default() },
            cache_minutes: 60,
            clock: clock.clone(),
            metrics: Metrics::new("enrich", |_| ()),
        };
        let contact = intercom.state().ids(Kind::Contacts).into_iter().next();
        let contact = contact.ok_or_else(|| BenchError::Intercom("it has no contact".to_owned()))?;
        Ok(Self { wire, enrich, clock, workspace, contact, _tables: tables })
    }

    /// Lets Intercom have a conversation of this many parts. Gives the notification of its latest part, as it stands in
    /// the queue.
    pub(crate) fn happens(&self, intercom: &Emulator, id: &str, parts: usize) -> Result<SqsEvent, BenchError> {
        let conversation = conversation(id, &self.contact, parts);
        let last = conversation.pointer("/conversation_parts/conversation_parts").and_then(Value::as_array);
        let last = last.and_then(|parts| parts.last()).cloned();
        let at = conversation.get("updated_at").cloned();
        let mut item = conversation.clone();
        if let Some(parts) = item.get_mut("conversation_parts") {
            *parts = json!({"type": "conversation_part.list", "conversation_parts": [last], "total_count": 1});
        }
        let stored = intercom.state().upsert(Kind::Conversations, id, conversation);
        stored.map_err(|error| BenchError::Intercom(error.to_string()))?;
        let notification = json!({
            "type": "notification_event", "app_id": self.workspace.as_str(), "id": format!("notif_{id}_{parts}"),
            "topic": "conversation.user.replied", "created_at": at, "delivery_attempts": 1,
            "data": {"type": "notification_event_data", "item": item},
        });
        let message = json!({
            "v": 1, "kind": "notification", "workspace": self.workspace.as_str(), "id": notification.get("id"),
            "topic": "conversation.user.replied", "received_at_ms": self.clock.now_ms(), "deferrals": 0,
            "trace": null, "notification": notification,
        });
        let mut record = SqsMessage::default();
        record.message_id = Some("message-1".to_owned());
        record.receipt_handle = Some("receipt-1".to_owned());
        record.body = Some(message.to_string());
        let mut event = SqsEvent::default();
        event.records.push(record);
        Ok(event)
    }

    /// One invocation.
    pub(crate) async fn handle(&self, event: SqsEvent) -> Result<(), BenchError> {
        let answer = self.enrich.handle(event, self.clock.now_ms() + INVOCATION_MS).await;
        let answer = answer.map_err(|error| BenchError::Unexpected(error.to_string()))?;
        if answer.batch_item_failures.is_empty() {
            Ok(())
        } else {
            Err(BenchError::Unexpected("the record failed".to_owned()))
        }
    }

    /// What was just handled must be in memory, whole: a benchmark of something else says nothing.
    pub(crate) async fn check(&self, id: &str, parts: usize) -> Result<(), BenchError> {
        let entity = EntityRef::new(&self.workspace, EntityType::Conversation, id);
        let stored = self.enrich.memory.stored(&entity).await;
        let stored = stored.map_err(|error| BenchError::Unexpected(error.to_string()))?;
        let events = stored.map_or(0, |stored| stored.view.events.len());
        // The opening message is one more.
        if events == parts + 1 {
            Ok(())
        } else {
            Err(BenchError::Unexpected(format!("memory has {events} events of {parts} parts")))
        }
    }
}

/// A conversation of one contact and a teammate, with messages of the size of a short mail, tags and links.
fn conversation(id: &str, contact: &str, parts: usize) -> Value {
    let user = json!({"type": "user", "id": contact, "name": "Dana", "email": "dana@example.com"});
    let admin = json!({"type": "admin", "id": "9700001", "name": "Kim", "email": "kim@example.com"});
    let begin = NOW - 1_000_000;
    let at = |number: usize| begin + i64::try_from(number).unwrap_or_default() * 60;
    let part = |number: usize| {
        let link =
            if number % 50 == 7 { format!(" https://linear.app/acme/issue/ENG-{number}") } else { String::new() };
        json!({
            "type": "conversation_part", "id": format!("{id}{number:04}"), "part_type": "comment",
            "body": format!("<p class=\"no-margin\">{}<b>{number}</b>{link}</p>", "It still fails after the update. ".repeat(12)),
            "created_at": at(number), "updated_at": at(number), "notified_at": at(number),
            "author": if number.is_multiple_of(2) { &user } else { &admin }, "attachments": [], "redacted": false,
        })
    };
    let parts: Vec<Value> = (1..=parts).map(part).collect();
    json!({
        "type": "conversation", "id": id, "created_at": begin, "updated_at": at(parts.len()), "state": "open", "open": true,
        "title": "Export fails", "priority": "not_priority", "admin_assignee_id": null, "team_assignee_id": null,
        "source": {"type": "conversation", "id": format!("{id}s"), "delivered_as": "customer_initiated", "subject": "",
            "body": "<p>Export fails</p>", "author": user, "attachments": [], "redacted": false},
        "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": contact}]},
        "tags": {"type": "tag.list", "tags": [{"type": "tag", "id": "1", "name": "bug"}, {"type": "tag", "id": "2", "name": "export"}]},
        "custom_attributes": {"Plan": "gold"},
        "conversation_parts": {"type": "conversation_part.list", "total_count": parts.len(), "conversation_parts": parts},
    })
}
