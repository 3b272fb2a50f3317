//! The shared budget, as one process sees it: takes a few requests at a time out of the workspace's window, and hands
//! them out until they are used up or the window ends.

use std::sync::{Arc, Mutex as QuickMutex, PoisonError};

use intercom::{
    WorkspaceId,
    clock::Clock,
    rate::{Admission, Paced, Pacer, Priority, RateHeaders, Step, Window},
};
use store::{
    StoreError,
    rate_window::{Outcome, RateWindows},
};
use tokio::sync::Mutex;

/// How often in a row another process may have been quicker before this one looks again later.
const TRIES: u32 = 4;

/// How long to wait where StateTable does not answer or is contended, in milliseconds.
const TRY_AGAIN_MS: i64 = 200;

/// Wakers at the start of a window come spread over this long, in milliseconds.
const SPREAD_MS: i64 = 400;

/// What this process knows and holds of a workspace's window.
#[derive(Debug)]
struct Held {
    /// As last seen; other processes have changed it since.
    window: Option<Window>,
    /// Requests taken and not used yet.
    tokens: u32,
    /// The window that they belong to.
    tokens_end_ms: i64,
}

/// One workspace's budget, for one kind of work, in one process.
pub struct SharedPacer {
    windows: RateWindows,
    workspace: WorkspaceId,
    priority: Priority,
    default_limit: u32,
    clock: Arc<dyn Clock>,
    /// 0 to 999, another one in each process.
    spread: i64,
    /// Held while the table is asked: one process asks once, however many of its tasks wait.
    held: Mutex<Held>,
    told: QuickMutex<Option<(u32, u32)>>,
}

impl SharedPacer {
    /// Knows nothing yet. `default_limit` is used until the first answer has told the real one.
    pub fn new(
        windows: RateWindows,
        workspace: WorkspaceId,
        priority: Priority,
        default_limit: u32,
        clock: Arc<dyn Clock>,
        spread: u32,
    ) -> Self {
        let held = Mutex::new(Held { window: None, tokens: 0, tokens_end_ms: 0 });
        Self {
            windows,
            workspace,
            priority,
            default_limit,
            clock,
            spread: i64::from(spread % 1000),
            held,
            told: QuickMutex::default(),
        }
    }

    async fn take(&self, held: &mut Held, now_ms: i64) -> Result<Admission, StoreError> {
        for _ in 0..TRIES {
            let outcome = match held.window {
                None => {
                    let step = Window::unknown(self.default_limit, now_ms).step(self.priority, now_ms);
                    let Step::Take { n, .. } = step else { return Ok(Admission::At(now_ms + TRY_AGAIN_MS)) };
                    let window = Window::unknown(self.default_limit, now_ms);
                    let to = Window { free: window.free.saturating_sub(n), ..window };
                    (self.windows.turn(&self.workspace, None, to).await?, n)
                }
                Some(window) => match window.step(self.priority, now_ms) {
                    Step::Take { n, keep } => {
                        (self.windows.take(&self.workspace, window.ends_at_ms, n, keep).await?, n)
                    }
                    Step::Turn { to, n } => (self.windows.turn(&self.workspace, Some(window.ends_at_ms), to).await?, n),
                    Step::Wait { until_ms } => {
                        return Ok(Admission::At(until_ms + self.spread * SPREAD_MS / 1000));
                    }
                },
            };
            match outcome {
                (Outcome::Done(window), n) => {
                    held.window = Some(window);
                    held.tokens = n.saturating_sub(1);
                    held.tokens_end_ms = window.ends_at_ms;
                    return Ok(Admission::Now);
                }
                (Outcome::Changed(window), _) => held.window = window,
            }
        }
        Ok(Admission::At(now_ms + TRY_AGAIN_MS))
    }

    /// Writes what was learnt, if it is news. A write that is lost is made by the next answer.
    async fn write(&self, held: &mut Held, to: Window) {
        let Some(old) = held.window else { return };
        // Tokens of a window that ends at another time than was thought stay good until then.
        if held.tokens_end_ms == old.ends_at_ms {
            held.tokens_end_ms = to.ends_at_ms;
        }
        let same_limit = old.limit == to.limit;
        match self.windows.learn(&self.workspace, old.ends_at_ms, to, same_limit).await {
            Ok(Outcome::Done(window)) => held.window = Some(window),
            Ok(Outcome::Changed(window)) => held.window = window,
            Err(error) => tracing::warn!(%error, workspace = %self.workspace, "the rate window could not be written"),
        }
    }
}

impl Pacer for SharedPacer {
    fn admit(&self, now_ms: i64) -> Paced<'_, Admission> {
        Box::pin(async move {
            let mut held = self.held.lock().await;
            // Waiting for the lock may have taken a while.
            let now_ms = now_ms.max(self.clock.now_ms());
            if held.tokens > 0 && held.tokens_end_ms > now_ms {
                held.tokens -= 1;
                return Admission::Now;
            }
            held.tokens = 0;
            match self.take(&mut held, now_ms).await {
                Ok(admission) => admission,
                Err(error) => {
                    tracing::warn!(%error, workspace = %self.workspace, "the rate window could not be asked");
                    Admission::At(now_ms + TRY_AGAIN_MS)
                }
            }
        })
    }

    fn observe(&self, headers: RateHeaders, now_ms: i64) -> Paced<'_, ()> {
        Box::pin(async move {
            if let Some(used) = headers.used() {
                *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(used);
            }
            let mut held = self.held.lock().await;
            if let Some(learnt) = held.window.and_then(|window| window.learn(headers, now_ms)) {
                self.write(&mut held, learnt).await;
            }
        })
    }

    fn told(&self) -> Option<(u32, u32)> {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn exhausted(&self, headers: RateHeaders, now_ms: i64) -> Paced<'_, i64> {
        Box::pin(async move {
            let mut held = self.held.lock().await;
            let window = held.window.unwrap_or(Window::unknown(self.default_limit, now_ms));
            let exhausted = window.exhausted(headers, now_ms);
            held.tokens = 0;
            self.write(&mut held, exhausted).await;
            exhausted.ends_at_ms + self.spread * SPREAD_MS / 1000
        })
    }
}
