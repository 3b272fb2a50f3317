//! What happens to contacts and companies, and what contacts do.

use serde_json::{Map, Value, json};

use super::{Action, Change, Mutate, choose, id};
use crate::error::ControlError;
use crate::json::{int, list, list_mut, merge, set, text};
use crate::notification;
use crate::world::shapes::{self, NewContact};
use crate::world::{Kind, Merge, World, people};

pub(super) fn apply(world: &mut World, request: &Mutate, now: i64) -> Result<Change, ControlError> {
    match request.action {
        Action::ContactCreated => create_contact(world, request, now),
        Action::ContactUpdated => update_contact(world, request, now),
        Action::ContactArchived => archive(world, request, now),
        Action::ContactUnarchived => unarchive(world, request, now),
        Action::ContactDeleted => delete_contact(world, request, now),
        Action::ContactMerged => merge_contacts(world, request, now),
        Action::CompanyCreated => create_company(world, request, now),
        Action::CompanyUpdated => update_company(world, request, now),
        Action::CompanyDeleted => delete_company(world, request, now),
        Action::EventCreated => track(world, request, now),
        Action::ContentStatRecorded => receive(world, request, now),
        other => Err(ControlError::Invalid(format!("{other:?} happens to no contact"))),
    }
}

/// Contacts are named by `contact_id`, or by `id` like everything else.
fn wanted(request: &Mutate) -> Option<&str> {
    request.contact_id.as_deref().or(request.id.as_deref())
}

fn create_contact(world: &mut World, request: &Mutate, now: i64) -> Result<Change, ControlError> {
    let id = people::object_id(&mut world.rng, now);
    let (name, email) = people::invent(&mut world.rng);
    let role = request.fields.get("role").and_then(Value::as_str).unwrap_or("user").to_owned();
    if role != "user" && role != "lead" {
        return Err(ControlError::Invalid(format!("role is user or lead, not {role:?}")));
    }
    let external_id = world.rng.uuid();
    let mut contact = shapes::contact(&NewContact {
        id: &id,
        workspace: &world.workspace.id_code,
        role: &role,
        name: Some(&name),
        email: &email,
        external_id: Some(&external_id),
        at: now,
    });
    merge(&mut contact, &without_identity(&request.fields));
    set(&mut contact, "segments", json!({"data": []}));
    world.put_as(Kind::Contacts, id.clone(), contact.clone());
    Ok(announce(&contact, "created", now))
}

fn update_contact(world: &mut World, request: &Mutate, now: i64) -> Result<Change, ControlError> {
    let chosen = choose(world, Kind::Contacts, wanted(request), |_| true)?;
    let at = World::tick(int(&chosen, "updated_at"), now);
    let fields = if request.fields.is_empty() {
        let plan = world.rng.word(&["free", "team", "business", "enterprise"]);
        Map::from_iter([("custom_attributes".to_owned(), json!({"plan": plan, "seats": world.rng.between(1, 90)}))])
    } else {
        without_identity(&request.fields)
    };
    let contact = changed(world, Kind::Contacts, &id(&chosen), &fields, at)?;
    Ok(announce(&contact, "updated", at))
}

fn announce(contact: &Value, what: &str, at: i64) -> Change {
    let topic = match (text(contact, "role"), what) {
        ("lead", "created") => "contact.lead.created",
        ("lead", _) => "contact.lead.updated",
        (_, "created") => "contact.user.created",
        _ => "contact.user.updated",
    };
    Change::one(topic, notification::contact(contact), at, json!({"contact_id": text(contact, "id")}))
}

fn archive(world: &mut World, request: &Mutate, now: i64) -> Result<Change, ControlError> {
    let chosen = choose(world, Kind::Contacts, wanted(request), |_| true)?;
    let id = id(&chosen);
    let at = World::tick(int(&chosen, "updated_at"), now);
    if let Some(mut contact) = world.take(Kind::Contacts, &id) {
        set(&mut contact, "updated_at", at);
        world.archived_contacts.insert(id.clone(), contact);
    }
    let item = json!({"id": id, "external_id": chosen.get("external_id"), "type": "contact", "archived": true});
    Ok(Change::one("contact.archived", item, at, json!({"contact_id": id})))
}

