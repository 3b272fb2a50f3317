//! What an address of the web points to.

use url::Url;

use super::files::is_intercom_file;
use crate::RelationTarget;

/// What an address points to; `None` where it is no `http(s)` address, or that of a file of Intercom's (listed with its
/// message), or one that carries a password.
pub fn reference(address: &str) -> Option<RelationTarget> {
    let url = Url::parse(address).ok()?;
    if !matches!(url.scheme(), "http" | "https") || url.password().is_some() {
        return None;
    }
    let host = url.host_str()?.to_ascii_lowercase();
    if is_intercom_file(&host) {
        return None;
    }
    let path: Vec<&str> = url.path_segments().map(|s| s.filter(|s| !s.is_empty()).collect()).unwrap_or_default();
    let host = host.strip_prefix("www.").unwrap_or(&host);
    let known = linear(host, &path)
        .or_else(|| github(host, &path))
        .or_else(|| jira(host, &path, &url))
        .or_else(|| sentry(host, &path))
        .or_else(|| vercel(host, &path))
        .or_else(|| intercom(host, &path));
    Some(known.unwrap_or_else(|| {
        let id = url.as_str().to_owned();
        RelationTarget { url: Some(id.clone()), ..RelationTarget::new("web", "url", id) }
    }))
}

fn target(provider: &str, entity_type: &str, id: impl Into<String>, url: String) -> Option<RelationTarget> {
    Some(RelationTarget { url: Some(url), ..RelationTarget::new(provider, entity_type, id) })
}

/// `linear.app/<workspace>/issue/ENG-42/…`
fn linear(host: &str, path: &[&str]) -> Option<RelationTarget> {
    match (host, path) {
        ("linear.app", [workspace, "issue", key, ..]) => {
            let key = issue_key(key)?;
            let url = format!("https://linear.app/{workspace}/issue/{key}");
            target("linear", "issue", key, url)
        }
        _ => None,
    }
}

/// `github.com/<owner>/<repo>/(issues|pull|commit)/…`
fn github(host: &str, path: &[&str]) -> Option<RelationTarget> {
    let ("github.com", [owner, repo, kind, id, ..]) = (host, path) else { return None };
    let number = || id.bytes().all(|b| b.is_ascii_digit()).then(|| format!("{owner}/{repo}#{id}"));
    let url = format!("https://github.com/{owner}/{repo}/{kind}/{id}");
    match *kind {
        "issues" => target("github", "issue", number()?, url),
        "pull" => target("github", "pr", number()?, url),
        "commit" if id.len() >= 7 && id.bytes().all(|b| b.is_ascii_hexdigit()) => {
            target("github", "commit", id.get(..7)?.to_ascii_lowercase(), url)
        }
        _ => None,
    }
}

/// `<site>.atlassian.net/browse/ENG-42`, or any board with `selectedIssue=ENG-42`
fn jira(host: &str, path: &[&str], url: &Url) -> Option<RelationTarget> {
    if !host.ends_with(".atlassian.net") {
        return None;
    }
    let selected = || url.query_pairs().find(|(name, _)| name == "selectedIssue").and_then(|(_, key)| issue_key(&key));
    let key = match path {
        ["browse", key, ..] => issue_key(key),
        _ => selected(),
    }?;
    let url = format!("https://{host}/browse/{key}");
    target("jira", "issue", key, url)
}

/// `sentry.io/organizations/<org>/issues/<id>/`, `<org>.sentry.io/issues/<id>/`
fn sentry(host: &str, path: &[&str]) -> Option<RelationTarget> {
    let (organisation, id) = match (host, path) {
        ("sentry.io", ["organizations", organisation, "issues", id, ..]) => (*organisation, id),
        (host, ["issues", id, ..]) => (host.strip_suffix(".sentry.io")?, id),
        _ => return None,
    };
    let id = id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-').then_some(*id)?;
    target("sentry", "issue", id, format!("https://{organisation}.sentry.io/issues/{id}/"))
}

/// `vercel.com/<team>/<project>/<deployment>`, `<deployment>.vercel.app`
fn vercel(host: &str, path: &[&str]) -> Option<RelationTarget> {
    if let ("vercel.com", [team, project, rest @ ..]) = (host, path) {
        let id = match rest {
            ["deployments", id, ..] | [id, ..] => id,
            [] => return None,
        };
        let bare = id.strip_prefix("dpl_").unwrap_or(id);
        // Deployment ids are 24 to 32 letters and digits of both cases; `settings` and the like are none.
        let looks_like_one = (20..=40).contains(&bare.len()) && bare.bytes().all(|b| b.is_ascii_alphanumeric());
        return looks_like_one.then(|| {
            target("vercel", "deployment", format!("dpl_{bare}"), format!("https://vercel.com/{team}/{project}/{bare}"))
        })?;
    }
    host.ends_with(".vercel.app").then(|| target("vercel", "deployment", host, format!("https://{host}")))?
}

/// `app.intercom.com/a/inbox/<workspace>/inbox/…/conversation/<id>` and the older spellings, of any region.
fn intercom(host: &str, path: &[&str]) -> Option<RelationTarget> {
    if !matches!(host, "app.intercom.com" | "app.eu.intercom.com" | "app.au.intercom.com" | "app.intercom.io") {
        return None;
    }
    let at = path.iter().position(|segment| matches!(*segment, "conversation" | "conversations"))?;
    let id = path.get(at + 1).filter(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()))?;
    target("intercom", "conversation", *id, format!("https://{host}/{}", path.get(..at + 2)?.join("/")))
}

/// `ENG-42` in upper case.
fn issue_key(text: &str) -> Option<String> {
    let (team, number) = text.split_once('-')?;
    let team_is_one = team.bytes().next()?.is_ascii_alphabetic()
        && team.len() <= 15
        && team.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let number_is_one = (1..=7).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    (team_is_one && number_is_one).then(|| format!("{}-{number}", team.to_ascii_uppercase()))
}
