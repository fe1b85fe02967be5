//! Who and where: the standard attributes of Claude Code and Cowork, and the names that tell one from the other.
//! Promises that an exporter which is neither keeps its own name as the surface.
//! Never takes a person's identity from anything but the attributes made for it.

use ephor_wire::usage::{Names, Surface};

use super::attributes::Attributes;

/// What stands before the name of an event or a metric.
const PREFIXES: [(&str, Surface); 3] =
    [("claude_code.", Surface::ClaudeCode), ("claude_cowork.", Surface::Cowork), ("cowork.", Surface::Cowork)];

/// What the instrumentation scopes of both begin with.
const SCOPE: &str = "com.anthropic.claude_code";

/// A name without the product before it, and the product.
pub(super) fn unprefixed(name: &str) -> (&str, Option<Surface>) {
    let found = PREFIXES.iter().find_map(|(prefix, surface)| Some((name.strip_prefix(prefix)?, Some(*surface))));
    found.unwrap_or((name, None))
}

/// Which product speaks. Cowork runs Claude Code inside and shares its scope, so its name is looked for first: in the
/// resource's `service.name`, then before the event's or metric's name. The scope comes last.
pub(super) fn surface_of(service: Option<&str>, prefix: Option<Surface>, scope: &str) -> Option<Surface> {
    let service = service.unwrap_or_default().to_ascii_lowercase();
    if service.contains("cowork") || prefix == Some(Surface::Cowork) {
        return Some(Surface::Cowork);
    }
    let claude_code = service.starts_with("claude-code") || service.starts_with("claude_code");
    (claude_code || prefix.is_some() || scope.starts_with(SCOPE)).then_some(Surface::ClaudeCode)
}

/// Takes the attributes that have a column of their own on every row.
pub(super) fn take_standard(attributes: &mut Attributes, names: &mut Names) {
    names.session_id = attributes.take_text("session.id");
    match attributes.take_text("organization.id") {
        Some(tagged) if tagged.starts_with("org_") => names.organization_id = Some(tagged),
        other => names.organization_uuid = other,
    }
    names.user_id = attributes.take_text("user.account_id");
    names.user_email = attributes.take_text("user.email");
}

/// Takes what a request or its cost is attributed to.
pub(super) fn take_attribution(attributes: &mut Attributes, names: &mut Names) {
    names.model = attributes.take_text("model");
    names.speed =
        attributes.take_text("speed").map(|speed| if speed == "normal" { "standard".to_owned() } else { speed });
    names.skill_name = attributes.take_text("skill.name");
    names.connector_name = attributes.take_text("mcp_server.name");
    take_plugin(attributes, names);
}

/// Takes a plugin's name and, where its marketplace is told, its id.
pub(super) fn take_plugin(attributes: &mut Attributes, names: &mut Names) {
    names.plugin_name = attributes.take_text("plugin.name");
    names.plugin_id = names
        .plugin_name
        .as_ref()
        .zip(attributes.text("marketplace.name"))
        .map(|(plugin, marketplace)| format!("{plugin}@{marketplace}"));
}

/// The published name of an editing tool.
pub(super) fn edit_tool(name: &str) -> Option<&'static str> {
    match name {
        "Edit" => Some("edit_tool"),
        "MultiEdit" => Some("multi_edit_tool"),
        "Write" => Some("write_tool"),
        "NotebookEdit" => Some("notebook_edit_tool"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cowork_is_told_from_claude_code_and_from_strangers() {
        let surface = |service: Option<&str>, name: &str, scope: &str| {
            surface_of(service, unprefixed(name).1, scope).map(Surface::as_str)
        };
        assert_eq!(surface(Some("claude-code"), "user_prompt", ""), Some("claude_code"));
        assert_eq!(surface(Some("claude-code-desktop"), "user_prompt", ""), Some("claude_code"));
        assert_eq!(surface(Some("my-name"), "claude_code.user_prompt", ""), Some("claude_code"));
        assert_eq!(surface(None, "user_prompt", "com.anthropic.claude_code.events"), Some("claude_code"));
        assert_eq!(surface(Some("cowork"), "user_prompt", "com.anthropic.claude_code.events"), Some("cowork"));
        assert_eq!(surface(None, "claude_cowork.user_prompt", "com.anthropic.claude_code.events"), Some("cowork"));
        assert_eq!(surface(None, "cowork.api_request", ""), Some("cowork"));
        assert_eq!(surface(Some("checkout"), "user_prompt", "shop"), None);
    }
}
