//! Sends what Intercom sends: notifications, the uninstall notice, the health check.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, USER_AGENT};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::ControlError;
use crate::json::{set, text};
use crate::mutate::{self, Deliver, Mutate};
use crate::notification;
use crate::signature::{body_signature, hub_signature};
use crate::state::{EmulatorState, Inner};

/// An endpoint that takes longer has failed (Intercom docs, "Webhook notifications").
const TIMEOUT: Duration = Duration::from_secs(5);

const AGENT: &str = "intercom-parrot-service-client/1.0";

/// As much of an answer as is kept.
const BODY_LIMIT: usize = 64 * 1024;

/// How one delivery went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The answer's status; nothing where there was no answer.
    pub status: Option<u16>,
    /// Milliseconds until the answer was read.
    pub ms: u64,
    /// The answer's body, cut at 64 KiB.
    pub body: String,
    /// Why there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// It failed, and one more attempt comes after `retry_delay_ms`.
    #[serde(default)]
    pub retry: bool,
}

/// What a mutation did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mutation {
    /// Topic of the first notification.
    pub topic: String,
    /// The first notification as it was, or would have been, sent.
    pub notification: Value,
    /// All of them: an assignment with a message makes two.
    pub notifications: Vec<Value>,
    /// How the first delivery went; nothing where none was asked for.
    pub delivery: Option<Delivery>,
    /// How all of them went.
    pub deliveries: Vec<Delivery>,
    /// What it happened to.
    pub ids: Value,
}

/// A notification that was sent once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// Its id.
    pub id: String,
    /// Its topic.
    pub topic: String,
    /// How it went this time.
    pub delivery: Delivery,
}

/// A webhook made by hand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SendWebhook {
    /// The notification; sent as compact JSON.
    pub notification: Option<Value>,
    /// Or the exact body.
    pub body: Option<String>,
    /// Signed with this instead of the client secret.
    pub secret: Option<String>,
    /// Sent without a signature.
    pub unsigned: bool,
    /// Sent there instead of to the webhook URL.
    pub url: Option<String>,
}

enum Signed {
    Hub(String),
    Body(String),
    Not,
}

impl EmulatorState {
    /// Makes something happen, and delivers the news as asked. A delivery that fails (anything but 2xx) is tried once
    /// more later, beside this call: [`EmulatorState::settled`] waits for that.
    ///
    /// # Errors
    /// Nothing suits, or a delivery was asked for and there is no webhook URL. Then nothing has happened.
    pub async fn mutate(self: &Arc<Self>, request: &Mutate) -> Result<Mutation, ControlError> {
        let now = self.clock.now();
        let (change, notifications, url) = {
            let mut inner = self.lock();
            let url = inner.settings.webhook_url.clone();
            if request.deliver != Deliver::None && url.is_none() {
                return Err(ControlError::Invalid("no webhook_url is set".to_owned()));
            }
            let Inner { world, noise, .. } = &mut *inner;
            let change = mutate::apply(world, request, now)?;
            let notifications: Vec<Value> = change
                .news
                .iter()
                .map(|(topic, item)| {
                    let id = (*topic != "ping").then(|| format!("notif_{}", noise.uuid()));
                    notification::envelope(&world.workspace.id_code, id.as_deref(), topic, item, change.at, now)
                })
                .collect();
            (change, notifications, url)
        };
        let times = match request.deliver {
            Deliver::None => 0,
            Deliver::Once => 1,
            Deliver::Twice => 2,
        };
        let mut deliveries = Vec::new();
        if let Some(url) = url {
            for notification in &notifications {
                for _ in 0..times {
                    deliveries.push(self.deliver(&url, notification).await);
                }
            }
        }
        Ok(Mutation {
            topic: change.news.first().map(|(topic, _)| (*topic).to_owned()).unwrap_or_default(),
            notification: notifications.first().cloned().unwrap_or_default(),
            notifications,
            delivery: deliveries.first().cloned(),
            deliveries,
            ids: change.ids,
        })
    }

    /// A notification of any topic about any item, with a new id. Changes and sends nothing.
    #[must_use]
    pub fn notification(&self, topic: &str, item: &Value) -> Value {
        let now = self.clock.now();
        let mut inner = self.lock();
        let id = format!("notif_{}", inner.noise.uuid());
        notification::envelope(&inner.world.workspace.id_code, Some(&id), topic, item, now, now)
    }

    /// Signs and sends a webhook made by hand, once: no retry.
    ///
    /// # Errors
    /// Neither a notification nor a body, or no URL.
    pub async fn send_webhook(&self, webhook: SendWebhook) -> Result<Delivery, ControlError> {
        let body = match (webhook.body, webhook.notification) {
            (Some(body), None) => body,
            (None, Some(notification)) => notification.to_string(),
            _ => return Err(ControlError::Invalid("give either notification or body".to_owned())),
        };
        let url = webhook
            .url
            .or_else(|| self.settings().webhook_url)
            .ok_or_else(|| ControlError::Invalid("no webhook_url is set".to_owned()))?;
        let secret = webhook.secret.as_deref().unwrap_or(&self.client_secret);
        let signed = if webhook.unsigned { Signed::Not } else { Signed::Hub(hub_signature(secret, body.as_bytes())) };
        Ok(self.post(&url, body, signed).await)
    }

