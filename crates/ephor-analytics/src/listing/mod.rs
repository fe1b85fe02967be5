//! A listing's rows from facts: filtered, put into groups, counted, named, sorted.
//! The same code counts one day for its table and any range, cut or filter that somebody asks for.
//! Never looks at the order of facts.

pub(crate) mod rows;
pub(crate) mod spec;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, Int64Builder, StringArray, StringBuilder};
use arrow::compute::concat;
use ephor_lake::LakeError;
use ephor_wire::timestamp::UtcDay;
use rayon::prelude::*;

use crate::connector_name::ConnectorNames;
use crate::facts::Facts;
use crate::facts::names::{NONE, Name};
use crate::frame::{self, Frame};
use crate::groups::{Groups, People};
use crate::measure::{Program, Take, Tally, Value};
use crate::prices::PriceList;
use crate::query::{Days, Filters, GroupBy, Listing};
use rows::{Grouped, Key, Membership};
use spec::{Entity, Field, From, Shape, Spec};

/// Groups of rows that one thread counts at a time.
const GROUPS_AT_ONCE: usize = 2_048;

/// What a listing is counted against.
pub(crate) struct Surroundings<'a> {
    pub(crate) people: &'a People,
    pub(crate) groups: &'a Groups,
    pub(crate) connectors: &'a ConnectorNames,
    pub(crate) prices: &'a PriceList,
}

/// What is asked of the facts that were read.
pub(crate) struct Cut<'a> {
    pub(crate) listing: Listing,
    pub(crate) days: Days,
    pub(crate) filters: &'a Filters,
    pub(crate) group_by: &'a [GroupBy],
}

impl Cut<'_> {
    pub(crate) fn first_day(&self) -> UtcDay {
        match self.days {
            Days::Day(day) => day,
            Days::Range { first, .. } => first,
        }
    }

    /// `users` cut by a group has one row a group and no person.
    fn entity(&self) -> Option<Entity> {
        let whole_groups = self.listing == Listing::Users && !self.group_by.is_empty();
        (!whole_groups).then(|| Spec::of(self.listing).entity)
    }
}

/// Counts a listing; sorted as the endpoint sorts.
pub(crate) fn count(facts: &Facts, cut: &Cut<'_>, around: &Surroundings<'_>) -> Result<Frame, LakeError> {
    let spec = Spec::of(cut.listing);
    let named = &cut.filters.rbac_group_ids;
    let within = (!named.is_empty()).then(|| Membership::of(facts, around.groups, named, cut.first_day()));
    let cut_by =
        cut.group_by.contains(&GroupBy::RbacGroup).then(|| Membership::of(facts, around.groups, &[], cut.first_day()));
    let rows = rows::filtered(facts, cut.filters, within.as_ref(), around.connectors);
    let grouped = rows::grouped(facts, &rows, cut.entity(), cut.group_by, cut_by.as_ref());
    let fields = fields(cut);
    let (columns, present) = tally(facts, &grouped, spec, &fields, around.prices)?;
    let mut frame = Frame {
        fields: fields.into(),
        columns,
        rows: grouped.keys.len(),
        first_day: cut.first_day(),
        asked_directory: facts.asked_directory,
    };
    name_rows(&mut frame, facts, &grouped.keys, cut, cut_by.as_ref(), around);
    finish(&mut frame, cut, around);
    let kept: Vec<u32> = (0u32..).zip(&present).filter(|(_, present)| **present).map(|(place, _)| place).collect();
    let kept = keep_asked(kept, &frame, cut);
    let frame = frame.picked(kept)?;
    let sorted_by: Vec<&str> = sort_columns(spec, cut.group_by);
    frame.sorted(&sorted_by)
}

/// The endpoint's own order, then the cuts.
pub(crate) fn sort_columns(spec: &Spec, group_by: &[GroupBy]) -> Vec<&'static str> {
    let cuts = group_by.iter().map(|cut| match cut {
        GroupBy::Product => "product",
        GroupBy::RbacGroup => "rbac_group_id",
        GroupBy::User => "user_id",
    });
    spec.sorted_by.iter().copied().chain(cuts).collect()
}

