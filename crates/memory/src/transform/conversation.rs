//! Conversations.

use std::collections::{BTreeMap, BTreeSet};

use intercom::{
    Timestamp,
    model::{self, Author, Conversation, LinkedObject, Part},
};
use serde_json::{Map, Value};

use super::{
    context::{Context, at, link, person_type, title},
    fields::Fields,
    parts,
};
use crate::{Document, Event, Link, Participant, RelationTarget, View, html};

/// The field of a conversation in which teammates talk among themselves.
const INTERNAL: &str = Document::INTERNAL;

pub(super) fn view(context: &Context<'_>, object: &Value) -> View {
    let conversation: Conversation = model::read(object);
    let source = conversation.source.as_ref();
    let internal = parts::is_internal(object, &conversation);
    if parts::is_hidden_thread(context.settings, object, &conversation) {
        return hidden(context, &conversation);
    }
    let visible = parts::visible(context, &conversation.conversation_parts.items, source);
    let mut events: Vec<Event> = visible.iter().map(|part| parts::part_event(context, part)).collect();
    if let Some(created_at) = conversation.created_at {
        events.push(parts::source_event(context, source, created_at));
    }
    events.extend(rating(context, &conversation));
    events.extend(fin(context, &conversation));

    let title = name(context, &conversation);
    let mut document = context.document(title, conversation.created_at, conversation.updated_at);
    document.state = conversation.state.clone();
    let (workspace, id) = (&context.entity.workspace, &context.entity.id);
    document.url = context.page(&format!("/a/inbox/{workspace}/inbox/conversation/{id}"));
    document.counts = parts::count(context.entity.entity_type, &events);
    if let Some(figures) = &conversation.statistics {
        let known = [("reopens", figures.count_reopens), ("assignments", figures.count_assignments)];
        document.counts.extend(known.into_iter().filter_map(|(name, n)| Some((name.to_owned(), n?))));
    }
    document.parts_truncated = conversation.conversation_parts.is_cut();
    document.participants = participants(&conversation, &visible);
    document.fields = fields(&conversation, &visible);
    if internal {
        document.fields.insert(INTERNAL.to_owned(), Value::from(true));
    }
    let relations = context.relations(conversation.created_at, links(&conversation, &events));
    View { document, events, relations }
}

/// What teammates say among themselves, where notes are off: that there is something, and nothing of it.
fn hidden(context: &Context<'_>, conversation: &Conversation) -> View {
    let mut document = context.document(None, conversation.created_at, conversation.updated_at);
    document.state = conversation.state.clone();
    document.counts = parts::count(context.entity.entity_type, &[]);
    document.fields.insert(INTERNAL.to_owned(), Value::from(true));
    View { document, events: Vec::new(), relations: Vec::new() }
}

/// The title, else the subject, else the first words of the opening message.
fn name(context: &Context<'_>, conversation: &Conversation) -> Option<String> {
    let source = conversation.source.as_ref().filter(|source| !source.redacted);
    let subject = || source.and_then(parts::subject);
    let words = || source.and_then(|source| source.body.as_deref()).map(|body| context.message(body).text());
    conversation.title.clone().or_else(subject).or_else(words)
}

/// The rating makes no part of its own in every version; its own time names it.
fn rating(context: &Context<'_>, conversation: &Conversation) -> Option<Event> {
    let rating = conversation.conversation_rating.as_ref()?;
    let score = rating.rating?;
    let time = rating.updated_at.or(rating.created_at)?;
    let mut event = context.event(&at(time), "rated", "Rated", time);
    event.attributes.insert("rating".to_owned(), Value::from(score));
    let customer = rating.contact.as_ref().and_then(|contact| contact.id.as_deref());
    // Typed into a box of plain text.
    let remark = rating.remark.as_deref().unwrap_or_default();
    let words = crate::text::one_line(&html::plain_text(remark), 150);
    event.title = title("Conversation Rated", &format!("{score} of 5 {words}"));
    if let Some(customer) = customer {
        event.attributes.insert("authorId".to_owned(), Value::from(customer));
        event.relations.push(link("contact", customer, "authored_by"));
    }
    if let Some(teammate) = rating.teammate.as_ref().and_then(|teammate| teammate.id.as_deref()) {
        event.relations.push(link("admin", teammate, "rates"));
    }
    event.relations.extend(super::context::references(html::Written::Plain(remark), context.settings));
    event.body = html::plain_to_markdown(remark);
    Some(event)
}

