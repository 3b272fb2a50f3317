//! The end of an installation: Intercom sends the browser back with a code.

use intercom::{
    client::{ApiError, Me, Resource},
    oauth::{ExchangeError, exchange},
};
use platform::{
    cipher::TokenCipher,
    credentials::CredentialsSource,
    http::{Request, Response, StatusCode},
};
use secrecy::SecretString;
use store::installation::{Installation, Status, StoredToken};

use crate::{
    App,
    install::{binding_hash, cookie_name, spent_cookie},
    pages::{self, Page},
};

/// Longest code that is passed on, in bytes.
const MAX_CODE: usize = 4096;

impl<C: TokenCipher, S: CredentialsSource> App<C, S> {
    /// `GET /api/intercom/callback`
    pub(crate) async fn callback(&self, request: &Request) -> Response<String> {
        let install = self.install_url(request);
        let code = request.query("code").filter(|code| !code.is_empty() && code.len() <= MAX_CODE);
        let Some(code) = code else {
            return Page::new("Intercom was not connected")
                .text("Intercom sent no authorisation: it was cancelled, or this page was opened by itself.")
                .link("Connect Intercom", &install)
                .respond(StatusCode::BAD_REQUEST);
        };
        // A code that did not begin at our install page may be somebody else's: it is never exchanged.
        let Some(nonce) = request.query("state").filter(|state| !state.is_empty()) else {
            return pages::redirect(&install, &[]);
        };
        if let Err(response) = self.check_state(request, nonce, &install).await {
            return *response;
        }
        let mut response = match self.connect(request, SecretString::from(code), &install).await {
            Ok(page) | Err(page) => page,
        };
        pages::set_cookie(&mut response, &spent_cookie(nonce));
        response
    }

    /// The state is one of ours, unused, and began in this browser.
    async fn check_state(&self, request: &Request, nonce: &str, install: &str) -> Result<(), Box<Response<String>>> {
        let looks_like_ours = nonce.len() == 64 && nonce.bytes().all(|b| b.is_ascii_hexdigit());
        let state = if looks_like_ours {
            match self.tables.states.take(nonce, self.clock.now_seconds()).await {
                Ok(state) => state,
                Err(error) => return Err(Box::new(self.unavailable(&error))),
            }
        } else {
            None
        };
        let cookie = request.cookie(&cookie_name(nonce)).map(binding_hash);
        if state.is_some_and(|state| cookie == Some(state.binding)) {
            return Ok(());
        }
        tracing::warn!("a callback with a foreign, expired or used state was refused");
        self.metrics.count("CallbacksRefused", 1, &[("reason", "state")], self.clock.now_ms());
        let page = Page::new("This installation link is no longer valid")
            .text("It was used already, is older than ten minutes, or began in another browser. Please begin again.")
            .link("Connect Intercom", install)
            .respond(StatusCode::BAD_REQUEST);
        Err(Box::new(page))
    }

    /// Exchanges the code and stores what it opens. Both outcomes are pages.
    async fn connect(
        &self,
        request: &Request,
        code: SecretString,
        install: &str,
    ) -> Result<Response<String>, Response<String>> {
        let credentials = self.credentials.current().await;
        let token =
            exchange(&self.http, &self.config.api_base, &credentials.client_id, &credentials.client_secret, &code)
                .await
                .map_err(|error| self.not_exchanged(&error, install))?;
        let me = self
            .intercom(self.config.api_base.clone(), token.clone())
            .me()
            .await
            .map_err(|error| self.not_known(&error, install))?;
        if !self.config.allowed.allows(&me.workspace) {
            return Err(self.not_allowed(&me, token).await);
        }
        let installation = self.installation(request, &me, &token).await?;
        self.tables.installations.put(&installation).await.map_err(|error| self.unavailable(&error))?;
        for resource in Resource::ALL {
            let due = self.tables.checkpoints.make_due(&me.workspace, resource.path(), self.clock.now_seconds());
            due.await.map_err(|error| self.unavailable(&error))?;
        }
        tracing::info!(workspace = %me.workspace, "installed");
        self.metrics.count("Installations", 1, &[("workspace", me.workspace.as_str())], self.clock.now_ms());
        let name = me.name.clone().unwrap_or_else(|| me.workspace.to_string());
        Ok(Page::new("Intercom is connected")
            .text(&format!(
                "The history of “{name}” is being read from now on, and what happens in Intercom arrives within seconds."
            ))
            .text("You can close this page.")
            .respond(StatusCode::OK))
    }

