//! Those that a conversation or ticket names: fetched once, and taken as they are stored for a while.

use futures::{StreamExt, stream};
use intercom::{
    Timestamp,
    client::{ApiError, Client},
};
use memory::{EntityRef, EntityType, View, transform};
use platform::{cipher::TokenCipher, credentials::CredentialsSource};
use store::{
    memory_table::{Claim, Head, NOT_FOUND, TombstoneKind, UNPUBLISHED, Written, is_withdrawn},
    queue::Queue,
};

use crate::{
    Enrich,
    error::EnrichError,
    outcome::{Deferral, Outcome},
    resource_of,
};

/// People fetched at once for one conversation.
const CONCURRENCY: usize = 4;

/// How long ago a run can have written that was cut short, in seconds: a message comes again after six minutes at the
/// latest, and five times at most.
const CUT_SHORT_SECONDS: i64 = 40 * 60;

/// How exact the names have to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Whoever is stored is good enough: a backfill walks the contacts themselves too.
    AnyAge,
    /// Whoever is stored longer ago than `CacheMinutes` is fetched again.
    Cached,
}

impl<Q: Queue, C: TokenCipher, S: CredentialsSource> Enrich<Q, C, S> {
    /// Brings the contacts of a view, and their companies, into memory where they are missing or too old. Gives why it has
    /// to wait where somebody is missing and cannot be had now.
    pub(crate) async fn acquaint(
        &self,
        client: &Client,
        view: &View,
        freshness: Freshness,
    ) -> Result<Option<Outcome>, EnrichError> {
        if !matches!(view.document.entity.entity_type, EntityType::Conversation | EntityType::Ticket) {
            return Ok(None);
        }
        let workspace = &view.document.entity.workspace;
        let of = |kind: EntityType| move |entity: &EntityRef| entity.entity_type == kind;
        let named = view.names();
        let contacts: Vec<EntityRef> = named.iter().filter(|e| of(EntityType::Contact)(e)).cloned().collect();
        if let Some(wait) = self.acquaint_with(client, contacts.clone(), freshness).await? {
            return Ok(Some(wait));
        }
        let known = self.memory.known(workspace, contacts.into_iter().collect()).await?;
        let own = named.iter().filter(|e| of(EntityType::Company)(e)).cloned();
        let companies = known.companies(workspace).into_iter().chain(own).collect::<std::collections::BTreeSet<_>>();
        self.acquaint_with(client, companies.into_iter().collect(), freshness).await
    }

    async fn acquaint_with(
        &self,
        client: &Client,
        people: Vec<EntityRef>,
        freshness: Freshness,
    ) -> Result<Option<Outcome>, EnrichError> {
        let heads = self.memory.heads(&people).await?;
        let fetches = people
            .into_iter()
            .map(|entity| (heads.get(&entity), entity))
            .filter(|(head, _)| self.is_to_fetch(*head, freshness))
            .map(|(head, entity)| async move { self.meet(client, &entity, head).await });
        let outcomes: Vec<_> = stream::iter(fetches).buffer_unordered(CONCURRENCY).collect().await;
        let waits = outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(waits.into_iter().flatten().next())
    }

    fn is_to_fetch(&self, head: Option<&Head>, freshness: Freshness) -> bool {
        match head {
            None => true,
            Some(head) if head.tombstone.is_some() => false,
            Some(head) => {
                let until = head.fetched_at.saturating_add(i64::from(self.cache_minutes) * 60);
                freshness == Freshness::Cached && until <= self.clock.now_seconds()
            }
        }
    }

    /// Fetches one. Whoever is stored is good enough where the fetch does not work out.
    async fn meet(
        &self,
        client: &Client,
        entity: &EntityRef,
        head: Option<&Head>,
    ) -> Result<Option<Outcome>, EnrichError> {
        let Some(resource) = resource_of(entity.entity_type) else { return Ok(None) };
        let claim = self.memory.claim(entity).await?;
        let looked_at = self.clock.now_seconds();
        let object = match client.object(resource, &entity.id).await {
            Ok(object) => object,
            Err(ApiError::NotNow(not_now)) => {
                return Ok(head.is_none().then(|| Deferral::until_intercom_answers(&not_now)));
            }
            Err(error @ ApiError::Unauthorized { .. }) => {
                return self.token_refused(client, &entity.workspace, &error).await.map(Some);
            }
            Err(ApiError::NotFound) => {
                if head.is_some() {
                    // Whoever is stored is good enough where too many are not found.
                    if self.too_much_absent(&entity.workspace).await?.is_some() {
                        return Ok(None);
                    }
                    self.revise_later(entity).await?;
                }
                self.memory.bury(entity, TombstoneKind::Absent, self.now(), claim, NOT_FOUND).await?;
                return Ok(None);
            }
            Err(ApiError::Merged { survivor: Some(survivor) }) => {
                self.merge(entity, &survivor, self.now()).await?;
                return Ok(None);
            }
            Err(error) => {
                tracing::warn!(%error, workspace = %entity.workspace, entity = %entity.entity_type, "not acquainted with somebody a conversation names");
                return Ok(None);
            }
        };
        let settings = self.access.settings_of(&entity.workspace, &self.settings);
        let view = match transform(&entity.workspace, entity.entity_type, &object, &settings) {
            Ok(view) => view,
            Err(error) => {
                tracing::warn!(%error, workspace = %entity.workspace, "passed over");
                return Ok(None);
            }
        };
        self.write(&view, claim, head, looked_at).await?;
        Ok(None)
    }

