//! Intercom's objects, as far as memory reads them.
//!
//! Every field is optional and read leniently: ids as strings or numbers, times as epoch or ISO, lists as
//! `{"type":"tag.list","tags":[…]}`, `{"type":"list","data":[…]}` or bare, `null` and values of another type as nothing.
//! One odd field must never cost the object. Whatever is an open set (part types, states, roles) stays a string.

mod content;
mod conversation;
pub mod lenient;
mod people;
mod ticket;

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use content::{Article, ArticleContent, DataEvent, Segment, Tag};
pub use conversation::{
    AiAgent, Attachment, Author, Conversation, ConversationPart, LinkedObject, LinkedTicket, Part, Rating, Reference,
    Source, Statistics,
};
pub use lenient::List;
pub use people::{Admin, Company, Contact, Location, Team};
pub use ticket::{Ticket, TicketPart, TicketState, TicketType};

/// Reads an object; what cannot be read of it is at its default. Something else than an object is all defaults.
pub fn read<T: DeserializeOwned + Default>(value: &Value) -> T {
    if value.is_object() { T::deserialize(value).unwrap_or_default() } else { T::default() }
}

#[cfg(test)]
mod tests;
