//! What each listing consists of, as data: its entity, which rows make it appear, and every field with what it counts.
//! Paths are those of the wire; a day table has the same columns with `_` for `.`.
//! Never computes: it is read by the counter, the JSON writer, the day tables and `order_by`.

use ephor_wire::usage::UsageKind::{self, *};

use crate::facts::Column;
use crate::facts::codes::{Place, word};
use crate::measure::Take::{
    Any, Distinct, DistinctDaily, Earliest, EarliestUser, ListPrice, Newest, NewestDay, NewestDetail, Sum,
};
use crate::measure::{Take, Test, Where};
use crate::query::Listing;

/// What a listing has one row for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entity {
    /// Each name in a column.
    Each(Column),
    /// Each media type, shared and not.
    Artifacts,
}

/// How a value looks on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Text; nothing is the empty text.
    Text,
    /// Text or null.
    MaybeText,
    /// A whole number or, where it cannot be told, null.
    Count,
    /// Billionths of a dollar, on the wire as cents with six decimals, or null.
    Cents,
    /// A word's code, on the wire as its text, or null.
    Word,
    /// A day counted from the first of the question.
    Day,
    /// An instant, or null.
    Instant,
    /// True or false.
    Flag,
    /// JSON as it is.
    Json,
    /// In the day table and not on the wire.
    Hidden,
}

/// Where a field's value comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum From {
    /// The entity's own name.
    Key,
    /// Counted.
    Counted(Where, Take),
    /// Always this.
    Always(&'static str),
    /// Put in when the question is answered, from the directory and from other fields.
    Later,
}

/// One field of a listing's rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) path: &'static str,
    pub(crate) shape: Shape,
    pub(crate) from: From,
}

/// A listing.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) entity: Entity,
    /// Rows of which there must be one for the entity to appear.
    pub(crate) present: Where,
    pub(crate) fields: &'static [Field],
    /// The fields that sort it, if nothing else is asked for.
    pub(crate) sorted_by: &'static [&'static str],
    /// The day table.
    pub(crate) table: &'static str,
}

impl Spec {
    pub(crate) fn of(listing: Listing) -> &'static Self {
        match listing {
            Listing::Users => &USERS,
            Listing::Projects => &PROJECTS,
            Listing::Skills => &SKILLS,
            Listing::Connectors => &CONNECTORS,
            Listing::Plugins => &PLUGINS,
            Listing::Artifacts => &ARTIFACTS,
        }
    }

    /// The columns of names that counting needs.
    pub(crate) fn columns(&self) -> Vec<Column> {
        let mut columns = vec![Column::User];
        if let Entity::Each(column) = self.entity {
            columns.push(column);
        } else {
            columns.push(Column::ArtifactType);
        }
        columns.extend(self.fields.iter().filter_map(|field| match field.from {
            From::Counted(_, Distinct(column) | DistinctDaily(column) | Newest(column)) => Some(column),
            From::Counted(_, ListPrice) => Some(Column::Model),
            _ => None,
        }));
        columns.sort_by_key(|column| *column as usize);
        columns.dedup();
        columns
    }

    /// The column without a name in which a row falls away, if there is one.
    pub(crate) fn named_by(&self) -> Option<Column> {
        match self.entity {
            Entity::Each(column) => Some(column),
            Entity::Artifacts => None,
        }
    }

    /// The path of the entity's own name.
    pub(crate) fn sorted_key(&self) -> Option<&'static str> {
        self.fields.iter().find(|field| matches!(field.from, From::Key)).map(|field| field.path)
    }

    /// Whether any field counts money.
    pub(crate) fn prices(&self) -> bool {
        self.fields.iter().any(|field| matches!(field.from, From::Counted(_, ListPrice)))
    }
}

/// A path that `order_by` can name: one that holds a number.
#[must_use]
pub fn metric(listing: Listing, path: &str) -> Option<&'static str> {
    let fields = Spec::of(listing).fields.iter();
    let numbers = fields.filter(|field| matches!(field.shape, Shape::Count | Shape::Cents));
    numbers.map(|field| field.path).find(|known| *known == path)
}

const CHAT: &[Place] = &[Place::Chat];
const CODE: &[Place] = &[Place::ClaudeCode];
const COWORK: &[Place] = &[Place::Cowork];
const DESIGN: &[Place] = &[Place::Design];
const SCIENCE: &[Place] = &[Place::Science];
const EXCEL: &[Place] = &[Place::Excel];
const OUTLOOK: &[Place] = &[Place::Outlook];
const POWERPOINT: &[Place] = &[Place::Powerpoint];
const WORD: &[Place] = &[Place::Word];
const PLUGIN_PLACES: &[Place] = &[Place::ClaudeCode, Place::Cowork];
const ARTIFACT_PLACES: &[Place] = &[Place::Chat, Place::ClaudeCode, Place::Cowork];

