//! A question to `summaries`: a range of days, and perhaps some groups.
//! Promises the published range for each profile.
//! Never pages: the whole series is one page, as published.

use ephor_analytics::query::SummariesQuery;

use super::dimensions::{Dimension, filters};
use super::{MAX_ROWS, Moment, USUAL_ROWS, days};
use crate::analytics::limits::AnalyticsLimits;
use crate::problem::Problem;
use crate::query::{PageSize, Query};

/// Reads a question to `summaries`.
pub(in crate::analytics) fn summaries(
    query: &Query,
    moment: &Moment,
    limits: &AnalyticsLimits,
) -> Result<SummariesQuery, Problem> {
    let calendar = limits.calendar(moment.now_micros);
    let (first, end) = days::range(query, calendar, limits.summaries_range_days, None)?;
    // It has no effect, as published; a wrong one is wrong all the same.
    query.limit(PageSize { default: USUAL_ROWS, max: MAX_ROWS })?;
    let filters = filters(query, &[Dimension::RbacGroupId], &[])?;
    Ok(SummariesQuery { reach: moment.reach.clone(), first, end, rbac_group_ids: filters.rbac_group_ids })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ephor_analytics::query::Reach;
    use ephor_wire::timestamp::Timestamp;

    use super::*;
    use crate::analytics::limits::AnalyticsProfile;

    fn told(profile: AnalyticsProfile, text: &str) -> String {
        let now_micros = Timestamp::parse("2026-11-23T12:00:00Z").unwrap().micros();
        let moment = Moment { reach: Reach::Parent, now_micros };
        match summaries(&Query::parse(text), &moment, &AnalyticsLimits::of(profile)) {
            Ok(found) => format!("{} up to {} of {:?}", found.first, found.end, found.rbac_group_ids),
            Err(problem) => problem.message,
        }
    }

    #[test]
    fn a_range_of_31_days_in_the_seed_and_of_366_now() {
        let mut lines = Vec::new();
        for profile in [AnalyticsProfile::Seed, AnalyticsProfile::Current] {
            for text in [
                "",
                "starting_date=2026-11-01",
                "starting_date=2026-09-01",
                "starting_date=2026-10-01&ending_date=2026-11-01",
                "starting_date=2026-10-01&ending_date=2026-11-02",
                "starting_date=2026-11-20&ending_date=2026-11-21",
                "starting_date=2026-11-01&ending_date=2026-11-23",
                "starting_date=2026-11-01&ending_date=2026-11-24",
                "starting_date=2026-11-22",
                "starting_date=2026-11-01&filter[]=rbac_group_id:rbac_group_1&filter[]=rbac_group_id:rbac_group_2",
                "starting_date=2026-11-01&filter[]=user_id:user_1",
                "starting_date=2026-11-01&limit=5000",
            ] {
                lines.push(format!("{profile:?} {text} -> {}", told(profile, text)));
            }
        }
        insta::assert_snapshot!(lines.join("\n"), @r#"
        Seed  -> starting_date: required, as YYYY-MM-DD
        Seed starting_date=2026-11-01 -> 2026-11-01 up to 2026-11-21 of []
        Seed starting_date=2026-09-01 -> 2026-09-01 up to 2026-10-02 of []
        Seed starting_date=2026-10-01&ending_date=2026-11-01 -> 2026-10-01 up to 2026-11-01 of []
        Seed starting_date=2026-10-01&ending_date=2026-11-02 -> ending_date: a range has at most 31 days
        Seed starting_date=2026-11-20&ending_date=2026-11-21 -> 2026-11-20 up to 2026-11-21 of []
        Seed starting_date=2026-11-01&ending_date=2026-11-23 -> ending_date: the newest available day is 2026-11-20, and ending_date is exclusive
        Seed starting_date=2026-11-01&ending_date=2026-11-24 -> ending_date: the newest available day is 2026-11-20, and ending_date is exclusive
        Seed starting_date=2026-11-22 -> starting_date: the newest available day is 2026-11-20
        Seed starting_date=2026-11-01&filter[]=rbac_group_id:rbac_group_1&filter[]=rbac_group_id:rbac_group_2 -> 2026-11-01 up to 2026-11-21 of ["rbac_group_1", "rbac_group_2"]
        Seed starting_date=2026-11-01&filter[]=user_id:user_1 -> filter[]: the dimension `user_id` is not supported here; there are rbac_group_id
        Seed starting_date=2026-11-01&limit=5000 -> limit: `5000` is not a number from 1 to 1000
        Current  -> starting_date: required, as YYYY-MM-DD
        Current starting_date=2026-11-01 -> 2026-11-01 up to 2026-11-23 of []
        Current starting_date=2026-09-01 -> 2026-09-01 up to 2026-11-23 of []
        Current starting_date=2026-10-01&ending_date=2026-11-01 -> 2026-10-01 up to 2026-11-01 of []
        Current starting_date=2026-10-01&ending_date=2026-11-02 -> 2026-10-01 up to 2026-11-02 of []
        Current starting_date=2026-11-20&ending_date=2026-11-21 -> 2026-11-20 up to 2026-11-21 of []
        Current starting_date=2026-11-01&ending_date=2026-11-23 -> 2026-11-01 up to 2026-11-23 of []
        Current starting_date=2026-11-01&ending_date=2026-11-24 -> ending_date: the newest available day is 2026-11-22, and ending_date is exclusive
        Current starting_date=2026-11-22 -> 2026-11-22 up to 2026-11-23 of []
        Current starting_date=2026-11-01&filter[]=rbac_group_id:rbac_group_1&filter[]=rbac_group_id:rbac_group_2 -> 2026-11-01 up to 2026-11-23 of ["rbac_group_1", "rbac_group_2"]
        Current starting_date=2026-11-01&filter[]=user_id:user_1 -> filter[]: the dimension `user_id` is not supported here; there are rbac_group_id
        Current starting_date=2026-11-01&limit=5000 -> limit: `5000` is not a number from 1 to 1000
        "#);
    }
}
