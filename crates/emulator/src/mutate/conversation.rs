//! What happens to conversations.

use serde_json::{Value, json};

use super::{Action, Change, Mutate, admin, choose, id};
use crate::error::ControlError;
use crate::json::{int, list, list_mut, set, text};
use crate::notification;
use crate::world::thread::{NewConversation, NewPart, PARTS, REDACTED_BODY};
use crate::world::{Kind, World, seed, shapes};

const DAY: i64 = 86_400;

pub(super) fn apply(world: &mut World, request: &Mutate, now: i64) -> Result<Change, ControlError> {
    if request.action == Action::ConversationCreated {
        return create(world, request, now);
    }
    let conversation = choose(world, Kind::Conversations, request.id.as_deref(), suits(request.action))?;
    let at = World::tick(int(&conversation, "updated_at"), now);
    match request.action {
        Action::RatingAdded => rate(world, request, &conversation, at),
        Action::ConversationTagged => tag(world, request, &conversation, at),
        Action::PartRedacted => redact(world, request, &conversation, at),
        Action::ConversationDeleted => {
            let id = id(&conversation);
            world.delete(Kind::Conversations, &id, at);
            let item = json!({"type": "conversation", "conversation_id": id});
            Ok(Change::one("conversation.deleted", item, at, json!({"conversation_id": id})))
        }
        _ => add(world, request, &conversation, at),
    }
}

/// Which conversations an action makes sense for.
fn suits(action: Action) -> impl Fn(&Value) -> bool {
    move |conversation| match action {
        Action::AdminClosed | Action::AdminSnoozed => text(conversation, "state") == "open",
        Action::AdminOpened => text(conversation, "state") != "open",
        Action::RatingAdded => conversation.get("conversation_rating").is_none_or(Value::is_null),
        Action::PartRedacted => list(conversation, PARTS).iter().any(is_message),
        _ => true,
    }
}

fn is_message(part: &Value) -> bool {
    text(part, "part_type") == "comment" && part.get("redacted") != Some(&json!(true))
}

fn create(world: &mut World, request: &Mutate, now: i64) -> Result<Change, ControlError> {
    let contact = choose(world, Kind::Contacts, request.contact_id.as_deref(), |_| true)?;
    let id = world.open_conversation(&NewConversation {
        contact: &contact,
        subject: request.fields.get("subject").and_then(Value::as_str).unwrap_or_default(),
        body: request.body.as_deref().unwrap_or("<p>Hi, the import of our orders stopped at 60 %. Can you help?</p>"),
        channel: "conversation",
        url: Some("https://app.acme.example/imports"),
        at: now,
    });
    let stored = world.get(Kind::Conversations, &id).cloned().unwrap_or_default();
    let ids = json!({"conversation_id": id, "contact_id": text(&contact, "id"),
                     "source_id": stored.pointer("/source/id")});
    Ok(Change::one("conversation.user.created", notification::conversation(&stored, &[]), now, ids))
}

