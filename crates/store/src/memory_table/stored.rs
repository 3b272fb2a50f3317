//! Reading a thing back whole: document, events and relations, split bodies put together.

use std::collections::BTreeMap;

use intercom::{Timestamp, WorkspaceId};
use memory::{Document, EntityRef, Event, Relation, RelationTarget, View, keys};
use serde::de::DeserializeOwned;

use super::{MemoryTable, items, observe::nameless, read::Head};
use crate::{
    StoreError,
    item::{Item, Reader, s},
};

/// Everything that is stored of one thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// What the document decides by; `None` where there is none.
    pub head: Option<Head>,
    /// The thing. Without a document, or with a tombstone in its place, the document here is an empty one.
    pub view: View,
    /// By the sort keys of the links: version and claim of the look that wrote each.
    pub(crate) links: BTreeMap<String, (i64, u64)>,
    /// By their source ids: the shapes of the events, which may be other ones than the document's.
    pub(crate) shapes: BTreeMap<String, String>,
    /// Sort keys of continuations that nothing stored refers to any more: whoever replaced what they belonged to did not
    /// come to remove them. Those of a version that is still to come are not among them.
    pub(crate) stale: Vec<String>,
}

impl MemoryTable {
    /// Everything that is stored of a thing; `None` where there is nothing.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn stored(&self, entity: &EntityRef) -> Result<Option<Stored>, StoreError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", s(entity.pk()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut items = BTreeMap::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(StoreError::unavailable)?;
            let sk = Reader::new(&item).text("sk").map(str::to_owned);
            items.extend(sk.filter(|sk| sk != keys::CLAIM).map(|sk| (sk, item)));
        }
        if items.is_empty() { Ok(None) } else { read(entity, &items).map(Some) }
    }
}

/// Reads the items of one thing, by their sort keys.
fn read(entity: &EntityRef, items: &BTreeMap<String, Item>) -> Result<Stored, StoreError> {
    let head = items.get(keys::DOCUMENT).map(Head::read).transpose()?;
    let document = match (items.get(keys::DOCUMENT), &head) {
        (Some(item), Some(head)) if head.tombstone.is_none() => document(entity, item, head, items)?,
        _ => nameless(entity),
    };
    let mut events = Vec::new();
    let mut relations = Vec::new();
    let mut links = BTreeMap::new();
    let mut shapes = BTreeMap::new();
    let mut stale = Vec::new();
    for (sk, item) in items {
        if sk.starts_with(keys::RELATION_PREFIX) {
            relations.push(relation(entity, item)?);
            let link = Reader::new(item);
            let look = (link.number("version").unwrap_or_default(), link.number("claim").unwrap_or_default());
            links.insert(sk.clone(), look);
        } else if item.contains_key("source_id") {
            let event = event(entity, sk, item, items)?;
            let shape = Reader::new(item).text("shape").unwrap_or_default();
            shapes.insert(event.source_id.clone(), shape.to_owned());
            events.push(event);
        } else if let Some(piece) = items::Piece::read(sk)
            && items.get(piece.of).is_some_and(|head| piece.is_stale(items::rank(piece.of, head)))
        {
            stale.push(sk.clone());
        }
    }
    Ok(Stored { head, view: View { document, events, relations }, links, shapes, stale })
}

fn document(
    entity: &EntityRef,
    item: &Item,
    head: &Head,
    items: &BTreeMap<String, Item>,
) -> Result<Document, StoreError> {
    let read = Reader::new(item);
    let updated_at = Timestamp::from_epoch_seconds(head.updated_at).ok_or_else(|| read.malformed("version"))?;
    let prefix = items::document_piece_prefix(super::Claim(head.claim), updated_at);
    Ok(Document {
        entity: entity.clone(),
        title: read.text("title").ok_or_else(|| read.malformed("title"))?.to_owned(),
        state: read.text("state").map(str::to_owned),
        url: read.text("url").map(str::to_owned),
        body: read.text("body").map(|first| whole(first, &prefix, item, items)).transpose()?,
        created_at: read.text("created_at").and_then(Timestamp::parse),
        updated_at,
        fields: deserialised(item, "fields")?,
        participants: deserialised(item, "participants")?,
        counts: deserialised(item, "counts")?,
        parts_truncated: read.flag("parts_truncated"),
    })
}

