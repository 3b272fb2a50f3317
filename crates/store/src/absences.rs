//! How many things a workspace lost by a fetch alone, hour by hour, for all functions that fetch.
//!
//! A single thing that Intercom does not serve is gone from sight. Many at once are more likely a fault of Intercom's, or of
//! something on the way to it, than so many things gone without a word.

use aws_sdk_dynamodb::{Client, operation::update_item::builders::UpdateItemFluentBuilder, types::ReturnValue};
use intercom::WorkspaceId;

use crate::{
    StoreError,
    error::if_held,
    installation::pk,
    item::{Reader, n, s},
};

const SK: &str = "ABSENCES";

/// One count lasts so long, in seconds.
const WINDOW_SECONDS: i64 = 3600;

/// The counts in StateTable.
#[derive(Clone, Debug)]
pub struct Absences {
    client: Client,
    table: String,
}

impl Absences {
    /// In this table.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Counts one more at `now` (epoch seconds); gives how many it are in this hour.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn count(&self, workspace: &WorkspaceId, now: i64) -> Result<u32, StoreError> {
        let window = now.div_euclid(WINDOW_SECONDS);
        // Another process may begin the hour between the two.
        for _ in 0..2 {
            let more = self
                .update(workspace, window)
                .update_expression("ADD absences :one")
                .condition_expression("counted_in = :window");
            if let Some(answer) = if_held(more.send().await)? {
                let item = answer.attributes.unwrap_or_default();
                return Ok(Reader::new(&item).number("absences").unwrap_or(1));
            }
            let first = self
                .update(workspace, window)
                .update_expression("SET absences = :one, counted_in = :window, expires_at = :end")
                .condition_expression("attribute_not_exists(counted_in) OR counted_in <> :window")
                .expression_attribute_values(":end", n((window + 2) * WINDOW_SECONDS));
            if if_held(first.send().await)?.is_some() {
                return Ok(1);
            }
        }
        Err(StoreError::Unavailable("two hours began at once".to_owned()))
    }

    /// When the hour of `now` is over, epoch seconds.
    pub fn next_hour(now: i64) -> i64 {
        now.div_euclid(WINDOW_SECONDS).saturating_add(1).saturating_mul(WINDOW_SECONDS)
    }

    fn update(&self, workspace: &WorkspaceId, window: i64) -> UpdateItemFluentBuilder {
        let request = self.client.update_item().table_name(&self.table).key("pk", s(pk(workspace))).key("sk", s(SK));
        request
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":window", n(window))
            .return_values(ReturnValue::UpdatedNew)
    }
}
