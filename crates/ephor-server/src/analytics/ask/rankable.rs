//! The numbers of a row that it can be ranked by. Which ones the vendor ranks by is not published, so here it is all.
//! Promises the dotted path of every number that a row of an endpoint has.
//! Never a name that is also the endpoint's sort column.

use ephor_analytics::query::Listing;

/// The names of an endpoint's sort column, by which it is sorted unless a number is named.
pub(super) const fn sort_columns(listing: Listing) -> &'static [&'static str] {
    match listing {
        Listing::Users => &["email_address", "user.email_address"],
        Listing::Projects => &["project_id"],
        Listing::Skills => &["skill_name"],
        Listing::Connectors => &["connector_name"],
        Listing::Plugins => &["plugin_name"],
        Listing::Artifacts => &[],
    }
}

/// The numbers of an endpoint's rows.
pub(super) const fn numbers(listing: Listing) -> &'static [&'static str] {
    match listing {
        Listing::Users => USERS,
        Listing::Projects => PROJECTS,
        Listing::Skills => SKILLS,
        Listing::Connectors => CONNECTORS,
        Listing::Plugins => PLUGINS,
        // Not rankable, as published.
        Listing::Artifacts => &[],
    }
}

const USERS: &[&str] = &[
    "chat_metrics.connectors_used_count",
    "chat_metrics.distinct_artifacts_created_count",
    "chat_metrics.distinct_connectors_used_count",
    "chat_metrics.distinct_conversation_count",
    "chat_metrics.distinct_files_uploaded_count",
    "chat_metrics.distinct_projects_created_count",
    "chat_metrics.distinct_projects_used_count",
    "chat_metrics.distinct_shared_artifacts_viewed_count",
    "chat_metrics.distinct_skills_used_count",
    "chat_metrics.message_count",
    "chat_metrics.shared_conversations_viewed_count",
    "chat_metrics.thinking_message_count",
    "claude_code_metrics.core_metrics.artifacts_created_count",
    "claude_code_metrics.core_metrics.commit_count",
    "claude_code_metrics.core_metrics.distinct_session_count",
    "claude_code_metrics.core_metrics.lines_of_code.added_count",
    "claude_code_metrics.core_metrics.lines_of_code.removed_count",
    "claude_code_metrics.core_metrics.pull_request_count",
    "claude_code_metrics.tool_actions.edit_tool.accepted_count",
    "claude_code_metrics.tool_actions.edit_tool.rejected_count",
    "claude_code_metrics.tool_actions.multi_edit_tool.accepted_count",
    "claude_code_metrics.tool_actions.multi_edit_tool.rejected_count",
    "claude_code_metrics.tool_actions.notebook_edit_tool.accepted_count",
    "claude_code_metrics.tool_actions.notebook_edit_tool.rejected_count",
    "claude_code_metrics.tool_actions.write_tool.accepted_count",
    "claude_code_metrics.tool_actions.write_tool.rejected_count",
    "cowork_metrics.action_count",
    "cowork_metrics.artifacts_created_count",
    "cowork_metrics.connectors_used_count",
    "cowork_metrics.dispatch_turn_count",
    "cowork_metrics.distinct_connectors_used_count",
    "cowork_metrics.distinct_plugins_used_count",
    "cowork_metrics.distinct_session_count",
    "cowork_metrics.distinct_skills_used_count",
    "cowork_metrics.edit_tool_count",
    "cowork_metrics.file_edit_count",
    "cowork_metrics.message_count",
    "cowork_metrics.multi_edit_tool_count",
    "cowork_metrics.notebook_edit_tool_count",
    "cowork_metrics.plugins_used_count",
    "cowork_metrics.sessions_with_file_edits_count",
    "cowork_metrics.skills_used_count",
    "cowork_metrics.write_tool_count",
    "design_metrics.distinct_projects_created_count",
    "design_metrics.distinct_projects_used_count",
    "design_metrics.distinct_session_count",
    "design_metrics.message_count",
    "distinct_user_count",
    "office_metrics.excel.connectors_used_count",
    "office_metrics.excel.distinct_connectors_used_count",
    "office_metrics.excel.distinct_session_count",
    "office_metrics.excel.distinct_skills_used_count",
    "office_metrics.excel.message_count",
    "office_metrics.excel.skills_used_count",
    "office_metrics.outlook.connectors_used_count",
    "office_metrics.outlook.distinct_connectors_used_count",
    "office_metrics.outlook.distinct_session_count",
    "office_metrics.outlook.distinct_skills_used_count",
    "office_metrics.outlook.message_count",
    "office_metrics.outlook.skills_used_count",
    "office_metrics.powerpoint.connectors_used_count",
    "office_metrics.powerpoint.distinct_connectors_used_count",
    "office_metrics.powerpoint.distinct_session_count",
    "office_metrics.powerpoint.distinct_skills_used_count",
    "office_metrics.powerpoint.message_count",
    "office_metrics.powerpoint.skills_used_count",
    "office_metrics.word.connectors_used_count",
    "office_metrics.word.distinct_connectors_used_count",
    "office_metrics.word.distinct_session_count",
    "office_metrics.word.distinct_skills_used_count",
    "office_metrics.word.message_count",
    "office_metrics.word.skills_used_count",
    "science_metrics.delegation_count",
    "science_metrics.distinct_session_count",
    "science_metrics.message_count",
    "science_metrics.remote_compute_job_count",
    "science_metrics.skills_used_count",
    "web_search_count",
];

const PROJECTS: &[&str] = &["distinct_conversation_count", "distinct_user_count", "message_count"];

const SKILLS: &[&str] = &[
    "chat_metrics.distinct_conversation_skill_used_count",
    "claude_code_metrics.distinct_session_skill_used_count",
    "cowork_metrics.distinct_session_skill_used_count",
    "distinct_user_count",
    "enable_count",
    "invocation_count",
    "office_metrics.excel.distinct_session_skill_used_count",
    "office_metrics.outlook.distinct_session_skill_used_count",
    "office_metrics.powerpoint.distinct_session_skill_used_count",
    "office_metrics.word.distinct_session_skill_used_count",
];

const CONNECTORS: &[&str] = &[
    "chat_metrics.distinct_conversation_connector_used_count",
    "claude_code_metrics.distinct_session_connector_used_count",
    "cowork_metrics.distinct_session_connector_used_count",
    "distinct_user_count",
    "individual_auth_distinct_user_count",
    "managed_auth_distinct_user_count",
    "office_metrics.excel.distinct_session_connector_used_count",
    "office_metrics.outlook.distinct_session_connector_used_count",
    "office_metrics.powerpoint.distinct_session_connector_used_count",
    "office_metrics.word.distinct_session_connector_used_count",
    "read_call_count",
    "unclassified_call_count",
    "write_call_count",
];

const PLUGINS: &[&str] = &[
    "claude_code_metrics.distinct_session_plugin_used_count",
    "cowork_metrics.distinct_session_plugin_used_count",
    "distinct_user_count",
    "install_count",
    "invocation_count",
];
