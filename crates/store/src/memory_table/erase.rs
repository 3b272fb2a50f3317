//! Tombstones, and removing what a thing said.

use aws_sdk_dynamodb::types::{DeleteRequest, WriteRequest};
use intercom::Timestamp;
use memory::{EntityRef, EntityType, Event, Settings, View, keys};

use super::{
    Claim, Head, MemoryTable,
    items::{self, Piece, Rank},
};
use crate::{
    StoreError,
    error::if_held,
    item::{Item, Reader, count, n, s},
};

/// The reason of a tombstone for what Intercom does not serve, without having said why. Any other reason tells more.
pub const NOT_FOUND: &str = "not found";

/// Deletes of one batch request.
const BATCH: usize = 25;

/// How final a tombstone is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TombstoneKind {
    /// Deleted: nothing brings it back.
    Erased,
    /// Archived, unpublished, gone from sight: a later positive fetch brings it back.
    Absent,
}

impl TombstoneKind {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Erased => "erased",
            Self::Absent => "absent",
        }
    }

    /// An unknown kind, written by a newer version, counts as the stronger one.
    pub(crate) fn read(text: &str) -> Self {
        if text == Self::Absent.as_str() { Self::Absent } else { Self::Erased }
    }
}

/// What stands in the place of a thing that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// How final it is.
    pub kind: TombstoneKind,
    /// When it went, ISO.
    pub deleted_at: String,
    /// The contact that stands for this one since they were merged. Merges are not undone.
    pub merged_into: Option<String>,
}

/// The reason of a tombstone for an article that is not published, or no more.
pub const UNPUBLISHED: &str = "article.unpublished";

/// Whether a view shows what its owner does not (any more) show to others: a draft of an article. Only what is published is
/// remembered, so that what is withdrawn stays withdrawn, whoever looks at it next.
pub fn is_withdrawn(view: &View) -> bool {
    view.document.entity.entity_type == EntityType::Article && view.document.state.as_deref() != Some("published")
}

impl MemoryTable {
    /// Puts a tombstone in the place of a thing and removes what it said. `at` is when Intercom said so; `reason` holds
    /// nothing personal. `false` where an `absent` one came too late: the thing has changed since, or is erased.
    ///
    /// # Errors
    /// See [`StoreError`]. Done half, it is done again in full by the next attempt.
    pub async fn bury(
        &self,
        entity: &EntityRef,
        kind: TombstoneKind,
        at: Timestamp,
        claim: Claim,
        reason: &str,
    ) -> Result<bool, StoreError> {
        self.put_tombstone(entity, kind, at, claim, reason, None).await
    }

