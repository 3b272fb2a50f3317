//! How long a live event takes from webhook to memory while a backfill uses all of the budget that it may.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ::tests::{RealClock, Stack, Tables};
use emulator::{Action, Mutate};
use futures::{StreamExt, stream::FuturesUnordered};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    Arguments, BenchError,
    complete::{self, Complete},
    counted::Requests,
    driver, world,
};

/// One event in this time: each costs one request, and the reserve for live work is 5 % of the limit (8 of 166 in ten
/// seconds).
const BETWEEN: Duration = Duration::from_millis(1_500);

/// How often memory is asked, and for how long.
const ASK: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_secs(60);

#[derive(Debug, Serialize)]
struct Measured {
    /// Milliseconds from calling the webhook function until memory holds the part, in order.
    milliseconds: Vec<f64>,
    /// Events that memory did not hold within a minute.
    late: usize,
    seconds: f64,
    requests: Requests,
    complete: Complete,
}

pub(crate) async fn measure(arguments: &Arguments) -> Result<Value, BenchError> {
    let stack = Stack::start_on(Arc::new(RealClock), world::options(arguments, arguments.limit)).await;
    world::let_contacts_go_first(&stack)?;
    stack.install().await;
    driver::next_window(&stack).await;
    stack.intercom.state().reset_requests();
    let tables = stack.tables.looking_on();
    let longest = Duration::from_secs(arguments.longest);
    let (told, took, _) = Box::pin(driver::run(&stack, longest, tell_meanwhile(&stack, &tables))).await?;
    let told = told?;
    let mut milliseconds: Vec<f64> = told.iter().flatten().map(|took| took.as_secs_f64() * 1000.0).collect();
    milliseconds.sort_by(f64::total_cmp);
    let items = tables.dump(&tables.memory).await;
    let measured = Measured {
        late: told.len() - milliseconds.len(),
        milliseconds,
        seconds: took.as_secs_f64(),
        requests: Requests::of(stack.intercom.state().requests(), arguments.limit),
        complete: complete::of_memory(&world::conversations(&stack), &items),
    };
    Ok(json!({"limit": arguments.limit, "between_ms": BETWEEN.as_millis(), "live": measured}))
}

/// Customers write while the backfill reads; `None` for what memory did not hold in time.
async fn tell_meanwhile(stack: &Stack<RealClock>, tables: &Tables) -> Result<Vec<Option<Duration>>, BenchError> {
    let mut waiting = FuturesUnordered::new();
    let mut told = Vec::new();
    let mut events = tokio::time::interval(BETWEEN);
    // The first is due at once, before anything is read.
    events.tick().await;
    loop {
        tokio::select! {
            _ = events.tick() => {
                if driver::is_read(stack, tables).await {
                    break;
                }
                waiting.push(one(stack, tables));
            }
            Some(one) = waiting.next() => told.push(one?),
        }
    }
    while let Some(one) = waiting.next().await {
        told.push(one?);
    }
    // What was given back or put off on the way is still to be done.
    driver::read(stack, tables).await;
    Ok(told)
}

/// One reply of a customer, from the webhook to memory.
async fn one(stack: &Stack<RealClock>, tables: &Tables) -> Result<Option<Duration>, BenchError> {
    let done = stack.intercom.state().mutate(&Mutate::new(Action::UserReplied)).await?;
    let id = |name: &str| done.ids.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let pk = format!("{}#conversation#{}", stack.workspace(), id("conversation_id"));
    let part = format!(":{}:", id("part_id"));
    let began = Instant::now();
    match stack.notify(&done.notification).await {
        200 => {}
        status => return Err(BenchError::Webhook(status)),
    }
    while began.elapsed() < LONGEST {
        let items = tables.memory_of(&pk).await;
        if items.keys().any(|(_, sk)| sk.starts_with(memory::keys::EVENT_PREFIX) && sk.contains(&part)) {
            return Ok(Some(began.elapsed()));
        }
        tokio::time::sleep(ASK).await;
    }
    Ok(None)
}
