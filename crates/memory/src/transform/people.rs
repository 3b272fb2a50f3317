//! Contacts, companies, admins, teams.

use intercom::model::{self, Admin, Company, Contact, Tag, Team};
use serde_json::Value;

use super::{
    context::{Context, link},
    fields::Fields,
};
use crate::{Link, RelationTarget, View};

pub(super) fn contact(context: &Context<'_>, object: &Value) -> View {
    let contact: Contact = model::read(object);
    let (created, updated) = (contact.created_at, contact.updated_at);
    let name = contact.name.clone().or_else(|| contact.email.clone()).or_else(|| contact.phone.clone());
    let mut document = context.document(name, created, updated);
    document.state = contact.role.clone();
    let (workspace, id) = (&context.entity.workspace, &context.entity.id);
    document.url = context.page(&format!("/a/apps/{workspace}/users/{id}/all-conversations"));
    let mut fields = Fields::default();
    fields.set("name", contact.name.clone());
    fields.set("email", contact.email.clone());
    fields.set("phone", contact.phone.clone());
    fields.set("external_id", contact.external_id.clone());
    fields.set("role", contact.role.clone());
    fields.set("owner_id", contact.owner_id.clone());
    fields.set("language", contact.language_override.clone());
    fields.set("unsubscribed_from_emails", contact.unsubscribed_from_emails);
    fields.time("signed_up_at", contact.signed_up_at);
    fields.time("last_seen_at", contact.last_seen_at);
    fields.time("last_replied_at", contact.last_replied_at);
    fields.time("last_contacted_at", contact.last_contacted_at);
    if let Some(place) = &contact.location {
        fields.set("country", place.country.clone());
        fields.set("region", place.region.clone());
        fields.set("city", place.city.clone());
    }
    let companies = || contact.companies.items.iter().filter_map(|company| company.id.clone());
    fields.list("company_ids", companies());
    // Contacts list their tags by id only; names are taken where a version gives them.
    fields.list("tags", contact.tags.items.iter().filter_map(|tag| tag.name.clone()));
    fields.list("tag_ids", contact.tags.items.iter().filter_map(|tag| tag.id.clone()));
    // The contact itself lists the first ten of each only.
    fields.set("lists_cut", (contact.companies.is_cut() || contact.tags.is_cut()).then_some(true));
    fields.map("custom_attributes", &contact.custom_attributes);
    document.fields = fields.0;
    let mut links: Vec<Link> = companies().map(|id| link("company", &id, "belongs_to")).collect();
    links.extend(contact.owner_id.iter().map(|id| link("admin", id, "owned_by")));
    links.extend(contact.tags.items.iter().filter_map(tag_link));
    let relations = context.relations(created, links);
    View { document, events: context.own_times(created, updated), relations }
}

/// A link to a tag, with its name.
pub(super) fn tag_link(tag: &Tag) -> Option<Link> {
    let target =
        RelationTarget { title: tag.name.clone(), ..RelationTarget::new("intercom", "tag", tag.id.as_deref()?) };
    Some(Link { target, relationship: "tagged_with".to_owned() })
}

pub(super) fn company(context: &Context<'_>, object: &Value) -> View {
    let company: Company = model::read(object);
    let (created, updated) = (company.created_at, company.updated_at);
    let mut document = context.document(company.name.clone(), created, updated);
    let (workspace, id) = (&context.entity.workspace, &context.entity.id);
    document.url = context.page(&format!("/a/apps/{workspace}/companies/{id}/all-conversations"));
    let mut fields = Fields::default();
    fields.set("name", company.name.clone());
    fields.set("company_id", company.company_id.clone());
    fields.set("plan", company.plan.clone());
    fields.set("size", company.size);
    fields.set("website", company.website.clone());
    fields.set("industry", company.industry.clone());
    fields.set("monthly_spend", company.monthly_spend.clone());
    fields.set("user_count", company.user_count);
    fields.time("remote_created_at", company.remote_created_at);
    fields.time("last_request_at", company.last_request_at);
    fields.list("tags", company.tags.items.iter().filter_map(|tag| tag.name.clone()));
    let listed = company.tags.items.iter().filter_map(|tag| tag.id.clone());
    fields.list("tag_ids", listed.chain(company.tag_ids.iter().cloned()));
    fields.list("segments", company.segments.items.iter().filter_map(|segment| segment.name.clone()));
    fields.map("custom_attributes", &company.custom_attributes);
    document.fields = fields.0;
    let mut links: Vec<Link> = company.tags.items.iter().filter_map(tag_link).collect();
    links.extend(company.tag_ids.iter().map(|id| link("tag", id, "tagged_with")));
    let in_segment = company.segments.items.iter().filter_map(|segment| segment.id.as_deref());
    links.extend(in_segment.map(|id| link("segment", id, "in_segment")));
    let relations = context.relations(created, links);
    View { document, events: context.own_times(created, updated), relations }
}

pub(super) fn admin(context: &Context<'_>, object: &Value) -> View {
    let admin: Admin = model::read(object);
    let mut document = context.document(admin.name.clone(), None, None);
    let mut fields = Fields::default();
    fields.set("name", admin.name.clone());
    fields.set("email", admin.email.clone());
    fields.set("job_title", admin.job_title.clone());
    fields.set("away_mode_enabled", admin.away_mode_enabled);
    fields.set("away_mode_reassign", admin.away_mode_reassign);
    fields.set("has_inbox_seat", admin.has_inbox_seat);
    fields.list("team_ids", admin.team_ids.clone());
    document.fields = fields.0;
    document.state = admin.away_mode_enabled.map(|away| if away { "away" } else { "active" }.to_owned());
    let links = admin.team_ids.iter().map(|id| link("team", id, "member_of")).collect();
    View { document, events: Vec::new(), relations: context.relations(None, links) }
}

pub(super) fn team(context: &Context<'_>, object: &Value) -> View {
    let team: Team = model::read(object);
    let mut document = context.document(team.name.clone(), None, None);
    let mut fields = Fields::default();
    fields.set("name", team.name.clone());
    fields.list("admin_ids", team.admin_ids.clone());
    document.fields = fields.0;
    let links = team.admin_ids.iter().map(|id| link("admin", id, "has_member")).collect();
    View { document, events: Vec::new(), relations: context.relations(None, links) }
}
