//! What a reconciliation costs, on a clock of its own: where nothing changed, where something did and was told, and where
//! some of the webhooks were lost. And what live events cost on the way.

use ::tests::Stack;
use emulator::{Action, Kind, Mutate};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    Arguments, BenchError,
    complete::{self, Complete},
    counted::{Requests, Units},
    world,
};

/// Of the conversations, so many of a hundred have their change, or lose their webhook.
const PERCENT: usize = 1;

/// How far the emulated day goes on between two live events, in milliseconds.
const BETWEEN_MS: u64 = 100;

/// The emulator's own.
const LIMIT: u32 = 1_666;

#[derive(Debug, Serialize)]
struct Walked {
    requests: Requests,
    dynamodb: Units,
    complete: Complete,
}

#[derive(Debug, Serialize)]
struct Live {
    events: usize,
    requests: Requests,
    dynamodb: Units,
    sends: u64,
}

pub(crate) async fn measure(arguments: &Arguments) -> Result<Value, BenchError> {
    let stack = Stack::start(world::options(arguments, LIMIT)).await;
    stack.install().await;
    stack.settle().await;
    check(&stack, "after the first walk").await?;
    let ids = stack.intercom.state().ids(Kind::Conversations);
    let share = 100 / PERCENT;

    let nothing = walk(&stack, "where nothing changed").await?;

    for id in ids.iter().step_by(share) {
        tell(&stack, &change(&stack, id).await?).await?;
    }
    let told = walk(&stack, "where 1 % changed").await?;

    begin_counting(&stack);
    let sent_before = stack.live.send_requests() + stack.backfill_queue.send_requests();
    for (index, id) in ids.iter().enumerate() {
        let news = change(&stack, id).await?;
        if index % share != 0 {
            tell(&stack, &news).await?;
        }
        stack.clock.advance(std::time::Duration::from_millis(BETWEEN_MS));
    }
    let live = Live {
        events: ids.len() - ids.len().div_ceil(share),
        requests: Requests::of(stack.intercom.state().requests(), LIMIT),
        dynamodb: stack.tables.wire.take_spent().into(),
        sends: stack.live.send_requests() + stack.backfill_queue.send_requests() - sent_before,
    };
    let truth = world::conversations(&stack);
    let before = complete::of_memory(&truth, &items(&stack).await);
    let lost = walk(&stack, "where 1 % of the webhooks were lost").await?;

    Ok(json!({
        "conversations": arguments.conversations, "parts": arguments.parts, "changed": ids.len().div_ceil(share),
        "nothing": nothing, "told": told, "lost": lost, "before_lost": before, "live": live,
    }))
}

/// One revisit of everything, after which memory has to be what Intercom holds.
async fn walk(stack: &Stack, when: &'static str) -> Result<Walked, BenchError> {
    begin_counting(stack);
    stack.revisit().await;
    let requests = Requests::of(stack.intercom.state().requests(), LIMIT);
    let dynamodb = stack.tables.wire.take_spent().into();
    let complete = check(stack, when).await?;
    Ok(Walked { requests, dynamodb, complete })
}

fn begin_counting(stack: &Stack) {
    stack.intercom.state().reset_requests();
    stack.tables.wire.take_spent();
}

/// The customer writes. Gives the notifications that Intercom would send.
async fn change(stack: &Stack, id: &str) -> Result<Vec<Value>, BenchError> {
    Ok(stack.intercom.state().mutate(&Mutate::new(Action::UserReplied).on(id)).await?.notifications)
}

/// Delivers them one by one: each is a batch of its own, the dearest way.
async fn tell(stack: &Stack, notifications: &[Value]) -> Result<(), BenchError> {
    for notification in notifications {
        match stack.notify(notification).await {
            200 => stack.drain().await,
            status => return Err(BenchError::Webhook(status)),
        }
    }
    Ok(())
}

async fn items(stack: &Stack) -> complete::Items {
    let tables = stack.tables.looking_on();
    tables.dump(&tables.memory).await
}

async fn check(stack: &Stack, when: &'static str) -> Result<Complete, BenchError> {
    let (truth, items) = (world::conversations(stack), items(stack).await);
    let (complete, too_many) = (complete::of_memory(&truth, &items), complete::too_many(&truth, &items));
    if complete.is_whole() && too_many == 0 {
        return Ok(complete);
    }
    Err(BenchError::Wrong(when, format!("{complete:?}, {too_many} too many")))
}
