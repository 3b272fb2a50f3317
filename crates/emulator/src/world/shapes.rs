//! Objects as Intercom's REST API 2.14 shows them: the OpenAPI description, corrected by recorded answers (`teammates`
//! holds `admins`, list items of articles lack statistics, `author_id` is a number).

use serde_json::{Value, json};

use crate::json::text;

/// Id of Fin, the operator, in every emulated workspace.
pub(crate) const OPERATOR_ID: &str = "9700018";

pub(crate) fn is_operator(admin: &Value) -> bool {
    text(admin, "email").starts_with("operator+")
}

pub(crate) fn operator(workspace: &str) -> Value {
    admin(OPERATOR_ID, "Fin", &format!("operator+{workspace}@intercom.io"), "", &[], false)
}

pub(crate) fn admin(id: &str, name: &str, email: &str, job: &str, teams: &[i64], seat: bool) -> Value {
    json!({
        "type": "admin", "id": id, "name": name, "email": email,
        "job_title": if job.is_empty() { Value::Null } else { json!(job) },
        "away_mode_enabled": false, "away_mode_reassign": false, "away_status_reason_id": null,
        "has_inbox_seat": seat, "team_ids": teams,
        "team_priority_level": {"primary_team_ids": teams, "secondary_team_ids": []},
        "avatar": null,
    })
}

pub(crate) fn team(id: &str, name: &str, admins: &[i64]) -> Value {
    json!({
        "type": "team", "id": id, "name": name, "admin_ids": admins,
        "admin_priority_level": {"primary_admin_ids": admins, "secondary_admin_ids": []},
        "assignment_limit": null, "distribution_method": "round_robin",
    })
}

pub(crate) fn tag(id: &str, name: &str) -> Value {
    json!({"type": "tag", "id": id, "name": name})
}

pub(crate) fn segment(id: &str, name: &str, person_type: &str, created: i64, updated: i64) -> Value {
    json!({
        "type": "segment", "id": id, "name": name, "person_type": person_type,
        "created_at": created, "updated_at": updated,
    })
}

/// What a new contact is made of.
pub(crate) struct NewContact<'a> {
    pub id: &'a str,
    pub workspace: &'a str,
    pub role: &'a str,
    pub name: Option<&'a str>,
    pub email: &'a str,
    pub external_id: Option<&'a str>,
    pub at: i64,
}

pub(crate) fn contact(new: &NewContact<'_>) -> Value {
    let sub_list = |name: &str| {
        json!({"type": "list", "data": [], "url": format!("/contacts/{}/{name}", new.id),
               "total_count": 0, "has_more": false})
    };
    let mut contact = json!({
        "type": "contact", "id": new.id, "workspace_id": new.workspace, "external_id": new.external_id,
        "role": new.role, "email": new.email,
        "email_domain": new.email.split_once('@').map(|(_, domain)| domain),
        "phone": null, "name": new.name, "avatar": null, "owner_id": null,
        "social_profiles": {"type": "list", "data": []},
        "has_hard_bounced": false, "marked_email_as_spam": false, "unsubscribed_from_emails": false,
        "created_at": new.at, "updated_at": new.at,
        "signed_up_at": if new.role == "user" { json!(new.at) } else { Value::Null },
        "last_seen_at": null, "last_replied_at": null, "last_contacted_at": null,
        "last_email_opened_at": null, "last_email_clicked_at": null, "language_override": null,
        "browser": null, "browser_version": null, "browser_language": null, "os": null,
        "location": {"type": "location", "country": null, "region": null, "city": null,
                     "country_code": null, "continent_code": null},
        "custom_attributes": {},
        "tags": sub_list("tags"), "notes": sub_list("notes"), "companies": sub_list("companies"),
        "opted_out_subscription_types": sub_list("subscriptions"),
        "opted_in_subscription_types": sub_list("subscriptions"),
        "referrer": null, "sms_consent": false, "unsubscribed_from_sms": false, "enabled_push_messaging": null,
    });
    if let Some(map) = contact.as_object_mut() {
        for utm in ["campaign", "content", "medium", "source", "term"] {
            map.insert(format!("utm_{utm}"), Value::Null);
        }
        for device in ["app_name", "app_version", "device", "os_version", "sdk_version", "last_seen_at"] {
            map.insert(format!("android_{device}"), Value::Null);
            map.insert(format!("ios_{device}"), Value::Null);
        }
    }
    contact
}

pub(crate) fn company(id: &str, workspace: &str, company_id: &str, name: Option<&str>, at: i64) -> Value {
    json!({
        "type": "company", "id": id, "company_id": company_id, "app_id": workspace, "name": name,
        "remote_created_at": null, "created_at": at, "updated_at": at, "last_request_at": null,
        "monthly_spend": 0, "session_count": 0, "user_count": 0,
        "tags": {"type": "tag.list", "tags": []}, "segments": {"type": "segment.list", "segments": []},
        "plan": {}, "custom_attributes": {},
    })
}

/// What a new article is made of.
pub(crate) struct NewArticle<'a> {
    pub id: &'a str,
    pub workspace: &'a str,
    pub title: &'a str,
    pub description: &'a str,
    pub body: &'a str,
    pub author_id: i64,
    pub published: bool,
    pub at: i64,
}

pub(crate) fn article(new: &NewArticle<'_>) -> Value {
    let number: i64 = new.id.parse().unwrap_or(0);
    let mut article = json!({
        "id": new.id, "type": "article", "workspace_id": new.workspace,
        "parent_id": 19_636_801, "parent_type": "collection", "parent_ids": [19_636_801],
        "statistics": {"type": "article_statistics", "views": 0, "conversations": 0, "reactions": 0,
                       "happy_reaction_percentage": 0, "neutral_reaction_percentage": 0,
                       "sad_reaction_percentage": 0},
        "tags": {"type": "tag.list", "tags": []}, "content_id": (number + 2_600_000).to_string(),
        "title": new.title, "description": new.description, "body": new.body, "author_id": new.author_id,
        "state": "draft", "created_at": new.at, "updated_at": new.at, "url": null,
    });
    set_published(&mut article, new.published);
    article
}

/// Publishes or unpublishes: only a published article has a public address.
pub(crate) fn set_published(article: &mut Value, published: bool) {
    let url = published.then(|| {
        let slug: String = text(article, "title")
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
            .collect();
        format!("https://help.acme.example/en/articles/{}-{slug}", text(article, "id"))
    });
    crate::json::set(article, "url", url);
    crate::json::set(article, "state", if published { "published" } else { "draft" });
}

/// The author object of a message.
pub(crate) fn author(person: &Value, bot_answers: bool) -> Value {
    let (kind, ai) = match text(person, "type") {
        "contact" => (text(person, "role"), false),
        _ if is_operator(person) => ("bot", bot_answers),
        other => (other, false),
    };
    json!({
        "type": kind, "id": text(person, "id"), "name": person.get("name"), "email": text(person, "email"),
        "from_ai_agent": ai, "is_ai_answer": ai,
    })
}

/// A contact as conversations and tickets name it.
pub(crate) fn contact_reference(contact: &Value) -> Value {
    json!({"type": "contact", "id": text(contact, "id"), "external_id": contact.get("external_id")})
}

pub(crate) fn event(id: &str, name: &str, contact: &Value, metadata: &Value, at: i64) -> Value {
    json!({
        "type": "event", "event_name": name, "created_at": at, "user_id": contact.get("external_id"), "id": id,
        "intercom_user_id": text(contact, "id"), "email": text(contact, "email"), "metadata": metadata,
    })
}
