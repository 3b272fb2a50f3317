//! The emulator through its HTTP surface, as the connector and a person meet it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stderr)]

mod captures;
mod companies;
mod controls;
mod failures;
mod limits;
mod mutations;
mod oauth;
mod paging;
mod search;
mod support;
mod webhooks;
mod world;
