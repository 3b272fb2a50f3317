//! What AWS does around the functions: the schedule, and the pollers of both queues. On the real clock.

use std::{
    cell::RefCell,
    future::Future,
    time::{Duration, Instant},
};

use ::tests::{MemoryQueue, RealClock, Stack, Tables};
use futures::{StreamExt, future::join_all, stream::FuturesUnordered};
use serde_json::Value;
use store::message::Message;

use crate::{BenchError, counted::Invocations};

/// As in the template.
const SCHEDULE: Duration = Duration::from_secs(60);
const LIVE_BATCHES: usize = 10;
const BACKFILL_BATCHES: usize = 4;

/// How long a poller that found nothing waits, and how often the end is looked for.
const PAUSE: Duration = Duration::from_millis(20);

/// How long the functions worked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Worked {
    pub(crate) ticks: Invocations,
    pub(crate) live: Invocations,
    pub(crate) backfill: Invocations,
}

/// Runs the bundle until `until` is over. Gives what that gives, how long it took, and how long the functions worked.
pub(crate) async fn run<T>(
    stack: &Stack<RealClock>,
    longest: Duration,
    until: impl Future<Output = T>,
) -> Result<(T, Duration, Worked), BenchError> {
    let worked = RefCell::new(Worked::default());
    let began = Instant::now();
    let live = |took| worked.borrow_mut().live.add(took);
    let backfill = |took| worked.borrow_mut().backfill.add(took);
    let pollers = async {
        tokio::join!(
            join_all((0..LIVE_BATCHES).map(|_| poll(stack, &stack.live, live))),
            join_all((0..BACKFILL_BATCHES).map(|_| poll(stack, &stack.backfill_queue, backfill))),
            ticks(stack, |took| worked.borrow_mut().ticks.add(took)),
        )
    };
    let outcome = tokio::select! {
        _ = pollers => None,
        outcome = until => Some(outcome),
        () = tokio::time::sleep(longest) => None,
    };
    let took = began.elapsed();
    match outcome {
        Some(outcome) => Ok((outcome, took, worked.into_inner())),
        None => Err(BenchError::TooLong(longest.as_secs(), standing(&stack.tables.looking_on()).await)),
    }
}

async fn poll(stack: &Stack<RealClock>, queue: &MemoryQueue, count: impl Fn(Duration)) {
    loop {
        let began = Instant::now();
        if stack.enrich_batch(queue).await {
            count(began.elapsed());
        } else {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Every minute, whether the last invocation is over or not.
async fn ticks(stack: &Stack<RealClock>, count: impl Fn(Duration)) {
    let mut schedule = tokio::time::interval(SCHEDULE);
    let mut running = FuturesUnordered::new();
    loop {
        tokio::select! {
            _ = schedule.tick() => running.push(async {
                let began = Instant::now();
                stack.tick().await;
                began.elapsed()
            }),
            Some(took) = running.next() => count(took),
        }
    }
}

/// Ends once every resource has been walked and everything queued is done.
pub(crate) async fn read(stack: &Stack<RealClock>, tables: &Tables) {
    while !is_read(stack, tables).await {
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether every resource has been walked and everything queued is done.
pub(crate) async fn is_read(stack: &Stack<RealClock>, tables: &Tables) -> bool {
    is_done(&stack.live)
        && is_done(&stack.backfill_queue)
        && phases(tables).await.iter().all(|(_, phase)| phase == "idle")
}

/// Renaming what names somebody is put off by a minute on purpose; everything else is there without it.
fn is_done(queue: &MemoryQueue) -> bool {
    queue.bodies().iter().all(|body| matches!(Message::read(body), Ok(Message::Walk(_))))
}

async fn phases(tables: &Tables) -> Vec<(String, String)> {
    let items = tables.dump(&tables.state).await;
    let checkpoints = items.into_iter().filter(|((_, sk), _)| sk.starts_with("CHECKPOINT#"));
    let phase = |item: &Value| item.get("phase").and_then(Value::as_str).unwrap_or_default().to_owned();
    checkpoints.map(|((_, sk), item)| (sk, phase(&item))).collect()
}

async fn standing(tables: &Tables) -> String {
    phases(tables)
        .await
        .into_iter()
        .map(|(resource, phase)| format!("{resource} {phase}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Waits until Intercom's next window begins: nobody starts in one that somebody else has used. Windows end on seconds
/// that end in 6.
pub(crate) async fn next_window(stack: &Stack<RealClock>) {
    let left = 10_000 - (emulator_ms(stack) - 6_000).rem_euclid(10_000);
    tokio::time::sleep(Duration::from_millis(left.unsigned_abs() + 20)).await;
}

fn emulator_ms(stack: &Stack<RealClock>) -> i64 {
    intercom::clock::Clock::now_ms(&*stack.clock)
}
