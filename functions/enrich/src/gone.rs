//! What is gone, or is said to be.
//!
//! Erasing cannot be undone, so it takes two voices: somebody says that the thing was deleted, and Intercom no longer serves
//! it. A fetch alone that finds nothing makes it `absent`, which a later fetch undoes; and of many such fetches in one hour
//! the rest waits, as Intercom, or something on the way to it, is more likely at fault.

use intercom::{
    Timestamp, WorkspaceId,
    client::{ApiError, Client},
};
use memory::{EntityRef, EntityType};
use platform::{cipher::TokenCipher, credentials::CredentialsSource};
use store::{
    absences::Absences,
    memory_table::{Claim, Head, NOT_FOUND, TombstoneKind},
    queue::Queue,
};

use crate::{
    Enrich,
    batch::Want,
    error::EnrichError,
    outcome::{Deferral, Outcome, usual_delay_ms},
    resource_of,
    thing::LAG_TRIES,
};

/// How long a deletion waits for an Intercom that cannot be asked: then it is believed (milliseconds).
const BELIEVED_AFTER_MS: i64 = 15 * 60 * 1000;

/// Things of one workspace that fetches alone may make absent in one hour.
pub(crate) const MOST_ABSENT: u32 = 50;

/// A deletion that a notification tells of.
pub(crate) struct Deletion {
    pub(crate) entity: EntityRef,
    /// When Intercom said so.
    pub(crate) at: Timestamp,
    pub(crate) reason: String,
    /// How often the message was put off, and since when (milliseconds since 1970; 0 where it never was).
    pub(crate) deferrals: u32,
    pub(crate) put_off_since_ms: i64,
}

/// Whether Intercom still serves a thing.
enum Served {
    Yes,
    No,
    /// It cannot be asked now.
    Unknown(&'static str),
}

impl<Q: Queue, C: TokenCipher, S: CredentialsSource> Enrich<Q, C, S> {
    /// Erases what is said to be deleted, once Intercom no longer serves it; and the other half of a customer's ticket, which
    /// is a conversation and a ticket under one id.
    pub(crate) async fn erase(&self, client: Option<&Client>, deletion: &Deletion) -> Result<Outcome, EnrichError> {
        let outcome = self.erase_one(client, &deletion.entity, deletion, true).await?;
        let Some(twin) = twin_of(&deletion.entity).filter(|_| outcome == Outcome::Done) else { return Ok(outcome) };
        match self.memory.head(&twin).await? {
            Some(_) => self.erase_one(client, &twin, deletion, false).await,
            None => Ok(outcome),
        }
    }

    async fn erase_one(
        &self,
        client: Option<&Client>,
        entity: &EntityRef,
        deletion: &Deletion,
        is_named: bool,
    ) -> Result<Outcome, EnrichError> {
        let is_erased = self.memory.head(entity).await?.is_some_and(|head| head.is_erased());
        if !is_erased {
            match self.is_served(client, entity).await? {
                Served::No => {}
                Served::Yes if !is_named => return Ok(Outcome::Done),
                Served::Yes => return Ok(self.doubt(entity, deletion)),
                Served::Unknown(cause) => {
                    if let Some(wait) = self.until_believed(deletion, cause) {
                        return Ok(wait);
                    }
                }
            }
        }
        self.bury(entity, TombstoneKind::Erased, deletion.at, &deletion.reason).await
    }

    async fn is_served(&self, client: Option<&Client>, entity: &EntityRef) -> Result<Served, EnrichError> {
        let (Some(client), Some(resource)) = (client, resource_of(entity.entity_type)) else {
            return Ok(Served::Unknown("workspace not connected"));
        };
        Ok(match client.object(resource, &entity.id).await {
            Ok(_) | Err(ApiError::TooLarge { .. }) => Served::Yes,
            Err(ApiError::NotFound | ApiError::Merged { .. }) => Served::No,
            Err(error @ ApiError::Unauthorized { .. }) => {
                self.token_refused(client, &entity.workspace, &error).await?;
                Served::Unknown("token refused")
            }
            Err(ApiError::NotNow(_)) => Served::Unknown("Intercom cannot be asked about a deletion"),
            Err(error) => {
                tracing::warn!(workspace = %entity.workspace, entity = %entity.entity_type, %error, "a deletion cannot be asked about");
                Served::Unknown("Intercom cannot be asked about a deletion")
            }
        })
    }

