//! HTML cut into texts and tags, in one pass over the bytes. Comments, declarations, and elements whose content is no
//! text to read (scripts, styles, drawings) are passed over.

use std::borrow::Cow;

/// Elements that are passed over with everything in them.
const SKIPPED: &[&str] =
    &["script", "style", "title", "template", "svg", "math", "noscript", "object", "select", "textarea"];
/// Longest name of an element that is looked at.
const MAX_NAME: usize = 16;

/// A text (entities not resolved) or a tag (names in lower case).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Text(&'a str),
    Open { name: String, attributes: &'a str },
    Close { name: String },
}

/// Whether anything in the text would be read as a tag, comment or declaration.
pub(super) fn has_tags(html: &str) -> bool {
    html.as_bytes().windows(2).any(|pair| matches!(pair, [b'<', next] if starts_markup(*next)))
}

fn starts_markup(next: u8) -> bool {
    next.is_ascii_alphabetic() || matches!(next, b'/' | b'!' | b'?')
}

pub(super) struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(html: &'a str) -> Self {
        Self { rest: html }
    }

    /// Takes `at` bytes off the front; `at` is next to an ASCII character, so always a boundary.
    fn take(&mut self, at: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(at).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// Passes over everything up to and with `end`; all of the rest where there is none.
    fn skip_past(&mut self, end: &str) {
        let at = self.rest.find(end).map_or(self.rest.len(), |at| at + end.len());
        self.take(at);
    }

    /// A tag from its `<` on; `None` where it is one to pass over.
    fn tag(&mut self) -> Option<Token<'a>> {
        if self.rest.starts_with("<!--") {
            self.take(4);
            self.skip_past("-->");
            return None;
        }
        if self.rest.starts_with("<!") || self.rest.starts_with("<?") {
            self.skip_past(">");
            return None;
        }
        let inside = tag_end(self.rest).map(|end| self.take(end));
        let Some(inside) = inside else {
            // A tag that never ends swallows the rest, as in a browser.
            self.rest = "";
            return None;
        };
        let inside = inside.trim_start_matches('<').trim_end_matches('>');
        let (closing, inside) = inside.strip_prefix('/').map_or((false, inside), |inside| (true, inside));
        let name_end = inside.find(|c: char| c.is_ascii_whitespace() || c == '/').unwrap_or(inside.len());
        let (name, attributes) = inside.split_at(name_end);
        if name.is_empty() || name.len() > MAX_NAME {
            return None;
        }
        let name = name.to_ascii_lowercase();
        if closing {
            return Some(Token::Close { name });
        }
        if SKIPPED.contains(&name.as_str()) {
            self.skip_element(&name);
            return None;
        }
        Some(Token::Open { name, attributes })
    }

    /// Passes over the content of an element and its end tag. Where no end tag follows, nothing but the rest is lost.
    fn skip_element(&mut self, name: &str) {
        loop {
            self.skip_past("</");
            if self.rest.is_empty() {
                return;
            }
            let found = self.rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
            if found {
                self.skip_past(">");
                return;
            }
        }
    }
}

/// Where a tag ends, behind its `>`; a `>` in quotes is part of an attribute.
fn tag_end(tag: &str) -> Option<usize> {
    let mut quote = None;
    let mut after_equals = false;
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at + 1),
            (None, b'"' | b'\'') if after_equals => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
        after_equals = byte == b'=' || (after_equals && byte.is_ascii_whitespace());
    }
    None
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let bytes = self.rest.as_bytes();
            let markup = |at: &usize| matches!(bytes.get(at + 1), Some(next) if starts_markup(*next));
            let start = bytes.iter().enumerate().filter(|(_, b)| **b == b'<').map(|(at, _)| at).find(markup);
            match start {
                Some(0) => {
                    if let Some(token) = self.tag() {
                        return Some(token);
                    }
                }
                Some(at) => return Some(Token::Text(self.take(at))),
                None => return Some(Token::Text(std::mem::take(&mut self.rest))),
            }
        }
        None
    }
}

/// The value of an attribute, entities resolved.
pub(super) fn attribute(attributes: &str, wanted: &str) -> Option<String> {
    let mut rest = attributes;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return None;
        }
        let name_end = rest.find(|c: char| c.is_ascii_whitespace() || c == '=' || c == '/').unwrap_or(rest.len());
        // A stray `=` in place of a name is taken as a name of one character, or nothing would move on.
        let (name, after) = rest.split_at(name_end.max(rest.chars().next().map_or(0, char::len_utf8)));
        let (value, after) = match after.trim_start().strip_prefix('=') {
            Some(after) => attribute_value(after.trim_start()),
            None => ("", after),
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(decode_entities(value).into_owned());
        }
        rest = after;
    }
}

fn attribute_value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inside) = text.strip_prefix(quote) {
            return inside.split_once(quote).unwrap_or((inside, ""));
        }
    }
    text.split_at(text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len()))
}

/// Resolves numeric entities and the few named ones that occur in messages; leaves others as they are.
pub(super) fn decode_entities(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let entity = after.bytes().take(12).position(|b| b == b';').and_then(|end| after.get(..end));
        match entity.and_then(|name| entity_character(name).map(|character| (name, character))) {
            Some((name, character)) => {
                out.push(character);
                rest = after.get(name.len() + 1..).unwrap_or_default();
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn entity_character(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code).filter(|c| *c != '\0');
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "bull" => '•',
        "copy" => '©',
        "reg" => '®',
        "trade" => '™',
        "euro" => '€',
        _ => return None,
    })
}
