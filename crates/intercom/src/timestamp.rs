//! Points in time, as Intercom writes them: epoch seconds in REST, ISO strings in parts of webhooks, `null`, `0` or an
//! empty string for "never" (facts: captures of January and May 2026).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// A whole second in UTC. Intercom's REST API knows nothing finer, so keys and versions use nothing finer either:
/// the milliseconds of a webhook are dropped, or webhook and backfill would disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(OffsetDateTime);

impl Timestamp {
    /// The first second of 1970.
    pub const EPOCH: Self = Self(OffsetDateTime::UNIX_EPOCH);

    /// From seconds since 1970; `None` beyond the year 9999.
    pub fn from_epoch_seconds(seconds: i64) -> Option<Self> {
        OffsetDateTime::from_unix_timestamp(seconds).ok().map(Self)
    }

    /// From an RFC 3339 string with any offset; fractions of a second are dropped.
    pub fn parse(text: &str) -> Option<Self> {
        let parsed = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        Self::from_epoch_seconds(parsed.to_offset(UtcOffset::UTC).unix_timestamp())
    }

    /// Seconds since 1970.
    pub fn epoch_seconds(self) -> i64 {
        self.0.unix_timestamp()
    }

    /// This many seconds earlier; `None` before the year 1.
    pub fn earlier(self, seconds: i64) -> Option<Self> {
        Self::from_epoch_seconds(self.epoch_seconds().checked_sub(seconds)?)
    }

    /// `2026-01-10T07:56:29Z`: the one spelling in keys, items and events.
    pub fn iso(self) -> String {
        let t = self.0;
        format!("{}T{:02}:{:02}:{:02}Z", self.date(), t.hour(), t.minute(), t.second())
    }

    /// `2026-01-10`
    pub fn date(self) -> String {
        let t = self.0;
        format!("{:04}-{:02}-{:02}", t.year(), u8::from(t.month()), t.day())
    }

    /// `#[serde(default, deserialize_with = "Timestamp::lenient")]`: whatever is no time is `None`, never an error,
    /// since one odd field must not cost a conversation.
    ///
    /// # Errors
    /// Only where the input is no valid JSON at all.
    pub fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Ok(Self::from_value(&value))
    }

    /// The same reading of a value already parsed. Zero means "never" to Intercom.
    pub fn from_value(value: &serde_json::Value) -> Option<Self> {
        match value {
            serde_json::Value::Number(n) => {
                #[allow(clippy::cast_possible_truncation)] // a fraction of a second is dropped on purpose
                let seconds = n.as_i64().or_else(|| n.as_f64().map(|f| f as i64))?;
                (seconds != 0).then(|| Self::from_epoch_seconds(seconds)).flatten()
            }
            serde_json::Value::String(text) => match text.parse::<i64>() {
                Ok(seconds) => (seconds != 0).then(|| Self::from_epoch_seconds(seconds)).flatten(),
                Err(_) => Self::parse(text),
            },
            _ => None,
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.iso())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::lenient(deserializer)?.ok_or_else(|| de::Error::custom("expected epoch seconds or an RFC 3339 time"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn every_way_in_which_intercom_writes_a_time_gives_the_same_second() {
        for value in [
            json!(1_768_031_789),
            json!(1_768_031_789.953),
            json!("1768031789"),
            json!("2026-01-10T07:56:29.000Z"),
            json!("2026-01-10T07:56:29.953+00:00"),
            json!("2026-01-10T09:56:29+02:00"),
        ] {
            let time = Timestamp::from_value(&value).unwrap();
            assert_eq!(time.iso(), "2026-01-10T07:56:29Z", "{value}");
            assert_eq!(time.epoch_seconds(), 1_768_031_789);
            assert_eq!(time.date(), "2026-01-10");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for value in [json!(null), json!(0), json!(""), json!("soon"), json!({}), json!(i64::MAX), json!(true)] {
            assert_eq!(Timestamp::from_value(&value), None, "{value}");
        }
    }
}
