//! The way to Intercom: a connection, or whatever a test puts in its place.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use reqwest::{Request, Response, redirect::Policy};

/// Carries one request to Intercom and brings what was answered.
pub trait Transport: Send + Sync {
    /// Sends it, once; the body of the answer may still be under way.
    ///
    /// # Errors
    /// Where nothing was answered.
    fn send(&self, request: Request) -> Pin<Box<dyn Future<Output = Result<Response, reqwest::Error>> + Send + '_>>;
}

impl Transport for reqwest::Client {
    fn send(&self, request: Request) -> Pin<Box<dyn Future<Output = Result<Response, reqwest::Error>> + Send + '_>> {
        Box::pin(self.execute(request))
    }
}

/// Makes the HTTP client that all calls share. Redirects are not followed: Intercom sends none, and a token must not
/// travel to another host.
///
/// # Errors
/// Where the TLS roots cannot be loaded.
pub fn http_client() -> Result<Arc<dyn Transport>, reqwest::Error> {
    let client = reqwest::Client::builder()
        .user_agent(concat!("intercom-memory/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(3))
        .timeout(Duration::from_secs(30))
        .redirect(Policy::none())
        .build()?;
    Ok(Arc::new(client))
}
