"""What the community SDK raises when it asks for what cannot be had: the exception that its authors meant, each time.

Usage: EPHOR_ADDRESS=... COMPLIANCE_KEY=... ANALYTICS_KEY=... read_errors.py
"""

from claude_compliance_sdk import ComplianceClient
from claude_compliance_sdk.exceptions import BadRequestError, InsufficientScopeError, InvalidAPIKeyError, NotFoundError

from session import ADDRESS, client, equal


def raises(kind: type, error_type: str, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except kind as error:
        assert type(error) is kind, f"{type(error).__name__} instead of {kind.__name__}"
        equal(error.error_type, error_type, str(error))
        assert error.error_message and error.request_id, f"{error}: a message and a request-id"
        equal(error.body.get("type"), "error", "the platform's form of an error")
        return error
    raise AssertionError(f"{call.__qualname__}{arguments}{options} raised nothing")


def bad_requests(sdk: ComplianceClient) -> None:
    bare = raises(BadRequestError, "invalid_request_error", sdk.activities.list, created_at_gte="2026-01-01")
    assert "created_at.gte" in bare.error_message and "2026-01-01" in bare.error_message, bare.error_message
    for options in (
        {"created_at_lt": "2026-01-01T00:00:00"},
        {"created_at_gt": "yesterday"},
        {"limit": 0},
        {"limit": 5001},
        {"order": "sideways"},
        {"after_id": "no cursor at all"},
        {"before_id": "no cursor at all"},
        {"activity_types": ["api_key_created"], "exclude_activity_types": ["api_key_updated"]},
    ):
        raises(BadRequestError, "invalid_request_error", sdk.activities.list, **options)
    page = sdk.activities.list(limit=1)
    raises(BadRequestError, "invalid_request_error", sdk.activities.list, after_id=page.last_id, before_id=page.first_id)
    raises(BadRequestError, "invalid_request_error", sdk.organizations.list, page="no token at all")
    raises(BadRequestError, "invalid_request_error", sdk.groups.list, limit=1001)


def main() -> None:
    with client(max_retries=0) as sdk:
        bad_requests(sdk)
        raises(NotFoundError, "not_found_error", sdk.groups.get, "rbac_group_nobody")
        project = next(iter(sdk.projects.iter()))
        for content in (sdk.chats.list, sdk.local_sessions.list, sdk.remote_sessions.list):
            refused = raises(InsufficientScopeError, "permission_error", content)
            assert "scope" not in refused.error_message.lower() or "content" in refused.error_message.lower(), refused.error_message
        raises(InsufficientScopeError, "permission_error", sdk.projects.get, project.id)
        raises(InsufficientScopeError, "permission_error", sdk.projects.list_attachments, project.id)
        raises(InsufficientScopeError, "permission_error", sdk.projects.delete, project.id)
    with client("analytics", max_retries=0) as sdk:
        for call in (sdk.activities.list, sdk.organizations.list, sdk.groups.list):
            missing = raises(InsufficientScopeError, "permission_error", call)
            assert missing.error_message.startswith("Missing required scopes. Got: ["), missing.error_message
    for wrong in ("sk-ant-api01-unknown", "x"):
        with ComplianceClient(api_key=wrong, base_url=ADDRESS, max_retries=0) as sdk:
            raises(InvalidAPIKeyError, "authentication_error", sdk.activities.list)


if __name__ == "__main__":
    main()
