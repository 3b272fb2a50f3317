//! Invariant 4 by many small histories: whatever the order, repetition and loss of what tells of them, and however the
//! steps of those who work on it fall between one another, memory ends in the same.
//!
//! Intercom is a model here, and who works is a model of enrich (claim, fetch, write, walks); the table is the real one.
//! The real enrich goes through the same with fewer histories in `memory.rs` and `erasure.rs`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use intercom::{Timestamp, WorkspaceId};
use memory::{EntityRef, EntityType, Settings, transform};
use serde_json::{Value, json};
use store::memory_table::{Claim, Head, MemoryTable, NOT_FOUND, Retention, TombstoneKind, Written};
use tests::{Chance, Tables, Wire};

use crate::memory::Items;

/// Histories (`ORDER_HISTORIES` tries more of them, `ORDER_FIRST` others), and the number of ways in which each is
/// delivered.
const HISTORIES: u64 = 250;
const ORDERS: u64 = 8;

/// What somebody was told.
#[derive(Clone, Debug)]
enum Told {
    /// The thing has changed; the part, by id and version, that it must have.
    Changed(EntityRef, Option<(String, i64)>),
    Erased(EntityRef, i64),
    Archived(EntityRef, i64),
    Merged {
        swallowed: EntityRef,
        survivor: String,
        at: i64,
    },
}

/// Intercom, with everything that it has ever shown of each thing.
#[derive(Clone, Default)]
struct Intercom {
    shown: BTreeMap<EntityRef, Vec<Option<Value>>>,
    now: i64,
    parts: usize,
}

fn workspace() -> WorkspaceId {
    "acmews01".parse().unwrap()
}

fn entity(kind: EntityType, id: &str) -> EntityRef {
    EntityRef::new(&workspace(), kind, id)
}

impl Intercom {
    fn new() -> Self {
        let mut intercom = Self { now: 1_000, ..Self::default() };
        intercom.show(
            EntityType::Company,
            "co1",
            json!({"id": "co1", "name": "Acme", "created_at": 900, "updated_at": 900}),
        );
        intercom.show(
            EntityType::Company,
            "co2",
            json!({"id": "co2", "name": "Zenith", "created_at": 900, "updated_at": 900}),
        );
        for (id, name) in [("c1", "Dana"), ("c2", "Sam")] {
            let companies = json!({"data": [{"id": "co1"}]});
            let contact = json!({"id": id, "name": name, "companies": companies, "created_at": 900, "updated_at": 900});
            intercom.show(EntityType::Contact, id, contact);
        }
        for (id, contact) in [("7", "c1"), ("8", "c2")] {
            let conversation = json!({
                "id": id, "title": format!("Title of {contact}"), "created_at": 950, "updated_at": 950, "state": "open",
                "source": {"id": format!("s{id}"), "body": format!("<p>Opening of {contact}</p>"), "author": {"type": "user", "id": contact, "name": contact}},
                "contacts": {"contacts": [{"type": "contact", "id": contact}]},
                "custom_attributes": {"Of": contact},
                "conversation_parts": {"conversation_parts": []}
            });
            intercom.show(EntityType::Conversation, id, conversation);
        }
        intercom
    }

    fn show(&mut self, kind: EntityType, id: &str, object: Value) {
        self.shown.entry(entity(kind, id)).or_default().push(Some(object));
    }

    fn now(&self, entity: &EntityRef) -> Option<&Value> {
        self.shown.get(entity)?.last()?.as_ref()
    }

    /// What a fetch shows; a lagging one what was there before the latest change.
    fn serve(&self, entity: &EntityRef, lags: bool) -> Option<Value> {
        let all = self.shown.get(entity)?;
        let before = all.len().checked_sub(2).and_then(|at| all[at].clone()).filter(|_| lags);
        before.or_else(|| all.last().cloned().flatten())
    }

    /// One thing happens; gives what is told of it.
    fn happen(&mut self, rng: &mut Chance) -> Vec<Told> {
        self.now += rng.below(2) as i64; // several changes may fall into one second
        let conversation = entity(EntityType::Conversation, ["7", "8"][rng.below(2)]);
        let contact = entity(EntityType::Contact, ["c1", "c2"][rng.below(2)]);
        match rng.below(14) {
            0..=4 => self.reply(&conversation, rng),
            5 => self.redact(&conversation, rng),
            6 => self.change(
                &conversation,
                |object, rng| object["state"] = json!((["open", "closed"][rng.below(2)])),
                rng,
            ),
            7 => self.change(
                &conversation,
                |object, rng| object["tags"] = json!({"tags": [{"id": rng.below(3).to_string(), "name": "t"}]}),
                rng,
            ),
            8 => {
                self.change(&contact, |object, rng| object["name"] = json!((["Dana", "Kim", "Lou"][rng.below(3)])), rng)
            }
            9 => self.change(
                &contact,
                |object, rng| object["companies"] = json!({"data": [{"id": (["co1", "co2"][rng.below(2)])}]}),
                rng,
            ),
            10 => self.gone(&contact, Told::Erased),
            11 => self.gone(&contact, Told::Archived),
            12 => {
                let survivor = if contact.id == "c1" { "c2" } else { "c1" };
                if self.now(&entity(EntityType::Contact, survivor)).is_none() {
                    return Vec::new();
                }
                self.gone(&contact, |swallowed, at| Told::Merged { swallowed, survivor: survivor.to_owned(), at })
            }
            _ => self.gone(&conversation, Told::Erased),
        }
    }

