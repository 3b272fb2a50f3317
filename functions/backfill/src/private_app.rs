//! Private-app mode: no OAuth, one workspace, its token in the credentials secret. The workspace registers itself.

use intercom::{
    Timestamp,
    client::{Resource, region_base},
};
use platform::{cipher::TokenCipher, credentials::CredentialsSource};
use store::{
    installation::{Installation, Status, StoredToken},
    queue::Queue,
};

use crate::{Backfill, BackfillError};

impl<Q: Queue, C: TokenCipher, S: CredentialsSource> Backfill<Q, C, S> {
    /// Makes sure that the token's workspace is installed and that all its checkpoints exist. One call to Intercom and a
    /// few reads a tick, and only where the mode is in use.
    pub(crate) async fn register_private_app(&self, deadline_ms: i64) -> Result<(), BackfillError> {
        let credentials = self.access.credentials.current().await;
        let Some(token) = credentials.private_token() else { return Ok(()) };
        let me = self.access.client_for(token.clone(), deadline_ms).me().await.map_err(BackfillError::PrivateApp)?;
        if !self.config.allowed.allows(&me.workspace) {
            return Err(BackfillError::NotAllowed(me.workspace));
        }
        let stored = self.access.installations.get(&me.workspace).await?;
        if stored.as_ref().is_some_and(|i| i.status == Status::Active && i.token == StoredToken::Private) {
            return Ok(());
        }
        let now = self.clock.now_seconds();
        let base = self.access.base();
        let is_default = base.host_str() == Some("api.intercom.io");
        let regional = region_base(me.region.as_deref()).filter(|_| is_default).map(str::to_owned);
        // Checkpoints first: an installation without them would never be looked at again.
        for resource in Resource::ALL {
            self.checkpoints.make_due(&me.workspace, resource.path(), now).await?;
        }
        let installation = Installation {
            workspace: me.workspace.clone(),
            name: me.name,
            region: me.region,
            api_base_url: regional.unwrap_or_else(|| base.to_string()),
            public_base_url: None,
            token: StoredToken::Private,
            status: Status::Active,
            installed_at: now,
            changed_at: now,
            last_event_at: None,
        };
        self.access.installations.put(&installation).await?;
        if stored.is_some_and(|before| before.status == Status::Uninstalled) {
            // While it was uninstalled, messages were dropped unread: the next walk compares everything.
            for resource in Resource::ALL {
                self.checkpoints.mark_dirty(&me.workspace, resource.path(), Timestamp::EPOCH).await?;
            }
        }
        tracing::info!(workspace = %me.workspace, "registered in private-app mode");
        Ok(())
    }
}
