//! Failure switches: what goes wrong, on which route, how often.

use axum::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};

/// One rule. Rules are tried in the order in which they were made; the first one that is due decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// `GET /conversations/{id}` (method optional, path as in `GET /_emulator/requests`), or `*` for every API route.
    pub route: String,
    /// What happens.
    #[serde(flatten)]
    pub kind: FailureKind,
    /// How many requests fail.
    #[serde(default = "once")]
    pub times: u32,
    /// How many matching requests pass first.
    #[serde(default)]
    pub skip: u32,
}

const fn once() -> u32 {
    1
}

/// How a request fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FailureKind {
    /// An error answer of this status, 400 to 599, with an `error.list` body.
    Status {
        /// The status code.
        status: u16,
    },
    /// An error answer of this status with this code, such as 400 `scroll_exists`.
    Refuse {
        /// The status code.
        status: u16,
        /// Intercom's error code.
        code: String,
    },
    /// An HTML page with this status, as something between Intercom and its client answers.
    Foreign {
        /// The status code.
        status: u16,
    },
    /// 429 with a used-up window, although it is not.
    RateLimited,
    /// The right answer, `ms` milliseconds later.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// 200 without a body.
    Empty,
    /// 200 with an HTML page.
    NonJson,
    /// The right answer, but the connection ends in the middle of the body.
    Truncated,
    /// The right answer, but for one text in its JSON, which another one stands for: what no writer of JSON would write, or
    /// much more of it than there is.
    Replaced {
        /// What is looked for, as it stands in the JSON.
        text: String,
        /// What is there instead.
        by: String,
    },
    /// The connection ends without an answer.
    Disconnect,
    /// 401, as after a revoked token.
    Unauthorized,
    /// 200 with more than a client wants to read: 65 MiB.
    Oversized,
    /// The right answer, but `total_count` and `pages.total_pages` speak of this many objects.
    Total {
        /// Objects that there are said to be.
        total: u64,
    },
    /// A page that names itself as the next one.
    NextIsSame,
    /// A page without its objects, whose next one begins at the same place, as if it were another. Counted pages just go on.
    Hollow,
    /// The first page again, whatever page was asked for, and what follows it.
    FirstAgain,
    /// `then`, but only for requests that are asked like this; others pass, and are not counted.
    When {
        /// Only requests that go on from a page before.
        #[serde(default)]
        paged: bool,
        /// Only requests for more than so many objects a page.
        #[serde(default)]
        above: Option<u64>,
        /// What happens then.
        then: Box<FailureKind>,
    },
}

/// What a request asks for, as far as pages are concerned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Where to go on: `starting_after`, `scroll_param`, or a page after the first.
    pub cursor: Option<String>,
    /// Objects a page.
    pub per_page: Option<u64>,
}

impl FailureKind {
    fn applies(&self, asked: &Asked) -> bool {
        match self {
            Self::When { paged, above, then } => {
                let is_above = above.is_none_or(|above| asked.per_page.is_some_and(|asked| asked > above));
                (!paged || asked.cursor.is_some()) && is_above && then.applies(asked)
            }
            _ => true,
        }
    }

    fn into_inner(self) -> Self {
        match self {
            Self::When { then, .. } => then.into_inner(),
            kind => kind,
        }
    }
}

/// The rules that are still to happen.
#[derive(Debug, Default)]
pub(crate) struct Failures(Vec<Failure>);

impl Failures {
    pub(crate) fn add(&mut self, rules: Vec<Failure>) -> Result<(), String> {
        for rule in &rules {
            if let FailureKind::Status { status } | FailureKind::Refuse { status, .. } | FailureKind::Foreign { status } =
                rule.kind.clone().into_inner()
                && (!(400..=599).contains(&status) || StatusCode::from_u16(status).is_err())
            {
                return Err(format!("status {status} is no error: 400 to 599"));
            }
        }
        self.0.extend(rules);
        Ok(())
    }

    pub(crate) fn pending(&self) -> &[Failure] {
        &self.0
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// What happens to a request of this route now; uses the rule up.
    pub(crate) fn strike(&mut self, method: &Method, path: &str, asked: &Asked) -> Option<FailureKind> {
        let due = self.0.iter_mut().find_map(|rule| {
            if rule.times == 0 || !applies(&rule.route, method, path) || !rule.kind.applies(asked) {
                return None;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                return None;
            }
            rule.times -= 1;
            Some(rule.kind.clone().into_inner())
        });
        self.0.retain(|rule| rule.times > 0);
        due
    }
}

fn applies(route: &str, method: &Method, path: &str) -> bool {
    match route.trim().split_once(' ') {
        _ if route.trim() == "*" => true,
        Some((wanted, route)) => method.as_str().eq_ignore_ascii_case(wanted) && matches(route.trim(), path),
        None => matches(route.trim(), path),
    }
}

/// The template as registered, whatever name the rule gives the parameter.
fn matches(route: &str, path: &str) -> bool {
    route == "*"
        || (route.split('/').count() == path.split('/').count()
            && route
                .split('/')
                .zip(path.split('/'))
                .all(|(wanted, part)| wanted == part || (wanted.starts_with('{') && part.starts_with('{'))))
}
