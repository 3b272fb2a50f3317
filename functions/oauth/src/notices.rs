//! What Intercom tells us about installations: an uninstall, and its daily question after our health.

use intercom::{
    WorkspaceId,
    client::{ApiError, Resource},
    signature::{SignatureError, VerifiedBody, verify_body, verify_hub},
};
use platform::{
    cipher::TokenCipher,
    credentials::{Credentials, CredentialsSource},
    http::{Request, Response, StatusCode, plain},
};
use serde::Deserialize;
use serde_json::json;
use store::{
    StoreError,
    checkpoint::UNINSTALL,
    installation::{Installation, Status, StoredToken},
};

use crate::{
    App, pages,
    report::{Health, health},
};

#[derive(Deserialize)]
struct UninstallNotice {
    app_id: WorkspaceId,
}

#[derive(Deserialize)]
struct HealthCheck {
    workspace_id: WorkspaceId,
}

impl<C: TokenCipher, S: CredentialsSource> App<C, S> {
    /// `POST /api/intercom/uninstall`. The notice carries no time and may be old or replayed: work stops, and Intercom
    /// is asked whether the token still works. Only a refused token is erased.
    pub(crate) async fn uninstall_notice(&self, request: &Request) -> Response<String> {
        let notice: UninstallNotice = match self.verified(request).await {
            Ok(notice) => notice,
            Err(response) => return *response,
        };
        match self.check_uninstall(&notice.app_id).await {
            Ok(outcome) => {
                tracing::info!(workspace = %notice.app_id, outcome, "an uninstall notice came");
                let fields = [("workspace", notice.app_id.as_str()), ("outcome", outcome)];
                self.metrics.count("UninstallNotices", 1, &fields, self.clock.now_ms());
                plain(StatusCode::OK, "")
            }
            Err(error) => self.unavailable(&error),
        }
    }

    async fn check_uninstall(&self, workspace: &WorkspaceId) -> Result<&'static str, StoreError> {
        let now = self.clock.now_seconds();
        let Some(installation) = self.tables.installations.get(workspace).await? else {
            return Ok("unknown workspace");
        };
        let from = installation.status;
        if from == Status::Uninstalled {
            return Ok("uninstalled already");
        }
        // First of all what goes on where this ends, whatever happens to this invocation: the backfill's next tick asks
        // Intercom where we got no answer, and purges a day later where that is wanted.
        self.tables.checkpoints.make_due(workspace, UNINSTALL, now).await?;
        let change = |from, to| self.tables.installations.change_status(workspace, from, to, now);
        if from != Status::UninstallPending {
            change(from, Status::UninstallPending).await?;
        }
        match self.probe(&installation).await {
            Some(true) => {
                // What found the token refused earlier would otherwise never be looked at again.
                if change(Status::UninstallPending, Status::Active).await? && from != Status::Active {
                    self.wake(workspace).await?;
                }
                Ok("stale notice: the token still works")
            }
            Some(false) => {
                change(Status::UninstallPending, Status::Uninstalled).await?;
                Ok("uninstalled")
            }
            None => Ok("to be checked: Intercom did not answer"),
        }
    }

    /// Everything is read on from where it stands, at the next tick.
    pub(crate) async fn wake(&self, workspace: &WorkspaceId) -> Result<(), StoreError> {
        for resource in Resource::ALL {
            self.tables.checkpoints.make_due(workspace, resource.path(), self.clock.now_seconds()).await?;
        }
        Ok(())
    }

    /// Whether the token still works; `None` where that cannot be told now.
    async fn probe(&self, installation: &Installation) -> Option<bool> {
        let token = match &installation.token {
            StoredToken::Encrypted(ciphertext) => {
                self.cipher.decrypt(&installation.workspace, ciphertext).await.ok()?
            }
            StoredToken::Private => self.credentials.current().await.private_token()?.clone(),
            StoredToken::None => return Some(false),
        };
        match self.intercom(installation.api_base_url.parse().ok()?, token).me().await {
            // Without the permission for `/me` the token is none the less accepted.
            Ok(_) | Err(ApiError::Forbidden { .. }) => Some(true),
            Err(ApiError::Unauthorized { .. }) => Some(false),
            Err(_) => None,
        }
    }

    /// `POST /api/intercom/health`
    pub(crate) async fn health_check(&self, request: &Request) -> Response<String> {
        let check: HealthCheck = match self.verified(request).await {
            Ok(check) => check,
            Err(response) => return *response,
        };
        let answer = match self.judge(&check.workspace_id).await {
            Ok(Health::Ok) => json!({"state": "OK"}),
            Ok(Health::Unknown(message)) => json!({"state": "UNKNOWN", "message": message}),
            Ok(Health::Unhealthy(message)) => json!({
                "state": "UNHEALTHY", "message": message, "cta_type": "URL_CTA", "cta_label": "Connect again",
                "cta_url": self.install_url(request, None),
            }),
            // Intercom shows the answer to people: that we cannot tell is no fault of the installation.
            Err(error) => {
                tracing::error!(%error, "the health of an installation cannot be told");
                json!({"state": "UNKNOWN", "message": "The state cannot be told at the moment."})
            }
        };
        let mut response = plain(StatusCode::OK, &answer.to_string());
        pages::set_header(&mut response, "content-type", "application/json");
        response
    }

    async fn judge(&self, workspace: &WorkspaceId) -> Result<Health, StoreError> {
        let installation = self.tables.installations.get(workspace).await?;
        let checkpoints = match &installation {
            Some(_) => self.tables.checkpoints.all(workspace).await?,
            None => Vec::new(),
        };
        Ok(health(installation.as_ref(), &checkpoints, self.clock.now_seconds()))
    }

    /// Verifies and reads a notice. Which header Intercom sends is not documented for uninstalls, so either is taken;
    /// where both are there, both must hold.
    async fn verified<T: for<'de> Deserialize<'de>>(&self, request: &Request) -> Result<T, Box<Response<String>>> {
        let refused = |error: SignatureError| {
            tracing::warn!(%error, path = request.path, "a notice was refused");
            self.metrics.count("RequestsUnverified", 1, &[], self.clock.now_ms());
            Box::new(plain(StatusCode::UNAUTHORIZED, "the signature does not hold\n"))
        };
        let verified = match verify(request, &self.credentials.current().await) {
            Err(SignatureError::Mismatch) => match self.credentials.after_failure().await {
                Some(newer) => verify(request, &newer),
                None => Err(SignatureError::Mismatch),
            },
            outcome => outcome,
        };
        let body = verified.map_err(refused)?;
        serde_json::from_slice(body.bytes()).map_err(|_| Box::new(plain(StatusCode::BAD_REQUEST, "not a notice\n")))
    }
}

fn verify(request: &Request, credentials: &Credentials) -> Result<VerifiedBody, SignatureError> {
    let secrets = credentials.signing_secrets().map_err(|_| SignatureError::Mismatch)?;
    let body = request.body.clone();
    match (request.header("x-body-signature"), request.header("x-hub-signature")) {
        (None, None) => Err(SignatureError::Missing),
        (Some(sha256), None) => verify_body(&secrets, Some(sha256), body),
        (None, Some(sha1)) => verify_hub(&secrets, Some(sha1), body),
        (Some(sha256), Some(sha1)) => {
            verify_hub(&secrets, Some(sha1), body.clone())?;
            verify_body(&secrets, Some(sha256), body)
        }
    }
}
