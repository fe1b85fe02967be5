//! The usage of one or more days as columns of numbers, ready to be counted.
//! The same facts in any order give the same columns up to their order, which no measure looks at.
//! Never holds a row outside the asked organization, nor one that came after the asked moment.

pub(crate) mod codes;
mod load;
pub(crate) mod names;

use codes::{Place, Word};
pub(crate) use names::Name;
use names::{NONE, Names};

#[cfg(test)]
pub(crate) use load::read_batch;
pub(crate) use load::{Context, Load, Wanted, load};

/// A column of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Column {
    /// The person: their id, or what stands for it.
    User,
    Email,
    Conversation,
    Session,
    Project,
    ProjectName,
    Skill,
    /// The connector's name as the API has it.
    Connector,
    Plugin,
    PluginId,
    DisplayName,
    /// The artifact, or the event that tells of one without an id.
    Artifact,
    ArtifactType,
    /// The file, or the event that tells of one without an id.
    File,
    Model,
    Speed,
    ContextWindow,
    InferenceGeo,
    OrganizationId,
    OrganizationUuid,
    ApiKey,
}

impl Column {
    pub(crate) const ALL: &[Self] = &[
        Self::User,
        Self::Email,
        Self::Conversation,
        Self::Session,
        Self::Project,
        Self::ProjectName,
        Self::Skill,
        Self::Connector,
        Self::Plugin,
        Self::PluginId,
        Self::DisplayName,
        Self::Artifact,
        Self::ArtifactType,
        Self::File,
        Self::Model,
        Self::Speed,
        Self::ContextWindow,
        Self::InferenceGeo,
        Self::OrganizationId,
        Self::OrganizationUuid,
        Self::ApiKey,
    ];
}

/// Tokens and money of a row that tells of requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) input: i64,
    pub(crate) output: i64,
    pub(crate) cache_read: i64,
    pub(crate) cache_creation_5m: i64,
    pub(crate) cache_creation_1h: i64,
    pub(crate) web_searches: i64,
    /// What the source says that it cost, in billionths of a dollar.
    pub(crate) told_nano_usd: Option<i64>,
}

/// Facts as columns; all columns have one length.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) names: Names,
    /// The day of each row, counted from the first of the load.
    pub(crate) day: Vec<u16>,
    pub(crate) time: Vec<i64>,
    pub(crate) place: Vec<u8>,
    pub(crate) kind: Vec<u8>,
    pub(crate) detail: Vec<Word>,
    pub(crate) tool: Vec<Word>,
    pub(crate) auth: Vec<Word>,
    /// How often.
    pub(crate) times: Vec<i64>,
    columns: Vec<Vec<Name>>,
    /// For rows of requests: where in `spent` their tokens are, from 1; 0 for every other row.
    pub(crate) spent_at: Vec<u32>,
    pub(crate) spent: Vec<Spent>,
    /// Whether a row names its person by an address alone, so that only the directory says who it is.
    pub(crate) asked_directory: bool,
}

impl Facts {
    pub(crate) fn empty() -> Self {
        Self { columns: vec![Vec::new(); Column::ALL.len()], ..Self::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.time.len()
    }

    /// A column; empty if it was not asked for.
    pub(crate) fn column(&self, column: Column) -> &[Name] {
        self.columns.get(column as usize).map_or(&[], Vec::as_slice)
    }

    /// A row's name in a column.
    pub(crate) fn name(&self, column: Column, row: usize) -> Name {
        self.column(column).get(row).copied().unwrap_or(NONE)
    }

    pub(crate) fn place(&self, row: usize) -> Place {
        Place::from_code(self.place[row])
    }

    /// The tokens of a row, if it tells of requests.
    pub(crate) fn spent(&self, row: usize) -> Option<&Spent> {
        self.spent.get((self.spent_at[row] as usize).checked_sub(1)?)
    }

    /// The later of two rows by time; of two at one instant, by what a column says. Never by arrival: the same facts
    /// that came in another order must give the same answer.
    pub(crate) fn is_later(&self, row: usize, than: usize, column: Column) -> bool {
        let text = |row: usize| self.names.text(self.name(column, row));
        self.time[row].cmp(&self.time[than]).then_with(|| text(row).cmp(text(than))).is_gt()
    }
}
