//! Articles, tags, segments, data events, content statistics.

use intercom::{
    model::{self, Article, ArticleContent, DataEvent, Segment, Tag},
    notification::id_text,
};
use serde_json::{Map, Value};

use super::{
    context::{Context, at, link, never, references, title},
    fields::{Fields, flat_without_addresses, scalar_without_addresses},
    people::tag_link,
};
use crate::{Link, View, html, html::Written, keys, links, text};

pub(super) fn article(context: &Context<'_>, object: &Value) -> View {
    let article: Article = model::read(object);
    let (own, others) = languages(&article);
    let (created, updated) = (article.created_at, article.updated_at);
    let mut document = context.document(own.title.clone(), created, updated);
    document.state = article.state.clone();
    let (workspace, id) = (&context.entity.workspace, &context.entity.id);
    let page = || context.page(&format!("/a/apps/{workspace}/articles/articles/{id}/show"));
    document.url = article.url.as_deref().map(|url| links::without_signatures(url).into_owned()).or_else(page);
    let mut left_out = Vec::new();
    document.body = whole_text(&own, &others, &mut left_out);
    let mut fields = Fields::default();
    fields.set("description", own.description.as_deref().map(html::plain_text));
    fields.set("author_id", article.author_id.clone());
    fields.set("parent_type", article.parent_type.clone());
    let parents = || article.parent_ids.iter().chain(&article.parent_id).cloned();
    fields.list("parent_ids", parents());
    fields.set("default_locale", article.default_locale.clone());
    let translated = article.translated_content.iter().filter(|(_, content)| content.is_object());
    fields.list("locales", translated.map(|(locale, _)| locale.clone()));
    let titles = others.iter().filter_map(|(locale, other)| Some((locale, other.title.as_deref()?)));
    let titles = titles.map(|(locale, title)| format!("{locale}: {}", text::one_line(&html::plain_text(title), 200)));
    fields.list("translated_titles", titles.take(MAX_TITLES));
    fields.list("locales_left_out", left_out);
    fields.list("tags", article.tags.items.iter().filter_map(|tag| tag.name.clone()));
    document.fields = fields.0;
    let mut links: Vec<Link> = article.author_id.iter().map(|id| link("admin", id, "authored_by")).collect();
    let parent_type = article.parent_type.as_deref().unwrap_or("collection");
    links.extend(parents().map(|id| link(parent_type, &id, "belongs_to")));
    links.extend(article.tags.items.iter().filter_map(tag_link));
    let texts =
        std::iter::once(&own).chain(others.iter().map(|(_, other)| other)).filter_map(|text| text.body.as_deref());
    links.extend(texts.flat_map(|body| references(Written::Html(body), context.settings)));
    let relations = context.relations(created, links);
    View { document, events: context.own_times(created, updated), relations }
}

/// Most bytes of Markdown that the other languages of an article take in its document, and most of their titles in a field.
const MAX_TRANSLATIONS: usize = 1 << 20;
const MAX_TITLES: usize = 100;

/// The article's own language, and the others by locale. Some views have the text of the default language among the others
/// only.
fn languages(article: &Article) -> (ArticleContent, Vec<(&str, ArticleContent)>) {
    let mut own = ArticleContent {
        title: article.title.clone(),
        description: article.description.clone(),
        body: article.body.clone(),
        state: article.state.clone(),
    };
    let mut others = Vec::new();
    for (locale, content) in article.translated_content.iter().filter(|(_, content)| content.is_object()) {
        let content: ArticleContent = model::read(content);
        let is_default = article.default_locale.as_deref() == Some(locale);
        if is_default {
            own.title = own.title.or(content.title);
            own.description = own.description.or(content.description);
            own.body = own.body.or(content.body);
        } else if (content.title.is_some() || content.body.is_some())
            && (&content.title, &content.body) != (&article.title, &article.body)
        {
            others.push((locale.as_str(), content));
        }
    }
    (own, others)
}

/// The article in its own language, then in each other one under a heading that names it. What would not fit is named in
/// `left_out`, its links and titles are kept.
fn whole_text(own: &ArticleContent, others: &[(&str, ArticleContent)], left_out: &mut Vec<String>) -> Option<String> {
    let mut whole = own.body.as_deref().map(html::to_markdown);
    let mut left = MAX_TRANSLATIONS;
    for (locale, other) in others {
        let title = html::plain_to_markdown(&text::one_line(other.title.as_deref().unwrap_or_default(), 1_000));
        let state = other.state.as_deref().filter(|state| *state != "published");
        let state = state.map(|state| format!(", {state}")).unwrap_or_default();
        let description = other.description.as_deref().map(html::plain_to_markdown);
        let body = other.body.as_deref().map(html::to_markdown);
        let heading = Some(format!("## {title} ({locale}{state})"));
        let section: Vec<String> =
            [heading, description, body].into_iter().flatten().filter(|text| !text.is_empty()).collect();
        let section = section.join("\n\n");
        let Some(rest) = left.checked_sub(section.len()) else {
            left_out.push((*locale).to_owned());
            continue;
        };
        left = rest;
        let whole = whole.get_or_insert_default();
        if !whole.is_empty() {
            whole.push_str("\n\n");
        }
        whole.push_str(&section);
    }
    whole
}

