//! Intercom, seen from outside: who calls us (signatures, notifications), what its objects look like, and (feature
//! `client`) how to call it (OAuth, REST, pagination, rate limits). Knows no AWS.
//!
//! Everything that comes from Intercom is an open set: unknown topics, part types, roles and fields are values here,
//! never errors, and keep their original spelling.

pub mod clock;
pub mod id;
pub mod lenient;
pub mod model;
pub mod notification;
pub mod rate;
pub mod region;
pub mod signature;
pub mod timestamp;
pub mod topic;

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "client")]
pub mod oauth;

pub use id::WorkspaceId;
pub use timestamp::Timestamp;
pub use topic::Topic;
