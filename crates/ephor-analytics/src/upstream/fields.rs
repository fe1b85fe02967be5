//! Every field of a listing's rows up to P6: whose surface it is, how days add up, and what stands for it where it lacks.
//! The table is analytics_api.md §2 to §8, line by line.
//! Never a field of P7: those are handed through where an upstream has them.

use ephor_wire::timestamp::UtcDay;
use ephor_wire::usage::Surface;
use serde_json::Value;

use crate::query::Listing;

/// How the values of several days, or of several users, become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Combine {
    /// They are added.
    Sum,
    /// They count different things or the same, and nobody knows: exact while only one of them counts anything.
    Distinct,
    /// Decimal text that is added.
    Money,
    /// The last one known.
    Latest,
    /// The greatest, as text: a day.
    LatestDay,
    /// Not told of more than a day.
    DayOnly,
}

/// What stands for a value that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instead {
    Zero,
    Null,
    /// The day that was asked for.
    Day,
}

/// A field of a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    /// As a JSON pointer.
    pub(super) path: &'static str,
    /// Whose it is; none goes over surfaces.
    pub(super) surface: Option<Surface>,
    pub(super) combine: Combine,
    /// Where an older profile lacks the field: it was not told.
    pub(super) lacking: Instead,
    /// Where there is no row: nothing happened.
    pub(super) absent: Instead,
}

impl Instead {
    pub(super) fn value(self, day: Option<UtcDay>) -> Value {
        match self {
            Self::Zero => 0.into(),
            Self::Null => Value::Null,
            Self::Day => day.map_or(Value::Null, |day| day.to_string().into()),
        }
    }
}

/// Fields that identify a row and are never merged.
pub(super) fn identity(listing: Listing) -> &'static [&'static str] {
    match listing {
        Listing::Users => &["user"],
        Listing::Projects => &["project_id"],
        Listing::Skills => &["skill_name"],
        Listing::Connectors => &["connector_name"],
        Listing::Plugins => &["plugin_name"],
        Listing::Artifacts => &["artifact_type", "is_shared"],
    }
}

/// The fields of a listing beside its identity.
pub(super) fn fields(listing: Listing) -> &'static [Field] {
    match listing {
        Listing::Users => USERS,
        Listing::Projects => PROJECTS,
        Listing::Skills => SKILLS,
        Listing::Connectors => CONNECTORS,
        Listing::Plugins => PLUGINS,
        Listing::Artifacts => ARTIFACTS,
    }
}

const CHAT: Option<Surface> = Some(Surface::Chat);
const CODE: Option<Surface> = Some(Surface::ClaudeCode);
const COWORK: Option<Surface> = Some(Surface::Cowork);
const OFFICE: Option<Surface> = Some(Surface::Office);
const DESIGN: Option<Surface> = Some(Surface::Design);
const SCIENCE: Option<Surface> = Some(Surface::Science);

const fn field(
    path: &'static str,
    surface: Option<Surface>,
    combine: Combine,
    lacking: Instead,
    absent: Instead,
) -> Field {
    Field { path, surface, combine, lacking, absent }
}

/// A number that is always there.
const fn count(path: &'static str, surface: Option<Surface>) -> Field {
    field(path, surface, Combine::Sum, Instead::Zero, Instead::Zero)
}

/// A count of different things, which may be null.
const fn distinct(path: &'static str, surface: Option<Surface>) -> Field {
    field(path, surface, Combine::Distinct, Instead::Null, Instead::Zero)
}

/// Different users, which a row always tells.
const fn users(path: &'static str, surface: Option<Surface>) -> Field {
    field(path, surface, Combine::Distinct, Instead::Zero, Instead::Zero)
}

/// A number that is null while the feature is not on.
const fn enabled(path: &'static str, surface: Option<Surface>) -> Field {
    field(path, surface, Combine::Sum, Instead::Null, Instead::Null)
}

/// A count of different things that is null while the feature is not on.
const fn enabled_distinct(path: &'static str, surface: Option<Surface>) -> Field {
    field(path, surface, Combine::Distinct, Instead::Null, Instead::Null)
}

const fn text(path: &'static str, surface: Option<Surface>) -> Field {
    field(path, surface, Combine::Latest, Instead::Null, Instead::Null)
}

const fn money(path: &'static str) -> Field {
    field(path, None, Combine::Money, Instead::Null, Instead::Null)
}

/// Sessions of Claude Code are the sum of daily values, in ranges as well (analytics_api.md §1.7).
const fn code_sessions(path: &'static str) -> Field {
    field(path, CODE, Combine::Sum, Instead::Null, Instead::Zero)
}

