//! Events: each converges by itself, whatever becomes of the document.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use futures::{TryStreamExt, stream};
use memory::Event;

use super::{CONCURRENCY, MemoryTable, items};
use crate::{
    StoreError,
    error::if_held,
    item::{Reader, n, s},
};

impl MemoryTable {
    /// Writes events, each under its own condition, whatever becomes of the document. `met_before` where there may be older
    /// versions of them.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub(crate) async fn put_events(
        &self,
        events: &[&Event],
        shape: &str,
        met_before: bool,
    ) -> Result<usize, StoreError> {
        stream::iter(events.iter().copied().map(Ok))
            .map_ok(|event| self.put_event(event, shape, met_before))
            .try_buffer_unordered(CONCURRENCY)
            .try_fold(0, |sum, written| async move { Ok(sum + written) })
            .await
    }

    /// ```text
    /// stored \ new          not redacted, v        redacted, v
    /// nothing               write                  write
    /// not redacted, w       where w < v, or the    write
    ///                       shape is another, or
    ///                       it had no text yet
    /// redacted, w           never                  where w < v (time only)
    /// ```
    /// What only a notification shows is of a shape of its own, and takes the place of nothing of its version.
    async fn put_event(&self, event: &Event, shape: &str, met_before: bool) -> Result<usize, StoreError> {
        let (head, continuations) = items::event(event, shape, self.retention);
        let pieces = continuations.len();
        for item in continuations {
            self.put_item(item, None).await?;
        }
        let shown = items::is_shown(shape);
        // It may have been shown before its text was.
        let has_text = !event.redacted && !shown && items::is_opening(event) && !event.body.is_empty();
        let condition = if event.redacted {
            "attribute_not_exists(pk) OR redacted <> :yes OR version < :version"
        } else if shown {
            "attribute_not_exists(pk) OR (redacted <> :yes AND version < :version)"
        } else if has_text {
            "attribute_not_exists(pk) OR (redacted <> :yes AND (version < :version OR \
             (version = :version AND (shape <> :shape OR body = :nothing))))"
        } else {
            "attribute_not_exists(pk) OR (redacted <> :yes AND (version < :version OR \
             (version = :version AND shape <> :shape)))"
        };
        let mut request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(head))
            .condition_expression(condition)
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":version", n(event.version.epoch_seconds()))
            .return_values(ReturnValue::AllOld);
        if !event.redacted && !shown {
            request = request.expression_attribute_values(":shape", s(shape));
        }
        if has_text {
            request = request.expression_attribute_values(":nothing", s(""));
        }
        match if_held(request.send().await)? {
            Some(answer) => {
                let replaced_a_long_one =
                    answer.attributes.is_some_and(|old| Reader::new(&old).number("pieces").unwrap_or(0_u32) > 0);
                if replaced_a_long_one {
                    self.remove_stale_continuations(event).await?;
                }
                Ok(1 + pieces)
            }
            None => {
                // It may stand there already, and who put it, or whose answer was lost, did not come to remove what it
                // replaced.
                if pieces > 0 || event.redacted || met_before {
                    self.remove_stale_continuations(event).await?;
                }
                Ok(0)
            }
        }
    }
}
