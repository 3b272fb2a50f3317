//! The way of requests to DynamoDB, watched: what they cost, and who goes next. It leads straight into the process's own
//! database, without a socket in between.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use dynoxide::{Database, DynoxideError};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};

use crate::Chance;

/// What requests cost, as DynamoDB itself says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spent {
    /// Requests by operation.
    pub requests: BTreeMap<String, u64>,
    /// Read units.
    pub read: f64,
    /// Write units, those of the indexes included.
    pub write: f64,
}

impl Spent {
    /// All requests together.
    pub fn total(&self) -> u64 {
        self.requests.values().sum()
    }
}

/// Lets the requests of one client pass one by one.
#[derive(Clone, Debug)]
pub struct Gate {
    permits: Arc<Semaphore>,
    passed: Arc<Notify>,
    done: Arc<AtomicBool>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(0)), passed: Arc::default(), done: Arc::default() }
    }
}

impl Gate {
    /// Lets one request through and waits until it is answered, or until whoever asks is done. `false` where it was done.
    pub async fn let_one_pass(&self) -> bool {
        if self.done.load(Ordering::SeqCst) {
            return false;
        }
        self.permits.add_permits(1);
        self.passed.notified().await;
        true
    }

    /// Lets everything through from now on.
    pub fn open(&self) {
        self.permits.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    /// Does it, and lets the gate know when it is done.
    pub async fn guard<T>(&self, work: impl Future<Output = T>) -> T {
        let outcome = work.await;
        self.done.store(true, Ordering::SeqCst);
        self.passed.notify_one();
        outcome
    }
}

/// Called with what the database itself does for a request, which it has to call in turn.
pub type Around = Arc<dyn Fn(&mut dyn FnMut()) + Send + Sync>;

/// The way of one client's requests.
#[derive(Clone, Default)]
pub struct Wire {
    spent: Arc<Mutex<Spent>>,
    gate: Option<Gate>,
    trouble: Arc<Mutex<Option<Trouble>>>,
    around: Option<Around>,
    trail: Arc<Mutex<Option<Vec<String>>>>,
}

/// A DynamoDB that has a bad day: one in so many requests is throttled, fails, or is done without an answer.
#[derive(Debug)]
struct Trouble {
    chance: Chance,
    one_in: usize,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered,
    Throttled,
    Failed,
    /// It was done, and nobody knows: asked again, a condition on what was there before no longer holds.
    AnswerLost,
}

impl Fate {
    fn error(self) -> (u16, String) {
        let (status, name) = match self {
            Self::Throttled => (400, "ProvisionedThroughputExceededException"),
            _ => (500, "InternalServerError"),
        };
        let kind = format!("com.amazonaws.dynamodb.v20120810#{name}");
        (status, json!({"__type": kind, "message": "trouble of the test's making"}).to_string())
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl Wire {
    /// One that only counts.
    pub fn counting() -> Self {
        Self::default()
    }

    /// One whose requests wait at a gate.
    pub fn through(gate: &Gate) -> Self {
        Self { gate: Some(gate.clone()), ..Self::default() }
    }

    /// One that lets somebody tell what the database does from what the client does.
    pub fn around(around: Around) -> Self {
        Self { around: Some(around), ..Self::default() }
    }

    /// What was spent since the last time that this was asked.
    pub fn take_spent(&self) -> Spent {
        std::mem::take(&mut self.spent.lock().unwrap())
    }

    /// From now on one in so many requests comes to nothing, chosen by this seed; 0 ends it.
    pub fn set_trouble(&self, one_in: usize, seed: u64) {
        let trouble = (one_in > 0).then(|| Trouble { chance: Chance::of(seed), one_in });
        *self.trouble.lock().unwrap() = trouble;
    }

    /// From now on every request is kept, with what became of it.
    pub fn keep_trail(&self) {
        *self.trail.lock().unwrap() = Some(Vec::new());
    }

    /// What was kept, in order.
    pub fn trail(&self) -> Vec<String> {
        self.trail.lock().unwrap().clone().unwrap_or_default()
    }

    fn fate(&self) -> Fate {
        let mut trouble = self.trouble.lock().unwrap();
        let Some(Trouble { chance, one_in }) = trouble.as_mut() else { return Fate::Answered };
        let bad = [Fate::Throttled, Fate::Failed, Fate::AnswerLost];
        if chance.one_in(*one_in) { *chance.pick(&bad) } else { Fate::Answered }
    }

    pub(crate) fn http_client(&self, database: Database) -> SharedHttpClient {
        let end = End { wire: self.clone(), database };
        http_client_fn(move |_, _| SharedHttpConnector::new(end.clone()))
    }

    async fn pass(self, database: Database, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let operation = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let operation = operation.rsplit('.').next().unwrap_or_default().to_owned();
        if let Some(gate) = &self.gate {
            gate.permits.acquire().await.unwrap().forget();
        }
        // A real request is a wait before it arrives and another before its answer is there: a run can be killed in both.
        tokio::task::yield_now().await;
        let (mut status, mut answer) = (0, None);
        self.apart(&mut || {
            let asked = self.answer(&database, &operation, request.body().bytes().unwrap());
            status = asked.0;
            answer = Some(asked.1);
        });
        // Whoever receives an answer has it in memory of its own.
        let text = answer.clone().unwrap_or_default();
        self.apart(&mut || answer = None);
        tokio::task::yield_now().await;
        let status = StatusCode::try_from(status).unwrap();
        if let Some(gate) = &self.gate {
            gate.passed.notify_one();
        }
        let mut response = HttpResponse::new(status, SdkBody::from(text));
        response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
        Ok(response)
    }

    fn apart(&self, work: &mut dyn FnMut()) {
        match &self.around {
            Some(around) => around(work),
            None => work(),
        }
    }

    /// What a server does: status and text of the answer.
    pub(crate) fn answer(&self, database: &Database, operation: &str, body: &[u8]) -> (u16, String) {
        let mut body: Value = serde_json::from_slice(body).unwrap();
        if !matches!(operation, "CreateTable" | "DeleteTable") {
            body["ReturnConsumedCapacity"] = json!("INDEXES");
        }
        let fate = self.fate();
        if let Some(trail) = self.trail.lock().unwrap().as_mut() {
            trail.push(format!("{operation} {fate:?} {body}"));
        }
        let answer = matches!(fate, Fate::Answered | Fate::AnswerLost).then(|| ask(database, operation, body));
        let (status, text) = match (fate, answer) {
            (Fate::Answered, Some(Ok(text))) => (200, text),
            (Fate::Answered, Some(Err(error))) => (error.status_code(), error.to_json()),
            (fate, _) => fate.error(),
        };
        self.count(operation.to_owned(), &text);
        (status, text)
    }

    fn count(&self, operation: String, answer: &str) {
        let answer: Value = serde_json::from_str(answer).unwrap_or_default();
        let consumed = answer["ConsumedCapacity"].clone();
        let all = if consumed.is_array() { consumed } else { json!([consumed]) };
        let reads = matches!(operation.as_str(), "GetItem" | "BatchGetItem" | "Query" | "Scan");
        let mut spent = self.spent.lock().unwrap();
        *spent.requests.entry(operation).or_default() += 1;
        for units in all.as_array().unwrap().iter().filter_map(|one| one["CapacityUnits"].as_f64()) {
            if reads {
                spent.read += units;
            } else {
                spent.write += units;
            }
        }
    }
}

#[derive(Clone)]
struct End {
    wire: Wire,
    database: Database,
}

impl fmt::Debug for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("End")
    }
}

impl HttpConnector for End {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.wire.clone().pass(self.database.clone(), request))
    }
}

/// The requests that tables are made of and asked.
fn ask(database: &Database, operation: &str, body: Value) -> Result<String, DynoxideError> {
    fn read<T: DeserializeOwned>(body: Value) -> T {
        serde_json::from_value(body).unwrap()
    }
    fn written<T: Serialize>(answer: &T) -> String {
        serde_json::to_string(answer).unwrap()
    }
    Ok(match operation {
        "PutItem" => written(&database.put_item(read(body))?),
        "GetItem" => written(&database.get_item(read(body))?),
        "DeleteItem" => written(&database.delete_item(read(body))?),
        "UpdateItem" => written(&database.update_item(read(body))?),
        "BatchGetItem" => written(&database.batch_get_item(read(body))?),
        "BatchWriteItem" => written(&database.batch_write_item(read(body))?),
        "TransactWriteItems" => written(&database.transact_write_items(read(body))?),
        "DeleteTable" => written(&database.delete_table(read(body))?),
        "CreateTable" => written(&database.create_table(read(body))?),
        "Scan" => written(&database.scan(read(body))?),
        "Query" => written(&database.query(read(body))?),
        other => panic!("nobody asks for {other} here"),
    })
}