const fn on(places: &'static [Place], kinds: &'static [UsageKind]) -> Where {
    Where::kinds(places, kinds)
}

const fn is(text: &str) -> Test {
    Test::Is(word(text))
}

const fn count(path: &'static str, rows: Where, take: Take) -> Field {
    Field { path, shape: Shape::Count, from: From::Counted(rows, take) }
}

const fn told(path: &'static str, shape: Shape, rows: Where, take: Take) -> Field {
    Field { path, shape, from: From::Counted(rows, take) }
}

const fn key(path: &'static str) -> Field {
    Field { path, shape: Shape::Text, from: From::Key }
}

const fn always(path: &'static str, json: &'static str) -> Field {
    Field { path, shape: Shape::Json, from: From::Always(json) }
}

const fn later(path: &'static str, shape: Shape) -> Field {
    Field { path, shape, from: From::Later }
}

const fn hidden(path: &'static str, rows: Where) -> Field {
    Field { path, shape: Shape::Hidden, from: From::Counted(rows, Any) }
}

const ANYTHING: Where = Where::all_but(Place::KNOWN, &[]);
/// `agents_view` is a window over sessions and none itself.
const CODE_SESSIONS: Where = Where::all_but(CODE, &[]).detail(Test::IsNot(word("agents_view")));

macro_rules! office_app {
    ($app:literal, $place:expr) => {
        [
            count(concat!("office_metrics.", $app, ".connectors_used_count"), on($place, &[ConnectorUsed]), Sum),
            count(
                concat!("office_metrics.", $app, ".distinct_connectors_used_count"),
                on($place, &[ConnectorUsed]),
                Distinct(Column::Connector),
            ),
            count(
                concat!("office_metrics.", $app, ".distinct_session_count"),
                Where::all_but($place, &[]),
                Distinct(Column::Session),
            ),
            count(
                concat!("office_metrics.", $app, ".distinct_skills_used_count"),
                on($place, &[SkillUsed]),
                Distinct(Column::Skill),
            ),
            count(concat!("office_metrics.", $app, ".message_count"), on($place, &[Message]), Sum),
            count(concat!("office_metrics.", $app, ".skills_used_count"), on($place, &[SkillUsed]), Sum),
        ]
    };
}

macro_rules! decisions {
    ($tool:literal) => {
        [
            count(
                concat!("claude_code_metrics.tool_actions.", $tool, ".accepted_count"),
                on(CODE, &[EditDecision]).tool(word($tool)).detail(is("accept")),
                Sum,
            ),
            count(
                concat!("claude_code_metrics.tool_actions.", $tool, ".rejected_count"),
                on(CODE, &[EditDecision]).tool(word($tool)).detail(is("reject")),
                Sum,
            ),
        ]
    };
}

/// Lists of fields one after the other.
const fn joined<const N: usize>(parts: &[&[Field]]) -> [Field; N] {
    let mut all = [always("", ""); N];
    let (mut part, mut filled) = (0, 0);
    while part < parts.len() {
        let mut place = 0;
        while place < parts[part].len() {
            all[filled] = parts[part][place];
            place += 1;
            filled += 1;
        }
        part += 1;
    }
    assert!(filled == N, "every place is filled");
    all
}

const CHAT_FIELDS: [Field; 12] = [
    count("chat_metrics.connectors_used_count", on(CHAT, &[ConnectorUsed]), Sum),
    count("chat_metrics.distinct_artifacts_created_count", on(CHAT, &[ArtifactCreated]), Distinct(Column::Artifact)),
    count("chat_metrics.distinct_connectors_used_count", on(CHAT, &[ConnectorUsed]), Distinct(Column::Connector)),
    count(
        "chat_metrics.distinct_conversation_count",
        Where::all_but(CHAT, &[ConversationViewed]),
        Distinct(Column::Conversation),
    ),
    count("chat_metrics.distinct_files_uploaded_count", on(CHAT, &[FileUploaded]), Distinct(Column::File)),
    count("chat_metrics.distinct_projects_created_count", on(CHAT, &[ProjectCreated]), Distinct(Column::Project)),
    count(
        "chat_metrics.distinct_projects_used_count",
        on(CHAT, &[Message, ProjectUsed, ConversationCreated]),
        Distinct(Column::Project),
    ),
    count(
        "chat_metrics.distinct_shared_artifacts_viewed_count",
        on(CHAT, &[ArtifactViewed]),
        Distinct(Column::Artifact),
    ),
    count("chat_metrics.distinct_skills_used_count", on(CHAT, &[SkillUsed]), Distinct(Column::Skill)),
    count("chat_metrics.message_count", on(CHAT, &[Message]), Sum),
    count("chat_metrics.shared_conversations_viewed_count", on(CHAT, &[ConversationViewed]), Sum),
    count("chat_metrics.thinking_message_count", on(CHAT, &[Message]).detail(is("thinking")), Sum),
];

