//! Cross-references in text: addresses first (those in `href`s too), then `owner/repo#12`, then bare issue keys of the
//! teams that the operator named. Bare keys of other teams are never taken: `UTF-8`, `SHA-256`, `COVID-19` and
//! `ISO-8601` look just like them.

mod address;
mod files;

use std::{
    collections::{BTreeSet, HashSet},
    sync::LazyLock,
};

use regex::Regex;

use crate::{RelationTarget, html::Written};
pub use address::reference as reference_of_address;
pub use files::without_signatures;

/// Most references that one text yields; a text with more (a log, a spam list) says nothing by the rest of them.
pub const MAX_REFERENCES: usize = 100;
/// Most bytes that the references of one text take together: they are stored with the text's event, whose item ends at
/// 400 KB with 300 KB of body in it.
const MAX_BYTES: usize = 16 * 1024;
/// Longest address, in bytes, that is taken for one (the receiver's column limit).
const MAX_ADDRESS: usize = 2048;

/// Something that a text mentions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// What.
    pub target: RelationTarget,
    /// The words that said so.
    pub evidence: String,
}

/// A pattern of this file. One that does not compile ends the process at its start ([`compile`]): a build in which a pattern
/// silently matched nothing has been shipped before, since a feature of `regex` was on in tests only.
#[expect(clippy::expect_used, reason = "a constant that is wrong is a fault of the build, and nothing may hide it")]
fn pattern(text: &'static str) -> Regex {
    Regex::new(text).expect("a pattern of this file compiles with the features of `regex` that this build has")
}

// `(?i)` would need the tables of the feature `unicode-case`; the scheme of an address is ASCII.
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| pattern(r#"\b(?i-u:https?)://[^\s<>"'`\\^{}|\]]+"#));
static REPOSITORY: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:^|[^\w./#@-])([A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100})#(\d{1,9})\b"));
static KEY: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:^|[^\w./#@=-])([A-Z][A-Z0-9_]{0,14})-([1-9]\d{0,6})(?:$|[^\w-])"));

/// Compiles every pattern now instead of at the first text, so that a build whose patterns do not compile never works on
/// anything.
///
/// # Panics
/// Where one does not compile.
pub fn compile() {
    for pattern in [&ADDRESS, &REPOSITORY, &KEY] {
        LazyLock::force(pattern);
    }
}

/// Everything that somebody's words mention, in order of first mention within each of the three ways, each target once, at
/// most [`MAX_REFERENCES`] and 16 KB of them.
pub fn find(written: Written<'_>, team_keys: &BTreeSet<String>) -> Vec<Reference> {
    let mut found = Found::default();
    // Of HTML the source is searched, for what stands in attributes only.
    let source = match written {
        Written::Html(html) => html.replace("&amp;", "&"),
        Written::Plain(text) => text.to_owned(),
    };
    let decoded = without_signatures(&source);
    for mention in ADDRESS.find_iter(&decoded) {
        if found.is_full() {
            break;
        }
        let evidence = trim_address(mention.as_str());
        if evidence.len() <= MAX_ADDRESS
            && let Some(target) = address::reference(evidence)
        {
            found.add(target, evidence);
        }
    }
    let words = written.text();
    let words = ADDRESS.replace_all(&words, " ");
    for mention in REPOSITORY.captures_iter(&words) {
        if let (Some(repository), Some(number)) = (mention.get(1), mention.get(2)) {
            let id = format!("{}#{}", repository.as_str(), number.as_str());
            // Issues and pull requests share their numbers; GitHub leads from this address to either.
            let url = format!("https://github.com/{}/issues/{}", repository.as_str(), number.as_str());
            found.add(RelationTarget { url: Some(url), ..RelationTarget::new("github", "issue", &*id) }, &id);
        }
    }
    if !team_keys.is_empty() {
        bare_keys(&words, team_keys, &mut found);
    }
    found.references
}

fn bare_keys(words: &str, team_keys: &BTreeSet<String>, found: &mut Found) {
    let mut at = 0;
    // Two keys may share the character between them, so the search goes on right behind the number.
    while let Some(mention) = words.get(at..).and_then(|rest| KEY.captures(rest)) {
        let (Some(team), Some(number)) = (mention.get(1), mention.get(2)) else { return };
        if team_keys.contains(team.as_str()) {
            let id = format!("{}-{}", team.as_str(), number.as_str());
            found.add(RelationTarget::new("linear", "issue", &*id), &id);
        }
        at += number.end();
    }
}

#[derive(Default)]
struct Found {
    references: Vec<Reference>,
    seen: HashSet<(String, String, String)>,
    bytes: usize,
}

impl Found {
    fn add(&mut self, target: RelationTarget, evidence: &str) {
        if self.is_full() || self.bytes + evidence.len() > MAX_BYTES {
            return;
        }
        let identity = (target.provider.clone(), target.entity_type.clone(), target.entity_id.clone());
        if self.seen.insert(identity) {
            self.bytes += evidence.len();
            self.references.push(Reference { target, evidence: evidence.to_owned() });
        }
    }

    fn is_full(&self) -> bool {
        self.references.len() >= MAX_REFERENCES
    }
}

/// Without the punctuation of the sentence, and without a bracket that was opened outside.
fn trim_address(address: &str) -> &str {
    let mut address = address;
    loop {
        let trimmed = address.trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_', '…', '’', '”']);
        let unbalanced = trimmed.ends_with(')') && trimmed.matches(')').count() > trimmed.matches('(').count();
        let trimmed = if unbalanced { trimmed.strip_suffix(')').unwrap_or(trimmed) } else { trimmed };
        if trimmed.len() == address.len() {
            return trimmed;
        }
        address = trimmed;
    }
}

#[cfg(test)]
mod tests;
