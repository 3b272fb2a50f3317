//! The fuzzer's targets (`fuzz/`), with what proptest makes up and with the captured notifications: what has to hold is
//! checked on every toolchain, and the targets cannot rot where there is no nightly one.

use proptest::prelude::*;

// Public for the fuzzer.
#[allow(unreachable_pub)]
#[path = "../../fuzz/src/lib.rs"]
mod targets;

/// Bytes that come close to what is expected: pieces of notifications, events and headers in any order.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\ud83d",
        "\\u0000",
        "1e999",
        "-",
        "null",
        "sha1=",
        "topic",
        "\"topic\":",
        "\"ping\"",
        "\"id\":",
        "\"app_id\":",
        "\"data\":{\"item\":",
        "\"created_at\":",
        "\u{FFFE}",
        "ü",
        "requestContext",
        "{\"topic\":\"t\",\"data\":{\"item\":{}}}",
        "{\"requestContext\":{\"http\":{\"method\":\"POST\"}}}",
    ]);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..80),
        prop::collection::vec(pieces, 0..24).prop_map(|all| all.concat().into_bytes()),
    ]
}

proptest! {
    #[test]
    fn no_header_is_a_signature(data in nearly()) {
        targets::signature(&data);
    }

    #[test]
    fn door_and_enrich_agree_on_every_notification(data in nearly()) {
        targets::notification(&data);
    }

    #[test]
    fn no_event_is_answered_5xx_for_its_content(data in nearly(), last in any::<u8>()) {
        targets::door(&data);
        targets::door(&[data, vec![last]].concat());
    }
}

#[test]
fn the_targets_hold_for_what_intercom_really_sends() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/memory/tests/fixtures/notifications");
    let mut seen = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        targets::notification(&bytes);
        for mode in [b"\t", b"\n"] {
            targets::door(&[bytes.as_slice(), mode].concat()); // 9 and 10: signed, as text and as base64
        }
        seen += 1;
    }
    assert!(seen > 30);
}
