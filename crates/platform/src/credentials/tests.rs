#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_secretsmanager::config::{Credentials as AwsCredentials, SharedCredentialsProvider};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A Secrets Manager that holds two secrets.
async fn serve(own: &'static str, optional: &'static str) -> SdkConfig {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, own, optional));
        }
    });
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(AwsCredentials::new("id", "key", None, None, "test")))
        .http_client(crate::trust::aws_http_client(&Environment::default()))
        .endpoint_url(endpoint)
        .build()
}

async fn answer(mut stream: TcpStream, own: &str, optional: &str) {
    let mut request = [0; 8192];
    while let Ok(read @ 1..) = stream.read(&mut request).await {
        let asked = String::from_utf8_lossy(request.get(..read).unwrap_or_default()).into_owned();
        let secret = if asked.contains(r#""SecretId":"optional""#) { optional } else { own };
        let body = serde_json::json!({ "SecretString": secret }).to_string();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
    }
}

const OWN: &str = r#"{"client_id":"app","client_secret":"the-secret-of-the-app"}"#;

async fn read(own: &'static str, optional: &'static str) -> Result<Credentials, CredentialsError> {
    let env = Environment::from([("CREDENTIALS_SECRET_ID", "own"), ("OPTIONAL_SECRET_ID", "optional")]);
    Source::from_environment(&env, &serve(own, optional).await).read().await
}

#[tokio::test]
async fn what_the_operator_put_beside_is_taken_with_the_stacks_own() {
    let optional = r#"{"access_token":"the-token-of-the-app","webhook_secrets":["the-secret-that-comes"]}"#;
    let credentials = read(OWN, optional).await.unwrap();
    assert_eq!(credentials.client_id, "app");
    assert_eq!(credentials.private_token().unwrap().expose_secret(), "the-token-of-the-app");
    let second = credentials.webhook_secrets.first().unwrap();
    assert_eq!(second.expose_secret(), "the-secret-that-comes");
    let none = read(OWN, r#"{"access_token":"","webhook_secrets":[]}"#).await.unwrap();
    assert!(none.private_token().is_none() && none.signing_secrets().is_ok());
}

#[tokio::test]
async fn a_slip_in_what_was_put_beside_does_not_close_the_door() {
    for optional in ["", "none", "[1]", r#"{"webhook_secrets":"x"}"#] {
        let credentials = read(OWN, optional).await.unwrap();
        assert!(credentials.signing_secrets().is_ok() && credentials.private_token().is_none(), "{optional}");
    }
    assert!(matches!(read("none", "{}").await, Err(CredentialsError::Malformed)));
}

#[tokio::test]
async fn a_word_that_could_be_guessed_is_neither_token_nor_key() {
    let optional = r#"{"access_token":"none","webhook_secrets":["none"]}"#;
    let credentials = read(OWN, optional).await.unwrap();
    assert!(credentials.private_token().is_none());
    let short = read(r#"{"client_secret":"none"}"#, optional).await.unwrap();
    assert!(short.signing_secrets().is_err());
}

#[tokio::test(start_paused = true)]
async fn an_aws_that_says_nothing_is_given_up_before_lambda_gives_us_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let silent = serve(OWN, OWN).await.into_builder().endpoint_url(endpoint);
    let env = Environment::from([("CREDENTIALS_SECRET_ID", "own")]);
    let source = Source::from_environment(&env, &silent.timeout_config(crate::start::timeouts()).build());
    let began = tokio::time::Instant::now();
    let outcome = tokio::time::timeout(Duration::from_secs(10), source.read()).await.unwrap();
    let error = outcome.unwrap_err().to_string();
    assert!(error.starts_with("Secrets Manager failed") && error.contains("timeout"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(10));
}
