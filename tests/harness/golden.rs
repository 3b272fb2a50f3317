//! The golden corpus: things as Intercom serves them and notifications as it sends them, played to the bundle, whichever
//! way that runs; and what they have to become.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use emulator::{Emulator, Kind};
use serde_json::{Value, json};

use crate::{Built, CLIENT_SECRET, MemoryQueue, Options, Stack, TestClock, event, signed};

/// Items of MemoryTable by their key, without what depends on times and order.
pub type Items = BTreeMap<(String, String), Value>;

/// The four functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Function {
    /// Notifications to the live queue.
    Webhook,
    /// Installs.
    Oauth,
    /// Messages to memory.
    Enrich,
    /// Pages to memory.
    Backfill,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Webhook, Self::Oauth, Self::Enrich, Self::Backfill];

    /// As in the template.
    pub(crate) const fn timeout_seconds(self) -> u64 {
        match self {
            Self::Webhook => 10,
            Self::Oauth => 29,
            Self::Enrich => 60,
            Self::Backfill => 300,
        }
    }
}

/// The bundle, in whatever way it runs.
pub trait Bundle {
    /// Gives an event to a function; what its handler gave, as JSON.
    fn invoke(&self, function: Function, event: String) -> impl Future<Output = Result<Value, String>>;
    /// Intercom.
    fn intercom(&self) -> &Emulator;
    /// Both queues.
    fn queues(&self) -> [&MemoryQueue; 2];
    /// The time of the queues.
    fn clock(&self) -> &TestClock;
    /// What memory says.
    fn memory(&self) -> impl Future<Output = Items>;
}

impl Bundle for Built {
    async fn invoke(&self, function: Function, event: String) -> Result<Value, String> {
        self.invoke(function, event).await
    }

    fn intercom(&self) -> &Emulator {
        &self.intercom
    }

    fn queues(&self) -> [&MemoryQueue; 2] {
        [&self.live, &self.backfill_queue]
    }

    fn clock(&self) -> &TestClock {
        &self.clock
    }

    async fn memory(&self) -> Items {
        self.tables.memory().await
    }
}

impl Bundle for Stack {
    async fn invoke(&self, function: Function, event: String) -> Result<Value, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        match function {
            Function::Webhook => Ok(json!(self.webhook(&event).await)),
            Function::Oauth => Ok(json!(self.oauth(&event).await)),
            Function::Enrich => {
                let event = serde_json::from_str(&event).map_err(|error| text(&error))?;
                self.enrich_event(event).await.map(|answer| json!(answer)).map_err(|error| text(&error))
            }
            Function::Backfill => self.try_tick().await.map(|ticked| json!(ticked)).map_err(|error| text(&error)),
        }
    }

    fn intercom(&self) -> &Emulator {
        &self.intercom
    }

    fn queues(&self) -> [&MemoryQueue; 2] {
        [&self.live, &self.backfill_queue]
    }

    fn clock(&self) -> &TestClock {
        &self.clock
    }

    async fn memory(&self) -> Items {
        self.tables.memory().await
    }
}

/// The objects and notifications, by the names of their files.
pub struct Corpus {
    /// What Intercom holds: kind and object.
    pub objects: BTreeMap<String, (Kind, Value)>,
    /// What Intercom sends, in the order of its times.
    pub notifications: Vec<(String, Value)>,
}

impl Corpus {
    /// That of the repository: what the transform's own tests use, and what was written for this.
    pub fn read() -> Self {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
        let folders = [root.join("crates/memory/tests/fixtures"), root.join("tests/golden")];
        let all = |kind: &str| -> BTreeMap<String, Value> {
            folders.iter().flat_map(|folder| files(&folder.join(kind))).collect()
        };
        let objects = all("objects").into_iter().map(|(name, object)| (name.clone(), (kind_of(&name), object)));
        let mut notifications: Vec<(String, Value)> = all("notifications").into_iter().collect();
        notifications.sort_by_key(|(_, notification)| notification["created_at"].as_i64().unwrap_or_default());
        Self { objects: objects.collect(), notifications }
    }

    /// What an installation with this corpus's switches is like, in one process.
    pub fn options() -> Options {
        Options {
            seed: Self::seed(),
            settings: memory::Settings {
                ingest_internal_notes: true,
                link_team_keys: ["ENG".to_owned()].into(),
                ..memory::Settings::default()
            },
            data_events: true,
            ..Options::default()
        }
    }

    /// An Intercom that holds nothing yet.
    pub fn seed() -> emulator::Seed {
        emulator::Seed {
            conversations: 0,
            contacts: 0,
            companies: 0,
            articles: 0,
            tickets: 0,
            ..emulator::Seed::default()
        }
    }
}

/// The JSON files of a folder by name.
fn files(folder: &Path) -> Vec<(String, Value)> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let json = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    json.map(|path| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let object = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (name, written_out(object))
    })
    .collect()
}

/// `{"$repeat": ["text", 1000]}` stands for a text that is too long for a file.
fn written_out(value: Value) -> Value {
    match value {
        Value::Object(map) if map.contains_key("$repeat") => {
            let times = usize::try_from(map["$repeat"][1].as_u64().unwrap()).unwrap();
            map["$repeat"][0].as_str().unwrap().repeat(times).into()
        }
        Value::Object(map) => Value::Object(map.into_iter().map(|(name, value)| (name, written_out(value))).collect()),
        Value::Array(list) => list.into_iter().map(written_out).collect(),
        other => other,
    }
}