fn unarchive(world: &mut World, request: &Mutate, now: i64) -> Result<Change, ControlError> {
    let ids: Vec<String> = world.archived_contacts.keys().cloned().collect();
    let id = match wanted(request) {
        Some(id) => id.to_owned(),
        None => {
            world.rng.pick(&ids).cloned().ok_or_else(|| ControlError::NotFound("no contact is archived".to_owned()))?
        }
    };
    let mut contact = world
        .archived_contacts
        .remove(&id)
        .ok_or_else(|| ControlError::NotFound(format!("contact {id:?} is not archived")))?;
    let at = World::tick(int(&contact, "updated_at"), now);
    set(&mut contact, "updated_at", at);
    let item = notification::contact(&contact);
    world.put_as(Kind::Contacts, id.clone(), contact);
    Ok(Change::one("contact.unarchive", item, at, json!({"contact_id": id})))
}

fn delete_contact(world: &mut World, request: &Mutate, now: i64) -> Result<Change, ControlError> {
    let chosen = match wanted(request).and_then(|id| world.archived_contacts.remove(id)) {
        // An archived contact can be deleted too.
        Some(archived) => {
            world.put(Kind::Contacts, archived.clone());
            archived
        }
        None => choose(world, Kind::Contacts, wanted(request), |_| true)?,
    };
    let id = id(&chosen);
    leave_companies(world, &chosen);
    world.delete(Kind::Contacts, &id, now);
    let item = json!({"id": id, "external_id": chosen.get("external_id"), "type": "contact", "deleted": true});
    Ok(Change::one("contact.deleted", item, now, json!({"contact_id": id})))
}

/// The survivor takes over companies and conversations. Intercom does not say whether a conversation's `updated_at`
/// moves with its list of contacts; here it does, because the conversation is another one to read.
fn merge_contacts(world: &mut World, request: &Mutate, now: i64) -> Result<Change, ControlError> {
    let lead = |contact: &Value| text(contact, "role") == "lead";
    let source = choose(world, Kind::Contacts, wanted(request), lead)?;
    let source_id = id(&source);
    let into = choose(world, Kind::Contacts, request.into.as_deref(), |contact| {
        !lead(contact) && text(contact, "id") != source_id
    })?;
    let into_id = id(&into);
    if into_id == source_id {
        return Err(ControlError::Invalid("a contact cannot be merged into itself".to_owned()));
    }
    let at = World::tick(int(&into, "updated_at"), now);
    for company in list(&source, "/companies/data") {
        if !list(&into, "/companies/data").iter().any(|known| text(known, "id") == text(company, "id")) {
            world.attach_company(&into_id, text(company, "id"));
        }
    }
    leave_companies(world, &source);
    world.take(Kind::Contacts, &source_id);
    world.merges.push(Merge {
        source_contact_id: source_id.clone(),
        source_contact_role: text(&source, "role").to_owned(),
        into: into_id.clone(),
        merged_at: at,
    });
    let survivor = changed(world, Kind::Contacts, &into_id, &Map::new(), at)?;
    let reference = shapes::contact_reference(&survivor);
    let theirs: Vec<String> = world
        .all(Kind::Conversations)
        .filter(|conversation| {
            list(conversation, "/contacts/contacts").iter().any(|contact| text(contact, "id") == source_id)
        })
        .map(id)
        .collect();
    for conversation_id in &theirs {
        let Some(conversation) = world.get_mut(Kind::Conversations, conversation_id) else { continue };
        let when = World::tick(int(conversation, "updated_at"), now);
        if let Some(contacts) = list_mut(conversation, "/contacts/contacts") {
            contacts.retain(|contact| text(contact, "id") != source_id && text(contact, "id") != into_id);
            contacts.push(reference.clone());
        }
        set(conversation, "updated_at", when);
    }
    let ids = json!({"contact_id": into_id, "merged_contact_id": source_id, "conversation_ids": theirs});
    // The capture of January 2026 lacks `merged_from`, whatever the documentation says.
    Ok(Change::one("contact.merged", notification::contact(&survivor), at, ids))
}

fn leave_companies(world: &mut World, contact: &Value) {
    for company in list(contact, "/companies/data") {
        if let Some(company) = world.get_mut(Kind::Companies, text(company, "id")) {
            let users = int(company, "user_count") - 1;
            set(company, "user_count", users.max(0));
        }
    }
}

