//! Makes a whole workspace from a number.

use serde_json::{Value, json};

use super::dialogue::{Facts, SCRIPTS, Script, Turn, fill};
use super::library::{AREAS, ARTICLES, EVENT_NAMES};
use super::thread::{NewConversation, NewPart};
use super::ticket::NewTicket;
use super::{Kind, Seed, Workspace, World, catalogue, people, shapes};
use crate::json::{int, list_mut, set, set_in, text};
use crate::rng::Rng;

const DAY: i64 = 86_400;
/// The history of a world reaches this far back.
const HISTORY: i64 = 90 * DAY;

impl World {
    /// The world of `seed` as it is at `now` (seconds): nothing in it is later than that.
    pub(crate) fn seeded(seed: &Seed, workspace: Workspace, now: i64) -> Self {
        let mut world = Self::empty(workspace, seed.seed);
        let code = world.workspace.id_code.clone();
        for admin in catalogue::admins(&code) {
            world.put(Kind::Admins, admin);
        }
        for team in catalogue::teams() {
            world.put(Kind::Teams, team);
        }
        for tag in catalogue::tags() {
            world.put(Kind::Tags, tag);
        }
        for segment in catalogue::segments(now) {
            world.put(Kind::Segments, segment);
        }
        let companies = world.seed_companies(seed, now);
        let contacts = world.seed_contacts(seed, now, &companies);
        for index in 0..seed.articles {
            world.seed_article(seed, index, now);
        }
        for index in 0..seed.conversations {
            world.seed_conversation(seed, index, now, &contacts);
        }
        for index in 0..seed.tickets {
            world.seed_ticket(seed, index, now, &contacts);
        }
        world
    }

    fn seed_companies(&mut self, seed: &Seed, now: i64) -> Vec<String> {
        let code = self.workspace.id_code.clone();
        (0..seed.companies)
            .filter_map(|index| {
                let at = moment(index, seed.companies, now, HISTORY + 30 * DAY);
                self.put(Kind::Companies, people::company(seed.seed, index, &code, at, now))
            })
            .collect()
    }

    /// Contacts, oldest first. Nine of ten users belong to a company; a consultant, once in a larger world, to twelve.
    fn seed_contacts(&mut self, seed: &Seed, now: i64, companies: &[String]) -> Vec<String> {
        let code = self.workspace.id_code.clone();
        let mut ids = Vec::new();
        for index in 0..seed.contacts {
            let at = moment(index, seed.contacts, now, HISTORY + 10 * DAY);
            let contact = people::contact(seed.seed, index, &code, at, now);
            let mut rng = Rng::stream(seed.seed, "membership", u64::from(index));
            let user = text(&contact, "role") == "user";
            let Some(id) = self.put(Kind::Contacts, contact) else { continue };
            if index == 7 {
                for company in companies.iter().take(12) {
                    self.attach_company(&id, company);
                }
            } else if user
                && rng.chance(90)
                && let Some(company) = rng.pick(companies)
            {
                self.attach_company(&id, company);
            }
            self.attach_tag_and_segment(&mut rng, &id, user, at);
            if user && rng.chance(30) {
                self.seed_event(&mut rng, &id, at, now);
            }
            ids.push(id);
        }
        ids
    }

    /// Makes a contact a member of a company: both sides know.
    pub(crate) fn attach_company(&mut self, contact_id: &str, company_id: &str) {
        let entry = json!({"id": company_id, "type": "company", "url": format!("/companies/{company_id}")});
        if let Some(companies) =
            self.get_mut(Kind::Contacts, contact_id).and_then(|contact| list_mut(contact, "/companies/data"))
        {
            companies.push(entry);
        }
        if let Some(company) = self.get_mut(Kind::Companies, company_id) {
            let users = int(company, "user_count") + 1;
            set(company, "user_count", users);
        }
    }

