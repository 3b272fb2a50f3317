//! What the elements of HTML are to us.

/// What an element is to us.
pub(super) enum Kind {
    /// Kept under this name; closes an open paragraph.
    Block(&'static str),
    /// Kept under this name.
    Inline(&'static str),
    /// A line break or rule.
    Void(&'static str),
    /// A cell of a table: tables become lines, since a table padded to its widest cell can be of any size.
    Cell,
    Image,
    Embedded,
    Link,
    Pre,
    /// Only its content matters.
    Unknown,
}

/// What an element of this name is.
pub(super) fn kind(name: &str) -> Kind {
    match name {
        "p" => Kind::Block("p"),
        "h1" => Kind::Block("h1"),
        "h2" => Kind::Block("h2"),
        "h3" => Kind::Block("h3"),
        "h4" => Kind::Block("h4"),
        "h5" => Kind::Block("h5"),
        "h6" => Kind::Block("h6"),
        "ul" => Kind::Block("ul"),
        "ol" => Kind::Block("ol"),
        "li" => Kind::Block("li"),
        "blockquote" => Kind::Block("blockquote"),
        "div" | "section" | "article" | "aside" | "header" | "footer" | "main" | "nav" | "center" | "figure"
        | "figcaption" | "address" | "dl" | "dt" | "dd" | "form" | "fieldset" | "table" | "tr" | "caption"
        | "details" | "summary" => Kind::Block("div"),
        "td" | "th" => Kind::Cell,
        "b" | "strong" => Kind::Inline("strong"),
        "i" | "em" => Kind::Inline("em"),
        "code" | "kbd" | "samp" | "tt" => Kind::Inline("code"),
        "br" => Kind::Void("br"),
        "hr" => Kind::Void("hr"),
        "img" => Kind::Image,
        "iframe" | "video" | "audio" | "embed" => Kind::Embedded,
        "a" => Kind::Link,
        "pre" => Kind::Pre,
        _ => Kind::Unknown,
    }
}

/// Whether an element stands within a line.
pub(super) fn is_inline(name: &str) -> bool {
    !matches!(kind(name), Kind::Block(_) | Kind::Void(_) | Kind::Pre | Kind::Cell)
}

/// What closes an element that is kept.
pub(super) fn end_tag(name: &str) -> &'static str {
    match name {
        "p" => "</p>",
        "h1" => "</h1>",
        "h2" => "</h2>",
        "h3" => "</h3>",
        "h4" => "</h4>",
        "h5" => "</h5>",
        "h6" => "</h6>",
        "ul" => "</ul>",
        "ol" => "</ol>",
        "li" => "</li>",
        "blockquote" => "</blockquote>",
        "strong" => "</strong>",
        "em" => "</em>",
        "code" => "</code>",
        "a" => "</a>",
        "pre" => "</code></pre>",
        _ => "</div>",
    }
}
