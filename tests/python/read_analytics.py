"""Reads every endpoint of the Analytics API with the vendor's own SDK, page by page, and judges every object by its types.

Usage: EPHOR_ADDRESS=... ANALYTICS_KEY=... read_analytics.py [DAYS]
"""

import collections
import datetime
import json
import sys
from decimal import Decimal

from anthropic.types.beta import organization as kinds

import analytics_types
from analytics_session import analytics, as_of_one_day
from session import equal

SMALL = 7
WHOLE = 1000
COUNTS = collections.Counter()


class Listing:
    """An engagement endpoint: how it is asked, what its rows are, what it can be cut by."""

    def __init__(self, name, list_rows, kind, key, groups, ranks) -> None:
        self.name, self.list_rows, self.kind, self.key, self.groups, self.ranks = name, list_rows, kind, key, groups, ranks

    def read(self, limit: int, **question) -> list:
        """All pages, every page no longer than asked for, every object checked."""
        rows, grouped = [], question.get("group_by", ())
        for page in self.list_rows(limit=limit, **question).iter_pages():
            assert {"data", "next_page"} <= page.model_fields_set, f"{self.name}: {page.model_fields_set}"
            assert not page.model_extra, f"{self.name}: {sorted(page.model_extra)} beside data and next_page"
            assert len(page.data) <= limit or (self.name == "artifacts" and not grouped), f"{self.name}: a page of {len(page.data)}"
            for row in page.data:
                COUNTS[f"{self.name} values"] += analytics_types.row(row, self.kind, grouped)
            rows += page.data
        COUNTS[f"{self.name} rows"] += len(rows)
        return rows

    def read_twice(self, **question) -> list:
        """The same rows in the same order, in small pages and in a large one."""
        whole = self.read(WHOLE, **question)
        pages = self.read(SMALL, **question)
        equal([row.to_json() for row in pages], [row.to_json() for row in whole], f"{self.name} {question}")
        return whole


def listings(sdk) -> list[Listing]:
    by_all = ["product", "rbac_group_id", "user_id"]
    return [
        Listing("users", sdk.users.list, kinds.BetaAnalyticsUserActivity, lambda row: row.user.email_address,
                ["rbac_group_id"], {"chat_metrics.message_count": lambda row: row.chat_metrics.message_count}),
        Listing("projects", sdk.apps.chat.projects.list, kinds.BetaAnalyticsProjectActivity, lambda row: row.project_id,
                ["rbac_group_id", "user_id"], {"message_count": lambda row: row.message_count}),
        Listing("skills", sdk.skills.list, kinds.BetaAnalyticsSkillActivity, lambda row: row.skill_name,
                by_all, {"invocation_count": lambda row: row.invocation_count or 0}),
        Listing("connectors", sdk.connectors.list, kinds.BetaAnalyticsConnectorActivity, lambda row: row.connector_name,
                by_all, {"distinct_user_count": lambda row: row.distinct_user_count}),
        Listing("plugins", sdk.plugins.list, kinds.BetaAnalyticsPluginActivity, lambda row: row.plugin_name,
                by_all, {"invocation_count": lambda row: row.invocation_count}),
        Listing("artifacts", sdk.artifacts.list, kinds.BetaAnalyticsArtifactActivity, lambda row: row.artifact_type, by_all, {}),
    ]


def engagement(listing: Listing, days: list[datetime.date]) -> None:
    for day in days:
        rows = listing.read_twice(date=day.isoformat())
        keys = [listing.key(row) for row in rows]
        equal(keys, sorted(keys), f"{listing.name} of {day} by its sort column")
        if listing.name != "artifacts":
            assert len(set(keys)) == len(keys), f"{listing.name} of {day}: a row twice"
    last = days[-1].isoformat()
    for group in listing.groups:
        for row in listing.read_twice(date=last, group_by=[group]):
            if listing.name == "users":
                assert row.user is None and row.distinct_user_count is not None, row
    if len(listing.groups) > 1:
        listing.read_twice(date=last, group_by=listing.groups)
    if listing.name == "artifacts":
        return
    span = {"starting_date": days[0].isoformat(), "ending_date": (days[-1] + datetime.timedelta(days=1)).isoformat()}
    over_all = listing.read_twice(**span)
    assert len({listing.key(row) for row in over_all}) == len(over_all), f"{listing.name}: one row an entity over a range"
    listing.read_twice(**span, group_by=listing.groups[:1])
    for metric, value in listing.ranks.items():
        for question in ({"date": last}, span):
            ranked = [value(row) for row in listing.read_twice(**question, order_by=metric)]
            equal(ranked, sorted(ranked, reverse=True), f"{listing.name} by {metric}")
            ranked = [value(row) for row in listing.read_twice(**question, order_by=metric, order="asc")]
            equal(ranked, sorted(ranked), f"{listing.name} by {metric}, ascending")


