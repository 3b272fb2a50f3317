//! Signs at the beginning of a line that Markdown would take for the beginning of a heading, list, quote, rule or block of
//! code. htmd escapes some of them, and only where they are followed by text.

/// Longest number that begins an item of a list in Markdown.
const MAX_DIGITS: usize = 9;

/// What of the current line has been written so far, as far as it decides whether a sign is a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Nothing but white space.
    Blank,
    /// So many digits and nothing else.
    Digits(usize),
    /// Something after which no sign is a mark any more.
    Begun,
}

impl Line {
    /// Whether a backslash has to stand before this character, behind which `rest` of its text follows.
    pub(super) fn marks(self, character: char, rest: &str) -> bool {
        let ends = |text: &str| text.chars().next().is_none_or(char::is_whitespace);
        // A run of the sign, and nothing else up to white space or the end.
        let run_ends = || ends(rest.trim_start_matches(character));
        let length = || 1 + rest.len() - rest.trim_start_matches(character).len();
        match self {
            Self::Blank => match character {
                '>' => true,
                '#' => length() <= 6 && run_ends(),
                '-' | '=' => run_ends(),
                '+' => ends(rest),
                '~' => length() >= 3,
                _ => false,
            },
            Self::Digits(digits) => digits <= MAX_DIGITS && matches!(character, '.' | ')') && ends(rest),
            Self::Begun => false,
        }
    }

    /// The line with this character at its end.
    pub(super) fn with(self, character: char) -> Self {
        match self {
            Self::Blank if character.is_whitespace() => Self::Blank,
            Self::Blank if character.is_ascii_digit() => Self::Digits(1),
            Self::Digits(digits) if character.is_ascii_digit() => Self::Digits(digits + 1),
            _ => Self::Begun,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_a_block_of_markdown_is_a_mark_and_the_same_sign_elsewhere_is_none() {
        let first = |text: &str| {
            let mut characters = text.chars();
            Line::Blank.marks(characters.next().unwrap_or(' '), characters.as_str())
        };
        for mark in ["#", "# a", "###### a", "-", "- a", "---", "+", "+ a", "=", "===", ">", ">a", "~~~", "~~~a"] {
            assert!(first(mark), "{mark}");
        }
        for none in ["#42", "####### a", "-20 %", "--flag", "+1", "=SUM(A1)", "==>", "~100", "a", "*"] {
            assert!(!first(none), "{none}");
        }
        assert!(Line::Digits(1).marks('.', "") && Line::Digits(9).marks(')', " a"));
        assert!(!Line::Digits(1).marks('.', "5 GB") && !Line::Digits(10).marks('.', " a"));
        assert!(!Line::Begun.marks('#', " a"));
        assert_eq!(Line::Blank.with(' ').with('1').with('2'), Line::Digits(2));
        assert_eq!(Line::Digits(2).with(' '), Line::Begun);
    }
}