pub(super) fn tag(context: &Context<'_>, object: &Value) -> View {
    let tag: Tag = model::read(object);
    let document = context.document(tag.name, None, None);
    View { document, events: Vec::new(), relations: Vec::new() }
}

pub(super) fn segment(context: &Context<'_>, object: &Value) -> View {
    let segment: Segment = model::read(object);
    let (created, updated) = (segment.created_at, segment.updated_at);
    let mut document = context.document(segment.name, created, updated);
    let mut fields = Fields::default();
    fields.set("person_type", segment.person_type);
    document.fields = fields.0;
    if let Some(count) = segment.count {
        document.counts.insert("members".to_owned(), count);
    }
    View { document, events: context.own_times(created, updated), relations: Vec::new() }
}

/// The id of a data event; where Intercom gives none, a hash of what makes it this event.
pub(crate) fn data_event_id(object: &Value) -> String {
    let event: DataEvent = model::read(object);
    event.id.unwrap_or_else(|| {
        let contact = event.intercom_user_id.or(event.user_id).unwrap_or_default();
        let time = event.created_at.unwrap_or_else(never);
        keys::sha256_hex(&format!("{contact}\n{}\n{time}", event.event_name.unwrap_or_default()))
    })
}

pub(super) fn data_event(context: &Context<'_>, object: &Value) -> View {
    let told: DataEvent = model::read(object);
    let name = told.event_name.unwrap_or_else(|| "unnamed".to_owned());
    let mut document = context.document(Some(name.clone()), told.created_at, told.created_at);
    let mut fields = Fields::default();
    fields.set("event_name", Some(name.clone()));
    let customer = told.intercom_user_id;
    let mut event = told.created_at.map(|time| context.event(&at(time), "created", "Created", time));
    if let Some(event) = &mut event {
        event.title = title("Event", &name);
        event.attributes.insert("eventName".to_owned(), Value::from(crate::text::cut(&name, 200)));
    }
    let mut links: Vec<Link> = Vec::new();
    if let Some(customer) = &customer {
        fields.set("contact_id", Some(customer.clone()));
        fields.map("metadata", &told.metadata);
        links.push(link("contact", customer, "performed_by"));
        if let Some(event) = &mut event {
            event.relations.push(link("contact", customer, "performed_by"));
            let metadata = told.metadata.iter().take(40);
            let metadata =
                metadata.filter_map(|(key, v)| Some((format!("metadata.{key}"), flat_without_addresses(v)?)));
            event.attributes.extend(metadata);
        }
    }
    document.fields = fields.0;
    View { document, events: event.into_iter().collect(), relations: context.relations(told.created_at, links) }
}

/// A statistic stands in `content_stat`, or is the object itself.
fn stat(object: &Value) -> &Value {
    object.get("content_stat").filter(|stat| stat.is_object()).unwrap_or(object)
}

/// The id of a content statistic.
pub(crate) fn content_stat_id(object: &Value) -> Option<String> {
    stat(object).get("id").or_else(|| object.get("id")).and_then(id_text)
}

pub(super) fn content_stat(context: &Context<'_>, object: &Value) -> View {
    let stat = stat(object);
    let nothing = Map::new();
    let members = stat.as_object().unwrap_or(&nothing);
    let time = ["created_at", "updated_at"].iter().find_map(|name| {
        let value = stat.get(name).or_else(|| object.get(name))?;
        intercom::Timestamp::from_value(value)
    });
    let kind = object.get("type").and_then(Value::as_str).unwrap_or("content_stat");
    let kind = kind.strip_prefix("content_stat.").unwrap_or(kind).to_owned();
    let contact = ["contact", "user"]
        .iter()
        .find_map(|name| stat.get(name).or_else(|| object.get(name))?.get("id").and_then(id_text));
    let mut document = context.document(Some(kind.clone()), time, time);
    let mut fields = Fields::default();
    fields.set("kind", Some(kind.clone()));
    let told: Map<String, Value> = impersonal(members).collect();
    fields.map("stat", &told);
    fields.set("contact_id", contact.clone());
    document.fields = fields.0;
    let links: Vec<Link> = contact.iter().map(|id| link("contact", id, "received_by")).collect();
    let event = time.map(|time| {
        let mut event = context.event(&at(time), "recorded", "Recorded", time);
        event.title = title("Content Statistic", &kind);
        event.attributes.insert("kind".to_owned(), Value::from(kind.as_str()));
        event.attributes.extend(told.into_iter().map(|(name, value)| (format!("stat.{name}"), value)));
        event.relations.extend(links.clone());
        event
    });
    View { document, events: event.into_iter().collect(), relations: context.relations(time, links) }
}

/// The scalar members of an open map that name nobody: ids, types, states, times, numbers and flags.
pub(crate) fn impersonal(members: &Map<String, Value>) -> impl Iterator<Item = (String, Value)> + '_ {
    let tells = |name: &str, value: &Value| {
        let harmless = ["id", "type", "state", "status", "at", "topic", "version", "locale"];
        !value.is_string() || name.rsplit('_').next().is_some_and(|last| harmless.contains(&last))
    };
    members
        .iter()
        .filter(move |(name, value)| tells(name, value))
        .filter_map(|(name, value)| Some((name.clone(), scalar_without_addresses(value)?)))
        .take(40)
}
