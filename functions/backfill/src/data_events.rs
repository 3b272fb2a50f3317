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

impl<Q: Queue, C: TokenCipher, S: CredentialsSource> Backfill<Q, C, S> {
    /// The data events of a few contacts of memory's.
    pub(crate) async fn read_events(&self, client: &Client, checkpoint: &Checkpoint) -> Result<Step, StepError> {
        let workspace = &checkpoint.workspace;
        let cursor = checkpoint.cursor.as_deref();
        let contacts = self.memory.listed(workspace, EntityType::Contact, cursor, CONTACTS).await?;
        let (mut seen, mut written) = (0, 0);
        for contact in &contacts.entities {
            let events = self.events_of(client, contact).await?;
            seen += events.len() as u64;
            written += self.keep_events(events).await?;
        }
        let mut checkpoint = checkpoint.clone();
        checkpoint.pages = checkpoint.pages.saturating_add(1);
        checkpoint.seen = checkpoint.seen.saturating_add(seen);
        checkpoint.written = checkpoint.written.saturating_add(written);
        checkpoint.failures = 0;
        checkpoint.last_error = None;
        checkpoint.cursor = contacts.cursor;
        if checkpoint.cursor.is_none() {
            let shape = self.config.settings.shape();
            checkpoint = walk::end(checkpoint, Resource::DataEvents, self.plan(&shape));
        }
        Ok(Step { checkpoint, written })
    }

    async fn events_of(&self, client: &Client, contact: &EntityRef) -> Result<Vec<View>, StepError> {
        let now = self.clock.now_seconds();
        let floor = walk::floor(now, self.config.backfill_days, self.config.settings.retention_days);
        let unnamed = EntityRef::new(&contact.workspace, EntityType::DataEvent, "");
        let (mut views, mut cursor) = (Vec::new(), None);
        loop {
            let page = match client.events(&contact.id, cursor.as_deref()).await {
                Ok(page) => page,
                // Archived, merged or deleted since.
                Err(ApiError::NotFound | ApiError::Merged { .. }) => return Ok(views),
                Err(error) => return Err(StepError::Api(error)),
            };
            let young = |view: &View| view.document.created_at.is_none_or(|at: Timestamp| Some(at) >= floor);
            views.extend(page.items.iter().filter_map(|item| self.view(&unnamed, item)).filter(young));
            cursor = page.next;
            if cursor.is_none() {
                return Ok(views);
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
