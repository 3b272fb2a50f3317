//! A batch: from records to what each of them asks for, and one fetch for all that are about one thing.

use std::collections::{BTreeMap, BTreeSet};

use access::Opening;
use aws_lambda_events::event::sqs::SqsMessage;
use futures::{StreamExt, future::join_all, stream};
use intercom::{
    Timestamp, WorkspaceId,
    client::{Client, Resource},
    notification,
    rate::Priority,
};
use memory::{EntityRef, EntityType, Event, Observation, PartSeen, Plan, plan, plan::events_seen};
use platform::{cipher::TokenCipher, credentials::CredentialsSource};
use store::{
    installation::Status,
    memory_table::TombstoneKind,
    message::{Message, Walk},
    queue::Queue,
};

use crate::{
    Enrich,
    error::EnrichError,
    gone::{Deletion, twin_of},
    lost_since,
    outcome::{Deferral, Outcome},
    resource_of,
};

/// Things of one workspace that are fetched at once.
const CONCURRENCY: usize = 8;

/// How long before Lambda's deadline nothing new is begun: the longest single call, and time to settle (milliseconds).
pub(crate) const MARGIN_MS: i64 = 25_000;

/// How often a message of a workspace that nobody knows is put off: an install may be under way.
const UNKNOWN_WORKSPACE_TRIES: u32 = 3;

/// How long each time: ten minutes together (milliseconds).
const UNKNOWN_WORKSPACE_WAIT_MS: i64 = 200_000;

/// One record.
pub(crate) struct Record {
    pub(crate) message_id: String,
    pub(crate) receipt_handle: Option<String>,
    /// From the backfill queue.
    pub(crate) is_backfill: bool,
    /// It was received before, by a run that failed or was killed.
    pub(crate) is_again: bool,
    /// The text of an unreadable one is not repeated: the queue has it.
    pub(crate) message: Result<Message, String>,
}

impl Record {
    /// `backfill_queue` is the name of that queue. Without an ARN the kind decides: refetches are sent there only.
    pub(crate) fn read(record: SqsMessage, backfill_queue: &str) -> Self {
        let receives: Option<u32> = record.attributes.get("ApproximateReceiveCount").and_then(|n| n.parse().ok());
        let text = record.body.unwrap_or_default();
        let message = Message::read(&text).map_err(|error| error.to_string());
        let is_backfill = match record.event_source_arn.as_deref() {
            Some(arn) => arn.rsplit(':').next() == Some(backfill_queue),
            None => matches!(message, Ok(Message::Refetch(_))),
        };
        Self {
            message_id: record.message_id.unwrap_or_default(),
            receipt_handle: record.receipt_handle,
            is_backfill,
            is_again: receives.is_some_and(|count| count > 1),
            message,
        }
    }
}

/// Why a thing is to be fetched: one entry for each message that asks.
pub(crate) struct Want {
    pub(crate) record: usize,
    /// The part that the notification told of.
    pub(crate) part: Option<PartSeen>,
    /// The `updated_at` that a page showed, epoch seconds.
    pub(crate) updated_at: Option<i64>,
    pub(crate) deferrals: u32,
    /// From when on something is missing if it is not fetched.
    pub(crate) since: Option<Timestamp>,
    /// See [`Record::is_again`].
    pub(crate) is_again: bool,
    /// The part as the notification shows it, for the last try.
    pub(crate) shown: Vec<Event>,
}

impl Want {
    /// The same for the other half of a customer's ticket, whose part need not have the same id.
    fn of_twin(&self) -> Self {
        let (record, deferrals, since, is_again) = (self.record, self.deferrals, self.since, self.is_again);
        Self { record, part: None, updated_at: None, deferrals, since, is_again, shown: Vec::new() }
    }
}

/// Everything that a batch asks for in one workspace.
#[derive(Default)]
struct Asked {
    fetches: BTreeMap<EntityRef, Vec<Want>>,
    /// Erasures, absences and observations, in the order of their records.
    steps: Vec<(usize, Plan)>,
    records: BTreeSet<usize>,
}

