//! Invariant 11: what must never be in a log, nor in clear in a table.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use emulator::{Action, Failure, FailureKind, Mutate};
use lambda_runtime::tracing::subscriber::{self, layer::SubscriberExt};
use platform::{cipher::TokenCipher, config::Environment};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use store::installation::{Installations, StoredToken};
use tests::{CLIENT_SECRET, Options, Stack, body_of, event, header_of, signed};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tracing::{Dispatch, dispatcher::DefaultGuard};

const MARKER: &str = "Please rotate the zebra-striped umbrella before noon";

/// What may be in no log line, by what it is.
#[derive(Default)]
struct Secrets(BTreeMap<&'static str, BTreeSet<String>>);

impl Secrets {
    fn add(&mut self, what: &'static str, text: impl Into<String>) {
        let text = text.into();
        // What is shorter would be found by chance.
        if text.len() >= 6 {
            self.0.entry(what).or_default().insert(text);
        }
    }

    /// Which kinds of secret stand in a text.
    fn found_in(&self, text: &str) -> BTreeSet<&'static str> {
        self.0.iter().filter(|(_, all)| all.iter().any(|one| text.contains(one))).map(|(what, _)| *what).collect()
    }

    fn without(mut self, kinds: &[&str]) -> Self {
        self.0.retain(|kind, _| !kinds.contains(kind));
        self
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Listens on this thread until both are dropped. The second is there because `tracing` lets the first thread that comes by a
/// line decide for all whether it is ever said, as long as there is one subscriber only; and other tests' threads have none.
fn listen(subscriber: impl Into<Dispatch>) -> (DefaultGuard, Dispatch) {
    let listening = tracing::dispatcher::set_default(&subscriber.into());
    (listening, Dispatch::new(subscriber::Registry::default()))
}

/// Names, addresses and words of everything that Intercom holds.
fn collect_personal(value: &Value, key: &str, secrets: &mut Secrets) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| collect_personal(value, key, secrets)),
        Value::Array(items) => items.iter().for_each(|value| collect_personal(value, key, secrets)),
        Value::String(text) if key == "email" => secrets.add("e-mail address", text),
        Value::String(text) if key == "phone" => secrets.add("telephone number", text),
        Value::String(text) if key == "body" || key == "description" => {
            // The longest stretch without markup: it is the same in HTML, Markdown and JSON.
            let longest =
                text.split(['<', '>', '&', '"', '\n', '\\']).max_by_key(|part| part.len()).unwrap_or_default();
            if longest.trim().len() >= 15 {
                secrets.add("message", longest.trim());
            }
        }
        _ => {}
    }
}

async fn current_token(stack: &Stack) -> String {
    let installations = Installations::new(stack.tables.client.clone(), &stack.tables.state);
    let installation = installations.get(&stack.workspace()).await.unwrap().unwrap();
    let StoredToken::Encrypted(ciphertext) = installation.token else { panic!("no token is stored") };
    stack.cipher.decrypt(&stack.workspace(), &ciphertext).await.unwrap().expose_secret().to_owned()
}

/// Installs, noting everything that was secret on the way. Gives the pages that were shown.
async fn install(stack: &Stack, secrets: &mut Secrets) -> String {
    let (state, cookie) = stack.begin_install().await;
    let code = stack.intercom.state().issue_code();
    let encoded: String = url::form_urlencoded::byte_serialize(code.as_bytes()).collect();
    let connected = stack.callback(&format!("code={encoded}&state={state}"), &[&cookie]).await;
    assert_eq!(connected.status_code, 200);
    let page = body_of(&connected);
    let link = page.split("?link=").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let opened = stack.oauth(&event("GET", &format!("/api/intercom/status?link={link}"), &[], &[], None)).await;
    let session = opened.cookies.first().unwrap().split(';').next().unwrap().to_owned();
    let to = header_of(&opened, "location").unwrap();
    let path = to.strip_prefix("https://memory.example.com").unwrap();
    let status = stack.oauth(&event("GET", path, &[("accept", "text/html")], &[&session], None)).await;
    assert_eq!(status.status_code, 200);
    let (_, session_value) = session.split_once('=').unwrap();
    let (_, cookie_value) = cookie.split_once('=').unwrap();
    secrets.add("session", session_value);
    secrets.add("install cookie", cookie_value);
    secrets.add("status link", &link);
    secrets.add("state", &state);
    secrets.add("code", &code);
    secrets.add("code", &encoded);
    secrets.add("token", current_token(stack).await);
    // The connected page shows the link, which is its purpose.
    format!("{}{}", page.replace(&link, ""), body_of(&status))
}