/// The actions that add one part.
fn add(world: &mut World, request: &Mutate, conversation: &Value, at: i64) -> Result<Change, ControlError> {
    let id = id(conversation);
    let admin = admin(world, request)?;
    let by_admin = shapes::author(&admin, false);
    let body = request.body.clone();
    let say = |fallback: &str| body.clone().unwrap_or_else(|| fallback.to_owned());
    let to_admin = json!({"type": "admin", "id": text(&admin, "id")});
    let (topic, mut part) = match request.action {
        Action::UserReplied => (
            "conversation.user.replied",
            NewPart::new("comment", customer(world, request, conversation)?)
                .saying(say("<p>Any news? It still happens on our side.</p>")),
        ),
        Action::AdminReplied => (
            "conversation.admin.replied",
            NewPart::new("comment", by_admin).saying(say("<p>Thanks for waiting, we are looking into it.</p>")),
        ),
        Action::OperatorReplied => (
            "conversation.operator.replied",
            NewPart::new("comment", shapes::author(&world.operator(), true))
                .saying(say("<p>You can find this under <b>Settings → Imports</b>.</p>")),
        ),
        Action::AdminNoted => (
            "conversation.admin.noted",
            NewPart::new("note", by_admin).saying(say("<p>Same cause as last week, see ENG-42.</p>")),
        ),
        Action::AdminAssigned => {
            ("conversation.admin.assigned", NewPart { assigned_to: to_admin, ..NewPart::new("assignment", by_admin) })
        }
        Action::AdminClosed => ("conversation.admin.closed", NewPart::new("close", by_admin)),
        Action::AdminOpened => ("conversation.admin.opened", NewPart::new("open", by_admin)),
        Action::AdminSnoozed => (
            "conversation.admin.snoozed",
            NewPart { snoozed_until: Some(at + DAY), ..NewPart::new("snoozed", by_admin) },
        ),
        Action::PriorityChanged => ("conversation.priority.updated", NewPart::new("priority_changed", by_admin)),
        other => return Err(ControlError::Invalid(format!("{other:?} adds no part"))),
    };
    // Assignments, closes and the like may carry a message typed with the action.
    if part.body.is_none() && request.action != Action::PriorityChanged {
        part.body = body.clone();
    }
    let part = world
        .add_part(&id, part, at)
        .ok_or_else(|| ControlError::NotFound(format!("no conversations with id {id:?}")))?;
    let stored = world.get(Kind::Conversations, &id).cloned().unwrap_or_default();
    let ids = json!({"conversation_id": id, "part_id": text(&part, "id")});
    let item = notification::conversation(&stored, &[part]);
    let mut change = Change::one(topic, item.clone(), at, ids);
    if request.action == Action::AdminAssigned && body.is_some() {
        change.news.push(("conversation.admin.replied", item));
    }
    Ok(change)
}

/// The contact who writes: the one asked for, else the first of the conversation, else its opening author.
fn customer(world: &World, request: &Mutate, conversation: &Value) -> Result<Value, ControlError> {
    if let Some(wanted) = request.contact_id.as_deref() {
        return world
            .get(Kind::Contacts, wanted)
            .map(|contact| shapes::author(contact, false))
            .ok_or_else(|| ControlError::NotFound(format!("no contacts with id {wanted:?}")));
    }
    let first = list(conversation, "/contacts/contacts").first().map(|contact| text(contact, "id"));
    if let Some(contact) = first.and_then(|id| world.get(Kind::Contacts, id)) {
        return Ok(shapes::author(contact, false));
    }
    let mut author = conversation
        .pointer("/source/author")
        .cloned()
        .ok_or_else(|| ControlError::NotFound("the conversation has no contact".to_owned()))?;
    set(&mut author, "from_ai_agent", false);
    set(&mut author, "is_ai_answer", false);
    Ok(author)
}

fn rate(world: &mut World, request: &Mutate, conversation: &Value, at: i64) -> Result<Change, ControlError> {
    let id = id(conversation);
    let admin = admin(world, request)?;
    let contact_id = list(conversation, "/contacts/contacts").first().map(|contact| text(contact, "id").to_owned());
    let contact = contact_id
        .and_then(|id| world.get(Kind::Contacts, &id).cloned())
        .unwrap_or_else(|| json!({"type": "contact", "id": conversation.pointer("/source/author/id")}));
    let rating = request.fields.get("rating").and_then(Value::as_i64).unwrap_or_else(|| world.rng.between(1, 5));
    let remark = request.body.as_deref().unwrap_or("Friendly and fast");
    if let Some(stored) = world.get_mut(Kind::Conversations, &id) {
        seed::rate(stored, &contact, &admin, rating, remark, at);
    }
    let stored = world.get(Kind::Conversations, &id).cloned().unwrap_or_default();
    let ids = json!({"conversation_id": id, "contact_id": text(&contact, "id")});
    Ok(Change::one("conversation.rating.added", notification::conversation(&stored, &[]), at, ids))
}

