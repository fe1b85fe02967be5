//! Cost attribution and chargeback: what was spent, by everything that pays for it, to the last digit of the whole.
//! Promises that every cut sums up to the organisation's total, with what belongs to nobody as a line of its own.
//! Never adds seats and usage together, and never computes money in binary fractions.

mod allocation;
mod anomalies;
mod books;
pub(crate) mod focus;
mod forecast;

use std::collections::BTreeMap;
use std::str::FromStr;

use ephor_analytics::query::{AsOf, BucketWidth, CostFilters, Direction, Rank, Report as CostReport, ReportQuery};
use ephor_lake::directory::DirectoryKind;
use rust_decimal::Decimal;
use serde_json::Value;

use super::ReportInfo;
use crate::chart::{Chart, Series};
use crate::desk::{Desk, Question};
use crate::error::ReportError;
use crate::table::{Cell, Column, Figure, Report, Section, Table};
use allocation::{Cut, Share, Shares, Sums};
use books::{Books, NOBODY, Name};

pub(super) const INFO: ReportInfo = ReportInfo {
    name: "cost-attribution",
    title: "Cost attribution and chargeback",
    question: "What was spent, on what, and who pays for it?",
};

/// Days that the report usually looks at.
const USUAL_DAYS: u32 = 30;

/// What belongs to nobody.
const UNALLOCATED: &str = "(unallocated)";

pub(super) async fn make(desk: &Desk, question: &Question) -> Result<Report, ReportError> {
    let books = Books::open(desk, question).await?;
    let period = books.period;
    let (total, before) = (books.spent.total, books.before.total);
    let cut_by = |id, title, column, by| Section::new(id, title, cut(&books, column, by, str::to_owned));
    let cost_centre = Column::text("cost_centre", "Cost centre");
    let main = cut_by("cost-centres", "By cost centre", cost_centre, Cut::CostCentre).noted(match books.payers.people.has_roster() {
        true => "A request is charged to the cost centre that its person was in on that day.",
        false => {
            "No roster was imported (`ephor roster import FILE`), so nothing says who pays: all of it is unallocated."
        }
    });
    let chart = top_chart(&main.table, "Usage by cost centre");
    let mut report = Report {
        name: INFO.name,
        title: INFO.title.to_owned(),
        question: INFO.question,
        provenance: desk.provenance(period, population(&books)).await?,
        figures: figures(desk, &books, total, before),
        main: main.charted(chart),
        others: vec![
            seats(desk, &books),
            over_time(&books),
            by_person(desk, &books),
            by_group(&books),
            cut_by("products", "By product", Column::text("product", "Product"), Cut::Product),
            cut_by("models", "By model", Column::text("model", "Model"), Cut::Model),
            cut_by("charges", "By kind of charge", Column::text("charge", "Charge"), Cut::Charge),
            by_project(desk, &books),
            by_key(desk, &books),
            anomalies::section(&books),
        ],
        notes: notes(),
    };
    report.provenance.parameters = vec![("seat_usd_month", seat_price_words(desk))];
    match &books.payers.group {
        // The Analytics API has no total of a group to compare with.
        Some(group) => report.provenance.parameters.push(("group", group.name.clone())),
        None => report.others.push(reconciliation(desk, &books, total).await?),
    }
    Ok(report)
}

/// A table of one cut, its labels as they are told.
fn cut(books: &Books, column: Column, by: Cut, told: impl Fn(&str) -> String) -> Table {
    table_of(books, column, (books.spent.by(by), books.before.by(by)), told)
}

/// A table of shares now and in the period before; the largest first, what belongs to nobody last.
fn table_of(books: &Books, column: Column, (now, before): (&Shares, &Shares), told: impl Fn(&str) -> String) -> Table {
    let total = books.spent.total.amount_nano_usd;
    let told = |label: Name| books.texts.text(label).map_or_else(|| UNALLOCATED.to_owned(), &told);
    let mut rows: Vec<(String, Name, &Share)> =
        now.iter().map(|(label, share)| (told(*label), *label, share)).collect();
    rows.sort_by(|a, b| {
        let key = |(_, label, share): &(String, Name, &Share)| (*label == NOBODY, -share.sums.amount_nano_usd);
        key(a).cmp(&key(b)).then_with(|| a.0.cmp(&b.0))
    });
    let mut table = Table::of_groups(cut_columns(column), "people");
    for (words, label, share) in rows {
        let earlier = before.get(&label).map(|share| share.sums.amount_nano_usd);
        table.push(cut_row(words, share, earlier, total));
    }
    table
}

fn cut_columns(name: Column) -> Vec<Column> {
    vec![
        name,
        Column::count("people", "People", "people"),
        Column::count("requests", "Requests", "requests"),
        Column::count("tokens", "Tokens", "tokens"),
        Column::money("amount", "Amount"),
        Column::money("list_amount", "At list price"),
        Column::share("share", "Share"),
        Column::money("amount_before", "Period before"),
        Column::share("change", "Change"),
    ]
}

