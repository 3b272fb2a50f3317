//! The few pages a person sees: server-rendered, no script, nothing from elsewhere.

use base64::{Engine, engine::general_purpose::STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use platform::http::{Response, StatusCode};
use sha2::{Digest, Sha256};

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--paper:#fff;--line:#d0d7de;--accent:#0b5fff}\
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa4af;--paper:#0f1419;--line:#30363d;--accent:#6ea8ff}}\
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.6 system-ui,sans-serif}\
main{max-width:46rem;margin:0 auto;padding:3rem 1.25rem}h1{font-size:1.6rem;line-height:1.25;margin:0 0 1rem}\
p{margin:0 0 1rem}.soft{color:var(--soft)}\
a.button{display:inline-block;padding:.6rem 1.1rem;border-radius:.5rem;background:var(--accent);color:var(--paper);\
text-decoration:none;font-weight:600}a.button:focus-visible{outline:3px solid var(--ink);outline-offset:2px}\
table{width:100%;border-collapse:collapse;margin:1rem 0}th,td{text-align:left;padding:.45rem .6rem .45rem 0;\
border-bottom:1px solid var(--line);vertical-align:top}td.n,th.n{text-align:right}progress{width:100%;min-width:5rem}\
@media(max-width:34rem){main{padding:1.5rem 1rem}table{font-size:.9rem}}";

/// A page of one heading, some sentences and perhaps one thing to do.
pub(crate) struct Page {
    title: String,
    body: Vec<Markup>,
}

impl Page {
    /// With its heading.
    pub(crate) fn new(title: &str) -> Self {
        Self { title: title.to_owned(), body: Vec::new() }
    }

    /// A sentence.
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.body.push(html! { p { (text) } });
        self
    }

    /// The thing to do.
    pub(crate) fn link(mut self, label: &str, to: &str) -> Self {
        self.body.push(html! { p { a class="button" href=(to) { (label) } } });
        self
    }

    /// Anything else.
    pub(crate) fn markup(mut self, markup: Markup) -> Self {
        self.body.push(markup);
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
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) }
                }
                body { main { h1 { (self.title) } @for part in &self.body { (part) } } }
            }
        };
        let style = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
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
