//! Log records into usage events (analytics_api.md §12.3): one event for a record, and more where it names a connector,
//! a skill, a plugin, a web search or an edited file.
//! Promises an id that is the same for the same record. Of `tool_parameters` only four names are read, then it goes.

use ephor_wire::timestamp::Timestamp;
use ephor_wire::usage::{Surface, UsageEvent, UsageKind, nano_usd};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use serde_json::{Value, json};

use super::attributes::{Attributes, body_text, is_there};
use super::identity::Parts;
use super::{Decoded, Refused, SOURCE, who};
use crate::usage::UsageDoor;

/// Bytes of an event's name at the most; the longest today has 25.
const NAME_BYTES: usize = 128;

/// The clients' own word for a connector that they do not name.
const UNNAMED_CONNECTOR: &str = "custom";

/// What together make a record the same one, beside its name and time.
const IDENTITY: [&str; 10] = [
    "service.namespace",
    "service.name",
    "service.instance.id",
    "session.id",
    "prompt.id",
    "event.sequence",
    "request_id",
    "client_request_id",
    "tool_use_id",
    "message.uuid",
];

/// The events of an export.
pub(crate) fn read_logs(request: ExportLogsServiceRequest, door: &UsageDoor) -> Decoded<UsageEvent> {
    let mut decoded = Decoded { rows: Vec::new(), refused: Refused::default() };
    for of_resource in request.resource_logs {
        let resource = Attributes::default().with(of_resource.resource.unwrap_or_default().attributes);
        for of_scope in of_resource.scope_logs {
            let scope = of_scope.scope.unwrap_or_default();
            let around = Around { attributes: resource.with(scope.attributes), scope: scope.name };
            for record in of_scope.log_records {
                match around.read(record, door) {
                    Ok(events) => decoded.rows.extend(events),
                    Err(reason) => decoded.refused.add(reason),
                }
            }
        }
    }
    decoded
}

/// What stands around a record.
struct Around {
    attributes: Attributes,
    scope: String,
}

impl Around {
    fn read(&self, record: LogRecord, door: &UsageDoor) -> Result<Vec<UsageEvent>, &'static str> {
        let attributes = self.attributes.with(record.attributes);
        let body = body_text(record.body.as_ref());
        let (name, prefix) = name_of(&attributes, &record.event_name, body)?;
        let time_nanos = time_of(&attributes, record.time_unix_nano, record.observed_time_unix_nano)?;
        if is_there(record.body.as_ref()) && body.is_none_or(|body| who::unprefixed(body).0 != name) {
            door.count(SOURCE, "body");
        }
        let surface = who::surface_of(attributes.text("service.name"), prefix, &self.scope);
        let hints = Hints::of(attributes.get("tool_parameters"));
        let mut attributes = Attributes::of_map(door.clean(SOURCE, attributes.into_map()));
        let id = id_of(&attributes, &name, time_nanos);
        attributes.take("event.name");
        attributes.take("event.timestamp");
        let mut event = UsageEvent { id, time_micros: micros(time_nanos), ..UsageEvent::default() };
        who::take_standard(&mut attributes, &mut event.names);
        let Some(surface) = surface else {
            let stranger = attributes.text("service.name").unwrap_or("unknown").to_owned();
            event.names.surface = Some(stranger);
            other(&mut event, &name, attributes);
            return Ok(vec![event]);
        };
        event.names.surface = Some(surface.as_str().to_owned());
        Ok(Telling { event, attributes, also: Vec::new() }.tell(&name, surface, hints))
    }
}

/// The event's name without the product before it: from the attribute, else the record's own field, else a body that
/// is nothing but a name. A body says which product it was even where the name does not.
fn name_of(
    attributes: &Attributes,
    event_name: &str,
    body: Option<&str>,
) -> Result<(String, Option<Surface>), &'static str> {
    let from_body = body.map(who::unprefixed).filter(|(_, prefix)| prefix.is_some());
    let named = attributes.text("event.name").or_else(|| Some(event_name).filter(|name| !name.is_empty()));
    let (name, prefix) = match (named.map(who::unprefixed), from_body) {
        (Some((name, prefix)), from_body) => (name, prefix.or(from_body.and_then(|(_, prefix)| prefix))),
        (None, Some(from_body)) => from_body,
        (None, None) => return Err("a log record without `event.name` is no event"),
    };
    let is_name =
        name.len() <= NAME_BYTES && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/:".contains(&byte));
    if is_name { Ok((name.to_owned(), prefix)) } else { Err("`event.name` is no name") }
}