fn cut_row(label: String, share: &Share, earlier: Option<i64>, total: i64) -> Vec<Cell> {
    let sums = share.sums;
    let change = earlier.filter(|earlier| *earlier != 0).map(|earlier| {
        let (now, then) = (Decimal::from(sums.amount_nano_usd), Decimal::from(earlier));
        ((now - then) / then).round_dp(4)
    });
    vec![
        label.into(),
        Cell::count(share.people()),
        sums.requests.into(),
        sums.tokens.into(),
        dollars(sums.amount_nano_usd).into(),
        dollars(sums.list_nano_usd).into(),
        Cell::share(sums.amount_nano_usd.unsigned_abs(), total.unsigned_abs()),
        earlier.map(dollars).into(),
        change.into(),
    ]
}

/// Billionths of a dollar as dollars, exactly.
pub(super) fn dollars(nanos: i64) -> Decimal {
    Decimal::new(nanos, 9).normalize()
}

fn by_person(desk: &Desk, books: &Books) -> Section {
    let told = |id: &str| books.payers.people.email_of(id).unwrap_or(id).to_owned();
    let column = Column::person("person", "Person");
    let mut table = cut(books, column, Cut::Person, told);
    table.headcount = None;
    let note = match &desk.options.rankings_reason {
        Some(reason) => format!("The most expensive first. Rankings of people are on: {reason}."),
        None => {
            table.rows.sort_by_cached_key(|row| format!("{:?}", row[0]));
            "In the order of names. Rankings of people are off; `[reports] rankings_reason` turns them on.".to_owned()
        }
    };
    Section::new("people", "By person", table).noted(note)
}

fn by_group(books: &Books) -> Section {
    let by_group = |spent: &allocation::Spent| spent.by_group(|person| books.groups_of(person));
    let (now, before) = (by_group(&books.spent), by_group(&books.before));
    let table = table_of(books, Column::text("group", "Group"), (&now, &before), str::to_owned);
    Section::new("groups", "By group", table)
        .noted("Groups as they are now. What a person in several groups spent is shared out evenly among them, so that the groups sum up to the whole.")
}

fn by_project(desk: &Desk, books: &Books) -> Section {
    let names = names_of(desk, DirectoryKind::Projects);
    let column = Column::text("project", "Project");
    let table = cut(books, column, Cut::Project, |id| with_name(id, &names));
    Section::new("projects", "By project", table).noted("Only requests that name a project can be given to one.")
}

fn by_key(desk: &Desk, books: &Books) -> Section {
    let names = names_of(desk, DirectoryKind::ApiKeys);
    let column = Column::text("api_key", "API key");
    let table = cut(books, column, Cut::ApiKey, |id| with_name(id, &names));
    Section::new("keys", "By API key", table)
}

/// What the directory calls things of a kind, by id.
fn names_of(desk: &Desk, kind: DirectoryKind) -> BTreeMap<String, String> {
    let directory = desk.lake.directory();
    let mut names = BTreeMap::new();
    for scope in directory.scopes(kind) {
        for one in directory.current(kind, &scope) {
            if let (Some(id), Some(name)) = (one["id"].as_str(), one["name"].as_str()) {
                names.insert(id.to_owned(), name.to_owned());
            }
        }
    }
    names
}

fn with_name(id: &str, names: &BTreeMap<String, String>) -> String {
    names.get(id).map_or_else(|| id.to_owned(), |name| format!("{name} ({id})"))
}

/// Seats stand beside usage and are never added to it.
fn seats(desk: &Desk, books: &Books) -> Section {
    let mut by_centre: BTreeMap<Option<String>, i64> = BTreeMap::new();
    for id in books.payers.people.by_id.keys() {
        let on = books.payers.people.roster_on(id, books.period.last);
        let centre = on.and_then(|on| on.cost_centre.clone().or_else(|| on.department.clone()));
        *by_centre.entry(centre).or_default() += 1;
    }
    let mut table = Table::of(vec![
        Column::text("cost_centre", "Cost centre"),
        Column::count("seats", "Seats", "seats"),
        Column::money("seat_cost_month", "Seats a month"),
    ]);
    for (centre, seats) in by_centre {
        let cost = desk.options.seat_usd_month.map(|price| price * Decimal::from(seats));
        table.push(vec![centre.unwrap_or_else(|| UNALLOCATED.to_owned()).into(), seats.into(), cost.into()]);
    }
    Section::new("seats", "Seats by cost centre", table)
        .noted("Seats as the directory has them now. They are paid for apart from usage.")
}

