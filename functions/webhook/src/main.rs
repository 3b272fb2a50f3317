//! The webhook function: builds its clients once and answers.

use std::{process::ExitCode, sync::Arc};

use platform::{
    clock::SystemClock,
    config::Environment,
    credentials::{CachedCredentials, Source},
    http,
    metrics::Metrics,
    start,
};
use store::queue::Sqs;
use webhook::{Door, StartError, sources::AllowedSources};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start::logging();
    start::end(run().await)
}

async fn run() -> Result<(), lambda_runtime::Error> {
    let env = Environment::of_process();
    let queue_url = env.required("LIVE_QUEUE_URL", "the URL of the live queue")?;
    let sources = AllowedSources::read(&env)?;
    let aws = start::aws(&env).await;
    let clock = Arc::new(SystemClock);
    let credentials = CachedCredentials::load(Source::from_environment(&env, &aws), clock.clone()).await?;
    credentials.current().await.signing_secrets().map_err(StartError::NoSecret)?;
    let queue = Sqs::new(aws_sdk_sqs::Client::new(&aws), queue_url);
    let door = Door::new(queue, credentials, clock, Metrics::to_stdout("webhook", &env)).only_from(sources);
    http::run(|request| door.answer(request)).await
}
