//! Observations: events that only a notification tells. They hold ids and kinds, no names and no addresses.

use intercom::{
    Timestamp, Topic, WorkspaceId,
    model::{self, Conversation, List, Part, Source, Tag},
    notification::{Notification, id_text},
};
use serde_json::{Map, Value};

use super::{Observation, PartSeen, Plan, subject};
use crate::{
    Document, EntityRef, EntityType, Event, Settings, keys, transform,
    transform::{
        content::impersonal,
        context::{self, Context, Shown, bare_event, link, noun},
        parts,
    },
};

/// A notification together with what its reading needs.
pub(super) struct Told<'a> {
    pub(super) notification: &'a Notification,
    workspace: &'a WorkspaceId,
    settings: &'a Settings,
    /// When it was told.
    pub(super) at: Timestamp,
}

impl<'a> Told<'a> {
    pub(super) fn new(
        notification: &'a Notification,
        workspace: &'a WorkspaceId,
        received_at: Timestamp,
        settings: &'a Settings,
    ) -> Self {
        let of_item = || notification.item.get("created_at").and_then(Timestamp::from_value);
        let at = notification.envelope.created_at.or_else(of_item).unwrap_or(received_at);
        Self { notification, workspace, settings, at }
    }

    pub(super) fn topic(&self) -> &str {
        self.notification.envelope.topic.as_str()
    }

    fn item(&self) -> &Value {
        &self.notification.item
    }

    /// The thing of that kind that the notification is about.
    pub(super) fn entity(&self, entity_type: EntityType) -> Option<EntityRef> {
        Some(EntityRef::new(self.workspace, entity_type, subject::id(self.item(), entity_type)?))
    }

