//! What `main` of each function does first.

use aws_config::{BehaviorVersion, SdkConfig};

/// The AWS configuration of all clients; honours `AWS_ENDPOINT_URL`.
pub async fn aws() -> SdkConfig {
    // A dated version, so that an update of the SDK does not change retries or time-outs behind our back.
    aws_config::defaults(BehaviorVersion::v2026_01_12()).load().await
}

/// Starts logging: `AWS_LAMBDA_LOG_LEVEL` and `AWS_LAMBDA_LOG_FORMAT=JSON` are obeyed, and each line carries the
/// request id.
pub fn logging() {
    lambda_runtime::tracing::init_default_subscriber();
}
