//! What contacts did: one question a contact, so only where it is wanted (`BACKFILL_DATA_EVENTS`). Intercom tells of the
//! last 90 days.

use intercom::{
    Timestamp,
    client::{ApiError, Client, Resource},
};
use memory::{EntityRef, EntityType, View};
use platform::{cipher::TokenCipher, credentials::CredentialsSource};
use store::{checkpoint::Checkpoint, memory_table::Claim, queue::Queue};

use crate::{
    Backfill,
    unit::{Step, StepError},
    walk,
};

/// Contacts of one step, after which the checkpoint is saved.
const CONTACTS: i32 = 10;

/// Pages of one step: whoever did very much takes several, so that a lease outlasts each of them.
const PAGES: usize = 20;

/// Where a step begins.
#[derive(Debug, Default, PartialEq, Eq)]
struct Place {
    /// The page of memory's contacts.
    contacts: Option<String>,
    /// Within it, the contact that was begun, and where its events go on.
    begun: Option<(String, String)>,
}

impl Place {
    /// The checkpoint's cursor: of the contacts alone, or contact, events and contacts on a line each.
    fn read(cursor: Option<&str>) -> Self {
        let text = |text: &str| Some(text).filter(|text| !text.is_empty()).map(str::to_owned);
        let mut lines = cursor.unwrap_or_default().splitn(3, '\n');
        match (lines.next(), lines.next(), lines.next()) {
            (Some(contact), Some(events), Some(contacts)) => {
                Self { contacts: text(contacts), begun: text(contact).zip(text(events)) }
            }
            (contacts, ..) => Self { contacts: contacts.and_then(text), begun: None },
        }
    }

    fn write(self) -> Option<String> {
        match self.begun {
            Some((contact, events)) => Some(format!("{contact}\n{events}\n{}", self.contacts.unwrap_or_default())),
            None => self.contacts,
        }
    }
}

/// What a step has done so far.
#[derive(Default)]
struct Done {
    pages: usize,
    seen: u64,
    written: u64,
}

impl<Q: Queue, C: TokenCipher, S: CredentialsSource> Backfill<Q, C, S> {
    /// The data events of a few contacts of memory's.
    pub(crate) async fn read_events(&self, client: &Client, checkpoint: &Checkpoint) -> Result<Step, StepError> {
        let workspace = &checkpoint.workspace;
        let place = Place::read(checkpoint.cursor.as_deref());
        let contacts = self.memory.listed(workspace, EntityType::Contact, place.contacts.as_deref(), CONTACTS).await?;
        let begun = place.begun.filter(|(id, _)| contacts.entities.iter().any(|contact| contact.id == *id));
        let mut done = Done::default();
        let mut stopped = None;
        let started = begun.as_ref().map(|(id, _)| id.clone());
        let from = |contact: &&EntityRef| started.as_ref().is_some_and(|id| contact.id != *id);
        let mut events = begun.map(|(_, events)| events);
        for contact in contacts.entities.iter().skip_while(from) {
            let rest = self.events_of(client, contact, events.take(), &mut done).await?;
            if let Some(rest) = rest {
                stopped = Some((contact.id.clone(), rest));
                break;
            }
        }
        let mut checkpoint = checkpoint.clone();
        checkpoint.pages = checkpoint.pages.saturating_add(1);
        checkpoint.seen = checkpoint.seen.saturating_add(done.seen);
        checkpoint.written = checkpoint.written.saturating_add(done.written);
        checkpoint.failures = 0;
        checkpoint.last_error = None;
        checkpoint.cursor = match stopped {
            Some(begun) => Place { contacts: place.contacts, begun: Some(begun) }.write(),
            None => contacts.cursor,
        };
        if checkpoint.cursor.is_none() {
            let shape = self.config.settings.shape();
            checkpoint = walk::end(checkpoint, Resource::DataEvents, self.plan(&shape));
        }
        Ok(Step { checkpoint, written: done.written })
    }

    /// Writes what a contact did, page by page, from `cursor` on. Gives where it goes on if this step has read enough.
    async fn events_of(
        &self,
        client: &Client,
        contact: &EntityRef,
        mut cursor: Option<String>,
        done: &mut Done,
    ) -> Result<Option<String>, StepError> {
        let now = self.clock.now_seconds();
        let floor = walk::floor(now, self.config.backfill_days, self.config.settings.retention_days);
        let unnamed = EntityRef::new(&contact.workspace, EntityType::DataEvent, "");
        loop {
            let page = match client.events(&contact.id, cursor.as_deref()).await {
                Ok(page) => page,
                // Archived, merged or deleted since.
                Err(ApiError::NotFound | ApiError::Merged { .. }) => return Ok(None),
                Err(error) => return Err(StepError::Api(error)),
            };
            let young = |view: &View| view.document.created_at.is_none_or(|at: Timestamp| Some(at) >= floor);
            let views: Vec<View> =
                page.items.iter().filter_map(|item| self.view(&unnamed, item)).filter(young).collect();
            done.pages += 1;
            done.seen += views.len() as u64;
            done.written += self.keep_events(views).await?;
            cursor = page.next;
            if cursor.is_none() || done.pages >= PAGES {
                return Ok(cursor);
            }
        }
    }

    async fn keep_events(&self, views: Vec<View>) -> Result<u64, StepError> {
        let entities: Vec<EntityRef> = views.iter().map(|view| view.document.entity.clone()).collect();
        let heads = self.memory.heads(&entities).await?;
        let shape = self.config.settings.shape();
        let now = self.clock.now_seconds();
        let head = |view: &View| heads.get(&view.document.entity);
        let is_new =
            |view: &&View| head(view).is_none_or(|head| !head.covers(view.document.updated_at.epoch_seconds(), &shape));
        let writes = views.iter().filter(is_new).map(|view| self.put(view, Claim::PAGE, head(view), now));
        Ok(self.all(writes).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        let begun = |contact: &str, events: &str| Some((contact.to_owned(), events.to_owned()));
        for place in [
            Place::default(),
            Place { contacts: Some("3 x#y".to_owned()), begun: None },
            Place { contacts: None, begun: begun("c1", "type=user&before=7") },
            Place { contacts: Some("0 ".to_owned()), begun: begun("c1", "type=user&before=7") },
        ] {
            let written = Place { contacts: place.contacts.clone(), begun: place.begun.clone() }.write();
            assert_eq!(Place::read(written.as_deref()), place);
        }
    }
}
