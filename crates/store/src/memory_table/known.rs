//! Looking up those that a view names.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use intercom::WorkspaceId;
use memory::{EntityRef, Known, Profile, Standing, View, keys};

use super::{MemoryTable, TombstoneKind};
use crate::{
    StoreError,
    item::{Item, Reader, s},
};

/// Items of one batch read.
const BATCH: usize = 100;

/// How often those that the ones just read lead to are read in turn: the survivor of a merge, and its companies.
const MAX_ROUNDS: usize = 10;

/// What of a document others need to know.
const PROFILE: &str = "pk, tombstone, merged_into, #fields.#name, #fields.company_ids";

impl MemoryTable {
    /// The view in line with what memory knows of those it names, and what that was.
    pub(crate) async fn completed(&self, view: &View) -> Result<(View, Known), StoreError> {
        let known = self.known(&view.document.entity.workspace, view.names()).await?;
        let mut view = view.clone();
        view.complete(&known);
        Ok((view, known))
    }

    /// What memory knows of these, of those they were merged into, and of the companies of contacts.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn known(&self, workspace: &WorkspaceId, named: BTreeSet<EntityRef>) -> Result<Known, StoreError> {
        let mut known = Known::default();
        let mut wanted = named;
        for _ in 0..MAX_ROUNDS {
            if wanted.is_empty() {
                break;
            }
            let mut standings = self.standings(&wanted).await?;
            for entity in &wanted {
                known.insert(entity, standings.remove(&entity.pk()).unwrap_or(Standing::Absent));
            }
            wanted = known.missing(workspace);
        }
        Ok(known)
    }

    /// Whether it stands otherwise with one of those that a view names than when it was completed. Whoever was written
    /// meanwhile could not see that this view names it.
    pub(crate) async fn has_changed(&self, view: &View, known: &Known) -> Result<bool, StoreError> {
        let named = view.names();
        let now = self.standings(&named).await?;
        let differs = |entity: &EntityRef| {
            let then = known.get(entity.entity_type, &entity.id).unwrap_or(&Standing::Absent);
            now.get(&entity.pk()).unwrap_or(&Standing::Absent) != then
        };
        Ok(named.iter().any(differs))
    }

    /// Read so that a tombstone which stands is seen.
    async fn standings(&self, entities: &BTreeSet<EntityRef>) -> Result<HashMap<String, Standing>, StoreError> {
        let mut standings = HashMap::new();
        let all: Vec<Item> = entities
            .iter()
            .map(|entity| Item::from([("pk".to_owned(), s(entity.pk())), ("sk".to_owned(), s(keys::DOCUMENT))]))
            .collect();
        for chunk in all.chunks(BATCH) {
            let request = KeysAndAttributes::builder()
                .set_keys(Some(chunk.to_vec()))
                .projection_expression(PROFILE)
                .expression_attribute_names("#fields", "fields")
                .expression_attribute_names("#name", "name")
                .consistent_read(true)
                .build()
                .map_err(|e| StoreError::Unavailable(e.to_string()))?;
            for item in self.batch_get(request).await? {
                let read = Reader::new(&item);
                let pk = read.text("pk").ok_or_else(|| read.malformed("pk"))?;
                standings.insert(pk.to_owned(), standing(&item));
            }
        }
        Ok(standings)
    }
}

fn standing(item: &Item) -> Standing {
    let read = Reader::new(item);
    match (read.text("tombstone").map(TombstoneKind::read), read.text("merged_into")) {
        (Some(TombstoneKind::Erased), _) => Standing::Erased,
        (Some(TombstoneKind::Absent), Some(survivor)) => Standing::Merged(survivor.to_owned()),
        (Some(TombstoneKind::Absent), None) => Standing::Absent,
        (None, _) => {
            let fields = item.get("fields").and_then(|fields| fields.as_m().ok());
            let field = |name: &str| fields.and_then(|fields| fields.get(name));
            let text = |value: &AttributeValue| value.as_s().ok().cloned();
            let ids = field("company_ids").and_then(|ids| ids.as_l().ok()).into_iter().flatten();
            Standing::Here(Profile { name: field("name").and_then(text), company_ids: ids.filter_map(text).collect() })
        }
    }
}
