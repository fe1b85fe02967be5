//! Data points into usage events (analytics_api.md §12.2): what each adds to a count, and for running totals which
//! stream it belongs to, so that `streams` can say what it added.
//! Promises an id that is the same for the same point. A metric that nobody knows is kept as it was told, uncounted.

use ephor_wire::usage::{Surface, UsageEvent, UsageKind, nano_usd};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Told;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, DataPointFlags, Metric, NumberDataPoint, Sum};
use serde_json::Value;
use uuid::Uuid;

use super::attributes::{Attributes, rounded};
use super::identity::Parts;
use super::logs::micros;
use super::{Decoded, Reading, Refused, SOURCE, who};
use crate::usage::{UsageDoor, of_organization};

/// A data point, read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Measured {
    /// An event as it is.
    Told(UsageEvent),
    /// An event that adds `value` to a column.
    Adds { event: UsageEvent, column: &'static str, value: i64 },
    /// An event that adds to a column what its stream has grown by.
    Runs { event: UsageEvent, column: &'static str, reading: Reading },
}

impl Measured {
    /// Binds it to the one organization that a key reaches.
    pub(crate) fn of_organization(self, organization: Option<&str>) -> Result<Self, String> {
        let bound = |event| of_organization(event, organization).map_err(|refused| refused.to_string());
        Ok(match self {
            Self::Told(event) => Self::Told(bound(event)?),
            Self::Adds { event, column, value } => Self::Adds { event: bound(event)?, column, value },
            Self::Runs { event, column, reading } => Self::Runs { event: bound(event)?, column, reading },
        })
    }

    /// Its event, if it needs no memory to be made and is worth one.
    pub(crate) fn at_once(self) -> Option<UsageEvent> {
        match self {
            Self::Told(event) => Some(event),
            Self::Adds { event, column, value } => amounting(event, column, value),
            Self::Runs { .. } => None,
        }
    }
}

/// An event with its amount; nothing if that is nothing.
pub(crate) fn amounting(mut event: UsageEvent, column: &'static str, value: i64) -> Option<UsageEvent> {
    if value == 0 {
        return None;
    }
    *event.counts.slot(column)? = Some(value);
    Some(event)
}

/// The data points of an export.
pub(crate) fn read_metrics(request: ExportMetricsServiceRequest, door: &UsageDoor) -> Decoded<Measured> {
    let mut decoded = Decoded { rows: Vec::new(), refused: Refused::default() };
    for of_resource in request.resource_metrics {
        let resource = Attributes::default().with(of_resource.resource.unwrap_or_default().attributes);
        for of_scope in of_resource.scope_metrics {
            let scope = of_scope.scope.unwrap_or_default();
            let attributes = resource.with(scope.attributes);
            for metric in of_scope.metrics {
                let around = Around::of(&metric, &attributes, &scope.name, door);
                around.read(metric, &mut decoded);
            }
        }
    }
    decoded
}

/// What stands around the points of a metric.
struct Around<'a> {
    name: String,
    unit: String,
    surface: Option<Surface>,
    meaning: Option<Meaning>,
    attributes: &'a Attributes,
    scope: &'a str,
    door: &'a UsageDoor,
}

impl<'a> Around<'a> {
    fn of(metric: &Metric, attributes: &'a Attributes, scope: &'a str, door: &'a UsageDoor) -> Self {
        let (name, prefix) = who::unprefixed(&metric.name);
        let surface = who::surface_of(attributes.text("service.name"), prefix, scope);
        let meaning = surface.and_then(|_| Meaning::of(name));
        Self { name: metric.name.clone(), unit: metric.unit.clone(), surface, meaning, attributes, scope, door }
    }

