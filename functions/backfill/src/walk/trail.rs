//! Whether a walk comes further, and what is wrong with a page that came all the same. A walk that would go in a circle is
//! treated like one whose page failed.

use intercom::{
    client::{Client, Page, Resource},
    notification::id_text,
};
use serde_json::Value;
use store::checkpoint::Checkpoint;

/// Tries that come no further before a walk goes another way, and before the status page says so in plain words.
pub const TRIES: u32 = 3;

/// Empty pages in a row that are believed when they say that there is more.
const HOLLOW: u32 = 3;

/// Why a page is not to be followed. `None` where nothing is wrong with it.
pub fn oddity(c: &Checkpoint, resource: Resource, page: &Page) -> Option<&'static str> {
    let scrolls = resource == Resource::Companies && Client::listed(c.cursor.as_deref()).is_none();
    if page.next.is_some() && page.next == c.cursor && !scrolls {
        return Some("a page that names itself as the next one");
    }
    if page.items.is_empty() {
        // Asked once more, it may have what it lacked; some pages are empty because all of them was deleted.
        let is_new = c.trail.stumbles == 0 || c.trail.hollow >= HOLLOW;
        return (page.next.is_some() && is_new).then_some("an empty page that says there is more");
    }
    // A single thing that is pushed to the next counted page is no circle.
    let is_telling = page.items.len() > 1 || number(c, resource).is_none();
    (is_telling && c.trail.anchor == Some(mark(&page.items))).then_some("a page that it had given before")
}

/// Stands for these objects, in whatever order.
pub(super) fn mark(items: &[Value]) -> u64 {
    let one = |item: &Value| {
        let id = item.get("id").and_then(id_text).unwrap_or_default();
        let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325, hash);
        // Sums of these must not cancel each other out where ids are neighbours.
        let hash = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        hash ^ (hash >> 32)
    };
    items.iter().map(one).fold(0, u64::wrapping_add)
}

/// The number of the page at the cursor, where pages are counted.
pub(super) fn number(c: &Checkpoint, resource: Resource) -> Option<u64> {
    match Client::listed(c.cursor.as_deref()) {
        Some(number) => number,
        None if resource.is_numbered() => Some(c.cursor.as_deref().and_then(|n| n.parse().ok()).unwrap_or(1)),
        None => None,
    }
}

/// Objects of a page of this walk; `None` where Intercom alone decides.
pub(super) fn page_size(c: &Checkpoint, resource: Resource) -> Option<u32> {
    c.trail.per_page.or_else(|| resource.page_size())
}

/// Notes a page that was read: the circle is looked for as Brent does, by remembering the page of every power of two, so
/// that one of any length is found. `is_last` of its window.
pub(super) fn after_page(c: &mut Checkpoint, resource: Resource, page: &Page, is_last: bool) {
    let trail = &mut c.trail;
    trail.lap = trail.lap.saturating_add(1);
    if page.items.is_empty() {
        trail.hollow = trail.hollow.saturating_add(1);
    } else {
        trail.hollow = 0;
        if trail.lap.is_power_of_two() {
            trail.anchor = Some(mark(&page.items));
        }
    }
    let within = match number(c, resource) {
        Some(number) => number.saturating_mul(u64::from(page_size(c, resource).unwrap_or(1))),
        None => c.trail.lap,
    };
    let from = c.window.and_then(|window| window.from).map_or(0, |from| from.epoch_seconds());
    let reached = (from, within);
    // Emptiness is no progress.
    let shows = !page.items.is_empty() || page.next.is_none();
    if shows && c.trail.furthest.is_none_or(|furthest| reached > furthest) {
        c.trail.furthest = Some(reached);
        c.trail.stumbles = 0;
    }
    if is_last {
        restart(c);
    }
}

/// What was read of this window, or list, is read again, or is done.
pub(super) fn restart(c: &mut Checkpoint) {
    c.trail.lap = 0;
    c.trail.anchor = None;
    c.trail.hollow = 0;
}

/// Asks for half as many objects a page, from the same place on; `false` where it is a single one already.
pub(super) fn shorten(c: &mut Checkpoint, resource: Resource) -> bool {
    let Some(now) = page_size(c, resource).filter(|size| *size > 1) else { return false };
    resize(c, resource, now, now / 2);
    true
}

/// Asks for twice as many again, where fewer were asked for.
pub(super) fn lengthen(c: &mut Checkpoint, resource: Resource) {
    let Some((now, usual)) = c.trail.per_page.zip(resource.page_size()) else { return };
    resize(c, resource, now, now.saturating_mul(2).min(usual));
    if c.trail.per_page == Some(usual) {
        c.trail.per_page = None;
    }
}

/// Pages that are counted have another number where they have another length.
fn resize(c: &mut Checkpoint, resource: Resource, before: u32, after: u32) {
    if let Some(number) = number(c, resource) {
        let passed = number.saturating_sub(1).saturating_mul(u64::from(before));
        let number = passed / u64::from(after.max(1)) + 1;
        c.cursor = match resource {
            Resource::Companies => Some(Client::company_list_from(number)),
            _ => (number > 1).then(|| number.to_string()),
        };
        c.trail.anchor = None;
    }
    c.trail.per_page = Some(after);
}
