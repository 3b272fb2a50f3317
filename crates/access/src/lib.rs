//! Opens a workspace for the functions that call Intercom: is it installed, what is its token, how much of its rate
//! limit is left.

mod pacer;
mod settings;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use intercom::{
    WorkspaceId,
    client::{ApiError, Client, Transport},
    clock::Clock,
    rate::{LocalPacer, Pacer, Priority},
};
use memory::Settings;
use platform::{
    cipher::{CipherError, TokenCipher},
    config::{ConfigError, Environment},
    credentials::{CachedCredentials, CredentialsSource},
};
use secrecy::SecretString;
use store::{
    StoreError,
    installation::{Installation, Installations, Status, StoredToken},
    rate_window::RateWindows,
};
use url::Url;

pub use pacer::SharedPacer;
pub use settings::settings;

/// What the environment says about calling Intercom.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// `INTERCOM_API_BASE_URL`: where a token's workspace is asked for; afterwards the installation's own host is used.
    pub base: Url,
    /// `INTERCOM_VERSION`
    pub version: String,
    /// `RATE_LIMIT_PER_10S`: used until the first answer has told the real one.
    pub limit: u32,
}

impl ApiConfig {
    /// Reads the environment.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable.
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            base: env.base_url("INTERCOM_API_BASE_URL", "https://api.intercom.io")?,
            version: env.get("INTERCOM_VERSION").unwrap_or("2.14").to_owned(),
            limit: env.parsed("RATE_LIMIT_PER_10S", 166, "a number of requests per 10 seconds")?,
        })
    }
}

/// What stands behind a workspace id.
pub enum Opening {
    /// Work may be done with this client.
    Open(Client),
    /// Nobody has installed the app there (yet).
    Unknown,
    /// Known, but no call may be made.
    Stopped(Status),
}

/// Why it cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// StateTable failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The token could not be decrypted.
    #[error(transparent)]
    Cipher(#[from] CipherError),
    /// The installation's API address is no URL.
    #[error("the installation of workspace {0} has no usable api_base_url: install it again")]
    BadBaseUrl(WorkspaceId),
}

/// What is read and written of StateTable.
#[derive(Clone, Debug)]
pub struct Tables {
    /// Who is installed.
    pub installations: Installations,
    /// The shared rate windows.
    pub windows: RateWindows,
}

/// Opens workspaces; one a process.
pub struct Access<C, S> {
    /// The installations, for whoever changes a status.
    pub installations: Installations,
    /// The app's credentials.
    pub credentials: CachedCredentials<S>,
    cipher: C,
    http: Arc<dyn Transport>,
    config: ApiConfig,
    clock: Arc<dyn Clock>,
    windows: RateWindows,
    /// Sets this process apart from others that wait for the same window.
    spread: u32,
    held: Mutex<HashMap<WorkspaceId, Held>>,
}

/// How often the time of the last event is written at most, in seconds.
const NOTE_EVERY_SECONDS: i64 = 60;

/// What is kept of a workspace between invocations: a decrypted token saves a KMS call, and what was taken of the rate
/// window and not used yet stays good until the window ends.
#[derive(Default)]
struct Held {
    ciphertext: Vec<u8>,
    token: Option<SecretString>,
    pacers: HashMap<Priority, Arc<SharedPacer>>,
    /// The newest event that was noted, epoch seconds.
    event_noted_at: i64,
    /// Where Intercom keeps it, as of the last opening.
    region: Option<String>,
}

impl<C: TokenCipher, S: CredentialsSource> Access<C, S> {
    /// Made once per process. `spread` (0 to 999) should differ between processes.
    pub fn new(
        tables: Tables,
        credentials: CachedCredentials<S>,
        cipher: C,
        http: Arc<dyn Transport>,
        config: ApiConfig,
        clock: Arc<dyn Clock>,
        spread: u32,
    ) -> Self {
        let Tables { installations, windows } = tables;
        Self { installations, credentials, cipher, http, config, clock, windows, spread, held: Mutex::default() }
    }

