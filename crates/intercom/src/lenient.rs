//! JSON as it does arrive, made into JSON that can be read.
//!
//! The door checks the grammar only, without a limit of depth, and passes the text on as it came. Three things are
//! grammatical and still no `serde_json::Value`; whoever reads a notification takes them out first, so that nothing the
//! door has taken ends among the dead letters for its form. The same texts come in answers of the REST API, where they
//! would stop a whole page, each time anew.

use std::borrow::Cow;

use serde_json::Value;

/// Arrays and objects that stand inside more than this many others become null. Intercom nests about ten deep;
/// `serde_json` refuses more than 127.
pub const MAX_DEPTH: usize = 100;

/// Reads JSON after [`tame`].
///
/// # Errors
/// Where the text is no JSON.
pub fn read(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(&tame(text))
}

/// Reads JSON as it came over the wire: at once where it can be read, else after [`tame`], with U+FFFD for what is no UTF-8.
///
/// # Errors
/// Where the text is no JSON.
pub fn read_bytes(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(bytes).or_else(|_| read(&String::from_utf8_lossy(bytes)))
}

/// Replaces what is grammatical but cannot be read: an escaped half of a surrogate pair (`"\ud83d"`, left where
/// something cut a text in the middle of an emoji) by U+FFFD, what is nested deeper than [`MAX_DEPTH`] by null, a
/// number beyond the range of a double (`1e999`) by null. Any other text comes back as it is, without a copy.
pub fn tame(text: &str) -> Cow<'_, str> {
    let mut pass = Pass { text, bytes: text.as_bytes(), at: 0, kept: 0, out: None };
    let mut depth = 0_usize;
    while let Some(byte) = pass.bytes.get(pass.at) {
        match byte {
            b'"' => pass.string(true),
            b'[' | b'{' if depth >= MAX_DEPTH => pass.container(),
            b'[' | b'{' => {
                depth += 1;
                pass.at += 1;
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                pass.at += 1;
            }
            b'-' | b'0'..=b'9' => pass.number(),
            _ => pass.at += 1,
        }
    }
    pass.finish()
}

struct Pass<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Everything before is in `out`.
    kept: usize,
    out: Option<String>,
}

