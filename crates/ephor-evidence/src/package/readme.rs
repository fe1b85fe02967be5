//! The first page of a package: what it is of, what it shows, what it does not, and how anyone checks it.
//! Promises that gaps and failed tests stand before the list of files.
//! Never needs anything from outside the package.

use maud::{DOCTYPE, Markup, html};

use super::completeness::{Test, TestResult};
use super::matrix::head;
use super::population::Passed;
use super::queries::Query;
use super::staging::FileEntry;
use super::terms::{SeedIs, Terms};
use crate::coverage::{Coverage, Status};
use crate::draw::SampleSize;
use crate::framework::{Framework, Source};
use crate::persons::Persons;

/// What the page tells of.
pub(crate) struct Told<'a> {
    pub(crate) terms: &'a Terms,
    pub(crate) framework: &'a Framework,
    pub(crate) covered: &'a Coverage,
    pub(crate) tests: &'a [Test],
    pub(crate) queries: &'a [Query],
    pub(crate) passed: &'a Passed,
    pub(crate) files: Vec<&'a FileEntry>,
}

/// The page.
pub(crate) fn page(told: &Told<'_>) -> String {
    let Told { terms, framework, covered, .. } = told;
    let title = format!("Evidence for {}: {}", covered.title, terms.period);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(&title))
            body {
                h1 { (title) }
                p { (framework.about) }
                table { tbody { @for (name, value) in facts(told) { tr { th scope="row" { (name) } td { (value) } } } } }
                p { a href="control-matrix.html" { "Control matrix" } ", also as " a href="control-matrix.xlsx" { "workbook" } " and " a href="control-matrix.csv" { "CSV" } "." }
                (how_to_check())
                (proven(terms))
                (gaps(told))
                (tests(told.tests))
                (sources(covered))
                (samples(terms))
                (evidence(told.queries))
                (files(&told.files))
                (also_needed(framework))
            }
        }
    };
    page.into_string()
}

fn facts(told: &Told<'_>) -> Vec<(&'static str, String)> {
    let Told { terms, covered, passed, .. } = told;
    let counts = covered.summary;
    let persons = match terms.persons {
        Persons::Named => "as they are: treat this package as personal data",
        Persons::Pseudonymised => "under pseudonyms that hold within this package alone",
        Persons::LeftOut => "left out",
    };
    vec![
        ("Framework", format!("{}, {}", covered.title, terms.version)),
        ("Period", format!("{} to {}, whole days in UTC", terms.period.first_day(), terms.period.last_day())),
        (
            "Controls",
            format!(
                "{}: all that the sources can give is held for {}, part of it for {}, nothing for {}",
                counts.controls, counts.covered, counts.partial, counts.gaps
            ),
        ),
        ("Activities cited", format!("{}, each with its place in the signed log", passed.cited.len())),
        (
            "Made",
            format!(
                "{} by {}, with Ephor {}",
                terms.built_at,
                terms.built_by.as_deref().unwrap_or("somebody who did not say"),
                terms.ephor
            ),
        ),
        (
            "Signed log",
            format!(
                "{}, {} activities, root {}",
                terms.checkpoint.origin, terms.checkpoint.size, terms.checkpoint.root
            ),
        ),
        ("Persons", persons.to_owned()),
    ]
}

fn how_to_check() -> Markup {
    html! {
        h2 { "How to check it" }
        p { "Get the public key from the organization on another way than this package, and ask for it again next year: it stays, or is handed over by a signed note. Then, without any connection:" }
        pre { "ephor evidence verify . --key public.key\n\n# or with common tools: the hashes, then the signature over the list of them\nsha256sum --check --quiet SHA256SUMS" }
        p { "Ephor's documentation (docs/evidence.md) has the check of signature, list and a single activity with sha256sum, openssl and jq, line by line." }
    }
}

fn proven(terms: &Terms) -> Markup {
    html! {
        h2 { "What is proven, and what is not" }
        ul {
            li { "Proven: no file of this package was changed, added or removed since it was signed." }
            li { "Proven: each cited activity stood in the log of " (terms.checkpoint.origin) " at its place, with its time of receipt and source, before the root was signed." }
            li { "Proven for each drawn activity whose bytes are shown: these are the bytes that were received." }
            li { "Shown by tests, not proven by the package alone: that the populations are complete. Run " code { "ephor lake verify" } " on the lake with " code { "log/checkpoint" } " to see it yourself." }
            li { "Not proven: that an activity was true when its source told it, and anything that no source tells: prompts, answers, other systems." }
            li { "Not proven by the log: tables of the directory, of usage and of settings. They are what the lake held; their files are signed like all others." }
        }
    }
}

