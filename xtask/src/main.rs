//! What the house needs done beside `cargo build`: install, test, measure.
//! Promises: each step is printed with its time, the first failure stops the run with one clear line.
//! Never runs in production and never asks anything outside this machine but package registries.
#![expect(clippy::print_stdout, reason = "a task runner speaks on standard output")]

mod bench;
mod machine;
mod step;
mod suite;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use crate::step::{Outcome, Steps};
use crate::workspace::Workspace;

/// Tasks of the Ephor workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Install what is missing: Debian packages and the Python clients that tests use.
    Setup,
    /// Install what is missing, then check format, lints and licences, and run every test.
    Test(suite::TestOptions),
    /// Measure bulk import and feed pages side by side with DuckDB and PostgreSQL.
    Bench(bench::BenchOptions),
}

fn main() -> ExitCode {
    let task = Task::parse();
    match run(&task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nxtask: FAILED: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> Outcome<()> {
    let workspace = Workspace::find()?;
    let mut steps = Steps::default();
    match task {
        Task::Setup => machine::set_up_tests(&workspace, &mut steps),
        Task::Test(options) => suite::run(&workspace, &mut steps, options),
        Task::Bench(options) => bench::run(&workspace, &mut steps, options),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn no_flag_means_two_things() {
        super::Task::command().debug_assert();
    }
}
