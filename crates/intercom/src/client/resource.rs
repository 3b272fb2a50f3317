//! What can be walked, and how each kind is listed.

use serde::{Deserialize, Serialize};

/// A kind of object that Intercom lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resource {
    /// Searched by `updated_at`; a page has no parts.
    Conversations,
    /// Which conversations were deleted, newest deletion first: `{id, deleted_at}`. Needs API 2.16.
    #[serde(rename = "deleted_conversations")]
    DeletedConversations,
    /// Searched by `updated_at`; a page has the parts.
    Tickets,
    /// Listed; searched by `updated_at`, which Intercom cuts to days.
    Contacts,
    /// Scrolled: the list stops at 10,000.
    Companies,
    /// Listed, newest change first.
    Articles,
    /// One answer.
    Admins,
    /// One answer.
    Teams,
    /// One answer.
    Tags,
    /// One answer.
    Segments,
    /// What a contact did, by one call a contact: read only where it is asked for.
    #[serde(rename = "data_events")]
    DataEvents,
}

impl Resource {
    /// All that an install begins to read, in the order in which a first pass is most useful: names before what refers to
    /// them.
    pub const ALL: [Resource; 10] = [
        Resource::Admins,
        Resource::Teams,
        Resource::Tags,
        Resource::Segments,
        Resource::Companies,
        Resource::Contacts,
        Resource::Conversations,
        Resource::DeletedConversations,
        Resource::Tickets,
        Resource::Articles,
    ];

    /// As in checkpoints, in logs and (but for deleted conversations) in the path of the REST API.
    pub fn path(self) -> &'static str {
        match self {
            Self::Conversations => "conversations",
            Self::DeletedConversations => "deleted_conversations",
            Self::Tickets => "tickets",
            Self::Contacts => "contacts",
            Self::Companies => "companies",
            Self::Articles => "articles",
            Self::Admins => "admins",
            Self::Teams => "teams",
            Self::Tags => "tags",
            Self::Segments => "segments",
            Self::DataEvents => "data_events",
        }
    }

    /// Reads [`Resource::path`] back.
    pub fn from_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().chain([Self::DataEvents]).find(|r| r.path() == path)
    }

    /// Read in windows of `updated_at`.
    pub fn is_windowed(self) -> bool {
        matches!(self, Self::Conversations | Self::Tickets)
    }

    /// Listed in pages that are counted: what goes meanwhile moves everything behind it to the front.
    pub fn is_numbered(self) -> bool {
        matches!(self, Self::Articles | Self::DeletedConversations)
    }

    /// Whether a page says when each object last changed, so that a later pass can ask for what changed since.
    pub fn is_incremental(self) -> bool {
        matches!(
            self,
            Self::Conversations | Self::DeletedConversations | Self::Tickets | Self::Contacts | Self::Articles
        )
    }

    /// Objects that a page is asked for; `None` where Intercom alone decides. Search slows down and times out at 100 and more
    /// (GitbookIO/integrations #1044).
    pub fn page_size(self) -> Option<u32> {
        match self {
            Self::Conversations | Self::Tickets | Self::Articles => Some(50),
            Self::DeletedConversations | Self::Companies => Some(60),
            Self::Contacts => Some(150),
            Self::Admins | Self::Teams | Self::Tags | Self::Segments | Self::DataEvents => None,
        }
    }

    /// Whether one answer, or the pages of one walk, show everything that there is each time.
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Companies | Self::Admins | Self::Teams | Self::Tags | Self::Segments)
    }

    /// The field of an object that says when it last changed.
    pub fn changed_field(self) -> &'static str {
        match self {
            Self::DeletedConversations => "deleted_at",
            Self::DataEvents => "created_at",
            _ => "updated_at",
        }
    }

    /// Where a list answer has its objects, where that is not `data`.
    pub(super) fn list_key(self) -> &'static str {
        match self {
            Self::DeletedConversations => "conversations",
            Self::DataEvents => "events",
            other => other.path(),
        }
    }
}
