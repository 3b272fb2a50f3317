//! The emulator's state, and what a test can do to it without HTTP.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::Deserialize;
use serde_json::Value;
use tokio::sync::watch;

use crate::access::Access;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::ControlError;
use crate::failures::{Failure, Failures};
use crate::json::{id_of, set};
use crate::rate::RateLimiter;
use crate::requests::RequestCounts;
use crate::rng::Rng;
use crate::scroll::Scroll;
use crate::sent::Sent;
use crate::settings::{Settings, SettingsPatch};
use crate::view;
use crate::world::{Deleted, Kind, Seed, Workspace, World};

/// Everything behind the HTTP surface. Cheap to share; each operation is atomic.
pub struct EmulatorState {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) http: reqwest::Client,
    pub(crate) base_url: OnceLock<String>,
    /// Retries of deliveries that are still to come.
    pub(crate) retries: watch::Sender<usize>,
    born: Option<i64>,
    inner: Mutex<Inner>,
}

/// What changes.
pub(crate) struct Inner {
    pub world: World,
    pub seed: Seed,
    pub settings: Settings,
    pub access: Access,
    pub rate: RateLimiter,
    pub requests: RequestCounts,
    pub failures: Failures,
    pub scroll: Option<Scroll>,
    /// The last notifications that were sent.
    pub sent: Sent,
    /// A 410 ended the webhook subscription.
    pub subscription_ended: bool,
    /// Chance that must not change what the world looks like: request ids, codes, tokens, notification ids.
    pub noise: Rng,
}

/// A new world; what is absent stays as it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reset {
    /// See [`Seed::seed`].
    pub seed: Option<u64>,
    /// See [`Seed::conversations`].
    pub conversations: Option<u32>,
    /// See [`Seed::contacts`].
    pub contacts: Option<u32>,
    /// See [`Seed::companies`].
    pub companies: Option<u32>,
    /// See [`Seed::articles`].
    pub articles: Option<u32>,
    /// See [`Seed::tickets`].
    pub tickets: Option<u32>,
    /// See [`Seed::parts_per_conversation`].
    pub parts_per_conversation: Option<u32>,
}

impl EmulatorState {
    pub(crate) fn new(config: Config, http: reqwest::Client) -> Self {
        let now = config.clock.now();
        // Ids of notifications and requests differ from run to run on a real clock, and repeat on one that is owned.
        let unique = u64::try_from(config.clock.now_ms()).unwrap_or(0);
        let world = World::seeded(&config.seed, config.workspace, config.now.unwrap_or(now));
        let mut access = Access::default();
        if let Some(token) = &config.access_token {
            access.accept(token);
        }
        Self {
            client_id: config.client_id,
            client_secret: config.client_secret,
            http,
            base_url: OnceLock::new(),
            retries: watch::Sender::new(0),
            born: config.now,
            inner: Mutex::new(Inner {
                world,
                seed: config.seed,
                settings: config.settings,
                access,
                rate: RateLimiter::default(),
                requests: RequestCounts::default(),
                failures: Failures::default(),
                scroll: None,
                sent: Sent::default(),
                subscription_ended: false,
                noise: Rng::stream(config.seed.seed, "noise", unique),
            }),
            clock: config.clock,
        }
    }

