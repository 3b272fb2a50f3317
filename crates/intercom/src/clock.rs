//! Time as a dependency, so that a test can own it.

use std::{future::Future, pin::Pin, time::Duration};

/// Tells the time and waits.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> i64;

    /// Ends after this long.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// Seconds since 1970.
    fn now_seconds(&self) -> i64 {
        self.now_ms().div_euclid(1000)
    }
}
