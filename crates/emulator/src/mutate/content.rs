//! What happens to articles and tickets.

use serde_json::{Value, json};

use super::{Action, Change, Mutate, choose, id};
use crate::error::ControlError;
use crate::json::{int, list, merge, set, text};
use crate::world::ticket::NewTicket;
use crate::world::{Kind, World, shapes};
use crate::{notification, view};

pub(super) fn apply(world: &mut World, request: &Mutate, now: i64) -> Result<Change, ControlError> {
    match request.action {
        Action::ArticlePublished => publish(world, request, now),
        Action::ArticleUpdated => update(world, request, now),
        Action::ArticleUnpublished => unpublish(world, request, now),
        Action::ArticleDeleted => delete(world, request, now),
        Action::TicketCreated => create_ticket(world, request, now),
        Action::TicketReplied => reply_to_ticket(world, request, now),
        other => Err(ControlError::Invalid(format!("{other:?} happens to no article or ticket"))),
    }
}

/// Publishes the article asked for; where none is named, writes a new one.
fn publish(world: &mut World, request: &Mutate, now: i64) -> Result<Change, ControlError> {
    let Some(wanted) = request.id.as_deref() else {
        let id = world.next_article_id();
        let title = request.fields.get("title").and_then(Value::as_str).unwrap_or("Import limits").to_owned();
        let article = shapes::article(&shapes::NewArticle {
            id: &id,
            workspace: &world.workspace.id_code,
            title: &title,
            description: "What an import can hold",
            body: request
                .body
                .as_deref()
                .unwrap_or("<p class=\"no-margin\">An import holds at most <b>500,000 rows</b>.</p>"),
            author_id: 9_608_799,
            published: true,
            at: now,
        });
        world.put_as(Kind::Articles, id, article.clone());
        return Ok(announce("article.published", &article, now));
    };
    let chosen = choose(world, Kind::Articles, Some(wanted), |_| true)?;
    change(world, "article.published", &chosen, now, |article| shapes::set_published(article, true))
}

fn update(world: &mut World, request: &Mutate, now: i64) -> Result<Change, ControlError> {
    let chosen = choose(world, Kind::Articles, request.id.as_deref(), is_published)?;
    let body = request
        .body
        .clone()
        .unwrap_or_else(|| format!("{}<p class=\"no-margin\">Last reviewed by support.</p>", text(&chosen, "body")));
    change(world, "article.updated", &chosen, now, |article| {
        set(article, "body", body);
        merge(article, &request.fields);
    })
}

fn unpublish(world: &mut World, request: &Mutate, now: i64) -> Result<Change, ControlError> {
    let chosen = choose(world, Kind::Articles, request.id.as_deref(), is_published)?;
    change(world, "article.unpublished", &chosen, now, |article| shapes::set_published(article, false))
}

/// The notification still shows the whole article as it was, published, as a capture of May 2026 did.
fn delete(world: &mut World, request: &Mutate, now: i64) -> Result<Change, ControlError> {
    let chosen = choose(world, Kind::Articles, request.id.as_deref(), |_| true)?;
    world.delete(Kind::Articles, &id(&chosen), now);
    Ok(announce("article.deleted", &chosen, now))
}

fn is_published(article: &Value) -> bool {
    text(article, "state") == "published"
}

fn change(
    world: &mut World,
    topic: &'static str,
    chosen: &Value,
    now: i64,
    write: impl FnOnce(&mut Value),
) -> Result<Change, ControlError> {
    let id = id(chosen);
    let at = World::tick(int(chosen, "updated_at"), now);
    let article = world
        .get_mut(Kind::Articles, &id)
        .ok_or_else(|| ControlError::NotFound(format!("no articles with id {id:?}")))?;
    write(article);
    set(article, "updated_at", at);
    let article = article.clone();
    Ok(announce(topic, &article, at))
}

fn announce(topic: &'static str, article: &Value, at: i64) -> Change {
    Change::one(topic, notification::article(article), at, json!({"article_id": text(article, "id")}))
}

fn create_ticket(world: &mut World, request: &Mutate, now: i64) -> Result<Change, ControlError> {
    let contact = choose(world, Kind::Contacts, request.contact_id.as_deref(), |_| true)?;
    let title = request.fields.get("title").and_then(Value::as_str).unwrap_or("Import stops half-way").to_owned();
    let id = world.open_ticket(&NewTicket {
        contact: &contact,
        title: &title,
        description: request.body.as_deref().unwrap_or("The importer stops after half of the rows, see ENG-42."),
        at: now,
    });
    let operator = world.operator();
    world.add_ticket_part(&id, "attribute_collected", &operator, json!({}), now);
    let stored = world.get(Kind::Tickets, &id).cloned().unwrap_or_default();
    let ids = json!({"ticket_id": id, "contact_id": text(&contact, "id")});
    Ok(Change::one("ticket.created", view::ticket(&stored), now, ids))
}

fn reply_to_ticket(world: &mut World, request: &Mutate, now: i64) -> Result<Change, ControlError> {
    let chosen =
        choose(world, Kind::Tickets, request.id.as_deref(), |ticket| ticket.get("open") == Some(&json!(true)))?;
    let ticket_id = id(&chosen);
    let at = World::tick(int(&chosen, "updated_at"), now);
    let contact_id = list(&chosen, "/contacts/contacts").first().map(|contact| text(contact, "id").to_owned());
    let contact = match contact_id.and_then(|id| world.get(Kind::Contacts, &id).cloned()) {
        Some(contact) => contact,
        None => choose(world, Kind::Contacts, request.contact_id.as_deref(), |_| true)?,
    };
    let body = request.body.as_deref().unwrap_or("<p>It happened again this morning.</p>");
    let part = world
        .add_ticket_part(&ticket_id, "comment", &contact, json!({"body": body}), at)
        .ok_or_else(|| ControlError::NotFound(format!("no tickets with id {ticket_id:?}")))?;
    let stored = world.get(Kind::Tickets, &ticket_id).cloned().unwrap_or_default();
    let ids = json!({"ticket_id": ticket_id, "part_id": text(&part, "id")});
    let item = json!({"type": "ticket_ticket_part", "ticket": view::ticket(&stored), "ticket_part": part});
    Ok(Change::one("ticket.contact.replied", item, at, ids))
}
