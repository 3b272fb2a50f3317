//! The whole bundle in one process.

use std::{sync::Arc, time::Duration};

use access::{Access, ApiConfig};
use aws_lambda_events::{
    apigw::ApiGatewayV2httpResponse,
    sqs::{SqsBatchResponse, SqsEvent, SqsMessage},
};
use backfill::{Backfill, OnUninstall, Ticked};
use emulator::Emulator;
use enrich::{Enrich, Queues};
use intercom::{WorkspaceId, client::Transport, clock::Clock};
use memory::Settings;
use oauth::{App, return_to::ReturnToOrigins};
use platform::{
    config::AllowedWorkspaces,
    credentials::{CachedCredentials, Credentials},
    http::answer,
};
use serde_json::Value;
use store::{
    absences::Absences,
    checkpoint::Checkpoints,
    installation::Installations,
    memory_table::{MemoryTable, Retention},
    oauth_state::OauthStates,
    purge::Purge,
    rate_window::RateWindows,
    sweep::Sweeps,
};
use webhook::Door;

use crate::{
    FixedCredentials, MemoryQueue, MetricLog, Nearby, SequentialRandom, Tables, TestClock, WorkspaceCipher, event,
    signed,
};

/// With what the emulator's app signs.
pub const CLIENT_SECRET: &str = "client-secret-of-the-test";

/// When the tests take place: 2026-11-22T00:00:00Z.
const NOW: i64 = 1_795_305_600;

/// The deadline of a tick is this far away, in milliseconds: the function's time-out, as in the template.
const TICK_MS: i64 = 300_000;

/// The same for a batch.
const BATCH_MS: i64 = 60_000;

/// What a test can choose.
pub struct Options {
    /// The world that Intercom holds.
    pub seed: emulator::Seed,
    /// The workspace that Intercom plays.
    pub workspace: String,
    /// With what Intercom signs.
    pub client_secret: String,
    /// Requests per 10 seconds that Intercom allows.
    pub rate_limit: u32,
    /// Private-app mode: no install by OAuth.
    pub private_app: bool,
    /// Switches of the transform.
    pub settings: Settings,
    /// Minutes that a stored contact or company is taken as it is.
    pub cache_minutes: u32,
    /// Days that memory keeps.
    pub retention_days: u32,
    /// Days that the history goes back.
    pub backfill_days: u32,
    /// Days between two sweeps.
    pub sweep_days: u32,
    /// Whether data events are read.
    pub data_events: bool,
    /// Who may install.
    pub allowed: AllowedWorkspaces,
    /// `OnUninstall: purge`.
    pub purge_on_uninstall: bool,
    /// `ReturnToOrigins`.
    pub return_to: ReturnToOrigins,
    /// `AppStoreRedirect`.
    pub app_store_redirect: bool,
    /// `PublicBaseUrl`.
    pub public_base: Option<url::Url>,
}

impl Default for Options {
    fn default() -> Self {
        let seed = emulator::Seed {
            conversations: 12,
            contacts: 8,
            companies: 3,
            articles: 3,
            tickets: 3,
            ..emulator::Seed::default()
        };
        Self {
            seed,
            workspace: emulator::Workspace::default().id_code,
            client_secret: CLIENT_SECRET.to_owned(),
            rate_limit: 1_666,
            private_app: false,
            settings: Settings { link_team_keys: ["ENG".to_owned()].into(), ..Settings::default() },
            cache_minutes: 60,
            retention_days: 0,
            backfill_days: 0,
            sweep_days: 7,
            data_events: false,
            allowed: AllowedWorkspaces::default(),
            purge_on_uninstall: false,
            return_to: ReturnToOrigins::default(),
            app_store_redirect: false,
            public_base: None,
        }
    }
}

/// The bundle, with Intercom beside it; on a clock of the test's own where nothing else is asked for.
pub struct Stack<C = TestClock> {
    /// Intercom.
    pub intercom: Emulator,
    /// Time, for all of them.
    pub clock: Arc<C>,
    /// DynamoDB.
    pub tables: Tables,
    /// The live queue.
    pub live: MemoryQueue,
    /// The backfill queue.
    pub backfill_queue: MemoryQueue,
    /// The secret.
    pub credentials: FixedCredentials,
    /// KMS.
    pub cipher: WorkspaceCipher,
    /// Everything that was counted.
    pub metrics: MetricLog,
    door: Door<MemoryQueue, FixedCredentials>,
    app: App<WorkspaceCipher, FixedCredentials>,
    enrich: Enrich<MemoryQueue, WorkspaceCipher, FixedCredentials>,
    backfill: Backfill<MemoryQueue, WorkspaceCipher, FixedCredentials>,
}

impl Stack {
    /// Starts everything.
    pub async fn start(options: Options) -> Self {
        Self::start_on(Arc::new(TestClock::at(NOW)), options).await
    }

