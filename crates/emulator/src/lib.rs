//! An Intercom to test and demo against: REST API 2.14 (with the few newer routes the connector uses), OAuth, signed
//! webhooks, and controls that change the workspace or make requests fail. Runs on loopback, never deployed.
//!
//! It shares no code with the connector: it is the independent other side. Its answers have the shape of Intercom's
//! OpenAPI description 2.14 and of recorded answers; where the two disagree, the recordings win.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use emulator::{Action, Config, Emulator, Mutate};
//!
//! let intercom = Emulator::start(Config::default()).await?;
//! let token = intercom.state().issue_token();
//! let done = intercom.state().mutate(&Mutate::new(Action::UserReplied)).await?;
//! assert_eq!(done.topic, "conversation.user.replied");
//! println!("{}/conversations with {token}", intercom.base_url());
//! intercom.shutdown().await;
//! # Ok(()) }
//! ```

mod access;
mod api;
mod clock;
mod config;
mod controls;
mod deliver;
mod direct;
mod error;
mod failures;
mod html;
mod json;
mod mutate;
mod notification;
mod oauth;
mod pages;
mod query;
mod rate;
mod requests;
mod rng;
mod scroll;
mod sent;
mod server;
mod settings;
mod signature;
mod state;
mod view;
mod world;

pub use clock::{Clock, ManualClock, SystemClock};
pub use config::{Config, DEFAULT_PORT};
pub use deliver::{Delivery, Mutation, Replayed, SendWebhook};
pub use direct::Direct;
pub use error::ControlError;
pub use failures::{Failure, FailureKind};
pub use mutate::{Action, Deliver, Mutate};
pub use requests::RequestCounts;
pub use server::{Emulator, StartError};
pub use settings::{DEFAULT_RATE_LIMIT_PER_10S, Settings, SettingsPatch};
pub use signature::{body_signature, hub_signature};
pub use state::{EmulatorState, Reset};
pub use view::PART_LIMIT;
pub use world::{Deleted, Kind, Merge, Seed, Workspace};
