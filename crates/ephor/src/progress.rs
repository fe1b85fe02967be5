//! How far long work has come: a bar with rate and remaining time on a terminal, nothing in a pipe.
//! Drawn on standard error, so that results stay clean.
//! Never slows the work: positions are set, drawing is the library's affair.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar over bytes, with the rows counted beside it.
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar for work of a known size in bytes, or a spinner when it is not known.
    pub(crate) fn bytes(what: &str, total: Option<u64>) -> Self {
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(8));
        let template = match total {
            Some(_) => "{prefix} {wide_bar} {bytes}/{total_bytes} {binary_bytes_per_sec} {msg} eta {eta}",
            None => "{prefix} {spinner} {bytes} {binary_bytes_per_sec} {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar }
    }

    pub(crate) fn set(&self, bytes: u64, rows: u64) {
        self.bar.set_position(bytes);
        self.bar.set_message(format!("{rows} activities"));
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
