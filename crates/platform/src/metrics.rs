//! Metrics in CloudWatch's embedded format: one JSON line on standard output, no API call.
//!
//! Workspace, topic and reason are fields of the line, never dimensions: each new value of a dimension costs money
//! every month. The stack's name is one: two stacks of an account must not raise each other's alarms.
//!
//! The lines say when they were written and at which level, as those of the log do: Lambda leaves out lines below the level
//! that it is told (`ApplicationLogLevel`), and takes a line that does not say for `INFO`.

use std::io::Write;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::config::Environment;

/// CloudWatch namespace of everything this bundle counts.
pub const NAMESPACE: &str = "IntercomMemory";

/// Writes metrics; cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    service: &'static str,
    stack: Option<Arc<str>>,
    sink: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Metrics {
    /// Metrics of one function of the stack `STACK_NAME`, written to standard output.
    pub fn to_stdout(service: &'static str, env: &Environment) -> Self {
        let metrics = Self::new(service, |line| {
            // A closed standard output only loses the metric.
            let _ = writeln!(std::io::stdout().lock(), "{line}");
        });
        Self { stack: env.get("STACK_NAME").map(Arc::from), ..metrics }
    }

    /// Metrics written to wherever the test looks, of no stack.
    pub fn new(service: &'static str, sink: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { service, stack: None, sink: Arc::new(sink) }
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
        let dimensions = if self.stack.is_some() { vec!["stack", "service"] } else { vec!["service"] };
        let metric =
            json!({"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": [{"Name": name, "Unit": unit}]});
        line.insert("_aws".to_owned(), json!({"Timestamp": now_ms, "CloudWatchMetrics": [metric]}));
        line.insert("level".to_owned(), json!("INFO"));
        line.insert("timestamp".to_owned(), json!(rfc3339(now_ms)));
        if let Some(stack) = &self.stack {
            line.insert("stack".to_owned(), json!(stack));
        }
        line.insert("service".to_owned(), json!(self.service));
        line.insert(name.to_owned(), json!(value));
        (self.sink)(&Value::Object(line).to_string());
    }
}

/// A time as the log's lines write it; `None` for one that no calendar has.
fn rfc3339(ms: i64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).ok()?.format(&Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::Mutex;

    fn written(metrics: impl FnOnce(Metrics) -> Metrics) -> Value {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let metrics = metrics(Metrics::new("webhook", move |line| sink.lock().unwrap().push(line.to_owned())));
        metrics.count("NotificationsQueued", 1, &[("topic", "ping")], 1_768_112_097_123);
        serde_json::from_str(lines.lock().unwrap().first().unwrap()).unwrap()
    }

    #[test]
    fn a_count_is_one_line_that_cloudwatch_reads_with_time_and_level() {
        assert_eq!(
            written(|metrics| metrics),
            json!({"_aws":{"Timestamp":1_768_112_097_123_i64,"CloudWatchMetrics":[{"Namespace":"IntercomMemory",
                "Dimensions":[["service"]],"Metrics":[{"Name":"NotificationsQueued","Unit":"Count"}]}]},
                "level":"INFO","timestamp":"2026-01-11T06:14:57.123Z",
                "service":"webhook","topic":"ping","NotificationsQueued":1})
        );
    }

    #[test]
    fn two_stacks_of_one_account_write_different_metrics() {
        let env = Environment::from([("STACK_NAME", "staging")]);
        let stack = Metrics::to_stdout("webhook", &env).stack;
        let line = written(|metrics| Metrics { stack, ..metrics });
        let dimensions = line.pointer("/_aws/CloudWatchMetrics/0/Dimensions");
        assert_eq!(dimensions, Some(&json!([["stack", "service"]])));
        assert_eq!((line.get("stack"), line.get("service")), (Some(&json!("staging")), Some(&json!("webhook"))));
    }
}
