//! What goes to standard output, and logs to standard error.
//! JSON output is one document and nothing else; text is for reading.
//! Never logs a key, a header or a query string.

use std::io::{IsTerminal, Write};

use serde::Serialize;
use tracing_subscriber::EnvFilter;

use crate::arguments::Format;
use crate::failure::Failure;

/// Logs to standard error: readable on a terminal, JSON lines anywhere else. `EPHOR_LOG` overrides the level.
pub(crate) fn start_logging(verbose: u8) {
    let level = match verbose {
        0 => "warn,ephor=info,ephor_server=info,ephor_sources=info,ephor_lake=warn",
        1 => "info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_env("EPHOR_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match std::io::stderr().is_terminal() {
        true => logs.with_target(false).compact().try_init(),
        false => logs.json().flatten_event(true).try_init(),
    };
    // A second subscriber only happens in tests that call this twice; the first one stays.
    drop(started);
}

/// Prints a result: as one line of JSON, or as the text made from it.
pub(crate) fn print<T: Serialize>(format: Format, value: &T, text: impl FnOnce(&T) -> String) -> Result<(), Failure> {
    let words = match format {
        Format::Json => serde_json::to_string(value)?,
        _ => text(value),
    };
    print_line(&words)
}

/// Prints finished words and ends the line.
pub(crate) fn print_line(words: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{}", words.trim_end()).and_then(|()| out.flush()) {
        // Whoever reads us may have seen enough (`ephor keys list | head -1`).
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Columns of words, aligned; the first row is the heading.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
