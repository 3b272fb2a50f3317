//! `make bench`: starts each function as Lambda would, gives it notifications, and prints what it took as Markdown.

mod aws;
mod event;
mod process;
mod report;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use bytes::Bytes;
use clap::Parser;

use aws::Queue;
use process::Function;
use serde_json::Value;
use testkit::{Answered, ProcessError, Running, RuntimeApi, RuntimeError};

/// With what the notifications are signed.
const SECRET: &str = "client-secret-of-the-benchmark";

/// How long one invocation may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A topic that is queued, and one that is verified, read and answered, but not sent to SQS.
const QUEUED: &str = "conversation.user.replied";
const COUNTED: &str = "api.request.completed";

/// Sizes of the notifications, in bytes.
pub(crate) const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

/// Measures functions beside each other.
#[derive(Parser)]
struct Arguments {
    /// JSON file: the list of functions
    #[arg(long)]
    functions: PathBuf,
    /// How often each function is started
    #[arg(long, default_value_t = 15)]
    starts: usize,
    /// Notifications of each size
    #[arg(long, default_value_t = 400)]
    notifications: usize,
}

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
enum BenchError {
    #[error("the list of functions cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    #[error("the list of functions is malformed: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("{0}: {1}")]
    Runtime(String, #[source] RuntimeError),
    #[error("{0} answered {1} instead of 200")]
    Refused(String, Value),
    #[error("{0} answered 200 to {1} notifications, but {2} of them are in the queue as they came")]
    Lost(String, usize, usize),
}

/// A start.
#[derive(Clone, Copy)]
pub(crate) struct Start {
    /// Until it asked for its first event.
    pub(crate) to_next: Duration,
    /// Until it had answered it.
    pub(crate) to_answer: Duration,
}

/// One series of invocations of a warm process.
#[derive(Clone, Default)]
pub(crate) struct Series {
    /// How long each took.
    pub(crate) took: Vec<Duration>,
    /// Processor time of all together, in nanoseconds.
    pub(crate) cpu_ns: u64,
}

/// Everything about one function.
pub(crate) struct Measured {
    pub(crate) function: Function,
    pub(crate) starts: Vec<Start>,
    /// One for each of [`SIZES`].
    pub(crate) queued: Vec<Series>,
    /// Notifications of 10 KB that are verified, read and answered, but not sent to SQS.
    pub(crate) counted: Series,
    pub(crate) resident_bytes: u64,
}

/// Where the function finds everything.
struct World {
    aws: SocketAddr,
    queue: Queue,
}

#[tokio::main]
async fn main() -> Result<(), BenchError> {
    let arguments = Arguments::parse();
    let functions: Vec<Function> = serde_json::from_slice(&std::fs::read(&arguments.functions)?)?;
    let (aws, queue) = aws::start(SECRET).await?;
    let world = World { aws, queue };
    let mut measured: Vec<Measured> = functions
        .into_iter()
        .map(|function| Measured {
            function,
            starts: Vec::new(),
            queued: Vec::new(),
            counted: Series::default(),
            resident_bytes: 0,
        })
        .collect();
    // Turn by turn: whatever else this machine does in between meets all of them.
    for _ in 0..arguments.starts {
        for one in &mut measured {
            one.starts.push(world.start(&one.function).await?);
        }
    }
    for one in &mut measured {
        world.warm(one, arguments.notifications).await?;
    }
    report::print(&measured)?;
    Ok(())
}

impl World {
    async fn launch(&self, function: &Function) -> Result<(RuntimeApi, Running), BenchError> {
        let api =
            RuntimeApi::start(PATIENCE).await.map_err(|error| BenchError::Runtime(function.name.clone(), error))?;
        let running = function.start(&[
            ("AWS_LAMBDA_RUNTIME_API", api.address.to_string()),
            ("AWS_LAMBDA_FUNCTION_NAME", "bench".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "bench".to_owned()),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "bench".to_owned()),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_SESSION_TOKEN", "test".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_ENDPOINT_URL", format!("http://{}", self.aws)),
            ("CREDENTIALS_SECRET_ID", "credentials".to_owned()),
            ("LIVE_QUEUE_URL", format!("http://{}/000000000000/live", self.aws)),
        ])?;
        Ok((api, running))
    }

    async fn start(&self, function: &Function) -> Result<Start, BenchError> {
        let (mut api, running) = self.launch(function).await?;
        let body = event::notifications(QUEUED, 10_000, 1);
        let event = body.first().map(|body| event::gateway_event(SECRET, body)).unwrap_or_default();
        let answered = invoke(&mut api, function, event).await?;
        let start = Start {
            to_next: answered.asked.saturating_duration_since(running.began),
            to_answer: answered.at.saturating_duration_since(running.began),
        };
        running.end().await;
        self.check(function, &body)?;
        Ok(start)
    }

    /// A process that has run for a while, size by size.
    async fn warm(&self, one: &mut Measured, notifications: usize) -> Result<(), BenchError> {
        let (mut api, running) = self.launch(&one.function).await?;
        for size in SIZES {
            let warm_up = event::notifications(QUEUED, size, notifications / 4);
            self.series(&mut api, &running, &one.function, &warm_up, true).await?;
            let bodies = event::notifications(QUEUED, size, notifications);
            one.queued.push(self.series(&mut api, &running, &one.function, &bodies, true).await?);
        }
        let bodies = event::notifications(COUNTED, 10_000, notifications);
        one.counted = self.series(&mut api, &running, &one.function, &bodies, false).await?;
        one.resident_bytes = running.resident_bytes();
        running.end().await;
        Ok(())
    }

    async fn series(
        &self,
        api: &mut RuntimeApi,
        running: &Running,
        function: &Function,
        bodies: &[String],
        are_queued: bool,
    ) -> Result<Series, BenchError> {
        let events: Vec<Bytes> = bodies.iter().map(|body| event::gateway_event(SECRET, body)).collect();
        let mut series = Series::default();
        let cpu = running.cpu_ns();
        for event in events {
            let answered = invoke(api, function, event).await?;
            series.took.push(answered.took);
        }
        series.cpu_ns = running.cpu_ns().saturating_sub(cpu);
        self.check(function, if are_queued { bodies } else { &[] })?;
        Ok(series)
    }

    /// A function that loses or alters notifications is no measure.
    fn check(&self, function: &Function, sent: &[String]) -> Result<(), BenchError> {
        let messages = self.queue.take();
        let sent = if function.is_webhook { sent } else { &[] };
        let arrived = sent.iter().zip(&messages).filter(|(body, message)| message.contains(body.as_str())).count();
        if arrived == sent.len() && messages.len() == sent.len() {
            Ok(())
        } else {
            Err(BenchError::Lost(function.name.clone(), sent.len(), arrived))
        }
    }
}

/// One invocation; it has to answer 200.
async fn invoke(api: &mut RuntimeApi, function: &Function, event: Bytes) -> Result<Answered, BenchError> {
    let answered = api.invoke(event).await.map_err(|error| BenchError::Runtime(function.name.clone(), error))?;
    let answer: Value = serde_json::from_slice(&answered.body).unwrap_or_default();
    match answer.get("statusCode").and_then(Value::as_i64) {
        Some(200) => Ok(answered),
        _ => Err(BenchError::Refused(function.name.clone(), answer)),
    }
}
