//! HTML cut into texts and tags, in one pass over the bytes. Comments, declarations, and elements whose content is no
//! text to read (scripts, styles, drawings) are passed over.

use super::entities;

/// Elements that are passed over with everything in them, to the end of the text where their end tag is missing: no browser
/// shows what is in them.
const UNSEEN: &[&str] = &["script", "style", "title", "template"];
/// Elements that are passed over with everything in them where their end tag follows. Where it is missing, a browser shows
/// what comes after, and so do we.
const NO_TEXT: &[&str] = &["svg", "math", "noscript", "select", "textarea"];
/// Longest name of an element that is looked at.
const MAX_NAME: usize = 16;

/// A text (entities not resolved) or a tag (names in lower case).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Text(&'a str),
    Open { name: String, attributes: &'a str },
    Close { name: String },
}

/// The elements of HTML, those of old included, sorted. What else looks like a tag (`List<Item>`) is none.
#[rustfmt::skip]
const ELEMENTS: &[&str] = &[
    "a", "abbr", "acronym", "address", "applet", "area", "article", "aside", "audio", "b", "base", "basefont", "bdi", "bdo",
    "big", "blockquote", "body", "br", "button", "canvas", "caption", "center", "cite", "code", "col", "colgroup", "data",
    "datalist", "dd", "del", "details", "dfn", "dialog", "dir", "div", "dl", "dt", "em", "embed", "fieldset", "figcaption",
    "figure", "font", "footer", "form", "frame", "frameset", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hgroup",
    "hr", "html", "i", "iframe", "img", "input", "ins", "kbd", "label", "legend", "li", "link", "main", "map", "mark",
    "marquee", "math", "menu", "meta", "meter", "nav", "nobr", "noscript", "o:p", "object", "ol", "optgroup", "option",
    "output", "p", "param", "picture", "pre", "progress", "q", "rp", "rt", "ruby", "s", "samp", "script", "section",
    "select", "small", "source", "span", "strike", "strong", "style", "sub", "summary", "sup", "svg", "table", "tbody",
    "td", "template", "textarea", "tfoot", "th", "thead", "time", "title", "tr", "track", "tt", "u", "ul", "var", "video",
    "wbr",
];

/// Whether the text has a tag of an element anywhere, or a comment.
pub(super) fn has_elements(text: &str) -> bool {
    text.match_indices('<').any(|(at, _)| {
        let tag = text.get(at..).unwrap_or_default();
        tag.starts_with("<!--") || begins_with_element(tag)
    })
}

/// Whether the text begins with a tag of an element, or with a comment or declaration of one.
pub(super) fn begins_with_element(text: &str) -> bool {
    let Some(inside) = text.strip_prefix('<') else { return false };
    if inside.starts_with("!--") || inside.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("!doctype")) {
        return true;
    }
    let inside = inside.strip_prefix('/').unwrap_or(inside);
    let Some(end) = inside.bytes().take(MAX_NAME + 1).position(|b| b.is_ascii_whitespace() || b == b'/' || b == b'>')
    else {
        return false;
    };
    let (name, behind) = inside.split_at_checked(end).unwrap_or_default();
    // Not `a<b && c`: attributes begin with a letter.
    let is_tag = behind.trim_start().bytes().next().is_some_and(|b| b == b'>' || b == b'/' || b.is_ascii_alphabetic());
    is_tag && ELEMENTS.binary_search(&name.to_ascii_lowercase().as_str()).is_ok()
}

/// Whether what stands behind a `<` would be read as a tag, comment or declaration.
pub(super) fn starts_markup(behind: &str) -> bool {
    behind.bytes().next().is_some_and(is_markup)
}

fn is_markup(next: u8) -> bool {
    next.is_ascii_alphabetic() || matches!(next, b'/' | b'!' | b'?')
}

pub(super) struct Tokens<'a> {
    rest: &'a str,
    /// Elements whose end tag is known not to follow any more, so that nobody looks for it again and again.
    unclosed: Vec<String>,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(html: &'a str) -> Self {
        Self { rest: html, unclosed: Vec::new() }
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
        if UNSEEN.contains(&name.as_str()) {
            self.skip_element(&name);
            return None;
        }
        if NO_TEXT.contains(&name.as_str()) {
            if let Some(end) = self.end_of(&name) {
                self.take(end);
            }
            return None;
        }
        Some(Token::Open { name, attributes })
    }

    /// Where an element ends that has just begun, behind its end tag; `None` where another one of the name begins first, or
    /// no end tag follows at all.
    fn end_of(&mut self, name: &str) -> Option<usize> {
        if self.unclosed.iter().any(|unclosed| unclosed == name) {
            return None;
        }
        let mut at = 0;
        while let Some(tag) = self.rest.get(at..).and_then(|rest| rest.find('<')).map(|found| at + found) {
            let inside = self.rest.get(tag + 1..).unwrap_or_default();
            let (closing, inside) = inside.strip_prefix('/').map_or((false, inside), |inside| (true, inside));
            let is_whole = !inside.as_bytes().get(name.len()).is_some_and(u8::is_ascii_alphanumeric);
            if is_whole && inside.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)) {
                let end = self.rest.get(tag..).and_then(|rest| rest.find('>'));
                return end.filter(|_| closing).map(|end| tag + end + 1);
            }
            at = tag + 1;
        }
        self.unclosed.push(name.to_owned());
        None
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
            let markup = |at: &usize| matches!(bytes.get(at + 1), Some(next) if is_markup(*next));
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
            return Some(entities::in_attribute(value).into_owned());
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
