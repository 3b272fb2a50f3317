//! The backfill function: at every tick it takes the checkpoints that are due and walks on from where they stand.
//!
//! What a page holds in full is written at once, through the same transform as everything else; conversations, whose
//! parts need one more call each, are queued. A checkpoint is saved after each page, once everything of the page is
//! durable, so that a run that is killed loses nothing: the page is read again.

mod data_events;
mod keep;
mod private_app;
mod reauth;
mod sweep;
mod uninstall;
mod unit;
pub mod walk;

use std::{str::FromStr, sync::Arc};

use access::{Access, AccessError};
use futures::{StreamExt, stream};
use intercom::{client::ApiError, clock::Clock};
use memory::Settings;
use platform::{
    cipher::TokenCipher,
    config::{AllowedWorkspaces, ConfigError, Environment},
    credentials::CredentialsSource,
    metrics::Metrics,
};
use serde::Serialize;
use store::{
    StoreError, checkpoint::Checkpoints, memory_table::MemoryTable, purge::Purge, queue::Queue, sweep::Sweeps,
};

/// Checkpoints that one invocation walks at once.
const CONCURRENCY: usize = 16;

/// Checkpoints taken of each shard of the `due` index.
const PER_SHARD: i32 = 25;

/// What becomes of the memory of a workspace that was uninstalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUninstall {
    /// It stays.
    Keep,
    /// It is removed 24 hours later, if the workspace is still uninstalled then.
    Purge,
}

impl FromStr for OnUninstall {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "keep" => Ok(Self::Keep),
            "purge" => Ok(Self::Purge),
            _ => Err(()),
        }
    }
}

/// What the function is told by its environment, beside where to call Intercom.
#[derive(Clone, Debug)]
pub struct Config {
    /// How far back the first walk goes; 0 is everything (`BACKFILL_DAYS`).
    pub backfill_days: u32,
    /// How often what changed is asked for, beside webhooks, in minutes (`RECONCILE_MINUTES`).
    pub reconcile_minutes: u32,
    /// How often what is gone is looked for, in days; 0 is never (`SWEEP_DAYS`).
    pub sweep_days: u32,
    /// How much of a resource one sweep may remove, in per cent of what Intercom lists; 50 things are always allowed
    /// (`SWEEP_LIMIT_PERCENT`).
    pub sweep_limit_percent: u32,
    /// Whether what contacts did is read, at a request a contact (`BACKFILL_DATA_EVENTS`).
    pub data_events: bool,
    /// Whether what is remembered of an uninstalled workspace is removed after a day (`ON_UNINSTALL`).
    pub on_uninstall: OnUninstall,
    /// Private-app mode asks for its own workspace too (`ALLOWED_WORKSPACES`).
    pub allowed: AllowedWorkspaces,
    /// What becomes memory.
    pub settings: Settings,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable.
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        let settings = access::settings(env)?;
        Ok(Self {
            backfill_days: env.parsed("BACKFILL_DAYS", 0, "a number of days")?,
            reconcile_minutes: env.parsed("RECONCILE_MINUTES", 15, "a number of minutes")?,
            sweep_days: env.parsed("SWEEP_DAYS", 7, "a number of days")?,
            sweep_limit_percent: env.parsed("SWEEP_LIMIT_PERCENT", 1, "a percentage")?,
            data_events: env.parsed("BACKFILL_DATA_EVENTS", false, "true or false")?,
            on_uninstall: env.parsed("ON_UNINSTALL", OnUninstall::Keep, "keep or purge")?,
            allowed: AllowedWorkspaces::read(env)?,
            settings,
        })
    }
}

/// Everything the function needs; one a process.
pub struct Backfill<Q, C, S> {
    /// Opens workspaces.
    pub access: Access<C, S>,
    /// Where each walk stands.
    pub checkpoints: Checkpoints,
    /// What the sweeps have seen so far.
    pub sweeps: Sweeps,
    /// What is there already, and where whole pages go.
    pub memory: MemoryTable,
    /// Removes what is remembered of uninstalled workspaces; `None` keeps it (`ON_UNINSTALL`).
    pub purge: Option<Purge>,
    /// For what needs another call.
    pub queue: Q,
    /// What the environment says.
    pub config: Config,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Counts.
    pub metrics: Metrics,
}

/// Why a tick, or one walk of it, failed.
#[derive(Debug, thiserror::Error)]
pub enum BackfillError {
    /// A table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] store::queue::QueueError),
    /// The workspace could not be opened.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Private-app mode: the access token does not open a workspace.
    #[error("the workspace of private-app mode's access token cannot be registered: {0}")]
    PrivateApp(#[source] ApiError),
    /// Private-app mode: the token's workspace is not on the list.
    #[error(
        "private-app mode's access token opens workspace {0}, which is not in AllowedWorkspaces: add it there, or use another token"
    )]
    NotAllowed(intercom::WorkspaceId),
}

/// What a tick did; the invocation's answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ticked {
    /// Checkpoints that were due.
    pub due: usize,
    /// Of those, the ones that this run walked; others were held by another run.
    pub walked: usize,
    /// Pages read.
    pub pages: u64,
    /// Objects written or queued.
    pub written: u64,
    /// Walks that failed and will be tried again.
    pub failed: usize,
}

impl<Q: Queue, C: TokenCipher, S: CredentialsSource> Backfill<Q, C, S> {
    /// One tick, as `owner`, until shortly before `deadline_ms` (milliseconds since 1970).
    ///
    /// # Errors
    /// [`BackfillError`] where nothing could be looked up at all. What fails for one checkpoint is noted there and stops no
    /// other.
    pub async fn tick(&self, owner: &str, deadline_ms: i64) -> Result<Ticked, BackfillError> {
        // A broken private-app token must not stop the workspaces that were installed by OAuth.
        let registered = self.register_private_app(deadline_ms).await;
        if let Err(error) = &registered {
            tracing::error!(%error, "private-app mode");
            self.metrics.count("PrivateAppFailed", 1, &[], self.clock.now_ms());
        }
        let due = self.checkpoints.due(self.clock.now_seconds(), PER_SHARD).await?;
        let count = due.len();
        let walks = stream::iter(due).map(|due| self.walk(owner, due, deadline_ms));
        let mut ticked = walks
            .buffer_unordered(CONCURRENCY)
            .fold(Ticked { due: count, ..Ticked::default() }, |mut sum, walked| async move {
                sum.walked += usize::from(walked.held);
                sum.pages += walked.pages;
                sum.written += walked.written;
                sum.failed += usize::from(walked.failed);
                sum
            })
            .await;
        if registered.is_err() {
            ticked.failed += 1;
        }
        tracing::info!(
            due = ticked.due,
            walked = ticked.walked,
            pages = ticked.pages,
            written = ticked.written,
            failed = ticked.failed,
            "ticked"
        );
        Ok(ticked)
    }
}
