//! Customers' words as Intercom sends them: none is lost, none that is secret is kept, and it makes no difference who
//! showed them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use intercom::{WorkspaceId, notification::Notification};
use memory::{EntityType, Event, Settings, View, plan::events_seen, transform};
use serde_json::{Value, json};

fn workspace() -> WorkspaceId {
    "ws1".parse().unwrap()
}

fn settings() -> Settings {
    Settings { link_team_keys: ["ENG".to_owned()].into(), ..Settings::default() }
}

fn view(kind: EntityType, object: &Value) -> View {
    transform(&workspace(), kind, object, &settings()).unwrap()
}

fn conversation(parts: &Value) -> Value {
    json!({"type": "conversation", "id": "215", "created_at": 1_000, "updated_at": 2_000,
        "source": {"id": "s1", "type": "conversation", "body": "<p>Hello</p>", "author": {"type": "user", "id": "c1"}},
        "contacts": {"contacts": [{"type": "contact", "id": "c1"}]},
        "conversation_parts": {"conversation_parts": parts}})
}

fn comment(id: &str, body: &str) -> Value {
    json!({"id": id, "part_type": "comment", "body": body, "created_at": 1_500, "updated_at": 1_500,
        "author": {"type": "user", "id": "c1"}})
}

fn event<'v>(view: &'v View, part: &str) -> &'v Event {
    view.events.iter().find(|event| event.part_id.as_deref() == Some(part)).unwrap()
}

fn targets(view: &View, relationship: &str) -> Vec<String> {
    let wanted = view.relations.iter().filter(|relation| relation.relationship == relationship);
    wanted.map(|relation| format!("{}:{}", relation.target.entity_type, relation.target.entity_id)).collect()
}

/// Everything that Intercom may put an address of a file of its own into.
fn with_files(signature: &str) -> Vec<(EntityType, Value)> {
    let file = |host: &str| format!("https://{host}/i/o/1/shot_1.png?expires=17&signature={signature}&req={signature}");
    let (a, b, c) = (
        file("acme-0a1b.intercom-attachments-7.com"),
        file("acme.au.intercom-attachments.com"),
        file("uploads.intercomusercontent.com"),
    );
    let html = format!(
        "<p>See <img src=\"{}\"> and <a href=\"{}\">shot_1.png</a>, {}</p>",
        a.replace('&', "&amp;"),
        b.replace('&', "&amp;"),
        c.replace('&', "&amp;")
    );
    let long = format!("{} {a} {}", "word ".repeat(25), "more ".repeat(300));
    let mut message = comment("p1", &html);
    message["attachments"] = json!([{"name": "shot_1.png", "url": a, "content_type": "image/png"}]);
    message["email_message_metadata"] = json!({"subject": format!("Fwd: {a}")});
    let attribute = json!({"id": "p2", "part_type": "conversation_attribute_updated_by_admin", "created_at": 1_600,
        "updated_at": 1_600, "author": {"type": "admin", "id": "a1"},
        "event_details": {"attribute": {"name": "File"}, "value": {"name": [{"name": "a.png", "url": a}, b]}}});
    let mut talk = conversation(&json!([message, attribute]));
    talk["title"] = json!(long);
    talk["source"]["subject"] = json!(format!("<p>{}</p>", a.replace('&', "&amp;")));
    talk["source"]["url"] = json!(a);
    talk["source"]["body"] = json!(html);
    talk["custom_attributes"] = json!({"Link": a, "Text": long, "Files": [{"name": "a.png", "url": b, "content_type": "image/png"}],
        "Deep": {"a": {"b": [c]}}});
    talk["conversation_rating"] = json!({"rating": 5, "remark": long, "updated_at": 1_900, "contact": {"id": "c1"}});
    let ticket = json!({"id": "8", "created_at": 1_000, "updated_at": 1_001, "ticket_attributes": {
        "_default_title_": format!("Broken {a}"), "_default_description_": format!("{b}\n{c}"), "Files": [a], "Link": long}});
    let contact = json!({"id": "c1", "created_at": 1_000, "name": long, "avatar": {"image_url": a}, "custom_attributes": {"a": a}});
    let company = json!({"id": "co", "created_at": 1_000, "name": "Acme", "website": a, "plan": {"name": b}});
    let article = json!({"id": "9", "title": format!("T {a}"), "description": long, "body": html, "url": a, "created_at": 1_000,
        "default_locale": "en", "translated_content": {"de": {"title": format!("D {a}"), "body": html, "description": a}}});
    let data_event = json!({"id": "e1", "event_name": "uploaded", "created_at": 1_000, "intercom_user_id": "c1",
        "metadata": {"file": a, "nested": {"url": b}}});
    vec![
        (EntityType::Conversation, talk),
        (EntityType::Ticket, ticket),
        (EntityType::Contact, contact),
        (EntityType::Company, company),
        (EntityType::Article, article),
        (EntityType::DataEvent, data_event),
    ]
}

