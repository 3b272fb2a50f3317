//! Where a browser may be sent after an installation: only to origins that the operator listed, or to Intercom.

use platform::config::{ConfigError, Environment};
use url::{Host, Url};

/// Longest return address that is taken, in bytes: it is stored with the state.
const MAX_RETURN_TO: usize = 2048;

/// Origins to which `return_to` may point (`RETURN_TO_ORIGINS`); none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReturnToOrigins(Vec<url::Origin>);

impl ReturnToOrigins {
    /// From `RETURN_TO_ORIGINS`, commas between.
    ///
    /// # Errors
    /// [`ConfigError::Malformed`] where an entry is more or less than an origin: a path that is silently ignored would
    /// allow more than it seems to.
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        const NAME: &str = "RETURN_TO_ORIGINS";
        let origins = env.list(NAME).iter().map(|text| origin(text)).collect::<Option<Vec<_>>>();
        let expected = "origins such as https://app.example.com separated by commas";
        origins.map(Self).ok_or(ConfigError::Malformed { name: NAME, expected })
    }

    /// The address, if the browser may be sent there. It is compared and used as it was parsed, since browsers read
    /// backslashes, control characters and user names their own way.
    pub fn allowed(&self, address: &str) -> Option<Url> {
        let url: Url = (address.len() <= MAX_RETURN_TO).then_some(address)?.parse().ok()?;
        let is_plain = url.username().is_empty() && url.password().is_none();
        (is_plain && is_secure(&url) && self.0.contains(&url.origin())).then_some(url)
    }
}

fn origin(text: &str) -> Option<url::Origin> {
    let url: Url = text.parse().ok()?;
    let is_only_an_origin = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let is_plain = url.username().is_empty() && url.password().is_none();
    (is_only_an_origin && is_plain && is_secure(&url)).then(|| url.origin())
}

/// HTTPS; HTTP only to names that never leave the machine.
fn is_secure(url: &Url) -> bool {
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(Host::Domain(name))) => name == "localhost" || name.ends_with(".localhost"),
        _ => false,
    }
}

/// Where an app's own page takes over: what happened goes into the query, nothing secret.
pub(crate) fn with_outcome(mut to: Url, workspace: &str) -> Url {
    to.query_pairs_mut().append_pair("intercom", "connected").append_pair("workspace", workspace);
    to
}

/// Intercom's page for installs that began in its App Store ("Installing and uninstalling apps").
pub(crate) fn app_store(app_base: &Url, outcome: Result<(), &str>) -> Url {
    let mut url = app_base.clone();
    url.set_path("/appstore/redirect");
    {
        let mut query = url.query_pairs_mut();
        query.clear().append_pair("install_success", if outcome.is_ok() { "true" } else { "false" });
        if let Err(message) = outcome {
            query.append_pair("error_message", message);
        }
    }
    url
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn origins(list: &str) -> Result<ReturnToOrigins, ConfigError> {
        ReturnToOrigins::read(&Environment::from([("RETURN_TO_ORIGINS", list)]))
    }

    #[test]
    fn only_a_listed_origin_is_returned_to_whatever_the_address_pretends() {
        let origins = origins("https://app.example.com, http://localhost:3000").unwrap();
        for good in [
            "https://app.example.com",
            "https://app.example.com/a?b=c#d",
            "https://APP.example.com:443/x",
            "http://localhost:3000/x",
        ] {
            assert!(origins.allowed(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "/relative",
            "//evil.example",
            "https://evil.example",
            "https://app.example.com.evil.example",
            "https://app.example.com@evil.example",
            "https://evil.example@app.example.com",
            "https://evil.example\\@app.example.com",
            "https:\\\\evil.example",
            "https://app.example.com:8443",
            "http://app.example.com",
            "javascript:alert(1)",
            "data:text/html,x",
            "http://localhost:3001",
        ] {
            assert_eq!(origins.allowed(bad), None, "{bad}");
        }
        assert_eq!(origins.allowed(&format!("https://app.example.com/{}", "x".repeat(2048))), None);
    }

    #[test]
    fn nothing_is_allowed_by_default_and_a_list_that_is_no_list_of_origins_stops_the_function() {
        assert_eq!(origins("").unwrap().allowed("https://app.example.com"), None);
        for bad in
            ["*", "app.example.com", "https://app.example.com/path", "http://app.example.com", "https://u@x.example"]
        {
            assert!(origins(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn intercoms_own_page_is_told_how_it_went() {
        let base: Url = "https://app.intercom.com".parse().unwrap();
        let done = app_store(&base, Ok(()));
        assert_eq!(done.as_str(), "https://app.intercom.com/appstore/redirect?install_success=true");
        let failed = app_store(&base, Err("Try again & again"));
        assert_eq!(failed.query(), Some("install_success=false&error_message=Try+again+%26+again"));
    }
}
