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
    assert_eq!(to_markdown(&"<a ".repeat(500_000)).len(), 4 * 500_000 - 1, "no tag without an end");
    assert_eq!(to_markdown(&"<a x".repeat(500_000)), "");
}

#[test]
fn text_behind_an_element_that_is_never_closed_is_kept_as_browsers_keep_it() {
    for open in ["<object data=\"https://sig.example/x\">", "<select>", "<textarea>", "<svg>", "<noscript>"] {
        let html = format!("<p>before</p>{open}<p>Please refund order 4711.</p><p>Regards</p>");
        assert_eq!(to_markdown(&html), "before\n\nPlease refund order 4711.\n\nRegards", "{open}");
        assert_eq!(to_text(&html), "before\nPlease refund order 4711.\nRegards", "{open}");
    }
    assert_eq!(to_markdown("<p>a</p><select><option>x<p>kept</p><select><option>y</select>"), "a\n\nx\n\nkept");
    assert_eq!(
        to_markdown("<p>a</p><object><p>shown where the object is not</p></object><p>b</p>").matches("shown").count(),
        1
    );
    assert_eq!(to_markdown("<p>a</p><select><option>x</option></select><svg><text>y</text></svg><p>b</p>"), "a\n\nb");
    for open in ["<script>", "<style>", "<title>", "<template>"] {
        assert_eq!(to_markdown(&format!("<p>before</p>{open}<p>never shown</p>")), "before", "{open}");
    }
    let many = "<select>a".repeat(100_000);
    assert_eq!(to_markdown(&many).matches('a').count(), 100_000, "in time that grows with the length only");
    let others = "<svg><math><noscript><textarea>a".repeat(30_000);
    assert_eq!(to_text(&others).matches('a').count(), 30_000);
}

#[test]
fn titles_and_texts_have_the_characters_that_browsers_show() {
    let html = "<p>Caf&eacute; f&uuml;r Zo&euml; &rarr; 5 &frac12;, it&#146;s fine &amp;amp;</p>";
    assert_eq!(to_markdown(html), "Café für Zoë → 5 ½, it’s fine &amp;");
    assert_eq!(to_text(html), "Café für Zoë → 5 ½, it’s fine &amp;");
}

#[test]
fn signs_at_the_beginning_of_a_line_stay_signs() {
    for (html, markdown) in [
        ("<p>#</p><p>1) not a list</p><p>---</p><p>+</p>", "\\#\n\n1\\) not a list\n\n\\---\n\n\\+"),
        ("<p>1.</p><p>2. b</p><p>=</p><p>===</p>", "1\\.\n\n2\\. b\n\n\\=\n\n\\==="),
        ("<p>- a</p><p>+ b</p><p>&gt; c</p><p># d</p>", "\\- a\n\n\\+ b\n\n\\> c\n\n\\# d"),
        ("<p>Title<br>---<br>- a<br># b<br>7. c<br>~~~</p>", "Title  \n\\---  \n\\- a  \n\\# b  \n7\\. c  \n\\~~~"),
        ("<p><span>1</span><span>.</span> x</p>", "1\\. x"),
        ("<ul><li># a</li><li>- b</li></ul>", "- \\# a\n- \\- b"),
        ("<blockquote># a</blockquote>", "> \\# a"),
        ("<div>text</div># a", "text\n\n\\# a"),
        ("<p>-20 %, #42, 1.5 GB, +1, --flag, =SUM</p>", "-20 %, #42, 1.5 GB, +1, --flag, =SUM"),
        ("<p>#42</p><p>1.5 GB</p><p>--flag</p><p>-20 %</p>", "#42\n\n1.5 GB\n\n--flag\n\n-20 %"),
        ("<p>a - b # c 1. d</p>", "a - b # c 1. d"),
    ] {
        assert_eq!(to_markdown(html), markdown, "{html}");
    }
}

#[test]
fn a_row_of_a_table_is_one_line_whatever_its_cells_hold() {
    let table = |rows: &str| to_markdown(&format!("<p>x</p><table>{rows}</table><p>y</p>"));
    for (rows, lines) in [
        ("<tr><td><p>a</p><p>b</p></td><td><div>c</div></td></tr>", "a b | c"),
        ("<tr><td><ul><li>one</li><li>two</li></ul></td><td><ol><li>3<li>4</ol></td></tr>", "one; two | 3; 4"),
        (
            "<tr><th><h3>Plan</h3></th><th>Price</th></tr><tr><td>Pro</td><td>5<br>6</td></tr>",
            "Plan | Price\n\nPro | 5 6",
        ),
        ("<thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td></td><td>2</td></tr></tbody>", "a | b\n\n| 2"),
        ("<tr><td>a</td><td></td><td>c</td></tr>", "a | | c"),
        (
            "<tr><td colspan=\"2\"><p>All</p><p>of it</p></td></tr><tr><td rowspan=2>a</td><td>b</td></tr><tr><td>c</td></tr>",
            "All of it\n\na | b\n\nc",
        ),
        ("<tr><td><b>a<td>b</b> c</tr><tr><td>d<td>e", "**a** | b c\n\nd | e"),
        ("<tr><td>a|b</td><td><a href=\"https://e.example\"><p>c</p></a></td></tr>", "a\\|b | [c](https://e.example)"),
        ("<tr><td>a</td><td><pre>x\ny</pre><blockquote>q</blockquote></td></tr>", "a | x y q"),
        ("<tr><td>---</td><td>---</td></tr>", "\\--- | ---"),
    ] {
        assert_eq!(table(rows), format!("x\n\n{lines}\n\ny"), "{rows}");
    }
}

