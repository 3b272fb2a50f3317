//! The app's credentials: two secrets in Secrets Manager, or (for `sam local invoke` without AWS) the environment.
//!
//! The stack writes the first one (client id and secret), at every deploy that changes them. The second is the operator's,
//! and no deploy touches it: the token of private-app mode, and a second webhook secret during a rotation.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_sdk_secretsmanager::error::DisplayErrorContext;
use intercom::{
    clock::Clock,
    signature::{SHORTEST_SECRET, SigningSecrets, is_usable},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::config::Environment;

/// How old credentials may become before they are read again, in milliseconds.
const MAX_AGE_MS: i64 = 5 * 60 * 1000;

/// How often at most a failing signature makes us look for a newer secret, in milliseconds.
const MIN_REFRESH_MS: i64 = 60 * 1000;

/// How long a request waits for fresher credentials. Intercom gives up after five seconds, and the queue needs its share
/// of them.
const REFRESH_TIMEOUT: Duration = Duration::from_millis(1_200);

/// `{"client_id","client_secret","webhook_secrets":[…],"access_token"}`; each may be empty where it is not used.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Credentials {
    /// The app's id in the Developer Hub; no secret.
    #[serde(default)]
    pub client_id: String,
    /// Signs webhooks and exchanges codes.
    #[serde(default)]
    pub client_secret: SecretString,
    /// Further secrets under which webhooks are accepted, while the client secret is being rotated.
    #[serde(default)]
    pub webhook_secrets: Vec<SecretString>,
    /// Private-app mode: the one workspace's token.
    #[serde(default)]
    pub access_token: SecretString,
}

impl Credentials {
    /// Everything that may have signed a request.
    ///
    /// # Errors
    /// Where neither a client secret nor a webhook secret is set.
    pub fn signing_secrets(&self) -> Result<SigningSecrets, intercom::signature::NoSecret> {
        let all = self.webhook_secrets.iter().chain([&self.client_secret]);
        SigningSecrets::new(all.cloned())
    }

    /// The token of private-app mode, if that is the mode.
    pub fn private_token(&self) -> Option<&SecretString> {
        Some(&self.access_token).filter(|token| is_usable(token))
    }

    /// Takes what the operator has put beside the stack's own secret.
    fn beside(mut self, optional: Optional) -> Self {
        self.webhook_secrets.extend(optional.webhook_secrets);
        if !optional.access_token.expose_secret().is_empty() {
            self.access_token = optional.access_token;
        }
        self
    }

    /// Says which values are too short to be used, by name: whoever put a word there wonders why nothing happens.
    fn tell_of_short_ones(&self) {
        let short = |secret: &SecretString| !secret.expose_secret().is_empty() && !is_usable(secret);
        for (name, is_short) in [
            ("client_secret", short(&self.client_secret)),
            ("webhook_secrets", self.webhook_secrets.iter().any(short)),
            ("access_token", short(&self.access_token)),
        ] {
            if is_short {
                tracing::error!(name, "a secret of fewer than {SHORTEST_SECRET} characters is not used");
            }
        }
    }
}

/// `{"access_token","webhook_secrets":[…]}`, the operator's own secret; nothing has to be in it.
#[derive(Clone, Debug, Default, Deserialize)]
struct Optional {
    #[serde(default)]
    access_token: SecretString,
    #[serde(default)]
    webhook_secrets: Vec<SecretString>,
}

/// The credentials cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Secrets Manager could not be reached or refused.
    #[error("Secrets Manager failed: {0}")]
    SecretsManager(String),
    /// The secret is not the JSON that the template writes. Its content is not shown.
    #[error(
        "the credentials secret is not JSON of the form {{\"client_id\",\"client_secret\",\"webhook_secrets\",\"access_token\"}}"
    )]
    Malformed,
    /// Secrets Manager did not answer while a request was waiting.
    #[error("Secrets Manager did not answer within {} ms", REFRESH_TIMEOUT.as_millis())]
    Slow,
}

/// Where credentials are read from.
pub trait CredentialsSource: Send + Sync {
    /// Reads them anew.
    fn read(&self) -> impl Future<Output = Result<Credentials, CredentialsError>> + Send;
}

/// The real source.
#[derive(Clone, Debug)]
pub enum Source {
    /// Secrets by their ids or ARNs.
    SecretsManager {
        /// The client.
        client: aws_sdk_secretsmanager::Client,
        /// The stack's.
        secret_id: String,
        /// The operator's.
        optional_id: Option<String>,
    },
    /// As given, from the environment.
    Fixed(Credentials),
}

impl Source {
    /// Secrets Manager where `CREDENTIALS_SECRET_ID` (and, for the operator's, `OPTIONAL_SECRET_ID`) is set, else the
    /// `INTERCOM_…` variables.
    pub fn from_environment(env: &Environment, aws: &aws_config::SdkConfig) -> Self {
        match env.get("CREDENTIALS_SECRET_ID") {
            Some(id) => Self::SecretsManager {
                client: aws_sdk_secretsmanager::Client::new(aws),
                secret_id: id.to_owned(),
                optional_id: env.get("OPTIONAL_SECRET_ID").map(str::to_owned),
            },
            None => {
                let secret = |name| SecretString::from(env.get(name).unwrap_or_default());
                Self::Fixed(Credentials {
                    client_id: env.get("INTERCOM_CLIENT_ID").unwrap_or_default().to_owned(),
                    client_secret: secret("INTERCOM_CLIENT_SECRET"),
                    webhook_secrets: vec![secret("INTERCOM_WEBHOOK_SECRET")],
                    access_token: secret("INTERCOM_ACCESS_TOKEN"),
                })
            }
        }
    }
}

