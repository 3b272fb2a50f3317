//! The status page: who may see it, what it says, and how it looks and behaves in a browser.

use std::{
    cell::Cell,
    path::{Path, PathBuf},
    process::Command,
    rc::Rc,
    time::Duration,
};

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use base64::{Engine, engine::general_purpose::STANDARD};
use emulator::{Action, Failure, FailureKind, Mutate};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tests::{Options, Stack, body_of, event, header_of};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const STATUS: &str = "/api/intercom/status";
const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
const KEY: (&str, &str) = ("authorization", "Bearer operator-key-of-the-test");

async fn get(stack: &Stack, path: &str, headers: &[(&str, &str)], cookies: &[&str]) -> ApiGatewayV2httpResponse {
    stack.oauth(&event("GET", path, headers, cookies, None)).await
}

/// The path and query of the link on the connected page.
fn link_on(page: &str) -> String {
    let at = page.find(&format!("{STATUS}?link=")).unwrap_or_else(|| panic!("no link on {page}"));
    page[at..].split('"').next().unwrap().to_owned()
}

/// Follows the link: gives the session's cookie and where the browser ends.
async fn begin_session(stack: &Stack, link: &str) -> (String, String) {
    let answer = get(stack, link, &[HTML], &[]).await;
    assert_eq!(answer.status_code, 302, "{}", body_of(&answer));
    let cookie = answer.cookies.first().unwrap();
    for attribute in ["__Host-intercom-status-", "Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(attribute), "{cookie} lacks {attribute}");
    }
    let to = header_of(&answer, "location").unwrap();
    assert!(!to.contains("link="), "the link leaves the address bar: {to}");
    let to = to.strip_prefix("https://memory.example.com").unwrap().to_owned();
    (cookie.split(';').next().unwrap().to_owned(), to)
}

async fn report(stack: &Stack) -> Value {
    let path = format!("{STATUS}?workspace={}", stack.workspace());
    serde_json::from_str(&body_of(&get(stack, &path, &[KEY], &[]).await)).unwrap()
}

#[tokio::test]
async fn the_link_on_the_connected_page_opens_the_status_once() {
    let stack = Stack::start(Options::default()).await;
    let link = link_on(&body_of(&stack.install().await));
    let (cookie, to) = begin_session(&stack, &link).await;
    let page = get(&stack, &to, &[HTML], &[&cookie]).await;
    assert_eq!(page.status_code, 200);
    assert!(body_of(&page).contains("about to begin"));
    let json = get(&stack, &to, &[("accept", "application/json")], &[&cookie]).await;
    let report: Value = serde_json::from_str(&body_of(&json)).unwrap();
    assert_eq!((report["status"].as_str(), report["resources"].as_array().unwrap().len()), (Some("active"), 9));

    let again = get(&stack, &link, &[HTML], &[]).await;
    assert_eq!((again.status_code, again.cookies.len()), (403, 0));
    assert!(body_of(&again).contains("no longer valid") && body_of(&again).contains("/api/intercom/install"));
    let both = tokio::join!(get(&stack, &link, &[], &[]), get(&stack, &link, &[], &[]));
    assert_eq!((both.0.status_code, both.1.status_code), (403, 403));
}

#[tokio::test]
async fn of_two_browsers_with_one_link_only_one_gets_in() {
    let stack = Stack::start(Options::default()).await;
    let link = link_on(&body_of(&stack.install().await));
    let both = tokio::join!(get(&stack, &link, &[HTML], &[]), get(&stack, &link, &[HTML], &[]));
    let mut statuses = [both.0.status_code, both.1.status_code];
    statuses.sort_unstable();
    assert_eq!(statuses, [302, 403]);
}

#[tokio::test]
async fn an_ended_a_changed_and_a_foreign_link_and_no_session_show_nothing() {
    let stack = Stack::start(Options::default()).await;
    let link = link_on(&body_of(&stack.install().await));
    let changed = link.replace(stack.workspace().as_str(), "otherws1");
    assert_eq!(get(&stack, &changed, &[HTML], &[]).await.status_code, 403);
    let (cookie, to) = begin_session(&stack, &link).await;
    let other = to.replace(stack.workspace().as_str(), "otherws1");
    let renamed = cookie.replacen(stack.workspace().as_str(), "otherws1", 1);
    for cookies in [vec![], vec![cookie.as_str()], vec![renamed.as_str()]] {
        assert_eq!(get(&stack, &other, &[HTML], &cookies).await.status_code, 401, "{cookies:?}");
    }
    assert_eq!(get(&stack, &to, &[HTML], &[]).await.status_code, 401);
    assert_eq!(get(&stack, STATUS, &[HTML], &[&cookie]).await.status_code, 401);

    let late = link_on(&body_of(&stack.install().await));
    stack.clock.advance(Duration::from_secs(15 * 60));
    assert_eq!(get(&stack, &late, &[HTML], &[]).await.status_code, 403);
    assert_eq!(get(&stack, &to, &[HTML], &[&cookie]).await.status_code, 200, "the session lasts longer");
    stack.clock.advance(Duration::from_secs(12 * 3600));
    let ended = get(&stack, &to, &[HTML], &[&cookie]).await;
    assert_eq!(ended.status_code, 401);
    assert!(body_of(&ended).contains("This session has ended"));
}

