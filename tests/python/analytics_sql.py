"""The definitions of docs/analytics.md as DuckDB SQL: what each listing counts, and who was active.

Written from the definitions alone. The test recomputes every number with it; the benchmark builds days with it.
"""

import json
from pathlib import Path

USE = "kind not in ('other', 'active_time') and kind in ({})".format(
    ", ".join(
        f"'{kind}'"
        for kind in (
            "message conversation_created conversation_viewed session_started project_created project_used file_uploaded "
            "artifact_created artifact_viewed skill_used skill_enabled connector_used plugin_used plugin_installed "
            "tool_result edit_decision file_edit lines_of_code commit pull_request web_search dispatch_turn delegation "
            "remote_compute_job api_request api_usage"
        ).split()
    )
)
SURFACES = "surface in ('chat', 'claude_code', 'cowork', 'office', 'design', 'science')"


def live_files(lake, table):
    """The data files that the Delta log names, by replaying it."""
    files = {}
    for entry in sorted((Path(lake) / table / "_delta_log").glob("*.json")):
        for line in entry.read_text().splitlines():
            action = json.loads(line)
            if "add" in action:
                files[action["add"]["path"]] = True
            if "remove" in action:
                files.pop(action["remove"]["path"], None)
    return [str(Path(lake) / table / path) for path in files]


# The columns of `usage_events` as the definitions speak of them; to be read from a list of Parquet files.
FACTS = """select *, coalesce(count, 1) as n, time::date as day, coalesce(artifact_id, id) as artifact,
                  coalesce(file_id, id) as file, coalesce(user_id, lower(user_email)) as u,
                  coalesce(nullif(array_to_string(list_filter(string_split_regex(lower(trim(connector_name)), '[ _-]+'),
                      lambda word: word not in ('mcp', 'server', '')), '_'), ''), lower(trim(connector_name))) as connector
           from read_parquet(?, hive_partitioning = false)"""


def total(condition):
    return f"coalesce(sum(n) filter (where {condition}), 0)::bigint"


def different(column, condition):
    return f"count(distinct {column}) filter (where {condition})"


def chat(kind, *more):
    return " and ".join(["surface = 'chat'", f"kind = '{kind}'", *more])