    fn attach_tag_and_segment(&mut self, rng: &mut Rng, contact_id: &str, user: bool, at: i64) {
        let segment = if user { "6800a0000000000000000001" } else { "6800a0000000000000000003" };
        let tagged = rng.chance(15);
        let Some(contact) = self.get_mut(Kind::Contacts, contact_id) else { return };
        // Not part of the REST object: the sub-list reads it, the view leaves it out.
        set(contact, "segments", json!({"data": [{"type": "segment", "id": segment}]}));
        if tagged && let Some(tags) = list_mut(contact, "/tags/data") {
            tags.push(json!({"id": "12900005", "type": "tag", "url": "/tags/12900005", "applied_at": at}));
        }
    }

    fn seed_event(&mut self, rng: &mut Rng, contact_id: &str, at: i64, now: i64) {
        let Some(contact) = self.get(Kind::Contacts, contact_id).cloned() else { return };
        let id = rng.uuid();
        let name = rng.word(EVENT_NAMES);
        let when = rng.between(at, now - 60);
        let metadata = json!({"source": "web", "count": rng.between(1, 20)});
        self.put_as(Kind::Events, id.clone(), shapes::event(&id, name, &contact, &metadata, when));
    }

    fn seed_article(&mut self, seed: &Seed, index: u32, now: i64) {
        let mut rng = Rng::stream(seed.seed, "article", u64::from(index));
        let wanted = usize::try_from(index).unwrap_or(0);
        let Some((title, description, body)) = ARTICLES.get(wanted % ARTICLES.len()).copied() else { return };
        let round = wanted / ARTICLES.len();
        let title = match AREAS.get(round.wrapping_sub(1) % AREAS.len()) {
            Some(area) if round > 0 => format!("{title} ({area})"),
            _ => title.to_owned(),
        };
        let at = moment(index, seed.articles, now, HISTORY);
        let id = self.next_article_id();
        let mut article = shapes::article(&shapes::NewArticle {
            id: &id,
            workspace: &self.workspace.id_code,
            title: &title,
            description,
            body,
            author_id: 9_608_799 + rng.between(0, 3),
            published: !rng.chance(15),
            at,
        });
        set(&mut article, "updated_at", rng.between(at, now - 600));
        self.put_as(Kind::Articles, id, article);
    }

    fn seed_ticket(&mut self, seed: &Seed, index: u32, now: i64, contacts: &[String]) {
        let mut rng = Rng::stream(seed.seed, "ticket", u64::from(index));
        let at = moment(index, seed.tickets, now, HISTORY);
        let Some(contact) = self.contact_known_at(&mut rng, contacts, at) else { return };
        let facts = Facts::new(&mut rng, &contact);
        let title = fill("Import of {n} rows stops half-way", &facts);
        let description = fill(
            "The importer stops without an error after about half of the {n} rows. Probably related to {eng}.",
            &facts,
        );
        let id = self.open_ticket(&NewTicket { contact: &contact, title: &title, description: &description, at });
        let admin = self.owner();
        let operator = self.operator();
        let steps = [
            ("attribute_collected", &operator, json!({})),
            ("assignment", &admin, json!({"assigned_to": {"type": "admin", "id": text(&admin, "id")}})),
            (
                "ticket_state_updated_by_admin",
                &admin,
                json!({"ticket_state": "in_progress", "previous_ticket_state": "submitted"}),
            ),
            ("comment", &admin, json!({"body": fill("<p>Hi {first}, we are looking into it ({eng}).</p>", &facts)})),
            (
                "note",
                &admin,
                json!({"body": fill("<p>Needs <a href=\"https://github.com/acme/web/pull/{pr}\">#{pr}</a>.</p>", &facts)}),
            ),
            ("comment", &contact, json!({"body": "<p>Thanks, we can wait until Monday.</p>"})),
            (
                "ticket_state_updated_by_admin",
                &admin,
                json!({"ticket_state": "resolved", "previous_ticket_state": "in_progress"}),
            ),
        ];
        let mut when = at;
        for (part_type, person, fields) in steps {
            when += rng.between(20, 20_000);
            if when > now - 60 {
                break;
            }
            self.add_ticket_part(&id, part_type, person, fields, when);
        }
    }

