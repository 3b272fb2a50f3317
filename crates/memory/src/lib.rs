//! Intercom objects → memory: documents, events, relations. No I/O, no clock, no randomness: everything here is a
//! function of its arguments, so that webhook, retry and backfill of one thing end in the same items.
//!
//! - [`transform()`] turns one object, as Intercom's REST API shows it, into a [`View`].
//! - [`plan()`] says what one notification asks for: fetch, erase, take away, observe, ignore.
//! - [`keys`] spells the keys of MemoryTable; [`split`] cuts bodies that are too long for one item.
//! - [`delivery`] writes an event in the shape of Lightfast's `PostTransformEvent` and checks every limit of it.
//! - [`transcript()`] writes a conversation as Markdown.

pub mod delivery;
pub mod entity;
mod forget;
pub mod html;
pub mod keys;
pub mod known;
pub mod links;
pub mod plan;
pub mod settings;
pub mod split;
mod text;
pub mod transcript;
pub mod transform;
pub mod view;

pub use delivery::post_transform_event;
pub use entity::{EntityRef, EntityType};
pub use known::{Known, Profile, Standing};
pub use plan::{Observation, PartSeen, Plan, plan};
pub use settings::Settings;
pub use transcript::transcript;
pub use transform::{TransformError, transform};
pub use view::{Document, Event, Link, Participant, Relation, RelationTarget, View};
