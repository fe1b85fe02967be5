//! Reading days of `usage_events` into columns: words become codes, names numbers, people one person each.
//! Each distinct text of a file is looked up once, not each row.
//! Never keeps a row that the question does not reach.

use std::collections::{HashMap, HashSet};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimestampMicrosecondType};
use ephor_lake::{LakeError, Usage};
use ephor_wire::timestamp::UtcDay;
use ephor_wire::usage::{OfficeApp, Surface, UsageKind};

use super::codes::{self, ABSENT, Place, Word, kind_code};
use super::names::{NONE, Name, Names};
use super::{Column, Facts, Spent};
use crate::connector_name::ConnectorNames;
use crate::query::Reach;

/// What rows are read against.
#[derive(Debug, Clone)]
pub(crate) struct Context<'a> {
    pub(crate) connectors: &'a ConnectorNames,
    /// Ids of people by address, in lower case.
    pub(crate) people: &'a HashMap<String, String>,
}

/// What to read.
#[derive(Debug, Clone)]
pub(crate) struct Load<'a> {
    pub(crate) reach: &'a Reach,
    /// Rows that arrived before this.
    pub(crate) before_seq: Option<u64>,
    /// The columns that will be asked for.
    pub(crate) columns: &'a [Column],
    /// Whether tokens will be asked for.
    pub(crate) spent: bool,
    /// The rows that are enough.
    pub(crate) rows: Wanted,
}

/// Which rows a question needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All.
    All,
    /// Those that name something in this column.
    Naming(Column),
    /// Those that tell of requests to a model.
    Requests,
}

/// Kinds that tell of requests to a model.
const REQUESTS: [UsageKind; 2] = [UsageKind::ApiRequest, UsageKind::ApiUsage];

/// Columns of the table that every load reads.
const ALWAYS: &[&str] = &["seq", "id", "time", "surface", "kind", "app", "detail", "tool", "auth", "count"];
const TOKENS: &[&str] = &[
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_creation_5m_tokens",
    "cache_creation_1h_tokens",
    "web_search_requests",
    "cost_nano_usd",
];

/// Reads the facts of some days. Blocking.
pub(crate) fn load(usage: &Usage, days: &[UtcDay], load: &Load<'_>, context: &Context<'_>) -> Result<Facts, LakeError> {
    let mut facts = Facts::empty();
    let wanted = table_columns(load);
    for (number, day) in days.iter().enumerate() {
        let day_number = u16::try_from(number).unwrap_or(u16::MAX);
        for batch in usage.read_day(*day, &wanted)? {
            read_batch(&mut facts, &batch, day_number, load, context)?;
        }
    }
    Ok(facts)
}

fn table_columns(load: &Load<'_>) -> Vec<&'static str> {
    let mut wanted: Vec<&'static str> = ALWAYS.to_vec();
    for column in load.columns {
        wanted.extend(sources_of(*column));
    }
    if load.spent {
        wanted.extend(TOKENS);
    }
    if *load.reach != Reach::Parent {
        wanted.extend(["organization_id", "organization_uuid"]);
    }
    let mut seen = HashSet::new();
    wanted.retain(|name| seen.insert(*name));
    wanted
}

/// The table's columns that a column is made from.
fn sources_of(column: Column) -> &'static [&'static str] {
    match column {
        Column::User => &["user_id", "user_email"],
        Column::Email => &["user_email"],
        Column::Conversation => &["conversation_id"],
        Column::Session => &["session_id"],
        Column::Project => &["project_id"],
        Column::ProjectName => &["project_name"],
        Column::Skill => &["skill_name"],
        Column::Connector => &["connector_name"],
        Column::Plugin => &["plugin_name"],
        Column::PluginId => &["plugin_id"],
        Column::DisplayName => &["display_name"],
        Column::Artifact => &["artifact_id"],
        Column::ArtifactType => &["artifact_type"],
        Column::File => &["file_id"],
        Column::Model => &["model"],
        Column::Speed => &["speed"],
        Column::ContextWindow => &["context_window"],
        Column::InferenceGeo => &["inference_geo"],
        Column::OrganizationId => &["organization_id"],
        Column::OrganizationUuid => &["organization_uuid"],
        Column::ApiKey => &["api_key_id"],
    }
}