#[test]
fn no_signature_of_a_file_is_kept_anywhere_and_two_looks_with_different_ones_give_the_same() {
    for ((kind, first), (_, second)) in with_files("aaaa").into_iter().zip(with_files("a-much-longer-one%2Bcccc")) {
        let (first, second) = (view(kind, &first), view(kind, &second));
        let written = serde_json::to_string(&first).unwrap();
        for secret in ["signature=", "expires=", "aaaa"] {
            assert!(!written.contains(secret), "{kind}: {secret} in {written}");
        }
        assert_eq!(first, second, "{kind}");
        for relation in &first.relations {
            assert!(relation.target.provider != "web", "{kind}: {relation:?}");
        }
    }
    let talk = view(EntityType::Conversation, &with_files("s").remove(0).1);
    let file = "[image](https://acme-0a1b.intercom-attachments-7.com/i/o/1/shot_1.png)";
    assert!(event(&talk, "p1").body.contains(file), "it shows which file it was: {}", event(&talk, "p1").body);
}

#[test]
fn a_host_that_only_looks_like_intercoms_is_a_strangers() {
    let address = "https://intercom-attachments.evil.example/a?signature=x";
    let view = view(EntityType::Conversation, &conversation(&json!([comment("p", &format!("<p>{address}</p>"))])));
    assert_eq!(targets(&view, "references"), [format!("url:{address}")]);
}

#[test]
fn what_is_typed_into_a_plain_field_loses_no_word() {
    let unescaped = |markdown: &str| markdown.replace('\\', "");
    let description = "Calling Vec<String>::new() where a<b fails & all text after it is kept\nSecond line, see ENG-7";
    let ticket = view(
        EntityType::Ticket,
        &json!({"id": "8", "created_at": 1_000, "ticket_attributes": {"_default_title_": "List<Item> is null after <Save>",
            "_default_description_": description, "Steps": "press <b> then </li> & wait"}}),
    );
    assert_eq!(ticket.document.title, "List<Item> is null after <Save>");
    assert_eq!(unescaped(ticket.document.body.as_deref().unwrap()), description);
    assert_eq!(ticket.document.fields["ticket_attributes"]["Steps"], "press <b> then </li> & wait");
    assert_eq!(targets(&ticket, "references"), ["issue:ENG-7"]);

    let remark = "Took <2h but x<y broke, then </li> appeared & I left\nENG-8";
    let mut rated = conversation(&json!([]));
    rated["conversation_rating"] = json!({"rating": 2, "remark": remark, "updated_at": 1_900, "contact": {"id": "c1"}});
    rated["source"]["subject"] = json!("Re: a<b and <Save>");
    rated["title"] = json!("Map<K, V> & more");
    let rated = view(EntityType::Conversation, &rated);
    let rating = rated.events.iter().find(|event| event.event_type == "conversation.rated").unwrap();
    assert_eq!(unescaped(&rating.body), remark);
    assert_eq!(rating.title, "[Conversation Rated] 2 of 5 Took <2h but x<y broke, then </li> appeared & I left");
    assert_eq!(rated.document.fields["rating_remark"], remark);
    assert_eq!(rated.document.fields["subject"], "Re: a<b and <Save>");
    assert_eq!(rated.document.title, "Map<K, V> & more");
    assert_eq!(targets(&rated, "references"), ["issue:ENG-8"]);

    let article =
        view(EntityType::Article, &json!({"id": "9", "title": "a<b", "description": "How <Save> & a<b work"}));
    assert_eq!(article.document.fields["description"], "How <Save> & a<b work");
    assert_eq!(article.document.title, "a<b");
}

