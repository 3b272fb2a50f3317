//! What the help centre says.

/// Title, description and body of each invented article; more articles repeat them with another product area.
pub(super) const ARTICLES: &[(&str, &str, &str)] = &[
    (
        "Export limits",
        "How large an export can be, and why it may fail",
        "<p class=\"no-margin\">An export holds at most <b>1,000,000 rows</b>.</p><h2 id=\"h_why\">Why an export fails</h2>\
         <ul><li><p class=\"no-margin\">A column holds text that is not valid UTF-8.</p></li>\
         <li><p class=\"no-margin\">The link has expired after 24 hours.</p></li></ul>\
         <p class=\"no-margin\">See also <a href=\"https://docs.acme.example/api/exports\">the API</a>.</p>",
    ),
    (
        "Set up single sign-on with SAML",
        "Connect your identity provider",
        "<p class=\"no-margin\">You need the <i>owner</i> role.</p><ol><li><p class=\"no-margin\">Open Settings → SSO.</p></li>\
         <li><p class=\"no-margin\">Paste the metadata URL.</p></li><li><p class=\"no-margin\">Test with one account \
         first.</p></li></ol><div class=\"intercom-interblocks-callout\"><p class=\"no-margin\">Certificates must be signed \
         with SHA-256.</p></div>",
    ),
    (
        "Verify webhook signatures",
        "Make sure that a webhook comes from us",
        "<p class=\"no-margin\">Each request carries a signature of its raw body:</p><pre><code>expected = hmac_sha256(secret, \
         raw_body)\nassert constant_time_equal(expected, header)</code></pre><p class=\"no-margin\">Never parse and serialise \
         again before you compare.</p>",
    ),
    (
        "Invite your team",
        "Add members and choose their roles",
        "<p class=\"no-margin\">Open <b>Settings → Members</b>. Invitations are valid for seven days.</p><table><tbody><tr>\
         <th>Role</th><th>May</th></tr><tr><td>Member</td><td>Read and write</td></tr><tr><td>Owner</td><td>Everything</td>\
         </tr></tbody></table>",
    ),
    (
        "Understand your invoice",
        "Seats, usage and VAT",
        "<p class=\"no-margin\">You are billed per seat and month. Change your VAT number before the first of the month, or write \
         to us.</p><hr><p class=\"no-margin\">Questions? Ask in the messenger.</p>",
    ),
    (
        "API rate limits",
        "What counts, and what to do about 429",
        "<p class=\"no-margin\">The limit counts per workspace. Read <code>Retry-After</code>, wait, and try again.</p>",
    ),
];

/// Product areas, to tell articles apart that repeat.
pub(super) const AREAS: &[&str] = &["Reports", "Mobile", "Admin", "Developers", "Integrations", "Security"];

/// Name of a data event.
pub(super) const EVENT_NAMES: &[&str] = &["exported-report", "invited-friend", "enabled-sso", "created-api-key"];