    /// Sends a notification again that was sent before, the same to the byte: that of an id, or the last one.
    ///
    /// # Errors
    /// None of that id was sent lately (the error names the last ones), or no webhook URL is set.
    pub async fn replay(&self, id: Option<&str>) -> Result<Replayed, ControlError> {
        let (notification, url) = {
            let inner = self.lock();
            (inner.sent.find(id)?, inner.settings.webhook_url.clone())
        };
        let url = url.ok_or_else(|| ControlError::Invalid("no webhook_url is set".to_owned()))?;
        let delivery = self.post_notification(&url, &notification).await;
        Ok(Replayed {
            id: text(&notification, "id").to_owned(),
            topic: text(&notification, "topic").to_owned(),
            delivery,
        })
    }

    /// Revokes every token, then sends the uninstall notice.
    ///
    /// # Errors
    /// No uninstall URL is set. Then nothing has happened.
    pub async fn uninstall(&self) -> Result<Delivery, ControlError> {
        let url =
            self.settings().uninstall_url.ok_or_else(|| ControlError::Invalid("no uninstall_url is set".to_owned()))?;
        self.revoke_tokens();
        let body = json!({"app_id": self.workspace().id_code}).to_string();
        let signed = Signed::Body(body_signature(&self.client_secret, body.as_bytes()));
        Ok(self.post(&url, body, signed).await)
    }

    /// Sends the installation health check.
    ///
    /// # Errors
    /// No health URL is set.
    pub async fn health(&self) -> Result<Delivery, ControlError> {
        let url = self.settings().health_url.ok_or_else(|| ControlError::Invalid("no health_url is set".to_owned()))?;
        let body = json!({"workspace_id": self.workspace().id_code}).to_string();
        let signed = Signed::Body(body_signature(&self.client_secret, body.as_bytes()));
        Ok(self.post(&url, body, signed).await)
    }

    /// Waits until no retry is outstanding.
    pub async fn settled(&self) {
        // The sender lives in `self`, so this cannot fail.
        let _ = self.retries.subscribe().wait_for(|outstanding| *outstanding == 0).await;
    }

    /// One delivery, and one retry later where it fails. 410 ends the subscription: neither a retry nor anything after
    /// it, until the webhook URL is set again.
    async fn deliver(self: &Arc<Self>, url: &str, notification: &Value) -> Delivery {
        if self.lock().subscription_ended {
            return Delivery {
                status: None,
                ms: 0,
                body: String::new(),
                error: Some("the subscription has ended: the endpoint answered 410".to_owned()),
                retry: false,
            };
        }
        self.lock().sent.keep(notification);
        let mut delivery = self.post_notification(url, notification).await;
        let failed = !delivery.status.is_some_and(|status| (200..300).contains(&status));
        if delivery.status == Some(410) {
            self.lock().subscription_ended = true;
        } else if failed {
            delivery.retry = true;
            self.retry_later(url.to_owned(), notification.clone());
        }
        delivery
    }

    fn retry_later(self: &Arc<Self>, url: String, mut notification: Value) {
        let wait = Duration::from_millis(self.settings().retry_delay_ms);
        self.retries.send_modify(|outstanding| *outstanding += 1);
        let state = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            // Same id, one attempt more. What fails now is lost: Intercom tries no third time.
            set(&mut notification, "delivery_attempts", 2);
            if state.post_notification(&url, &notification).await.status == Some(410) {
                state.lock().subscription_ended = true;
            }
            state.retries.send_modify(|outstanding| *outstanding -= 1);
        });
    }

    async fn post_notification(&self, url: &str, notification: &Value) -> Delivery {
        let body = notification.to_string();
        let signed = Signed::Hub(hub_signature(&self.client_secret, body.as_bytes()));
        self.post(url, body, signed).await
    }

    async fn post(&self, url: &str, body: String, signed: Signed) -> Delivery {
        let started = Instant::now();
        let request = self
            .http
            .post(url)
            .timeout(TIMEOUT)
            .header(USER_AGENT, AGENT)
            .header(CONTENT_TYPE, "application/json; charset=utf-8");
        let request = match signed {
            Signed::Hub(signature) => request.header("X-Hub-Signature", signature),
            Signed::Body(signature) => request.header("X-Body-Signature", signature),
            Signed::Not => request,
        };
        let (status, body, error) = match request.body(body).send().await {
            Ok(answer) => {
                let status = answer.status().as_u16();
                match answer.bytes().await {
                    Ok(bytes) => {
                        let kept = bytes.get(..bytes.len().min(BODY_LIMIT)).unwrap_or_default();
                        (Some(status), String::from_utf8_lossy(kept).into_owned(), None)
                    }
                    Err(error) => (None, String::new(), Some(error.to_string())),
                }
            }
            Err(error) => (None, String::new(), Some(error.to_string())),
        };
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Delivery { status, ms, body, error, retry: false }
    }
}
