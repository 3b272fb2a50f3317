//! Bringing what is stored in line with what became of those it names: erasures, merges, new names.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::{AttributeValue, Select};
use intercom::{Timestamp, WorkspaceId};
use memory::{EntityRef, EntityType, Event, Relation, RelationTarget, View, keys};

use super::{Claim, Head, MemoryTable, Stored, items, stored::entity_of};
use crate::{
    StoreError,
    error::if_held,
    item::{Item, Reader, count, n, s},
};

/// How often a thing is read again because somebody wrote it at the same time.
const ATTEMPTS: u32 = 8;

/// Things of one page of a walk.
const PAGE: i32 = 25;

/// A page of the things that link to somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Linked {
    /// Each once.
    pub entities: Vec<EntityRef>,
    /// Where the next page begins; `None` at the end.
    pub cursor: Option<String>,
}

impl MemoryTable {
    /// What links to a thing of Intercom's, a page of it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn linked(&self, to: &EntityRef, cursor: Option<&str>) -> Result<Linked, StoreError> {
        let target = RelationTarget::new("intercom", to.entity_type.as_str(), &to.id);
        self.linked_to(&keys::relation_pk(&to.workspace, &target), cursor, PAGE).await
    }

    /// All things of a kind that memory holds, a page of them; those that are gone are not among them. Nothing for kinds
    /// that have no roster ([`keys::roster`]). `cursor` is the last page's.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn listed(
        &self,
        workspace: &WorkspaceId,
        kind: EntityType,
        cursor: Option<&str>,
        limit: i32,
    ) -> Result<Linked, StoreError> {
        let (shard, within) = match cursor.and_then(|cursor| cursor.split_once(' ')) {
            Some((shard, within)) => (shard.parse().unwrap_or(0), Some(within).filter(|within| !within.is_empty())),
            None => (0, None),
        };
        let Some(roster) = keys::roster_of(kind, shard) else { return Ok(Linked::default()) };
        let page = self.linked_to(&keys::relation_pk(workspace, &roster), within, limit).await?;
        let cursor = match page.cursor {
            Some(within) => Some(format!("{shard} {within}")),
            None => Some(shard + 1).filter(|next| *next < keys::ROSTER_SHARDS).map(|next| format!("{next} ")),
        };
        Ok(Linked { cursor, ..page })
    }

    /// How many things of a kind memory holds, of one shard of its roster. Costs a read unit for some 25 of them.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn count(&self, workspace: &WorkspaceId, kind: EntityType, shard: u8) -> Result<u64, StoreError> {
        let Some(roster) = keys::roster_of(kind, shard) else { return Ok(0) };
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_relation")
            .key_condition_expression("relation_pk = :pk")
            .expression_attribute_values(":pk", s(keys::relation_pk(workspace, &roster)))
            .select(Select::Count);
        let mut pages = query.into_paginator().send();
        let mut sum = 0_u64;
        while let Some(page) = pages.next().await {
            let counted = page.map_err(StoreError::unavailable)?.count();
            sum = sum.saturating_add(u64::try_from(counted).unwrap_or(0));
        }
        Ok(sum)
    }

    async fn linked_to(&self, relation_pk: &str, cursor: Option<&str>, limit: i32) -> Result<Linked, StoreError> {
        let start = cursor.map(|cursor| start_key(cursor, relation_pk)).transpose()?;
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_relation")
            .key_condition_expression("relation_pk = :pk")
            .expression_attribute_values(":pk", s(relation_pk))
            .set_exclusive_start_key(start)
            .limit(limit)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        let mut entities = Vec::new();
        for item in answer.items() {
            let entity = entity_of(item)?;
            if !entities.contains(&entity) {
                entities.push(entity);
            }
        }
        Ok(Linked { entities, cursor: answer.last_evaluated_key.as_ref().and_then(cursor_of) })
    }

    /// Whether anything links to a thing of Intercom's.
    pub(crate) async fn is_linked(&self, to: &EntityRef) -> Result<bool, StoreError> {
        let target = RelationTarget::new("intercom", to.entity_type.as_str(), &to.id);
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_relation")
            .key_condition_expression("relation_pk = :pk")
            .expression_attribute_values(":pk", s(keys::relation_pk(&to.workspace, &target)))
            .limit(1)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        Ok(answer.count() > 0)
    }

    /// Completes what is stored of a thing by what memory knows now of those it names, and writes what differs. `false`
    /// where nothing did.
    ///
    /// # Errors
    /// See [`StoreError`]; `Unavailable` too where others keep writing the same thing.
    pub async fn revise(&self, entity: &EntityRef) -> Result<bool, StoreError> {
        for attempt in 0..ATTEMPTS {
            let Some(stored) = self.stored(entity).await? else { return Ok(false) };
            if let Some(head) = stored.head.as_ref().filter(|head| head.tombstone.is_some()) {
                // What the attempt before put there came behind the tombstone.
                if attempt > 0 {
                    self.remove_behind(entity, head).await?;
                }
                return Ok(false);
            }
            let (view, known) = self.completed(&stored.view).await?;
            let contacts = stored.view.contacts();
            let erased = known.erased(contacts.iter().map(String::as_str));
            if !erased.is_empty() && is_deed(entity.entity_type) {
                self.remove(entity).await?;
                return Ok(true);
            }
            let rewritten = match self.rewrite(entity, &stored, &view).await? {
                Rewritten::Overtaken => continue,
                rewritten => rewritten == Rewritten::Done,
            };
            self.delete_all(entity, stored.stale.clone()).await?;
            // Last: by its links the thing is found again where all this did not come to its end.
            let unlinked = self.unlink(entity, &stored, &view).await?;
            return Ok(rewritten || unlinked || !stored.stale.is_empty());
        }
        Err(StoreError::Unavailable("a thing was written by others all the time".to_owned()))
    }

    /// Events, relations, document: each only where it is still as it was read.
    async fn rewrite(&self, entity: &EntityRef, stored: &Stored, view: &View) -> Result<Rewritten, StoreError> {
        let mut written = false;
        let before: HashMap<&str, &Event> = stored.view.events.iter().map(|e| (e.source_id.as_str(), e)).collect();
        let mut events = stored.head.as_ref().map(|head| head.events.clone()).unwrap_or_default();
        for event in &view.events {
            let Some(old) = before.get(event.source_id.as_str()).filter(|old| **old != event) else { continue };
            let shape = stored.shapes.get(&event.source_id).map(String::as_str).unwrap_or_default();
            if !self.replace_event(old, event, shape).await? {
                return Ok(Rewritten::Overtaken);
            }
            written = true;
        }
        // What stands for the words goes, also where another revision has blanked the event already.
        for event in view.events.iter().filter(|event| event.redacted) {
            let before = items::digests_before_redaction(event);
            if before.iter().filter(|digest| events.remove(*digest)).count() > 0 {
                events.insert(items::event_digest(event));
                written = true;
            }
        }
        let kept: HashSet<String> = view.relations.iter().map(Relation::sk).collect();
        let had: HashSet<String> = stored.view.relations.iter().map(Relation::sk).collect();
        let new: Vec<&Relation> = view.relations.iter().filter(|r| !had.contains(&r.sk())).collect();
        let (version, claim) = look_of(stored);
        written |= !new.is_empty();
        for relation in &new {
            let item = items::relation(relation, claim, version, self.retention);
            self.put_item(item, Some("attribute_not_exists(pk)")).await?;
        }
        let Some(head) = &stored.head else {
            return Ok(if written { Rewritten::Done } else { Rewritten::Nothing });
        };
        // A digest without its item goes too: a writer that was overtaken by another revision may have left one.
        let stretch = self.retention.stretch(version);
        let digest = |relation: &Relation| items::relation_digest(relation, stretch);
        let there = stored.view.relations.iter().filter(|relation| kept.contains(&relation.sk())).map(digest);
        let mut relations: HashSet<items::Digest> = there.filter(|digest| head.relations.contains(digest)).collect();
        relations.extend(new.iter().copied().map(digest));
        // And an item without its digest gets one: a revision that was killed may have left it. Not where links are still to be
        // removed: it may be one of those, and would be put back behind who removes it.
        let undigested = view.relations.iter().filter(|relation| {
            !head.unlinking && had.contains(&relation.sk()) && !relations.contains(&digest(relation))
        });
        let mut found = Vec::new();
        for relation in undigested {
            if self.put_relation(relation, claim, version).await? {
                found.push(digest(relation));
            }
        }
        relations.extend(found);
        written |= relations != head.relations;
        if !written && view.document == stored.view.document {
            return Ok(Rewritten::Nothing);
        }
        let marks = items::Marks {
            claim,
            shape: head.shape.clone(),
            fetched_at: head.fetched_at,
            events,
            relations,
            unlinking: head.unlinking,
        };
        let document = items::document(&view.document, &marks, self.retention);
        let now = items::rank(keys::DOCUMENT, &document.head);
        // The pieces have the keys that they had; a body is only ever taken away here, never changed.
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(document.head))
            .condition_expression(
                "attribute_not_exists(tombstone) AND version = :version AND claim = :claim AND shape = :shape \
                 AND content_digest = :content",
            )
            .expression_attribute_values(":version", n(head.updated_at))
            .expression_attribute_values(":claim", count(claim.0))
            .expression_attribute_values(":shape", s(&head.shape))
            .expression_attribute_values(":content", crate::item::b(&head.content));
        match if_held(request.send().await)? {
            Some(_) => {
                if now.1 == 0 && stored.view.document.body.is_some() {
                    self.remove_stale_document_pieces(entity, now, None).await?;
                }
                Ok(Rewritten::Done)
            }
            None => Ok(Rewritten::Overtaken),
        }
    }

    /// Removes the links that the view lacks, each only where it is still as it was read: what is known of those whom it
    /// names was read after it. (By the document's own look it could not be told: a writer that was killed may have left a
    /// link of a later one.) `true` where there were any.
    async fn unlink(&self, entity: &EntityRef, stored: &Stored, view: &View) -> Result<bool, StoreError> {
        let kept: HashSet<String> = view.relations.iter().map(Relation::sk).collect();
        let gone = stored.links.iter().filter(|(sk, _)| !kept.contains(*sk));
        let gone = gone.map(|(sk, (version, claim))| (sk.clone(), *version, *claim));
        Ok(self.delete_links(entity, gone, "version = :version AND claim = :claim").await? > 0)
    }

    /// Puts a blanked event in the place of the one that was read; `false` where another one stands there by now.
    async fn replace_event(&self, old: &Event, new: &Event, shape: &str) -> Result<bool, StoreError> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(items::event(new, shape, self.retention).0))
            .condition_expression("version = :version AND redacted = :redacted")
            .expression_attribute_values(":version", n(old.version.epoch_seconds()))
            .expression_attribute_values(":redacted", AttributeValue::Bool(old.redacted));
        let replaced = if_held(request.send().await)?.is_some();
        if replaced {
            self.remove_stale_continuations(new).await?;
        }
        Ok(replaced)
    }

    /// Removes a thing without a trace, where what it is about is buried elsewhere.
    pub(crate) async fn remove(&self, entity: &EntityRef) -> Result<(), StoreError> {
        // The links last, as in `revise`.
        for prefix in [keys::EVENT_PREFIX, items::DOCUMENT_PIECES] {
            self.delete_all(entity, self.keys_with_prefix(entity, prefix).await?).await?;
        }
        self.delete_all(entity, vec![keys::DOCUMENT.to_owned(), keys::CLAIM.to_owned()]).await?;
        self.delete_all(entity, self.keys_with_prefix(entity, keys::RELATION_PREFIX).await?).await
    }

    /// Notes that Intercom still shows a thing as it is stored.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn touch(&self, entity: &EntityRef, now: i64) -> Result<(), StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", s(entity.pk()))
            .key("sk", s(keys::DOCUMENT))
            .update_expression("SET fetched_at = :now")
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(tombstone)")
            .expression_attribute_values(":now", n(now));
        if_held(request.send().await).map(drop)
    }
}