#[tokio::test]
async fn the_operator_key_opens_every_workspace_and_makes_new_links() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    stack.settle().await;
    let path = format!("{STATUS}?workspace={}", stack.workspace());
    for wrong in ["", "Bearer ", "Bearer wrong", "operator-key-of-the-test"] {
        for path in [path.clone(), format!("{path}&link=new")] {
            let answer = get(&stack, &path, &[("authorization", wrong)], &[]).await;
            assert!(matches!(answer.status_code, 401 | 403), "{wrong}");
        }
    }
    let report = report(&stack).await;
    assert_eq!(
        (report["status"].as_str(), report["summary"].as_str()),
        (Some("active"), Some("Connected and up to date."))
    );
    let conversations = report["resources"].as_array().unwrap().iter().find(|r| r["resource"] == "conversations");
    let conversations = conversations.unwrap();
    assert_eq!((conversations["phase"].as_str(), conversations["seen"].as_u64()), (Some("idle"), Some(12)));
    let unknown = get(&stack, &format!("{STATUS}?workspace=nobody"), &[KEY], &[]).await;
    assert_eq!(unknown.status_code, 404);
    assert_eq!(get(&stack, STATUS, &[KEY], &[]).await.status_code, 400);

    let new: Value =
        serde_json::from_str(&body_of(&get(&stack, &format!("{path}&link=new"), &[KEY], &[]).await)).unwrap();
    let link = new["link"].as_str().unwrap().strip_prefix("https://memory.example.com").unwrap().to_owned();
    let (cookie, to) = begin_session(&stack, &link).await;
    assert_eq!(get(&stack, &to, &[HTML], &[&cookie]).await.status_code, 200);
}

#[tokio::test]
async fn the_page_is_complete_without_a_script_and_allows_no_script_but_its_own() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    let rule = Failure {
        route: "POST /conversations/search".into(),
        kind: FailureKind::Status { status: 500 },
        times: 30,
        skip: 0,
    };
    stack.intercom.state().fail(vec![rule]).unwrap();
    stack.tick().await;
    let path = format!("{STATUS}?workspace={}", stack.workspace());
    let answer = get(&stack, &path, &[KEY, HTML], &[]).await;
    let page = body_of(&answer);
    for resource in
        ["conversations", "contacts", "companies", "tickets", "articles", "admins", "teams", "tags", "segments"]
    {
        assert!(page.contains(&format!("aria-labelledby=\"r-{resource}\"")), "no bar of {resource}: {page}");
    }
    assert!(page.contains("tries again in") && page.contains("Intercom cannot answer now: HTTP 500"), "{page}");
    assert!(page.contains("value=\"100\""), "those that are done");
    assert!(!page.contains("http://") && !page.contains("https://"), "nothing is loaded from elsewhere: {page}");

    let policy = header_of(&answer, "content-security-policy").unwrap();
    let hash = |tag: &str| {
        let content = page.split(&format!("<{tag}>")).nth(1).unwrap().split(&format!("</{tag}>")).next().unwrap();
        format!("{tag}-src 'sha256-{}'", STANDARD.encode(Sha256::digest(content.as_bytes())))
    };
    assert!(policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(policy.contains(&hash("script")) && policy.contains(&hash("style")), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(header_of(&answer, "cache-control").unwrap(), "no-store");

    let refused = stack.callback("error=access_denied", &[]).await;
    assert!(!header_of(&refused, "content-security-policy").unwrap().contains("script-src"), "where there is none");
}

#[tokio::test]
async fn the_last_live_event_is_shown_and_written_at_most_once_a_minute() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    stack.settle().await;
    assert_eq!(report(&stack).await["last_event_at"], Value::Null, "a backfill is no live event");
    let live = async || {
        stack.clock.advance(Duration::from_secs(20));
        let reply = stack.intercom.state().mutate(&Mutate::new(Action::UserReplied)).await.unwrap();
        stack.notify(&reply.notifications[0]).await;
        stack.drain().await;
        report(&stack).await["last_event_at"].as_str().unwrap().to_owned()
    };
    let first = live().await;
    assert_eq!((live().await, live().await), (first.clone(), first.clone()));
    assert!(live().await > first);
    let path = format!("{STATUS}?workspace={}", stack.workspace());
    assert!(body_of(&get(&stack, &path, &[KEY, HTML], &[]).await).contains(">just now</time>"));
}

