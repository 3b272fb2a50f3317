//! MemoryTable: what is known of each thing, and which of two views of it wins.
//!
//! | item | wins |
//! |---|---|
//! | event | redacted first, then the part's `updated_at` |
//! | document | `updated_at`, then `claim`: the fetch that began later |
//! | tombstone `erased` | everything, for ever |
//! | tombstone `absent` | until a view with a later claim |
//!
//! A writer goes events → relations → document. The document's condition decides; a writer that meets a tombstone there
//! takes back everything, one that meets a newer document takes back the relations that the winner does not have.

mod erase;
mod items;
mod read;

use std::collections::HashSet;

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use futures::{StreamExt, TryStreamExt, stream};
use intercom::Timestamp;
use memory::{EntityRef, Event, Observation, Relation, View, keys};

use crate::{
    StoreError,
    item::{Item, Reader, count, n, s},
};

pub use erase::{Tombstone, TombstoneKind};
pub use items::part_digest;
pub use read::Head;

/// Requests under way at once for one write.
const CONCURRENCY: usize = 16;

/// The second half of a document's version.
///
/// Taken from [`MemoryTable::claim`] before the fetch begins, so that of two views with the same `updated_at` the one
/// wins whose fetch began later, whatever the clocks of the functions say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim(u64);

impl Claim {
    /// For views from a page, which were fetched for many things at once: these win only by a later `updated_at`.
    pub const PAGE: Claim = Claim(0);
}

/// What became of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is in memory; this many items were written or removed.
    Stored {
        /// Items written or removed, the document included.
        items: usize,
    },
    /// Everything of it was there already: nothing was written.
    Unchanged,
    /// A newer view had been written; the events that were new are kept.
    Superseded,
    /// The thing is erased, or gone; everything was taken back.
    Gone,
}

/// The table.
#[derive(Clone, Debug)]
pub struct MemoryTable {
    client: Client,
    table: String,
    retention: Retention,
}

/// How long memory keeps things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Days after which an event or an untouched thing expires; 0 keeps for ever (`RetentionDays`).
    pub days: u32,
}

impl Retention {
    /// When something of this time expires.
    fn expires_at(self, time: Timestamp) -> Option<i64> {
        (self.days > 0).then(|| time.epoch_seconds() + i64::from(self.days) * 86_400)
    }

    /// Whether something of this time has expired: it is not written again.
    pub fn has_expired(self, time: Timestamp, now: i64) -> bool {
        self.expires_at(time).is_some_and(|end| end <= now)
    }
}

impl MemoryTable {
    /// In this table.
    pub fn new(client: Client, table: impl Into<String>, retention: Retention) -> Self {
        Self { client, table: table.into(), retention }
    }