fn notification(item: &Value) -> Notification {
    let body = json!({"type": "notification_event", "app_id": "ws1", "id": "n1", "topic": "conversation.user.replied",
        "created_at": 1_600, "data": {"type": "notification_event_data", "item": item}});
    Notification::parse(&body.to_string()).unwrap()
}

#[test]
fn a_message_that_a_notification_shows_as_text_keeps_its_words_and_lines() {
    let typed = "if a<b && x<y the <Save> button\nbreaks, then </li> appears\nand <b> is bold\nsee ENG-42";
    let mut item = conversation(&json!([comment("p", typed)]));
    item["source"]["body"] = json!("Vec<String>\nis missing");
    item["source"]["subject"] = json!("a<b");
    let seen = events_seen(&notification(&item), &workspace(), &settings());
    let reply = seen.iter().find(|event| event.part_id.is_some()).unwrap();
    assert_eq!(reply.body.replace('\\', ""), typed);
    assert_eq!(reply.body.lines().count(), 4);
    assert_eq!(reply.title, "[Customer Replied] if a<b && x<y the <Save> button");
    assert!(reply.relations.iter().any(|link| link.target.entity_id == "ENG-42"));
    let opening = seen.iter().find(|event| event.part_id.is_none()).unwrap();
    assert_eq!(
        (opening.body.as_str(), opening.attributes["subject"].as_str()),
        ("Vec\\<String>\nis missing", Some("a<b"))
    );
    // As HTML, as notifications of older versions have it, it is what the REST API shows.
    let html = conversation(&json!([comment("p", "<p>It <b>still</b> fails</p>")]));
    let seen = events_seen(&notification(&html), &workspace(), &settings());
    assert_eq!(seen, view(EntityType::Conversation, &html).events);
}

#[test]
fn a_conversation_that_became_a_ticket_is_linked_to_it_and_their_messages_are_known_for_the_same() {
    let part = comment("p1", "<p>It crashes</p>");
    let mut talk = conversation(&json!([part]));
    talk["ticket"] = json!({"type": "ticket", "id": "215", "ticket_id": "43"});
    let ticket = json!({"id": "215", "ticket_id": "43", "created_at": 1_000, "updated_at": 2_100,
        "ticket_attributes": {"_default_title_": "Crash"}, "ticket_parts": {"ticket_parts": [part]}});
    let (talk, ticket) = (view(EntityType::Conversation, &talk), view(EntityType::Ticket, &ticket));
    assert_eq!(targets(&talk, "linked_to"), ["ticket:215"]);
    assert_eq!(
        (&talk.document.fields["ticket_id"], &talk.document.fields["ticket_number"]),
        (&json!("215"), &json!("43"))
    );
    for name in ["conversationId", "partId"] {
        assert_eq!(event(&talk, "p1").attributes[name], event(&ticket, "p1").attributes[name], "{name}");
    }
    assert_eq!(event(&ticket, "p1").attributes["ticketId"], "215", "which of the two tells it");
}

