//! Who may see how far a workspace has come, and showing it.

use intercom::WorkspaceId;
use maud::{Markup, html};
use platform::{
    cipher::TokenCipher,
    credentials::CredentialsSource,
    http::{Request, Response, StatusCode, plain},
};

use crate::{
    App,
    pages::{self, Page},
    report::{Report, ResourceReport, for_people, report},
    session::{self, Keys},
};

impl<C: TokenCipher, S: CredentialsSource> App<C, S> {
    /// `GET /api/intercom/status`: with `?link=…` a one-time link is exchanged for a session; with `?workspace=…` and the
    /// session's cookie, or `Authorization: Bearer <operator key>`, the status is shown. With the operator key,
    /// `&link=new` gives a new one-time link, to be handed to a person.
    pub(crate) async fn status(&self, request: &Request) -> Response<String> {
        let Some(key) = &self.operator_key else { return self.closed(request, None) };
        let keys = Keys::new(key);
        let bearer = request.header("authorization").and_then(|h| h.strip_prefix("Bearer "));
        let is_operator = bearer.is_some_and(|given| keys.is_operator(given));
        let workspace = request.query("workspace").and_then(|id| id.parse::<WorkspaceId>().ok());
        match (request.query("link"), workspace) {
            (Some("new"), Some(workspace)) if is_operator => self.new_link(request, &workspace),
            (Some(link), _) => self.exchange(request, keys, link).await,
            (None, Some(workspace)) if is_operator || self.has_session(request, keys, &workspace) => {
                self.show(request, &workspace).await
            }
            (None, None) if is_operator => plain(StatusCode::BAD_REQUEST, "name the workspace: ?workspace=<id>\n"),
            (None, workspace) => self.closed(request, workspace.as_ref()),
        }
    }

    fn has_session(&self, request: &Request, keys: Keys<'_>, workspace: &WorkspaceId) -> bool {
        let cookie = request.cookie(&session::cookie_name(workspace));
        cookie.is_some_and(|cookie| keys.opens(cookie, workspace, self.clock.now_seconds()))
    }

    /// Exchanges a one-time link for a session. The browser ends on an address without the link, which is spent.
    async fn exchange(&self, request: &Request, keys: Keys<'_>, link: &str) -> Response<String> {
        let now = self.clock.now_seconds();
        let Some(link) = keys.read_link(link, now) else { return self.used_up(request) };
        match self.tables.states.spend_link(&link.nonce, link.expires_at).await {
            Ok(true) => {}
            Ok(false) => return self.used_up(request),
            Err(error) => return self.unavailable(&error),
        }
        let Some(session) = keys.session(&link.workspace, now) else { return self.used_up(request) };
        tracing::info!(workspace = %link.workspace, "a status session began");
        let to = format!("{}?workspace={}", self.status_url(request), link.workspace);
        pages::redirect(&to, &[session::cookie(&link.workspace, &session)])
    }

    /// A one-time link to a workspace's status; `None` without an operator key, from which it takes its own.
    pub(crate) fn status_link(&self, request: &Request, workspace: &WorkspaceId) -> Option<String> {
        let nonce = self.random.bytes().ok()?;
        let link = Keys::new(self.operator_key.as_ref()?).link(workspace, &nonce, self.clock.now_seconds())?;
        Some(format!("{}?link={link}", self.status_url(request)))
    }

    fn new_link(&self, request: &Request, workspace: &WorkspaceId) -> Response<String> {
        match self.status_link(request, workspace) {
            Some(link) => json_response(&serde_json::json!({"link": link, "seconds": session::LINK_SECONDS})),
            None => plain(StatusCode::SERVICE_UNAVAILABLE, "no randomness; try again\n"),
        }
    }

    async fn show(&self, request: &Request, workspace: &WorkspaceId) -> Response<String> {
        let installation = match self.tables.installations.get(workspace).await {
            Ok(Some(installation)) => installation,
            Ok(None) => return plain(StatusCode::NOT_FOUND, "this workspace is not installed here\n"),
            Err(error) => return self.unavailable(&error),
        };
        let checkpoints = match self.tables.checkpoints.all(workspace).await {
            Ok(checkpoints) => checkpoints,
            Err(error) => return self.unavailable(&error),
        };
        let report = report(&installation, &checkpoints, self.clock.now_seconds());
        if wants_html(request) { page(&report, &self.install_url(request, None)) } else { json_response(&report) }
    }

    fn used_up(&self, request: &Request) -> Response<String> {
        tracing::info!("a status link was refused");
        self.metrics.count("StatusRefused", 1, &[("reason", "link")], self.clock.now_ms());
        if !wants_html(request) {
            return plain(StatusCode::FORBIDDEN, "this link was used already, or has ended\n");
        }
        Page::new("This link is no longer valid")
            .text("It was used already, or is older than fifteen minutes. Connect the workspace again to get a new one; what was read so far stays.")
            .link("Connect Intercom", &self.install_url(request, None))
            .respond(StatusCode::FORBIDDEN)
    }

    /// Nothing is told, not even whether the workspace is installed.
    fn closed(&self, request: &Request, workspace: Option<&WorkspaceId>) -> Response<String> {
        let had_session = workspace.is_some_and(|w| request.cookie(&session::cookie_name(w)).is_some());
        if !wants_html(request) {
            return plain(
                StatusCode::UNAUTHORIZED,
                "send the operator key: Authorization: Bearer <operator_key of the keys secret>\n",
            );
        }
        let page = if had_session {
            Page::new("This session has ended")
                .text("Connect the workspace again to see its status; what was read so far stays.")
        } else {
            Page::new("This page opens by a link")
                .text("The link stands on the page that is shown when a workspace has been connected, and works once.")
        };
        page.link("Connect Intercom", &self.install_url(request, None)).respond(StatusCode::UNAUTHORIZED)
    }

