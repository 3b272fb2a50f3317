//! Who may see a workspace's status: whoever has the operator key, or came by a one-time link.
//!
//! A link and a session are each a text that says what it opens and until when, and its HMAC under a key of their own,
//! both derived from the operator key: changing that one ends them all. Nothing is stored until a link is used.

use hmac::{Hmac, KeyInit, Mac};
use intercom::WorkspaceId;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// How long a link may be used, in seconds: it stands on the page that a person sees when the installation is done.
pub(crate) const LINK_SECONDS: i64 = 15 * 60;

/// How long a session lasts, in seconds: a long day's backfill can be watched.
pub(crate) const SESSION_SECONDS: i64 = 12 * 3600;

const VERSION: &str = "v1";

/// Signs and verifies links and sessions.
#[derive(Clone, Copy)]
pub(crate) struct Keys<'a> {
    operator: &'a SecretString,
}

/// A link that was made by us and has not ended; whether it was used already is the table's to say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) workspace: WorkspaceId,
    pub(crate) nonce: String,
    pub(crate) expires_at: i64,
}

impl<'a> Keys<'a> {
    pub(crate) fn new(operator: &'a SecretString) -> Self {
        Self { operator }
    }

    /// The value of a one-time link.
    pub(crate) fn link(self, workspace: &WorkspaceId, nonce: &[u8; 32], now: i64) -> Option<String> {
        let expires_at = now.saturating_add(LINK_SECONDS);
        self.sign("status link", &format!("{VERSION}.{workspace}.{expires_at}.{}", hex::encode(nonce)))
    }

    /// Reads a link; `None` where it is not ours or has ended.
    pub(crate) fn read_link(self, text: &str, now: i64) -> Option<Link> {
        let mut fields = self.verify("status link", text)?.split('.');
        let (version, workspace, expires_at) = (fields.next()?, fields.next()?, fields.next()?.parse().ok()?);
        let link = Link { workspace: workspace.parse().ok()?, nonce: fields.next()?.to_owned(), expires_at };
        (version == VERSION && fields.next().is_none() && expires_at > now).then_some(link)
    }

    /// The value of a session's cookie.
    pub(crate) fn session(self, workspace: &WorkspaceId, now: i64) -> Option<String> {
        let expires_at = now.saturating_add(SESSION_SECONDS);
        self.sign("status session", &format!("{VERSION}.{workspace}.{expires_at}"))
    }

    /// Whether a cookie's value opens this workspace.
    pub(crate) fn opens(self, cookie: &str, workspace: &WorkspaceId, now: i64) -> bool {
        let Some(payload) = self.verify("status session", cookie) else { return false };
        let Some(expires_at) = payload.strip_prefix(&format!("{VERSION}.{workspace}.")) else { return false };
        expires_at.parse::<i64>().is_ok_and(|expires_at| expires_at > now)
    }

    /// Whether this is the operator key itself. Compares MACs of both under one of them, in constant time whatever their
    /// lengths.
    pub(crate) fn is_operator(self, given: &str) -> bool {
        let mac = |text: &str| keyed(self.operator.expose_secret().as_bytes(), text.as_bytes());
        match (mac(given), mac(self.operator.expose_secret())) {
            (Some(given), Some(expected)) => given.verify(&expected.finalize().into_bytes()).is_ok(),
            _ => false,
        }
    }

    fn sign(self, purpose: &str, payload: &str) -> Option<String> {
        let mac = self.mac(purpose, payload)?.finalize().into_bytes();
        Some(format!("{payload}.{}", hex::encode(mac)))
    }

    /// The payload, where its MAC holds; compared in constant time.
    fn verify<'t>(self, purpose: &str, text: &'t str) -> Option<&'t str> {
        let (payload, mac) = text.rsplit_once('.')?;
        self.mac(purpose, payload)?.verify_slice(&hex::decode(mac).ok()?).ok()?;
        Some(payload)
    }

    fn mac(self, purpose: &str, payload: &str) -> Option<Hmac<Sha256>> {
        let derived = keyed(self.operator.expose_secret().as_bytes(), format!("intercom-memory {purpose}").as_bytes())?;
        keyed(&derived.finalize().into_bytes(), payload.as_bytes())
    }
}

