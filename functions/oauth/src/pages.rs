//! The few pages a person sees: server-rendered, complete without a script, nothing from elsewhere.

use base64::{Engine, engine::general_purpose::STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use platform::http::{Response, StatusCode};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("pages.css");

/// Replaces the page's `main` by a newer one of the same address, again and again.
const SCRIPT: &str = include_str!("pages.js");

/// A page of one heading, some sentences and perhaps one thing to do.
pub(crate) struct Page {
    title: String,
    body: Vec<Markup>,
    refresh_seconds: Option<u32>,
}

impl Page {
    /// With its heading.
    pub(crate) fn new(title: &str) -> Self {
        Self { title: title.to_owned(), body: Vec::new(), refresh_seconds: None }
    }

    /// The heading.
    pub(crate) fn title(&self) -> &str {
        &self.title
    }

    /// A sentence.
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.body.push(html! { p { (text) } });
        self
    }

    /// The thing to do.
    pub(crate) fn link(mut self, label: &str, to: &str) -> Self {
        self.body.push(html! { p { a id="action" class="button" href=(to) { (label) } } });
        self
    }

    /// Anything else.
    pub(crate) fn markup(mut self, markup: Markup) -> Self {
        self.body.push(markup);
        self
    }

    /// The page looks for a newer version of itself every so many seconds, where scripts run.
    pub(crate) fn refreshing(mut self, seconds: u32) -> Self {
        self.refresh_seconds = Some(seconds);
        self
    }

    /// The response.
    pub(crate) fn respond(self, status: StatusCode) -> Response<String> {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="referrer" content="no-referrer";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    main data-refresh=[self.refresh_seconds] { h1 { (self.title) } @for part in &self.body { (part) } }
                    @if self.refresh_seconds.is_some() {
                        // What a screen reader is told when the summary changes; the rest changes silently.
                        p id="live" class="unseen" role="status" {}
                        script { (PreEscaped(SCRIPT)) }
                    }
                }
            }
        };
        let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
        let script = match self.refresh_seconds {
            Some(_) => format!("script-src 'sha256-{}'; connect-src 'self'; ", hash(SCRIPT)),
            None => String::new(),
        };
        let policy = format!(
            "default-src 'none'; {script}style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            hash(STYLE)
        );
        let mut response = Response::new(page.into_string());
        *response.status_mut() = status;
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("content-security-policy", policy.as_str()),
            // A page may hold a workspace's name and numbers, and its URL a code.
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
        ] {
            set_header(&mut response, name, value);
        }
        response
    }
}

/// Sends the browser elsewhere.
pub(crate) fn redirect(to: &str, cookies: &[String]) -> Response<String> {
    let mut response = Response::new(String::new());
    *response.status_mut() = StatusCode::FOUND;
    set_header(&mut response, "location", to);
    set_header(&mut response, "cache-control", "no-store");
    set_header(&mut response, "referrer-policy", "no-referrer");
    for cookie in cookies {
        set_cookie(&mut response, cookie);
    }
    response
}

/// Adds a cookie.
pub(crate) fn set_cookie(response: &mut Response<String>, cookie: &str) {
    if let Ok(value) = cookie.parse() {
        response.headers_mut().append("set-cookie", value);
    }
}

/// Sets a header; our own values are always valid.
pub(crate) fn set_header(response: &mut Response<String>, name: &'static str, value: &str) {
    if let Ok(value) = value.parse() {
        response.headers_mut().insert(name, value);
    }
}
