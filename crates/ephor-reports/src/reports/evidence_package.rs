//! What the lake holds that an auditor could be handed: activities by what they evidence, how complete they are, and how
//! far they are proved. The package itself is made by `ephor evidence build`.

use std::collections::BTreeMap;

use ephor_detect::UseCase;

use super::ReportInfo;
use super::watched::types_of;
use crate::answer::{Answer, quoted};
use crate::desk::{Desk, Question, within};
use crate::error::ReportError;
use crate::provenance::Period;
use crate::table::{Cell, Column, Figure, Report, Section, Table};

pub(super) const INFO: ReportInfo = ReportInfo {
    name: "evidence-package",
    title: "Evidence at hand",
    question: "What does the lake hold for an auditor, how complete is it, and how far is it proved?",
};

const USUAL_DAYS: u32 = 90;

pub(super) async fn make(desk: &Desk, question: &Question) -> Result<Report, ReportError> {
    let period = desk.period(question, USUAL_DAYS).await?;
    let log = desk.lake.proof_log();
    let checkpoint = log.latest_checkpoint()?;
    let proved = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.size);
    let size = desk.lake.next_seq();
    let figure = |label: &str, value: u64, note: Option<String>| Figure {
        label: label.to_owned(),
        value: Cell::Integer(i64::try_from(value).unwrap_or(i64::MAX)),
        unit: None,
        note,
    };
    Ok(Report {
        name: INFO.name,
        title: INFO.title.to_owned(),
        question: INFO.question,
        provenance: desk.provenance(period, format!("{size} activities, all that ever arrived")).await?,
        figures: vec![
            figure("Activities", size, None),
            figure("Under a signed checkpoint", proved, None),
            figure("Daily seals", log.seals()?.len() as u64, None),
            figure("Statements of removal", log.removals()?.len() as u64, Some("retention and erasure".to_owned())),
        ],
        main: Section::new("use-cases", "What evidences what", use_cases(desk, period).await?),
        others: vec![fields(desk, period).await?],
        notes: vec![
            "`ephor evidence coverage FRAMEWORK` computes this for the controls of a framework; `ephor evidence build` makes the package.".to_owned(),
        ],
    })
}

async fn use_cases(desk: &Desk, period: Period) -> Result<Table, ReportError> {
    let mut by_type: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let statement =
        format!("select type, count(*), count(distinct day) from activities where {} group by type", within(period));
    Answer::of(&desk.lake, &statement).await?.each(|row| {
        by_type.insert(row.owned(0).unwrap_or_default(), (row.count(1), row.count(2)));
    });
    let mut table = Table::of(vec![
        Column::text("use_case", "Use case"),
        Column::count("types", "Types that evidence it", "types"),
        Column::count("types_seen", "Of which occurred", "types"),
        Column::count("activities", "Activities", "activities"),
    ]);
    for case in UseCase::ALL {
        let types = types_of(case.as_str());
        let seen: Vec<&(u64, u64)> = types.iter().filter_map(|kind| by_type.get(kind)).collect();
        let activities: u64 = seen.iter().map(|(count, _)| count).sum();
        table.push(vec![
            case.as_str().into(),
            Cell::count(types.len()),
            Cell::count(seen.len()),
            Cell::Integer(i64::try_from(activities).unwrap_or(i64::MAX)),
        ]);
    }
    Ok(table)
}

/// Of how many activities it is known who, from where, with what and in which organization.
async fn fields(desk: &Desk, period: Period) -> Result<Section, ReportError> {
    let names =
        ["actor_id", "actor_email", "ip_address", "user_agent", "organization_id", "api_key_id", "workspace_id"];
    let counts = names.map(|name| format!("count({name})")).join(", ");
    let statement =
        format!("select count(*), {counts} from activities where {} and actor_type <> {}", within(period), quoted(""));
    let mut table = Table::of(vec![
        Column::text("field", "Field"),
        Column::count("activities", "Activities that have it", "activities"),
        Column::share("share", "Share"),
    ]);
    Answer::of(&desk.lake, &statement).await?.each(|row| {
        let all = row.count(0);
        for (place, name) in names.into_iter().enumerate() {
            let with = row.count(place + 1);
            table.push(vec![
                name.into(),
                Cell::Integer(i64::try_from(with).unwrap_or(i64::MAX)),
                Cell::share(with, all),
            ]);
        }
    });
    Ok(Section::new("fields", "How complete the rows are", table)
        .noted("Four kinds of actors never have a network address, and sign-ins belong to no organization: a share below one is not a fault by itself."))
}
