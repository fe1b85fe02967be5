//! One event of a crowd, written straight into bytes: a sitting has a surface and a place, each of its events a kind.
//! Promises one line that [`ephor_wire::usage::UsageEvent::from_json`] takes, with an id of its own.
//! Never builds a value tree: a benchmark waits for a hundred million of these.

use ephor_wire::usage::{Surface, UsageKind};

use super::super::company::{Company, Named};
use super::super::people::{Person, Profile};
use super::super::row::{write_number, write_timestamp};
use super::person_day::{APPS, ARTIFACT_TYPES, EDIT_TOOLS, MODELS};
use super::quick_dice::QuickDice;

pub(super) struct CrowdEvent<'a> {
    pub(super) company: &'a Company,
    pub(super) person: &'a Person,
    pub(super) at: i64,
    /// Its place in the sitting, from 0.
    pub(super) place: u32,
    /// The same draws for all events of the sitting.
    pub(super) sitting: QuickDice,
    pub(super) dice: QuickDice,
}

/// People that share a project, and skills that are theirs alone.
const PROJECT_PEOPLE: u32 = 20;
const SKILL_PEOPLE: u32 = 250;

type Weights<T> = &'static [(T, u32)];

const ENGINEERING: Weights<Surface> = &[
    (Surface::ClaudeCode, 60),
    (Surface::Chat, 25),
    (Surface::Cowork, 5),
    (Surface::Office, 5),
    (Surface::Science, 3),
    (Surface::Design, 2),
];
const DOCUMENTS: Weights<Surface> =
    &[(Surface::Chat, 55), (Surface::Office, 35), (Surface::Cowork, 8), (Surface::Design, 2)];
const OFFICE: Weights<Surface> =
    &[(Surface::Chat, 55), (Surface::Office, 25), (Surface::Cowork, 15), (Surface::Design, 5)];
const ADMINISTRATION: Weights<Surface> =
    &[(Surface::Chat, 60), (Surface::ClaudeCode, 15), (Surface::Office, 15), (Surface::Cowork, 10)];

fn kinds(surface: Surface) -> Weights<UsageKind> {
    use UsageKind as Kind;
    match surface {
        Surface::Chat => &[
            (Kind::Message, 40),
            (Kind::ApiRequest, 30),
            (Kind::ConnectorUsed, 12),
            (Kind::SkillUsed, 6),
            (Kind::WebSearch, 5),
            (Kind::FileUploaded, 3),
            (Kind::ArtifactCreated, 2),
            (Kind::ConversationViewed, 1),
            (Kind::ProjectUsed, 1),
        ],
        Surface::ClaudeCode => &[
            (Kind::ToolResult, 29),
            (Kind::EditDecision, 20),
            (Kind::ApiRequest, 20),
            (Kind::LinesOfCode, 12),
            (Kind::Message, 6),
            (Kind::SkillUsed, 3),
            (Kind::ConnectorUsed, 3),
            (Kind::PluginUsed, 2),
            (Kind::Commit, 3),
            (Kind::PullRequest, 1),
            (Kind::WebSearch, 1),
        ],
        Surface::Cowork => &[
            (Kind::ToolResult, 30),
            (Kind::Message, 20),
            (Kind::ApiRequest, 20),
            (Kind::FileEdit, 12),
            (Kind::ConnectorUsed, 6),
            (Kind::SkillUsed, 4),
            (Kind::DispatchTurn, 4),
            (Kind::PluginUsed, 3),
            (Kind::ArtifactCreated, 1),
        ],
        Surface::Office => {
            &[(Kind::Message, 45), (Kind::ApiRequest, 35), (Kind::SkillUsed, 10), (Kind::ConnectorUsed, 10)]
        }
        Surface::Design => &[(Kind::Message, 60), (Kind::ApiRequest, 40)],
        Surface::Science => &[
            (Kind::Message, 40),
            (Kind::ApiRequest, 35),
            (Kind::Delegation, 10),
            (Kind::RemoteComputeJob, 10),
            (Kind::SkillUsed, 5),
        ],
    }
}

