//! What a walk keeps of its way: where it stumbles, and what it counts.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::item::{Item, Reader, count, n};

/// The way of a walk over pages, so that one which comes no further is told from one that only has a bad day. All of it
/// belongs to one walk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// Pages since the window, or the list, was begun.
    pub lap: u64,
    /// Stands for the objects of a page read before: one that shows the same again closes a circle.
    pub anchor: Option<u64>,
    /// The furthest place that was read: where the window begins (epoch seconds; 0 without), and how far in it.
    pub furthest: Option<(i64, u64)>,
    /// Tries that came no further than that.
    pub stumbles: u32,
    /// Pages in a row without objects that said there were more.
    pub hollow: u32,
    /// Objects a page, where fewer are asked for than usual.
    pub per_page: Option<u32>,
}

impl Trail {
    pub(super) fn write(&self) -> Option<AttributeValue> {
        (*self != Self::default()).then(|| {
            let furthest = self.furthest;
            map([
                ("lap", Some(count(self.lap))),
                ("anchor", self.anchor.map(count)),
                ("furthest_from", furthest.map(|(from, _)| n(from))),
                ("furthest_in", furthest.map(|(_, within)| count(within))),
                ("stumbles", Some(n(self.stumbles))),
                ("hollow", Some(n(self.hollow))),
                ("per_page", self.per_page.map(n)),
            ])
        })
    }

    pub(super) fn read(item: Option<&AttributeValue>) -> Self {
        let Some(item) = item.and_then(|value| value.as_m().ok()) else { return Self::default() };
        let read = Reader::new(item);
        Self {
            lap: read.number("lap").unwrap_or_default(),
            anchor: read.number("anchor"),
            furthest: read.number("furthest_from").zip(read.number("furthest_in")),
            stumbles: read.number("stumbles").unwrap_or_default(),
            hollow: read.number("hollow").unwrap_or_default(),
            per_page: read.number("per_page"),
        }
    }
}

/// What one walk counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// How many things there are, as Intercom said when the walk began.
    pub total: Option<u64>,
    /// How many of those that were listed came into being since the last count.
    pub created: u64,
    /// Stands for everything that was listed, in whatever order.
    pub mark: u64,
    /// How many things memory holds, as far as they were counted.
    pub held: u64,
}

impl Census {
    pub(super) fn write(&self) -> Option<AttributeValue> {
        (*self != Self::default()).then(|| {
            map([
                ("total", self.total.map(count)),
                ("created", Some(count(self.created))),
                ("mark", Some(count(self.mark))),
                ("held", Some(count(self.held))),
            ])
        })
    }

    pub(super) fn read(item: Option<&AttributeValue>) -> Self {
        let Some(item) = item.and_then(|value| value.as_m().ok()) else { return Self::default() };
        let read = Reader::new(item);
        Self {
            total: read.number("total"),
            created: read.number("created").unwrap_or_default(),
            mark: read.number("mark").unwrap_or_default(),
            held: read.number("held").unwrap_or_default(),
        }
    }
}

/// What the counts of earlier walks came to, so that memory is counted only where Intercom's count says something new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many things there were in Intercom.
    pub total: u64,
    /// Stands for what was listed, where everything is.
    pub mark: u64,
    /// So many more memory holds than Intercom counts, though none is gone: lists omit some, and a floor leaves some out.
    pub excess: i64,
    /// When that was, epoch seconds.
    pub at: i64,
    /// Pages of the last sweep.
    pub pages: u64,
    /// When a sweep came out of turn, epoch seconds.
    pub swept_at: i64,
    /// Sweeps out of turn in a row that removed nothing.
    pub futile: u32,
}

impl Tally {
    pub(super) fn write(&self) -> AttributeValue {
        map([
            ("total", Some(count(self.total))),
            ("mark", Some(count(self.mark))),
            ("excess", Some(n(self.excess))),
            ("at", Some(n(self.at))),
            ("pages", Some(count(self.pages))),
            ("swept_at", Some(n(self.swept_at))),
            ("futile", Some(n(self.futile))),
        ])
    }

    pub(super) fn read(item: Option<&AttributeValue>) -> Option<Self> {
        let read = Reader::new(item?.as_m().ok()?);
        Some(Self {
            total: read.number("total")?,
            mark: read.number("mark").unwrap_or_default(),
            excess: read.number("excess").unwrap_or_default(),
            at: read.number("at").unwrap_or_default(),
            pages: read.number("pages").unwrap_or_default(),
            swept_at: read.number("swept_at").unwrap_or_default(),
            futile: read.number("futile").unwrap_or_default(),
        })
    }
}

fn map<const N: usize>(members: [(&str, Option<AttributeValue>); N]) -> AttributeValue {
    let members = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    AttributeValue::M(members.collect::<Item>())
}
