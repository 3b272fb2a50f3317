//! The way to Intercom without a socket: the order of things is the test's own, and the same each time.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use emulator::{Direct, Emulator};
use intercom::{
    client::{Transport, http_client},
    clock::Clock,
};
use reqwest::{Request, Response};
use tokio::time::Instant;
use url::{Origin, Url};

/// How long a real connection waits for an answer (`http_client`).
const TIMEOUT: Duration = Duration::from_secs(30);

/// What takes so long was told to (with Tokio's time paused, nobody waits); less is the machine's own slowness.
const SLOW: Duration = Duration::from_secs(5);

/// Leads straight into one emulator, and to every other address over the network.
pub struct Nearby {
    origin: Origin,
    direct: Direct,
    clock: Arc<dyn Clock>,
    elsewhere: Arc<dyn Transport>,
}

impl Nearby {
    /// The way to this one. `clock` shows how long was waited for what is slow.
    pub fn new(intercom: &Emulator, clock: Arc<dyn Clock>) -> Arc<Self> {
        let origin = intercom.base_url().parse::<Url>().unwrap().origin();
        Arc::new(Self { origin, direct: intercom.direct(), clock, elsewhere: http_client().unwrap() })
    }
}

impl Transport for Nearby {
    fn send(&self, request: Request) -> Pin<Box<dyn Future<Output = Result<Response, reqwest::Error>> + Send + '_>> {
        if request.url().origin() != self.origin {
            return self.elsewhere.send(request);
        }
        Box::pin(async move {
            let began = Instant::now();
            let timeout = request.timeout().copied().unwrap_or(TIMEOUT);
            let answer = self.direct.send(request, timeout).await;
            let waited = began.elapsed();
            if waited >= SLOW {
                self.clock.sleep(waited).await;
            }
            answer
        })
    }
}
