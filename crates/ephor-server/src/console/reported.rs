//! A report as part of a page: its figures, what is missing, its tables with their pictures, and where it comes from.
//! Promises the same cells as `ephor report`; ids lead to what is known of them.
//! Never shows what the report was not allowed to say: discretion was applied before.

use ephor_reports::render::{cell_text, instant_text};
use ephor_reports::{Cell, Column, Figure, Kind, Provenance, Section, Sensitivity, Table};
use maud::{Markup, html};

use super::entities;
use super::kept::ROWS;
use super::parts::{self, Tone};
use super::visitor::{Person, Visitor, escape};

/// The figures of a report, if it has any.
pub(super) fn figures(figures: &[Figure]) -> Markup {
    html! {
        @if !figures.is_empty() {
            section class="card" aria-label="Figures" { div class="metrics" { @for figure in figures { (metric(figure)) } } }
        }
    }
}

pub(super) fn gaps(provenance: &Provenance) -> Markup {
    html! {
        section class="card" {
            h2 { "What is missing" }
            ul class="needs" { @for gap in &provenance.gaps { li {
                (parts::badge(Tone::Fair, "gap")) " " strong { (gap.what) } ", " (instant_text(gap.from_micros)) " to " (gap.to_micros.map_or_else(|| "now".to_owned(), instant_text)) ": " (gap.why)
            } } }
        }
    }
}

fn metric(figure: &Figure) -> Markup {
    let kind = match (figure.unit, &figure.value) {
        (Some("USD"), _) => Kind::Money,
        (Some("ratio"), _) => Kind::Share,
        (_, Cell::Decimal(_)) => Kind::Decimal,
        _ => Kind::Integer,
    };
    let value = cell_text(&Column::new("", "", kind), &figure.value);
    let unit = figure.unit.filter(|unit| *unit != "ratio" && !value.is_empty());
    html! {
        div class="metric" {
            span class="name" { (figure.label) }
            span class="value" {
                @if value.is_empty() { span class="muted" { "unknown" } } @else { (value) }
                @if let Some(unit) = unit { " " span class="unit" { (unit) } }
            }
            @if let Some(note) = &figure.note { span class="change" { (note) } }
        }
    }
}

/// What stands beside each row: its heading, and what it is for a row.
pub(super) type Beside<'b> = (&'static str, &'b dyn Fn(&[Cell]) -> Markup);

/// A table of a report, of so many rows in all, with its pictures; `csv` is where it can be taken away.
pub(super) fn section(section: &Section, rows: usize, csv: Option<String>, visitor: &Visitor) -> Markup {
    section_with(section, rows, csv, visitor, None)
}

/// As [`section`], with something beside each row.
pub(super) fn section_with(
    section: &Section,
    rows: usize,
    csv: Option<String>,
    visitor: &Visitor,
    beside: Option<Beside<'_>>,
) -> Markup {
    html! {
        section class="card flush" id=(section.id) {
            header {
                h2 { (section.title) }
                @if let (Some(csv), false) = (csv, section.table.rows.is_empty()) { a href=(csv) { "CSV" } }
            }
            @if let Some(note) = &section.note { p class="muted" { (note) } }
            @for chart in section.charts.iter().filter(|chart| !chart.is_empty()) {
                figure class="picture" { figcaption { (chart.title) } (chart.svg()) }
            }
            @if section.table.rows.is_empty() { (parts::empty("No rows", html! { "Nothing of this kind in the period." })) }
            @else { (table(&section.title, &section.table, visitor, beside)) }
            @if rows > ROWS { p class="muted after" { "The first " (ROWS) " of " (parts::count(rows as u64)) " rows; a download holds all." } }
        }
    }
}

fn table(title: &str, table: &Table, visitor: &Visitor, beside: Option<Beside<'_>>) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(title) { table {
            caption class="hidden" { (title) }
            thead { tr { @if let Some((heading, _)) = beside { th scope="col" { (heading) } } @for column in &table.columns { th scope="col" class=[column.kind.is_number().then_some("n")] {
                (column.label) @if column.unit == Some("USD") { " (USD)" }
            } } } }
            tbody { @for row in table.rows.iter().take(ROWS) { tr { @if let Some((_, of_row)) = beside { td { (of_row(row)) } } @for (column, value) in table.columns.iter().zip(row) {
                td class=[column.kind.is_number().then_some("n")] { (cell(column, value, visitor)) }
            } } } }
        } }
    }
}

fn cell(column: &Column, value: &Cell, visitor: &Visitor) -> Markup {
    html! {
        @match value {
            Cell::Suppressed => em { "few people" },
            Cell::Instant(micros) => (parts::moment(*micros, visitor.now())),
            Cell::Text(id) if column.sensitivity == Sensitivity::Person && id.starts_with("user_") => (visitor.person(Person::of(id, None))),
            Cell::Text(id) if id.starts_with("activity_") && visitor.sees_names() => a class="mono" href=(format!("/activity/{}", escape(id))) { (id) },
            Cell::Text(id) if id.starts_with("finding_") && visitor.sees_names() => a class="mono" href=(format!("/findings/{}", escape(id))) { (id) },
            Cell::Text(text) => @match entities::of_text(text) {
                Some(page) => a class="cell" href=(page) { (text) },
                None => span class="cell" { (cell_text(column, value)) },
            },
            other => span class="cell" { (cell_text(column, other)) },
        }
    }
}

pub(super) fn origin(provenance: &Provenance) -> Markup {
    html! {
        details class="card" {
            summary { "Where this comes from" }
            div class="scroll" tabindex="0" { table {
                caption class="hidden" { "Sources" }
                thead { tr { th { "Source" } th { "Gives" } th class="n" { "Rows in the period" } th class="n" { "Days covered" } th { "Newest" } } }
                tbody { @for source in &provenance.sources { tr {
                    td { (source.name) } td { (source.kind) } td class="n" { (parts::count(source.rows)) } td class="n" { (source.days_covered) }
                    td { (source.newest_micros.map_or_else(|| "nothing yet".to_owned(), instant_text)) }
                } } }
            } }
            p {
                "Made at " (instant_text(provenance.generated_at_micros)) " from activities before number " (parts::count(provenance.as_of.activities_seq))
                " and usage events before number " (parts::count(provenance.as_of.usage_seq))
                @if let Some(size) = provenance.as_of.checkpoint_size { "; the newest signed checkpoint covers " (parts::count(size)) " activities" }
                ". Names are " (provenance.names) "."
            }
            @if !provenance.parameters.is_empty() { p { "With " @for (place, (name, value)) in provenance.parameters.iter().enumerate() { @if place > 0 { ", " } code { (name) " = " (value) } } "." } }
        }
    }
}