/// Tags the part asked for, or the opening message, which webhooks show as a part of type `comment` with the opening
/// message's id (2019 capture).
fn tag(world: &mut World, request: &Mutate, conversation: &Value, at: i64) -> Result<Change, ControlError> {
    let id = id(conversation);
    let admin = admin(world, request)?;
    let name = request.fields.get("tag").and_then(Value::as_str).map(str::to_owned);
    let tag = match &name {
        Some(name) => world
            .all(Kind::Tags)
            .find(|tag| text(tag, "name") == name)
            .cloned()
            .ok_or_else(|| ControlError::NotFound(format!("no tag {name:?}")))?,
        None => choose(world, Kind::Tags, None, |_| true)?,
    };
    let source = conversation.get("source").cloned().unwrap_or_default();
    let source_id = text(&source, "id").to_owned();
    let part_id = request.part_id.clone().unwrap_or_else(|| source_id.clone());
    let on_source = part_id == source_id;
    if !on_source && !list(conversation, PARTS).iter().any(|part| text(part, "id") == part_id) {
        return Err(ControlError::NotFound(format!("no part with id {part_id:?}")));
    }
    world.tag_conversation(&id, &tag, &admin, at);
    if let Some(part) = part_mut(world, &id, &part_id) {
        if let Some(tags) = list_mut(part, "/tags") {
            tags.push(tag.clone());
        }
        set(part, "updated_at", at);
    }
    world.add_part(&id, NewPart::new("conversation_tags_updated", shapes::author(&admin, false)), at);
    let stored = world.get(Kind::Conversations, &id).cloned().unwrap_or_default();
    let shown = if on_source {
        let begun = int(&stored, "created_at");
        json!({
            "type": "conversation_part", "id": source_id, "part_type": "comment", "body": text(&source, "body"),
            "created_at": begun, "updated_at": at, "notified_at": begun, "assigned_to": null,
            "author": source.get("author"), "attachments": [], "external_id": null, "redacted": false,
            "metadata": {}, "email_message_metadata": null, "state": text(&stored, "state"), "tags": [tag],
            "event_details": {}, "app_package_code": null,
        })
    } else {
        list(&stored, PARTS).iter().find(|part| text(part, "id") == part_id).cloned().unwrap_or_default()
    };
    let ids = json!({"conversation_id": id, "part_id": part_id, "tag_id": text(&tag, "id")});
    Ok(Change::one("conversation_part.tag.created", notification::conversation(&stored, &[shown]), at, ids))
}

fn redact(world: &mut World, request: &Mutate, conversation: &Value, at: i64) -> Result<Change, ControlError> {
    let id = id(conversation);
    let messages: Vec<String> =
        list(conversation, PARTS).iter().filter(|part| is_message(part)).map(super::id).collect();
    let part_id = match &request.part_id {
        Some(part_id) => part_id.clone(),
        None => world
            .rng
            .pick(&messages)
            .cloned()
            .ok_or_else(|| ControlError::NotFound(format!("conversation {id} has no message to redact")))?,
    };
    let source_id = conversation.pointer("/source/id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let shown = if part_id == source_id {
        let stored = world
            .get_mut(Kind::Conversations, &id)
            .ok_or_else(|| ControlError::NotFound(format!("no conversations with id {id:?}")))?;
        crate::json::set_in(stored, "source", "body", REDACTED_BODY);
        crate::json::set_in(stored, "source", "redacted", true);
        set(stored, "updated_at", at);
        None
    } else {
        let part = part_mut(world, &id, &part_id)
            .ok_or_else(|| ControlError::NotFound(format!("no part with id {part_id:?}")))?;
        set(part, "body", REDACTED_BODY);
        set(part, "redacted", true);
        set(part, "attachments", json!([]));
        set(part, "updated_at", at);
        let shown = part.clone();
        if let Some(stored) = world.get_mut(Kind::Conversations, &id) {
            set(stored, "updated_at", at);
        }
        Some(shown)
    };
    let stored = world.get(Kind::Conversations, &id).cloned().unwrap_or_default();
    let parts: Vec<Value> = shown.into_iter().collect();
    let ids = json!({"conversation_id": id, "part_id": part_id});
    Ok(Change::one("conversation_part.redacted", notification::conversation(&stored, &parts), at, ids))
}

fn part_mut<'a>(world: &'a mut World, conversation_id: &str, part_id: &str) -> Option<&'a mut Value> {
    list_mut(world.get_mut(Kind::Conversations, conversation_id)?, PARTS)?
        .iter_mut()
        .find(|part| text(part, "id") == part_id)
}