impl<'a> Pass<'a> {
    /// Passes over a string, from its opening quote to behind its closing one.
    fn string(&mut self, repair: bool) {
        self.at += 1;
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'"' => {
                    self.at += 1;
                    return;
                }
                b'\\' => self.escape(repair),
                _ => self.at += 1,
            }
        }
    }

    fn escape(&mut self, repair: bool) {
        let is_low = |unit: u32| (0xDC00..0xE000).contains(&unit);
        match self.unit(self.at) {
            Some(0xD800..0xDC00) if self.unit(self.at + 6).is_some_and(is_low) => self.at += 12,
            Some(0xD800..0xE000) if repair => self.replace(self.at + 6, "\\uFFFD"),
            Some(_) => self.at += 6,
            None => self.at += 2, // `\\`, `\"` and the like
        }
    }

    /// The code unit of a `\uXXXX` escape that starts at `at`.
    fn unit(&self, at: usize) -> Option<u32> {
        let digits = self.bytes.get(at..at.checked_add(6)?)?.strip_prefix(b"\\u")?;
        let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        u32::from_str_radix(digits, 16).ok()
    }

    /// Replaces an array or object by null, without recursion: its depth is what is wrong with it.
    fn container(&mut self) {
        let start = self.at;
        let mut open = 0_usize;
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'"' => self.string(false),
                b'[' | b'{' => {
                    open += 1;
                    self.at += 1;
                }
                b']' | b'}' => {
                    self.at += 1;
                    open = open.saturating_sub(1);
                    if open == 0 {
                        break;
                    }
                }
                _ => self.at += 1,
            }
        }
        let end = self.at;
        self.at = start;
        self.replace(end, "null");
    }

    fn number(&mut self) {
        let is_part = |b: &u8| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end = self.at + rest.iter().position(|b| !is_part(b)).unwrap_or(rest.len());
        let number = self.text.get(self.at..end).and_then(|n| n.parse::<f64>().ok());
        match number {
            Some(number) if number.is_infinite() => self.replace(end, "null"),
            _ => self.at = end,
        }
    }

    fn replace(&mut self, end: usize, with: &str) {
        let out = self.out.get_or_insert_with(String::new);
        out.push_str(self.text.get(self.kept..self.at).unwrap_or_default());
        out.push_str(with);
        self.at = end;
        self.kept = end;
    }

    fn finish(self) -> Cow<'a, str> {
        match self.out {
            Some(mut out) => {
                out.push_str(self.text.get(self.kept..).unwrap_or_default());
                Cow::Owned(out)
            }
            None => Cow::Borrowed(self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::{json, value::RawValue};

    #[test]
    fn half_an_emoji_is_repaired_and_a_whole_one_is_kept() {
        assert_eq!(tame(r#""\ud83d\ude00 ok""#), r#""\ud83d\ude00 ok""#);
        assert_eq!(tame(r#""a\ud83d""#), r#""a\uFFFD""#);
        assert_eq!(tame(r#""\ude00\ud83d b""#), r#""\uFFFD\uFFFD b""#);
        assert_eq!(tame(r#""\\ud83d""#), r#""\\ud83d""#, "an escaped backslash is no escape");
        assert_eq!(read(r#"{"\ud83d":1}"#).unwrap(), json!({"\u{FFFD}": 1}), "a key is a string too");
    }

    #[test]
    fn what_is_nested_too_deep_becomes_null_and_its_neighbours_stay() {
        let deep = format!("{{\"deep\":{}\"]\\\"\"{},\"id\":\"7\"}}", "[".repeat(100_000), "]".repeat(100_000));
        let value = read(&deep).unwrap();
        assert_eq!(value.get("id"), Some(&json!("7")));
        let mut inner = value.get("deep").unwrap();
        let mut depth = 1;
        while let Some(next) = inner.get(0) {
            inner = next;
            depth += 1;
        }
        assert_eq!((depth, inner), (MAX_DEPTH, &json!(null)));
    }

    #[test]
    fn a_number_that_no_double_holds_becomes_null_and_others_keep_their_text() {
        assert_eq!(tame(r#"{"a":1e999,"b":-1E+400,"c":"1e999"}"#), r#"{"a":null,"b":null,"c":"1e999"}"#);
        let kept = r#"[215470000000777,-0.5,1e-999,1E300,18446744073709551616]"#;
        assert!(matches!(tame(kept), Cow::Borrowed(text) if text == kept));
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_and_what_is_no_json_stays_an_error() {
        assert_eq!(
            read_bytes(b"{\"a\":\"x\xffy\",\"b\":\"\\ud83d\"}").unwrap(),
            json!({"a": "x\u{FFFD}y", "b": "\u{FFFD}"})
        );
        assert_eq!(read_bytes(br#"{"a":1e999,"b":1}"#).unwrap(), json!({"a": null, "b": 1}));
        assert!(read_bytes(b"<html>").is_err() && read_bytes(b"").is_err() && read_bytes(br#"{"a":"#).is_err());
    }

    /// Texts made of pieces of JSON: a good part of them is JSON.
    fn nearly_json() -> impl Strategy<Value = String> {
        let scalar = prop_oneof![
            Just("null".to_owned()),
            Just("1e999".to_owned()),
            any::<f64>().prop_map(|n| n.to_string()),
            prop::collection::vec(any::<u16>(), 0..6)
                .prop_map(|units| format!("\"{}\"", units.iter().map(|u| format!("\\u{u:04x}")).collect::<String>())),
            "\"[ -~]{0,8}\"",
        ];
        scalar.prop_recursive(6, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(|all| format!("[{}]", all.join(","))),
                prop::collection::vec(("\"[a-z\\\\\"]{0,3}\"", inner.clone()), 0..6).prop_map(|all| {
                    format!("{{{}}}", all.iter().map(|(k, v)| format!("{k}:{v}")).collect::<Vec<_>>().join(","))
                }),
                (inner, 0..300_usize).prop_map(|(v, n)| format!("{}{v}{}", "[".repeat(n), "]".repeat(n))),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_the_door_takes_can_be_read(text in prop_oneof![nearly_json(), ".{0,60}"]) {
            if RawValue::from_string(text.clone()).is_ok() {
                prop_assert!(read(&text).is_ok(), "{text}");
            }
        }

        #[test]
        fn what_can_be_read_already_means_the_same_afterwards(text in nearly_json()) {
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                let shallow = text.matches(['[', '{']).count() < MAX_DEPTH;
                if shallow { prop_assert_eq!(read(&text).unwrap(), value); }
            }
        }
    }
}
