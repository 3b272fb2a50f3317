//! Metrics in CloudWatch's embedded format: one JSON line on standard output, no API call.
//!
//! Workspace, topic and reason are fields of the line, never dimensions: each new value of a dimension costs money
//! every month.

use std::io::Write;
use std::sync::Arc;

use serde_json::{Map, Value, json};

/// CloudWatch namespace of everything this bundle counts.
pub const NAMESPACE: &str = "IntercomMemory";

/// Writes metrics; cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    service: &'static str,
    sink: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Metrics {
    /// Metrics of one function, written to standard output.
    pub fn to_stdout(service: &'static str) -> Self {
        Self::new(service, |line| {
            // A closed standard output only loses the metric.
            let _ = writeln!(std::io::stdout().lock(), "{line}");
        })
    }

    /// Metrics written to wherever the test looks.
    pub fn new(service: &'static str, sink: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { service, sink: Arc::new(sink) }
    }

    /// Counts `value` under `name`. `fields` go into the line for searching: ids, topics and reasons, nothing personal.
    pub fn count(&self, name: &str, value: u64, fields: &[(&str, &str)], now_ms: i64) {
        self.write(name, "Count", value, fields, now_ms);
    }

    /// A duration in milliseconds under `name`.
    pub fn milliseconds(&self, name: &str, value: u64, fields: &[(&str, &str)], now_ms: i64) {
        self.write(name, "Milliseconds", value, fields, now_ms);
    }

    fn write(&self, name: &str, unit: &str, value: u64, fields: &[(&str, &str)], now_ms: i64) {
        let mut line: Map<String, Value> = fields.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect();
        let metric =
            json!({"Namespace": NAMESPACE, "Dimensions": [["service"]], "Metrics": [{"Name": name, "Unit": unit}]});
        line.insert("_aws".to_owned(), json!({"Timestamp": now_ms, "CloudWatchMetrics": [metric]}));
        line.insert("service".to_owned(), json!(self.service));
        line.insert(name.to_owned(), json!(value));
        (self.sink)(&Value::Object(line).to_string());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn a_count_is_one_line_that_cloudwatch_reads_with_one_dimension_only() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let metrics = Metrics::new("webhook", move |line| sink.lock().unwrap().push(line.to_owned()));
        metrics.count("NotificationsQueued", 1, &[("topic", "ping")], 5);
        let line: Value = serde_json::from_str(lines.lock().unwrap().first().unwrap()).unwrap();
        assert_eq!(
            line,
            json!({"_aws":{"Timestamp":5,"CloudWatchMetrics":[{"Namespace":"IntercomMemory","Dimensions":[["service"]],
                "Metrics":[{"Name":"NotificationsQueued","Unit":"Count"}]}]},
                "service":"webhook","topic":"ping","NotificationsQueued":1})
        );
    }
}
