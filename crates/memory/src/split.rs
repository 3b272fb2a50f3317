//! Long bodies in pieces: an item of DynamoDB holds 400 KB.

/// Cuts a text in pieces of at most `max_bytes` bytes, at character boundaries; put together they are the text. A
/// character longer than `max_bytes` (below 4) stands alone. The empty text is one empty piece.
pub fn split(text: &str, max_bytes: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while rest.len() > max_bytes {
        let mut at = rest.floor_char_boundary(max_bytes);
        if at == 0 {
            at = rest.chars().next().map_or(rest.len(), char::len_utf8);
        }
        let (piece, after) = rest.split_at(at);
        pieces.push(piece);
        rest = after;
    }
    if !rest.is_empty() || pieces.is_empty() {
        pieces.push(rest);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_short_text_is_one_piece() {
        assert_eq!(split("abc", 3), ["abc"]);
        assert_eq!(split("", 3), [""]);
    }

    #[test]
    fn a_character_is_never_cut() {
        assert_eq!(split("aé€", 3), ["aé", "€"]);
        assert_eq!(split("€€", 1), ["€", "€"]);
    }

    proptest! {
        #[test]
        fn the_pieces_read_back_whole(text in ".{0,300}", max in 4usize..40) {
            let pieces = split(&text, max);
            prop_assert_eq!(pieces.concat(), text.as_str());
            prop_assert!(pieces.iter().all(|piece| piece.len() <= max));
        }
    }
}