    fn seed_conversation(&mut self, seed: &Seed, index: u32, now: i64, contacts: &[String]) {
        let mut rng = Rng::stream(seed.seed, "conversation", u64::from(index));
        let at = moment(index, seed.conversations, now, HISTORY);
        let Some(contact) = self.contact_known_at(&mut rng, contacts, at) else { return };
        let Some(script) = rng.pick(SCRIPTS) else { return };
        let facts = Facts::new(&mut rng, &contact);
        let subject = fill(script.subject, &facts);
        let body = fill(script.opening, &facts);
        let id = self.open_conversation(&NewConversation {
            contact: &contact,
            subject: if script.channel == "email" { &subject } else { "" },
            body: &body,
            channel: script.channel,
            url: (!script.page.is_empty()).then_some(script.page),
            at,
        });
        // In the messenger the title is empty until Intercom or a person writes one.
        if rng.chance(70)
            && let Some(conversation) = self.get_mut(Kind::Conversations, &id)
        {
            set(conversation, "title", subject);
        }
        let admins: Vec<Value> = self.all(Kind::Admins).filter(|admin| !shapes::is_operator(admin)).cloned().collect();
        let Some(admin) = rng.pick(&admins).cloned() else { return };
        let play = Play { id: &id, contact: &contact, admin: &admin, facts: &facts, now };
        match seed.parts_per_conversation {
            None => play.perform(self, script, &mut rng, at),
            Some(parts) => play.perform_parts(self, script, &mut rng, at, parts),
        }
    }

    /// A contact that existed at `at`; the first one where none did.
    fn contact_known_at(&self, rng: &mut Rng, contacts: &[String], at: i64) -> Option<Value> {
        let known = contacts
            .iter()
            .take_while(|id| self.get(Kind::Contacts, id).is_some_and(|contact| int(contact, "created_at") <= at))
            .count();
        let id = rng.pick(contacts.get(..known.max(1))?)?;
        self.get(Kind::Contacts, id).cloned()
    }
}

/// One conversation under way.
struct Play<'a> {
    id: &'a str,
    contact: &'a Value,
    admin: &'a Value,
    facts: &'a Facts,
    now: i64,
}

