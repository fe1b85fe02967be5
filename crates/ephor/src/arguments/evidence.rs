//! Flags of `ephor evidence`: coverage, packages, their check.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use ephor_evidence::{Persons, SampleSize, Says};

#[derive(Debug, Subcommand)]
pub(crate) enum EvidenceCommand {
    /// What the lake really holds for each control of a framework in a period.
    Coverage(Coverage),
    /// Make a package for an auditor: a folder, or a zip if PATH ends so.
    Build(Build),
    /// Check a package offline, with nothing but the public key. Exit code 0: proven; 1: not, with the reasons.
    Verify(VerifyPackage),
    /// Sign for a finished package: reviewed, handed over, received. Signed with the log's key.
    SignOff(SignOffFlags),
    /// The frameworks that there are.
    Frameworks,
}

#[derive(Debug, Args)]
pub(crate) struct Coverage {
    /// soc2, iso27001, pci-dss, nis2, eu-ai-act, or one of your own (`[evidence] frameworks`).
    #[arg(value_name = "FRAMEWORK")]
    pub(crate) framework: String,
    #[command(flatten)]
    pub(crate) period: PeriodFlags,
    /// Only this control, by its number; repeat for several.
    #[arg(long = "control", value_name = "NUMBER")]
    pub(crate) controls: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PeriodFlags {
    /// The first day (YYYY-MM-DD, UTC).
    #[arg(long, value_name = "DATE")]
    pub(crate) from: String,
    /// The last day, included.
    #[arg(long, value_name = "DATE")]
    pub(crate) to: String,
}

#[derive(Debug, Args)]
pub(crate) struct Build {
    /// soc2, iso27001, pci-dss, nis2, eu-ai-act, or one of your own (`[evidence] frameworks`).
    #[arg(long)]
    pub(crate) framework: String,
    #[command(flatten)]
    pub(crate) period: PeriodFlags,
    /// Where it goes: a folder that is empty or not there yet, or a file that ends with .zip.
    #[arg(long, value_name = "PATH")]
    pub(crate) out: PathBuf,
    /// Only this control, by its number; repeat for several.
    #[arg(long = "control", value_name = "NUMBER")]
    pub(crate) controls: Vec<String>,
    /// How persons appear.
    #[arg(long, value_enum, default_value_t = PersonsFlag::Named)]
    pub(crate) persons: PersonsFlag,
    /// Rows drawn of each population. Default: by its size, 25 at the most.
    #[arg(long, value_name = "ROWS")]
    pub(crate) sample: Option<u32>,
    /// What the draw depends on, e.g. a number that the auditor names. Default: the root of the signed log.
    #[arg(long, value_name = "TEXT")]
    pub(crate) seed: Option<String>,
    /// Who asks for it, as it shall stand in the package.
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) by: Option<String>,
}

/// How persons appear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PersonsFlag {
    /// As they are.
    Named,
    /// Under pseudonyms that hold within this package alone.
    Pseudonymised,
    /// Not at all.
    LeftOut,
}

impl Build {
    pub(crate) fn sample_size(&self) -> SampleSize {
        self.sample.map_or(SampleSize::ByPopulation, SampleSize::Rows)
    }

    pub(crate) fn persons(&self) -> Persons {
        match self.persons {
            PersonsFlag::Named => Persons::Named,
            PersonsFlag::Pseudonymised => Persons::Pseudonymised,
            PersonsFlag::LeftOut => Persons::LeftOut,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct VerifyPackage {
    /// The package: a folder or a zip.
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
    /// The public key that is trusted (`ephor lake key show`), got on another way than the package.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct SignOffFlags {
    /// The package: a folder or a zip.
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
    /// Who says it.
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) by: String,
    /// What is said.
    #[arg(long, value_enum)]
    pub(crate) says: SaysFlag,
    /// In their words; to or from whom it was handed over.
    #[arg(long)]
    pub(crate) note: Option<String>,
}

/// What can be said of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SaysFlag {
    /// Reviewed, and found right.
    Accepted,
    /// Reviewed, and not found right.
    Rejected,
    /// Given to somebody else.
    HandedOver,
    /// Got from somebody else.
    Received,
}

impl SaysFlag {
    pub(crate) fn says(self) -> Says {
        match self {
            Self::Accepted => Says::Accepted,
            Self::Rejected => Says::Rejected,
            Self::HandedOver => Says::HandedOver,
            Self::Received => Says::Received,
        }
    }
}
