//! Many bad days: after the faults end and one reconciliation has run, memory holds what Intercom holds.
//!
//! A schedule is made from a seed: things happen in the workspace, and their webhooks arrive, twice, late, or never;
//! Intercom answers 429, 5xx, too late, nothing, or half of something; DynamoDB throttles, fails, or does what it was asked
//! without saying so; queues deliver twice and refuse; runs are killed anywhere, and what was received too often lies with
//! the dead letters. What memory ends in is compared with what a new installation makes of the same workspace.

use std::{collections::BTreeSet, sync::Mutex, time::Duration};

use emulator::{Action, Failure, FailureKind, Mutate};
use serde_json::Value;
use tests::{Chance, MemoryQueue, Options, Stack, kill_at};
use tokio::runtime::{Builder, Runtime};

use crate::memory::{Items, assert_same};

/// Schedules (`FAULT_SCHEDULES` tries more of them, `FAULT_FIRST` others).
const SCHEDULES: u64 = 1_000;

/// Contacts are not deleted or merged here: what they wrote is erased where the webhook comes, and its links move, while
/// Intercom goes on serving the old words and ids to a new installation. `order.rs` and `erasure.rs` are about that.
const ACTIONS: &[Action] = &[
    Action::ConversationCreated,
    Action::UserReplied,
    Action::UserReplied,
    Action::AdminReplied,
    Action::OperatorReplied,
    Action::AdminNoted,
    Action::AdminAssigned,
    Action::AdminClosed,
    Action::AdminOpened,
    Action::AdminSnoozed,
    Action::PriorityChanged,
    Action::ConversationTagged,
    Action::PartRedacted,
    Action::ConversationDeleted,
    Action::ContactCreated,
    Action::ContactUpdated,
    Action::ContactArchived,
    Action::ContactUnarchived,
    Action::CompanyCreated,
    Action::CompanyUpdated,
    Action::CompanyDeleted,
    Action::ArticlePublished,
    Action::ArticleUpdated,
    Action::ArticleUnpublished,
    Action::ArticleDeleted,
    Action::TicketCreated,
    Action::TicketReplied,
];

const ROUTES: &[&str] = &[
    "*",
    "*",
    "GET /conversations/{id}",
    "POST /conversations/search",
    "POST /tickets/search",
    "POST /contacts/search",
    "GET /contacts",
    "GET /contacts/{id}",
    "GET /companies/scroll",
    "GET /articles",
    "GET /conversations/deleted",
];

fn small(seed: u64) -> Options {
    let seed = emulator::Seed {
        seed,
        conversations: 4,
        contacts: 3,
        companies: 2,
        articles: 2,
        tickets: 2,
        ..Options::default().seed
    };
    // With their names as old as they may be: whoever changed without a word is found by reconciliation, not by chance.
    Options { seed, cache_minutes: 0, ..Options::default() }
}

/// A bad day of a workspace.
struct Day {
    stack: Stack,
    chance: Chance,
    /// Notifications that are under way.
    late: Vec<Value>,
    log: Vec<String>,
}

impl Day {
    fn note(&mut self, what: impl Into<String>) {
        self.log.push(what.into());
    }

    async fn something_happens(&mut self) {
        let action = *self.chance.pick(ACTIONS);
        // Not everything can happen at any time: nobody can be merged where there is nobody.
        let Ok(happened) = self.stack.intercom.state().mutate(&Mutate::new(action)).await else { return };
        self.note(format!("{action:?} {:?}", happened.ids));
        for notification in &happened.notifications {
            match self.chance.below(4) {
                0 => self.note("  never told"),
                1 => self.late.push(notification.clone()),
                times => {
                    for _ in 1..times {
                        self.stack.notify(notification).await;
                    }
                }
            }
        }
        self.stack.clock.advance(Duration::from_secs(self.chance.below(3) as u64));
    }