const CODE_FIELDS: [Field; 6] = [
    count(
        "claude_code_metrics.core_metrics.artifacts_created_count",
        on(CODE, &[ArtifactCreated]),
        Distinct(Column::Artifact),
    ),
    count("claude_code_metrics.core_metrics.commit_count", on(CODE, &[Commit]), Sum),
    // The one distinct count that is published as the sum of its days.
    count("claude_code_metrics.core_metrics.distinct_session_count", CODE_SESSIONS, DistinctDaily(Column::Session)),
    count(
        "claude_code_metrics.core_metrics.lines_of_code.added_count",
        on(CODE, &[LinesOfCode]).detail(is("added")),
        Sum,
    ),
    count(
        "claude_code_metrics.core_metrics.lines_of_code.removed_count",
        on(CODE, &[LinesOfCode]).detail(is("removed")),
        Sum,
    ),
    count("claude_code_metrics.core_metrics.pull_request_count", on(CODE, &[PullRequest]), Sum),
];

const COWORK_FIELDS: [Field; 17] = [
    count("cowork_metrics.action_count", on(COWORK, &[ToolResult]).detail(is("success")), Sum),
    count("cowork_metrics.artifacts_created_count", on(COWORK, &[ArtifactCreated]), Distinct(Column::Artifact)),
    count("cowork_metrics.connectors_used_count", on(COWORK, &[ConnectorUsed]), Sum),
    count("cowork_metrics.dispatch_turn_count", on(COWORK, &[DispatchTurn]), Sum),
    count("cowork_metrics.distinct_connectors_used_count", on(COWORK, &[ConnectorUsed]), Distinct(Column::Connector)),
    count("cowork_metrics.distinct_plugins_used_count", on(COWORK, &[PluginUsed]), Distinct(Column::Plugin)),
    count("cowork_metrics.distinct_session_count", Where::all_but(COWORK, &[]), Distinct(Column::Session)),
    count("cowork_metrics.distinct_skills_used_count", on(COWORK, &[SkillUsed]), Distinct(Column::Skill)),
    count("cowork_metrics.edit_tool_count", on(COWORK, &[FileEdit]).tool(word("edit_tool")), Sum),
    count("cowork_metrics.file_edit_count", on(COWORK, &[FileEdit]), Sum),
    count("cowork_metrics.message_count", on(COWORK, &[Message]), Sum),
    count("cowork_metrics.multi_edit_tool_count", on(COWORK, &[FileEdit]).tool(word("multi_edit_tool")), Sum),
    count("cowork_metrics.notebook_edit_tool_count", on(COWORK, &[FileEdit]).tool(word("notebook_edit_tool")), Sum),
    count("cowork_metrics.plugins_used_count", on(COWORK, &[PluginUsed]), Sum),
    count("cowork_metrics.sessions_with_file_edits_count", on(COWORK, &[FileEdit]), Distinct(Column::Session)),
    count("cowork_metrics.skills_used_count", on(COWORK, &[SkillUsed]), Sum),
    count("cowork_metrics.write_tool_count", on(COWORK, &[FileEdit]).tool(word("write_tool")), Sum),
];

const DESIGN_AND_SCIENCE_FIELDS: [Field; 9] = [
    count("design_metrics.distinct_projects_created_count", on(DESIGN, &[ProjectCreated]), Distinct(Column::Project)),
    count(
        "design_metrics.distinct_projects_used_count",
        Where::all_but(DESIGN, &[ProjectCreated]),
        Distinct(Column::Project),
    ),
    count("design_metrics.distinct_session_count", Where::all_but(DESIGN, &[]), Distinct(Column::Session)),
    count("design_metrics.message_count", on(DESIGN, &[Message]), Sum),
    count("science_metrics.delegation_count", on(SCIENCE, &[Delegation]), Sum),
    count("science_metrics.distinct_session_count", Where::all_but(SCIENCE, &[]), Distinct(Column::Session)),
    count("science_metrics.message_count", on(SCIENCE, &[Message]), Sum),
    count("science_metrics.remote_compute_job_count", on(SCIENCE, &[RemoteComputeJob]), Sum),
    count("science_metrics.skills_used_count", on(SCIENCE, &[SkillUsed]), Sum),
];

