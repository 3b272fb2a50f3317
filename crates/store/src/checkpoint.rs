//! Checkpoints: how far each resource of each workspace has been read, and who reads it now.
//!
//! A checkpoint is worked on under a lease with a fencing token: `acquire` raises `fence`, and every later write asks
//! for that very number, so that a run that was taken over cannot write any more.

mod table;
mod trail;

use intercom::{Timestamp, WorkspaceId};

pub use table::Checkpoints;
pub use trail::{Census, Tally, Trail};

/// What the sort key of a checkpoint begins with.
const PREFIX: &str = "CHECKPOINT#";

/// A unit of work that is no resource: checks an uninstall notice that could not be checked when it came, and purges 24
/// hours later where that is wanted. It stands beside the checkpoints because it is due, leased and resumed like them.
pub const UNINSTALL: &str = "uninstall";

/// Another one: asks whether a token that was refused is taken again.
pub const REAUTH: &str = "reauth";

/// Shards of the `due` index: enough for thousands of checkpoint writes a second, few enough to ask each one.
pub const SHARDS: u8 = 8;

/// What a checkpoint is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// There is more to read.
    Running,
    /// Caught up; due again at `next_run_at`.
    Idle,
    /// A person has to act; never due.
    Blocked,
}

impl Phase {
    const ALL: [Self; 3] = [Self::Running, Self::Idle, Self::Blocked];

    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Idle => "idle",
            Self::Blocked => "blocked",
        }
    }
}

/// What a walk is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Everything above the floor: the first walk, and the one after a change of what an object becomes.
    History,
    /// What an earlier, higher floor left out.
    Older,
    /// What changed since the last walk.
    Changes,
    /// Everything again, to find what is gone.
    Sweep,
}

impl Purpose {
    const ALL: [Self; 4] = [Self::History, Self::Older, Self::Changes, Self::Sweep];

    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::History => "history",
            Self::Older => "older",
            Self::Changes => "changes",
            Self::Sweep => "sweep",
        }
    }
}

/// How far a sweep is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reads what Intercom lists.
    List,
    /// Counts what memory holds, because Intercom counts fewer than it did. Of walks for what changed; others do not know it.
    Count,
    /// Asks after what memory holds and no list showed.
    Confirm,
    /// Removes what Intercom confirmed to be gone.
    Apply,
}

impl Stage {
    const ALL: [Self; 4] = [Self::List, Self::Count, Self::Confirm, Self::Apply];

    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Count => "count",
            Self::Confirm => "confirm",
            Self::Apply => "apply",
        }
    }
}

/// The stretch of `updated_at` that is being read, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowSpan {
    /// The oldest change; `None` is the beginning of time.
    pub from: Option<Timestamp>,
    /// The newest change.
    pub to: Timestamp,
}

/// How far one resource of one workspace has been read.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Whose.
    pub workspace: WorkspaceId,
    /// Of what: the resource's path in Intercom's API.
    pub resource: String,
    /// What it is waiting for.
    pub phase: Phase,
    /// A walk is under way: its bounds are set. Otherwise the next run begins one.
    pub begun: bool,
    /// Counts the walks from the beginning; within one, a checkpoint never goes backwards.
    pub generation: u64,
    /// Where this walk goes on; `None` at its beginning.
    pub cursor: Option<String>,
    /// What the walk under way (or the last one) is for.
    pub purpose: Purpose,
    /// How far it is, where it is a sweep.
    pub stage: Stage,
    /// This walk asks for what changed at or after this second; `None` for everything.
    pub since: Option<Timestamp>,
    /// … and up to this one: the time when it began, so that what changes meanwhile belongs to the next walk.
    pub until: Option<Timestamp>,
    /// The part of that which is being read, where it is read by time; `None` before the first page.
    pub window: Option<WindowSpan>,
    /// How long the next window may be, in seconds; `None` is as long as there is.
    pub span: Option<u64>,
    /// A page of this window came late.
    pub slow: bool,
    /// Everything that changed up to this second has been seen by a finished walk.
    pub high_water: Option<Timestamp>,
    /// How far back finished walks have gone: the floor of the oldest of them; `None` is the beginning of time.
    pub reaches_back_to: Option<Timestamp>,
    /// What objects became in the walk that finished last from the floor on (`memory::Settings::shape`); `None` before.
    pub shape: Option<String>,
    /// The same for the walk under way.
    pub shape_next: Option<String>,
    /// When the last sweep ended, or the history, epoch seconds.
    pub swept_at: Option<i64>,
    /// Things of memory that this sweep did not list.
    pub unseen: u64,
    /// Of those, the ones that Intercom confirmed to be gone.
    pub gone: u64,
    /// Memory holds more than Intercom counts: the next walk is a sweep, though none is due.
    pub vanished: bool,
    /// What this walk counts.
    pub census: Census,
    /// What earlier walks counted; `None` before the first.
    pub tally: Option<Tally>,
    /// Where this walk stumbles.
    pub trail: Trail,
    /// What a person should know though nothing failed; stays until a walk of the same purpose ends well.
    pub notice: Option<String>,
    /// Something was lost from this time on: the next walk begins there.
    pub dirty_since: Option<Timestamp>,
    /// Pages of this walk.
    pub pages: u64,
    /// Objects that this walk has seen.
    pub seen: u64,
    /// Objects that this walk has written or queued.
    pub written: u64,
    /// Objects that there are, where Intercom says so.
    pub estimate: Option<u64>,
    /// Requests used of those that a rate window allows, as the last page's answer told; for the status page.
    pub rate_used: Option<(u32, u32)>,
    /// How often in a row it failed.
    pub failures: u32,
    /// The last failure, in words.
    pub last_error: Option<String>,
    /// When it is due, epoch seconds.
    pub next_run_at: Option<i64>,
    /// The fencing token of whoever holds it.
    pub fence: u64,
}

impl Checkpoint {
    /// One that no run has touched yet.
    pub fn fresh(workspace: WorkspaceId, resource: impl Into<String>) -> Self {
        Self {
            workspace,
            resource: resource.into(),
            phase: Phase::Running,
            begun: false,
            generation: 1,
            cursor: None,
            purpose: Purpose::History,
            stage: Stage::List,
            since: None,
            until: None,
            window: None,
            span: None,
            slow: false,
            high_water: None,
            reaches_back_to: None,
            shape: None,
            shape_next: None,
            swept_at: None,
            unseen: 0,
            gone: 0,
            vanished: false,
            census: Census::default(),
            tally: None,
            trail: Trail::default(),
            notice: None,
            dirty_since: None,
            pages: 0,
            seen: 0,
            written: 0,
            estimate: None,
            rate_used: None,
            failures: 0,
            last_error: None,
            next_run_at: None,
            fence: 0,
        }
    }
}

/// One entry of the `due` index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Whose.
    pub workspace: WorkspaceId,
    /// Of what.
    pub resource: String,
    /// Since when, epoch seconds.
    pub next_run_at: i64,
}