fn time_of(attributes: &Attributes, time_nanos: u64, observed_nanos: u64) -> Result<u64, &'static str> {
    let told = || {
        let time = Timestamp::parse(attributes.text("event.timestamp")?).ok()?;
        u64::try_from(time.micros()).ok()?.checked_mul(1000)
    };
    let time = Some(time_nanos).filter(|nanos| *nanos > 0).or_else(told);
    time.or(Some(observed_nanos).filter(|nanos| *nanos > 0)).ok_or("a log record without a time")
}

/// Microseconds since 1970 of nanoseconds.
pub(super) fn micros(nanos: u64) -> i64 {
    i64::try_from(nanos / 1000).unwrap_or(i64::MAX)
}

fn id_of(attributes: &Attributes, name: &str, time_nanos: u64) -> String {
    let parts = Parts::of("log").text(name).number(time_nanos).named(attributes, &IDENTITY);
    let counted = attributes.get("session.id").is_some() && attributes.get("event.sequence").is_some();
    // Without a place in its session, a record is what it says.
    let parts = if counted { parts } else { parts.all(attributes) };
    format!("otlp_log_{}", parts.id().simple())
}

/// What `tool_parameters` may be read for: names, never what a tool was given.
#[derive(Debug, Default)]
struct Hints {
    server: Option<String>,
    server_tool: Option<String>,
    skill: Option<String>,
    subagent: Option<String>,
}

impl Hints {
    fn of(parameters: Option<&Value>) -> Self {
        let parsed = parameters.and_then(|value| match value {
            Value::String(text) => serde_json::from_str(text).ok(),
            other => Some(other.clone()),
        });
        let name = |field: &str| {
            let name = parsed.as_ref()?.get(field)?.as_str()?;
            // What is longer than any name or has several lines is something else under its name.
            let plain = !name.is_empty() && name.len() <= NAME_BYTES && !name.contains(char::is_control);
            plain.then(|| name.to_owned())
        };
        Self {
            server: name("mcp_server_name"),
            server_tool: name("mcp_tool_name"),
            skill: name("skill_name"),
            subagent: name("subagent_type"),
        }
    }
}

/// A record on its way to its events.
struct Telling {
    event: UsageEvent,
    attributes: Attributes,
    also: Vec<UsageEvent>,
}

impl Telling {
    fn tell(mut self, name: &str, surface: Surface, hints: Hints) -> Vec<UsageEvent> {
        match name {
            "user_prompt" => self.is(UsageKind::Message),
            "tool_result" => self.tool_result(surface, hints),
            "api_request" => self.api_request(),
            "skill_activated" => {
                self.is(UsageKind::SkillUsed);
                who::take_attribution(&mut self.attributes, &mut self.event.names);
                self.plugin_used(name);
            }
            "plugin_installed" => {
                self.is(UsageKind::PluginInstalled);
                who::take_plugin(&mut self.attributes, &mut self.event.names);
            }
            "tool_decision" => {
                self.event.names.tool = self.attributes.take_text("tool_name");
                self.event.names.detail = self.attributes.take_text("decision");
            }
            "subagent_completed" => {
                who::take_attribution(&mut self.attributes, &mut self.event.names);
                self.plugin_used(name);
            }
            _ => {
                who::take_attribution(&mut self.attributes, &mut self.event.names);
                self.event.names.request_id = self.attributes.take_text("request_id");
            }
        }
        let Self { mut event, attributes, mut also } = self;
        match event.names.kind {
            Some(_) => event.attributes = attributes.into_rest(),
            None => other(&mut event, name, attributes),
        }
        also.insert(0, event);
        also
    }

    fn is(&mut self, kind: UsageKind) {
        self.event.names.kind = Some(kind.as_str().to_owned());
    }

