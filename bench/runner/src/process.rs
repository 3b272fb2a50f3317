//! What is measured.

use std::{path::PathBuf, process::Stdio};

use serde::Deserialize;
use testkit::{ProcessError, Program, Running};

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

impl Function {
    /// Starts it.
    pub(crate) fn start(&self, environment: &[(&str, String)]) -> Result<Running, ProcessError> {
        let (name, command, directory) = (self.name.clone(), self.command.clone(), self.directory.clone());
        let own = self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let all = environment.iter().map(|(name, value)| (*name, value.as_str())).chain(own);
        Running::start(&Program { name, command, directory }, all, Stdio::null())
    }
}
