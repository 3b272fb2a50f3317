#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

fn mentions(text: &str) -> Vec<String> {
    let teams = BTreeSet::from(["ENG".to_owned(), "OPS".to_owned()]);
    let name = |r: Reference| format!("{}/{}/{}", r.target.provider, r.target.entity_type, r.target.entity_id);
    find(Written::Html(text), &teams).into_iter().map(name).collect()
}

#[test]
fn every_pattern_compiles() {
    compile();
}

#[test]
fn an_address_is_what_it_points_to() {
    for (address, expected) in [
        ("https://linear.app/acme/issue/ENG-42/export-fails", "linear/issue/ENG-42"),
        ("https://github.com/acme/web/issues/12", "github/issue/acme/web#12"),
        ("https://github.com/acme/web/pull/981/files", "github/pr/acme/web#981"),
        ("https://github.com/acme/web/commit/0123456789abcdef", "github/commit/0123456"),
        ("https://acme.atlassian.net/browse/PAY-7", "jira/issue/PAY-7"),
        ("https://acme.atlassian.net/jira/boards/1?selectedIssue=PAY-8", "jira/issue/PAY-8"),
        ("https://acme.sentry.io/issues/4501234567/?project=1", "sentry/issue/4501234567"),
        ("https://sentry.io/organizations/acme/issues/4501234567/", "sentry/issue/4501234567"),
        ("https://vercel.com/acme/web/7uQw5XyZaBcDeFgHiJkLmNoP", "vercel/deployment/dpl_7uQw5XyZaBcDeFgHiJkLmNoP"),
        ("https://web-git-main-acme.vercel.app/login", "vercel/deployment/web-git-main-acme.vercel.app"),
        ("https://app.intercom.com/a/inbox/ws1/inbox/conversation/215", "intercom/conversation/215"),
        ("https://app.eu.intercom.com/a/inbox/ws1/inbox/shared/all/conversation/215#x", "intercom/conversation/215"),
        ("https://app.au.intercom.com/a/apps/ws1/conversations/215?view=1", "intercom/conversation/215"),
        (
            "https://app.eu.intercom.com.evil.example/a/x/conversation/1",
            "web/url/https://app.eu.intercom.com.evil.example/a/x/conversation/1",
        ),
        ("https://Docs.Example.com/a?b=c", "web/url/https://docs.example.com/a?b=c"),
        ("https://github.com/acme/web", "web/url/https://github.com/acme/web"),
        ("https://vercel.com/acme/web/settings", "web/url/https://vercel.com/acme/web/settings"),
    ] {
        assert_eq!(mentions(&format!("see {address} please")), [expected], "{address}");
    }
}

#[test]
fn an_address_is_found_in_html_in_markdown_and_at_the_end_of_a_sentence() {
    for text in [
        "<p>See <a href=\"https://linear.app/acme/issue/ENG-42\">this</a>.</p>",
        "<p>https://linear.app/acme/issue/ENG-42</p>",
        "[this](https://linear.app/acme/issue/ENG-42)",
        "(see https://linear.app/acme/issue/ENG-42).",
        "https://linear.app/acme/issue/eng-42?a=1&amp;b=2",
    ] {
        assert_eq!(mentions(text), ["linear/issue/ENG-42"], "{text}");
    }
    assert_eq!(mentions("https://e.example/a_(b)"), ["web/url/https://e.example/a_(b)"]);
}

#[test]
fn false_friends_are_no_links() {
    for text in [
        "UTF-8 and SHA-256",
        "COVID-19",
        "ISO-8601",
        "ABC-12",
        "ENG-0",
        "PENG-12",
        "ENG-12a",
        "x-ENG-12",
        "see acme/web",
        "12#12",
        "a/b#",
        "mailto:a@b.example",
    ] {
        assert_eq!(mentions(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn bare_keys_are_taken_for_the_teams_that_were_named() {
    assert_eq!(mentions("<p>ENG-42, OPS-7/ENG-1 <b>(ENG-9)</b> ENG-42</p>").len(), 3);
    assert_eq!(mentions("ENG-42 ENG-43 ENG-44"), ["linear/issue/ENG-42", "linear/issue/ENG-43", "linear/issue/ENG-44"]);
    assert_eq!(find(Written::Html("ENG-42"), &BTreeSet::new()), []);
    assert_eq!(find(Written::Plain("if a<b ENG-42"), &BTreeSet::from(["ENG".to_owned()])).len(), 1, "behind no tag");
}

#[test]
fn a_repository_and_a_number_is_an_issue() {
    assert_eq!(mentions("fixed in acme/web#12."), ["github/issue/acme/web#12"]);
}

#[test]
fn what_is_mentioned_twice_is_one_reference_and_there_are_never_too_many() {
    assert_eq!(mentions("https://e.example/a https://e.example/a").len(), 1);
    let many: String = (0..500).map(|n| format!("https://e.example/{n} ")).collect();
    assert_eq!(mentions(&many).len(), MAX_REFERENCES);
    let long: String = (0..50).map(|n| format!("https://e.example/{n}/{} ", "x".repeat(1_900))).collect();
    assert_eq!(mentions(&long).len(), 8, "sixteen kilobytes of them");
}

#[test]
fn a_file_of_intercoms_and_an_address_with_a_password_are_left_out() {
    assert_eq!(mentions("https://downloads.intercomcdn.com/i/o/1/a.png?signature=x"), Vec::<String>::new());
    for file in ["acme.intercom-attachments-7.com", "acme.intercom-attachments.eu", "uploads.intercomusercontent.com"] {
        assert_eq!(mentions(&format!("<img src=\"https://{file}/i/o/1/a.png?expires=1&amp;signature=x\">")), [""; 0]);
        let wrapped = mentions(&format!("https://e.example/?u=https://{file}/a.png?expires=1&signature=x"));
        assert_eq!(wrapped, [format!("web/url/https://e.example/?u=https://{file}/a.png")]);
    }
    let stranger = "https://intercom-attachments.evil.example/a?signature=x";
    assert_eq!(mentions(stranger), [format!("web/url/{stranger}")]);
    assert_eq!(mentions("https://user:secret@e.example/"), Vec::<String>::new());
}

proptest! {
    #[test]
    fn no_text_makes_the_search_panic(text in "(.|https?://|ENG-|acme/web#|[0-9]|&amp;|<a href=){0,60}") {
        let _ = mentions(&text);
    }
}