    fn tool_result(&mut self, surface: Surface, hints: Hints) {
        self.is(UsageKind::ToolResult);
        let succeeded = match self.attributes.take_text("success").as_deref() {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => None,
        };
        self.event.names.detail = succeeded.map(|yes| if yes { "success" } else { "failure" }.to_owned());
        let tool = self.attributes.take_text("tool_name").unwrap_or_default();
        self.event.names.tool = Some(tool.clone()).filter(|tool| !tool.is_empty());
        let Hints { server, server_tool, skill, subagent } = hints;
        if let Some((server, server_tool)) = self.connector(&tool, server, server_tool) {
            let used = self.derive(UsageKind::ConnectorUsed, "tool_result");
            (used.names.connector_name, used.names.tool) = (Some(server), server_tool);
        }
        if let Some(skill) = skill {
            let used = self.derive(UsageKind::SkillUsed, "tool_result");
            used.names.skill_name = Some(skill);
            // `skill_activated` tells of the same use; this row only says that there was one.
            used.counts.count = Some(0);
        }
        if matches!(tool.as_str(), "WebSearch" | "web_search") {
            self.derive(UsageKind::WebSearch, "tool_result");
        }
        if let Some(edit) = who::edit_tool(&tool).filter(|_| surface == Surface::Cowork && succeeded == Some(true)) {
            self.derive(UsageKind::FileEdit, "tool_result").names.tool = Some(edit.to_owned());
        }
        if let Some(subagent) = subagent {
            self.attributes.put("subagent_type", subagent.into());
        }
    }

    /// The connector that a tool belongs to, and the tool's name there.
    fn connector(
        &mut self,
        tool: &str,
        server: Option<String>,
        server_tool: Option<String>,
    ) -> Option<(String, Option<String>)> {
        let told = ["mcp_server.name", "mcp_server_name"].iter().find_map(|name| self.attributes.take_text(name));
        let told_tool = ["mcp_tool.name", "mcp_tool_name"].iter().find_map(|name| self.attributes.take_text(name));
        let from_name = tool.strip_prefix("mcp__").and_then(|rest| rest.split_once("__"));
        let unnamed = (tool == "mcp_tool").then(|| UNNAMED_CONNECTOR.to_owned());
        let named = server.or(told).or_else(|| from_name.map(|(server, _)| server.to_owned())).or(unnamed)?;
        let named_tool = server_tool.or(told_tool).or_else(|| from_name.map(|(_, tool)| tool.to_owned()));
        Some((named, named_tool))
    }

    fn api_request(&mut self) {
        self.is(UsageKind::ApiRequest);
        let Self { event, attributes, .. } = self;
        who::take_attribution(attributes, &mut event.names);
        event.names.request_id = attributes.take_text("request_id");
        event.counts.input_tokens = attributes.take_count("input_tokens");
        event.counts.output_tokens = attributes.take_count("output_tokens");
        event.counts.cache_read_tokens = attributes.take_count("cache_read_tokens");
        // Telemetry does not say for how long a cache was written; five minutes is the default.
        event.counts.cache_creation_5m_tokens = attributes.take_count("cache_creation_tokens");
        let whole = attributes.take_count("cost_usd_micros").and_then(|micros| micros.checked_mul(1000));
        let decimal = attributes.take("cost_usd");
        event.counts.cost_nano_usd = whole.or_else(|| nano_usd(&decimal?));
    }

    /// A plugin's skill or agent at work is the plugin at work.
    fn plugin_used(&mut self, told_by: &str) {
        let (plugin, id) = (self.event.names.plugin_name.clone(), self.event.names.plugin_id.clone());
        if plugin.is_some() {
            let used = self.derive(UsageKind::PluginUsed, told_by);
            (used.names.plugin_name, used.names.plugin_id) = (plugin, id);
        }
    }

    /// One more event of the same moment and person.
    fn derive(&mut self, kind: UsageKind, told_by: &str) -> &mut UsageEvent {
        let mut event = UsageEvent {
            id: format!("{}_{kind}", self.event.id),
            time_micros: self.event.time_micros,
            ..UsageEvent::default()
        };
        for column in ["surface", "organization_id", "organization_uuid", "user_id", "user_email", "session_id"] {
            if let (Some(to), Some(from)) = (event.names.slot(column), self.event.names.slot(column)) {
                to.clone_from(from);
            }
        }
        event.names.kind = Some(kind.as_str().to_owned());
        event.attributes.insert("derived_from".to_owned(), json!(told_by));
        self.also.push(event);
        let last = self.also.len() - 1;
        &mut self.also[last]
    }
}

/// Anything that no aggregate knows: kept with its name.
fn other(event: &mut UsageEvent, name: &str, attributes: Attributes) {
    event.names.kind = Some(UsageKind::Other.as_str().to_owned());
    event.attributes = attributes.into_rest();
    event.attributes.insert("event.name".to_owned(), name.into());
}
