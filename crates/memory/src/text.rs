//! Cutting text the way the event contract counts it: in UTF-16 code units, at character boundaries.

/// What stands at the end of a text that was cut.
const ELLIPSIS: &str = "...";

/// Length in UTF-16 code units.
pub(crate) fn utf16_len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The text, or as much of it as fits into `max` UTF-16 units with `...` at its end.
pub(crate) fn cut(text: &str, max: usize) -> String {
    // A UTF-16 unit takes at least one byte of UTF-8, so a text of few bytes is short for certain.
    if text.len() <= max || utf16_len(text) <= max {
        return text.to_owned();
    }
    let mut left = max.saturating_sub(ELLIPSIS.len());
    let mut kept = String::new();
    for character in text.chars() {
        match left.checked_sub(character.len_utf16()) {
            Some(rest) => left = rest,
            None => break,
        }
        kept.push(character);
    }
    kept.truncate(kept.trim_end().len());
    kept + ELLIPSIS
}

/// The first words of Markdown: the first line with something to read in it, without the marks at its beginning, white
/// space folded, at most `max` UTF-16 units.
pub(crate) fn first_words(markdown: &str, max: usize) -> String {
    let unmarked = |line: &'_ str| line.trim_start_matches(['#', '>', '*', '-', ' ', '\t']).len();
    let line = first_line(markdown);
    let marks = line.len() - unmarked(line);
    fold(line.get(marks..).filter(|rest| !rest.is_empty()).unwrap_or(line), max)
}

/// The first line of a plain text with something to read in it, white space folded, at most `max` UTF-16 units.
pub(crate) fn one_line(text: &str, max: usize) -> String {
    fold(first_line(text), max)
}

/// The first line with a letter or digit, else the first that is not empty.
fn first_line(text: &str) -> &str {
    let readable = text.lines().find(|line| line.chars().any(char::is_alphanumeric));
    readable.or_else(|| text.lines().find(|line| !line.trim().is_empty())).unwrap_or_default()
}

fn fold(line: &str, max: usize) -> String {
    // Enough of a very long line, or folding it would cost what the line is long.
    let line = line.get(..line.floor_char_boundary(max.saturating_mul(8))).unwrap_or_default();
    cut(&line.split_whitespace().collect::<Vec<_>>().join(" "), max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_emoji_counts_two() {
        assert_eq!(cut("😀😀😀", 6), "😀😀😀");
        assert_eq!(cut("😀😀😀😀", 6), "😀...", "three units are left, and half an emoji is none");
    }

    #[test]
    fn the_first_words_are_those_of_the_first_line_that_says_something() {
        assert_eq!(first_words("\n---\n\n> # It   still\tfails\nsecond", 50), "It still fails");
        assert_eq!(first_words("👍", 50), "👍");
        assert_eq!(first_words("", 50), "");
        assert_eq!(one_line("\n-20 % off\nsecond", 50), "-20 % off", "plain text has no marks");
    }

    proptest! {
        #[test]
        fn a_cut_text_fits(text in ".{0,80}", max in 3usize..50) {
            prop_assert!(utf16_len(&cut(&text, max)) <= max);
        }
    }
}
