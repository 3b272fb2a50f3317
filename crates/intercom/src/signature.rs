//! Proof that a request comes from Intercom. A [`VerifiedBody`] can only be made here, and only a `VerifiedBody` can be
//! parsed as a notification: an unverified body cannot reach a handler.
//!
//! Webhooks carry `X-Hub-Signature: sha1=<hex HMAC-SHA1 of the raw body under the client secret>`; health checks (and
//! probably uninstall notices) carry `X-Body-Signature: <hex HMAC-SHA256>` without a prefix.

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::Sha256;

/// How many bytes a secret has at least. Intercom's have more; a word that somebody typed to get past a question has
/// fewer, and whoever guesses it signs for every workspace.
pub const SHORTEST_SECRET: usize = 16;

/// Whether a secret is long enough to be one.
pub fn is_usable(secret: &SecretString) -> bool {
    secret.expose_secret().len() >= SHORTEST_SECRET
}

/// The secrets under which a signature is accepted: several while one is being rotated. Never empty, none of them too
/// short to be one.
#[derive(Clone, Debug)]
pub struct SigningSecrets(Vec<SecretString>);

/// There is no usable secret; anything signed with an empty key would be accepted from anybody.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "no signing secret of {SHORTEST_SECRET} characters or more: set the app's client secret (a shorter one could be guessed, and let anybody sign)"
)]
pub struct NoSecret;

impl SigningSecrets {
    /// Takes the secrets that are long enough to be one.
    ///
    /// # Errors
    /// [`NoSecret`] where none is left.
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Result<Self, NoSecret> {
        let usable: Vec<_> = secrets.into_iter().filter(is_usable).collect();
        if usable.is_empty() { Err(NoSecret) } else { Ok(Self(usable)) }
    }
}

/// A body whose signature held: the raw bytes as Intercom signed them.
#[derive(Clone, Debug)]
pub struct VerifiedBody(Bytes);

impl VerifiedBody {
    /// The signed bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The signed bytes as text.
    ///
    /// # Errors
    /// Where they are not UTF-8.
    pub fn text(&self) -> Result<&str, std::str::Utf8Error> {
        std::str::from_utf8(&self.0)
    }
}

/// Why a request is not taken as Intercom's.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SignatureError {
    /// No signature header at all.
    #[error("the request carries no signature header")]
    Missing,
    /// The header is not `sha1=` and 40 hex digits (or 64 hex digits for `X-Body-Signature`).
    #[error("the signature header is malformed")]
    Malformed,
    /// The signature belongs to another body or another secret.
    #[error("the signature fits none of the accepted secrets; is the client secret the one of this Intercom app?")]
    Mismatch,
}

/// How many signatures one header may hold. Each is a guess, so few; the gateway joins a repeated header by commas.
const MAX_SIGNATURES: usize = 4;

/// Checks `X-Hub-Signature` over the raw body. Where the header came several times (`sha1=…, sha1=…`), one that holds
/// suffices.
///
/// # Errors
/// See [`SignatureError`].
pub fn verify_hub(secrets: &SigningSecrets, header: Option<&str>, body: Bytes) -> Result<VerifiedBody, SignatureError> {
    let signatures = signatures(header, |one| one.strip_prefix("sha1=").and_then(decode::<20>))?;
    check::<Hmac<Sha1>, 20>(secrets, &signatures, body)
}

/// Checks `X-Body-Signature` over the raw body; as [`verify_hub`] where the header came several times.
///
/// # Errors
/// See [`SignatureError`].
pub fn verify_body(
    secrets: &SigningSecrets,
    header: Option<&str>,
    body: Bytes,
) -> Result<VerifiedBody, SignatureError> {
    let signatures = signatures(header, decode::<32>)?;
    check::<Hmac<Sha256>, 32>(secrets, &signatures, body)
}

/// The well-formed signatures of a header, of which there has to be one.
fn signatures<const N: usize>(
    header: Option<&str>,
    read: impl Fn(&str) -> Option<[u8; N]>,
) -> Result<Vec<[u8; N]>, SignatureError> {
    let all: Vec<&str> = header.ok_or(SignatureError::Missing)?.splitn(MAX_SIGNATURES + 1, ',').collect();
    let readable: Vec<_> = all.iter().filter_map(|one| read(one.trim())).collect();
    if readable.is_empty() || all.len() > MAX_SIGNATURES { Err(SignatureError::Malformed) } else { Ok(readable) }
}

fn decode<const N: usize>(hex_digits: &str) -> Option<[u8; N]> {
    let mut out = [0; N];
    hex::decode_to_slice(hex_digits, &mut out).ok().map(|()| out)
}