    /// The state, for as short as possible and never across an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seconds since the epoch, on the emulator's clock.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// Scheme, host and port, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.base_url.get().map_or("", String::as_str)
    }

    /// The OAuth client id that the authorize page accepts.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The OAuth client secret, which also signs webhooks.
    #[must_use]
    pub fn client_secret(&self) -> &str {
        &self.client_secret
    }

    /// The emulated workspace.
    #[must_use]
    pub fn workspace(&self) -> Workspace {
        self.lock().world.workspace.clone()
    }

    /// Replaces the world by a new one. Tokens, settings, failures and request counts stay.
    pub fn reset(&self, reset: &Reset) -> Seed {
        let now = self.born.unwrap_or_else(|| self.clock.now());
        let mut inner = self.lock();
        let old = inner.seed;
        let seed = Seed {
            seed: reset.seed.unwrap_or(old.seed),
            conversations: reset.conversations.unwrap_or(old.conversations),
            contacts: reset.contacts.unwrap_or(old.contacts),
            companies: reset.companies.unwrap_or(old.companies),
            articles: reset.articles.unwrap_or(old.articles),
            tickets: reset.tickets.unwrap_or(old.tickets),
            parts_per_conversation: reset.parts_per_conversation.or(old.parts_per_conversation),
        };
        inner.world = World::seeded(&seed, inner.world.workspace.clone(), now);
        inner.seed = seed;
        inner.scroll = None;
        seed
    }

    /// Settings in force.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.lock().settings.clone()
    }

    /// Changes some settings and returns all.
    pub fn update_settings(&self, patch: SettingsPatch) -> Settings {
        let mut inner = self.lock();
        if patch.webhook_url.is_some() {
            inner.subscription_ended = false;
        }
        inner.settings.apply(patch);
        inner.settings.clone()
    }

    /// What Intercom would answer now: everything, one kind, or one object. An object of kinds with plural names as in
    /// [`Kind::name`], and `deleted`, `archived_contacts`, `merged_contacts`.
    #[must_use]
    pub fn truth(&self, kind: Option<Kind>, id: Option<&str>) -> Value {
        view::truth(&self.lock().world, kind, id)
    }

    /// One object as its single `GET` would answer it.
    #[must_use]
    pub fn object(&self, kind: Kind, id: &str) -> Option<Value> {
        self.lock().world.get(kind, id).map(|stored| view::whole(kind, stored))
    }

    /// Ids of every object of a kind.
    #[must_use]
    pub fn ids(&self, kind: Kind) -> Vec<String> {
        self.lock().world.all(kind).filter_map(|object| id_of(object.get("id")?)).collect()
    }

    /// Stores a raw object as it is; whatever it lacks is lacking in answers too. Its `id` becomes the given one.
    ///
    /// # Errors
    /// The object is no JSON object.
    pub fn upsert(&self, kind: Kind, id: &str, mut object: Value) -> Result<(), ControlError> {
        if !object.is_object() {
            return Err(ControlError::Invalid("an object is needed".to_owned()));
        }
        // A number stays a number: Intercom sends both.
        if object.get("id").and_then(id_of).as_deref() != Some(id) {
            set(&mut object, "id", id);
        }
        self.lock().world.put_as(kind, id.to_owned(), object);
        Ok(())
    }

    /// Deletes an object without any notification. False where there was none.
    pub fn remove(&self, kind: Kind, id: &str) -> bool {
        let now = self.clock.now();
        self.lock().world.delete(kind, id, now).is_some()
    }

    /// Lists an object as deleted that is served all the same.
    pub fn say_deleted(&self, kind: Kind, id: &str) {
        let deleted_at = self.clock.now();
        self.lock().world.deleted.push(Deleted { kind, id: id.to_owned(), deleted_at });
    }

    /// What was asked of the API.
    #[must_use]
    pub fn requests(&self) -> RequestCounts {
        self.lock().requests.clone()
    }

    /// Starts counting again.
    pub fn reset_requests(&self) {
        self.lock().requests = RequestCounts::default();
    }

    /// Adds failure rules.
    ///
    /// # Errors
    /// A status that is no error.
    pub fn fail(&self, rules: Vec<Failure>) -> Result<(), ControlError> {
        self.lock().failures.add(rules).map_err(ControlError::Invalid)
    }

    /// Rules that are still to happen.
    #[must_use]
    pub fn failures(&self) -> Vec<Failure> {
        self.lock().failures.pending().to_vec()
    }

    /// Forgets all failure rules.
    pub fn clear_failures(&self) {
        self.lock().failures.clear();
    }

    /// An authorisation code, as the authorize page would give.
    pub fn issue_code(&self) -> String {
        let now = self.clock.now();
        let mut inner = self.lock();
        let Inner { access, noise, .. } = &mut *inner;
        access.issue_code(noise, now)
    }

    /// A good access token, as an exchange would give.
    pub fn issue_token(&self) -> String {
        let mut inner = self.lock();
        let Inner { access, noise, .. } = &mut *inner;
        access.issue_token(noise)
    }

    /// Makes every token bad, without a notice.
    pub fn revoke_tokens(&self) {
        self.lock().access.revoke_all();
    }
}
