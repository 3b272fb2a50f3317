//! Addresses of Intercom's own files. They are signed: whoever has one can open the file until it runs out, and it differs
//! from answer to answer. So memory keeps them without what stands behind the `?`.

use std::borrow::Cow;

/// Domains under which nothing but Intercom's files is served, whatever stands before them (a workspace, a region).
const DOMAINS: [&str; 6] = [
    "intercomcdn.com",
    "intercomcdn.eu",
    "intercomassets.com",
    "intercomassets.eu",
    "intercomusercontent.com",
    "intercomusercontent.eu",
];

/// The name of the numbered domains of attachments: `intercom-attachments-7.com`, `intercom-attachments.eu`.
const ATTACHMENTS: &str = "intercom-attachments";

/// Whether a host (in lower case) serves Intercom's files. Only the registered domain says so, since anybody may put
/// Intercom's words before a domain of their own: `intercom-attachments.evil.example` is a stranger's.
pub(super) fn is_intercom_file(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let under = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if DOMAINS.iter().any(|domain| under(domain)) {
        return true;
    }
    let mut labels = host.rsplit('.');
    let (Some("com" | "eu"), Some(name)) = (labels.next(), labels.next()) else { return false };
    let number = name.strip_prefix(ATTACHMENTS).map(|rest| rest.strip_prefix('-').unwrap_or(rest));
    number.is_some_and(|number| number.len() <= 3 && number.bytes().all(|b| b.is_ascii_digit()))
}

/// A text with every address of a file of Intercom's in it cut at its `?` or `#`. Takes plain text and Markdown (whose
/// escapes may stand inside an address), and JSON with `\/`; HTML only with its entities resolved.
pub fn without_signatures(text: &str) -> Cow<'_, str> {
    let mut out: Option<String> = None;
    let mut kept = 0;
    let mut from = 0;
    while let Some(slash) = text.get(from..).and_then(|rest| rest.find('/')).map(|at| from + at) {
        from = slash + 1;
        let Some(signature) = signature_behind(text, slash) else { continue };
        let out = out.get_or_insert_with(|| String::with_capacity(text.len()));
        out.push_str(text.get(kept..signature.start).unwrap_or_default());
        (kept, from) = (signature.end, signature.end);
    }
    match out {
        Some(mut out) => {
            out.push_str(text.get(kept..).unwrap_or_default());
            Cow::Owned(out)
        }
        None => Cow::Borrowed(text),
    }
}

/// Where the query and fragment of a file's address stand whose `//` begins at `at`.
fn signature_behind(text: &str, at: usize) -> Option<std::ops::Range<usize>> {
    let rest = text.get(at..)?;
    let host_at = rest.find(|c: char| c != '/' && c != '\\').unwrap_or(rest.len());
    if rest.get(..host_at)?.bytes().filter(|b| *b == b'/').count() < 2 {
        return None;
    }
    let authority = rest.get(host_at..)?;
    let authority_end = authority.find(|c: char| ends(c) || "/\\?#()".contains(c)).unwrap_or(authority.len());
    let host = authority.get(..authority_end)?.rsplit('@').next()?;
    let host = host.split(':').next().unwrap_or(host).to_ascii_lowercase();
    if !is_intercom_file(&host) {
        return None;
    }
    let mut open = 0_usize;
    let mut start = None;
    let path_at = at + host_at + authority_end;
    let path = text.get(path_at..)?;
    let mut end = path.len();
    for (offset, character) in path.char_indices() {
        match character {
            '(' => open += 1,
            // In Markdown, and in many sentences, the address stands in brackets itself.
            ')' if open == 0 => {
                end = offset;
                break;
            }
            ')' => open -= 1,
            '?' | '#' => {
                start.get_or_insert(offset);
            }
            other if ends(other) => {
                end = offset;
                break;
            }
            _ => {}
        }
    }
    start.map(|start| path_at + start..path_at + end)
}

