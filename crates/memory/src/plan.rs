//! What a notification asks for.
//!
//! The topic says little by itself: what happened is read from the fetched thing. So most notifications only say what to
//! fetch, and which part the fetched view must have.

mod observe;
mod subject;

use intercom::{Timestamp, Topic, WorkspaceId, notification::Notification};
use serde::Serialize;
use serde_json::Value;

use crate::{
    Document, EntityRef, EntityType, Event, Relation, Settings,
    transform::{context::Shown, parts, transform_shown},
};
use observe::Told;

/// The part that a notification told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartSeen {
    /// Its id.
    pub id: String,
    /// Its version as of the notification: a stored one of the same or a later version makes a fetch needless.
    pub version: Timestamp,
    /// Its text was deleted: a stored one that is not redacted is older, whatever its version.
    pub redacted: bool,
}

/// What was seen and leaves no trace in any object, so that only the notification can tell it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Observation {
    /// What it is about.
    pub entity: EntityRef,
    /// What happened.
    pub event: Event,
    /// Links of the entity that come with it.
    pub relations: Vec<Relation>,
    /// The thing itself, where nobody can fetch it later (data events, content statistics).
    pub document: Option<Document>,
}

/// One thing to do because of a notification.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Plan {
    /// Fetch the thing and write what it is now.
    Fetch {
        /// What to fetch.
        entity: EntityRef,
        /// The part that the fetched view must have; needless to fetch where it is stored already. `None`: always fetch.
        part: Option<PartSeen>,
    },
    /// Deleted for good: erase everything about it.
    Erase {
        /// What.
        entity: EntityRef,
        /// When Intercom said so.
        at: Timestamp,
        /// Why, for the tombstone and the log: the topic.
        reason: String,
    },
    /// Gone, but may come back (archived, unpublished, merged).
    Absent {
        /// What.
        entity: EntityRef,
        /// When Intercom said so: a document with a later `updated_at` has come back since.
        at: Timestamp,
        /// Why: the topic.
        reason: String,
    },
    /// A contact was merged into another one, which stands for it from now on.
    Merge {
        /// The contact that is left.
        survivor: EntityRef,
        /// Whom it swallowed; `None` where the notification does not say, and the merge history has to be asked.
        swallowed: Option<String>,
        /// When Intercom said so.
        at: Timestamp,
    },
    /// Write an event of which only the notification knows.
    Observe(Box<Observation>),
    /// Nothing.
    Ignore {
        /// Why, for a metric.
        reason: &'static str,
    },
}