fn create_company(world: &mut World, request: &Mutate, now: i64) -> Result<Change, ControlError> {
    let id = people::object_id(&mut world.rng, now);
    let name = people::invent_company(&mut world.rng);
    let company_id = format!("acct_{}", world.rng.between(100_000, 999_999));
    let mut company = shapes::company(&id, &world.workspace.id_code, &company_id, Some(&name), now);
    merge(&mut company, &without_identity(&request.fields));
    world.put_as(Kind::Companies, id.clone(), company.clone());
    Ok(Change::one("company.created", notification::company(&company), now, json!({"company_id": id})))
}

fn update_company(world: &mut World, request: &Mutate, now: i64) -> Result<Change, ControlError> {
    let chosen = choose(world, Kind::Companies, request.id.as_deref(), |_| true)?;
    let id = id(&chosen);
    let at = World::tick(int(&chosen, "updated_at"), now);
    let fields = if request.fields.is_empty() {
        let spend = world.rng.between(100, 9_000);
        Map::from_iter([("monthly_spend".to_owned(), json!(spend))])
    } else {
        without_identity(&request.fields)
    };
    let company = changed(world, Kind::Companies, &id, &fields, at)?;
    Ok(Change::one("company.updated", notification::company(&company), at, json!({"company_id": id})))
}

fn delete_company(world: &mut World, request: &Mutate, now: i64) -> Result<Change, ControlError> {
    let chosen = choose(world, Kind::Companies, request.id.as_deref(), |_| true)?;
    let id = id(&chosen);
    world.delete(Kind::Companies, &id, now);
    let members: Vec<String> = world
        .all(Kind::Contacts)
        .filter(|contact| list(contact, "/companies/data").iter().any(|company| text(company, "id") == id))
        .map(super::id)
        .collect();
    for contact in members {
        if let Some(companies) =
            world.get_mut(Kind::Contacts, &contact).and_then(|contact| list_mut(contact, "/companies/data"))
        {
            companies.retain(|company| text(company, "id") != id);
        }
    }
    // A contact that comes back later does not come back into it.
    for companies in world.archived_contacts.values_mut().filter_map(|contact| list_mut(contact, "/companies/data")) {
        companies.retain(|company| text(company, "id") != id);
    }
    let item = json!({"id": id, "type": "company", "deleted": true});
    Ok(Change::one("company.deleted", item, now, json!({"company_id": id})))
}

fn track(world: &mut World, request: &Mutate, now: i64) -> Result<Change, ControlError> {
    let contact = choose(world, Kind::Contacts, wanted(request), |contact| text(contact, "role") == "user")?;
    let id = world.rng.uuid();
    let name = request.body.as_deref().unwrap_or("exported-report");
    let event = shapes::event(&id, name, &contact, &Value::Object(request.fields.clone()), now);
    world.put_as(Kind::Events, id.clone(), event.clone());
    let ids = json!({"event_id": id, "contact_id": text(&contact, "id")});
    Ok(Change::one("event.created", notification::event(&event), now, ids))
}

/// What Intercom counts of its own messages is told by webhooks only.
fn receive(world: &mut World, request: &Mutate, now: i64) -> Result<Change, ControlError> {
    let contact = choose(world, Kind::Contacts, wanted(request), |contact| text(contact, "role") == "user")?;
    let id = world.rng.between(80_000_000, 89_999_999);
    let item = notification::content_stat("email", id, &contact, now);
    let ids = json!({"content_stat_id": id.to_string(), "contact_id": text(&contact, "id")});
    Ok(Change::one("content_stat.email", item, now, ids))
}

/// Writes `fields` and the new `updated_at`, and returns the object as it is then.
fn changed(
    world: &mut World,
    kind: Kind,
    id: &str,
    fields: &Map<String, Value>,
    at: i64,
) -> Result<Value, ControlError> {
    let object =
        world.get_mut(kind, id).ok_or_else(|| ControlError::NotFound(format!("no {} with id {id:?}", kind.name())))?;
    merge(object, fields);
    set(object, "updated_at", at);
    Ok(object.clone())
}

/// What an object is known by cannot be written over.
fn without_identity(fields: &Map<String, Value>) -> Map<String, Value> {
    fields
        .iter()
        .filter(|(key, _)| !matches!(key.as_str(), "id" | "type" | "created_at" | "updated_at"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}
