//! What an operator can choose about the content of memory.

use std::collections::BTreeSet;

use intercom::region::region_app_base;
use serde::{Deserialize, Serialize};

/// Version of the transform. Raised whenever the same object gives another result, so that the next sweep brings old
/// things up to date (design: "shape").
pub const TRANSFORM_VERSION: u32 = 2;

/// Where people open Intercom, in the region of most workspaces.
pub const APP_BASE_URL: &str = "https://app.intercom.com";

/// The switches that change what an object becomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Whether internal notes become memory (`IngestInternalNotes`).
    pub ingest_internal_notes: bool,
    /// Team keys, such as `ENG`, whose bare issue keys are taken for links (`LinkTeamKeys`).
    pub link_team_keys: BTreeSet<String>,
    /// Days after which things expire; 0 is never (`RetentionDays`). Changes no word, but the time that every item carries.
    pub retention_days: u32,
    /// Base of links into Intercom's own pages, without a slash at the end (`IntercomAppBaseUrl`).
    pub app_base_url: String,
}

impl Settings {
    /// Names the transform's version and every switch that changes its result: `1;notes=off;keys=ENG,OPS`, and `;days=30`
    /// where things expire. A stored document of another shape counts as older than any view.
    pub fn shape(&self) -> String {
        let keys: Vec<&str> = self.link_team_keys.iter().map(String::as_str).collect();
        let notes = if self.ingest_internal_notes { "on" } else { "off" };
        let days = if self.retention_days > 0 { format!(";days={}", self.retention_days) } else { String::new() };
        format!("{TRANSFORM_VERSION};notes={notes};keys={}{days}", keys.join(","))
    }
}

impl Settings {
    /// The same for a workspace of this region: where the operator left Intercom's own address, links lead to the region's.
    #[must_use]
    pub fn in_region(&self, region: Option<&str>) -> Self {
        let regional = region_app_base(region).filter(|_| self.app_base_url == APP_BASE_URL);
        let app_base_url = regional.map_or_else(|| self.app_base_url.clone(), str::to_owned);
        Self { app_base_url, ..self.clone() }
    }

    /// Whether a shape leaves out internal notes.
    pub fn hides_notes(shape: &str) -> bool {
        shape.split(';').any(|part| part == "notes=off")
    }
}

impl Default for Settings {
    /// The template's defaults: no notes, no bare keys, Intercom's own address.
    fn default() -> Self {
        Self {
            ingest_internal_notes: false,
            link_team_keys: BTreeSet::new(),
            retention_days: 0,
            app_base_url: APP_BASE_URL.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_changes_with_every_switch_that_changes_the_result_and_with_no_other() {
        let base = Settings::default();
        assert_eq!(base.shape(), "2;notes=off;keys=");
        assert!(Settings::hides_notes(&base.shape()));
        assert!(!Settings::hides_notes(&Settings { ingest_internal_notes: true, ..base.clone() }.shape()));
        assert_ne!(Settings { ingest_internal_notes: true, ..base.clone() }.shape(), base.shape());
        assert_ne!(Settings { link_team_keys: ["ENG".to_owned()].into(), ..base.clone() }.shape(), base.shape());
        assert_eq!(Settings { retention_days: 30, ..base.clone() }.shape(), "2;notes=off;keys=;days=30");
    }

    #[test]
    fn links_lead_to_the_app_of_the_workspaces_region_unless_the_operator_named_another_one() {
        let base = Settings::default();
        for (region, app) in [
            (None, "https://app.intercom.com"),
            (Some("US"), "https://app.intercom.com"),
            (Some("somewhere"), "https://app.intercom.com"),
            (Some("EU"), "https://app.eu.intercom.com"),
            (Some("Europe"), "https://app.eu.intercom.com"),
            (Some("europe"), "https://app.eu.intercom.com"),
            (Some("AU"), "https://app.au.intercom.com"),
            (Some("Australia"), "https://app.au.intercom.com"),
        ] {
            assert_eq!(base.in_region(region).app_base_url, app, "{region:?}");
            assert_eq!(base.in_region(region).shape(), base.shape(), "the shape is that of the switches");
            let own = Settings { app_base_url: "https://intercom.acme.example".to_owned(), ..base.clone() };
            assert_eq!(own.in_region(region), own);
        }
    }
}
