//! Measuring a run from outside: wall time, peak memory, bytes on disk.
//! Promises: the same measure for every system. Memory is read from /proc every few milliseconds.
//! Never trusts a system's own word for what it used.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::step::{Blame, Failure, Outcome};

/// Short enough to see a peak of a small run, long enough to cost nothing.
const SAMPLE_EVERY: Duration = Duration::from_millis(20);

/// What /proc counts processor time in, on every Linux that runs today.
const TICKS_A_SECOND: f64 = 100.0;

/// What a finished command cost, and what it printed.
pub struct Run {
    pub seconds: f64,
    pub peak_memory_bytes: u64,
    pub output: String,
}

/// Runs a command and measures it; the peak is the kernel's own high-water mark of resident memory.
pub fn run(command: &mut Command) -> Outcome<Run> {
    let name = command.get_program().to_string_lossy().into_owned();
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .blame(format!("cannot start {name}"))?;
    let watch = PeakWatch::of_process(child.id());
    let mut output = String::new();
    if let Some(stdout) = child.stdout.as_mut() {
        stdout.read_to_string(&mut output).blame(format!("cannot read what {name} prints"))?;
    }
    let status = child.wait().blame(format!("cannot wait for {name}"))?;
    let seconds = start.elapsed().as_secs_f64();
    let peak_memory_bytes = watch.stop();
    if !status.success() {
        return Err(Failure::new(format!("{name} ended with {status}")));
    }
    Ok(Run { seconds, peak_memory_bytes, output })
}

/// Watches memory until it is stopped.
pub struct PeakWatch {
    stop: Arc<AtomicBool>,
    peak: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl PeakWatch {
    /// One process: `VmHWM`, the highest resident size so far.
    pub fn of_process(pid: u32) -> Self {
        Self::sampling(move || status_bytes(pid, "VmHWM:"))
    }

    /// A process and all its descendants: proportional set sizes added up, so that shared memory counts once.
    pub fn of_tree(pid: u32) -> Self {
        Self::sampling(move || tree(pid).into_iter().map(proportional_bytes).sum())
    }

    fn sampling(sample: impl Fn() -> u64 + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let peak = Arc::new(AtomicU64::new(0));
        let (stopped, highest) = (Arc::clone(&stop), Arc::clone(&peak));
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                highest.fetch_max(sample(), Ordering::Relaxed);
                thread::sleep(SAMPLE_EVERY);
            }
        });
        Self { stop, peak, thread }
    }

    pub fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        // The sampling thread cannot panic: it only reads /proc and treats what is missing as nothing.
        _ = self.thread.join();
        self.peak.load(Ordering::Relaxed)
    }
}

/// Bytes of all files under a folder, or of one file.
pub fn bytes_on_disk(path: &Path) -> u64 {
    let Ok(about) = fs::symlink_metadata(path) else {
        return 0;
    };
    if !about.is_dir() {
        return about.len();
    }
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    entries.flatten().map(|entry| bytes_on_disk(&entry.path())).sum()
}

/// What a process holds in memory now.
pub fn resident_bytes(pid: u32) -> u64 {
    status_bytes(pid, "VmRSS:")
}

/// Processor time that a process has used so far; nothing once it is gone.
pub fn cpu_seconds(pid: u32) -> f64 {
    let Ok(text) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return 0.0 };
    // The command's name, in brackets, may hold blanks; user and system time are the 12th and 13th word after it.
    let words = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = words.skip(11).take(2).filter_map(|word| word.parse::<u64>().ok()).sum();
    ticks as f64 / TICKS_A_SECOND
}

fn status_bytes(pid: u32, field: &str) -> u64 {
    kibibytes(&format!("/proc/{pid}/status"), field)
}

fn proportional_bytes(pid: u32) -> u64 {
    kibibytes(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
}

fn kibibytes(file: &str, field: &str) -> u64 {
    let Ok(text) = fs::read_to_string(file) else { return 0 };
    let line = text.lines().find(|line| line.starts_with(field));
    line.and_then(|line| line.split_whitespace().nth(1)).and_then(|number| number.parse::<u64>().ok()).unwrap_or(0)
        * 1024
}

fn tree(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&pid) = found.get(next) {
        next += 1;
        if let Ok(children) = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")) {
            found.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
    }
    found
}