    fn context(&self, entity: EntityRef) -> Context<'a> {
        Context { entity, settings: self.settings, shown: Shown::Notification }
    }

    fn id_of(&self, member: &str) -> Option<String> {
        self.item().get(member).and_then(id_text)
    }

    /// The one part that the notification is about. Only for topics that are caused by a part: a tag, a rating or an
    /// attached contact may come with a part that is stored already.
    pub(super) fn part(&self) -> Option<PartSeen> {
        let caused_by_part = matches!(
            self.notification.envelope.topic,
            Topic::ConversationUserReplied
                | Topic::ConversationAdminReplied
                | Topic::ConversationAdminAssigned
                | Topic::ConversationAdminOpenAssigned
                | Topic::ConversationAdminOpened
                | Topic::ConversationAdminClosed
                | Topic::ConversationAdminNoted
                | Topic::ConversationAdminSnoozed
                | Topic::ConversationAdminUnsnoozed
                | Topic::ConversationOperatorReplied
                | Topic::ConversationPriorityUpdated
                | Topic::ConversationPartRedacted
                | Topic::TicketContactReplied
                | Topic::TicketAdminReplied
                | Topic::TicketNoteCreated
        );
        if !caused_by_part {
            return None;
        }
        let (entity_type, object) = subject::object(self.notification)?;
        let list = |name: &str| object.get(name).cloned().map(List::<Part>::from_value);
        let list = list("conversation_parts").or_else(|| list("ticket_parts"))?;
        let source: Option<Source> = object.get("source").map(model::read);
        let conversation: Conversation = model::read(&object);
        if entity_type == EntityType::Conversation && parts::is_hidden_thread(self.settings, &object, &conversation) {
            return None;
        }
        let entity = EntityRef::new(self.workspace, entity_type, "");
        let context = self.context(entity);
        // Where several parts are listed, nobody says which one it was.
        let [part] = list.items.as_slice() else { return None };
        let [part] = parts::visible(&context, std::slice::from_ref(part), source.as_ref())[..] else { return None };
        let event = parts::part_event(&context, part);
        Some(PartSeen { id: event.part_id?, version: event.version, redacted: event.redacted })
    }

    /// An event of something that leaves no trace: named by the notification's time and by what tells it from others of
    /// the same second.
    fn event(&self, entity: &EntityRef, action: &str, label: &str, discriminator: Option<&str>) -> Event {
        let what = match discriminator {
            Some(id) => format!("{}+{id}", context::at(self.at)),
            None => context::at(self.at),
        };
        let label = format!("{} {label}", noun(entity.entity_type));
        let mut event = bare_event(entity, &what, action, &label, self.at);
        event.attributes.insert("seen_by".to_owned(), Value::from("webhook"));
        event.attributes.insert("topic".to_owned(), Value::from(crate::text::cut(self.topic(), 200)));
        event
    }

    fn observe(entity: EntityRef, mut event: Event) -> Plan {
        event.relations.sort();
        Plan::Observe(Box::new(Observation { entity, event, relations: Vec::new(), document: None }))
    }

    /// Says it in the event, and fetches the contact, whose document shows it from now on.
    fn contact(&self, contact: EntityRef, event: Event) -> Vec<Plan> {
        vec![Self::observe(contact.clone(), event), Plan::Fetch { entity: contact, part: None }]
    }

    /// `{type:"contact_tag", tag, contact}`
    pub(super) fn contact_tag(&self, action: &str, label: &str) -> Option<Vec<Plan>> {
        let contact = self.entity(EntityType::Contact)?;
        let tag: Tag = model::read(self.item().get("tag")?);
        let mut event = self.event(&contact, action, label, tag.id.as_deref());
        insert(&mut event, "tagId", tag.id.as_deref());
        insert(&mut event, "tagName", tag.name.as_deref());
        event.relations.extend(tag.id.iter().map(|id| link("tag", id, "mentions_tag")));
        Some(self.contact(contact, event))
    }

    /// `{type:"contact_unsubscribe", contact, subscription_types}` and the granular ones.
    pub(super) fn subscription(&self, action: &str, label: &str) -> Option<Vec<Plan>> {
        let contact = self.entity(EntityType::Contact)?;
        let types = self.item().get("subscription_types").cloned().unwrap_or_default();
        // One or many: the examples show a list, the name of the granular topic promises a single one.
        let types = if types.get("id").is_some() { Value::from(vec![types]) } else { types };
        let mut ids: Vec<String> = List::<Tag>::from_value(types).items.into_iter().filter_map(|t| t.id).collect();
        ids.sort();
        let ids = ids.join(",");
        let named = Some(ids.as_str()).filter(|ids| !ids.is_empty());
        let mut event = self.event(&contact, action, label, named);
        insert(&mut event, "subscriptionTypeIds", named);
        Some(self.contact(contact, event))
    }

    /// `{company, contact}`
    pub(super) fn company_contact(&self, action: &str, label: &str) -> Option<Vec<Plan>> {
        let contact = self.entity(EntityType::Contact)?;
        let company = self.entity(EntityType::Company)?.id;
        let mut event = self.event(&contact, action, label, Some(&company));
        insert(&mut event, "companyId", Some(&company));
        event.relations.push(link("company", &company, "mentions_company"));
        Some(self.contact(contact, event))
    }

    /// A visitor that became a user; comes in the old shape of users.
    pub(super) fn visitor(&self) -> Option<Vec<Plan>> {
        let contact = self.entity(EntityType::Contact)?;
        let event = self.event(&contact, "signed-up", "Signed Up", None);
        Some(self.contact(contact, event))
    }

    /// Whom the contact of `contact.merged` swallowed; January 2026 captures do not say.
    pub(super) fn merged_from(&self) -> Option<String> {
        self.item().get("merged_from")?.get("id").and_then(id_text)
    }

    pub(super) fn merge(&self, survivor: &EntityRef, swallowed: Option<&str>) -> Plan {
        let mut event = self.event(survivor, "merged", "Merged", swallowed);
        insert(&mut event, "mergedFrom", swallowed);
        Self::observe(survivor.clone(), event)
    }

    pub(super) fn admin(&self, action: &str, label: &str, fetch: bool) -> Option<Vec<Plan>> {
        let admin = self.entity(EntityType::Admin)?;
        let mut event = self.event(&admin, action, label, None);
        for (name, member) in [("awayModeEnabled", "away_mode_enabled"), ("awayModeReassign", "away_mode_reassign")] {
            if let Some(flag) = self.item().get(member).and_then(Value::as_bool) {
                event.attributes.insert(name.to_owned(), Value::from(flag));
            }
        }
        let mut plans = vec![Self::observe(admin.clone(), event)];
        if fetch {
            plans.push(Plan::Fetch { entity: admin, part: None });
        }
        Some(plans)
    }

    /// An entry of the activity log; its description names people, so only its kind is kept.
    pub(super) fn activity(&self) -> Option<Vec<Plan>> {
        let performer = self.item().get("performed_by").and_then(|admin| admin.get("id")).and_then(id_text)?;
        let admin = EntityRef::new(self.workspace, EntityType::Admin, performer);
        let mut event = self.event(&admin, "activity-logged", "Activity Logged", self.id_of("id").as_deref());
        let kind = self.item().get("activity_type").and_then(Value::as_str);
        insert(&mut event, "activityType", kind);
        event.title = context::title("Teammate Activity", &kind.unwrap_or_default().replace('_', " "));
        Some(vec![Self::observe(admin, event)])
    }

    /// A call belongs to its conversation.
    pub(super) fn call(&self, action: &str, label: &str) -> Option<Vec<Plan>> {
        let id = self.id_of("conversation_id")?;
        let conversation = EntityRef::new(self.workspace, EntityType::Conversation, id);
        let mut event = self.event(&conversation, action, label, self.id_of("id").as_deref());
        insert(&mut event, "callId", self.id_of("id").as_deref());
        insert(&mut event, "callState", self.item().get("state").and_then(Value::as_str));
        insert(&mut event, "direction", self.item().get("direction").and_then(Value::as_str));
        let contact = self.id_of("contact_id");
        event.relations.extend(contact.iter().map(|id| link("contact", id, "called")));
        let admin = self.id_of("admin_id");
        event.relations.extend(admin.iter().map(|id| link("admin", id, "answered_by")));
        Some(vec![Self::observe(conversation.clone(), event), Plan::Fetch { entity: conversation, part: None }])
    }

    /// A ticket as Intercom serves it has no rating. The score stands under one of these names, or is not told; the remark is
    /// the customer's words, and left out.
    pub(super) fn ticket_rating(&self) -> Option<Vec<Plan>> {
        let ticket = self.entity(EntityType::Ticket)?;
        let mut event = self.event(&ticket, "rated", "Rated", None);
        let places =
            ["/rating/rating", "/rating", "/ticket_rating/rating", "/ticket/rating", "/conversation_rating/rating"];
        let score = places.iter().find_map(|place| self.item().pointer(place)?.as_i64());
        if let Some(score) = score {
            event.title = context::title("Ticket Rated", &format!("{score} of 5"));
            event.attributes.insert("rating".to_owned(), Value::from(score));
        }
        Some(vec![Self::observe(ticket.clone(), event), Plan::Fetch { entity: ticket, part: None }])
    }

    /// A data event is the same whether a webhook or the list of a contact's events shows it.
    pub(super) fn data_event(&self) -> Option<Vec<Plan>> {
        self.whole(EntityType::DataEvent)
    }

    /// Content statistics come by webhook only.
    pub(super) fn content_stat(&self) -> Option<Vec<Plan>> {
        let mut plans = self.whole(EntityType::ContentStat)?;
        for plan in &mut plans {
            if let Plan::Observe(observation) = plan {
                observation.event.attributes.insert("seen_by".to_owned(), Value::from("webhook"));
            }
        }
        Some(plans)
    }

    /// A thing that comes whole and cannot be fetched.
    fn whole(&self, entity_type: EntityType) -> Option<Vec<Plan>> {
        let view = transform(self.workspace, entity_type, self.item(), self.settings).ok()?;
        let entity = view.document.entity.clone();
        // One without a time of its own takes the notification's.
        let untimed = || match entity_type {
            EntityType::ContentStat => self.event(&entity, "recorded", "Recorded", None),
            _ => self.event(&entity, "created", "Created", None),
        };
        let event = view.events.into_iter().next().unwrap_or_else(untimed);
        let document = Some(view.document);
        Some(vec![Plan::Observe(Box::new(Observation { entity, event, relations: view.relations, document }))])
    }

    /// What has no home of its own is kept as a data event named by its topic and id.
    pub(super) fn unknown(&self) -> Plan {
        // Without an id the item's own text names it, so that a retry is the same observation.
        let id = self.id_of("id").unwrap_or_else(|| keys::sha256_hex(&self.item().to_string()));
        let entity = EntityRef::new(self.workspace, EntityType::DataEvent, format!("{}:{id}", self.topic()));
        let nothing = Map::new();
        let told: Map<String, Value> = impersonal(self.item().as_object().unwrap_or(&nothing)).collect();
        let mut event = self.event(&entity, "notified", "Notified", None);
        event.title = context::title(self.topic(), "");
        event.attributes.extend(told.iter().map(|(name, value)| (format!("item.{name}"), value.clone())));
        let context = self.context(entity.clone());
        let document =
            Document { fields: told, ..context.document(Some(self.topic().to_owned()), Some(self.at), Some(self.at)) };
        Plan::Observe(Box::new(Observation { entity, event, relations: Vec::new(), document: Some(document) }))
    }
}

fn insert(event: &mut Event, name: &str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        let value = crate::links::without_signatures(value);
        event.attributes.insert(name.to_owned(), Value::from(crate::text::cut(&value, 200)));
    }
}
