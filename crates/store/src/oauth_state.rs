//! One-time OAuth states: made by install, used up by callback.

use aws_sdk_dynamodb::{Client, types::ReturnValue};

use crate::{
    StoreError,
    item::{Reader, n, s},
};

const SK: &str = "STATE";

/// What a state was made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OauthState {
    /// SHA-256 (hex) of the value in the browser's cookie: the state is good in that browser only.
    pub binding: String,
    /// When it ends, epoch seconds.
    pub expires_at: i64,
}

/// The one-time states in StateTable.
#[derive(Clone, Debug)]
pub struct OauthStates {
    client: Client,
    table: String,
}

impl OauthStates {
    /// In this table.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Stores a new state.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn put(&self, nonce: &str, state: &OauthState) -> Result<(), StoreError> {
        self.client
            .put_item()
            .table_name(&self.table)
            .item("pk", s(pk(nonce)))
            .item("sk", s(SK))
            .item("binding", s(&state.binding))
            .item("expires_at", n(state.expires_at))
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        Ok(())
    }

    /// Takes a state out: of several callers with the same nonce, one gets it. Expired ones are `None` too (the table's
    /// own expiry comes late).
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn take(&self, nonce: &str, now: i64) -> Result<Option<OauthState>, StoreError> {
        let answer = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("pk", s(pk(nonce)))
            .key("sk", s(SK))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        let Some(item) = answer.attributes else { return Ok(None) };
        let read = Reader::new(&item);
        let state = OauthState {
            binding: read.text("binding").ok_or_else(|| read.malformed("binding"))?.to_owned(),
            expires_at: read.number("expires_at").ok_or_else(|| read.malformed("expires_at"))?,
        };
        Ok(Some(state).filter(|state| state.expires_at > now))
    }
}

fn pk(nonce: &str) -> String {
    format!("OAUTH#{nonce}")
}
