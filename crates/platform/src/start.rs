//! What `main` of each function does first.

use aws_config::{BehaviorVersion, SdkConfig};

use crate::{config::Environment, trust};

/// The AWS configuration of all clients; honours `AWS_ENDPOINT_URL`. [`trust`] says which servers they accept.
pub async fn aws(env: &Environment) -> SdkConfig {
    // A dated version, so that an update of the SDK does not change retries or time-outs behind our back.
    let http = trust::aws_http_client(env);
    aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http).load().await
}

/// Starts logging: `AWS_LAMBDA_LOG_LEVEL` and `AWS_LAMBDA_LOG_FORMAT=JSON` are obeyed, and each line carries the
/// request id.
pub fn logging() {
    lambda_runtime::tracing::init_default_subscriber();
}
