//! How Intercom signs what it sends. Written apart from the connector on purpose: two sides that share the code would
//! share its mistakes.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

/// The value of `X-Hub-Signature` for a webhook body: `sha1=` and the HMAC-SHA1 of the exact bytes in lower-case hex,
/// keyed with the app's client secret (Intercom docs, "Webhook models").
///
/// Empty only where the key is refused, which HMAC never does.
#[must_use]
pub fn hub_signature(secret: &str, body: &[u8]) -> String {
    Hmac::<Sha1>::new_from_slice(secret.as_bytes()).map_or_else(
        |_| String::new(),
        |mut mac| {
            mac.update(body);
            format!("sha1={}", hex::encode(mac.finalize().into_bytes()))
        },
    )
}

/// The value of `X-Body-Signature` for health checks and uninstall notices: HMAC-SHA256 in lower-case hex, without a
/// prefix (Intercom docs, "Installation health check").
#[must_use]
pub fn body_signature(secret: &str, body: &[u8]) -> String {
    Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_or_else(
        |_| String::new(),
        |mut mac| {
            mac.update(body);
            hex::encode(mac.finalize().into_bytes())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 2202 case 2 and RFC 4231 case 2: same key and text.
    #[test]
    fn the_hub_signature_is_the_sha1_of_rfc_2202() {
        assert_eq!(
            hub_signature("Jefe", b"what do ya want for nothing?"),
            "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
        );
    }

    #[test]
    fn the_body_signature_is_the_sha256_of_rfc_4231_without_prefix() {
        assert_eq!(
            body_signature("Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