    /// Intercom serves what it said to be deleted. Its own view may lag; in the end the notification is not believed.
    fn doubt(&self, entity: &EntityRef, deletion: &Deletion) -> Outcome {
        if deletion.deferrals < LAG_TRIES {
            return Deferral::because("still served");
        }
        tracing::error!(workspace = %entity.workspace, entity = %entity.entity_type, id = entity.id, reason = deletion.reason, "said to be deleted, but Intercom serves it: nothing is erased");
        self.metrics.count("ErasuresDoubted", 1, &[], self.clock.now_ms());
        Outcome::Dropped("still served")
    }

    /// `None` where Intercom could not be asked for long enough.
    fn until_believed(&self, deletion: &Deletion, cause: &'static str) -> Option<Outcome> {
        let now_ms = self.clock.now_ms();
        let since_ms = if deletion.put_off_since_ms > 0 { deletion.put_off_since_ms } else { now_ms };
        let believed_at = since_ms.saturating_add(BELIEVED_AFTER_MS);
        let next = now_ms.saturating_add(usual_delay_ms(deletion.deferrals)).min(believed_at);
        (believed_at > now_ms).then_some(Outcome::Deferred(Deferral { cause, not_before_ms: Some(next) }))
    }

    /// Puts a tombstone, and has everything that names the one who is gone follow.
    pub(crate) async fn bury(
        &self,
        entity: &EntityRef,
        kind: TombstoneKind,
        at: Timestamp,
        reason: &str,
    ) -> Result<Outcome, EnrichError> {
        let claim: Claim = self.memory.claim(entity).await?;
        let buried = self.memory.bury(entity, kind, at, claim, reason).await?;
        match (kind, entity.entity_type) {
            // Always, not only where the tombstone is new: the try before may have got no further than that.
            (TombstoneKind::Erased, EntityType::Contact | EntityType::Company) => self.erase_everywhere(entity).await?,
            (
                TombstoneKind::Absent,
                EntityType::Contact | EntityType::Company | EntityType::Admin | EntityType::Team,
            ) => {
                self.revise_later(entity).await?;
            }
            _ => {}
        }
        tracing::info!(workspace = %entity.workspace, entity = %entity.entity_type, id = entity.id, kind = kind.as_str(), buried, "gone");
        Ok(Outcome::Done)
    }

    /// Intercom does not have it. What was known is absent; what was never seen may be too new to be served.
    pub(crate) async fn not_found(
        &self,
        entity: &EntityRef,
        wants: &[Want],
        stored: Option<&Head>,
    ) -> Result<Vec<(usize, Outcome)>, EnrichError> {
        let each = |outcome: Outcome| wants.iter().map(|want| (want.record, outcome.clone())).collect::<Vec<_>>();
        if stored.is_some_and(|head| head.tombstone.is_some()) {
            return Ok(each(Outcome::Done));
        }
        if stored.is_some() || wants.iter().any(|want| want.updated_at.is_some()) {
            if let Some(wait) = self.too_much_absent(&entity.workspace).await? {
                return Ok(each(wait));
            }
            self.bury(entity, TombstoneKind::Absent, self.now(), NOT_FOUND).await?;
            return Ok(each(Outcome::Done));
        }
        let outcome = |want: &Want| {
            if want.deferrals < LAG_TRIES { Deferral::because("not found yet") } else { Outcome::Dropped("not found") }
        };
        Ok(wants.iter().map(|want| (want.record, outcome(want))).collect())
    }

    /// One more is about to become absent. Gives why it has to wait where it are too many in this hour.
    pub(crate) async fn too_much_absent(&self, workspace: &WorkspaceId) -> Result<Option<Outcome>, EnrichError> {
        let now = self.clock.now_seconds();
        if self.absences.count(workspace, now).await? <= MOST_ABSENT {
            return Ok(None);
        }
        tracing::error!(%workspace, most = MOST_ABSENT, "Intercom does not serve far more than can be gone: the rest waits for the next hour");
        self.metrics.count("AbsencesStopped", 1, &[], self.clock.now_ms());
        let not_before_ms = Some(Absences::next_hour(now).saturating_mul(1000));
        Ok(Some(Outcome::Deferred(Deferral { cause: "too much not found", not_before_ms })))
    }
}

/// The other half of a customer's ticket: Intercom keeps it as a conversation and as a ticket, both under one id.
pub(crate) fn twin_of(entity: &EntityRef) -> Option<EntityRef> {
    let other = match entity.entity_type {
        EntityType::Conversation => EntityType::Ticket,
        EntityType::Ticket => EntityType::Conversation,
        _ => return None,
    };
    Some(EntityRef::new(&entity.workspace, other, &entity.id))
}
