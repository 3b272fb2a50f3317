//! What memory knows of the people and companies that a view names, and completing the view by it.
//!
//! A conversation as Intercom serves it names its contacts by id, not their companies, and its assignees by id alone; it
//! may name contacts that were erased or merged since. [`View::complete`] brings all that up to date. It can be repeated:
//! everything it derives is derived anew from what the view itself says, so that a view read back from the table and one
//! that was just fetched end in the same document.

use std::collections::{BTreeMap, BTreeSet};

use intercom::WorkspaceId;
use serde_json::Value;

use crate::{Document, EntityRef, EntityType, Event, Participant, Relation, RelationTarget, View, forget::remove_ids};

/// Companies that only the contacts tell of; the others are Intercom's own word on the conversation.
const FROM_CONTACTS: &str = "contact_company_ids";

/// A merged contact whose survivor was merged too, and so on, this often at most.
const MAX_MERGES: usize = 8;

/// What others need to know of a person or company.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The name; never an e-mail address.
    pub name: Option<String>,
    /// The companies of a contact, sorted.
    pub company_ids: Vec<String>,
}

impl Profile {
    /// What a document tells.
    pub fn of(document: &Document) -> Self {
        Self {
            name: document.fields.get("name").and_then(Value::as_str).map(str::to_owned),
            company_ids: ids(document, "company_ids").map(str::to_owned).collect(),
        }
    }
}

/// How it stands with a person or company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Stored.
    Here(Profile),
    /// Archived, or gone without a word.
    Absent,
    /// A contact that was merged into this one.
    Merged(String),
    /// Deleted: its words and names must not be kept anywhere.
    Erased,
}

/// What memory knows of those that a view names; nothing is known of whoever is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known(BTreeMap<(EntityType, String), Standing>);

impl Known {
    /// Adds what is known of one.
    pub fn insert(&mut self, entity: &EntityRef, standing: Standing) {
        self.0.insert((entity.entity_type, entity.id.clone()), standing);
    }

    /// What is known of one.
    pub fn get(&self, entity_type: EntityType, id: &str) -> Option<&Standing> {
        self.0.get(&(entity_type, id.to_owned()))
    }

    /// Those that have to be looked up beside: survivors of merges, and the companies of contacts.
    pub fn missing(&self, workspace: &WorkspaceId) -> BTreeSet<EntityRef> {
        let mut missing = BTreeSet::new();
        for standing in self.0.values() {
            match standing {
                Standing::Merged(into) => {
                    missing.insert(EntityRef::new(workspace, EntityType::Contact, into));
                }
                Standing::Here(_) | Standing::Absent | Standing::Erased => {}
            }
        }
        missing.extend(self.companies(workspace));
        missing.retain(|entity| self.get(entity.entity_type, &entity.id).is_none());
        missing
    }

    /// The companies of the contacts that are known.
    pub fn companies(&self, workspace: &WorkspaceId) -> BTreeSet<EntityRef> {
        let profiles = self.0.values().filter_map(|standing| match standing {
            Standing::Here(profile) => Some(profile),
            _ => None,
        });
        let ids = profiles.flat_map(|profile| &profile.company_ids);
        ids.map(|id| EntityRef::new(workspace, EntityType::Company, id)).collect()
    }

    /// The contact that an id stands for after all merges, and how it stands with it.
    fn survivor<'a>(&'a self, id: &'a str) -> (&'a str, Option<&'a Standing>) {
        let mut id = id;
        for _ in 0..MAX_MERGES {
            match self.get(EntityType::Contact, id) {
                Some(Standing::Merged(into)) => id = into,
                standing => return (id, standing),
            }
        }
        (id, None)
    }

    /// Those of these contacts that were erased, themselves or as what they were merged into.
    pub fn erased<'a>(&self, contacts: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
        let erased = |id: &&str| matches!(self.survivor(id), (_, Some(Standing::Erased)));
        contacts.into_iter().filter(erased).map(str::to_owned).collect()
    }

    fn profile(&self, entity_type: EntityType, id: &str) -> Option<&Profile> {
        match self.get(entity_type, id)? {
            Standing::Here(profile) => Some(profile),
            _ => None,
        }
    }
}

