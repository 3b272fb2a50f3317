//! What a sweep has seen so far: which ids Intercom listed, and which of the others it confirmed to be gone. Kept beside
//! the checkpoint, page by page, so that a sweep which is killed or takes hours goes on where it was. It ends by itself.

use std::collections::HashSet;

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use futures::{StreamExt, TryStreamExt};
use intercom::WorkspaceId;
use sha2::{Digest, Sha256};

use crate::{
    StoreError,
    installation::pk,
    item::{Item, Reader, b, n, s},
};

/// How long these items are kept, in seconds: longer than any sweep takes.
const KEEP_SECONDS: i64 = 14 * 86_400;

/// Something that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// Its id.
    pub id: String,
    /// The contact it was merged into, where that is why.
    pub merged_into: Option<String>,
}

/// One sweep of one resource of one workspace.
#[derive(Clone, Copy, Debug)]
pub struct SweepOf<'a> {
    /// Whose.
    pub workspace: &'a WorkspaceId,
    /// Of what.
    pub resource: &'a str,
    /// The checkpoint's generation.
    pub generation: u64,
}

/// The sweeps in StateTable.
#[derive(Clone, Debug)]
pub struct Sweeps {
    client: Client,
    table: String,
}

/// Stands for an id. Two of a million fall together once in ten million sweeps, and then one thing that is gone is found
/// by no sweep until its id's neighbour goes too.
fn mark(id: &str) -> u64 {
    let digest = Sha256::digest(id.as_bytes());
    digest.iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

impl Sweeps {
    /// In this table.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Keeps which ids a page listed: eight bytes each, so that a page of 150 costs two write units. `now` is epoch seconds.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn note_listed(
        &self,
        sweep: SweepOf<'_>,
        page: u64,
        ids: impl Iterator<Item = &str>,
        now: i64,
    ) -> Result<(), StoreError> {
        let marks: Vec<u8> = ids.flat_map(|id| mark(id).to_be_bytes()).collect();
        let item = Item::from([("marks".to_owned(), b(&marks))]);
        self.put(sweep, &format!("listed#{page:08}"), item, now).await
    }

    /// Every id that was listed.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn listed(&self, sweep: SweepOf<'_>) -> Result<Listed, StoreError> {
        let mut marks = HashSet::new();
        for item in self.items(sweep, "listed#").await? {
            let bytes = Reader::new(&item).bytes("marks").unwrap_or_default().to_vec();
            marks.extend(bytes.chunks_exact(8).filter_map(|mark| mark.try_into().ok()).map(u64::from_be_bytes));
        }
        Ok(Listed(marks))
    }

    /// Keeps what a page of questions found to be gone.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn note_gone(&self, sweep: SweepOf<'_>, page: u64, gone: &[Gone], now: i64) -> Result<(), StoreError> {
        if gone.is_empty() {
            return Ok(());
        }
        let one = |gone: &Gone| {
            let mut all = vec![s(&gone.id)];
            all.extend(gone.merged_into.iter().map(s));
            AttributeValue::L(all)
        };
        let item = Item::from([("gone".to_owned(), AttributeValue::L(gone.iter().map(one).collect()))]);
        self.put(sweep, &format!("gone#{page:08}"), item, now).await
    }

    /// Everything that was found to be gone.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn gone(&self, sweep: SweepOf<'_>) -> Result<Vec<Gone>, StoreError> {
        let mut gone = Vec::new();
        for item in self.items(sweep, "gone#").await? {
            let all = item.get("gone").and_then(|gone| gone.as_l().ok()).into_iter().flatten();
            gone.extend(all.filter_map(|one| {
                let mut texts = one.as_l().ok()?.iter().filter_map(|text| text.as_s().ok().cloned());
                Some(Gone { id: texts.next()?, merged_into: texts.next() })
            }));
        }
        Ok(gone)
    }

    fn prefix(sweep: SweepOf<'_>) -> String {
        format!("SWEEP#{}#{}#", sweep.resource, sweep.generation)
    }

    async fn put(&self, sweep: SweepOf<'_>, sk: &str, mut item: Item, now: i64) -> Result<(), StoreError> {
        item.insert("pk".to_owned(), s(pk(sweep.workspace)));
        item.insert("sk".to_owned(), s(Self::prefix(sweep) + sk));
        item.insert("expires_at".to_owned(), n(now.saturating_add(KEEP_SECONDS)));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map(|_| ()).map_err(StoreError::unavailable)
    }

    async fn items(&self, sweep: SweepOf<'_>, prefix: &str) -> Result<Vec<Item>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", s(pk(sweep.workspace)))
            .expression_attribute_values(":prefix", s(Self::prefix(sweep) + prefix))
            .consistent_read(true);
        let pages = query.into_paginator().items().send();
        let items = futures::stream::unfold(pages, |mut pages| async { Some((pages.next().await?, pages)) });
        items.map(|item| item.map_err(StoreError::unavailable)).try_collect().await
    }
}

/// The ids that a sweep's pages listed.
#[derive(Clone, Debug, Default)]
pub struct Listed(HashSet<u64>);

impl Listed {
    /// Whether a page listed it.
    pub fn has(&self, id: &str) -> bool {
        self.0.contains(&mark(id))
    }
}
