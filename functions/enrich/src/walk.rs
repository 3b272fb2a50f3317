//! Following somebody's links: after an erasure, a merge, a new name. Needs no call to Intercom, so that an erasure goes on
//! even where the workspace is no longer connected.

use futures::{TryStreamExt, stream};
use memory::{EntityRef, EntityType};
use platform::{cipher::TokenCipher, credentials::CredentialsSource};
use store::{
    StoreError,
    message::{Errand, Message, Place, REVISE_AFTER, Walk},
    queue::Queue,
};

use crate::{Enrich, batch::MARGIN_MS, error::EnrichError, outcome::Outcome};

/// Things revised at once.
const CONCURRENCY: usize = 4;

/// When an erasure goes through everything again, in seconds: no writer that began before the tombstone stood is under
/// way for longer (backfill's invocations end after 300 s).
const ERASE_AGAIN_AFTER: u32 = 360;

impl<Q: Queue, C: TokenCipher, S: CredentialsSource> Enrich<Q, C, S> {
    /// One message's share of a walk: pages until it is done or time is up.
    pub(crate) async fn walk(&self, walk: &Walk, deadline_ms: i64) -> Outcome {
        match self.walk_on(walk, deadline_ms).await {
            Ok(()) => Outcome::Done,
            Err(error) => error.into(),
        }
    }

    async fn walk_on(&self, walk: &Walk, deadline_ms: i64) -> Result<(), EnrichError> {
        let place = &walk.place;
        let kind: EntityType =
            place.entity.parse().map_err(|_| EnrichError::broken("a walk for an unknown kind of thing"))?;
        let to = EntityRef::new(&place.workspace, kind, &place.id);
        let mut cursor = place.cursor.clone();
        loop {
            if self.clock.now_ms() > deadline_ms.saturating_sub(MARGIN_MS) {
                let rest = Walk { errand: walk.errand, place: Place { cursor, ..place.clone() } };
                return self.send(rest, 0).await;
            }
            let page = self.memory.linked(&to, cursor.as_deref()).await?;
            let revised = stream::iter(page.entities.iter().map(Ok::<_, StoreError>))
                .map_ok(|entity| self.memory.revise(entity))
                .try_buffer_unordered(CONCURRENCY)
                .try_fold(0_u64, |sum, changed| async move { Ok(sum + u64::from(changed)) });
            let revised = revised.await?;
            self.metrics.count("ThingsRevised", revised, &[("errand", walk.errand.as_str())], self.clock.now_ms());
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        if place.pass == 1 {
            let after = match walk.errand {
                Errand::Erase => ERASE_AGAIN_AFTER,
                Errand::Revise => REVISE_AFTER,
            };
            let again = Place { cursor: None, pass: 2, ..place.clone() };
            return self.send(Walk { errand: walk.errand, place: again }, after).await;
        }
        self.memory.finish_burial(&to).await?;
        if walk.errand == Errand::Erase {
            self.memory.note_erased(&to, self.now()).await?;
            tracing::info!(workspace = %to.workspace, entity = %to.entity_type, id = to.id, "erased everywhere");
            self.metrics.count("ErasuresDone", 1, &[], self.clock.now_ms());
        }
        Ok(())
    }

    /// Has everything that an erased contact wrote, and every link to it, removed.
    pub(crate) async fn erase_everywhere(&self, of: &EntityRef) -> Result<(), EnrichError> {
        self.send(Walk::begin(Errand::Erase, of, 1, self.clock.now_ms()), 0).await
    }

    /// Has the links of a merged contact moved to its survivor, now and once more when slower writers are done.
    pub(crate) async fn move_links(&self, of: &EntityRef) -> Result<(), EnrichError> {
        // Late enough for the tombstone to stand.
        self.send(Walk::begin(Errand::Revise, of, 1, self.clock.now_ms()), 5).await
    }

    /// Has everything that repeats a name or the companies of somebody brought up to date.
    pub(crate) async fn revise_later(&self, of: &EntityRef) -> Result<(), EnrichError> {
        self.send(Walk::after_rename(of, self.clock.now_ms()), REVISE_AFTER).await
    }

    async fn send(&self, walk: Walk, delay_seconds: u32) -> Result<(), EnrichError> {
        let message = Message::Walk(walk).write();
        Ok(self.queues.live.send(message, delay_seconds).await?)
    }
}