    /// Lets another contact stand in the place of one that was merged into it, for good; only an erasure beats it.
    /// `false` where that is known already, or the contact is erased.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn merge(
        &self,
        swallowed: &EntityRef,
        survivor: &str,
        at: Timestamp,
        claim: Claim,
    ) -> Result<bool, StoreError> {
        self.put_tombstone(swallowed, TombstoneKind::Absent, at, claim, "merged", Some(survivor)).await
    }

    async fn put_tombstone(
        &self,
        entity: &EntityRef,
        kind: TombstoneKind,
        at: Timestamp,
        claim: Claim,
        reason: &str,
        merged_into: Option<&str>,
    ) -> Result<bool, StoreError> {
        let mut item = Item::from([
            ("pk".to_owned(), s(entity.pk())),
            ("sk".to_owned(), s(keys::DOCUMENT)),
            ("workspace_id".to_owned(), s(entity.workspace.as_str())),
            ("entity_type".to_owned(), s(entity.entity_type.as_str())),
            ("entity_id".to_owned(), s(&entity.id)),
            ("tombstone".to_owned(), s(kind.as_str())),
            ("deleted_at".to_owned(), s(at.iso())),
            ("reason".to_owned(), s(reason)),
            ("version".to_owned(), n(at.epoch_seconds())),
            ("claim".to_owned(), count(claim.0)),
        ]);
        item.extend(merged_into.map(|id| ("merged_into".to_owned(), s(id))));
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        // The first erasure's time and reason stay.
        let request = match kind {
            TombstoneKind::Absent if merged_into.is_some() => request
                .condition_expression(
                    "attribute_not_exists(merged_into) AND (attribute_not_exists(tombstone) OR tombstone <> :erased)",
                )
                .expression_attribute_values(":erased", s(TombstoneKind::Erased.as_str())),
            TombstoneKind::Erased => request
                .condition_expression(
                    "attribute_not_exists(pk) OR attribute_not_exists(tombstone) OR tombstone <> :erased",
                )
                .expression_attribute_values(":erased", s(TombstoneKind::Erased.as_str())),
            TombstoneKind::Absent if reason == NOT_FOUND => request
                .condition_expression(
                    "attribute_not_exists(pk) OR (attribute_not_exists(tombstone) AND version <= :at AND claim < :claim)",
                )
                .expression_attribute_values(":at", n(at.epoch_seconds()))
                .expression_attribute_values(":claim", count(claim.0)),
            TombstoneKind::Absent => request
                .condition_expression(
                    "attribute_not_exists(pk) OR (attribute_not_exists(merged_into) AND claim < :claim AND \
                     (version <= :at OR reason = :unsaid) AND (attribute_not_exists(tombstone) OR tombstone <> :erased))",
                )
                .expression_attribute_values(":erased", s(TombstoneKind::Erased.as_str()))
                .expression_attribute_values(":unsaid", s(NOT_FOUND))
                .expression_attribute_values(":at", n(at.epoch_seconds()))
                .expression_attribute_values(":claim", count(claim.0)),
        };
        let buried = if_held(request.send().await)?.is_some();
        let standing = if buried { None } else { self.head(entity).await? };
        // A put whose answer was lost is sent again, and then meets itself.
        let is_this_one =
            |head: &Head| head.claim == claim.0 && head.tombstone.as_ref().is_some_and(|stone| stone.kind == kind);
        let buried = buried || standing.as_ref().is_some_and(is_this_one);
        // One that was cut short after its tombstone goes on here.
        let goes_on = match &standing {
            None => false,
            Some(head) if head.is_final() => true,
            Some(head) => head.tombstone.is_some() && self.take_over(entity, claim).await?,
        };
        if buried || goes_on {
            let is_final = kind == TombstoneKind::Erased || merged_into.is_some();
            match &standing {
                Some(head) => self.remove_behind(entity, head).await?,
                None if is_final => self.remove_contents(entity).await?,
                None => self.remove_told(entity).await?,
            }
        }
        Ok(buried)
    }

    /// Makes a tombstone that can be undone this look's own, so that a writer whose look began before it loses, as when the
    /// tombstone was put; `false` where a later look has been there.
    async fn take_over(&self, entity: &EntityRef, claim: Claim) -> Result<bool, StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", s(entity.pk()))
            .key("sk", s(keys::DOCUMENT))
            .update_expression("SET claim = :claim")
            .condition_expression("tombstone = :absent AND attribute_not_exists(merged_into) AND claim < :claim")
            .expression_attribute_values(":absent", s(TombstoneKind::Absent.as_str()))
            .expression_attribute_values(":claim", count(claim.0));
        Ok(if_held(request.send().await)?.is_some())
    }

    /// Notes on the tombstone when the last trace was gone.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn note_erased(&self, entity: &EntityRef, at: Timestamp) -> Result<(), StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", s(entity.pk()))
            .key("sk", s(keys::DOCUMENT))
            .update_expression("SET erased_everywhere_at = :at")
            .condition_expression("tombstone = :erased")
            .expression_attribute_values(":at", s(at.iso()))
            .expression_attribute_values(":erased", s(TombstoneKind::Erased.as_str()));
        if_held(request.send().await).map(drop)
    }

    /// Removes what is left of a thing that is gone for good, where whoever buried it did not come to its end.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn finish_burial(&self, entity: &EntityRef) -> Result<(), StoreError> {
        match self.head(entity).await? {
            Some(head) if head.is_final() => self.remove_contents(entity).await,
            _ => Ok(()),
        }
    }

    /// Removes what a thing said, as far as its tombstone asks for: what may come back keeps what only notifications told of
    /// it, as nobody can tell it again.
    pub(crate) async fn remove_behind(&self, entity: &EntityRef, tombstone: &Head) -> Result<(), StoreError> {
        if tombstone.is_final() { self.remove_contents(entity).await } else { self.remove_told(entity).await }
    }

    /// Removes what a fetch tells again: text, events and links; what was observed stays.
    async fn remove_told(&self, entity: &EntityRef) -> Result<(), StoreError> {
        let observed = self.observed(entity).await?;
        let mut events = self.keys_with_prefix(entity, keys::EVENT_PREFIX).await?;
        events.retain(|sk| {
            !observed
                .iter()
                .any(|kept| sk.strip_prefix(kept).is_some_and(|rest| rest.is_empty() || rest.starts_with('#')))
        });
        self.delete_all(entity, events).await?;
        for prefix in [keys::RELATION_PREFIX, items::DOCUMENT_PIECES] {
            self.delete_all(entity, self.keys_with_prefix(entity, prefix).await?).await?;
        }
        Ok(())
    }

    /// The keys of the events that only a notification told of.
    async fn observed(&self, entity: &EntityRef) -> Result<Vec<String>, StoreError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .filter_expression("#attributes.seen_by = :webhook")
            .expression_attribute_names("#attributes", "attributes")
            .expression_attribute_values(":pk", s(entity.pk()))
            .expression_attribute_values(":prefix", s(keys::EVENT_PREFIX))
            .expression_attribute_values(":webhook", s("webhook"))
            .projection_expression("sk")
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut sks = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(StoreError::unavailable)?;
            sks.extend(Reader::new(&item).text("sk").map(str::to_owned));
        }
        Ok(sks)
    }

    /// Removes everything of a thing but its document and claim.
    pub(crate) async fn remove_contents(&self, entity: &EntityRef) -> Result<(), StoreError> {
        for prefix in [keys::EVENT_PREFIX, keys::RELATION_PREFIX, items::DOCUMENT_PIECES] {
            self.delete_all(entity, self.keys_with_prefix(entity, prefix).await?).await?;
        }
        Ok(())
    }

    /// Removes the events that a shape leaves out: notes, where they were switched off, and everything that teammates said
    /// among themselves (`internal`).
    pub(crate) async fn remove_hidden(
        &self,
        entity: &EntityRef,
        shape: &str,
        internal: bool,
    ) -> Result<usize, StoreError> {
        if !Settings::hides_notes(shape) {
            return Ok(0);
        }
        let all = self.keys_with_prefix(entity, keys::EVENT_PREFIX).await?;
        // A source id ends in the event type, and stands whole in the key, continuations included.
        let note = format!(":{}.noted", entity.entity_type);
        let hidden: Vec<String> =
            all.into_iter().filter(|sk| internal || sk.ends_with(&note) || sk.contains(&format!("{note}#"))).collect();
        let removed = hidden.len();
        self.delete_all(entity, hidden).await?;
        Ok(removed)
    }

    /// Removes the continuations of earlier versions of an event than the one that is stored.
    pub(crate) async fn remove_stale_continuations(&self, event: &Event) -> Result<(), StoreError> {
        let head = keys::event_sk(event.occurred_at, &event.source_id);
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", s(event.entity.pk()))
            .key("sk", s(&head))
            .projection_expression("version, redacted, shape")
            .consistent_read(true)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        let now = items::rank(&head, &answer.item.unwrap_or_default());
        let mut stale = self.keys_with_prefix(&event.entity, &format!("{head}#")).await?;
        stale.retain(|sk| Piece::read(sk).is_some_and(|piece| piece.is_stale(now)));
        self.delete_all(&event.entity, stale).await
    }

    /// Removes the continuations of earlier views of a document than the one that stands there `now`, with so many of its own,
    /// and those of the one that it `replaced`, which may be of a later claim.
    pub(crate) async fn remove_stale_document_pieces(
        &self,
        entity: &EntityRef,
        now: (Rank, usize),
        replaced: Option<Rank>,
    ) -> Result<(), StoreError> {
        let mut stale = self.keys_with_prefix(entity, items::DOCUMENT_PIECES).await?;
        stale.retain(|sk| {
            let was_replaced = |rank: Rank| Some(rank) == replaced && rank != now.0;
            Piece::read(sk).is_some_and(|piece| piece.is_stale(now) || was_replaced(piece.rank))
        });
        self.delete_all(entity, stale).await
    }

    pub(crate) async fn delete_all(&self, entity: &EntityRef, sks: Vec<String>) -> Result<(), StoreError> {
        for chunk in sks.chunks(BATCH) {
            let mut requests: Vec<WriteRequest> = chunk
                .iter()
                .filter_map(|sk| DeleteRequest::builder().key("pk", s(entity.pk())).key("sk", s(sk)).build().ok())
                .map(|delete| WriteRequest::builder().delete_request(delete).build())
                .collect();
            for attempt in 0.. {
                let answer = self
                    .client
                    .batch_write_item()
                    .request_items(&self.table, requests)
                    .send()
                    .await
                    .map_err(StoreError::unavailable)?;
                requests = answer.unprocessed_items.unwrap_or_default().into_values().flatten().collect();
                if requests.is_empty() {
                    break;
                }
                if attempt >= 5 {
                    return Err(StoreError::Unavailable("a batch delete was throttled".to_owned()));
                }
                tokio::time::sleep(std::time::Duration::from_millis(50 << attempt)).await;
            }
        }
        Ok(())
    }
}