    /// Works until both queues are empty, moving the clock to wherever the next message becomes visible.
    pub async fn drain(&self) {
        for _ in 0..10_000 {
            if self.enrich_batch(&self.live).await || self.enrich_batch(&self.backfill_queue).await {
                continue;
            }
            let next = [&self.live, &self.backfill_queue].into_iter().filter_map(MemoryQueue::next_visible_in_ms).min();
            match next {
                Some(ms) => self.clock.advance(Duration::from_millis(ms.max(1).unsigned_abs())),
                None => return,
            }
        }
        panic!("the queues do not become empty");
    }

    /// Ticks and works until every checkpoint is idle and both queues are empty.
    pub async fn settle(&self) {
        for _ in 0..200 {
            let ticked = self.tick().await;
            self.drain().await;
            if ticked.due == 0 {
                return;
            }
            self.clock.advance(Duration::from_secs(20));
        }
        panic!("the backfill does not come to an end");
    }

    /// The same, where something fails first and is left alone for a while.
    pub async fn settle_with_patience(&self) {
        for _ in 0..8 {
            self.settle().await;
            self.clock.advance(Duration::from_secs(100));
        }
    }

    /// As if the next revisit were due: every checkpoint walks again.
    pub async fn revisit(&self) {
        self.clock.advance(Duration::from_secs(16 * 60));
        self.settle().await;
    }
}

impl<C: Clock + emulator::Clock> Stack<C> {
    /// Starts everything on this clock.
    pub async fn start_on(clock: Arc<C>, options: Options) -> Self {
        let private_token = "dG9rOnByaXZhdGUtYXBw";
        let config = emulator::Config {
            seed: options.seed,
            client_id: "client-id".to_owned(),
            client_secret: options.client_secret.clone(),
            workspace: emulator::Workspace { id_code: options.workspace, ..emulator::Workspace::default() },
            access_token: options.private_app.then(|| private_token.to_owned()),
            settings: emulator::Settings { rate_limit_per_10s: options.rate_limit, ..emulator::Settings::default() },
            clock: clock.clone(),
            ..emulator::Config::default()
        };
        let intercom = Emulator::start(config).await.unwrap();
        let tables = Tables::start().await;
        let credentials = FixedCredentials::new(Credentials {
            client_id: "client-id".to_owned(),
            client_secret: options.client_secret.clone().into(),
            webhook_secrets: Vec::new(),
            access_token: if options.private_app { private_token.into() } else { "".into() },
        });
        let metrics = MetricLog::default();
        let cipher = WorkspaceCipher::default();
        let live = MemoryQueue::new(clock.clone()).named("LiveQueue");
        let backfill_queue = MemoryQueue::new(clock.clone()).named("BackfillQueue");
        let base: url::Url = intercom.base_url().parse().unwrap();
        let cached = || async { CachedCredentials::load(credentials.clone(), clock.clone()).await.unwrap() };
        let installations = || Installations::new(tables.client.clone(), &tables.state);
        let checkpoints = || Checkpoints::new(tables.client.clone(), &tables.state);
        let retention = Retention { days: options.retention_days };
        let settings = Settings { retention_days: options.retention_days, ..options.settings };
        let memory = || MemoryTable::new(tables.client.clone(), &tables.memory, retention);
        let nearby = Nearby::new(&intercom, clock.clone());
        let http = || -> Arc<dyn Transport> { nearby.clone() };
        let access = |credentials, spread| {
            let api = ApiConfig { base: base.clone(), version: "2.14".to_owned(), limit: 166 };
            let windows = RateWindows::new(tables.client.clone(), &tables.state);
            let tables = access::Tables { installations: installations(), windows };
            Access::new(tables, credentials, cipher.clone(), http(), api, clock.clone(), spread)
        };
        let door = Door::new(live.clone(), cached().await, clock.clone(), metrics.of("webhook"));
        let app = App {
            config: oauth::Config {
                api_base: base.clone(),
                app_base: base.clone(),
                version: "2.14".to_owned(),
                public_base: options.public_base,
                allowed: options.allowed.clone(),
                return_to: options.return_to,
                app_store_redirect: options.app_store_redirect,
            },
            operator_key: Some("operator-key-of-the-test".into()),
            credentials: cached().await,
            tables: oauth::Tables {
                installations: installations(),
                states: OauthStates::new(tables.client.clone(), &tables.state),
                checkpoints: checkpoints(),
            },
            cipher: cipher.clone(),
            http: http(),
            clock: clock.clone(),
            random: Arc::new(SequentialRandom::default()),
            metrics: metrics.of("oauth"),
        };
        let enrich = Enrich {
            access: access(cached().await, 100),
            memory: memory(),
            checkpoints: checkpoints(),
            absences: Absences::new(tables.client.clone(), &tables.state),
            owner: enrich::ownerless::Owner::new(options.allowed.clone()),
            queues: Queues { live: live.clone(), backfill: backfill_queue.clone() },
            settings: settings.clone(),
            cache_minutes: options.cache_minutes,
            clock: clock.clone(),
            metrics: metrics.of("enrich"),
        };
        let backfill = Backfill {
            access: access(cached().await, 700),
            checkpoints: checkpoints(),
            sweeps: Sweeps::new(tables.client.clone(), &tables.state),
            memory: memory(),
            purge: options.purge_on_uninstall.then(|| Purge::new(tables.client.clone(), &tables.state, &tables.memory)),
            queue: backfill_queue.clone(),
            config: backfill::Config {
                backfill_days: options.backfill_days,
                reconcile_minutes: 15,
                sweep_days: options.sweep_days,
                sweep_limit_percent: 1,
                data_events: options.data_events,
                on_uninstall: if options.purge_on_uninstall { OnUninstall::Purge } else { OnUninstall::Keep },
                allowed: options.allowed,
                settings,
            },
            clock: clock.clone(),
            metrics: metrics.of("backfill"),
        };
        Self {
            intercom,
            clock,
            tables,
            live,
            backfill_queue,
            credentials,
            cipher,
            metrics,
            door,
            app,
            enrich,
            backfill,
        }
    }

