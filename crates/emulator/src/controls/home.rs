//! A page that says what this is, lets a person say something as a customer, and shows what became of it.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Form, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;

use super::memory::{Remembered, Unknown};
use crate::deliver::{Delivery, Mutation};
use crate::error::ControlError;
use crate::html::{escape, page};
use crate::json::{list, text};
use crate::mutate::{Action, Deliver, Mutate};
use crate::state::EmulatorState;
use crate::world::{Kind, World};

/// What the page is asked to show.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// What the form led to.
    done: Option<String>,
    /// The conversation to show as memory holds it.
    conversation: Option<String>,
    /// Every conversation is listed, not the newest only.
    all: Option<String>,
}

/// Conversations offered in the form, and listed where not all are asked for.
const OFFERED: usize = 15;

/// Notifications listed.
const NOTIFICATIONS: usize = 5;

pub(super) async fn show(State(state): State<Arc<EmulatorState>>, Query(asked): Query<Asked>) -> Response {
    let remembered = match asked.conversation.as_deref().filter(|id| !id.is_empty()) {
        Some(id) => Some((id, state.remembered(id).await)),
        None => None,
    };
    let settings = state.settings();
    let deliver_to = settings
        .webhook_url
        .as_deref()
        .map_or_else(|| "nowhere yet: no webhook URL is set".to_owned(), |url| format!("to {url}"));
    let told =
        asked.done.as_deref().map_or_else(String::new, |told| format!("<p role=\"status\">{}</p>", escape(told)));
    let inner = state.lock();
    let workspace = &inner.world.workspace;
    let body = format!(
        "{told}<p>An emulated Intercom for tests and demonstrations. The workspace is <b>{name}</b> \
         (<code>{code}</code>, region {region}); everything in it is invented.</p>\
         <h2>Say something as a customer</h2><form method=\"post\" action=\"/_emulator/say\">\
         <label for=\"conversation\">Conversation</label><select id=\"conversation\" name=\"id\">{options}</select>\
         <label for=\"body\">Message</label><textarea id=\"body\" name=\"body\" rows=\"3\">Any news on this? We still see \
         ENG-42 on our side.</textarea><p class=\"note\">The webhook goes {to}.</p>\
         <button type=\"submit\">Send and notify</button></form>{memory}\
         <h2>Conversations</h2>{conversations}\
         <h2>Notifications sent</h2>{notifications}\
         <h2>What the workspace holds</h2><table>{counts}</table>\
         <h2>Controls</h2><ul><li><a href=\"/_emulator/truth\">Everything as the API would show it</a></li>\
         <li><a href=\"/_emulator/notifications\">Notifications sent, whole</a></li>\
         <li><a href=\"/_emulator/requests\">Requests counted</a></li><li><a href=\"/_emulator/settings\">Settings</a></li>\
         <li><a href=\"/_emulator/failures\">Failures to come</a></li></ul>\
         <p>These answer as JSON. From a shell:</p><pre><code>curl -X POST {base}/_emulator/mutate -d \
         '{{\"action\":\"user_replied\",\"deliver\":\"once\"}}'</code></pre>",
        name = escape(&workspace.name),
        code = escape(&workspace.id_code),
        region = escape(&workspace.region),
        options = options(&inner.world, asked.conversation.as_deref()),
        to = escape(&deliver_to),
        memory = remembered.map_or_else(String::new, |(id, remembered)| as_remembered(id, &remembered)),
        conversations = conversations(&inner.world, asked.all.is_some()),
        notifications = notifications(&inner.sent.newest(), state.base_url()),
        counts = counts(&inner.world),
        base = escape(state.base_url()),
    );
    page(StatusCode::OK, "Intercom emulator", &body)
}

fn counts(world: &World) -> String {
    let counts = world.counts();
    let rows = counts.as_object().into_iter().flatten();
    rows.map(|(name, count)| format!("<tr><th scope=\"row\">{}</th><td>{count}</td></tr>", escape(name))).collect()
}

/// Who began a conversation, and what it is about.
fn who_and_what(conversation: &Value) -> (String, String) {
    let who = conversation.pointer("/source/author/name").and_then(Value::as_str).unwrap_or("a visitor");
    let title = match text(conversation, "title") {
        "" => "no title",
        title => title,
    };
    (escape(who), escape(title))
}

