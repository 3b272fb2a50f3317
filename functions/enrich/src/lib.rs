//! The enrich function: the only place where a notification becomes memory.
//!
//! A batch goes through four steps: read each record; plan what it asks for (pure, `memory::plan`); do it, one fetch for
//! all records about one thing; tell SQS. Error policy: one bad record never fails its batch, what has to wait is sent
//! again as a copy with a delay (each receive counts towards the dead-letter queue, so giving back is no way to wait),
//! and only real failures are given back.

mod batch;
pub mod error;
mod gone;
pub mod outcome;
pub mod ownerless;
mod people;
mod thing;
mod walk;

use std::sync::Arc;

use access::Access;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use intercom::{Timestamp, WorkspaceId, client::Resource, clock::Clock};
use memory::{EntityType, Settings};
use platform::{
    cipher::TokenCipher,
    config::{ConfigError, Environment},
    credentials::CredentialsSource,
    metrics::Metrics,
};
use store::{
    absences::Absences,
    checkpoint::Checkpoints,
    memory_table::MemoryTable,
    message::Message,
    queue::{Queue, QueueError},
};

use batch::Record;
use error::EnrichError;
use outcome::{Outcome, Wait, wait};

/// What a record that failed waits before SQS shows it again, in seconds.
const RETRY_SECONDS: u32 = 20;

/// What SQS delays a message by at most, in seconds.
const LONGEST_WAIT_SECONDS: u32 = 900;

/// The two queues that feed the function, and to which it defers.
#[derive(Clone, Debug)]
pub struct Queues<Q> {
    /// Notifications.
    pub live: Q,
    /// Refetches.
    pub backfill: Q,
}

/// Everything the function needs; one a process.
pub struct Enrich<Q, C, S> {
    /// Opens workspaces.
    pub access: Access<C, S>,
    /// Memory itself.
    pub memory: MemoryTable,
    /// To mark what was given up as dirty.
    pub checkpoints: Checkpoints,
    /// How much became absent by a fetch alone.
    pub absences: Absences,
    /// Whose a notification is that does not say.
    pub owner: ownerless::Owner,
    /// To defer.
    pub queues: Queues<Q>,
    /// What becomes memory.
    pub settings: Settings,
    /// How long a stored contact or company is taken as it is, in minutes (`CACHE_MINUTES`).
    pub cache_minutes: u32,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Counts.
    pub metrics: Metrics,
}

/// Every record of a batch failed: the invocation fails, so that Lambda's `Errors` metric shows it.
#[derive(Debug, thiserror::Error)]
#[error("all {records} records of the batch failed; the first: {first}")]
pub struct AllFailed {
    /// How many there were.
    pub records: usize,
    /// Why the first one failed.
    pub first: String,
}

/// How long a stored contact or company is taken as it is before it is fetched again for a conversation: minutes, 60 where
/// nothing is said.
///
/// # Errors
/// [`ConfigError`] names the variable.
pub fn cache_minutes(env: &Environment) -> Result<u32, ConfigError> {
    env.parsed("CACHE_MINUTES", 60, "a number of minutes")
}

impl<Q: Queue, C: TokenCipher, S: CredentialsSource> Enrich<Q, C, S> {
    /// Works on one batch until `deadline_ms` (milliseconds since 1970), Lambda's own deadline.
    ///
    /// # Errors
    /// [`AllFailed`] where no record could be done, put off or dropped.
    pub async fn handle(&self, event: SqsEvent, deadline_ms: i64) -> Result<SqsBatchResponse, AllFailed> {
        let mut records: Vec<Record> = {
            let backfill_queue = self.queues.backfill.name();
            event.records.into_iter().map(|record| Record::read(record, backfill_queue)).collect()
        };
        self.adopt(&mut records, deadline_ms).await;
        let outcomes = self.work(&records, deadline_ms).await;
        let mut response = SqsBatchResponse::default();
        let mut first = None;
        let count = records.len();
        for (record, outcome) in records.into_iter().zip(outcomes) {
            if let Err(error) = self.settle(&record, outcome).await {
                tracing::error!(message_id = record.message_id, error, "a record failed");
                self.metrics.count("RecordsFailed", 1, &[], self.clock.now_ms());
                if let Some(handle) = &record.receipt_handle
                    && let Err(error) = self.queue_of(&record).give_back(handle, RETRY_SECONDS).await
                {
                    tracing::warn!(%error, "the record comes back only after the queue's visibility time-out");
                }
                response.add_failure(record.message_id);
                first.get_or_insert(error);
            }
        }
        match first {
            Some(first) if response.batch_item_failures.len() == count => Err(AllFailed { records: count, first }),
            _ => Ok(response),
        }
    }

