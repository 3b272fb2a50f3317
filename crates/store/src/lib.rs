//! DynamoDB tables and SQS messages: installations, checkpoints, one-time states, memory, queues.
//!
//! Each call is one decision of a caller turned into requests whose conditions hold under any interleaving; the
//! decisions themselves are made elsewhere, by functions without I/O.

pub mod absences;
pub mod checkpoint;
pub mod error;
pub mod installation;
mod item;
pub mod memory_table;
pub mod message;
pub mod oauth_state;
pub mod purge;
pub mod queue;
pub mod rate_window;
pub mod sweep;

pub use error::StoreError;