impl View {
    /// Those of whom memory has to know before this view is written.
    pub fn names(&self) -> BTreeSet<EntityRef> {
        let document = &self.document;
        let entity = |kind: EntityType, id: &str| EntityRef::new(&document.entity.workspace, kind, id);
        let mut named: BTreeSet<EntityRef> =
            ids(document, "company_ids").map(|id| entity(EntityType::Company, id)).collect();
        match document.entity.entity_type {
            EntityType::Conversation | EntityType::Ticket | EntityType::DataEvent | EntityType::ContentStat => {}
            EntityType::Contact => return named,
            _ => return BTreeSet::new(),
        }
        named.extend(self.contacts().into_iter().map(|id| entity(EntityType::Contact, &id)));
        let field = |name: &str| document.fields.get(name).and_then(Value::as_str);
        named.extend(field("admin_assignee_id").map(|id| entity(EntityType::Admin, id)));
        named.extend(field("team_assignee_id").map(|id| entity(EntityType::Team, id)));
        named
    }

    /// Every contact that the view names, by id.
    pub fn contacts(&self) -> BTreeSet<String> {
        let document = &self.document;
        let listed = ids(document, "contact_ids").chain(document.fields.get("contact_id").and_then(Value::as_str));
        let people = document.participants.iter().filter(|p| p.kind == "contact").map(|p| p.id.as_str());
        let linked = self.relations.iter().filter(|r| is_link_to(r, "contact")).map(|r| r.target.entity_id.as_str());
        let events = self.events.iter().flat_map(Event::contacts);
        listed.chain(people).chain(linked).chain(events).map(str::to_owned).collect()
    }

    /// Brings the view in line with what is known: what erased contacts wrote is blanked, merged ones become their
    /// survivors, names are as they are now, and the companies of its contacts are its companies too.
    pub fn complete(&mut self, known: &Known) {
        let contacts = self.contacts();
        let erased = known.erased(contacts.iter().map(String::as_str));
        let survivors = contacts.iter().map(|id| (id.clone(), known.survivor(id).0.to_owned()));
        self.follow(&survivors.filter(|(id, survivor)| id != survivor && !erased.contains(id)).collect());
        self.forget(&erased);
        self.name_companies(known);
        self.name_people(known);
        self.settle();
    }

    /// Lets the survivors of merges stand for those they swallowed. Events stay: they tell what happened.
    fn follow(&mut self, moved: &BTreeMap<String, String>) {
        if moved.is_empty() {
            return;
        }
        let now = |id: &str| moved.get(id).cloned().unwrap_or_else(|| id.to_owned());
        if let Some(listed) = self.document.fields.get_mut("contact_ids").and_then(Value::as_array_mut) {
            let ids: BTreeSet<String> = listed.iter().filter_map(Value::as_str).map(now).collect();
            *listed = ids.into_iter().map(Value::from).collect();
        }
        if let Some(Value::String(id)) = self.document.fields.get_mut("contact_id") {
            *id = now(id);
        }
        let mut people: BTreeMap<(String, String), Participant> = BTreeMap::new();
        for mut person in std::mem::take(&mut self.document.participants) {
            if person.kind == "contact" {
                person.id = now(&person.id);
            }
            let key = (person.kind.clone(), person.id.clone());
            match people.get_mut(&key) {
                Some(same) => {
                    same.role = std::cmp::max(&same.role, &person.role).clone(); // raised_by goes before participant
                    same.signed_as = same.signed_as.take().max(person.signed_as);
                }
                None => {
                    people.insert(key, person);
                }
            }
        }
        self.document.participants = people.into_values().collect();
        for relation in &mut self.relations {
            if is_link_to(relation, "contact") {
                relation.target.entity_id = now(&relation.target.entity_id);
            }
        }
        let raised: BTreeSet<String> = self
            .relations
            .iter()
            .filter(|relation| relation.relationship == "raised_by")
            .map(|relation| relation.target.entity_id.clone())
            .collect();
        self.relations
            .retain(|relation| relation.relationship != "participant" || !raised.contains(&relation.target.entity_id));
    }

