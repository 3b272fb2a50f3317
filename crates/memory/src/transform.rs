//! Intercom object → [`View`].

mod attributes;
pub(crate) mod content;
pub(crate) mod context;
mod conversation;
pub(crate) mod fields;
pub mod part_types;
pub(crate) mod parts;
mod people;
mod ticket;

use intercom::{WorkspaceId, notification::id_text};
use serde_json::Value;

use crate::{EntityRef, EntityType, Link, Settings, View, keys};
use context::{Context, Shown};

/// Why an object cannot become memory.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TransformError {
    /// Something else than a JSON object.
    #[error("the {0} is not a JSON object")]
    NotObject(EntityType),
    /// Nothing to name it by.
    #[error("the {0} has no id")]
    NoId(EntityType),
}

/// One object, as Intercom's REST API shows it, as memory.
///
/// # Errors
/// Only where the object is no JSON object or has no id; everything else that is odd about it is passed over.
pub fn transform(
    workspace: &WorkspaceId,
    entity_type: EntityType,
    object: &Value,
    settings: &Settings,
) -> Result<View, TransformError> {
    transform_shown(workspace, entity_type, object, settings, Shown::Rest)
}

/// The same for what a notification shows, where that is another thing.
pub(crate) fn transform_shown(
    workspace: &WorkspaceId,
    entity_type: EntityType,
    object: &Value,
    settings: &Settings,
    shown: Shown,
) -> Result<View, TransformError> {
    if !object.is_object() {
        return Err(TransformError::NotObject(entity_type));
    }
    let id = match entity_type {
        EntityType::DataEvent => Some(content::data_event_id(object)),
        EntityType::ContentStat => content::content_stat_id(object),
        _ => object.get("id").and_then(id_text),
    }
    .ok_or(TransformError::NoId(entity_type))?;
    let context = Context { entity: EntityRef::new(workspace, entity_type, id), settings, shown };
    let mut view = match entity_type {
        EntityType::Conversation => conversation::view(&context, object),
        EntityType::Ticket => ticket::view(&context, object),
        EntityType::Contact => people::contact(&context, object),
        EntityType::Company => people::company(&context, object),
        EntityType::Admin => people::admin(&context, object),
        EntityType::Team => people::team(&context, object),
        EntityType::Article => content::article(&context, object),
        EntityType::Tag => content::tag(&context, object),
        EntityType::Segment => content::segment(&context, object),
        EntityType::DataEvent => content::data_event(&context, object),
        EntityType::ContentStat => content::content_stat(&context, object),
    };
    let created = view.document.created_at;
    let listed = keys::roster(&context.entity).map(|target| Link { target, relationship: "listed_in".to_owned() });
    view.relations.extend(context.relations(created, listed.into_iter().collect()));
    view.settle();
    Ok(view)
}

#[cfg(test)]
pub(crate) mod tests;
