//! Usage events: metadata-only facts of who used what, from which every number of the Analytics API is computed.
//! Unknown surfaces, kinds and fields are kept; a known field of the wrong type is an error that names it.
//! Never holds content: callers strip with [`crate::content`] first.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value};

use crate::timestamp::parse_micros;

/// Bytes of an event's id at the most.
pub const MAX_EVENT_ID_BYTES: usize = 200;

/// Billionths of a dollar in one dollar: fine enough for the price of a single token.
const NANOS_PER_DOLLAR: i64 = 1_000_000_000;

macro_rules! named {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? })+) => {
        $($(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name in events and tables.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// The one of this name, if it is known.
            #[must_use]
            pub fn of(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        })+
    };
}

named! {
    /// Where something was used.
    Surface {
        /// claude.ai chat.
        Chat = "chat",
        /// Claude Code, local or remote.
        ClaudeCode = "claude_code",
        /// Cowork.
        Cowork = "cowork",
        /// Claude in Office; `app` says in which application.
        Office = "office",
        /// Claude Design.
        Design = "design",
        /// Claude Science.
        Science = "science",
    }

    /// An office application, in `app`.
    OfficeApp {
        /// Excel.
        Excel = "excel",
        /// Outlook.
        Outlook = "outlook",
        /// PowerPoint.
        Powerpoint = "powerpoint",
        /// Word.
        Word = "word",
    }

    /// What happened. `count` says how often; `detail` and `tool` say more where a kind names them here.
    UsageKind {
        /// Messages sent; `detail` = `thinking` with extended thinking. In Office and Cowork, finished turns.
        Message = "message",
        /// A conversation began.
        ConversationCreated = "conversation_created",
        /// Somebody opened a conversation shared with them.
        ConversationViewed = "conversation_viewed",
        /// A session began; `detail` = `fresh`, `resume`, `continue`, or `agents_view`, which is no session of its own.
        SessionStarted = "session_started",
        /// A project was made.
        ProjectCreated = "project_created",
        /// A project was worked in, without a message that says so.
        ProjectUsed = "project_used",
        /// A file was uploaded.
        FileUploaded = "file_uploaded",
        /// An artifact was made; `detail` = `shared` or `published` when it is.
        ArtifactCreated = "artifact_created",
        /// Somebody opened an artifact shared with them.
        ArtifactViewed = "artifact_viewed",
        /// A skill was activated; `detail` = its share status: `private`, `organization`, `public`.
        SkillUsed = "skill_used",
        /// Somebody switched a skill on.
        SkillEnabled = "skill_enabled",
        /// A connector's tool was called; `detail` = `read` or `write` where its annotation says so, `auth` = whose
        /// credential: `individual` or `managed`.
        ConnectorUsed = "connector_used",
        /// A plugin's skill, command, agent or server was used.
        PluginUsed = "plugin_used",
        /// Somebody installed a plugin.
        PluginInstalled = "plugin_installed",
        /// A tool ran; `detail` = `success` or `failure`, `tool` = its name.
        ToolResult = "tool_result",
        /// An edit was proposed and decided on; `tool` = `edit_tool`, `multi_edit_tool`, `write_tool` or
        /// `notebook_edit_tool`, `detail` = `accept` or `reject`.
        EditDecision = "edit_decision",
        /// A file was edited by a tool (Cowork); `tool` as above.
        FileEdit = "file_edit",
        /// Lines of code; `detail` = `added` or `removed`.
        LinesOfCode = "lines_of_code",
        /// Git commits.
        Commit = "commit",
        /// Pull requests.
        PullRequest = "pull_request",
        /// Web searches.
        WebSearch = "web_search",
        /// A finished turn of a background agent (Cowork).
        DispatchTurn = "dispatch_turn",
        /// Work handed to another agent (Science).
        Delegation = "delegation",
        /// A job on another machine (Science).
        RemoteComputeJob = "remote_compute_job",
        /// A request to a model, with its tokens and, where it is known, its cost.
        ApiRequest = "api_request",
        /// Tokens or cost from a counter that names no request. Counted only for a session and day of which no
        /// `api_request` tells: both tell the same story.
        ApiUsage = "api_usage",
        /// Seconds of active time; `detail` = `user` or `cli`.
        ActiveTime = "active_time",
        /// Anything else that telemetry tells; kept and shown, in no aggregate.
        Other = "other",
    }
}

/// One fact of usage.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UsageEvent {
    /// What makes it the same event when it comes again.
    pub id: String,
    /// When it happened, in microseconds since 1970.
    pub time_micros: i64,
    /// Everything that is named by text.
    pub names: Names,
    /// Everything that is counted.
    pub counts: Counts,
    /// Fields that have no column, as they came.
    pub attributes: Map<String, Value>,
}

