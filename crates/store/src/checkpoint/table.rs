//! Checkpoints in StateTable.

use aws_sdk_dynamodb::{
    Client,
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{AttributeValue, ReturnValue},
};
use intercom::{Timestamp, WorkspaceId};
use sha2::{Digest, Sha256};

use super::{Census, Checkpoint, Due, PREFIX, Phase, Purpose, SHARDS, Stage, Tally, Trail, WindowSpan};
use crate::{
    StoreError,
    error::if_held,
    installation::pk,
    item::{Item, Reader, count, n, s},
};

/// The longest that a checkpoint is put off, in seconds.
const LONGEST_PUT_OFF: i64 = 3_600;

/// The checkpoints in StateTable.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    client: Client,
    table: String,
}

impl Checkpoints {
    /// In this table.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Makes a checkpoint due now: a new one begins its first walk; one that is blocked or idle is woken; where a walk
    /// is under way it goes on at the next tick. Whoever holds the lease loses it: a run that saw the workspace stopped a
    /// moment ago could otherwise block the checkpoint after it was woken, for ever.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn make_due(&self, workspace: &WorkspaceId, resource: &str, now: i64) -> Result<(), StoreError> {
        self.update(workspace, resource)
            .update_expression(
                "SET #phase = :running, next_run_at = :now, due_shard = :shard, workspace_id = :workspace, \
                 #resource = :resource, generation = if_not_exists(generation, :one), failures = :zero \
                 REMOVE last_error, lease_owner, lease_expires_at ADD fence :one",
            )
            .expression_attribute_names("#phase", "phase")
            .expression_attribute_names("#resource", "resource")
            .expression_attribute_values(":running", s(Phase::Running.as_str()))
            .expression_attribute_values(":now", n(now))
            .expression_attribute_values(":shard", n(shard(workspace, resource)))
            .expression_attribute_values(":workspace", s(workspace.as_str()))
            .expression_attribute_values(":resource", s(resource))
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":zero", n(0))
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        Ok(())
    }

    /// Makes a checkpoint that is not made by an install, or wakes it where it is blocked; any other is left as it is.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn ensure(&self, workspace: &WorkspaceId, resource: &str, now: i64) -> Result<(), StoreError> {
        let outcome = self
            .update(workspace, resource)
            .update_expression(
                "SET #phase = :running, next_run_at = :now, due_shard = :shard, generation = if_not_exists(generation, :one)",
            )
            .condition_expression("attribute_not_exists(pk) OR #phase = :blocked")
            .expression_attribute_names("#phase", "phase")
            .expression_attribute_values(":running", s(Phase::Running.as_str()))
            .expression_attribute_values(":blocked", s(Phase::Blocked.as_str()))
            .expression_attribute_values(":now", n(now))
            .expression_attribute_values(":shard", n(shard(workspace, resource)))
            .expression_attribute_values(":one", n(1))
            .send()
            .await;
        if_held(outcome).map(drop)
    }

    /// What is due at `now` (epoch seconds), longest waiting first, at most `limit` of each shard.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn due(&self, now: i64, limit: i32) -> Result<Vec<Due>, StoreError> {
        let shards = (0..SHARDS).map(|shard| async move {
            self.client
                .query()
                .table_name(&self.table)
                .index_name("due")
                .key_condition_expression("due_shard = :shard AND next_run_at <= :now")
                .expression_attribute_values(":shard", n(shard))
                .expression_attribute_values(":now", n(now))
                .limit(limit)
                .send()
                .await
                .map_err(StoreError::unavailable)
        });
        let mut due = Vec::new();
        for answer in futures::future::try_join_all(shards).await? {
            due.extend(answer.items.unwrap_or_default().iter().filter_map(read_due));
        }
        due.sort_by(|a, b| (a.next_run_at, &a.workspace, &a.resource).cmp(&(b.next_run_at, &b.workspace, &b.resource)));
        Ok(due)
    }

    /// Takes the lease until `lease_until_ms` (milliseconds since 1970); `None` while somebody else holds it, or where
    /// the checkpoint is not due (any more: the index is read a moment before, and another run may have finished since).
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn acquire(
        &self,
        workspace: &WorkspaceId,
        resource: &str,
        owner: &str,
        now_ms: i64,
        lease_until_ms: i64,
    ) -> Result<Option<Checkpoint>, StoreError> {
        let outcome = self
            .update(workspace, resource)
            .update_expression("SET lease_owner = :owner, lease_expires_at = :until ADD fence :one")
            .condition_expression(
                "next_run_at <= :seconds AND (attribute_not_exists(lease_expires_at) OR lease_expires_at < :now)",
            )
            .expression_attribute_values(":owner", s(owner))
            .expression_attribute_values(":until", n(lease_until_ms))
            .expression_attribute_values(":now", n(now_ms))
            .expression_attribute_values(":seconds", n(now_ms.div_euclid(1000)))
            .expression_attribute_values(":one", n(1))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        let item = if_held(outcome)?.and_then(|answer| answer.attributes);
        item.map(|item| read(workspace, resource, &item)).transpose()
    }

    /// Writes where the walk stands, and keeps the lease until `lease_until_ms`. `dirty_since` is left alone: others
    /// write it meanwhile.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] where another run has taken over, or where this would go backwards.
    pub async fn save(&self, checkpoint: &Checkpoint, lease_until_ms: i64) -> Result<(), StoreError> {
        let request = self.saving(checkpoint, "lease_expires_at = :lease", &[]);
        self.send(checkpoint, request.expression_attribute_values(":lease", n(lease_until_ms))).await
    }

    /// Writes where the walk stands and gives the lease back.
    ///
    /// # Errors
    /// As [`Checkpoints::save`].
    pub async fn release(&self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        self.send(checkpoint, self.saving(checkpoint, "", &["lease_owner", "lease_expires_at"])).await
    }

    /// Begins a walk from `checkpoint.since`, which took `dirty_since` into account: that mark goes, unless a newer one
    /// came meanwhile. A walk of what is older leaves the mark to the next one.
    ///
    /// # Errors
    /// As [`Checkpoints::save`].
    pub async fn begin(&self, checkpoint: &Checkpoint, lease_until_ms: i64) -> Result<(), StoreError> {
        if checkpoint.purpose == Purpose::Older {
            return self.save(checkpoint, lease_until_ms).await;
        }
        let request = self
            .saving(checkpoint, "lease_expires_at = :lease", &["dirty_since"])
            .expression_attribute_values(":lease", n(lease_until_ms));
        let (unchanged, request) = match checkpoint.dirty_since {
            Some(dirty) => {
                ("dirty_since = :dirty", request.expression_attribute_values(":dirty", n(dirty.epoch_seconds())))
            }
            None => ("attribute_not_exists(dirty_since)", request),
        };
        self.send(checkpoint, request.condition_expression(format!("{FENCED} AND {unchanged}"))).await
    }

    /// Notes that something from `since` on was lost, so that the next walk begins there at the latest.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn mark_dirty(
        &self,
        workspace: &WorkspaceId,
        resource: &str,
        since: Timestamp,
    ) -> Result<(), StoreError> {
        let outcome = self
            .update(workspace, resource)
            .update_expression("SET dirty_since = :since")
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(dirty_since) OR dirty_since > :since)",
            )
            .expression_attribute_values(":since", n(since.epoch_seconds()))
            .send()
            .await;
        // An older mark covers this one; no checkpoint means that the first walk covers everything.
        if_held(outcome).map(drop)
    }

    /// Puts off a checkpoint that this bundle itself could not work on, whatever the reason: unread, so that one which cannot
    /// be read is put off, too. Each time in a row twice as long as the last, from 20 seconds up to an hour, so that those
    /// which are broken for good are not for ever the oldest that are due. Not where another run holds the lease.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn put_off(&self, due: &Due, owner: &str, now: i64, why: &str) -> Result<(), StoreError> {
        const OURS: &str = "next_run_at = :due AND (attribute_not_exists(lease_owner) OR lease_owner = :owner)";
        let ours = |request: UpdateItemFluentBuilder| {
            request
                .condition_expression(OURS)
                .expression_attribute_values(":due", n(due.next_run_at))
                .expression_attribute_values(":owner", s(owner))
        };
        let counted = ours(self.update(&due.workspace, &due.resource))
            .update_expression("SET last_error = :why ADD failures :one")
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":why", s(why))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await;
        let Some(item) = if_held(counted)?.and_then(|answer| answer.attributes) else { return Ok(()) };
        let failures: u32 = Reader::new(&item).number("failures").unwrap_or(1);
        let pause = (10_i64 << failures.min(10)).min(LONGEST_PUT_OFF);
        let moved = ours(self.update(&due.workspace, &due.resource))
            .update_expression(
                "SET next_run_at = :later, due_shard = :shard REMOVE lease_owner, lease_expires_at ADD fence :one",
            )
            .expression_attribute_values(":later", n(now.saturating_add(pause)))
            .expression_attribute_values(":shard", n(shard(&due.workspace, &due.resource)))
            .expression_attribute_values(":one", n(1))
            .send()
            .await;
        if_held(moved).map(drop)
    }

    /// All checkpoints of one workspace.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn all(&self, workspace: &WorkspaceId) -> Result<Vec<Checkpoint>, StoreError> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", s(pk(workspace)))
            .expression_attribute_values(":prefix", s(PREFIX))
            .consistent_read(true)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        let items = answer.items.unwrap_or_default();
        items
            .iter()
            .map(|item| {
                let sk = Reader::new(item).text("sk").and_then(|sk| sk.strip_prefix(PREFIX)).unwrap_or_default();
                read(workspace, sk, item)
            })
            .collect()
    }

    fn update(&self, workspace: &WorkspaceId, resource: &str) -> UpdateItemFluentBuilder {
        let key = format!("{PREFIX}{resource}");
        self.client.update_item().table_name(&self.table).key("pk", s(pk(workspace))).key("sk", s(key))
    }

    /// An update of everything a walk changes; what has no value is removed.
    fn saving(&self, c: &Checkpoint, also_set: &str, also_remove: &[&str]) -> UpdateItemFluentBuilder {
        let seconds = |t: Option<Timestamp>| t.map(|t| n(t.epoch_seconds()));
        let is_due = c.phase != Phase::Blocked;
        let optional: [(&str, Option<AttributeValue>); 22] = [
            ("cursor", c.cursor.as_ref().map(s)),
            ("since", seconds(c.since)),
            ("until", seconds(c.until)),
            ("window_from", seconds(c.window.and_then(|window| window.from))),
            ("window_to", seconds(c.window.map(|window| window.to))),
            ("span", c.span.map(count)),
            ("high_water", seconds(c.high_water)),
            ("reaches_back_to", seconds(c.reaches_back_to)),
            ("shape", c.shape.as_ref().map(s)),
            ("shape_next", c.shape_next.as_ref().map(s)),
            ("swept_at", c.swept_at.map(n)),
            ("vanished", c.vanished.then_some(AttributeValue::Bool(true))),
            ("census", c.census.write()),
            ("tally", c.tally.map(|tally| tally.write())),
            ("trail", c.trail.write()),
            ("notice", c.notice.as_ref().map(s)),
            ("estimate", c.estimate.map(count)),
            ("rate_used", c.rate_used.map(|(used, _)| n(used))),
            ("rate_limit", c.rate_used.map(|(_, limit)| n(limit))),
            ("last_error", c.last_error.as_ref().map(s)),
            ("next_run_at", c.next_run_at.filter(|_| is_due).map(n)),
            ("due_shard", c.next_run_at.filter(|_| is_due).map(|_| n(shard(&c.workspace, &c.resource)))),
        ];
        let mut set = vec![
            "#phase = :phase, generation = :generation, pages = :pages, seen = :seen, written = :written, \
                            failures = :failures, begun = :begun, purpose = :purpose, stage = :stage, slow = :slow, \
                            unseen = :unseen, gone = :gone"
                .to_owned(),
        ];
        let mut remove: Vec<String> = also_remove.iter().map(|name| (*name).to_owned()).collect();
        if !also_set.is_empty() {
            set.push(also_set.to_owned());
        }
        let mut request = self
            .update(&c.workspace, &c.resource)
            .expression_attribute_names("#phase", "phase")
            .expression_attribute_values(":phase", s(c.phase.as_str()))
            .expression_attribute_values(":generation", count(c.generation))
            .expression_attribute_values(":pages", count(c.pages))
            .expression_attribute_values(":seen", count(c.seen))
            .expression_attribute_values(":written", count(c.written))
            .expression_attribute_values(":failures", n(c.failures))
            .expression_attribute_values(":begun", AttributeValue::Bool(c.begun))
            .expression_attribute_values(":purpose", s(c.purpose.as_str()))
            .expression_attribute_values(":stage", s(c.stage.as_str()))
            .expression_attribute_values(":slow", AttributeValue::Bool(c.slow))
            .expression_attribute_values(":unseen", count(c.unseen))
            .expression_attribute_values(":gone", count(c.gone))
            .expression_attribute_values(":fence", count(c.fence))
            .condition_expression(FENCED);
        for (name, value) in optional {
            request = request.expression_attribute_names(format!("#{name}"), name);
            match value {
                Some(value) => {
                    set.push(format!("#{name} = :{name}"));
                    request = request.expression_attribute_values(format!(":{name}"), value);
                }
                None => remove.push(format!("#{name}")),
            }
        }
        let mut expression = format!("SET {}", set.join(", "));
        if !remove.is_empty() {
            expression.push_str(&format!(" REMOVE {}", remove.join(", ")));
        }
        request.update_expression(expression)
    }

    async fn send(&self, checkpoint: &Checkpoint, request: UpdateItemFluentBuilder) -> Result<(), StoreError> {
        match if_held(request.send().await)? {
            Some(_) => Ok(()),
            None => Err(StoreError::LeaseLost {
                workspace: checkpoint.workspace.to_string(),
                resource: checkpoint.resource.clone(),
            }),
        }
    }
}

