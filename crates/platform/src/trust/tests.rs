#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_secretsmanager::config::{Credentials, SharedCredentialsProvider};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// A Secrets Manager whose certificate is its own issuer.
struct Server {
    endpoint: String,
    certificate: String,
    answered: Arc<AtomicUsize>,
}

async fn serve(tls: bool) -> Server {
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = key.cert.der().clone();
    let private = rustls::pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], private)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answered = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&answered);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if !tls {
                tokio::spawn(answer(stream, Arc::clone(&count)));
            } else if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(answer(stream, Arc::clone(&count)));
            } // else a client that does not trust us has hung up in the middle of the handshake
        }
    });
    let scheme = if tls { "https" } else { "http" };
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &certificate);
    let certificate = format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n");
    Server { endpoint: format!("{scheme}://localhost:{port}"), certificate, answered }
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, count: Arc<AtomicUsize>) {
    let mut request = [0; 8192];
    while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
        count.fetch_add(1, Ordering::SeqCst);
        let body = r#"{"SecretString":"from the server"}"#;
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
    }
}

async fn ask(server: &Server, http: SharedHttpClient) -> Result<String, String> {
    let credentials = Credentials::new("test", "test", None, None, "test");
    let aws = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .endpoint_url(&server.endpoint)
        .http_client(http)
        .build();
    let client = aws_sdk_secretsmanager::Client::new(&aws);
    let answer = client.get_secret_value().secret_id("id").send().await;
    answer
        .map(|answer| answer.secret_string.unwrap_or_default())
        .map_err(|error| aws_sdk_secretsmanager::error::DisplayErrorContext(error).to_string())
}

fn amazon_then(roots: TrustStore) -> SharedHttpClient {
    SharedHttpClient::new(Client {
        first: trusting(TrustStore::empty().with_pem_certificate(AMAZON_ROOTS)),
        second: Arc::new(Second { roots, client: OnceLock::new() }),
    })
}

#[tokio::test]
async fn a_server_of_another_root_is_asked_again_with_the_systems_roots_and_from_then_on_with_those() {
    let server = serve(true).await;
    let system = TrustStore::empty().with_pem_certificate(server.certificate.as_bytes());
    let http = amazon_then(system);
    assert_eq!(ask(&server, http.clone()).await.as_deref(), Ok("from the server"));
    assert_eq!(ask(&server, http).await.as_deref(), Ok("from the server"));
    assert_eq!(server.answered.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_server_that_neither_knows_is_refused() {
    let server = serve(true).await;
    let error = ask(&server, amazon_then(TrustStore::empty().with_pem_certificate(AMAZON_ROOTS))).await.unwrap_err();
    assert!(error.contains("UnknownIssuer"), "{error}");
    assert_eq!(server.answered.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_endpoint_without_tls_works() {
    let server = serve(false).await;
    let http = aws_http_client(&Environment::default());
    assert_eq!(ask(&server, http).await.as_deref(), Ok("from the server"));
}

/// Which of Mozilla's roots are Amazon's. "Starfield Services" was bought by Amazon, and older chains end there.
fn amazons(der: &[u8]) -> bool {
    let holds = |name: &str| der.windows(name.len()).any(|window| window == name.as_bytes());
    holds("Amazon Root CA") || holds("Amazon Trust") || holds("Starfield Services Root")
}

#[test]
fn the_roots_are_all_of_amazons_in_mozillas_program_and_no_others() {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let mut ours: Vec<Vec<u8>> =
        CertificateDer::pem_slice_iter(AMAZON_ROOTS).map(|der| der.unwrap().to_vec()).collect();
    let mut theirs: Vec<Vec<u8>> =
        webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter(|der| amazons(der)).map(|der| der.to_vec()).collect();
    ours.sort();
    theirs.sort();
    assert_eq!(ours.len(), 5);
    assert!(ours == theirs, "crates/platform/src/trust/amazon-roots.pem is out of date");
}
