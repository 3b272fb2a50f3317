//! Other connectors, as processes of their own. What they emit on their standard output, one JSON a line, is counted:
//! Singer's messages (`{"type":"RECORD","stream":…,"record":{…}}`) and Airbyte's
//! (`{"type":"RECORD","record":{"stream":…,"data":{…}}}`) alike.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use ::tests::{RealClock, Stack};
use intercom::notification::id_text;
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use crate::{BenchError, complete, counted::Requests, side_by_side::Run, world};

/// One of them.
#[derive(Debug, Deserialize)]
pub(crate) struct Peer {
    name: String,
    command: Vec<String>,
    /// Where what it says on its standard error goes.
    log: PathBuf,
}

/// Reads the list; none where no file is named.
pub(crate) fn list(file: Option<&Path>) -> Result<Vec<Peer>, BenchError> {
    match file {
        Some(file) => Ok(serde_json::from_reader(File::open(file)?)?),
        None => Ok(Vec::new()),
    }
}

/// The ids of the records of each stream.
#[derive(Debug, Default)]
struct Emitted(HashMap<String, HashSet<String>>);

impl Emitted {
    fn read(&mut self, line: &str) {
        let Ok(message) = serde_json::from_str::<Value>(line) else { return };
        if message.get("type").and_then(Value::as_str) != Some("RECORD") {
            return;
        }
        let Some(record) = message.get("record") else { return };
        let (stream, object) = match (message.get("stream"), record.get("stream"), record.get("data")) {
            (None, Some(stream), Some(data)) => (stream, data),
            (Some(stream), ..) => (stream, record),
            _ => return,
        };
        if let (Some(stream), Some(id)) = (stream.as_str(), object.get("id").and_then(id_text)) {
            self.0.entry(stream.to_owned()).or_default().insert(id);
        }
    }

    fn of(&self, stream: &str) -> HashSet<String> {
        self.0.get(stream).cloned().unwrap_or_default()
    }
}

/// Runs one to its end, or for so long.
pub(crate) async fn run(
    peer: &Peer,
    stack: &Stack<RealClock>,
    limit: u32,
    longest: Duration,
) -> Result<Run, BenchError> {
    let state = stack.intercom.state();
    let (program, options) = peer
        .command
        .split_first()
        .ok_or_else(|| BenchError::Unreadable(std::io::Error::other(format!("{} has no command", peer.name))))?;
    let began = Instant::now();
    let mut child = Command::new(program)
        .args(options)
        .env("INTERCOM_BASE_URL", stack.intercom.base_url())
        .env("INTERCOM_ACCESS_TOKEN", state.issue_token())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::create(&peer.log)?)
        .kill_on_drop(true)
        .spawn()?;
    let mut emitted = Emitted::default();
    let reading = async {
        if let Some(output) = child.stdout.take() {
            let mut lines = BufReader::new(output).lines();
            while let Some(line) = lines.next_line().await? {
                emitted.read(&line);
            }
        }
        child.wait().await
    };
    let ended = match tokio::time::timeout(longest, reading).await {
        Ok(status) => Some(status?).filter(|status| !status.success()).map(|status| status.to_string()),
        Err(_) => Some(format!("stopped after {} s", longest.as_secs())),
    };
    let seconds = began.elapsed().as_secs_f64();
    Ok(Run {
        name: peer.name.clone(),
        requests: Requests::of(state.requests(), limit),
        seconds,
        complete: complete::of_records(
            &world::conversations(stack),
            &emitted.of("conversations"),
            &emitted.of("conversation_parts"),
        ),
        ended,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_both_protocols_are_counted_once_an_id() {
        let mut emitted = Emitted::default();
        for line in [
            r#"{"type":"RECORD","stream":"conversations","record":{"id":"1"}}"#,
            r#"{"type":"RECORD","stream":"conversations","record":{"id":"1"}}"#,
            r#"{"type":"RECORD","record":{"stream":"conversations","data":{"id":2},"emitted_at":5}}"#,
            r#"{"type":"STATE","value":{"id":"3"}}"#,
            "INFO not a message",
        ] {
            emitted.read(line);
        }
        assert_eq!(emitted.of("conversations").len(), 2);
        assert!(emitted.of("conversation_parts").is_empty());
    }
}