    /// Does what the outcome asks for; an error is a failed record.
    async fn settle(&self, record: &Record, outcome: Outcome) -> Result<(), String> {
        let now_ms = self.clock.now_ms();
        match (outcome, &record.message) {
            (Outcome::Failed(error), _) => Err(error),
            (_, Err(error)) => Err(error.clone()),
            (Outcome::Done, Ok(message)) => {
                if let Message::Notification(notification) = message {
                    let age = now_ms.saturating_sub(notification.received_at_ms).max(0).unsigned_abs();
                    self.metrics.milliseconds("WebhookToMemory", age, &[("topic", &notification.topic)], now_ms);
                }
                Ok(())
            }
            (Outcome::Dropped(reason), Ok(_)) => {
                self.metrics.count("RecordsDropped", 1, &[("reason", reason)], now_ms);
                Ok(())
            }
            (Outcome::Deferred(deferral), Ok(message)) => {
                let spread = spread(&record.message_id);
                match wait(message, deferral.not_before_ms, now_ms, spread) {
                    Wait::Seconds(seconds) => {
                        tracing::info!(message_id = record.message_id, cause = deferral.cause, seconds, "put off");
                        self.metrics.count("RecordsDeferred", 1, &[("reason", deferral.cause)], now_ms);
                        self.send_again(record, message, seconds).await.map_err(|error| error.to_string())
                    }
                    Wait::NoLonger => match self.give_up(message).await {
                        // What cannot be noted is not given up.
                        Err(EnrichError::Away(_)) => self
                            .send_again(record, message, LONGEST_WAIT_SECONDS)
                            .await
                            .map_err(|error| error.to_string()),
                        given_up => given_up.map_err(|error| error.to_string()),
                    },
                }
            }
        }
    }

    /// The copy must be in the queue before the original is reported done.
    async fn send_again(&self, record: &Record, message: &Message, seconds: u32) -> Result<(), QueueError> {
        let copy = message.clone().deferred(self.clock.now_ms()).write();
        self.queue_of(record).send(copy, seconds).await
    }

    /// It has waited as long as it may. What a notification told of changed not long before, and reconciliation goes back to
    /// that time. What a page asked for may have changed years ago: going back so far would list the whole history again,
    /// and the sweeps compare everything anyway.
    async fn give_up(&self, message: &Message) -> Result<(), EnrichError> {
        if let (Message::Notification(_), Some(workspace)) = (message, message.workspace()) {
            self.mark_dirty(workspace, &Resource::ALL, lost_since(message)).await?;
        }
        tracing::error!("a message was put off for as long as it may; reconciliation or the next sweep takes over");
        self.metrics.count("RecordsGivenUp", 1, &[], self.clock.now_ms());
        Ok(())
    }

    /// Something of these resources was lost from `since` on. Marking one too many costs a few requests at the next walk,
    /// marking one too few a change.
    pub(crate) async fn mark_dirty(
        &self,
        workspace: &WorkspaceId,
        resources: &[Resource],
        since: Option<Timestamp>,
    ) -> Result<(), EnrichError> {
        let Some(since) = since else { return Ok(()) };
        for resource in resources {
            self.checkpoints.mark_dirty(workspace, resource.path(), since).await?;
        }
        Ok(())
    }

    fn queue_of(&self, record: &Record) -> &Q {
        if record.is_backfill { &self.queues.backfill } else { &self.queues.live }
    }
}

/// From when on something is missing where a message is given up: what a notification told of changed when it came, but
/// what a page asked to fetch changed when the page said, which may be years ago.
pub(crate) fn lost_since(message: &Message) -> Option<Timestamp> {
    let received = message.received_at_ms().div_euclid(1000);
    let changed = if let Message::Refetch(refetch) = message { refetch.seen_updated_at } else { received };
    Timestamp::from_epoch_seconds(received.min(changed))
}

/// Which list of Intercom's an entity is in; `None` for what cannot be fetched.
pub(crate) fn resource_of(entity_type: EntityType) -> Option<Resource> {
    match entity_type {
        EntityType::Conversation => Some(Resource::Conversations),
        EntityType::Ticket => Some(Resource::Tickets),
        EntityType::Contact => Some(Resource::Contacts),
        EntityType::Company => Some(Resource::Companies),
        EntityType::Admin => Some(Resource::Admins),
        EntityType::Team => Some(Resource::Teams),
        EntityType::Article => Some(Resource::Articles),
        EntityType::Tag => Some(Resource::Tags),
        EntityType::Segment => Some(Resource::Segments),
        EntityType::DataEvent | EntityType::ContentStat => None,
    }
}

/// 0 to 999, the same for one message each time: its id is random already.
fn spread(message_id: &str) -> u32 {
    message_id.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))) % 1000
}
