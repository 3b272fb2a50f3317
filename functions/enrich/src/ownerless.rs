//! Notifications that do not say whose they are. Of all topics only `content_stat.series` is known to come bare, without
//! an envelope and so without `app_id`. Where only one workspace can be meant, it is that one's; otherwise a person has
//! to say, and the message waits among the dead letters.

use std::sync::{Mutex, PoisonError};

use intercom::{WorkspaceId, client::ApiError};
use platform::{cipher::TokenCipher, config::AllowedWorkspaces, credentials::CredentialsSource};
use secrecy::{ExposeSecret, SecretString};
use store::{message::Message, queue::Queue};

use crate::{
    Enrich,
    batch::{MARGIN_MS, Record},
    error::EnrichError,
};

/// Whose a notification is that names no workspace: the only entry of `ALLOWED_WORKSPACES`, or the workspace of the
/// private app's token. That only one workspace happens to be installed at the moment is not enough: the message may be
/// of one that was uninstalled meanwhile.
#[derive(Default)]
pub struct Owner {
    allowed: AllowedWorkspaces,
    /// Asked of Intercom once for each token.
    found: Mutex<Option<(SecretString, WorkspaceId)>>,
}

impl Owner {
    /// Who may install, as the environment says.
    pub fn new(allowed: AllowedWorkspaces) -> Self {
        Self { allowed, found: Mutex::default() }
    }

    fn of_token(&self, token: &SecretString) -> Option<WorkspaceId> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, workspace) = found.as_ref().filter(|(of, _)| of.expose_secret() == token.expose_secret())?;
        Some(workspace.clone())
    }
}

impl<Q: Queue, C: TokenCipher, S: CredentialsSource> Enrich<Q, C, S> {
    /// Gives each ownerless notification its workspace, or makes it a failure that says what to do.
    pub(crate) async fn adopt(&self, records: &mut [Record], deadline_ms: i64) {
        let is_ownerless =
            |record: &Record| matches!(&record.message, Ok(Message::Notification(n)) if n.workspace.is_none());
        if !records.iter().any(is_ownerless) {
            return;
        }
        let owner = self.only_workspace(deadline_ms).await;
        for record in records.iter_mut().filter(|record| is_ownerless(record)) {
            match (&owner, &mut record.message) {
                (Ok(owner), Ok(Message::Notification(notification))) => notification.workspace = Some(owner.clone()),
                (Err(EnrichError::Broken(error)), message) => *message = Err(error.clone()),
                // It stays without one, and waits.
                _ => {}
            }
        }
    }

    async fn only_workspace(&self, deadline_ms: i64) -> Result<WorkspaceId, EnrichError> {
        if let Some(workspace) = self.owner.allowed.only() {
            return Ok(workspace.clone());
        }
        let credentials = self.access.credentials.current().await;
        let token = credentials.private_token().ok_or_else(|| {
            EnrichError::broken(
                "the notification names no workspace, and several may be installed: to have it taken up, set \
                 AllowedWorkspaces to the one it belongs to, then redrive the dead-letter queue",
            )
        })?;
        if let Some(workspace) = self.owner.of_token(token) {
            return Ok(workspace);
        }
        let me = self.access.client_for(token.clone(), deadline_ms.saturating_sub(MARGIN_MS)).me().await;
        let me = me.map_err(|error| {
            let text = format!("whose the notification is cannot be asked: {error}");
            if matches!(error, ApiError::NotNow(_)) { EnrichError::Away(text) } else { EnrichError::Broken(text) }
        })?;
        *self.owner.found.lock().unwrap_or_else(PoisonError::into_inner) = Some((token.clone(), me.workspace.clone()));
        Ok(me.workspace)
    }
}
