//! One checkpoint's walk: the thin shell of I/O around [`crate::walk`].

use access::Opening;
use intercom::{
    client::{ApiError, Client, PageRequest, Resource},
    rate::Priority,
};
use platform::{cipher::TokenCipher, credentials::CredentialsSource};
use store::{
    StoreError,
    checkpoint::{Checkpoint, Due, Phase, Purpose, REAUTH, Stage, UNINSTALL},
    installation::Status,
    queue::Queue,
};

use crate::{
    Backfill, BackfillError, reauth,
    walk::{self, Plan},
};

/// How long a lease lasts, in milliseconds; each page renews it. Longer than one page can take, all waits included.
pub(crate) const LEASE_MS: i64 = 120_000;

/// How long before Lambda's deadline the last page is begun, in milliseconds.
pub(crate) const MARGIN_MS: i64 = 90_000;

/// How long a checkpoint waits while an uninstall notice or a refusal is being checked, in seconds.
const POSTPONE_SECONDS: i64 = 60;

/// What one step of a walk came to.
pub(crate) struct Step {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) written: u64,
}

/// Why a step came to nothing.
pub(crate) enum StepError {
    /// Intercom did not give what was asked for: when to ask again is decided by what it said.
    Api(ApiError),
    /// Something of ours failed: the lease ends by itself.
    Own(BackfillError),
}

impl<E: Into<BackfillError>> From<E> for StepError {
    fn from(error: E) -> Self {
        Self::Own(error.into())
    }
}

/// What became of one due checkpoint in this run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Walked {
    pub(crate) held: bool,
    pub(crate) pages: u64,
    pub(crate) written: u64,
    pub(crate) failed: bool,
}

impl<Q: Queue, C: TokenCipher, S: CredentialsSource> Backfill<Q, C, S> {
    /// Walks on from one checkpoint until it is done or time is up. Nothing that fails here stops another checkpoint.
    pub(crate) async fn walk(&self, owner: &str, due: Due, deadline_ms: i64) -> Walked {
        let mut walked = Walked::default();
        if let Err(error) = self.walk_on(owner, &due, deadline_ms, &mut walked).await {
            walked.failed = true;
            tracing::error!(%error, workspace = %due.workspace, resource = due.resource, "a walk failed");
            self.metrics.count("WalksFailed", 1, &[("resource", &due.resource)], self.clock.now_ms());
            // Whoever has taken over goes on.
            if !matches!(error, BackfillError::Store(StoreError::LeaseLost { .. })) {
                self.put_off(owner, &due).await;
            }
        }
        walked
    }

    /// Something of ours failed, or cannot be understood: others are not to wait behind it. Where this fails too, the lease
    /// ends by itself.
    async fn put_off(&self, owner: &str, due: &Due) {
        let why = "The bundle could not work on this: its log says why. It is tried again, ever less often.";
        if let Err(error) = self.checkpoints.put_off(due, owner, self.clock.now_seconds(), why).await {
            tracing::warn!(%error, workspace = %due.workspace, resource = due.resource, "not put off");
        }
    }