impl MemoryTable {
    /// Notes that a look which began at `now` showed the same as `stored`, whose own look may have been too early in its
    /// second to show everything of it.
    pub(crate) async fn note_settled(&self, entity: &EntityRef, stored: &Head, now: i64) -> Result<(), StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", s(entity.pk()))
            .key("sk", s(keys::DOCUMENT))
            .update_expression("SET fetched_at = :now")
            .condition_expression(
                "attribute_not_exists(tombstone) AND version = :version AND claim = :claim AND fetched_at < :now",
            )
            .expression_attribute_values(":now", n(now))
            .expression_attribute_values(":version", n(stored.updated_at))
            .expression_attribute_values(":claim", count(stored.claim));
        if_held(request.send().await).map(drop)
    }
}

/// Which look at it a thing is stored of.
fn look_of(stored: &Stored) -> (Timestamp, Claim) {
    let (version, claim) = stored.head.as_ref().map_or((0, 0), |head| (head.updated_at, head.claim));
    (Timestamp::from_epoch_seconds(version).unwrap_or(Timestamp::EPOCH), Claim(claim))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rewritten {
    Nothing,
    Done,
    Overtaken,
}

/// What somebody did or was sent, and nothing else: it goes as a whole with whom it is about.
pub(crate) fn is_deed(entity_type: EntityType) -> bool {
    matches!(entity_type, EntityType::DataEvent | EntityType::ContentStat)
}

/// The keys of the item that a page ended with; the index's partition is known.
fn cursor_of(key: &Item) -> Option<String> {
    let read = Reader::new(key);
    serde_json::to_string(&[read.text("pk")?, read.text("sk")?, read.text("relation_sk")?]).ok()
}

fn start_key(cursor: &str, relation_pk: &str) -> Result<Item, StoreError> {
    let malformed = |_| StoreError::Malformed { key: relation_pk.to_owned(), what: "cursor" };
    let [pk, sk, relation_sk]: [String; 3] = serde_json::from_str(cursor).map_err(malformed)?;
    Ok(Item::from([
        ("pk".to_owned(), s(pk)),
        ("sk".to_owned(), s(sk)),
        ("relation_pk".to_owned(), s(relation_pk)),
        ("relation_sk".to_owned(), s(relation_sk)),
    ]))
}
