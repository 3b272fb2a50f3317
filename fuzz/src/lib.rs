//! What has to hold for any bytes at all. The fuzzer calls these functions with what it finds, a test of the workspace
//! with what proptest makes up: so they are compiled and run on a stable toolchain too.

use std::{
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use intercom::{
    clock::Clock,
    notification::{Envelope, Notification},
    signature::{self, SigningSecrets},
};
use platform::{
    credentials::{CachedCredentials, Credentials, CredentialsError, CredentialsSource},
    http,
    metrics::Metrics,
};
use secrecy::SecretString;
use serde_json::{json, value::RawValue};
use sha1::Sha1;
use store::{
    message::{MAX_MESSAGE, Message},
    queue::{Queue, QueueError},
};
use webhook::Door;

const SECRET: &str = "secret-of-the-fuzzer";

fn sign(body: &[u8]) -> String {
    let mac = <Hmac<Sha1> as KeyInit>::new_from_slice(SECRET.as_bytes()).expect("HMAC takes any key");
    format!("sha1={}", hex::encode(mac.chain_update(body).finalize().into_bytes()))
}

fn secrets() -> SigningSecrets {
    SigningSecrets::new([SecretString::from(SECRET)]).expect("there is one")
}

/// No header passes for a signature by itself; beside the right one, whatever else is in the header does not hide it.
pub fn signature(data: &[u8]) {
    let header = String::from_utf8_lossy(data);
    let body = Bytes::copy_from_slice(data);
    assert!(signature::verify_hub(&secrets(), Some(&header), body.clone()).is_err());
    assert!(signature::verify_body(&secrets(), Some(&header), body.clone()).is_err());
    let with_the_right_one = format!("{header},{}", sign(&body));
    let holds = signature::verify_hub(&secrets(), Some(&with_the_right_one), body.clone()).is_ok();
    assert_eq!(holds, header.matches(',').count() < 3, "up to four signatures are looked at");
}

/// Whatever the door takes, enrich can read, and both see the same envelope.
pub fn notification(data: &[u8]) {
    let body = Bytes::copy_from_slice(data);
    let verified = signature::verify_hub(&secrets(), Some(&sign(data)), body).expect("it is signed");
    let Ok(text) = std::str::from_utf8(data) else {
        assert!(Envelope::read(&verified).is_err());
        let _ = Notification::parse(&String::from_utf8_lossy(data));
        return;
    };
    let parsed = Notification::parse(text);
    if RawValue::from_string(text.to_owned()).is_ok()
        && let Ok(envelope) = Envelope::read(&verified)
    {
        let parsed = parsed.expect("the door would have taken it");
        assert_eq!(parsed.envelope, envelope);
    }
}

/// The whole handler: no event ends it, none is answered 5xx for its content, and what is answered 200 is a message that
/// SQS takes and enrich can read. The last byte says what the others are: an event, or the body of a signed one.
pub fn door(data: &[u8]) {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let runtime = RUNTIME
        .get_or_init(|| tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts"));
    let text = String::from_utf8_lossy(data);
    let (body, is_base64) = match data.last().copied().unwrap_or_default() % 4 {
        2 => (STANDARD.encode(data), true),
        _ => (text.clone().into_owned(), false),
    };
    let signed = if is_base64 { sign(data) } else { sign(body.as_bytes()) };
    let event = match data.last().copied().unwrap_or_default() % 4 {
        0 => text.into_owned(),
        3 => json!({"rawPath": text, "rawQueryString": text, "headers": {&*text: text, "x-hub-signature": text, "cookie": text},
            "cookies": [text], "body": text, "isBase64Encoded": data.len().is_multiple_of(2),
            "requestContext": {"http": {"method": "POST", "path": text, "sourceIp": text}}})
        .to_string(),
        _ => json!({"rawPath": webhook::PATH, "headers": {"X-Hub-Signature": signed}, "body": body,
            "isBase64Encoded": is_base64, "requestContext": {"http": {"method": "POST"}}})
        .to_string(),
    };
    let queue = Kept::default();
    let metrics = Metrics::new("webhook", |_| {});
    let status = runtime.block_on(async {
        let clock = Arc::new(WallClock);
        let credentials = CachedCredentials::load(Fixed, clock.clone()).await.expect("they are fixed");
        let door = Door::new(queue.clone(), credentials, clock, metrics);
        http::answer(&event, |request| door.answer(request)).await.status_code
    });
    assert!([200, 400, 401, 404, 405].contains(&status), "{status}");
    let sent = queue.0.lock().expect("nobody panics while holding it");
    assert!(sent.is_empty() || status == 200);
    for body in sent.iter() {
        let allowed =
            |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
        assert!(body.len() <= MAX_MESSAGE && body.chars().all(allowed), "SQS would refuse it");
        let Ok(Message::Notification(message)) = Message::read(body) else { panic!("enrich cannot read it") };
        Notification::parse(message.notification.get()).expect("enrich can read it");
    }
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<String>>>);

impl Queue for Kept {
    fn name(&self) -> &str {
        "LiveQueue"
    }

    async fn send(&self, body: String, _delay_seconds: u32) -> Result<(), QueueError> {
        self.0.lock().expect("nobody panics while holding it").push(body);
        Ok(())
    }
    async fn send_all(&self, _bodies: Vec<String>) -> Result<(), QueueError> {
        unreachable!("the door sends one by one")
    }
    async fn give_back(&self, _receipt_handle: &str, _seconds: u32) -> Result<(), QueueError> {
        unreachable!("the door receives nothing")
    }
}

struct Fixed;

impl CredentialsSource for Fixed {
    async fn read(&self) -> Result<Credentials, CredentialsError> {
        Ok(Credentials { client_secret: SECRET.into(), ..Credentials::default() })
    }
}

struct WallClock;

impl Clock for WallClock {
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or_default()
    }
    fn sleep(&self, duration: Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }
}
