//! Tests that cross functions.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod backfill;
mod captures;
mod front_door;
mod fuzz_targets;
mod installing;
mod memory;
mod ownerless;
mod sample_events;
