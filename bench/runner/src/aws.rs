//! SQS and Secrets Manager, as far as the functions use them: JSON over plain HTTP, answers at once.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use bytes::Bytes;
use md5::{Digest, Md5};
use serde_json::{Value, json};

/// What was sent to the queue since somebody last looked.
#[derive(Clone, Default)]
pub(crate) struct Queue(Arc<Mutex<Vec<String>>>);

impl Queue {
    /// Takes what is in it.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Starts both on one address.
pub(crate) async fn start(client_secret: &str) -> io::Result<(SocketAddr, Queue)> {
    let queue = Queue::default();
    let secret =
        json!({"client_id": "bench", "client_secret": client_secret, "webhook_secrets": [], "access_token": ""});
    let router = Router::new()
        .fallback(answer)
        .layer(axum::extract::DefaultBodyLimit::max(8 << 20))
        .with_state((queue.clone(), Arc::new(secret.to_string())));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((address, queue))
}

async fn answer(
    State((queue, secret)): State<(Queue, Arc<String>)>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Json<Value>) {
    match headers.get("x-amz-target").and_then(|target| target.to_str().ok()) {
        Some("secretsmanager.GetSecretValue") => {
            (StatusCode::OK, Json(json!({"Name": "credentials", "SecretString": *secret})))
        }
        Some("AmazonSQS.SendMessage") => {
            let request: Value = serde_json::from_slice(&body).unwrap_or_default();
            let Some(text) = request.get("MessageBody").and_then(Value::as_str) else {
                return (StatusCode::BAD_REQUEST, Json(json!({"__type": "InvalidMessageContents"})));
            };
            // The Python and JavaScript clients check it.
            let digest = hex::encode(Md5::digest(text.as_bytes()));
            queue.0.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
            (
                StatusCode::OK,
                Json(json!({"MessageId": "00000000-0000-4000-8000-000000000000", "MD5OfMessageBody": digest})),
            )
        }
        _ => (StatusCode::BAD_REQUEST, Json(json!({"__type": "InvalidAction"}))),
    }
}
