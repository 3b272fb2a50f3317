//! A workspace whose token was refused, and later: an authorisation service that has a bad minute refuses good tokens too, and
//! nobody should have to connect ten thousand workspaces by hand for it.

use intercom::client::Resource;
use platform::{cipher::TokenCipher, credentials::CredentialsSource};
use store::{
    checkpoint::{Checkpoint, Phase},
    installation::Status,
    queue::Queue,
};

use crate::{Backfill, BackfillError};

/// When it is asked first, in seconds after the first checkpoint has found the workspace stopped: within the hour, as that
/// takes up to a quarter of one.
pub(crate) const FIRST_SECONDS: i64 = 40 * 60;

/// After that as long again as it has been refused, between an hour and a day, in seconds.
const SHORTEST_SECONDS: i64 = 3600;
const LONGEST_SECONDS: i64 = 86_400;

impl<Q: Queue, C: TokenCipher, S: CredentialsSource> Backfill<Q, C, S> {
    /// Asks `/me` whether the token is taken again; where it is, every walk goes on from where it stood.
    pub(crate) async fn ask_again(&self, mut unit: Checkpoint, deadline_ms: i64) -> Result<(), BackfillError> {
        let workspace = unit.workspace.clone();
        let now = self.clock.now_seconds();
        let installation = self.access.installations.get(&workspace).await?;
        let Some(installation) = installation.filter(|i| i.status == Status::NeedsReauth) else {
            return self.close(unit).await;
        };
        if self.still_works(&installation, deadline_ms).await? != Some(true) {
            let refused_for = now.saturating_sub(installation.changed_at);
            unit.phase = Phase::Idle;
            unit.next_run_at = Some(now.saturating_add(refused_for.clamp(SHORTEST_SECONDS, LONGEST_SECONDS)));
            return Ok(self.checkpoints.release(&unit).await?);
        }
        let installations = &self.access.installations;
        if installations.change_status(&workspace, Status::NeedsReauth, Status::Active, now).await? {
            tracing::info!(%workspace, "the token is taken again");
            self.metrics.count("TokensTakenAgain", 1, &[], self.clock.now_ms());
        }
        // Also where a run before this one was killed between the two: `close` comes last.
        for resource in Resource::ALL {
            self.checkpoints.make_due(&workspace, resource.path(), now).await?;
        }
        self.close(unit).await
    }
}
