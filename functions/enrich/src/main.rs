//! The enrich function: builds its clients once and works on batches.

use std::{process::ExitCode, sync::Arc};

use access::{Access, ApiConfig, Tables, settings};
use aws_lambda_events::event::sqs::SqsEvent;
use enrich::{Enrich, Queues, cache_minutes, ownerless::Owner};
use lambda_runtime::{LambdaEvent, service_fn};
use platform::{
    cipher::Kms,
    clock::SystemClock,
    config::{AllowedWorkspaces, Environment},
    credentials::{CachedCredentials, Source},
    metrics::Metrics,
    random::{self, SystemRandom},
    start,
};
use store::{
    absences::Absences,
    checkpoint::Checkpoints,
    installation::Installations,
    memory_table::{MemoryTable, Retention},
    queue::Sqs,
    rate_window::RateWindows,
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
    let live_url = env.required("LIVE_QUEUE_URL", "the URL of the live queue")?.to_owned();
    let backfill_url = env.required("BACKFILL_QUEUE_URL", "the URL of the backfill queue")?.to_owned();
    let api = ApiConfig::read(&env)?;
    let settings = settings(&env)?;
    let retention = Retention { days: settings.retention_days };
    let allowed = AllowedWorkspaces::read(&env)?;
    let cache_minutes = cache_minutes(&env)?;
    let aws = start::aws(&env).await;
    let clock = Arc::new(SystemClock);
    let credentials = CachedCredentials::load(Source::from_environment(&env, &aws), clock.clone()).await?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let sqs = aws_sdk_sqs::Client::new(&aws);
    let cipher = Kms::new(aws_sdk_kms::Client::new(&aws), key_id);
    let http = intercom::client::http_client()?;
    let tables = Tables {
        installations: Installations::new(dynamodb.clone(), &state_table),
        windows: RateWindows::new(dynamodb.clone(), &state_table),
    };
    let spread = random::spread(&SystemRandom)?;
    let access = Access::new(tables, credentials, cipher, http, api, clock.clone(), spread);
    let enrich = Enrich {
        access,
        memory: MemoryTable::new(dynamodb.clone(), memory_table, retention),
        checkpoints: Checkpoints::new(dynamodb.clone(), &state_table),
        absences: Absences::new(dynamodb, state_table),
        owner: Owner::new(allowed),
        queues: Queues { live: Sqs::new(sqs.clone(), live_url), backfill: Sqs::new(sqs, backfill_url) },
        settings,
        cache_minutes,
        clock,
        metrics: Metrics::to_stdout("enrich", &env),
    };
    let enrich = &enrich;
    lambda_runtime::run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        let deadline_ms = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
        enrich.handle(event.payload, deadline_ms).await.map_err(lambda_runtime::Error::from)
    }))
    .await
}
