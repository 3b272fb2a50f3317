//! A first backfill of ours and of each peer, of the same workspace at the same emulator, one after the other.

use std::{sync::Arc, time::Duration};

use ::tests::{RealClock, Stack};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    Arguments, BenchError,
    complete::{self, Complete},
    counted::{Invocations, Requests, Units},
    driver, peers, world,
};

/// Nobody reaches this.
const NO_LIMIT: u32 = 1_000_000;

/// One connector's run.
#[derive(Debug, Serialize)]
pub(crate) struct Run {
    pub(crate) name: String,
    pub(crate) requests: Requests,
    pub(crate) seconds: f64,
    pub(crate) complete: Complete,
    /// How it ended, where not as it should.
    pub(crate) ended: Option<String>,
}

/// What ours spent beside.
#[derive(Debug, Serialize)]
struct Ours {
    run: Run,
    dynamodb: Units,
    sends: u64,
    ticks: Invocations,
    batches: Invocations,
}

pub(crate) async fn measure(arguments: &Arguments) -> Result<Value, BenchError> {
    let peers = peers::list(arguments.peers.as_deref())?;
    let mut figures = serde_json::Map::new();
    let stack = Stack::start_on(Arc::new(RealClock), world::options(arguments, NO_LIMIT)).await;
    figures.insert("nobody_known".to_owned(), json!(Box::pin(ours(&stack, NO_LIMIT, arguments)).await?));
    for (name, limit) in [("enforced", arguments.limit), ("lifted", NO_LIMIT)] {
        let stack = Stack::start_on(Arc::new(RealClock), world::options(arguments, limit)).await;
        world::let_contacts_go_first(&stack)?;
        let ours = Box::pin(ours(&stack, limit, arguments)).await?;
        let mut others = Vec::new();
        for peer in &peers {
            stack.intercom.state().reset_requests();
            driver::next_window(&stack).await;
            others.push(peers::run(peer, &stack, limit, Duration::from_secs(arguments.longest)).await?);
        }
        figures.insert(name.to_owned(), json!({"ours": ours, "peers": others}));
    }
    figures.insert("conversations".to_owned(), arguments.conversations.into());
    figures.insert("parts".to_owned(), arguments.parts.into());
    figures.insert("limit".to_owned(), arguments.limit.into());
    Ok(Value::Object(figures))
}

async fn ours(stack: &Stack<RealClock>, limit: u32, arguments: &Arguments) -> Result<Ours, BenchError> {
    stack.install().await;
    driver::next_window(stack).await;
    stack.intercom.state().reset_requests();
    stack.tables.wire.take_spent();
    let tables = stack.tables.looking_on();
    let longest = Duration::from_secs(arguments.longest);
    let ((), took, worked) = Box::pin(driver::run(stack, longest, driver::read(stack, &tables))).await?;
    let dynamodb = stack.tables.wire.take_spent().into();
    let items = tables.dump(&tables.memory).await;
    Ok(Ours {
        run: Run {
            name: "this bundle".to_owned(),
            requests: Requests::of(stack.intercom.state().requests(), limit),
            seconds: took.as_secs_f64(),
            complete: complete::of_memory(&world::conversations(stack), &items),
            ended: None,
        },
        dynamodb,
        sends: stack.live.send_requests() + stack.backfill_queue.send_requests(),
        ticks: worked.ticks,
        batches: worked.backfill,
    })
}
