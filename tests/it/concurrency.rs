//! Two at work on one thing: every schedule of their requests.

use std::sync::Mutex;

use memory::{EntityRef, EntityType, Settings, View, transform};
use serde_json::{Value, json};
use store::memory_table::{MemoryTable, Retention, TombstoneKind};
use tests::{Gate, Tables, Wire};

use crate::memory::assert_same;

const NOW: i64 = 5_000;

fn entity(kind: EntityType, id: &str) -> EntityRef {
    EntityRef::new(&"acmews01".parse().unwrap(), kind, id)
}

/// The conversation with this many replies, the latest mentioning what none before did.
fn conversation(replies: usize) -> Value {
    let part = |number: usize| {
        let at = 1_000 + number as i64;
        json!({"id": format!("p{number}"), "part_type": "comment", "created_at": at, "updated_at": at,
               "body": format!("<p>reply {number}</p>"), "author": {"type": "admin", "id": "a1"}})
    };
    json!({"id": "7", "created_at": 1_000, "updated_at": 1_000 + replies as i64, "state": (["open", "closed"][replies % 2]),
           "tags": {"tags": [{"id": replies.to_string(), "name": "t"}]},
           "source": {"id": "s", "body": "<p>Opening</p>"},
           "conversation_parts": {"conversation_parts": (1..=replies).map(part).collect::<Vec<_>>()}})
}

fn view(object: &Value) -> View {
    transform(&"acmews01".parse().unwrap(), EntityType::Conversation, object, &Settings::default()).unwrap()
}

fn table(tables: &Tables, wire: &Wire) -> MemoryTable {
    MemoryTable::new(tables.client_over(wire), &tables.memory, Retention::default())
}

/// As enrich works: look, claim, fetch, write. What is fetched is what Intercom shows by then. Gives the replies it saw.
async fn enrich(memory: &MemoryTable, intercom: &Mutex<Value>) -> usize {
    let of = entity(EntityType::Conversation, "7");
    let head = memory.head(&of).await.unwrap();
    let claim = memory.claim(&of).await.unwrap();
    let object = intercom.lock().unwrap().clone();
    let view = view(&object);
    memory.write(&view, claim, &Settings::default().shape(), head.as_ref(), NOW).await.unwrap();
    usize::try_from(view.document.counts["replies"]).unwrap()
}

/// Lets the requests of two clients pass in the order that the schedule says; what is left passes when it ends.
async fn conduct(schedule: &[bool], gates: [&Gate; 2], mut before: impl FnMut(usize)) {
    for (step, second) in schedule.iter().enumerate() {
        before(step);
        if !gates[usize::from(*second)].let_one_pass().await {
            gates[usize::from(!*second)].let_one_pass().await;
        }
    }
    // One after the other, so that a schedule says everything.
    for gate in gates {
        while gate.let_one_pass().await {}
    }
}

/// Every order of `each` requests of one with as many of another.
fn schedules(each: u32) -> impl Iterator<Item = Vec<bool>> {
    let steps = 2 * each;
    let of = move |order: u32| (0..steps).map(|step| order >> step & 1 == 1).collect();
    (0..1_u32 << steps).filter(move |order| order.count_ones() == each).map(of)
}

#[tokio::test]
async fn two_enrichers_on_one_conversation_end_in_the_newest_view_whatever_their_schedule() {
    let mut ends = Vec::new();
    for replies in [1, 2] {
        let tables = Tables::start().await;
        enrich(&table(&tables, &Wire::counting()), &Mutex::new(conversation(replies))).await;
        ends.push(tables.memory().await);
    }
    let mut seen = [0, 0];
    for schedule in schedules(REQUESTS) {
        for changes_at in [5] {
            let tables = Tables::start().await;
            let gates = [Gate::default(), Gate::default()];
            let intercom = Mutex::new(conversation(1));
            let [first, second] = gates.each_ref().map(|gate| table(&tables, &Wire::through(gate)));
            let change = |step: usize| {
                if step == changes_at {
                    *intercom.lock().unwrap() = conversation(2);
                }
            };
            let ((), a, b) = tokio::join!(
                conduct(&schedule, [&gates[0], &gates[1]], change),
                gates[0].guard(enrich(&first, &intercom)),
                gates[1].guard(enrich(&second, &intercom)),
            );
            let newest = a.max(b);
            seen[newest - 1] += 1;
            let ended = tables.memory().await;
            if ended != ends[newest - 1] {
                println!("schedule {schedule:?}, Intercom changes at step {changes_at}");
                assert_same(&ends[newest - 1], &ended);
            }
        }
    }
    println!("schedules that ended in the old view and in the new one: {seen:?}");
    assert!(seen[0] > 0 && seen[1] > 0);
}

/// Requests of one enricher that are ordered one by one: look, claim, two to four events and links, the document.
const REQUESTS: u32 = 6;

