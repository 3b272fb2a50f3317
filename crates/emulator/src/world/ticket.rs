//! Tickets: parts are inline everywhere, and what is empty is left out instead of being null.

use serde_json::{Value, json};

use super::{Kind, World, shapes};
use crate::json::{list_mut, set, set_in, text};

/// JSON pointer of a ticket's parts.
pub(crate) const PARTS: &str = "/ticket_parts/ticket_parts";

/// What a new ticket is made of.
pub(crate) struct NewTicket<'a> {
    pub contact: &'a Value,
    pub title: &'a str,
    pub description: &'a str,
    pub at: i64,
}

impl World {
    /// Makes a ticket and returns its id (not the number that people see).
    pub(crate) fn open_ticket(&mut self, new: &NewTicket<'_>) -> String {
        let (id, ticket_id) = self.next_ticket_ids();
        let workspace = &self.workspace.id_code;
        let ticket = json!({
            "type": "ticket", "id": id, "ticket_id": ticket_id,
            "ticket_attributes": {"_default_title_": new.title, "_default_description_": new.description,
                                  "Severity": null},
            "ticket_state": state("submitted"),
            "ticket_type": ticket_type(workspace, new.at - 200 * 86_400),
            "contacts": {"type": "contact.list", "contacts": [shapes::contact_reference(new.contact)]},
            "admin_assignee_id": "0", "team_assignee_id": "0", "created_at": new.at, "updated_at": new.at,
            "ticket_parts": {"type": "ticket_part.list", "ticket_parts": [], "total_count": 0},
            "open": true, "snoozed_until": null,
            "linked_objects": {"type": "list", "data": [], "total_count": 0, "has_more": false},
            "category": "Customer", "is_shared": true, "company_id": null, "channel": "messenger",
        });
        self.put_as(Kind::Tickets, id.clone(), ticket);
        id
    }

    /// Adds a part to a ticket and returns it. `fields` are what this part type has beside the common ones.
    pub(crate) fn add_ticket_part(
        &mut self,
        ticket_id: &str,
        part_type: &str,
        person: &Value,
        fields: Value,
        at: i64,
    ) -> Option<Value> {
        let part_id = self.next_part_id();
        let mut author = shapes::author(person, false);
        if let Some(map) = author.as_object_mut() {
            map.remove("from_ai_agent");
            map.remove("is_ai_answer");
        }
        let mut part = json!({
            "type": "ticket_part", "id": part_id, "part_type": part_type, "created_at": at, "updated_at": at,
            "author": author, "attachments": [], "redacted": false,
        });
        if let Value::Object(fields) = fields {
            crate::json::merge(&mut part, &fields);
        }
        let ticket = self.get_mut(Kind::Tickets, ticket_id)?;
        match part_type {
            "ticket_state_updated_by_admin" => {
                let category = text(&part, "ticket_state").to_owned();
                set(ticket, "ticket_state", state(&category));
                set(ticket, "open", category != "resolved");
            }
            "assignment" => {
                let assignee = part.pointer("/assigned_to/id").cloned().unwrap_or_else(|| json!("0"));
                set(ticket, "admin_assignee_id", assignee);
            }
            _ => {}
        }
        set(ticket, "updated_at", at);
        let parts = list_mut(ticket, PARTS)?;
        parts.push(part.clone());
        let count = parts.len();
        set_in(ticket, "ticket_parts", "total_count", count);
        Some(part)
    }
}

fn state(category: &str) -> Value {
    let (id, internal, external) = match category {
        "in_progress" => ("4517894", "In progress", "In progress"),
        "waiting_on_customer" => ("4517895", "Waiting on customer", "Waiting on you"),
        "resolved" => ("4517896", "Resolved", "Resolved"),
        _ => ("4500893", "Submitted", "Submitted"),
    };
    json!({"type": "ticket_state", "id": id, "category": category,
           "internal_label": internal, "external_label": external})
}

fn ticket_type(workspace: &str, at: i64) -> Value {
    let attribute = |id: &str, order: i64, name: &str, default: bool| {
        json!({
            "type": "ticket_type_attribute", "id": id, "workspace_id": workspace, "name": name, "description": "",
            "data_type": "string", "input_options": {"multiline": name == "_default_description_"},
            "order": order, "required_to_create": false, "required_to_create_for_contacts": false,
            "visible_on_create": true, "visible_to_contacts": true, "default": default,
            "ticket_type_id": 2_979_330, "archived": false, "created_at": at, "updated_at": at,
        })
    };
    json!({
        "type": "ticket_type", "id": "2900330", "name": "Bug report",
        "description": "Something in the product does not work as documented.", "icon": "🐞",
        "workspace_id": workspace, "archived": false, "created_at": at, "updated_at": at, "is_internal": false,
        "ticket_type_attributes": {"type": "list", "data": [
            attribute("8500183", 0, "_default_title_", true),
            attribute("8500184", 1, "_default_description_", true),
            attribute("8500185", 2, "Severity", false),
        ]},
        "category": "Customer",
    })
}
