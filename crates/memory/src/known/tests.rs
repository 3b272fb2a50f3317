#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
use super::*;
use crate::{Settings, transform};
use proptest::prelude::*;
use serde_json::json;

fn workspace() -> WorkspaceId {
    "ws1".parse().unwrap()
}

fn view(object: Value) -> View {
    transform(&workspace(), EntityType::Conversation, &object, &Settings::default()).unwrap()
}

/// A conversation raised by c1 in which c2 and teammate a1 write too.
fn conversation() -> Value {
    let part = |id: &str, kind: &str, author: &str, body: &str| {
        json!({"id": id, "part_type": "comment", "body": body, "created_at": 1_500, "updated_at": 1_500,
               "author": {"type": kind, "id": author, "name": format!("Name of {author}")}})
    };
    json!({
        "id": "7", "title": "Secret title", "created_at": 1_000, "updated_at": 2_000,
        "admin_assignee_id": "a1", "team_assignee_id": "t1",
        "source": {"id": "s1", "type": "conversation", "body": "<p>Opening</p>", "author": {"type": "user", "id": "c1", "name": "Dana"}},
        "contacts": {"contacts": [{"type": "contact", "id": "c1"}]},
        "custom_attributes": {"Plan": "gold"},
        "conversation_parts": {"conversation_parts": [
            part("p1", "user", "c1", "<p>see https://linear.app/x/issue/ENG-1 and https://linear.app/x/issue/ENG-2</p>"),
            part("p2", "user", "c2", "<p>also https://linear.app/x/issue/ENG-2</p>"),
            part("p3", "admin", "a1", "<p>Answer</p>"),
        ]}
    })
}

fn known(entries: &[(EntityType, &str, Standing)]) -> Known {
    let mut known = Known::default();
    for (kind, id, standing) in entries {
        known.insert(&EntityRef::new(&workspace(), *kind, *id), standing.clone());
    }
    known
}

fn here(name: &str, companies: &[&str]) -> Standing {
    let company_ids = companies.iter().map(|id| (*id).to_owned()).collect();
    Standing::Here(Profile { name: Some(name.to_owned()), company_ids })
}

fn links(view: &View, relationship: &str) -> Vec<String> {
    let wanted = view.relations.iter().filter(|relation| relation.relationship == relationship);
    wanted.map(|relation| relation.target.entity_id.clone()).collect()
}

fn name_of<'v>(view: &'v View, id: &str) -> Option<&'v str> {
    view.document.participants.iter().find(|p| p.id == id)?.name.as_deref()
}

#[test]
fn names_and_companies_are_those_that_memory_knows() {
    let mut view = view(conversation());
    view.complete(&known(&[
        (EntityType::Contact, "c1", here("Dana Marie", &["co1", "co2"])),
        (EntityType::Company, "co1", here("Acme", &[])),
        (EntityType::Admin, "a1", here("Kim Lee", &[])),
        (EntityType::Team, "t1", here("Support", &[])),
    ]));
    assert_eq!(links(&view, "belongs_to"), ["co1", "co2"]);
    let fields = &view.document.fields;
    assert_eq!((&fields["company_ids"], &fields["companies"]), (&json!(["co1", "co2"]), &json!(["Acme"])));
    assert_eq!((&fields["admin_assignee"], &fields["team_assignee"]), (&json!("Kim Lee"), &json!("Support")));
    assert_eq!((name_of(&view, "c1"), name_of(&view, "c2")), (Some("Dana Marie"), Some("Name of c2")));
    assert_eq!((name_of(&view, "a1"), name_of(&view, "t1")), (Some("Kim Lee"), Some("Support")));
}

#[test]
fn a_company_that_a_contact_has_left_goes_and_one_of_the_conversation_itself_stays() {
    let mut object = conversation();
    object["company"] = json!({"id": "own"});
    let mut view = view(object);
    view.complete(&known(&[(EntityType::Contact, "c1", here("Dana", &["co1", "own"]))]));
    assert_eq!(links(&view, "belongs_to"), ["co1", "own"]);
    view.complete(&known(&[(EntityType::Contact, "c1", here("Dana", &[]))]));
    assert_eq!(links(&view, "belongs_to"), ["own"]);
    view.complete(&known(&[(EntityType::Company, "own", Standing::Erased)]));
    assert!(links(&view, "belongs_to").is_empty() && !view.document.fields.contains_key("company_ids"));
}

#[test]
fn an_erased_contact_takes_its_words_links_and_what_the_title_says_along() {
    let mut view = view(conversation());
    view.complete(&known(&[(EntityType::Contact, "c1", Standing::Erased)]));
    let text = serde_json::to_string(&view).unwrap();
    for word in ["Secret", "Opening", "Dana", "ENG-1", "gold", "\"c1\""] {
        assert!(!text.contains(word), "{word} in {text}");
    }
    assert_eq!(links(&view, "references"), ["ENG-2"], "another mentions it too");
    assert_eq!(links(&view, "participant"), ["c2"]);
    assert!(text.contains("Answer"));
}

