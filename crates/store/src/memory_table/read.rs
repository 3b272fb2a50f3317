//! Reading what is there.

use std::collections::{BTreeMap, HashMap, HashSet};

use aws_sdk_dynamodb::types::KeysAndAttributes;
use memory::{EntityRef, View, keys};

use super::{
    MemoryTable,
    erase::{Tombstone, TombstoneKind},
    items::{Digest, content_digest, part_digest, profile_digest, read_digests},
};
use crate::{
    StoreError,
    item::{Item, Reader, s},
};

/// What of a document decides about writing: not its text.
const HEAD: &str = "pk, sk, version, claim, shape, tombstone, deleted_at, merged_into, events_digest, \
                    relations_digest, unlinking, content_digest, profile_digest, fetched_at";

/// A view is settled where its look began more than so many seconds after the second in which the thing last changed: in the
/// next one Intercom's clock may still be in the one before.
const SETTLING: i64 = 1;

/// How far Intercom's clock may be ahead of ours, in seconds; a change further in the future is no change just now.
const CLOCKS_APART: i64 = 60;

/// Entities of one batch read.
const BATCH: usize = 100;

/// What is stored of a thing, as far as writing it needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// `updated_at` of the stored view, epoch seconds.
    pub updated_at: i64,
    /// The claim of the stored view.
    pub(crate) claim: u64,
    /// The transform and switches that made it.
    pub shape: String,
    /// Set where the thing is erased or gone.
    pub tombstone: Option<Tombstone>,
    pub(crate) events: HashSet<Digest>,
    pub(crate) relations: HashSet<Digest>,
    /// The writer of this view has, or had, links to remove; until it is done the view counts as not quite there.
    pub(crate) unlinking: bool,
    pub(crate) content: Vec<u8>,
    profile: Option<Vec<u8>>,
    /// When Intercom showed it like this, epoch seconds; 0 where that is not known.
    pub fetched_at: i64,
}

impl Head {
    pub(crate) fn read(item: &Item) -> Result<Self, StoreError> {
        let read = Reader::new(item);
        let kind = read.text("tombstone").map(TombstoneKind::read);
        Ok(Self {
            updated_at: read.number("version").ok_or_else(|| read.malformed("version"))?,
            claim: read.number("claim").unwrap_or_default(),
            shape: read.text("shape").unwrap_or_default().to_owned(),
            tombstone: kind.map(|kind| Tombstone {
                kind,
                deleted_at: read.text("deleted_at").unwrap_or_default().to_owned(),
                merged_into: read.text("merged_into").map(str::to_owned),
            }),
            events: read_digests(read.bytes("events_digest").unwrap_or_default()),
            relations: read_digests(read.bytes("relations_digest").unwrap_or_default()),
            unlinking: read.flag("unlinking"),
            content: read.bytes("content_digest").unwrap_or_default().to_vec(),
            profile: read.bytes("profile_digest").map(<[u8]>::to_vec),
            fetched_at: read.number("fetched_at").unwrap_or_default(),
        })
    }

    /// Erased for good.
    pub fn is_erased(&self) -> bool {
        self.tombstone.as_ref().is_some_and(|t| t.kind == TombstoneKind::Erased)
    }

    /// Erased, or merged into another: no fetch brings anything new.
    pub fn is_final(&self) -> bool {
        self.is_erased() || self.tombstone.as_ref().is_some_and(|t| t.merged_into.is_some())
    }

    /// Whether the documents of others, who repeat name and companies, have to follow this view.
    pub(crate) fn is_renamed_by(&self, view: &View) -> bool {
        let known = self.profile.as_ref().is_some_and(|profile| *profile != profile_digest(&view.document));
        known || (self.tombstone.is_some() && !self.is_final())
    }

    /// A document whose writer came to its end.
    fn is_whole(&self) -> bool {
        self.tombstone.is_none() && !self.unlinking
    }

    /// Whether this version of a part is stored already.
    pub fn has_part(&self, id: &str, version: intercom::Timestamp, redacted: bool) -> bool {
        self.is_whole() && self.events.contains(&part_digest(id, version, redacted))
    }

    /// Whether the look at it began when the second of its `updated_at` was over. One that came earlier may lack what happened
    /// in the rest of that second, and no later `updated_at` will ever say so.
    pub fn is_settled(&self) -> bool {
        let since_change = self.fetched_at.saturating_sub(self.updated_at);
        !(-CLOCKS_APART..=SETTLING).contains(&since_change)
    }

    /// Whether a view of this `updated_at`, made by this shape, is already there, and nothing can have come to it since.
    pub fn covers(&self, updated_at: i64, shape: &str) -> bool {
        let is_enough = self.updated_at > updated_at || (self.updated_at == updated_at && self.is_settled());
        self.is_final() || (self.is_whole() && is_enough && self.shape == shape)
    }

    /// Whether a view says something else about the thing than what is stored. Events are not compared.
    pub fn differs_from(&self, view: &View, shape: &str) -> bool {
        self.tombstone.is_some() || self.shape != shape || self.content != content_digest(&view.document)
    }
}

impl MemoryTable {
    /// What is stored of a thing.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn head(&self, entity: &EntityRef) -> Result<Option<Head>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", s(entity.pk()))
            .key("sk", s(keys::DOCUMENT))
            .projection_expression(HEAD)
            .consistent_read(true)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        answer.item.as_ref().map(Head::read).transpose()
    }

    /// The same for many things with as few requests as the service allows; things of which nothing is stored are absent.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn heads(&self, entities: &[EntityRef]) -> Result<HashMap<EntityRef, Head>, StoreError> {
        let by_key: BTreeMap<String, &EntityRef> = entities.iter().map(|e| (e.pk(), e)).collect();
        let all: Vec<Item> = by_key
            .keys()
            .map(|pk| Item::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s(keys::DOCUMENT))]))
            .collect();
        let mut heads = HashMap::new();
        for chunk in all.chunks(BATCH) {
            let request = KeysAndAttributes::builder()
                .set_keys(Some(chunk.to_vec()))
                .projection_expression(HEAD)
                .build()
                .map_err(|e| StoreError::Unavailable(e.to_string()))?;
            for item in self.batch_get(request).await? {
                if let Some(entity) = Reader::new(&item).text("pk").and_then(|pk| by_key.get(pk)) {
                    heads.insert((*entity).clone(), Head::read(&item)?);
                }
            }
        }
        Ok(heads)
    }

    /// At most 100 items. What one answer leaves out (16 MB, throttling) is asked for again, a few times.
    pub(crate) async fn batch_get(&self, request: KeysAndAttributes) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut wanted = request;
        for attempt in 0.. {
            let answer = self
                .client
                .batch_get_item()
                .request_items(&self.table, wanted)
                .send()
                .await
                .map_err(StoreError::unavailable)?;
            items.extend(answer.responses.unwrap_or_default().into_values().flatten());
            let Some(left) = answer.unprocessed_keys.unwrap_or_default().into_values().next() else { break };
            if attempt >= 5 {
                return Err(StoreError::Unavailable("a batch read was throttled".to_owned()));
            }
            wanted = left;
            tokio::time::sleep(std::time::Duration::from_millis(50 << attempt)).await;
        }
        Ok(items)
    }

    /// The sort keys of a thing's items that begin with a prefix.
    pub(crate) async fn keys_with_prefix(&self, entity: &EntityRef, prefix: &str) -> Result<Vec<String>, StoreError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", s(entity.pk()))
            .expression_attribute_values(":prefix", s(prefix))
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
}
