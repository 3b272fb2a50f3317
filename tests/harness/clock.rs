//! Time that stands still until somebody waits or moves it, and the machine's own for who measures.

use std::{
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use intercom::clock::Clock;
use platform::clock::SystemClock;

/// One clock for the functions and the emulator: who sleeps moves it.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// Shows this many seconds since 1970.
    pub fn at(seconds: i64) -> Self {
        Self(AtomicI64::new(seconds * 1000))
    }

    /// How long it is since 1970.
    pub fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst).unsigned_abs())
    }

    /// Moves on.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            // Several sleepers wake at the latest of their times, not at the sum.
            let until = self.now_ms() + i64::try_from(duration.as_millis()).unwrap();
            tokio::task::yield_now().await;
            self.0.fetch_max(until, Ordering::SeqCst);
        })
    }
}

impl emulator::Clock for TestClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// The machine's clock, for the functions and the emulator alike.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealClock;

impl Clock for RealClock {
    fn now_ms(&self) -> i64 {
        SystemClock.now_ms()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }
}

impl emulator::Clock for RealClock {
    fn now_ms(&self) -> i64 {
        Clock::now_ms(self)
    }
}
