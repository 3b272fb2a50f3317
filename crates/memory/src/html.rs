//! HTML of message bodies, and text as it was typed → Markdown.
//!
//! htmd does the writing. It is given only what `normalise` lets through, since parsing trees of unlimited depth,
//! unclosed formatting (which HTML5 repeats in every following block) or padded tables would let one message take all
//! memory: known elements, properly nested, at most [`MAX_DEPTH`] deep and [`MAX_TAGS`] in number. HTML over
//! [`MAX_HTML_BYTES`], or with more tags, becomes plain text instead, in one pass.

mod elements;
mod entities;
mod marks;
mod normalise;
mod tables;
mod tokens;

use std::sync::LazyLock;

use htmd::{
    HtmlToMarkdown,
    options::{BulletListMarker, HrStyle, Options},
};

use crate::links;
pub use normalise::{MAX_DEPTH, MAX_TAGS};

/// Largest HTML, in bytes, that is converted with its structure.
pub const MAX_HTML_BYTES: usize = 1 << 20;

/// Built once: it registers some hundred handlers.
static CONVERTER: LazyLock<HtmlToMarkdown> = LazyLock::new(|| {
    let options = Options {
        bullet_list_marker: BulletListMarker::Dash,
        ul_bullet_spacing: 1,
        ol_number_spacing: 1,
        hr_style: HrStyle::Dashes,
        ..Options::default()
    };
    HtmlToMarkdown::builder().options(options).build()
});

/// What somebody wrote: HTML, or text as it was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written<'a> {
    /// As Intercom's REST API shows messages and articles.
    Html(&'a str),
    /// Lines and signs mean themselves: a `<` begins no tag.
    Plain(&'a str),
}

impl<'a> Written<'a> {
    /// What comes now as HTML and now as text, and does not say as which: subjects, and everything in notifications (as HTML
    /// up to version 2.14 of the API, as text since). It is HTML where it is so as a whole, as Intercom writes it: from the
    /// tag of an element at its beginning to one at its end, or where nothing in it could be a tag: then it only has its
    /// entities resolved. Whatever else is taken for text loses no word by that.
    pub fn either(text: &'a str) -> Self {
        let trimmed = text.trim();
        let is_html = !text.contains('<') || (trimmed.ends_with('>') && tokens::begins_with_element(trimmed));
        if is_html { Self::Html(text) } else { Self::Plain(text) }
    }

    /// In Markdown, never cut.
    pub fn markdown(self) -> String {
        match self {
            Self::Html(html) => to_markdown(html),
            Self::Plain(text) => plain_to_markdown(text),
        }
    }

    /// Its words and lines.
    pub fn text(self) -> String {
        match self {
            Self::Html(html) => to_text(html),
            Self::Plain(text) => plain_text(text),
        }
    }
}

/// Markdown of a piece of HTML, never cut. A text without any tag of an element only has its entities resolved and keeps
/// its line breaks. Signatures in the addresses of Intercom's files are dropped: they differ from answer to answer and run
/// out.
pub fn to_markdown(html: &str) -> String {
    if !tokens::has_elements(html) {
        return plain_to_markdown(&entities::in_plain_text(html));
    }
    if html.len() > MAX_HTML_BYTES {
        return to_text(html);
    }
    let Some(normal) = normalise::normalise(html) else { return to_text(html) };
    match CONVERTER.convert(&normal) {
        Ok(markdown) => normalise::restore(&markdown).trim().to_owned(),
        Err(_) => to_text(html),
    }
}

/// The text of a piece of HTML: blocks and breaks become line breaks, addresses of links are left out.
pub fn to_text(html: &str) -> String {
    if !tokens::has_elements(html) {
        return plain_text(&entities::in_plain_text(html));
    }
    let mut text = String::with_capacity(html.len() / 2);
    for token in tokens::Tokens::new(html) {
        match token {
            tokens::Token::Text(raw) => text.push_str(&entities::in_text(raw)),
            tokens::Token::Open { name, .. } | tokens::Token::Close { name } => {
                if !elements::is_inline(&name) && !text.ends_with('\n') {
                    text.push('\n');
                }
            }
        }
    }
    let text = links::without_signatures(&text);
    // Nobody looks for words with a space that must not break.
    text.trim().replace('\u{a0}', " ")
}

/// Text as it was typed, as Markdown: its lines and signs stay as they are (a list was meant as one), but what looks like a
/// tag would not be shown.
pub fn plain_to_markdown(text: &str) -> String {
    let text = plain_text(text);
    let mut markdown = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('<') {
        markdown.push_str(before);
        markdown.push_str(if tokens::starts_markup(after) { "\\<" } else { "<" });
        rest = after;
    }
    markdown.push_str(rest);
    markdown
}

/// Text as it was typed, without the signatures of Intercom's files in it.
pub fn plain_text(text: &str) -> String {
    links::without_signatures(text.trim()).into_owned()
}

#[cfg(test)]
mod tests;
