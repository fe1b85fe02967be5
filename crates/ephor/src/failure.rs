//! What a person sees when a command could not do its work: what happened, why, and what to do about it.
//! Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done and something was found.
//! Never prints a secret: messages are built from names, paths and numbers.

use std::error::Error;
use std::process::ExitCode;

/// Wrong usage, as clap answers it too.
const USAGE: u8 = 2;

/// Done, and something was found that the caller wanted to be told of.
const FOUND: u8 = 3;

/// How a command ends that found what `--fail-on` asks for.
pub(crate) fn found_something() -> ExitCode {
    ExitCode::from(FOUND)
}

/// A command's failure.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
    code: u8,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), causes: Vec::new(), hint: None, code: 1 }
    }

    /// The command line or the configuration asks for something that cannot be.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: USAGE, ..Self::new(message) }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Prints the report on standard error and says how to exit.
    pub(crate) fn report(self) -> ExitCode {
        let code = self.code;
        let hint = self.hint.clone();
        let mut text = format!("error: {}", self.message);
        for cause in &self.causes {
            text.push_str(&format!("\n  because: {cause}"));
        }
        if let Some(hint) = hint {
            text.push_str(&format!("\n  help: {hint}"));
        }
        eprintln!("{text}");
        ExitCode::from(code)
    }
}

/// Any library error becomes a failure with its chain of causes; texts already say what to do.
macro_rules! failure_from {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                from_chain(&error)
            }
        })+
    };
}

failure_from!(
    ephor_analytics::AnalyticsError,
    ephor_detect::DetectError,
    ephor_export::ExportError,
    ephor_evidence::EvidenceError,
    ephor_lake::LakeError,
    ephor_lake::control::ControlError,
    ephor_sources::SourceError,
    ephor_sources::simulator::SimulationError,
    ephor_reports::ReportError,
    ephor_server::ServerError,
    std::io::Error,
    serde_json::Error,
);

fn from_chain(error: &(dyn Error + 'static)) -> Failure {
    let mut failure = Failure::new(error.to_string());
    let mut cause = error.source();
    while let Some(current) = cause {
        let words = current.to_string();
        // Many errors repeat their cause in their own text; saying it twice helps nobody.
        if !failure.message.contains(&words) && failure.causes.last().is_none_or(|last| !last.contains(&words)) {
            failure.causes.push(words);
        }
        cause = current.source();
    }
    failure
}
