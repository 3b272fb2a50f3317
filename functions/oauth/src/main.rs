//! The OAuth function: builds its clients once and answers.

use std::{process::ExitCode, sync::Arc};

use oauth::{App, Config, Tables};
use platform::{
    cipher::Kms,
    clock::SystemClock,
    config::Environment,
    credentials::{self, CachedCredentials, Source},
    http,
    metrics::Metrics,
    random::SystemRandom,
    start,
};
use store::{checkpoint::Checkpoints, installation::Installations, oauth_state::OauthStates};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start::logging();
    start::end(run().await)
}

async fn run() -> Result<(), lambda_runtime::Error> {
    let env = Environment::of_process();
    let config = Config::read(&env)?;
    let table = env.required("STATE_TABLE", "the name of the state table")?.to_owned();
    let key_id = env.required("TOKEN_KEY_ID", "the id of the KMS key for tokens")?.to_owned();
    let aws = start::aws(&env).await;
    let clock = Arc::new(SystemClock);
    let credentials = CachedCredentials::load(Source::from_environment(&env, &aws), clock.clone()).await?;
    let operator_key = match env.get("KEYS_SECRET_ID") {
        Some(id) => Some(credentials::operator_key(&aws_sdk_secretsmanager::Client::new(&aws), id).await?),
        None => None,
    };
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let app = App {
        config,
        operator_key,
        credentials,
        tables: Tables {
            installations: Installations::new(dynamodb.clone(), &table),
            states: OauthStates::new(dynamodb.clone(), &table),
            checkpoints: Checkpoints::new(dynamodb, &table),
        },
        cipher: Kms::new(aws_sdk_kms::Client::new(&aws), key_id),
        http: intercom::client::http_client()?,
        clock,
        random: Arc::new(SystemRandom),
        metrics: Metrics::to_stdout("oauth", &env),
    };
    http::run(|request| app.answer(request)).await
}