impl Play<'_> {
    /// Plays the script from `at` on, up to a minute before now: what is recent is still open, and some never end.
    fn perform(&self, world: &mut World, script: &Script, rng: &mut Rng, at: i64) {
        let mut when = at;
        let turns = if rng.chance(12) { usize::try_from(rng.between(1, 4)).unwrap_or(1) } else { script.turns.len() };
        for turn in script.turns.iter().take(turns) {
            when += match turn {
                Turn::Expectation | Turn::Fin(_) | Turn::Screenshot => rng.between(2, 40),
                Turn::Customer(_) | Turn::Rate(..) => rng.between(90, 9_000),
                _ => rng.between(30, 2_400),
            };
            if when > self.now - 60 {
                return;
            }
            self.take_turn(world, *turn, rng, when);
        }
        self.wake(world, when);
    }

    /// Plays the script again and again until there are `parts` parts, close enough together that all lie in the past.
    /// Turns that leave no part, or that leave one of their own accord later, are passed over.
    fn perform_parts(&self, world: &mut World, script: &Script, rng: &mut Rng, at: i64, parts: u32) {
        let lasting = |turn: &&Turn| !matches!(turn, Turn::Rate(..) | Turn::Snooze(_));
        let longest = ((self.now - 60 - at) / (i64::from(parts) + 1)).max(1);
        let mut when = at;
        let wanted = usize::try_from(parts).unwrap_or(usize::MAX);
        for turn in script.turns.iter().filter(lasting).cycle().take(wanted) {
            when += rng.between(2, 2_400).min(longest);
            self.take_turn(world, *turn, rng, when);
        }
    }

    /// A snooze that has run out opens the conversation again.
    fn wake(&self, world: &mut World, last: i64) {
        let due = world
            .get(Kind::Conversations, self.id)
            .filter(|conversation| text(conversation, "state") == "snoozed")
            .map(|conversation| int(conversation, "snoozed_until"))
            .filter(|until| *until < self.now);
        if let Some(until) = due {
            let operator = shapes::author(&world.operator(), false);
            world.add_part(self.id, NewPart::new("timer_unsnooze", operator), until.max(last));
        }
    }

    fn take_turn(&self, world: &mut World, turn: Turn, rng: &mut Rng, at: i64) {
        let admin = shapes::author(self.admin, false);
        let to_admin = json!({"type": "admin", "id": text(self.admin, "id")});
        let say = |template: &str| fill(template, self.facts);
        let part = match turn {
            Turn::Customer(words) => NewPart::new("comment", shapes::author(self.contact, false)).saying(say(words)),
            Turn::Admin(words) => NewPart::new("comment", admin).saying(say(words)),
            Turn::Note(words) => NewPart::new("note", admin).saying(say(words)),
            Turn::Fin(words) => NewPart::new("comment", shapes::author(&world.operator(), true)).saying(say(words)),
            Turn::Expectation => {
                NewPart::new("channel_and_reply_time_expectation", shapes::author(&world.operator(), false))
                    .saying("<p>The team will reply as soon as they can.</p>")
            }
            Turn::Assign => NewPart { assigned_to: to_admin, ..NewPart::new("assignment", admin) },
            Turn::AssignSaying(words) => {
                NewPart { assigned_to: to_admin, ..NewPart::new("assignment", admin).saying(say(words)) }
            }
            Turn::AssignTeam(team) => NewPart {
                assigned_to: json!({"type": "team", "id": team}),
                ..NewPart::new("assignment", shapes::author(&world.operator(), false))
            },
            Turn::Priority => NewPart::new("priority_changed", admin),
            Turn::Snooze(hours) => {
                NewPart { snoozed_until: Some(at + hours * 3_600), ..NewPart::new("snoozed", admin) }
            }
            Turn::Close => NewPart::new("close", admin),
            Turn::CloseSaying(words) => NewPart::new("close", admin).saying(say(words)),
            Turn::Screenshot => NewPart {
                attachments: vec![json!({
                    "type": "upload", "name": "screenshot.png", "content_type": "image/png",
                    "url": format!("https://downloads.intercomcdn.example/i/o/{}/screenshot.png", rng.hex(12)),
                    "filesize": rng.between(9_000, 900_000), "width": 1_440, "height": 900,
                })],
                ..NewPart::new("comment", shapes::author(self.contact, false)).saying("<p>Here is a screenshot.</p>")
            },
            Turn::Tag(name) => return self.tag(world, name, at),
            Turn::Rate(rating, remark) => return self.rate(world, rating, remark, at),
        };
        world.add_part(self.id, part, at);
    }

    fn tag(&self, world: &mut World, name: &str, at: i64) {
        let Some(tag) = world.all(Kind::Tags).find(|tag| text(tag, "name") == name).cloned() else { return };
        world.tag_conversation(self.id, &tag, self.admin, at);
        world.add_part(self.id, NewPart::new("conversation_tags_updated", shapes::author(self.admin, false)), at);
    }

    fn rate(&self, world: &mut World, rating: i64, remark: &str, at: i64) {
        let Some(conversation) = world.get_mut(Kind::Conversations, self.id) else { return };
        rate(conversation, self.contact, self.admin, rating, remark, at);
        set_in(conversation, "custom_attributes", "CX Score rating", rating);
    }
}

/// Writes a customer's rating into a conversation.
pub(crate) fn rate(conversation: &mut Value, contact: &Value, admin: &Value, rating: i64, remark: &str, at: i64) {
    set(
        conversation,
        "conversation_rating",
        json!({
            "rating": rating, "remark": remark, "created_at": at, "updated_at": at,
            "contact": crate::world::shapes::contact_reference(contact),
            "teammate": {"type": "admin", "id": text(admin, "id").parse::<i64>().ok()},
        }),
    );
    set(conversation, "updated_at", at);
}

/// The time of the `index`-th of `count` objects, spread evenly over the last `span` seconds, oldest first. The last
/// one is an hour old at least, so that nothing is born in the future of its own updates.
fn moment(index: u32, count: u32, now: i64, span: i64) -> i64 {
    let usable = span - 3_600;
    now - span + i64::from(index) * usable / i64::from(count.max(1))
}