/// Adds the rows of a batch, which is of the day of this number.
pub(crate) fn read_batch(
    facts: &mut Facts,
    batch: &RecordBatch,
    day: u16,
    load: &Load<'_>,
    context: &Context<'_>,
) -> Result<(), LakeError> {
    let kept = rows_within(batch, load)?;
    let time = cast(&column(batch, "time")?, &DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, None))?;
    let time = time.as_primitive::<TimestampMicrosecondType>();
    let times = numbers(batch, "count")?;
    facts.day.resize(facts.day.len() + kept.len(), day);
    facts.time.extend(kept.iter().map(|row| time.value(*row)));
    facts.times.extend(kept.iter().map(|row| times[*row].unwrap_or(1)));
    let apps = Words::read(batch, "app", |text| OfficeApp::of(text).map_or(codes::OTHER, |app| app as u8 + 1))?;
    let surfaces = Words::read(batch, "surface", |text| Surface::of(text).map_or(codes::OTHER, |s| s as u8 + 1))?;
    let kinds = Words::read(batch, "kind", |text| kind_code(UsageKind::of(text)))?;
    facts.place.extend(kept.iter().map(|row| place(surfaces.at(*row), apps.at(*row)) as u8));
    facts.kind.extend(kept.iter().map(|row| kinds.at(*row)));
    for (name, into) in [("detail", &mut facts.detail), ("tool", &mut facts.tool), ("auth", &mut facts.auth)] {
        let words = Words::read(batch, name, codes::word)?;
        into.extend(kept.iter().map(|row| words.at(*row)));
    }
    for column in load.columns {
        let values = match column {
            Column::User => people(facts, batch, &kept, context)?,
            _ => names(&mut facts.names, batch, *column, &kept, &facts.kind, context)?,
        };
        facts.columns[*column as usize].extend(values);
    }
    read_spent(facts, batch, &kept, load)
}

/// The rows that the question reaches.
fn rows_within(batch: &RecordBatch, load: &Load<'_>) -> Result<Vec<usize>, LakeError> {
    let seq = numbers(batch, "seq")?;
    let named = match load.rows {
        Wanted::Naming(column) => Some(self::column(batch, sources_of(column)[0])?),
        Wanted::All | Wanted::Requests => None,
    };
    let requests = match load.rows {
        Wanted::Requests => Some(Words::read(batch, "kind", |text| {
            Word::from(UsageKind::of(text).is_some_and(|kind| REQUESTS.contains(&kind)))
        })?),
        Wanted::All | Wanted::Naming(_) => None,
    };
    let is_wanted = |row: usize| {
        named.as_ref().is_none_or(|texts| texts.is_valid(row))
            && requests.as_ref().is_none_or(|kinds| kinds.at(row) == 1)
    };
    let in_time = |row: usize| load.before_seq.is_none_or(|before| seq[row].unwrap_or(0).unsigned_abs() < before);
    let Reach::Organization { id, uuid } = load.reach else {
        return Ok((0..batch.num_rows()).filter(|row| in_time(*row) && is_wanted(*row)).collect());
    };
    let ids = Words::read(batch, "organization_id", |text| Word::from(text == id))?;
    let uuids = Words::read(batch, "organization_uuid", |text| Word::from(text == uuid))?;
    let reached = |row: usize| in_time(row) && is_wanted(row) && (ids.at(row) == 1 || uuids.at(row) == 1);
    Ok((0..batch.num_rows()).filter(|row| reached(*row)).collect())
}

fn place(surface: Word, app: Word) -> Place {
    let from = |code: Word| usize::from(code).checked_sub(1);
    let surface = from(surface).and_then(|place| Surface::ALL.get(place).copied());
    Place::of(surface, from(app).and_then(|place| OfficeApp::ALL.get(place).copied()))
}

/// A column of few words, each distinct text looked up once.
struct Words {
    codes: Vec<Word>,
    keys: arrow::array::PrimitiveArray<Int32Type>,
}

impl Words {
    fn read(batch: &RecordBatch, name: &str, code: impl Fn(&str) -> Word) -> Result<Self, LakeError> {
        let array = dictionary(batch, name)?;
        let array = array.as_dictionary::<Int32Type>();
        let texts = array.values().as_string::<i32>();
        Ok(Self { codes: texts.iter().map(|text| text.map_or(ABSENT, &code)).collect(), keys: array.keys().clone() })
    }

    fn at(&self, row: usize) -> Word {
        if self.keys.is_null(row) { ABSENT } else { self.codes[self.keys.value(row) as usize] }
    }
}

/// Who it was, for the rows that are kept: the id, else whose address it is, else the address.
fn people(
    facts: &mut Facts,
    batch: &RecordBatch,
    kept: &[usize],
    context: &Context<'_>,
) -> Result<Vec<Name>, LakeError> {
    let ids = plain(&mut facts.names, batch, "user_id", kept, str::to_owned)?;
    let by_address = |text: &str| {
        let address = text.to_lowercase();
        context.people.get(&address).cloned().unwrap_or(address)
    };
    let addresses = plain(&mut facts.names, batch, "user_email", kept, by_address)?;
    let mut people = ids;
    for (person, address) in people.iter_mut().zip(addresses).filter(|(id, address)| **id == NONE && *address != NONE) {
        *person = address;
        facts.asked_directory = true;
    }
    Ok(people)
}

