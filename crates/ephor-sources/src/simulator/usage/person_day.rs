//! One person's usage on one day: what follows from an activity, and what no activity tells of.
//! Promises events within the simulated span, with ids that are drawn and so the same for the same seed.
//! Never draws from another part's dice.

use ephor_wire::usage::{Surface, UsageEvent, UsageKind};
use serde_json::{Map, Value, json};

use super::super::Simulation;
use super::super::calendar::{MINUTE, SECOND, working_moment};
use super::super::dice::Dice;
use super::super::people::{Person, Profile};
use super::seen::Seen;

/// A model, what it costs in dollars a million tokens in and out, and how often it is chosen.
pub(super) const MODELS: [(&str, i64, i64); 6] = [
    ("claude-sonnet-4-5-20250929", 3, 15),
    ("claude-sonnet-4-5-20250929", 3, 15),
    ("claude-sonnet-4-5-20250929", 3, 15),
    ("claude-haiku-4-5-20251001", 1, 5),
    ("claude-haiku-4-5-20251001", 1, 5),
    ("claude-opus-4-5-20251101", 5, 25),
];
pub(super) const EDIT_TOOLS: [&str; 6] =
    ["edit_tool", "edit_tool", "edit_tool", "multi_edit_tool", "write_tool", "notebook_edit_tool"];
pub(super) const APPS: [&str; 4] = ["excel", "powerpoint", "word", "outlook"];
pub(super) const ARTIFACT_TYPES: [&str; 5] =
    ["text/markdown", "text/html", "application/vnd.ant.react", "application/vnd.ant.code", "image/svg+xml"];

pub(super) struct PersonDay<'a> {
    pub(super) simulation: &'a Simulation,
    pub(super) person: &'a Person,
    pub(super) dice: Dice,
    pub(super) events: &'a mut Vec<UsageEvent>,
}

/// What the events of one session share.
struct Session {
    surface: Surface,
    fields: Map<String, Value>,
}