    fn read(&self, metric: Metric, decoded: &mut Decoded<Measured>) {
        let mut take = |read: Result<Option<Measured>, &'static str>| match read {
            Ok(measured) => decoded.rows.extend(measured),
            Err(reason) => decoded.refused.add(reason),
        };
        match metric.data {
            Some(Data::Sum(sum)) => self.sum(sum, &mut take),
            Some(Data::Gauge(gauge)) => gauge.data_points.into_iter().for_each(|point| take(self.as_told(point))),
            Some(Data::Histogram(histogram)) => {
                for point in histogram.data_points {
                    let told = [("value.count", point.count.into()), ("value.sum", point.sum.into())];
                    take(self.other(point.attributes, point.start_time_unix_nano, point.time_unix_nano, told));
                }
            }
            Some(Data::ExponentialHistogram(histogram)) => {
                for point in histogram.data_points {
                    let told = [("value.count", point.count.into()), ("value.sum", point.sum.into())];
                    take(self.other(point.attributes, point.start_time_unix_nano, point.time_unix_nano, told));
                }
            }
            Some(Data::Summary(summary)) => {
                for point in summary.data_points {
                    let told = [("value.count", point.count.into()), ("value.sum", point.sum.into())];
                    take(self.other(point.attributes, point.start_time_unix_nano, point.time_unix_nano, told));
                }
            }
            None => take(Err("a metric without data points of a known type")),
        }
    }

    fn sum(&self, sum: Sum, take: &mut impl FnMut(Result<Option<Measured>, &'static str>)) {
        let temporality = AggregationTemporality::try_from(sum.aggregation_temporality).unwrap_or_default();
        for point in sum.data_points {
            take(match (&self.meaning, temporality) {
                (Some(meaning), AggregationTemporality::Delta) => self.counted(meaning, point, Temporality::Delta),
                (Some(meaning), AggregationTemporality::Cumulative) if sum.is_monotonic => {
                    self.counted(meaning, point, Temporality::Cumulative)
                }
                (Some(_), AggregationTemporality::Unspecified) => {
                    Err("a sum without an aggregation temporality cannot be added up")
                }
                _ => self.as_told(point),
            });
        }
    }

    /// A point of a counter that the aggregates know.
    fn counted(
        &self,
        meaning: &Meaning,
        point: NumberDataPoint,
        temporality: Temporality,
    ) -> Result<Option<Measured>, &'static str> {
        if is_blank(&point) {
            return Ok(None);
        }
        let told = point.value.ok_or("a data point without a value")?;
        let mut draft = self.draft(point.attributes.clone(), point.start_time_unix_nano, point.time_unix_nano)?;
        let Some(column) = meaning.shape(&mut draft) else { return self.as_told(point) };
        let value = amount(told, column).ok_or("a counter's value is a number, 0 or more")?;
        let Draft { mut event, attributes, stream } = draft;
        event.attributes = attributes.into_rest();
        if temporality == Temporality::Cumulative {
            let (start_nanos, time_nanos) = (point.start_time_unix_nano, point.time_unix_nano);
            let reading = Reading { stream, start_nanos, time_nanos, value };
            return Ok(Some(Measured::Runs { event, column, reading }));
        }
        if let Told::AsDouble(exact) = told
            && exact.fract() != 0.0
            && column == "count"
        {
            event.attributes.insert("value".to_owned(), exact.into());
        }
        Ok(Some(Measured::Adds { event, column, value }))
    }

    /// A number that no aggregate knows.
    fn as_told(&self, point: NumberDataPoint) -> Result<Option<Measured>, &'static str> {
        if is_blank(&point) {
            return Ok(None);
        }
        let value = match point.value.ok_or("a data point without a value")? {
            Told::AsInt(number) => Value::from(number),
            Told::AsDouble(number) => Value::from(number),
        };
        self.other(point.attributes, point.start_time_unix_nano, point.time_unix_nano, [("value", value)])
    }

    fn other<const N: usize>(
        &self,
        attributes: Vec<KeyValue>,
        start_nanos: u64,
        time_nanos: u64,
        told: [(&str, Value); N],
    ) -> Result<Option<Measured>, &'static str> {
        let Draft { mut event, attributes, .. } = self.draft(attributes, start_nanos, time_nanos)?;
        event.names.kind = Some(UsageKind::Other.as_str().to_owned());
        event.attributes = attributes.into_rest();
        event.attributes.insert("metric".to_owned(), self.name.clone().into());
        let unit = Some(("unit", Value::from(self.unit.as_str()))).filter(|_| !self.unit.is_empty());
        for (name, value) in unit.into_iter().chain(told) {
            event.attributes.insert(name.to_owned(), value);
        }
        Ok(Some(Measured::Told(event)))
    }

    fn draft(&self, attributes: Vec<KeyValue>, start_nanos: u64, time_nanos: u64) -> Result<Draft, &'static str> {
        if time_nanos == 0 {
            return Err("a data point without a time");
        }
        let attributes = self.attributes.with(attributes).into_map();
        let mut attributes = Attributes::of_map(self.door.clean(SOURCE, attributes));
        let stream = Parts::of("stream").text(self.scope).text(&self.name).all(&attributes).id();
        let point = Parts::of("point").text(&stream.to_string()).number(start_nanos).number(time_nanos).id();
        let mut event = UsageEvent {
            id: format!("otlp_point_{}", point.simple()),
            time_micros: micros(time_nanos),
            ..UsageEvent::default()
        };
        who::take_standard(&mut attributes, &mut event.names);
        let stranger = || attributes.text("service.name").unwrap_or("unknown").to_owned();
        event.names.surface = Some(self.surface.map_or_else(stranger, |surface| surface.as_str().to_owned()));
        Ok(Draft { event, attributes, stream })
    }
}

