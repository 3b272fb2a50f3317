//! The last notifications that were sent, so that one can be sent again.

use std::collections::VecDeque;

use serde_json::Value;

use crate::error::ControlError;
use crate::json::text;

/// How many are kept.
const KEPT: usize = 500;

/// How many an error names.
const NAMED: usize = 5;

/// The last notifications, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Sent(VecDeque<Value>);

impl Sent {
    /// Keeps one; of more than [`KEPT`] the oldest goes. One that is delivered twice is kept once.
    pub(crate) fn keep(&mut self, notification: &Value) {
        if self.0.back() == Some(notification) {
            return;
        }
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(notification.clone());
    }

    /// All of them, newest first.
    pub(crate) fn newest(&self) -> Vec<Value> {
        self.0.iter().rev().cloned().collect()
    }

    /// The one of an id, or the last one.
    pub(crate) fn find(&self, id: Option<&str>) -> Result<Value, ControlError> {
        let found = match id {
            Some(id) => self.0.iter().rev().find(|notification| text(notification, "id") == id),
            None => self.0.back(),
        };
        found.cloned().ok_or_else(|| {
            let last: Vec<&str> = self.0.iter().rev().take(NAMED).map(|one| text(one, "id")).collect();
            ControlError::NotFound(match (id, last.as_slice()) {
                (_, []) => "no notification was sent yet".to_owned(),
                (id, last) => format!(
                    "no notification {} was sent lately; the last ones: {}",
                    id.unwrap_or_default(),
                    last.join(", ")
                ),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn the_oldest_goes_and_an_unknown_id_is_answered_with_the_last_ones() {
        let mut sent = Sent::default();
        assert_eq!(sent.find(None).unwrap_err().to_string(), "nothing to act on: no notification was sent yet");
        for number in 0..=KEPT {
            let notification = json!({"id": format!("notif_{number}")});
            sent.keep(&notification);
            sent.keep(&notification);
        }
        assert_eq!(sent.newest().len(), KEPT);
        assert_eq!(sent.find(None).unwrap()["id"], "notif_500");
        assert_eq!(sent.find(Some("notif_1")).unwrap()["id"], "notif_1");
        let error = sent.find(Some("notif_0")).unwrap_err().to_string();
        assert!(error.ends_with("the last ones: notif_500, notif_499, notif_498, notif_497, notif_496"), "{error}");
    }
}
