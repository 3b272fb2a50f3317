//! Invented contacts and companies.

use serde_json::{Value, json};

use super::shapes::{self, NewContact};
use crate::json::{set, set_in, text};
use crate::rng::Rng;

const FIRST: &[&str] = &[
    "Alice", "Ben", "Carla", "Deniz", "Elena", "Farid", "Grace", "Hugo", "Ines", "Jonas", "Keiko", "Liam", "Maya",
    "Noor", "Oscar", "Priya", "Quentin", "Rosa", "Sven", "Tara", "Uma", "Viktor", "Wanda", "Ximena", "Yusuf", "Zoë",
];
const LAST: &[&str] = &[
    "Andersen",
    "Bianchi",
    "Castillo",
    "Dubois",
    "Eriksson",
    "Fischer",
    "García",
    "Haddad",
    "Ivanova",
    "Jensen",
    "Kowalski",
    "Larsen",
    "Mbeki",
    "Novák",
    "O’Neill",
    "Petrov",
    "Qureshi",
    "Rossi",
    "Sato",
    "Tanaka",
    "Usman",
    "Vega",
    "Weber",
    "Xu",
    "Yamamoto",
    "Zhang",
];
const COMPANY: &[&str] = &[
    "Northwind Analytics",
    "Blue Heron Logistics",
    "Fabrikam Health",
    "Globex Robotics",
    "Initech Payroll",
    "Larkspur Media",
    "Meridian Freight",
    "Nimbus Retail",
    "Oakridge Schools",
    "Pinecone Games",
    "Quarry Insurance",
    "Redwood Bikes",
    "Saffron Kitchens",
    "Tidewater Energy",
    "Umber Studios",
    "Vantage Realty",
];
const INDUSTRY: &[&str] = &["Software", "Logistics", "Healthcare", "Retail", "Education", "Energy", "Media"];
const PLANS: &[(&str, &str, i64)] =
    &[("1", "Free", 0), ("2", "Team", 290), ("3", "Business", 1_450), ("4", "Enterprise", 6_200)];
const PLACES: &[(&str, &str, &str, &str)] = &[
    ("Ireland", "Dublin", "IE", "EU"),
    ("Germany", "Berlin", "DE", "EU"),
    ("United States", "Austin", "US", "NA"),
    ("Japan", "Osaka", "JP", "AS"),
    ("Brazil", "Recife", "BR", "SA"),
];

/// A MongoDB-like id: four bytes of time, eight of chance, 24 hexadecimal digits together.
pub(crate) fn object_id(rng: &mut Rng, at: i64) -> String {
    format!("{:08x}{}", at.clamp(0, 0xFFFF_FFFF), rng.hex(16))
}

/// The `index`-th company of `seed`.
pub(super) fn company(seed: u64, index: u32, workspace: &str, at: i64, now: i64) -> Value {
    let mut rng = Rng::stream(seed, "company", u64::from(index));
    let id = object_id(&mut rng, at);
    let wanted = usize::try_from(index).unwrap_or(0);
    let base = COMPANY.get(wanted % COMPANY.len()).copied().unwrap_or("Acme");
    let round = wanted / COMPANY.len();
    let name = if round == 0 { base.to_owned() } else { format!("{base} {}", round + 1) };
    let mut company = shapes::company(&id, workspace, &format!("acct_{}", 1_000 + index), Some(&name), at);
    let (plan_id, plan, spend) = rng.pick(PLANS).copied().unwrap_or(("1", "Free", 0));
    set(&mut company, "plan", json!({"type": "plan", "id": plan_id, "name": plan}));
    set(&mut company, "monthly_spend", spend);
    set(&mut company, "size", rng.between(4, 2_400));
    set(&mut company, "industry", rng.word(INDUSTRY));
    set(&mut company, "website", format!("https://{}.example", slug(&name)));
    set(&mut company, "session_count", rng.between(5, 9_000));
    set(&mut company, "remote_created_at", at - rng.between(0, 30) * 86_400);
    let updated = rng.between(at, now - 600);
    set(&mut company, "updated_at", updated);
    set(&mut company, "last_request_at", rng.between(updated, now - 60));
    set_in(&mut company, "custom_attributes", "creation_source", "api");
    set_in(&mut company, "custom_attributes", "region", rng.word(&["emea", "amer", "apac"]));
    company
}

/// The `index`-th contact of `seed`; about one in six is a lead.
pub(super) fn contact(seed: u64, index: u32, workspace: &str, at: i64, now: i64) -> Value {
    let mut rng = Rng::stream(seed, "contact", u64::from(index));
    let id = object_id(&mut rng, at);
    let role = if rng.chance(16) { "lead" } else { "user" };
    let (first, last) = (rng.word(FIRST), rng.word(LAST));
    let name = format!("{first} {last}");
    let email = format!("{}.{}{index}@example.com", slug(first), slug(last));
    let external_id = if role == "user" { format!("user-{}", 10_000 + index) } else { rng.uuid() };
    // Leads often leave neither name nor address.
    let anonymous = role == "lead" && rng.chance(50);
    let mut contact = shapes::contact(&NewContact {
        id: &id,
        workspace,
        role,
        name: (!anonymous).then_some(name.as_str()),
        email: if anonymous { "" } else { &email },
        external_id: Some(&external_id),
        at,
    });
    let updated = rng.between(at, now - 300);
    set(&mut contact, "updated_at", updated);
    set(&mut contact, "last_seen_at", rng.between(at, updated));
    set(&mut contact, "browser", rng.word(&["chrome", "firefox", "safari", "edge"]));
    set(&mut contact, "browser_language", rng.word(&["en", "de", "ja", "pt"]));
    set(&mut contact, "os", rng.word(&["OS X 15.6", "Windows 11", "Linux"]));
    if let Some((country, city, code, continent)) = rng.pick(PLACES).copied() {
        for (key, value) in
            [("country", country), ("city", city), ("country_code", code), ("continent_code", continent)]
        {
            set_in(&mut contact, "location", key, value);
        }
    }
    if role == "user" {
        set_in(&mut contact, "custom_attributes", "plan", rng.word(&["free", "team", "business", "enterprise"]));
        set_in(&mut contact, "custom_attributes", "seats", rng.between(1, 120));
        set_in(&mut contact, "custom_attributes", "beta_tester", rng.chance(20));
    }
    if rng.chance(20) {
        set(&mut contact, "owner_id", 9_608_802);
    }
    contact
}

/// A name and an address for a contact that a control makes.
pub(crate) fn invent(rng: &mut Rng) -> (String, String) {
    let (first, last) = (rng.word(FIRST), rng.word(LAST));
    let number = rng.between(100, 99_999);
    (format!("{first} {last}"), format!("{}.{}{number}@example.com", slug(first), slug(last)))
}

/// A name for a company that a control makes.
pub(crate) fn invent_company(rng: &mut Rng) -> String {
    format!("{} {}", rng.word(COMPANY), rng.between(2, 999))
}

/// The first name, or a word that fits where none is known.
pub(crate) fn first_name(person: &Value) -> &str {
    text(person, "name").split(' ').next().filter(|name| !name.is_empty()).unwrap_or("there")
}

/// Lower-case ASCII letters and digits only, so that addresses stay plain.
fn slug(name: &str) -> String {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    if plain.is_empty() { "someone".to_owned() } else { plain }
}
