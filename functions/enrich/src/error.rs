//! What can go wrong while a record is worked on, by what becomes of the record.

use access::AccessError;
use platform::cipher::CipherError;
use store::{StoreError, queue::QueueError};

use crate::outcome::{Deferral, Outcome};

/// Why work on a record came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnrichError {
    /// A service of our own (tables, key, queue) does not answer or is throttled. That passes, like an outage of Intercom.
    #[error("{0}")]
    Away(String),
    /// The same again would end the same.
    #[error("{0}")]
    Broken(String),
}

impl EnrichError {
    /// What no repetition mends.
    pub fn broken(what: impl Into<String>) -> Self {
        Self::Broken(what.into())
    }
}

impl From<StoreError> for EnrichError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::Away(error.to_string()),
            StoreError::Refused(_) | StoreError::LeaseLost { .. } | StoreError::Malformed { .. } => {
                Self::Broken(error.to_string())
            }
        }
    }
}

impl From<QueueError> for EnrichError {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Unavailable(_) => Self::Away(error.to_string()),
            QueueError::TooLarge(_) => Self::Broken(error.to_string()),
        }
    }
}

impl From<AccessError> for EnrichError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Store(error) => error.into(),
            AccessError::Cipher(CipherError::Kms(_)) => Self::Away(error.to_string()),
            AccessError::Cipher(CipherError::Unreadable) | AccessError::BadBaseUrl(_) => {
                Self::Broken(error.to_string())
            }
        }
    }
}

impl From<EnrichError> for Outcome {
    fn from(error: EnrichError) -> Self {
        match error {
            EnrichError::Away(what) => {
                tracing::warn!(error = what, "a service of our own does not answer");
                Deferral::because("own service away")
            }
            EnrichError::Broken(what) => Self::Failed(what),
        }
    }
}