#[tokio::test]
async fn an_erasure_beside_an_enricher_leaves_no_words_whatever_their_schedule() {
    let object = json!({"id": "7", "created_at": 1_000, "updated_at": 1_000, "source": {"id": "s", "body": "<p>zanzibar</p>",
        "author": {"type": "user", "id": "c1", "name": "Quillon"}}, "contacts": {"contacts": [{"id": "c1"}]}});
    let contact = entity(EntityType::Contact, "c1");
    let mut found_under_way = 0;
    for schedule in schedules(REQUESTS - 1) {
        let tables = Tables::start().await;
        let plain = table(&tables, &Wire::counting());
        let gates = [Gate::default(), Gate::default()];
        let [writer, eraser] = gates.each_ref().map(|gate| table(&tables, &Wire::through(gate)));
        let intercom = Mutex::new(object.clone());
        let write = async {
            enrich(&writer, &intercom).await;
        };
        let erase = async {
            let claim = eraser.claim(&contact).await.unwrap();
            let at = intercom::Timestamp::from_epoch_seconds(2_000).unwrap();
            eraser.bury(&contact, TombstoneKind::Erased, at, claim, "contact.deleted").await.unwrap();
            for linked in eraser.linked(&contact, None).await.unwrap().entities {
                eraser.revise(&linked).await.unwrap();
            }
        };
        tokio::join!(conduct(&schedule, [&gates[0], &gates[1]], |_| ()), gates[0].guard(write), gates[1].guard(erase),);
        found_under_way += usize::from(!plain.linked(&contact, None).await.unwrap().entities.is_empty());
        let text = format!("{:?}", tables.memory().await);
        assert!(!text.contains("zanzibar") && !text.contains("Quillon"), "schedule {schedule:?}: {text}");
        assert!(text.contains("Message Erased"), "it was written all the same");
    }
    assert_eq!(found_under_way, 0, "no link is left for the second pass to find");
}

/// The conversation at this time, with this tag and one reply of `c2`, which Intercom shows whole or deleted.
fn tagged(updated_at: i64, tag: &str, reply: &str) -> Value {
    json!({"id": "7", "created_at": 1_000, "updated_at": updated_at, "state": "open",
           "source": {"id": "s", "body": "<p>Opening</p>", "author": {"type": "user", "id": "c2"}},
           "contacts": {"contacts": [{"id": "c2"}]}, "tags": {"tags": [{"id": tag, "name": "t"}]},
           "conversation_parts": {"conversation_parts": [{"id": "p1", "part_type": "comment", "created_at": 1_001,
               "updated_at": 1_001, "redacted": reply.is_empty(), "body": reply, "author": {"type": "user", "id": "c2"}}]}})
}

#[tokio::test]
async fn a_writer_that_loses_takes_no_link_from_the_winner() {
    let of = entity(EntityType::Conversation, "7");
    let shape = Settings::default().shape();
    let mut ends = Vec::new();
    for loser in [false, true] {
        let tables = Tables::start().await;
        let memory = table(&tables, &Wire::counting());
        enrich(&memory, &Mutex::new(tagged(1_001, "old", "hello"))).await;
        let head = memory.head(&of).await.unwrap();
        let claims = [memory.claim(&of).await.unwrap(), memory.claim(&of).await.unwrap()];
        // The tag was taken away and given back; the writer that saw it away comes last. To the winner the tag's link was
        // there all the time.
        let winner = view(&tagged(1_003, "old", "hello"));
        memory.write(&winner, claims[1], &shape, head.as_ref(), NOW).await.unwrap();
        if loser {
            let view = view(&tagged(1_002, "new", "hello"));
            memory.write(&view, claims[0], &shape, head.as_ref(), NOW).await.unwrap();
        }
        ends.push(tables.memory().await);
    }
    assert_same(&ends[0], &ends[1]);
    assert!(ends[1].keys().any(|(_, sk)| sk == "relation#intercom#tag#old#tagged_with"), "{:?}", ends[1].keys());
}

#[tokio::test]
async fn a_writer_that_wins_puts_back_what_another_had_unlinked_before_it() {
    let of = entity(EntityType::Conversation, "7");
    let shape = Settings::default().shape();
    let tables = Tables::start().await;
    let memory = table(&tables, &Wire::counting());
    enrich(&memory, &Mutex::new(tagged(1_001, "old", "hello"))).await;
    let head = memory.head(&of).await.unwrap();
    let claims = [memory.claim(&of).await.unwrap(), memory.claim(&of).await.unwrap()];
    let views = [view(&tagged(1_002, "new", "hello")), view(&tagged(1_003, "old", "hello"))];
    for (view, claim) in views.iter().zip(claims) {
        memory.write(view, claim, &shape, head.as_ref(), NOW).await.unwrap();
    }
    let tags = tables.memory().await.into_keys().map(|(_, sk)| sk).filter(|sk| sk.contains("#tag#"));
    assert_eq!(tags.collect::<Vec<_>>(), ["relation#intercom#tag#old#tagged_with"]);
}

