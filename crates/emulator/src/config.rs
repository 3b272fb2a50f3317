//! How an emulator is started.

use std::sync::Arc;

use crate::clock::{Clock, SystemClock};
use crate::settings::Settings;
use crate::world::{Seed, Workspace};

/// The port that the binary listens on.
pub const DEFAULT_PORT: u16 = 4570;

/// How an emulator is started. `Config::default()` is a small world on any free port.
#[derive(Clone)]
pub struct Config {
    /// Port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// The world to make.
    pub seed: Seed,
    /// Seconds since the epoch at which the world's history ends; the clock's now where absent.
    pub now: Option<i64>,
    /// The workspace.
    pub workspace: Workspace,
    /// URLs, limits, delays.
    pub settings: Settings,
    /// OAuth client id.
    pub client_id: String,
    /// OAuth client secret; it signs webhooks too.
    pub client_secret: String,
    /// A token that is good from the start: private-app mode.
    pub access_token: Option<String>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 0,
            seed: Seed::default(),
            now: None,
            workspace: Workspace::default(),
            settings: Settings::default(),
            client_id: "emulator-client-id".to_owned(),
            client_secret: "emulator-client-secret".to_owned(),
            access_token: None,
            clock: Arc::new(SystemClock),
        }
    }
}