fn event(entity: &EntityRef, sk: &str, item: &Item, items: &BTreeMap<String, Item>) -> Result<Event, StoreError> {
    let read = Reader::new(item);
    let text = |name: &'static str| read.text(name).map(str::to_owned).ok_or_else(|| read.malformed(name));
    let version: i64 = read.number("version").ok_or_else(|| read.malformed("version"))?;
    let redacted = read.flag("redacted");
    let prefix = items::continuation_of(sk, version, redacted, read.text("shape").is_some_and(items::is_shown));
    Ok(Event {
        entity: entity.clone(),
        source_id: text("source_id")?,
        event_type: text("event_type")?,
        occurred_at: Timestamp::parse(&text("occurred_at")?).ok_or_else(|| read.malformed("occurred_at"))?,
        version: Timestamp::from_epoch_seconds(version).ok_or_else(|| read.malformed("version"))?,
        redacted,
        title: text("title")?,
        body: whole(read.text("body").unwrap_or_default(), &prefix, item, items)?,
        attributes: deserialised(item, "attributes")?,
        relations: deserialised(item, "relations")?,
        part_id: read.text("part_id").map(str::to_owned),
    })
}

fn relation(entity: &EntityRef, item: &Item) -> Result<Relation, StoreError> {
    let read = Reader::new(item);
    let text = |name: &'static str| read.text(name).map(str::to_owned).ok_or_else(|| read.malformed(name));
    let since = read.text("relation_sk").and_then(|sk| sk.split('#').next()).and_then(Timestamp::parse);
    Ok(Relation {
        entity: entity.clone(),
        entity_created_at: since.ok_or_else(|| read.malformed("relation_sk"))?,
        target: RelationTarget {
            provider: text("target_provider")?,
            entity_type: text("target_type")?,
            entity_id: text("target_id")?,
            title: read.text("target_title").map(str::to_owned),
            url: read.text("target_url").map(str::to_owned),
        },
        relationship: text("relationship")?,
    })
}

/// A body with its continuations. One that lacks a piece is an error: half a text must not be taken for the whole.
fn whole(first: &str, prefix: &str, head: &Item, items: &BTreeMap<String, Item>) -> Result<String, StoreError> {
    let read = Reader::new(head);
    let pieces: usize = read.number("pieces").unwrap_or_default();
    let mut body = first.to_owned();
    for number in 1..=pieces {
        let piece = items.get(&keys::continuation_sk(prefix, number)).map(Reader::new);
        body.push_str(piece.and_then(|piece| piece.text("body")).ok_or_else(|| read.malformed("pieces"))?);
    }
    Ok(body)
}

fn deserialised<T: DeserializeOwned + Default>(item: &Item, name: &'static str) -> Result<T, StoreError> {
    match item.get(name) {
        None => Ok(T::default()),
        Some(value) => serde_dynamo::from_attribute_value(value.clone()).map_err(|_| Reader::new(item).malformed(name)),
    }
}

/// A thing by what its items say of it.
pub(crate) fn entity_of(item: &Item) -> Result<EntityRef, StoreError> {
    let read = Reader::new(item);
    let workspace: WorkspaceId =
        read.text("workspace_id").and_then(|id| id.parse().ok()).ok_or_else(|| read.malformed("workspace_id"))?;
    let kind =
        read.text("entity_type").and_then(|kind| kind.parse().ok()).ok_or_else(|| read.malformed("entity_type"))?;
    Ok(EntityRef::new(&workspace, kind, read.text("entity_id").ok_or_else(|| read.malformed("entity_id"))?))
}
