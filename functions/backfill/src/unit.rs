//! One checkpoint's walk: the thin shell of I/O around [`crate::walk`].

use std::collections::HashMap;

use access::Opening;
use futures::{TryStreamExt, stream};
use intercom::{
    Timestamp,
    client::{ApiError, Client, Page, PageRequest, Resource},
    notification::id_text,
    rate::Priority,
};
use memory::{EntityRef, EntityType, transform};
use platform::{cipher::TokenCipher, credentials::CredentialsSource};
use serde_json::Value;
use store::{
    checkpoint::{Checkpoint, Due, Phase, UNINSTALL},
    installation::Status,
    memory_table::{Claim, Head, TombstoneKind},
    message::{Message, REVISE_AFTER, Refetch, Walk},
    queue::Queue,
};

use crate::{Backfill, BackfillError, walk};

/// How long a lease lasts, in milliseconds; each page renews it. Longer than one page can take, all waits included.
pub(crate) const LEASE_MS: i64 = 150_000;

/// How long before Lambda's deadline the last page is begun, in milliseconds.
pub(crate) const MARGIN_MS: i64 = 90_000;

/// How long a checkpoint waits while an uninstall notice is being checked, in seconds.
const POSTPONE_SECONDS: i64 = 60;

/// Objects of one page that are written at once.
const CONCURRENCY: usize = 8;

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
            tracing::error!(%error, workspace = %due.workspace, resource = due.resource, "a walk failed; the lease ends by itself");
            self.metrics.count("WalksFailed", 1, &[("resource", &due.resource)], self.clock.now_ms());
        }
        walked
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
        if resource.is_none() && due.resource != UNINSTALL {
            tracing::warn!(resource = due.resource, "a checkpoint of another version of this bundle");
            return Ok(());
        }
        let held = self.checkpoints.acquire(&due.workspace, &due.resource, owner, now_ms, now_ms + LEASE_MS).await?;
        let Some(mut checkpoint) = held else { return Ok(()) };
        walked.held = true;
        let Some(resource) = resource else { return self.finish_uninstall(checkpoint, deadline_ms).await };
        let until = deadline_ms.saturating_sub(MARGIN_MS);
        let client = match self.access.open(&due.workspace, Priority::Backfill, until).await? {
            Opening::Open(client) => client,
            // The uninstall's own unit asks whether the token still works.
            Opening::Stopped(Status::UninstallPending) => return self.postpone(checkpoint).await,
            Opening::Stopped(_) | Opening::Unknown => return self.block(checkpoint).await,
        };
        if !checkpoint.begun {
            let floor = walk::floor(self.clock.now_seconds(), self.config.backfill_days, self.config.retention_days);
            checkpoint = walk::begin(checkpoint, resource, floor);
            self.checkpoints.begin(&checkpoint, self.clock.now_ms() + LEASE_MS).await?;
            checkpoint.dirty_since = None;
        }
        loop {
            let request = PageRequest { resource, cursor: checkpoint.cursor.as_deref(), since: checkpoint.since };
            let page = match client.page(request).await {
                Ok(page) => page,
                Err(error) => return self.no_page(checkpoint, &client, &error, walked).await,
            };
            let (written, newest) = self.keep(&checkpoint, resource, &page).await?;
            walked.pages += 1;
            walked.written += written;
            let now = self.clock.now_seconds();
            checkpoint = walk::after_page(checkpoint, &page, newest, written, now);
            checkpoint.rate_used = client.rate_used();
            self.metrics.count("PagesRead", 1, &[("resource", resource.path())], self.clock.now_ms());
            if checkpoint.phase == Phase::Idle {
                tracing::info!(workspace = %checkpoint.workspace, resource = resource.path(), pages = checkpoint.pages, seen = checkpoint.seen, written = checkpoint.written, "walked to the end");
                return Ok(self.checkpoints.release(&checkpoint).await?);
            }
            if self.clock.now_ms() > deadline_ms.saturating_sub(MARGIN_MS) {
                checkpoint.next_run_at = Some(now);
                return Ok(self.checkpoints.release(&checkpoint).await?);
            }
            self.checkpoints.save(&checkpoint, self.clock.now_ms() + LEASE_MS).await?;
        }
    }

    /// A page could not be had: note it, give the lease back, come again later.
    async fn no_page(
        &self,
        checkpoint: Checkpoint,
        client: &Client,
        error: &ApiError,
        walked: &mut Walked,
    ) -> Result<(), BackfillError> {
        if matches!(error, ApiError::Unauthorized { .. })
            && self.access.refused(&checkpoint.workspace, client, error).await?
        {
            self.metrics.count("TokensRefused", 1, &[], self.clock.now_ms());
        }
        let checkpoint = walk::after_failure(checkpoint, error, self.clock.now_seconds());
        walked.failed = checkpoint.failures > 0;
        tracing::warn!(%error, workspace = %checkpoint.workspace, resource = checkpoint.resource, next_run_at = checkpoint.next_run_at, "no page");
        Ok(self.checkpoints.release(&checkpoint).await?)
    }

    /// Nothing can be said now; the next tick but one asks again.
    pub(crate) async fn postpone(&self, mut checkpoint: Checkpoint) -> Result<(), BackfillError> {
        checkpoint.next_run_at = Some(self.clock.now_seconds().saturating_add(POSTPONE_SECONDS));
        Ok(self.checkpoints.release(&checkpoint).await?)
    }

    /// No call may be made: the checkpoint waits for a new installation, which wakes it.
    async fn block(&self, mut checkpoint: Checkpoint) -> Result<(), BackfillError> {
        checkpoint.phase = Phase::Blocked;
        checkpoint.last_error = Some("the workspace is not connected: connect it again".to_owned());
        Ok(self.checkpoints.release(&checkpoint).await?)
    }

    /// Makes everything of a page durable. Gives the number of objects written or queued, and the newest change seen.
    async fn keep(
        &self,
        checkpoint: &Checkpoint,
        resource: Resource,
        page: &Page,
    ) -> Result<(u64, Option<Timestamp>), BackfillError> {
        let entity_type = entity_type_of(resource);
        let mut listed: HashMap<EntityRef, (&Value, Option<Timestamp>)> = HashMap::new();
        for item in &page.items {
            let Some(id) = item.get("id").and_then(id_text) else {
                tracing::warn!(workspace = %checkpoint.workspace, resource = resource.path(), "an object without an id was passed over");
                continue;
            };
            let updated_at = item.get(resource.changed_field()).and_then(Timestamp::from_value);
            listed.insert(EntityRef::new(&checkpoint.workspace, entity_type, id), (item, updated_at));
        }
        let newest = listed.values().filter_map(|(_, updated_at)| *updated_at).max();
        let floor = walk::floor(self.clock.now_seconds(), self.config.backfill_days, self.config.retention_days);
        listed.retain(|_, (_, updated_at)| updated_at.is_none() || *updated_at >= floor);

        let entities: Vec<EntityRef> = listed.keys().cloned().collect();
        let heads = self.memory.heads(&entities).await?;
        if resource == Resource::DeletedConversations {
            let deleted = listed.into_iter().filter(|(entity, _)| heads.get(entity).is_some_and(|h| !h.is_erased()));
            let erased = self.erase(deleted.map(|(entity, (_, deleted_at))| (entity, deleted_at)).collect()).await?;
            return Ok((erased, newest));
        }
        let shape = self.config.settings.shape();
        let mut refetch = Vec::new();
        let mut whole = Vec::new();
        for (entity, (item, updated_at)) in listed {
            let head = heads.get(&entity);
            let seen = updated_at.map_or(0, Timestamp::epoch_seconds);
            if head.is_some_and(|head| updated_at.is_some() && head.covers(seen, &shape)) {
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
        let written = stream::iter(whole.into_iter().map(Ok::<_, BackfillError>))
            .map_ok(|(entity, item, head)| self.write(entity, item, head, &shape))
            .try_buffer_unordered(CONCURRENCY)
            .try_fold(0_u64, |sum, written| async move { Ok(sum + written) })
            .await?;
        Ok((queued + written, newest))
    }

    /// Conversations that Intercom lists as deleted and that memory still holds: their webhook was lost.
    async fn erase(&self, deleted: Vec<(EntityRef, Option<Timestamp>)>) -> Result<u64, BackfillError> {
        let mut erased = 0;
        for (entity, deleted_at) in deleted {
            let at = deleted_at.unwrap_or(Timestamp::EPOCH);
            let claim = self.memory.claim(&entity).await?;
            let buried = self.memory.bury(&entity, TombstoneKind::Erased, at, claim, "listed as deleted").await?;
            tracing::info!(workspace = %entity.workspace, id = entity.id, buried, "deleted in Intercom");
            erased += u64::from(buried);
        }
        Ok(erased)
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
        })
        .write()
    }

    async fn write(
        &self,
        entity: EntityRef,
        item: &Value,
        head: Option<&Head>,
        shape: &str,
    ) -> Result<u64, BackfillError> {
        use store::memory_table::Written;
        let view = match transform(&entity.workspace, entity.entity_type, item, &self.config.settings) {
            Ok(view) => view,
            Err(error) => {
                tracing::error!(%error, workspace = %entity.workspace, id = entity.id, "passed over");
                return Ok(0);
            }
        };
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
        let written = self.memory.write(&view, claim, shape, head, self.clock.now_seconds()).await?;
        if matches!(written, Written::Stored { renamed: true, .. }) {
            let walk = Message::Walk(Walk::after_rename(&entity, self.clock.now_ms()));
            self.queue.send(walk.write(), REVISE_AFTER).await?;
        }
        Ok(u64::from(matches!(written, Written::Stored { .. })))
    }
}

fn entity_type_of(resource: Resource) -> EntityType {
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
    }
}