impl PersonDay<'_> {
    /// What an activity tells of, and what went with it.
    pub(super) fn follow(&mut self, seen: &Seen) {
        let entity = seen.entity.clone().unwrap_or_default();
        let chat = Session {
            surface: Surface::Chat,
            fields: fields(json!({ "conversation_id": seen.chat, "project_id": seen.project })),
        };
        match seen.kind.as_str() {
            "claude_chat_created" => self.chat(&chat, seen.at),
            "claude_chat_viewed" if self.dice.percent(40) => self.messages(&chat, seen.at),
            "claude_chat_viewed" if self.dice.percent(8) => {
                self.tell(&chat, seen.at, UsageKind::ConversationViewed, json!({}));
            }
            "claude_file_uploaded" => self.tell(&chat, seen.at, UsageKind::FileUploaded, json!({ "file_id": entity })),
            "claude_artifact_created" => {
                let artifact_type = *self.dice.pick(&ARTIFACT_TYPES);
                let detail = *self.dice.pick(&["", "", "", "shared", "published"]);
                let more = json!({ "artifact_id": entity, "artifact_type": artifact_type, "detail": detail });
                self.tell(&chat, seen.at, UsageKind::ArtifactCreated, more);
            }
            "claude_artifact_viewed" if self.dice.percent(30) => {
                self.tell(&chat, seen.at, UsageKind::ArtifactViewed, json!({ "artifact_id": entity }));
            }
            "claude_project_viewed" if self.dice.percent(25) => {
                self.tell(&chat, seen.at, UsageKind::ProjectUsed, json!({}));
            }
            "claude_project_created" => self.tell(&chat, seen.at, UsageKind::ProjectCreated, json!({})),
            "claude_skill_enabled" => {
                self.tell(&chat, seen.at, UsageKind::SkillEnabled, json!({ "skill_name": entity }));
            }
            "ccr_session_created" => self.code_session(&entity, seen.at),
            "cowork_session_updated" => self.cowork_session(&entity, seen.at),
            "design_project_created" => {
                let design = Session { surface: Surface::Design, fields: fields(json!({ "project_id": entity })) };
                self.tell(&design, seen.at, UsageKind::ProjectCreated, json!({}));
            }
            _ => {}
        }
    }

    /// Sessions on the person's own machine, of which the feed tells nothing.
    pub(super) fn work(&mut self, day_start: i64) {
        let (code, office, other) = match self.person.profile {
            Profile::Engineering => (70, 12, 6),
            Profile::Documents => (6, 45, 3),
            Profile::Office => (4, 35, 8),
            Profile::Administration => (15, 20, 3),
        };
        while self.dice.percent(code) {
            let (at, session) = (self.moment(day_start), self.dice.uuid());
            self.code_session(&session, at);
        }
        if self.dice.percent(office) {
            let at = self.moment(day_start);
            self.office_session(at);
        }
        for surface in [Surface::Design, Surface::Science] {
            if self.dice.percent(other) {
                let at = self.moment(day_start);
                self.studio_session(surface, at);
            }
        }
    }

    fn moment(&mut self, day_start: i64) -> i64 {
        day_start + working_moment(self.person.site(), &mut self.dice)
    }

    fn chat(&mut self, chat: &Session, at: i64) {
        self.messages(chat, at);
        let used = at + MINUTE;
        if self.dice.percent(22) {
            self.skill(chat, used);
        }
        if self.dice.percent(30) {
            self.connector(chat, used);
        }
        if self.dice.percent(15) {
            let count = self.dice.between(1, 4);
            self.tell(chat, used, UsageKind::WebSearch, json!({ "count": count }));
        }
    }

    fn messages(&mut self, session: &Session, at: i64) {
        let count = self.dice.between(1, 6);
        self.tell(session, at + 20 * SECOND, UsageKind::Message, json!({ "count": count }));
        if self.dice.percent(20) {
            self.tell(session, at + 3 * MINUTE, UsageKind::Message, json!({ "count": 1, "detail": "thinking" }));
        }
        self.requests(session, at + MINUTE, count, None);
    }

    fn code_session(&mut self, id: &str, at: i64) {
        let code = Session { surface: Surface::ClaudeCode, fields: fields(json!({ "session_id": id })) };
        let start = *self.dice.pick(&["fresh", "fresh", "fresh", "resume", "continue"]);
        self.tell(&code, at, UsageKind::SessionStarted, json!({ "detail": start }));
        if self.dice.percent(4) {
            let view =
                Session { surface: Surface::ClaudeCode, fields: fields(json!({ "session_id": self.dice.uuid() })) };
            self.tell(&view, at, UsageKind::SessionStarted, json!({ "detail": "agents_view" }));
        }
        let prompts = self.dice.between(1, 9);
        self.tell(&code, at + MINUTE, UsageKind::Message, json!({ "count": prompts }));
        self.tools(&code, at + 2 * MINUTE);
        for _ in 0..self.dice.between(0, 4) {
            let decision = if self.dice.percent(90) { "accept" } else { "reject" };
            let (tool, count) = (*self.dice.pick(&EDIT_TOOLS), self.dice.between(1, 6));
            let more = json!({ "tool": tool, "detail": decision, "count": count });
            self.tell(&code, at + 4 * MINUTE, UsageKind::EditDecision, more);
        }
        for (detail, most) in [("added", 240), ("removed", 90)] {
            let count = self.dice.between(0, most);
            self.tell(&code, at + 5 * MINUTE, UsageKind::LinesOfCode, json!({ "detail": detail, "count": count }));
        }
        if self.dice.percent(45) {
            let count = self.dice.between(1, 3);
            self.tell(&code, at + 8 * MINUTE, UsageKind::Commit, json!({ "count": count }));
        }
        if self.dice.percent(15) {
            self.tell(&code, at + 9 * MINUTE, UsageKind::PullRequest, json!({}));
        }
        if self.dice.percent(20) {
            self.tell(&code, at + 3 * MINUTE, UsageKind::WebSearch, json!({}));
        }
        let seconds = self.dice.between(30, 3_000);
        self.tell(&code, at + 9 * MINUTE, UsageKind::ActiveTime, json!({ "detail": "user", "count": seconds }));
        self.tell(&code, at + 7 * MINUTE, UsageKind::Other, json!({ "event.name": "compaction" }));
        self.extras(&code, at + 3 * MINUTE);
        let skill = self.dice.percent(25).then(|| self.skill(&code, at + 3 * MINUTE));
        // Some clients send counters, some events, and some both, which tell the same story.
        let (counters, events) =
            *self.dice.pick(&[(false, true), (false, true), (false, true), (true, false), (true, true)]);
        if counters {
            let more = json!({ "model": MODELS[0].0, "input_tokens": prompts * 900, "output_tokens": prompts * 300 });
            self.tell(&code, at + 6 * MINUTE, UsageKind::ApiUsage, more);
        }
        if events {
            self.requests(&code, at + 6 * MINUTE, prompts * 4, skill.as_deref());
        }
    }

    fn cowork_session(&mut self, id: &str, at: i64) {
        let cowork = Session { surface: Surface::Cowork, fields: fields(json!({ "session_id": id })) };
        let messages = self.dice.between(1, 5);
        self.tell(&cowork, at, UsageKind::Message, json!({ "count": messages }));
        self.tools(&cowork, at + MINUTE);
        if self.dice.percent(40) {
            let (tool, count) = (*self.dice.pick(&EDIT_TOOLS), self.dice.between(1, 4));
            self.tell(&cowork, at + 2 * MINUTE, UsageKind::FileEdit, json!({ "tool": tool, "count": count }));
        }
        if self.dice.percent(35) {
            let count = self.dice.between(1, 3);
            self.tell(&cowork, at + 4 * MINUTE, UsageKind::DispatchTurn, json!({ "count": count }));
        }
        self.extras(&cowork, at + 2 * MINUTE);
        let skill = self.dice.percent(25).then(|| self.skill(&cowork, at + 2 * MINUTE));
        self.requests(&cowork, at + 3 * MINUTE, messages * 3, skill.as_deref());
    }

    fn office_session(&mut self, at: i64) {
        let app = *self.dice.pick(&APPS);
        let session = self.dice.uuid();
        let office = Session { surface: Surface::Office, fields: fields(json!({ "app": app, "session_id": session })) };
        let messages = self.dice.between(1, 8);
        self.tell(&office, at, UsageKind::Message, json!({ "count": messages }));
        if self.dice.percent(20) {
            self.connector(&office, at + MINUTE);
        }
        let skill = self.dice.percent(20).then(|| self.skill(&office, at + MINUTE));
        self.requests(&office, at + MINUTE, messages, skill.as_deref());
    }

    fn studio_session(&mut self, surface: Surface, at: i64) {
        let session = self.dice.uuid();
        let project = self.dice.percent(60).then(|| format!("design_proj_{}", self.person.index));
        let project = project.filter(|_| surface == Surface::Design);
        let studio = Session { surface, fields: fields(json!({ "session_id": session, "project_id": project })) };
        let messages = self.dice.between(1, 6);
        self.tell(&studio, at, UsageKind::Message, json!({ "count": messages }));
        if surface == Surface::Science {
            let (handed, jobs) = (self.dice.between(0, 3), self.dice.between(0, 2));
            self.tell(&studio, at + MINUTE, UsageKind::Delegation, json!({ "count": handed }));
            self.tell(&studio, at + MINUTE, UsageKind::RemoteComputeJob, json!({ "count": jobs }));
        }
        self.requests(&studio, at + MINUTE, messages, None);
    }

    fn tools(&mut self, session: &Session, at: i64) {
        for (detail, most) in [("success", 20), ("failure", 2)] {
            let (tool, count) = (*self.dice.pick(&["Bash", "Read", "Grep", "Edit"]), self.dice.between(0, most));
            if count > 0 {
                self.tell(
                    session,
                    at,
                    UsageKind::ToolResult,
                    json!({ "tool": tool, "detail": detail, "count": count }),
                );
            }
        }
    }

    /// Connectors, plugins and artifacts, in sessions that may have them.
    fn extras(&mut self, session: &Session, at: i64) {
        if self.dice.percent(25) {
            self.connector(session, at);
        }
        if self.dice.percent(18) {
            let plugin = self.dice.pick(&self.simulation.company.plugins).name.clone();
            let id = format!("{plugin}@meridian");
            let kind = if self.dice.percent(15) { UsageKind::PluginInstalled } else { UsageKind::PluginUsed };
            self.tell(session, at, kind, json!({ "plugin_name": plugin, "plugin_id": id }));
        }
        if self.dice.percent(6) {
            let artifact = self.dice.tagged("artifact_");
            self.tell(
                session,
                at,
                UsageKind::ArtifactCreated,
                json!({ "artifact_id": artifact, "artifact_type": "text/html" }),
            );
        }
    }

    /// Activates a skill; its name. One's own has an id for a name, and a name to read.
    fn skill(&mut self, session: &Session, at: i64) -> String {
        if self.dice.percent(10) {
            let skill = format!("skill_of_{}", self.person.index);
            let more = json!({ "skill_name": skill, "detail": "private", "display_name": "My checklist" });
            self.tell(session, at, UsageKind::SkillUsed, more);
            return skill;
        }
        let company = &self.simulation.company;
        let skill = self.dice.pick(&company.skills[..company.standing.skills]).name.clone();
        let status = *self.dice.pick(&["organization", "organization", "public"]);
        self.tell(session, at, UsageKind::SkillUsed, json!({ "skill_name": skill, "detail": status }));
        skill
    }

    fn connector(&mut self, session: &Session, at: i64) {
        let company = &self.simulation.company;
        let name = &self.dice.pick(&company.approved_connectors[..company.standing.connectors]).name;
        // Clients spell the same connector in their own ways.
        let name = match self.dice.below(4) {
            0 => format!("{name} MCP"),
            1 => format!("mcp-{}", name.to_lowercase().replace(' ', "-")),
            _ => name.clone(),
        };
        for (detail, most) in [("read", 6), ("write", 2), ("", 1)] {
            let count = self.dice.between(0, most);
            let auth = *self.dice.pick(&["individual", "individual", "managed"]);
            if count > 0 {
                let more = json!({ "connector_name": name, "detail": detail, "auth": auth, "count": count });
                self.tell(session, at, UsageKind::ConnectorUsed, more);
            }
        }
    }

    /// Requests to models, with tokens and what they cost.
    fn requests(&mut self, session: &Session, at: i64, count: i64, skill: Option<&str>) {
        let (model, input_price, output_price) = *self.dice.pick(&MODELS);
        let (input, output) = (count * self.dice.between(200, 3_000), count * self.dice.between(80, 900));
        let (read, written) = (count * self.dice.between(0, 40_000), count * self.dice.between(0, 4_000));
        // A token at a dollar a million costs a thousand billionths; reads from a cache a tenth, writes a quarter more.
        let told = session.surface == Surface::ClaudeCode;
        let nano = (input * input_price + output * output_price) * 1_000
            + read * input_price * 100
            + written * input_price * 1_250;
        let more = json!({
            "model": model, "count": count, "input_tokens": input, "output_tokens": output, "cache_read_tokens": read,
            "cache_creation_5m_tokens": written, "skill_name": skill, "cost_nano_usd": told.then_some(nano),
            "context_window": if self.dice.percent(4) { "200k-1M" } else { "0-200k" },
            "speed": if self.dice.percent(5) { "fast" } else { "standard" },
            "inference_geo": *self.dice.pick(&["global", "global", "us", ""]),
            "web_search_requests": i64::from(self.dice.percent(10)),
        });
        self.tell(session, at, UsageKind::ApiRequest, more);
    }

    fn tell(&mut self, session: &Session, at: i64, kind: UsageKind, more: Value) {
        let home = self.simulation.company.home_of(self.person);
        let mut event = fields(json!({
            "id": self.dice.tagged("usage_"),
            "surface": session.surface.as_str(),
            "kind": kind.as_str(),
            "organization_id": home.id,
            "organization_uuid": home.uuid,
            "user_id": self.person.id,
            "user_email": self.person.email,
        }));
        let at = self.simulation.span.clamp(at + self.dice.between(0, 50) * SECOND);
        event.insert("time".to_owned(), ephor_wire::timestamp::Timestamp::from_micros(at).as_str().into());
        event.extend(session.fields.clone());
        event.extend(fields(more));
        // What is made here is well-formed; a slip would show as a missing event in the tests.
        self.events.extend(UsageEvent::from_json(Value::Object(event)));
    }
}

/// The fields of an object that say something.
fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields.into_iter().filter(|(_, value)| !value.is_null() && value != "").collect(),
        _ => Map::new(),
    }
}