macro_rules! names {
    ($($(#[$doc:meta])* $field:ident),+ $(,)?) => {
        /// The text columns of an event; all but `surface` and `kind` may be missing.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct Names {
            $($(#[$doc])* pub $field: Option<String>,)+
        }

        impl Names {
            /// The columns' names, in table order.
            pub const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),+];

            /// The values, in table order.
            pub fn values(&self) -> impl Iterator<Item = Option<&str>> {
                [$(self.$field.as_deref()),+].into_iter()
            }

            /// The field of a column.
            pub fn slot(&mut self, column: &str) -> Option<&mut Option<String>> {
                match column {
                    $(stringify!($field) => Some(&mut self.$field),)+
                    _ => None,
                }
            }
        }
    };
}

names! {
    /// Where: a [`Surface`], or a name that is not known yet.
    surface,
    /// What: a [`UsageKind`], or a name that is not known yet.
    kind,
    /// `org_…`
    organization_id,
    /// The organization's UUID.
    organization_uuid,
    /// `user_…`
    user_id,
    /// The person's address.
    user_email,
    /// The office application.
    app,
    /// The conversation.
    conversation_id,
    /// The session.
    session_id,
    /// `claude_proj_…`
    project_id,
    /// The project's name.
    project_name,
    /// The skill.
    skill_name,
    /// The connector as it was named; the API's name is derived from it.
    connector_name,
    /// The plugin.
    plugin_name,
    /// `name@marketplace`
    plugin_id,
    /// A readable name of a skill or connector whose name is an opaque id.
    display_name,
    /// The artifact.
    artifact_id,
    /// Its media type.
    artifact_type,
    /// The file.
    file_id,
    /// The tool.
    tool,
    /// What the kind says about it.
    detail,
    /// Whose credential a connector used.
    auth,
    /// The model.
    model,
    /// `fast` or `standard`
    speed,
    /// `0-200k` or `200k-1M`
    context_window,
    /// `global`, `us`
    inference_geo,
    /// The API key that was used.
    api_key_id,
    /// The request.
    request_id,
}

macro_rules! counts {
    ($($(#[$doc:meta])* $field:ident),+ $(,)?) => {
        /// The number columns of an event.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Counts {
            $($(#[$doc])* pub $field: Option<i64>,)+
        }

        impl Counts {
            /// The columns' names, in table order.
            pub const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),+];

            /// The values, in table order.
            pub fn values(&self) -> impl Iterator<Item = Option<i64>> {
                [$(self.$field),+].into_iter()
            }

            /// The field of a column.
            pub fn slot(&mut self, column: &str) -> Option<&mut Option<i64>> {
                match column {
                    $(stringify!($field) => Some(&mut self.$field),)+
                    _ => None,
                }
            }
        }
    };
}

counts! {
    /// How often; none is once.
    count,
    /// Input tokens that were neither read from a cache nor written to one.
    input_tokens,
    /// Output tokens.
    output_tokens,
    /// Input tokens read from a cache.
    cache_read_tokens,
    /// Input tokens written to a cache for five minutes.
    cache_creation_5m_tokens,
    /// Input tokens written to a cache for an hour.
    cache_creation_1h_tokens,
    /// Web searches that the request made on the server.
    web_search_requests,
    /// Cost in billionths of a dollar, as the source told it.
    cost_nano_usd,
}

/// Why an object is no usage event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// Not an object.
    #[error("a usage event is a JSON object")]
    NotAnObject,
    /// A field that every event has.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A field of the wrong type or range.
    #[error("`{field}` must be {expected}")]
    Wrong {
        /// The field.
        field: String,
        /// What it should be.
        expected: &'static str,
    },
}

impl UsageEvent {
    /// Reads an event: `id`, `time`, `surface`, `kind` and any of the columns; `cost_usd` as a number or decimal text.
    pub fn from_json(value: Value) -> Result<Self, UsageError> {
        let Value::Object(mut fields) = value else { return Err(UsageError::NotAnObject) };
        let id = required(&mut fields, "id")?;
        if id.len() > MAX_EVENT_ID_BYTES {
            return Err(wrong("id", "at most 200 bytes"));
        }
        let time = required(&mut fields, "time")?;
        let time_micros = parse_micros(&time)
            .ok_or_else(|| wrong("time", "an RFC 3339 time with a zone, as 2026-11-23T12:00:00Z"))?;
        let mut event = Self { id, time_micros, ..Self::default() };
        for (name, value) in fields {
            event.take(name, value)?;
        }
        match (&event.names.surface, &event.names.kind) {
            (None, _) => Err(UsageError::Missing("surface")),
            (_, None) => Err(UsageError::Missing("kind")),
            _ => Ok(event),
        }
    }

    /// Puts a field where it belongs: a column, or else `attributes`.
    fn take(&mut self, name: String, value: Value) -> Result<(), UsageError> {
        if value.is_null() {
            return Ok(());
        }
        if name == "cost_usd" {
            self.counts.cost_nano_usd =
                Some(nano_usd(&value).ok_or_else(|| wrong("cost_usd", "an amount in dollars"))?);
        } else if let Some(slot) = self.names.slot(&name) {
            match value {
                Value::String(text) if text.is_empty() => {}
                Value::String(text) => *slot = Some(text),
                _ => return Err(wrong(&name, "text")),
            }
        } else if let Some(slot) = self.counts.slot(&name) {
            *slot = Some(value.as_i64().filter(|n| *n >= 0).ok_or_else(|| wrong(&name, "a whole number, 0 or more"))?);
        } else {
            self.attributes.insert(name, value);
        }
        Ok(())
    }

    /// Writes it as [`UsageEvent::from_json`] reads it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut fields = Map::new();
        fields.insert("id".to_owned(), self.id.clone().into());
        let time = crate::timestamp::Timestamp::from_micros(self.time_micros);
        fields.insert("time".to_owned(), time.as_str().into());
        let names = Names::COLUMNS.iter().zip(self.names.values());
        fields.extend(names.filter_map(|(name, value)| Some(((*name).to_owned(), value?.into()))));
        let counts = Counts::COLUMNS.iter().zip(self.counts.values());
        fields.extend(counts.filter_map(|(name, value)| Some(((*name).to_owned(), value?.into()))));
        fields.extend(self.attributes.clone());
        Value::Object(fields)
    }
}

