//! What becomes memory: told to every function that writes it, in the same words.

use memory::{Settings, settings::APP_BASE_URL};
use platform::config::{ConfigError, Environment};

/// What becomes memory, as the environment says (`INGEST_INTERNAL_NOTES`, `LINK_TEAM_KEYS`, `RETENTION_DAYS`,
/// `INTERCOM_APP_BASE_URL`).
///
/// # Errors
/// [`ConfigError`] names the variable.
pub fn settings(env: &Environment) -> Result<Settings, ConfigError> {
    let app_base = env.base_url("INTERCOM_APP_BASE_URL", APP_BASE_URL)?;
    Ok(Settings {
        ingest_internal_notes: env.parsed("INGEST_INTERNAL_NOTES", false, "true or false")?,
        link_team_keys: env.list("LINK_TEAM_KEYS").into_iter().collect(),
        retention_days: env.parsed("RETENTION_DAYS", 0, "a number of days")?,
        app_base_url: app_base.as_str().trim_end_matches('/').to_owned(),
    })
}