/// The fields of the answer: those of the listing, and the keys that it is cut by.
pub(crate) fn fields(cut: &Cut<'_>) -> Vec<Field> {
    let mut fields: Vec<Field> = Spec::of(cut.listing).fields.to_vec();
    let is_cut = !cut.group_by.is_empty();
    if cut.listing == Listing::Users {
        if is_cut {
            fields.retain(|field| !field.path.starts_with("user."));
            fields.insert(0, Field { path: "user", shape: Shape::Json, from: From::Always("null") });
        } else {
            // One person is no number of persons.
            null(&mut fields, "distinct_user_count");
        }
    }
    let is_day = matches!(cut.days, Days::Day(_));
    if cut.listing == Listing::Skills && (is_cut || !is_day || !cut.filters.is_empty()) {
        null(&mut fields, "enable_count");
    }
    for by in cut.group_by {
        let text = |path| Field { path, shape: Shape::Text, from: From::Later };
        match by {
            GroupBy::Product => fields.push(text("product")),
            GroupBy::User => fields.push(text("user_id")),
            GroupBy::RbacGroup => fields.extend([
                text("rbac_group_id"),
                Field { path: "rbac_group_name", shape: Shape::MaybeText, from: From::Later },
            ]),
        }
    }
    fields
}

fn null(fields: &mut [Field], path: &str) {
    for field in fields.iter_mut().filter(|field| field.path == path) {
        *field = Field { path: field.path, shape: Shape::Json, from: From::Always("null") };
    }
}

/// A group's counted values, and whether it has a row at all.
fn tally(
    facts: &Facts,
    grouped: &Grouped,
    spec: &Spec,
    fields: &[Field],
    prices: &PriceList,
) -> Result<(Vec<ArrayRef>, Vec<bool>), LakeError> {
    let counted: Vec<(&Field, Take)> = fields
        .iter()
        .filter_map(|field| match field.from {
            From::Counted(_, take) => Some((field, take)),
            _ => None,
        })
        .collect();
    let measures = fields.iter().filter_map(|field| match field.from {
        From::Counted(rows, take) => Some((rows, take)),
        _ => None,
    });
    let program = Program::new(measures.chain([(spec.present, spec::PRESENT)]));
    let price = |row: usize| prices.list_nano_usd(facts, row);
    let groups: Vec<usize> = (0..grouped.keys.len()).collect();
    let parts: Vec<Part> = groups
        .par_chunks(GROUPS_AT_ONCE)
        .map(|groups| {
            let mut tally = program.tally();
            let mut part = Part::new(&counted);
            for group in groups {
                let rows = grouped.starts[*group] as usize..grouped.starts[*group + 1] as usize;
                program.run(facts, &grouped.rows[rows], &price, &mut tally);
                part.take(&counted, &mut tally, facts);
            }
            part
        })
        .collect();
    let present = parts.iter().flat_map(|part| part.present.iter().copied()).collect();
    let mut finished: Vec<Vec<ArrayRef>> = parts.into_iter().map(Part::finish).collect();
    let mut next = 0;
    let mut columns = Vec::with_capacity(fields.len());
    for field in fields {
        if !matches!(field.from, From::Counted(..)) {
            columns.push(frame::empty(field));
            continue;
        }
        let arrays: Vec<&dyn Array> = finished.iter_mut().map(|part| part[next].as_ref()).collect();
        columns.push(if arrays.is_empty() { frame::empty(field) } else { concat(&arrays)? });
        next += 1;
    }
    Ok((columns, present))
}

/// The values of some groups, column by column.
struct Part {
    columns: Vec<Cells>,
    present: Vec<bool>,
}

enum Cells {
    Numbers(Int64Builder),
    Texts(StringBuilder),
}

impl Part {
    fn new(counted: &[(&Field, Take)]) -> Self {
        let cells = |(field, _): &(&Field, Take)| match frame::data_type(field.shape) {
            arrow::datatypes::DataType::Utf8 => Cells::Texts(StringBuilder::new()),
            _ => Cells::Numbers(Int64Builder::with_capacity(GROUPS_AT_ONCE)),
        };
        Self { columns: counted.iter().map(cells).collect(), present: Vec::new() }
    }

    fn take(&mut self, counted: &[(&Field, Take)], tally: &mut Tally, facts: &Facts) {
        for (slot, (cells, (_, take))) in self.columns.iter_mut().zip(counted).enumerate() {
            match (cells, tally.value(slot, *take, facts)) {
                (Cells::Numbers(numbers), Value::Count(count)) => numbers.append_value(count),
                (Cells::Numbers(numbers), _) => numbers.append_null(),
                (Cells::Texts(texts), Value::Name(name)) if name != NONE => {
                    texts.append_value(facts.names.text(name));
                }
                (Cells::Texts(texts), _) => texts.append_null(),
            }
        }
        self.present.push(tally.value(counted.len(), spec::PRESENT, facts) != Value::Count(0));
    }