    fn intercom_fails(&mut self) {
        let route = (*self.chance.pick(ROUTES)).to_owned();
        let kind = match self.chance.below(13) {
            0 => FailureKind::RateLimited,
            1 => FailureKind::Status { status: 500 },
            2 => FailureKind::Status { status: 503 },
            3 => FailureKind::Status { status: 504 },
            4 => FailureKind::Status { status: 408 },
            5 => FailureKind::Empty,
            6 => FailureKind::NonJson,
            7 => FailureKind::Truncated,
            8 => FailureKind::Disconnect,
            // Later than anybody waits.
            9 => FailureKind::Delay { ms: 40_000 },
            // What is "not found" is absent until a later look finds it.
            12 => FailureKind::Status { status: 404 },
            10 => FailureKind::Refuse { status: 400, code: "scroll_exists".to_owned() },
            _ => FailureKind::Refuse { status: 409, code: "conflict".to_owned() },
        };
        let (route, kind) = match kind {
            FailureKind::Refuse { .. } => ("GET /companies/scroll".to_owned(), kind),
            FailureKind::Status { status: 404 } => {
                let single = ["GET /conversations/{id}", "GET /contacts/{id}", "GET /companies/{id}"];
                ((*self.chance.pick(&single)).to_owned(), kind)
            }
            kind => (route, kind),
        };
        let (times, skip) = (1 + self.chance.below(6) as u32, self.chance.below(4) as u32);
        self.note(format!("Intercom: {route} {kind:?} {times} times after {skip}"));
        self.stack.intercom.state().fail(vec![Failure { route, kind, times, skip }]).unwrap();
    }

    async fn round(&mut self) {
        for _ in 0..self.chance.below(3) {
            self.something_happens().await;
        }
        if self.chance.one_in(2) {
            self.intercom_fails();
        }
        let trouble = *self.chance.pick(&[0, 0, 60, 12, 4]);
        let seed = self.chance.number();
        self.stack.tables.wire.set_trouble(trouble, seed);
        let refuses = self.chance.one_in(8);
        self.stack.backfill_queue.set_broken(refuses);
        if self.chance.one_in(4) && !self.late.is_empty() {
            let notification = self.late.remove(self.chance.below(self.late.len()));
            self.stack.notify(&notification).await;
        }
        for queue in [&self.stack.live, &self.stack.backfill_queue] {
            if self.chance.one_in(4) {
                deliver_twice(queue, &mut self.chance);
            }
        }
        self.log.push(format!("DynamoDB: one in {trouble}; queue refuses: {refuses}"));
        // A run of a few hundred steps; many are killed, some in the middle of the first page.
        let steps = if self.chance.one_in(2) { usize::MAX } else { self.chance.below(120) };
        let batches = if self.chance.one_in(2) { usize::MAX } else { self.chance.below(60) };
        self.log.push(format!("killed at {steps} and {batches}"));
        let stack = &self.stack;
        tokio::join!(
            kill_at(stack.try_tick(), steps),
            kill_at(stack.enrich_batch(&stack.live), batches),
            kill_at(stack.enrich_batch(&stack.backfill_queue), batches),
        );
        self.stack.clock.advance(Duration::from_secs([1, 20, 70, 130, 400, 1_000][self.chance.below(6)]));
    }

    async fn ends(&mut self) {
        self.stack.intercom.state().clear_failures();
        self.stack.tables.wire.set_trouble(0, 0);
        self.stack.backfill_queue.set_broken(false);
        // Whatever was held by those who were killed comes free, and what was put off comes back.
        self.settles(&[0, 1_000, 1_000]).await;
        // One reconciliation, and one sweep for what nobody lists when it is gone.
        self.settles(&[8 * 86_400, 1_000]).await;
    }

    async fn settles(&self, after_seconds: &[u64]) {
        for seconds in after_seconds {
            self.stack.clock.advance(Duration::from_secs(*seconds));
            self.stack.settle().await;
        }
    }
}

/// SQS may deliver a message more than once.
fn deliver_twice(queue: &MemoryQueue, chance: &mut Chance) {
    let bodies = queue.bodies();
    if !bodies.is_empty() {
        queue.put_again(chance.pick(&bodies).clone());
    }
}

