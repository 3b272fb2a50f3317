//! Making what a page holds durable: what it holds in full is written, what needs another call is queued.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use intercom::{
    Timestamp, WorkspaceId,
    client::{ApiError, Client, Page, Resource},
    notification::id_text,
};
use memory::{EntityRef, EntityType, transform};
use platform::{cipher::TokenCipher, credentials::CredentialsSource};
use serde_json::Value;
use store::{
    checkpoint::{Checkpoint, Purpose},
    memory_table::{Claim, Head, TombstoneKind, UNPUBLISHED, Written, is_withdrawn},
    message::{Message, REVISE_AFTER, Refetch, Walk},
    queue::Queue,
    sweep::SweepOf,
};

use crate::{Backfill, BackfillError, sweep::Answer, unit::StepError, walk};

/// Objects of one page that are written at once.
const CONCURRENCY: usize = 8;

/// The sweep that a checkpoint is in.
pub(crate) fn sweep_of(checkpoint: &Checkpoint) -> SweepOf<'_> {
    SweepOf { workspace: &checkpoint.workspace, resource: &checkpoint.resource, generation: checkpoint.generation }
}

/// What a page lists, each once, and when it last changed.
fn listed_on<'a>(
    page: &'a Page,
    workspace: &WorkspaceId,
    resource: Resource,
) -> BTreeMap<EntityRef, (&'a Value, Option<Timestamp>)> {
    let mut listed = BTreeMap::new();
    for item in &page.items {
        let Some(id) = item.get("id").and_then(id_text) else {
            tracing::warn!(%workspace, resource = resource.path(), "an object without an id was passed over");
            continue;
        };
        let updated_at = item.get(resource.changed_field()).and_then(Timestamp::from_value);
        listed.insert(EntityRef::new(workspace, entity_type_of(resource), id), (item, updated_at));
    }
    listed
}

impl<Q: Queue, C: TokenCipher, S: CredentialsSource> Backfill<Q, C, S> {
    /// Makes everything of a page durable. Gives the number of objects written or queued.
    pub(crate) async fn keep(
        &self,
        client: &Client,
        checkpoint: &Checkpoint,
        resource: Resource,
        page: &Page,
    ) -> Result<u64, StepError> {
        let mut listed = listed_on(page, &checkpoint.workspace, resource);
        if checkpoint.purpose == Purpose::Sweep {
            let ids = listed.keys().map(|entity| entity.id.as_str());
            let now = self.clock.now_seconds();
            self.sweeps.note_listed(sweep_of(checkpoint), checkpoint.pages, ids, now).await?;
        }
        let floor =
            walk::floor(self.clock.now_seconds(), self.config.backfill_days, self.config.settings.retention_days);
        listed.retain(|_, (_, updated_at)| updated_at.is_none() || *updated_at >= floor);

        let entities: Vec<EntityRef> = listed.keys().cloned().collect();
        let heads = self.memory.heads(&entities).await?;
        if resource == Resource::DeletedConversations {
            let deleted = listed.into_iter().filter(|(entity, _)| heads.get(entity).is_some_and(|h| !h.is_erased()));
            let deleted = deleted.map(|(entity, (_, deleted_at))| (entity, deleted_at)).collect();
            return self.erase(client, checkpoint, deleted).await;
        }
        let shape = self.config.settings.shape();
        // When the page was asked for.
        let looked_at = self.clock.now_ms().saturating_sub(page.took_ms).div_euclid(1000);
        let mut refetch = Vec::new();
        let mut silent = Vec::new();
        let mut whole = Vec::new();
        for (entity, (item, updated_at)) in listed {
            let head = heads.get(&entity);
            let seen = updated_at.map_or(0, Timestamp::epoch_seconds);
            // Written since this walk began, and met again: a run that was killed may not have come to what follows.
            if let Some(begun) = checkpoint.until
                && head.is_some_and(|head| head.tombstone.is_none() && head.fetched_at >= begun.epoch_seconds())
            {
                self.follow_up(&entity).await?;
            }
            let same = head.filter(|head| updated_at.is_some() && head.updated_at == seen && head.tombstone.is_none());
            // One whose writer did not come to its end: a page does not win over a view of its own time, a fetch does.
            let is_unfinished =
                |head: &Head| resource != Resource::Conversations && head.shape == shape && !head.covers(seen, &shape);
            let differs =
                |head: &Head| checkpoint.purpose == Purpose::Sweep && self.has_changed_silently(&entity, item, head);
            if let Some(head) = same.filter(|head| is_unfinished(head) || differs(head)) {
                silent.push((entity, head));
                continue;
            }
            if head.is_some_and(|head| updated_at.is_some() && head.covers(seen, &shape)) {
                continue;
            }
            if head.is_some_and(|head| head.tombstone.is_some())
                && self.view(&entity, item).is_some_and(|view| is_withdrawn(&view))
            {
                continue;
            }
            // A page is no proof that something which went has come back; a fetch of its own is.
            if resource == Resource::Conversations || head.is_some_and(|head| head.tombstone.is_some()) {
                refetch.push(self.refetch(&entity, seen));
            } else {
                whole.push((entity, item, head));
            }
        }
        let queued = refetch.len() as u64;
        self.queue.send_all(refetch).await?;
        let writes = whole.into_iter().map(|(entity, item, head)| self.write(entity, item, head, looked_at));
        let mut written = queued + self.all(writes).await?;
        for (entity, head) in silent {
            if let Answer::Here(changed) = self.ask(client, &entity, Some(head), resource).await? {
                written += changed;
            }
        }
        Ok(written)
    }

