//! Steps of a task: a name, a time, and one clear line when something failed.
//! Promises: what a step started has ended when the step has.
//! Never hides a command's own output unless the caller asks for it as data.

use std::fmt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Why a task stopped, as one line for a person.
#[derive(Debug)]
pub struct Failure(String);

pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Says what could not be done, in front of the system's reason.
pub trait Blame<T> {
    fn blame(self, what: impl fmt::Display) -> Outcome<T>;
}

impl<T, E: fmt::Display> Blame<T> for Result<T, E> {
    fn blame(self, what: impl fmt::Display) -> Outcome<T> {
        self.map_err(|error| Failure(format!("{what}: {error}")))
    }
}

impl<T> Blame<T> for Option<T> {
    fn blame(self, what: impl fmt::Display) -> Outcome<T> {
        self.ok_or_else(|| Failure(what.to_string()))
    }
}

/// Runs named steps and keeps their times.
#[derive(Default)]
pub struct Steps {
    taken: Vec<(String, Duration)>,
}

impl Steps {
    pub fn run<T>(&mut self, name: &str, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        println!("==> {name}");
        let start = Instant::now();
        let result = work().map_err(|failure| Failure(format!("{name}: {failure}")))?;
        let taken = start.elapsed();
        println!("    {name}: {:.1} s", taken.as_secs_f64());
        self.taken.push((name.to_owned(), taken));
        Ok(result)
    }

    /// One line with every step's time. It must not read like a test runner's summary.
    pub fn print_times(&self) {
        let all: Vec<String> =
            self.taken.iter().map(|(name, taken)| format!("{name} {:.1} s", taken.as_secs_f64())).collect();
        println!("steps so far: {}", all.join(" · "));
    }
}

/// Runs a command to its end with its output shown.
pub fn show(command: &mut Command) -> Outcome<()> {
    let status = command.stdin(Stdio::null()).status().blame(format!("cannot start {}", line_of(command)))?;
    if status.success() { Ok(()) } else { Err(Failure(format!("{} ended with {status}", line_of(command)))) }
}

/// Runs a command to its end and gives what it printed; on failure its last lines become the reason.
pub fn ask(command: &mut Command) -> Outcome<String> {
    let output = command.stdin(Stdio::null()).output().blame(format!("cannot start {}", line_of(command)))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.lines().collect();
    let tail = lines[lines.len().saturating_sub(15)..].join("\n    ");
    Err(Failure(format!("{} ended with {}\n    {tail}", line_of(command), output.status)))
}

/// Whether a command can be started and ends well; its output is of no interest.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn line_of(command: &Command) -> String {
    let mut line = format!("`{}", command.get_program().to_string_lossy());
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line.push('`');
    line
}
