//! Parts and the opening message → events. Each event is a function of its own part and of nothing else.

use std::collections::BTreeMap;

use intercom::model::{self, Attachment, Author, Conversation, Part, Reference, Source};
use serde_json::{Map, Value};

use super::{
    context::{Context, MAX_TITLE, link, never, noun, person_type, references, title},
    fields::flat_without_addresses,
    part_types,
};
use crate::{EntityRef, EntityType, Event, Settings, html::Written, links, text};

/// The name of the opening message in source ids.
pub(crate) const SOURCE: &str = "source";
/// What stands in place of a text that was deleted in Intercom.
const DELETED: &str = "Message Deleted";

/// The parts that become events: those with an id, without notes where those are off, without the opening message,
/// which comes as a part of its own id when it is tagged.
pub(crate) fn visible<'p>(context: &Context<'_>, parts: &'p [Part], source: Option<&Source>) -> Vec<&'p Part> {
    let opening = source.and_then(|source| source.id.as_deref());
    let is_hidden_note = |part: &Part| {
        !context.settings.ingest_internal_notes && part_types::is_note(part.part_type.as_deref().unwrap_or_default())
    };
    parts
        .iter()
        .filter(|part| part.id.is_some() && (opening.is_none() || part.id.as_deref() != opening))
        .filter(|part| !is_hidden_note(part))
        .collect()
}

/// Whether teammates talk among themselves in a conversation: nobody wrote to them, it says that no contact is in it, and its
/// parts are by teammates and bots. Side conversations are such; their parts look like replies.
pub(crate) fn is_internal(object: &Value, conversation: &Conversation) -> bool {
    let is_message = |source: &Source| source.id.is_some() || source.body.is_some() || source.author.is_some();
    let (contacts, parts) = (&conversation.contacts, &conversation.conversation_parts.items);
    let by = |kinds: &[&str]| {
        let kinds_of_parts = parts.iter().filter_map(|part| part.author.as_ref()?.kind.as_deref());
        kinds_of_parts.map(person_type).any(|kind| kinds.contains(&kind))
    };
    !conversation.source.as_ref().is_some_and(is_message)
        && object.get("contacts").is_some()
        && contacts.items.is_empty()
        && !contacts.is_cut()
        && by(&["admin", "team"])
        && !by(&["contact"])
}

/// Whether a conversation is left out as notes are.
pub(crate) fn is_hidden_thread(settings: &Settings, object: &Value, conversation: &Conversation) -> bool {
    !settings.ingest_internal_notes && is_internal(object, conversation)
}

/// The event of a part.
pub(crate) fn part_event(context: &Context<'_>, part: &Part) -> Event {
    let part_type = part.part_type.as_deref().unwrap_or_default();
    let kind = part_types::part_type(part_type);
    let id = part.id.as_deref().unwrap_or_default();
    let occurred_at = part.created_at.or(part.updated_at).unwrap_or_else(never);
    let mut event = context.event(id, kind.action, kind.label, occurred_at);
    event.part_id = Some(id.to_owned());
    event.version = part.updated_at.unwrap_or(occurred_at).max(occurred_at);
    set(&mut event.attributes, "partId", part.id.as_deref());
    set(&mut event.attributes, "partType", part.part_type.as_deref());
    set(&mut event.attributes, "appPackageCode", part.app_package_code.as_deref());
    if let Some(assignee) = &part.assigned_to {
        let kind = assignee.kind.as_deref();
        set(&mut event.attributes, "assignedToType", kind);
        if let Some(id) = assignee.id.as_deref().filter(|id| *id != "0") {
            set(&mut event.attributes, "assignedToId", Some(id));
            event.relations.push(link(person_type(kind.unwrap_or("admin")), id, "assigned_to"));
        }
    }
    for participant in participants(part) {
        let kind = participant.kind.as_deref().unwrap_or("contact");
        let Some(id) = participant.id.as_deref() else { continue };
        if !event.attributes.contains_key("participantId") {
            set(&mut event.attributes, "participantType", Some(kind));
            set(&mut event.attributes, "participantId", Some(id));
        }
        event.relations.push(link(person_type(kind), id, "participant"));
    }
    set(&mut event.attributes, "ticketState", part.ticket_state.as_deref());
    set(&mut event.attributes, "previousTicketState", part.previous_ticket_state.as_deref());
    author(&mut event, part.author.as_ref());
    let label = match kind.action {
        "replied" => format!("{} Replied", writer(part.author.as_ref())),
        "noted" => "Note Added".to_owned(),
        _ => format!("{} {}", noun(context.entity.entity_type), kind.label),
    };
    let detail = details(part);
    let words = Words {
        subject: part.email_message_metadata.get("subject").and_then(Value::as_str).map(Written::Plain),
        body: part.body.as_deref().map(|body| context.message(body)),
        attachments: &part.attachments.items,
        detail,
    };
    say(context, &mut event, &label, words, part.redacted);
    event
}