/// `None` never happens: HMAC takes keys of any length.
fn keyed(key: &[u8], text: &[u8]) -> Option<Hmac<Sha256>> {
    Some(<Hmac<Sha256> as KeyInit>::new_from_slice(key).ok()?.chain_update(text))
}

/// One cookie a workspace. `__Host-`: only over HTTPS, only this host, never set by a subdomain.
pub(crate) fn cookie_name(workspace: &WorkspaceId) -> String {
    format!("__Host-intercom-status-{workspace}")
}

/// `Lax`, since the link that begins a session may be followed from another site.
pub(crate) fn cookie(workspace: &WorkspaceId, session: &str) -> String {
    format!("{}={session}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={SESSION_SECONDS}", cookie_name(workspace))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_000_000;

    fn workspace(id: &str) -> WorkspaceId {
        id.parse().unwrap()
    }

    #[test]
    fn a_link_opens_its_workspace_until_it_ends_and_under_no_other_key() {
        let (ours, other) = (SecretString::from("ours"), SecretString::from("other"));
        let link = Keys::new(&ours).link(&workspace("ws1"), &[7; 32], NOW).unwrap();
        let read = Keys::new(&ours).read_link(&link, NOW + LINK_SECONDS - 1).unwrap();
        assert_eq!((read.workspace, read.nonce), (workspace("ws1"), "07".repeat(32)));
        assert_eq!(Keys::new(&ours).read_link(&link, NOW + LINK_SECONDS), None);
        assert_eq!(Keys::new(&other).read_link(&link, NOW), None);
    }

    #[test]
    fn a_session_opens_its_own_workspace_only_and_is_no_link() {
        let key = SecretString::from("ours");
        let keys = Keys::new(&key);
        let session = keys.session(&workspace("ws1"), NOW).unwrap();
        assert!(keys.opens(&session, &workspace("ws1"), NOW + SESSION_SECONDS - 1));
        assert!(!keys.opens(&session, &workspace("ws1"), NOW + SESSION_SECONDS));
        assert!(!keys.opens(&session, &workspace("ws12"), NOW) && !keys.opens(&session, &workspace("ws"), NOW));
        assert_eq!(keys.read_link(&session, NOW), None);
        let link = keys.link(&workspace("ws1"), &[7; 32], NOW).unwrap();
        assert!(!keys.opens(&link, &workspace("ws1"), NOW), "nor is a link a session");
    }

    proptest! {
        #[test]
        fn a_changed_byte_anywhere_closes_it(at in 0_usize..200, to in 0x21_u8..0x7f) {
            let key = SecretString::from("ours");
            let keys = Keys::new(&key);
            for text in [keys.link(&workspace("ws1"), &[7; 32], NOW).unwrap(), keys.session(&workspace("ws1"), NOW).unwrap()] {
                let mut bytes = text.clone().into_bytes();
                let at = at % bytes.len();
                let was = bytes[at];
                bytes[at] = to;
                // Hex is read in either case.
                prop_assume!(!was.eq_ignore_ascii_case(&to));
                let changed = String::from_utf8(bytes).unwrap();
                prop_assert_eq!(keys.read_link(&changed, NOW), None);
                prop_assert!(!keys.opens(&changed, &workspace("ws1"), NOW));
            }
        }

        #[test]
        fn no_text_panics(text in ".{0,300}") {
            let key = SecretString::from("ours");
            prop_assert_eq!(Keys::new(&key).read_link(&text, NOW), None);
            prop_assert!(!Keys::new(&key).opens(&text, &workspace("ws1"), NOW));
        }
    }
}
