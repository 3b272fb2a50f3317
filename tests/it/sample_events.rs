//! sample_events