def user_measures():
    m = {
        "chat_metrics.connectors_used_count": total(chat("connector_used")),
        "chat_metrics.distinct_artifacts_created_count": different("artifact", chat("artifact_created")),
        "chat_metrics.distinct_connectors_used_count": different("connector", chat("connector_used")),
        "chat_metrics.distinct_conversation_count": different(
            "conversation_id", f"surface = 'chat' and kind <> 'conversation_viewed' and {USE}"
        ),
        "chat_metrics.distinct_files_uploaded_count": different("file", chat("file_uploaded")),
        "chat_metrics.distinct_projects_created_count": different("project_id", chat("project_created")),
        "chat_metrics.distinct_projects_used_count": different(
            "project_id", "surface = 'chat' and kind in ('message', 'project_used', 'conversation_created')"
        ),
        "chat_metrics.distinct_shared_artifacts_viewed_count": different("artifact", chat("artifact_viewed")),
        "chat_metrics.distinct_skills_used_count": different("skill_name", chat("skill_used")),
        "chat_metrics.message_count": total(chat("message")),
        "chat_metrics.shared_conversations_viewed_count": total(chat("conversation_viewed")),
        "chat_metrics.thinking_message_count": total(chat("message", "detail = 'thinking'")),
        "web_search_count": total("kind = 'web_search' and surface in ('chat', 'claude_code')"),
    }
    code = "claude_code_metrics.core_metrics."
    on = "surface = 'claude_code' and "
    m |= {
        code + "artifacts_created_count": different("artifact", on + "kind = 'artifact_created'"),
        code + "commit_count": total(on + "kind = 'commit'"),
        code + "pull_request_count": total(on + "kind = 'pull_request'"),
        code
        + "distinct_session_count": different(
            "session_id", on + f"{USE} and not (kind = 'session_started' and coalesce(detail, '') = 'agents_view')"
        ),
        code + "lines_of_code.added_count": total(on + "kind = 'lines_of_code' and detail = 'added'"),
        code + "lines_of_code.removed_count": total(on + "kind = 'lines_of_code' and detail = 'removed'"),
    }
    for tool in ("edit_tool", "multi_edit_tool", "notebook_edit_tool", "write_tool"):
        for detail, name in (("accept", "accepted_count"), ("reject", "rejected_count")):
            m[f"claude_code_metrics.tool_actions.{tool}.{name}"] = total(
                on + f"kind = 'edit_decision' and tool = '{tool}' and detail = '{detail}'"
            )
    for app in ("excel", "outlook", "powerpoint", "word"):
        on, to = f"surface = 'office' and app = '{app}' and ", f"office_metrics.{app}."
        m |= {
            to + "connectors_used_count": total(on + "kind = 'connector_used'"),
            to + "distinct_connectors_used_count": different("connector", on + "kind = 'connector_used'"),
            to + "distinct_session_count": different("session_id", on + USE),
            to + "distinct_skills_used_count": different("skill_name", on + "kind = 'skill_used'"),
            to + "message_count": total(on + "kind = 'message'"),
            to + "skills_used_count": total(on + "kind = 'skill_used'"),
        }
    on, to = "surface = 'cowork' and ", "cowork_metrics."
    m |= {
        to + "action_count": total(on + "kind = 'tool_result' and detail = 'success'"),
        to + "artifacts_created_count": different("artifact", on + "kind = 'artifact_created'"),
        to + "connectors_used_count": total(on + "kind = 'connector_used'"),
        to + "dispatch_turn_count": total(on + "kind = 'dispatch_turn'"),
        to + "distinct_connectors_used_count": different("connector", on + "kind = 'connector_used'"),
        to + "distinct_plugins_used_count": different("plugin_name", on + "kind = 'plugin_used'"),
        to + "distinct_session_count": different("session_id", on + USE),
        to + "distinct_skills_used_count": different("skill_name", on + "kind = 'skill_used'"),
        to + "file_edit_count": total(on + "kind = 'file_edit'"),
        to + "message_count": total(on + "kind = 'message'"),
        to + "plugins_used_count": total(on + "kind = 'plugin_used'"),
        to + "sessions_with_file_edits_count": different("session_id", on + "kind = 'file_edit'"),
        to + "skills_used_count": total(on + "kind = 'skill_used'"),
    }
    for tool in ("edit_tool", "multi_edit_tool", "notebook_edit_tool", "write_tool"):
        m[f"{to}{tool}_count"] = total(on + f"kind = 'file_edit' and tool = '{tool}'")
    on, to = "surface = 'design' and ", "design_metrics."
    m |= {
        to + "distinct_projects_created_count": different("project_id", on + "kind = 'project_created'"),
        to + "distinct_projects_used_count": different("project_id", on + f"kind <> 'project_created' and {USE}"),
        to + "distinct_session_count": different("session_id", on + USE),
        to + "message_count": total(on + "kind = 'message'"),
    }
    on, to = "surface = 'science' and ", "science_metrics."
    m |= {
        to + "delegation_count": total(on + "kind = 'delegation'"),
        to + "distinct_session_count": different("session_id", on + USE),
        to + "message_count": total(on + "kind = 'message'"),
        to + "remote_compute_job_count": total(on + "kind = 'remote_compute_job'"),
        to + "skills_used_count": total(on + "kind = 'skill_used'"),
    }
    return m


def by_surface(kind, conversations, sessions):
    m = {f"chat_metrics.{conversations}": different("conversation_id", f"surface = 'chat' and kind = '{kind}'")}
    for product in ("claude_code", "cowork"):
        m[f"{product}_metrics.{sessions}"] = different("session_id", f"surface = '{product}' and kind = '{kind}'")
    for app in ("excel", "outlook", "powerpoint", "word"):
        condition = f"surface = 'office' and app = '{app}' and kind = '{kind}'"
        m[f"office_metrics.{app}.{sessions}"] = different("session_id", condition)
    return m


def newest(column, condition):
    return f"arg_max({column}, (time, {column})) filter (where {column} is not null and {condition})"


