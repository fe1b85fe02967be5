//! What every report is made of: typed columns with units, rows of cells, charts beside them, and where it all came from.
//! Promises that a cell's type is its column's, so that every renderer knows how to write it.
//! Never formats: how a number or a time looks is the renderers' business.

use ephor_wire::timestamp::UtcDay;
use rust_decimal::Decimal;

use crate::chart::Chart;
use crate::provenance::Provenance;

/// A finished report.
#[derive(Debug, Clone)]
pub struct Report {
    /// Its name on the command line and in URLs, such as `dormant-accounts`.
    pub name: &'static str,
    /// What it is called.
    pub title: String,
    /// The question that it answers, in one sentence.
    pub question: &'static str,
    /// Where it comes from and how it can be made again.
    pub provenance: Provenance,
    /// The few figures that come first.
    pub figures: Vec<Figure>,
    /// The table that the report is about.
    pub main: Section,
    /// What stands beside it.
    pub others: Vec<Section>,
    /// How words are meant, and what the data cannot say.
    pub notes: Vec<String>,
}

/// A figure that comes first.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What is counted.
    pub label: String,
    /// How much.
    pub value: Cell,
    /// Its unit, where the label does not say it.
    pub unit: Option<&'static str>,
    /// What to compare it with.
    pub note: Option<String>,
}

/// A table with what belongs to it.
#[derive(Debug, Clone)]
pub struct Section {
    /// For links and for programs.
    pub id: &'static str,
    /// Its heading.
    pub title: String,
    /// One or two sentences on how to read it.
    pub note: Option<String>,
    /// The rows.
    pub table: Table,
    /// The same rows as pictures.
    pub charts: Vec<Chart>,
}

impl Report {
    /// The section of this id.
    #[must_use]
    pub fn section(&self, id: &str) -> Option<&Section> {
        std::iter::once(&self.main).chain(&self.others).find(|section| section.id == id)
    }
}

impl Section {
    /// A table without pictures.
    #[must_use]
    pub fn new(id: &'static str, title: impl Into<String>, table: Table) -> Self {
        Self { id, title: title.into(), note: None, table, charts: Vec::new() }
    }

    /// With a sentence on how to read it.
    #[must_use]
    pub fn noted(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }

    /// With a picture.
    #[must_use]
    pub fn charted(mut self, chart: Chart) -> Self {
        self.charts.push(chart);
        self
    }
}

/// Rows of cells under columns.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// The columns.
    pub columns: Vec<Column>,
    /// One cell a column, in their order.
    pub rows: Vec<Vec<Cell>>,
    /// Where rows stand for groups of people: which column says how many, so that small groups can be left unsaid.
    pub headcount: Option<&'static str>,
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn of(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new(), headcount: None }
    }

    /// Whose rows are groups of people, counted in this column.
    #[must_use]
    pub fn of_groups(columns: Vec<Column>, headcount: &'static str) -> Self {
        Self { headcount: Some(headcount), ..Self::of(columns) }
    }

    /// Adds a row. A row of another length would shift every cell behind it, so it is cut or filled up.
    pub fn push(&mut self, mut row: Vec<Cell>) {
        debug_assert_eq!(row.len(), self.columns.len(), "a row has one cell a column");
        row.resize(self.columns.len(), Cell::Nothing);
        self.rows.push(row);
    }

    /// The place of a column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The cells of a column.
    pub fn cells(&self, name: &str) -> impl Iterator<Item = &Cell> {
        let place = self.column(name);
        self.rows.iter().filter_map(move |row| row.get(place?))
    }
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// For programs: `last_activity_at`.
    pub name: &'static str,
    /// For people: `Last activity`.
    pub label: &'static str,
    /// What its cells hold.
    pub kind: Kind,
    /// The unit of its numbers.
    pub unit: Option<&'static str>,
    /// Whom it tells about.
    pub sensitivity: Sensitivity,
}

impl Column {
    /// A column that tells about nobody.
    #[must_use]
    pub const fn new(name: &'static str, label: &'static str, kind: Kind) -> Self {
        Self { name, label, kind, unit: None, sensitivity: Sensitivity::Plain }
    }

