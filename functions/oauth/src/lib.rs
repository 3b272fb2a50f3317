//! The OAuth function: install, callback, status, and the two notices that Intercom sends about installations.
//!
//! Error policy: whoever stands before the browser gets a page with one sentence of what to do; causes go to the log,
//! with ids but without codes, states, tokens or secrets.

mod callback;
mod install;
mod notices;
mod pages;
mod report;
pub mod return_to;
mod session;
mod status;

use std::sync::Arc;

use intercom::{
    client::{Client, Transport, region_base},
    clock::Clock,
    rate::{LocalPacer, Priority},
};
use platform::{
    cipher::TokenCipher,
    config::{AllowedWorkspaces, ConfigError, Environment},
    credentials::{CachedCredentials, CredentialsSource},
    http::{Method, Request, Response, StatusCode, plain},
    metrics::Metrics,
    random::Random,
};
use secrecy::SecretString;
use store::{StoreError, checkpoint::Checkpoints, installation::Installations, oauth_state::OauthStates};
use url::Url;

use return_to::ReturnToOrigins;

/// How long one request to us may take, calls to Intercom included, in milliseconds. The gateway gives up after 30 s.
const BUDGET_MS: i64 = 20_000;

/// What the function is told by its environment.
#[derive(Clone, Debug)]
pub struct Config {
    /// `INTERCOM_API_BASE_URL`
    pub api_base: Url,
    /// `INTERCOM_APP_BASE_URL`
    pub app_base: Url,
    /// `INTERCOM_VERSION`
    pub version: String,
    /// `PUBLIC_BASE_URL`; without it, the host that the browser asked for.
    pub public_base: Option<Url>,
    /// `ALLOWED_WORKSPACES`
    pub allowed: AllowedWorkspaces,
    /// `RETURN_TO_ORIGINS`
    pub return_to: ReturnToOrigins,
    /// `APP_STORE_REDIRECT`: a browser that no app wants back ends on Intercom's App Store page, as Intercom asks of apps
    /// that are listed there, instead of on ours.
    pub app_store_redirect: bool,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable.
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            api_base: env.base_url("INTERCOM_API_BASE_URL", "https://api.intercom.io")?,
            app_base: env.base_url("INTERCOM_APP_BASE_URL", "https://app.intercom.com")?,
            version: env.get("INTERCOM_VERSION").unwrap_or("2.14").to_owned(),
            public_base: match env.get("PUBLIC_BASE_URL") {
                Some(_) => Some(env.base_url("PUBLIC_BASE_URL", "")?),
                None => None,
            },
            allowed: AllowedWorkspaces::read(env)?,
            return_to: ReturnToOrigins::read(env)?,
            app_store_redirect: env.parsed("APP_STORE_REDIRECT", false, "true or false")?,
        })
    }

    /// Where a workspace's API is: its region's host, unless another host than Intercom's default is configured.
    fn api_base_of(&self, region: Option<&str>) -> Url {
        let is_default = self.api_base.host_str() == Some("api.intercom.io");
        let regional = region_base(region).filter(|_| is_default).and_then(|base| base.parse().ok());
        regional.unwrap_or_else(|| self.api_base.clone())
    }
}

/// The tables that the function uses: all of them StateTable.
#[derive(Clone, Debug)]
pub struct Tables {
    /// Installations.
    pub installations: Installations,
    /// One-time states.
    pub states: OauthStates,
    /// Checkpoints: a new installation makes them due.
    pub checkpoints: Checkpoints,
}

/// Everything the function needs.
pub struct App<C, S> {
    /// What its environment says.
    pub config: Config,
    /// The key that opens the status route; `None` closes it.
    pub operator_key: Option<SecretString>,
    /// The app's credentials.
    pub credentials: CachedCredentials<S>,
    /// The tables.
    pub tables: Tables,
    /// Encrypts tokens.
    pub cipher: C,
    /// For calls to Intercom.
    pub http: Arc<dyn Transport>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For states.
    pub random: Arc<dyn Random>,
    /// Counts.
    pub metrics: Metrics,
}

impl<C: TokenCipher, S: CredentialsSource> App<C, S> {
    /// Answers one request.
    pub async fn answer(&self, request: Request) -> Response<String> {
        let route = request.path.rsplit_once("/api/intercom/").map_or("", |(_, route)| route).to_owned();
        match (&request.method, route.as_str()) {
            (&Method::GET, "install") => self.install(&request).await,
            (&Method::GET, "callback") => self.callback(&request).await,
            (&Method::GET, "status") => self.status(&request).await,
            (&Method::POST, "uninstall") => self.uninstall_notice(&request).await,
            (&Method::POST, "health") => self.health_check(&request).await,
            (_, "install" | "callback" | "status" | "uninstall" | "health") => {
                plain(StatusCode::METHOD_NOT_ALLOWED, "another method is needed here\n")
            }
            _ => plain(StatusCode::NOT_FOUND, "not found\n"),
        }
    }

    /// Where people and Intercom reach us, without a slash at the end.
    fn public_base(&self, request: &Request) -> Option<String> {
        match &self.config.public_base {
            Some(base) => Some(base.as_str().trim_end_matches('/').to_owned()),
            None => request.origin(),
        }
    }

    /// A client for one workspace (or for a token whose workspace is not known yet).
    fn intercom(&self, base: Url, token: SecretString) -> Client {
        let pacer = Arc::new(LocalPacer::new(10, Priority::Live, self.clock.now_ms()));
        let deadline = self.clock.now_ms().saturating_add(BUDGET_MS);
        Client::new(Arc::clone(&self.http), base, &*self.config.version, token, self.clock.clone(), pacer, deadline)
    }

    fn unavailable(&self, error: &StoreError) -> Response<String> {
        tracing::error!(%error, "a table failed");
        pages::Page::new("Something is not working on our side")
            .text("Nothing was changed. Please try again in a minute.")
            .respond(StatusCode::SERVICE_UNAVAILABLE)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_region_has_its_host_unless_another_one_than_intercoms_is_configured() {
        let config = |base: &str| Config::read(&Environment::from([("INTERCOM_API_BASE_URL", base)])).unwrap();
        let intercom = config("");
        for (region, host) in [
            (Some("US"), "api.intercom.io"),
            (Some("EU"), "api.eu.intercom.io"),
            (Some("eu-west-1"), "api.eu.intercom.io"),
            (Some("AU"), "api.au.intercom.io"),
            (Some("Mars"), "api.intercom.io"),
            (None, "api.intercom.io"),
        ] {
            assert_eq!(intercom.api_base_of(region).host_str(), Some(host), "{region:?}");
        }
        assert_eq!(config("https://proxy.example").api_base_of(Some("EU")).host_str(), Some("proxy.example"));
    }
}
