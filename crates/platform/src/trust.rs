//! Whom the AWS clients trust: Amazon's own root certificates, and the system's where those do not suffice.
//!
//! Reading the system's bundle (some 150 to 300 certificates) is the larger part of a cold start, and the endpoints of
//! AWS all chain to five roots. Where a server's certificate chains to none of them (Amazon has begun to use a new
//! root, or a proxy inspects the traffic), the same request goes out once more with the system's roots, and a warning
//! says so: the function keeps working and only starts more slowly until the five are brought up to date. No server is
//! accepted that the system itself would not accept. Where `SSL_CERT_FILE` or `SSL_CERT_DIR` is set, somebody has
//! decided whom to trust: then only the system's roots count. Endpoints with `http://` are not concerned.

use std::{
    error::Error,
    fmt,
    sync::{Arc, OnceLock},
};

use aws_smithy_http_client::{
    Builder, ConnectorBuilder,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    runtime_components::RuntimeComponents,
};
use rustls::CertificateError;

use crate::config::Environment;

/// The five roots; the file says where they come from.
const AMAZON_ROOTS: &[u8] = include_bytes!("trust/amazon-roots.pem");

/// The HTTP client of all AWS clients.
pub fn aws_http_client(env: &Environment) -> SharedHttpClient {
    if env.get("SSL_CERT_FILE").or(env.get("SSL_CERT_DIR")).is_some() {
        return trusting(TrustStore::default());
    }
    SharedHttpClient::new(Client {
        first: trusting(TrustStore::empty().with_pem_certificate(AMAZON_ROOTS)),
        second: Arc::new(Second { roots: TrustStore::default(), client: OnceLock::new() }),
    })
}

/// The SDK's own client, but for the roots.
fn trusting(roots: TrustStore) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        // Only a name that rustls itself refuses makes this fail, and none is given.
        let context = TlsContext::builder().with_trust_store(roots.clone()).build().unwrap_or_default();
        let mut builder =
            ConnectorBuilder::default().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).tls_context(context);
        builder.set_connector_settings(settings.cloned());
        builder.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        builder.set_proxy_config(Some(ProxyConfig::from_env()));
        builder.build()
    })
}

/// Asks with the first roots, and with the second where the first do not know the server's issuer.
#[derive(Debug)]
struct Client {
    first: SharedHttpClient,
    second: Arc<Second>,
}

/// Made when it is needed, which is hardly ever.
#[derive(Debug)]
struct Second {
    roots: TrustStore,
    client: OnceLock<SharedHttpClient>,
}

impl HttpClient for Client {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            first: self.first.http_connector(settings, components),
            second: Arc::clone(&self.second),
            settings: settings.clone(),
            components: components.clone(),
        })
    }
}

struct Connector {
    first: SharedHttpConnector,
    second: Arc<Second>,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl Connector {
    fn second(&self) -> SharedHttpConnector {
        let client = self.second.client.get_or_init(|| trusting(self.second.roots.clone()));
        client.http_connector(&self.settings, &self.components)
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if self.second.client.get().is_some() {
            return self.second().call(request);
        }
        // A body that streams cannot be sent twice; no request of ours has one.
        let Some(again) = request.try_clone() else { return self.first.call(request) };
        let asked = self.first.call(request);
        let this = Self {
            first: self.first.clone(),
            second: Arc::clone(&self.second),
            settings: self.settings.clone(),
            components: self.components.clone(),
        };
        HttpConnectorFuture::new(async move {
            match asked.await {
                Err(error) if is_of_an_unknown_issuer(&error) => {
                    tracing::warn!(
                        "AWS's certificate chains to none of Amazon's known roots; the system's are used from here on"
                    );
                    this.second().call(again).await
                }
                answer => answer,
            }
        })
    }
}

/// Whether rustls refused the server for nothing but its issuer. The source of an `io::Error` is the source of its
/// payload: the payload itself, which may be another `io::Error`, has to be asked for.
fn is_of_an_unknown_issuer(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) = error.downcast_ref() {
            return true;
        }
        next = match error.downcast_ref::<std::io::Error>() {
            Some(io) => io.get_ref().map(|payload| payload as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    false
}

#[cfg(test)]
mod tests;
