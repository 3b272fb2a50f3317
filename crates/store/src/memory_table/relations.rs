//! Relations: those that the newest view shows, and no others.

use std::collections::{BTreeSet, HashSet};

use futures::{StreamExt, TryStreamExt, stream};
use intercom::Timestamp;
use memory::{EntityRef, Relation, View, keys};

use super::{CONCURRENCY, Claim, MemoryTable, items, read::Head};
use crate::{
    StoreError,
    error::if_held,
    item::{count, n, s},
};

impl MemoryTable {
    pub(crate) async fn put_relations(
        &self,
        view: &View,
        relations: &[&Relation],
        claim: Claim,
    ) -> Result<usize, StoreError> {
        let version = view.document.updated_at;
        let puts = relations
            .iter()
            .map(|relation| async move { self.put_relation(relation, claim, version).await.map(usize::from) });
        let written = stream::iter(puts).buffer_unordered(CONCURRENCY).try_collect::<Vec<usize>>().await?;
        Ok(written.into_iter().sum())
    }

    /// Puts a link, unless a newer view has put it; `false` then.
    pub(crate) async fn put_relation(
        &self,
        relation: &Relation,
        claim: Claim,
        version: Timestamp,
    ) -> Result<bool, StoreError> {
        let item = items::relation(relation, claim, version, self.retention);
        let not_newer = "attribute_not_exists(pk) OR version < :version OR (version = :version AND claim <= :claim)";
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        let request = request
            .condition_expression(not_newer)
            .expression_attribute_values(":version", n(version.epoch_seconds()))
            .expression_attribute_values(":claim", count(claim.0));
        Ok(if_held(request.send().await)?.is_some())
    }

    /// Removes the relations that the view no longer has, unless a newer view has written them again.
    pub(crate) async fn remove_unlinked(
        &self,
        view: &View,
        claim: Claim,
        all: bool,
        erased: &BTreeSet<String>,
    ) -> Result<usize, StoreError> {
        let gone = self.unlinked(view, all, erased).await?;
        self.delete_relations(&view.document.entity, gone.into_iter(), view.document.updated_at, claim).await
    }

    /// The keys of relations that are stored and that the view does not have. Where Intercom no longer lists the oldest parts,
    /// what they mention and who wrote them stays linked, like the parts themselves; with `all` it goes too. A link to an
    /// erased contact stays until the erasure itself has come by it, as it finds by the links what is to be blanked.
    pub(crate) async fn unlinked(
        &self,
        view: &View,
        all: bool,
        erased: &BTreeSet<String>,
    ) -> Result<Vec<String>, StoreError> {
        let kept: HashSet<String> = view.relations.iter().map(Relation::sk).collect();
        let stored = self.keys_with_prefix(&view.document.entity, keys::RELATION_PREFIX).await?;
        let of_parts = |sk: &str| sk.ends_with("#references") || sk.ends_with("#participant");
        // Whom somebody called no view shows, only a notification.
        let seen = |sk: &str| sk.ends_with("#called");
        let to_erased: Vec<String> = erased.iter().map(|id| keys::relation_sk("intercom", "contact", id, "")).collect();
        let to_erased = |sk: &str| to_erased.iter().any(|prefix| sk.starts_with(prefix));
        let stays = |sk: &str| {
            kept.contains(sk) || seen(sk) || to_erased(sk) || (!all && view.document.parts_truncated && of_parts(sk))
        };
        Ok(stored.into_iter().filter(|sk| !stays(sk)).collect())
    }

    /// Notes on the document that the links which its view lacks are gone.
    pub(crate) async fn note_unlinked(&self, view: &View, claim: Claim) -> Result<(), StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", s(view.document.entity.pk()))
            .key("sk", s(keys::DOCUMENT))
            .update_expression("REMOVE unlinking")
            .condition_expression("version = :version AND claim = :claim")
            .expression_attribute_values(":version", n(view.document.updated_at.epoch_seconds()))
            .expression_attribute_values(":claim", count(claim.0));
        if_held(request.send().await).map(drop)
    }

    /// This view lost: what it linked and the winner does not link goes again.
    pub(crate) async fn take_back_relations(
        &self,
        view: &View,
        written: &[&Relation],
        claim: Claim,
        winner: &Head,
    ) -> Result<(), StoreError> {
        let version = Timestamp::from_epoch_seconds(winner.updated_at).unwrap_or(view.document.updated_at);
        let stretch = self.retention.stretch(version);
        let kept = |r: &Relation| winner.relations.contains(&items::relation_digest(r, stretch));
        let gone = written.iter().filter(|r| !kept(r)).map(|r| r.sk());
        self.delete_relations(&view.document.entity, gone, view.document.updated_at, claim).await?;
        Ok(())
    }

    /// Removes links of this view and of earlier ones.
    pub(crate) async fn delete_relations(
        &self,
        entity: &EntityRef,
        sks: impl Iterator<Item = String>,
        version: Timestamp,
        claim: Claim,
    ) -> Result<usize, StoreError> {
        let links = sks.map(|sk| (sk, version.epoch_seconds(), claim.0));
        self.delete_links(entity, links, "version < :version OR (version = :version AND claim <= :claim)").await
    }

    /// Removes links by sort key, each where the condition on its version and claim holds. Gives how many.
    pub(crate) async fn delete_links(
        &self,
        entity: &EntityRef,
        links: impl Iterator<Item = (String, i64, u64)>,
        condition: &str,
    ) -> Result<usize, StoreError> {
        let deletes = links.map(|(sk, version, claim)| async move {
            let request = self
                .client
                .delete_item()
                .table_name(&self.table)
                .key("pk", s(entity.pk()))
                .key("sk", s(sk))
                .condition_expression(condition)
                .expression_attribute_values(":version", n(version))
                .expression_attribute_values(":claim", count(claim));
            Ok(usize::from(if_held(request.send().await)?.is_some()))
        });
        let removed = stream::iter(deletes).buffer_unordered(CONCURRENCY).try_collect::<Vec<usize>>().await?;
        Ok(removed.into_iter().sum())
    }
}