#[test]
fn a_merged_contact_becomes_its_survivor_through_several_merges() {
    let mut view = view(conversation());
    view.complete(&known(&[
        (EntityType::Contact, "c1", Standing::Merged("c9".into())),
        (EntityType::Contact, "c9", Standing::Merged("c2".into())),
        (EntityType::Contact, "c2", here("Sam", &[])),
    ]));
    assert_eq!(view.document.fields["contact_ids"], json!(["c2"]));
    assert_eq!((links(&view, "raised_by"), links(&view, "participant")), (vec!["c2".to_owned()], vec![]));
    let contacts: Vec<_> = view.document.participants.iter().filter(|p| p.kind == "contact").collect();
    assert_eq!((contacts.len(), contacts[0].role.as_str(), contacts[0].name.as_deref()), (1, "raised_by", Some("Sam")));
    assert!(view.events.iter().any(|event| event.attributes.get("authorId") == Some(&json!("c1"))), "it did write it");
}

#[test]
fn the_erasure_of_a_survivor_reaches_what_it_wrote_before_the_merge() {
    let mut view = view(conversation());
    view.complete(&known(&[
        (EntityType::Contact, "c1", Standing::Merged("c9".into())),
        (EntityType::Contact, "c9", Standing::Erased),
    ]));
    assert!(!serde_json::to_string(&view).unwrap().contains("Opening"));
}

#[test]
fn merges_in_a_circle_come_to_an_end() {
    let mut view = view(conversation());
    view.complete(&known(&[
        (EntityType::Contact, "c1", Standing::Merged("c2".into())),
        (EntityType::Contact, "c2", Standing::Merged("c1".into())),
    ]));
    assert_eq!(view.document.fields["contact_ids"].as_array().unwrap().len(), 1);
}

fn any_standing() -> impl Strategy<Value = Standing> {
    prop_oneof![
        Just(Standing::Absent),
        Just(Standing::Erased),
        prop::sample::select(vec!["c1", "c2", "c3"]).prop_map(|id| Standing::Merged(id.to_owned())),
        (prop::sample::select(vec!["Dana", "Sam"]), prop::sample::subsequence(vec!["co1", "co2", "own"], 0..3))
            .prop_map(|(name, companies)| here(name, &companies)),
    ]
}

proptest! {
    #[test]
    fn completing_again_changes_nothing_and_what_was_known_before_leaves_no_trace(
        before in prop::collection::btree_map(prop::sample::select(vec!["c1", "c2", "c3"]), any_standing(), 0..4),
        after in prop::collection::btree_map(prop::sample::select(vec!["c1", "c2", "c3"]), any_standing(), 0..4),
        company in any_standing(),
    ) {
        let of = |contacts: &BTreeMap<&'static str, Standing>| {
            let entries = contacts.iter().map(|(id, standing)| (EntityType::Contact, *id, standing.clone()));
            known(&entries.collect::<Vec<_>>())
        };
        let mut fresh = view(conversation());
        let mut now = of(&after);
        now.insert(&EntityRef::new(&workspace(), EntityType::Company, "co1"), company);
        fresh.complete(&now);
        let mut again = fresh.clone();
        again.complete(&now);
        prop_assert_eq!(&again, &fresh);
        // What is final stays final; everything else may have been otherwise before.
        let lasting = |standing: &Standing| matches!(standing, Standing::Merged(_) | Standing::Erased);
        let earlier: BTreeMap<&'static str, Standing> = before.into_iter().filter(|(_, standing)| !lasting(standing)).collect();
        let mut stored = view(conversation());
        stored.complete(&of(&earlier));
        stored.complete(&now);
        prop_assert_eq!(stored, fresh);
    }
}

#[test]
fn what_only_an_erased_author_mentioned_is_unlinked_also_where_another_writer_had_blanked_the_words() {
    let erased = known(&[(EntityType::Contact, "c1", Standing::Erased)]);
    let whole = view(conversation());
    let mut blanked = whole.clone();
    blanked.complete(&erased);
    let mut half = View { relations: whole.relations, ..blanked };
    assert_eq!(links(&half, "references"), ["ENG-1", "ENG-2"], "of the writer who got no further");
    half.complete(&erased);
    assert_eq!(links(&half, "references"), ["ENG-2"], "c2 mentions it too");
}

#[test]
fn what_a_tickets_own_text_mentions_stays_linked_when_somebody_who_commented_is_erased() {
    let ticket = json!({
        "id": "9", "created_at": 1_000, "updated_at": 2_000,
        "contacts": {"contacts": [{"type": "contact", "id": "c1"}]},
        "ticket_attributes": {"_default_title_": "Export fails", "_default_description_": "<p>As in ENG-5</p>"},
        "ticket_parts": {"ticket_parts": [{
            "id": "p1", "part_type": "comment", "body": "<p>like ENG-6</p>", "created_at": 1_500, "updated_at": 1_500,
            "author": {"type": "user", "id": "c2", "name": "Sam"}}]}
    });
    let settings = Settings { link_team_keys: ["ENG".to_owned()].into(), ..Settings::default() };
    let mut view = transform(&workspace(), EntityType::Ticket, &ticket, &settings).unwrap();
    assert_eq!(links(&view, "references"), ["ENG-5", "ENG-6"]);
    view.complete(&known(&[(EntityType::Contact, "c2", Standing::Erased)]));
    assert_eq!(links(&view, "references"), ["ENG-5"]);
    view.complete(&known(&[
        (EntityType::Contact, "c1", Standing::Erased),
        (EntityType::Contact, "c2", Standing::Erased),
    ]));
    assert_eq!(links(&view, "references"), Vec::<String>::new());
}