def users_by_filter(users: Listing, day: str) -> None:
    everybody = users.read(WHOLE, date=day)
    for row in everybody[:3]:
        found = users.read_twice(date=day, filter=[f"user_id:{row.user.id}"])
        equal([one.to_json() for one in found], [row.to_json()], "one user by id")
        equal(row.last_activity_date, datetime.date.fromisoformat(day), "last_activity_date of a day's row")
    two = [f"user_id:{row.user.id}" for row in everybody[:2]]
    equal(len(users.read(WHOLE, date=day, filter=two)), len(two), "two users by id")
    equal(users.read(WHOLE, date=day, filter=["user_id:user_nobody"]), [], "nobody")


def summaries(sdk, days: list[datetime.date]) -> None:
    first, end = days[0].isoformat(), (days[-1] + datetime.timedelta(days=1)).isoformat()
    for question in ({"ending_date": end}, {}, {"limit": 1}):
        page = sdk.summaries.list(starting_date=first, **question)
        assert page.next_page is None and "next_page" in page.model_fields_set
        equal(set(page.model_extra or {}), {"summaries"}, "keys of summaries beside the SDK's")
        equal(page.model_extra["summaries"], [json.loads(row.to_json()) for row in page.data], "the same entries under the old name")
        equal([row.starting_at.date() for row in page.data], days, "one entry a day")
        for row in page.data:
            COUNTS["summaries values"] += analytics_types.row(row, kinds.BetaAnalyticsSingleDayActivitySummary)
            equal(row.ending_at - row.starting_at, datetime.timedelta(days=1), "a day's length")
            assert row.daily_active_user_count <= row.weekly_active_user_count <= row.monthly_active_user_count, row
    COUNTS["summaries rows"] += len(days)


def report_pages(call, name: str, kind: type, limit: int, **question) -> list:
    rows = []
    for page in call(limit=limit, **question).iter_pages():
        expected = {"data", "next_page", "has_more", "data_refreshed_at"}
        assert expected <= page.model_fields_set, f"{name}: {page.model_fields_set}"
        equal(set(page.model_extra or {}), {"organization_id"}, f"{name}: keys beside the SDK's")
        assert page.model_extra["organization_id"].startswith("org_")
        equal(page.has_more, page.next_page is not None, f"{name}: has_more")
        for row in page.data:
            COUNTS[f"{name} values"] += analytics_types.row(row, kind)
        rows += page.data
    COUNTS[f"{name} rows"] += len(rows)
    return rows


def span_of(days: list[datetime.date]) -> dict:
    first, end = days[0], days[-1] + datetime.timedelta(days=1)
    return {"starting_at": f"{first}T00:00:00Z", "ending_at": f"{end}T00:00:00Z"}


def bucketed(call, name: str, kind: type, value, days: list[datetime.date], more_groups: tuple) -> None:
    span = span_of(days)
    plain = report_pages(call, name, kind, SMALL, **span)
    equal([bucket.starting_at.date() for bucket in plain], days, f"{name}: a bucket for every day")
    assert all(len(bucket.results) <= 1 for bucket in plain), f"{name}: one row a bucket without groups"
    equal([b.to_json() for b in report_pages(call, name, kind, 31, **span)], [b.to_json() for b in plain], f"{name} in one page")
    total = sum(value(row) for bucket in plain for row in bucket.results)
    for group in ("product", "model", "context_window", "inference_geo", "speed", *more_groups):
        cut = report_pages(call, name, kind, SMALL, **span, group_by=[group])
        equal(sum(value(row) for bucket in cut for row in bucket.results), total, f"{name}: the parts by {group}")
    report_pages(call, name, kind, SMALL, **span, group_by=["rbac_group_id", "product"])
    hours = report_pages(call, name, kind, 24, **span_of(days[-2:]), bucket_width="1h")
    equal(len(hours), 24 * len(days[-2:]), f"{name}: a bucket for every hour")
    minutes = {"starting_at": f"{days[-1]}T10:00:00Z", "ending_at": f"{days[-1]}T12:00:00Z"}
    equal(len(report_pages(call, name, kind, 50, **minutes, bucket_width="1m")), 120, f"{name}: a bucket for every minute")


