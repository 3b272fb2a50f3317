//! How far the memory of a workspace has come, for whoever holds the operator key.

use hmac::{Hmac, KeyInit, Mac};
use intercom::{Timestamp, WorkspaceId};
use maud::html;
use platform::{
    cipher::TokenCipher,
    credentials::CredentialsSource,
    http::{Request, Response, StatusCode, plain},
};
use secrecy::ExposeSecret;
use serde::Serialize;
use sha2::Sha256;
use store::{
    checkpoint::Checkpoint,
    installation::{Installation, Status},
};

use crate::{
    App,
    pages::{self, Page},
};

/// The answer, as JSON and as page.
#[derive(Serialize)]
struct Report {
    workspace: WorkspaceId,
    name: Option<String>,
    status: &'static str,
    installed_at: Option<String>,
    resources: Vec<ResourceReport>,
}

/// One resource.
#[derive(Serialize)]
struct ResourceReport {
    resource: String,
    phase: &'static str,
    generation: u64,
    seen: u64,
    written: u64,
    estimate: Option<u64>,
    up_to: Option<Timestamp>,
    next_run_at: Option<String>,
    last_error: Option<String>,
}

impl<C: TokenCipher, S: CredentialsSource> App<C, S> {
    /// `GET /api/intercom/status?workspace=…` with `Authorization: Bearer <operator key>`
    pub(crate) async fn status(&self, request: &Request) -> Response<String> {
        if !self.is_operator(request) {
            return plain(
                StatusCode::UNAUTHORIZED,
                "send the operator key: Authorization: Bearer <operator_key of the keys secret>\n",
            );
        }
        let Some(workspace) = request.query("workspace").and_then(|id| id.parse::<WorkspaceId>().ok()) else {
            return plain(StatusCode::BAD_REQUEST, "name the workspace: ?workspace=<id>\n");
        };
        let installation = match self.tables.installations.get(&workspace).await {
            Ok(Some(installation)) => installation,
            Ok(None) => return plain(StatusCode::NOT_FOUND, "this workspace is not installed here\n"),
            Err(error) => return self.unavailable(&error),
        };
        let checkpoints = match self.tables.checkpoints.all(&workspace).await {
            Ok(checkpoints) => checkpoints,
            Err(error) => return self.unavailable(&error),
        };
        let report = report(&installation, &checkpoints);
        if request.header("accept").is_some_and(|accept| accept.contains("text/html")) {
            page(&report, &self.install_url(request))
        } else {
            let mut response = plain(StatusCode::OK, &serde_json::to_string_pretty(&report).unwrap_or_default());
            pages::set_header(&mut response, "content-type", "application/json");
            pages::set_header(&mut response, "cache-control", "no-store");
            response
        }
    }

    /// Compares MACs of the two keys under one of them, in constant time whatever their lengths.
    fn is_operator(&self, request: &Request) -> bool {
        let given = request.header("authorization").and_then(|h| h.strip_prefix("Bearer ")).unwrap_or_default();
        let Some(key) = &self.operator_key else { return false };
        let mac = |text: &str| {
            let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.expose_secret().as_bytes()).ok()?;
            Some(mac.chain_update(text.as_bytes()))
        };
        match (mac(given), mac(key.expose_secret())) {
            (Some(given), Some(expected)) => given.verify(&expected.finalize().into_bytes()).is_ok(),
            _ => false,
        }
    }
}

fn report(installation: &Installation, checkpoints: &[Checkpoint]) -> Report {
    let iso = |seconds: i64| Timestamp::from_epoch_seconds(seconds).map(Timestamp::iso);
    Report {
        workspace: installation.workspace.clone(),
        name: installation.name.clone(),
        status: installation.status.as_str(),
        installed_at: iso(installation.installed_at),
        resources: checkpoints
            .iter()
            .map(|c| ResourceReport {
                resource: c.resource.clone(),
                phase: c.phase.as_str(),
                generation: c.generation,
                seen: c.seen,
                written: c.written,
                estimate: c.estimate,
                up_to: c.high_water,
                next_run_at: c.next_run_at.and_then(iso),
                last_error: c.last_error.clone(),
            })
            .collect(),
    }
}

fn page(report: &Report, install: &str) -> Response<String> {
    let title = format!("Intercom → Memory: {}", report.name.as_deref().unwrap_or(report.workspace.as_str()));
    let mut page = Page::new(&title);
    if report.status != Status::Active.as_str() {
        page = page
            .text("This workspace needs to be connected again: nothing new is being read.")
            .link("Connect Intercom", install);
    }
    page.markup(html! {
        table {
            thead { tr { th { "What" } th { "State" } th class="n" { "Seen" } th class="n" { "Of about" } th { "Up to" } } }
            tbody {
                @for r in &report.resources {
                    tr {
                        td { (r.resource) @if let Some(error) = &r.last_error { br; span class="soft" { (error) } } }
                        td { (r.phase) }
                        td class="n" { (r.seen) }
                        td class="n" { @if let Some(estimate) = r.estimate { (estimate) } @else { "–" } }
                        td { @if let Some(time) = r.up_to { (time) } @else { "–" } }
                    }
                }
            }
        }
    })
    .respond(StatusCode::OK)
}
