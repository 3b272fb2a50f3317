//! The few pages a person sees.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f5f6f8;color:#1c1f26}\
main{max-width:44rem;margin:3rem auto;padding:2rem;background:#fff;border:1px solid #d9dce3;border-radius:12px}\
h1{font-size:1.5rem;margin-top:0}button{font:inherit;padding:.55rem 1.2rem;border:0;border-radius:8px;background:#1f5eff;\
color:#fff;cursor:pointer}button:focus-visible,a:focus-visible,textarea:focus-visible,select:focus-visible{outline:3px solid \
#8fb1ff;outline-offset:2px}a{color:#1746c2}.cancel{margin-left:1rem}table{border-collapse:collapse}td,th{text-align:left;\
padding:.2rem 1.2rem .2rem 0}code{background:#eef0f4;padding:.1rem .3rem;border-radius:4px}label{display:block;margin:.8rem 0 \
.2rem}textarea,select{font:inherit;width:100%;box-sizing:border-box;padding:.4rem}.note{color:#555c6b;font-size:.9rem}\
p[role=status]{background:#e6f4ea;padding:.5rem .8rem;border-radius:8px}body{overflow-wrap:anywhere}pre{background:#eef0f4;\
padding:.7rem .9rem;border-radius:8px;white-space:pre-wrap;font-size:.9rem}pre code{padding:0}h2{font-size:1.15rem;\
margin:2rem 0 .5rem}td{vertical-align:top}th{vertical-align:top}ul{padding-left:1.2rem}li{margin:.25rem 0}\
@media(max-width:34rem){main{margin:0;padding:1rem;border:0;border-radius:0}td,th{padding-right:.6rem}}";

/// A whole page. `title` is text, `body` is HTML.
pub(crate) fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let title = escape(title);
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>{title}</title><style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1>{body}</main></body></html>\n"
    );
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
}

/// Text made safe inside HTML, attribute values included.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