/// A column's names, for the rows that are kept.
fn names(
    names: &mut Names,
    batch: &RecordBatch,
    column: Column,
    kept: &[usize],
    kinds: &[u8],
    context: &Context<'_>,
) -> Result<Vec<Name>, LakeError> {
    match column {
        Column::Connector => plain(names, batch, "connector_name", kept, |text| context.connectors.published(text)),
        Column::Artifact | Column::File => {
            let mut values = plain(names, batch, sources_of(column)[0], kept, str::to_owned)?;
            let new = |kind: UsageKind| match column {
                Column::File => kind == UsageKind::FileUploaded,
                _ => matches!(kind, UsageKind::ArtifactCreated | UsageKind::ArtifactViewed),
            };
            let codes: Vec<u8> = UsageKind::ALL.iter().copied().filter(|kind| new(*kind)).map(|k| k as u8).collect();
            let first = kinds.len() - kept.len();
            let ids = cast(&self::column(batch, "id")?, &DataType::Utf8)?;
            let ids = ids.as_string::<i32>();
            for (place, row) in kept.iter().enumerate() {
                // What has no id of its own is told apart by the event that tells of it.
                if values[place] == NONE && codes.contains(&kinds[first + place]) {
                    values[place] = names.number(ids.value(*row));
                }
            }
            Ok(values)
        }
        _ => plain(names, batch, sources_of(column)[0], kept, str::to_owned),
    }
}

/// A text column as numbers, each distinct text of the file turned into its name once.
fn plain(
    names: &mut Names,
    batch: &RecordBatch,
    name: &str,
    kept: &[usize],
    spelled: impl Fn(&str) -> String,
) -> Result<Vec<Name>, LakeError> {
    let array = dictionary(batch, name)?;
    let array = array.as_dictionary::<Int32Type>();
    let (keys, texts) = (array.keys(), array.values().as_string::<i32>());
    // Files may hold texts that only rows outside the reach use: a text gets a number when a row asks for it.
    let mut numbers: Vec<Option<Name>> = vec![None; texts.len()];
    let mut number_of = |key: usize| {
        *numbers[key].get_or_insert_with(|| match texts.value(key) {
            "" => NONE,
            text => names.number(&spelled(text)),
        })
    };
    Ok(kept.iter().map(|row| if keys.is_null(*row) { NONE } else { number_of(keys.value(*row) as usize) }).collect())
}

fn read_spent(facts: &mut Facts, batch: &RecordBatch, kept: &[usize], load: &Load<'_>) -> Result<(), LakeError> {
    let first = facts.kind.len() - kept.len();
    facts.spent_at.resize(facts.kind.len(), 0);
    if !load.spent {
        return Ok(());
    }
    let columns = TOKENS.iter().map(|name| numbers(batch, name)).collect::<Result<Vec<_>, _>>()?;
    let requests = REQUESTS.map(|kind| kind as u8);
    for (place, row) in kept.iter().enumerate() {
        if !requests.contains(&facts.kind[first + place]) {
            continue;
        }
        let number = |column: usize| columns[column][*row].unwrap_or(0);
        facts.spent.push(Spent {
            input: number(0),
            output: number(1),
            cache_read: number(2),
            cache_creation_5m: number(3),
            cache_creation_1h: number(4),
            web_searches: number(5),
            told_nano_usd: columns[6][*row],
        });
        facts.spent_at[first + place] = u32::try_from(facts.spent.len()).unwrap_or(u32::MAX);
    }
    Ok(())
}

fn column(batch: &RecordBatch, name: &str) -> Result<ArrayRef, LakeError> {
    batch.column_by_name(name).cloned().ok_or_else(|| {
        LakeError::from(arrow::error::ArrowError::SchemaError(format!("usage_events has no column {name}")))
    })
}

fn dictionary(batch: &RecordBatch, name: &str) -> Result<ArrayRef, LakeError> {
    let wanted = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    Ok(cast(&column(batch, name)?, &wanted)?)
}

fn numbers(batch: &RecordBatch, name: &str) -> Result<Vec<Option<i64>>, LakeError> {
    let array = cast(&column(batch, name)?, &DataType::Int64)?;
    Ok(array.as_primitive::<Int64Type>().iter().collect())
}
