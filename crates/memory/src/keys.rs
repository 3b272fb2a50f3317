//! The keys of MemoryTable and its indexes (docs/data-model.md). All of them are plain text that a person can read.

use intercom::{Timestamp, WorkspaceId};
use sha2::{Digest, Sha256};

use crate::{EntityRef, EntityType, RelationTarget};

/// Sort key of the thing as it is now.
pub const DOCUMENT: &str = "document";
/// Sort key of the fetch counter.
pub const CLAIM: &str = "claim";
/// What the sort key of an event begins with.
pub const EVENT_PREFIX: &str = "event#";
/// What the sort key of a relation begins with.
pub const RELATION_PREFIX: &str = "relation#";
/// Number of partitions that one day of one workspace is spread over in `by_time`.
pub const TIME_SHARDS: u8 = 8;
/// Number of partitions that all things of one kind are spread over in `by_relation`.
pub const ROSTER_SHARDS: u8 = TIME_SHARDS;
/// The kind of what every thing of a kind is linked to ([`roster`]).
pub const ROSTER: &str = "roster";
/// Longest id, in bytes, that stands in a key as it is; a longer one (a URL) is replaced by its SHA-256 in hex.
pub const MAX_ID_BYTES: usize = 256;

/// Longest kind or relationship, in bytes, that stands in a key as it is.
const MAX_NAME_BYTES: usize = 50;

/// An id as it stands in a key: `#` and `%` percent-encoded, beyond [`MAX_ID_BYTES`] its SHA-256 in hex.
pub fn encode_id(id: &str) -> String {
    if id.len() > MAX_ID_BYTES { sha256_hex(id) } else { escape(id) }
}

/// A kind or relationship as it stands in a key: a short word in general, but Intercom could send anything. A sort key
/// ends at 1,024 bytes.
fn encode_name(name: &str) -> String {
    if name.len() > MAX_NAME_BYTES { sha256_hex(name) } else { escape(name) }
}

fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('#', "%23")
}

