"""An empty budget: the answer 429 as published, and the SDK waiting it out by itself.

Usage: EPHOR_ADDRESS=... COMPLIANCE_KEY=... read_rate_limit.py     (against an Ephor with a small limit)
"""

import json
import time
from datetime import datetime, timezone

import httpx
from claude_compliance_sdk import RateLimitError

from session import ADDRESS, client, equal, key

FEED = "/v1/compliance/activities"
# More than any limit this is run against.
MOST_REQUESTS = 500


def spend_the_budget(http: httpx.Client) -> httpx.Response:
    """Asks until it is refused; somebody else's requests, as far as the SDK can see."""
    for asked in range(MOST_REQUESTS):
        answer = http.get(FEED, params={"limit": 1})
        if answer.status_code == 429:
            return answer
        equal(answer.status_code, 200, "within the budget")
        limit = int(answer.headers["anthropic-ratelimit-requests-limit"])
        assert asked < limit, f"{asked} requests were answered with a limit of {limit}"
        assert 0 <= int(answer.headers["anthropic-ratelimit-requests-remaining"]) < limit
    raise AssertionError(f"no 429 in {MOST_REQUESTS} requests")


def the_answer_is_as_published(answer: httpx.Response) -> None:
    equal(answer.json()["error"]["type"], "rate_limit_error", "error.type")
    wait = float(answer.headers["retry-after"])
    assert 0 < wait <= 61, f"retry-after: {wait}"
    reset = datetime.fromisoformat(answer.headers["anthropic-ratelimit-requests-reset"].replace("Z", "+00:00"))
    assert (reset - datetime.now(timezone.utc)).total_seconds() <= wait + 1, "retry-after reaches at least to the reset"
    equal(answer.headers["anthropic-ratelimit-requests-remaining"], "0", "remaining")
    assert answer.headers["request-id"]


def main() -> None:
    with httpx.Client(base_url=ADDRESS, headers={"x-api-key": key("compliance")}) as http:
        the_answer_is_as_published(spend_the_budget(http))
        # A key that nobody knows costs nothing and is told so, not 429.
        equal(http.get(FEED, headers={"x-api-key": "unknown"}).status_code, 401, "a wrong key while the budget is empty")

        spend_the_budget(http)
        with client(max_retries=0) as sdk:
            try:
                sdk.activities.list(limit=1)
                raise AssertionError("no RateLimitError")
            except RateLimitError as error:
                equal((error.status_code, error.error_type), (429, "rate_limit_error"), "the exception")
                assert error.retry_after and error.retry_after > 0

        spend_the_budget(http)
        start = time.monotonic()
        with client() as sdk:
            read = sum(1 for _ in zip(sdk.activities.iter(limit=100), range(300)))
        equal(read, 300, "rows read although the budget was empty")
    print(json.dumps({"recovered_after_seconds": round(time.monotonic() - start, 1)}))


if __name__ == "__main__":
    main()
