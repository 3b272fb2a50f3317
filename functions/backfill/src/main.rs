//! The backfill function: builds its clients once and walks at every tick.

use std::{process::ExitCode, sync::Arc};

use access::{Access, ApiConfig, Tables};
use backfill::{Backfill, Config, OnUninstall};
use lambda_runtime::{LambdaEvent, service_fn};
use platform::{
    cipher::Kms,
    clock::SystemClock,
    config::Environment,
    credentials::{CachedCredentials, Source},
    metrics::Metrics,
    random::{self, SystemRandom},
    start,
};
use serde_json::Value;
use store::{
    checkpoint::Checkpoints,
    installation::Installations,
    memory_table::{MemoryTable, Retention},
    purge::Purge,
    queue::Sqs,
    rate_window::RateWindows,
    sweep::Sweeps,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start::logging();
    memory::links::compile();
    start::end(run().await)
}

async fn run() -> Result<(), lambda_runtime::Error> {
    let env = Environment::of_process();
    let state_table = env.required("STATE_TABLE", "the name of the state table")?.to_owned();
    let memory_table = env.required("MEMORY_TABLE", "the name of the memory table")?.to_owned();
    let key_id = env.required("TOKEN_KEY_ID", "the id of the KMS key for tokens")?.to_owned();
    let queue_url = env.required("BACKFILL_QUEUE_URL", "the URL of the backfill queue")?.to_owned();
    let api = ApiConfig::read(&env)?;
    let config = Config::read(&env)?;
    let aws = start::aws(&env).await;
    let clock = Arc::new(SystemClock);
    let credentials = CachedCredentials::load(Source::from_environment(&env, &aws), clock.clone()).await?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let cipher = Kms::new(aws_sdk_kms::Client::new(&aws), key_id);
    let http = intercom::client::http_client()?;
    let retention = Retention { days: config.settings.retention_days };
    let tables = Tables {
        installations: Installations::new(dynamodb.clone(), &state_table),
        windows: RateWindows::new(dynamodb.clone(), &state_table),
    };
    let spread = random::spread(&SystemRandom)?;
    let access = Access::new(tables, credentials, cipher, http, api, clock.clone(), spread);
    let purge =
        (config.on_uninstall == OnUninstall::Purge).then(|| Purge::new(dynamodb.clone(), &state_table, &memory_table));
    let backfill = Backfill {
        access,
        purge,
        checkpoints: Checkpoints::new(dynamodb.clone(), &state_table),
        sweeps: Sweeps::new(dynamodb.clone(), state_table),
        memory: MemoryTable::new(dynamodb, memory_table, retention),
        queue: Sqs::new(aws_sdk_sqs::Client::new(&aws), queue_url),
        config,
        clock,
        metrics: Metrics::to_stdout("backfill", &env),
    };
    let backfill = &backfill;
    // What the schedule sends says nothing that we need.
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move {
        let deadline_ms = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
        let tick = backfill.tick(&event.context.request_id, deadline_ms).await;
        tick.map_err(lambda_runtime::Error::from)
    }))
    .await
}