#[tokio::test]
async fn a_writer_that_is_killed_after_any_request_is_made_good_by_the_next() {
    let later = Mutex::new(tagged(1_002, "new", "hello"));
    let mut truth = None;
    for passes in (0..20).rev() {
        let tables = Tables::start().await;
        let memory = table(&tables, &Wire::counting());
        enrich(&memory, &Mutex::new(tagged(1_001, "old", "hello"))).await;
        let gate = Gate::default();
        let killed = table(&tables, &Wire::through(&gate));
        let until_killed = async {
            for _ in 0..passes {
                gate.let_one_pass().await;
            }
        };
        tokio::select! {
            biased;
            () = until_killed => {}
            _ = gate.guard(enrich(&killed, &later)) => {}
        }
        // As SQS gives the message again: what is there counts only where it is there whole.
        let head = memory.head(&entity(EntityType::Conversation, "7")).await.unwrap().unwrap();
        if !head.covers(1_002, &Settings::default().shape()) {
            enrich(&memory, &later).await;
        }
        let ended = tables.memory().await;
        println!("killed after {passes} requests");
        assert_same(truth.get_or_insert_with(|| ended.clone()), &ended);
    }
    assert!(truth.unwrap().keys().any(|(_, sk)| sk == "relation#intercom#tag#new#tagged_with"));
}

#[tokio::test]
async fn an_erasure_still_finds_what_was_written_between_its_tombstone_and_its_walk() {
    let (memory, tables) = {
        let tables = Tables::start().await;
        (table(&tables, &Wire::counting()), tables)
    };
    let contact = entity(EntityType::Contact, "c2");
    // Intercom itself blanked the reply, but shows who wrote it.
    enrich(&memory, &Mutex::new(tagged(1_001, "old", ""))).await;
    let claim = memory.claim(&contact).await.unwrap();
    let at = intercom::Timestamp::from_epoch_seconds(2_000).unwrap();
    memory.bury(&contact, TombstoneKind::Erased, at, claim, "contact.deleted").await.unwrap();
    enrich(&memory, &Mutex::new(tagged(1_002, "new", ""))).await;
    for linked in memory.linked(&contact, None).await.unwrap().entities {
        memory.revise(&linked).await.unwrap();
    }
    let words = format!("{:?}", tables.memory_of("acmews01#conversation#7").await);
    assert!(!words.contains("\"c2\"") && words.contains("authorErased"), "{words}");
}

/// Something with a text that is longer than an item, in its first version and in its second.
fn long(kind: EntityType, edition: i64) -> View {
    let at = 1_000 + edition;
    let body = format!("<p>{}</p><p>edition {edition}</p>", "As was said before. ".repeat(20_000));
    let object = match kind {
        EntityType::Article => {
            json!({"id": "7", "title": "Long", "state": "published", "body": body, "created_at": 1_000,
            "updated_at": at})
        }
        _ => {
            let author = json!({"type": "admin", "id": "a1"});
            let part = json!({"id": "p1", "part_type": "comment", "created_at": 1_001, "updated_at": at, "body": body,
                "author": author});
            json!({"id": "7", "created_at": 1_000, "updated_at": at, "state": "open",
                "source": {"id": "s", "body": "<p>Opening</p>"}, "conversation_parts": {"conversation_parts": [part]}})
        }
    };
    transform(&"acmews01".parse().unwrap(), kind, &object, &Settings::default()).unwrap()
}

#[tokio::test]
async fn a_long_text_that_is_being_written_lacks_no_piece_whenever_an_older_writer_cleans_up() {
    let shape = Settings::default().shape();
    for kind in [EntityType::Conversation, EntityType::Article] {
        for pause in 0.. {
            let tables = Tables::start().await;
            let gate = Gate::default();
            let (older, newer) = (table(&tables, &Wire::counting()), table(&tables, &Wire::through(&gate)));
            let (of, [first, second]) = (entity(kind, "7"), [1, 2].map(|edition| long(kind, edition)));
            let claims =
                [older.claim(&of).await.unwrap(), older.claim(&of).await.unwrap(), older.claim(&of).await.unwrap()];
            older.write(&first, claims[0], &shape, None, NOW).await.unwrap();
            let mut paused = true;
            let beside = async {
                for _ in 0..pause {
                    paused = gate.let_one_pass().await;
                }
                // It comes to what is written already, and to what is not, as if it had been killed the first time.
                older.write(&first, claims[1], &shape, None, NOW).await.unwrap();
                gate.open();
            };
            let writing = gate.guard(newer.write(&second, claims[2], &shape, None, NOW));
            let (written, ()) = tokio::join!(writing, beside);
            written.unwrap();
            let stored = older.stored(&of).await.unwrap().unwrap();
            let text = stored.view.document.body.iter().chain(stored.view.events.iter().map(|event| &event.body));
            assert!(text.clone().any(|text| text.ends_with("edition 2")), "{kind:?} paused after {pause}");
            if !paused {
                assert!(pause > 5, "{pause}");
                break;
            }
        }
    }
}
