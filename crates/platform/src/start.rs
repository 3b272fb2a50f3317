//! What `main` of each function does first.

use std::{process::ExitCode, time::Duration};

use aws_config::{BehaviorVersion, SdkConfig, timeout::TimeoutConfig};

use crate::{config::Environment, trust};

/// The AWS configuration of all clients; honours `AWS_ENDPOINT_URL`. [`trust`] says which servers they accept.
pub async fn aws(env: &Environment) -> SdkConfig {
    // A dated version, so that an update of the SDK does not change retries or time-outs behind our back.
    let http = trust::aws_http_client(env);
    aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http).timeout_config(timeouts()).load().await
}

/// How long AWS may take. By itself the SDK waits for ever for an answer once it is connected, and a function that has slept
/// may wake up with connections that lead nowhere: one such would hold it until Lambda ends it. Two tries fit into what a
/// call may take in all, and that into the ten seconds that Lambda gives a function to start, so that it says what failed.
/// A page of a scan, and a batch of the largest items, need a small part of this.
pub(crate) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(4))
        .operation_timeout(Duration::from_secs(9))
        .build()
}

/// Starts logging to standard output, within the bounds of [`crate::logging`]; each line carries the request id.
pub fn logging() {
    let subscriber = crate::logging::subscriber(&Environment::of_process(), std::io::stdout);
    // Only a second call fails, and the first one's subscriber is the same.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Ends `main`: what keeps a function from starting, or stopped it, is one line that a person can read, causes included.
pub fn end(outcome: Result<(), lambda_runtime::Error>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    let causes = std::iter::successors(Some(&*error as &dyn std::error::Error), |error| error.source());
    let text: Vec<String> = causes.map(ToString::to_string).collect();
    tracing::error!(error = text.join(": "), "the function cannot run");
    ExitCode::FAILURE
}