    /// Counts a fetch that is about to begin. Costs one write unit.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn claim(&self, entity: &EntityRef) -> Result<Claim, StoreError> {
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", s(entity.pk()))
            .key("sk", s(keys::CLAIM))
            .update_expression("ADD fetches :one")
            .expression_attribute_values(":one", n(1))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        let item = answer.attributes.unwrap_or_default();
        let read = Reader::new(&item);
        read.number("fetches").map(Claim).ok_or_else(|| read.malformed("fetches"))
    }

    /// Writes what one look at a thing showed. `stored` is the document's head as it was read after the claim was taken,
    /// `now` (epoch seconds) only decides what has expired.
    ///
    /// # Errors
    /// See [`StoreError`]. Written half, it is written again in full by the next attempt.
    pub async fn write(
        &self,
        view: &View,
        claim: Claim,
        shape: &str,
        stored: Option<&Head>,
        now: i64,
    ) -> Result<Written, StoreError> {
        if stored.is_some_and(Head::is_erased) || self.retention.has_expired(view.document.updated_at, now) {
            return Ok(Written::Gone);
        }
        let stored = stored.filter(|head| head.tombstone.is_none() && head.shape == shape);
        let known = stored.map(|head| &head.events).cloned().unwrap_or_default();
        let events: Vec<&Event> = view
            .events
            .iter()
            .filter(|event| !known.contains(&items::event_digest(event)))
            .filter(|event| !self.retention.has_expired(event.occurred_at, now))
            .collect();
        let linked = stored.map(|head| &head.relations).cloned().unwrap_or_default();
        let digests: HashSet<_> = view.relations.iter().map(items::relation_digest).collect();
        let relations: Vec<&Relation> =
            view.relations.iter().filter(|r| !linked.contains(&items::relation_digest(r))).collect();
        let some_unlinked = linked.iter().any(|digest| !digests.contains(digest));
        if events.is_empty()
            && relations.is_empty()
            && !some_unlinked
            && stored.is_some_and(|head| !head.differs_from(view, shape))
        {
            return Ok(Written::Unchanged);
        }

        let document = items::document(view, claim, shape, self.retention);
        let mut written = self.put_events(&events, shape).await?;
        written += self.put_relations(view, &relations, claim).await?;
        if some_unlinked {
            written += self.remove_unlinked(view, claim).await?;
        }
        match self.put_document(document, view, claim, shape).await? {
            None => Ok(Written::Stored { items: written + 1 }),
            Some(winner) if winner.tombstone.is_some() => {
                self.remove_contents(&view.document.entity).await?;
                Ok(Written::Gone)
            }
            Some(winner) => {
                self.take_back_relations(view, &relations, claim, &winner).await?;
                Ok(Written::Superseded)
            }
        }
    }

    /// Writes an event of which only a notification knows. `false` where the thing is erased.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn observe(&self, observation: &Observation, shape: &str, now: i64) -> Result<bool, StoreError> {
        let entity = &observation.entity;
        if self.head(entity).await?.is_some_and(|head| head.is_erased()) {
            return Ok(false);
        }
        if self.retention.has_expired(observation.event.occurred_at, now) {
            return Ok(true);
        }
        self.put_events(&[&observation.event], shape).await?;
        for relation in &observation.relations {
            self.put_item(items::relation(relation, Claim::PAGE, observation.event.version, self.retention), None)
                .await?;
        }
        if let Some(document) = &observation.document {
            let view =
                View { document: document.clone(), events: Vec::new(), relations: observation.relations.clone() };
            let items = items::document(&view, Claim::PAGE, shape, self.retention);
            for item in items.continuations {
                self.put_item(item, None).await?;
            }
            self.put_item(items.head, Some("attribute_not_exists(pk)")).await?;
        }
        // An erasure may have gone by between the look and the write.
        if self.head(entity).await?.is_some_and(|head| head.is_erased()) {
            self.remove_contents(entity).await?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Writes events, each under its own condition, whatever becomes of the document.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn put_events(&self, events: &[&Event], shape: &str) -> Result<usize, StoreError> {
        stream::iter(events.iter().copied().map(Ok))
            .map_ok(|event| self.put_event(event, shape))
            .try_buffer_unordered(CONCURRENCY)
            .try_fold(0, |sum, written| async move { Ok(sum + written) })
            .await
    }

    /// ```text
    /// stored \ new          not redacted, v        redacted, v
    /// nothing               write                  write
    /// not redacted, w       where w < v, or the    write
    ///                       shape is another
    /// redacted, w           never                  where w < v (time only)
    /// ```
    async fn put_event(&self, event: &Event, shape: &str) -> Result<usize, StoreError> {
        let (head, continuations) = items::event(event, shape, self.retention);
        let pieces = continuations.len();
        for item in continuations {
            self.put_item(item, None).await?;
        }
        let condition = if event.redacted {
            "attribute_not_exists(pk) OR redacted <> :yes OR version < :version"
        } else {
            "attribute_not_exists(pk) OR (redacted <> :yes AND (version < :version OR \
             (version = :version AND shape <> :shape)))"
        };
        let mut request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(head))
            .condition_expression(condition)
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":version", n(event.version.epoch_seconds()))
            .return_values(ReturnValue::AllOld);
        if !event.redacted {
            request = request.expression_attribute_values(":shape", s(shape));
        }
        match request.send().await {
            Ok(answer) => {
                let replaced_a_long_one =
                    answer.attributes.is_some_and(|old| Reader::new(&old).number("pieces").unwrap_or(0_u32) > 0);
                if replaced_a_long_one {
                    self.remove_stale_continuations(event).await?;
                }
                Ok(1 + pieces)
            }
            Err(e) if e.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                if pieces > 0 {
                    self.remove_stale_continuations(event).await?;
                }
                Ok(0)
            }
            Err(e) => Err(StoreError::unavailable(e)),
        }
    }

    async fn put_relations(&self, view: &View, relations: &[&Relation], claim: Claim) -> Result<usize, StoreError> {
        let version = view.document.updated_at;
        let puts = relations.iter().map(|relation| async move {
            let item = items::relation(relation, claim, version, self.retention);
            let not_newer =
                "attribute_not_exists(pk) OR version < :version OR (version = :version AND claim <= :claim)";
            let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
            let request = request
                .condition_expression(not_newer)
                .expression_attribute_values(":version", n(version.epoch_seconds()))
                .expression_attribute_values(":claim", count(claim.0));
            match request.send().await {
                Ok(_) => Ok(1),
                Err(e) if e.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Ok(0),
                Err(e) => Err(StoreError::unavailable(e)),
            }
        });
        let written = stream::iter(puts).buffer_unordered(CONCURRENCY).try_collect::<Vec<usize>>().await?;
        Ok(written.into_iter().sum())
    }

    /// The document last: its condition is the decision. Gives the winner where that is another one.
    async fn put_document(
        &self,
        document: items::DocumentItems,
        view: &View,
        claim: Claim,
        shape: &str,
    ) -> Result<Option<Head>, StoreError> {
        let replaced_by = document.continuations.len();
        for item in document.continuations {
            self.put_item(item, None).await?;
        }
        let condition = "attribute_not_exists(pk) \
            OR (attribute_not_exists(tombstone) AND (version < :version OR (version = :version AND claim < :claim) \
                OR (version = :version AND shape <> :shape))) \
            OR (tombstone = :absent AND claim < :claim)";
        let outcome = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(document.head))
            .condition_expression(condition)
            .expression_attribute_values(":version", n(view.document.updated_at.epoch_seconds()))
            .expression_attribute_values(":claim", count(claim.0))
            .expression_attribute_values(":shape", s(shape))
            .expression_attribute_values(":absent", s(TombstoneKind::Absent.as_str()))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match outcome {
            Ok(answer) => {
                let old_pieces = answer.attributes.map_or(0, |old| Reader::new(&old).number("pieces").unwrap_or(0_u32));
                if old_pieces > 0 {
                    self.remove_stale_document_pieces(&view.document.entity, claim, replaced_by).await?;
                }
                Ok(None)
            }
            Err(e) => match e.into_service_error() {
                aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(failed) => {
                    let old = failed.item.unwrap_or_default();
                    Ok(Some(Head::read(&old)?))
                }
                e => Err(StoreError::Unavailable(aws_sdk_dynamodb::error::DisplayErrorContext(e).to_string())),
            },
        }
    }

    /// Removes the relations that the view no longer has, unless a newer view has written them again.
    async fn remove_unlinked(&self, view: &View, claim: Claim) -> Result<usize, StoreError> {
        let entity = &view.document.entity;
        let kept: HashSet<String> = view.relations.iter().map(Relation::sk).collect();
        let stored = self.keys_with_prefix(entity, keys::RELATION_PREFIX).await?;
        let gone = stored.into_iter().filter(|sk| !kept.contains(sk));
        self.delete_relations(entity, gone, view.document.updated_at, claim).await
    }

    /// This view lost: what it linked and the winner does not link goes again.
    async fn take_back_relations(
        &self,
        view: &View,
        written: &[&Relation],
        claim: Claim,
        winner: &Head,
    ) -> Result<(), StoreError> {
        let gone = written.iter().filter(|r| !winner.relations.contains(&items::relation_digest(r))).map(|r| r.sk());
        self.delete_relations(&view.document.entity, gone, view.document.updated_at, claim).await?;
        Ok(())
    }

    async fn delete_relations(
        &self,
        entity: &EntityRef,
        sks: impl Iterator<Item = String>,
        version: Timestamp,
        claim: Claim,
    ) -> Result<usize, StoreError> {
        let deletes = sks.map(|sk| async move {
            let outcome = self
                .client
                .delete_item()
                .table_name(&self.table)
                .key("pk", s(entity.pk()))
                .key("sk", s(sk))
                .condition_expression("version < :version OR (version = :version AND claim <= :claim)")
                .expression_attribute_values(":version", n(version.epoch_seconds()))
                .expression_attribute_values(":claim", count(claim.0))
                .send()
                .await;
            match outcome {
                Ok(_) => Ok(1),
                Err(e) if e.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Ok(0),
                Err(e) => Err(StoreError::unavailable(e)),
            }
        });
        let removed = stream::iter(deletes).buffer_unordered(CONCURRENCY).try_collect::<Vec<usize>>().await?;
        Ok(removed.into_iter().sum())
    }

    /// Puts an item, where the condition (if any) holds; where it does not, that is fine.
    async fn put_item(&self, item: Item, condition: Option<&str>) -> Result<(), StoreError> {
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        match request.set_condition_expression(condition.map(str::to_owned)).send().await {
            Ok(_) => Ok(()),
            Err(e) if e.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Ok(()),
            Err(e) => Err(StoreError::unavailable(e)),
        }
    }
}