    fn status_url(&self, request: &Request) -> String {
        format!("{}/api/intercom/status", self.public_base(request).unwrap_or_default())
    }
}

/// Browsers name `text/html`; everything else gets JSON.
fn wants_html(request: &Request) -> bool {
    request.header("accept").is_some_and(|accept| accept.contains("text/html"))
}

fn json_response(value: &impl serde::Serialize) -> Response<String> {
    let mut response = plain(StatusCode::OK, &serde_json::to_string_pretty(value).unwrap_or_default());
    pages::set_header(&mut response, "content-type", "application/json");
    pages::set_header(&mut response, "cache-control", "no-store");
    response
}

fn page(report: &Report, install: &str) -> Response<String> {
    let name = report.name.as_deref().unwrap_or(report.workspace.as_str());
    let mut page = Page::new(&format!("Intercom memory of {name}")).markup(html! {
        p id="summary" class=(if report.needs_reconnect { "summary wrong" } else { "summary" }) { (report.summary) }
    });
    if report.needs_reconnect {
        page = page.link("Reconnect Intercom", install);
    }
    page.markup(html! {
        dl class="facts" {
            div { dt { "Workspace" } dd { (report.workspace) } }
            div { dt { "Last live event" } dd {
                @match (&report.last_event_at, &report.last_event_ago) {
                    (Some(at), Some(ago)) => { time datetime=(at) title=(at) { (ago) } }
                    _ => { "none yet" }
                }
            } }
            @if let Some(rate) = &report.rate {
                div { dt { "Rate limit used" } dd { (grouped(rate.used.into())) " of " (grouped(rate.limit.into())) " in 10 s" } }
            }
        }
        @if !report.resources.is_empty() {
            h2 { "What has been read" }
            ul class="resources" { @for resource in &report.resources { (row(resource)) } }
        }
        (how_to_look(&report.workspace))
        @if let Some(as_of) = &report.as_of {
            p class="soft" { "As of " time datetime=(as_of) { (for_people(as_of)) } "." noscript { " " a href="" { "Refresh" } } }
        }
    })
    .refreshing(report.refresh_seconds)
    .respond(StatusCode::OK)
}

/// The list beside which the numbers stand, one resource a row.
fn row(r: &ResourceReport) -> Markup {
    let id = format!("r-{}", r.resource);
    html! {
        li {
            div class="line" {
                span class="what" id=(id) { (r.resource.replace('_', " ")) }
                span class="state" { (r.state) }
            }
            @match r.percent {
                Some(percent) => progress aria-labelledby=(id) max="100" value=(percent) { (percent) " %" },
                // Without a value the bar says that it is not known how much there is; an empty one would say 0 %.
                None => progress aria-labelledby=(id) {},
            }
            div class="line soft" {
                span {
                    (grouped(r.seen))
                    @if r.phase == "idle" { " at the last look" }
                    @else if let Some(estimate) = r.estimate { " of about " (grouped(estimate)) }
                    @else if r.seen > 0 { " so far; Intercom does not say of how many" }
                    @else { " so far" }
                }
                @if let Some(left) = &r.time_left { span { "about " (left) " left" } }
                @else if let Some(window) = &r.window { span { (window) } }
                @else if let Some(up_to) = r.up_to { span { "up to " time datetime=(up_to) { (for_people(&up_to.iso())) } } }
            }
            @if let Some(error) = &r.last_error { p class="error" { (error) } }
            @if let Some(notice) = &r.notice { p class="error" { (notice) } }
        }
    }
}

/// What to do with what was read: the page shows how far it is, the table holds it.
fn how_to_look(workspace: &WorkspaceId) -> Markup {
    let values = format!(r#"{{":c":{{"S":"{workspace}#conversation#CONVERSATION_ID"}}}}"#);
    html! {
        h2 { "Look at what is remembered" }
        p { "It is in the DynamoDB table that the deploy printed as " code { "MemoryTableName" }
            ". Whoever runs this app gets a conversation from it, whole and in order, with" }
        pre { code {
            "aws dynamodb query --table-name MEMORY_TABLE_NAME \\\n  --key-condition-expression 'pk = :c' \\\n  \
             --expression-attribute-values '" (values) "'"
        } }
        p class="soft" { "On a run on your own machine, " code { "make show" } " in the repository lists everything and finds by word, name and address." }
    }
}

/// 1234567 as 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn companies(seen: u64, percent: Option<u64>) -> ResourceReport {
        ResourceReport {
            resource: "companies".to_owned(),
            phase: "running",
            state: "reading the history".to_owned(),
            window: Some("from the beginning".to_owned()),
            generation: 1,
            seen,
            written: seen,
            estimate: None,
            percent,
            time_left: None,
            up_to: None,
            next_run_at: None,
            last_error: None,
            notice: None,
        }
    }

    #[test]
    fn a_bar_has_a_value_only_where_it_is_known_how_much_there_is() {
        let unknown = row(&companies(13, None)).into_string();
        assert!(unknown.contains("<progress aria-labelledby=\"r-companies\"></progress>"), "{unknown}");
        assert!(unknown.contains("13 so far; Intercom does not say of how many"), "{unknown}");
        let begun = row(&companies(0, None)).into_string();
        assert!(begun.contains("0 so far<") && !begun.contains("value="), "{begun}");
        assert!(row(&companies(13, Some(25))).into_string().contains("value=\"25\""));
    }

    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
