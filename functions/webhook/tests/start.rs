//! The real binary, without what it needs.

#![allow(clippy::expect_used)]

use std::process::Command;

/// In the order in which they are asked for.
const REQUIRED: &[&str] = &["LIVE_QUEUE_URL"];

/// Starts the function with nothing but these variables; gives what it says. It has to end by itself, and not well.
fn start(env: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_webhook"));
    let output = command.env_clear().envs(env.iter().copied()).output().expect("the binary runs");
    assert!(!output.status.success());
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn a_missing_variable_is_named_at_start() {
    for (index, missing) in REQUIRED.iter().enumerate() {
        let given: Vec<_> = REQUIRED.iter().take(index).map(|name| (*name, "x")).collect();
        let said = start(&given);
        assert!(said.contains(&format!("environment variable {missing} is not set")), "{said}");
    }
}

#[test]
fn without_a_secret_to_verify_with_it_does_not_start() {
    let said = start(&[("LIVE_QUEUE_URL", "x")]);
    assert!(said.contains("IntercomClientSecret"), "{said}");
}