def ranked(call, name: str, kind: type, value, days: list[datetime.date], orders: dict) -> None:
    span = span_of(days)
    plain = report_pages(call, name, kind, 5, **span)
    assert plain, f"{name}: nobody used anything"
    equal([row.to_json() for row in report_pages(call, name, kind, WHOLE, **span)], [row.to_json() for row in plain], name)
    assert all(row.starting_at is None and row.ending_at is None for row in plain)
    for order_by, rank in orders.items():
        ranks = [rank(row) for row in report_pages(call, name, kind, 5, **span, order_by=order_by)]
        equal(ranks, sorted(ranks, reverse=True), f"{name} by {order_by}")
    by_day = report_pages(call, name, kind, 50, **span, bucket_width="1d")
    assert all(row.ending_at - row.starting_at == datetime.timedelta(days=1) for row in by_day)
    equal(sum(value(row) for row in by_day), sum(value(row) for row in plain), f"{name}: the days of all users")
    cut = report_pages(call, name, kind, 50, **span, group_by=["product", "model"])
    equal(sum(value(row) for row in cut), sum(value(row) for row in plain), f"{name}: the parts of all users")
    report_pages(call, name, kind, 50, **span, exclude_deleted_users=True, order="asc")


def tokens(row) -> int:
    made = row.cache_creation.ephemeral_5m_input_tokens + row.cache_creation.ephemeral_1h_input_tokens
    return row.uncached_input_tokens + row.output_tokens + row.cache_read_input_tokens + made


def cents(row) -> Decimal:
    return Decimal(row.amount)


def fanned_out(sdk, days: list[datetime.date]) -> None:
    """Rows by `token_type` and `cost_type` do not count toward the limit, and their parts make the whole."""
    kind = kinds.BetaAnalyticsCostUsersItem
    call = sdk.user_cost_report.list
    plain = {row.actor.user_id: cents(row) for row in report_pages(call, "user_cost_report", kind, WHOLE, **span_of(days))}
    for group_by in (["token_type"], ["cost_type"], ["cost_type", "token_type"]):
        parts = collections.Counter()
        rows = report_pages(call, "user_cost_report", kind, 5, **span_of(days), group_by=group_by)
        for row in rows:
            parts[row.actor.user_id] += cents(row)
            assert row.requests is None, "no count of requests for a part"
            assert "token_type" not in group_by or (row.token_type is None) == (row.cost_type != "tokens"), row
        if "cost_type" in group_by:
            equal(dict(parts), plain, f"user_cost_report: the parts by {group_by}")


def everything(wanted_days: int, newest: datetime.date) -> None:
    COUNTS.clear()
    sdk = analytics().beta.organization.analytics
    days = [newest - datetime.timedelta(days=back) for back in reversed(range(wanted_days))]
    engagements = listings(sdk)
    for listing in engagements:
        engagement(listing, days)
    users_by_filter(engagements[0], days[-1].isoformat())
    summaries(sdk, days)
    costs = ("cost_type",)
    bucketed(sdk.usage_report.list, "usage_report", kinds.BetaAnalyticsUsageReportTimeBucket, tokens, days, ())
    bucketed(sdk.cost_report.list, "cost_report", kinds.BetaAnalyticsCostReportTimeBucket, cents, days, costs)
    usage_orders = {"total_tokens": lambda row: row.total_tokens, "output_tokens": lambda row: row.output_tokens,
                    "uncached_input_tokens": lambda row: row.uncached_input_tokens, "requests": lambda row: row.requests}
    ranked(sdk.user_usage_report.list, "user_usage_report", kinds.BetaAnalyticsUsageUsersItem, tokens, days, usage_orders)
    cost_orders = {"amount": cents, "list_amount": lambda row: Decimal(row.list_amount)}
    ranked(sdk.user_cost_report.list, "user_cost_report", kinds.BetaAnalyticsCostUsersItem, cents, days, cost_orders)
    fanned_out(sdk, days)
    names = [listing.name for listing in engagements]
    names += ["summaries", "usage_report", "cost_report", "user_usage_report", "user_cost_report"]
    empty = [name for name in names if not COUNTS[f"{name} rows"]]
    assert len(names) == 11 and not empty, f"nothing to judge in {empty}"


def main(wanted_days: int) -> None:
    newest = as_of_one_day(lambda day: everything(wanted_days, day))
    print(json.dumps({"newest_day": newest.isoformat(), **COUNTS}))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
