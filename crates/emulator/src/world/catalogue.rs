//! What every emulated workspace has whatever its size: teammates, teams, tags and segments.

use serde_json::Value;

use super::shapes;

/// Ids, names and jobs of the teammates. The first one is who authorises the app.
const ADMINS: &[(&str, &str, &str, &str, &[i64])] = &[
    ("9700001", "Ada Park", "ada", "Head of Support", &[8_100_001, 8_100_002]),
    ("9700010", "Bruno Keller", "bruno", "Support Engineer", &[8_100_001]),
    ("9700011", "Chidi Okafor", "chidi", "Support Engineer", &[8_100_001, 8_100_003]),
    ("9700012", "Dana Lindqvist", "dana", "Customer Success Manager", &[8_100_002]),
    ("9700013", "Emre Yıldız", "emre", "Billing Specialist", &[8_100_003]),
];

pub(super) fn admins(workspace: &str) -> Vec<Value> {
    ADMINS
        .iter()
        .map(|(id, name, mailbox, job, teams)| {
            shapes::admin(id, name, &format!("{mailbox}@acme.example"), job, teams, true)
        })
        .chain([shapes::operator(workspace)])
        .collect()
}

pub(super) fn teams() -> Vec<Value> {
    vec![
        shapes::team("8100001", "Technical support", &[9_608_799, 9_608_800, 9_608_801]),
        shapes::team("8100002", "Customer success", &[9_608_799, 9_608_802]),
        shapes::team("8100003", "Billing", &[9_608_801, 9_608_803]),
    ]
}

pub(super) fn tags() -> Vec<Value> {
    [
        ("12900001", "bug"),
        ("12900002", "feature request"),
        ("12900003", "billing"),
        ("12900004", "outage"),
        ("12900005", "VIP"),
        ("12900006", "docs gap"),
    ]
    .into_iter()
    .map(|(id, name)| shapes::tag(id, name))
    .collect()
}

pub(super) fn segments(now: i64) -> Vec<Value> {
    let day = 86_400;
    [
        ("6800a0000000000000000001", "Active", "user", 400, 3),
        ("6800a0000000000000000002", "Slipping away", "user", 400, 12),
        ("6800a0000000000000000003", "New leads", "lead", 210, 1),
        ("6800a0000000000000000004", "Enterprise plan", "user", 150, 20),
    ]
    .into_iter()
    .map(|(id, name, person, created, updated)| {
        shapes::segment(id, name, person, now - created * day, now - updated * day)
    })
    .collect()
}
