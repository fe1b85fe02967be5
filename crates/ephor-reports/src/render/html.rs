//! For people and print: one file without scripts, fonts or pictures from elsewhere.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::words::{cell_text, day_text, figure_text, instant_text};
use crate::chart::CHART_STYLE;
use crate::provenance::Provenance;
use crate::table::{Cell, Column, Figure, Report, Section, Table};

/// The style of a report's own parts, for pages that hold some of them.
pub const STYLE: &str = include_str!("report.css");

/// The report as one HTML document.
#[must_use]
pub fn html(report: &Report) -> String {
    let period = report.provenance.period;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (report.title) " · " (day_text(period.first)) " to " (day_text(period.last)) }
                style { (PreEscaped(STYLE)) (PreEscaped(CHART_STYLE)) }
            }
            body {
                main {
                    header {
                        h1 { (report.title) }
                        p.question { (report.question) }
                        p.period { (day_text(period.first)) " to " (day_text(period.last)) " (UTC) · " (report.provenance.population) }
                    }
                    @if !report.provenance.gaps.is_empty() { (gaps(&report.provenance)) }
                    (figures(&report.figures))
                    (section_markup(&report.main))
                    @for section in &report.others { (section_markup(section)) }
                    @if !report.notes.is_empty() {
                        section {
                            h2 { "How to read this" }
                            ul { @for note in &report.notes { li { (note) } } }
                        }
                    }
                    (origin(&report.provenance))
                }
            }
        }
    };
    page.into_string()
}

fn figures(figures: &[Figure]) -> Markup {
    html! {
        @if !figures.is_empty() {
            dl.figures {
                @for figure in figures {
                    div {
                        dt { (figure.label) }
                        dd {
                            @let (value, unit) = figure_text(figure);
                            span.number { (value) }
                            @if let Some(unit) = unit { " " span.unit { (unit) } }
                            @if let Some(note) = &figure.note { p { (note) } }
                        }
                    }
                }
            }
        }
    }
}

/// A table with its heading and pictures.
#[must_use]
pub fn section_markup(section: &Section) -> Markup {
    html! {
        section id=(section.id) {
            h2 { (section.title) }
            @if let Some(note) = &section.note { p.note { (note) } }
            @for chart in section.charts.iter().filter(|chart| !chart.is_empty()) {
                figure {
                    figcaption { (chart.title) }
                    (chart.svg())
                }
            }
            (table(&section.title, &section.table))
        }
    }
}

fn table(title: &str, table: &Table) -> Markup {
    html! {
        @if table.rows.is_empty() {
            p.empty { "No rows." }
        } @else {
            // Wide tables scroll by themselves, also by keyboard; the page does not.
            div.scroll tabindex="0" role="region" aria-label=(title) {
                table {
                    thead { tr { @for column in &table.columns { th scope="col" class=[column.kind.is_number().then_some("n")] {
                        (column.label)
                        @if let Some(unit) = column.unit.filter(|unit| *unit == "USD") { " (" (unit) ")" }
                    } } } }
                    tbody { @for row in &table.rows { tr { @for (column, cell) in table.columns.iter().zip(row) {
                        td class=[class(column, cell)] { (cell_markup(column, cell)) }
                    } } } }
                }
            }
        }
    }
}

/// Letters of a cell that is read as a sentence: squeezed into a narrow column, it would make its row a page high.
const LONG_LETTERS: usize = 60;

fn class(column: &Column, cell: &Cell) -> Option<&'static str> {
    match column.kind.is_number() {
        true => Some("n"),
        false => (cell_text(column, cell).len() > LONG_LETTERS).then_some("long"),
    }
}

fn cell_markup(column: &Column, cell: &Cell) -> Markup {
    html! {
        @match cell {
            Cell::Suppressed => em { "few people" },
            Cell::Instant(micros) => time datetime=(instant_text(*micros)) { (instant_text(*micros).replace('T', " ").trim_end_matches('Z')) },
            other => (cell_text(column, other)),
        }
    }
}

fn gaps(provenance: &Provenance) -> Markup {
    html! {
        aside.gaps {
            h2 { "What is missing" }
            ul { @for gap in &provenance.gaps {
                li {
                    strong { (gap.what) } ": " (instant_text(gap.from_micros)) " to "
                    (gap.to_micros.map_or_else(|| "now".to_owned(), instant_text)) ". " (gap.why)
                }
            } }
        }
    }
}

fn origin(provenance: &Provenance) -> Markup {
    html! {
        section.origin {
            h2 { "Where this comes from" }
            div.scroll tabindex="0" role="region" aria-label="Sources" {
                table {
                    thead { tr { th scope="col" { "Source" } th scope="col" { "Gives" } th.n scope="col" { "Rows in the period" } th.n scope="col" { "Days covered" } th scope="col" { "Newest" } } }
                    tbody { @for source in &provenance.sources {
                        tr {
                            td { (source.name) } td { (source.kind) } td.n { (source.rows) } td.n { (source.days_covered) }
                            td { (source.newest_micros.map_or_else(|| "nothing yet".to_owned(), instant_text)) }
                        }
                    } }
                }
            }
            p {
                "Made at " (instant_text(provenance.generated_at_micros)) " from activities before seq " (provenance.as_of.activities_seq)
                " and usage events before seq " (provenance.as_of.usage_seq)
                @if let Some(size) = provenance.as_of.checkpoint_size { "; the newest signed checkpoint covers " (size) " activities" }
                ". Names are " (provenance.names) "."
            }
            @if !provenance.parameters.is_empty() {
                p { "Asked for: " @for (number, (name, value)) in provenance.parameters.iter().enumerate() {
                    @if number > 0 { ", " } code { (name) " = " (value) }
                } "." }
            }
        }
    }
}
