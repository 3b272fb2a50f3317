//! A function's process, and what the kernel says of it.

use std::{fs, path::PathBuf, process::Stdio, time::Instant};

use tokio::process::{Child, Command};

/// What to start.
#[derive(Clone, Debug)]
pub struct Program {
    /// How it is called in errors.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Where it is started.
    pub directory: PathBuf,
}

/// One that runs. Ends when dropped.
pub struct Running {
    child: Child,
    pid: u32,
    /// When it was started.
    pub began: Instant,
}

/// A process that is not there.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// There is no such program, or it may not be run.
    #[error("{0} cannot be started: {1}")]
    Start(String, #[source] std::io::Error),
    /// It ended at once.
    #[error("the process of {0} has ended")]
    Ended(String),
}

impl Running {
    /// Starts it with nothing of this process's environment but the path. `stdout` is where its log goes.
    ///
    /// # Errors
    /// See [`ProcessError`].
    pub fn start<'a>(
        program: &Program,
        environment: impl IntoIterator<Item = (&'a str, &'a str)>,
        stdout: Stdio,
    ) -> Result<Self, ProcessError> {
        let ended = || ProcessError::Ended(program.name.clone());
        let (executable, arguments) = program.command.split_first().ok_or_else(ended)?;
        let mut command = Command::new(executable);
        command
            .args(arguments)
            .current_dir(&program.directory)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        let began = Instant::now();
        let child = command.spawn().map_err(|error| ProcessError::Start(program.name.clone(), error))?;
        let pid = child.id().ok_or_else(ended)?;
        Ok(Self { child, pid, began })
    }

    /// Processor time of all its threads so far, in nanoseconds.
    pub fn cpu_ns(&self) -> u64 {
        let threads = fs::read_dir(format!("/proc/{}/task", self.pid)).into_iter().flatten().flatten();
        let of =
            |path: PathBuf| fs::read_to_string(path.join("schedstat")).ok()?.split(' ').next()?.parse::<u64>().ok();
        threads.filter_map(|thread| of(thread.path())).sum()
    }

    /// Resident memory now, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or_default() * 1024
    }

    /// Ends it and waits for its end, so that it does not disturb what is measured next.
    pub async fn end(mut self) {
        // One that has ended by itself is just as good.
        let _ = self.child.kill().await;
    }
}