/// Characters that no address has in it as they are.
fn ends(character: char) -> bool {
    character.is_whitespace() || character.is_control() || "<>\"'`{}|^]".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_files_of_every_workspace_and_region_are_intercoms_and_those_of_look_alikes_are_not() {
        for host in [
            "downloads.intercomcdn.com",
            "uploads.eu.intercomcdn.com",
            "downloads.au.intercomcdn.com",
            "downloads.intercomcdn.eu",
            "static.intercomassets.com",
            "static.intercomassets.eu",
            "uploads.intercomusercontent.com",
            "intercom-attachments.com",
            "acme-0a1b2c3d.intercom-attachments-7.com",
            "acme.intercom-attachments.eu",
            "acme.au.intercom-attachments.com",
            "acme.intercom-attachments-12.eu",
            "downloads.intercomcdn.com.",
        ] {
            assert!(is_intercom_file(host), "{host}");
        }
        for host in [
            "intercom-attachments.evil.example",
            "acme.intercom-attachments-7.com.evil.example",
            "evil-intercom-attachments.com",
            "intercom-attachments-evil.com",
            "intercom-attachments-7x.com",
            "intercom-attachments-7.example",
            "evilintercomcdn.com",
            "intercomcdn.com.evil.example",
            "intercomcdn.co",
            "app.intercom.com",
            "intercom.com",
            "com",
            "",
        ] {
            assert!(!is_intercom_file(host), "{host}");
        }
    }

    #[test]
    fn an_address_loses_its_signature_wherever_it_stands() {
        let file = "https://acme.intercom-attachments-7.com/i/o/1/a(1).png";
        for (text, expected) in [
            ("{}?expires=1&signature=b", "{}"),
            ("{}#x", "{}"),
            ("see {}?expires=1&signature=b, please?", "see {} please?"),
            ("[image]({}?expires=1&signature=b)", "[image]({})"),
            ("({}) right? {}?signature=b", "({}) right? {}"),
            ("{\"url\":\"{}?signature=b\"}", "{\"url\":\"{}\"}"),
            ("https://e.example/?next={}?signature=b", "https://e.example/?next={}"),
            ("a: b\n{}?signature=b\n{}?signature=c", "a: b\n{}\n{}"),
        ] {
            assert_eq!(without_signatures(&text.replace("{}", file)), expected.replace("{}", file), "{text}");
        }
        for (text, expected) in [
            (
                "HTTPS://user@Downloads.IntercomCDN.com:443/a?signature=b",
                "HTTPS://user@Downloads.IntercomCDN.com:443/a",
            ),
            (r"https:\/\/downloads.intercomcdn.com\/a?signature=b", r"https:\/\/downloads.intercomcdn.com\/a"),
            (r"https://downloads.intercomcdn.com/a\_b?signature=b", r"https://downloads.intercomcdn.com/a\_b"),
            ("https://downloads.intercomcdn.com?signature=b", "https://downloads.intercomcdn.com"),
            ("//downloads.intercomcdn.com/a?signature=b", "//downloads.intercomcdn.com/a"),
        ] {
            assert_eq!(without_signatures(text), expected);
        }
    }

    #[test]
    fn what_is_no_file_of_intercoms_is_left_as_it_is() {
        for text in [
            "https://intercom-attachments.evil.example/a?signature=b",
            "https://downloads.intercomcdn.com@evil.example/a?b",
            r"https://evil.example\@downloads.intercomcdn.com/a?b",
            "https://e.example/a?b#c",
            "downloads.intercomcdn.com/a?b",
            "https://downloads.intercomcdn.com/a, is that it?",
            "::// : a:b ://",
        ] {
            assert!(matches!(without_signatures(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_keeps_a_signature_and_twice_is_as_good_as_once(
            text in "(.|https:|//|downloads.intercomcdn.com|/a|[?]signature=b|[()<> ]|&amp;|\\\\){0,40}"
        ) {
            let once = without_signatures(&text).into_owned();
            prop_assert!(!once.contains("https://downloads.intercomcdn.com/a?signature=b"), "{once}");
            prop_assert_eq!(without_signatures(&once).into_owned(), once);
        }
    }
}
