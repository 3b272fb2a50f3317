//! One thing: fetch it as Intercom holds it, write what it is.

use intercom::{
    Timestamp, WorkspaceId,
    client::{ApiError, Client},
};
use memory::{EntityRef, View, transform};
use platform::{cipher::TokenCipher, credentials::CredentialsSource};
use store::{
    memory_table::{Head, NOT_FOUND, TombstoneKind, Written},
    queue::Queue,
};

use crate::{
    Enrich,
    batch::Want,
    error::EnrichError,
    outcome::{Deferral, Outcome},
    people::Freshness,
    resource_of,
};

/// How often a message is put off because Intercom's view does not yet have what it tells of. The last try writes what
/// the message itself shows.
pub(crate) const LAG_TRIES: u32 = 3;

impl<Q: Queue, C: TokenCipher, S: CredentialsSource> Enrich<Q, C, S> {
    /// Brings one thing up to date for all messages that ask for it, with one fetch or none.
    pub(crate) async fn refresh(&self, client: &Client, entity: &EntityRef, wants: Vec<Want>) -> Vec<(usize, Outcome)> {
        let refreshed = match self.try_refresh(client, entity, &wants).await {
            Ok(outcomes) if wants.iter().any(|want| want.is_again) => self.follow_up(entity).await.map(|()| outcomes),
            refreshed => refreshed,
        };
        match refreshed {
            Ok(outcomes) => outcomes,
            Err(error) => {
                let outcome = Outcome::from(error);
                wants.iter().map(|want| (want.record, outcome.clone())).collect()
            }
        }
    }

    async fn try_refresh(
        &self,
        client: &Client,
        entity: &EntityRef,
        wants: &[Want],
    ) -> Result<Vec<(usize, Outcome)>, EnrichError> {
        let each = |outcome: Outcome| wants.iter().map(|want| (want.record, outcome.clone())).collect::<Vec<_>>();
        let Some(resource) = resource_of(entity.entity_type) else {
            return Ok(each(Outcome::Failed(format!("a {} cannot be fetched", entity.entity_type))));
        };
        let shape = self.settings.shape();
        let stored = self.memory.head(entity).await?;
        if stored.as_ref().is_some_and(|head| wants.iter().all(|want| is_known(head, want, &shape))) {
            return Ok(each(Outcome::Done));
        }
        let claim = self.memory.claim(entity).await?;
        let looked_at = self.clock.now_seconds();
        let object = match client.object(resource, &entity.id).await {
            Ok(object) => object,
            Err(ApiError::NotNow(not_now)) => return Ok(each(Deferral::until_intercom_answers(&not_now))),
            Err(error @ ApiError::Unauthorized { .. }) => {
                return Ok(each(self.token_refused(client, &entity.workspace, &error).await?));
            }
            Err(ApiError::NotFound) => return self.not_found(entity, wants, stored.as_ref()).await,
            Err(ApiError::Merged { survivor }) => {
                match survivor {
                    Some(survivor) => self.merge(entity, &survivor, self.now()).await?,
                    None => {
                        self.bury(entity, TombstoneKind::Absent, self.now(), NOT_FOUND).await?;
                    }
                }
                return Ok(each(Outcome::Done));
            }
            Err(error @ ApiError::Forbidden { .. }) => {
                tracing::error!(workspace = %entity.workspace, entity = %entity.entity_type, %error, "not permitted");
                // The permission, or the plan, may come back: the next walk that is allowed to read looks again.
                let since = wants.iter().filter_map(|want| want.since).min();
                self.mark_dirty(&entity.workspace, &[resource], since).await?;
                return Ok(each(Outcome::Dropped("permission missing")));
            }
            Err(error @ ApiError::TooLarge { .. }) => {
                tracing::error!(workspace = %entity.workspace, entity = %entity.entity_type, id = entity.id, %error, "passed by");
                return Ok(each(Outcome::Dropped("too large")));
            }
            Err(error @ (ApiError::Rejected { .. } | ApiError::Unexpected { .. })) => {
                return Ok(each(Outcome::Failed(error.to_string())));
            }
        };
        let settings = self.access.settings_of(&entity.workspace, &self.settings);
        let view = match transform(&entity.workspace, entity.entity_type, &object, &settings) {
            Ok(view) => view,
            Err(error) => return Ok(each(Outcome::Failed(error.to_string()))),
        };
        let walked = wants.iter().all(|want| want.updated_at.is_some());
        let freshness = if walked { Freshness::AnyAge } else { Freshness::Cached };
        // Somebody who cannot be had is not waited for any longer than a view that lags behind.
        let patient = wants.iter().any(|want| want.deferrals < LAG_TRIES);
        if let Some(wait) = self.acquaint(client, &view, freshness).await?.filter(|_| patient) {
            return Ok(each(wait));
        }
        let written = self.write(&view, claim, stored.as_ref(), looked_at).await?;
        tracing::info!(workspace = %entity.workspace, entity = %entity.entity_type, id = entity.id, ?written, "written");
        let mut outcomes = Vec::new();
        for want in wants {
            outcomes.push((want.record, self.answered(want, &view, written, &shape).await?));
        }
        Ok(outcomes)
    }

    /// Nobody calls until the workspace is connected again. The copies find it stopped, and are left to reconciliation.
    pub(crate) async fn token_refused(
        &self,
        client: &Client,
        workspace: &WorkspaceId,
        error: &ApiError,
    ) -> Result<Outcome, EnrichError> {
        if self.access.refused(workspace, client, error).await? {
            self.metrics.count("TokensRefused", 1, &[], self.clock.now_ms());
        }
        Ok(Deferral::because("token refused"))
    }

    /// Whether a message has what it told of. Intercom's view may lag behind its own webhook.
    async fn answered(&self, want: &Want, view: &View, written: Written, shape: &str) -> Result<Outcome, EnrichError> {
        let lacks_part = want.part.as_ref().is_some_and(|part| !shows(view, &part.id, part.version, part.redacted));
        let lacks_update = want.updated_at.is_some_and(|seen| view.document.updated_at.epoch_seconds() < seen);
        if written == Written::Gone || !(lacks_part || lacks_update) {
            return Ok(Outcome::Done);
        }
        if want.deferrals < LAG_TRIES {
            return Ok(Deferral::because("view not there yet"));
        }
        self.memory.put_shown(&view.document.entity, &want.shown, shape).await?;
        Ok(Outcome::Done)
    }

    pub(crate) fn now(&self) -> Timestamp {
        // Only a clock beyond the year 9999 has no such second.
        Timestamp::from_epoch_seconds(self.clock.now_seconds()).unwrap_or(Timestamp::EPOCH)
    }
}

/// Whether everything that a message asks for is stored already.
fn is_known(head: &Head, want: &Want, shape: &str) -> bool {
    if head.is_final() {
        return true;
    }
    match (&want.part, want.updated_at) {
        (Some(part), _) => head.shape == shape && head.has_part(&part.id, part.version, part.redacted),
        (None, Some(seen)) => head.covers(seen, shape),
        (None, None) => false,
    }
}

/// Whether the view has the part in at least this version.
fn shows(view: &View, part_id: &str, version: Timestamp, redacted: bool) -> bool {
    view.events
        .iter()
        .filter(|event| event.part_id.as_deref() == Some(part_id))
        .any(|event| event.redacted || (!redacted && event.version >= version))
}
