//! The workspace that everything here is measured with.

use ::tests::{Options, Stack};
use emulator::{Failure, FailureKind, Kind, Seed};
use serde_json::Value;

use crate::{Arguments, BenchError};

/// People and companies: few enough that they are known after some pages, as in a workspace that has been read before.
const CONTACTS: u32 = 200;
const COMPANIES: u32 = 20;
const ARTICLES: u32 = 20;
const TICKETS: u32 = 20;

/// The bundle as it is deployed, notes included so that every part counts.
pub(crate) fn options(arguments: &Arguments, rate_limit: u32) -> Options {
    let standard = Options::default();
    Options {
        seed: Seed {
            seed: 42,
            conversations: arguments.conversations,
            contacts: CONTACTS,
            companies: COMPANIES,
            articles: ARTICLES,
            tickets: TICKETS,
            parts_per_conversation: Some(arguments.parts),
        },
        rate_limit,
        settings: memory::Settings { ingest_internal_notes: true, ..standard.settings },
        ..standard
    }
}

/// How much later Intercom answers the first search for conversations, in milliseconds.
const CONTACTS_FIRST_MS: u64 = 1_000;

/// The budget speaks of conversations whose contacts are known. Contacts are two pages, which are read while the first
/// search for conversations is held up, once.
pub(crate) fn let_contacts_go_first<C>(stack: &Stack<C>) -> Result<(), BenchError> {
    let kind = FailureKind::Delay { ms: CONTACTS_FIRST_MS };
    let rule = Failure { route: "POST /conversations/search".to_owned(), kind, times: 1, skip: 0 };
    Ok(stack.intercom.state().fail(vec![rule])?)
}

/// Every conversation as Intercom now holds it.
pub(crate) fn conversations<C>(stack: &Stack<C>) -> Vec<Value> {
    let truth = stack.intercom.state().truth(Some(Kind::Conversations), None);
    truth.get("conversations").and_then(Value::as_array).cloned().unwrap_or_default()
}