    async fn installation(
        &self,
        request: &Request,
        me: &Me,
        token: &SecretString,
    ) -> Result<Installation, Response<String>> {
        let ciphertext = self.cipher.encrypt(&me.workspace, token).await.map_err(|error| {
            tracing::error!(%error, workspace = %me.workspace, "the token could not be encrypted");
            Page::new("The connection could not be stored")
                .text("Nothing was stored. Please try again in a minute.")
                .respond(StatusCode::SERVICE_UNAVAILABLE)
        })?;
        let now = self.clock.now_seconds();
        Ok(Installation {
            workspace: me.workspace.clone(),
            name: me.name.clone(),
            region: me.region.clone(),
            api_base_url: self.config.api_base_of(me.region.as_deref()).to_string(),
            public_base_url: self.public_base(request),
            token: StoredToken::Encrypted(ciphertext),
            status: Status::Active,
            installed_at: now,
            changed_at: now,
        })
    }

    fn not_exchanged(&self, error: &ExchangeError, install: &str) -> Response<String> {
        tracing::warn!(%error, "a code was not exchanged");
        self.metrics.count("CallbacksRefused", 1, &[("reason", "exchange")], self.clock.now_ms());
        let page = match error {
            ExchangeError::Refused { request_id, .. } => Page::new("Intercom did not accept the authorisation")
                .text("Please connect again. If it repeats, check the app's client id and client secret.")
                .text(&format!("Intercom's request id: {request_id}")),
            ExchangeError::Unreachable(_) => {
                Page::new("Intercom could not be reached").text("Nothing was stored. Please connect again in a minute.")
            }
        };
        page.link("Connect Intercom", install).respond(StatusCode::BAD_GATEWAY)
    }

    fn not_known(&self, error: &ApiError, install: &str) -> Response<String> {
        tracing::warn!(%error, "the new token does not say which workspace it opens");
        self.metrics.count("CallbacksRefused", 1, &[("reason", "me")], self.clock.now_ms());
        let page = match error {
            ApiError::Forbidden { request_id, .. } => Page::new("A permission is missing")
                .text("Tick “Read admins” among the app's permissions in Intercom's Developer Hub, then connect again.")
                .text(&format!("Intercom's request id: {request_id}")),
            _ => Page::new("Intercom did not say which workspace this is")
                .text("Nothing was stored. Please connect again in a minute."),
        };
        page.link("Connect Intercom", install).respond(StatusCode::BAD_GATEWAY)
    }

    /// The token is given back at once: we must not hold one that nobody here wants.
    async fn not_allowed(&self, me: &Me, token: SecretString) -> Response<String> {
        let base = self.config.api_base_of(me.region.as_deref());
        if let Err(error) = self.intercom(base, token).uninstall().await {
            tracing::warn!(%error, workspace = %me.workspace, "the token of a refused workspace could not be given back");
        }
        self.metrics.count("CallbacksRefused", 1, &[("reason", "workspace")], self.clock.now_ms());
        Page::new("This workspace may not be connected here")
            .text(&format!(
                "Nothing was stored. Ask whoever runs this installation to add {} to AllowedWorkspaces.",
                me.workspace
            ))
            .respond(StatusCode::FORBIDDEN)
    }

    /// Where a person begins again.
    pub(crate) fn install_url(&self, request: &Request) -> String {
        format!("{}/api/intercom/install", self.public_base(request).unwrap_or_default())
    }
}
