//! Sending to SQS.

use std::future::Future;

use aws_sdk_sqs::{
    error::DisplayErrorContext,
    types::{SendMessageBatchRequestEntry, builders::SendMessageBatchRequestEntryBuilder},
};

use crate::message::MAX_MESSAGE;

/// Entries of one batch request.
const BATCH: usize = 10;

/// Why a message is not in the queue.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// SQS refused, throttled or could not be reached. The text holds the chain of causes.
    #[error("SQS failed: {0}")]
    Unavailable(String),
    /// Over one message's size; it has to be slimmed first.
    #[error("a message of {0} bytes is over the limit of SQS ({MAX_MESSAGE})")]
    TooLarge(usize),
}

/// A queue to send to.
pub trait Queue: Send + Sync {
    /// Its name, the last part of its URL and of its ARN.
    fn name(&self) -> &str;

    /// Sends one message, visible after `delay_seconds` (at most 900).
    fn send(&self, body: String, delay_seconds: u32) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Sends all of them, or says that not all are in.
    fn send_all(&self, bodies: Vec<String>) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Makes a message that is being worked on visible again after `seconds`, so that a failure is tried again soon.
    fn give_back(&self, receipt_handle: &str, seconds: u32) -> impl Future<Output = Result<(), QueueError>> + Send;
}

/// The real one.
#[derive(Clone, Debug)]
pub struct Sqs {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl Sqs {
    /// A queue by its URL.
    pub fn new(client: aws_sdk_sqs::Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }

    /// Sends what fits one request; gives back the entries that SQS did not take.
    async fn send_batch(
        &self,
        entries: Vec<SendMessageBatchRequestEntry>,
    ) -> Result<Vec<SendMessageBatchRequestEntry>, QueueError> {
        let request = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries.clone()));
        let answer = request.send().await.map_err(unavailable)?;
        let failed: Vec<&str> = answer.failed.iter().map(|f| f.id.as_str()).collect();
        Ok(entries.into_iter().filter(|e| failed.contains(&e.id.as_str())).collect())
    }
}

impl Queue for Sqs {
    fn name(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or_default()
    }

    async fn send(&self, body: String, delay_seconds: u32) -> Result<(), QueueError> {
        if body.len() > MAX_MESSAGE {
            return Err(QueueError::TooLarge(body.len()));
        }
        let delay = i32::try_from(delay_seconds.min(900)).unwrap_or(900);
        let request = self.client.send_message().queue_url(&self.url).message_body(body);
        // The parameter is left out where it says nothing: it would override the queue's own default.
        let request = if delay > 0 { request.delay_seconds(delay) } else { request };
        request.send().await.map(|_| ()).map_err(unavailable)
    }

    async fn send_all(&self, bodies: Vec<String>) -> Result<(), QueueError> {
        for chunk in batches(bodies)? {
            let mut entries: Vec<_> =
                chunk.into_iter().enumerate().filter_map(|(i, body)| entry(i, body).build().ok()).collect();
            // A 200 may hold refused entries; those go once more.
            for attempt in 0..2 {
                entries = self.send_batch(entries).await?;
                if entries.is_empty() {
                    break;
                }
                if attempt == 1 {
                    return Err(QueueError::Unavailable(format!("{} entries of a batch were refused", entries.len())));
                }
            }
        }
        Ok(())
    }

    async fn give_back(&self, receipt_handle: &str, seconds: u32) -> Result<(), QueueError> {
        let request = self.client.change_message_visibility().queue_url(&self.url).receipt_handle(receipt_handle);
        let seconds = i32::try_from(seconds).unwrap_or(i32::MAX);
        request.visibility_timeout(seconds).send().await.map(|_| ()).map_err(unavailable)
    }
}

fn entry(index: usize, body: String) -> SendMessageBatchRequestEntryBuilder {
    SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(body)
}

fn unavailable<E, R>(error: aws_sdk_sqs::error::SdkError<E, R>) -> QueueError
where
    E: std::error::Error + aws_sdk_sqs::error::ProvideErrorMetadata + 'static,
    R: std::fmt::Debug + 'static,
{
    QueueError::Unavailable(DisplayErrorContext(error).to_string())
}

/// Cuts a list into batch requests of at most 10 entries and 1 MiB together.
///
/// # Errors
/// [`QueueError::TooLarge`] where one entry alone is over the limit.
pub fn batches(bodies: Vec<String>) -> Result<Vec<Vec<String>>, QueueError> {
    let mut all: Vec<Vec<String>> = Vec::new();
    let mut size = 0;
    for body in bodies {
        if body.len() > MAX_MESSAGE {
            return Err(QueueError::TooLarge(body.len()));
        }
        match all.last_mut() {
            Some(last) if last.len() < BATCH && size + body.len() <= MAX_MESSAGE => {
                size += body.len();
                last.push(body);
            }
            _ => {
                size = body.len();
                all.push(vec![body]);
            }
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn a_batch_keeps_both_limits_and_loses_nothing() {
        let bodies: Vec<String> = (0..25).map(|i| i.to_string()).collect();
        let cut = batches(bodies.clone()).unwrap();
        assert_eq!(cut.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5]);
        assert_eq!(cut.concat(), bodies);

        let half = "x".repeat(MAX_MESSAGE / 2);
        let cut = batches(vec![half.clone(), half.clone(), "y".into()]).unwrap();
        assert_eq!(cut.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
        assert!(matches!(batches(vec!["x".repeat(MAX_MESSAGE + 1)]), Err(QueueError::TooLarge(_))));
    }
}