    fn change(&mut self, of: &EntityRef, change: impl FnOnce(&mut Value, &mut Chance), rng: &mut Chance) -> Vec<Told> {
        let Some(mut object) = self.now(of).cloned() else { return Vec::new() };
        change(&mut object, rng);
        // A change without a change of `updated_at` cannot be told by anybody; Intercom's own clock has seconds.
        self.now = self.now.max(object["updated_at"].as_i64().unwrap() + 1);
        object["updated_at"] = json!(self.now);
        self.show(of.entity_type, &of.id, object);
        vec![Told::Changed(of.clone(), None)]
    }

    fn reply(&mut self, to: &EntityRef, rng: &mut Chance) -> Vec<Told> {
        self.parts += 1;
        let id = format!("p{}", self.parts);
        let author = ["c1", "c2", "a1"][rng.below(3)];
        let kind = if author == "a1" { "admin" } else { "user" };
        let now = self.now + 1;
        let part = json!({"id": id, "part_type": "comment", "created_at": now, "updated_at": now,
            "body": format!("<p>Words of {author} https://linear.app/x/issue/ENG-{}</p>", rng.below(3)),
            "author": {"type": kind, "id": author, "name": author}});
        let told = self.change(
            to,
            |object, _| object["conversation_parts"]["conversation_parts"].as_array_mut().unwrap().push(part),
            rng,
        );
        told.into_iter().map(|_| Told::Changed(to.clone(), Some((id.clone(), now)))).collect()
    }

    fn redact(&mut self, of: &EntityRef, rng: &mut Chance) -> Vec<Told> {
        let parts = self
            .now(of)
            .map_or(0, |object| object["conversation_parts"]["conversation_parts"].as_array().unwrap().len());
        if parts == 0 {
            return Vec::new();
        }
        let (which, now) = (rng.below(parts), self.now + 1);
        let change = |object: &mut Value, _: &mut Chance| {
            let part = &mut object["conversation_parts"]["conversation_parts"][which];
            part["redacted"] = json!(true);
            part["body"] = json!("<p><i>This message was deleted</i></p>");
            part["updated_at"] = json!(now.max(part["updated_at"].as_i64().unwrap()));
        };
        self.change(of, change, rng)
    }

    fn gone(&mut self, who: &EntityRef, told: impl FnOnce(EntityRef, i64) -> Told) -> Vec<Told> {
        if self.now(who).is_none() {
            return Vec::new();
        }
        self.now += 1;
        self.shown.entry(who.clone()).or_default().push(None);
        vec![told(who.clone(), self.now)]
    }
}

/// A worker's state between two steps.
enum Step {
    Begin,
    Claimed(Claim, Option<Head>),
    Fetched(Claim, Option<Head>, Option<Value>),
}

impl Step {
    fn name(&self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::Claimed(..) => "fetch",
            Self::Fetched(..) => "write",
        }
    }
}

struct Task {
    told: Told,
    step: Step,
    tries: u32,
}

/// A model of enrich at work on one table.
struct Worker<'t> {
    memory: &'t MemoryTable,
    settings: Settings,
    /// Whose links are to be followed, in the end.
    walks: BTreeSet<EntityRef>,
}

fn time(at: i64) -> Timestamp {
    Timestamp::from_epoch_seconds(at).unwrap()
}

