#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

#[test]
fn what_messages_are_made_of_becomes_markdown() {
    for (html, markdown) in [
        ("<p>Hello <b>there</b>,</p><p>it <i>still</i> fails.</p>", "Hello **there**,\n\nit *still* fails."),
        (
            "<p>See <a href=\"https://example.com/a?b=1&amp;c=2\">the page</a></p>",
            "See [the page](https://example.com/a?b=1&c=2)",
        ),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
        ("<ol><li>one<li>two</ol>", "1. one\n2. two"),
        ("<pre><code>let x = 1;\nlet y_z = 2;</code></pre>", "```\nlet x = 1;\nlet y_z = 2;\n```"),
        ("<pre>plain<br>lines</pre>", "```\nplain\nlines\n```"),
        ("<p>Set <code>a_b</code> now</p>", "Set `a_b` now"),
        ("<blockquote><p>Quoted</p></blockquote>", "> Quoted"),
        ("<h2>Heading</h2><p>text</p>", "## Heading\n\ntext"),
        ("<div class=\"x\"><p class=\"no-margin\">a</p></div>", "a"),
        ("<p>one<br>two</p>", "one  \ntwo"),
        ("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>", "a | b\n\n1 | 2"),
    ] {
        assert_eq!(to_markdown(html), markdown, "{html}");
    }
}

#[test]
fn images_and_embedded_things_are_links() {
    assert_eq!(
        to_markdown("<p><img src=\"https://example.com/a.png\" alt=\"Error\"></p>"),
        "[image: Error](https://example.com/a.png)"
    );
    assert_eq!(to_markdown("<p><img src=\"data:image/png;base64,AAAA\"></p>"), "(image)");
    assert_eq!(to_markdown("<iframe src=\"https://video.example/1\"></iframe>"), "[embedded](https://video.example/1)");
    assert_eq!(
        to_markdown("<a href=\"https://e.example\"><img src=\"https://e.example/i.png\"></a>"),
        "[(image)](https://e.example)"
    );
}

#[test]
fn the_signature_of_a_file_is_dropped_because_it_differs_from_answer_to_answer() {
    let image = |query: &str| {
        to_markdown(&format!("<p><img src=\"https://downloads.intercomcdn.com/i/o/1/a.png?{query}\"></p>"))
    };
    assert_eq!(image("expires=1&amp;signature=a"), image("expires=2&amp;signature=b"));
    assert_eq!(image("expires=1"), "[image](https://downloads.intercomcdn.com/i/o/1/a.png)");
}

#[test]
fn scripts_styles_comments_and_their_content_are_gone() {
    let html = "<p>a<!-- > hidden --></p><script>alert('</p>')</script><style>p{}</style><?php x ?><p>b</p>";
    assert_eq!(to_markdown(html), "a\n\nb");
    assert_eq!(to_markdown("<p><a href=\"javascript:alert(1)\">x</a></p>"), "x");
}

#[test]
fn a_text_without_tags_keeps_its_lines_and_signs() {
    assert_eq!(to_markdown("a < b & c\n- d_e &amp; f"), "a < b & c\n- d_e & f");
}

#[test]
fn an_underscore_in_a_word_stays_findable() {
    assert_eq!(to_markdown("<p>ERR_TIME_OUT and _this_</p>"), "ERR_TIME_OUT and \\_this\\_");
}

#[test]
fn text_that_looks_like_markup_stays_text() {
    assert_eq!(to_markdown("<p>if a &lt; b and 1 * 2</p>"), "if a < b and 1 \\* 2");
    assert_eq!(to_markdown("<p>a &lt;b&gt; c</p>"), "a \\<b> c");
}

#[test]
fn a_nesting_bomb_keeps_its_text() {
    let deep = format!("{}core{}", "<div><b><i>".repeat(6_000), "</i></b></div>".repeat(6_000));
    assert_eq!(to_markdown(&deep), "core", "more than {MAX_TAGS} tags: plain text");
    let below = format!("{}core{}", "<blockquote>".repeat(9_000), "</blockquote>".repeat(9_000));
    assert!(to_markdown(&below).ends_with("core"), "{}", to_markdown(&below));
    let unclosed = "<b class=1><i><p>x".repeat(3_000);
    assert_eq!(to_markdown(&unclosed).matches('x').count(), 3_000);
}

#[test]
fn megabytes_are_taken_in_one_pass() {
    let long = format!("<p>{}</p>", "word <b>bold</b> ".repeat(200_000));
    let text = to_markdown(&long);
    assert_eq!(text.matches("word").count(), 200_000);
    assert_eq!(text.matches("**").count(), 0, "plain text beyond the limit");
    let spans = "<b>a</b>".repeat(9_000);
    assert_eq!(to_markdown(&spans), format!("**{}**", "a".repeat(9_000)));
    assert_eq!(to_markdown(&"<".repeat(500_000)).len(), 500_000);
    assert_eq!(to_markdown(&"<a ".repeat(500_000)), "");
}

/// Pieces of HTML, most of them wrong.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "<p>",
        "</p>",
        "<b>",
        "</b>",
        "<i a='",
        "'>",
        "<table>",
        "<tr>",
        "<td>",
        "</td>",
        "</table>",
        "<ul>",
        "<li>",
        "</ul>",
        "<a href=\"https://e.example/x\">",
        "</a>",
        "<pre>",
        "</pre>",
        "<code>",
        "</code>",
        "<img src=x>",
        "<br/>",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<svg>",
        "</svg>",
        "&amp;",
        "&#x0;",
        "&",
        "<",
        ">",
        "\u{FDD0}",
        "_",
        "word",
        " ",
        "\n",
        "😀",
        "<h1>",
        "<blockquote>",
        "<script>",
        "</script>",
        "<select>",
        "<frameset>",
        "```",
        "~~~",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_html_makes_the_conversion_panic(html in pieces()) {
        let markdown = to_markdown(&html);
        prop_assert!(html.contains('\u{FDD0}') || !markdown.contains('\u{FDD0}'), "the stand-in for an underscore is left");
        let _ = to_text(&html);
    }

    #[test]
    fn the_same_html_gives_the_same_markdown(html in pieces()) {
        prop_assert_eq!(to_markdown(&html), to_markdown(&html));
    }

    #[test]
    fn no_text_makes_the_conversion_panic(html in ".{0,200}") {
        let _ = to_markdown(&html);
    }
}