/// SHA-256 of a text in lower-case hex, 64 characters.
pub fn sha256_hex(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// `event#<occurred_at>#<source_id>`
pub fn event_sk(occurred_at: Timestamp, source_id: &str) -> String {
    format!("{EVENT_PREFIX}{}", time_sk(occurred_at, source_id))
}

/// Sort key of the `number`th continuation (from 1, at most 9,999) of a split item: it sorts right behind its head
/// and has the head's key as prefix.
pub fn continuation_sk(head: &str, number: usize) -> String {
    format!("{head}#{number:04}")
}

/// `relation#<provider>#<type>#<id>#<relationship>`
pub fn relation_sk(provider: &str, entity_type: &str, id: &str, relationship: &str) -> String {
    format!(
        "{RELATION_PREFIX}{}#{}#{}#{}",
        encode_name(provider),
        encode_name(entity_type),
        encode_id(id),
        encode_name(relationship)
    )
}

/// Partition of `by_time`: `<workspace>#<yyyy-mm-dd>#<hash(entity) mod 8>`.
pub fn time_pk(workspace: &WorkspaceId, date: &str, entity: &EntityRef) -> String {
    time_shard_pk(workspace, date, shard(entity))
}

/// Partition of `by_time` by its number, for whoever reads all [`TIME_SHARDS`] of them.
pub fn time_shard_pk(workspace: &WorkspaceId, date: &str, shard: u8) -> String {
    format!("{workspace}#{date}#{shard}")
}

/// What every thing of a kind is linked to, so that all of them can be listed: `intercom`, `roster`, `<kind>-<shard>`. Of
/// conversations there is none: Intercom itself lists those that were deleted, and they are too many. What somebody did is
/// found through whom it is about.
pub fn roster(entity: &EntityRef) -> Option<RelationTarget> {
    roster_of(entity.entity_type, shard(entity))
}

/// One shard of all things of a kind, for whoever reads all [`ROSTER_SHARDS`] of them.
pub fn roster_of(kind: EntityType, shard: u8) -> Option<RelationTarget> {
    let is_listed = !matches!(kind, EntityType::Conversation | EntityType::DataEvent | EntityType::ContentStat);
    is_listed.then(|| RelationTarget::new("intercom", ROSTER, format!("{kind}-{shard}")))
}

fn shard(entity: &EntityRef) -> u8 {
    let digest = Sha256::digest(entity.path().as_bytes());
    digest.first().copied().unwrap_or_default() % TIME_SHARDS
}

/// Sort key of `by_time`: `<occurred_at>#<source_id>`.
pub fn time_sk(occurred_at: Timestamp, source_id: &str) -> String {
    format!("{occurred_at}#{}", escape(source_id))
}

/// Partition of `by_relation`: `<workspace>#<provider>#<type>#<id>`.
pub fn relation_pk(workspace: &WorkspaceId, target: &RelationTarget) -> String {
    format!(
        "{workspace}#{}#{}#{}",
        encode_name(&target.provider),
        encode_name(&target.entity_type),
        encode_id(&target.entity_id)
    )
}

/// Sort key of `by_relation`: `<created_at of the entity>#<entity>`, which never changes.
pub fn relation_sk_index(created_at: Timestamp, entity: &EntityRef) -> String {
    format!("{created_at}#{}", entity.path())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::EntityType;

    fn time() -> Timestamp {
        Timestamp::parse("2026-01-10T07:56:29Z").unwrap()
    }

    #[test]
    fn keys_are_spelt_as_the_data_model_says() {
        let workspace: WorkspaceId = "ws1".parse().unwrap();
        let entity = EntityRef::new(&workspace, EntityType::Conversation, "215");
        let source_id = "intercom:conversation:215:7:conversation.replied";
        assert_eq!(
            event_sk(time(), source_id),
            "event#2026-01-10T07:56:29Z#intercom:conversation:215:7:conversation.replied"
        );
        assert_eq!(
            relation_sk("github", "issue", "acme/web#12", "references"),
            "relation#github#issue#acme/web%2312#references"
        );
        let target = RelationTarget::new("linear", "issue", "ENG-42");
        assert_eq!(relation_pk(&workspace, &target), "ws1#linear#issue#ENG-42");
        assert_eq!(relation_sk_index(time(), &entity), "2026-01-10T07:56:29Z#conversation#215");
        assert_eq!(time_sk(time(), "a#b"), "2026-01-10T07:56:29Z#a%23b");
        let shards: Vec<String> =
            (0..TIME_SHARDS).map(|shard| time_shard_pk(&workspace, "2026-01-10", shard)).collect();
        assert!(shards.contains(&time_pk(&workspace, "2026-01-10", &entity)));
    }

    #[test]
    fn no_sort_key_is_longer_than_dynamodb_takes() {
        let worst = "#".repeat(2_000);
        for id in [&worst, &"#".repeat(MAX_ID_BYTES)] {
            assert!(relation_sk("jira", &worst, id, "tagged_with").len() <= 1_024);
            assert!(relation_sk("jira", &"#".repeat(MAX_NAME_BYTES), id, "tagged_with").len() <= 1_024);
        }
        assert!(event_sk(time(), &"#".repeat(255)).len() <= 1_024 - 40, "room for the continuations");
    }

    #[test]
    fn continuations_sort_behind_their_head_and_before_every_other_event_of_that_second() {
        let head = event_sk(time(), "intercom:conversation:215:7:conversation.replied");
        let keys = [head.clone(), continuation_sk(&head, 1), continuation_sk(&head, 12)];
        assert!(keys.is_sorted());
        assert!(keys.iter().all(|key| key.starts_with(&head)));
        let next = event_sk(time(), "intercom:conversation:215:8:conversation.replied");
        assert!(keys.iter().all(|key| *key < next));
    }

    #[test]
    fn the_shard_of_a_thing_does_not_depend_on_its_workspace_or_day() {
        let shard_of =
            |workspace: &str| shard(&EntityRef::new(&workspace.parse().unwrap(), EntityType::Conversation, "215"));
        assert_eq!(shard_of("ws1"), shard_of("ws2"));
    }
}
