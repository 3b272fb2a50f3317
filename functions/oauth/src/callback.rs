//! The end of an installation: Intercom sends the browser back with a code.

use intercom::{
    Timestamp, WorkspaceId,
    client::{ApiError, Me, Resource},
    oauth::{ExchangeError, exchange},
};
use platform::{
    cipher::TokenCipher,
    credentials::CredentialsSource,
    http::{Request, Response, StatusCode},
};
use secrecy::SecretString;
use store::{
    StoreError,
    installation::{Installation, Status, StoredToken},
    oauth_state::OauthState,
};
use url::Url;

use crate::{
    App,
    install::{binding_hash, cookie_name, spent_cookie},
    pages::{self, Page},
    return_to,
};

/// An installation that is done.
struct Connected {
    workspace: WorkspaceId,
    name: Option<String>,
    /// The workspace was known before.
    again: bool,
}

/// An installation that Intercom or we refused, after the browser had shown that it began here.
struct Refusal {
    page: Page,
    status: StatusCode,
}

/// Longest code that is passed on, in bytes.
const MAX_CODE: usize = 4096;

impl<C: TokenCipher, S: CredentialsSource> App<C, S> {
    /// `GET /api/intercom/callback`
    pub(crate) async fn callback(&self, request: &Request) -> Response<String> {
        let install = self.install_url(request, None);
        let code = request.query("code").filter(|code| !code.is_empty() && code.len() <= MAX_CODE);
        let Some(code) = code else {
            self.count_refusal(if request.query("error").is_some() { "denied" } else { "no code" });
            return Page::new("Intercom was not connected")
                .text("Intercom sent no authorisation: it was cancelled, or this page was opened by itself.")
                .link("Connect Intercom", &install)
                .respond(StatusCode::BAD_REQUEST);
        };
        // A code that did not begin at our install page may be somebody else's: it is never exchanged.
        let Some(nonce) = request.query("state").filter(|state| !state.is_empty()) else {
            return pages::redirect(&install, &[]);
        };
        let state = match self.check_state(request, nonce, &install).await {
            Ok(state) => state,
            Err(response) => return *response,
        };
        // Checked again: the list may have become shorter since the state was made.
        let return_to = state.return_to.as_deref().and_then(|address| self.config.return_to.allowed(address));
        let install = self.install_url(request, return_to.as_ref());
        let mut response = match self.connect(request, SecretString::from(code), &install).await {
            Ok(connected) => self.connected(request, &connected, return_to),
            Err(refusal) => self.refused(*refusal, return_to.is_some()),
        };
        pages::set_cookie(&mut response, &spent_cookie(nonce));
        response
    }

    /// The state is one of ours, unused, and began in this browser.
    async fn check_state(
        &self,
        request: &Request,
        nonce: &str,
        install: &str,
    ) -> Result<OauthState, Box<Response<String>>> {
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
        if let Some(state) = state.filter(|state| cookie.as_ref() == Some(&state.binding)) {
            return Ok(state);
        }
        tracing::warn!("a callback with a foreign, expired or used state was refused");
        self.count_refusal("state");
        let page = Page::new("This installation link is no longer valid")
            .text("It was used already, is older than ten minutes, or began in another browser. Please begin again.")
            .link("Connect Intercom", install)
            .respond(StatusCode::BAD_REQUEST);
        Err(Box::new(page))
    }

    /// Exchanges the code and stores what it opens.
    async fn connect(&self, request: &Request, code: SecretString, install: &str) -> Result<Connected, Box<Refusal>> {
        let credentials = self.credentials.current().await;
        let token =
            exchange(&*self.http, &self.config.api_base, &credentials.client_id, &credentials.client_secret, &code)
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
        let installation = self.installation(request, &me, &token, install).await?;
        let not_stored = |error: StoreError| {
            tracing::error!(%error, workspace = %me.workspace, "the installation was not stored, or not whole");
            self.count_refusal("storing");
            let page = Page::new("The connection could not be stored")
                .text("Something is not working on our side. Please connect again in a minute.")
                .link("Connect Intercom", install);
            Box::new(Refusal { page, status: StatusCode::SERVICE_UNAVAILABLE })
        };
        let before = self.tables.installations.get(&me.workspace).await.map_err(not_stored)?.map(|i| i.status);
        self.tables.installations.put(&installation).await.map_err(not_stored)?;
        self.wake(&me.workspace).await.map_err(not_stored)?;
        if before == Some(Status::Uninstalled) {
            // While it was uninstalled, messages were dropped unread: the next walk compares everything, and fetches
            // what is missing.
            for resource in Resource::ALL {
                let marked = self.tables.checkpoints.mark_dirty(&me.workspace, resource.path(), Timestamp::EPOCH);
                marked.await.map_err(not_stored)?;
            }
        }
        tracing::info!(workspace = %me.workspace, before = before.map(Status::as_str), "installed");
        self.metrics.count("Installations", 1, &[("workspace", me.workspace.as_str())], self.clock.now_ms());
        Ok(Connected { workspace: me.workspace, name: me.name, again: before.is_some() })
    }

