//! Removing everything that is remembered of an uninstalled workspace (`OnUninstall: purge`).
//!
//! MemoryTable's keys begin with the workspace but no index is by workspace alone, so a purge reads the whole table once,
//! a page (1 MB) at a time: half a read unit per 4 KB of the table, about 131,000 units a GB, whoever's items they are.
//! Deletes are transactions that ask for the workspace to be still uninstalled, so that no delete can follow a
//! re-install, whatever is under way; that doubles their price, to two write units per KB, indexes apart.

use aws_sdk_dynamodb::{
    Client,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, ConditionCheck, Delete, TransactWriteItem},
};
use futures::{TryStreamExt, stream};
use intercom::WorkspaceId;

use crate::{
    StoreError,
    installation::{INSTALLATION_SK, Status, pk},
    item::{Item, Reader, s},
};

/// Deletes of one transaction: DynamoDB takes 100 actions, one of which is the check.
const CHUNK: usize = 99;

/// Transactions under way at once.
const CONCURRENCY: usize = 4;

/// Removes a workspace from MemoryTable; needs both tables.
#[derive(Clone, Debug)]
pub struct Purge {
    client: Client,
    state_table: String,
    memory_table: String,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purged {
    /// So many items were removed; the next step goes on at `next`, or everything is gone.
    Items {
        /// Items removed by this step.
        items: usize,
        /// Where the next step begins; `None` at the end of the table.
        next: Option<String>,
    },
    /// The workspace is no longer uninstalled: nothing (more) was removed.
    CameBack,
}

impl Purge {
    /// In these tables.
    pub fn new(client: Client, state_table: impl Into<String>, memory_table: impl Into<String>) -> Self {
        Self { client, state_table: state_table.into(), memory_table: memory_table.into() }
    }

    /// Forgets how far the given resources were read: once a purge has begun, whoever comes back reads everything anew.
    /// `false` where the workspace is no longer uninstalled.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn forget_checkpoints(&self, workspace: &WorkspaceId, resources: &[&str]) -> Result<bool, StoreError> {
        let key = |resource: &&str| (pk(workspace), format!("CHECKPOINT#{resource}"));
        self.delete(workspace, &self.state_table, &resources.iter().map(key).collect::<Vec<_>>()).await
    }

    /// Reads one page of MemoryTable from `from` on (as an earlier step told) and removes what is the workspace's. Done
    /// half, it is done again in full by the next attempt.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn step(&self, workspace: &WorkspaceId, from: Option<&str>) -> Result<Purged, StoreError> {
        let answer = self
            .client
            .scan()
            .table_name(&self.memory_table)
            // A workspace id holds no `#`, so no other workspace's key begins so.
            .filter_expression("begins_with(pk, :prefix)")
            .projection_expression("pk, sk")
            .expression_attribute_values(":prefix", s(format!("{workspace}#")))
            .set_exclusive_start_key(from.and_then(read_cursor))
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        let keys: Vec<_> = answer.items().iter().filter_map(key_of).collect();
        let next = answer.last_evaluated_key().and_then(write_cursor);
        let deleted: Vec<bool> = stream::iter(keys.chunks(CHUNK).map(Ok::<_, StoreError>))
            .map_ok(|chunk| self.delete(workspace, &self.memory_table, chunk))
            .try_buffer_unordered(CONCURRENCY)
            .try_collect()
            .await?;
        if deleted.contains(&false) {
            return Ok(Purged::CameBack);
        }
        Ok(Purged::Items { items: keys.len(), next })
    }

    /// Deletes, if the workspace is uninstalled at that very moment.
    async fn delete(
        &self,
        workspace: &WorkspaceId,
        table: &str,
        keys: &[(String, String)],
    ) -> Result<bool, StoreError> {
        let malformed = |what: &'static str| StoreError::Malformed { key: pk(workspace), what };
        let check = ConditionCheck::builder()
            .table_name(&self.state_table)
            .key("pk", s(pk(workspace)))
            .key("sk", s(INSTALLATION_SK))
            .condition_expression("#status = :uninstalled")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":uninstalled", s(Status::Uninstalled.as_str()))
            .build()
            .map_err(|_| malformed("condition"))?;
        let mut actions = vec![TransactWriteItem::builder().condition_check(check).build()];
        for (pk, sk) in keys {
            let delete = Delete::builder().table_name(table).key("pk", s(pk)).key("sk", s(sk)).build();
            let delete = delete.map_err(|_| malformed("delete"))?;
            actions.push(TransactWriteItem::builder().delete(delete).build());
        }
        match self.client.transact_write_items().set_transact_items(Some(actions)).send().await {
            Ok(_) => Ok(true),
            Err(e) if e.as_service_error().is_some_and(check_failed) => Ok(false),
            Err(e) => Err(StoreError::unavailable(e)),
        }
    }
}

/// A transaction is also cancelled where another one is at the same item; that passes by itself.
fn check_failed(error: &TransactWriteItemsError) -> bool {
    match error {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some("ConditionalCheckFailed"))
        }
        _ => false,
    }
}

fn key_of(item: &Item) -> Option<(String, String)> {
    let read = Reader::new(item);
    Some((read.text("pk")?.to_owned(), read.text("sk")?.to_owned()))
}

/// `<length of pk>:<pk><sk>`: both may hold any character.
fn write_cursor(key: &Item) -> Option<String> {
    let (pk, sk) = key_of(key)?;
    Some(format!("{}:{pk}{sk}", pk.len()))
}

/// An unreadable cursor begins anew, which costs reads and loses nothing.
fn read_cursor(cursor: &str) -> Option<Item> {
    let (length, keys) = cursor.split_once(':')?;
    let (pk, sk) = keys.split_at_checked(length.parse().ok()?)?;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    Some(Item::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_cursor_reads_back_as_the_key_it_was_made_of() {
        let key = read_cursor("7:ws#a#1:event#2026#x:y").unwrap();
        assert_eq!(key_of(&key), Some(("ws#a#1:".into(), "event#2026#x:y".into())));
        assert_eq!(write_cursor(&key).as_deref(), Some("7:ws#a#1:event#2026#x:y"));
        assert_eq!(read_cursor("99:short"), None);
    }
}
