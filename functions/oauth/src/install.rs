//! The beginning of an installation: a one-time state, bound to the browser, and off to Intercom.

use intercom::oauth::authorize_url;
use platform::{
    cipher::TokenCipher,
    credentials::CredentialsSource,
    http::{Request, Response, StatusCode, plain},
};
use sha2::{Digest, Sha256};
use store::oauth_state::OauthState;
use url::Url;

use crate::{App, pages};

/// How long a person may take at Intercom's page, in seconds.
const STATE_SECONDS: i64 = 600;

impl<C: TokenCipher, S: CredentialsSource> App<C, S> {
    /// `GET /api/intercom/install`, with `?return_to=…` for an app that wants the browser back.
    pub(crate) async fn install(&self, request: &Request) -> Response<String> {
        if let Some(to) = self.elsewhere(request) {
            return pages::redirect(&to, &[]);
        }
        let return_to = match request.query("return_to").filter(|address| !address.is_empty()) {
            None => None,
            Some(address) => match self.config.return_to.allowed(address) {
                Some(url) => Some(url.to_string()),
                None => {
                    return pages::Page::new("This link cannot be used")
                        .text("The address to return to is not on this installation's list. Ask whoever runs it to add its origin to ReturnToOrigins.")
                        .link("Connect Intercom without returning", &self.install_url(request, None))
                        .respond(StatusCode::BAD_REQUEST);
                }
            },
        };
        let client_id = self.credentials.current().await.client_id;
        if client_id.is_empty() {
            return pages::Page::new("This installation has no Intercom app yet")
                .text("Set the parameter IntercomClientId (and the client secret) of the stack, then try again.")
                .respond(StatusCode::SERVICE_UNAVAILABLE);
        }
        let (Ok(nonce), Ok(binding)) = (self.random.bytes(), self.random.bytes()) else {
            return plain(StatusCode::SERVICE_UNAVAILABLE, "no randomness; try again\n");
        };
        let (nonce, binding) = (hex::encode(nonce), hex::encode(binding));
        let expires_at = self.clock.now_seconds().saturating_add(STATE_SECONDS);
        let state = OauthState { binding: binding_hash(&binding), expires_at, return_to };
        if let Err(error) = self.tables.states.put(&nonce, &state).await {
            return self.unavailable(&error);
        }
        let redirect_uri = self.public_base(request).map(|base| format!("{base}/api/intercom/callback"));
        let to = authorize_url(&self.config.app_base, &client_id, &nonce, redirect_uri.as_deref());
        let cookie = format!("{}={binding}; {ATTRIBUTES}; Max-Age={STATE_SECONDS}", cookie_name(&nonce));
        pages::redirect(to.as_str(), &[cookie])
    }

    /// Where an installation has to begin that began at another host than the public one: the cookie is the host's alone, and
    /// Intercom will send the browser back to the public one. Once only: what stands before the API may pass on another name
    /// than the browser's.
    fn elsewhere(&self, request: &Request) -> Option<String> {
        let public = self.config.public_base.as_ref()?;
        let here: Url = request.origin()?.parse().ok()?;
        if here.origin() == public.origin() || request.query(SENT_HERE).is_some() {
            return None;
        }
        let mut to: Url = self.install_url(request, None).parse().ok()?;
        to.query_pairs_mut().extend_pairs(&request.query).append_pair(SENT_HERE, "1");
        Some(to.into())
    }
}

/// The query parameter of a browser that was sent to the public host already.
const SENT_HERE: &str = "sent";

/// `__Host-`: only over HTTPS, only this host, never set by a subdomain. `Lax`: sent when Intercom sends the browser back.
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Lax";

/// One cookie a state, so that two tabs do not take each other's.
pub(crate) fn cookie_name(nonce: &str) -> String {
    format!("__Host-intercom-install-{}", nonce.get(..16).unwrap_or_default())
}

/// Takes the cookie away.
pub(crate) fn spent_cookie(nonce: &str) -> String {
    format!("{}=; {ATTRIBUTES}; Max-Age=0", cookie_name(nonce))
}

/// What is stored of the cookie's value. Both are random, so comparing hashes tells nothing by its time.
pub(crate) fn binding_hash(binding: &str) -> String {
    hex::encode(Sha256::digest(binding.as_bytes()))
}
