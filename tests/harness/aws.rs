//! AWS as functions meet it that run as processes: DynamoDB, SQS, KMS and Secrets Manager on one address, over the test's
//! own tables and queues.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use store::queue::Queue;

use crate::{MemoryQueue, Tables};

/// What is behind the address.
pub(crate) struct Aws {
    pub(crate) tables: Tables,
    pub(crate) queues: Vec<MemoryQueue>,
    /// Secrets by id.
    pub(crate) secrets: Vec<(&'static str, Value)>,
}

/// Starts to answer; ends with the Tokio runtime.
pub(crate) async fn serve(aws: Arc<Aws>) -> SocketAddr {
    let router = Router::new().fallback(answer).layer(DefaultBodyLimit::disable()).with_state(aws);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn answer(State(aws): State<Arc<Aws>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let (service, operation) = target.split_once('.').unwrap_or_default();
    let request = || serde_json::from_slice::<Value>(&body).unwrap();
    let (status, text) = match service {
        "DynamoDB_20120810" => aws.tables.ask(operation, &body),
        "AmazonSQS" => (200, aws.sqs(operation, &request()).await.to_string()),
        "TrentService" => aws.kms(operation, &request()),
        "secretsmanager" => (200, aws.secret(&request()).to_string()),
        other => panic!("no function asks for {other}"),
    };
    let status = StatusCode::from_u16(status).unwrap();
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], text).into_response()
}

impl Aws {
    fn secret(&self, request: &Value) -> Value {
        let id = request["SecretId"].as_str().unwrap();
        let (_, secret) = self.secrets.iter().find(|(name, _)| *name == id).unwrap();
        json!({"Name": id, "SecretString": secret.to_string()})
    }

    /// What was encrypted under one context opens under no other.
    fn kms(&self, operation: &str, request: &Value) -> (u16, String) {
        let decoded = |name: &str| STANDARD.decode(request[name].as_str().unwrap()).unwrap();
        let sealed_with = format!("{}\n", request["EncryptionContext"]);
        let answer = match operation {
            "Encrypt" => {
                let clear = [sealed_with.as_bytes(), &decoded("Plaintext")].concat();
                let sealed: Vec<u8> = clear.iter().map(|byte| byte ^ 0xA5).collect();
                json!({"KeyId": request["KeyId"], "CiphertextBlob": STANDARD.encode(sealed)})
            }
            "Decrypt" => {
                let clear: Vec<u8> = decoded("CiphertextBlob").iter().map(|byte| byte ^ 0xA5).collect();
                match clear.strip_prefix(sealed_with.as_bytes()) {
                    Some(token) => json!({"KeyId": request["KeyId"], "Plaintext": STANDARD.encode(token)}),
                    None => return (400, json!({"__type": "InvalidCiphertextException"}).to_string()),
                }
            }
            other => panic!("no function asks KMS for {other}"),
        };
        (200, answer.to_string())
    }

    async fn sqs(&self, operation: &str, request: &Value) -> Value {
        let url = request["QueueUrl"].as_str().unwrap();
        let queue = self.queues.iter().find(|queue| url.ends_with(queue.name())).unwrap();
        let seconds = |message: &Value, name: &str| u32::try_from(message[name].as_u64().unwrap_or(0)).unwrap();
        let text = |message: &Value| message["MessageBody"].as_str().unwrap().to_owned();
        match operation {
            "SendMessage" => {
                queue.send(text(request), seconds(request, "DelaySeconds")).await.unwrap();
                json!({"MessageId": "sent", "MD5OfMessageBody": ""})
            }
            "SendMessageBatch" => {
                let entries = request["Entries"].as_array().unwrap();
                assert!((1..=10).contains(&entries.len()), "SQS takes up to ten");
                for entry in entries {
                    queue.send(text(entry), seconds(entry, "DelaySeconds")).await.unwrap();
                }
                let sent = |entry: &Value| json!({"Id": entry["Id"], "MessageId": "sent", "MD5OfMessageBody": ""});
                json!({"Successful": entries.iter().map(sent).collect::<Vec<_>>(), "Failed": []})
            }
            "ChangeMessageVisibility" => {
                let handle = request["ReceiptHandle"].as_str().unwrap();
                queue.give_back(handle, seconds(request, "VisibilityTimeout")).await.unwrap();
                json!({})
            }
            other => panic!("no function asks SQS for {other}"),
        }
    }
}