fn thread(author: &str, contacts: &Value) -> Value {
    json!({"type": "conversation", "id": "300", "title": "Churn risk", "created_at": 1_000, "updated_at": 2_000, "source": null,
        "admin_assignee_id": 7, "contacts": {"contacts": contacts}, "custom_attributes": {"Why": "churn"},
        "tags": {"tags": [{"id": "5", "name": "churn"}]},
        "conversation_parts": {"conversation_parts": [
            {"id": "i1", "part_type": "comment", "body": "<p>about to churn, ENG-5</p>", "created_at": 1_500, "updated_at": 1_500,
             "author": {"type": author, "id": "77", "name": "Nora"}},
            {"id": "i2", "part_type": "made_up_in_2027", "body": "<p>churn too</p>", "created_at": 1_600, "updated_at": 1_600,
             "author": {"type": "admin", "id": "77"}}]}})
}

#[test]
fn what_teammates_say_among_themselves_leaves_no_text_where_notes_are_off() {
    for author in ["admin", "bot", "team"] {
        let item = thread(author, &json!([]));
        let hidden = view(EntityType::Conversation, &item);
        let written = serde_json::to_string(&hidden).unwrap().to_lowercase();
        for word in ["churn", "eng-5", "nora", "77"] {
            assert!(!written.contains(word), "{author}: {word} in {written}");
        }
        assert!(hidden.document.is_internal() && hidden.events.is_empty() && hidden.relations.is_empty());
        assert_eq!(hidden.document.updated_at.epoch_seconds(), 2_000, "it is known, so that nobody asks for it again");
        assert_eq!(events_seen(&notification(&item), &workspace(), &settings()), []);
        let on = Settings { ingest_internal_notes: true, ..settings() };
        let shown = transform(&workspace(), EntityType::Conversation, &item, &on).unwrap();
        assert!(shown.document.is_internal(), "it is marked");
        assert_eq!(event(&shown, "i1").body, "about to churn, ENG-5");
        assert_eq!(event(&shown, "i2").body, "churn too");
    }
}

#[test]
fn a_conversation_with_a_customer_in_it_is_not_taken_for_teammates_among_themselves() {
    let mut opened = thread("admin", &json!([]));
    opened["source"] = json!({"id": "s", "author": {"type": "admin", "id": "77"}, "body": "<p>Hello</p>"});
    let mut counted = thread("admin", &json!([]));
    counted["contacts"]["total_count"] = json!(1);
    let mut silent = thread("admin", &json!([]));
    silent.as_object_mut().unwrap().remove("contacts");
    for item in [
        silent,
        thread("user", &json!([])),
        thread("lead", &json!([])),
        thread("admin", &json!([{"id": "c1"}])),
        opened,
        counted,
    ] {
        let view = view(EntityType::Conversation, &item);
        assert!(!view.document.is_internal() && view.events.len() == 3, "{item}");
    }
}

#[test]
fn parts_of_side_conversations_and_unknown_kinds_of_notes_are_notes() {
    for kind in ["side_conversation_started", "internal_comment", "note_by_workflow"] {
        let mut part = comment("p", "<p>hush</p>");
        part["part_type"] = json!(kind);
        let item = conversation(&json!([part]));
        assert_eq!(view(EntityType::Conversation, &item).events.len(), 1, "{kind}");
        let on = Settings { ingest_internal_notes: true, ..settings() };
        let shown = transform(&workspace(), EntityType::Conversation, &item, &on).unwrap();
        // By its event type it is found and removed where notes are switched off again.
        assert_eq!(event(&shown, "p").event_type, "conversation.noted", "{kind}");
    }
}

#[test]
fn who_was_added_or_removed_is_a_link_and_no_name() {
    for kind in ["participant_added", "participant_removed"] {
        let part = json!({"id": "p", "part_type": kind, "body": null, "created_at": 1_500, "updated_at": 1_500,
            "author": {"type": "admin", "id": "77"},
            "event_details": {"participant": {"type": "user", "id": "c2", "name": "Second Person", "email": "second@x.example"}}});
        let mut view = view(EntityType::Conversation, &conversation(&json!([part])));
        let added = event(&view, "p");
        assert!(added.relations.iter().any(|link| link.relationship == "participant" && link.target.entity_id == "c2"));
        assert_eq!(
            (&added.attributes["participantType"], &added.attributes["participantId"]),
            (&json!("user"), &json!("c2"))
        );
        assert!(!serde_json::to_string(&view).unwrap().to_lowercase().contains("second"));
        assert!(targets(&view, "participant").contains(&"contact:c2".to_owned()), "an erasure finds it");
        view.forget(&["c2".to_owned()].into());
        assert!(!serde_json::to_string(&view).unwrap().contains("c2"));
    }
}

