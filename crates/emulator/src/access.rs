//! Authorisation codes and access tokens.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::rng::Rng;

/// Seconds for which a code can be exchanged. Intercom does not say; ten minutes are usual (RFC 6749, section 4.1.2).
const CODE_LIFETIME: i64 = 600;

/// Codes that wait to be exchanged, and tokens that are good.
#[derive(Debug, Default)]
pub(crate) struct Access {
    /// Code to the second at which it expires.
    codes: BTreeMap<String, i64>,
    tokens: BTreeSet<String>,
}

impl Access {
    /// A new code. Sixteen bytes in base64 end in `==`, which a callback has to survive.
    pub(crate) fn issue_code(&mut self, rng: &mut Rng, now: i64) -> String {
        let code = STANDARD.encode(rng.bytes(16));
        self.codes.insert(code.clone(), now + CODE_LIFETIME);
        code
    }

    /// Takes a code out. True where it was good; it is used up in any case.
    pub(crate) fn redeem(&mut self, code: &str, now: i64) -> bool {
        self.codes.remove(code).is_some_and(|expires| now < expires)
    }

    /// A new token. Intercom's are `tok:…` in base64, so they start with `dG9rO`.
    pub(crate) fn issue_token(&mut self, rng: &mut Rng) -> String {
        let token = STANDARD.encode(format!("tok:{}_{}", rng.hex(8), rng.hex(28)));
        self.tokens.insert(token.clone());
        token
    }

    pub(crate) fn accept(&mut self, token: &str) {
        self.tokens.insert(token.to_owned());
    }

    pub(crate) fn allows(&self, token: &str) -> bool {
        self.tokens.contains(token)
    }

    pub(crate) fn revoke(&mut self, token: &str) {
        self.tokens.remove(token);
    }

    /// Ends every token of the workspace, as an uninstall does.
    pub(crate) fn revoke_all(&mut self) {
        self.tokens.clear();
    }
}
