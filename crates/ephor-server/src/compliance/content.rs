//! The paths that would carry content, named so that they refuse in words instead of looking like a gap.
//! Promises 403 for every method and every key, with the rule and what to use instead.
//! Never looks at what was asked for.

use crate::problem::Problem;
use crate::route::{Answer, Family, Permission, Route};

const fn content(path: &'static str) -> Route {
    Route {
        method: None,
        path,
        permission: Permission::AnyKey,
        family: Family::Compliance,
        summary: "Carries content: always refused, whatever the method and the key",
        parameters: &[],
        body: None,
        answer: Answer::Refusal,
    }
}

/// Every published path that carries content or names that people gave to it.
pub(crate) static CONTENT_PATHS: [Route; 24] = [
    content("/v1/compliance/organizations/{org_uuid}/user_preferences"),
    content("/v1/compliance/apps/chats"),
    content("/v1/compliance/apps/chats/{chat_id}"),
    content("/v1/compliance/apps/chats/{chat_id}/messages"),
    content("/v1/compliance/apps/chats/files/{file_id}"),
    content("/v1/compliance/apps/chats/files/{file_id}/content"),
    content("/v1/compliance/apps/chats/generated-files/{file_id}"),
    content("/v1/compliance/apps/chats/generated-files/{file_id}/content"),
    content("/v1/compliance/apps/artifacts/{version_id}"),
    content("/v1/compliance/apps/artifacts/{version_id}/content"),
    content("/v1/compliance/apps/code/artifacts"),
    content("/v1/compliance/apps/code/artifacts/{artifact_id}"),
    content("/v1/compliance/apps/code/artifacts/{artifact_id}/content"),
    content("/v1/compliance/apps/code/artifacts/{artifact_id}/versions/{version_id}"),
    content("/v1/compliance/apps/projects/{project_id}"),
    content("/v1/compliance/apps/projects/{project_id}/attachments"),
    content("/v1/compliance/apps/projects/documents/{document_id}"),
    content("/v1/compliance/apps/projects/documents/{document_id}/metadata"),
    content("/v1/compliance/apps/sessions/local"),
    content("/v1/compliance/apps/sessions/local/{session_id}"),
    content("/v1/compliance/apps/sessions/local/{session_id}/messages"),
    content("/v1/compliance/apps/sessions/remote"),
    content("/v1/compliance/apps/sessions/remote/{session_id}"),
    content("/v1/compliance/apps/sessions/remote/{session_id}/messages"),
];

const RULE: &str = "Ephor holds metadata only: it never asks for, stores or serves prompts, responses, conversation text, file contents or titles, so this path has nothing to give to any key. What happened is in the activity feed (GET /v1/compliance/activities).";

pub(crate) async fn refuse() -> Problem {
    Problem::forbidden(RULE)
}
