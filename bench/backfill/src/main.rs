//! `make bench`: a first backfill beside other connectors, reconciliation, and live events meanwhile, against the
//! emulator. Prints what was counted and measured as JSON; `scripts/local/bench_backfill.py` makes tables of it.

mod complete;
mod counted;
mod driver;
mod live;
mod peers;
mod reconcile;
mod side_by_side;
mod world;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, ValueEnum};
use serde_json::Value;

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// A first backfill, beside the peers, with the limit enforced and lifted.
    Backfill,
    /// What a reconciliation costs.
    Reconcile,
    /// How long a live event takes while a backfill uses the whole budget.
    Live,
}

/// Measures one thing.
#[derive(Debug, Parser)]
struct Arguments {
    /// What
    part: Part,
    /// Conversations of the workspace
    #[arg(long, default_value_t = 2_000)]
    conversations: u32,
    /// Parts of each
    #[arg(long, default_value_t = 8)]
    parts: u32,
    /// Requests that a window of ten seconds allows where the limit is enforced
    #[arg(long, default_value_t = 166)]
    limit: u32,
    /// JSON file: other connectors to run
    #[arg(long)]
    peers: Option<PathBuf>,
    /// Longest that one run may take, in seconds
    #[arg(long, default_value_t = 900)]
    longest: u64,
}

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
enum BenchError {
    #[error("the list of peers: {0}")]
    Unreadable(#[from] io::Error),
    #[error("malformed JSON: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("the emulator refused: {0}")]
    Emulator(#[from] emulator::ControlError),
    #[error("a run was not over after {0} s: {1}")]
    TooLong(u64, String),
    #[error("a webhook was answered {0}")]
    Webhook(i64),
    #[error("memory is not what Intercom holds, {0}: {1}")]
    Wrong(&'static str, String),
}

#[tokio::main]
async fn main() -> ExitCode {
    match measure(&Arguments::parse()).await {
        Ok(figures) => match writeln!(io::stdout(), "{figures}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: &Arguments) -> Result<Value, BenchError> {
    match arguments.part {
        Part::Backfill => Box::pin(side_by_side::measure(arguments)).await,
        Part::Reconcile => Box::pin(reconcile::measure(arguments)).await,
        Part::Live => Box::pin(live::measure(arguments)).await,
    }
}
