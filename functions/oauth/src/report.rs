//! How far the memory of a workspace has come, in numbers and in words. No I/O.

use intercom::{Timestamp, WorkspaceId, client::Resource};
use serde::Serialize;
use store::{
    checkpoint::{Checkpoint, Phase, Purpose, WindowSpan},
    installation::{Installation, Status},
};

/// How often in a row a resource fails before a person is told that something is wrong.
const FAILURES_OF_NOTE: u32 = 3;

/// How long a due checkpoint may wait before a person is told that nothing moves, in seconds. Ticks come every minute.
const OVERDUE_SECONDS: i64 = 3600;

/// Seconds between two looks of the page's script while something is being read, and while nothing is.
const REFRESH: (u32, u32) = (5, 30);

/// The order on the page.
const SHOWN: [Resource; 10] = [
    Resource::Conversations,
    Resource::Tickets,
    Resource::Contacts,
    Resource::Companies,
    Resource::Articles,
    Resource::Admins,
    Resource::Teams,
    Resource::Tags,
    Resource::Segments,
    Resource::DataEvents,
];

/// A workspace, as JSON and as page.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) workspace: WorkspaceId,
    pub(crate) name: Option<String>,
    pub(crate) status: &'static str,
    /// One sentence for a person.
    pub(crate) summary: &'static str,
    /// Only a person can go on: by connecting the workspace again.
    pub(crate) needs_reconnect: bool,
    pub(crate) installed_at: Option<String>,
    /// When the last webhook came, to about a minute.
    pub(crate) last_event_at: Option<String>,
    /// While something is being read: what is used of Intercom's rate limit.
    pub(crate) rate: Option<Rate>,
    pub(crate) resources: Vec<ResourceReport>,
    /// When this was true.
    pub(crate) as_of: Option<String>,
    #[serde(skip)]
    pub(crate) refresh_seconds: u32,
    #[serde(skip)]
    pub(crate) last_event_ago: Option<String>,
}

/// Requests in a window of 10 seconds, by all apps that share the allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Rate {
    pub(crate) used: u32,
    pub(crate) limit: u32,
}

/// One resource.
#[derive(Debug, Serialize)]
pub(crate) struct ResourceReport {
    pub(crate) resource: String,
    pub(crate) phase: &'static str,
    /// The phase in plain words.
    pub(crate) state: String,
    /// What the walk under way asks for.
    pub(crate) window: Option<String>,
    pub(crate) generation: u64,
    pub(crate) seen: u64,
    pub(crate) written: u64,
    pub(crate) estimate: Option<u64>,
    /// 0 to 100; `None` where Intercom does not say how many there are.
    pub(crate) percent: Option<u64>,
    /// While the history is being read, at the pace so far.
    pub(crate) time_left: Option<String>,
    pub(crate) up_to: Option<Timestamp>,
    pub(crate) next_run_at: Option<String>,
    pub(crate) last_error: Option<String>,
    /// What a person should know though nothing failed.
    pub(crate) notice: Option<String>,
}

fn iso(seconds: i64) -> Option<String> {
    Timestamp::from_epoch_seconds(seconds).map(Timestamp::iso)
}

