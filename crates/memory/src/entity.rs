//! What memory is about: one thing of one kind in one workspace.

use std::{fmt, str::FromStr};

use intercom::WorkspaceId;
use serde::{Deserialize, Serialize};

macro_rules! entity_types {
    ($($variant:ident => $name:literal,)*) => {
        /// The kinds of things that memory holds; a closed set, unlike what Intercom sends.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum EntityType {
            $(
                #[doc = concat!("`", $name, "`")]
                #[serde(rename = $name)]
                $variant,
            )*
        }

        impl EntityType {
            /// Every kind.
            pub const ALL: &'static [EntityType] = &[$(EntityType::$variant),*];

            /// The name in keys, items and events.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(EntityType::$variant => $name,)*
                }
            }
        }

        impl FromStr for EntityType {
            type Err = UnknownEntityType;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                match name {
                    $($name => Ok(EntityType::$variant),)*
                    _ => Err(UnknownEntityType),
                }
            }
        }
    };
}

entity_types! {
    Conversation => "conversation",
    Ticket => "ticket",
    Contact => "contact",
    Company => "company",
    Admin => "admin",
    Team => "team",
    Article => "article",
    Tag => "tag",
    Segment => "segment",
    DataEvent => "data-event",
    ContentStat => "content-stat",
}

/// A name that stands for no kind of thing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not an entity type of memory")]
pub struct UnknownEntityType;

impl fmt::Display for EntityType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing: whose, which kind, which id of Intercom's (as Intercom wrote it, any length).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntityRef {
    /// The workspace that it belongs to.
    pub workspace: WorkspaceId,
    /// Its kind.
    pub entity_type: EntityType,
    /// Its id within the workspace and kind.
    pub id: String,
}

impl EntityRef {
    /// Names a thing.
    pub fn new(workspace: &WorkspaceId, entity_type: EntityType, id: impl Into<String>) -> Self {
        Self { workspace: workspace.clone(), entity_type, id: id.into() }
    }

    /// `<workspace>#<entity_type>#<encoded id>`: the partition key of everything that is known about it.
    pub fn pk(&self) -> String {
        format!("{}#{}", self.workspace, self.path())
    }

    /// `<entity_type>#<encoded id>`: the same within its workspace.
    pub fn path(&self) -> String {
        format!("{}#{}", self.entity_type, crate::keys::encode_id(&self.id))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_kind_is_read_from_its_own_name() {
        for kind in EntityType::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert_eq!("macro".parse::<EntityType>(), Err(UnknownEntityType));
    }

    #[test]
    fn an_id_cannot_break_out_of_its_place_in_the_key() {
        let workspace = "ws1".parse().unwrap();
        let pk = |id: &str| EntityRef::new(&workspace, EntityType::Company, id).pk();
        assert_eq!(pk("42"), "ws1#company#42");
        assert_eq!(pk("a#b%c"), "ws1#company#a%23b%25c");
        assert_eq!(pk(&"x".repeat(256)), format!("ws1#company#{}", "x".repeat(256)));
        assert_eq!(pk(&"x".repeat(257)).len(), "ws1#company#".len() + 64);
    }
}
