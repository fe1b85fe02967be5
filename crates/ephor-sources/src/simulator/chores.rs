//! Administrative work that changes nothing the directory shows: a table of activities and how often a month.
//! Promises plain, agreed changes by people who may make them.
//! Never touches a control whose change would be an incident.

use super::deeds::Realm;
use super::fill::Fill::{
    self, ConnectorId, ConnectorName, Count, Flag, Fresh, GroupId, OneOf, PluginId, PluginName, Raw, Recent, SkillId,
    SkillName, WorkspaceId,
};
use super::fill::Object::{CodeSession, Event, Scan, ScanProject};

pub(crate) struct Chore {
    pub(crate) kind: &'static str,
    pub(crate) realm: Realm,
    /// For 200 people; more people, more chores.
    pub(crate) per_month: u32,
    pub(crate) fields: &'static [(&'static str, Fill)],
}

const fn home(kind: &'static str, per_month: u32, fields: &'static [(&'static str, Fill)]) -> Chore {
    Chore { kind, realm: Realm::Home, per_month, fields }
}

const fn console(kind: &'static str, per_month: u32, fields: &'static [(&'static str, Fill)]) -> Chore {
    Chore { kind, realm: Realm::Console, per_month, fields }
}

#[rustfmt::skip]
pub(crate) const CHORES: &[Chore] = &[
    home("claude_organization_settings_updated", 3, &[("updates", Raw(r#"[{"type":"inline_visualizations_enabled","previous_value":false,"current_value":true}]"#))]),
    home("claude_organization_settings_updated", 2, &[("updates", Raw(r#"[{"type":"member_usage_dashboard_visible","previous_value":true,"current_value":false},{"type":"support_contact_always_include_admins_owners","previous_value":false,"current_value":true}]"#))]),
    home("org_model_default_updated", 2, &[("action", OneOf(&["set"])), ("override_user_selection", Flag(0)), ("principal_id", GroupId), ("principal_type", OneOf(&["rbac_role"])), ("default_model", OneOf(&["claude-sonnet-5", "claude-opus-5"]))]),
    home("organization_icon_updated", 1, &[]),
    home("org_discoverability_settings_updated", 1, &[]),
    home("group_updated", 4, &[("group_id", GroupId)]),
    home("group_visibility_updated", 1, &[("group_id", GroupId), ("policies", Raw(r#"[{"audience":"members","visibility_type":"view_members"}]"#))]),
    home("rbac_role_updated", 1, &[("role_id", Fill::CustomRoleId)]),
    home("org_join_request_approved", 2, &[]),
    home("org_join_request_dismissed", 1, &[]),
    home("mcp_server_updated", 3, &[("mcp_server_id", ConnectorId), ("mcp_server_name", ConnectorName)]),
    home("mcp_tool_policy_updated", 3, &[("mcp_server_id", ConnectorId), ("mcp_server_name", ConnectorName), ("tool_name", OneOf(&["search", "list", "read"])), ("max_permission", OneOf(&["ask", "blocked"]))]),
    home("org_connector_domain_guard_updated", 1, &[("enforced", Flag(100))]),
    home("claude_skill_replaced", 3, &[("skill_id", SkillId), ("skill_name", SkillName)]),
    home("claude_skill_security_scan_completed", 4, &[("scan_id", Fresh(Scan))]),
    home("claude_plugin_replaced", 2, &[("plugin_id", PluginId), ("plugin_name", PluginName)]),
    home("claude_plugin_updated", 2, &[("plugin_id", PluginId), ("plugin_name", PluginName)]),
    home("marketplace_updated", 2, &[("marketplace_id", Fill::Marketplace)]),
    home("cli_plugin_exec_policy_updated", 1, &[("cli_name", OneOf(&["deploy"])), ("marketplace_id", Fill::Marketplace), ("op_name", OneOf(&["rollout"])), ("plugin_id", PluginId), ("plugin_name", PluginName), ("max_permission", OneOf(&["ask"]))]),
    home("claude_code_review_config_updated", 2, &[("enabled", Flag(100)), ("previous_enabled", Flag(100))]),
    home("claude_code_review_repository_added", 3, &[("config_id", Fresh(Event)), ("repo_name", OneOf(&["core", "web", "infra", "models"])), ("repo_owner", OneOf(&["meridian"])), ("trigger_mode", OneOf(&["on_push", "manual"]))]),
    home("claude_code_review_repository_updated", 2, &[("config_id", Recent(Event)), ("repo_name", OneOf(&["core", "web"])), ("repo_owner", OneOf(&["meridian"]))]),
    home("claude_code_security_center_config_updated", 1, &[("enabled", Flag(100))]),
    home("claude_code_security_scan_schedule_updated", 2, &[("cadence", OneOf(&["weekly", "daily"])), ("scan_project_id", Recent(ScanProject))]),
    home("claude_code_security_scan_project_updated", 2, &[("action", OneOf(&["created", "archived"])), ("scan_project_id", Fresh(ScanProject))]),
    home("claude_code_runner_pool_session_queue_updated", 2, &[("action", OneOf(&["requeued", "dismissed"])), ("session_id", Recent(CodeSession))]),
    home("claude_code_team_onboarding_guide_updated", 1, &[("action", OneOf(&["updated"])), ("guide_short_code", OneOf(&["start-here"]))]),
    home("billing_emails_updated", 1, &[("primary_email_set", Flag(100)), ("to_email_count", Count(1, 2))]),
    home("seat_tiers_purchased", 1, &[("item_allocations", Raw(r#"{"premium":10,"standard":20}"#))]),
    home("prepaid_extra_usage_auto_reload_settings_updated", 1, &[]),
    home("org_sso_seat_tier_assignment_toggled", 1, &[("enabled", Flag(100)), ("previous_enabled", Flag(100))]),
    home("org_member_invites_disabled", 1, &[]),
    home("org_invite_viewed", 2, &[("invite_id", Fresh(Event))]),
    home("session_revoked", 3, &[]),
    console("platform_workspace_updated", 2, &[("updates", Raw(r##"[{"type":"display_color","previous_value":"#8b5cf6","current_value":"#0ea5e9"}]"##)), ("workspace_id", WorkspaceId)]),
    console("platform_workspace_rate_limit_updated", 2, &[("limiter_type", OneOf(&["input_tokens_per_minute", "requests_per_minute"])), ("model_group", OneOf(&["claude_sonnet_5"])), ("value", Count(1000, 400_000)), ("workspace_id", WorkspaceId)]),
    console("workspace_spend_limit_created", 1, &[("limit_action", OneOf(&["notify"])), ("limit_usd", Count(500, 4000)), ("workspace_id", WorkspaceId)]),
    console("platform_spend_limit_alert_emails_updated", 1, &[("alerted_roles", Raw(r#"["billing"]"#))]),
    console("prepaid_auto_recharge_updated", 1, &[("target_amount", Count(500, 2000)), ("threshold_amount", Count(100, 400))]),
    console("platform_agent_deployment_created", 3, &[("deployment_id", Fresh(Event)), ("workspace_id", WorkspaceId)]),
    console("platform_agent_deployment_updated", 4, &[("deployment_id", Recent(Event)), ("workspace_id", WorkspaceId)]),
    console("platform_agent_deployment_paused", 1, &[("deployment_id", Recent(Event)), ("workspace_id", WorkspaceId)]),
    console("platform_federation_rule_updated", 1, &[("federation_rule_id", Fill::FederationRule), ("updates", Raw(r#"[{"type":"token_lifetime_seconds","previous_value":"3600","current_value":"1800"}]"#))]),
    console("platform_service_account_updated", 1, &[("service_account_id", Fill::ServiceAccountId), ("updates", Raw(r#"[{"type":"description","previous_value":"batch","current_value":"nightly batch"}]"#))]),
    console("org_external_key_validated", 4, &[("external_key_id", Raw("\"exk_primary\"")), ("validation_result", OneOf(&["success"]))]),
    console("tunnel_token_rotated", 1, &[("tunnel_id", Fill::Tunnel), ("tunnel_token_id", Fresh(Event)), ("reason", OneOf(&["scheduled"]))]),
    console("platform_signing_key_rotated", 1, &[("algorithm", OneOf(&["ed25519"])), ("key_group_identifier", OneOf(&["webhooks"])), ("new_signing_key_id", Fresh(Event)), ("old_signing_key_id", Recent(Event))]),
];