const USER_FIELDS: [Field; 88] = joined(&[
    &[
        key("user.id"),
        told("user.email_address", Shape::Text, ANYTHING, Newest(Column::Email)),
        always("user.type", r#""user""#),
    ],
    &CHAT_FIELDS,
    &CODE_FIELDS,
    &decisions!("edit_tool"),
    &decisions!("multi_edit_tool"),
    &decisions!("notebook_edit_tool"),
    &decisions!("write_tool"),
    &COWORK_FIELDS,
    &DESIGN_AND_SCIENCE_FIELDS,
    &office_app!("excel", EXCEL),
    &office_app!("outlook", OUTLOOK),
    &office_app!("powerpoint", POWERPOINT),
    &office_app!("word", WORD),
    &[
        count("web_search_count", on(&[Place::Chat, Place::ClaudeCode], &[WebSearch]), Sum),
        count("distinct_user_count", ANYTHING, Distinct(Column::User)),
        told("last_activity_date", Shape::Day, ANYTHING, NewestDay),
        // Who is active where, as `summaries` counts it.
        hidden("active_chat", on(CHAT, &[Message, ConversationCreated])),
        hidden("active_claude_code", on(CODE, &[ToolResult, EditDecision, LinesOfCode, Commit, PullRequest])),
        hidden("active_cowork", on(COWORK, &[ToolResult, Message])),
        hidden("active_design", on(DESIGN, &[Message])),
        hidden("active_office", on(Place::OFFICE, &[Message])),
        hidden("active_science", on(SCIENCE, &[Message])),
    ],
]);

static USERS: Spec = Spec {
    entity: Entity::Each(Column::User),
    present: ANYTHING,
    fields: &USER_FIELDS,
    sorted_by: &["user.email_address", "user.id"],
    table: "analytics_users",
};

const PROJECT_ROWS: Where = on(CHAT, &[Message, ConversationCreated, ProjectUsed, ProjectCreated, FileUploaded]);

static PROJECTS: Spec = Spec {
    entity: Entity::Each(Column::Project),
    present: PROJECT_ROWS,
    fields: &[
        key("project_id"),
        told("project_name", Shape::Text, PROJECT_ROWS, Newest(Column::ProjectName)),
        count("distinct_user_count", PROJECT_ROWS, Distinct(Column::User)),
        count("distinct_conversation_count", PROJECT_ROWS, Distinct(Column::Conversation)),
        count("message_count", on(CHAT, &[Message]), Sum),
        told("created_at", Shape::Instant, on(CHAT, &[ProjectCreated]), Earliest),
        told("created_by", Shape::Json, on(CHAT, &[ProjectCreated]), EarliestUser),
    ],
    sorted_by: &["project_id"],
    table: "analytics_projects",
};

macro_rules! by_surface {
    ($kind:expr, $conversations:literal, $sessions:literal) => {
        [
            count(concat!("chat_metrics.", $conversations), on(CHAT, $kind), Distinct(Column::Conversation)),
            count(concat!("claude_code_metrics.", $sessions), on(CODE, $kind), Distinct(Column::Session)),
            count(concat!("cowork_metrics.", $sessions), on(COWORK, $kind), Distinct(Column::Session)),
            count(concat!("office_metrics.excel.", $sessions), on(EXCEL, $kind), Distinct(Column::Session)),
            count(concat!("office_metrics.outlook.", $sessions), on(OUTLOOK, $kind), Distinct(Column::Session)),
            count(concat!("office_metrics.powerpoint.", $sessions), on(POWERPOINT, $kind), Distinct(Column::Session)),
            count(concat!("office_metrics.word.", $sessions), on(WORD, $kind), Distinct(Column::Session)),
        ]
    };
}

const SKILL_ROWS: Where = on(Place::KNOWN, &[SkillUsed, SkillEnabled]);
const SKILL_USED: Where = on(Place::KNOWN, &[SkillUsed]);
const SKILL_FIELDS: [Field; 16] = joined(&[
    &[key("skill_name"), count("distinct_user_count", SKILL_USED, Distinct(Column::User))],
    &by_surface!(&[SkillUsed], "distinct_conversation_skill_used_count", "distinct_session_skill_used_count"),
    &[
        // Prices of chat are not attributed to skills.
        told(
            "attributed_list_price",
            Shape::Cents,
            on(
                &[
                    Place::ClaudeCode,
                    Place::Cowork,
                    Place::Excel,
                    Place::Outlook,
                    Place::Powerpoint,
                    Place::Word,
                    Place::OfficeOther,
                    Place::Design,
                    Place::Science,
                ],
                &[ApiRequest],
            ),
            ListPrice,
        ),
        later("currency", Shape::MaybeText),
        count("enable_count", on(Place::KNOWN, &[SkillEnabled]), Distinct(Column::User)),
        always("estimated_overage_spend", "null"),
        count("invocation_count", SKILL_USED, Sum),
        told(
            "share_status",
            Shape::Word,
            on(&[Place::Chat, Place::Cowork], &[SkillUsed, SkillEnabled])
                .detail(Test::Within(word("private"), word("public"))),
            NewestDetail,
        ),
        told("skill_display_name", Shape::MaybeText, SKILL_ROWS, Newest(Column::DisplayName)),
    ],
]);

static SKILLS: Spec = Spec {
    entity: Entity::Each(Column::Skill),
    present: SKILL_ROWS,
    fields: &SKILL_FIELDS,
    sorted_by: &["skill_name"],
    table: "analytics_skills",
};

const CALLS: Where = on(Place::KNOWN, &[ConnectorUsed]);
const CONNECTOR_FIELDS: [Field; 15] = joined(&[
    &[key("connector_name"), count("distinct_user_count", CALLS, Distinct(Column::User))],
    &by_surface!(
        &[ConnectorUsed],
        "distinct_conversation_connector_used_count",
        "distinct_session_connector_used_count"
    ),
    &[
        told("connector_display_name", Shape::MaybeText, CALLS, Newest(Column::DisplayName)),
        count("individual_auth_distinct_user_count", CALLS.auth(word("individual")), Distinct(Column::User)),
        count("managed_auth_distinct_user_count", CALLS.auth(word("managed")), Distinct(Column::User)),
        count("read_call_count", CALLS.detail(is("read")), Sum),
        count("write_call_count", CALLS.detail(is("write")), Sum),
        count("unclassified_call_count", CALLS.detail(Test::Neither(word("read"), word("write"))), Sum),
    ],
]);

static CONNECTORS: Spec = Spec {
    entity: Entity::Each(Column::Connector),
    present: CALLS,
    fields: &CONNECTOR_FIELDS,
    sorted_by: &["connector_name"],
    table: "analytics_connectors",
};

const PLUGIN_ROWS: Where = on(PLUGIN_PLACES, &[PluginUsed, PluginInstalled]);

static PLUGINS: Spec = Spec {
    entity: Entity::Each(Column::Plugin),
    present: PLUGIN_ROWS,
    fields: &[
        key("plugin_name"),
        told("plugin_id", Shape::MaybeText, PLUGIN_ROWS, Newest(Column::PluginId)),
        count("distinct_user_count", PLUGIN_ROWS, Distinct(Column::User)),
        count("install_count", on(PLUGIN_PLACES, &[PluginInstalled]), Distinct(Column::User)),
        count("invocation_count", on(PLUGIN_PLACES, &[PluginUsed]), Sum),
        count(
            "claude_code_metrics.distinct_session_plugin_used_count",
            on(CODE, &[PluginUsed]),
            Distinct(Column::Session),
        ),
        count(
            "cowork_metrics.distinct_session_plugin_used_count",
            on(COWORK, &[PluginUsed]),
            Distinct(Column::Session),
        ),
    ],
    sorted_by: &["plugin_name"],
    table: "analytics_plugins",
};

const ARTIFACTS_MADE: Where = on(ARTIFACT_PLACES, &[ArtifactCreated]);

static ARTIFACTS: Spec = Spec {
    entity: Entity::Artifacts,
    present: ARTIFACTS_MADE,
    fields: &[
        key("artifact_type"),
        later("is_shared", Shape::Flag),
        count("artifacts_created_count", ARTIFACTS_MADE, Distinct(Column::Artifact)),
        count("distinct_user_count", ARTIFACTS_MADE, Distinct(Column::User)),
        count("published_artifacts_created_count", ARTIFACTS_MADE.detail(is("published")), Distinct(Column::Artifact)),
    ],
    sorted_by: &["artifact_type", "is_shared"],
    table: "analytics_artifacts",
};

/// Media types that the API tells apart; every other one is `other`.
pub(crate) const ARTIFACT_TYPES: &[&str] = &[
    "application/vnd.ant.code",
    "application/vnd.ant.mermaid",
    "application/vnd.ant.react",
    "image/svg+xml",
    "text/html",
    "text/markdown",
    "text/plain",
];

/// Whether anything is present, as a measure of its own.
pub(crate) const PRESENT: Take = Any;