/// How Fin left the conversation; told by the object alone.
fn fin(context: &Context<'_>, conversation: &Conversation) -> Option<Event> {
    let agent = conversation.ai_agent.as_ref()?;
    let state = agent.resolution_state.as_deref()?;
    let time = agent.updated_at.or(agent.created_at)?;
    let mut event = context.event(&at(time), "ai-agent-finished", "AI Agent Finished", time);
    event.title = title("Fin Finished", &state.replace('_', " "));
    let told = [
        ("resolutionState", agent.resolution_state.as_deref()),
        ("lastAnswerType", agent.last_answer_type.as_deref()),
        ("aiAgentSourceType", agent.source_type.as_deref()),
    ];
    let told = told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?))));
    event.attributes.extend(told);
    Some(event)
}

fn fields(conversation: &Conversation, visible: &[&Part]) -> Map<String, Value> {
    let mut fields = Fields::default();
    fields.set("priority", conversation.priority.clone());
    fields.set("open", conversation.open);
    fields.time("waiting_since", conversation.waiting_since);
    fields.time("snoozed_until", conversation.snoozed_until);
    fields.set("admin_assignee_id", conversation.admin_assignee_id.clone());
    fields.set("team_assignee_id", conversation.team_assignee_id.clone());
    fields.list("tags", conversation.tags.items.iter().filter_map(|tag| tag.name.clone()));
    fields.list("tag_ids", conversation.tags.items.iter().filter_map(|tag| tag.id.clone()));
    // Tagging a message does not change the message, so its tags are not in its event.
    fields.list("message_tags", visible.iter().flat_map(|p| &p.tags.items).filter_map(|tag| tag.name.clone()));
    if let Some(source) = &conversation.source {
        fields.set("source_type", source.kind.clone());
        fields.set("delivered_as", source.delivered_as.clone());
        if !source.redacted {
            fields.set("subject", parts::subject(source));
            // What stands behind the question mark of a customer's page may be anything, sessions included.
            let page = source.url.as_deref().and_then(|url| url.split(['?', '#']).next());
            fields.set("page_url", page.filter(|page| !page.is_empty()));
        }
    }
    fields.list("contact_ids", contact_ids(conversation));
    fields.list("company_ids", conversation.company.iter().filter_map(|company| company.id.clone()));
    if let Some(rating) = &conversation.conversation_rating {
        fields.set("rating", rating.rating);
        fields.set("rating_remark", rating.remark.clone());
    }
    if let Some(agent) = &conversation.ai_agent {
        fields.set("ai_agent_resolution_state", agent.resolution_state.clone());
        fields.set("ai_agent_last_answer_type", agent.last_answer_type.clone());
        fields.set("ai_agent_source_type", agent.source_type.clone());
        fields.set("ai_agent_rating", agent.rating);
    }
    fields.set("ai_agent_participated", conversation.ai_agent_participated.then_some(true));
    if let Some(figures) = &conversation.statistics {
        fields.time("first_contact_reply_at", figures.first_contact_reply_at);
        fields.time("first_admin_reply_at", figures.first_admin_reply_at);
        fields.time("last_contact_reply_at", figures.last_contact_reply_at);
        fields.time("last_admin_reply_at", figures.last_admin_reply_at);
        fields.time("first_close_at", figures.first_close_at);
        fields.time("last_close_at", figures.last_close_at);
        fields.set("last_closed_by_id", figures.last_closed_by_id.clone());
        fields.set("seconds_to_admin_reply", figures.time_to_admin_reply);
        fields.set("seconds_to_first_close", figures.time_to_first_close);
    }
    for (name, member) in [("sla_name", "sla_name"), ("sla_status", "sla_status")] {
        fields.set(name, conversation.sla_applied.get(member).and_then(Value::as_str));
    }
    fields.list("linked_objects", linked(&conversation.linked_objects.items).map(|(kind, id)| format!("{kind}:{id}")));
    if let Some(ticket) = &conversation.ticket {
        fields.set("ticket_id", ticket.id.clone());
        fields.set("ticket_number", ticket.ticket_id.clone());
    }
    fields.map("custom_attributes", &conversation.custom_attributes);
    fields.0
}

fn contact_ids(conversation: &Conversation) -> Vec<String> {
    let listed = conversation.contacts.items.iter().filter_map(|contact| contact.id.clone());
    let author = conversation.source.as_ref().and_then(|source| source.author.as_ref());
    let author = author.filter(|author| is_contact(author)).and_then(|author| author.id.clone());
    listed.chain(author).collect()
}

fn is_contact(author: &Author) -> bool {
    author.kind.as_deref().is_some_and(|kind| person_type(kind) == "contact")
}

/// Linked tickets and conversations as (kind, id).
pub(super) fn linked(objects: &[LinkedObject]) -> impl Iterator<Item = (&str, &str)> {
    objects.iter().filter_map(|object| Some((object.kind.as_deref()?, object.id.as_deref()?)))
}