    async fn walk_on(
        &self,
        owner: &str,
        due: &Due,
        deadline_ms: i64,
        walked: &mut Walked,
    ) -> Result<(), BackfillError> {
        let now_ms = self.clock.now_ms();
        if now_ms > deadline_ms.saturating_sub(MARGIN_MS) {
            return Ok(());
        }
        let resource = Resource::from_path(&due.resource);
        if resource.is_none() && !matches!(&*due.resource, UNINSTALL | REAUTH) {
            tracing::warn!(resource = due.resource, "a checkpoint of another version of this bundle");
            self.put_off(owner, due).await;
            return Ok(());
        }
        let held = self.checkpoints.acquire(&due.workspace, &due.resource, owner, now_ms, now_ms + LEASE_MS).await?;
        let Some(mut checkpoint) = held else { return Ok(()) };
        walked.held = true;
        let Some(resource) = resource else {
            return match &*due.resource {
                REAUTH => self.ask_again(checkpoint, deadline_ms).await,
                _ => self.finish_uninstall(checkpoint, deadline_ms).await,
            };
        };
        if resource == Resource::DataEvents && !self.config.data_events {
            return self.leave(checkpoint).await;
        }
        let until = deadline_ms.saturating_sub(MARGIN_MS);
        let client = match self.access.open(&due.workspace, Priority::Backfill, until).await? {
            Opening::Open(client) => client,
            // The uninstall's own unit asks whether the token still works.
            Opening::Stopped(Status::UninstallPending) => return self.postpone(checkpoint).await,
            Opening::Stopped(Status::NeedsReauth) => {
                let first = self.clock.now_seconds().saturating_add(reauth::FIRST_SECONDS);
                self.checkpoints.ensure(&due.workspace, REAUTH, first).await?;
                return self.block(checkpoint).await;
            }
            Opening::Stopped(_) | Opening::Unknown => return self.block(checkpoint).await,
        };
        let shape = self.config.settings.shape();
        let mut listed = None;
        if !checkpoint.begun {
            checkpoint = walk::begin(checkpoint, resource, self.plan(&shape));
            self.checkpoints.begin(&checkpoint, self.clock.now_ms() + LEASE_MS).await?;
            if checkpoint.purpose != Purpose::Older {
                checkpoint.dirty_since = None;
            }
        }
        loop {
            let step = match checkpoint.stage {
                _ if resource == Resource::DataEvents => self.read_events(&client, &checkpoint).await,
                Stage::List => self.read_page(&client, checkpoint.clone(), resource).await,
                Stage::Count => self.count(&client, &checkpoint, resource).await,
                Stage::Confirm => self.confirm(&client, &checkpoint, resource, &mut listed).await,
                Stage::Apply => self.remove_gone(&client, &checkpoint, resource).await,
            };
            let Step { checkpoint: after, written } = match step {
                Ok(step) => step,
                Err(StepError::Api(error)) => return self.no_page(checkpoint, resource, &client, &error, walked).await,
                Err(StepError::Own(error)) => return Err(error),
            };
            checkpoint = after;
            walked.pages += 1;
            walked.written += written;
            checkpoint.rate_used = client.rate_used();
            self.count_page(&checkpoint, resource, written);
            if checkpoint.phase == Phase::Idle {
                tracing::info!(workspace = %checkpoint.workspace, resource = resource.path(), purpose = checkpoint.purpose.as_str(), pages = checkpoint.pages, seen = checkpoint.seen, written = checkpoint.written, "walked to the end");
                self.checkpoints.release(&checkpoint).await?;
                return self.follow(&checkpoint, resource).await;
            }
            if self.clock.now_ms() > deadline_ms.saturating_sub(MARGIN_MS) {
                checkpoint.next_run_at = Some(walk::goes_on_at(&checkpoint, resource, self.clock.now_seconds()));
                return Ok(self.checkpoints.release(&checkpoint).await?);
            }
            self.checkpoints.save(&checkpoint, self.clock.now_ms() + LEASE_MS).await?;
        }
    }

