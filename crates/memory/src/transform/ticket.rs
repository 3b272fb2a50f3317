//! Tickets.

use intercom::model::{self, Ticket};
use serde_json::{Map, Value};

use super::{
    context::{Context, at, link, references},
    conversation::{People, linked, references_of},
    fields::Fields,
    parts,
};
use crate::{Event, Link, View, html};

/// The attributes that every ticket type has; they become title and body.
const TITLE: &str = "_default_title_";
const DESCRIPTION: &str = "_default_description_";

pub(super) fn view(context: &Context<'_>, object: &Value) -> View {
    let ticket: Ticket = model::read(object);
    let visible = parts::visible(context, &ticket.ticket_parts.items, None);
    let mut events: Vec<Event> = visible.iter().map(|part| parts::part_event(context, part)).collect();
    for event in &mut events {
        // A ticket and the conversation that it was made from have one id, and so has each of their parts. By this attribute
        // and `partId` a message that both tell is known for one.
        event.attributes.insert("conversationId".to_owned(), Value::from(context.entity.id.as_str()));
    }
    // A ticket made from a conversation has the conversation's time here, which is how Intercom tells it.
    events.extend(ticket.created_at.map(|time| context.event(&at(time), "created", "Created", time)));

    let attribute = |name: &str| {
        let text = ticket.ticket_attributes.get(name).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    };
    let mut document = context.document(attribute(TITLE).map(html::plain_text), ticket.created_at, ticket.updated_at);
    document.state = ticket.ticket_state.as_ref().and_then(|state| state.category.clone());
    let (workspace, id) = (&context.entity.workspace, &context.entity.id);
    document.url = context.page(&format!("/a/inbox/{workspace}/inbox/conversation/{id}"));
    document.body = attribute(DESCRIPTION).map(html::plain_to_markdown);
    document.counts = parts::count(context.entity.entity_type, &events);
    document.parts_truncated = ticket.ticket_parts.is_cut();

    let contacts: Vec<&str> = ticket.contacts.items.iter().filter_map(|contact| contact.id.as_deref()).collect();
    let mut people = People::default();
    for (place, id) in contacts.iter().enumerate() {
        people.add("contact", id, if place == 0 { "raised_by" } else { "participant" });
    }
    if let Some(id) = &ticket.admin_assignee_id {
        people.add("admin", id, "assignee");
    }
    if let Some(id) = &ticket.team_assignee_id {
        people.add("team", id, "assignee");
    }
    people.authors(visible.iter().map(|part| (part.created_at, part.author.as_ref())));
    document.participants = people.into_list();
    document.fields = fields(&ticket, &contacts);

    let mut links: Vec<Link> = Vec::new();
    let raised_by = contacts.first().copied();
    let listed = contacts.iter().map(|id| (*id).to_owned());
    for id in listed
        .chain(events.iter().flat_map(Event::contacts).map(str::to_owned))
        .collect::<std::collections::BTreeSet<_>>()
    {
        links.push(link("contact", &id, if Some(id.as_str()) == raised_by { "raised_by" } else { "participant" }));
    }
    links.extend(ticket.company_id.iter().map(|id| link("company", id, "belongs_to")));
    links.extend(ticket.admin_assignee_id.iter().map(|id| link("admin", id, "assigned_to")));
    links.extend(ticket.team_assignee_id.iter().map(|id| link("team", id, "assigned_to")));
    links.extend(linked(&ticket.linked_objects.items).map(|(kind, id)| link(kind, id, "linked_to")));
    links.extend(references_of(&events));
    for text in [attribute(TITLE), attribute(DESCRIPTION)].into_iter().flatten() {
        links.extend(references(html::Written::Plain(text), context.settings));
    }
    let relations = context.relations(ticket.created_at, links);
    View { document, events, relations }
}

fn fields(ticket: &Ticket, contacts: &[&str]) -> Map<String, Value> {
    let mut fields = Fields::default();
    fields.set("ticket_number", ticket.ticket_id.clone());
    fields.set("category", ticket.category.clone());
    fields.set("ticket_type", ticket.ticket_type.as_ref().and_then(|kind| kind.name.clone()));
    fields.set("state_label", ticket.ticket_state.as_ref().and_then(|state| state.internal_label.clone()));
    fields.set("open", ticket.open);
    fields.time("snoozed_until", ticket.snoozed_until);
    fields.set("is_shared", ticket.is_shared);
    fields.set("channel", ticket.channel.clone());
    fields.set("admin_assignee_id", ticket.admin_assignee_id.clone());
    fields.set("team_assignee_id", ticket.team_assignee_id.clone());
    fields.list("contact_ids", contacts.iter().map(|id| (*id).to_owned()));
    fields.list("company_ids", ticket.company_id.clone());
    fields.list("linked_objects", linked(&ticket.linked_objects.items).map(|(kind, id)| format!("{kind}:{id}")));
    let own = |(name, _): &(&String, &Value)| *name != TITLE && *name != DESCRIPTION;
    let own = ticket.ticket_attributes.iter().filter(own).map(|(name, value)| (name.clone(), value.clone()));
    fields.map("ticket_attributes", &own.collect());
    fields.0
}
