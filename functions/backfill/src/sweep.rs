//! Looking for what is gone: what memory holds and no page of a sweep listed is asked for, one by one; what Intercom
//! confirms to be gone goes from memory too, unless it is so much that a person should look first.

use futures::{StreamExt, TryStreamExt, stream};
use intercom::{
    Timestamp,
    client::{ApiError, Client, Resource},
};
use memory::{EntityRef, keys::ROSTER_SHARDS};
use platform::{cipher::TokenCipher, credentials::CredentialsSource};
use store::{
    checkpoint::Checkpoint,
    memory_table::{Head, NOT_FOUND, TombstoneKind},
    message::{Errand, Message, REVISE_AFTER, Walk},
    queue::Queue,
    sweep::{Gone, Listed},
};

use crate::{
    Backfill, BackfillError,
    keep::{entity_type_of, sweep_of},
    unit::{Step, StepError},
    walk,
};

/// Questions under way at once.
const CONCURRENCY: usize = 4;

/// What Intercom says about one thing that was not listed.
pub(crate) enum Answer {
    /// Confirmed.
    Gone(Gone),
    /// It is there all the same; 1 where memory had to change.
    Here(u64),
}

impl<Q: Queue, C: TokenCipher, S: CredentialsSource> Backfill<Q, C, S> {
    /// One page of memory's own things, compared with what was listed; that is read once a run.
    pub(crate) async fn confirm(
        &self,
        client: &Client,
        checkpoint: &Checkpoint,
        resource: Resource,
        listed: &mut Option<Listed>,
    ) -> Result<Step, StepError> {
        let sweep = sweep_of(checkpoint);
        let listed = match listed {
            Some(listed) => listed,
            None => listed.insert(self.sweeps.listed(sweep).await?),
        };
        let kind = entity_type_of(resource);
        let size = checkpoint.trail.per_page.unwrap_or(walk::QUESTIONS);
        let size = i32::try_from(size).unwrap_or(i32::MAX);
        let held = self.memory.listed(&checkpoint.workspace, kind, checkpoint.cursor.as_deref(), size).await?;
        let count = held.entities.len() as u64;
        let unseen: Vec<EntityRef> = held.entities.into_iter().filter(|entity| !listed.has(&entity.id)).collect();
        let asked = checkpoint.unseen.saturating_add(unseen.len() as u64);
        if walk::is_too_much_unseen(asked, checkpoint.seen) {
            let why = format!(
                "The last sweep listed {} {}, and memory holds far more: nothing was removed. Intercom's list may be broken; \
                 the next sweep looks again.",
                checkpoint.seen,
                resource.path()
            );
            return Ok(self.stop(checkpoint, resource, why));
        }
        let heads = self.memory.heads(&unseen).await?;
        let questions = unseen.iter().map(|entity| self.ask(client, entity, heads.get(entity), resource));
        let answers: Vec<Answer> = stream::iter(questions).buffer_unordered(CONCURRENCY).try_collect().await?;
        let (mut gone, mut written) = (Vec::new(), 0);
        for answer in answers {
            match answer {
                Answer::Gone(one) => gone.push(one),
                Answer::Here(changed) => written += changed,
            }
        }
        self.sweeps.note_gone(sweep, checkpoint.pages, &gone, self.clock.now_seconds()).await?;
        let mut checkpoint = walk::after_confirming(checkpoint.clone(), count, asked, gone.len() as u64, held.cursor);
        let limit = walk::limit(checkpoint.seen, self.config.sweep_limit_percent);
        if checkpoint.gone > limit {
            let why = format!(
                "The last sweep found more than {limit} {} gone from Intercom and removed none of them. If that many were \
                 really deleted, deploy with a higher SweepLimitPercent.",
                resource.path()
            );
            return Ok(self.stop(&checkpoint, resource, why));
        }
        checkpoint.written = checkpoint.written.saturating_add(written);
        Ok(Step { checkpoint, written })
    }

    fn stop(&self, checkpoint: &Checkpoint, resource: Resource, why: String) -> Step {
        tracing::error!(workspace = %checkpoint.workspace, resource = resource.path(), why, "a sweep was stopped");
        self.metrics.count("SweepsStopped", 1, &[("resource", resource.path())], self.clock.now_ms());
        let shape = self.config.settings.shape();
        Step { checkpoint: walk::stopped(checkpoint.clone(), resource, why, self.plan(&shape)), written: 0 }
    }