    /// What an operator chose, and the time.
    pub(crate) fn plan<'a>(&self, shape: &'a str) -> Plan<'a> {
        let now = self.clock.now_seconds();
        Plan {
            now,
            floor: walk::floor(now, self.config.backfill_days, self.config.settings.retention_days),
            shape,
            revisit_seconds: i64::from(self.config.reconcile_minutes) * 60,
            sweep_seconds: i64::from(self.config.sweep_days) * 86_400,
        }
    }

    /// One page of what Intercom lists.
    async fn read_page(
        &self,
        client: &Client,
        mut checkpoint: Checkpoint,
        resource: Resource,
    ) -> Result<Step, StepError> {
        let (mut since, mut until) = (checkpoint.since, None);
        if resource.is_windowed() {
            checkpoint.window = walk::current_window(&checkpoint);
            (since, until) = (checkpoint.window.and_then(|w| w.from), checkpoint.window.map(|w| w.to));
        } else if checkpoint.purpose == Purpose::Older {
            until = checkpoint.until;
        }
        let shape = self.config.settings.shape();
        if walk::asks_total(&checkpoint, resource, self.plan(&shape)) {
            // Only for a comparison: no page waits for it.
            checkpoint.census.total = client.total(resource).await.unwrap_or_default();
        }
        let per_page = checkpoint.trail.per_page;
        let request = PageRequest { resource, cursor: checkpoint.cursor.as_deref(), since, until, per_page };
        let page = client.page(request).await.map_err(StepError::Api)?;
        let written = self.keep(client, &checkpoint, resource, &page).await?;
        // Kept, but not followed.
        if let Some(what) = walk::oddity(&checkpoint, resource, &page) {
            return Err(StepError::Api(ApiError::Unexpected { what }));
        }
        Ok(Step { checkpoint: walk::after_page(checkpoint, resource, &page, written, self.plan(&shape)), written })
    }

    /// The data events of contacts are read after the contacts, where they are wanted.
    async fn follow(&self, checkpoint: &Checkpoint, resource: Resource) -> Result<(), BackfillError> {
        if resource == Resource::Contacts && self.config.data_events {
            let now = self.clock.now_seconds();
            self.checkpoints.ensure(&checkpoint.workspace, Resource::DataEvents.path(), now).await?;
        }
        Ok(())
    }

    fn count_page(&self, checkpoint: &Checkpoint, resource: Resource, written: u64) {
        let now_ms = self.clock.now_ms();
        let of = [("resource", resource.path()), ("purpose", checkpoint.purpose.as_str())];
        self.metrics.count("PagesRead", 1, &of, now_ms);
        if written > 0 {
            self.metrics.count("ObjectsWritten", written, &of, now_ms);
        }
    }

    /// A page could not be had: note it, give the lease back, come again later.
    async fn no_page(
        &self,
        checkpoint: Checkpoint,
        resource: Resource,
        client: &Client,
        error: &ApiError,
        walked: &mut Walked,
    ) -> Result<(), BackfillError> {
        let now = self.clock.now_seconds();
        let is_refusal = matches!(error, ApiError::Unauthorized { .. });
        let is_refused = is_refusal && self.access.refused(&checkpoint.workspace, client, error).await?;
        if is_refused {
            self.metrics.count("TokensRefused", 1, &[], self.clock.now_ms());
        }
        let checkpoint = if is_refusal && !is_refused {
            // The next run sees what the installation says by then.
            walk::after_old_token(checkpoint, error, now)
        } else {
            walk::after_failure(checkpoint, resource, error, now)
        };
        walked.failed = checkpoint.failures > 0;
        tracing::warn!(%error, workspace = %checkpoint.workspace, resource = checkpoint.resource, next_run_at = checkpoint.next_run_at, "no page");
        Ok(self.checkpoints.release(&checkpoint).await?)
    }

    /// Nothing can be said now; the next tick but one asks again.
    pub(crate) async fn postpone(&self, mut checkpoint: Checkpoint) -> Result<(), BackfillError> {
        checkpoint.next_run_at = Some(self.clock.now_seconds().saturating_add(POSTPONE_SECONDS));
        Ok(self.checkpoints.release(&checkpoint).await?)
    }

    /// Nobody wants it any more: a day later it is asked again.
    async fn leave(&self, mut checkpoint: Checkpoint) -> Result<(), BackfillError> {
        checkpoint.phase = Phase::Idle;
        checkpoint.begun = false;
        checkpoint.next_run_at = Some(self.clock.now_seconds().saturating_add(86_400));
        Ok(self.checkpoints.release(&checkpoint).await?)
    }

    /// No call may be made: the checkpoint waits for a new installation, which wakes it.
    async fn block(&self, mut checkpoint: Checkpoint) -> Result<(), BackfillError> {
        checkpoint.phase = Phase::Blocked;
        checkpoint.last_error = Some("the workspace is not connected: connect it again".to_owned());
        Ok(self.checkpoints.release(&checkpoint).await?)
    }
}