#[test]
fn a_bots_quick_reply_says_what_it_offered() {
    let part = json!({"id": "p", "part_type": "quick_reply", "body": "<p>What is it about?</p>", "created_at": 1_500,
        "updated_at": 1_500, "author": {"type": "bot", "id": "5"},
        "metadata": {"quick_reply_options": [{"text": "Refund", "uuid": "u1"}, {"text": "Other", "uuid": "u2"}]}});
    let offered = view(EntityType::Conversation, &conversation(&json!([part])));
    assert_eq!(event(&offered, "p").attributes["quickReplyOptions"], "Refund, Other");
    assert_eq!(event(&offered, "p").title, "[Bot Replied] What is it about?");
    let mut silent = part.clone();
    silent["body"] = json!(null);
    let silent = view(EntityType::Conversation, &conversation(&json!([silent])));
    assert_eq!(event(&silent, "p").title, "[Bot Replied] Refund, Other");
    let mut redacted = part;
    redacted["redacted"] = json!(true);
    let redacted = view(EntityType::Conversation, &conversation(&json!([redacted])));
    assert!(!serde_json::to_string(&redacted).unwrap().contains("Refund"));
}

#[test]
fn attributes_of_every_shape_are_kept_in_documents_and_in_the_events_of_their_changes() {
    let values = json!({
        "Platforms": ["Web", "iOS"], "Order": {"type": "Order", "id": "17"}, "Nothing": null, "Empty": [],
        "Orders": {"type": "order.list", "instances": [{"type": "Order", "id": "17", "external_id": "o-1"}]},
        "Files": [{"type": "upload", "name": "log.txt", "url": "https://downloads.intercomcdn.com/x?signature=s", "content_type": "text/plain"}],
        "Budget": {"amount": 5, "currency": "eur"}, "Flag": false});
    let kept = json!({
        "Platforms": ["Web", "iOS"], "Order": "Order:17", "Orders": ["Order:17; external_id: o-1"],
        "Files": ["log.txt (text/plain)"], "Budget": "amount: 5; currency: eur", "Flag": false});
    let mut talk = conversation(&json!([]));
    talk["custom_attributes"] = values.clone();
    assert_eq!(view(EntityType::Conversation, &talk).document.fields["custom_attributes"], kept);
    let mut ticket = json!({"id": "8", "ticket_attributes": values});
    ticket["ticket_attributes"]["_default_title_"] = json!("T");
    assert_eq!(view(EntityType::Ticket, &ticket).document.fields["ticket_attributes"], kept);
    for (details, expected) in [
        (
            json!({"updated_attribute_data": {"attribute": {"label": "Platforms"}, "value": {"label": ["Web", "iOS"]}}}),
            "Web, iOS",
        ),
        (
            json!({"updated_attribute_data": {"attribute": {"label": "Files"}, "value": {"label": [{"name": "log.txt", "url": "https://x.example", "content_type": "text/plain"}]}}}),
            "log.txt (text/plain)",
        ),
        (
            json!({"event_details": {"attribute": {"name": "Order"}, "value": {"name": {"type": "Order", "id": 17}}}}),
            "Order:17",
        ),
        (
            json!({"event_details": {"attribute": {"name": "Orders"}, "value": [{"type": "Order", "id": 17}, {"type": "Order", "id": 18}]}}),
            "Order:17, Order:18",
        ),
        (json!({"event_details": {"attribute": {"name": "Who"}, "value": {"name": ["dana@x.example"]}}}), "[e-mail]"),
    ] {
        let mut part = json!({"id": "p", "part_type": "ticket_attribute_updated_by_admin", "created_at": 1_500, "updated_at": 1_500,
            "author": {"type": "admin", "id": "a1"}});
        part.as_object_mut().unwrap().extend(details.as_object().unwrap().clone());
        let changed = view(EntityType::Conversation, &conversation(&json!([part])));
        assert_eq!(event(&changed, "p").attributes["attributeValue"], expected, "{details}");
    }
}

