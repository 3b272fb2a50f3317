//! Character references (`&eacute;`, `&#8364;`) → characters, by the tables and rules that browsers have.

use std::borrow::Cow;

use html5ever::data::{C1_REPLACEMENTS, NAMED_ENTITIES};

/// Longest name of a character reference, with its semicolon (`&CounterClockwiseContourIntegral;`).
const MAX_NAME: usize = 33;

/// Resolves the references of a text of HTML. The old ones of Latin-1 need no semicolon there: `caf&eacute`.
pub(super) fn in_text(text: &str) -> Cow<'_, str> {
    decode(text, |_, _| true)
}

/// Resolves the references of an attribute's value, where `?a=1&copy=2` is an address with two members.
pub(super) fn in_attribute(value: &str) -> Cow<'_, str> {
    decode(value, |name, next| name.ends_with(';') || !next.is_some_and(|c| c == '=' || c.is_ascii_alphanumeric()))
}

/// Resolves the references that have their semicolon. For texts of which nobody says whether they are HTML.
pub(super) fn in_plain_text(text: &str) -> Cow<'_, str> {
    decode(text, |name, _| name.ends_with(';'))
}

/// Resolves the references that `counts` takes for one, given their name and the character behind it.
fn decode(text: &str, counts: impl Fn(&str, Option<char>) -> bool) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let found = if after.starts_with('#') { numeric(after) } else { named(after) };
        let found = found.filter(|(name, _)| counts(name, after.get(name.len()..).and_then(|r| r.chars().next())));
        match found {
            Some((name, characters)) => {
                out.extend(characters.into_iter().flatten());
                rest = after.get(name.len()..).unwrap_or_default();
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

/// A reference that stands at the beginning: as it is written there, and its one or two characters.
type Found<'a> = Option<(&'a str, [Option<char>; 2])>;

/// The longest name that the text begins with.
fn named(after: &str) -> Found<'_> {
    let longest = after.bytes().take(MAX_NAME).take_while(u8::is_ascii_alphanumeric).count();
    let ends = after.as_bytes().get(longest) == Some(&b';');
    (1..=longest + usize::from(ends)).rev().find_map(|length| {
        let name = after.get(..length)?;
        // The table has the beginnings of names too, which stand for nothing.
        let (first, second) = NAMED_ENTITIES.get(name).filter(|(first, _)| *first != 0)?;
        Some((name, [char::from_u32(*first), char::from_u32(*second).filter(|c| *c != '\0')]))
    })
}

/// `#39;`, `#x2019;`. What Windows has between 128 and 159 (`&#146;`) is taken for what was meant; what is no character
/// (zero, half of a pair, beyond Unicode) becomes the sign for that.
fn numeric(after: &str) -> Found<'_> {
    let (radix, digits_at) = if after.starts_with("#x") || after.starts_with("#X") { (16, 2) } else { (10, 1) };
    let digits = after.get(digits_at..)?;
    let length = digits.bytes().take_while(|b| char::from(*b).is_digit(radix)).count();
    if length == 0 {
        return None;
    }
    let code = u32::from_str_radix(digits.get(..length)?, radix).unwrap_or(u32::MAX);
    let of_windows = code.checked_sub(0x80).and_then(|at| C1_REPLACEMENTS.get(at as usize).copied().flatten());
    let character = of_windows.or_else(|| char::from_u32(code).filter(|c| *c != '\0')).unwrap_or('\u{FFFD}');
    let end = digits_at + length;
    let end = end + usize::from(after.as_bytes().get(end) == Some(&b';'));
    Some((after.get(..end)?, [Some(character), None]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn references_are_what_browsers_make_of_them() {
        for (html, text) in [
            ("Caf&eacute; f&uuml;r Zo&euml; &rarr; 5 &frac12;", "Café für Zoë → 5 ½"),
            ("it&#146;s &#x80;5 &#8364;5", "it’s €5 €5"),
            ("&#39;a&#X41;&#65 b", "'aAA b"),
            ("&#0;&#xD800;&#x110000;&#99999999999;", "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
            ("&amp;amp; &ampamp; &copy2026", "&amp; &amp; ©2026"),
            ("&NotEqualTilde; &CounterClockwiseContourIntegral;", "\u{2242}\u{338} ∳"),
            ("R&D, AT&T &unknown; &; &# &#x; &", "R&D, AT&T &unknown; &; &# &#x; &"),
            ("a&nbsp;b", "a\u{a0}b"),
        ] {
            assert_eq!(in_text(html), text, "{html}");
        }
    }

    #[test]
    fn an_address_keeps_members_that_are_called_like_a_character() {
        assert_eq!(in_attribute("?a=1&copy=2&regular&amp;lt=3&eacute;"), "?a=1&copy=2&regular&lt=3é");
        assert_eq!(in_plain_text("?a=1&copy=2 &copy 2026 &lt;"), "?a=1&copy=2 &copy 2026 <");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(.|&|#|x|;|amp|[0-9]){0,60}") {
            let _ = (in_text(&text), in_attribute(&text), in_plain_text(&text));
        }
    }
}
