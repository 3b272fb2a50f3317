//! HTML as it comes → HTML of few elements, properly nested and of limited depth.

use super::tokens::{Token, Tokens, attribute};

/// Deepest nesting of elements that is kept; what lies deeper loses its tags, not its text.
pub const MAX_DEPTH: usize = 32;
/// Most tags that one text may have before it is taken for plain text.
pub const MAX_TAGS: usize = 20_000;

/// Stands for an underscore inside a word while htmd works, which would escape it: in Markdown such a one never means
/// emphasis, and `ERR\_TIMEOUT` cannot be found. A non-character, so no text of Intercom's has it.
const UNDERSCORE: char = '\u{FDD0}';

/// What an element is to us.
enum Kind {
    /// Kept under this name; closes an open paragraph.
    Block(&'static str),
    /// Kept under this name.
    Inline(&'static str),
    /// A line break or rule.
    Void(&'static str),
    /// A cell of a table: tables become lines, since a table padded to its widest cell can be of any size.
    Cell,
    Image,
    Embedded,
    Link,
    Pre,
    /// Only its content matters.
    Unknown,
}

fn kind(name: &str) -> Kind {
    match name {
        "p" => Kind::Block("p"),
        "h1" => Kind::Block("h1"),
        "h2" => Kind::Block("h2"),
        "h3" => Kind::Block("h3"),
        "h4" => Kind::Block("h4"),
        "h5" => Kind::Block("h5"),
        "h6" => Kind::Block("h6"),
        "ul" => Kind::Block("ul"),
        "ol" => Kind::Block("ol"),
        "li" => Kind::Block("li"),
        "blockquote" => Kind::Block("blockquote"),
        "div" | "section" | "article" | "aside" | "header" | "footer" | "main" | "nav" | "center" | "figure"
        | "figcaption" | "address" | "dl" | "dt" | "dd" | "form" | "fieldset" | "table" | "tr" | "caption"
        | "details" | "summary" => Kind::Block("div"),
        "td" | "th" => Kind::Cell,
        "b" | "strong" => Kind::Inline("strong"),
        "i" | "em" => Kind::Inline("em"),
        "code" | "kbd" | "samp" | "tt" => Kind::Inline("code"),
        "br" => Kind::Void("br"),
        "hr" => Kind::Void("hr"),
        "img" => Kind::Image,
        "iframe" | "video" | "audio" | "embed" => Kind::Embedded,
        "a" => Kind::Link,
        "pre" => Kind::Pre,
        _ => Kind::Unknown,
    }
}

/// Whether an element stands within a line.
pub(super) fn is_inline(name: &str) -> bool {
    !matches!(kind(name), Kind::Block(_) | Kind::Void(_) | Kind::Pre | Kind::Cell)
}

/// The same text in few, properly nested elements; `None` where it has more than [`MAX_TAGS`] tags.
pub(super) fn normalise(html: &str) -> Option<String> {
    let mut writer = Writer { out: String::with_capacity(html.len() + 64), ..Writer::default() };
    for token in Tokens::new(html) {
        match token {
            Token::Text(text) => writer.text(text),
            Token::Open { name, attributes } => {
                writer.count()?;
                writer.open(&name, attributes);
            }
            Token::Close { name } => {
                writer.count()?;
                writer.close(&name);
            }
        }
    }
    writer.close_all_above(0);
    Some(writer.out)
}

/// Undoes what [`normalise`] did to underscores.
pub(super) fn restore(markdown: &str) -> String {
    markdown.replace(UNDERSCORE, "_")
}

#[derive(Default)]
struct Writer {
    out: String,
    /// The elements that are open, outermost first.
    stack: Vec<&'static str>,
    /// How many open elements were left out because the stack was full.
    dropped: usize,
    tags: usize,
    /// The row has a cell already.
    row_begun: bool,
}

impl Writer {
    fn count(&mut self) -> Option<()> {
        self.tags += 1;
        (self.tags <= MAX_TAGS).then_some(())
    }

    fn inside(&self, name: &str) -> bool {
        self.stack.contains(&name)
    }

    fn text(&mut self, text: &str) {
        let in_code = self.inside("pre") || self.inside("code");
        let mut before = ' ';
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '<' => self.out.push_str("&lt;"),
                '_' if !in_code && word(before) && characters.peek().is_some_and(|next| word(*next)) => {
                    self.out.push(UNDERSCORE);
                }
                UNDERSCORE => self.out.push('\u{FFFD}'),
                other => self.out.push(other),
            }
            before = character;
        }
    }

    fn open(&mut self, name: &str, attributes: &str) {
        if self.inside("pre") {
            // Only its text and its lines matter.
            if matches!(kind(name), Kind::Void(_)) {
                self.out.push('\n');
            }
            return;
        }
        match kind(name) {
            Kind::Block(block) => {
                if name == "tr" {
                    self.row_begun = false;
                }
                if block == "li" {
                    self.close_item();
                }
                self.close_paragraph();
                self.push(block, &format!("<{block}>"));
            }
            Kind::Cell => {
                let first = !std::mem::replace(&mut self.row_begun, true);
                self.out.push_str(if first { " " } else { " | " });
            }
            Kind::Inline(inline) => self.open_inline(inline),
            Kind::Void(void) => {
                if void == "hr" {
                    self.close_paragraph();
                }
                self.out.push_str(&format!("<{void}>"));
            }
            Kind::Image => self.image(attributes),
            Kind::Embedded => self.link_to(attribute(attributes, "src"), "embedded"),
            Kind::Link => {
                if let Some(at) = self.stack.iter().rposition(|open| *open == "a") {
                    self.close_all_above(at);
                }
                match attribute(attributes, "href").and_then(|href| address(&href)) {
                    Some(href) => self.push("a", &format!("<a href=\"{href}\">")),
                    None => self.push("a", "<a>"),
                }
            }
            Kind::Pre => {
                self.close_paragraph();
                // htmd fences only code inside pre.
                self.push("pre", "<pre><code>");
            }
            Kind::Unknown => {}
        }
    }

    fn open_inline(&mut self, inline: &'static str) {
        if self.inside(inline) {
            self.dropped += 1;
            return;
        }
        let end = end_tag(inline);
        // `<b>a</b><b>b</b>` is one run; so written, a text of a million letters in bold is no million nodes.
        if self.out.ends_with(end) && self.stack.len() < MAX_DEPTH {
            self.out.truncate(self.out.len() - end.len());
            self.stack.push(inline);
        } else {
            self.push(inline, &format!("<{inline}>"));
        }
    }

    fn image(&mut self, attributes: &str) {
        let alt = attribute(attributes, "alt").filter(|alt| !alt.trim().is_empty());
        let words = alt.map_or_else(|| "image".to_owned(), |alt| format!("image: {}", alt.trim()));
        self.link_to(attribute(attributes, "src"), &words);
    }

    /// Writes a link to something that Markdown cannot hold; only the words where there is no address to keep.
    fn link_to(&mut self, target: Option<String>, words: &str) {
        let target = target.and_then(|target| address(&target)).filter(|_| !self.inside("a"));
        let words = escape(words);
        match target {
            Some(target) => self.out.push_str(&format!("<a href=\"{target}\">{words}</a>")),
            None => self.out.push_str(&format!("({words})")),
        }
    }

    fn push(&mut self, name: &'static str, tag: &str) {
        if self.stack.len() >= MAX_DEPTH {
            self.dropped += 1;
            // Words on both sides of a tag that is left out must not grow together.
            self.out.push(' ');
        } else {
            self.out.push_str(tag);
            self.stack.push(name);
        }
    }

    fn close(&mut self, name: &str) {
        let name = match kind(name) {
            Kind::Block(name) | Kind::Inline(name) => name,
            Kind::Link => "a",
            Kind::Pre => "pre",
            _ => return,
        };
        if self.dropped > 0 && self.stack.last().is_none_or(|open| *open != name) {
            self.dropped -= 1;
        } else if let Some(at) = self.stack.iter().rposition(|open| *open == name) {
            self.close_all_above(at);
        }
    }

    /// A paragraph ends where a block begins, and formatting ends with it: HTML5 would open it again in every block
    /// that follows.
    fn close_paragraph(&mut self) {
        if let Some(at) = self.stack.iter().rposition(|open| *open == "p") {
            self.close_all_above(at);
        }
    }

    /// An item ends where the next item of the same list begins.
    fn close_item(&mut self) {
        let list = self.stack.iter().rposition(|open| matches!(*open, "ul" | "ol")).unwrap_or(0);
        if let Some(at) = self.stack.iter().rposition(|open| *open == "li").filter(|at| *at >= list) {
            self.close_all_above(at);
        }
    }

    /// Closes the element at this place of the stack and all within it.
    fn close_all_above(&mut self, at: usize) {
        while self.stack.len() > at {
            if let Some(name) = self.stack.pop() {
                self.out.push_str(end_tag(name));
            }
        }
        self.dropped = 0;
    }
}

fn word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn end_tag(name: &str) -> &'static str {
    match name {
        "p" => "</p>",
        "h1" => "</h1>",
        "h2" => "</h2>",
        "h3" => "</h3>",
        "h4" => "</h4>",
        "h5" => "</h5>",
        "h6" => "</h6>",
        "ul" => "</ul>",
        "ol" => "</ol>",
        "li" => "</li>",
        "blockquote" => "</blockquote>",
        "strong" => "</strong>",
        "em" => "</em>",
        "code" => "</code>",
        "a" => "</a>",
        "pre" => "</code></pre>",
        _ => "</div>",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// An address that may stand in a link, escaped: of the web, mail or telephone (scripts and embedded data are no
/// addresses), without the signature of Intercom's own files.
fn address(target: &str) -> Option<String> {
    let target = target.trim();
    let scheme = target.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase())?;
    if !matches!(scheme.as_str(), "http" | "https" | "mailto" | "tel") {
        return None;
    }
    Some(escape(crate::links::without_signature(target)).replace(' ', "%20").replace('\n', ""))
}