fn over_time(books: &Books) -> Section {
    let daily = books.amounts_by_day();
    let days: Vec<String> = daily.keys().map(ToString::to_string).collect();
    let amounts: Vec<i64> = daily.values().copied().collect();
    let values = amounts.iter().map(|nanos| Some(*nanos as f64 / 1e9)).collect();
    let mut table = Table::of(vec![Column::day("day", "Day"), Column::money("amount", "Amount")]);
    for (day, nanos) in &daily {
        table.push(vec![(*day).into(), dollars(*nanos).into()]);
    }
    let note = match forecast::next_days(books.period, &amounts) {
        Some(next) => format!(
            "The next {} days come to about {} USD, between {} and {} with a probability of 80 %, if weekdays stay as they were.",
            next.days,
            next.amount.round_dp(2),
            next.low.round_dp(2),
            next.high.round_dp(2)
        ),
        None => format!("A forecast needs {} days.", forecast::FEWEST_DAYS),
    };
    Section::new("days", "Day by day", table).noted(note).charted(Chart::lines(
        "Usage a day",
        "USD",
        days,
        vec![Series::new("amount", values)],
    ))
}

fn figures(desk: &Desk, books: &Books, total: Sums, before: Sums) -> Vec<Figure> {
    let money = |label: &str, nanos: i64, note: Option<String>| Figure {
        label: label.to_owned(),
        value: dollars(nanos).into(),
        unit: Some("USD"),
        note,
    };
    let nobody = books.spent.by(Cut::CostCentre).get(&NOBODY).map_or(0, |share| share.sums.amount_nano_usd);
    let mut figures = vec![
        money(
            "Usage",
            total.amount_nano_usd,
            Some(format!("{} USD in the period before", dollars(before.amount_nano_usd).round_dp(2))),
        ),
        money("At list price", total.list_nano_usd, None),
        money("Unallocated", nobody, Some("spent by nobody that the roster knows".to_owned())),
        Figure { label: "Requests".to_owned(), value: total.requests.into(), unit: None, note: None },
    ];
    let seats = books.payers.people.by_id.len();
    figures.push(Figure {
        label: "Seats a month".to_owned(),
        value: desk.options.seat_usd_month.map(|price| price * Decimal::from(seats as u64)).into(),
        unit: Some("USD"),
        note: Some(format!("{seats} seats, paid for apart from usage")),
    });
    figures
}

/// The same total by another way: the cost report that the Analytics API serves.
async fn reconciliation(desk: &Desk, books: &Books, total: Sums) -> Result<Section, ReportError> {
    let query = ReportQuery {
        report: CostReport::Cost,
        reach: desk.reach(),
        from_micros: books.period.from_micros(),
        to_micros: books.period.to_micros(),
        bucket_width: Some(BucketWidth::Day),
        group_by: Vec::new(),
        filters: CostFilters::default(),
        rank: Rank::Amount,
        direction: Direction::Descending,
        exclude_deleted_users: false,
        as_of: Some(AsOf {
            usage_seq: desk.lake.usage().next_seq(),
            upstream_seq: desk.lake.upstream_rows().next_seq(),
        }),
    };
    let answer = desk.analytics.report(&query).await?;
    let mut served = Decimal::ZERO;
    for row in answer.rows.iter() {
        let bucket: Value = serde_json::from_slice(&row.json).unwrap_or_default();
        let cents = bucket["results"].as_array().into_iter().flatten().filter_map(|result| result["amount"].as_str());
        served += cents.filter_map(|cents| Decimal::from_str(cents).ok()).sum::<Decimal>() / Decimal::ONE_HUNDRED;
    }
    let counted = dollars(total.amount_nano_usd);
    let mut table = Table::of(vec![Column::text("total", "Total"), Column::money("amount", "Amount")]);
    table.push(vec!["counted here, entry by entry".into(), counted.into()]);
    table.push(vec!["cost_report of the Analytics API".into(), served.normalize().into()]);
    table.push(vec!["difference".into(), (served - counted).normalize().into()]);
    Ok(Section::new("reconciliation", "Reconciliation", table).noted(
        "Both are made from the same usage events. Where the configuration lets an upstream answer, the difference is what its revisions say and the events do not.",
    ))
}

fn top_chart(table: &Table, title: &str) -> Chart {
    let labels = table.rows.iter().map(|row| match &row[0] {
        Cell::Text(label) => label.clone(),
        _ => String::new(),
    });
    let values =
        table.cells("amount").map(|cell| cell.number().and_then(|number| f64::try_from(number).ok())).collect();
    Chart::bars(title, "USD", labels.collect(), vec![Series::new("amount", values)])
}

fn population(books: &Books) -> String {
    let people = books.spent.by(Cut::Person).keys().filter(|person| **person != NOBODY).count();
    let of_group =
        books.payers.group.as_ref().map_or_else(String::new, |group| format!(" of the group {}", group.name));
    format!("{people} people{of_group} who used a model, {} entries", books.spent.entries)
}

fn seat_price_words(desk: &Desk) -> String {
    desk.options.seat_usd_month.map_or_else(|| "not set".to_owned(), |price| price.to_string())
}

fn notes() -> Vec<String> {
    [
        "Amounts are what the source said a request cost; where it said nothing, tokens times the negotiated price, else the list price of that day.",
        "A model without a price has no amount; its tokens are counted all the same.",
        "Usage and seats are paid for apart and are never added here.",
    ]
    .map(str::to_owned)
    .to_vec()
}
