//! Runs that end in the middle.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

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

/// Ends a run at its `polls`th step, wherever that is: what it was waiting for is never answered. Gives what it came to,
/// if it got so far, and the number of its steps.
pub fn kill_at<F: Future>(run: F, polls: usize) -> impl Future<Output = (Option<F::Output>, usize)> {
    Killed { run: Box::pin(run), polls, done: 0 }
}
