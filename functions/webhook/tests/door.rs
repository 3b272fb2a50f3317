//! The door where its surroundings are slow, broken or picky. Time is paused: tokio moves it on when all wait.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::{
    future::{Future, pending},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use intercom::clock::Clock;
use platform::{
    config::Environment,
    credentials::{CachedCredentials, Credentials, CredentialsError, CredentialsSource},
    http::{Request, StatusCode},
    metrics::Metrics,
};
use serde_json::{Value, json};
use store::queue::{Queue, QueueError};
use tokio::time::Instant;
use webhook::{Door, sources::AllowedSources};

const SECRET: &str = "secret-of-the-test";

/// SQS that takes `delay` for each message.
#[derive(Clone, Default)]
struct SlowQueue {
    delay: Duration,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl Queue for SlowQueue {
    fn name(&self) -> &str {
        "LiveQueue"
    }

    async fn send(&self, body: String, _delay_seconds: u32) -> Result<(), QueueError> {
        tokio::time::sleep(self.delay).await;
        self.bodies.lock().unwrap().push(body);
        Ok(())
    }
    async fn send_all(&self, _bodies: Vec<String>) -> Result<(), QueueError> {
        Err(QueueError::Unavailable("the door sends one by one".to_owned()))
    }
    async fn give_back(&self, _receipt_handle: &str, _seconds: u32) -> Result<(), QueueError> {
        Err(QueueError::Unavailable("the door receives nothing".to_owned()))
    }
}

/// Secrets Manager that answers until it is told to hang.
#[derive(Clone, Default)]
struct Hanging(Arc<AtomicBool>);

impl CredentialsSource for Hanging {
    async fn read(&self) -> Result<Credentials, CredentialsError> {
        if self.0.load(Ordering::SeqCst) {
            pending::<()>().await;
        }
        Ok(Credentials { client_secret: SECRET.into(), ..Credentials::default() })
    }
}

/// Tokio's paused time.
struct PausedClock(Instant);

impl Clock for PausedClock {
    fn now_ms(&self) -> i64 {
        1_795_305_600_000 + i64::try_from(self.0.elapsed().as_millis()).unwrap()
    }
    fn sleep(&self, duration: Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }
}

async fn door(queue: &SlowQueue, source: &Hanging) -> (Door<SlowQueue, Hanging>, Arc<Mutex<Vec<Value>>>) {
    let clock = Arc::new(PausedClock(Instant::now()));
    let credentials = CachedCredentials::load(source.clone(), clock.clone()).await.unwrap();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    let metrics = Metrics::new("webhook", move |line| sink.lock().unwrap().push(serde_json::from_str(line).unwrap()));
    (Door::new(queue.clone(), credentials, clock, metrics), lines)
}

fn request(body: &str, source_ip: Option<&str>) -> Request {
    let signature = emulator::hub_signature(SECRET, body.as_bytes());
    let event = json!({"rawPath": webhook::PATH, "headers": {"x-hub-signature": signature}, "body": body,
        "requestContext": {"http": {"method": "POST", "sourceIp": source_ip}}});
    Request::from_event(&event.to_string()).unwrap()
}

fn reply() -> Request {
    request(r#"{"topic":"conversation.user.replied","app_id":"ws1","id":"n1","data":{"item":{"id":"7"}}}"#, None)
}

#[tokio::test(start_paused = true)]
async fn while_sqs_is_slow_the_answer_is_503_inside_four_seconds() {
    let queue = SlowQueue { delay: Duration::from_secs(30), ..SlowQueue::default() };
    let (door, metrics) = door(&queue, &Hanging::default()).await;
    let asked = Instant::now();
    assert_eq!(door.answer(reply()).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    assert_eq!(metrics.lock().unwrap()[0]["NotificationsNotQueued"], 1);
    assert!(queue.bodies.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn sqs_that_takes_three_seconds_is_waited_for() {
    let queue = SlowQueue { delay: Duration::from_secs(3), ..SlowQueue::default() };
    let (door, _) = door(&queue, &Hanging::default()).await;
    assert_eq!(door.answer(reply()).await.status(), StatusCode::OK);
    assert_eq!(queue.bodies.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn secrets_manager_that_hangs_costs_little_and_the_last_secret_stays_in_use() {
    let (queue, source) = (SlowQueue { delay: Duration::from_secs(2), ..SlowQueue::default() }, Hanging::default());
    let (door, _) = door(&queue, &source).await;
    source.0.store(true, Ordering::SeqCst);
    tokio::time::advance(Duration::from_secs(301)).await;
    let asked = Instant::now();
    assert_eq!(door.answer(reply()).await.status(), StatusCode::OK);
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());

    // Both at their slowest: still an answer in time.
    let (slow, source) = (SlowQueue { delay: Duration::from_secs(30), ..SlowQueue::default() }, Hanging::default());
    let (door, _) = self::door(&slow, &source).await;
    source.0.store(true, Ordering::SeqCst);
    tokio::time::advance(Duration::from_secs(301)).await;
    let asked = Instant::now();
    assert_eq!(door.answer(reply()).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
}

#[tokio::test(start_paused = true)]
async fn where_source_addresses_are_listed_others_are_answered_403_however_well_they_sign() {
    let queue = SlowQueue::default();
    let (door, metrics) = door(&queue, &Hanging::default()).await;
    let listed = Environment::from([("ALLOWED_SOURCE_IPS", "34.231.68.152,54.217.125.0/24,2001:db8::/48")]);
    let door = door.only_from(AllowedSources::read(&listed).unwrap());
    let body = r#"{"topic":"conversation.user.replied","app_id":"ws1"}"#;
    for refused in [Some("203.0.113.9"), None] {
        assert_eq!(door.answer(request(body, refused)).await.status(), StatusCode::FORBIDDEN, "{refused:?}");
    }
    assert!(queue.bodies.lock().unwrap().is_empty());
    assert_eq!(metrics.lock().unwrap().iter().filter(|line| line["RequestsFromElsewhere"] == 1).count(), 2);
    for allowed in ["34.231.68.152", "54.217.125.63", "2001:db8::7"] {
        assert_eq!(door.answer(request(body, Some(allowed))).await.status(), StatusCode::OK, "{allowed}");
    }
    let mut validation = request(body, Some("203.0.113.9"));
    validation.method = platform::http::Method::HEAD;
    assert_eq!(door.answer(validation).await.status(), StatusCode::OK, "it changes nothing");
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_topic_is_logged_by_name_and_no_secret_signature_or_text_at_any_level() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = lambda_runtime::tracing::subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    // With one subscriber only, `tracing` lets the first thread that comes by a line decide for all: another test's.
    let _second = tracing::Dispatch::new(lambda_runtime::tracing::subscriber::Registry::default());

    let queue = SlowQueue::default();
    let (door, _) = door(&queue, &Hanging::default()).await;
    let body =
        r#"{"topic":"brand.new","app_id":"ws1","id":"n1","data":{"item":{"body":"words of robin@example.com"}}}"#;
    assert_eq!(door.answer(request(body, None)).await.status(), StatusCode::OK);
    let mut refused = request(body, None);
    let signature = refused.header("x-hub-signature").unwrap().to_owned();
    refused.body = "other words of robin@example.com".into();
    assert_eq!(door.answer(refused).await.status(), StatusCode::UNAUTHORIZED);
    for no_notification in ["words of robin@example.com", r#""words of robin@example.com""#, r#"{"words of robin":"#] {
        assert_eq!(door.answer(request(no_notification, None)).await.status(), StatusCode::BAD_REQUEST);
    }

    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("brand.new") && logged.contains("does not know"), "{logged}");
    for hidden in [SECRET, &signature[5..], "words", "robin"] {
        assert!(!logged.contains(hidden), "{hidden}: {logged}");
    }
}
