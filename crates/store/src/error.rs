//! What can go wrong with a table.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

/// Why a table did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Throttled, unreachable or failing: the same call may work later. The text holds the whole chain of causes.
    #[error("DynamoDB failed: {0}")]
    Unavailable(String),
    /// The request itself is one that DynamoDB does not take (an item over its size, say): the same call never works.
    #[error("DynamoDB refused the request: {0}")]
    Refused(String),
    /// Somebody else holds the checkpoint by now: stop, what was done will be done again by the holder.
    #[error("the lease on checkpoint {resource} of workspace {workspace} was lost to another run")]
    LeaseLost {
        /// Whose checkpoint.
        workspace: String,
        /// Which one.
        resource: String,
    },
    /// An item is not of the form that this version writes.
    #[error("the item {key} is malformed: {what}")]
    Malformed {
        /// The item's key.
        key: String,
        /// Which attribute.
        what: &'static str,
    },
}

impl StoreError {
    pub(crate) fn unavailable<E, R>(error: SdkError<E, R>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
        R: std::fmt::Debug + 'static,
    {
        let is_refused = matches!(
            error.code(),
            Some("ValidationException" | "SerializationException" | "ItemCollectionSizeLimitExceededException")
        );
        let text = DisplayErrorContext(error).to_string();
        if is_refused { Self::Refused(text) } else { Self::Unavailable(text) }
    }
}

/// The answer of a conditional write; `None` where its condition did not hold.
pub(crate) fn if_held<T, E, R>(outcome: Result<T, SdkError<E, R>>) -> Result<Option<T>, StoreError>
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug + 'static,
{
    match outcome {
        Ok(answer) => Ok(Some(answer)),
        Err(e) if e.code() == Some("ConditionalCheckFailedException") => Ok(None),
        Err(e) => Err(StoreError::unavailable(e)),
    }
}
