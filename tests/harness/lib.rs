//! What tests that cross functions need: the four functions with their real handlers and tables, beside an in-memory
//! queue, a cipher without KMS, a clock that only moves when it is told to, and an Intercom of their own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::missing_panics_doc)]

mod aws;
mod built;
mod chance;
mod clock;
mod doubles;
pub mod golden;
mod http;
mod kill;
mod nearby;
mod queue;
mod stack;
mod tables;
mod wire;

pub use built::Built;
pub use chance::Chance;
pub use clock::{RealClock, TestClock};
pub use doubles::{FixedCredentials, MetricLog, SequentialRandom, WorkspaceCipher};
pub use golden::{Bundle, Function};
pub use http::{body_of, event, header_of, signed};
pub use kill::kill_at;
pub use nearby::Nearby;
pub use queue::{MemoryQueue, Taken};
pub use stack::{CLIENT_SECRET, Options, Stack};
pub use tables::Tables;
pub use wire::{Around, Gate, Spent, Wire};