LISTINGS = {
    "users": (
        "u",
        f"{USE} and {SURFACES}",
        user_measures() | {"user.email_address": newest("user_email", f"{USE} and {SURFACES}")},
    ),
    "apps/chat/projects": (
        "project_id",
        "surface = 'chat' and kind in ('message', 'conversation_created', 'project_used', 'project_created', 'file_uploaded')",
        {
            "project_name": newest("project_name", "true"),
            "distinct_user_count": "count(distinct u)",
            "distinct_conversation_count": "count(distinct conversation_id)",
            "message_count": total("kind = 'message'"),
        },
    ),
    "skills": (
        "skill_name",
        f"kind in ('skill_used', 'skill_enabled') and {SURFACES}",
        by_surface(
            "skill_used", "distinct_conversation_skill_used_count", "distinct_session_skill_used_count"
        )
        | {
            "distinct_user_count": different("u", "kind = 'skill_used'"),
            "enable_count": different("u", "kind = 'skill_enabled'"),
            "invocation_count": total("kind = 'skill_used'"),
            "share_status": newest(
                "detail", "surface in ('chat', 'cowork') and detail in ('private', 'organization', 'public')"
            ),
            "skill_display_name": newest("display_name", "true"),
        },
    ),
    "connectors": (
        "connector",
        f"kind = 'connector_used' and {SURFACES}",
        by_surface(
            "connector_used",
            "distinct_conversation_connector_used_count",
            "distinct_session_connector_used_count",
        )
        | {
            "distinct_user_count": "count(distinct u)",
            "individual_auth_distinct_user_count": different("u", "auth = 'individual'"),
            "managed_auth_distinct_user_count": different("u", "auth = 'managed'"),
            "read_call_count": total("detail = 'read'"),
            "write_call_count": total("detail = 'write'"),
            "unclassified_call_count": total("coalesce(detail, '') not in ('read', 'write')"),
            "connector_display_name": newest("display_name", "true"),
        },
    ),
    "plugins": (
        "plugin_name",
        "kind in ('plugin_used', 'plugin_installed') and surface in ('claude_code', 'cowork')",
        {
            "distinct_user_count": "count(distinct u)",
            "install_count": different("u", "kind = 'plugin_installed'"),
            "invocation_count": total("kind = 'plugin_used'"),
            "claude_code_metrics.distinct_session_plugin_used_count": different(
                "session_id", "surface = 'claude_code' and kind = 'plugin_used'"
            ),
            "cowork_metrics.distinct_session_plugin_used_count": different(
                "session_id", "surface = 'cowork' and kind = 'plugin_used'"
            ),
            "plugin_id": newest("plugin_id", "true"),
        },
    ),
}

MEDIA_TYPES = (
    "application/vnd.ant.code", "application/vnd.ant.mermaid", "application/vnd.ant.react", "image/svg+xml", "text/html",
    "text/markdown", "text/plain",
)
# By type and sharing: how many were made, by how many people, and how many of them were published.
ARTIFACTS = f"""select case when surface in ('claude_code', 'cowork') then 'text/html' when artifact_type in {MEDIA_TYPES} then artifact_type else 'other' end,
                       coalesce(detail, '') in ('shared', 'published'), count(distinct artifact), count(distinct u),
                       count(distinct artifact) filter (where detail = 'published')
                from facts where day = ? and kind = 'artifact_created' and surface in ('chat', 'claude_code', 'cowork') group by 1, 2"""

ACTIVE = {
    "chat": "surface = 'chat' and kind in ('message', 'conversation_created')",
    "claude_code": "surface = 'claude_code' and kind in ('tool_result', 'edit_decision', 'lines_of_code', 'commit', 'pull_request')",
    "cowork": f"surface = 'cowork' and session_id is not null and {USE}",
    "claude_design": f"surface = 'design' and (kind = 'message' or (session_id is not null and {USE}))",
    "office_agent": "surface = 'office' and kind = 'message'",
    "science": f"surface = 'science' and (kind = 'message' or (session_id is not null and {USE}))",
}
ANYWHERE = " or ".join(
    [
        f"({ACTIVE['chat']})",
        f"({ACTIVE['claude_code']})",
        "(surface = 'cowork' and kind in ('tool_result', 'message'))",
        "(surface in ('office', 'design', 'science') and kind = 'message')",
    ]
)
