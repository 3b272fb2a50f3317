//! Stand-ins that tests and benchmarks share. Never deployed.
//!
//! - [`RuntimeApi`] is Lambda's side of the Runtime API: it hands out events and takes answers.
//! - [`Program`] and [`Running`] start a built function as Lambda would, with nothing of this process's environment.

mod process;
mod runtime_api;

pub use process::{ProcessError, Program, Running};
pub use runtime_api::{Answered, RuntimeApi, RuntimeError};
