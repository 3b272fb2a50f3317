//! Installations: one item a workspace.

use aws_sdk_dynamodb::{Client, operation::update_item::builders::UpdateItemFluentBuilder, types::AttributeValue};
use intercom::WorkspaceId;

use crate::{
    StoreError,
    error::if_held,
    item::{Item, Reader, b, n, s},
};

const SK: &str = "INSTALLATION";

/// Whether work may be done for a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Connected.
    Active,
    /// Intercom refused the token: a person has to connect again.
    NeedsReauth,
    /// An uninstall notice came and is being checked.
    UninstallPending,
    /// Uninstalled; the token is erased.
    Uninstalled,
}

impl Status {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::NeedsReauth => "needs_reauth",
            Self::UninstallPending => "uninstall_pending",
            Self::Uninstalled => "uninstalled",
        }
    }

    fn read(text: &str) -> Option<Self> {
        [Self::Active, Self::NeedsReauth, Self::UninstallPending, Self::Uninstalled]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// Where a workspace's token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredToken {
    /// Here, encrypted for this workspace.
    Encrypted(Vec<u8>),
    /// In the credentials secret: private-app mode.
    Private,
    /// Nowhere: erased.
    None,
}

/// A workspace that has (or had) the app installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// Which.
    pub workspace: WorkspaceId,
    /// Its name, for people.
    pub name: Option<String>,
    /// As Intercom wrote it.
    pub region: Option<String>,
    /// Where its API is called.
    pub api_base_url: String,
    /// Where people reach us; `None` in private-app mode.
    pub public_base_url: Option<String>,
    /// Its token.
    pub token: StoredToken,
    /// Whether work may be done.
    pub status: Status,
    /// First install, epoch seconds.
    pub installed_at: i64,
    /// Last (re)install or change of status, epoch seconds.
    pub changed_at: i64,
    /// When the last live event came, epoch seconds, to about a minute. Written by [`Installations::note_event`] only.
    pub last_event_at: Option<i64>,
}

/// The installations in StateTable.
#[derive(Clone, Debug)]
pub struct Installations {
    client: Client,
    table: String,
}

