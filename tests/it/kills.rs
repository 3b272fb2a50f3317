//! Runs that are killed anywhere.

use std::time::Duration;

use emulator::{Action, Kind, Mutate};
use serde_json::{Value, json};
use tests::{Options, Stack, kill_at};

use crate::{
    erasure::{assert_forgotten, everything, outspoken},
    memory::{Items, assert_same, mutate},
};

fn small() -> Options {
    let seed = emulator::Seed {
        conversations: 4,
        contacts: 3,
        companies: 1,
        articles: 1,
        tickets: 1,
        ..Options::default().seed
    };
    Options { seed, ..Options::default() }
}

async fn installed() -> Stack {
    let stack = Stack::start(small()).await;
    stack.install().await;
    stack
}

/// How far a checkpoint is: a run that takes over must never fall behind this within a generation.
async fn progress(stack: &Stack) -> Vec<(String, i64, i64)> {
    let state = stack.tables.dump(&stack.tables.state).await;
    let number = |item: &Value, name: &str| item.get(name).and_then(Value::as_i64).unwrap_or(0);
    state
        .iter()
        .filter(|((_, sk), _)| sk.starts_with("CHECKPOINT#"))
        .map(|((_, sk), item)| (sk.clone(), number(item, "generation"), number(item, "pages")))
        .collect()
}

/// One in which things have gone without a word, and a sweep is due.
async fn before_a_sweep() -> Stack {
    let stack = installed().await;
    stack.settle().await;
    for kind in [Kind::Contacts, Kind::Companies, Kind::Tickets, Kind::Articles, Kind::Tags] {
        let id = stack.intercom.state().ids(kind).remove(0);
        assert!(stack.intercom.state().remove(kind, &id));
    }
    stack.clock.advance(Duration::from_secs(7 * 86_400 + 3_600));
    stack
}

/// What is compared: a sweep that begins later notes later times.
fn timeless(items: Items) -> Items {
    let mut items = items;
    for item in items.values_mut().filter(|item| item.get("tombstone").is_some()) {
        for name in ["deleted_at", "version"] {
            item.as_object_mut().unwrap().remove(name);
        }
    }
    items
}

