//! What can be changed while the emulator runs.

use serde::{Deserialize, Deserializer, Serialize};

/// Requests in ten seconds that the documented 10,000 a minute come to (Intercom docs, "Rate limiting").
pub const DEFAULT_RATE_LIMIT_PER_10S: u32 = 1_666;

/// Intercom tries a failed delivery once more after a minute.
const DEFAULT_RETRY_DELAY_MS: u64 = 60_000;

/// Settings in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Where notifications go.
    pub webhook_url: Option<String>,
    /// Where the uninstall notice goes.
    pub uninstall_url: Option<String>,
    /// Where the installation health check goes.
    pub health_url: Option<String>,
    /// The registered redirect URL: the default one, and the only one accepted. Without it, any is accepted.
    pub redirect_uri: Option<String>,
    /// Who can say what became of a conversation: the emulator's page shows it. Intercom has no such thing; whoever
    /// starts the emulator beside a connector may give it.
    pub memory_url: Option<String>,
    /// Requests that a window of ten seconds allows.
    pub rate_limit_per_10s: u32,
    /// Milliseconds that every API answer takes longer.
    pub latency_ms: u64,
    /// Milliseconds between a failed delivery and its one retry.
    pub retry_delay_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            webhook_url: None,
            uninstall_url: None,
            health_url: None,
            redirect_uri: None,
            memory_url: None,
            rate_limit_per_10s: DEFAULT_RATE_LIMIT_PER_10S,
            latency_ms: 0,
            retry_delay_ms: DEFAULT_RETRY_DELAY_MS,
        }
    }
}

/// A partial update: what is absent stays, `null` clears.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SettingsPatch {
    /// See [`Settings::webhook_url`]. Setting it also makes a subscription live again that a 410 had ended.
    #[serde(deserialize_with = "given")]
    pub webhook_url: Option<Option<String>>,
    /// See [`Settings::uninstall_url`].
    #[serde(deserialize_with = "given")]
    pub uninstall_url: Option<Option<String>>,
    /// See [`Settings::health_url`].
    #[serde(deserialize_with = "given")]
    pub health_url: Option<Option<String>>,
    /// See [`Settings::redirect_uri`].
    #[serde(deserialize_with = "given")]
    pub redirect_uri: Option<Option<String>>,
    /// See [`Settings::memory_url`].
    #[serde(deserialize_with = "given")]
    pub memory_url: Option<Option<String>>,
    /// See [`Settings::rate_limit_per_10s`].
    pub rate_limit_per_10s: Option<u32>,
    /// See [`Settings::latency_ms`].
    pub latency_ms: Option<u64>,
    /// See [`Settings::retry_delay_ms`].
    pub retry_delay_ms: Option<u64>,
}

/// Tells `null` from absent.
fn given<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(input).map(Some)
}

impl Settings {
    /// Applies a partial update.
    pub fn apply(&mut self, patch: SettingsPatch) {
        let texts = [
            (&mut self.webhook_url, patch.webhook_url),
            (&mut self.uninstall_url, patch.uninstall_url),
            (&mut self.health_url, patch.health_url),
            (&mut self.redirect_uri, patch.redirect_uri),
            (&mut self.memory_url, patch.memory_url),
        ];
        for (setting, new) in texts {
            if let Some(new) = new {
                *setting = new.filter(|text| !text.is_empty());
            }
        }
        if let Some(limit) = patch.rate_limit_per_10s {
            self.rate_limit_per_10s = limit;
        }
        if let Some(ms) = patch.latency_ms {
            self.latency_ms = ms;
        }
        if let Some(ms) = patch.retry_delay_ms {
            self.retry_delay_ms = ms;
        }
    }
}
