//! The webhook function: verify, enqueue, answer. It parses no more of a notification than its envelope, and touches
//! nothing but SQS and its credentials.
//!
//! | answer | when |
//! |---|---|
//! | 200 | SQS has the message; or the topic is only counted (`ping`, `api.request.completed`); or HEAD |
//! | 400 | the signature holds, but the body is no notification |
//! | 401 | no signature, or a wrong one |
//! | 403 | `ALLOWED_SOURCE_IPS` is set, and the caller is not in it |
//! | 503 | SQS did not take it within 3.5 s of the request's arrival: Intercom sends it once more after a minute |
//!
//! Never 410: Intercom would end the subscription for ever. Never 429 either, and there is no switch for it: Intercom
//! would slow the whole subscription down for up to two hours and drop what waits longer, while the queue behind this
//! door takes any load, and whoever has to go slowly (enrich, before Intercom's rate limit) takes its time there.
//!
//! A body is refused with 400 where it is not UTF-8, not a JSON object, names an envelope field twice, or has a topic or
//! an id of more than 256 bytes. There is no other limit of the content: depth, size, escaped half characters and
//! numbers of any length are queued as they came.

mod slim;
pub mod sources;

use std::{sync::Arc, time::Duration};

use intercom::{
    Topic,
    clock::Clock,
    notification::{Envelope, NotificationError},
    signature::{self, NoSecret, SignatureError, VerifiedBody},
};
use platform::{
    credentials::{CachedCredentials, CredentialsSource},
    http::{Method, Request, Response, StatusCode, plain},
    metrics::Metrics,
};
use serde_json::value::RawValue;
use store::{
    message::{MAX_NEW_MESSAGE, Message, Notification},
    queue::Queue,
};
use tokio::time::{Instant, timeout_at};

use sources::AllowedSources;

/// How long a request may take until SQS has the message. Intercom gives up after five seconds.
const ANSWER_WITHIN: Duration = Duration::from_millis(3_500);

/// Longest `X-Amzn-Trace-Id` that is passed on, in bytes. X-Ray's own have about 100.
const MAX_TRACE: usize = 512;

/// The path of the route; a stage's name may stand before it.
pub const PATH: &str = "/api/intercom/webhooks";

/// Why the function does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nothing could be verified.
    #[error(
        "the credentials secret (or INTERCOM_CLIENT_SECRET) holds no usable client secret: set the parameter IntercomClientSecret"
    )]
    NoSecret(#[source] NoSecret),
}

/// Answers Intercom.
pub struct Door<Q, S> {
    queue: Q,
    credentials: CachedCredentials<S>,
    sources: AllowedSources,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
}

impl<Q: Queue, S: CredentialsSource> Door<Q, S> {
    /// Made once per process. Takes notifications from anywhere.
    pub fn new(queue: Q, credentials: CachedCredentials<S>, clock: Arc<dyn Clock>, metrics: Metrics) -> Self {
        Self { queue, credentials, sources: AllowedSources::default(), clock, metrics }
    }

    /// Takes notifications from these addresses only.
    #[must_use]
    pub fn only_from(self, sources: AllowedSources) -> Self {
        Self { sources, ..self }
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request) -> Response<String> {
        if !request.path.ends_with(PATH) {
            return plain(StatusCode::NOT_FOUND, "not found\n");
        }
        match request.method {
            // Intercom validates the URL so when a subscription is saved; there is no signature to check.
            Method::HEAD => plain(StatusCode::OK, ""),
            Method::POST => self.receive(request).await,
            _ => plain(StatusCode::METHOD_NOT_ALLOWED, "POST notifications here\n"),
        }
    }

