//! Answers to the frameworks' questions, as files: each with its statement, its rows, and a sample where one is drawn.
//! Promises that what stands in the file is what the recorded statement gave.
//! Never shows a person whom the package does not name.

use std::collections::BTreeMap;

use ephor_lake::SqlSession;

use super::staging::Staging;
use crate::coverage::joined;
use crate::draw::{Draw, Drawn, SampleSize, lot};
use crate::error::EvidenceError;
use crate::framework::{Content, Evidence, Framework, Question};
use crate::persons::{About, Veil};
use crate::sheet::{Cells, harmless, unwritten, writer};
use crate::statement::{self, Bounds};

/// A table that was written.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) rows: u64,
    pub(crate) columns: Vec<String>,
    pub(crate) statement: String,
    /// By control: the rows that were drawn, each with its number in the file, from 1.
    pub(crate) samples: BTreeMap<String, Vec<Drawn<Vec<String>>>>,
}

/// How tables are asked and shown.
pub(crate) struct Asking<'a> {
    pub(crate) session: &'a SqlSession,
    pub(crate) framework: &'a Framework,
    pub(crate) bounds: Bounds,
    pub(crate) seed: &'a str,
    pub(crate) sample: SampleSize,
    pub(crate) veil: &'a Veil,
}

/// Writes `evidence/*.csv` of every table that the lake can answer.
pub(crate) async fn write(
    asking: &Asking<'_>,
    evidence: &[Evidence],
    staging: &mut Staging,
) -> Result<BTreeMap<String, Answered>, EvidenceError> {
    let mut answered = BTreeMap::new();
    for piece in evidence {
        let Content::Table(question) = &piece.content else { continue };
        if let Some(table) = &question.needs
            && !asking.session.has(table)?
        {
            continue;
        }
        answered.insert(piece.id.clone(), write_one(asking, piece, question, staging).await?);
    }
    Ok(answered)
}

async fn write_one(
    asking: &Asking<'_>,
    piece: &Evidence,
    question: &Question,
    staging: &mut Staging,
) -> Result<Answered, EvidenceError> {
    let statement = statement::complete(&question.sql, asking.bounds);
    let answer = asking.session.query(&statement).await;
    let batches = answer.map_err(|source| EvidenceError::Question { evidence: piece.id.clone(), source })?;
    let nothing = || EvidenceError::Document { document: "a table", what: "an answer without columns".to_owned() };
    let batch = joined(&batches)?.ok_or_else(nothing)?;
    let columns: Vec<String> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    let cells = batch.columns().iter().map(Cells::of).collect::<Result<Vec<_>, _>>()?;
    let mut out = writer(staging.create(&format!("evidence/{}.csv", piece.id))?);
    out.write_record(&columns).map_err(unwritten)?;
    let mut draws = draws_of(asking, piece, question);
    for row in 0..batch.num_rows() {
        let shown: Vec<String> =
            columns.iter().zip(&cells).map(|(name, cells)| shown(asking, question, name, cells, row)).collect();
        out.write_record(&shown).map_err(unwritten)?;
        let number = (row + 1).to_string();
        for (control, draw) in &mut draws {
            draw.pass(lot(asking.seed, control, &piece.id, &number), || {
                std::iter::once(number.clone()).chain(shown.iter().cloned()).collect()
            });
        }
    }
    let rows = batch.num_rows() as u64;
    staging.finish(out.into_inner().map_err(unwritten)?, &format!("{}: {}", piece.title, piece.shows), Some(rows))?;
    let samples = draws.into_iter().map(|(control, draw)| (control, draw.finish().1)).collect();
    Ok(Answered { rows, columns, statement, samples })
}

fn draws_of(asking: &Asking<'_>, piece: &Evidence, question: &Question) -> Vec<(String, Draw<Vec<String>>)> {
    if !question.sampled {
        return Vec::new();
    }
    let controls = asking.framework.controls.iter();
    let name_it = controls.filter(|control| control.all_evidence().any(|id| id == piece.id));
    name_it.map(|control| (control.id.clone(), Draw::new(asking.sample))).collect()
}

fn shown(asking: &Asking<'_>, question: &Question, name: &str, cells: &Cells, row: usize) -> String {
    let text = cells.text(row);
    let about = match () {
        () if question.persons.iter().any(|column| column == name) => About::Person,
        () if question.whereabouts.iter().any(|column| column == name) => About::Whereabouts,
        () => About::Things,
    };
    if !cells.is_text() {
        return text.into_owned();
    }
    let told = match about {
        About::Things if question.scrub => asking.veil.prose(&text),
        _ => asking.veil.cell(&text, about),
    };
    harmless(&told).into_owned()
}