    /// What a writer does after its write, once more.
    async fn follow_up(&self, entity: &EntityRef) -> Result<(), BackfillError> {
        if self.memory.is_named(entity).await? {
            self.revise_later(entity).await?;
        }
        if matches!(entity.entity_type, EntityType::Ticket | EntityType::Contact) {
            self.memory.revise(entity).await?;
        }
        Ok(())
    }

    /// Whether a page shows something else than memory although the time of the last change is the same: a contact's
    /// company that was deleted, say. A page may be older than what is stored, so the thing itself is asked for.
    fn has_changed_silently(&self, entity: &EntityRef, item: &Value, head: &Head) -> bool {
        let is_whole = matches!(entity.entity_type, EntityType::Contact | EntityType::Company | EntityType::Article);
        let shape = self.config.settings.shape();
        is_whole
            && head.tombstone.is_none()
            && self.view(entity, item).is_some_and(|view| head.differs_from(&view, &shape))
    }

    /// Does a few writes at a time; gives how many changed something.
    pub(crate) async fn all(
        &self,
        writes: impl Iterator<Item = impl Future<Output = Result<u64, BackfillError>>>,
    ) -> Result<u64, BackfillError> {
        let writes = stream::iter(writes).buffer_unordered(CONCURRENCY);
        writes.try_fold(0_u64, |sum, written| async move { Ok(sum + written) }).await
    }

    /// Conversations that Intercom lists as deleted and that memory still holds: their webhook was lost. Intercom has to say
    /// so a second time, by not serving the conversation any more; what it serves is fetched instead. With it goes the ticket
    /// of the same id, where that is not served either: a customer's ticket is both.
    async fn erase(
        &self,
        client: &Client,
        checkpoint: &Checkpoint,
        deleted: Vec<(EntityRef, Option<Timestamp>)>,
    ) -> Result<u64, StepError> {
        let mut changed = 0;
        for (entity, deleted_at) in deleted {
            let at = deleted_at.unwrap_or(Timestamp::EPOCH);
            let claim = self.memory.claim(&entity).await?;
            if let Some(seen) = self.served(client, checkpoint, &entity, Resource::Conversations).await? {
                self.queue.send_all(vec![self.refetch(&entity, seen)]).await?;
                tracing::error!(workspace = %entity.workspace, id = entity.id, "listed as deleted, but Intercom serves it: nothing is erased");
                self.metrics.count("ErasuresDoubted", 1, &[], self.clock.now_ms());
                changed += 1;
                continue;
            }
            let ticket = EntityRef::new(&entity.workspace, EntityType::Ticket, &entity.id);
            if self.memory.head(&ticket).await?.is_some_and(|head| !head.is_erased())
                && self.served(client, checkpoint, &ticket, Resource::Tickets).await?.is_none()
            {
                let claim = self.memory.claim(&ticket).await?;
                self.memory.bury(&ticket, TombstoneKind::Erased, at, claim, "listed as deleted").await?;
            }
            let buried = self.memory.bury(&entity, TombstoneKind::Erased, at, claim, "listed as deleted").await?;
            tracing::info!(workspace = %entity.workspace, id = entity.id, buried, "deleted in Intercom");
            changed += u64::from(buried);
        }
        Ok(changed)
    }