#[tokio::test]
async fn a_workspace_that_needs_a_person_says_so_with_a_button() {
    let stack = Stack::start(Options::default()).await;
    let link = link_on(&body_of(&stack.install().await));
    let (cookie, to) = begin_session(&stack, &link).await;
    stack.intercom.state().revoke_tokens();
    stack.tick().await;
    let page = body_of(&get(&stack, &to, &[HTML], &[&cookie]).await);
    assert!(page.contains("Needs to be reconnected"), "{page}");
    assert!(page.contains("class=\"button\" href=\"https://memory.example.com/api/intercom/install\""), "{page}");
}

#[tokio::test]
async fn while_pages_are_read_the_page_says_how_far_and_how_much_of_the_rate_limit_is_used() {
    let options = Options::default();
    let stack = Stack::start(Options { seed: emulator::Seed { conversations: 120, ..options.seed }, ..options }).await;
    stack.install().await;
    let fails = FailureKind::Status { status: 500 };
    let rule = Failure { route: "POST /conversations/search".into(), kind: fails, times: 3, skip: 1 };
    stack.intercom.state().fail(vec![rule]).unwrap();
    stack.tick().await;
    let report = report(&stack).await;
    let conversations = &report["resources"][0];
    assert_eq!((&conversations["resource"], &conversations["seen"]), (&json!("conversations"), &json!(50)));
    assert_eq!((&conversations["estimate"], &conversations["percent"]), (&json!(120), &json!(41)));
    assert_eq!(report["rate"]["limit"], 1_666);
    // The emulator's own window: what has been asked so far, and the three tries that failed.
    assert!((1..30).contains(&report["rate"]["used"].as_u64().unwrap()), "{report}");
    let path = format!("{STATUS}?workspace={}", stack.workspace());
    let page = body_of(&get(&stack, &path, &[KEY, HTML], &[]).await);
    assert!(page.contains("50 of about 120") && page.contains(" of 1,666 in 10 s"), "{page}");
}

#[tokio::test]
async fn a_bar_without_an_estimate_is_unknown_and_the_page_says_how_to_look_at_what_is_remembered() {
    let stack = Stack::start(Options::default()).await;
    stack.install().await;
    // Companies are not counted by Intercom: their walk stops in the middle.
    let fails = FailureKind::Status { status: 500 };
    let rule = Failure { route: "GET /companies/scroll".into(), kind: fails, times: 3, skip: 1 };
    stack.intercom.state().fail(vec![rule]).unwrap();
    stack.tick().await;
    let report = report(&stack).await;
    let companies = report["resources"].as_array().unwrap().iter().find(|r| r["resource"] == "companies").unwrap();
    assert_eq!((&companies["phase"], &companies["percent"]), (&json!("running"), &Value::Null), "{companies}");
    let path = format!("{STATUS}?workspace={}", stack.workspace());
    let page = body_of(&get(&stack, &path, &[KEY, HTML], &[]).await);
    assert!(page.contains("<progress aria-labelledby=\"r-companies\"></progress>"), "no value: {page}");
    let values = format!("{{&quot;:c&quot;:{{&quot;S&quot;:&quot;{}#conversation#", stack.workspace());
    assert!(page.contains("Look at what is remembered") && page.contains(&values), "{page}");
    assert!(page.contains("MemoryTableName") && page.contains("make show"), "{page}");
}

/// Chromium, where it is installed.
fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path).flat_map(|dir| names.map(|name| dir.join(name))).find(|file| file.is_file())
}

/// Runs Chromium once and gives what it prints.
async fn browse(browser: PathBuf, profile: PathBuf, arguments: Vec<String>) -> String {
    let run = move || {
        let mut command = Command::new(browser);
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
        ]);
        command.arg(format!("--user-data-dir={}", profile.display())).args(arguments);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// What the browser asked for.
#[derive(Default)]
struct Seen {
    navigations: Cell<u32>,
    fetches: Cell<u32>,
}

