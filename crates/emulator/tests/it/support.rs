//! An emulator with an owned clock, a client with a token, and an endpoint that records webhooks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use emulator::{Config, Emulator, EmulatorState, ManualClock, Seed};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

/// 2026-11-22T00:00:00Z.
pub(crate) const NOW: i64 = 1_795_305_600;

pub(crate) struct World {
    pub(crate) emulator: Emulator,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) token: String,
    pub(crate) http: reqwest::Client,
}

pub(crate) fn seed() -> Seed {
    Seed {
        seed: 7,
        conversations: 47,
        contacts: 33,
        companies: 14,
        articles: 9,
        tickets: 6,
        parts_per_conversation: None,
    }
}

pub(crate) async fn start() -> World {
    start_with(|_| {}).await
}

pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> World {
    let clock = Arc::new(ManualClock::at(NOW));
    let mut config = Config { seed: seed(), clock: Arc::clone(&clock) as _, ..Config::default() };
    change(&mut config);
    let emulator = Emulator::start(config).await.unwrap();
    let token = emulator.state().issue_token();
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    World { emulator, clock, token, http }
}

impl World {
    pub(crate) fn state(&self) -> &Arc<EmulatorState> {
        self.emulator.state()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.emulator.base_url())
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(path)).bearer_auth(&self.token)
    }

    pub(crate) async fn send(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    /// The JSON of a GET that must succeed.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let response = self.send(path).await;
        assert_eq!(response.status(), 200, "GET {path}");
        response.json().await.unwrap()
    }

    /// Status and JSON of a GET.
    pub(crate) async fn try_get(&self, path: &str) -> (u16, Value) {
        let response = self.send(path).await;
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let response = self.request(Method::POST, path).json(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub(crate) async fn get_as(&self, version: &str, path: &str) -> (u16, Value) {
        let response = self.request(Method::GET, path).header("Intercom-Version", version).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }
}

/// The code of an `error.list`.
pub(crate) fn code(error: &Value) -> &str {
    assert_eq!(error["type"], "error.list", "{error}");
    error["errors"][0]["code"].as_str().unwrap()
}

pub(crate) fn ids(objects: &Value) -> Vec<String> {
    objects.as_array().unwrap().iter().map(|object| object["id"].as_str().unwrap().to_owned()).collect()
}

/// What an endpoint received.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// An endpoint that answers as it was told, then 200.
#[derive(Clone, Default)]
pub(crate) struct Endpoint {
    pub(crate) url: String,
    received: Arc<Mutex<Vec<Received>>>,
    answers: Arc<Mutex<VecDeque<u16>>>,
}

impl Endpoint {
    pub(crate) async fn start(answers: &[u16]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let endpoint = Self { url, ..Self::default() };
        endpoint.answers.lock().unwrap().extend(answers);
        let router = Router::new().fallback(receive).with_state(endpoint.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        endpoint
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn receive(State(endpoint): State<Endpoint>, uri: Uri, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    endpoint.received.lock().unwrap().push(Received { path: uri.path().to_owned(), headers, body });
    let status = endpoint.answers.lock().unwrap().pop_front().unwrap_or(200);
    (StatusCode::from_u16(status).unwrap(), format!("answered {status}"))
}
