//! What people do of an ordinary day, as a table: activity type, its fields and how often each profile does it.
//! Promises names of the published catalogue only; a test walks every line against it.
//! Never carries content: file names and titles are empty or left out, as on the wire since 2026-09-24.

use super::fill::Fill::{
    self, AgentId, ConnectorId, ConnectorName, Count, Empty, Flag, Forget, Fresh, GroupId, MaybeProject, MaybeRecent,
    OneOf, PersonId, PluginId, PluginName, ProjectId, Raw, Recent, SkillId, SkillName, WorkspaceId,
};
use super::fill::Object::{
    AgentSession, ApiFile, Artifact, ArtifactVersion, Chat, CodeSession, Consent, CoworkSession, Design, Document,
    File, Integration, Memory, MemoryStore, Published, Scan, ScanProject, Share, Snapshot, SyncSource, TrustedDevice,
};

/// Which organization a deed belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Realm {
    /// The claude.ai organization of the person.
    Home,
    /// The Console organization.
    Console,
    Nowhere,
}

pub(crate) struct Deed {
    pub(crate) kind: &'static str,
    pub(crate) realm: Realm,
    pub(crate) fields: &'static [(&'static str, Fill)],
    /// For office, engineering, documents and administration profiles.
    pub(crate) weights: [u32; 4],
}

