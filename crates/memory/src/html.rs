//! HTML of message bodies → Markdown.
//!
//! htmd does the writing. It is given only what `normalise` lets through, since parsing trees of unlimited depth,
//! unclosed formatting (which HTML5 repeats in every following block) or padded tables would let one message take all
//! memory: known elements, properly nested, at most [`MAX_DEPTH`] deep and [`MAX_TAGS`] in number. HTML over
//! [`MAX_HTML_BYTES`], or with more tags, becomes plain text instead, in one pass.

mod normalise;
mod tokens;

use std::sync::LazyLock;

use htmd::{
    HtmlToMarkdown,
    options::{BulletListMarker, HrStyle, Options},
};

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

/// Markdown of a piece of HTML, never cut. A text without any tag only has its entities resolved and keeps its line
/// breaks. Signatures in the addresses of Intercom's files are dropped: they differ from answer to answer and run out.
pub fn to_markdown(html: &str) -> String {
    if !tokens::has_tags(html) {
        return tokens::decode_entities(html).trim().to_owned();
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
    let mut text = String::with_capacity(html.len() / 2);
    for token in tokens::Tokens::new(html) {
        match token {
            tokens::Token::Text(raw) => text.push_str(&tokens::decode_entities(raw)),
            tokens::Token::Open { name, .. } | tokens::Token::Close { name } => {
                if !normalise::is_inline(&name) && !text.ends_with('\n') {
                    text.push('\n');
                }
            }
        }
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests;