/// What a notification asks for, in the order in which to do it. Never empty, never an error: what is not understood is
/// an [`Observation`] of its own. `received_at` stands in where neither notification nor item has a time.
pub fn plan(
    notification: &Notification,
    workspace: &WorkspaceId,
    received_at: Timestamp,
    settings: &Settings,
) -> Vec<Plan> {
    let told = Told::new(notification, workspace, received_at, settings);
    let plans = match &notification.envelope.topic {
        Topic::Ping => return vec![Plan::Ignore { reason: "a ping says nothing" }],
        Topic::ApiRequestCompleted => return vec![Plan::Ignore { reason: "caused by calls such as our own" }],
        Topic::ConversationRead => return vec![Plan::Ignore { reason: "reading changes nothing that is kept" }],

        Topic::ConversationDeleted => erase(&told, EntityType::Conversation),
        Topic::ContactDeleted => erase(&told, EntityType::Contact),
        // A company may come back under its id; what its people wrote is theirs, and stays.
        Topic::CompanyDeleted => absent(&told, EntityType::Company),
        Topic::ContactArchived => absent(&told, EntityType::Contact),
        // A deleted article comes as its whole self, still "published": only the topic tells.
        Topic::ArticleDeleted | Topic::ArticleUnpublished => absent(&told, EntityType::Article),
        Topic::AdminRemovedFromWorkspace => absent(&told, EntityType::Admin),
        Topic::ContactMerged => merged(&told),

        Topic::ContactUserTagCreated | Topic::ContactLeadTagCreated => told.contact_tag("tagged", "Tagged"),
        Topic::ContactUserTagDeleted | Topic::ContactLeadTagDeleted => told.contact_tag("untagged", "Untagged"),
        Topic::ContactSubscribed | Topic::GranularSubscribe => told.subscription("subscribed", "Subscribed"),
        Topic::ContactUnsubscribed | Topic::GranularUnsubscribe => told.subscription("unsubscribed", "Unsubscribed"),
        Topic::CompanyContactAttached => told.company_contact("company-attached", "Company Attached"),
        Topic::CompanyContactDetached => told.company_contact("company-detached", "Company Detached"),
        Topic::VisitorSignedUp => told.visitor(),
        Topic::AdminAwayModeUpdated => told.admin("away-mode-updated", "Away Mode Updated", true),
        Topic::AdminAddedToWorkspace => told.admin("added", "Added", true),
        Topic::AdminLoggedIn => told.admin("logged-in", "Logged In", false),
        Topic::AdminLoggedOut => told.admin("logged-out", "Logged Out", false),
        Topic::AdminActivityLogEventCreated => told.activity(),
        Topic::CallStarted => told.call("call-started", "Call Started"),
        Topic::CallEnded => told.call("call-ended", "Call Ended"),
        Topic::CallTranscriptionAvailable => told.call("call-transcribed", "Call Transcribed"),
        Topic::CallRecordingAvailable => told.call("call-recorded", "Call Recorded"),
        Topic::TicketRatingProvided => told.ticket_rating(),
        Topic::EventCreated => told.data_event(),
        topic if topic.as_str().starts_with("content_stat.") => told.content_stat(),
        _ => fetch(&told),
    };
    plans.unwrap_or_else(|| vec![told.unknown()])
}

/// The messages and actions that the notification's own item shows of the conversation or ticket, for the last try when
/// a fetched view still lacks the part. Each of them is whole; the document is not, so there is none.
pub fn events_seen(notification: &Notification, workspace: &WorkspaceId, settings: &Settings) -> Vec<Event> {
    let Some((entity_type, object)) = subject::object(notification) else { return Vec::new() };
    let shown = transform_shown(workspace, entity_type, &object, settings, Shown::Notification);
    let Ok(view) = shown else { return Vec::new() };
    let opening = object.get("source").is_some_and(Value::is_object).then(|| view.document.entity.clone());
    let opening = opening.map(|entity| parts::source_id(&entity));
    let is_shown = |event: &Event| event.part_id.is_some() || Some(&event.source_id) == opening.as_ref();
    view.events.into_iter().filter(is_shown).collect()
}

fn erase(told: &Told<'_>, entity_type: EntityType) -> Option<Vec<Plan>> {
    let entity = told.entity(entity_type)?;
    Some(vec![Plan::Erase { entity, at: told.at, reason: told.topic().to_owned() }])
}

fn absent(told: &Told<'_>, entity_type: EntityType) -> Option<Vec<Plan>> {
    let entity = told.entity(entity_type)?;
    Some(vec![Plan::Absent { entity, at: told.at, reason: told.topic().to_owned() }])
}

/// The survivor is fetched too: it has what the other one had.
fn merged(told: &Told<'_>) -> Option<Vec<Plan>> {
    let survivor = told.entity(EntityType::Contact)?;
    let swallowed = told.merged_from().filter(|id| *id != survivor.id);
    Some(vec![
        told.merge(&survivor, swallowed.as_deref()),
        Plan::Merge { survivor: survivor.clone(), swallowed, at: told.at },
        Plan::Fetch { entity: survivor, part: None },
    ])
}

/// Whatever has a name by which to fetch it.
fn fetch(told: &Told<'_>) -> Option<Vec<Plan>> {
    let entity = told.entity(subject::entity_type(told.notification)?)?;
    Some(vec![Plan::Fetch { entity, part: told.part() }])
}

#[cfg(test)]
mod tests;