/// Builds the report; `now` is epoch seconds.
pub(crate) fn report(installation: &Installation, checkpoints: &[Checkpoint], now: i64) -> Report {
    let connected = installation.status == Status::Active;
    // What people look for comes first; other checkpoints are no resources.
    let resources = SHOWN.iter().filter_map(|r| checkpoints.iter().find(|c| c.resource == r.path()));
    let resources: Vec<_> = resources.map(|c| resource_report(c, connected, now)).collect();
    let reading = connected && checkpoints.iter().any(|c| c.phase == Phase::Running);
    let history = reading && checkpoints.iter().any(|c| c.phase == Phase::Running && is_first(c));
    // They share one allowance; whichever answer was the last, the highest is nearest to what is used now.
    let walking = checkpoints.iter().filter(|c| connected && c.phase == Phase::Running && c.begun);
    let rate = walking.filter_map(|c| c.rate_used).map(|(used, limit)| Rate { used, limit }).max();
    let summary = match installation.status {
        Status::Active if checkpoints.iter().any(is_failing) => "Connected, but not everything can be read.",
        Status::Active if history => "Connected: the history is being read, and live events arrive.",
        Status::Active if reading => "Connected: what changed is being read, and live events arrive.",
        Status::Active => "Connected and up to date.",
        Status::NeedsReauth => {
            "Needs to be reconnected: Intercom refuses the stored access, and nothing new is read until then."
        }
        Status::UninstallPending => "Intercom reported an uninstall; whether it holds is being checked.",
        Status::Uninstalled => "Not connected: the app was uninstalled from this workspace.",
    };
    Report {
        workspace: installation.workspace.clone(),
        name: installation.name.clone(),
        status: installation.status.as_str(),
        summary,
        needs_reconnect: matches!(installation.status, Status::NeedsReauth | Status::Uninstalled),
        installed_at: iso(installation.installed_at),
        last_event_at: installation.last_event_at.and_then(iso),
        rate,
        resources,
        as_of: iso(now),
        refresh_seconds: if reading { REFRESH.0 } else { REFRESH.1 },
        last_event_ago: installation.last_event_at.map(|at| ago(now.saturating_sub(at))),
    }
}

fn resource_report(c: &Checkpoint, connected: bool, now: i64) -> ResourceReport {
    let waits = c.next_run_at.map_or(0, |at| at.saturating_sub(now));
    let state = match c.phase {
        _ if !connected => "stopped".to_owned(),
        Phase::Blocked => "stopped".to_owned(),
        Phase::Idle => "up to date".to_owned(),
        Phase::Running if c.last_error.is_some() && waits > 0 => format!("tries again in {}", span(waits)),
        Phase::Running if !c.begun && c.pages == 0 => "about to begin".to_owned(),
        Phase::Running if is_first(c) => "reading the history".to_owned(),
        Phase::Running if c.purpose == Purpose::History => "reading everything again".to_owned(),
        Phase::Running if c.purpose == Purpose::Older => "reading what is older".to_owned(),
        Phase::Running if c.purpose == Purpose::Sweep => "looking for what is gone".to_owned(),
        Phase::Running => "reading what changed".to_owned(),
    };
    let window = (c.phase == Phase::Running && c.begun).then(|| window(c));
    let percent = match (c.phase, c.estimate) {
        (Phase::Idle, _) => Some(100),
        // While a walk is under way things are added: never more than there are.
        (_, Some(estimate)) if estimate > 0 => {
            Some(c.seen.saturating_mul(100).checked_div(estimate).unwrap_or(0).min(100))
        }
        (_, Some(_)) => Some(0),
        (_, None) => None,
    };
    ResourceReport {
        resource: c.resource.clone(),
        phase: c.phase.as_str(),
        state,
        window,
        generation: c.generation,
        seen: c.seen,
        written: c.written,
        estimate: c.estimate,
        percent,
        time_left: time_left(c, now).filter(|_| connected).map(span),
        up_to: c.high_water,
        next_run_at: c.next_run_at.and_then(iso),
        last_error: c.last_error.clone(),
        notice: c.notice.clone(),
    }
}

/// What the walk under way asks for: the stretch of time that is being read, where there are several.
fn window(c: &Checkpoint) -> String {
    let day = |time: Timestamp| for_people(&time.iso());
    let part = c.window.filter(|window| window.from != c.since || Some(window.to) != c.until);
    match (part, c.since) {
        (Some(WindowSpan { from: Some(from), to }), _) => format!("what changed from {} to {}", day(from), day(to)),
        (Some(WindowSpan { from: None, to }), _) => format!("what changed up to {}", day(to)),
        (None, Some(since)) => format!("what changed since {}", day(since)),
        (None, None) => "from the beginning".to_owned(),
    }
}

/// Seconds until a first walk is done, if it goes on as it has gone since it began.
fn time_left(c: &Checkpoint, now: i64) -> Option<i64> {
    let begun_at = c.until.filter(|_| c.phase == Phase::Running && c.begun && c.purpose == Purpose::History)?;
    let elapsed = now.saturating_sub(begun_at.epoch_seconds()).max(1);
    let left = i64::try_from(c.estimate?.saturating_sub(c.seen)).ok()?;
    let seen = i64::try_from(c.seen).ok().filter(|seen| *seen > 0)?;
    Some(left.saturating_mul(elapsed) / seen).filter(|seconds| *seconds > 0)
}

