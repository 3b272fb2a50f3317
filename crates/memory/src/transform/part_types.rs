//! Part type → event type. The one table of it; docs/data-model.md shows the same (a test compares them).
//!
//! Only the part type decides: it never changes, so neither does the source id of the event. That one notification is
//! called `conversation.admin.replied` and another `conversation.admin.assigned` where both carry the same part of type
//! `assignment` makes no difference.

/// What a part type becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartType {
    /// Intercom's `part_type`.
    pub name: &'static str,
    /// The action in the event type: `conversation.<action>` or `ticket.<action>`.
    pub action: &'static str,
    /// The action in titles.
    pub label: &'static str,
}

const fn entry(name: &'static str, action: &'static str, label: &'static str) -> PartType {
    PartType { name, action, label }
}

/// Every part type known by name (facts: OpenAPI 2.14 and 2.16, captures of January 2026).
pub const PART_TYPES: &[PartType] = &[
    entry("comment", "replied", "Replied"),
    entry("quick_reply", "replied", "Replied"),
    entry("note", "noted", "Noted"),
    entry("note_and_reopen", "noted", "Noted"),
    entry("assignment", "assigned", "Assigned"),
    entry("assign_and_reopen", "assigned", "Assigned"),
    entry("assign_and_unsnooze", "assigned", "Assigned"),
    entry("away_mode_assignment", "assigned", "Assigned"),
    entry("open", "opened", "Opened"),
    entry("close", "closed", "Closed"),
    entry("snoozed", "snoozed", "Snoozed"),
    entry("unsnoozed", "unsnoozed", "Unsnoozed"),
    entry("timer_unsnooze", "unsnoozed", "Unsnoozed"),
    entry("priority_changed", "priority-changed", "Priority Changed"),
    entry("title_changed", "title-changed", "Title Changed"),
    entry("company_updated", "company-updated", "Company Updated"),
    entry("conversation_tags_updated", "tags-updated", "Tags Updated"),
    entry("conversation_attribute_updated_by_admin", "attribute-updated", "Attribute Updated"),
    entry("conversation_attribute_updated_by_user", "attribute-updated", "Attribute Updated"),
    entry("conversation_attribute_updated_by_workflow", "attribute-updated", "Attribute Updated"),
    entry("ticket_attribute_updated_by_admin", "attribute-updated", "Attribute Updated"),
    entry("ticket_state_updated_by_admin", "state-updated", "State Updated"),
    entry("conversation_rating_changed", "rating-changed", "Rating Changed"),
    entry("conversation_rating_remark_added", "rating-changed", "Rating Changed"),
    entry("merged_primary_conversation", "merged", "Merged"),
    entry("participant_added", "participant-added", "Participant Added"),
    entry("participant_removed", "participant-removed", "Participant Removed"),
    entry("call_summary", "call-summarised", "Call Summarised"),
    entry("language_detection_details", "language-detected", "Language Detected"),
    entry("channel_and_reply_time_expectation", "reply-time-announced", "Reply Time Announced"),
    entry("attribute_collector", "attribute-requested", "Attribute Requested"),
    entry("attribute_collected", "attribute-collected", "Attribute Collected"),
    entry("custom_action_started", "action-started", "Action Started"),
    entry("custom_action_finished", "action-finished", "Action Finished"),
    entry("operator_workflow_event", "workflow-continued", "Workflow Continued"),
];

/// What an unknown part type becomes; the attribute `partType` keeps its name.
pub const UNKNOWN: PartType = entry("", "changed", "Changed");

/// What a kind of note becomes that is not known by name: by its event type it is found where notes are switched off.
const UNKNOWN_NOTE: PartType = entry("", "noted", "Noted");

/// What a part type becomes.
pub fn part_type(name: &str) -> PartType {
    let unknown = if is_note(name) { UNKNOWN_NOTE } else { UNKNOWN };
    PART_TYPES.iter().find(|known| known.name == name).copied().unwrap_or(unknown)
}

/// Whether parts of this type are internal notes. Also where Intercom thinks of another kind of note, or of another place
/// where teammates talk among themselves: what is taken for a reply cannot be taken back.
pub fn is_note(name: &str) -> bool {
    name.split('_').any(|word| matches!(word, "note" | "internal")) || name.contains("side_conversation")
}
