//! Invariant 9: what is bad about one record, or one workspace, is its own.

use std::{collections::BTreeSet, time::Duration};

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use emulator::{Action, Deliver, Emulator, Failure, FailureKind, Kind, Mutate};
use intercom::{WorkspaceId, client::Resource, clock::Clock};
use memory::{EntityRef, EntityType};
use platform::cipher::TokenCipher;
use serde_json::{Value, json};
use store::{
    checkpoint::Checkpoints,
    installation::{Installation, Installations, Status, StoredToken},
    queue::Queue,
};
use tests::{MemoryQueue, Options, Stack, Taken};

fn batch_of(taken: &[Taken]) -> SqsEvent {
    let mut event = SqsEvent::default();
    for message in taken {
        let mut record = SqsMessage::default();
        record.message_id = Some(message.id.clone());
        record.receipt_handle = Some(message.id.clone());
        record.body = Some(message.body.clone());
        event.records.push(record);
    }
    event
}

async fn happen(of: &Emulator, action: Action) -> (Value, String) {
    let mutated = of.state().mutate(&Mutate { deliver: Deliver::None, ..Mutate::new(action) }).await.unwrap();
    let id = mutated.ids.get("conversation_id").or(mutated.ids.get("article_id")).unwrap();
    (mutated.notifications[0].clone(), id.as_str().unwrap().to_owned())
}

fn failing_for_ever(route: &str, status: u16) -> Failure {
    Failure { route: route.to_owned(), kind: FailureKind::Status { status }, times: u32::MAX, skip: 0 }
}

async fn remembers(stack: &Stack, workspace: &WorkspaceId, kind: EntityType, id: &str) -> bool {
    stack.memory().head(&EntityRef::new(workspace, kind, id)).await.unwrap().is_some()
}

#[tokio::test]
async fn invariant_9_one_bad_record_never_fails_its_batch() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    stack.intercom.state().fail(vec![failing_for_ever("GET /articles/{id}", 400)]).unwrap();
    let mut good = BTreeSet::new();
    for number in 0..5 {
        let (notification, id) = happen(&stack.intercom, Action::ConversationCreated).await;
        stack.notify(&notification).await;
        good.insert(id);
        if number == 1 {
            stack.live.send("{\"v\":1,\"kind\":\"notification\",".to_owned(), 0).await.unwrap();
        }
        if number == 3 {
            let (notification, _) = happen(&stack.intercom, Action::ArticlePublished).await;
            stack.notify(&notification).await;
        }
    }
    let taken = stack.live.take(10);
    assert_eq!(taken.len(), 7);
    let response = stack.enrich_event(batch_of(&taken)).await.unwrap();
    let failed: Vec<&str> = response.batch_item_failures.iter().map(|f| f.item_identifier.as_str()).collect();
    assert_eq!(failed, [taken[2].id.as_str(), taken[5].id.as_str()], "only the unreadable one and the refused one");
    for id in &good {
        assert!(remembers(&stack, &stack.workspace(), EntityType::Conversation, id).await, "{id}");
    }
    // They are tried again by themselves, and end whole among the dead letters.
    taken.iter().filter(|message| !failed.contains(&message.id.as_str())).for_each(|m| stack.live.delete(&m.id));
    stack.drain().await;
    let bad: BTreeSet<String> = [&taken[2], &taken[5]].map(|message| message.body.clone()).into();
    assert_eq!(stack.live.dead().into_iter().collect::<BTreeSet<_>>(), bad);
}

/// Comes before the other workspace wherever they stand in order.
const NEIGHBOUR: &str = "aaaaws02";

/// Another workspace of the same bundle, with an Intercom of its own at this address, connected long ago.
async fn connect(stack: &Stack, api_base_url: &str, token: &str) -> WorkspaceId {
    let workspace: WorkspaceId = NEIGHBOUR.parse().unwrap();
    let now = stack.clock.now_seconds();
    let installation = Installation {
        workspace: workspace.clone(),
        name: Some("Neighbour".to_owned()),
        region: Some("Europe".to_owned()),
        api_base_url: api_base_url.to_owned(),
        public_base_url: None,
        token: StoredToken::Encrypted(stack.cipher.encrypt(&workspace, &token.into()).await.unwrap()),
        status: Status::Active,
        installed_at: now,
        changed_at: now,
        last_event_at: None,
    };
    let (client, table) = (stack.tables.client.clone(), &stack.tables.state);
    Installations::new(client.clone(), table).put(&installation).await.unwrap();
    for resource in Resource::ALL {
        Checkpoints::new(client.clone(), table).make_due(&workspace, resource.path(), now).await.unwrap();
    }
    workspace
}

async fn neighbour(stack: &Stack) -> Emulator {
    let token = "bmVpZ2hib3Vy";
    let intercom = Emulator::start(emulator::Config {
        seed: Options::default().seed,
        workspace: emulator::Workspace { id_code: NEIGHBOUR.to_owned(), ..emulator::Workspace::default() },
        access_token: Some(token.to_owned()),
        client_secret: tests::CLIENT_SECRET.to_owned(),
        clock: stack.clock.clone(),
        ..emulator::Config::default()
    })
    .await
    .unwrap();
    connect(stack, intercom.base_url(), token).await;
    intercom
}

/// Whether memory holds every conversation that an Intercom has.
async fn is_complete(stack: &Stack, workspace: &WorkspaceId, intercom: &Emulator) -> bool {
    for id in intercom.state().ids(Kind::Conversations) {
        if !remembers(stack, workspace, EntityType::Conversation, &id).await {
            return false;
        }
    }
    true
}

