//! Identifiers that must not be mixed up with other strings.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Longest workspace id we take, in bytes. Intercom's are 6 to 10 characters; the limit only keeps keys short.
const MAX_WORKSPACE_ID: usize = 64;

/// Intercom's id code of a workspace (`app.id_code` of `/me`, `app_id` of a notification): the tenant key everywhere.
///
/// Only ASCII letters, digits, `_` and `-` are taken, so an id can stand in a key, a log line or a URL as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WorkspaceId(String);

/// Why a string is no workspace id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a workspace id: expected 1 to {MAX_WORKSPACE_ID} ASCII letters, digits, '_' or '-'")]
pub struct InvalidWorkspaceId;

impl WorkspaceId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for WorkspaceId {
    type Error = InvalidWorkspaceId;

    fn try_from(value: String) -> Result<Self, Self::Error> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if (1..=MAX_WORKSPACE_ID).contains(&value.len()) && value.bytes().all(allowed) {
            Ok(Self(value))
        } else {
            Err(InvalidWorkspaceId)
        }
    }
}

impl FromStr for WorkspaceId {
    type Err = InvalidWorkspaceId;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        Self::try_from(value.to_owned())
    }
}

impl From<WorkspaceId> for String {
    fn from(value: WorkspaceId) -> Self {
        value.0
    }
}

impl fmt::Display for WorkspaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_code_is_taken_and_anything_that_could_break_a_key_is_not() {
        assert_eq!("abc123xyz".parse::<WorkspaceId>().map(String::from), Ok("abc123xyz".into()));
        for bad in ["", "a#b", "a b", "a/b", "ä", &"x".repeat(65)] {
            assert_eq!(bad.parse::<WorkspaceId>(), Err(InvalidWorkspaceId), "{bad:?}");
        }
    }
}