static USERS: &[Field] = &[
    distinct("/chat_metrics/distinct_conversation_count", CHAT),
    count("/chat_metrics/message_count", CHAT),
    count("/chat_metrics/thinking_message_count", CHAT),
    // Creations are exact sums, whatever their names say (analytics_api.md §1.7).
    count("/chat_metrics/distinct_projects_created_count", CHAT),
    distinct("/chat_metrics/distinct_projects_used_count", CHAT),
    distinct("/chat_metrics/distinct_files_uploaded_count", CHAT),
    count("/chat_metrics/distinct_artifacts_created_count", CHAT),
    distinct("/chat_metrics/distinct_skills_used_count", CHAT),
    count("/chat_metrics/connectors_used_count", CHAT),
    distinct("/chat_metrics/distinct_connectors_used_count", CHAT),
    distinct("/chat_metrics/distinct_shared_artifacts_viewed_count", CHAT),
    count("/chat_metrics/shared_conversations_viewed_count", CHAT),
    count("/claude_code_metrics/core_metrics/commit_count", CODE),
    count("/claude_code_metrics/core_metrics/pull_request_count", CODE),
    code_sessions("/claude_code_metrics/core_metrics/distinct_session_count"),
    count("/claude_code_metrics/core_metrics/lines_of_code/added_count", CODE),
    count("/claude_code_metrics/core_metrics/lines_of_code/removed_count", CODE),
    count("/claude_code_metrics/core_metrics/artifacts_created_count", CODE),
    count("/claude_code_metrics/tool_actions/edit_tool/accepted_count", CODE),
    count("/claude_code_metrics/tool_actions/edit_tool/rejected_count", CODE),
    count("/claude_code_metrics/tool_actions/multi_edit_tool/accepted_count", CODE),
    count("/claude_code_metrics/tool_actions/multi_edit_tool/rejected_count", CODE),
    count("/claude_code_metrics/tool_actions/write_tool/accepted_count", CODE),
    count("/claude_code_metrics/tool_actions/write_tool/rejected_count", CODE),
    count("/claude_code_metrics/tool_actions/notebook_edit_tool/accepted_count", CODE),
    count("/claude_code_metrics/tool_actions/notebook_edit_tool/rejected_count", CODE),
    count("/web_search_count", None),
    distinct("/office_metrics/excel/distinct_session_count", OFFICE),
    count("/office_metrics/excel/message_count", OFFICE),
    count("/office_metrics/excel/skills_used_count", OFFICE),
    distinct("/office_metrics/excel/distinct_skills_used_count", OFFICE),
    count("/office_metrics/excel/connectors_used_count", OFFICE),
    distinct("/office_metrics/excel/distinct_connectors_used_count", OFFICE),
    distinct("/office_metrics/outlook/distinct_session_count", OFFICE),
    count("/office_metrics/outlook/message_count", OFFICE),
    count("/office_metrics/outlook/skills_used_count", OFFICE),
    distinct("/office_metrics/outlook/distinct_skills_used_count", OFFICE),
    count("/office_metrics/outlook/connectors_used_count", OFFICE),
    distinct("/office_metrics/outlook/distinct_connectors_used_count", OFFICE),
    distinct("/office_metrics/powerpoint/distinct_session_count", OFFICE),
    count("/office_metrics/powerpoint/message_count", OFFICE),
    count("/office_metrics/powerpoint/skills_used_count", OFFICE),
    distinct("/office_metrics/powerpoint/distinct_skills_used_count", OFFICE),
    count("/office_metrics/powerpoint/connectors_used_count", OFFICE),
    distinct("/office_metrics/powerpoint/distinct_connectors_used_count", OFFICE),
    distinct("/office_metrics/word/distinct_session_count", OFFICE),
    count("/office_metrics/word/message_count", OFFICE),
    count("/office_metrics/word/skills_used_count", OFFICE),
    distinct("/office_metrics/word/distinct_skills_used_count", OFFICE),
    count("/office_metrics/word/connectors_used_count", OFFICE),
    distinct("/office_metrics/word/distinct_connectors_used_count", OFFICE),
    distinct("/cowork_metrics/distinct_session_count", COWORK),
    count("/cowork_metrics/message_count", COWORK),
    count("/cowork_metrics/action_count", COWORK),
    count("/cowork_metrics/dispatch_turn_count", COWORK),
    count("/cowork_metrics/skills_used_count", COWORK),
    distinct("/cowork_metrics/distinct_skills_used_count", COWORK),
    count("/cowork_metrics/connectors_used_count", COWORK),
    distinct("/cowork_metrics/distinct_connectors_used_count", COWORK),
    enabled("/cowork_metrics/plugins_used_count", COWORK),
    enabled_distinct("/cowork_metrics/distinct_plugins_used_count", COWORK),
    enabled("/cowork_metrics/file_edit_count", COWORK),
    enabled("/cowork_metrics/edit_tool_count", COWORK),
    enabled("/cowork_metrics/multi_edit_tool_count", COWORK),
    enabled("/cowork_metrics/write_tool_count", COWORK),
    enabled("/cowork_metrics/notebook_edit_tool_count", COWORK),
    enabled_distinct("/cowork_metrics/sessions_with_file_edits_count", COWORK),
    count("/cowork_metrics/artifacts_created_count", COWORK),
    count("/design_metrics/distinct_projects_created_count", DESIGN),
    distinct("/design_metrics/distinct_projects_used_count", DESIGN),
    distinct("/design_metrics/distinct_session_count", DESIGN),
    count("/design_metrics/message_count", DESIGN),
    distinct("/science_metrics/distinct_session_count", SCIENCE),
    count("/science_metrics/message_count", SCIENCE),
    count("/science_metrics/delegation_count", SCIENCE),
    count("/science_metrics/remote_compute_job_count", SCIENCE),
    count("/science_metrics/skills_used_count", SCIENCE),
    // Null on rows of one user; who groups counts.
    field("/distinct_user_count", None, Combine::DayOnly, Instead::Null, Instead::Null),
    field("/last_activity_date", None, Combine::LatestDay, Instead::Day, Instead::Day),
];