/// Only the holder writes, and never backwards within a generation.
const FENCED: &str = "fence = :fence AND (attribute_not_exists(pages) OR generation < :generation OR \
                      (generation = :generation AND pages <= :pages))";

fn shard(workspace: &WorkspaceId, resource: &str) -> u8 {
    let digest = Sha256::digest(format!("{workspace}#{resource}"));
    digest.first().map_or(0, |byte| byte % SHARDS)
}

fn read_due(item: &Item) -> Option<Due> {
    let read = Reader::new(item);
    Some(Due {
        workspace: read.text("pk")?.strip_prefix("WORKSPACE#")?.parse().ok()?,
        resource: read.text("sk")?.strip_prefix(PREFIX)?.to_owned(),
        next_run_at: read.number("next_run_at")?,
    })
}

/// One of a few words.
fn word<T: Copy>(read: &Reader<'_>, name: &str, all: &[T], as_str: fn(T) -> &'static str) -> Option<T> {
    let text = read.text(name)?;
    all.iter().copied().find(|value| as_str(*value) == text)
}

fn read(workspace: &WorkspaceId, resource: &str, item: &Item) -> Result<Checkpoint, StoreError> {
    let read = Reader::new(item);
    let time = |name: &str| read.number(name).and_then(Timestamp::from_epoch_seconds);
    let phase = word(&read, "phase", &Phase::ALL, Phase::as_str).ok_or_else(|| read.malformed("phase"))?;
    Ok(Checkpoint {
        workspace: workspace.clone(),
        resource: resource.to_owned(),
        phase,
        begun: read.flag("begun"),
        generation: read.number("generation").unwrap_or(1),
        cursor: read.text("cursor").map(str::to_owned),
        purpose: word(&read, "purpose", &Purpose::ALL, Purpose::as_str).unwrap_or(Purpose::History),
        stage: word(&read, "stage", &Stage::ALL, Stage::as_str).unwrap_or(Stage::List),
        since: time("since"),
        until: time("until"),
        window: time("window_to").map(|to| WindowSpan { from: time("window_from"), to }),
        span: read.number("span"),
        slow: read.flag("slow"),
        high_water: time("high_water"),
        reaches_back_to: time("reaches_back_to"),
        shape: read.text("shape").map(str::to_owned),
        shape_next: read.text("shape_next").map(str::to_owned),
        swept_at: read.number("swept_at"),
        unseen: read.number("unseen").unwrap_or_default(),
        gone: read.number("gone").unwrap_or_default(),
        vanished: read.flag("vanished"),
        census: Census::read(item.get("census")),
        tally: Tally::read(item.get("tally")),
        trail: Trail::read(item.get("trail")),
        notice: read.text("notice").map(str::to_owned),
        dirty_since: time("dirty_since"),
        pages: read.number("pages").unwrap_or_default(),
        seen: read.number("seen").unwrap_or_default(),
        written: read.number("written").unwrap_or_default(),
        estimate: read.number("estimate"),
        rate_used: read.number("rate_used").zip(read.number("rate_limit")),
        failures: read.number("failures").unwrap_or_default(),
        last_error: read.text("last_error").map(str::to_owned),
        next_run_at: read.number("next_run_at"),
        fence: read.number("fence").unwrap_or_default(),
    })
}