    /// Text that tells about nobody.
    #[must_use]
    pub const fn text(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Text)
    }

    /// Text that names a person.
    #[must_use]
    pub const fn person(name: &'static str, label: &'static str) -> Self {
        Self { sensitivity: Sensitivity::Person, ..Self::text(name, label) }
    }

    /// Text that tells where a person was, or with what.
    #[must_use]
    pub const fn whereabouts(name: &'static str, label: &'static str) -> Self {
        Self { sensitivity: Sensitivity::Whereabouts, ..Self::text(name, label) }
    }

    /// A count of something.
    #[must_use]
    pub const fn count(name: &'static str, label: &'static str, unit: &'static str) -> Self {
        Self { unit: Some(unit), ..Self::new(name, label, Kind::Integer) }
    }

    /// An amount of money.
    #[must_use]
    pub const fn money(name: &'static str, label: &'static str) -> Self {
        Self { unit: Some("USD"), ..Self::new(name, label, Kind::Money) }
    }

    /// The column that a figure would stand in: money, a share, or a plain number.
    #[must_use]
    pub(crate) fn of_figure(self, figure: &Figure) -> Self {
        let kind = match (figure.unit, &figure.value) {
            (Some("USD"), _) => Kind::Money,
            (Some("ratio"), _) => Kind::Share,
            (_, Cell::Decimal(_)) => Kind::Decimal,
            _ => self.kind,
        };
        Self { kind, ..self }
    }

    /// A share of a whole: 0.25 is a quarter.
    #[must_use]
    pub const fn share(name: &'static str, label: &'static str) -> Self {
        Self { unit: Some("ratio"), ..Self::new(name, label, Kind::Share) }
    }

    /// An instant.
    #[must_use]
    pub const fn instant(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Instant)
    }

    /// A UTC day.
    #[must_use]
    pub const fn day(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Day)
    }

    /// Yes or no.
    #[must_use]
    pub const fn flag(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Boolean)
    }

    /// Several texts.
    #[must_use]
    pub const fn list(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::List)
    }
}

/// What a column's cells hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Words.
    Text,
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Decimal,
    /// Money, exact.
    Money,
    /// A share of a whole, from 0 to 1.
    Share,
    /// An instant.
    Instant,
    /// A UTC day.
    Day,
    /// Yes or no.
    Boolean,
    /// Several texts.
    List,
}

impl Kind {
    /// Its name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Money => "money",
            Self::Share => "share",
            Self::Instant => "instant",
            Self::Day => "day",
            Self::Boolean => "boolean",
            Self::List => "list",
        }
    }

    /// Whether its cells stand at the right, under each other.
    #[must_use]
    pub const fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Decimal | Self::Money | Self::Share)
    }
}

/// Whom a column tells about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sensitivity {
    /// Nobody.
    Plain,
    /// It names a person: an id, a name, an address.
    Person,
    /// It tells where a person was or with what: a network address, a browser.
    Whereabouts,
}

/// What stands in one place of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// There is nothing to say.
    Nothing,
    /// It is known and not shown: the group is too small.
    Suppressed,
    /// Words.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction, or money.
    Decimal(Decimal),
    /// Microseconds since 1970.
    Instant(i64),
    /// A UTC day.
    Day(UtcDay),
    /// Yes or no.
    Boolean(bool),
    /// Several texts.
    List(Vec<String>),
}

impl Cell {
    /// A count.
    #[must_use]
    pub fn count(number: usize) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }

    /// A share of a whole; nothing where there is no whole.
    #[must_use]
    pub fn share(part: u64, whole: u64) -> Self {
        match whole {
            0 => Self::Nothing,
            whole => Self::Decimal((Decimal::from(part) / Decimal::from(whole)).round_dp(4)),
        }
    }

    /// The number in it, if it is one.
    #[must_use]
    pub fn number(&self) -> Option<Decimal> {
        match self {
            Self::Integer(number) => Some(Decimal::from(*number)),
            Self::Decimal(number) => Some(*number),
            _ => None,
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<Decimal> for Cell {
    fn from(number: Decimal) -> Self {
        Self::Decimal(number)
    }
}

impl From<UtcDay> for Cell {
    fn from(day: UtcDay) -> Self {
        Self::Day(day)
    }
}

impl From<bool> for Cell {
    fn from(flag: bool) -> Self {
        Self::Boolean(flag)
    }
}

impl From<Vec<String>> for Cell {
    fn from(texts: Vec<String>) -> Self {
        Self::List(texts)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}
