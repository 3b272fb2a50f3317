//! Listens on loopback and serves connections. Written on hyper because a failure rule may end a connection without an
//! answer, which `axum::serve` has no way to do.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::api::{self, Disconnect};
use crate::config::Config;
use crate::direct::Direct;
use crate::state::EmulatorState;
use crate::{controls, oauth};

/// Why an emulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken, or must not be used.
    #[error("cannot listen on 127.0.0.1:{port}: {source}")]
    Bind {
        /// The port asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The HTTP client that sends webhooks could not be built.
    #[error("cannot build the HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// A running Intercom. Dropping it ends it too, without waiting.
pub struct Emulator {
    state: Arc<EmulatorState>,
    direct: Direct,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Emulator {
    /// Makes the world, binds 127.0.0.1 and serves on the current Tokio runtime.
    ///
    /// # Errors
    /// The port cannot be bound, or the webhook client cannot be built.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let port = config.port;
        let bind = |source| StartError::Bind { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        // Straight to the endpoint: a proxy of the environment has no business between two processes of one machine.
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
        let state = Arc::new(EmulatorState::new(config, http));
        // The first value stays; there is only this one.
        let _ = state.base_url.set(format!("http://{address}"));
        let router = Router::new()
            .route("/", axum::routing::get(controls::lead_home))
            .route("/oauth", axum::routing::get(oauth::show).post(oauth::authorize))
            .merge(controls::router())
            .merge(api::router(&state))
            .with_state(Arc::clone(&state));
        let (stop, stopped) = oneshot::channel();
        let direct = Direct(router.clone());
        let serving = tokio::spawn(serve(listener, router, stopped));
        Ok(Self { state, direct, stop: Some(stop), serving })
    }

    /// Scheme, host and port, without a slash at the end. API and app pages share it.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.state.base_url()
    }

    /// The same Intercom without a socket, for whoever cannot leave the order of things to the operating system.
    #[must_use]
    pub fn direct(&self) -> Direct {
        self.direct.clone()
    }

    /// The state, for tests in the same process.
    #[must_use]
    pub const fn state(&self) -> &Arc<EmulatorState> {
        &self.state
    }

    /// Ends at once: the port is free and open connections are cut when this returns.
    pub async fn shutdown(mut self) {
        if let Some(stop) = self.stop.take() {
            // Nobody listens any more where the server has ended by itself.
            let _ = stop.send(());
        }
        let _ = (&mut self.serving).await;
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, router: Router, mut stopped: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            accepted = listener.accept() => {
                // A connection that was gone before it was accepted is no reason to end.
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, router.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn connection(stream: TcpStream, router: Router) {
    // Small answers must not wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let inner = TowerToHyperService::new(router);
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = inner.call(request);
        async move {
            let Ok(response) = answer.await;
            hang_up_if_marked(response)
        }
    });
    // Errors here are the client's: it went away, or sent no HTTP.
    let _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
}

/// An error of the service makes hyper end the connection.
fn hang_up_if_marked(response: Response<Body>) -> Result<Response<Body>, io::Error> {
    if response.extensions().get::<Disconnect>().is_some() {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    Ok(response)
}
