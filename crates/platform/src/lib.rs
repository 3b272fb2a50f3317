//! What every function needs of its surroundings: configuration, secrets, HTTP events, time, randomness, metrics.
//! Each is handed in, so that a test can own it.

pub mod cipher;
pub mod clock;
pub mod config;
pub mod credentials;
pub mod http;
pub mod logging;
pub mod metrics;
pub mod random;
pub mod start;
pub mod trust;