/// Everything that the four functions do, well and badly. Gives what may be in no log, and the pages that were shown.
async fn journey() -> (Stack, Secrets, String) {
    let stack = Stack::start(Options::default()).await;
    let mut secrets = Secrets::default();
    secrets.add("token", "dG9rO");
    secrets.add("client secret", CLIENT_SECRET);
    secrets.add("operator key", "operator-key-of-the-test");
    secrets.add("message", MARKER);
    let intercom = stack.intercom.state();
    let fail = |route: &str, kind: FailureKind, times| {
        intercom.fail(vec![Failure { route: route.to_owned(), kind, times, skip: 0 }]).unwrap();
    };
    let mut pages = String::new();

    // Installing: refused in every way, then done.
    let (state, cookie) = stack.begin_install().await;
    for (query, cookies) in [
        ("code=wrong-code-123&state=short".to_owned(), vec![]),
        (format!("code=wrong-code-123&state={}", "f".repeat(64)), vec![cookie.as_str()]),
        (format!("code=wrong-code-123&state={state}"), vec![cookie.as_str()]),
        ("code=wrong-code-123".to_owned(), vec![]),
        ("error=access_denied&error_description=nobody%40example.com".to_owned(), vec![]),
    ] {
        pages += &body_of(&stack.callback(&query, &cookies).await);
    }
    secrets.add("code", "wrong-code-123");
    secrets.add("state", state);
    for kind in [FailureKind::Disconnect, FailureKind::NonJson, FailureKind::Status { status: 500 }] {
        fail("POST /auth/eagle/token", kind.clone(), 1);
        pages += &body_of(&stack.install().await);
        fail("GET /me", kind, 3);
        pages += &body_of(&stack.install().await);
    }
    intercom.clear_failures();
    stack.cipher.set_broken(true);
    pages += &body_of(&stack.install().await);
    stack.cipher.set_broken(false);
    pages += &install(&stack, &mut secrets).await;

    // Reading, with everything that Intercom can do wrong.
    for kind in [
        FailureKind::Truncated,
        FailureKind::Empty,
        FailureKind::NonJson,
        FailureKind::RateLimited,
        FailureKind::Disconnect,
        FailureKind::Status { status: 403 },
        FailureKind::Status { status: 500 },
    ] {
        fail("*", kind, 4);
    }
    stack.settle().await;

    // Live events: good, forged, broken, and with everything failing that can.
    let reply = intercom.mutate(&Mutate::new(Action::UserReplied).saying(format!("<p>{MARKER}</p>"))).await.unwrap();
    let created = intercom.mutate(&Mutate::new(Action::ContactCreated)).await.unwrap();
    let notification = reply.notifications[0].to_string();
    let forged = event("POST", webhook::PATH, &[("x-hub-signature", "sha1=00")], &[], Some(&notification));
    assert_eq!(stack.webhook(&forged).await.status_code, 401);
    assert_eq!(stack.webhook(&signed(CLIENT_SECRET, &format!("{notification}}}"))).await.status_code, 400);
    stack.live.set_broken(true);
    assert_eq!(stack.notify(&reply.notifications[0]).await, 503);
    stack.live.set_broken(false);
    for notification in reply.notifications.iter().chain(&created.notifications) {
        assert_eq!(stack.notify(notification).await, 200);
    }
    let mut unreadable = reply.notifications[0].clone();
    unreadable["data"] = json!({"item": [MARKER]});
    assert_eq!(stack.notify(&unreadable).await, 200);
    stack.cipher.set_broken(true);
    stack.enrich_batch(&stack.live).await;
    stack.cipher.set_broken(false);
    fail("GET /conversations/{id}", FailureKind::Truncated, 2);
    stack.drain().await;
    for action in [Action::ContactUpdated, Action::PartRedacted, Action::ContactDeleted, Action::ConversationDeleted] {
        for notification in &intercom.mutate(&Mutate::new(action)).await.unwrap().notifications {
            stack.notify(notification).await;
        }
    }
    stack.drain().await;
    collect_personal(&intercom.truth(None, None), "", &mut secrets);

    // The end, and the beginning again.
    intercom.revoke_tokens();
    stack.clock.advance(Duration::from_secs(16 * 60));
    stack.tick().await;
    pages += &install(&stack, &mut secrets).await;
    stack.settle().await;
    intercom.revoke_tokens();
    let body = json!({"app_id": stack.workspace(), "workspace_id": stack.workspace()}).to_string();
    let signature = emulator::body_signature(CLIENT_SECRET, body.as_bytes());
    for path in ["/api/intercom/health", "/api/intercom/uninstall"] {
        for signature in [signature.as_str(), "00"] {
            pages += &body_of(
                &stack.oauth(&event("POST", path, &[("x-body-signature", signature)], &[], Some(&body))).await,
            );
        }
    }
    (stack, secrets, pages)
}

