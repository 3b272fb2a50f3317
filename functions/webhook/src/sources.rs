//! The optional list of addresses that may call: a second lock beside the signature, never instead of it.

use std::net::IpAddr;

use ipnet::IpNet;
use platform::config::{ConfigError, Environment};

/// From where notifications are taken. Empty, the default, means from anywhere.
///
/// Compared with the address that the gateway saw. Behind a content delivery network or another proxy that is the
/// proxy's address: leave the list empty there. What `X-Forwarded-For` says is not looked at, since anybody can write it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedSources(Vec<IpNet>);

impl AllowedSources {
    /// From `ALLOWED_SOURCE_IPS`: addresses and networks (`203.0.113.7`, `2001:db8::/32`) separated by commas.
    ///
    /// # Errors
    /// [`ConfigError::Malformed`] where an entry is neither: to leave it out could lock Intercom out.
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        let network = |entry: &String| match entry.parse::<IpAddr>() {
            Ok(address) => Some(IpNet::from(address.to_canonical())),
            Err(_) => entry.parse::<IpNet>().ok(),
        };
        let networks: Option<Vec<IpNet>> = env.list("ALLOWED_SOURCE_IPS").iter().map(network).collect();
        networks.map(Self).ok_or(ConfigError::Malformed {
            name: "ALLOWED_SOURCE_IPS",
            expected: "IP addresses or networks such as 203.0.113.7 or 2001:db8::/32, separated by commas",
        })
    }

    /// May this address call? An unknown one may only where there is no list.
    pub fn allows(&self, source: Option<&str>) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let Some(address) = source.and_then(|text| text.trim().parse::<IpAddr>().ok()) else { return false };
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sources(list: &'static str) -> AllowedSources {
        AllowedSources::read(&Environment::from([("ALLOWED_SOURCE_IPS", list)])).unwrap()
    }

    #[test]
    fn addresses_and_networks_of_both_kinds_are_allowed_and_no_others() {
        let list = sources("34.231.68.152, 54.217.125.0/24,2001:db8::/32, ::ffff:192.0.2.9");
        for allowed in ["34.231.68.152", "54.217.125.63", "2001:db8:1::5", "::ffff:34.231.68.152", "192.0.2.9"] {
            assert!(list.allows(Some(allowed)), "{allowed}");
        }
        for refused in ["34.231.68.153", "54.217.126.1", "2001:db9::1", "", "34.231.68.152, 10.0.0.1", "localhost"] {
            assert!(!list.allows(Some(refused)), "{refused}");
        }
        assert!(!list.allows(None), "who cannot be told is not let in");
    }

    #[test]
    fn without_a_list_everybody_may_call() {
        assert!(sources("").allows(Some("203.0.113.1")) && sources(" ").allows(None));
    }

    #[test]
    fn a_malformed_entry_stops_the_start_and_names_the_variable() {
        for list in ["34.231.68", "10.0.0.0/33", "intercom.io", "1.2.3.4;5.6.7.8"] {
            let error = AllowedSources::read(&Environment::from([("ALLOWED_SOURCE_IPS", list)])).unwrap_err();
            assert!(error.to_string().contains("ALLOWED_SOURCE_IPS"), "{list}");
        }
    }
}