impl Worker<'_> {
    /// One step of a task; gives it back where it is not done.
    async fn step(&mut self, mut task: Task, intercom: &Intercom, lags: bool) -> Option<Task> {
        let (of, part) = match task.told.clone() {
            Told::Erased(entity, at) => {
                let claim = self.memory.claim(&entity).await.unwrap();
                self.memory.bury(&entity, TombstoneKind::Erased, time(at), claim, "deleted").await.unwrap();
                self.walks.insert(entity);
                return None;
            }
            Told::Archived(entity, at) => {
                let claim = self.memory.claim(&entity).await.unwrap();
                self.memory.bury(&entity, TombstoneKind::Absent, time(at), claim, "archived").await.unwrap();
                self.walks.insert(entity);
                return None;
            }
            Told::Merged { swallowed, survivor, at } => {
                let claim = self.memory.claim(&swallowed).await.unwrap();
                self.memory.merge(&swallowed, &survivor, time(at), claim).await.unwrap();
                self.walks.insert(swallowed);
                return None;
            }
            Told::Changed(entity, part) => (entity, part),
        };
        match std::mem::replace(&mut task.step, Step::Begin) {
            Step::Begin => {
                let head = self.memory.head(&of).await.unwrap();
                let known = |head: &Head| {
                    head.is_final() || part.as_ref().is_some_and(|(id, at)| head.has_part(id, time(*at), false))
                };
                if head.as_ref().is_some_and(known) {
                    return None;
                }
                task.step = Step::Claimed(self.memory.claim(&of).await.unwrap(), head);
            }
            Step::Claimed(claim, head) => task.step = Step::Fetched(claim, head, intercom.serve(&of, lags)),
            Step::Fetched(claim, head, None) => self.not_found(&of, claim, head.as_ref(), intercom.now).await,
            Step::Fetched(claim, head, Some(object)) => {
                for person in transform(&workspace(), of.entity_type, &object, &self.settings).unwrap().names() {
                    self.meet(&person, intercom).await;
                }
                self.write(&of, &object, claim, head.as_ref(), intercom.now).await;
                let parts = object["conversation_parts"]["conversation_parts"].as_array().cloned().unwrap_or_default();
                let lacks = part.is_some_and(|(id, _)| !parts.iter().any(|part| part["id"] == json!(id)));
                if lacks && task.tries < 3 {
                    task.tries += 1;
                    return Some(task);
                }
                return None;
            }
        }
        (!matches!(task.step, Step::Begin)).then_some(task)
    }

    async fn write(&mut self, of: &EntityRef, object: &Value, claim: Claim, head: Option<&Head>, now: i64) {
        let view = transform(&workspace(), of.entity_type, object, &self.settings).unwrap();
        let shape = self.settings.shape();
        if let Written::Stored { renamed: true, .. } = self.memory.write(&view, claim, &shape, head, now).await.unwrap()
        {
            self.walks.insert(of.clone());
        }
    }

    async fn not_found(&mut self, of: &EntityRef, claim: Claim, head: Option<&Head>, now: i64) {
        if head.is_some_and(|head| head.tombstone.is_none()) && of.entity_type == EntityType::Contact {
            self.memory.bury(of, TombstoneKind::Absent, time(now), claim, NOT_FOUND).await.unwrap();
            self.walks.insert(of.clone());
        }
    }

    /// As enrich does with whoever a conversation names and nobody knows.
    async fn meet(&mut self, person: &EntityRef, intercom: &Intercom) {
        if self.memory.head(person).await.unwrap().is_some() {
            return;
        }
        let claim = self.memory.claim(person).await.unwrap();
        match intercom.serve(person, false) {
            Some(object) => self.write(person, &object, claim, None, intercom.now).await,
            None => {
                self.memory.bury(person, TombstoneKind::Absent, time(intercom.now), claim, NOT_FOUND).await.unwrap();
            }
        }
    }

    async fn walk(&mut self) {
        for of in std::mem::take(&mut self.walks) {
            let mut cursor = None;
            loop {
                let page = self.memory.linked(&of, cursor.as_deref()).await.unwrap();
                for entity in &page.entities {
                    self.memory.revise(entity).await.unwrap();
                }
                cursor = page.cursor;
                if cursor.is_none() {
                    break;
                }
            }
        }
    }

    /// What a reconciliation does: everything that Intercom holds in a newer version is fetched.
    async fn reconcile(&mut self, intercom: &Intercom) {
        for of in intercom.shown.keys().cloned().collect::<Vec<_>>() {
            let head = self.memory.head(&of).await.unwrap();
            let Some(object) = intercom.now(&of) else { continue };
            let updated_at = object["updated_at"].as_i64().unwrap();
            if head.as_ref().is_some_and(|head| head.covers(updated_at, &self.settings.shape())) {
                continue;
            }
            let mut task = Some(Task { told: Told::Changed(of, None), step: Step::Begin, tries: 0 });
            while let Some(unfinished) = task {
                task = self.step(unfinished, intercom, false).await;
            }
        }
        self.walk().await;
    }
}

struct Case {
    tables: Tables,
    memory: MemoryTable,
}

impl Case {
    async fn new() -> Self {
        let tables = Tables::start().await;
        let memory = MemoryTable::new(tables.client_over(&Wire::counting()), &tables.memory, Retention::default());
        Self { tables, memory }
    }

    fn worker(&self) -> Worker<'_> {
        Worker { memory: &self.memory, settings: Settings::default(), walks: BTreeSet::new() }
    }
}

