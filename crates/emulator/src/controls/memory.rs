//! What became of a conversation, as whoever started the emulator tells it: `GET <memory_url>/conversations/<id>` answers
//! `{"parts": [ids…], "text": "…"}`. The emulator itself knows nothing of the connector's memory; it only passes on.

use std::time::{Duration, Instant};

use reqwest::Url;
use serde::Deserialize;

use crate::state::EmulatorState;

/// Longer than this nobody looks at a page that does not come.
const PATIENCE: Duration = Duration::from_secs(10);
const ASK_AGAIN: Duration = Duration::from_millis(20);
const TIMEOUT: Duration = Duration::from_secs(5);

/// A conversation as it is remembered.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Remembered {
    /// Ids of the parts that memory has.
    pub(super) parts: Vec<String>,
    /// All of it, for people. Empty where nothing is remembered.
    pub(super) text: String,
}

/// Why it cannot be told.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unknown {
    /// The emulator runs by itself.
    #[error("nobody here can tell what memory holds: no memory_url is set (`make run` sets it)")]
    NobodyToAsk,
    /// The address that was given makes no sense.
    #[error("memory_url is no address")]
    Address,
    /// It did not answer, or something else.
    #[error("memory could not be asked: {0}")]
    NoAnswer(#[from] reqwest::Error),
}

impl EmulatorState {
    /// A conversation as memory holds it now.
    pub(super) async fn remembered(&self, conversation: &str) -> Result<Remembered, Unknown> {
        let base = self.settings().memory_url.ok_or(Unknown::NobodyToAsk)?;
        let url = address(&base, conversation).ok_or(Unknown::Address)?;
        let answer = self.http.get(url).timeout(TIMEOUT).send().await?.error_for_status()?;
        Ok(answer.json().await?)
    }

    /// Milliseconds since `began` at which memory has a part; nothing where it has not within [`PATIENCE`].
    pub(super) async fn in_memory_after(
        &self,
        conversation: &str,
        part: &str,
        began: Instant,
    ) -> Result<Option<u128>, Unknown> {
        loop {
            let remembered = self.remembered(conversation).await?;
            let after = began.elapsed();
            if remembered.parts.iter().any(|one| one == part) {
                return Ok(Some(after.as_millis()));
            }
            if after > PATIENCE {
                return Ok(None);
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }
}

fn address(base: &str, conversation: &str) -> Option<Url> {
    let mut url = Url::parse(base).ok()?;
    url.path_segments_mut().ok()?.pop_if_empty().extend(["conversations", conversation]);
    Some(url)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_id_stays_one_step_of_the_path() {
        assert_eq!(address("http://127.0.0.1:1", "a/b?c").unwrap().path(), "/conversations/a%2Fb%3Fc");
        assert_eq!(address("http://127.0.0.1:1/memory/", "7").unwrap().path(), "/memory/conversations/7");
        assert_eq!(address("nowhere", "7"), None);
    }
}