/// What is compared: everything but what only somebody who was there at the time can know, and tombstones of what a new
/// installation has never heard of.
fn comparable(items: Items) -> Items {
    let gone: BTreeSet<String> =
        items.iter().filter(|(_, item)| item.get("tombstone").is_some()).map(|((pk, _), _)| pk.clone()).collect();
    let passing = |sk: &str, item: &Value| {
        sk.starts_with("event#")
            && (sk.ends_with(".updated") || item.pointer("/attributes/seen_by").is_some() || sk.contains(":@"))
    };
    let mut items = items;
    items.retain(|(pk, sk), item| !gone.contains(pk) && !passing(sk, item) && !sk.ends_with("#called"));
    for item in items.values_mut() {
        for digest in ["events_digest", "relations_digest", "content_digest", "profile_digest"] {
            item.as_object_mut().unwrap().remove(digest);
        }
    }
    items
}

/// Gives every request that went to DynamoDB, where they are asked for.
async fn bad_day(seed: u64, keep_trail: bool) -> Vec<String> {
    // The SDK takes the time between its attempts from here.
    fastrand::seed(seed);
    let stack = Stack::start(small(seed % 16)).await;
    if keep_trail {
        stack.tables.wire.keep_trail();
    }
    stack.install().await;
    let mut day = Day { stack, chance: Chance::of(seed), late: Vec::new(), log: Vec::new() };
    if day.chance.one_in(2) {
        day.stack.settle().await;
    }
    for _ in 0..3 + day.chance.below(6) {
        day.round().await;
    }
    day.ends().await;
    let stack = &day.stack;
    let memory = comparable(stack.tables.memory().await);

    stack.tables.clear().await;
    stack.install().await;
    day.settles(&[0, 1_000]).await;
    let truth = comparable(stack.tables.memory().await);
    if memory != truth {
        println!("FAULT_FIRST={seed} FAULT_SCHEDULES=1: {:#?}", day.log);
        assert_same(&truth, &memory);
    }
    let home = stack.intercom.base_url();
    stack.tables.wire.trail().iter().map(|request| request.replace(home, "http://intercom")).collect()
}

/// No socket and no clock but the test's own: what a seed stands for is the same on every machine.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

#[test]
fn a_schedule_of_faults_is_the_same_each_time() {
    let days: [Vec<String>; 2] = [(), ()].map(|()| runtime().block_on(bad_day(7, true)));
    assert!(days[0].len() > 500);
    assert_eq!(days[0], days[1]);
}

/// Schedules that do not end so yet; each is a fault of ours to be mended, and has to leave this list when it is.
///
/// - 132, 318, 614: a link of an article that was unpublished stays.
/// - 562: a link of a conversation to an assignee stays, which a new installation does not have.
/// - 794: a contact's link to its company is missing.
const UNMENDED: [u64; 5] = [132, 318, 562, 614, 794];

#[test]
fn after_any_faults_one_reconciliation_ends_in_what_intercom_holds() {
    let schedules = std::env::var("FAULT_SCHEDULES").map_or(SCHEDULES, |n| n.parse().unwrap());
    let first = std::env::var("FAULT_FIRST").map_or(1, |n| n.parse().unwrap());
    let failed = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for lane in 0..4 {
            let failed = &failed;
            scope.spawn(move || {
                for seed in (first..first + schedules).filter(|seed| seed % 4 == lane) {
                    let day = || runtime().block_on(bad_day(seed, false));
                    if std::panic::catch_unwind(day).is_err() {
                        failed.lock().unwrap().insert(seed);
                    }
                }
            });
        }
    });
    println!("{schedules} schedules from {first} on");
    // Neither another one, nor one less: what is mended is held from then on.
    let unmended = UNMENDED.into_iter().filter(|seed| (first..first + schedules).contains(seed)).collect();
    assert_eq!(*failed.lock().unwrap(), unmended, "FAULT_FIRST=… FAULT_SCHEDULES=1 shows one of them");
}
