//! Conversations: how they begin and what each part does to them.

use serde_json::{Value, json};

use super::{Kind, World, shapes};
use crate::json::{count_up, int, list, list_mut, set, set_in, text};

/// JSON pointer of a conversation's parts.
pub(crate) const PARTS: &str = "/conversation_parts/conversation_parts";

/// What a redacted message reads (January 2026 capture of `conversation_part.redacted`).
pub(crate) const REDACTED_BODY: &str = "<p><i>This message was deleted</i></p>";

/// What a new conversation is made of.
pub(crate) struct NewConversation<'a> {
    pub contact: &'a Value,
    pub subject: &'a str,
    pub body: &'a str,
    /// `conversation` for the messenger, or `email`.
    pub channel: &'a str,
    pub url: Option<&'a str>,
    pub at: i64,
}

/// What a new part is made of.
pub(crate) struct NewPart {
    pub part_type: &'static str,
    pub author: Value,
    pub body: Option<String>,
    pub assigned_to: Value,
    pub attachments: Vec<Value>,
    /// Only for `snoozed`: until when, seconds since the epoch.
    pub snoozed_until: Option<i64>,
}

impl NewPart {
    pub(crate) fn new(part_type: &'static str, author: Value) -> Self {
        Self { part_type, author, body: None, assigned_to: Value::Null, attachments: Vec::new(), snoozed_until: None }
    }

    pub(crate) fn saying(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
    }
}

impl World {
    /// Starts a conversation and returns its id.
    pub(crate) fn open_conversation(&mut self, new: &NewConversation<'_>) -> String {
        let id = self.next_conversation_id();
        let source_id = self.next_source_id();
        let mut author = shapes::author(new.contact, false);
        if let Some(map) = author.as_object_mut() {
            map.remove("from_ai_agent");
            map.remove("is_ai_answer");
        }
        let conversation = json!({
            "type": "conversation", "id": id, "created_at": new.at, "updated_at": new.at,
            "waiting_since": new.at, "snoozed_until": null,
            "source": {"type": new.channel, "id": source_id, "delivered_as": "customer_initiated",
                       "subject": new.subject, "body": new.body, "author": author, "attachments": [],
                       "url": new.url, "redacted": false},
            "contacts": {"type": "contact.list", "contacts": [shapes::contact_reference(new.contact)]},
            "first_contact_reply": {"created_at": new.at, "type": new.channel, "url": new.url},
            "admin_assignee_id": null, "team_assignee_id": null, "open": true, "state": "open", "read": false,
            "tags": {"type": "tag.list", "tags": []}, "priority": "not_priority", "sla_applied": null,
            "statistics": {"type": "conversation_statistics", "time_to_assignment": null,
                "time_to_admin_reply": null, "time_to_first_close": null, "time_to_last_close": null,
                "median_time_to_reply": null, "first_contact_reply_at": new.at, "first_assignment_at": null,
                "first_admin_reply_at": null, "first_close_at": null, "last_assignment_at": null,
                "last_assignment_admin_reply_at": null, "last_contact_reply_at": new.at,
                "last_admin_reply_at": null, "last_close_at": null, "last_closed_by_id": null,
                "count_reopens": 0, "count_assignments": 0, "count_conversation_parts": 1,
                "assigned_team_first_response_time": [], "assigned_team_first_response_time_in_office_hours": [],
                "handling_time": null},
            "conversation_rating": null, "teammates": {"type": "admin.list", "admins": []},
            "title": new.subject,
            "custom_attributes": {"Has attachments": false, "Auto-translated": false,
                                  "Fin AI Agent: Preview": false, "Copilot used": false},
            "topics": {"type": "topic.list", "topics": [], "total_count": 0}, "ticket": null,
            "linked_objects": {"type": "list", "data": [], "total_count": 0, "has_more": false},
            "ai_agent": null, "ai_agent_participated": false,
            "conversation_parts": {"type": "conversation_part.list", "conversation_parts": [], "total_count": 0},
        });
        self.put_as(Kind::Conversations, id.clone(), conversation);
        id
    }

    /// Adds a part at `at` and does to the conversation what Intercom does. Returns the part as stored.
    pub(crate) fn add_part(&mut self, conversation_id: &str, new: NewPart, at: i64) -> Option<Value> {
        let part_id = self.next_part_id();
        let conversation = self.get_mut(Kind::Conversations, conversation_id)?;
        take_effect(conversation, &new, at);
        let part = json!({
            "type": "conversation_part", "id": part_id, "part_type": new.part_type, "body": new.body,
            "created_at": at, "updated_at": at, "notified_at": at, "assigned_to": new.assigned_to,
            "author": new.author, "attachments": new.attachments, "external_id": null, "redacted": false,
            "metadata": {}, "email_message_metadata": null, "state": text(conversation, "state"), "tags": [],
            "event_details": {}, "app_package_code": null,
        });
        set(conversation, "updated_at", at);
        count_up(conversation, "statistics", "count_conversation_parts");
        let parts = list_mut(conversation, PARTS)?;
        parts.push(part.clone());
        let count = parts.len();
        set_in(conversation, "conversation_parts", "total_count", count);
        Some(part)
    }