/// A history, told one by one as it happens; gives Intercom at its end, and all that was told.
async fn in_order(history: u64) -> (Vec<Intercom>, Vec<Vec<Told>>, Items) {
    let case = Case::new().await;
    let mut worker = case.worker();
    let mut rng = Chance::of(history);
    let mut intercom = Intercom::new();
    let mut states = vec![intercom.clone()];
    let first = intercom.shown.keys().cloned().map(|entity| Told::Changed(entity, None)).collect::<Vec<_>>();
    let mut told = vec![first];
    for _ in 0..3 + rng.below(4) {
        told.push(intercom.happen(&mut rng));
        states.push(intercom.clone());
    }
    for (state, told) in states.iter().zip(&told) {
        for told in told {
            let mut task = Some(Task { told: told.clone(), step: Step::Begin, tries: 0 });
            while let Some(unfinished) = task {
                task = worker.step(unfinished, state, false).await;
            }
        }
        worker.walk().await;
    }
    worker.reconcile(&intercom).await;
    (states, told, case.tables.memory().await)
}

/// The same history out of order, twice, late, never, with steps of several workers between one another.
async fn out_of_order(seed: u64, states: &[Intercom], told: &[Vec<Told>], trace: bool) -> Items {
    let note = |what: &str, of: &dyn std::fmt::Debug| {
        if trace {
            println!("  {what} {of:?}");
        }
    };
    let case = Case::new().await;
    let mut worker = case.worker();
    let mut rng = Chance::of(seed);
    let mut waiting: VecDeque<Told> = VecDeque::new();
    let mut running: Vec<Task> = Vec::new();
    let mut happened = 0;
    loop {
        if happened < states.len() && (rng.one_in(3) || (waiting.is_empty() && running.is_empty())) {
            for told in &told[happened] {
                let lost = matches!(told, Told::Changed(..)) && rng.one_in(4);
                let copies = if lost { 0 } else { 1 + rng.below(2) };
                note("happened", &(told, copies));
                waiting.extend(std::iter::repeat_n(told.clone(), copies));
            }
            happened += 1;
        } else if !waiting.is_empty() && running.len() < 3 && (running.is_empty() || rng.one_in(2)) {
            let told = waiting.remove(rng.below(waiting.len())).unwrap();
            running.push(Task { told, step: Step::Begin, tries: 0 });
        } else if !running.is_empty() {
            let at = rng.below(running.len());
            let task = running.swap_remove(at);
            let lags = rng.one_in(5) && matches!(task.told, Told::Changed(_, Some(_)));
            note(task.step.name(), &(&task.told, lags));
            running.extend(worker.step(task, &states[happened.max(1) - 1], lags).await);
        } else if happened == states.len() {
            break;
        }
        if rng.one_in(6) {
            note("walk", &worker.walks);
            worker.walk().await;
        }
    }
    note("last walk", &worker.walks);
    worker.walk().await;
    worker.reconcile(states.last().unwrap()).await;
    case.tables.memory().await
}

/// What is compared: all but the history of each document's own updates, of which a late fetch sees the last only.
fn comparable(items: Items) -> Items {
    let own_update = |sk: &str| sk.starts_with("event#") && sk.ends_with(".updated");
    items.into_iter().filter(|((_, sk), _)| !own_update(sk)).collect()
}

#[test]
fn invariant_4_any_interleaving_duplication_and_loss_with_refetch_ends_as_in_order() {
    let histories = std::env::var("ORDER_HISTORIES").map_or(HISTORIES, |n| n.parse().unwrap());
    let first = std::env::var("ORDER_FIRST").map_or(1, |n| n.parse().unwrap());
    std::thread::scope(|scope| {
        for lane in 0..4 {
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                for history in (first..first + histories).filter(|history| history % 4 == lane) {
                    runtime.block_on(try_orders(history));
                }
            });
        }
    });
    println!("{} cases: histories {first} to {}, {ORDERS} orders each", histories * ORDERS, first + histories - 1);
}

async fn try_orders(history: u64) {
    let (states, told, expected) = in_order(history).await;
    let expected = comparable(expected);
    for order in 0..ORDERS {
        let seed = history * 1_000 + order;
        let ended = comparable(out_of_order(seed, &states, &told, false).await);
        if ended != expected {
            println!("ORDER_FIRST={history} ORDER_HISTORIES=1, order {order}; what was done:");
            out_of_order(seed, &states, &told, true).await;
            for key in expected.keys().chain(ended.keys()).collect::<BTreeSet<_>>() {
                if expected.get(key) != ended.get(key) {
                    println!("  {key:?}: in order {:?}, here {:?}", expected.get(key), ended.get(key));
                }
            }
            panic!("history {history}, order {order} ended in something else");
        }
    }
}
