//! A queue in memory, with the limits of SQS that an emulator would forgive.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use intercom::clock::Clock;
use store::{
    message::MAX_MESSAGE,
    queue::{Queue, QueueError, batches},
};

/// After so many receives a message goes to the dead letters, as in the template.
const MAX_RECEIVES: u32 = 5;

/// How long a received message is invisible, in milliseconds, as in the template.
const VISIBILITY_MS: i64 = 360_000;

struct Stored {
    id: String,
    body: String,
    visible_at_ms: i64,
    receives: u32,
}

#[derive(Default)]
struct Inner {
    messages: VecDeque<Stored>,
    dead: Vec<String>,
    sent: u64,
    send_requests: u64,
}

/// The queue; clones are the same one.
#[derive(Clone)]
pub struct MemoryQueue {
    name: &'static str,
    inner: Arc<Mutex<Inner>>,
    clock: Arc<dyn Clock>,
    broken: Arc<AtomicBool>,
}

/// A message as a consumer gets it.
pub struct Taken {
    /// Also its receipt handle.
    pub id: String,
    /// Its text.
    pub body: String,
    /// How often it has been received, this time included.
    pub receives: u32,
}

impl MemoryQueue {
    /// An empty one.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { name: "Queue", inner: Arc::default(), clock, broken: Arc::default() }
    }

    /// With this name.
    pub fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// As SQS's poller names it.
    pub fn arn(&self) -> String {
        format!("arn:aws:sqs:eu-west-1:123456789012:{}", self.name)
    }

    /// From now on (or no longer) every send fails.
    pub fn set_broken(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }

    /// Up to `max` visible messages.
    pub fn take(&self, max: usize) -> Vec<Taken> {
        let now = self.clock.now_ms();
        let mut inner = self.inner.lock().unwrap();
        let mut taken = Vec::new();
        let mut kept = VecDeque::new();
        let inner = &mut *inner;
        while let Some(mut message) = inner.messages.pop_front() {
            if taken.len() >= max || message.visible_at_ms > now {
                kept.push_back(message);
            } else if message.receives >= MAX_RECEIVES {
                inner.dead.push(message.body);
            } else {
                message.receives += 1;
                message.visible_at_ms = now + VISIBILITY_MS;
                taken.push(Taken { id: message.id.clone(), body: message.body.clone(), receives: message.receives });
                kept.push_back(message);
            }
        }
        inner.messages = kept;
        taken
    }

    /// The consumer is done with it.
    pub fn delete(&self, id: &str) {
        self.inner.lock().unwrap().messages.retain(|message| message.id != id);
    }

    /// Everything that is in it, visible or not.
    pub fn bodies(&self) -> Vec<String> {
        self.inner.lock().unwrap().messages.iter().map(|message| message.body.clone()).collect()
    }

    /// Delivers one that it has delivered, or will: a standard queue may.
    pub fn put_again(&self, body: String) {
        let _ = self.put(body, 0);
    }

    /// The dead letters.
    pub fn dead(&self) -> Vec<String> {
        self.inner.lock().unwrap().dead.clone()
    }

    /// Calls of SQS that sending took: ten messages go in one.
    pub fn send_requests(&self) -> u64 {
        self.inner.lock().unwrap().send_requests
    }

    /// How long until something is visible, in milliseconds; `None` where nothing is in it.
    pub fn next_visible_in_ms(&self) -> Option<i64> {
        let now = self.clock.now_ms();
        let inner = self.inner.lock().unwrap();
        inner.messages.iter().map(|message| (message.visible_at_ms - now).max(0)).min()
    }

    fn put(&self, body: String, delay_seconds: u32) -> Result<(), QueueError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(QueueError::Unavailable("switched off by the test".to_owned()));
        }
        if body.len() > MAX_MESSAGE {
            return Err(QueueError::TooLarge(body.len()));
        }
        assert!(!body.is_empty() && delay_seconds <= 900, "SQS would refuse this");
        let allowed =
            |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
        assert!(body.chars().all(allowed), "SQS would refuse a character of this");
        let mut inner = self.inner.lock().unwrap();
        inner.sent += 1;
        let id = format!("message-{}", inner.sent);
        let visible_at_ms = self.clock.now_ms() + i64::from(delay_seconds) * 1000;
        inner.messages.push_back(Stored { id, body, visible_at_ms, receives: 0 });
        Ok(())
    }
}

impl Queue for MemoryQueue {
    fn name(&self) -> &str {
        self.name
    }

    async fn send(&self, body: String, delay_seconds: u32) -> Result<(), QueueError> {
        self.inner.lock().unwrap().send_requests += 1;
        self.put(body, delay_seconds)
    }

    async fn send_all(&self, bodies: Vec<String>) -> Result<(), QueueError> {
        let batches = batches(bodies)?;
        self.inner.lock().unwrap().send_requests += batches.len() as u64;
        batches.into_iter().flatten().try_for_each(|body| self.put(body, 0))
    }

    async fn give_back(&self, receipt_handle: &str, seconds: u32) -> Result<(), QueueError> {
        let now = self.clock.now_ms();
        let mut inner = self.inner.lock().unwrap();
        for message in inner.messages.iter_mut().filter(|message| message.id == receipt_handle) {
            message.visible_at_ms = now + i64::from(seconds) * 1000;
        }
        Ok(())
    }
}
