//! `ephor case`: an incident, kept as a question to the timeline with the rows that mattered and what people said of them.
//! Every step is an activity of the feed; a closed case stays as it is.
//! Never copies an activity: a pin is its id.

use std::process::ExitCode;

use ephor_reports::timeline::TimelineQuestion;
use ephor_reports::{Case, CaseEntry, Cases, render};
use serde::Serialize;

use super::timeline::{form_of, question, written};
use crate::arguments::{By, CaseCommand, Global};
use crate::config::Config;
use crate::failure::Failure;
use crate::node::now_micros;
use crate::output;

#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    case: Case,
    entries: Vec<CaseEntry>,
}

pub(super) async fn run(global: &Global, config: &Config, action: CaseCommand) -> Result<ExitCode, Failure> {
    let dir = config.data_dir(global);
    let control = super::org::existing_control(&dir).await?;
    let cases = Cases::new(&control);
    let by = async |by: By| super::org::actor_named(&control, by.email.as_deref()).await;
    let now = now_micros();
    let rng = &mut rand::rng();
    let id = match action {
        CaseCommand::Open { title, about, by: who } => {
            let question = serde_json::to_value(question(&about)?)?;
            cases.open(&title, &question, &by(who).await?, now, rng).await?.id
        }
        CaseCommand::List => {
            output::print(global.format, &cases.list().await?, |cases| listed(cases))?;
            return Ok(ExitCode::SUCCESS);
        }
        CaseCommand::Show { id } => id,
        CaseCommand::Timeline { id, form, out } => {
            let case = cases.get(&id).await?;
            let question: TimelineQuestion = serde_json::from_value(case.question)?;
            let desk = super::report::desk(config, &dir).await?;
            let form = form_of(global, form, out.as_deref());
            let bytes = written(&desk, config, &question, form, false, &case.title).await?;
            super::report::write(out.as_deref(), &bytes)?;
            return Ok(ExitCode::SUCCESS);
        }
        CaseCommand::Pin { id, activity, note, by: who } => {
            let lake = ephor_lake::Lake::open_reader(&dir).await?;
            if lake.find(&activity).await?.is_none() {
                return Err(Failure::usage(format!("the lake holds no activity `{activity}`")));
            }
            cases.add(&id, Some(&activity), &note, &by(who).await?, now, rng).await?;
            id
        }
        CaseCommand::Note { id, words, by: who } => {
            cases.add(&id, None, &words, &by(who).await?, now, rng).await?;
            id
        }
        CaseCommand::Close { id, outcome, by: who } => cases.close(&id, &outcome, &by(who).await?, now, rng).await?.id,
    };
    let whole = Whole { case: cases.get(&id).await?, entries: cases.entries(&id).await? };
    output::print(global.format, &whole, described)?;
    control.close().await;
    Ok(ExitCode::SUCCESS)
}

fn listed(cases: &[Case]) -> String {
    if cases.is_empty() {
        return "there are no cases; `ephor case open` opens one".to_owned();
    }
    let mut rows = vec![["opened", "closed", "id", "title"].map(str::to_owned).to_vec()];
    rows.extend(cases.iter().map(|case| {
        vec![
            render::instant_text(case.opened_micros),
            case.closed_micros.map_or_else(|| "-".to_owned(), render::instant_text),
            case.id.clone(),
            case.title.clone(),
        ]
    }));
    output::columns(&rows)
}

fn described(whole: &Whole) -> String {
    let Whole { case, entries } = whole;
    let mut lines = vec![
        case.title.clone(),
        format!("{}  opened {} by {}", case.id, render::instant_text(case.opened_micros), case.opened_by),
    ];
    lines.extend(entries.iter().map(|entry| {
        let what = entry.activity.as_ref().map_or_else(String::new, |activity| format!("{activity}  "));
        format!("{:>3}  {}  {}  {what}{}", entry.number, render::instant_text(entry.at_micros), entry.by, entry.words)
    }));
    if let Some(closed) = case.closed_micros {
        lines.push(format!("closed {}: {}", render::instant_text(closed), case.outcome.as_deref().unwrap_or("-")));
    }
    lines.join("\n")
}
