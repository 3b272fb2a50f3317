//! Runs that are killed anywhere.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use serde_json::Value;
use tests::{Options, Stack};

/// Ends a run at its `polls`th step, wherever that is: what it was waiting for is never answered.
struct Killed<F> {
    run: Pin<Box<F>>,
    polls: usize,
    done: usize,
}

impl<F: Future> Future for Killed<F> {
    type Output = (Option<F::Output>, usize);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.done >= self.polls {
            return Poll::Ready((None, self.done));
        }
        self.done += 1;
        self.run.as_mut().poll(context).map(|output| (Some(output), self.done))
    }
}

fn kill_at<F: Future>(run: F, polls: usize) -> Killed<F> {
    Killed { run: Box::pin(run), polls, done: 0 }
}

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

#[tokio::test]
async fn invariant_7_a_run_that_is_killed_anywhere_loses_nothing() {
    let undisturbed = installed().await;
    let (_, steps) = kill_at(undisturbed.tick(), usize::MAX).await;
    let (_, batch_steps) = kill_at(undisturbed.enrich_batch(&undisturbed.backfill_queue), usize::MAX).await;
    undisturbed.settle().await;
    let truth = undisturbed.tables.memory().await;
    assert!(steps > 30 && batch_steps > 10, "{steps} {batch_steps}");

    const KILLS: usize = 24;
    for kill in 0..KILLS {
        let stack = installed().await;
        let _ = kill_at(stack.tick(), steps * kill / KILLS).await;
        let _ = kill_at(stack.enrich_batch(&stack.backfill_queue), batch_steps * kill / KILLS).await;
        let before = progress(&stack).await;
        // Nobody gives the leases and messages back; they come free by themselves.
        stack.clock.advance(Duration::from_secs(400));
        stack.tick().await;
        for ((resource, generation, pages), (_, later, more)) in before.into_iter().zip(progress(&stack).await) {
            assert!((later, more) >= (generation, pages), "{resource} went backwards after kill {kill}");
        }
        stack.settle().await;
        let memory = stack.tables.memory().await;
        let keys: std::collections::BTreeSet<_> = truth.keys().chain(memory.keys()).collect();
        for key in keys {
            assert_eq!(truth.get(key), memory.get(key), "{key:?} after kill {kill} of {KILLS}");
        }
    }
}