impl<'c> CrowdEvent<'c> {
    pub(super) fn write(mut self, out: &mut Vec<u8>) {
        let surface = self.surface();
        let kind = match (self.place, surface) {
            (0, Surface::Chat) => UsageKind::ConversationCreated,
            (0, Surface::ClaudeCode | Surface::Cowork) => UsageKind::SessionStarted,
            _ => self.dice.weighted(kinds(surface)).unwrap_or(UsageKind::Message),
        };
        let mut line = Line { out };
        line.out.extend_from_slice(br#"{"id":"usage_"#);
        line.hexadecimal(self.dice.next());
        line.hexadecimal(self.dice.next());
        line.out.extend_from_slice(br#"","time":""#);
        write_timestamp(line.out, self.at);
        line.out.push(b'"');
        let home = self.company.home_of(self.person);
        line.text("surface", surface.as_str()).text("kind", kind.as_str());
        line.text("organization_id", &home.id).text("organization_uuid", &home.uuid);
        line.text("user_id", &self.person.id).text("user_email", &self.person.email);
        self.whereabouts(surface, &mut line);
        self.particulars(surface, kind, &mut line);
        line.out.extend_from_slice(b"}\n");
    }

    fn surface(&mut self) -> Surface {
        let weights = match self.person.profile {
            Profile::Engineering => ENGINEERING,
            Profile::Documents => DOCUMENTS,
            Profile::Office => OFFICE,
            Profile::Administration => ADMINISTRATION,
        };
        self.sitting.weighted(weights).unwrap_or(Surface::Chat)
    }

    /// The chat or session, and the project and application that go with it.
    fn whereabouts(&mut self, surface: Surface, line: &mut Line<'_>) {
        let sitting = self.sitting.next();
        match surface {
            Surface::Chat => line.drawn("conversation_id", "claude_chat_", sitting),
            _ => line.drawn("session_id", "session_", sitting),
        };
        let prefix = match surface {
            Surface::Chat => Some("claude_proj_"),
            Surface::Design => Some("design_proj_"),
            _ => None,
        };
        if let Some(prefix) = prefix.filter(|_| self.sitting.percent(30)) {
            line.numbered("project_id", prefix, self.person.index / PROJECT_PEOPLE);
        }
        if surface == Surface::Office {
            let app = self.sitting.pick(&APPS);
            line.text("app", app);
        }
    }

    fn particulars(&mut self, surface: Surface, kind: UsageKind, line: &mut Line<'_>) {
        match kind {
            UsageKind::SessionStarted => {
                line.text("detail", self.sitting.pick(&["fresh", "fresh", "fresh", "resume", "continue"]));
            }
            UsageKind::Message => {
                if surface == Surface::Chat && self.dice.percent(15) {
                    line.text("detail", "thinking");
                }
                line.number("count", self.dice.between(1, 4));
            }
            UsageKind::FileUploaded => {
                line.drawn("file_id", "claude_file_", self.dice.next());
            }
            UsageKind::ArtifactCreated => self.artifact(line),
            UsageKind::SkillUsed => self.skill(line),
            UsageKind::ConnectorUsed => self.connector(line),
            UsageKind::PluginUsed => {
                let plugin = self.one_of(&self.company.plugins);
                line.text("plugin_name", &plugin.name);
            }
            UsageKind::ToolResult => {
                line.text("tool", self.dice.pick(&["Bash", "Read", "Grep", "Edit"]));
                line.text("detail", if self.dice.percent(93) { "success" } else { "failure" });
            }
            UsageKind::EditDecision => {
                line.text("tool", self.dice.pick(&EDIT_TOOLS));
                line.text("detail", if self.dice.percent(90) { "accept" } else { "reject" });
            }
            UsageKind::FileEdit => {
                line.text("tool", self.dice.pick(&EDIT_TOOLS));
            }
            UsageKind::LinesOfCode => {
                line.text("detail", if self.dice.percent(60) { "added" } else { "removed" });
                line.number("count", self.dice.between(1, 180));
            }
            UsageKind::ApiRequest => self.request(surface, line),
            _ => {}
        }
    }

    fn one_of(&mut self, things: &'c [Named]) -> &'c Named {
        &things[self.dice.below(things.len() as u32) as usize]
    }

    fn artifact(&mut self, line: &mut Line<'_>) {
        line.drawn("artifact_id", "claude_artifact_", self.dice.next());
        line.text("artifact_type", self.dice.pick(&ARTIFACT_TYPES));
        if self.dice.percent(30) {
            line.text("detail", self.dice.pick(&["shared", "published"]));
        }
    }

    fn skill(&mut self, line: &mut Line<'_>) {
        if self.dice.percent(60) {
            let skill = self.one_of(&self.company.skills);
            line.text("skill_name", &skill.name).text("detail", "organization");
        } else {
            line.numbered("skill_name", "skill_", self.person.index / SKILL_PEOPLE).text("detail", "private");
        }
    }

    fn connector(&mut self, line: &mut Line<'_>) {
        let connector = self.one_of(&self.company.approved_connectors);
        line.text("connector_name", &connector.name);
        if let Some(access) = self.dice.pick(&[Some("read"), Some("read"), Some("write"), None]) {
            line.text("detail", access);
        }
        line.text("auth", self.dice.pick(&["individual", "individual", "managed"]));
        line.number("count", self.dice.between(1, 5));
    }

    fn request(&mut self, surface: Surface, line: &mut Line<'_>) {
        let (model, input_price, output_price) = self.dice.pick(&MODELS);
        let (input, output) = (self.dice.between(200, 3_000), self.dice.between(80, 900));
        let (read, written) = (self.dice.between(0, 40_000), self.dice.between(0, 4_000));
        line.text("model", model);
        line.text("speed", if self.dice.percent(5) { "fast" } else { "standard" });
        line.text("context_window", if self.dice.percent(4) { "200k-1M" } else { "0-200k" });
        line.text("inference_geo", self.dice.pick(&["global", "global", "us"]));
        line.drawn("request_id", "req_", self.dice.next());
        line.number("input_tokens", input).number("output_tokens", output);
        line.number("cache_read_tokens", read).number("cache_creation_5m_tokens", written);
        if surface == Surface::ClaudeCode {
            let nanos = (input * input_price + output * output_price) * 1_000;
            line.number("cost_nano_usd", nanos + read * input_price * 100 + written * input_price * 1_250);
        }
    }
}

/// An open JSON object whose names and texts need no escaping: all of them come from tables of this room.
struct Line<'a> {
    out: &'a mut Vec<u8>,
}

impl Line<'_> {
    fn name(&mut self, name: &str) {
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.name(name);
        self.out.push(b'"');
        self.out.extend_from_slice(value.as_bytes());
        self.out.push(b'"');
        self
    }

    fn number(&mut self, name: &str, value: i64) -> &mut Self {
        self.name(name);
        write_number(self.out, value);
        self
    }

    /// An id made of a drawn number.
    fn drawn(&mut self, name: &str, prefix: &str, drawn: u64) -> &mut Self {
        self.name(name);
        self.out.push(b'"');
        self.out.extend_from_slice(prefix.as_bytes());
        self.hexadecimal(drawn);
        self.out.push(b'"');
        self
    }

    /// An id made of a number that somebody else has too.
    fn numbered(&mut self, name: &str, prefix: &str, number: u32) -> &mut Self {
        self.drawn(name, prefix, QuickDice::of(0, 0, number, 0).next())
    }

    fn hexadecimal(&mut self, number: u64) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digits: [u8; 16] = std::array::from_fn(|place| DIGITS[(number >> (60 - 4 * place)) as usize & 15]);
        self.out.extend_from_slice(&digits);
    }
}
