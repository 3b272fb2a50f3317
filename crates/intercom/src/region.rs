//! Where Intercom keeps a workspace, and where it is reached there.

/// The API host of a region; `None` where the region is unknown, so that the configured host stays.
pub fn region_base(region: Option<&str>) -> Option<&'static str> {
    Some(regional(region)?.0)
}

/// Where people of a region open Intercom; `None` where the region is unknown, so that the configured base stays.
pub fn region_app_base(region: Option<&str>) -> Option<&'static str> {
    Some(regional(region)?.1)
}

/// API and app of the regions beside the United States. Intercom's words for Europe and Australia are not documented, hence
/// the prefixes.
fn regional(region: Option<&str>) -> Option<(&'static str, &'static str)> {
    let region = region?.trim().to_ascii_lowercase();
    if region.starts_with("eu") {
        Some(("https://api.eu.intercom.io", "https://app.eu.intercom.com"))
    } else if region.starts_with("au") || region.starts_with("ap") {
        Some(("https://api.au.intercom.io", "https://app.au.intercom.com"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_region_leads_to_its_hosts_and_any_other_word_to_none() {
        for (region, api, app) in [
            ("EU", "https://api.eu.intercom.io", "https://app.eu.intercom.com"),
            ("Europe", "https://api.eu.intercom.io", "https://app.eu.intercom.com"),
            (" au ", "https://api.au.intercom.io", "https://app.au.intercom.com"),
            ("Australia", "https://api.au.intercom.io", "https://app.au.intercom.com"),
        ] {
            assert_eq!((region_base(Some(region)), region_app_base(Some(region))), (Some(api), Some(app)), "{region}");
        }
        for unknown in [None, Some("US"), Some("United States"), Some("")] {
            assert_eq!((region_base(unknown), region_app_base(unknown)), (None, None), "{unknown:?}");
        }
    }
}
