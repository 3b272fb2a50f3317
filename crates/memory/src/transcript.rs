//! A conversation to read.

use std::{borrow::Cow, collections::HashMap};

use serde_json::Value;

use crate::{Document, Event};

/// A whole conversation or ticket (or anything else with events) as Markdown: title, what it is now, its own text, then
/// who did what when, in order of time. Takes what one query of MemoryTable brings.
pub fn transcript(document: &Document, events: &[Event]) -> String {
    let mut out = format!("# {}\n", one_line(&document.title));
    let field = |name: &str| document.fields.get(name).map(words);
    let facts = [
        ("State", document.state.clone()),
        ("Priority", field("priority")),
        ("Tags", field("tags")),
        ("Rating", field("rating")),
        ("Updated", Some(document.updated_at.iso())),
        ("Address", document.url.clone()),
    ];
    for (label, value) in facts {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            out.push_str(&format!("\n- {label}: {}", one_line(&value)));
        }
    }
    for participant in &document.participants {
        let name = participant.name.as_deref().unwrap_or("no name");
        let (kind, id, role) = (&participant.kind, &participant.id, participant.role.replace('_', " "));
        out.push_str(&format!("\n- Participant: {} ({kind} {id}, {role})", one_line(name)));
    }
    out.push('\n');
    if document.parts_truncated {
        out.push_str("\n*Intercom listed only the newest parts; older ones may be missing.*\n");
    }
    if let Some(body) = document.body.as_deref().filter(|body| !body.is_empty()) {
        out.push_str(&format!("\n{body}\n"));
    }
    let names: HashMap<&str, &str> =
        document.participants.iter().filter_map(|p| Some((p.id.as_str(), p.name.as_deref()?))).collect();
    let mut events: Vec<&Event> = events.iter().collect();
    events.sort_by(|a, b| (a.occurred_at, &a.source_id).cmp(&(b.occurred_at, &b.source_id)));
    for event in events {
        let action = event.event_type.split_once('.').map_or("", |(_, action)| action).replace('-', " ");
        out.push_str(&format!("\n## {} · {} · {action}\n", event.occurred_at, author(event, &names)));
        match event.body.as_str() {
            "" => out.push_str(&format!("\n{}\n", one_line(&event.title))),
            body => out.push_str(&format!("\n{body}\n")),
        }
    }
    out
}

/// The author by name where one is known, else by kind and id.
fn author<'a>(event: &Event, names: &HashMap<&str, &'a str>) -> Cow<'a, str> {
    let attribute = |name: &str| event.attributes.get(name).and_then(Value::as_str);
    match (attribute("authorType"), attribute("authorId")) {
        (kind, Some(id)) => match names.get(id) {
            Some(name) => Cow::Owned(one_line(name).into_owned()),
            None => Cow::Owned(format!("{} {id}", kind.unwrap_or("contact"))),
        },
        (Some(kind), None) => Cow::Owned(kind.to_owned()),
        (None, None) => Cow::Borrowed("Intercom"),
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(words).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// Headings and list entries are lines: a name with a line break would end them.
fn one_line(text: &str) -> Cow<'_, str> {
    if text.contains(['\n', '\r']) { Cow::Owned(text.replace(['\n', '\r'], " ")) } else { Cow::Borrowed(text) }
}