/// Plays something on several threads, once for each of so many steps; `KILL_EVERY=8` leaves out seven of eight, for while
/// one works (`make check`).
fn at_each(steps: usize, play: impl AsyncFn(usize) + Sync) {
    let every = std::env::var("KILL_EVERY").map_or(1, |n| n.parse().unwrap());
    let play = &play;
    std::thread::scope(|scope| {
        for lane in 0..4 {
            scope.spawn(move || {
                for step in (lane * every..steps).step_by(4 * every) {
                    runtime().block_on(play(step));
                }
            });
        }
    });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// What memory ends in where nobody is killed, and how many steps a tick and a batch take.
async fn undisturbed() -> (Items, usize, usize) {
    let stack = installed().await;
    let (_, ticks) = kill_at(stack.tick(), usize::MAX).await;
    let (_, batches) = kill_at(stack.enrich_batch(&stack.backfill_queue), usize::MAX).await;
    stack.settle().await;
    (stack.tables.memory().await, ticks, batches)
}

/// Kills a tick and then a batch at these steps, and lets the next ones find what is left.
async fn killed(tick: usize, batch: usize, truth: &Items) {
    let stack = installed().await;
    let _ = kill_at(stack.tick(), tick).await;
    let _ = kill_at(stack.enrich_batch(&stack.backfill_queue), batch).await;
    let before = progress(&stack).await;
    // Nobody gives the leases and messages back; they come free by themselves.
    stack.clock.advance(Duration::from_secs(400));
    stack.tick().await;
    for ((resource, generation, pages), (_, later, more)) in before.into_iter().zip(progress(&stack).await) {
        assert!((later, more) >= (generation, pages), "{resource} went backwards after kill {tick}, {batch}");
    }
    stack.settle().await;
    let memory = stack.tables.memory().await;
    if memory != *truth {
        println!("killed at steps {tick} and {batch}");
        assert_same(truth, &memory);
    }
}

#[test]
fn invariant_7_a_run_that_is_killed_anywhere_loses_nothing() {
    let (truth, ticks, batches) = runtime().block_on(undisturbed());
    assert!(ticks > 30 && batches > 10, "{ticks} {batches}");
    println!("killed at each of {ticks} steps of a tick, and of {batches} of a batch");
    at_each(ticks.max(batches), async |kill| killed(kill.min(ticks), kill * batches / ticks, &truth).await);
}

#[test]
fn invariant_7_a_sweep_that_is_killed_anywhere_removes_what_is_gone_and_nothing_else() {
    let (truth, ticks) = runtime().block_on(async {
        let stack = before_a_sweep().await;
        let (_, ticks) = kill_at(stack.tick(), usize::MAX).await;
        stack.settle().await;
        (timeless(stack.tables.memory().await), ticks)
    });
    let tombstones = truth.values().filter(|item| item.get("tombstone").is_some()).count();
    assert!(tombstones >= 5 && ticks > 30, "{tombstones} {ticks}");
    println!("killed at each of {ticks} steps of a sweep");
    at_each(ticks, async |kill| {
        let stack = before_a_sweep().await;
        let _ = kill_at(stack.tick(), kill).await;
        stack.clock.advance(Duration::from_secs(400));
        stack.settle().await;
        let memory = timeless(stack.tables.memory().await);
        if memory != truth {
            println!("killed at step {kill}");
            assert_same(&truth, &memory);
        }
    });
}

/// The end of a long message.
const LONG: &str = "zanzibar-9912";

/// One whose memory is complete, with a contact that said much, and the notification of what now happens to it.
async fn before(action: Action) -> Stack {
    let stack = installed().await;
    stack.settle().await;
    let (contact, own, ..) = outspoken(&stack).await;
    // More than an item holds.
    let long = format!("<p>{}</p><p>{LONG}</p>", "And another thing. ".repeat(20_000));
    let said = mutate(&stack, &Mutate::new(Action::UserReplied).on(&own).by_contact(&contact).saying(long)).await;
    stack.revisit().await;
    assert!(everything(&stack).await.contains(LONG));
    let happens = match action {
        Action::CompanyDeleted => Mutate::new(action).on(&stack.intercom.state().ids(Kind::Companies)[0]),
        Action::PartRedacted => {
            let part_id = said.ids["part_id"].as_str().map(str::to_owned);
            Mutate { part_id, ..Mutate::new(action).on(&own) }
        }
        Action::ContactUpdated => {
            let mut renamed = Mutate::new(action).on(&contact);
            renamed.fields.insert("name".to_owned(), json!("Quillon the Younger"));
            renamed
        }
        _ => Mutate::new(action).on(&contact),
    };
    let happens = mutate(&stack, &happens).await;
    for notification in &happens.notifications {
        assert_eq!(stack.notify(notification).await, 200);
    }
    stack
}

/// What follows from one thing is written to many: killed anywhere between, the message comes again and ends it.
fn ends_the_same_after_a_kill_anywhere(action: Action) {
    let (truth, steps) = runtime().block_on(async {
        let stack = before(action).await;
        let (_, steps) = kill_at(stack.drain(), usize::MAX).await;
        (stack.tables.memory().await, steps)
    });
    let is_erasure = matches!(action, Action::ContactDeleted | Action::PartRedacted);
    assert!(steps > 20, "{steps}");
    println!("{action:?}: killed at each of {steps} steps");
    at_each(steps, async |kill| {
        let stack = before(action).await;
        let _ = kill_at(stack.drain(), kill).await;
        stack.clock.advance(Duration::from_secs(400));
        stack.drain().await;
        let memory = stack.tables.memory().await;
        if memory != truth {
            println!("killed at step {kill}");
            assert_same(&truth, &memory);
        }
        let left = everything(&stack).await;
        if action == Action::ContactDeleted {
            assert_forgotten(&left);
        }
        assert_eq!(left.contains(LONG), !is_erasure, "killed at step {kill}");
    });
}

#[test]
fn an_erasure_that_is_killed_anywhere_leaves_no_word() {
    ends_the_same_after_a_kill_anywhere(Action::ContactDeleted);
}

#[test]
fn a_deletion_of_a_company_that_is_killed_anywhere_leaves_no_name() {
    ends_the_same_after_a_kill_anywhere(Action::CompanyDeleted);
}

#[test]
fn a_merge_that_is_killed_anywhere_moves_every_link() {
    ends_the_same_after_a_kill_anywhere(Action::ContactMerged);
}

#[test]
fn a_new_name_reaches_everything_although_a_run_is_killed_anywhere() {
    ends_the_same_after_a_kill_anywhere(Action::ContactUpdated);
}

#[test]
fn a_redaction_that_is_killed_anywhere_leaves_no_word() {
    ends_the_same_after_a_kill_anywhere(Action::PartRedacted);
}
