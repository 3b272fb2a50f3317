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
//!
//! Before it writes, every writer looks up those that the view names (`known`): what erased contacts wrote is blanked,
//! merged ones are followed, names and companies are as they are now. It looks again afterwards, and revises what it
//! wrote where somebody was erased or merged in between; so no writer that was slower than an erasure leaves words behind.

mod erase;
mod events;
mod items;
mod known;
mod observe;
mod read;
mod relations;
mod revise;
mod stored;
mod write;

use aws_sdk_dynamodb::{Client, types::ReturnValue};
use intercom::Timestamp;
use memory::{EntityRef, keys};

use crate::{
    StoreError,
    error::if_held,
    item::{Item, Reader, n, s},
};

pub use erase::{NOT_FOUND, Tombstone, TombstoneKind, UNPUBLISHED, is_withdrawn};
pub use items::part_digest;
pub use read::Head;
pub use revise::Linked;
pub use stored::Stored;

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
        /// What the documents of others repeat of this one (a name, a contact's companies) is another now: they have
        /// to be revised.
        renamed: bool,
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

    /// When a view of this time expires. What carries no time of change (teammates, teams, tags) does not expire by it: it
    /// stays as long as Intercom has it.
    fn view_expires_at(self, version: Timestamp) -> Option<i64> {
        self.expires_at(version).filter(|_| version > Timestamp::EPOCH)
    }

    /// Which stretch of time a view falls into, each as long as things are kept; 0 where they are kept for ever. A link is
    /// written once for each stretch, not with every view, so that it outlives what it belongs to and costs little.
    pub(crate) fn stretch(self, version: Timestamp) -> i64 {
        if self.days == 0 { 0 } else { version.epoch_seconds().div_euclid(i64::from(self.days) * 86_400) }
    }

    /// When a link of a view of this time expires: at the end of the next stretch.
    fn link_expires_at(self, version: Timestamp) -> Option<i64> {
        self.view_expires_at(version).map(|_| (self.stretch(version) + 2) * i64::from(self.days) * 86_400)
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
            .update_expression("SET workspace_id = :workspace, entity_type = :type, entity_id = :id ADD fetches :one")
            .expression_attribute_values(":workspace", s(entity.workspace.as_str()))
            .expression_attribute_values(":type", s(entity.entity_type.as_str()))
            .expression_attribute_values(":id", s(&entity.id))
            .expression_attribute_values(":one", n(1))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        let item = answer.attributes.unwrap_or_default();
        let read = Reader::new(&item);
        read.number("fetches").map(Claim).ok_or_else(|| read.malformed("fetches"))
    }

    /// Puts an item, where the condition (if any) holds; where it does not, that is fine.
    async fn put_item(&self, item: Item, condition: Option<&str>) -> Result<(), StoreError> {
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        if_held(request.set_condition_expression(condition.map(str::to_owned)).send().await).map(drop)
    }
}
