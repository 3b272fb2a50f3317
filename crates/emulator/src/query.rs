//! The search language of conversations, contacts and tickets.

use serde_json::Value;

use crate::error::ApiError;
use crate::json::list;

/// Nesting levels and conditions in one group that Intercom accepts (OpenAPI 2.14, "Search conversations").
const MAX_DEPTH: usize = 2;
const MAX_CONDITIONS: usize = 15;
const DAY: i64 = 86_400;

/// How dates are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dates {
    /// To the second.
    Seconds,
    /// Contacts up to 2.16: cut to the calendar day (the emulator's workspaces live in UTC).
    Days,
}

/// What can be searched, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Language {
    /// Accepted fields; one that ends in a dot accepts everything below it.
    pub fields: &'static [&'static str],
    pub dates: Dates,
}

/// A query that was understood.
#[derive(Debug)]
pub(crate) enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Condition { field: String, operator: Operator, value: Value, dates: Dates },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    In,
    NotIn,
    Contains,
    NotContains,
    StartsWith,
    EndsWith,
}

impl Operator {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "=" => Self::Equal,
            "!=" => Self::NotEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            "IN" => Self::In,
            "NIN" => Self::NotIn,
            "~" => Self::Contains,
            "!~" => Self::NotContains,
            "^" => Self::StartsWith,
            "$" => Self::EndsWith,
            _ => return None,
        })
    }

    /// The operators that compare numbers and dates.
    const fn orders(self) -> bool {
        matches!(self, Self::Greater | Self::GreaterOrEqual | Self::Less | Self::LessOrEqual)
    }
}

impl Filter {
    /// Reads the `query` of a search request.
    pub(crate) fn parse(query: &Value, language: Language) -> Result<Self, ApiError> {
        Self::parse_at(query, language, 1)
    }

    fn parse_at(query: &Value, language: Language, depth: usize) -> Result<Self, ApiError> {
        let operator = query
            .get("operator")
            .and_then(Value::as_str)
            .ok_or_else(|| ApiError::invalid("query needs an operator"))?;
        let value = query.get("value").ok_or_else(|| ApiError::invalid("query needs a value"))?;
        if matches!(operator, "AND" | "OR") {
            let parts = Self::parse_group(value, language, depth)?;
            return Ok(if operator == "AND" { Self::All(parts) } else { Self::Any(parts) });
        }
        let field =
            query.get("field").and_then(Value::as_str).ok_or_else(|| ApiError::invalid("a condition needs a field"))?;
        if !language.fields.iter().any(|known| {
            *known == field || (known.ends_with('.') && field.len() > known.len() && field.starts_with(known))
        }) {
            return Err(ApiError::invalid(format!("{field} is not a field that can be searched")));
        }
        let operator = Operator::parse(operator)
            .ok_or_else(|| ApiError::invalid(format!("{operator} is not a valid operator")))?;
        check(operator, field, value, language.dates)?;
        Ok(Self::Condition { field: field.to_owned(), operator, value: value.clone(), dates: language.dates })
    }

    fn parse_group(value: &Value, language: Language, depth: usize) -> Result<Vec<Self>, ApiError> {
        if depth > MAX_DEPTH {
            return Err(ApiError::invalid(format!("queries may be nested {MAX_DEPTH} levels deep")));
        }
        let conditions = value.as_array().ok_or_else(|| ApiError::invalid("AND and OR need an array of conditions"))?;
        if conditions.is_empty() || conditions.len() > MAX_CONDITIONS {
            return Err(ApiError::invalid(format!("a group needs 1 to {MAX_CONDITIONS} conditions")));
        }
        conditions.iter().map(|condition| Self::parse_at(condition, language, depth + 1)).collect()
    }

    /// Does `object` satisfy the query?
    pub(crate) fn matches(&self, object: &Value) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(object)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(object)),
            Self::Condition { field, operator, value, dates } => {
                let found = values(object, field);
                if *dates == Dates::Days && is_date(field) {
                    return found.iter().any(|found| by_day(found, *operator, value));
                }
                compare_all(&found, *operator, value)
            }
        }
    }
}

