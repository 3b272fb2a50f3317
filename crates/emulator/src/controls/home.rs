//! A page that says what this is, and lets a person say something as a customer.

use std::sync::Arc;

use axum::extract::{Form, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::error::ControlError;
use crate::html::{escape, page};
use crate::json::{list, text};
use crate::mutate::{Action, Deliver, Mutate};
use crate::state::EmulatorState;
use crate::world::Kind;

/// What the form led to.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Done {
    done: Option<String>,
}

/// Conversations offered in the form.
const OFFERED: usize = 15;

pub(super) async fn show(State(state): State<Arc<EmulatorState>>, Query(done): Query<Done>) -> Response {
    let settings = state.settings();
    let inner = state.lock();
    let workspace = &inner.world.workspace;
    let counts: String = inner
        .world
        .counts()
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, count)| format!("<tr><th scope=\"row\">{}</th><td>{count}</td></tr>", escape(name)))
        .collect();
    let options: String = inner
        .world
        .newest(Kind::Conversations, "updated_at")
        .into_iter()
        .take(OFFERED)
        .map(|conversation| {
            let who = conversation.pointer("/source/author/name").and_then(|name| name.as_str()).unwrap_or("a visitor");
            let title = match text(conversation, "title") {
                "" => "no title",
                title => title,
            };
            format!(
                "<option value=\"{id}\">{who}: {title} ({state}, {parts} parts)</option>",
                id = escape(text(conversation, "id")),
                who = escape(who),
                title = escape(title),
                state = escape(text(conversation, "state")),
                parts = list(conversation, crate::world::thread::PARTS).len(),
            )
        })
        .collect();
    let told = done.done.map_or_else(String::new, |told| format!("<p role=\"status\">{}</p>", escape(&told)));
    let deliver_to = settings
        .webhook_url
        .as_deref()
        .map_or_else(|| "nowhere yet: no webhook URL is set".to_owned(), |url| format!("to {url}"));
    let body = format!(
        "{told}<p>An emulated Intercom for tests and demonstrations. The workspace is <b>{name}</b> \
         (<code>{code}</code>, region {region}); everything in it is invented.</p>\
         <h2>Say something as a customer</h2><form method=\"post\" action=\"/_emulator/say\">\
         <label for=\"conversation\">Conversation</label><select id=\"conversation\" name=\"id\">{options}</select>\
         <label for=\"body\">Message</label><textarea id=\"body\" name=\"body\" rows=\"3\">Any news on this? We still see \
         ENG-42 on our side.</textarea><p class=\"note\">The webhook goes {to}.</p>\
         <button type=\"submit\">Send and notify</button></form>\
         <h2>What the workspace holds</h2><table>{counts}</table>\
         <h2>Controls</h2><ul><li><a href=\"/_emulator/truth\">Everything as the API would show it</a></li>\
         <li><a href=\"/_emulator/requests\">Requests counted</a></li><li><a href=\"/_emulator/settings\">Settings</a></li>\
         <li><a href=\"/_emulator/failures\">Failures to come</a></li></ul>\
         <p>From a shell:</p><pre><code>curl -X POST {base}/_emulator/mutate -d \
         '{{\"action\":\"user_replied\",\"deliver\":\"once\"}}'</code></pre>",
        name = escape(&workspace.name),
        code = escape(&workspace.id_code),
        region = escape(&workspace.region),
        to = escape(&deliver_to),
        base = escape(state.base_url()),
    );
    page(StatusCode::OK, "Intercom emulator", &body)
}

/// What a person typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Said {
    id: String,
    body: String,
}

pub(super) async fn say(
    State(state): State<Arc<EmulatorState>>,
    Form(said): Form<Said>,
) -> Result<Response, ControlError> {
    let deliver = if state.settings().webhook_url.is_some() { Deliver::Once } else { Deliver::None };
    let html = format!("<p>{}</p>", escape(said.body.trim()));
    let request = Mutate::new(Action::UserReplied).on(said.id).saying(html).delivered(deliver);
    let done = state.mutate(&request).await?;
    let told = match done.delivery {
        None => format!("Said. {} would have been sent.", done.topic),
        Some(delivery) => match delivery.status {
            Some(status) => format!("{} delivered: {status} after {} ms", done.topic, delivery.ms),
            None => format!("{} not delivered: {}", done.topic, delivery.error.unwrap_or_default()),
        },
    };
    let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("done", &told).finish();
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, format!("/_emulator?{query}"))]).into_response())
}