    /// Writes the view of a look that began at `looked_at` (epoch seconds), and sees to what follows from it for others.
    pub(crate) async fn write(
        &self,
        view: &View,
        claim: Claim,
        head: Option<&Head>,
        looked_at: i64,
    ) -> Result<Written, EnrichError> {
        let entity = &view.document.entity;
        if is_withdrawn(view) {
            let at = view.document.updated_at;
            self.memory.bury(entity, TombstoneKind::Absent, at, claim, UNPUBLISHED).await?;
            return Ok(Written::Gone);
        }
        if !self.memory.keeps(view, self.clock.now_seconds()) {
            return Ok(Written::Gone);
        }
        let foreseen = self.memory.will_rename(view, head).await?;
        if foreseen {
            self.revise_later(entity).await?;
        }
        let written = self.memory.write(view, claim, &self.settings.shape(), head, looked_at).await?;
        match written {
            Written::Stored { renamed: true, .. } if !foreseen => self.revise_later(entity).await?,
            Written::Unchanged if matches!(entity.entity_type, EntityType::Contact | EntityType::Company) => {
                self.memory.touch(entity, looked_at).await?;
            }
            _ => {}
        }
        Ok(written)
    }

    /// What a writer does after its writes, once more: a run before this one was cut short, who knows where.
    pub(crate) async fn follow_up(&self, entity: &EntityRef) -> Result<(), EnrichError> {
        // It may have been buried while that run was at work, and nobody else looks behind a tombstone.
        self.memory.finish_burial(entity).await?;
        let Some(stored) = self.memory.stored(entity).await? else { return Ok(()) };
        let mut people: Vec<EntityRef> = stored.view.names().into_iter().collect();
        people.push(entity.clone());
        let heads = self.memory.heads(&people).await?;
        let since = self.clock.now_seconds().saturating_sub(CUT_SHORT_SECONDS);
        for person in people.iter().filter(|person| heads.get(person).is_some_and(|head| head.fetched_at >= since)) {
            if self.memory.is_named(person).await? {
                self.revise_later(person).await?;
            }
        }
        self.memory.revise(entity).await?;
        Ok(())
    }

    /// One contact was merged into another. What is to follow is sent first: it does no harm where the rest fails.
    pub(crate) async fn merge(&self, swallowed: &EntityRef, survivor: &str, at: Timestamp) -> Result<(), EnrichError> {
        self.move_links(swallowed).await?;
        let claim = self.memory.claim(swallowed).await?;
        let merged = self.memory.merge(swallowed, survivor, at, claim).await?;
        tracing::info!(workspace = %swallowed.workspace, id = swallowed.id, survivor, merged, "contact merged");
        Ok(())
    }

    /// Whom a contact swallowed, by the merge history, where the notification does not say.
    pub(crate) async fn merge_by_history(
        &self,
        client: &Client,
        survivor: &EntityRef,
        at: Timestamp,
    ) -> Result<Outcome, EnrichError> {
        let swallowed = match client.merge_history(&survivor.id).await {
            Ok(swallowed) => swallowed,
            Err(ApiError::NotNow(not_now)) => return Ok(Deferral::until_intercom_answers(&not_now)),
            Err(error @ ApiError::Unauthorized { .. }) => {
                return self.token_refused(client, &survivor.workspace, &error).await;
            }
            Err(error) => {
                // The swallowed one answers 410, or 404, as soon as anything asks for it.
                tracing::warn!(%error, workspace = %survivor.workspace, id = survivor.id, "no merge history");
                return Ok(Outcome::Done);
            }
        };
        let entity = |id: &String| EntityRef::new(&survivor.workspace, EntityType::Contact, id);
        let swallowed: Vec<EntityRef> = swallowed.iter().filter(|id| **id != survivor.id).map(entity).collect();
        let heads = self.memory.heads(&swallowed).await?;
        for contact in swallowed.iter().filter(|contact| !heads.get(contact).is_some_and(Head::is_final)) {
            self.merge(contact, &survivor.id, at).await?;
        }
        Ok(Outcome::Done)
    }
}
