//! The real binary, without what it needs.

#![allow(clippy::expect_used)]

use std::process::Command;

/// In the order in which they are asked for.
const REQUIRED: &[&str] = &["STATE_TABLE", "TOKEN_KEY_ID"];

/// Starts the function with nothing but these variables; gives what it says. It has to end by itself, and not well.
fn start(env: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oauth"));
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
fn a_malformed_variable_is_named_and_its_value_is_not_repeated() {
    let mut env: Vec<_> = REQUIRED.iter().map(|name| (*name, "x")).collect();
    env.push(("INTERCOM_API_BASE_URL", "not a url"));
    let said = start(&env);
    assert!(said.contains("INTERCOM_API_BASE_URL is malformed"), "{said}");
    assert!(!said.contains("not a url"), "{said}");
}
