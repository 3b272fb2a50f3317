//! Views as items. No I/O.

use std::collections::HashSet;

use aws_sdk_dynamodb::types::AttributeValue;
use intercom::Timestamp;
use memory::{Document, EntityRef, EntityType, Event, Profile, Relation, View, keys, split};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{Claim, Retention};
use crate::item::{Item, Reader, b, count, n, s};

/// Longest body in one item, in bytes: an item holds 400 KB, attribute names and everything else included.
const MAX_BODY: usize = 300 * 1024;

/// Eight bytes of a hash that stand for an event (or relation) in the document's digest. Two of one conversation's few
/// hundred fall together once in 10^14 conversations.
pub(crate) type Digest = [u8; 8];

/// A document with what it is too long for.
pub(crate) struct DocumentItems {
    pub(crate) head: Item,
    pub(crate) continuations: Vec<Item>,
}

fn digest(parts: &[&[u8]]) -> Digest {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let full = hash.finalize();
    let mut short = Digest::default();
    for (to, from) in short.iter_mut().zip(full) {
        *to = from;
    }
    short
}

/// Stands for one version of an event.
pub(crate) fn event_digest(event: &Event) -> Digest {
    version_digest(event, event.redacted, !event.body.is_empty())
}

/// The digests that an event may have had before it was redacted, whatever its text was.
pub(crate) fn digests_before_redaction(event: &Event) -> [Digest; 2] {
    [version_digest(event, false, true), version_digest(event, false, false)]
}

/// Whether it is what a conversation or ticket began with: that has no time of change of its own.
pub(crate) fn is_opening(event: &Event) -> bool {
    event.part_id.is_none() && event.source_id.contains(":source:")
}

fn version_digest(event: &Event, redacted: bool, has_text: bool) -> Digest {
    // Seen before it had a text, an opening message is another one than with it, though its version is the same.
    let is_unfinished = !redacted && !has_text && is_opening(event);
    let state: &[u8] = if is_unfinished { &[0, 0] } else { &[redacted.into()] };
    match &event.part_id {
        Some(id) => part_digest(id, event.version, redacted),
        None => digest(&[b"source", event.source_id.as_bytes(), &event.version.epoch_seconds().to_be_bytes(), state]),
    }
}

/// Stands for one version of a part: the same whether the event or only the notification is to hand.
pub fn part_digest(id: &str, version: Timestamp, redacted: bool) -> [u8; 8] {
    digest(&[b"part", id.as_bytes(), &version.epoch_seconds().to_be_bytes(), &[redacted.into()]])
}

/// Stands for a relation and what is said about its target, in one stretch of [`Retention`].
pub(crate) fn relation_digest(relation: &Relation, stretch: i64) -> Digest {
    let target = &relation.target;
    let text = |t: &Option<String>| t.clone().unwrap_or_default();
    let (title, url) = (text(&target.title), text(&target.url));
    digest(&[relation.sk().as_bytes(), title.as_bytes(), url.as_bytes(), &stretch.to_be_bytes()])
}

/// Stands for everything that a document says.
pub(crate) fn content_digest(document: &Document) -> Digest {
    digest(&[&serde_json::to_vec(document).unwrap_or_default()])
}

/// Whether the documents of others repeat something of this kind of thing.
pub(crate) fn has_profile(kind: EntityType) -> bool {
    matches!(kind, EntityType::Contact | EntityType::Company | EntityType::Admin | EntityType::Team)
}

/// Stands for what the documents of others repeat of this one: the name, and a contact's companies.
pub(crate) fn profile_digest(document: &Document) -> Digest {
    let profile = Profile::of(document);
    let companies = profile.company_ids.join("#");
    digest(&[profile.name.unwrap_or_default().as_bytes(), companies.as_bytes()])
}

/// What a document says about itself: which view it is, when it was made, and what else belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct Marks {
    pub(crate) claim: Claim,
    pub(crate) shape: String,
    /// Epoch seconds.
    pub(crate) fetched_at: i64,
    pub(crate) events: HashSet<Digest>,
    pub(crate) relations: HashSet<Digest>,
    /// Links that this view lacks are still to be removed.
    pub(crate) unlinking: bool,
}

impl Marks {
    /// Of a view that was just made.
    pub(crate) fn of(view: &View, claim: Claim, shape: &str, fetched_at: i64, retention: Retention) -> Self {
        let stretch = retention.stretch(view.document.updated_at);
        Self {
            claim,
            shape: shape.to_owned(),
            fetched_at,
            events: view.events.iter().map(event_digest).collect(),
            relations: view.relations.iter().map(|relation| relation_digest(relation, stretch)).collect(),
            unlinking: false,
        }
    }
}