impl CredentialsSource for Source {
    async fn read(&self) -> Result<Credentials, CredentialsError> {
        let credentials = match self {
            Self::Fixed(credentials) => credentials.clone(),
            Self::SecretsManager { client, secret_id, optional_id } => {
                // At the same time: a function that starts keeps somebody waiting.
                let (own, optional) =
                    tokio::try_join!(read_secret(client, secret_id), read_optional(client, optional_id.as_deref()))?;
                // The parser's own message could repeat a part of the secret.
                let own: Credentials =
                    serde_json::from_str(own.expose_secret()).map_err(|_| CredentialsError::Malformed)?;
                own.beside(optional)
            }
        };
        credentials.tell_of_short_ones();
        Ok(credentials)
    }
}

/// What the operator has put beside, by hand. A slip in it must not close the door to webhooks that the stack's own secret
/// signs, so it is told, and passed over.
async fn read_optional(
    client: &aws_sdk_secretsmanager::Client,
    secret_id: Option<&str>,
) -> Result<Optional, CredentialsError> {
    let Some(secret_id) = secret_id else { return Ok(Optional::default()) };
    let text = read_secret(client, secret_id).await?;
    Ok(serde_json::from_str(text.expose_secret()).unwrap_or_else(|_| {
        tracing::error!(
            "the optional secret is not JSON of the form {{\"access_token\",\"webhook_secrets\":[…]}}; it is left out"
        );
        Optional::default()
    }))
}

async fn read_secret(
    client: &aws_sdk_secretsmanager::Client,
    secret_id: &str,
) -> Result<SecretString, CredentialsError> {
    let answer = client
        .get_secret_value()
        .secret_id(secret_id)
        .send()
        .await
        .map_err(|e| CredentialsError::SecretsManager(DisplayErrorContext(e).to_string()))?;
    answer.secret_string.map(SecretString::from).ok_or(CredentialsError::Malformed)
}

/// The installation's own key, from the secret that the template generates.
///
/// # Errors
/// See [`CredentialsError`].
pub async fn operator_key(
    client: &aws_sdk_secretsmanager::Client,
    secret_id: &str,
) -> Result<SecretString, CredentialsError> {
    #[derive(Deserialize)]
    struct Keys {
        operator_key: SecretString,
    }
    let text = read_secret(client, secret_id).await?;
    let keys: Keys = serde_json::from_str(text.expose_secret()).map_err(|_| CredentialsError::Malformed)?;
    if keys.operator_key.expose_secret().is_empty() { Err(CredentialsError::Malformed) } else { Ok(keys.operator_key) }
}

/// Credentials in memory: read at start, again when older than five minutes, and at once (at most once a minute) when a
/// signature fails, so that a rotated secret needs no new deployment. While Secrets Manager fails, the last ones serve.
pub struct CachedCredentials<S> {
    source: S,
    clock: Arc<dyn Clock>,
    held: Mutex<Held>,
}

struct Held {
    credentials: Credentials,
    read_at_ms: i64,
    tried_at_ms: i64,
}

impl<S: CredentialsSource> CachedCredentials<S> {
    /// Reads them for the first time.
    ///
    /// # Errors
    /// See [`CredentialsError`]: a function without credentials does not start.
    pub async fn load(source: S, clock: Arc<dyn Clock>) -> Result<Self, CredentialsError> {
        let credentials = source.read().await?;
        let now = clock.now_ms();
        Ok(Self { source, clock, held: Mutex::new(Held { credentials, read_at_ms: now, tried_at_ms: now }) })
    }

    /// The credentials, at most five minutes old (older only while they cannot be read).
    pub async fn current(&self) -> Credentials {
        let now = self.clock.now_ms();
        let due = self.with(|held| now - held.read_at_ms >= MAX_AGE_MS && now - held.tried_at_ms >= MIN_REFRESH_MS);
        if due { self.refresh().await } else { self.with(|held| held.credentials.clone()) }
    }

    /// Newer credentials than those that just failed, or `None` where we looked less than a minute ago.
    pub async fn after_failure(&self) -> Option<Credentials> {
        let now = self.clock.now_ms();
        if self.with(|held| now - held.tried_at_ms < MIN_REFRESH_MS) {
            return None;
        }
        Some(self.refresh().await)
    }

    async fn refresh(&self) -> Credentials {
        let now = self.clock.now_ms();
        self.with(|held| held.tried_at_ms = now);
        let read = tokio::time::timeout(REFRESH_TIMEOUT, self.source.read()).await;
        match read.unwrap_or(Err(CredentialsError::Slow)) {
            Ok(fresh) => self.with(|held| {
                held.credentials = fresh.clone();
                held.read_at_ms = now;
                fresh
            }),
            Err(error) => {
                tracing::error!(%error, "the credentials could not be read again; the last ones stay in use");
                self.with(|held| held.credentials.clone())
            }
        }
    }

    fn with<T>(&self, f: impl FnOnce(&mut Held) -> T) -> T {
        f(&mut self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests;
