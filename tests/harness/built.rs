//! The four functions as they were built, each a process that Lambda's side of the Runtime API is played to, beside the
//! same tables, queues and Intercom as [`Stack`](crate::Stack) has in one process.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use emulator::Emulator;
use serde_json::{Value, json};
use testkit::{Program, Running, RuntimeApi};
use tokio::sync::Mutex;

use crate::{
    CLIENT_SECRET, Function, MemoryQueue, RealClock, Tables, TestClock,
    aws::{Aws, serve},
};

/// The bundle as it was built.
pub struct Built {
    /// Intercom.
    pub intercom: Emulator,
    /// DynamoDB.
    pub tables: Tables,
    /// The live queue.
    pub live: MemoryQueue,
    /// The backfill queue.
    pub backfill_queue: MemoryQueue,
    /// The queues' time: what was sent with a delay is there at once when nothing else is.
    pub clock: Arc<TestClock>,
    functions: BTreeMap<Function, Mutex<(RuntimeApi, Running)>>,
}

impl Built {
    /// Starts each function from `folder`, where `sam build` put it: `<folder>/WebhookFunction/bootstrap`. What they log
    /// goes into files of `logs`.
    pub async fn start(folder: &Path, logs: &Path, seed: emulator::Seed) -> Self {
        let config = emulator::Config {
            seed,
            client_id: "client-id".to_owned(),
            client_secret: CLIENT_SECRET.to_owned(),
            settings: emulator::Settings { rate_limit_per_10s: 1_666, ..emulator::Settings::default() },
            clock: Arc::new(RealClock),
            ..emulator::Config::default()
        };
        let intercom = Emulator::start(config).await.unwrap();
        let tables = Tables::start().await;
        let clock = Arc::new(TestClock::at(0));
        let live = MemoryQueue::new(clock.clone()).named("LiveQueue");
        let backfill_queue = MemoryQueue::new(clock.clone()).named("BackfillQueue");
        let credentials = json!({"client_id": "client-id", "client_secret": CLIENT_SECRET, "webhook_secrets": [], "access_token": ""});
        let keys = json!({"operator_key": "operator-key-of-the-test"});
        let aws = Aws {
            tables: tables.looking_on(),
            queues: vec![live.clone(), backfill_queue.clone()],
            secrets: vec![("credentials", credentials), ("keys", keys)],
        };
        let endpoint = format!("http://{}", serve(Arc::new(aws)).await);
        std::fs::create_dir_all(logs).unwrap();
        let mut functions = BTreeMap::new();
        for function in Function::ALL {
            let started = launch(function, folder, logs, &endpoint, intercom.base_url()).await;
            functions.insert(function, Mutex::new(started));
        }
        Self { intercom, tables, live, backfill_queue, clock, functions }
    }

    /// Gives an event to a function; what its handler gave, as JSON.
    pub async fn invoke(&self, function: Function, event: String) -> Result<Value, String> {
        let mut process = self.functions[&function].lock().await;
        let answered = process.0.invoke(event.into()).await.map_err(|error| format!("{function:?}: {error}"))?;
        serde_json::from_slice(&answered.body).map_err(|error| format!("{function:?}: {error}"))
    }
}

async fn launch(
    function: Function,
    folder: &Path,
    logs: &Path,
    endpoint: &str,
    intercom: &str,
) -> (RuntimeApi, Running) {
    let directory = folder.join(format!("{function:?}Function"));
    let executable: PathBuf = directory.join("bootstrap");
    assert!(executable.is_file(), "{} is not there: `make golden` builds it", executable.display());
    let api = RuntimeApi::start(Duration::from_secs(function.timeout_seconds())).await.unwrap();
    let queue = |name: &str| format!("{endpoint}/000000000000/{name}");
    let (live, backfill, lambda) = (queue("LiveQueue"), queue("BackfillQueue"), api.address.to_string());
    let environment = [
        ("AWS_LAMBDA_RUNTIME_API", lambda.as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", "golden"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "golden"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "golden"),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_SESSION_TOKEN", "test"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_ENDPOINT_URL", endpoint),
        ("CREDENTIALS_SECRET_ID", "credentials"),
        ("KEYS_SECRET_ID", "keys"),
        ("TOKEN_KEY_ID", "key"),
        ("STATE_TABLE", "StateTable"),
        ("MEMORY_TABLE", "MemoryTable"),
        ("LIVE_QUEUE_URL", &live),
        ("BACKFILL_QUEUE_URL", &backfill),
        ("INTERCOM_API_BASE_URL", intercom),
        ("INTERCOM_APP_BASE_URL", "https://app.intercom.com"),
        ("INTERCOM_VERSION", "2.14"),
        ("INGEST_INTERNAL_NOTES", "true"),
        ("LINK_TEAM_KEYS", "ENG"),
        ("BACKFILL_DATA_EVENTS", "true"),
    ];
    let log = File::create(logs.join(format!("golden-{function:?}.log"))).unwrap();
    let command = vec![executable.to_str().unwrap().to_owned()];
    let program = Program { name: format!("{function:?}"), command, directory };
    let running = Running::start(&program, environment, Stdio::from(log)).unwrap();
    (api, running)
}
