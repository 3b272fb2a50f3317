//! The current rate window of a workspace, shared by every function. Each call is one conditional write; what to write is
//! decided by `intercom::rate`.

use aws_sdk_dynamodb::{
    Client,
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use intercom::{WorkspaceId, rate::Window};

use crate::{
    StoreError,
    installation::pk,
    item::{Item, Reader, n, s},
};

const SK: &str = "RATE";

/// How long the item of a workspace that nobody calls any more is kept, in seconds.
const KEEP_SECONDS: i64 = 24 * 3600;

/// What became of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done; this is the window now.
    Done(Window),
    /// The window was another one by then: decide again. `None` where there is none yet.
    Changed(Option<Window>),
}

/// The rate windows in StateTable.
#[derive(Clone, Debug)]
pub struct RateWindows {
    client: Client,
    table: String,
}

impl RateWindows {
    /// In this table.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Takes `requests` of the window that ends at `ends_at_ms`, if so many and `keep` more are free.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn take(
        &self,
        workspace: &WorkspaceId,
        ends_at_ms: i64,
        requests: u32,
        keep: u32,
    ) -> Result<Outcome, StoreError> {
        let request = self
            .update(workspace)
            .update_expression("SET #free = #free - :n")
            .condition_expression("ends_at_ms = :ends AND #free >= :needed")
            .expression_attribute_values(":n", n(requests))
            .expression_attribute_values(":needed", n(i64::from(requests) + i64::from(keep)))
            .expression_attribute_values(":ends", n(ends_at_ms));
        Self::send(request).await
    }

    /// Begins a window, in place of the one that ended at `old_end_ms`; `None` where there was none.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn turn(
        &self,
        workspace: &WorkspaceId,
        old_end_ms: Option<i64>,
        to: Window,
    ) -> Result<Outcome, StoreError> {
        let request = self.replacing(workspace, to);
        let request = match old_end_ms {
            Some(old) => request.condition_expression("ends_at_ms = :old").expression_attribute_values(":old", n(old)),
            None => request.condition_expression("attribute_not_exists(ends_at_ms)"),
        };
        Self::send(request).await
    }

    /// Writes what an answer told about the window that was thought to end at `old_end_ms`: its real end and limit, and
    /// that no more than `to.free` are free. Within the same window `free` only falls.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn learn(
        &self,
        workspace: &WorkspaceId,
        old_end_ms: i64,
        to: Window,
        same_limit: bool,
    ) -> Result<Outcome, StoreError> {
        let request = self.replacing(workspace, to).expression_attribute_values(":old", n(old_end_ms));
        let request = if same_limit {
            request.condition_expression("ends_at_ms = :old AND #free >= :free")
        } else {
            request.condition_expression("ends_at_ms = :old")
        };
        Self::send(request).await
    }

    fn update(&self, workspace: &WorkspaceId) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("pk", s(pk(workspace)))
            .key("sk", s(SK))
            .expression_attribute_names("#free", "free") // a reserved word
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    fn replacing(&self, workspace: &WorkspaceId, to: Window) -> UpdateItemFluentBuilder {
        self.update(workspace)
            .update_expression("SET ends_at_ms = :ends, #limit = :limit, #free = :free, expires_at = :expires")
            .expression_attribute_names("#limit", "limit")
            .expression_attribute_values(":ends", n(to.ends_at_ms))
            .expression_attribute_values(":limit", n(to.limit))
            .expression_attribute_values(":free", n(to.free))
            .expression_attribute_values(":expires", n(to.ends_at_ms.div_euclid(1000) + KEEP_SECONDS))
    }

    async fn send(request: UpdateItemFluentBuilder) -> Result<Outcome, StoreError> {
        match request.send().await {
            Ok(answer) => {
                let item = answer.attributes.unwrap_or_default();
                read(&item).map(Outcome::Done).ok_or_else(|| Reader::new(&item).malformed("ends_at_ms"))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Outcome::Changed(failed.item.as_ref().and_then(read)))
                }
                _ => Err(StoreError::unavailable(error)),
            },
        }
    }
}

fn read(item: &Item) -> Option<Window> {
    let read = Reader::new(item);
    Some(Window {
        ends_at_ms: read.number("ends_at_ms")?,
        limit: read.number("limit")?,
        // Below zero it cannot fall; a number that is none counts as nothing free.
        free: read.number::<i64>("free").and_then(|free| u32::try_from(free).ok()).unwrap_or(0),
    })
}