impl Installations {
    /// In this table.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Reads one, consistently.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn get(&self, workspace: &WorkspaceId) -> Result<Option<Installation>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", s(pk(workspace)))
            .key("sk", s(SK))
            .consistent_read(true)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        answer.item.map(|item| read(workspace, &item)).transpose()
    }

    /// Writes an install or a re-install; the time of the first one is kept.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn put(&self, installation: &Installation) -> Result<(), StoreError> {
        let set = "SET #status = :status, #region = :region, #name = :name, api_base_url = :api, \
                   public_base_url = :public, token_kind = :kind, token_ciphertext = :token, changed_at = :changed, \
                   workspace_id = :workspace, installed_at = if_not_exists(installed_at, :installed) \
                   REMOVE purged_at";
        let optional = |text: &Option<String>| text.as_ref().map_or(AttributeValue::Null(true), s);
        let (kind, token) = match &installation.token {
            StoredToken::Encrypted(ciphertext) => ("encrypted", b(ciphertext)),
            StoredToken::Private => ("private", AttributeValue::Null(true)),
            StoredToken::None => ("none", AttributeValue::Null(true)),
        };
        self.update(&installation.workspace)
            .update_expression(set)
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#region", "region")
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":status", s(installation.status.as_str()))
            .expression_attribute_values(":region", optional(&installation.region))
            .expression_attribute_values(":name", optional(&installation.name))
            .expression_attribute_values(":api", s(&installation.api_base_url))
            .expression_attribute_values(":public", optional(&installation.public_base_url))
            .expression_attribute_values(":kind", s(kind))
            .expression_attribute_values(":token", token)
            .expression_attribute_values(":workspace", s(installation.workspace.as_str()))
            .expression_attribute_values(":installed", n(installation.installed_at))
            .expression_attribute_values(":changed", n(installation.changed_at))
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        Ok(())
    }

    /// Changes the status from one to another; `false` where it was another one by then.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn change_status(
        &self,
        workspace: &WorkspaceId,
        from: Status,
        to: Status,
        now: i64,
    ) -> Result<bool, StoreError> {
        // A token that is no longer good for anything is not kept.
        let erase = if to == Status::Uninstalled { ", token_kind = :none, token_ciphertext = :null" } else { "" };
        let mut request = self
            .update(workspace)
            .update_expression(format!("SET #status = :to, changed_at = :now{erase}"))
            .condition_expression("#status = :from")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":from", s(from.as_str()))
            .expression_attribute_values(":to", s(to.as_str()))
            .expression_attribute_values(":now", n(now));
        if !erase.is_empty() {
            request = request
                .expression_attribute_values(":none", s("none"))
                .expression_attribute_values(":null", AttributeValue::Null(true));
        }
        conditional(request).await
    }

    /// Intercom refused this very token: the workspace needs to be connected again. `false` where it is not active any
    /// more, or has another token by now: a call that was under way with the old one must not stop the new one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn refuse(&self, workspace: &WorkspaceId, token: &StoredToken, now: i64) -> Result<bool, StoreError> {
        let request = self
            .update(workspace)
            .update_expression("SET #status = :to, changed_at = :now")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":from", s(Status::Active.as_str()))
            .expression_attribute_values(":to", s(Status::NeedsReauth.as_str()))
            .expression_attribute_values(":now", n(now));
        let (same_token, value) = match token {
            StoredToken::Encrypted(ciphertext) => ("token_ciphertext = :token", b(ciphertext)),
            StoredToken::Private => ("token_kind = :token", s("private")),
            StoredToken::None => return Ok(false),
        };
        let request = request
            .condition_expression(format!("#status = :from AND {same_token}"))
            .expression_attribute_values(":token", value);
        conditional(request).await
    }

    /// Notes when a live event came (epoch seconds), unless a newer one is noted. Costs one write unit, noted or not:
    /// the caller asks at most once a minute.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn note_event(&self, workspace: &WorkspaceId, at: i64) -> Result<bool, StoreError> {
        let request = self
            .update(workspace)
            .update_expression("SET last_event_at = :at")
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(last_event_at) OR last_event_at < :at)",
            )
            .expression_attribute_values(":at", n(at));
        conditional(request).await
    }

    /// Everything that was remembered of an uninstalled workspace is gone; its name goes too. What stays says that the
    /// workspace was here and left.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn mark_purged(&self, workspace: &WorkspaceId, now: i64) -> Result<bool, StoreError> {
        let request = self
            .update(workspace)
            .update_expression("SET purged_at = :now REMOVE #name, last_event_at")
            .condition_expression("#status = :uninstalled")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":uninstalled", s(Status::Uninstalled.as_str()))
            .expression_attribute_values(":now", n(now));
        conditional(request).await
    }

    fn update(&self, workspace: &WorkspaceId) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key("pk", s(pk(workspace))).key("sk", s(SK))
    }
}

/// `false` where the condition did not hold.
async fn conditional(request: UpdateItemFluentBuilder) -> Result<bool, StoreError> {
    Ok(if_held(request.send().await)?.is_some())
}

/// The key of an installation, for conditions in other places.
pub(crate) const INSTALLATION_SK: &str = SK;

/// The partition of everything about a workspace in StateTable.
pub(crate) fn pk(workspace: &WorkspaceId) -> String {
    format!("WORKSPACE#{workspace}")
}

fn read(workspace: &WorkspaceId, item: &Item) -> Result<Installation, StoreError> {
    let read = Reader::new(item);
    let text = |name: &str| read.text(name).map(str::to_owned);
    let token = match read.text("token_kind") {
        Some("encrypted") => StoredToken::Encrypted(
            read.bytes("token_ciphertext").ok_or_else(|| read.malformed("token_ciphertext"))?.to_vec(),
        ),
        Some("private") => StoredToken::Private,
        _ => StoredToken::None,
    };
    Ok(Installation {
        workspace: workspace.clone(),
        name: text("name"),
        region: text("region"),
        api_base_url: text("api_base_url").ok_or_else(|| read.malformed("api_base_url"))?,
        public_base_url: text("public_base_url"),
        token,
        status: read.text("status").and_then(Status::read).ok_or_else(|| read.malformed("status"))?,
        installed_at: read.number("installed_at").unwrap_or_default(),
        changed_at: read.number("changed_at").unwrap_or_default(),
        last_event_at: read.number("last_event_at"),
    })
}
