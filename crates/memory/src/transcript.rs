//! A conversation to read.

use crate::{Document, Event};

/// A whole conversation or ticket as Markdown: title, what it is, then who did what when.
pub fn transcript(_document: &Document, _events: &[Event]) -> String {
    String::new()
}