    /// Puts a tag on the conversation as a whole.
    pub(crate) fn tag_conversation(&mut self, id: &str, tag: &Value, admin: &Value, at: i64) -> Option<Value> {
        let applied = json!({
            "type": "tag", "id": text(tag, "id"), "name": text(tag, "name"), "applied_at": at,
            "applied_by": {"type": "admin", "id": text(admin, "id")},
        });
        let tags = list_mut(self.get_mut(Kind::Conversations, id)?, "/tags/tags")?;
        tags.retain(|other| text(other, "id") != text(&applied, "id"));
        tags.push(applied.clone());
        Some(applied)
    }
}

/// What a part changes in its conversation beside being there.
fn take_effect(conversation: &mut Value, new: &NewPart, at: i64) {
    let by = text(&new.author, "type").to_owned();
    let begun = int(conversation, "created_at");
    let says_something = new.body.as_ref().is_some_and(|body| !body.is_empty());
    match new.part_type {
        "comment" if by == "user" || by == "lead" => {
            if text(conversation, "state") != "open" {
                reopen(conversation);
            }
            set(conversation, "waiting_since", at);
            set(conversation, "read", false);
            set_in(conversation, "statistics", "last_contact_reply_at", at);
        }
        "comment" if by == "bot" => {
            set(conversation, "ai_agent_participated", true);
            if conversation.get("ai_agent").is_none_or(Value::is_null) {
                set(conversation, "ai_agent", ai_agent(at));
            }
            set_in(conversation, "ai_agent", "updated_at", at);
        }
        "close" => {
            set_state(conversation, "closed");
            set(conversation, "waiting_since", Value::Null);
            first_and_last(conversation, "close", at - begun, at);
            let closer = text(&new.author, "id").parse::<i64>().ok();
            set_in(conversation, "statistics", "last_closed_by_id", closer);
        }
        "open" | "timer_unsnooze" => reopen(conversation),
        "snoozed" => {
            set_state(conversation, "snoozed");
            set(conversation, "snoozed_until", new.snoozed_until);
        }
        "assignment" => assign(conversation, &new.assigned_to, begun, at),
        "priority_changed" => {
            let priority = match text(conversation, "priority") {
                "priority" => "not_priority",
                _ => "priority",
            };
            set(conversation, "priority", priority);
        }
        _ => {}
    }
    if by == "admin" {
        set(conversation, "read", true);
        join(conversation, text(&new.author, "id"));
        if says_something && new.part_type != "note" {
            set(conversation, "waiting_since", Value::Null);
            admin_replied(conversation, begun, at);
        }
    }
    if !new.attachments.is_empty() {
        set_in(conversation, "custom_attributes", "Has attachments", true);
    }
}

fn set_state(conversation: &mut Value, state: &str) {
    set(conversation, "state", state);
    set(conversation, "open", state == "open");
    if state != "snoozed" {
        set(conversation, "snoozed_until", Value::Null);
    }
}

fn reopen(conversation: &mut Value) {
    if text(conversation, "state") == "closed" {
        count_up(conversation, "statistics", "count_reopens");
    }
    set_state(conversation, "open");
}

fn assign(conversation: &mut Value, to: &Value, begun: i64, at: i64) {
    let id = text(to, "id").parse::<i64>().ok();
    match text(to, "type") {
        "team" => set(conversation, "team_assignee_id", id),
        _ => set(conversation, "admin_assignee_id", id),
    }
    count_up(conversation, "statistics", "count_assignments");
    set_in(conversation, "statistics", "last_assignment_at", at);
    if first_time(conversation, "first_assignment_at") {
        set_in(conversation, "statistics", "first_assignment_at", at);
        set_in(conversation, "statistics", "time_to_assignment", at - begun);
    }
}

fn admin_replied(conversation: &mut Value, begun: i64, at: i64) {
    set_in(conversation, "statistics", "last_admin_reply_at", at);
    if conversation.get("admin_assignee_id").is_some_and(|id| !id.is_null()) {
        set_in(conversation, "statistics", "last_assignment_admin_reply_at", at);
    }
    if first_time(conversation, "first_admin_reply_at") {
        set_in(conversation, "statistics", "first_admin_reply_at", at);
        set_in(conversation, "statistics", "time_to_admin_reply", at - begun);
        set_in(conversation, "statistics", "median_time_to_reply", at - begun);
    }
}

fn first_and_last(conversation: &mut Value, what: &str, after: i64, at: i64) {
    if first_time(conversation, &format!("first_{what}_at")) {
        set_in(conversation, "statistics", &format!("first_{what}_at"), at);
        set_in(conversation, "statistics", &format!("time_to_first_{what}"), after);
    }
    set_in(conversation, "statistics", &format!("last_{what}_at"), at);
    set_in(conversation, "statistics", &format!("time_to_last_{what}"), after);
}

fn first_time(conversation: &Value, statistic: &str) -> bool {
    conversation.get("statistics").and_then(|all| all.get(statistic)).is_none_or(Value::is_null)
}

/// A teammate who wrote a part is among `teammates`, which Intercom lists under `admins` whatever its description says.
fn join(conversation: &mut Value, admin_id: &str) {
    if list(conversation, "/teammates/admins").iter().any(|admin| text(admin, "id") == admin_id) {
        return;
    }
    if let Some(admins) = list_mut(conversation, "/teammates/admins") {
        admins.push(json!({"type": "admin", "id": admin_id}));
    }
}

fn ai_agent(at: i64) -> Value {
    json!({
        "source_type": "essentials_plan_setup", "source_title": null, "last_answer_type": "ai_answer",
        "resolution_state": null, "rating": null, "rating_remark": null, "created_at": at, "updated_at": at,
        "content_sources": {"type": "content_source.list", "content_sources": [], "total_count": 0},
    })
}
