//! Writing what only a notification shows.

use intercom::Timestamp;
use memory::{Document, EntityRef, EntityType, Event, Observation, Relation, RelationTarget, View};

use super::{Claim, MemoryTable, items, revise::is_deed};
use crate::StoreError;

impl MemoryTable {
    /// Writes an event of which only a notification knows. `false` where what it is about is erased.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn observe(&self, observation: &Observation, shape: &str, now: i64) -> Result<bool, StoreError> {
        let entity = &observation.entity;
        if self.head(entity).await?.is_some_and(|head| head.is_erased()) {
            return Ok(false);
        }
        if self.retention.has_expired(observation.event.occurred_at, now) {
            return Ok(true);
        }
        let view = View {
            document: observation.document.clone().unwrap_or_else(|| nameless(entity)),
            events: vec![observation.event.clone()],
            relations: observation.relations.clone(),
        };
        let contacts = view.contacts();
        let (view, known) = self.completed(&view).await?;
        if is_deed(entity.entity_type) && !known.erased(contacts.iter().map(String::as_str)).is_empty() {
            return Ok(false);
        }
        self.put_events(&view.events.iter().collect::<Vec<_>>(), shape, false).await?;
        for relation in &view.relations {
            let item = items::relation(relation, Claim::PAGE, observation.event.version, self.retention);
            self.put_item(item, Some("attribute_not_exists(pk)")).await?;
        }
        // A call links the conversation to whom was called, so that an erasure finds it.
        self.link_contacts(entity, &view.events, None).await?;
        if observation.document.is_some() {
            let marks = items::Marks::of(&view, Claim::PAGE, shape, now, self.retention);
            let items = items::document(&view.document, &marks, self.retention);
            for item in items.continuations {
                self.put_item(item, None).await?;
            }
            self.put_item(items.head, Some("attribute_not_exists(pk)")).await?;
        }
        // An erasure may have gone by between the look and the write.
        if self.head(entity).await?.is_some_and(|head| head.is_erased()) {
            self.remove_contents(entity).await?;
            return Ok(false);
        }
        if self.has_changed(&view, &known).await? {
            self.revise(entity).await?;
        }
        Ok(true)
    }

    /// Writes the messages that a notification shows and no fetched view has yet. Their mark ([`items::shown_shape`]) lets
    /// the fetched view take their place.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn put_shown(&self, entity: &EntityRef, shown: &[Event], shape: &str) -> Result<(), StoreError> {
        let view = View { document: nameless(entity), events: shown.to_vec(), relations: Vec::new() };
        let (view, known) = self.completed(&view).await?;
        let shape = items::shown_shape(shape);
        self.put_events(&view.events.iter().collect::<Vec<_>>(), &shape, false).await?;
        self.link_contacts(entity, &view.events, Some("participant")).await?;
        // It may have been buried since the view was fetched.
        if let Some(head) = self.head(entity).await?.filter(|head| head.tombstone.is_some()) {
            return self.remove_behind(entity, &head).await;
        }
        if self.has_changed(&view, &known).await? {
            self.revise(entity).await?;
        }
        Ok(())
    }

    /// Links a conversation or ticket to the contacts of events that no view shows, in the way that the events say, or in
    /// this one. Any view's word on the same link counts for more.
    async fn link_contacts(&self, entity: &EntityRef, events: &[Event], how: Option<&str>) -> Result<(), StoreError> {
        if !matches!(entity.entity_type, EntityType::Conversation | EntityType::Ticket) {
            return Ok(());
        }
        for event in events {
            for link in event.relations.iter().filter(|link| is_contact(&link.target)) {
                let relation = Relation {
                    entity: entity.clone(),
                    entity_created_at: event.occurred_at,
                    target: link.target.clone(),
                    relationship: how.unwrap_or(&link.relationship).to_owned(),
                };
                let item = items::relation(&relation, Claim::PAGE, Timestamp::EPOCH, self.retention);
                self.put_item(item, Some("attribute_not_exists(pk)")).await?;
            }
        }
        Ok(())
    }
}

fn is_contact(target: &RelationTarget) -> bool {
    target.provider == "intercom" && target.entity_type == "contact"
}

/// A document that says nothing, for views without one.
pub(crate) fn nameless(entity: &EntityRef) -> Document {
    Document {
        entity: entity.clone(),
        title: String::new(),
        state: None,
        url: None,
        body: None,
        created_at: None,
        updated_at: Timestamp::EPOCH,
        fields: serde_json::Map::new(),
        participants: Vec::new(),
        counts: std::collections::BTreeMap::new(),
        parts_truncated: false,
    }
}