/// How long a refusal takes does not depend on how much of a signature is right: what the sender wrote is decoded to
/// bytes of one length before any secret is touched; each signature is compared with the true one as a whole, by
/// `verify_slice`, which is constant-time; and no comparison is left out because an earlier one held or failed. What
/// the time does tell is the length of the body and how many signatures and secrets there are.
fn check<M: Mac + KeyInit + Clone, const N: usize>(
    secrets: &SigningSecrets,
    signatures: &[[u8; N]],
    body: Bytes,
) -> Result<VerifiedBody, SignatureError> {
    let mut holds = false;
    for secret in &secrets.0 {
        // HMAC takes a key of any length, so this never fails; a failure would count as "does not fit".
        if let Ok(mac) = <M as KeyInit>::new_from_slice(secret.expose_secret().as_bytes()) {
            let mac = mac.chain_update(&body);
            for signature in signatures {
                holds |= mac.clone().verify_slice(signature).is_ok();
            }
        }
    }
    if holds { Ok(VerifiedBody(body)) } else { Err(SignatureError::Mismatch) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// Of any length: the published examples' are short.
    fn secrets(of: &[&str]) -> SigningSecrets {
        SigningSecrets(of.iter().map(|s| SecretString::from(*s)).collect())
    }

    fn sign(secret: &str, body: &[u8]) -> String {
        let mac = <Hmac<Sha1> as KeyInit>::new_from_slice(secret.as_bytes()).unwrap().chain_update(body);
        format!("sha1={}", hex::encode(mac.finalize().into_bytes()))
    }

    #[test]
    fn the_published_example_of_hmac_sha1_holds() {
        // RFC 2202, test case 2.
        let body = Bytes::from_static(b"what do ya want for nothing?");
        let header = "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";
        assert!(verify_hub(&secrets(&["Jefe"]), Some(header), body).is_ok());
    }

    #[test]
    fn the_published_example_of_hmac_sha256_holds_without_a_prefix() {
        // RFC 4231, test case 2.
        let body = Bytes::from_static(b"what do ya want for nothing?");
        let header = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert!(verify_body(&secrets(&["Jefe"]), Some(header), body).is_ok());
    }

    #[test]
    fn while_a_secret_is_rotated_both_are_accepted() {
        let body = Bytes::from_static(b"{}");
        for signer in ["old", "new"] {
            assert!(verify_hub(&secrets(&["new", "old"]), Some(&sign(signer, &body)), body.clone()).is_ok());
        }
    }

    #[test]
    fn each_refusal_has_its_own_cause() {
        let body = Bytes::from_static(b"{}");
        let known = secrets(&["s"]);
        let cause = |header: Option<&str>| verify_hub(&known, header, body.clone()).map(|_| ()).unwrap_err();
        assert_eq!(cause(None), SignatureError::Missing);
        assert_eq!(cause(Some("sha256=00")), SignatureError::Malformed);
        assert_eq!(cause(Some("sha1=zz")), SignatureError::Malformed);
        assert_eq!(cause(Some(&sign("other", &body))), SignatureError::Mismatch);
        assert_eq!(cause(Some(&sign("s", b"[]"))), SignatureError::Mismatch);
    }

    #[test]
    fn a_header_that_came_twice_holds_when_one_of_its_signatures_does() {
        let body = Bytes::from_static(b"{}");
        let known = secrets(&["s"]);
        let holds = |header: &str| verify_hub(&known, Some(header), body.clone()).map(|_| ());
        let (right, forged) = (sign("s", &body), sign("other", &body));
        for header in [format!("{right}, {right}"), format!("{forged},{right}"), format!("{right}, garbage")] {
            assert_eq!(holds(&header), Ok(()), "{header}");
        }
        assert_eq!(holds(&format!("{forged}, {forged}")), Err(SignatureError::Mismatch));
        assert_eq!(holds(&format!("{forged},{forged},{forged},{forged},{right}")), Err(SignatureError::Malformed));
        assert_eq!(holds(","), Err(SignatureError::Malformed));
        let bare = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let body = Bytes::from_static(b"what do ya want for nothing?");
        assert!(verify_body(&secrets(&["Jefe"]), Some(&format!("{bare}, {bare}")), body).is_ok());
    }

    #[test]
    fn what_could_be_guessed_is_no_secret() {
        for word in ["", "none", "x", "fifteen-letters"] {
            assert_eq!(SigningSecrets::new([SecretString::from(word)]).map(|_| ()), Err(NoSecret), "{word}");
        }
        assert!(SigningSecrets::new([SecretString::from("sixteen-letters-")]).is_ok());
    }

    #[test]
    fn a_word_beside_the_secret_signs_nothing() {
        let body = Bytes::from_static(b"{}");
        let both = SigningSecrets::new(["none", "the-secret-of-the-app"].map(SecretString::from)).unwrap();
        assert_eq!(
            verify_hub(&both, Some(&sign("none", &body)), body.clone()).map(|_| ()),
            Err(SignatureError::Mismatch)
        );
        assert!(verify_hub(&both, Some(&sign("the-secret-of-the-app", &body)), body).is_ok());
    }

    #[test]
    fn a_secret_does_not_print() {
        assert!(!format!("{:?}", secrets(&["hunter2"])).contains("hunter2"));
    }

    proptest! {
        #[test]
        fn no_header_makes_verification_panic_or_pass(header in ".{0,80}", body in prop::collection::vec(any::<u8>(), 0..64)) {
            let outcome = verify_hub(&secrets(&["s"]), Some(&header), Bytes::from(body));
            prop_assert!(outcome.is_err());
        }

        #[test]
        fn what_intercom_signs_is_accepted_and_one_changed_byte_is_not(body in prop::collection::vec(any::<u8>(), 1..64), at in any::<prop::sample::Index>()) {
            let header = sign("s", &body);
            let mut changed = body.clone();
            let at = at.index(changed.len());
            if let Some(byte) = changed.get_mut(at) { *byte ^= 1; }
            prop_assert!(verify_hub(&secrets(&["s"]), Some(&header), Bytes::from(body)).is_ok());
            prop_assert!(verify_hub(&secrets(&["s"]), Some(&header), Bytes::from(changed)).is_err());
        }
    }
}
