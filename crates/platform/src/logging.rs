//! What may be logged at all.
//!
//! At `TRACE` the AWS SDK writes whole requests and responses, items and secrets included, and at `DEBUG` the HTTP
//! libraries write addresses. So the level that is asked for holds for this bundle's own crates, whose lines carry ids and
//! counts; everybody else's stay at `INFO` whatever the environment says, and `RUST_LOG` is not read. Lines of crates that
//! use `log` instead of `tracing` go nowhere: nothing here passes them on.

use std::io;

use lambda_runtime::tracing::{
    Level, Subscriber,
    subscriber::{
        Layer, Registry,
        filter::Targets,
        fmt::{self, MakeWriter},
        layer::SubscriberExt,
    },
};

use crate::config::Environment;

/// The crates whose lines this bundle answers for.
const OURS: [&str; 9] = ["access", "backfill", "enrich", "intercom", "memory", "oauth", "platform", "store", "webhook"];

/// Makes what writes the log: one line an event on `writer`, as JSON where `AWS_LAMBDA_LOG_FORMAT` is `JSON`, at the level
/// of `AWS_LAMBDA_LOG_LEVEL` (default `INFO`) or quieter. Lambda sets both (`LoggingConfig`).
///
/// A JSON line says its time. To a line of text Lambda adds one; a JSON line without a valid time it takes for `INFO`
/// whatever its level, and so leaves out errors where only those are wanted.
pub fn subscriber<W>(env: &Environment, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w, Writer: io::Write> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_target(false).with_ansi(false).with_writer(writer);
    let is_json = env.get("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("json"));
    let lines: Box<dyn Layer<Registry> + Send + Sync> =
        if is_json { lines.json().boxed() } else { lines.without_time().boxed() };
    Box::new(Registry::default().with(lines.with_filter(filter(level(env)))))
}

/// The level that is asked for; a word that is no level is `INFO`, since a typing error must not silence errors.
fn level(env: &Environment) -> Level {
    match env.get("AWS_LAMBDA_LOG_LEVEL").map(str::to_ascii_uppercase).as_deref() {
        Some("TRACE") => Level::TRACE,
        Some("DEBUG") => Level::DEBUG,
        Some("WARN") => Level::WARN,
        Some("ERROR" | "FATAL") => Level::ERROR,
        _ => Level::INFO,
    }
}

fn filter(level: Level) -> Targets {
    let others = level.min(Level::INFO);
    Targets::new().with_default(others).with_targets(OURS.map(|name| (name, level)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use std::{path::Path, sync::Arc, sync::Mutex};
    use tracing::{debug, info, trace, warn};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(env: Environment, log: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(&env, move || writer.clone());
        tracing::subscriber::with_default(subscriber, log);
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn others_never_say_more_than_info_whatever_the_level() {
        let env = [("AWS_LAMBDA_LOG_LEVEL", "TRACE"), ("RUST_LOG", "trace,aws_smithy_runtime=trace")];
        let text = logged(Environment::from(env), || {
            trace!(target: "aws_smithy_runtime::client::orchestrator", "a whole request");
            debug!(target: "hyper_util::client", "an address");
            trace!(target: "lambda_runtime::runtime", "a whole event");
            info!(target: "aws_config", "which region");
            trace!(target: "store::queue", "ours");
        });
        assert!(text.contains("ours") && text.contains("which region"), "{text}");
        assert!(!text.contains("a whole") && !text.contains("an address"), "{text}");
    }

    #[test]
    fn a_quieter_level_holds_for_all_and_a_misspelt_one_is_info() {
        let say = || {
            warn!(target: "hyper", "theirs");
            info!(target: "store", "ours");
        };
        assert_eq!(logged(Environment::from([("AWS_LAMBDA_LOG_LEVEL", "ERROR")]), say), "");
        let misspelt = logged(Environment::from([("AWS_LAMBDA_LOG_LEVEL", "verbose")]), say);
        assert!(misspelt.contains("theirs") && misspelt.contains("ours"), "{misspelt}");
    }

    #[test]
    fn json_is_one_object_a_line() {
        let text = logged(Environment::from([("AWS_LAMBDA_LOG_FORMAT", "JSON")]), || {
            info!(target: "store", workspace = "ws1", "written");
        });
        let line: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
        assert_eq!((&line["level"], &line["fields"]["workspace"]), (&"INFO".into(), &"ws1".into()));
    }

    #[test]
    fn a_json_line_says_when_it_was_written_and_a_line_of_text_leaves_that_to_lambda() {
        let say = || warn!(target: "store", "written");
        let json = logged(Environment::from([("AWS_LAMBDA_LOG_FORMAT", "JSON")]), say);
        let line: serde_json::Value = serde_json::from_str(json.trim_end()).unwrap();
        let written = time::OffsetDateTime::parse(
            line["timestamp"].as_str().unwrap(),
            &time::format_description::well_known::Rfc3339,
        );
        assert!((time::OffsetDateTime::now_utc() - written.unwrap()).whole_minutes() == 0, "{json}");
        assert_eq!(line["level"], "WARN");
        assert!(logged(Environment::default(), say).trim_start().starts_with("WARN"));
    }

    #[test]
    fn every_crate_that_ships_is_one_of_ours() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut shipped = Vec::new();
        for folder in ["crates", "functions"] {
            for entry in std::fs::read_dir(root.join(folder)).unwrap() {
                shipped.push(entry.unwrap().file_name().into_string().unwrap());
            }
        }
        // These never ship.
        shipped.retain(|name| !matches!(&**name, "emulator" | "testkit"));
        shipped.sort();
        assert_eq!(shipped, OURS);
    }
}
