//! What ships is what is tested: the golden corpus through the functions as `sam build` made them, each a process of its
//! own, leaves what it leaves in one process with everything that tests switch on.
//!
//! `BUILT_FUNCTIONS` is the folder of `sam build` (`make test` and `make release-check` set it).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::{collections::BTreeSet, path::PathBuf};

use tests::{
    Built, Stack,
    golden::{Corpus, Items, play},
};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn built() -> PathBuf {
    let given = std::env::var_os("BUILT_FUNCTIONS");
    root().join(given.expect("BUILT_FUNCTIONS names the folder in which `sam build` left the functions"))
}

/// Every difference, by the item's key.
fn differences(shipped: &Items, tested: &Items) -> Vec<String> {
    let keys: BTreeSet<_> = shipped.keys().chain(tested.keys()).collect();
    keys.into_iter()
        .filter(|key| shipped.get(*key) != tested.get(*key))
        .map(|key| match (shipped.get(key), tested.get(key)) {
            (Some(shipped), Some(tested)) => format!("{key:?}\n  as built:  {shipped}\n  as tested: {tested}"),
            (Some(_), None) => format!("{key:?}: only the built functions write it"),
            _ => format!("{key:?}: the built functions do not write it"),
        })
        .collect()
}

#[tokio::test]
async fn the_golden_corpus_leaves_the_same_items_through_the_built_functions_as_in_the_tests() {
    let corpus = Corpus::read();
    let shipped = Built::start(&built(), &root().join(".local/logs"), Corpus::seed()).await;
    let tested = Stack::start(Corpus::options()).await;
    let (shipped_history, shipped_end) = play(&shipped, &corpus).await;
    let (tested_history, tested_end) = play(&tested, &corpus).await;
    assert!(shipped_history.len() > 500, "{} items", shipped_history.len());
    for (when, shipped, tested) in
        [("after the history", shipped_history, tested_history), ("in the end", shipped_end, tested_end)]
    {
        let found = differences(&shipped, &tested);
        assert!(found.is_empty(), "{} differences {when}:\n{}", found.len(), found.join("\n"));
    }
    println!("{} objects, {} notifications", corpus.objects.len(), corpus.notifications.len());
}
