//! HTML as it comes → HTML of few elements, properly nested and of limited depth.

use super::{
    elements::{Kind, end_tag, kind},
    entities,
    marks::Line,
    tables,
    tokens::{Token, Tokens, attribute},
};
use crate::links;

/// Deepest nesting of elements that is kept; what lies deeper loses its tags, not its text.
pub const MAX_DEPTH: usize = 32;
/// Most tags that one text may have before it is taken for plain text.
pub const MAX_TAGS: usize = 20_000;

/// Stands for an underscore inside a word while htmd works, which would escape it: in Markdown such a one never means
/// emphasis, and `ERR\_TIMEOUT` cannot be found. A non-character, so no text of Intercom's has it.
const UNDERSCORE: char = '\u{FDD0}';
/// Stands for a backslash of our own, which htmd would escape.
const BACKSLASH: char = '\u{FDD1}';

/// The same text in few, properly nested elements; `None` where it has more than [`MAX_TAGS`] tags.
pub(super) fn normalise(html: &str) -> Option<String> {
    let mut tokens = Vec::new();
    let mut tags = 0;
    for token in Tokens::new(html) {
        tags += usize::from(!matches!(token, Token::Text(_)));
        if tags > MAX_TAGS {
            return None;
        }
        tokens.push(token);
    }
    let of_data = tables::of_data(&tokens).into_iter();
    let mut writer = Writer { out: String::with_capacity(html.len() + 64), of_data, ..Writer::default() };
    for token in tokens {
        match token {
            Token::Text(text) => writer.text(text),
            Token::Open { name, attributes } => writer.open(&name, attributes),
            Token::Close { name } => writer.close(&name),
        }
    }
    writer.close_all_above(0);
    Some(writer.out)
}

/// Undoes what [`normalise`] did to underscores and backslashes.
pub(super) fn restore(markdown: &str) -> String {
    markdown.replace(UNDERSCORE, "_").replace(BACKSLASH, "\\")
}

/// A table that is open.
struct Table {
    /// Its rows are lines.
    is_data: bool,
    /// How many elements are open around it.
    at: usize,
    /// How many are open around its current row.
    row_at: Option<usize>,
    /// The current row has a cell already.
    row_begun: bool,
    /// The current cell has something in it already.
    cell_begun: bool,
    /// What has to stand before the next words of the cell, where it has some already.
    gap: Option<&'static str>,
}

struct Writer {
    out: String,
    /// The elements that are open, outermost first.
    stack: Vec<&'static str>,
    /// How many open elements were left out because the stack was full.
    dropped: usize,
    /// The tables that are open, outermost first.
    tables: Vec<Table>,
    /// Whether each table that is still to come is one of data.
    of_data: std::vec::IntoIter<bool>,
    line: Line,
}

impl Default for Writer {
    fn default() -> Self {
        Self {
            out: String::new(),
            stack: Vec::new(),
            dropped: 0,
            tables: Vec::new(),
            of_data: Vec::new().into_iter(),
            line: Line::Blank,
        }
    }
}

impl Writer {
    fn inside(&self, name: &str) -> bool {
        self.stack.contains(&name)
    }

    /// The table of data whose row is being written: everything in it stays within its line.
    fn row(&mut self) -> Option<&mut Table> {
        self.tables.last_mut().filter(|table| table.is_data && table.row_begun)
    }