/// What Intercom shows to the people of a workspace, from its daily question after our health.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// All is well.
    Ok,
    /// It cannot be told.
    Unknown(&'static str),
    /// Something is wrong, and connecting again helps, or leads to the page that says more.
    Unhealthy(String),
}

/// Judges the real state; `now` is epoch seconds.
pub(crate) fn health(installation: Option<&Installation>, checkpoints: &[Checkpoint], now: i64) -> Health {
    let resources = || checkpoints.iter().filter(|c| Resource::from_path(&c.resource).is_some());
    let failing: Vec<&str> = resources().filter(|c| is_failing(c)).map(|c| c.resource.as_str()).collect();
    let waiting_since = resources().filter(|c| c.phase != Phase::Blocked).filter_map(|c| c.next_run_at).min();
    match installation.map(|i| i.status) {
        None | Some(Status::Uninstalled) => Health::Unhealthy("This workspace is not connected.".to_owned()),
        Some(Status::NeedsReauth) => {
            Health::Unhealthy("Intercom refuses the stored access: connect the workspace again.".to_owned())
        }
        Some(Status::UninstallPending) => Health::Unknown("An uninstall is being checked."),
        Some(Status::Active) if resources().any(|c| c.phase == Phase::Blocked) => {
            Health::Unhealthy("A part of the workspace is no longer read: connect the workspace again.".to_owned())
        }
        Some(Status::Active) if !failing.is_empty() => Health::Unhealthy(format!(
            "These cannot be read: {}. Check the app's permissions and the plan, then connect the workspace again.",
            failing.join(", ")
        )),
        Some(Status::Active) if waiting_since.is_some_and(|at| now.saturating_sub(at) > OVERDUE_SECONDS) => {
            Health::Unhealthy("Nothing has been read for more than an hour. Tell whoever runs this app.".to_owned())
        }
        Some(Status::Active) => Health::Ok,
    }
}

fn is_failing(checkpoint: &Checkpoint) -> bool {
    checkpoint.failures >= FAILURES_OF_NOTE && checkpoint.last_error.is_some()
}

/// No walk has come to its end yet.
fn is_first(checkpoint: &Checkpoint) -> bool {
    checkpoint.shape.is_none()
}

/// `2026-11-22T10:45:19Z` as `2026-11-22 10:45 UTC`.
pub(crate) fn for_people(iso: &str) -> String {
    match (iso.get(..10), iso.get(11..16)) {
        (Some(date), Some(minute)) => format!("{date} {minute} UTC"),
        _ => iso.to_owned(),
    }
}

/// How long ago, for people.
fn ago(seconds: i64) -> String {
    if seconds < 90 { "just now".to_owned() } else { format!("{} ago", span(seconds)) }
}

