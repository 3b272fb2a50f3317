//! Writing a view: events, relations, document last.

use std::collections::HashSet;

use aws_sdk_dynamodb::{
    operation::put_item::PutItemError,
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use memory::{EntityRef, Event, Relation, View, keys};

use super::{Claim, MemoryTable, TombstoneKind, Written, items, read::Head};
use crate::{
    StoreError,
    item::{count, n, s},
};

impl MemoryTable {
    /// Writes what one look at a thing showed, completed by what memory knows of those it names. `stored` is the
    /// document's head as it was read after the claim was taken; `now` (epoch seconds) is when the look began: it is
    /// noted as such, and decides what has expired.
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
        if stored.is_some_and(Head::is_final) || !self.keeps(view, now) {
            return Ok(Written::Gone);
        }
        let named = view.contacts();
        let (view, known) = self.completed(view).await?;
        let view = &view;
        let entity = &view.document.entity;
        let internal = view.document.is_internal();
        let before = stored;
        let reshaped = stored.is_some_and(|head| head.tombstone.is_none() && head.shape != shape);
        let stored = stored.filter(|head| head.tombstone.is_none() && head.shape == shape);
        let had = stored.map(|head| &head.events).cloned().unwrap_or_default();
        let events: Vec<&Event> = view
            .events
            .iter()
            .filter(|event| !had.contains(&items::event_digest(event)))
            .filter(|event| !self.retention.has_expired(event.occurred_at, now))
            .collect();
        let linked = stored.map(|head| &head.relations).cloned().unwrap_or_default();
        let stretch = self.retention.stretch(view.document.updated_at);
        let digest = |relation: &Relation| items::relation_digest(relation, stretch);
        let digests: HashSet<_> = view.relations.iter().map(digest).collect();
        let relations: Vec<&Relation> = view.relations.iter().filter(|r| !linked.contains(&digest(r))).collect();
        // Also where a writer before did not come to an end with what it had to remove.
        let some_unlinked =
            stored.is_some_and(|head| head.unlinking) || linked.iter().any(|digest| !digests.contains(digest));
        if events.is_empty()
            && relations.is_empty()
            && !some_unlinked
            && stored.is_some_and(|head| !head.differs_from(view, shape))
        {
            if let Some(head) = stored.filter(|head| !head.is_settled()) {
                self.note_settled(entity, head, now).await?;
            }
            return Ok(Written::Unchanged);
        }

        // A look that came to no document may have left links which nobody knows of: its process was killed.
        let cut_short = claim == Claim::PAGE || claim.0 > before.map_or(0, |head| head.claim).saturating_add(1);
        let erased = known.erased(named.iter().map(String::as_str));
        let unlinks =
            some_unlinked || reshaped || (cut_short && !self.unlinked(view, false, &erased).await?.is_empty());
        let marks = items::Marks { unlinking: unlinks, ..items::Marks::of(view, claim, shape, now, self.retention) };
        let document = items::document(&view.document, &marks, self.retention);
        let mut written = self.put_events(&events, shape, before.is_some()).await?;
        written += self.put_relations(view, &relations, claim).await?;
        if reshaped {
            written += self.remove_hidden(entity, shape, internal).await?;
        }
        let outcome = match self.put_document(document, view, claim, shape).await? {
            Put::Done(replaced) => {
                // Another writer's document may have come in between: with links that this one never heard of, or
                // without some that this one took for linked.
                let was_buried = stored.is_some() && replaced.as_ref().is_some_and(|there| there.tombstone.is_some());
                if was_buried {
                    // What the stored head stood for has been removed since.
                    written += self.put_again(view, claim, shape, now).await?;
                }
                let overtaken = replaced.filter(|there| there.tombstone.is_none() && Some(there) != stored);
                let reshaped_since = overtaken.as_ref().is_some_and(|there| there.shape != shape && !reshaped);
                if let Some(there) = &overtaken {
                    let missing = |r: &&Relation| linked.contains(&digest(r)) && !there.relations.contains(&digest(r));
                    let missing: Vec<&Relation> = view.relations.iter().filter(missing).collect();
                    written += self.put_relations(view, &missing, claim).await?;
                }
                let unknown = |there: &Head| there.unlinking || there.relations.iter().any(|d| !digests.contains(d));
                if unlinks || reshaped_since || overtaken.as_ref().is_some_and(unknown) {
                    written += self.remove_unlinked(view, claim, reshaped || reshaped_since, &erased).await?;
                }
                if unlinks {
                    self.note_unlinked(view, claim).await?;
                }
                if reshaped_since {
                    written += self.remove_hidden(entity, shape, internal).await?;
                }
                let renamed = match before {
                    Some(head) => head.is_renamed_by(view),
                    // Things may have been written that name it, while nobody knew it.
                    None => self.is_named(entity).await?,
                };
                Written::Stored { items: written + 1, renamed }
            }
            Put::Lost(winner) if winner.tombstone.is_some() => {
                self.remove_behind(entity, &winner).await?;
                return Ok(Written::Gone);
            }
            Put::Lost(winner) => {
                self.take_back_relations(view, &relations, claim, &winner).await?;
                if winner.shape != shape {
                    self.remove_hidden(entity, &winner.shape, internal).await?;
                }
                Written::Superseded
            }
        };
        if self.has_changed(view, &known).await? {
            self.revise(entity).await?;
        }
        Ok(outcome)
    }

    /// Whether memory keeps so old a view at all: what it does not store renames nobody.
    pub fn keeps(&self, view: &View, now: i64) -> bool {
        self.retention.view_expires_at(view.document.updated_at).is_none_or(|end| end > now)
    }

    /// Puts everything of a view, whatever of it was there before.
    async fn put_again(&self, view: &View, claim: Claim, shape: &str, now: i64) -> Result<usize, StoreError> {
        let events: Vec<&Event> =
            view.events.iter().filter(|event| !self.retention.has_expired(event.occurred_at, now)).collect();
        let relations: Vec<&Relation> = view.relations.iter().collect();
        Ok(self.put_events(&events, shape, true).await? + self.put_relations(view, &relations, claim).await?)
    }

    /// Whether others who repeat name and companies of this thing will have to be revised once the view is written. To be
    /// asked before: a process that is killed right after the write could send nobody to do it, and nobody would know.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn will_rename(&self, view: &View, stored: Option<&Head>) -> Result<bool, StoreError> {
        match stored {
            Some(head) => Ok(!head.is_final() && head.is_renamed_by(view)),
            None => self.is_named(&view.document.entity).await,
        }
    }

    /// Whether the document of another may repeat the name or the companies of this thing.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn is_named(&self, entity: &EntityRef) -> Result<bool, StoreError> {
        Ok(items::has_profile(entity.entity_type) && self.is_linked(entity).await?)
    }

    /// The document last: its condition is the decision.
    async fn put_document(
        &self,
        document: items::DocumentItems,
        view: &View,
        claim: Claim,
        shape: &str,
    ) -> Result<Put, StoreError> {
        let now = items::rank(keys::DOCUMENT, &document.head);
        for item in document.continuations {
            self.put_item(item, None).await?;
        }
        let condition = "attribute_not_exists(pk) \
            OR (attribute_not_exists(tombstone) AND (version < :version OR (version = :version AND claim < :claim) \
                OR (version = :version AND shape <> :shape))) \
            OR (tombstone = :absent AND attribute_not_exists(merged_into) AND claim < :claim)";
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
                let old = answer.attributes.unwrap_or_default();
                let (replaced, old_pieces) = items::rank(keys::DOCUMENT, &old);
                if old_pieces > 0 {
                    self.remove_stale_document_pieces(&view.document.entity, now, Some(replaced)).await?;
                }
                Ok(Put::Done(if old.is_empty() { None } else { Some(Head::read(&old)?) }))
            }
            Err(e) => match e.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    let winner = Head::read(&failed.item.clone().unwrap_or_default())?;
                    // A put whose answer was lost is sent again, and then meets itself.
                    let is_this_one = winner.claim == claim.0
                        && winner.updated_at == view.document.updated_at.epoch_seconds()
                        && !winner.differs_from(view, shape);
                    if !is_this_one {
                        return Ok(Put::Lost(winner));
                    }
                    // What it replaced, the lost answer would have told.
                    self.remove_stale_document_pieces(&view.document.entity, now, None).await?;
                    Ok(Put::Done(None))
                }
                _ => Err(StoreError::unavailable(e)),
            },
        }
    }
}

/// What became of a document.
enum Put {
    /// It stands there now, in the place of this one.
    Done(Option<Head>),
    /// This one stands there, and beats it.
    Lost(Head),
}