/// Who raised it: the author of the opening message where that is a contact, else the first contact listed.
fn raised_by(conversation: &Conversation) -> Option<&str> {
    let author = conversation.source.as_ref().and_then(|source| source.author.as_ref());
    let author = author.filter(|author| is_contact(author)).and_then(|author| author.id.as_deref());
    author.or_else(|| conversation.contacts.items.first().and_then(|contact| contact.id.as_deref()))
}

fn links(conversation: &Conversation, events: &[Event]) -> Vec<Link> {
    let raised_by = raised_by(conversation);
    let mut links: Vec<Link> = Vec::new();
    // Everybody who wrote, listed by Intercom or not: an erasure finds by these links what it has to blank.
    for id in contact_ids(conversation)
        .into_iter()
        .chain(events.iter().flat_map(Event::contacts).map(str::to_owned))
        .collect::<BTreeSet<_>>()
    {
        let relationship = if Some(id.as_str()) == raised_by { "raised_by" } else { "participant" };
        links.push(link("contact", &id, relationship));
    }
    links.extend(conversation.company.iter().filter_map(|c| Some(link("company", c.id.as_deref()?, "belongs_to"))));
    links.extend(conversation.admin_assignee_id.iter().map(|id| link("admin", id, "assigned_to")));
    links.extend(conversation.team_assignee_id.iter().map(|id| link("team", id, "assigned_to")));
    for tag in &conversation.tags.items {
        if let Some(id) = &tag.id {
            let target = RelationTarget { title: tag.name.clone(), ..RelationTarget::new("intercom", "tag", id) };
            links.push(Link { target, relationship: "tagged_with".to_owned() });
        }
    }
    links.extend(linked(&conversation.linked_objects.items).map(|(kind, id)| link(kind, id, "linked_to")));
    links.extend(conversation.ticket.iter().filter_map(|t| Some(link("ticket", t.id.as_deref()?, "linked_to"))));
    links.extend(references_of(events));
    links
}

/// What the parts mention.
pub(super) fn references_of(events: &[Event]) -> impl Iterator<Item = Link> + '_ {
    events.iter().flat_map(|event| &event.relations).filter(|link| link.relationship == "references").cloned()
}

fn participants(conversation: &Conversation, visible: &[&Part]) -> Vec<Participant> {
    let mut people = People::default();
    let raised_by = raised_by(conversation);
    for id in contact_ids(conversation) {
        people.add("contact", &id, if Some(id.as_str()) == raised_by { "raised_by" } else { "participant" });
    }
    if let Some(id) = &conversation.admin_assignee_id {
        people.add("admin", id, "assignee");
    }
    if let Some(id) = &conversation.team_assignee_id {
        people.add("team", id, "assignee");
    }
    for teammate in conversation.teammates.items.iter().filter_map(|teammate| teammate.id.as_deref()) {
        people.add("admin", teammate, "teammate");
    }
    let opening = conversation.source.iter().map(|source| (conversation.created_at, source.author.as_ref()));
    people.authors(opening.chain(visible.iter().map(|part| (part.created_at, part.author.as_ref()))));
    people.into_list()
}

/// Participants by type and id while they are collected.
#[derive(Default)]
pub(super) struct People(BTreeMap<(String, String), Participant>);

impl People {
    /// Adds somebody; the first role that is given counts.
    pub(super) fn add(&mut self, kind: &str, id: &str, role: &str) {
        let participant = || Participant {
            kind: kind.to_owned(),
            id: id.to_owned(),
            name: None,
            signed_as: None,
            role: role.to_owned(),
        };
        self.0.entry((kind.to_owned(), id.to_owned())).or_insert_with(participant);
    }

    /// Adds those who wrote, and takes their names: the name at the latest message, since names change.
    pub(super) fn authors<'a>(&mut self, authors: impl Iterator<Item = (Option<Timestamp>, Option<&'a Author>)>) {
        let mut authors: Vec<_> = authors.filter_map(|(time, author)| Some((time, author?))).collect();
        authors.sort_by_key(|(time, _)| *time);
        for (_, author) in authors {
            let (Some(kind), Some(id)) = (author.kind.as_deref(), author.id.as_deref()) else { continue };
            // A bot stays one here, for people to see; as a target of links it is the admin that Intercom keeps for it.
            let kind = if kind == "bot" { kind } else { person_type(kind) };
            self.add(kind, id, if kind == "contact" { "participant" } else { "teammate" });
            let known = self.0.get_mut(&(kind.to_owned(), id.to_owned()));
            if let (Some(participant), Some(name)) = (known, &author.name) {
                participant.name = Some(crate::text::cut(&crate::links::without_signatures(name), 200));
                participant.signed_as.clone_from(&participant.name);
            }
        }
    }

    pub(super) fn into_list(self) -> Vec<Participant> {
        let mut seen = BTreeSet::new();
        self.0.into_values().filter(|p| seen.insert((p.kind.clone(), p.id.clone()))).collect()
    }
}