fn key(entity: &EntityRef, sk: impl Into<String>) -> Item {
    Item::from([
        ("pk".to_owned(), s(entity.pk())),
        ("sk".to_owned(), s(sk)),
        ("workspace_id".to_owned(), s(entity.workspace.as_str())),
        ("entity_type".to_owned(), s(entity.entity_type.as_str())),
        ("entity_id".to_owned(), s(&entity.id)),
    ])
}

fn put(item: &mut Item, name: &str, value: AttributeValue) {
    item.insert(name.to_owned(), value);
}

fn put_some(item: &mut Item, name: &str, value: Option<AttributeValue>) {
    if let Some(value) = value {
        put(item, name, value);
    }
}

/// Maps and lists; nothing that we store fails to serialise, and an attribute left out would be no loss of text.
fn put_serialised<T: Serialize>(item: &mut Item, name: &str, value: &T) {
    put_some(item, name, serde_dynamo::to_attribute_value(value).ok());
}

fn digests(of: &HashSet<Digest>) -> AttributeValue {
    let mut all: Vec<Digest> = of.iter().copied().collect();
    all.sort_unstable();
    b(&all.concat())
}

/// Reads what [`digests`] wrote.
pub(crate) fn read_digests(bytes: &[u8]) -> HashSet<Digest> {
    bytes.chunks_exact(8).filter_map(|chunk| chunk.try_into().ok()).collect()
}

/// Cuts a body; the pieces beyond the first become items of their own under `continuation_key`.
fn split_body(
    item: &mut Item,
    entity: &EntityRef,
    body: &str,
    continuation_key: &str,
    expires: Option<i64>,
) -> Vec<Item> {
    let pieces = split::split(body, MAX_BODY);
    let (first, rest) = pieces.split_first().map_or(("", [].as_slice()), |(first, rest)| (*first, rest));
    put(item, "body", s(first));
    if !rest.is_empty() {
        put(item, "pieces", count(rest.len() as u64));
    }
    rest.iter()
        .enumerate()
        .map(|(i, piece)| {
            let mut continuation = key(entity, keys::continuation_sk(continuation_key, i + 1));
            put(&mut continuation, "body", s(*piece));
            put_some(&mut continuation, "expires_at", expires.map(n));
            continuation
        })
        .collect()
}

/// What the shape of an event ends in that only a notification has shown yet.
const SHOWN: &str = ";shown";

/// The shape of an event that was read from a notification. What a notification shows may be poorer (text without its links
/// and formatting), so that the fetched view of the same version takes its place, whichever comes first.
pub(crate) fn shown_shape(shape: &str) -> String {
    format!("{shape}{SHOWN}")
}

/// Whether an event of this shape was read from a notification.
pub(crate) fn is_shown(shape: &str) -> bool {
    shape.ends_with(SHOWN)
}

/// An event's head, and its continuations, which are written before it.
pub(crate) fn event(event: &Event, shape: &str, retention: Retention) -> (Item, Vec<Item>) {
    let entity = &event.entity;
    let sk = keys::event_sk(event.occurred_at, &event.source_id);
    let expires = retention.expires_at(event.occurred_at);
    let mut item = key(entity, &sk);
    let continuations = split_body(&mut item, entity, &event.body, &continuation_prefix(event, shape), expires);
    put(&mut item, "source_id", s(&event.source_id));
    put(&mut item, "event_type", s(&event.event_type));
    put(&mut item, "occurred_at", s(event.occurred_at.iso()));
    put(&mut item, "title", s(&event.title));
    put(&mut item, "delivery_id", s(event.delivery_id()));
    put(&mut item, "version", n(event.version.epoch_seconds()));
    put(&mut item, "redacted", AttributeValue::Bool(event.redacted));
    put(&mut item, "shape", s(shape));
    put_some(&mut item, "part_id", event.part_id.as_ref().map(s));
    put_serialised(&mut item, "attributes", &event.attributes);
    put_serialised(&mut item, "relations", &event.relations);
    put(&mut item, "time_pk", s(keys::time_pk(&entity.workspace, &event.occurred_at.date(), entity)));
    put(&mut item, "time_sk", s(keys::time_sk(event.occurred_at, &event.source_id)));
    put_some(&mut item, "expires_at", expires.map(n));
    (item, continuations)
}