static PROJECTS: &[Field] = &[
    text("/project_name", CHAT),
    users("/distinct_user_count", CHAT),
    distinct("/distinct_conversation_count", CHAT),
    count("/message_count", CHAT),
    text("/created_at", CHAT),
    text("/created_by", CHAT),
];

static SKILLS: &[Field] = &[
    users("/distinct_user_count", None),
    distinct("/chat_metrics/distinct_conversation_skill_used_count", CHAT),
    distinct("/claude_code_metrics/distinct_session_skill_used_count", CODE),
    distinct("/office_metrics/excel/distinct_session_skill_used_count", OFFICE),
    distinct("/office_metrics/outlook/distinct_session_skill_used_count", OFFICE),
    distinct("/office_metrics/powerpoint/distinct_session_skill_used_count", OFFICE),
    distinct("/office_metrics/word/distinct_session_skill_used_count", OFFICE),
    distinct("/cowork_metrics/distinct_session_skill_used_count", COWORK),
    enabled("/invocation_count", None),
    field("/enable_count", None, Combine::DayOnly, Instead::Null, Instead::Null),
    text("/share_status", None),
    text("/skill_display_name", None),
    money("/estimated_overage_spend"),
    money("/attributed_list_price"),
    text("/currency", None),
];

static CONNECTORS: &[Field] = &[
    users("/distinct_user_count", None),
    distinct("/chat_metrics/distinct_conversation_connector_used_count", CHAT),
    distinct("/claude_code_metrics/distinct_session_connector_used_count", CODE),
    distinct("/office_metrics/excel/distinct_session_connector_used_count", OFFICE),
    distinct("/office_metrics/outlook/distinct_session_connector_used_count", OFFICE),
    distinct("/office_metrics/powerpoint/distinct_session_connector_used_count", OFFICE),
    distinct("/office_metrics/word/distinct_session_connector_used_count", OFFICE),
    distinct("/cowork_metrics/distinct_session_connector_used_count", COWORK),
    enabled("/read_call_count", None),
    enabled("/write_call_count", None),
    enabled("/unclassified_call_count", None),
    text("/connector_display_name", None),
    enabled_distinct("/individual_auth_distinct_user_count", None),
    enabled_distinct("/managed_auth_distinct_user_count", None),
];

static PLUGINS: &[Field] = &[
    text("/plugin_id", None),
    users("/distinct_user_count", None),
    enabled_distinct("/install_count", None),
    count("/invocation_count", None),
    distinct("/claude_code_metrics/distinct_session_plugin_used_count", CODE),
    distinct("/cowork_metrics/distinct_session_plugin_used_count", COWORK),
];

static ARTIFACTS: &[Field] = &[
    count("/artifacts_created_count", None),
    users("/distinct_user_count", None),
    count("/published_artifacts_created_count", None),
];

/// A field of a day's summary: name, surface, and what stands for it where it lacks.
pub(super) fn summary_fields() -> impl Iterator<Item = (String, Option<Surface>, Instead)> {
    let windows = ["daily", "weekly", "monthly"];
    let products = [
        ("cowork", COWORK),
        ("chat", CHAT),
        ("claude_code", CODE),
        ("claude_design", DESIGN),
        ("office_agent", OFFICE),
        ("science", SCIENCE),
    ];
    let whole = windows.map(|window| (format!("{window}_active_user_count"), None, Instead::Zero));
    let rates = windows.map(|window| (format!("{window}_adoption_rate"), None, Instead::Null));
    let seats = ["assigned_seat_count", "pending_invite_count"].map(|name| (name.to_owned(), None, Instead::Null));
    let products = products.into_iter().flat_map(move |(product, surface)| {
        windows.map(|window| (format!("{product}_{window}_active_user_count"), surface, Instead::Zero))
    });
    let science = ("science_entitled_user_count".to_owned(), SCIENCE, Instead::Null);
    whole.into_iter().chain(rates).chain(seats).chain(products).chain([science])
}
