//! Reading the environment: each error names its variable and says what was expected.

use std::{collections::BTreeMap, fmt, str::FromStr};

use intercom::WorkspaceId;
use url::Url;

/// A variable is missing or malformed. The value itself is not shown: it may be a secret put in the wrong place.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    /// Not set, or empty.
    #[error("environment variable {name} is not set: {expected}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
    /// Set to something else.
    #[error("environment variable {name} is malformed: {expected}")]
    Malformed {
        /// The variable.
        name: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
}

/// Where variables come from: the process, or a map in a test.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish() // names only
    }
}

impl Environment {
    /// The environment of this process; values that are no Unicode are left out.
    pub fn of_process() -> Self {
        Self(std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect())
    }

    /// The value, unless absent or empty (an empty template parameter is an empty variable).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|v| v.trim()).filter(|v| !v.is_empty())
    }

    /// The value, which has to be there.
    ///
    /// # Errors
    /// [`ConfigError::Missing`]
    pub fn required(&self, name: &'static str, expected: &'static str) -> Result<&str, ConfigError> {
        self.get(name).ok_or(ConfigError::Missing { name, expected })
    }

    /// The value read as something, or the default where it is not set.
    ///
    /// # Errors
    /// [`ConfigError::Malformed`]
    pub fn parsed<T: FromStr>(&self, name: &'static str, default: T, expected: &'static str) -> Result<T, ConfigError> {
        match self.get(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| ConfigError::Malformed { name, expected }),
        }
    }

    /// An `https` URL without query, or the default where it is not set. Tokens and secrets go there, so `http` is only
    /// for servers on this machine.
    ///
    /// # Errors
    /// [`ConfigError::Malformed`]
    pub fn base_url(&self, name: &'static str, default: &'static str) -> Result<Url, ConfigError> {
        const EXPECTED: &str = "a base URL such as https://api.intercom.io (http:// only for localhost)";
        let malformed = || ConfigError::Malformed { name, expected: EXPECTED };
        let url: Url = self.get(name).unwrap_or(default).parse().map_err(|_| malformed())?;
        let is_private = match url.scheme() {
            "https" => url.has_host(),
            "http" => url.host_str().is_some_and(is_this_machine),
            _ => false,
        };
        if is_private && url.query().is_none() { Ok(url) } else { Err(malformed()) }
    }

    /// A comma-separated list; empty where it is not set.
    pub fn list(&self, name: &str) -> Vec<String> {
        let items = self.get(name).unwrap_or_default().split(',');
        items.map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }
}

/// Names under `localhost` never leave the machine.
fn is_this_machine(host: &str) -> bool {
    host == "127.0.0.1" || host == "[::1]" || host == "localhost" || host.ends_with(".localhost")
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect())
    }
}

/// Which workspaces may use this installation of the bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedWorkspaces(Vec<WorkspaceId>);

impl AllowedWorkspaces {
    /// From `ALLOWED_WORKSPACES`; empty means any.
    ///
    /// # Errors
    /// [`ConfigError::Malformed`] where an entry is no workspace id: ignoring it could let everybody in.
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        let malformed =
            ConfigError::Malformed { name: "ALLOWED_WORKSPACES", expected: "workspace ids separated by commas" };
        let ids: Result<Vec<WorkspaceId>, _> = env.list("ALLOWED_WORKSPACES").iter().map(|id| id.parse()).collect();
        ids.map(Self).map_err(|_| malformed)
    }

    /// The one that may, where it is only one.
    pub fn only(&self) -> Option<&WorkspaceId> {
        match self.0.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// May this workspace install?
    pub fn allows(&self, workspace: &WorkspaceId) -> bool {
        self.0.is_empty() || self.0.contains(workspace)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_missing_variable_is_named_and_its_purpose_told() {
        let error = Environment::default().required("STATE_TABLE", "the name of the state table").unwrap_err();
        assert_eq!(error.to_string(), "environment variable STATE_TABLE is not set: the name of the state table");
    }

    #[test]
    fn a_malformed_value_is_not_repeated() {
        let env = Environment::from([("INTERCOM_API_BASE_URL", "hunter2"), ("BACKFILL_DAYS", "many")]);
        let url = env.base_url("INTERCOM_API_BASE_URL", "https://api.intercom.io").unwrap_err();
        let days = env.parsed("BACKFILL_DAYS", 0_u32, "a number of days").unwrap_err();
        assert!(!format!("{url} {days} {env:?}").contains("hunter2"));
        assert!(days.to_string().contains("BACKFILL_DAYS"));
    }

    #[test]
    fn tokens_go_over_https_except_to_this_machine() {
        let read =
            |url: &str| Environment::from([("INTERCOM_API_BASE_URL", url)]).base_url("INTERCOM_API_BASE_URL", "");
        for url in ["https://api.intercom.io", "http://127.0.0.1:4570", "http://localhost", "http://a.localhost:1"] {
            assert!(read(url).is_ok(), "{url}");
        }
        for url in ["http://api.intercom.io", "http://localhost.example", "ftp://localhost", "http://10.0.0.1"] {
            assert!(read(url).is_err(), "{url}");
        }
    }

    #[test]
    fn an_empty_parameter_counts_as_not_set() {
        let env = Environment::from([("BACKFILL_DAYS", " ")]);
        assert_eq!(env.parsed("BACKFILL_DAYS", 7_u32, "days"), Ok(7));
    }

    #[test]
    fn an_entry_that_is_no_workspace_id_does_not_open_the_door_to_all() {
        let read = |list| AllowedWorkspaces::read(&Environment::from([("ALLOWED_WORKSPACES", list)]));
        assert!(read("a b").is_err());
        let one = read("abc123, def456").unwrap();
        assert!(one.allows(&"abc123".parse().unwrap()) && !one.allows(&"xyz".parse().unwrap()));
        assert!(read("").unwrap().allows(&"xyz".parse().unwrap()));
    }
}