    /// The workspace that Intercom plays.
    pub fn workspace(&self) -> WorkspaceId {
        self.intercom.state().workspace().id_code.parse().unwrap()
    }

    /// The table that enrich writes.
    pub fn memory(&self) -> &MemoryTable {
        &self.enrich.memory
    }

    /// As if the bundle were deployed again with other parameters.
    pub fn redeploy(&mut self, change: impl FnOnce(&mut backfill::Config)) {
        change(&mut self.backfill.config);
        self.enrich.settings = self.backfill.config.settings.clone();
        let retention = Retention { days: self.backfill.config.settings.retention_days };
        for memory in [&mut self.enrich.memory, &mut self.backfill.memory] {
            *memory = MemoryTable::new(self.tables.client.clone(), &self.tables.memory, retention);
        }
    }

    /// Sends an event to the webhook function.
    pub async fn webhook(&self, event: &str) -> ApiGatewayV2httpResponse {
        answer(event, |request| self.door.answer(request)).await
    }

    /// Sends a signed notification through the front door.
    pub async fn notify(&self, notification: &Value) -> i64 {
        self.webhook(&signed(CLIENT_SECRET, &notification.to_string())).await.status_code
    }

    /// Sends an event to the OAuth function.
    pub async fn oauth(&self, event: &str) -> ApiGatewayV2httpResponse {
        answer(event, |request| self.app.answer(request)).await
    }

    /// Installs as a browser would, without looking at Intercom's page. Gives the answer of the callback.
    pub async fn install(&self) -> ApiGatewayV2httpResponse {
        let (state, cookie) = self.begin_install().await;
        let code = self.intercom.state().issue_code();
        self.callback(&format!("code={}&state={state}", encode(&code)), &[&cookie]).await
    }

    /// The first half: gives the state and the cookie.
    pub async fn begin_install(&self) -> (String, String) {
        let answer = self.oauth(&event("GET", "/api/intercom/install", &[], &[], None)).await;
        assert_eq!(answer.status_code, 302);
        let to: url::Url = crate::header_of(&answer, "location").unwrap().parse().unwrap();
        let state = to.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        let cookie = answer.cookies.first().unwrap().split(';').next().unwrap().to_owned();
        (state, cookie)
    }

    /// The second half, with any query.
    pub async fn callback(&self, query: &str, cookies: &[&str]) -> ApiGatewayV2httpResponse {
        self.oauth(&event("GET", &format!("/api/intercom/callback?{query}"), &[], cookies, None)).await
    }

    /// One tick of the schedule.
    pub async fn tick(&self) -> Ticked {
        self.try_tick().await.unwrap()
    }

    /// One tick that may fail as a whole.
    ///
    /// # Errors
    /// Where nothing could be looked up at all.
    pub async fn try_tick(&self) -> Result<Ticked, backfill::BackfillError> {
        self.backfill.tick("test", Clock::now_ms(&*self.clock) + TICK_MS).await
    }

    /// One event of SQS's poller, as it is.
    ///
    /// # Errors
    /// Where the invocation itself fails.
    pub async fn enrich_event(&self, event: SqsEvent) -> Result<SqsBatchResponse, enrich::AllFailed> {
        self.enrich.handle(event, Clock::now_ms(&*self.clock) + BATCH_MS).await
    }

    /// One batch of a queue through enrich, as Lambda's poller does it. `false` where nothing was visible.
    pub async fn enrich_batch(&self, queue: &MemoryQueue) -> bool {
        let taken = queue.take(10);
        if taken.is_empty() {
            return false;
        }
        let mut event = SqsEvent::default();
        for message in &taken {
            let mut record = SqsMessage::default();
            record.message_id = Some(message.id.clone());
            record.receipt_handle = Some(message.id.clone());
            record.body = Some(message.body.clone());
            record.attributes.insert("ApproximateReceiveCount".to_owned(), message.receives.to_string());
            record.event_source_arn = Some(queue.arn());
            event.records.push(record);
        }
        if let Ok(response) = self.enrich_event(event).await {
            let failed: Vec<&str> = response.batch_item_failures.iter().map(|f| f.item_identifier.as_str()).collect();
            taken.iter().filter(|m| !failed.contains(&m.id.as_str())).for_each(|m| queue.delete(&m.id));
        }
        true
    }
}

fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
