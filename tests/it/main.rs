//! Tests that cross functions.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
// A test that finds something missing says so.
#![allow(clippy::print_stdout, clippy::cast_possible_truncation)]

mod backfill;
mod bad_paging;
mod captures;
mod checkpoints;
mod concurrency;
mod cost;
mod data_model;
mod deletions;
mod erasure;
mod faults;
mod front_door;
mod fuzz_targets;
mod golden;
mod installing;
mod isolation;
mod kills;
mod logs;
mod memory;
mod neighbours;
mod notes;
mod order;
mod ownerless;
mod paging;
mod patience;
mod people;
mod reconnecting;
mod retention;
mod returning;
mod sample_events;
mod shown;
mod status_page;
mod sweeps;
mod uninstalling;
mod vanished;
