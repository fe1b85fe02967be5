//! `cargo xtask test`: format, lints, licences, and every test of the workspace.
//! Promises: one set of features for all of it, so that nothing is compiled twice; the test runner's summary comes last.
//! Never retries a failed test.

use std::process::Command;

use clap::{Args, ValueEnum};

use crate::machine;
use crate::step::{Outcome, Steps, show, succeeds};
use crate::workspace::Workspace;

#[derive(Args)]
pub struct TestOptions {
    /// Run only one part.
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Run only tests whose name contains this text.
    #[arg(long)]
    name: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Format, clippy and, where it is installed, cargo-deny.
    Lint,
    /// Unit, property and documentation tests of the crates.
    Unit,
    /// The real binary with real clients and real faults.
    E2e,
}

pub fn run(workspace: &Workspace, steps: &mut Steps, options: &TestOptions) -> Outcome<()> {
    machine::set_up_tests(workspace, steps)?;
    if options.only.is_none_or(|part| part == Part::Lint) {
        lint(workspace, steps)?;
    }
    if options.only == Some(Part::Lint) {
        return Ok(());
    }
    // All packages and all targets in one call: the features that cargo settles on are those of the test run below.
    steps.run("build", || show(workspace.cargo().args(["build", "--workspace", "--all-targets"])))?;
    if options.only != Some(Part::E2e) && options.name.is_none() {
        // Before the test runner: a crate without examples ends in "0 passed", which must not be the last word.
        steps.run("doc examples", || show(workspace.cargo().args(["test", "--workspace", "--doc", "--quiet"])))?;
    }
    steps.print_times();
    steps.run("tests", || show(&mut test_runner(workspace, options)))
}

fn lint(workspace: &Workspace, steps: &mut Steps) -> Outcome<()> {
    steps.run("fmt", || show(workspace.cargo().args(["fmt", "--all", "--check"])))?;
    steps.run("clippy", || {
        show(workspace.cargo().args(["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))
    })?;
    if succeeds(workspace.cargo().args(["deny", "--version"])) {
        // Advisories need a database from outside; the other three are decided by what lies here.
        steps.run("deny", || show(workspace.cargo().args(["deny", "check", "licenses", "bans", "sources"])))?;
    } else {
        println!("==> deny: cargo-deny is not installed, licences and sources are not checked here");
    }
    Ok(())
}

fn test_runner(workspace: &Workspace, options: &TestOptions) -> Command {
    let mut command = workspace.cargo();
    let nextest = succeeds(workspace.cargo().args(["nextest", "--version"]));
    if nextest {
        command.args(["nextest", "run", "--workspace"]);
        match options.only {
            Some(Part::E2e) => _ = command.args(["-E", "package(ephor-e2e)"]),
            Some(Part::Unit) => _ = command.args(["-E", "not package(ephor-e2e)"]),
            Some(Part::Lint) | None => {}
        }
    } else {
        match options.only {
            Some(Part::E2e) => _ = command.args(["test", "--package", "ephor-e2e"]),
            Some(Part::Unit) => _ = command.args(["test", "--workspace", "--exclude", "ephor-e2e"]),
            Some(Part::Lint) | None => _ = command.args(["test", "--workspace"]),
        }
        // One failed story must not keep the others from telling theirs.
        command.args(["--lib", "--bins", "--tests", "--no-fail-fast"]);
    }
    command.args(options.name.as_deref());
    command.env("EPHOR_BIN", workspace.binary("dev")).env("E2E_PYTHON", workspace.python());
    command
}