fn required(fields: &mut Map<String, Value>, name: &'static str) -> Result<String, UsageError> {
    match fields.remove(name) {
        None | Some(Value::Null) => Err(UsageError::Missing(name)),
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(_) => Err(wrong(name, "text that is not empty")),
    }
}

fn wrong(field: &str, expected: &'static str) -> UsageError {
    UsageError::Wrong { field: field.to_owned(), expected }
}

/// Dollars, as JSON number or decimal text, in billionths; finer parts are rounded half to even.
#[must_use]
pub fn nano_usd(value: &Value) -> Option<i64> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    let dollars = Decimal::from_str(&text).or_else(|_| Decimal::from_scientific(&text)).ok()?;
    let nanos = dollars.checked_mul(Decimal::from(NANOS_PER_DOLLAR))?.round();
    nanos.to_i64().filter(|nanos| *nanos >= 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_goes_out_as_it_came_in_with_what_is_unknown() {
        let event = UsageEvent::from_json(json!({
            "id": "e1", "time": "2026-11-23T12:00:00.000000Z", "surface": "hologram", "kind": "waved",
            "user_id": "user_1", "count": 3, "colour": {"a": 1},
        }))
        .unwrap();
        assert_eq!(event.attributes["colour"], json!({"a": 1}));
        assert_eq!(UsageEvent::from_json(event.to_json()).unwrap(), event);
    }

    #[test]
    fn a_wrong_field_is_named() {
        let told = |value: Value| UsageEvent::from_json(value).unwrap_err().to_string();
        let base = json!({"id": "e", "time": "2026-11-23T12:00:00Z", "surface": "chat", "kind": "message"});
        let with = |name: &str, value: Value| {
            let mut event = base.clone();
            event[name] = value;
            told(event)
        };
        assert_eq!(with("count", json!(-1)), "`count` must be a whole number, 0 or more");
        assert_eq!(with("user_id", json!(7)), "`user_id` must be text");
        assert_eq!(with("kind", Value::Null), "`kind` is missing");
        assert_eq!(
            with("time", json!("yesterday")),
            "`time` must be an RFC 3339 time with a zone, as 2026-11-23T12:00:00Z"
        );
        assert_eq!(told(json!([])), "a usage event is a JSON object");
    }

    #[test]
    fn money_is_exact() {
        assert_eq!(nano_usd(&json!(0.1)), Some(100_000_000));
        assert_eq!(nano_usd(&json!("0.0000000015")), Some(2));
        assert_eq!(nano_usd(&json!(1.5e-6)), Some(1_500));
        assert_eq!(nano_usd(&json!(-1)), None);
    }
}