#[tokio::test]
async fn invariant_11_tokens_and_secrets_are_in_no_log_and_in_clear_in_no_item_and_bodies_and_addresses_in_no_log() {
    let lines = Lines::default();
    let writer = lines.clone();
    // What ships, as talkative as its environment can make it.
    let env = [("AWS_LAMBDA_LOG_LEVEL", "TRACE"), ("AWS_LAMBDA_LOG_FORMAT", "JSON"), ("RUST_LOG", "trace")];
    let shipped = platform::logging::subscriber(&Environment::from(env), move || writer.clone());
    let listening = listen(shipped);
    let (stack, secrets, pages) = journey().await;
    let (state, memory) = (stack.tables.dump(&stack.tables.state).await, stack.tables.dump(&stack.tables.memory).await);
    // An error of the tables' own, text and all.
    stack.tables.client.delete_table().table_name(&stack.tables.state).send().await.unwrap();
    assert_eq!(stack.oauth(&event("GET", "/api/intercom/install", &[], &[], None)).await.status_code, 503);
    drop(listening);

    let log = lines.text();
    for said in
        ["installed", "no page", "was refused", "needs to be connected again", "written", "gone", "a table failed"]
    {
        assert!(log.contains(said), "the journey has gone another way: nothing says {said:?}");
    }
    for kind in ["token", "client secret", "code", "state", "session", "status link", "e-mail address", "message"] {
        assert!(secrets.0.contains_key(kind), "the journey has met no {kind}");
    }
    for line in log.lines().chain(stack.metrics.text().lines()) {
        assert_eq!(secrets.found_in(line), BTreeSet::new(), "{line}");
        // What does not say both, Lambda takes for INFO, and leaves out where only errors are wanted.
        let said: Value = serde_json::from_str(line).unwrap();
        let written = said["timestamp"].as_str().unwrap_or_default();
        assert!(OffsetDateTime::parse(written, &Rfc3339).is_ok(), "no time: {line}");
        assert!(["TRACE", "DEBUG", "INFO", "WARN", "ERROR"].map(Value::from).contains(&said["level"]), "{line}");
    }
    let in_tables = secrets.without(&["state", "e-mail address", "telephone number", "message"]);
    for (key, item) in state.iter().chain(&memory) {
        assert_eq!(in_tables.found_in(&format!("{key:?} {item}")), BTreeSet::new(), "{key:?}");
    }
    assert_eq!(in_tables.found_in(&pages), BTreeSet::new(), "a page repeats what it should not");
}

#[tokio::test]
async fn without_the_filter_the_libraries_would_log_what_no_line_of_ours_says() {
    let lines = Lines::default();
    let writer = lines.clone();
    let everything = subscriber::fmt::layer().json().with_writer(move || writer.clone());
    let listening = listen(subscriber::Registry::default().with(everything));
    let (_stack, secrets, _) = journey().await;
    drop(listening);
    let mut leaking: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
    for line in lines.text().lines() {
        let found = secrets.found_in(line);
        if !found.is_empty() {
            let target: Value = serde_json::from_str(line).unwrap();
            let target = target["target"].as_str().unwrap().split("::").next().unwrap().to_owned();
            leaking.entry(target).or_default().extend(found);
        }
    }
    // This is what the other test rests on: the search finds things where they are.
    assert!(leaking.get("aws_smithy_runtime").is_some_and(|found| found.contains("message")), "{leaking:?}");
    for ours in ["access", "backfill", "enrich", "intercom", "memory", "oauth", "platform", "store", "webhook"] {
        assert!(!leaking.contains_key(ours), "{leaking:?}");
    }
}

#[tokio::test]
async fn in_private_app_mode_the_token_stays_in_the_secret() {
    let lines = Lines::default();
    let writer = lines.clone();
    let env = Environment::from([("AWS_LAMBDA_LOG_LEVEL", "TRACE")]);
    let listening = listen(platform::logging::subscriber(&env, move || writer.clone()));
    let stack = Stack::start(Options { private_app: true, ..Options::default() }).await;
    stack.settle().await;
    stack.intercom.state().revoke_tokens();
    stack.revisit().await;
    drop(listening);
    let state = stack.tables.dump(&stack.tables.state).await;
    assert!(lines.text().contains("registered in private-app mode"));
    assert!(!lines.text().contains("dG9rO") && !format!("{state:?}").contains("dG9rO"));
}
