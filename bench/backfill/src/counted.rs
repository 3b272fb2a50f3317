//! What a run cost, counted where it was spent.

use std::{collections::BTreeMap, time::Duration};

use ::tests::Spent;
use emulator::RequestCounts;
use serde::Serialize;

/// Requests to Intercom.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Requests {
    pub(crate) total: u64,
    pub(crate) rate_limited: u64,
    pub(crate) max_in_window: u32,
    /// Percent of the allowance that was used in the windows between the first and the last; absent where there are none.
    pub(crate) share_percent: Option<f64>,
    pub(crate) windows: Vec<u32>,
    pub(crate) by_route: BTreeMap<String, u64>,
}

impl Requests {
    pub(crate) fn of(counts: RequestCounts, limit: u32) -> Self {
        let windows: Vec<u32> = counts.by_window.into_values().collect();
        Self {
            total: counts.total,
            rate_limited: counts.rate_limited,
            max_in_window: counts.max_in_window,
            share_percent: share_percent(&windows, limit),
            windows,
            by_route: counts.by_route,
        }
    }
}

/// The first window began before the run did, and the run ended before the last one: neither could be used up.
fn share_percent(windows: &[u32], limit: u32) -> Option<f64> {
    let inner = windows.get(1..windows.len().checked_sub(1)?)?;
    let used: f64 = inner.iter().map(|used| f64::from((*used).min(limit))).sum();
    let allowed = f64::from(limit) * f64::from(u32::try_from(inner.len()).ok()?);
    (allowed > 0.0).then(|| 100.0 * used / allowed)
}

/// DynamoDB.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Units {
    pub(crate) requests: u64,
    pub(crate) read: f64,
    pub(crate) write: f64,
}

impl From<Spent> for Units {
    fn from(spent: Spent) -> Self {
        Self { requests: spent.total(), read: spent.read, write: spent.write }
    }
}

/// Invocations of one function.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Invocations {
    pub(crate) count: u64,
    pub(crate) seconds: f64,
}

impl Invocations {
    pub(crate) fn add(&mut self, took: Duration) {
        self.count += 1;
        self.seconds += took.as_secs_f64();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_that_of_the_windows_that_could_be_used_up() {
        assert_eq!(share_percent(&[3, 100, 50, 7], 100), Some(75.0));
        assert_eq!(share_percent(&[3, 120, 7], 100), Some(100.0), "what was refused is not used");
        assert_eq!(share_percent(&[3, 7], 100), None);
        assert_eq!(share_percent(&[], 100), None);
    }
}