impl<Q: Queue, C: TokenCipher, S: CredentialsSource> Enrich<Q, C, S> {
    /// What became of each record, in their order.
    pub(crate) async fn work(&self, records: &[Record], deadline_ms: i64) -> Vec<Outcome> {
        // Dropped is the lightest outcome: whatever a record asks for outweighs it.
        let mut outcomes = vec![Outcome::Dropped("nothing to do"); records.len()];
        let mut by_workspace: BTreeMap<WorkspaceId, Asked> = BTreeMap::new();
        for (index, record) in records.iter().enumerate() {
            if let Err(outcome) = self.read(index, record, &mut by_workspace) {
                settle(&mut outcomes, index, outcome);
            }
        }
        let walk = |record: &Record| match &record.message {
            Ok(Message::Walk(walk)) => Some(walk.clone()),
            _ => None,
        };
        let walks: Vec<(usize, Walk)> =
            records.iter().enumerate().filter_map(|(index, record)| Some((index, walk(record)?))).collect();
        // Side by side: an Intercom that is slow to fail for one workspace makes no other one wait.
        let works = by_workspace
            .into_iter()
            .map(|(workspace, asked)| async move { self.work_for(&workspace, asked, records, deadline_ms).await });
        for (index, outcome) in join_all(works).await.into_iter().flatten() {
            settle(&mut outcomes, index, outcome);
        }
        for (index, walk) in walks {
            settle(&mut outcomes, index, self.walk(&walk, deadline_ms).await);
        }
        outcomes
    }

    /// Adds what one record asks for.
    fn read(
        &self,
        index: usize,
        record: &Record,
        by_workspace: &mut BTreeMap<WorkspaceId, Asked>,
    ) -> Result<(), Outcome> {
        let message = record.message.as_ref().map_err(|error| Outcome::Failed(error.clone()))?;
        let workspace = message.workspace().ok_or_else(|| Deferral::because("whose it is cannot be asked"))?;
        if matches!(message, Message::Walk(_)) {
            return Ok(());
        }
        let asked = by_workspace.entry(workspace.clone()).or_default();
        asked.records.insert(index);
        match message {
            Message::Walk(_) => {}
            Message::Refetch(refetch) => {
                let entity_type = refetch.entity.parse();
                let entity_type =
                    entity_type.map_err(|_| Outcome::Failed("a refetch of an unknown kind".to_owned()))?;
                let entity = EntityRef::new(workspace, entity_type, &refetch.id);
                asked.fetches.entry(entity).or_default().push(Want {
                    record: index,
                    part: None,
                    updated_at: Some(refetch.seen_updated_at),
                    deferrals: refetch.deferrals,
                    since: lost_since(message),
                    is_again: record.is_again,
                    shown: Vec::new(),
                });
            }
            Message::Notification(queued) => {
                let read = notification::Notification::parse(queued.notification.get());
                let notification = read.map_err(|error| Outcome::Failed(error.to_string()))?;
                let received = queued.received_at_ms.div_euclid(1000);
                let received_at = Timestamp::from_epoch_seconds(received)
                    .ok_or_else(|| Outcome::Failed("the message has no time".to_owned()))?;
                for step in plan(&notification, workspace, received_at, &self.settings) {
                    match step {
                        Plan::Fetch { entity, part } => asked.fetches.entry(entity).or_default().push(Want {
                            record: index,
                            shown: if part.is_some() {
                                events_seen(&notification, workspace, &self.settings)
                            } else {
                                Vec::new()
                            },
                            part,
                            updated_at: None,
                            deferrals: queued.deferrals,
                            since: lost_since(message),
                            is_again: record.is_again,
                        }),
                        step => asked.steps.push((index, step)),
                    }
                }
            }
        }
        Ok(())
    }

