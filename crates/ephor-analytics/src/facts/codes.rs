//! Small numbers for the words that measures ask about: where, what, and the details of it.
//! A word that no measure knows gets the code `OTHER`, and its row is in no measure that asks for another.
//! Never changes what is stored: codes live as long as one load.

use ephor_wire::usage::{OfficeApp, Surface, UsageKind};

/// Where something was used: a surface, Office by application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Place {
    Chat,
    ClaudeCode,
    Cowork,
    Excel,
    Outlook,
    Powerpoint,
    Word,
    /// Office, in an application that is not known.
    OfficeOther,
    Design,
    Science,
    /// A surface that is not known: kept in the table, in no number.
    Unknown,
}

impl Place {
    pub(crate) const COUNT: usize = 11;
    pub(crate) const KNOWN: &[Self] = &[
        Self::Chat,
        Self::ClaudeCode,
        Self::Cowork,
        Self::Excel,
        Self::Outlook,
        Self::Powerpoint,
        Self::Word,
        Self::OfficeOther,
        Self::Design,
        Self::Science,
    ];
    pub(crate) const OFFICE: &[Self] = &[Self::Excel, Self::Outlook, Self::Powerpoint, Self::Word, Self::OfficeOther];

    pub(crate) fn of(surface: Option<Surface>, app: Option<OfficeApp>) -> Self {
        match (surface, app) {
            (Some(Surface::Chat), _) => Self::Chat,
            (Some(Surface::ClaudeCode), _) => Self::ClaudeCode,
            (Some(Surface::Cowork), _) => Self::Cowork,
            (Some(Surface::Office), Some(OfficeApp::Excel)) => Self::Excel,
            (Some(Surface::Office), Some(OfficeApp::Outlook)) => Self::Outlook,
            (Some(Surface::Office), Some(OfficeApp::Powerpoint)) => Self::Powerpoint,
            (Some(Surface::Office), Some(OfficeApp::Word)) => Self::Word,
            (Some(Surface::Office), None) => Self::OfficeOther,
            (Some(Surface::Design), _) => Self::Design,
            (Some(Surface::Science), _) => Self::Science,
            (None, _) => Self::Unknown,
        }
    }

    pub(crate) fn surface(self) -> Option<Surface> {
        Some(match self {
            Self::Chat => Surface::Chat,
            Self::ClaudeCode => Surface::ClaudeCode,
            Self::Cowork => Surface::Cowork,
            Self::Excel | Self::Outlook | Self::Powerpoint | Self::Word | Self::OfficeOther => Surface::Office,
            Self::Design => Surface::Design,
            Self::Science => Surface::Science,
            Self::Unknown => return None,
        })
    }

    /// The product's name on the wire.
    pub(crate) fn product(self) -> &'static str {
        match self.surface() {
            Some(surface) => product_of(surface),
            None => "other",
        }
    }

    pub(crate) fn from_code(code: u8) -> Self {
        Self::KNOWN.get(usize::from(code)).copied().unwrap_or(Self::Unknown)
    }
}

/// A surface as `product` on the wire.
pub(crate) fn product_of(surface: Surface) -> &'static str {
    match surface {
        Surface::Chat => "chat",
        Surface::ClaudeCode => "claude_code",
        Surface::Cowork => "cowork",
        Surface::Office => "office_agent",
        Surface::Design => "claude_design",
        Surface::Science => "claude_science",
    }
}

/// The number of a kind; kinds that are not known come after all others.
pub(crate) fn kind_code(kind: Option<UsageKind>) -> u8 {
    kind.map_or(KINDS as u8 - 1, |kind| kind as u8)
}

/// How many codes of kinds there are.
pub(crate) const KINDS: usize = UsageKind::ALL.len() + 1;

/// A word of a column with few words.
pub(crate) type Word = u8;

/// No word at all.
pub(crate) const ABSENT: Word = 0;
/// A word that no measure asks for.
pub(crate) const OTHER: Word = u8::MAX;

/// The words of `detail`, `tool` and `auth` that measures ask for; a word's code is its place, from 1.
pub(crate) const WORDS: &[&str] = &[
    "thinking",
    "agents_view",
    "added",
    "removed",
    "accept",
    "reject",
    "success",
    "failure",
    "read",
    "write",
    "private",
    "organization",
    "public",
    "shared",
    "published",
    "edit_tool",
    "multi_edit_tool",
    "write_tool",
    "notebook_edit_tool",
    "individual",
    "managed",
];

/// The code of a word.
pub(crate) const fn word(text: &str) -> Word {
    let mut place = 0;
    while place < WORDS.len() {
        if same(WORDS[place].as_bytes(), text.as_bytes()) {
            return place as u8 + 1;
        }
        place += 1;
    }
    OTHER
}

/// The text of a word that has a code.
pub(crate) fn text_of(code: Word) -> Option<&'static str> {
    WORDS.get(usize::from(code).checked_sub(1)?).copied()
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut place = 0;
    while place < a.len() {
        if a[place] != b[place] {
            return false;
        }
        place += 1;
    }
    true
}