/// `conversation.by_email` is a conversation.
fn kind_of(name: &str) -> Kind {
    let entity = name.split('.').next().unwrap();
    let kind = match entity {
        "company" => "companies".to_owned(),
        "data-event" => "events".to_owned(),
        other => format!("{other}s"),
    };
    Kind::from_str(&kind).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Installs, reads the history, takes the notifications. Gives what memory holds after the history, and in the end.
pub async fn play<B: Bundle>(bundle: &B, corpus: &Corpus) -> (Items, Items) {
    // The emulator's own have times relative to the day.
    for segment in bundle.intercom().state().ids(Kind::Segments) {
        bundle.intercom().state().remove(Kind::Segments, &segment);
    }
    for (kind, object) in corpus.objects.values() {
        let id = intercom::notification::id_text(&object["id"]).unwrap();
        bundle.intercom().state().upsert(*kind, &id, object.clone()).unwrap();
    }
    install(bundle).await;
    settle(bundle).await;
    let history = without_the_day(bundle.memory().await);
    for (name, notification) in &corpus.notifications {
        let mut notification = notification.clone();
        notification["app_id"] = json!(bundle.intercom().state().workspace().id_code);
        prepare(bundle.intercom(), &notification);
        let answer = bundle.invoke(Function::Webhook, signed(CLIENT_SECRET, &notification.to_string())).await.unwrap();
        assert_eq!(answer["statusCode"], 200, "{name}");
        drain(bundle).await;
    }
    for queue in bundle.queues() {
        assert_eq!(queue.dead(), Vec::<String>::new());
    }
    (history, without_the_day(bundle.memory().await))
}

/// What is not found has no time of Intercom's: it is gone as of the day on which it was asked for.
fn without_the_day(mut items: Items) -> Items {
    for item in items.values_mut().filter(|item| item["reason"] == "not found") {
        let item = item.as_object_mut().unwrap();
        item.remove("deleted_at");
        item.remove("version");
    }
    items
}

/// Intercom holds what it tells of, and no longer what it says is deleted.
fn prepare(intercom: &Emulator, notification: &Value) {
    let item = &notification["data"]["item"];
    let topic = notification["topic"].as_str().unwrap_or_default();
    let entity = topic.split(['.', '_']).next().unwrap_or_default();
    let name = match entity {
        "conversation" | "contact" | "company" | "article" | "ticket" | "admin" => entity,
        _ => return,
    };
    let Some(id) = intercom::notification::id_text(&item["id"]) else { return };
    let (state, kind) = (intercom.state(), kind_of(name));
    if topic.ends_with(".deleted") {
        state.remove(kind, &id);
    } else if state.object(kind, &id).is_none() && item["type"] == name {
        state.upsert(kind, &id, item.clone()).unwrap();
    }
}

/// As a browser would, without looking at Intercom's page.
async fn install<B: Bundle>(bundle: &B) {
    let begun = bundle.invoke(Function::Oauth, event("GET", "/api/intercom/install", &[], &[], None)).await.unwrap();
    let to: url::Url = begun["headers"]["location"].as_str().unwrap().parse().unwrap();
    let state = to.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let cookie = begun["cookies"][0].as_str().unwrap().split(';').next().unwrap();
    let code = bundle.intercom().state().issue_code();
    let code: String = url::form_urlencoded::byte_serialize(code.as_bytes()).collect();
    let path = format!("/api/intercom/callback?code={code}&state={state}");
    let done = bundle.invoke(Function::Oauth, event("GET", &path, &[], &[cookie], None)).await.unwrap();
    assert_eq!(done["statusCode"], 200, "{done}");
}

/// Ticks and works until nothing is due and both queues are empty.
async fn settle<B: Bundle>(bundle: &B) {
    let schedule = json!({"version": "0", "source": "aws.scheduler"}).to_string();
    for _ in 0..60 {
        let ticked = bundle.invoke(Function::Backfill, schedule.clone()).await.unwrap();
        assert_eq!(ticked["failed"], 0, "{ticked}");
        drain(bundle).await;
        if ticked["due"] == 0 {
            return;
        }
        bundle.clock().advance(Duration::from_secs(20));
    }
    panic!("the backfill does not come to an end");
}

/// Works until both queues are empty; nobody waits for what was sent with a delay.
async fn drain<B: Bundle>(bundle: &B) {
    for _ in 0..2_000 {
        let mut worked = false;
        for queue in bundle.queues() {
            worked |= batch(bundle, queue).await;
        }
        if worked {
            continue;
        }
        match bundle.queues().into_iter().filter_map(MemoryQueue::next_visible_in_ms).min() {
            Some(ms) => bundle.clock().advance(Duration::from_millis(ms.max(1).unsigned_abs())),
            None => return,
        }
    }
    panic!("the queues do not become empty");
}

async fn batch<B: Bundle>(bundle: &B, queue: &MemoryQueue) -> bool {
    let taken = queue.take(10);
    if taken.is_empty() {
        return false;
    }
    let records = taken.iter().map(|message| {
        json!({
            "messageId": message.id, "receiptHandle": message.id, "body": message.body,
            "attributes": {"ApproximateReceiveCount": message.receives.to_string()}, "messageAttributes": {},
            "eventSource": "aws:sqs", "eventSourceARN": queue.arn(), "awsRegion": "eu-west-1",
        })
    });
    let event = json!({"Records": records.collect::<Vec<_>>()}).to_string();
    if let Ok(answer) = bundle.invoke(Function::Enrich, event).await {
        let failures = answer["batchItemFailures"].as_array().cloned().unwrap_or_default();
        let failed: Vec<&str> = failures.iter().filter_map(|failure| failure["itemIdentifier"].as_str()).collect();
        taken.iter().filter(|message| !failed.contains(&&*message.id)).for_each(|message| queue.delete(&message.id));
    }
    true
}
