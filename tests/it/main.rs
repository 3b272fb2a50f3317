//! Tests that cross functions.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod backfill;
mod captures;
mod front_door;
mod installing;
mod logs;
mod memory;
mod reconnecting;
mod sample_events;
mod status_page;
mod uninstalling;