    async fn work_for(
        &self,
        workspace: &WorkspaceId,
        asked: Asked,
        records: &[Record],
        deadline_ms: i64,
    ) -> Vec<(usize, Outcome)> {
        // A batch comes from one queue: history leaves room for what just happened.
        let is_history = asked.records.iter().all(|index| records.get(*index).is_some_and(|r| r.is_backfill));
        let priority = if is_history { Priority::Backfill } else { Priority::Live };
        let opening = match self.access.open(workspace, priority, deadline_ms.saturating_sub(MARGIN_MS)).await {
            Ok(opening) => opening,
            Err(error) => {
                tracing::warn!(%workspace, %error, "the workspace could not be opened");
                let outcome = Outcome::from(EnrichError::from(error));
                return all(asked.records, |_| outcome.clone());
            }
        };
        let client = match opening {
            Opening::Open(client) => Some(client),
            Opening::Stopped(Status::NeedsReauth | Status::UninstallPending) => None,
            Opening::Stopped(_) => return all(asked.records, |_| Outcome::Dropped("workspace uninstalled")),
            Opening::Unknown => {
                return all(asked.records, |index| {
                    let tried = records.get(index).and_then(|r| r.message.as_ref().ok()).map_or(0, Message::deferrals);
                    if tried < UNKNOWN_WORKSPACE_TRIES {
                        let not_before_ms = Some(self.clock.now_ms().saturating_add(UNKNOWN_WORKSPACE_WAIT_MS));
                        Outcome::Deferred(Deferral { cause: "unknown workspace", not_before_ms })
                    } else {
                        Outcome::Dropped("unknown workspace")
                    }
                });
            }
        };
        self.note_events(workspace, &asked.records, records).await;
        let mut done = Vec::new();
        for (index, step) in asked.steps {
            let is_late = self.clock.now_ms() > deadline_ms.saturating_sub(MARGIN_MS);
            let message = records.get(index).and_then(|record| record.message.as_ref().ok());
            done.push((index, if is_late { out_of_time() } else { self.step(client.as_ref(), step, message).await }));
        }
        match client {
            Some(client) => done.extend(self.fetch_all(&client, asked.fetches, deadline_ms).await),
            None => done.extend(self.leave_to_reconciliation(workspace, asked.fetches).await),
        }
        done
    }

    /// The status page says when the last live event came.
    async fn note_events(&self, workspace: &WorkspaceId, indexes: &BTreeSet<usize>, records: &[Record]) {
        let messages = indexes.iter().filter_map(|index| records.get(*index)?.message.as_ref().ok());
        let notifications = messages.filter(|message| matches!(message, Message::Notification(_)));
        if let Some(newest) = notifications.map(Message::received_at_ms).max() {
            self.access.note_event(workspace, newest.div_euclid(1000)).await;
        }
    }

    /// What needs no fetch of its own.
    async fn step(&self, client: Option<&Client>, step: Plan, message: Option<&Message>) -> Outcome {
        let result = match step {
            Plan::Erase { entity, at, reason } => {
                let deferrals = message.map_or(0, Message::deferrals);
                let put_off_since_ms = message.map_or(0, Message::put_off_since_ms);
                self.erase(client, &Deletion { entity, at, reason, deferrals, put_off_since_ms }).await
            }
            Plan::Absent { entity, at, reason } => self.bury(&entity, TombstoneKind::Absent, at, &reason).await,
            Plan::Merge { survivor, swallowed: Some(swallowed), at } => {
                let swallowed = EntityRef::new(&survivor.workspace, EntityType::Contact, swallowed);
                self.merge(&swallowed, &survivor.id, at).await.map(|()| Outcome::Done)
            }
            Plan::Merge { survivor, swallowed: None, at } => match client {
                Some(client) => self.merge_by_history(client, &survivor, at).await,
                // Nobody else can tell later that somebody was swallowed, and the survivor's own walk does not.
                None => return Deferral::because("workspace not connected"),
            },
            Plan::Observe(observation) => self.observe(&observation).await,
            Plan::Ignore { reason } => return Outcome::Dropped(reason),
            Plan::Fetch { .. } => return Outcome::Failed("a fetch among the steps".to_owned()),
        };
        result.unwrap_or_else(Outcome::from)
    }