fn gaps(told: &Told<'_>) -> Markup {
    let covered = told.covered;
    let missing = covered.controls.iter().filter(|control| control.status != Status::Covered);
    let holes = Source::ALL
        .into_iter()
        .flat_map(|source| covered.sources.of(source).holdings.holes.iter().map(move |hole| (source, hole)));
    let (missing, holes): (Vec<_>, Vec<_>) = (missing.collect(), holes.collect());
    html! {
        h2 { "Gaps" }
        @if missing.is_empty() && holes.is_empty() { p { "None is known." } }
        @if !holes.is_empty() {
            table {
                thead { tr { th { "Source" } th { "From" } th { "To" } th { "Why" } } }
                tbody { @for (source, hole) in &holes { tr {
                    td { (source.title()) } td { (hole.from) } td { (hole.to.as_deref().unwrap_or("open")) } td { (hole.reason) }
                } } }
            }
        }
        @if told.passed.after_checkpoint > 0 {
            p { (told.passed.after_checkpoint) " activities of the period arrived after the checkpoint and are not in this package." }
        }
        @if !missing.is_empty() {
            table {
                thead { tr { th { "Control" } th { "Status" } th { "Source" } th { "Can give" } th { "Held" } th { "Why" } } }
                tbody { @for control in &missing { @for source in Source::ALL { @let one = control.sources.of(source);
                    tr { td { (control.id) } td class=(control.status.as_str()) { (control.status.as_str()) } td { (source.title()) }
                         td { (one.possible.as_str()) } td class=(one.held.as_str()) { (one.held.as_str()) } td { (one.reason) } }
                } } }
            }
        }
    }
}

fn tests(tests: &[Test]) -> Markup {
    html! {
        h2 { "Completeness and accuracy" }
        p { "Tests of what the organization's own system made, with their numbers in " a href="tests.json" { "tests.json" } "." }
        table {
            thead { tr { th { "Question" } th { "How" } th { "Result" } th { "Says" } } }
            tbody { @for test in tests { @let (class, word) = result(test.result);
                tr { td { (test.asks) } td { (test.how) } td class=(class) { (word) } td { (test.says) } }
            } }
        }
    }
}

fn result(result: TestResult) -> (&'static str, &'static str) {
    match result {
        TestResult::Passed => ("passed", "passed"),
        TestResult::Failed => ("failed", "failed"),
        TestResult::NotApplicable => ("", "does not apply"),
    }
}

fn sources(covered: &Coverage) -> Markup {
    html! {
        h2 { "Sources" }
        table {
            thead { tr { th { "Source" } th { "Can give" } th { "Held" } th { "Rows in the period" } th { "Days with rows" } th { "Why no more" } } }
            tbody { @for source in Source::ALL { @let one = covered.sources.of(source);
                tr { td { (source.title()) } td class=(one.possible.as_str()) { (one.possible.as_str()) } td class=(one.held.as_str()) { (one.held.as_str()) }
                     td.number { (one.holdings.rows) } td.number { (one.holdings.days_with_rows) " of " (one.holdings.days) } td { (one.reason) } }
            } }
        }
    }
}

fn samples(terms: &Terms) -> Markup {
    let size = match terms.sample {
        SampleSize::ByPopulation => "All of up to 10 rows, 10 of up to 50, 20 of up to 250, 25 of more.".to_owned(),
        SampleSize::Rows(rows) => format!("{rows} rows of each population, or all if there are fewer."),
    };
    let seed = match terms.seed_is {
        SeedIs::RootOfTheLog => "The seed is the root of the log's tree, which nobody could choose.",
        SeedIs::Given => "The seed was given by whoever asked for the package.",
    };
    html! {
        h2 { "Samples" }
        p { (size) " " (seed) " A row's lot is SHA-256 of seed, number of the control, evidence and the row's id (its number, for tables), with a line break between them; the lowest lots are drawn. So anyone draws the same again." }
        p { "Seed: " code { (terms.seed) } }
    }
}

fn evidence(queries: &[Query]) -> Markup {
    html! {
        h2 { "Evidence" }
        p { "The statement and the parameters behind each file are in " a href="queries.json" { "queries.json" } "." }
        table {
            thead { tr { th { "Evidence" } th { "Source" } th { "Shows" } th { "Rows" } th { "File" } } }
            tbody { @for query in queries { tr {
                td { (query.title) } td { (query.source.title()) } td { (query.shows) } td.number { (query.rows) }
                td { @match &query.file { Some(file) => { a href=(file) { (file) } } None => { (query.absent.as_deref().unwrap_or("not held")) } } }
            } } }
        }
    }
}

fn files(files: &[&FileEntry]) -> Markup {
    html! {
        h2 { "Files" }
        p { "Tiles of the log (" code { "log/tile/" } ") and samples are not listed here; " code { "manifest.json" } " names every file." }
        table {
            thead { tr { th { "File" } th { "What it is" } } }
            tbody {
                @for file in files.iter().filter(|file| !file.path.starts_with("log/tile/") && !file.path.starts_with("samples/") && !file.path.starts_with("evidence/")) {
                    tr { td { a href=(file.path) { (file.path) } } td { (file.is) } }
                }
            }
        }
    }
}

fn also_needed(framework: &Framework) -> Markup {
    html! {
        h2 { "What you will need besides" }
        ul { @for need in &framework.also_needed { li { (need) } } }
        p { "The control matrix says it control by control. Link to the framework: " a href=(framework.link) { (framework.link) } "." }
    }
}