/// The event of the opening message, `conversation.created`.
pub(crate) fn source_event(context: &Context<'_>, source: Option<&Source>, created_at: intercom::Timestamp) -> Event {
    let mut event = context.event(SOURCE, "created", "Created", created_at);
    let nothing = Source::default();
    let source = source.unwrap_or(&nothing);
    set(&mut event.attributes, "sourceType", source.kind.as_deref());
    set(&mut event.attributes, "deliveredAs", source.delivered_as.as_deref());
    author(&mut event, source.author.as_ref());
    let words = Words {
        subject: source.subject.as_deref().map(Written::either),
        body: source.body.as_deref().map(|body| context.message(body)),
        attachments: &source.attachments.items,
        detail: Vec::new(),
    };
    say(context, &mut event, "Conversation Created", words, source.redacted);
    event
}

/// The source id of the opening message of a conversation.
pub(crate) fn source_id(conversation: &EntityRef) -> String {
    super::context::source_id(conversation, SOURCE, &format!("{}.created", conversation.entity_type))
}

/// The subject as text; Intercom wraps it in a paragraph at times.
pub(crate) fn subject(source: &Source) -> Option<String> {
    source.subject.as_deref().map(|subject| Written::either(subject).text()).filter(|subject| !subject.is_empty())
}

/// What a part says.
struct Words<'a> {
    subject: Option<Written<'a>>,
    body: Option<Written<'a>>,
    attachments: &'a [Attachment],
    /// What a part without text tells by its other fields, by attribute name.
    detail: Vec<(&'static str, Value)>,
}

/// Puts the words into the event, or blanks them.
fn say(context: &Context<'_>, event: &mut Event, label: &str, words: Words<'_>, redacted: bool) {
    event.redacted = redacted;
    event.attributes.insert("redacted".to_owned(), Value::from(event.redacted));
    if event.redacted {
        event.title = title(DELETED, "");
        return;
    }
    let markdown = words.body.map(Written::markdown).unwrap_or_default();
    let subject = words.subject.map(Written::text);
    let first_words = subject.as_deref().map(|subject| text::one_line(subject, MAX_TITLE));
    let first_words = first_words.filter(|subject| !subject.is_empty());
    // The plain text has no link addresses and no escapes; a message of one image has none at all.
    let plain_words = || words.body.map(|body| text::one_line(&body.text(), MAX_TITLE));
    let mut summary = first_words.or_else(plain_words).unwrap_or_default();
    if summary.is_empty() {
        summary = text::first_words(&markdown, MAX_TITLE);
    }
    if summary.is_empty() {
        summary = words.detail.iter().map(|(_, value)| plain(value)).collect::<Vec<_>>().join(" → ");
    }
    if summary.is_empty() && event.attributes.contains_key("assignedToType") {
        let attribute = |name: &str| event.attributes.get(name).map(plain).unwrap_or_default();
        summary = match attribute("assignedToId") {
            id if id.is_empty() => "to nobody".to_owned(),
            id => format!("to {} {id}", attribute("assignedToType")),
        };
    }
    event.title = title(label, &summary);
    set(&mut event.attributes, "subject", subject.as_deref());
    for (name, value) in words.detail {
        event.attributes.insert(name.to_owned(), value);
    }
    // Links are looked for where they were written: in the HTML, whose addresses no escaping has touched.
    for found in [words.subject, words.body].into_iter().flatten() {
        event.relations.extend(references(found, context.settings));
    }
    event.body = markdown;
    if !words.attachments.is_empty() {
        event.attributes.insert("attachments".to_owned(), Value::from(words.attachments.len()));
        if !event.body.is_empty() {
            event.body.push_str("\n\n");
        }
        event.body.push_str("Attachments:");
        for attachment in words.attachments {
            let name = links::without_signatures(attachment.name.as_deref().unwrap_or("unnamed"));
            let kind = attachment.content_type.as_deref().or(attachment.kind.as_deref()).unwrap_or("unknown type");
            event.body.push_str(&format!("\n- {name} ({kind})"));
        }
    }
}