    fn name_companies(&mut self, known: &Known) {
        let document = &mut self.document;
        let told: BTreeSet<String> = ids(document, FROM_CONTACTS).map(str::to_owned).collect();
        let own: BTreeSet<String> =
            ids(document, "company_ids").filter(|id| !told.contains(*id)).map(str::to_owned).collect();
        let theirs: BTreeSet<String> = ids(document, "contact_ids")
            .filter_map(|id| known.profile(EntityType::Contact, id))
            .flat_map(|profile| profile.company_ids.clone())
            .filter(|id| !own.contains(id))
            .collect();
        let all: BTreeSet<String> = own.into_iter().chain(theirs.iter().cloned()).collect();
        let gone: BTreeSet<String> = all
            .iter()
            .filter(|id| matches!(known.get(EntityType::Company, id), Some(Standing::Erased)))
            .cloned()
            .collect();
        let names: BTreeSet<String> =
            all.iter().filter_map(|id| known.profile(EntityType::Company, id)?.name.clone()).collect();
        set_list(document, "company_ids", &all);
        set_list(document, FROM_CONTACTS, &theirs);
        if document.entity.entity_type != EntityType::Contact {
            set_list(document, "companies", &names);
        }
        remove_ids(document, "company_ids", &gone);
        remove_ids(document, FROM_CONTACTS, &gone);
        self.relations.retain(|relation| relation.relationship != "belongs_to" || !is_link_to(relation, "company"));
        let entity_created_at = document.created_at.unwrap_or_else(crate::transform::context::never);
        let belongs = all.difference(&gone).map(|id| Relation {
            entity: document.entity.clone(),
            entity_created_at,
            target: RelationTarget::new("intercom", "company", id),
            relationship: "belongs_to".to_owned(),
        });
        self.relations.extend(belongs);
    }

    fn name_people(&mut self, known: &Known) {
        for person in &mut self.document.participants {
            let kind = match person.kind.as_str() {
                "contact" => EntityType::Contact,
                "admin" if person.role == "assignee" => EntityType::Admin,
                "team" => EntityType::Team,
                _ => continue,
            };
            let now = known.profile(kind, &person.id).and_then(|profile| profile.name.clone());
            person.name = now.or_else(|| person.signed_as.clone());
        }
        for (id, name, kind) in [
            ("admin_assignee_id", "admin_assignee", EntityType::Admin),
            ("team_assignee_id", "team_assignee", EntityType::Team),
        ] {
            let assignee = self.document.fields.get(id).and_then(Value::as_str);
            let now = assignee.and_then(|id| known.profile(kind, id)?.name.clone());
            match now {
                Some(now) => self.document.fields.insert(name.to_owned(), Value::from(now)),
                None => self.document.fields.remove(name),
            };
        }
    }
}

impl Event {
    /// The contacts that wrote it, or took part in it otherwise, by id.
    pub fn contacts(&self) -> impl Iterator<Item = &str> {
        let targets = self.relations.iter().map(|link| &link.target);
        targets.filter(|t| t.provider == "intercom" && t.entity_type == "contact").map(|t| t.entity_id.as_str())
    }
}

fn is_link_to(relation: &Relation, entity_type: &str) -> bool {
    relation.target.provider == "intercom" && relation.target.entity_type == entity_type
}

fn ids<'d>(document: &'d Document, name: &str) -> impl Iterator<Item = &'d str> + use<'d> {
    document.fields.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn set_list(document: &mut Document, name: &str, values: &BTreeSet<String>) {
    if values.is_empty() {
        document.fields.remove(name);
    } else {
        document.fields.insert(name.to_owned(), values.iter().cloned().collect());
    }
}

#[cfg(test)]
mod tests;
