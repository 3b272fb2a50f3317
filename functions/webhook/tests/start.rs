//! The real binary, without what it needs.

#![allow(clippy::expect_used)]

use std::{
    net::TcpListener,
    process::Command,
    thread,
    time::{Duration, Instant},
};

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
    for secret in ["", "none", "fifteen-letters"] {
        let said = start(&[("LIVE_QUEUE_URL", "x"), ("INTERCOM_CLIENT_SECRET", secret)]);
        assert!(said.contains("IntercomClientSecret") && said.contains("16 characters"), "{said}");
    }
}

#[test]
fn an_aws_that_takes_the_connection_and_says_nothing_is_named_before_lambda_ends_the_start() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let endpoint = format!("http://{}", silent.local_addr().expect("it is bound"));
    let began = Instant::now();
    // A function that waited for ever would be let go then, too late.
    thread::spawn(move || {
        thread::sleep(Duration::from_secs(15));
        drop(silent);
    });
    let said = start(&[
        ("LIVE_QUEUE_URL", "x"),
        ("CREDENTIALS_SECRET_ID", "x"),
        ("AWS_ENDPOINT_URL", &endpoint),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
    ]);
    assert!(said.contains("Secrets Manager failed"), "{said}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}
