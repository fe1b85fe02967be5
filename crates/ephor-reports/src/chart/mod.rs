//! Pictures of figures: lines over days and bars over names, as data; drawn as SVG on the server.
//! Promises to be readable without colour (dashes, labels at the lines, numbers at the bars) and without a network.
//! Never draws a missing value as zero: a line has a gap there, a bar is left out.

mod bars;
mod lines;
mod scale;

use std::collections::BTreeSet;

use maud::Markup;

/// A picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What it shows, as a sentence: also what a screen reader says.
    pub title: String,
    /// The unit of its values.
    pub unit: &'static str,
    /// How it is drawn.
    pub shape: Shape,
    /// What stands along it: days, or names.
    pub labels: Vec<String>,
    /// Its values, one beside each label.
    pub series: Vec<Series>,
}

/// How a chart is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One line a series, over time.
    Lines,
    /// One bar a label, lying; several series are stacked.
    Bars,
}

/// Values under one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What they are.
    pub name: String,
    /// One beside each label; nothing where there is none.
    pub values: Vec<Option<f64>>,
}

/// Bars beyond this number would be too thin to read; the table has them all.
const BARS: usize = 20;

impl Chart {
    /// Lines over days.
    #[must_use]
    pub fn lines(title: impl Into<String>, unit: &'static str, labels: Vec<String>, series: Vec<Series>) -> Self {
        Self { title: title.into(), unit, shape: Shape::Lines, labels, series }
    }

    /// The longest bars over names, in the order given.
    #[must_use]
    pub fn bars(title: impl Into<String>, unit: &'static str, labels: Vec<String>, series: Vec<Series>) -> Self {
        let mut chart = Self { title: title.into(), unit, shape: Shape::Bars, labels, series };
        chart.labels.truncate(BARS);
        chart.series.iter_mut().for_each(|series| series.values.truncate(BARS));
        chart
    }

    /// Whether there is anything to see.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.iter().all(|series| series.values.iter().all(Option::is_none))
    }

    /// Leaves out what the table does not tell.
    pub(crate) fn forget(&mut self, labels: &BTreeSet<String>) {
        for (place, label) in self.labels.iter().enumerate() {
            if labels.contains(label) {
                for series in &mut self.series {
                    if let Some(value) = series.values.get_mut(place) {
                        *value = None;
                    }
                }
            }
        }
    }

    /// The picture.
    #[must_use]
    pub fn svg(&self) -> Markup {
        match self.shape {
            Shape::Lines => lines::draw(self),
            Shape::Bars => bars::draw(self),
        }
    }
}

impl Series {
    /// Values under a name.
    #[must_use]
    pub fn new(name: impl Into<String>, values: Vec<Option<f64>>) -> Self {
        Self { name: name.into(), values }
    }
}

/// What the page's style sheet must hold for charts; colours come from the page.
pub const CHART_STYLE: &str = include_str!("chart.css");

#[cfg(test)]
mod tests {
    use super::*;

    fn days(values: &[Option<f64>]) -> Chart {
        let labels = (1..=values.len()).map(|day| format!("2026-11-{day:02}")).collect();
        Chart::lines("Active people a day", "people", labels, vec![Series::new("daily", values.to_vec())])
    }

    #[test]
    fn a_missing_day_is_a_gap_and_not_a_zero() {
        let svg = days(&[Some(3.0), Some(4.0), None, Some(5.0), Some(2.0)]).svg().into_string();
        assert_eq!(svg.matches("<polyline").count(), 2, "{svg}");
        let svg = days(&[None, Some(4.0), None]).svg().into_string();
        assert_eq!((svg.matches("<polyline").count(), svg.matches("<circle").count()), (0, 1), "{svg}");
    }

    #[test]
    fn names_in_a_picture_are_text_and_nothing_else() {
        let series = vec![Series::new("\"<b>", vec![Some(1.0)])];
        let chart = Chart::bars("<script>", "people", vec!["<img src=x onerror=1>".to_owned()], series);
        let svg = chart.svg().into_string();
        assert!(!svg.contains("<script>") && !svg.contains("<img") && !svg.contains("<b>"), "{svg}");
    }

    #[test]
    fn what_is_not_told_is_not_drawn() {
        let labels = vec!["legal".to_owned(), "sales".to_owned()];
        let mut chart = Chart::bars("x", "people", labels, vec![Series::new("all", vec![Some(3.0), Some(9.0)])]);
        chart.forget(&BTreeSet::from(["legal".to_owned()]));
        assert_eq!(chart.series[0].values, [None, Some(9.0)]);
        assert!(!chart.is_empty());
    }
}