    fn text(&mut self, text: &str) {
        let text = entities::in_text(text);
        let text = links::without_signatures(&text);
        let mut text: &str = &text;
        if self.row().is_some_and(|row| row.gap.is_some()) {
            text = text.trim_start();
        }
        if !text.trim().is_empty() {
            self.bridge();
        }
        let in_row = self.row().is_some();
        let in_code = self.inside("pre") || self.inside("code");
        let mut before = ' ';
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            let rest = characters.as_str();
            if !in_code && (self.line.marks(character, rest) || (in_row && character == '|')) {
                self.out.push(BACKSLASH);
            }
            match character {
                '<' => self.out.push_str("&lt;"),
                '&' => self.out.push_str("&amp;"),
                '_' if !in_code && word(before) && rest.chars().next().is_some_and(word) => self.out.push(UNDERSCORE),
                UNDERSCORE | BACKSLASH => self.out.push('\u{FFFD}'),
                other => self.out.push(other),
            }
            self.line = self.line.with(character);
            before = character;
        }
    }

    /// Keeps what comes next in a cell apart from what stands there.
    fn bridge(&mut self) {
        let Some(row) = self.row() else { return };
        let gap = row.gap.take().filter(|_| row.cell_begun);
        row.cell_begun = true;
        if let Some(gap) = gap {
            self.out.push_str(gap);
        }
    }

    fn open(&mut self, name: &str, attributes: &str) {
        if self.inside("pre") {
            if name == "table" {
                self.of_data.next();
            }
            // Only its text and its lines matter.
            if matches!(kind(name), Kind::Void(_)) {
                self.out.push('\n');
            }
            return;
        }
        if !matches!(name, "table" | "tr" | "td" | "th")
            && let Some(row) = self.row()
            && matches!(kind(name), Kind::Block(_) | Kind::Void(_) | Kind::Pre)
        {
            row.gap = Some(if name == "li" { "; " } else { row.gap.unwrap_or(" ") });
            return;
        }
        match kind(name) {
            Kind::Block(block) => self.open_block(name, block),
            Kind::Cell => self.open_cell(),
            Kind::Inline(inline) => {
                self.bridge();
                self.open_inline(inline);
            }
            Kind::Void(void) => {
                if void == "hr" {
                    self.close_paragraph();
                }
                self.out.push_str(&format!("<{void}>"));
                self.line = Line::Blank;
            }
            Kind::Image => self.image(attributes),
            Kind::Embedded => self.link_to(attribute(attributes, "src"), "embedded"),
            Kind::Link => {
                self.bridge();
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

    fn open_block(&mut self, name: &str, block: &'static str) {
        if name == "tr"
            && let Some(at) = self.tables.last().and_then(|table| table.row_at.filter(|_| table.is_data))
        {
            self.close_all_above(at);
        }
        match block {
            "li" => self.close_item(),
            "ul" | "ol" => self.reopen_item(),
            _ => {}
        }
        self.close_paragraph();
        let at = self.stack.len();
        match (name, self.tables.last_mut()) {
            ("table", _) => {
                let is_data = self.of_data.next().unwrap_or(false);
                let table = Table { is_data, at, row_at: None, row_begun: false, cell_begun: false, gap: None };
                self.tables.push(table);
            }
            ("tr", Some(table)) => {
                table.row_at = Some(at);
                table.row_begun = false;
            }
            _ => {}
        }
        self.push(block, &format!("<{block}>"));
        // What a heading begins with is no beginning of anything else.
        self.line = if block.starts_with('h') { Line::Begun } else { Line::Blank };
    }

    fn open_cell(&mut self) {
        // Formatting ends with its cell.
        if let Some(at) = self.tables.last().and_then(|table| table.row_at.filter(|_| table.is_data)) {
            self.close_all_above(at + 1);
        }
        let Some(table) = self.tables.last_mut() else {
            self.out.push(' ');
            return;
        };
        let first = !std::mem::replace(&mut table.row_begun, true);
        (table.cell_begun, table.gap) = (false, None);
        self.out.push_str(if first { " " } else { " | " });
        if !first {
            self.line = Line::Begun;
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
        let words = escape(&links::without_signatures(words));
        self.bridge();
        self.line = Line::Begun;
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
        if !self.inside("pre") && self.closed_in_table(name) {
            return;
        }
        let (name, is_block) = match kind(name) {
            Kind::Block(name) => (name, true),
            Kind::Inline(name) => (name, false),
            Kind::Link => ("a", false),
            Kind::Pre => ("pre", true),
            _ => return,
        };
        if is_block {
            self.line = Line::Blank;
        }
        if self.dropped > 0 && self.stack.last().is_none_or(|open| *open != name) {
            self.dropped -= 1;
        } else if let Some(at) = self.stack.iter().rposition(|open| *open == name) {
            self.close_all_above(at);
        }
    }

    /// Whether an end tag was that of a table of data, or of something in one: there, only rows and cells are elements.
    fn closed_in_table(&mut self, name: &str) -> bool {
        let Some(table) = self.tables.last_mut() else { return false };
        if !table.is_data {
            if name == "table" {
                self.tables.pop();
            }
            return false;
        }
        match name {
            "table" => {
                let at = table.at;
                self.tables.pop();
                self.close_all_above(at);
                self.line = Line::Blank;
            }
            "tr" => {
                let at = table.row_at.take();
                table.row_begun = false;
                if let Some(at) = at {
                    self.close_all_above(at);
                }
                self.line = Line::Blank;
            }
            _ if !table.row_begun => return false,
            _ => match kind(name) {
                Kind::Block(_) | Kind::Pre => {
                    table.gap = table.gap.or(Some(" "));
                    return true;
                }
                Kind::Inline(name) => return !self.is_open_in_cell(name),
                Kind::Link => return !self.is_open_in_cell("a"),
                _ => return true,
            },
        }
        true
    }

    /// Whether an element was opened within the current cell: an end tag in it closes nothing outside.
    fn is_open_in_cell(&self, name: &str) -> bool {
        let row = self.tables.last().and_then(|table| table.row_at).unwrap_or(0);
        self.stack.iter().rposition(|open| *open == name).is_some_and(|at| at > row)
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

    /// A list that stands between the items of another one belongs to the item before it: so editors write lists in lists.
    fn reopen_item(&mut self) {
        let between = self.stack.last().is_some_and(|open| matches!(*open, "ul" | "ol"));
        if between
            && self.stack.len() < MAX_DEPTH
            && let Some(rest) = self.out.trim_end().strip_suffix(end_tag("li"))
        {
            self.out.truncate(rest.len());
            self.stack.push("li");
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

fn escape(text: &str) -> String {
    let text = text.replace([UNDERSCORE, BACKSLASH], "\u{FFFD}");
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
    let target = target.replace(' ', "%20").replace(['\n', '\r', '\t'], "");
    Some(escape(&links::without_signatures(&target)))
}
