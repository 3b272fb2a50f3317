//! What may be used once: OAuth states (made by install, used up by callback) and status links.

use aws_sdk_dynamodb::{Client, types::ReturnValue};

use crate::{
    StoreError,
    error::if_held,
    item::{Reader, n, s},
};

const SK: &str = "STATE";

const LINK_SK: &str = "SPENT";

/// How long a spent link is remembered beyond its end, in seconds: clocks of two machines may differ.
const SPENT_KEPT_SECONDS: i64 = 3600;

/// What a state was made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OauthState {
    /// SHA-256 (hex) of the value in the browser's cookie: the state is good in that browser only.
    pub binding: String,
    /// When it ends, epoch seconds.
    pub expires_at: i64,
    /// Where the browser goes afterwards: checked against the allow list before it was stored.
    pub return_to: Option<String>,
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
        let mut request = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", s(pk(nonce)))
            .item("sk", s(SK))
            .item("binding", s(&state.binding))
            .item("expires_at", n(state.expires_at));
        if let Some(return_to) = &state.return_to {
            request = request.item("return_to", s(return_to));
        }
        request.send().await.map_err(StoreError::unavailable)?;
        Ok(())
    }

    /// Uses up a status link: `true` for the first caller with this nonce, `false` for every later one. Nothing is stored
    /// when a link is made, so that making one costs nothing; what is stored goes some time after `expires_at` (epoch
    /// seconds), when the link itself has ended.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn spend_link(&self, nonce: &str, expires_at: i64) -> Result<bool, StoreError> {
        let outcome = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", s(format!("LINK#{nonce}")))
            .item("sk", s(LINK_SK))
            .item("expires_at", n(expires_at.saturating_add(SPENT_KEPT_SECONDS)))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        Ok(if_held(outcome)?.is_some())
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
            return_to: read.text("return_to").map(str::to_owned),
        };
        Ok(Some(state).filter(|state| state.expires_at > now))
    }
}

fn pk(nonce: &str) -> String {
    format!("OAUTH#{nonce}")
}
