"""What the vendor's SDK raises when it asks the Analytics API for what cannot be had, and that the wait which a 429 names is long enough.

Usage: EPHOR_ADDRESS=... ANALYTICS_KEY=... COMPLIANCE_KEY=... read_analytics_errors.py [LIMIT]
       with LIMIT: the budget of requests a minute that this node has, to be used up
"""

import datetime
import json
import sys
import time

import anthropic

from analytics_session import analytics
from session import equal

START = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=10)).strftime("%Y-%m-%dT00:00:00Z")


def raises(kind: type, status: int, error_type: str, call, **options) -> anthropic.APIStatusError:
    try:
        call(**options)
    except anthropic.APIStatusError as error:
        equal((type(error), error.status_code, error.type), (kind, status, error_type), str(error))
        assert error.api_message and error.request_id, f"{error}: a message and a request-id"
        equal(error.body.get("type"), "error", "the platform's form of an error")
        return error
    raise AssertionError(f"{call.__qualname__}{options} raised nothing")


def bad_requests(sdk) -> None:
    def bad(call, **options) -> str:
        return raises(anthropic.BadRequestError, 400, "invalid_request_error", call, **options).api_message

    today = datetime.date.today()
    listings = (sdk.users, sdk.apps.chat.projects, sdk.skills, sdk.connectors, sdk.plugins)
    for endpoint in listings:
        assert "newest available day is 20" in bad(endpoint.list, date=today.isoformat())
        assert "oldest available day is 20" in bad(endpoint.list, date="2025-12-31")
        assert "exclude each other" in bad(endpoint.list, date="2026-11-01", starting_date="2026-11-01")
        bad(endpoint.list)
        day = newest(endpoint)
        bad(endpoint.list, date=day, limit=0)
        bad(endpoint.list, date=day, limit=1001)
        bad(endpoint.list, date=day, order_by="nothing.like.it")
        bad(endpoint.list, date=day, filter=["colour:red"])
        bad(endpoint.list, date=day, group_by=["colour"])
        bad(endpoint.list, date=day, page="page_nothing")
        bad(endpoint.list, starting_date=day, ending_date=day)
    bad(sdk.apps.chat.projects.list, date=newest(sdk.users), group_by=["product"])
    assert "newest available day is 20" in bad(sdk.summaries.list, starting_date=today.isoformat())
    bad(sdk.summaries.list, starting_date=newest(sdk.users), filter=["user_id:user_1"])
    assert "newest available day is 20" in bad(sdk.artifacts.list, date=today.isoformat())
    for report in (sdk.usage_report, sdk.cost_report, sdk.user_usage_report, sdk.user_cost_report):
        bad(report.list, starting_at="2025-01-01T00:00:00Z")
        bad(report.list, starting_at=START, ending_at=START)
        bad(report.list, starting_at="2026-01-02T00:00:00Z", ending_at="2026-03-02T00:00:00Z")
        bad(report.list, starting_at=START, products=["nothing"])
        bad(report.list, starting_at=START, group_by=["actor"])
        bad(report.list, starting_at=START, page="page_nothing")
    bad(sdk.usage_report.list, starting_at=START, group_by=["token_type"])
    bad(sdk.user_usage_report.list, starting_at=START, bucket_width="1d")
    bad(sdk.user_cost_report.list, starting_at=START, order_by="total_tokens")


def newest(endpoint) -> str:
    try:
        endpoint.list(date=datetime.date.today().isoformat())
    except anthropic.BadRequestError as error:
        return error.api_message.rsplit(" ", 1)[1]
    raise AssertionError("today was served")


def tokens_of_others(sdk) -> None:
    """A token is bound to its query; what the SDK does by itself, following it, works."""
    first = sdk.users.list(date=newest(sdk.users), limit=1)
    if first.next_page is None:
        return
    for other in ({"order": "desc"}, {"filter": ["user_id:user_1"]}):
        raises(anthropic.BadRequestError, 400, "invalid_request_error", sdk.users.list,
               date=newest(sdk.users), limit=1, page=first.next_page, **other)
    raises(anthropic.BadRequestError, 400, "invalid_request_error", sdk.skills.list, date=newest(sdk.users), page=first.next_page)
    assert len(sdk.users.list(date=newest(sdk.users), limit=2, page=first.next_page).data) > 0


def use_up(limit: int) -> dict:
    """The budget empty: 429 with the headers that say when to come back, and an answer then."""
    sdk = analytics().beta.organization.analytics
    day = newest(sdk.users)
    refused = None
    for asked in range(limit + 1):
        try:
            sdk.users.list(date=day, limit=1)
        except anthropic.RateLimitError as error:
            refused = error
            break
    assert refused, f"no 429 in {limit + 1} requests"
    equal((refused.status_code, refused.type), (429, "rate_limit_error"), "the exception")
    headers = refused.response.headers
    wait = int(headers["retry-after"])
    assert 0 < wait <= 61, wait
    equal(headers["anthropic-ratelimit-requests-limit"], str(limit), "limit")
    equal(headers["anthropic-ratelimit-requests-remaining"], "0", "remaining")
    assert headers["anthropic-ratelimit-requests-reset"].endswith("Z")
    start = time.monotonic()
    time.sleep(wait)
    sdk.users.list(date=day, limit=1)
    return {"asked": asked, "waited_seconds": round(time.monotonic() - start, 1)}


def main(limit: int | None) -> None:
    if limit is not None:
        print(json.dumps(use_up(limit)))
        return
    client = analytics()
    sdk = client.beta.organization.analytics
    bad_requests(sdk)
    tokens_of_others(sdk)
    for wrong in ("sk-ant-api01-unknown", "x"):
        stranger = analytics(api_key=wrong).beta.organization.analytics
        raises(anthropic.AuthenticationError, 401, "authentication_error", stranger.users.list, date="2026-11-01")
    other = analytics("compliance").beta.organization.analytics
    for call, options in ((other.users.list, {"date": "2026-11-01"}), (other.cost_report.list, {"starting_at": START})):
        missing = raises(anthropic.PermissionDeniedError, 403, "permission_error", call, **options).api_message
        assert missing.startswith("Missing required scopes. Got: ['read:compliance_activities'"), missing
        assert missing.endswith("Needed: ['read:analytics']"), missing
    # Younger than what Ephor serves: a path that is not there.
    raises(anthropic.NotFoundError, 404, "not_found_error", sdk.usage.list, starting_at=START)
    raises(anthropic.NotFoundError, 404, "not_found_error", sdk.cost.list, starting_at=START)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else None)