    /// Where the browser goes when all is done: back to the app that asked, to Intercom's App Store page, or to a page of
    /// our own that leads on to the status.
    fn connected(&self, request: &Request, connected: &Connected, return_to: Option<Url>) -> Response<String> {
        if let Some(to) = return_to {
            return pages::redirect(return_to::with_outcome(to, connected.workspace.as_str()).as_str(), &[]);
        }
        if self.config.app_store_redirect {
            return pages::redirect(return_to::app_store(&self.config.app_base, Ok(())).as_str(), &[]);
        }
        let name = connected.name.as_deref().unwrap_or(connected.workspace.as_str());
        let page = if connected.again {
            Page::new("Intercom is connected again").text(&format!(
                "Reading “{name}” goes on where it stopped, and what happens in Intercom arrives within seconds."
            ))
        } else {
            Page::new("Intercom is connected").text(&format!(
                "The history of “{name}” is being read from now on, and what happens in Intercom arrives within seconds."
            ))
        };
        let page = match self.status_link(request, &connected.workspace) {
            Some(link) => page.link("Watch the progress", &link),
            None => page,
        };
        page.text("You can close this page at any time; nothing stops.").respond(StatusCode::OK)
    }

    /// A person who came from Intercom's App Store is told there, in one sentence; anybody else on a page of ours.
    fn refused(&self, refusal: Refusal, returns: bool) -> Response<String> {
        if self.config.app_store_redirect && !returns {
            let message = refusal.page.title().to_owned();
            return pages::redirect(return_to::app_store(&self.config.app_base, Err(&message)).as_str(), &[]);
        }
        refusal.page.respond(refusal.status)
    }

    async fn installation(
        &self,
        request: &Request,
        me: &Me,
        token: &SecretString,
        install: &str,
    ) -> Result<Installation, Box<Refusal>> {
        let ciphertext = self.cipher.encrypt(&me.workspace, token).await.map_err(|error| {
            tracing::error!(%error, workspace = %me.workspace, "the token could not be encrypted");
            self.count_refusal("encryption");
            let page = Page::new("The connection could not be stored")
                .text("Nothing was stored. Please connect again in a minute.")
                .link("Connect Intercom", install);
            Box::new(Refusal { page, status: StatusCode::SERVICE_UNAVAILABLE })
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
            last_event_at: None,
        })
    }

    fn not_exchanged(&self, error: &ExchangeError, install: &str) -> Box<Refusal> {
        tracing::warn!(%error, "a code was not exchanged");
        self.count_refusal("exchange");
        let page = match error {
            // Its own trouble, or too many requests: neither the code nor the app's settings are to blame.
            ExchangeError::Refused { status: 429 | 500.., request_id } => Page::new("Intercom cannot answer now")
                .text("Nothing was stored. Please connect again in a minute.")
                .text(&format!("Intercom's request id: {request_id}")),
            ExchangeError::Refused { request_id, .. } => Page::new("Intercom did not accept the authorisation")
                .text("Please connect again. If it repeats, check the app's client id and client secret.")
                .text(&format!("Intercom's request id: {request_id}")),
            ExchangeError::Unreachable(_) => {
                Page::new("Intercom could not be reached").text("Nothing was stored. Please connect again in a minute.")
            }
        };
        Box::new(Refusal { page: page.link("Connect Intercom", install), status: StatusCode::BAD_GATEWAY })
    }

    fn not_known(&self, error: &ApiError, install: &str) -> Box<Refusal> {
        tracing::warn!(%error, "the new token does not say which workspace it opens");
        self.count_refusal("me");
        let page = match error {
            ApiError::Forbidden { request_id, .. } => Page::new("A permission is missing")
                .text("Tick “Read admins” among the app's permissions in Intercom's Developer Hub, then connect again.")
                .text(&format!("Intercom's request id: {request_id}")),
            ApiError::Unauthorized { request_id } => Page::new("Intercom took the access back at once")
                .text("The app was removed from the workspace while it was being connected. Please connect again.")
                .text(&format!("Intercom's request id: {request_id}")),
            _ => Page::new("Intercom did not say which workspace this is")
                .text("Nothing was stored. Please connect again in a minute."),
        };
        Box::new(Refusal { page: page.link("Connect Intercom", install), status: StatusCode::BAD_GATEWAY })
    }

    /// The token is given back at once: we must not hold one that nobody here wants.
    async fn not_allowed(&self, me: &Me, token: SecretString) -> Box<Refusal> {
        let base = self.config.api_base_of(me.region.as_deref());
        if let Err(error) = self.intercom(base, token).uninstall().await {
            tracing::warn!(%error, workspace = %me.workspace, "the token of a refused workspace could not be given back");
        }
        self.count_refusal("workspace");
        let page = Page::new("This workspace may not be connected here").text(&format!(
            "Nothing was stored. Ask whoever runs this installation to add {} to AllowedWorkspaces.",
            me.workspace
        ));
        Box::new(Refusal { page, status: StatusCode::FORBIDDEN })
    }

    fn count_refusal(&self, reason: &str) {
        self.metrics.count("CallbacksRefused", 1, &[("reason", reason)], self.clock.now_ms());
    }

    /// Where a person begins again.
    pub(crate) fn install_url(&self, request: &Request, return_to: Option<&Url>) -> String {
        let url = format!("{}/api/intercom/install", self.public_base(request).unwrap_or_default());
        match return_to {
            Some(to) => {
                let to: String = url::form_urlencoded::byte_serialize(to.as_str().as_bytes()).collect();
                format!("{url}?return_to={to}")
            }
            None => url,
        }
    }
}
