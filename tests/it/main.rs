//! Tests that cross functions.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::print_stdout, clippy::cast_possible_truncation)]

mod backfill;
mod captures;
mod concurrency;
mod cost;
mod data_model;
mod erasure;
mod front_door;
mod installing;
mod memory;
mod notes;
mod order;
mod people;
mod sample_events;