/// The newest conversations, the chosen one among them whatever its age.
fn options(world: &World, chosen: Option<&str>) -> String {
    let newest = world.newest(Kind::Conversations, "updated_at");
    let chosen_one = |conversation: &&Value| chosen == Some(text(conversation, "id"));
    let mut offered: Vec<&Value> = newest.iter().copied().take(OFFERED).collect();
    if !offered.iter().any(chosen_one) {
        offered.extend(newest.iter().copied().find(|conversation| chosen_one(conversation)));
    }
    let option = |conversation: &Value| {
        let (who, title) = who_and_what(conversation);
        format!(
            "<option value=\"{id}\"{selected}>{who}: {title} ({id})</option>",
            id = escape(text(conversation, "id")),
            selected = if chosen_one(&conversation) { " selected" } else { "" },
        )
    };
    offered.into_iter().map(option).collect()
}

/// The newest conversations or all of them, each with the way to what memory holds of it.
fn conversations(world: &World, all: bool) -> String {
    let newest = world.newest(Kind::Conversations, "updated_at");
    let shown = if all { newest.len() } else { OFFERED };
    let row = |conversation: &&Value| {
        let (who, title) = who_and_what(conversation);
        format!(
            "<li><a href=\"/_emulator?conversation={query}#memory\"><code>{id}</code></a> {who}: {title} \
             <span class=\"note\">({state}, {parts} parts)</span></li>",
            query = url::form_urlencoded::byte_serialize(text(conversation, "id").as_bytes()).collect::<String>(),
            id = escape(text(conversation, "id")),
            state = escape(text(conversation, "state")),
            parts = list(conversation, crate::world::thread::PARTS).len(),
        )
    };
    let rows: String = newest.iter().take(shown).map(row).collect();
    let more = match newest.len() {
        total if shown < total => {
            format!("<p>The newest {shown}. <a href=\"/_emulator?all=yes\">All {total}</a></p>")
        }
        _ => String::new(),
    };
    format!("<p class=\"note\">An id leads to the conversation as memory holds it.</p><ul>{rows}</ul>{more}")
}

/// The last notifications, and how one is sent again.
fn notifications(newest: &[Value], base: &str) -> String {
    let Some(last) = newest.first() else { return "<p>None yet.</p>".to_owned() };
    let row = |one: &Value| format!("<li>{} <code>{}</code></li>", escape(text(one, "topic")), escape(text(one, "id")));
    let rows: String = newest.iter().take(NOTIFICATIONS).map(row).collect();
    format!(
        "<ul>{rows}</ul><p>Sent again, the same to the byte:</p><pre><code>curl -X POST {base}/_emulator/replay -d \
         '{{\"id\":\"{id}\"}}'</code></pre>",
        base = escape(base),
        id = escape(text(last, "id")),
    )
}

/// The conversation as memory holds it, or why that cannot be shown.
fn as_remembered(id: &str, remembered: &Result<Remembered, Unknown>) -> String {
    let shown = match remembered {
        Ok(remembered) if remembered.text.is_empty() => "<p>Nothing is remembered of it.</p>".to_owned(),
        Ok(remembered) => format!("<pre>{}</pre>", escape(&remembered.text)),
        Err(why) => format!("<p>{}</p>", escape(&why.to_string())),
    };
    format!("<h2 id=\"memory\">Conversation <code>{}</code> as memory holds it</h2>{shown}", escape(id))
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
    let began = Instant::now();
    let done = state.mutate(&request).await?;
    let conversation = text(&done.ids, "conversation_id").to_owned();
    let arrived = match &done.delivery {
        Some(Delivery { status: Some(200..=299), .. }) => {
            Some(state.in_memory_after(&conversation, text(&done.ids, "part_id"), began).await)
        }
        _ => None,
    };
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("done", &outcome(&done, arrived.as_ref()))
        .append_pair("conversation", &conversation)
        .finish();
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, format!("/_emulator?{query}"))]).into_response())
}

/// How it went: what was sent, how it was answered, and when memory had it.
fn outcome(done: &Mutation, arrived: Option<&Result<Option<u128>, Unknown>>) -> String {
    let id = text(&done.notification, "id");
    let mut told = match &done.delivery {
        None => format!("Said. {} would have been sent.", done.topic),
        Some(Delivery { status: Some(status), ms, .. }) => {
            format!("{} ({id}) delivered: {status} after {ms} ms", done.topic)
        }
        Some(Delivery { error, .. }) => {
            format!("{} ({id}) not delivered: {}", done.topic, error.as_deref().unwrap_or_default())
        }
    };
    let _ = match arrived {
        Some(Ok(Some(ms))) => write!(told, "; in memory after {ms} ms"),
        Some(Ok(None)) => write!(told, "; not in memory yet: reload the page to look again"),
        Some(Err(Unknown::NobodyToAsk)) | None => Ok(()),
        Some(Err(why)) => write!(told, "; {why}"),
    };
    told
}
