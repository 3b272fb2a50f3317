//! `make bench`: what the enrich function itself takes from a notification to written memory, printed as Markdown.
//!
//! Intercom is the emulator on a thread of its own; DynamoDB is a database in this process whose work is counted out.
//! What is left is ours: reading the message, the requests, the transform, what is written. Processor time of the one
//! thread that all of it runs on is measured, not time on a clock, so that other work on the machine disturbs little.

mod bundle;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use ::tests::{Spent, Wire};
use allocation_counter::{AllocationInfo, measure, opt_out};
use emulator::Emulator;
use rustix::time::{ClockId, clock_gettime};
use tokio::{runtime, sync::oneshot};

use bundle::Bundle;

/// Parts of a conversation, and how many such conversations are measured.
const SIZES: [(usize, usize); 3] = [(10, 60), (100, 30), (500, 16)];

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
enum BenchError {
    #[error("the runtime cannot be built: {0}")]
    NoRuntime(#[from] std::io::Error),
    #[error("the emulated Intercom: {0}")]
    Intercom(String),
    #[error("enrich did not do what is measured: {0}")]
    Unexpected(String),
}

/// What one invocation took.
struct Taken {
    nanoseconds: u64,
    memory: AllocationInfo,
    spent: Spent,
}

fn main() -> Result<(), BenchError> {
    let (address, emulated) = oneshot::channel();
    let (finish, finished) = oneshot::channel::<()>();
    let intercom = thread::spawn(move || -> Result<(), BenchError> {
        runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
            let intercom = Arc::new(bundle::intercom().await?);
            let _ = address.send(Arc::clone(&intercom));
            let _ = finished.await;
            Ok(())
        })
    });
    let measured = match emulated.blocking_recv() {
        Ok(intercom) => measure_all(&intercom),
        Err(_) => Err(BenchError::Intercom("it did not start".to_owned())),
    };
    drop(finish);
    intercom.join().map_err(|_| BenchError::Intercom("it panicked".to_owned()))??;
    let rows = measured?;
    #[allow(clippy::print_stdout)]
    {
        println!("{}", rows.join("\n"));
    }
    Ok(())
}

fn measure_all(intercom: &Emulator) -> Result<Vec<String>, BenchError> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let in_database = Arc::new(AtomicU64::new(0));
    let counted_out = Arc::clone(&in_database);
    let wire = Wire::around(Arc::new(move |work| {
        let began = processor_time();
        opt_out(work);
        counted_out.fetch_add(processor_time().saturating_sub(began), Ordering::Relaxed);
    }));
    let bundle = runtime.block_on(Bundle::new(intercom, wire))?;
    let one = |id: &str, parts: usize| -> Result<Taken, BenchError> {
        let event = bundle.happens(intercom, id, parts)?;
        bundle.wire.take_spent();
        in_database.store(0, Ordering::Relaxed);
        let mut outcome = Ok(());
        let began = processor_time();
        let memory = measure(|| outcome = runtime.block_on(bundle.handle(event)));
        let all = processor_time().saturating_sub(began);
        outcome?;
        let spent = bundle.wire.take_spent();
        let nanoseconds = all.saturating_sub(in_database.load(Ordering::Relaxed));
        runtime.block_on(bundle.check(id, parts))?;
        Ok(Taken { nanoseconds, memory, spent })
    };
    // The contact and its company become known; connections, tokens and tables are warm.
    for number in 0..5 {
        one(&format!("100000{number}"), 20)?;
    }
    let mut rows = vec![
        "| conversation of | what | processor time of our own | allocations | largest heap in use | DynamoDB requests | read units | write units |".to_owned(),
        "|---:|---|---:|---:|---:|---:|---:|---:|".to_owned(),
    ];
    for (parts, conversations) in SIZES {
        let mut first = Vec::new();
        let mut reply = Vec::new();
        for number in 0..conversations {
            let id = format!("2{parts:04}{number:04}");
            first.push(one(&id, parts)?);
            reply.push(one(&id, parts + 1)?);
        }
        for (what, taken) in [("first write", first), ("one more reply", reply)] {
            rows.push(row(parts, what, taken)?);
        }
    }
    Ok(rows)
}

/// The median of the times, with what is the same each time but for chance.
fn row(parts: usize, what: &str, mut taken: Vec<Taken>) -> Result<String, BenchError> {
    taken.sort_by_key(|one| one.nanoseconds);
    let nothing = || BenchError::Unexpected("nothing was measured".to_owned());
    let median = taken.get(taken.len() / 2).ok_or_else(nothing)?;
    let Taken { nanoseconds, memory, spent } = median;
    let milliseconds = u32::try_from(nanoseconds / 1_000).map_or(f64::INFINITY, f64::from) / 1_000.0;
    let megabytes = u32::try_from(memory.bytes_max).map_or(f64::INFINITY, f64::from) / 1e6;
    Ok(format!(
        "| {parts} parts | {what} | {milliseconds:.2} ms | {} | {megabytes:.2} MB | {} | {} | {} |",
        memory.count_total,
        spent.total(),
        spent.read,
        spent.write
    ))
}

/// Nanoseconds that this thread has been at work.
fn processor_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let part = |number: i64| number.unsigned_abs();
    part(time.tv_sec) * 1_000_000_000 + part(time.tv_nsec)
}
