//! The end of an installation, as far as it does not end at once: a notice that could not be checked when it came, and
//! the purge a day later.

use intercom::{
    client::{ApiError, Resource},
    rate::Priority,
};
use platform::{cipher::TokenCipher, credentials::CredentialsSource};
use store::{
    checkpoint::{Checkpoint, Phase, REAUTH},
    installation::{Installation, Status},
    purge::{Purge, Purged},
    queue::Queue,
};

use crate::{
    Backfill, BackfillError,
    unit::{LEASE_MS, MARGIN_MS},
};

/// How long a workspace may come back before its memory is purged, in seconds.
const PURGE_AFTER_SECONDS: i64 = 24 * 3600;

impl<Q: Queue, C: TokenCipher, S: CredentialsSource> Backfill<Q, C, S> {
    /// Goes on with an uninstall from whatever the installation's status is now. Every status may be met: the workspace
    /// can come back at any time.
    pub(crate) async fn finish_uninstall(&self, checkpoint: Checkpoint, deadline_ms: i64) -> Result<(), BackfillError> {
        let workspace = &checkpoint.workspace;
        let now = self.clock.now_seconds();
        let Some(mut installation) = self.access.installations.get(workspace).await? else {
            return self.close(checkpoint).await;
        };
        if installation.status == Status::UninstallPending {
            let change = |to| self.access.installations.change_status(workspace, Status::UninstallPending, to, now);
            match self.still_works(&installation, deadline_ms).await? {
                None => return self.postpone(checkpoint).await,
                Some(true) => {
                    if change(Status::Active).await? {
                        // Those that found the token refused earlier would otherwise never be looked at again.
                        for resource in Resource::ALL {
                            self.checkpoints.make_due(workspace, resource.path(), now).await?;
                        }
                    }
                    return self.close(checkpoint).await;
                }
                Some(false) => {
                    if change(Status::Uninstalled).await? {
                        tracing::info!(%workspace, "uninstalled");
                        installation.changed_at = now;
                        installation.status = Status::Uninstalled;
                    }
                }
            }
        }
        match (&self.purge, installation.status) {
            (Some(purge), Status::Uninstalled) => {
                self.purge(purge, checkpoint, installation.changed_at, deadline_ms).await
            }
            _ => self.close(checkpoint).await,
        }
    }

    /// Whether Intercom still takes the token; `None` where that cannot be told now.
    pub(crate) async fn still_works(
        &self,
        installation: &Installation,
        deadline_ms: i64,
    ) -> Result<Option<bool>, BackfillError> {
        let deadline_ms = deadline_ms.saturating_sub(MARGIN_MS);
        let Some(client) = self.access.client(installation, Priority::Backfill, deadline_ms).await? else {
            return Ok(Some(false));
        };
        Ok(match client.me().await {
            // Without the permission for `/me` the token is none the less accepted.
            Ok(_) | Err(ApiError::Forbidden { .. }) => Some(true),
            Err(ApiError::Unauthorized { .. }) => Some(false),
            Err(_) => None,
        })
    }

    /// Removes the memory of the workspace page by page, from wherever the last run stopped.
    async fn purge(
        &self,
        purge: &Purge,
        mut unit: Checkpoint,
        uninstalled_at: i64,
        deadline_ms: i64,
    ) -> Result<(), BackfillError> {
        let workspace = unit.workspace.clone();
        let due_at = uninstalled_at.saturating_add(PURGE_AFTER_SECONDS);
        if self.clock.now_seconds() < due_at {
            unit.phase = Phase::Idle;
            unit.next_run_at = Some(due_at);
            return Ok(self.checkpoints.release(&unit).await?);
        }
        if !unit.begun {
            // Whoever comes back from now on reads everything anew.
            let mut units = Resource::ALL.map(Resource::path).to_vec();
            units.push(REAUTH);
            if !purge.forget_checkpoints(&workspace, &units).await? {
                return self.close(unit).await;
            }
            unit.begun = true;
            unit.phase = Phase::Running;
        }
        loop {
            let (items, next) = match purge.step(&workspace, unit.cursor.as_deref()).await? {
                Purged::Items { items, next } => (items, next),
                Purged::CameBack => return self.close(unit).await,
            };
            let now_ms = self.clock.now_ms();
            self.metrics.count("ItemsPurged", items as u64, &[("workspace", workspace.as_str())], now_ms);
            unit.pages = unit.pages.saturating_add(1);
            unit.written = unit.written.saturating_add(items as u64);
            unit.cursor = next;
            if unit.cursor.is_none() {
                self.access.installations.mark_purged(&workspace, self.clock.now_seconds()).await?;
                tracing::info!(%workspace, items = unit.written, "purged");
                return self.close(unit).await;
            }
            if now_ms > deadline_ms.saturating_sub(MARGIN_MS) {
                unit.next_run_at = Some(self.clock.now_seconds());
                return Ok(self.checkpoints.release(&unit).await?);
            }
            self.checkpoints.save(&unit, now_ms.saturating_add(LEASE_MS)).await?;
        }
    }

    /// Nothing is left to do until whoever makes such a unit begins anew.
    pub(crate) async fn close(&self, mut unit: Checkpoint) -> Result<(), BackfillError> {
        unit.phase = Phase::Blocked;
        unit.begun = false;
        unit.cursor = None;
        unit.pages = 0;
        unit.written = 0;
        unit.generation = unit.generation.saturating_add(1);
        Ok(self.checkpoints.release(&unit).await?)
    }
}