fn check(operator: Operator, field: &str, value: &Value, dates: Dates) -> Result<(), ApiError> {
    if operator.orders() && number(value).is_none() {
        return Err(ApiError::invalid(format!("{field} needs a number for this operator")));
    }
    if matches!(operator, Operator::In | Operator::NotIn) && !value.is_array() {
        return Err(ApiError::invalid("IN and NIN need an array"));
    }
    // Known not to work on dates of contacts (OpenAPI issues 576, 625, 627).
    let works = matches!(operator, Operator::Equal | Operator::Greater | Operator::Less);
    if dates == Dates::Days && is_date(field) && !works {
        return Err(ApiError::invalid(format!("{field} accepts =, > and < only in this version")));
    }
    Ok(())
}

/// Up to 2.16 `>` means from the start of the next day, `<` before the start of the day.
fn by_day(found: &Value, operator: Operator, value: &Value) -> bool {
    let (Some(found), Some(value)) = (found.as_i64(), whole(value)) else { return false };
    let start = value - value.rem_euclid(DAY);
    match operator {
        Operator::Greater => found >= start + DAY,
        Operator::Less => found < start,
        Operator::Equal => (start..start + DAY).contains(&found),
        _ => false,
    }
}

fn is_date(field: &str) -> bool {
    field.ends_with("_at") || matches!(field, "waiting_since" | "snoozed_until")
}

/// What a field holds: several values for lists, none where the object lacks it.
fn values(object: &Value, field: &str) -> Vec<Value> {
    let ids = |pointer: &str| list(object, pointer).iter().filter_map(|entry| entry.get("id").cloned()).collect();
    let at = |pointer: &str| object.pointer(pointer).cloned().into_iter().collect();
    match field {
        "contact_ids" => ids("/contacts/contacts"),
        "teammate_ids" => ids("/teammates/admins"),
        "tag_ids" => ids("/tags/tags"),
        "tag_id" => ids("/tags/data"),
        "segment_id" => ids("/segments/data"),
        "title" if object.get("ticket_attributes").is_some() => at("/ticket_attributes/_default_title_"),
        "description" => at("/ticket_attributes/_default_description_"),
        "ticket_type_id" => at("/ticket_type/id"),
        "state" if object.get("ticket_state").is_some() => at("/ticket_state/category"),
        "conversation_rating.score" => at("/conversation_rating/rating"),
        "conversation_rating.requested_at" | "conversation_rating.replied_at" => at("/conversation_rating/created_at"),
        "conversation_rating.contact_id" => at("/conversation_rating/contact/id"),
        "conversation_rating.admin_id" => at("/conversation_rating/teammate/id"),
        _ => match field.split_once('.') {
            // Names of attributes may hold dots and slashes of their own.
            Some((parent @ ("custom_attributes" | "ticket_attribute"), name)) => {
                let parent = if parent == "ticket_attribute" { "ticket_attributes" } else { parent };
                object.get(parent).and_then(|all| all.get(name)).cloned().into_iter().collect()
            }
            _ => at(&format!("/{}", field.replace('.', "/"))),
        },
    }
}

fn compare_all(found: &[Value], operator: Operator, value: &Value) -> bool {
    let any = |operator: Operator, value: &Value| found.iter().any(|found| compare(found, operator, value));
    let wanted = || value.as_array().map_or(&[][..], Vec::as_slice);
    match operator {
        Operator::NotEqual => !compare_all(found, Operator::Equal, value),
        Operator::NotContains => !any(Operator::Contains, value),
        Operator::Equal if value.is_null() => found.iter().all(Value::is_null),
        Operator::In => wanted().iter().any(|value| compare_all(found, Operator::Equal, value)),
        Operator::NotIn => !compare_all(found, Operator::In, value),
        _ => any(operator, value),
    }
}

fn compare(found: &Value, operator: Operator, value: &Value) -> bool {
    if operator.orders() {
        let (Some(found), Some(value)) = (number(found), number(value)) else { return false };
        return match operator {
            Operator::Greater => found > value,
            Operator::GreaterOrEqual => found >= value,
            Operator::Less => found < value,
            _ => found <= value,
        };
    }
    let (found, value) = (plain(found), plain(value));
    match operator {
        Operator::Equal => found == value,
        Operator::Contains => found.contains(&value),
        Operator::StartsWith => found.starts_with(&value),
        Operator::EndsWith => found.ends_with(&value),
        _ => false,
    }
}

/// Numbers may be written as text.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Text without regard to case; `12` and `"12"` are the same.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_lowercase(),
        other => other.to_string(),
    }
}