    /// Opens a workspace for work of this priority. Calls wait until `deadline_ms` (milliseconds since 1970) at the
    /// longest.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub async fn open(
        &self,
        workspace: &WorkspaceId,
        priority: Priority,
        deadline_ms: i64,
    ) -> Result<Opening, AccessError> {
        let Some(installation) = self.installations.get(workspace).await? else { return Ok(Opening::Unknown) };
        if installation.status != Status::Active {
            return Ok(Opening::Stopped(installation.status));
        }
        if let Some(at) = installation.last_event_at {
            // What another process noted need not be noted again.
            self.with_held(workspace, |held| held.event_noted_at = held.event_noted_at.max(at));
        }
        match self.client(&installation, priority, deadline_ms).await? {
            Some(client) => Ok(Opening::Open(client)),
            None => Ok(Opening::Stopped(Status::NeedsReauth)),
        }
    }

    /// A client for an installation, whatever its status; `None` where there is no token any more.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub async fn client(
        &self,
        installation: &Installation,
        priority: Priority,
        deadline_ms: i64,
    ) -> Result<Option<Client>, AccessError> {
        let workspace = &installation.workspace;
        self.with_held(workspace, |held| held.region.clone_from(&installation.region));
        let base = installation.api_base_url.parse().map_err(|_| AccessError::BadBaseUrl(workspace.clone()))?;
        let token = match &installation.token {
            StoredToken::None => return Ok(None),
            StoredToken::Private => match self.credentials.current().await.private_token() {
                Some(token) => token.clone(),
                None => return Ok(None),
            },
            StoredToken::Encrypted(ciphertext) => match self.held_token(workspace, ciphertext) {
                Some(token) => token,
                None => {
                    let token = self.cipher.decrypt(workspace, ciphertext).await?;
                    self.with_held(workspace, |held| {
                        held.ciphertext.clone_from(ciphertext);
                        held.token = Some(token.clone());
                    });
                    token
                }
            },
        };
        Ok(Some(self.client_with(base, token, self.pacer(workspace, priority), deadline_ms)))
    }

    /// The settings for a workspace that was opened before: links into Intercom's own pages lead to its region.
    pub fn settings_of(&self, workspace: &WorkspaceId, settings: &Settings) -> Settings {
        self.with_held(workspace, |held| settings.in_region(held.region.as_deref()))
    }

    /// A client for a token whose workspace is not known yet.
    pub fn client_for(&self, token: SecretString, deadline_ms: i64) -> Client {
        let pacer = LocalPacer::new(self.config.limit, Priority::Backfill, self.clock.now_ms());
        self.client_with(self.config.base.clone(), token, Arc::new(pacer), deadline_ms)
    }

    /// Where a token's workspace is asked for.
    pub fn base(&self) -> &Url {
        &self.config.base
    }

    /// Intercom refused the token of `client`: where `/me` refuses it too, nobody calls until the workspace is connected
    /// again. `true` where this call made it so; `false` where somebody else had, where the workspace has another token by now
    /// (it was connected again while the call was under way), or where `/me` takes the token or cannot be asked: one answer
    /// of one endpoint disconnects nobody.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn refused(
        &self,
        workspace: &WorkspaceId,
        client: &Client,
        error: &ApiError,
    ) -> Result<bool, StoreError> {
        let Some(installation) = self.installations.get(workspace).await? else { return Ok(false) };
        let current = match &installation.token {
            StoredToken::Encrypted(ciphertext) => self.held_token(workspace, ciphertext),
            StoredToken::Private => self.credentials.current().await.private_token().cloned(),
            StoredToken::None => None,
        };
        // A ciphertext that this process never opened is not the one that `client` was made from.
        if !current.is_some_and(|token| client.uses(&token)) {
            tracing::info!(%workspace, "an older token was refused; the workspace has another one by now");
            return Ok(false);
        }
        match client.me().await {
            Err(ApiError::Unauthorized { .. }) => {}
            answer => {
                tracing::warn!(%workspace, %error, taken = answer.is_ok(), "a call was refused, but not the token");
                return Ok(false);
            }
        }
        let marked = self.installations.refuse(workspace, &installation.token, self.clock.now_seconds()).await?;
        if marked {
            tracing::error!(%workspace, %error, "the workspace needs to be connected again");
        }
        Ok(marked)
    }

    /// Notes that a live event came at `at` (epoch seconds), for the status page: at most once a minute and process, so
    /// that a busy workspace costs one write unit a minute for each process at work. A failure is only logged: no event
    /// waits for this.
    pub async fn note_event(&self, workspace: &WorkspaceId, at: i64) {
        let due = self.with_held(workspace, |held| {
            let due = at >= held.event_noted_at.saturating_add(NOTE_EVERY_SECONDS);
            if due {
                held.event_noted_at = at;
            }
            due
        });
        if due && let Err(error) = self.installations.note_event(workspace, at).await {
            tracing::warn!(%workspace, %error, "the time of the last event was not noted");
        }
    }

    fn client_with(&self, base: Url, token: SecretString, pacer: Arc<dyn Pacer>, deadline_ms: i64) -> Client {
        Client::new(
            Arc::clone(&self.http),
            base,
            &*self.config.version,
            token,
            Arc::clone(&self.clock),
            pacer,
            deadline_ms,
        )
    }

    fn pacer(&self, workspace: &WorkspaceId, priority: Priority) -> Arc<SharedPacer> {
        self.with_held(workspace, |held| {
            let pacer = held.pacers.entry(priority).or_insert_with(|| {
                let (windows, clock) = (self.windows.clone(), Arc::clone(&self.clock));
                let pacer =
                    SharedPacer::new(windows, workspace.clone(), priority, self.config.limit, clock, self.spread);
                Arc::new(pacer)
            });
            Arc::clone(pacer)
        })
    }

    fn held_token(&self, workspace: &WorkspaceId, ciphertext: &[u8]) -> Option<SecretString> {
        self.with_held(workspace, |held| held.token.clone().filter(|_| held.ciphertext == ciphertext))
    }

    fn with_held<T>(&self, workspace: &WorkspaceId, f: impl FnOnce(&mut Held) -> T) -> T {
        let mut all = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        f(all.entry(workspace.clone()).or_default())
    }
}
