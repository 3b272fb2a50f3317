//! What people say to a software company's support: scripts, filled in with names, numbers and references.

use serde_json::Value;

use super::people::first_name;
use crate::rng::Rng;

/// One step of a script.
#[derive(Debug, Clone, Copy)]
pub(super) enum Turn {
    /// The customer writes.
    Customer(&'static str),
    /// A teammate answers.
    Admin(&'static str),
    /// Fin answers from the help centre.
    Fin(&'static str),
    /// A teammate leaves an internal note.
    Note(&'static str),
    /// Fin tells when to expect an answer.
    Expectation,
    /// Assigned to a teammate.
    Assign,
    /// Assigned to a teammate together with a message: one part that carries both.
    AssignSaying(&'static str),
    /// Assigned to a team.
    AssignTeam(&'static str),
    /// Marked as priority.
    Priority,
    /// Tagged.
    Tag(&'static str),
    /// Snoozed for some hours.
    Snooze(i64),
    /// Closed.
    Close,
    /// Closed together with a message.
    CloseSaying(&'static str),
    /// Rated by the customer, 1 to 5.
    Rate(i64, &'static str),
    /// The last customer message carries a screenshot.
    Screenshot,
}

/// A conversation to be had.
pub(super) struct Script {
    pub subject: &'static str,
    pub channel: &'static str,
    pub page: &'static str,
    pub opening: &'static str,
    pub turns: &'static [Turn],
}

use Turn::{
    Admin, Assign, AssignSaying, AssignTeam, Close, CloseSaying, Customer, Expectation, Fin, Note, Priority, Rate,
    Screenshot, Snooze, Tag,
};

pub(super) const SCRIPTS: &[Script] = &[
    Script {
        subject: "Export fails with a 500",
        channel: "conversation",
        page: "https://app.acme.example/reports/export",
        opening: "<p>Hi, since this morning the CSV export of our <b>{n}</b> orders ends with a 500. It says:</p>\
                  <pre><code>export-worker: invalid byte sequence in UTF-8 (row {n})</code></pre>\
                  <p>Can you have a look?</p>",
        turns: &[
            Expectation,
            Fin("<p>Exports fail when a column holds text that is not valid <i>UTF-8</i>. You can:</p>\
                 <ul><li><p>download the report as XLSX, or</p></li><li><p>clean the column under \
                 <a href=\"https://help.acme.example/en/articles/export-limits\">Export limits</a>.</p></li></ul>"),
            Customer("<p>XLSX fails too. We need this for the month end, please escalate.</p>"),
            Screenshot,
            AssignTeam("8100001"),
            Assign,
            Priority,
            Note(
                "<p>Known regression, tracked as <a href=\"https://linear.app/acme/issue/{eng}/export-breaks-on-invalid-utf-8\">\
                  {eng}</a>. Sentry: <a href=\"https://acme.sentry.io/issues/{sentry}/\">issue {sentry}</a></p>",
            ),
            Tag("bug"),
            Admin(
                "<p>Hi {first}, sorry about that. We found the cause \
                   (<a href=\"https://linear.app/acme/issue/{eng}\">{eng}</a>) and a fix is in review: \
                   <a href=\"https://github.com/acme/web/pull/{pr}\">acme/web#{pr}</a>. I will write as soon as it is out.</p>",
            ),
            Snooze(20),
            Admin("<p>The fix is live. Could you try again?</p>"),
            Customer("<p>Works, thank you!</p>"),
            Close,
            Rate(5, "Quick and clear"),
        ],
    },
    Script {
        subject: "Invoice for {month} shows the wrong VAT number",
        channel: "email",
        page: "",
        opening: "<p>Hello,</p><p>our invoice <b>INV-{n}</b> shows our old VAT number. Our accountant needs it corrected \
                  before Friday.</p><p>Kind regards<br>{first}</p>",
        turns: &[
            AssignTeam("8100003"),
            AssignSaying(
                "<p>Hi {first}, I can correct that. Which VAT number should it be, and from which invoice on?</p>",
            ),
            Customer(
                "<p>DE{n}42, from INV-{n} on.</p><blockquote>Which VAT number should it be, and from which invoice \
                      on?</blockquote>",
            ),
            Tag("billing"),
            CloseSaying(
                "<p>Done: the corrected invoice is under <a href=\"https://app.acme.example/billing\">Billing</a>, \
                         and the next ones will show the new number.</p>",
            ),
            Rate(4, ""),
        ],
    },
    Script {
        subject: "SAML login loops after certificate change",
        channel: "conversation",
        page: "https://app.acme.example/login",
        opening: "<p>We rotated our IdP certificate (SHA-256 now) and everybody is sent back to the login page. \
                  About {n} people are locked out!</p>",
        turns: &[
            Expectation,
            Assign,
            Priority,
            Admin(
                "<p>Hi {first}, on it. Please send me the new metadata URL. Until then an owner can log in at \
                   <a href=\"https://app.acme.example/login?sso=skip\">this address</a>.</p>",
            ),
            Customer("<p>https://idp.example.com/metadata?tenant={n}</p>"),
            Note(
                "<p>Old fingerprint was pinned in the connection. Jira for the permanent fix: \
                  <a href=\"https://acme.atlassian.net/browse/OPS-{jira}\">OPS-{jira}</a></p>",
            ),
            Admin(
                "<p>I have replaced the pinned certificate; the permanent fix is \
                   <a href=\"https://acme.atlassian.net/browse/OPS-{jira}\">OPS-{jira}</a>. Could you try again in a private \
                   window?</p>",
            ),
            Customer("<p>Yes, we are in. What do we do next time?</p>"),
            CloseSaying(
                "<p>Next time:</p><ol><li><p>add the new certificate under <i>Settings → SSO</i>,</p></li>\
                         <li><p>wait for the green tick,</p></li><li><p>then remove the old one.</p></li></ol>",
            ),
            Rate(5, "Saved our morning"),
        ],
    },
    Script {
        subject: "Webhook signature does not match",
        channel: "conversation",
        page: "https://docs.acme.example/webhooks",
        opening: "<p>My signature never matches. I compute HMAC-SHA-256 over the parsed JSON:</p>\
                  <pre><code>sig = hmac(secret, json.dumps(body))</code></pre><p>What is wrong?</p>",
        turns: &[
            Fin("<p>Sign the <b>raw bytes</b> of the request, not the parsed and re-serialised JSON. See \
                 <a href=\"https://docs.acme.example/webhooks#verify\">Verifying webhooks</a>.</p>"),
            Customer("<p>That was it, thanks.</p>"),
            Close,
            Rate(5, ""),
        ],
    },
    Script {
        subject: "Feature request: filter by tag in the API",
        channel: "conversation",
        page: "https://docs.acme.example/api/orders",
        opening: "<p>Is there a way to filter orders by tag in the API? Right now we page through <code>GET /orders</code> \
                  and throw most of it away.</p>",
        turns: &[
            Expectation,
            AssignTeam("8100002"),
            Assign,
            Admin(
                "<p>Not yet, {first}, but it is planned: I have added your vote to {eng}. How many orders do you read a day?</p>",
            ),
            Customer("<p>Around {n}. ISO-8601 dates in the filter would be great too.</p>"),
            Tag("feature request"),
            Note(
                "<p>Account is up for renewal, see <a href=\"https://linear.app/acme/issue/{eng}\">{eng}</a> for the other asks.</p>",
            ),
            Close,
        ],
    },
    Script {
        subject: "Dashboard very slow",
        channel: "conversation",
        page: "https://app.acme.example/dashboard",
        opening: "<p>The dashboard takes {secs} seconds to load for everybody in our office. Is there an incident?</p>",
        turns: &[
            Expectation,
            Assign,
            Admin(
                "<p>Hi {first}, yes: we are working on it, please follow \
                   <a href=\"https://status.acme.example/incidents/{n}\">the status page</a>. Sorry for the trouble.</p>",
            ),
            Tag("outage"),
            Note(
                "<p>Deployment <a href=\"https://vercel.com/acme/web/{deploy}\">{deploy}</a> rolled back; post-mortem in \
                  <a href=\"https://github.com/acme/web/issues/{pr}\">acme/web#{pr}</a>.</p>",
            ),
            Snooze(4),
            Admin(
                "<p>All systems are back to normal: we are on <a href=\"https://vercel.com/acme/web/{deploy}\">the deployment \
                   before</a>, and what we learn from it goes into \
                   <a href=\"https://github.com/acme/web/issues/{pr}\">acme/web#{pr}</a>. How does it look for you?</p>",
            ),
            Customer("<p>Much better 🎉</p>"),
            Close,
            Rate(4, "Would have liked an e-mail about the incident"),
        ],
    },
    Script {
        subject: "How do I invite my team?",
        channel: "conversation",
        page: "https://app.acme.example/onboarding",
        opening: "<p>Hey! Where can I invite the rest of my team?</p>",
        turns: &[
            Fin(
                "<p>Open <b>Settings → Members</b> and choose <i>Invite</i>. An invitation is valid for seven days.</p>",
            ),
            Customer("<p>Perfect</p>"),
            Close,
        ],
    },
    Script {
        subject: "API returns 429 although we are far below the limit",
        channel: "email",
        page: "",
        opening: "<p>Hi,</p><p>we get <code>429 Too Many Requests</code> at about {secs} requests a second:</p>\
                  <pre><code>HTTP/1.1 429\nretry-after: 10\nx-request-id: req_{n}</code></pre>\
                  <p>Your documentation says 100.</p>",
        turns: &[
            Assign,
            Admin(
                "<p>Hello {first}, the limit counts per workspace, and another integration of yours uses the same \
                   token. Could that be it?</p>",
            ),
            Customer("<p>Indeed, the nightly sync. Can the limit be raised?</p>"),
            AssignSaying("<p>I am passing this to Dana, who looks after your account.</p>"),
            Note(
                "<p>Raise to 200/s agreed in <a href=\"https://acme.atlassian.net/browse/OPS-{jira}\">OPS-{jira}</a>.</p>",
            ),
            Admin("<p>Raised to 200 a second until the end of the quarter.</p>"),
            Customer("<p>Great, thank you both.</p>"),
            Close,
            Rate(5, ""),
        ],
    },
    Script {
        subject: "Data deletion request",
        channel: "email",
        page: "",
        opening: "<p>Please delete the data of our former employee, as Article 17 GDPR asks. Confirm in writing, \
                  please.</p><p>{first}</p>",
        turns: &[
            AssignTeam("8100002"),
            Assign,
            Admin(
                "<p>Dear {first}, we have started the deletion. It is complete within 30 days; backups expire by \
                   themselves. Your reference is <b>PRIV-{n}</b>.</p>",
            ),
            Close,
        ],
    },
    Script {
        subject: "Mobile app crashes when opening attachments",
        channel: "conversation",
        page: "https://app.acme.example/inbox",
        opening: "<p>The Android app crashes as soon as I open a PDF. Version 5.{secs}, Pixel.</p>",
        turns: &[
            Expectation,
            Screenshot,
            Assign,
            Note(
                "<p>Same stack as <a href=\"https://acme.sentry.io/issues/{sentry}/?project=mobile\">Sentry {sentry}</a> \
                  and {eng}.</p>",
            ),
            Tag("bug"),
            Admin(
                "<p>Thanks {first}, we can reproduce it \
                   (<a href=\"https://acme.sentry.io/issues/{sentry}/?project=mobile\">Sentry</a>). The fix \
                   (<a href=\"https://github.com/acme/mobile/pull/{pr}\">mobile#{pr}</a>) ships with the next release. \
                   As a workaround, please open the PDF in the browser.</p>",
            ),
            Customer("<p>OK, I will wait for the update.</p>"),
            Snooze(72),
        ],
    },
];

/// Puts names, numbers and references into a script's text. `facts` holds what stays the same in one conversation.
pub(super) fn fill(template: &str, facts: &Facts) -> String {
    let mut out = template.to_owned();
    for (placeholder, value) in &facts.0 {
        if out.contains(placeholder) {
            out = out.replace(placeholder, value);
        }
    }
    out
}

/// What stays the same in one conversation.
pub(super) struct Facts(Vec<(&'static str, String)>);

impl Facts {
    pub(super) fn new(rng: &mut Rng, contact: &Value) -> Self {
        Self(vec![
            ("{first}", first_name(contact).to_owned()),
            ("{n}", rng.between(1_200, 98_000).to_string()),
            ("{eng}", format!("ENG-{}", rng.between(40, 480))),
            ("{pr}", rng.between(900, 1_400).to_string()),
            ("{jira}", rng.between(100, 900).to_string()),
            ("{sentry}", rng.between(4_500_000_000, 4_599_999_999).to_string()),
            ("{deploy}", format!("7uQw5Xy{}", rng.hex(16))),
            ("{secs}", rng.between(12, 48).to_string()),
            ("{month}", rng.word(&["August", "September", "October", "November"]).to_owned()),
        ])
    }
}