/// Answers one connection from the handlers. Before the second look of the script, everything has been read.
async fn serve(stack: Rc<Stack>, seen: Rc<Seen>, mut stream: TcpStream) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(n) => request.extend_from_slice(&buffer[..n]),
        }
    }
    let text = String::from_utf8(request).unwrap();
    let mut lines = text.split("\r\n");
    let target = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let borrowed: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    if headers.iter().any(|(name, value)| name == "sec-fetch-mode" && value == "cors") {
        seen.fetches.set(seen.fetches.get() + 1);
        if seen.fetches.get() == 2 {
            stack.settle().await;
        }
    } else {
        seen.navigations.set(seen.navigations.get() + 1);
    }
    let cookies: Vec<&str> = borrowed.iter().filter(|(name, _)| *name == "cookie").map(|(_, value)| *value).collect();
    let answer = stack.oauth(&event("GET", &target, &borrowed, &cookies, None)).await;
    let body = body_of(&answer);
    let mut head =
        format!("HTTP/1.1 {} x\r\nconnection: close\r\ncontent-length: {}\r\n", answer.status_code, body.len());
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    for cookie in &answer.cookies {
        head.push_str(&format!("set-cookie: {cookie}\r\n"));
    }
    let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes()).await;
}

/// Where the pictures are left for a person to look at.
fn pictures() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("status-page");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[tokio::test]
async fn a_browser_follows_the_link_and_sees_the_page_refresh_itself() {
    let Some(browser) = chromium() else {
        println!("no Chromium is installed here: the status page was not tried in a browser");
        return;
    };
    let stack = Rc::new(Stack::start(Options::default()).await);
    let link = link_on(&body_of(&stack.install().await));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let seen = Rc::new(Seen::default());
    let folder = pictures();
    let profile = folder.join(format!("profile-{}", std::process::id()));
    let local = tokio::task::LocalSet::new();
    let (served, counted) = (Rc::clone(&stack), Rc::clone(&seen));
    local.spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::task::spawn_local(serve(Rc::clone(&served), Rc::clone(&counted), stream));
        }
    });
    let (to_link, to_page) = (format!("{origin}{link}"), format!("{origin}{STATUS}?workspace={}", stack.workspace()));
    local
        .run_until(async {
            let dom = browse(
                browser.clone(),
                profile.clone(),
                vec!["--virtual-time-budget=20000".into(), "--dump-dom".into(), to_link.clone()],
            )
            .await;
            assert!(dom.contains("Connected and up to date."), "{dom}");
            assert!(!dom.contains("about to begin"), "every row is new: {dom}");
            assert!(dom.contains("role=\"status\">Connected and up to date.</p>"), "a screen reader is told: {dom}");
            assert!(seen.fetches.get() >= 2, "the script has looked again: {}", seen.fetches.get());
            assert!(seen.navigations.get() <= 3, "and the page was not loaded again: {}", seen.navigations.get());

            // A page without progress, to look at too.
            let refused = format!("{origin}/api/intercom/callback?error=access_denied");
            let picture = format!("--screenshot={}", folder.join("refused.png").display());
            browse(browser.clone(), profile.clone(), vec!["--window-size=390,500".into(), picture, refused]).await;

            // Something to look at: walks under way, a failure, a long error.
            make_a_busy_state(&stack).await;
            for (name, size, dark) in
                [("desktop", "1200,1100", false), ("phone", "390,1100", false), ("dark", "1200,1100", true)]
            {
                let mut arguments = vec![
                    format!("--window-size={size}"),
                    format!("--screenshot={}", folder.join(format!("{name}.png")).display()),
                    to_page.clone(),
                ];
                if dark {
                    arguments.insert(0, "--blink-settings=preferredColorScheme=0".to_owned());
                }
                browse(browser.clone(), profile.clone(), arguments).await;
                assert!(folder.join(format!("{name}.png")).metadata().unwrap().len() > 5_000, "{name} is empty");
            }
        })
        .await;
    std::fs::remove_dir_all(profile).unwrap();
}

/// A history in the middle of being read, with one resource that fails.
async fn make_a_busy_state(stack: &Stack) {
    stack.clock.advance(Duration::from_secs(16 * 60));
    let fail = |route: &str, status, times| Failure {
        route: route.into(),
        kind: FailureKind::Status { status },
        times,
        skip: 0,
    };
    let rules = vec![fail("POST /contacts/search", 500, 3), fail("POST /tickets/search", 403, 1)];
    stack.intercom.state().fail(rules).unwrap();
    stack.tick().await;
}
