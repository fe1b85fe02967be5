//! The day tables: what each listing says of one day, built from that day's facts and kept beside them.
//! The same facts give the same rows, byte for byte; late facts make a day stale, and it is built again. So do other
//! prices or names in the configuration, and other addresses in the directory where a day's rows depend on them.
//! Never reads another day's facts.

use std::collections::BTreeMap;
use std::ops::Range;

use ephor_lake::{BuiltFrom, DayTable, DayTableSpec, Lake, LakeError};
use ephor_wire::timestamp::UtcDay;

use crate::connector_name::ConnectorNames;
use crate::facts::{self, Column, Context, Load, Wanted};
use crate::frame::{self, Frame};
use crate::groups::{Groups, People};
use crate::listing::spec::Spec;
use crate::listing::{self, Cut, Surroundings};
use crate::prices::PriceList;
use crate::query::{Days, Filters, Listing, Reach};

/// The listings that have a day table.
pub(crate) const LISTINGS: [Listing; 6] =
    [Listing::Users, Listing::Projects, Listing::Skills, Listing::Connectors, Listing::Plugins, Listing::Artifacts];

/// The day tables of a lake.
#[derive(Debug, Clone)]
pub(crate) struct DayTables {
    tables: BTreeMap<Listing, DayTable>,
}

/// One day of every listing.
pub(crate) struct BuiltDay {
    frames: Vec<(Listing, Frame)>,
    /// Whether a row says what only the directory knows: then it depends on the directory as well as on the day's facts.
    pub(crate) asked_directory: bool,
}

/// One more whenever the same facts are counted into other rows than before: days that an older Ephor has built are
/// then built again.
pub(crate) const COUNTING: u64 = 2;

impl DayTables {
    pub(crate) async fn open(lake: &Lake) -> Result<Self, LakeError> {
        let mut tables = BTreeMap::new();
        for listing in LISTINGS {
            let spec = Spec::of(listing);
            let table = DayTableSpec { name: spec.table, columns: frame::schema(&fields(listing)) };
            tables.insert(listing, lake.day_table(&table).await?);
        }
        Ok(Self { tables })
    }

    pub(crate) fn of(&self, listing: Listing) -> &DayTable {
        &self.tables[&listing]
    }

    /// Whether days can be built here: a lake that is open for reading is asked in another way.
    pub(crate) fn can_be_built(&self) -> bool {
        self.tables.values().all(DayTable::is_open_for_writing)
    }

    /// What all tables of a day were built from; nothing if one was never built, or from something else than the others.
    pub(crate) fn built_from(&self, day: UtcDay) -> Option<BuiltFrom> {
        let mut built = self.tables.values().map(|table| table.built_from(day));
        let first = built.next()??;
        built.all(|other| other == Some(first)).then_some(first)
    }

    /// Puts a built day in the place of what was there.
    pub(crate) async fn replace(&self, day: UtcDay, built: &BuiltDay, built_from: BuiltFrom) -> Result<u64, LakeError> {
        let mut rows = 0;
        for (listing, frame) in &built.frames {
            self.of(*listing).replace(day, &frame.to_batch()?, built_from).await?;
            rows += frame.rows as u64;
        }
        Ok(rows)
    }
}

/// A day of a listing as its table has it. Blocking.
pub(crate) fn read(table: &DayTable, listing: Listing, day: UtcDay) -> Result<Frame, LakeError> {
    Ok(read_rows(table, listing, day, 0..usize::MAX)?.0)
}

/// Some rows of a day of a listing, and how many it has. Blocking.
pub(crate) fn read_rows(
    table: &DayTable,
    listing: Listing,
    day: UtcDay,
    rows: Range<usize>,
) -> Result<(Frame, usize), LakeError> {
    let fields = fields(listing);
    let schema = frame::schema(&fields);
    let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let read = table.read_rows(day, &columns, rows)?;
    Ok((Frame::from_batches(fields.into(), &read.batches, day)?, read.of))
}

/// Some fields of every row of a day of a listing. Blocking.
pub(crate) fn read_fields(
    table: &DayTable,
    listing: Listing,
    day: UtcDay,
    paths: &[String],
) -> Result<Frame, LakeError> {
    let mut fields = fields(listing);
    fields.retain(|field| paths.iter().any(|path| path == field.path));
    let schema = frame::schema(&fields);
    let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    Frame::from_batches(fields.into(), &table.read(day, &columns)?, day)
}

fn fields(listing: Listing) -> Vec<crate::listing::spec::Field> {
    let day = UtcDay::from_micros(0);
    listing::fields(&Cut { listing, days: Days::Day(day), filters: &Filters::default(), group_by: &[] })
}

/// Counts a day for every listing, of the facts with a smaller `seq`. Blocking.
pub(crate) fn build(
    lake: &Lake,
    day: UtcDay,
    before_seq: u64,
    people: &People,
    connectors: &ConnectorNames,
    prices: &PriceList,
) -> Result<BuiltDay, LakeError> {
    let mut columns: Vec<Column> = LISTINGS.iter().flat_map(|listing| Spec::of(*listing).columns()).collect();
    columns.sort_by_key(|column| *column as usize);
    columns.dedup();
    columns.extend([Column::ContextWindow, Column::Speed]);
    let load =
        Load { reach: &Reach::Parent, before_seq: Some(before_seq), columns: &columns, spent: true, rows: Wanted::All };
    let context = Context { connectors, people: &people.id_by_email };
    let facts = facts::load(lake.usage(), &[day], &load, &context)?;
    let around = Surroundings { people, groups: &Groups::default(), connectors, prices };
    let frame = |listing: Listing| {
        let cut = Cut { listing, days: Days::Day(day), filters: &Filters::default(), group_by: &[] };
        Ok((listing, listing::count(&facts, &cut, &around)?))
    };
    let frames = LISTINGS.into_iter().map(frame).collect::<Result<Vec<(Listing, Frame)>, LakeError>>()?;
    let asked_directory = frames.iter().any(|(_, frame)| frame.asked_directory);
    Ok(BuiltDay { frames, asked_directory })
}