#[test]
fn attributes_that_do_not_fit_are_counted() {
    let many: Value = (0..150).map(|n| (format!("a{n:03}"), json!(n))).collect::<serde_json::Map<_, _>>().into();
    let contact = view(EntityType::Contact, &json!({"id": "c1", "custom_attributes": many}));
    assert_eq!(contact.document.fields["custom_attributes"].as_object().unwrap().len(), 100);
    assert_eq!(contact.document.fields["custom_attributes_left_out"], 50);
}

#[test]
fn an_article_is_found_in_all_its_languages() {
    let article = |translated: Value| {
        json!({"id": "9", "title": "Export", "body": "<p>Press Export.</p>", "state": "published", "created_at": 1_000,
            "updated_at": 1_001, "default_locale": "en", "translated_content": translated})
    };
    let english =
        json!({"type": "article_content", "title": "Export", "body": "<p>Press Export.</p>", "state": "published"});
    let both = view(
        EntityType::Article,
        &article(json!({"type": "article_translated_content", "en": english,
        "de": {"title": "Exportieren", "description": "Kurz", "body": "<p>Auf <b>Exportieren</b> klicken, siehe https://linear.app/acme/issue/DOC-7</p>", "state": "published"},
        "fr": {"title": "Exporter", "body": "<p>Cliquer</p>", "state": "draft"}})),
    );
    assert_eq!(
        both.document.body.as_deref(),
        Some(
            "Press Export.\n\n## Exportieren (de)\n\nKurz\n\nAuf **Exportieren** klicken, siehe https://linear.app/acme/issue/DOC-7\
             \n\n## Exporter (fr, draft)\n\nCliquer"
        )
    );
    assert_eq!(both.document.fields["translated_titles"], json!(["de: Exportieren", "fr: Exporter"]));
    assert_eq!(both.document.fields["locales"], json!(["de", "en", "fr"]));
    assert_eq!(targets(&both, "references"), ["issue:DOC-7"]);
    let alone = view(EntityType::Article, &article(json!({"en": english})));
    assert_eq!(alone.document.body.as_deref(), Some("Press Export."));
    let only =
        view(EntityType::Article, &json!({"id": "9", "default_locale": "en", "translated_content": {"en": english}}));
    assert_eq!((only.document.title.as_str(), only.document.body.as_deref()), ("Export", Some("Press Export.")));

    let long = format!("<p>{}</p>", "wort ".repeat(150_000));
    let many = view(
        EntityType::Article,
        &article(json!({"de": {"title": "D", "body": long}, "es": {"title": "E", "body": long},
        "fr": {"title": "F", "body": "<p>Court</p>"}})),
    );
    assert_eq!(many.document.fields["locales_left_out"], json!(["es"]));
    assert_eq!(many.document.fields["translated_titles"], json!(["de: D", "es: E", "fr: F"]));
    let body = many.document.body.unwrap();
    assert!(
        body.len() < 1_100_000 && body.contains("## F (fr)\n\nCourt") && body.starts_with("Press Export.\n\n## D (de)")
    );
}

#[test]
fn addresses_of_pages_are_those_of_the_workspaces_region() {
    let object = conversation(&json!([]));
    for (region, host) in
        [(Some("US"), "app.intercom.com"), (Some("Europe"), "app.eu.intercom.com"), (Some("AU"), "app.au.intercom.com")]
    {
        let view = transform(&workspace(), EntityType::Conversation, &object, &settings().in_region(region)).unwrap();
        assert_eq!(view.document.url, Some(format!("https://{host}/a/inbox/ws1/inbox/conversation/215")));
    }
}