/// An event that has no kind yet, what is left of its attributes, and the stream that its point belongs to.
struct Draft {
    event: UsageEvent,
    attributes: Attributes,
    stream: Uuid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Temporality {
    Delta,
    Cumulative,
}

/// The counters that the aggregates know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Sessions,
    Lines,
    Commits,
    PullRequests,
    Cost,
    Tokens,
    EditDecisions,
    ActiveTime,
}

impl Meaning {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "session.count" => Self::Sessions,
            "lines_of_code.count" => Self::Lines,
            "commit.count" => Self::Commits,
            "pull_request.count" => Self::PullRequests,
            "cost.usage" => Self::Cost,
            "token.usage" => Self::Tokens,
            "code_edit_tool.decision" => Self::EditDecisions,
            "active_time.total" => Self::ActiveTime,
            _ => return None,
        })
    }

    /// Gives a draft its kind and names, and says which column its value adds to; nothing for tokens of an unknown type.
    fn shape(self, draft: &mut Draft) -> Option<&'static str> {
        let Draft { event, attributes, .. } = draft;
        let mut column = "count";
        let kind = match self {
            Self::Sessions => {
                event.names.detail = attributes.take_text("start_type");
                UsageKind::SessionStarted
            }
            Self::Lines => {
                event.names.detail = attributes.take_text("type");
                UsageKind::LinesOfCode
            }
            Self::Commits => UsageKind::Commit,
            Self::PullRequests => UsageKind::PullRequest,
            Self::Cost => {
                column = "cost_nano_usd";
                UsageKind::ApiUsage
            }
            Self::Tokens => {
                column = tokens_of(attributes.text("type"))?;
                attributes.take("type");
                UsageKind::ApiUsage
            }
            Self::EditDecisions => {
                // In 2025 the attribute was called `tool`.
                let tool = attributes.take_text("tool_name").or_else(|| attributes.take_text("tool"));
                event.names.tool = tool.map(|tool| who::edit_tool(&tool).map_or(tool, str::to_owned));
                event.names.detail = attributes.take_text("decision");
                UsageKind::EditDecision
            }
            Self::ActiveTime => {
                event.names.detail = attributes.take_text("type");
                UsageKind::ActiveTime
            }
        };
        who::take_attribution(attributes, &mut event.names);
        event.names.kind = Some(kind.as_str().to_owned());
        Some(column)
    }
}

/// The column of a token type. Telemetry does not say for how long a cache was written; five minutes is the default.
fn tokens_of(kind: Option<&str>) -> Option<&'static str> {
    match kind? {
        "input" => Some("input_tokens"),
        "output" => Some("output_tokens"),
        "cacheRead" => Some("cache_read_tokens"),
        "cacheCreation" => Some("cache_creation_5m_tokens"),
        _ => None,
    }
}

/// A value in the unit of its column: billionths of a dollar, or whole pieces. Running totals are rounded before they are
/// subtracted from each other, so that what was rounded never adds up.
fn amount(told: Told, column: &str) -> Option<i64> {
    let amount = match (told, column) {
        (Told::AsInt(number), "cost_nano_usd") => nano_usd(&number.into()),
        (Told::AsDouble(number), "cost_nano_usd") => nano_usd(&number.into()),
        (Told::AsInt(number), _) => Some(number),
        (Told::AsDouble(number), _) => rounded(number),
    };
    amount.filter(|amount| *amount >= 0)
}

/// A point that says it has no value.
fn is_blank(point: &NumberDataPoint) -> bool {
    point.flags & DataPointFlags::NoRecordedValueMask as u32 != 0
}
