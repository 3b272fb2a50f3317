//! Reading JSON into values without keeping what would be cut away.

use std::{cell::Cell, collections::VecDeque, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value, value::RawValue};

/// How many values may be kept at once: a value with its key can take half a kilobyte of memory, and there are 256 MB.
const MOST_VALUES: usize = 100_000;

/// Reads a value whose strings have at most `longest` characters and whose lists only their last `entries`.
pub(super) struct Cut {
    longest: usize,
    entries: usize,
    kept: Cell<usize>,
}

impl Cut {
    pub(super) fn new(longest: usize, entries: usize) -> Self {
        Self { longest, entries, kept: Cell::new(0) }
    }

    fn short(&self, text: &str) -> String {
        let end = text.char_indices().nth(self.longest).map_or(text.len(), |(at, _)| at);
        text.get(..end).unwrap_or_default().to_owned()
    }
}

impl<'de> DeserializeSeed<'de> for &Cut {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.kept.set(self.kept.get() + 1);
        if self.kept.get() > MOST_VALUES {
            return Err(D::Error::custom("too many values"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &Cut {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(self.short(value)))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        // The last entries are the newest parts.
        let mut last: VecDeque<(Value, usize)> = VecDeque::new();
        loop {
            let before = self.kept.get();
            let Some(entry) = seq.next_element_seed(self)? else { break };
            last.push_back((entry, self.kept.get() - before));
            if last.len() > self.entries
                && let Some((_, freed)) = last.pop_front()
            {
                self.kept.set(self.kept.get() - freed);
            }
        }
        Ok(last.into_iter().map(|(entry, _)| entry).collect())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            fields.insert(name, map.next_value_seed(self)?);
        }
        Ok(Value::Object(fields))
    }
}

/// Reads only the fields of these names, and of those only numbers and strings.
pub(super) struct Named(pub(super) &'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Named {
    type Value = Map<String, Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Named {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if !self.0.contains(&name.as_str()) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value: &RawValue = map.next_value()?;
            if !value.get().starts_with(['{', '[']) {
                fields.insert(name, Value::deserialize(value).map_err(A::Error::custom)?);
            }
        }
        Ok(fields)
    }
}