const fn home(kind: &'static str, weights: [u32; 4], fields: &'static [(&'static str, Fill)]) -> Deed {
    Deed { kind, realm: Realm::Home, fields, weights }
}

/// Console work is done by those who are members there; for all others the sign is skipped.
const fn console(kind: &'static str, weights: [u32; 4], fields: &'static [(&'static str, Fill)]) -> Deed {
    Deed { kind, realm: Realm::Console, fields, weights }
}

#[rustfmt::skip]
pub(crate) const DEEDS: &[Deed] = &[
    // Chats: most of what happens.
    home("claude_chat_created", [1500, 900, 1300, 900], &[("claude_chat_id", Fresh(Chat)), ("claude_project_id", MaybeProject(30))]),
    home("claude_chat_viewed", [2600, 1500, 2200, 1600], &[("claude_chat_id", Recent(Chat)), ("claude_project_id", MaybeProject(20))]),
    home("claude_chat_updated", [500, 300, 450, 300], &[("claude_chat_id", Recent(Chat))]),
    home("claude_chat_deleted", [70, 30, 40, 30], &[("claude_chat_id", Forget(Chat))]),
    home("claude_chat_settings_updated", [60, 40, 60, 40], &[("claude_chat_id", Recent(Chat))]),
    home("claude_chat_access_failed", [25, 20, 20, 15], &[("claude_chat_id", Recent(Chat))]),
    home("claude_chat_deletion_failed", [3, 2, 2, 2], &[("claude_chat_id", Recent(Chat))]),
    home("claude_chat_snapshot_created", [14, 10, 10, 6], &[("claude_chat_id", Recent(Chat)), ("claude_chat_snapshot_id", Fresh(Snapshot))]),
    home("claude_chat_snapshot_viewed", [20, 16, 12, 10], &[("claude_chat_snapshot_id", Recent(Snapshot))]),
    home("claude_chat_snapshot_deleted", [4, 3, 4, 2], &[("claude_chat_snapshot_id", Forget(Snapshot))]),
    home("claude_chat_sync_source_created", [6, 4, 6, 2], &[("claude_chat_sync_source_id", Fresh(SyncSource)), ("provider", OneOf(&["google_drive", "github", "notion"]))]),
    home("claude_chat_sync_source_deleted", [2, 2, 2, 1], &[("claude_chat_sync_source_id", Forget(SyncSource)), ("provider", OneOf(&["google_drive", "github"]))]),
    // Files.
    home("claude_file_uploaded", [420, 240, 700, 240], &[("claude_file_id", Fresh(File)), ("filename", Empty), ("claude_chat_id", MaybeRecent(Chat, 80))]),
    home("claude_file_viewed", [520, 260, 900, 260], &[("claude_file_id", Recent(File)), ("claude_project_id", MaybeProject(25))]),
    home("claude_file_deleted", [30, 14, 40, 14], &[("claude_file_id", Forget(File)), ("filename", Empty)]),
    home("claude_file_exported", [14, 5, 16, 6], &[("export_destination", OneOf(&["google_drive"])), ("filename", Empty), ("claude_file_id", Recent(File))]),
    home("claude_file_access_failed", [10, 6, 12, 6], &[("claude_file_id", Recent(File)), ("filename", Empty)]),
    // Projects and their documents.
    home("claude_project_viewed", [420, 260, 520, 300], &[("claude_project_id", ProjectId), ("preview_only", Flag(8))]),
    home("claude_project_document_uploaded", [60, 30, 140, 30], &[("claude_project_document_id", Fresh(Document)), ("claude_project_id", ProjectId), ("filename", Empty)]),
    home("claude_project_document_viewed", [150, 90, 420, 100], &[("claude_project_document_id", Recent(Document)), ("claude_project_id", ProjectId), ("filename", Empty)]),
    home("claude_project_document_updated", [20, 14, 60, 14], &[("claude_project_document_id", Recent(Document)), ("claude_project_id", ProjectId), ("filename", Empty)]),
    home("claude_project_document_deleted", [8, 6, 20, 5], &[("claude_project_document_id", Forget(Document)), ("claude_project_id", ProjectId), ("filename", Empty)]),
    home("claude_project_document_access_failed", [4, 3, 8, 3], &[("claude_project_document_id", Recent(Document)), ("claude_project_id", ProjectId), ("filename", Empty)]),
    home("claude_project_file_uploaded", [30, 16, 50, 14], &[("claude_file_id", Fresh(File)), ("claude_project_id", ProjectId), ("filename", Empty)]),
    home("claude_project_file_deleted", [5, 3, 10, 3], &[("claude_file_id", Forget(File)), ("claude_project_id", ProjectId)]),
    home("claude_project_sharing_updated", [6, 4, 8, 5], &[("audience", Raw(r#"[{"type":"organization"}]"#)), ("claude_project_id", ProjectId)]),
    home("claude_project_sync_source_created", [4, 4, 5, 2], &[("claude_project_id", ProjectId), ("claude_project_sync_source_id", Fresh(SyncSource)), ("provider", OneOf(&["google_drive", "github"]))]),
    home("claude_project_sync_source_updated", [6, 6, 6, 3], &[("claude_project_id", ProjectId), ("claude_project_sync_source_id", Recent(SyncSource)), ("provider", OneOf(&["google_drive", "github"])), ("config_changed", Flag(50))]),
    // Artifacts and designs.
    home("claude_artifact_created", [160, 120, 120, 60], &[("claude_artifact_id", Fresh(Artifact))]),
    home("claude_artifact_viewed", [320, 200, 220, 120], &[("claude_artifact_id", Recent(Artifact)), ("claude_artifact_version_id", MaybeRecent(ArtifactVersion, 70))]),
    home("claude_artifact_published", [10, 8, 6, 4], &[("artifact_type", OneOf(&["html", "react", "markdown", "svg"])), ("claude_published_artifact_id", Fresh(Published)), ("title", Empty), ("is_redeploy", Flag(20))]),
    home("claude_artifact_sharing_updated", [12, 8, 8, 5], &[
        ("audience", Raw(r#"[{"type":"organization"}]"#)), ("claude_artifact_id", Recent(Artifact)),
        ("claude_artifact_version_id", Recent(ArtifactVersion)), ("new_mode", OneOf(&["organization"])), ("previous_mode", OneOf(&["private", "users"])),
    ]),
    home("claude_artifact_access_failed", [4, 3, 3, 2], &[("claude_artifact_id", Recent(Artifact)), ("reason", OneOf(&["not_found", "permission_denied"]))]),
    home("claude_artifact_commented", [14, 8, 10, 3], &[("claude_artifact_id", Recent(Artifact))]),
    home("claude_artifact_comments_viewed", [20, 10, 14, 5], &[("claude_artifact_id", Recent(Artifact))]),
    home("claude_artifact_duplicated", [6, 4, 4, 2], &[("claude_artifact_id", Recent(Artifact))]),
    home("claude_published_artifact_deleted", [3, 2, 2, 1], &[("claude_published_artifact_id", Forget(Published))]),
    home("design_project_created", [12, 3, 2, 1], &[("creation_method", OneOf(&["blank", "template"])), ("design_project_id", Fresh(Design))]),
    home("design_project_updated", [40, 8, 6, 3], &[("design_project_id", Recent(Design)), ("updated_fields", Raw(r#"["layout"]"#))]),
    home("design_project_artifact_published", [3, 1, 1, 0], &[("design_project_id", Recent(Design)), ("is_public", Flag(0))]),
    home("design_project_member_added", [4, 1, 1, 1], &[("design_project_id", Recent(Design)), ("principal_id", PersonId), ("principal_type", OneOf(&["user"])), ("role", OneOf(&["editor", "viewer"]))]),
    // Connectors, skills, plugins: approved ones, in the ordinary course.
    home("integration_user_connected", [30, 30, 24, 20], &[("integration_type", OneOf(&["mcp"])), ("mcp_server_id", ConnectorId), ("mcp_server_name", ConnectorName)]),
    home("integration_user_disconnected", [10, 10, 8, 6], &[("integration_type", OneOf(&["mcp"])), ("mcp_server_id", ConnectorId), ("mcp_server_name", ConnectorName)]),
    home("mcp_server_managed_auth_token_exchanged", [70, 90, 40, 30], &[("managed_auth_mode", OneOf(&["xaa"])), ("mcp_server_id", ConnectorId), ("mcp_server_name", ConnectorName), ("outcome", OneOf(&["success", "success", "success", "error"]))]),
    home("user_consent_recorded", [10, 10, 8, 6], &[("consent_type", OneOf(&["connector"])), ("entity_id", ConnectorId), ("entity_type", OneOf(&["mcp_server"]))]),
    home("user_consent_revoked", [2, 2, 2, 1], &[("consent_id", Fresh(Consent)), ("consent_type", OneOf(&["connector"])), ("entity_id", ConnectorId), ("entity_type", OneOf(&["mcp_server"]))]),
    home("claude_gdrive_integration_created", [5, 2, 6, 2], &[("integration_id", Fresh(Integration))]),
    home("claude_gdrive_integration_deleted", [2, 1, 2, 1], &[("integration_id", Forget(Integration))]),
    home("claude_github_integration_created", [0, 8, 0, 1], &[("integration_id", Fresh(Integration)), ("enabled", Flag(100)), ("organization_name", OneOf(&["meridian"])), ("repository_name", OneOf(&["core", "web", "infra", "models"]))]),
    home("claude_skill_enabled", [24, 20, 16, 12], &[("skill_id", SkillId), ("skill_name", SkillName)]),
    home("claude_skill_disabled", [6, 6, 4, 4], &[("skill_id", SkillId), ("skill_name", SkillName)]),
    home("claude_plugin_enabled", [6, 22, 4, 5], &[("plugin_id", PluginId), ("plugin_name", PluginName)]),
    home("claude_plugin_disabled", [2, 6, 1, 2], &[("plugin_id", PluginId), ("plugin_name", PluginName)]),
    home("claude_command_created", [2, 10, 1, 1], &[("command_name", OneOf(&["/changelog", "/triage", "/summary", "/lint"]))]),
    // Claude Code and Cowork.
    home("ccr_session_created", [20, 520, 10, 60], &[("session_id", Fresh(CodeSession))]),
    home("ccr_session_updated", [30, 820, 12, 80], &[("session_id", Recent(CodeSession))]),
    home("ccr_session_deleted", [2, 40, 1, 4], &[("session_id", Forget(CodeSession))]),
    home("session_share_created", [2, 14, 1, 2], &[("access_level", OneOf(&["organization"])), ("share_id", Fresh(Share))]),
    home("session_share_accessed", [4, 30, 2, 4], &[("share_id", Recent(Share))]),
    home("session_share_revoked", [1, 4, 0, 1], &[("reason", OneOf(&["owner"])), ("share_id", Forget(Share))]),
    home("claude_code_user_settings_updated", [4, 60, 2, 8], &[("deleted_all", Flag(1)), ("keys_written", Raw(r#"["theme"]"#)), ("keys_written_count", Raw("1"))]),
    home("claude_code_user_memory_updated", [3, 60, 2, 6], &[("deleted_all", Flag(1)), ("keys_written_count", Count(1, 6))]),
    home("claude_code_user_plugins_updated", [1, 24, 1, 4], &[("deleted_all", Flag(1)), ("keys_written_count", Count(1, 3))]),
    home("claude_code_team_memory_updated", [0, 24, 0, 2], &[("deleted_all", Flag(0)), ("keys_written_count", Count(1, 4)), ("repo", OneOf(&["core", "web", "infra"])), ("version", Count(2, 90))]),
    home("claude_code_security_scan_created", [0, 24, 0, 2], &[("scan_id", Fresh(Scan)), ("scan_project_id", Recent(ScanProject))]),
    home("claude_code_security_vulnerability_updated", [0, 20, 0, 2], &[("action", OneOf(&["fixed", "dismissed", "restored"])), ("scan_id", Recent(Scan))]),
    home("claude_code_security_vulnerability_fix_session_created", [0, 12, 0, 1], &[("scan_id", Recent(Scan)), ("session_id", Fresh(CodeSession))]),
    home("cowork_session_updated", [260, 120, 240, 120], &[("cowork_session_id", Recent(CoworkSession)), ("claude_project_id", MaybeProject(30))]),
    // One's own account.
    home("claude_user_settings_updated", [24, 24, 20, 14], &[("updates", Raw(r#"[{"type":"thinking_mode_enabled","previous_value":false,"current_value":true}]"#))]),
    home("trusted_device_enrolled", [4, 6, 4, 3], &[("enrollment_method", OneOf(&["oauth", "session"])), ("platform", OneOf(&["desktop_app", "ios", "android"])), ("trusted_device_id", Fresh(TrustedDevice))]),
    home("step_up_authentication_succeeded", [10, 16, 10, 20], &[("method", OneOf(&["webauthn", "device_key"])), ("trusted_device_id", Recent(TrustedDevice))]),
    home("step_up_authentication_failed", [1, 2, 1, 1], &[("method", OneOf(&["webauthn"])), ("reason", OneOf(&["verification_failed", "challenge_rejected"])), ("trusted_device_id", Recent(TrustedDevice))]),
    home("trusted_device_credential_rotated", [2, 3, 2, 1], &[("trusted_device_id", Recent(TrustedDevice))]),
    home("admin_request_created", [4, 3, 3, 0], &[("request_type", OneOf(&["seat_upgrade", "limit_increase", "connector"]))]),
    // Console.
    console("platform_agent_created", [0, 14, 0, 4], &[("agent_id", AgentId), ("workspace_id", WorkspaceId)]),
    console("platform_agent_updated", [0, 40, 0, 8], &[("agent_id", AgentId), ("workspace_id", WorkspaceId)]),
    console("platform_agent_session_created", [0, 140, 0, 20], &[("session_id", Fresh(AgentSession)), ("workspace_id", WorkspaceId)]),
    console("platform_agent_session_updated", [0, 120, 0, 14], &[("session_id", Recent(AgentSession)), ("workspace_id", WorkspaceId)]),
    console("platform_agent_session_archived", [0, 20, 0, 3], &[("session_id", Forget(AgentSession)), ("workspace_id", WorkspaceId)]),
    console("platform_file_uploaded", [0, 70, 0, 10], &[("file_id", Fresh(ApiFile))]),
    console("platform_file_content_downloaded", [0, 24, 0, 4], &[("file_id", Recent(ApiFile))]),
    console("platform_file_deleted", [0, 10, 0, 2], &[("file_id", Forget(ApiFile))]),
    console("platform_memory_created", [0, 20, 0, 2], &[("memory_id", Fresh(Memory)), ("memory_store_id", Recent(MemoryStore)), ("workspace_id", WorkspaceId)]),
    console("platform_memory_updated", [0, 20, 0, 2], &[("memory_id", Recent(Memory)), ("memory_store_id", Recent(MemoryStore)), ("workspace_id", WorkspaceId)]),
    console("platform_skill_version_created", [0, 10, 0, 2], &[("skill_id", SkillId), ("version", Raw("\"3\""))]),
    // Looking after the organisation.
    home("org_users_listed", [0, 0, 0, 90], &[]),
    home("org_user_viewed", [0, 0, 0, 110], &[("user_id", PersonId)]),
    home("org_invites_listed", [0, 0, 0, 40], &[]),
    home("group_viewed", [0, 0, 0, 40], &[("group_id", GroupId)]),
    home("group_member_list_viewed", [0, 0, 0, 36], &[("group_id", GroupId)]),
    home("admin_connector_request_resolved", [0, 0, 0, 14], &[("decision", OneOf(&["dismissed"])), ("mcp_server_id", ConnectorId), ("resolved_count", Count(1, 4))]),
    home("claude_user_seat_tier_updated", [0, 0, 0, 14], &[("user_email", Fill::PersonEmail), ("user_id", PersonId), ("current_seat_tier", OneOf(&["premium", "standard"])), ("previous_seat_tier", OneOf(&["standard"]))]),
    home("plugin_installation_preference_updated", [0, 0, 0, 8], &[("marketplace_id", Fill::Marketplace), ("plugin_name", PluginName)]),
    home("extra_usage_spend_limit_updated", [0, 0, 0, 10], &[("amount", Raw("25000")), ("is_enabled", Flag(100)), ("limit_type", OneOf(&["organization", "member"]))]),
    console("platform_workspace_members_listed", [0, 0, 0, 40], &[("workspace_id", WorkspaceId)]),
    console("platform_cost_report_viewed", [0, 0, 0, 36], &[]),
    console("platform_usage_report_messages_viewed", [0, 0, 0, 36], &[]),
    console("platform_usage_report_claude_code_viewed", [0, 0, 0, 20], &[]),
];
