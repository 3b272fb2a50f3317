//! A function's process, and what the kernel says of it.

use std::{fs, path::PathBuf, process::Stdio, time::Instant};

use serde::Deserialize;
use tokio::process::{Child, Command};

/// A function to measure, as `make bench` describes it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Function {
    /// Its name in the table.
    pub(crate) name: String,
    /// Program and arguments.
    pub(crate) command: Vec<String>,
    /// Where it is started.
    pub(crate) directory: PathBuf,
    /// Further variables.
    #[serde(default)]
    pub(crate) environment: Vec<(String, String)>,
    /// Size of its package, zipped.
    pub(crate) zip_bytes: u64,
    /// Whether it does the webhook's job; the others only answer.
    pub(crate) is_webhook: bool,
}

/// One that runs. Ends when dropped.
pub(crate) struct Running {
    child: Child,
    pid: u32,
    /// When it was started.
    pub(crate) began: Instant,
}

/// It cannot be started or has ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProcessError {
    #[error("{0} cannot be started: {1}")]
    Start(String, std::io::Error),
    #[error("the process of {0} has ended")]
    Ended(String),
}

impl Running {
    /// Starts it with nothing of this process's environment but the path.
    pub(crate) fn start(function: &Function, environment: &[(&str, String)]) -> Result<Self, ProcessError> {
        let ended = || ProcessError::Ended(function.name.clone());
        let (program, arguments) = function.command.split_first().ok_or_else(ended)?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&function.directory)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(environment.iter().map(|(name, value)| (*name, value.as_str())))
            .envs(function.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        let began = Instant::now();
        let child = command.spawn().map_err(|error| ProcessError::Start(function.name.clone(), error))?;
        let pid = child.id().ok_or_else(ended)?;
        Ok(Self { child, pid, began })
    }

    /// Processor time of all its threads so far, in nanoseconds.
    pub(crate) fn cpu_ns(&self) -> u64 {
        let threads = fs::read_dir(format!("/proc/{}/task", self.pid)).into_iter().flatten().flatten();
        let of =
            |path: PathBuf| fs::read_to_string(path.join("schedstat")).ok()?.split(' ').next()?.parse::<u64>().ok();
        threads.filter_map(|thread| of(thread.path())).sum()
    }

    /// Resident memory now, in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or_default() * 1024
    }

    /// Ends it and waits for its end, so that it does not disturb what is measured next.
    pub(crate) async fn end(mut self) {
        // One that has ended by itself is just as good.
        let _ = self.child.kill().await;
    }
}
