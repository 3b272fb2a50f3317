//! What a checkpoint keeps.

use intercom::Timestamp;
use store::checkpoint::{Census, Checkpoint, Checkpoints, Phase, Purpose, Stage, Tally, Trail, WindowSpan};
use tests::Tables;

const NOW: i64 = 1_795_305_600;

fn time(ago: i64) -> Option<Timestamp> {
    Timestamp::from_epoch_seconds(NOW - ago)
}

/// One with a value of its own in every place.
fn full(fence: u64) -> Checkpoint {
    Checkpoint {
        workspace: "ws1".parse().unwrap(),
        resource: "conversations".to_owned(),
        phase: Phase::Running,
        begun: true,
        generation: 7,
        cursor: Some("WzE3".to_owned()),
        purpose: Purpose::Sweep,
        stage: Stage::Confirm,
        since: time(1),
        until: time(2),
        window: Some(WindowSpan { from: time(3), to: time(4).unwrap() }),
        span: Some(86_401),
        slow: true,
        high_water: time(5),
        reaches_back_to: time(6),
        shape: Some("1;notes=off".to_owned()),
        shape_next: Some("1;notes=on".to_owned()),
        swept_at: Some(NOW - 7),
        unseen: 11,
        gone: 12,
        vanished: true,
        census: Census { total: Some(20), created: 21, mark: u64::MAX, held: 22 },
        tally: Some(Tally { total: 23, mark: 24, excess: -25, at: 26, pages: 27, swept_at: 28, futile: 29 }),
        trail: Trail {
            lap: 30,
            anchor: Some(31),
            furthest: Some((32, 33)),
            stumbles: 34,
            hollow: 35,
            per_page: Some(36),
        },
        notice: Some("look here".to_owned()),
        dirty_since: None,
        pages: 13,
        seen: 14,
        written: 15,
        estimate: Some(16),
        rate_used: Some((17, 18)),
        failures: 19,
        last_error: Some("HTTP 500".to_owned()),
        next_run_at: Some(NOW),
        fence,
    }
}

#[tokio::test]
async fn everything_that_a_run_writes_is_what_the_next_one_reads() {
    let tables = Tables::start().await;
    let checkpoints = Checkpoints::new(tables.client.clone(), &tables.state);
    let workspace = "ws1".parse().unwrap();
    let read = async || checkpoints.all(&workspace).await.unwrap().remove(0);
    checkpoints.make_due(&workspace, "conversations", NOW).await.unwrap();
    let held = checkpoints.acquire(&workspace, "conversations", "a", NOW * 1000, NOW * 1000 + 9).await.unwrap();
    let full = full(held.unwrap().fence);
    checkpoints.begin(&full, NOW * 1000 + 9).await.unwrap();
    assert_eq!(read().await, full);
    let further = Checkpoint { pages: 14, cursor: None, window: None, notice: None, slow: false, ..full };
    checkpoints.save(&further, NOW * 1000 + 99).await.unwrap();
    assert_eq!(read().await, further);
    let (census, trail) = (Census::default(), Trail::default());
    let idle = Checkpoint {
        phase: Phase::Idle,
        last_error: None,
        until: None,
        vanished: false,
        census,
        tally: None,
        trail,
        ..further
    };
    checkpoints.release(&idle).await.unwrap();
    assert_eq!(read().await, idle);
}

#[tokio::test]
async fn what_is_not_made_by_an_install_is_made_once_and_woken_where_it_was_blocked() {
    let tables = Tables::start().await;
    let checkpoints = Checkpoints::new(tables.client.clone(), &tables.state);
    let workspace = "ws1".parse().unwrap();
    checkpoints.ensure(&workspace, "data_events", NOW).await.unwrap();
    let mut held =
        checkpoints.acquire(&workspace, "data_events", "a", NOW * 1000, NOW * 1000 + 9).await.unwrap().unwrap();
    held.phase = Phase::Idle;
    held.next_run_at = Some(NOW + 900);
    checkpoints.release(&held).await.unwrap();
    checkpoints.ensure(&workspace, "data_events", NOW + 1).await.unwrap();
    assert!(checkpoints.due(NOW + 1, 9).await.unwrap().is_empty(), "it is left as it is");
    let mut held = checkpoints.acquire(&workspace, "data_events", "a", (NOW + 900) * 1000, 9).await.unwrap().unwrap();
    held.phase = Phase::Blocked;
    checkpoints.release(&held).await.unwrap();
    checkpoints.ensure(&workspace, "data_events", NOW + 901).await.unwrap();
    assert_eq!(checkpoints.due(NOW + 901, 9).await.unwrap().len(), 1);
}