    async fn observe(&self, observation: &Observation) -> Result<Outcome, EnrichError> {
        let now = self.clock.now_seconds();
        let seen = self.memory.observe(observation, &self.settings.shape(), now).await?;
        Ok(if seen { Outcome::Done } else { Outcome::Dropped("about something erased") })
    }

    async fn fetch_all(
        &self,
        client: &Client,
        fetches: BTreeMap<EntityRef, Vec<Want>>,
        deadline_ms: i64,
    ) -> Vec<(usize, Outcome)> {
        let fetched = stream::iter(fetches).map(|(entity, wants)| async move {
            if self.clock.now_ms() > deadline_ms.saturating_sub(MARGIN_MS) {
                return wants.iter().map(|want| (want.record, out_of_time())).collect::<Vec<_>>();
            }
            let twins = self.refresh_twin(client, &entity, &wants).await;
            let mut outcomes = self.refresh(client, &entity, wants).await;
            outcomes.extend(twins);
            outcomes
        });
        fetched.buffer_unordered(CONCURRENCY).collect::<Vec<_>>().await.concat()
    }

    /// A message that is redacted in a conversation is redacted in the ticket under the same id too, and the other way round.
    async fn refresh_twin(&self, client: &Client, entity: &EntityRef, wants: &[Want]) -> Vec<(usize, Outcome)> {
        let redacting = wants.iter().filter(|want| want.part.as_ref().is_some_and(|part| part.redacted));
        let twins: Vec<Want> = redacting.map(Want::of_twin).collect();
        let Some(twin) = twin_of(entity).filter(|_| !twins.is_empty()) else { return Vec::new() };
        match self.memory.head(&twin).await {
            Ok(Some(head)) if head.tombstone.is_none() => self.refresh(client, &twin, twins).await,
            Ok(_) => Vec::new(),
            Err(error) => {
                let outcome = Outcome::from(EnrichError::from(error));
                twins.iter().map(|want| (want.record, outcome.clone())).collect()
            }
        }
    }

    /// The token is refused, or an uninstall is being checked: nobody may call, and messages must not circle for days.
    /// The next walk goes back to their time.
    async fn leave_to_reconciliation(
        &self,
        workspace: &WorkspaceId,
        fetches: BTreeMap<EntityRef, Vec<Want>>,
    ) -> Vec<(usize, Outcome)> {
        let mut told: Option<Timestamp> = None;
        let mut listed: BTreeMap<Resource, Timestamp> = BTreeMap::new();
        let mut waiting = BTreeSet::new();
        for (entity, wants) in fetches {
            for want in wants {
                waiting.insert(want.record);
                let Some(since) = want.since else { continue };
                let is_refetch = want.updated_at.is_some();
                match resource_of(entity.entity_type).filter(|_| is_refetch) {
                    // It may have changed years ago, but only in its own list.
                    Some(resource) => {
                        let oldest = listed.entry(resource).or_insert(since);
                        *oldest = since.min(*oldest);
                    }
                    None => told = Some(told.map_or(since, |oldest| oldest.min(since))),
                }
            }
        }
        let mut marked = self.mark_dirty(workspace, &Resource::ALL, told).await;
        for (resource, since) in listed {
            if marked.is_ok() {
                marked = self.mark_dirty(workspace, &[resource], Some(since)).await;
            }
        }
        let outcome = match marked {
            Ok(()) => Outcome::Dropped("workspace not connected"),
            Err(error) => error.into(),
        };
        all(waiting, |_| outcome.clone())
    }
}

fn out_of_time() -> Outcome {
    Deferral::because("out of time")
}

fn all(records: BTreeSet<usize>, outcome: impl Fn(usize) -> Outcome) -> Vec<(usize, Outcome)> {
    records.into_iter().map(|index| (index, outcome(index))).collect()
}

fn settle(outcomes: &mut [Outcome], index: usize, outcome: Outcome) {
    if let Some(so_far) = outcomes.get_mut(index) {
        *so_far = std::mem::replace(so_far, Outcome::Done).and(outcome);
    }
}