/// Puts what happens in both workspaces into one batch, and gives the conversation of the good one.
async fn both_at_once(stack: &Stack, bad: &Emulator) -> String {
    let (of_bad, _) = happen(bad, Action::ConversationCreated).await;
    let (of_good, id) = happen(&stack.intercom, Action::ConversationCreated).await;
    for notification in [&of_bad, &of_good] {
        assert_eq!(stack.notify(notification).await, 200);
    }
    id
}

async fn work_off(stack: &Stack, queue: &MemoryQueue) {
    while stack.enrich_batch(queue).await {}
}

#[tokio::test]
async fn the_addresses_of_each_workspace_lead_to_its_own_region_whoever_writes_them() {
    let stack = Stack::start(Options::default()).await;
    let european = neighbour(&stack).await;
    stack.install().await;
    stack.settle().await;
    let live = both_at_once(&stack, &european).await;
    stack.drain().await;
    let mut seen = BTreeSet::new();
    for ((pk, sk), item) in stack.tables.memory().await {
        let Some(url) = item.get("url").and_then(Value::as_str).filter(|_| sk == "document") else { continue };
        let european = pk.starts_with(NEIGHBOUR);
        let app = if european { "https://app.eu.intercom.com/a/" } else { "https://app.intercom.com/a/" };
        // Articles have the address of the help centre.
        if !pk.contains("#article#") {
            assert!(url.starts_with(app), "{pk}: {url}");
            seen.insert((european, item["entity_type"].as_str().unwrap().to_owned()));
        }
    }
    for kind in ["conversation", "ticket", "contact", "company"] {
        assert!(
            seen.contains(&(true, kind.to_owned())) && seen.contains(&(false, kind.to_owned())),
            "{kind}: {seen:?}"
        );
    }
    assert!(remembers(&stack, &stack.workspace(), EntityType::Conversation, &live).await);
}

#[tokio::test]
async fn invariant_9_one_workspace_whose_calls_all_fail_never_stops_another() {
    type Break = fn(&Emulator);
    let refused: Break = |bad| bad.state().revoke_tokens();
    let failing: Break = |bad| bad.state().fail(vec![failing_for_ever("*", 500)]).unwrap();
    for (how, break_it) in [("refused", refused), ("failing", failing)] {
        let stack = Stack::start(Options::default()).await;
        let bad = neighbour(&stack).await;
        break_it(&bad);
        stack.install().await;
        let good = stack.workspace();
        // The bad one is due at each tick, and has a message in each batch. All that is waited is what the good one needs.
        let began = stack.clock.now_seconds();
        let mut live = Vec::new();
        for _ in 0..8 {
            live.push(both_at_once(&stack, &bad).await);
            stack.tick().await;
            work_off(&stack, &stack.live).await;
            work_off(&stack, &stack.backfill_queue).await;
            assert!(
                remembers(&stack, &good, EntityType::Conversation, live.last().unwrap()).await,
                "{how}: an event of the good one is there after one batch"
            );
            stack.clock.advance(Duration::from_secs(20));
        }
        assert!(is_complete(&stack, &good, &stack.intercom).await, "{how}");
        assert!(stack.live.dead().is_empty() && stack.backfill_queue.dead().is_empty(), "{how}: nothing of it failed");
        let waited = stack.clock.now_seconds() - began;
        assert!(waited < 8 * 60, "{how}: {waited} s");
        if how == "failing" {
            bad.state().clear_failures();
            stack.settle().await;
            stack.revisit().await;
            assert!(is_complete(&stack, &NEIGHBOUR.parse().unwrap(), &bad).await, "and it has lost nothing either");
        }
    }
}

#[tokio::test]
async fn invariant_9_one_workspace_whose_intercom_never_answers_keeps_no_other_of_its_batch_waiting() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    // It takes connections, and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let bad = connect(&stack, &format!("http://{}", silent.local_addr().unwrap()), "token").await;
    let (of_good, id) = happen(&stack.intercom, Action::ConversationCreated).await;
    let mut of_bad = of_good.clone();
    of_bad["app_id"] = json!(bad.as_str());
    for notification in [&of_bad, &of_good] {
        stack.notify(notification).await;
    }
    let taken = stack.live.take(10);
    let before = stack.clock.now_ms();
    let written = async {
        while !remembers(&stack, &stack.workspace(), EntityType::Conversation, &id).await {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = written => {}
        response = stack.enrich_event(batch_of(&taken)) => panic!("it was written last, or never: {response:?}"),
    }
    // Who gives up on the silent one waits before the next attempt, which moves this clock.
    assert_eq!(stack.clock.now_ms(), before, "not even its first time-out was waited for");
}

#[tokio::test]
async fn a_record_that_failed_goes_back_to_the_queue_it_came_from_whatever_its_kind() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    let walk = json!({"v": 1, "kind": "revise", "workspace": "acmews01", "entity": "macro", "id": "1", "cursor": null, "pass": 2});
    for (queue, other) in [(&stack.backfill_queue, &stack.live), (&stack.live, &stack.backfill_queue)] {
        queue.send(walk.to_string(), 0).await.unwrap();
        assert!(stack.enrich_batch(queue).await);
        assert_eq!(queue.next_visible_in_ms(), Some(20_000), "not only when SQS finds out by itself");
        assert_eq!(other.next_visible_in_ms().filter(|ms| *ms < 20_000), None);
        queue.take(1).iter().for_each(|message| queue.delete(&message.id));
        stack.clock.advance(Duration::from_secs(20));
        queue.take(1).iter().for_each(|message| queue.delete(&message.id));
    }
}