    /// The `updated_at` of what Intercom serves all the same; `None` where it does not serve it, or could not be asked for a
    /// quarter of an hour. An error where it cannot be asked yet.
    async fn served(
        &self,
        client: &Client,
        checkpoint: &Checkpoint,
        entity: &EntityRef,
        resource: Resource,
    ) -> Result<Option<i64>, StepError> {
        match client.object(resource, &entity.id).await {
            Ok(object) => {
                let seen = object.get("updated_at").and_then(Timestamp::from_value);
                Ok(Some(seen.map_or(0, Timestamp::epoch_seconds)))
            }
            Err(ApiError::TooLarge { .. }) => Ok(Some(0)),
            Err(ApiError::NotFound | ApiError::Merged { .. }) => Ok(None),
            Err(error) if !walk::is_confirmed(checkpoint.until, self.clock.now_seconds()) => Err(StepError::Api(error)),
            Err(_) => Ok(None),
        }
    }

    fn refetch(&self, entity: &EntityRef, seen_updated_at: i64) -> String {
        Message::Refetch(Refetch {
            workspace: entity.workspace.clone(),
            entity: entity.entity_type.as_str().to_owned(),
            id: entity.id.clone(),
            reason: "backfill".to_owned(),
            seen_updated_at,
            received_at_ms: self.clock.now_ms(),
            deferrals: 0,
            put_off_since_ms: 0,
        })
        .write()
    }

    /// What a page shows of one thing.
    async fn write(
        &self,
        entity: EntityRef,
        item: &Value,
        head: Option<&Head>,
        looked_at: i64,
    ) -> Result<u64, BackfillError> {
        let Some(view) = self.view(&entity, item) else { return Ok(0) };
        let shape = &self.config.settings.shape();
        // What carries no time of change cannot win by one: it is counted like a fetch, but only where it differs.
        let claim = match head {
            Some(head) if item.get("updated_at").and_then(Timestamp::from_value).is_none() => {
                if !head.differs_from(&view, shape) {
                    return Ok(0);
                }
                self.memory.claim(&entity).await?
            }
            _ => Claim::PAGE,
        };
        self.put(&view, claim, head, looked_at).await
    }

    /// `None` where it cannot become memory: one odd object stops no page.
    pub(crate) fn view(&self, entity: &EntityRef, item: &Value) -> Option<memory::View> {
        let settings = self.access.settings_of(&entity.workspace, &self.config.settings);
        transform(&entity.workspace, entity.entity_type, item, &settings)
            .inspect_err(|error| {
                tracing::error!(%error, workspace = %entity.workspace, id = entity.id, "passed over");
            })
            .ok()
    }

    /// Writes the view of a look that began at `looked_at` (epoch seconds).
    pub(crate) async fn put(
        &self,
        view: &memory::View,
        claim: Claim,
        head: Option<&Head>,
        looked_at: i64,
    ) -> Result<u64, BackfillError> {
        let entity = &view.document.entity;
        let shape = self.config.settings.shape();
        if is_withdrawn(view) {
            let Some(_) = head.filter(|head| head.tombstone.is_none()) else { return Ok(0) };
            let claim = if claim == Claim::PAGE { self.memory.claim(entity).await? } else { claim };
            let at = view.document.updated_at;
            return Ok(self.memory.bury(entity, TombstoneKind::Absent, at, claim, UNPUBLISHED).await?.into());
        }
        if !self.memory.keeps(view, self.clock.now_seconds()) {
            return Ok(0);
        }
        let foreseen = self.memory.will_rename(view, head).await?;
        if foreseen {
            self.revise_later(entity).await?;
        }
        let written = self.memory.write(view, claim, &shape, head, looked_at).await?;
        if matches!(written, Written::Stored { renamed: true, .. }) && !foreseen {
            self.revise_later(entity).await?;
        }
        Ok(u64::from(matches!(written, Written::Stored { .. })))
    }

    /// Has everything that repeats a name or the companies of somebody brought up to date.
    pub(crate) async fn revise_later(&self, entity: &EntityRef) -> Result<(), BackfillError> {
        let walk = Message::Walk(Walk::after_rename(entity, self.clock.now_ms()));
        Ok(self.queue.send(walk.write(), REVISE_AFTER).await?)
    }
}

/// What memory calls the things of a resource.
pub(crate) fn entity_type_of(resource: Resource) -> EntityType {
    match resource {
        Resource::Conversations | Resource::DeletedConversations => EntityType::Conversation,
        Resource::Tickets => EntityType::Ticket,
        Resource::Contacts => EntityType::Contact,
        Resource::Companies => EntityType::Company,
        Resource::Articles => EntityType::Article,
        Resource::Admins => EntityType::Admin,
        Resource::Teams => EntityType::Team,
        Resource::Tags => EntityType::Tag,
        Resource::Segments => EntityType::Segment,
        Resource::DataEvents => EntityType::DataEvent,
    }
}
