//! The measurements as Markdown: each figure with its ratio to the first function's.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    time::Duration,
};

use crate::{Measured, SIZES, Series};

/// The design's budgets.
const MOST_ZIP_BYTES: f64 = 3.0 * 1024.0 * 1024.0;
const MOST_START: f64 = 2.5;
const MOST_OWN_CPU_MS: f64 = 0.3;
const MOST_RESIDENT_BYTES: f64 = 30.0 * 1024.0 * 1024.0;

/// Prints the table, and how the first function stands to its budgets. The last one is hello world.
pub(crate) fn print(measured: &[Measured]) -> io::Result<()> {
    io::stdout().lock().write_all(table(measured).as_bytes())
}

fn table(measured: &[Measured]) -> String {
    let mut text = String::from("|  |");
    for one in measured {
        let _ = write!(text, " {} |", one.function.name);
    }
    text.push_str("\n|---|");
    text.push_str(&"---:|".repeat(measured.len()));
    text.push('\n');
    let only_webhooks = |value: fn(&Measured) -> f64| {
        move |one: &Measured| if one.function.is_webhook { Some(value(one)) } else { None }
    };
    row(&mut text, measured, "start → asks for its first event", "ms", |one| Some(start(one, |s| s.to_next)));
    row(&mut text, measured, "start → first answer", "ms", |one| Some(start(one, |s| s.to_answer)));
    for (index, size) in SIZES.iter().enumerate() {
        let series = |one: &Measured| one.queued.get(index).cloned().unwrap_or_default();
        let kilobytes = size / 1000;
        row(&mut text, measured, &format!("warm, {kilobytes} KB: median"), "ms", |one| {
            Some(milliseconds(&series(one), 50))
        });
        row(&mut text, measured, &format!("warm, {kilobytes} KB: 99th percentile"), "ms", |one| {
            Some(milliseconds(&series(one), 99))
        });
        row(&mut text, measured, &format!("warm, {kilobytes} KB: CPU"), "ms", |one| Some(cpu(&series(one))));
    }
    let own = only_webhooks(|one| cpu(&one.counted));
    row(&mut text, measured, "CPU per 10 KB without the SQS call", "ms", own);
    row(&mut text, measured, "resident memory after that", "MB", |one| Some(megabytes(one.resident_bytes)));
    row(&mut text, measured, "package (zip)", "MB", |one| Some(megabytes(one.function.zip_bytes)));
    budgets(&mut text, measured);
    text
}

fn row(text: &mut String, measured: &[Measured], name: &str, unit: &str, value: impl Fn(&Measured) -> Option<f64>) {
    let first = measured.first().and_then(&value);
    let _ = write!(text, "| {name} |");
    for (index, one) in measured.iter().enumerate() {
        let cell = match (value(one), first) {
            (Some(value), Some(first)) if index > 0 && first > 0.0 => {
                format!("{} {unit} ({}×)", digits(value), digits(value / first))
            }
            (Some(value), _) => format!("{} {unit}", digits(value)),
            (None, _) => "—".to_owned(),
        };
        let _ = write!(text, " {cell} |");
    }
    text.push('\n');
}

fn budgets(text: &mut String, measured: &[Measured]) {
    let (Some(ours), Some(hello)) = (measured.first(), measured.last()) else { return };
    let verdict = |value: f64, most: f64| if value <= most { "kept" } else { "**missed**" };
    let first_answer = |one: &Measured| start(one, |s| s.to_answer);
    let ratio = first_answer(ours) / first_answer(hello);
    let zip = measured_bytes(ours.function.zip_bytes);
    let resident = measured_bytes(ours.resident_bytes);
    text.push_str("\n| budget of the webhook function | measured | allowed | |\n|---|---:|---:|---|\n");
    let mut line = |name: &str, value: String, allowed: String, verdict: &str| {
        let _ = writeln!(text, "| {name} | {value} | {allowed} | {verdict} |");
    };
    line(
        "start to first answer, against hello world",
        format!("{}×", digits(ratio)),
        format!("{MOST_START}×"),
        verdict(ratio, MOST_START),
    );
    let own = cpu(&ours.counted);
    line(
        "CPU of its own per 10 KB",
        format!("{} ms", digits(own)),
        format!("{MOST_OWN_CPU_MS} ms"),
        verdict(own, MOST_OWN_CPU_MS),
    );
    line(
        "resident memory",
        format!("{} MB", digits(megabytes(ours.resident_bytes))),
        "30 MB".to_owned(),
        verdict(resident, MOST_RESIDENT_BYTES),
    );
    line(
        "package of this machine's architecture",
        format!("{} MB", digits(megabytes(ours.function.zip_bytes))),
        "3 MB".to_owned(),
        verdict(zip, MOST_ZIP_BYTES),
    );
}

fn start(one: &Measured, of: fn(&crate::Start) -> Duration) -> f64 {
    let mut all: Vec<Duration> = one.starts.iter().map(of).collect();
    percentile(&mut all, 50)
}

fn milliseconds(series: &Series, percent: usize) -> f64 {
    percentile(&mut series.took.clone(), percent)
}

fn percentile(all: &mut [Duration], percent: usize) -> f64 {
    all.sort_unstable();
    let at = (all.len() * percent / 100).min(all.len().saturating_sub(1));
    all.get(at).copied().unwrap_or_default().as_secs_f64() * 1000.0
}

/// Processor time of one invocation, in milliseconds.
fn cpu(series: &Series) -> f64 {
    let count = u32::try_from(series.took.len()).unwrap_or(u32::MAX).max(1);
    Duration::from_nanos(series.cpu_ns).as_secs_f64() * 1000.0 / f64::from(count)
}

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
fn measured_bytes(bytes: u64) -> f64 {
    bytes as f64
}

fn megabytes(bytes: u64) -> f64 {
    measured_bytes(bytes) / (1024.0 * 1024.0)
}

/// Two or three digits that say something.
fn digits(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_and_the_99th_percentile_are_of_the_sorted_times() {
        let mut all: Vec<Duration> = (1..=100).rev().map(Duration::from_millis).collect();
        assert!((percentile(&mut all, 50) - 51.0).abs() < 1e-9);
        assert!((percentile(&mut all, 99) - 100.0).abs() < 1e-9);
        assert!(percentile(&mut [], 99).abs() < 1e-9);
    }
}
