//! Lambda's side of the Runtime API: hands out events and takes answers, one at a time.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode},
    routing::{get, post},
};
use bytes::Bytes;
use tokio::sync::{Mutex, mpsc};

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// This side could not be started.
    #[error("no port to listen on: {0}")]
    Listen(#[from] io::Error),
    /// The invocation's time is over, or the function has ended.
    #[error("the function did not answer within {} s; its output is above", .0.as_secs())]
    Silent(Duration),
    /// The handler failed, or the function could not start.
    #[error("the function reported an error: {0}")]
    Failed(String),
}

/// One invocation.
pub struct Answered {
    /// When the function asked for it.
    pub asked: Instant,
    /// From the event's leaving to the answer's arrival.
    pub took: Duration,
    /// When the answer was there.
    pub at: Instant,
    /// What the handler gave, as JSON.
    pub body: Bytes,
}

struct Shared {
    events: Mutex<mpsc::Receiver<Bytes>>,
    handed_out: mpsc::UnboundedSender<(Instant, Instant)>,
    answers: mpsc::UnboundedSender<(Instant, Result<Bytes, String>)>,
    count: AtomicU64,
    timeout: Duration,
}

/// The side that invokes.
pub struct RuntimeApi {
    /// `AWS_LAMBDA_RUNTIME_API`
    pub address: SocketAddr,
    events: mpsc::Sender<Bytes>,
    handed_out: mpsc::UnboundedReceiver<(Instant, Instant)>,
    answers: mpsc::UnboundedReceiver<(Instant, Result<Bytes, String>)>,
    timeout: Duration,
}

impl RuntimeApi {
    /// One for each process that is started. `timeout` is the function's: every invocation's deadline is so far away.
    ///
    /// # Errors
    /// [`RuntimeError::Listen`].
    pub async fn start(timeout: Duration) -> Result<Self, RuntimeError> {
        let (events, receiver) = mpsc::channel(1);
        let (handed_out_to, handed_out) = mpsc::unbounded_channel();
        let (answers_to, answers) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            events: Mutex::new(receiver),
            handed_out: handed_out_to,
            answers: answers_to,
            count: AtomicU64::new(0),
            timeout,
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(error))
            .with_state(shared);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, events, handed_out, answers, timeout })
    }

    /// Invokes the function once.
    ///
    /// # Errors
    /// [`RuntimeError::Failed`] where the handler did, [`RuntimeError::Silent`] where it gave no answer in time.
    pub async fn invoke(&mut self, event: Bytes) -> Result<Answered, RuntimeError> {
        let silent = || RuntimeError::Silent(self.timeout);
        let patience = tokio::time::Instant::now() + self.timeout;
        if self.events.send(event).await.is_err() {
            return Err(silent());
        }
        let answered = tokio::time::timeout_at(patience, self.answers.recv()).await;
        let (at, answer) = answered.ok().flatten().ok_or_else(silent)?;
        // A function that fails before it asks for its first event was never handed one.
        let body = answer.map_err(RuntimeError::Failed)?;
        let (asked, left) = self.handed_out.recv().await.ok_or_else(silent)?;
        Ok(Answered { asked, took: at.saturating_duration_since(left), at, body })
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> (HeaderMap, Bytes) {
    let asked = Instant::now();
    let event = shared.events.lock().await.recv().await.unwrap_or_default();
    let id = shared.count.fetch_add(1, Ordering::Relaxed);
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + shared.timeout;
    let mut headers = HeaderMap::new();
    let mut put = |name, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    put("content-type", "application/json".to_owned());
    put("lambda-runtime-aws-request-id", format!("00000000-0000-4000-8000-{id:012}"));
    put("lambda-runtime-deadline-ms", deadline.as_millis().to_string());
    put("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:123456789012:function:stand-in".to_owned());
    put("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000;Sampled=0".to_owned());
    // Nobody may be listening any more.
    let _ = shared.handed_out.send((asked, Instant::now()));
    (headers, event)
}

async fn response(State(shared): State<Arc<Shared>>, Path(_): Path<String>, body: Bytes) -> StatusCode {
    let _ = shared.answers.send((Instant::now(), Ok(body)));
    StatusCode::ACCEPTED
}

async fn error(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    let _ = shared.answers.send((Instant::now(), Err(String::from_utf8_lossy(&body).into_owned())));
    StatusCode::ACCEPTED
}