fn span(seconds: i64) -> String {
    let (number, unit) = match seconds {
        ..90 => (seconds.max(1), "second"),
        90..5_400 => ((seconds + 30) / 60, "minute"),
        5_400..129_600 => ((seconds + 1_800) / 3_600, "hour"),
        _ => ((seconds + 43_200) / 86_400, "day"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use store::installation::StoredToken;

    const NOW: i64 = 1_795_305_600;

    fn installation(status: Status) -> Installation {
        Installation {
            workspace: "ws1".parse().unwrap(),
            name: None,
            region: None,
            api_base_url: "https://api.intercom.io".to_owned(),
            public_base_url: None,
            token: StoredToken::None,
            status,
            installed_at: NOW - 1_000,
            changed_at: NOW - 1_000,
            last_event_at: Some(NOW - 200),
        }
    }

    fn checkpoint(resource: &str) -> Checkpoint {
        Checkpoint {
            begun: true,
            until: Timestamp::from_epoch_seconds(NOW - 60),
            pages: 3,
            seen: 150,
            written: 150,
            estimate: Some(600),
            next_run_at: Some(NOW),
            ..Checkpoint::fresh("ws1".parse().unwrap(), resource)
        }
    }

    #[test]
    fn a_walk_under_way_is_told_in_percent_and_never_over_a_hundred() {
        let more = Checkpoint { seen: 700, ..checkpoint("contacts") };
        let idle = Checkpoint { phase: Phase::Idle, rate_used: Some((99, 166)), ..checkpoint("tags") };
        let conversations = Checkpoint { rate_used: Some((40, 166)), ..checkpoint("conversations") };
        let told = report(&installation(Status::Active), &[more, conversations, idle], NOW);
        assert_eq!(told.rate, Some(Rate { used: 40, limit: 166 }), "what is idle uses nothing");
        let percents: Vec<_> = told.resources.iter().map(|r| (r.resource.as_str(), r.percent)).collect();
        assert_eq!(percents, [("conversations", Some(25)), ("contacts", Some(100)), ("tags", Some(100))]);
        let conversations = told.resources.first().unwrap();
        assert_eq!(
            (conversations.state.as_str(), conversations.window.as_deref()),
            ("reading the history", Some("from the beginning"))
        );
        assert_eq!(conversations.time_left.as_deref(), Some("3 minutes"), "450 more, at 150 a minute");
        assert_eq!(told.last_event_ago.as_deref(), Some("3 minutes ago"));
    }

    #[test]
    fn what_is_no_resource_is_not_shown() {
        let unit = checkpoint(store::checkpoint::UNINSTALL);
        assert!(report(&installation(Status::Active), &[unit], NOW).resources.is_empty());
    }

    #[test]
    fn an_unknown_number_has_no_percentage_and_a_failure_says_when_it_is_tried_again() {
        let failed = Checkpoint {
            estimate: None,
            failures: 1,
            last_error: Some("x".into()),
            next_run_at: Some(NOW + 600),
            ..checkpoint("tags")
        };
        let told = report(&installation(Status::Active), &[failed], NOW);
        let tags = told.resources.first().unwrap();
        assert_eq!((tags.percent, tags.state.as_str()), (None, "tries again in 10 minutes"));
    }

    #[test]
    fn health_is_judged_by_what_is_really_so() {
        let judge = |status, checkpoint: Checkpoint| health(Some(&installation(status)), &[checkpoint], NOW);
        let fine = checkpoint("contacts");
        assert_eq!(judge(Status::Active, fine.clone()), Health::Ok);
        assert!(matches!(judge(Status::UninstallPending, fine.clone()), Health::Unknown(_)));
        let unhealthy = |health: Health, word: &str| {
            assert!(matches!(&health, Health::Unhealthy(text) if text.contains(word)), "{health:?} lacks {word}");
        };
        unhealthy(health(None, &[], NOW), "not connected");
        unhealthy(judge(Status::Uninstalled, fine.clone()), "not connected");
        unhealthy(judge(Status::NeedsReauth, fine.clone()), "connect the workspace again");
        unhealthy(judge(Status::Active, Checkpoint { phase: Phase::Blocked, ..fine.clone() }), "no longer read");
        let failing = Checkpoint { failures: 3, last_error: Some("x".into()), ..fine.clone() };
        unhealthy(judge(Status::Active, failing), "contacts");
        let once = Checkpoint { failures: 1, last_error: Some("x".into()), ..fine.clone() };
        assert_eq!(judge(Status::Active, once), Health::Ok, "once is nothing");
        let overdue = Checkpoint { next_run_at: Some(NOW - OVERDUE_SECONDS - 1), ..fine.clone() };
        unhealthy(judge(Status::Active, overdue), "more than an hour");
        let unit = Checkpoint { phase: Phase::Blocked, ..checkpoint(store::checkpoint::UNINSTALL) };
        assert_eq!(judge(Status::Active, unit), Health::Ok, "the unit of an old uninstall is no resource");
    }

    #[test]
    fn times_are_told_as_people_tell_them() {
        assert_eq!(for_people("2026-11-22T10:45:19Z"), "2026-11-22 10:45 UTC");
        assert_eq!(ago(5), "just now");
        assert_eq!(ago(90), "2 minutes ago");
        assert_eq!(ago(7_000), "2 hours ago");
        assert_eq!(ago(400_000), "5 days ago");
        assert_eq!(span(1), "1 second");
    }
}