/// What the continuations of this version of an event begin with. The version is in it, and whether only a notification
/// showed it, so that a writer that loses cannot overwrite the winner's.
fn continuation_prefix(event: &Event, shape: &str) -> String {
    let sk = keys::event_sk(event.occurred_at, &event.source_id);
    continuation_of(&sk, event.version.epoch_seconds(), event.redacted, is_shown(shape))
}

/// The same by the event's sort key and version.
pub(crate) fn continuation_of(sk: &str, version: i64, redacted: bool, shown: bool) -> String {
    let mark = match (redacted, shown) {
        (true, _) => "r",
        (false, true) => "s",
        (false, false) => "",
    };
    format!("{sk}#{version}{mark}")
}

/// The rank of a version of an event.
fn event_rank(version: i64, redacted: bool, shown: bool) -> Rank {
    (redacted.into(), version.saturating_mul(2).saturating_add(i64::from(redacted || !shown)))
}

/// A relation, with the version of the view that shows it.
pub(crate) fn relation(relation: &Relation, claim: Claim, version: Timestamp, retention: Retention) -> Item {
    let (entity, target) = (&relation.entity, &relation.target);
    let mut item = key(entity, relation.sk());
    put(&mut item, "target_provider", s(&target.provider));
    put(&mut item, "target_type", s(&target.entity_type));
    put(&mut item, "target_id", s(&target.entity_id));
    put_some(&mut item, "target_title", target.title.as_ref().map(s));
    put_some(&mut item, "target_url", target.url.as_ref().map(s));
    put(&mut item, "relationship", s(&relation.relationship));
    put(&mut item, "version", n(version.epoch_seconds()));
    put(&mut item, "claim", count(claim.0));
    put(&mut item, "relation_pk", s(keys::relation_pk(&entity.workspace, target)));
    put(&mut item, "relation_sk", s(keys::relation_sk_index(relation.entity_created_at, entity)));
    put_some(&mut item, "expires_at", retention.link_expires_at(version).map(n));
    item
}

/// What the continuations of a document begin with.
pub(crate) const DOCUMENT_PIECES: &str = "document#";

/// What the continuations of this fetch of a document begin with.
pub(crate) fn document_piece_prefix(claim: Claim, version: Timestamp) -> String {
    format!("{DOCUMENT_PIECES}{}-{}", version.epoch_seconds(), claim.0)
}

/// Which of several versions of a text: what is greater wins over what is less. Of a document its version and its claim; of
/// an event whether it is without its words, and its version, of which a fetched view is the greater one.
pub(crate) type Rank = (i64, i64);

/// What the sort key of a continuation says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    /// The sort key of what it continues.
    pub(crate) of: &'a str,
    /// Which version of it.
    pub(crate) rank: Rank,
    /// From 1.
    pub(crate) number: usize,
}

impl<'a> Piece<'a> {
    /// `None` where this is no continuation's key.
    pub(crate) fn read(sk: &'a str) -> Option<Self> {
        let (rest, number) = sk.rsplit_once('#')?;
        let (of, version) = rest.rsplit_once('#')?;
        let rank = match version.rsplit_once('-').filter(|_| of == keys::DOCUMENT) {
            Some((version, claim)) => (version.parse().ok()?, claim.parse().ok()?),
            None => match (version.strip_suffix('r'), version.strip_suffix('s')) {
                (Some(version), _) => event_rank(version.parse().ok()?, true, false),
                (_, Some(version)) => event_rank(version.parse().ok()?, false, true),
                (None, None) => event_rank(version.parse().ok()?, false, false),
            },
        };
        Some(Self { of, rank, number: number.parse().ok()? })
    }

    /// Whether it belongs to what has been replaced by what stands there, with so many continuations. One of a greater rank
    /// does not: its writer puts it before the head, which is still to come.
    pub(crate) fn is_stale(&self, (rank, pieces): (Rank, usize)) -> bool {
        self.rank < rank || (self.rank == rank && self.number > pieces)
    }
}

/// The rank of what stands at this sort key, and how many continuations it has.
pub(crate) fn rank(sk: &str, item: &Item) -> (Rank, usize) {
    let read = Reader::new(item);
    let version = read.number("version").unwrap_or_default();
    if sk == keys::DOCUMENT {
        let rank = (version, read.number("claim").unwrap_or_default());
        return (rank, read.number("pieces").unwrap_or_default());
    }
    // Of one version of an event there are never fewer: who has more of it is about to put its head.
    let shown = read.text("shape").is_some_and(is_shown);
    (event_rank(version, read.flag("redacted"), shown), usize::MAX)
}

