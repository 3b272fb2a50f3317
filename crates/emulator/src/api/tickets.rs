//! Tickets: only a search, with the parts inline.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Json;

use super::Answer;
use super::search::Resource;
use crate::error::ApiError;
use crate::query::{Dates, Language};
use crate::state::EmulatorState;
use crate::view;
use crate::world::Kind;

const TICKETS: Resource = Resource {
    language: Language {
        fields: &[
            "id",
            "created_at",
            "updated_at",
            "title",
            "description",
            "category",
            "ticket_type_id",
            "contact_ids",
            "teammate_ids",
            "admin_assignee_id",
            "team_assignee_id",
            "open",
            "state",
            "snoozed_until",
            "ticket_attribute.",
        ],
        dates: Dates::Seconds,
    },
    default_per_page: 20,
    max_per_page: 150,
    list_type: "ticket.list",
    key: "tickets",
};

pub(super) async fn search(State(state): State<Arc<EmulatorState>>, body: Bytes) -> Answer {
    let inner = state.lock();
    TICKETS.search(inner.world.all(Kind::Tickets), &body, view::ticket).map(Json)
}

pub(super) async fn get(State(state): State<Arc<EmulatorState>>, Path(id): Path<String>) -> Answer {
    let inner = state.lock();
    inner
        .world
        .get(Kind::Tickets, &id)
        .map(|ticket| Json(view::ticket(ticket)))
        .ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "ticket_not_found", "Ticket not found"))
}
