//! The control matrix: each control with what the sources can give, what is held, where it lies and what is missing.
//! Promises the same cells as CSV, as a workbook and as a page.
//! Never adds a judgement to what coverage computed.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, XlsxError};

use super::queries::Query;
use super::samples::sample_path;
use super::staging::Staging;
use crate::coverage::{ControlCoverage, Coverage};
use crate::error::EvidenceError;
use crate::framework::{Control, Framework, Source};
use crate::sheet::{harmless, unwritten, writer};

/// The matrix for programs.
const MATRIX_CSV: &str = "control-matrix.csv";

const HEADINGS: [(&str, f64); 14] = [
    ("Control", 12.0),
    ("Subject", 28.0),
    ("What it asks", 44.0),
    ("Status", 10.0),
    ("Analytics API can give", 12.0),
    ("Analytics API held", 12.0),
    ("Analytics API, why", 40.0),
    ("Compliance API can give", 12.0),
    ("Compliance API held", 12.0),
    ("Compliance API, why", 40.0),
    ("Evidence", 44.0),
    ("Samples", 36.0),
    ("How it is tested", 44.0),
    ("Also needed", 36.0),
];

/// Writes the matrix in its three forms.
pub(crate) fn write(
    framework: &Framework,
    covered: &Coverage,
    queries: &[Query],
    staging: &mut Staging,
) -> Result<(), EvidenceError> {
    let sampled: Vec<String> = staging.files().map(|file| file.path.clone()).collect();
    let rows: Vec<Vec<String>> =
        covered.controls.iter().map(|control| row(control, queries, (framework, &sampled))).collect();
    let mut out = writer(staging.create(MATRIX_CSV)?);
    out.write_record(HEADINGS.iter().map(|(name, _)| *name)).map_err(unwritten)?;
    for row in &rows {
        out.write_record(row.iter().map(|cell| harmless(cell).into_owned())).map_err(unwritten)?;
    }
    staging.finish(out.into_inner().map_err(unwritten)?, "control matrix, for programs", Some(rows.len() as u64))?;
    let title = format!("{}: control matrix, {}", covered.title, covered.period);
    staging.add("control-matrix.html", "control matrix, for reading", page(&title, &rows).into_string().as_bytes())?;
    let book = workbook(&title, covered, &rows)
        .map_err(|error| EvidenceError::Document { document: "the workbook", what: error.to_string() })?;
    staging.add("control-matrix.xlsx", "control matrix, as a workbook", &book)
}

fn row(control: &ControlCoverage, queries: &[Query], (framework, files): (&Framework, &[String])) -> Vec<String> {
    let source = |source: Source| {
        let one = control.sources.of(source);
        [one.possible.as_str().to_owned(), one.held.as_str().to_owned(), one.reason.clone()]
    };
    let evidence = control.evidence.iter().map(|one| {
        let query = queries.iter().find(|query| query.evidence == one.id);
        let place = query.and_then(|query| query.file.clone()).unwrap_or_else(|| "not held".to_owned());
        format!("{}: {} rows ({place})", one.title, one.held.rows)
    });
    let folder = framework.controls.iter().find(|other| other.id == control.id).map(Control::folder);
    let samples = control.evidence.iter().filter_map(|one| {
        let path = sample_path(folder.as_deref()?, &one.id);
        files.contains(&path).then_some(path)
    });
    let mut cells =
        vec![control.id.clone(), control.title.clone(), control.asks.clone(), control.status.as_str().to_owned()];
    cells.extend(Source::ALL.into_iter().flat_map(source));
    cells.push(evidence.collect::<Vec<_>>().join("\n"));
    cells.push(samples.collect::<Vec<_>>().join("\n"));
    cells.push(control.tests.join("\n"));
    cells.push(control.also_needed.join("\n"));
    cells
}

fn page(title: &str, rows: &[Vec<String>]) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(title))
            body.wide {
                h1 { (title) }
                p { a href="README.html" { "What this is and how it is checked" } }
                table {
                    thead { tr { @for (name, _) in HEADINGS { th { (name) } } } }
                    tbody {
                        @for row in rows {
                            tr { @for (column, cell) in row.iter().enumerate() { (shown(column, cell)) } }
                        }
                    }
                }
            }
        }
    }
}

fn shown(column: usize, cell: &str) -> Markup {
    match HEADINGS.get(column).map_or("", |(name, _)| *name) {
        "Control" => html! { th scope="row" { (cell) } },
        "Status"
        | "Analytics API can give"
        | "Analytics API held"
        | "Compliance API can give"
        | "Compliance API held" => {
            html! { td class=(cell) { (cell) } }
        }
        "Samples" => html! { td { @for path in cell.lines() { a href=(path) { (path) } br; } } },
        _ => html! { td { @for line in cell.lines() { (line) br; } } },
    }
}

fn workbook(title: &str, covered: &Coverage, rows: &[Vec<String>]) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    // The package's own time and no other: the same package gives the same bytes.
    let made = ExcelDateTime::parse_from_str(covered.generated_at.get(..19).unwrap_or("2000-01-01T00:00:00"))?;
    book.set_properties(&DocProperties::new().set_title(title).set_creation_datetime(&made));
    let sheet = book.add_worksheet().set_name("Controls")?;
    let heading = Format::new().set_bold().set_text_wrap();
    let cell = Format::new().set_text_wrap().set_align(rust_xlsxwriter::FormatAlign::Top);
    for (column, (name, width)) in (0_u16..).zip(HEADINGS) {
        sheet.set_column_width(column, width)?;
        sheet.write_string_with_format(0, column, name, &heading)?;
    }
    for (line, row) in (1_u32..).zip(rows) {
        for (column, text) in (0_u16..).zip(row) {
            sheet.write_string_with_format(line, column, text, &cell)?;
        }
    }
    sheet.set_freeze_panes(1, 2)?;
    book.save_to_buffer()
}

/// The head of every page: its title and all of its style; no script, nothing from outside.
pub(crate) fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
            title { (title) }
            style { (PreEscaped(STYLE)) }
        }
    }
}

const STYLE: &str = "\
:root{color-scheme:light}body{font:16px/1.5 system-ui,sans-serif;color:#1c2330;margin:2rem auto;max-width:62rem;padding:0 1rem}\
body.wide{max-width:none;font-size:13px}h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}\
table{border-collapse:collapse;width:100%}th,td{border:1px solid #d3d9e2;padding:.35rem .5rem;text-align:left;vertical-align:top}\
thead th{background:#eef1f6;position:sticky;top:0}code,pre{font:13px/1.45 ui-monospace,monospace;background:#f4f6f9}\
pre{padding:.7rem;overflow-x:auto}td.full,td.covered,td.passed{background:#e3f4e6}td.partial{background:#fff4d6}\
td.none,td.gap,td.failed{background:#fbe3e1}td.number{text-align:right;font-variant-numeric:tabular-nums}\
.note{border-left:4px solid #8b9bb4;padding:.2rem .9rem;background:#f4f6f9}";