    fn finish(self) -> Vec<ArrayRef> {
        let finish = |cells| match cells {
            Cells::Numbers(mut numbers) => Arc::new(numbers.finish()) as ArrayRef,
            Cells::Texts(mut texts) => Arc::new(texts.finish()) as ArrayRef,
        };
        self.columns.into_iter().map(finish).collect()
    }
}

/// Puts in the names of what was counted.
fn name_rows(
    frame: &mut Frame,
    facts: &Facts,
    keys: &[Key],
    cut: &Cut<'_>,
    membership: Option<&Membership>,
    around: &Surroundings<'_>,
) {
    let texts = |text: &dyn Fn(&Key) -> Option<String>| -> ArrayRef {
        Arc::new(keys.iter().map(text).collect::<StringArray>())
    };
    let of = |name: Name| Some(facts.names.text(name).to_owned());
    let spec = Spec::of(cut.listing);
    if let (Some(path), Some(entity)) = (spec.sorted_key(), cut.entity()) {
        let column = match entity {
            Entity::Each(_) => texts(&|key| of(key.entity)),
            Entity::Artifacts => texts(&|key| Some(rows::artifact_of(key.entity).0.to_owned())),
        };
        frame.replace(path, column);
    }
    let shared = keys.iter().map(|key| Some(i64::from(rows::artifact_of(key.entity).1)));
    frame.replace("is_shared", Arc::new(shared.collect::<Int64Array>()));
    frame.replace("product", texts(&|key| Some(rows::product_of(key.surface).to_owned())));
    if cut.group_by.contains(&GroupBy::User) {
        frame.replace("user_id", texts(&|key| of(key.user)));
    }
    if let Some(membership) = membership {
        let group = |key: &Key| membership.groups.get(key.rbac_group as usize);
        frame.replace("rbac_group_id", texts(&|key| group(key).cloned()));
        let name = |key: &Key| around.groups.name(group(key)?).map(str::to_owned);
        frame.replace("rbac_group_name", texts(&name));
    }
}

/// Fields that follow from others or from the directory.
fn finish(frame: &mut Frame, cut: &Cut<'_>, around: &Surroundings<'_>) {
    match cut.listing {
        Listing::Users => {
            let (Some(ids), Some(emails)) = (frame.texts("user.id"), frame.texts("user.email_address")) else { return };
            let email = |row: usize| match emails.is_valid(row) {
                true => Some(emails.value(row).to_owned()),
                // An id that is an address stands for itself.
                false => around.people.email_by_id.get(ids.value(row)).cloned().or_else(|| {
                    let id = ids.value(row);
                    id.contains('@').then(|| id.to_owned())
                }),
            };
            let asked_directory = emails.null_count() > 0;
            let emails = (0..frame.rows).map(|row| Some(email(row).unwrap_or_default())).collect::<StringArray>();
            frame.replace("user.email_address", Arc::new(emails));
            frame.asked_directory |= asked_directory;
        }
        Listing::Skills => {
            let Some(price) = frame.numbers("attributed_list_price") else { return };
            let currency = price.iter().map(|price| price.map(|_| "USD")).collect::<StringArray>();
            frame.replace("currency", Arc::new(currency));
        }
        _ => {}
    }
}

/// Filters that look at a finished row.
fn keep_asked(kept: Vec<u32>, frame: &Frame, cut: &Cut<'_>) -> Vec<u32> {
    let filters = cut.filters;
    let statuses: HashSet<i64> =
        filters.share_statuses.iter().map(|status| i64::from(crate::facts::codes::word(status))).collect();
    let types: HashMap<&str, ()> = filters.artifact_types.iter().map(|text| (text.as_str(), ())).collect();
    let asked = |row: &u32| {
        let row = *row as usize;
        let status = |numbers: &Int64Array| numbers.is_valid(row) && statuses.contains(&numbers.value(row));
        let shared = |numbers: &Int64Array| filters.is_shared.contains(&(numbers.value(row) == 1));
        (statuses.is_empty() || frame.numbers("share_status").is_none_or(status))
            && (types.is_empty()
                || frame.texts("artifact_type").is_none_or(|texts| types.contains_key(texts.value(row))))
            && (filters.is_shared.is_empty() || frame.numbers("is_shared").is_none_or(shared))
    };
    kept.into_iter().filter(asked).collect()
}