    /// Asks Intercom after one thing, and writes it where it is there.
    pub(crate) async fn ask(
        &self,
        client: &Client,
        entity: &EntityRef,
        head: Option<&Head>,
        resource: Resource,
    ) -> Result<Answer, StepError> {
        let claim = self.memory.claim(entity).await?;
        let looked_at = self.clock.now_seconds();
        let gone = |merged_into| Answer::Gone(Gone { id: entity.id.clone(), merged_into });
        match client.object(resource, &entity.id).await {
            Ok(object) => {
                let Some(view) = self.view(entity, &object) else { return Ok(Answer::Here(0)) };
                Ok(Answer::Here(self.put(&view, claim, head, looked_at).await?))
            }
            Err(ApiError::NotFound) => Ok(gone(None)),
            Err(ApiError::Merged { survivor }) => Ok(gone(survivor)),
            Err(error @ (ApiError::NotNow(_) | ApiError::Unauthorized { .. } | ApiError::Forbidden { .. })) => {
                Err(StepError::Api(error))
            }
            // An answer that nobody understands is no proof of anything.
            Err(error @ (ApiError::Rejected { .. } | ApiError::TooLarge { .. } | ApiError::Unexpected { .. })) => {
                tracing::warn!(%error, workspace = %entity.workspace, id = entity.id, "not confirmed");
                Ok(Answer::Here(0))
            }
        }
    }

    /// Counts one part of what memory holds of a kind; after the last, Intercom says once more how many there are.
    pub(crate) async fn count(
        &self,
        client: &Client,
        checkpoint: &Checkpoint,
        resource: Resource,
    ) -> Result<Step, StepError> {
        let mut checkpoint = checkpoint.clone();
        let shard: u8 = checkpoint.cursor.as_deref().and_then(|shard| shard.parse().ok()).unwrap_or(0);
        let held = self.memory.count(&checkpoint.workspace, entity_type_of(resource), shard).await?;
        checkpoint.census.held = checkpoint.census.held.saturating_add(held);
        checkpoint.cursor = Some(shard + 1).filter(|next| *next < ROSTER_SHARDS).map(|next| next.to_string());
        if checkpoint.cursor.is_none() {
            let told = client.total(resource).await.unwrap_or_default();
            let total = told.or(checkpoint.census.total).unwrap_or(u64::MAX);
            let shape = self.config.settings.shape();
            checkpoint = walk::after_count(checkpoint, resource, total, self.plan(&shape));
            if checkpoint.vanished {
                tracing::info!(workspace = %checkpoint.workspace, resource = resource.path(), total, "memory holds more than Intercom: a sweep is to come");
            }
        }
        Ok(Step { checkpoint, written: 0 })
    }

    /// Removes everything that was confirmed to be gone.
    pub(crate) async fn remove_gone(
        &self,
        client: &Client,
        checkpoint: &Checkpoint,
        resource: Resource,
    ) -> Result<Step, StepError> {
        let gone = self.sweeps.gone(sweep_of(checkpoint)).await?;
        let kind = entity_type_of(resource);
        let now = Timestamp::from_epoch_seconds(self.clock.now_seconds()).unwrap_or(Timestamp::EPOCH);
        let mut removed = 0;
        for one in gone {
            let entity = EntityRef::new(&checkpoint.workspace, kind, &one.id);
            removed += u64::from(self.remove(&entity, one.merged_into.as_deref(), now).await?);
        }
        if removed > 0 {
            tracing::info!(workspace = %checkpoint.workspace, resource = resource.path(), removed, "gone from Intercom");
            self.metrics.count("ThingsGone", removed, &[("resource", resource.path())], self.clock.now_ms());
        }
        // What came into being meanwhile is in memory, too. Only for the next comparison: nothing waits for it.
        let told = checkpoint.census.total.unwrap_or(checkpoint.seen);
        let holds_more = checkpoint.census.held.saturating_sub(removed) > told;
        let total = if holds_more { client.total(resource).await.unwrap_or_default() } else { None };
        let shape = self.config.settings.shape();
        let checkpoint = walk::after_applying(checkpoint.clone(), resource, removed, total, self.plan(&shape));
        Ok(Step { checkpoint, written: removed })
    }

    async fn remove(&self, entity: &EntityRef, survivor: Option<&str>, at: Timestamp) -> Result<bool, BackfillError> {
        let now_ms = self.clock.now_ms();
        let claim = self.memory.claim(entity).await?;
        // What is to follow is sent first: it does no harm where the rest fails.
        if let Some(survivor) = survivor {
            let moved = Message::Walk(Walk::begin(Errand::Revise, entity, 1, now_ms));
            self.queue.send(moved.write(), REVISE_AFTER).await?;
            return Ok(self.memory.merge(entity, survivor, at, claim).await?);
        }
        // Nobody has said that it was deleted: Intercom answers the same for a contact that is archived, and whatever is gone
        // from sight may come back.
        self.revise_later(entity).await?;
        Ok(self.memory.bury(entity, TombstoneKind::Absent, at, claim, NOT_FOUND).await?)
    }
}