    async fn receive(&self, request: Request) -> Response<String> {
        let until = Instant::now() + ANSWER_WITHIN;
        let now_ms = self.clock.now_ms();
        if !self.sources.allows(request.source_ip.as_deref()) {
            tracing::warn!(
                source = request.source_ip,
                "a request from an address outside ALLOWED_SOURCE_IPS was refused"
            );
            self.metrics.count("RequestsFromElsewhere", 1, &[], now_ms);
            return plain(StatusCode::FORBIDDEN, "not from here\n");
        }
        let body = match self.verify(&request).await {
            Ok(body) => body,
            Err(error) => {
                tracing::warn!(%error, "a request was refused");
                self.metrics.count("RequestsUnverified", 1, &[], now_ms);
                return plain(StatusCode::UNAUTHORIZED, "the signature does not hold\n");
            }
        };
        let message = match read(&body, &request, now_ms) {
            Ok(message) => message,
            Err(error) => {
                tracing::warn!(error = %chain(&error), bytes = body.bytes().len(), "a signed body is no notification");
                self.metrics.count("NotificationsUnreadable", 1, &[], now_ms);
                return plain(StatusCode::BAD_REQUEST, "not a notification\n");
            }
        };
        let topic = message.topic.clone();
        let fields = [("topic", topic.as_str())];
        match Topic::from(topic.as_str()) {
            known if known.is_counted_only() => {
                self.metrics.count("NotificationsCounted", 1, &fields, now_ms);
                return plain(StatusCode::OK, "");
            }
            Topic::Other(name) => {
                tracing::warn!(topic = name, "a topic that this version does not know; queued as any")
            }
            _ => {}
        }
        let id = message.id.clone().unwrap_or_default();
        match timeout_at(until, self.queue.send(fitting(message), 0)).await {
            Ok(Ok(())) => {
                tracing::info!(%topic, id, "queued");
                self.metrics.count("NotificationsQueued", 1, &fields, now_ms);
                plain(StatusCode::OK, "")
            }
            Ok(Err(error)) => self.not_queued(&topic, &id, &error.to_string(), now_ms),
            Err(_) => self.not_queued(&topic, &id, "SQS did not answer in time", now_ms),
        }
    }

    fn not_queued(&self, topic: &str, id: &str, error: &str, now_ms: i64) -> Response<String> {
        tracing::error!(error, topic, id, "not queued; Intercom is asked to send it again");
        self.metrics.count("NotificationsNotQueued", 1, &[("topic", topic)], now_ms);
        plain(StatusCode::SERVICE_UNAVAILABLE, "try again\n")
    }

    /// With the secrets at hand; where those fail, once more with newer ones, since the secret may just have been
    /// rotated.
    async fn verify(&self, request: &Request) -> Result<VerifiedBody, SignatureError> {
        let header = request.joined_header("x-hub-signature");
        let check = |credentials: platform::credentials::Credentials| {
            let secrets = credentials.signing_secrets().map_err(|NoSecret| SignatureError::Mismatch)?;
            signature::verify_hub(&secrets, header.as_deref(), request.body.clone())
        };
        match check(self.credentials.current().await) {
            Err(SignatureError::Mismatch) => match self.credentials.after_failure().await {
                Some(newer) => check(newer),
                None => Err(SignatureError::Mismatch),
            },
            outcome => outcome,
        }
    }
}

fn read(body: &VerifiedBody, request: &Request, now_ms: i64) -> Result<Notification, NotificationError> {
    let envelope = Envelope::read(body)?;
    let text = body.text().map_err(NotificationError::NotText)?;
    Ok(Notification {
        workspace: envelope.workspace,
        id: envelope.id,
        topic: envelope.topic.as_str().to_owned(),
        received_at_ms: now_ms,
        deferrals: 0,
        put_off_since_ms: 0,
        trace: request.header("x-amzn-trace-id").filter(|t| t.len() <= MAX_TRACE).map(str::to_owned),
        notification: RawValue::from_string(text.to_owned()).map_err(NotificationError::NotJson)?,
    })
}

/// The text of a message that SQS takes.
fn fitting(notification: Notification) -> String {
    let text = Message::Notification(notification.clone()).write();
    if text.len() <= MAX_NEW_MESSAGE {
        return text;
    }
    tracing::warn!(bytes = text.len(), topic = notification.topic, "too large for a message; slimmed");
    let notification = Notification { notification: slim::slim(&notification.notification), ..notification };
    Message::Notification(notification).write()
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