#[test]
fn a_table_within_preformatted_text_does_not_change_what_the_next_one_is() {
    let rows = "<tr><td><p>a</p><p>b</p></td><td>c</td></tr>";
    let html = format!("<pre>x<table><tr><td>y</td></tr></table></pre><table>{rows}</table>");
    assert_eq!(to_markdown(&html), "```\nxy\n```\n\na b | c");
}

#[test]
fn a_table_that_only_lays_out_keeps_the_paragraphs_in_it() {
    let mail = "<table><tr><td><table><tr><td><p>Hello</p><p>World</p></td></tr></table></td><td>x</td></tr></table>";
    assert_eq!(to_markdown(mail), "Hello\n\nWorld\n\n| x");
    assert_eq!(to_markdown("<table><tr><td><p>a</p><p>b</p></td></tr></table>"), "a\n\nb");
}

#[test]
fn quotes_in_quotes_and_lists_in_lists_keep_their_depth() {
    for (html, markdown) in [
        ("<blockquote><p>a</p><blockquote><p>b</p></blockquote><p>c</p></blockquote>", "> a\n> \n> > b\n> \n> c"),
        ("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n  - b\n- c"),
        ("<ul><li>a</li><ul><li>b</li></ul><li>c</li></ul>", "- a\n  - b\n- c"),
        ("<ol><li><p>a</p><ul><li>b</li></ul></li><li>c</li></ol>", "1. a\n\n   - b\n2. c"),
    ] {
        assert_eq!(to_markdown(html), markdown, "{html}");
    }
}

#[test]
fn text_that_was_typed_loses_no_word_and_no_line() {
    let typed =
        "Calling Vec<String>::new() where a<b fails &amp; x<y broke, then </li> appeared\n# kept\n- d_e *f* 1. g";
    let markdown = Written::Plain(typed).markdown();
    assert_eq!(markdown.replace('\\', ""), typed);
    assert!(markdown.contains("Vec\\<String>") && markdown.contains("\\</li>"), "what looks like a tag is shown");
    assert_eq!(Written::Plain(typed).text(), typed);
    for generic in ["List<Item> is null after <Save>", "a<b", "if (a<b && c>d)", "<Save>"] {
        assert_eq!(to_markdown(generic).replace('\\', ""), generic, "no element has such a name");
        assert_eq!(to_text(generic), generic);
    }
}

#[test]
fn what_may_be_either_is_html_only_as_a_whole() {
    for html in ["<p>Hi</p>", " <p class=\"x\">Hi</p>\n", "<div>a<br></div>", "<img src=\"x\">", "<!-- x --><p>a</p>"] {
        assert_eq!(Written::either(html), Written::Html(html));
    }
    for text in ["a<b", "<Save> is missing</p>", "<b>bold</b> is not closed", "see </li>", "<p", "x<p>y</p>"] {
        assert_eq!(Written::either(text), Written::Plain(text));
    }
    for (text, words) in
        [("Hi\nyou", "Hi\nyou"), ("", ""), ("Caf&eacute; &amp; Q&A ?a=1&copy=2", "Café & Q&A ?a=1&copy=2")]
    {
        assert_eq!(
            (Written::either(text).markdown(), Written::either(text).text()),
            (words.to_owned(), words.to_owned())
        );
    }
}

#[test]
fn no_signature_of_a_file_is_left_in_any_spelling_of_its_address() {
    let file = "https://acme-0000.intercom-attachments-7.com/i/o/1/a_b.png?expires=1&amp;signature=s";
    for html in [
        format!("<p><img src=\"{file}\" alt=\"{file}\"></p>"),
        format!("<p><a href=\"{file}\">{file}</a> and {file}</p>"),
        format!("<iframe src=\"{file}\"></iframe>"),
        format!("<pre>{file}</pre><code>{file}</code>"),
        format!("<table><tr><td>{file}</td><td>{file}</td></tr></table>"),
        file.to_owned(),
        file.replace("&amp;", "&"),
        format!("<p>{}</p>", file.replace("://", "&#58;&#47;&#47;").replace('?', "&quest;")),
        format!("{}{file}", "<b>".repeat(MAX_TAGS)),
    ] {
        let typed = if html.contains("&#58;") { String::new() } else { Written::Plain(&html).markdown() };
        for text in [to_markdown(&html), to_text(&html), typed] {
            assert!(!text.contains("signature=") && !text.contains("expires="), "{text}");
        }
        assert!(to_markdown(&html).contains("a_b.png") || to_markdown(&html).contains("a\\_b.png"), "{html}");
    }
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
        "\u{FDD1}",
        "&#xFDD1;",
        "# ",
        "1",
        ". ",
        "---",
        "|",
        "<tr><td>",
        "</tr>",
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
        let stands_in = ['\u{FDD0}', '\u{FDD1}'];
        prop_assert!(html.contains(stands_in) || html.contains("xFDD1") || !markdown.contains(stands_in), "a stand-in is left");
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
