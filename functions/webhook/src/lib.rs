//! The webhook function: verify, enqueue, answer. It parses no more of a notification than its envelope, and touches
//! nothing but SQS and its credentials.
//!
//! | answer | when |
//! |---|---|
//! | 200 | SQS has the message; or the topic is only counted (`ping`, `api.request.completed`); or HEAD |
//! | 400 | the signature holds, but the body is no notification |
//! | 401 | no signature, or a wrong one |
//! | 503 | SQS did not take it within 3.5 s: Intercom sends it once more after a minute |
//!
//! Never 410 (Intercom would end the subscription for ever) and never 429 (Intercom would slow it down for hours).

mod slim;

use std::{sync::Arc, time::Duration};

use intercom::{
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
    message::{MAX_MESSAGE, Message, Notification},
    queue::Queue,
};

/// How long SQS may take. Intercom gives up after five seconds.
const SEND_TIMEOUT: Duration = Duration::from_millis(3_500);

/// The path of the route; a stage's name may stand before it.
pub const PATH: &str = "/api/intercom/webhooks";

/// Why the function does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nothing could be verified.
    #[error(
        "the credentials secret (or INTERCOM_CLIENT_SECRET) holds no client secret: set the parameter IntercomClientSecret"
    )]
    NoSecret(#[source] NoSecret),
}

/// Answers Intercom.
pub struct Door<Q, S> {
    queue: Q,
    credentials: CachedCredentials<S>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
}

impl<Q: Queue, S: CredentialsSource> Door<Q, S> {
    /// Made once per process.
    pub fn new(queue: Q, credentials: CachedCredentials<S>, clock: Arc<dyn Clock>, metrics: Metrics) -> Self {
        Self { queue, credentials, clock, metrics }
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
        let now_ms = self.clock.now_ms();
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
        if intercom::Topic::from(topic.as_str()).is_counted_only() {
            self.metrics.count("NotificationsCounted", 1, &fields, now_ms);
            return plain(StatusCode::OK, "");
        }
        let id = message.id.clone().unwrap_or_default();
        match tokio::time::timeout(SEND_TIMEOUT, self.queue.send(fitting(message), 0)).await {
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
        let header = request.header("x-hub-signature");
        let check = |credentials: platform::credentials::Credentials| {
            let secrets = credentials.signing_secrets().map_err(|NoSecret| SignatureError::Mismatch)?;
            signature::verify_hub(&secrets, header, request.body.clone())
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
        trace: request.header("x-amzn-trace-id").map(str::to_owned),
        notification: RawValue::from_string(text.to_owned()).map_err(NotificationError::NotJson)?,
    })
}

/// The text of a message that SQS takes.
fn fitting(notification: Notification) -> String {
    let text = Message::Notification(notification.clone()).write();
    if text.len() <= MAX_MESSAGE {
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