/// The author by type and id, never by name.
fn author(event: &mut Event, author: Option<&Author>) {
    let Some(author) = author else { return };
    set(&mut event.attributes, "authorType", author.kind.as_deref());
    set(&mut event.attributes, "authorId", author.id.as_deref());
    // Absent in older API versions, where it is false: only truth is kept.
    if author.from_ai_agent {
        event.attributes.insert("fromAiAgent".to_owned(), Value::from(true));
    }
    if author.is_ai_answer {
        event.attributes.insert("isAiAnswer".to_owned(), Value::from(true));
    }
    if let (Some(kind), Some(id)) = (author.kind.as_deref(), author.id.as_deref()) {
        event.relations.push(link(person_type(kind), id, "authored_by"));
    }
}

/// Who replied, in a title.
fn writer(author: Option<&Author>) -> &'static str {
    match author.and_then(|author| author.kind.as_deref()) {
        Some("user" | "lead" | "contact" | "visitor") => "Customer",
        Some("admin" | "team") => "Teammate",
        Some("bot") if author.is_some_and(|author| author.from_ai_agent || author.is_ai_answer) => "Fin",
        Some("bot") => "Bot",
        _ => "Somebody",
    }
}

/// What system parts tell in `event_details` and `updated_attribute_data`. Only members that are known to hold no names
/// and no addresses: the internal shape of these maps does.
fn details(part: &Part) -> Vec<(&'static str, Value)> {
    let known: [(&'static str, &Map<String, Value>, [&str; 2]); 9] = [
        ("workflowName", &part.event_details, ["workflow", "name"]),
        ("attributeName", &part.event_details, ["attribute", "name"]),
        ("attributeValue", &part.event_details, ["value", "name"]),
        ("actionName", &part.event_details, ["action", "name"]),
        ("actionResult", &part.event_details, ["action", "result"]),
        ("workflowEvent", &part.event_details, ["event", "type"]),
        ("workflowResult", &part.event_details, ["event", "result"]),
        ("attributeName", &part.updated_attribute_data, ["attribute", "label"]),
        ("attributeValue", &part.updated_attribute_data, ["value", "label"]),
    ];
    let value = |map: &Map<String, Value>, [outer, inner]: [&str; 2]| match map.get(outer)? {
        // Several options, files or references at once.
        Value::Array(values) if outer == "value" => flat_without_addresses(&Value::from(values.clone())),
        value => flat_without_addresses(value.get(inner)?),
    };
    let told = known.into_iter().filter_map(|(name, map, path)| Some((name, value(map, path)?)));
    let options = part.metadata.get("quick_reply_options").and_then(Value::as_array).into_iter().flatten();
    let options: Vec<&Value> = options.filter_map(|option| option.get("text")).collect();
    let options = flat_without_addresses(&options.into_iter().cloned().collect());
    told.chain(options.map(|options| ("quickReplyOptions", options))).collect()
}

/// Those whom a part added or removed.
fn participants(part: &Part) -> Vec<Reference> {
    let told = part.event_details.get("participant").or_else(|| part.event_details.get("participants"));
    let list = match told {
        Some(Value::Array(several)) => several.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    list.iter().map(model::read).collect()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn set(attributes: &mut BTreeMap<String, Value>, name: &str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        let value = links::without_signatures(value);
        attributes.insert(name.to_owned(), Value::from(text::cut(&value, 1_000)));
    }
}

/// How many messages people and bots wrote to one another, and how many notes.
pub(crate) fn count(entity_type: EntityType, events: &[Event]) -> BTreeMap<String, u64> {
    let of = |action: &str| {
        let event_type = format!("{entity_type}.{action}");
        events.iter().filter(|event| event.event_type == event_type).count() as u64
    };
    let mut counts = BTreeMap::new();
    counts.insert("parts".to_owned(), events.iter().filter(|event| event.part_id.is_some()).count() as u64);
    counts.insert("replies".to_owned(), of("replied"));
    if of("noted") > 0 {
        counts.insert("notes".to_owned(), of("noted"));
    }
    counts
}