/// The thing as it is now.
pub(crate) fn document(document: &Document, marks: &Marks, retention: Retention) -> DocumentItems {
    let entity = &document.entity;
    let expires = retention.view_expires_at(document.updated_at);
    let mut head = key(entity, keys::DOCUMENT);
    let prefix = document_piece_prefix(marks.claim, document.updated_at);
    let continuations = match &document.body {
        Some(body) => split_body(&mut head, entity, body, &prefix, expires),
        None => Vec::new(),
    };
    put(&mut head, "title", s(&document.title));
    put_some(&mut head, "state", document.state.as_ref().map(s));
    put_some(&mut head, "url", document.url.as_ref().map(s));
    put_some(&mut head, "created_at", document.created_at.map(|t| s(t.iso())));
    put(&mut head, "updated_at", s(document.updated_at.iso()));
    put_serialised(&mut head, "fields", &document.fields);
    put_serialised(&mut head, "participants", &document.participants);
    put_serialised(&mut head, "counts", &document.counts);
    put(&mut head, "parts_truncated", AttributeValue::Bool(document.parts_truncated));
    put(&mut head, "shape", s(&marks.shape));
    put(&mut head, "version", n(document.updated_at.epoch_seconds()));
    put(&mut head, "events_digest", digests(&marks.events));
    put(&mut head, "relations_digest", digests(&marks.relations));
    put_some(&mut head, "unlinking", marks.unlinking.then_some(AttributeValue::Bool(true)));
    put_some(&mut head, "expires_at", expires.map(n));
    put(&mut head, "content_digest", b(&content_digest(document)));
    put(&mut head, "claim", count(marks.claim.0));
    put(&mut head, "fetched_at", n(marks.fetched_at));
    if has_profile(entity.entity_type) {
        put(&mut head, "profile_digest", b(&profile_digest(document)));
    }
    DocumentItems { head, continuations }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_continuation_says_to_what_it_belongs() {
        let at = Timestamp::from_epoch_seconds(1_795_305_600).unwrap();
        let event = keys::event_sk(at, "intercom:conversation:215:8:conversation.replied");
        for (redacted, shown) in [(false, false), (false, true), (true, false)] {
            let key = keys::continuation_sk(&continuation_of(&event, 5, redacted, shown), 2);
            let rank = event_rank(5, redacted, shown);
            assert_eq!(Piece::read(&key), Some(Piece { of: &event, rank, number: 2 }));
        }
        let key = keys::continuation_sk(&document_piece_prefix(Claim(7), at), 12);
        assert_eq!(Piece::read(&key), Some(Piece { of: keys::DOCUMENT, rank: (1_795_305_600, 7), number: 12 }));
        for no_piece in [event.as_str(), keys::DOCUMENT, keys::CLAIM, "relation#intercom#admin#9#assigned_to"] {
            assert_eq!(Piece::read(no_piece), None, "{no_piece}");
        }
    }

    #[test]
    fn a_continuation_is_stale_where_a_greater_version_stands_and_never_where_its_own_is_still_to_come() {
        let head = |marks: &[(&str, AttributeValue)]| {
            marks.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<Item>()
        };
        let event = |version, redacted| head(&[("version", n(version)), ("redacted", AttributeValue::Bool(redacted))]);
        let said = |sk: &str, head: &Item| {
            let piece = Piece::read(sk).unwrap();
            piece.is_stale(rank(piece.of, head))
        };
        assert!(said("event#x#5#0001", &event(6, false)));
        assert!(!said("event#x#5#0001", &event(5, false)) && !said("event#x#6#0001", &event(5, false)));
        assert!(said("event#x#5s#0001", &event(5, false)) && !said("event#x#6s#0001", &event(5, false)));
        assert!(said("event#x#5#0001", &event(5, true)) && said("event#x#6#0001", &event(5, true)), "words stay away");
        let document =
            |version, claim, pieces| head(&[("version", n(version)), ("claim", n(claim)), ("pieces", n(pieces))]);
        assert!(said("document#5-2#0001", &document(5, 3, 1)) && said("document#5-9#0001", &document(6, 1, 1)));
        assert!(!said("document#5-3#0001", &document(5, 3, 1)) && !said("document#5-4#0001", &document(5, 3, 1)));
        assert!(said("document#5-3#0002", &document(5, 3, 1)), "a body that is shorter now");
    }
}
