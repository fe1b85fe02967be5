"""Reads the whole feed with the community SDK, in both orders and with every filter, and compares it with the truth.

Usage: EPHOR_ADDRESS=... COMPLIANCE_KEY=... read_feed.py ACTIVITIES.ndjson
"""

import asyncio
import collections
import json
import sys
from datetime import datetime, timedelta

from claude_compliance_sdk import AsyncComplianceClient

from session import ADDRESS, OWN_READS, client, equal, key

# What a node of its own making may add to the feed while it is read: never more kinds than these words begin.
OWN_WORK = (OWN_READS, "api_key_", "admin_api_key_", "scoped_api_key_", "org_", "claude_user_role_", "claude_organization_", "ephor_")


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


class Truth:
    """The activities as simulated, in the feed's ascending order."""

    def __init__(self, path: str) -> None:
        with open(path, encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        self.rows = sorted(rows, key=lambda row: (instant(row["created_at"]), row["id"]))
        self.known = {row["id"] for row in self.rows}
        self.times = [instant(row["created_at"]) for row in self.rows]

    def ids(self, order: str, keep=lambda row, time: True) -> list[str]:
        found = [row["id"] for row, time in zip(self.rows, self.times) if row["type"] != OWN_READS and keep(row, time)]
        return found if order == "asc" else found[::-1]


def read(truth: Truth, activities, what: str) -> list[str]:
    """Ids of the simulated rows as they came; what is not simulated must be the node's own work."""
    ids, seen = [], set()
    for activity in activities:
        assert activity.id not in seen, f"{what}: {activity.id} came twice"
        seen.add(activity.id)
        if activity.type == OWN_READS:
            continue
        if activity.id in truth.known:
            ids.append(activity.id)
        else:
            assert activity.type.startswith(OWN_WORK), f"{what}: {activity.id} of {activity.type} was never simulated"
    return ids


def common(values, place: int) -> str:
    return collections.Counter(values).most_common(place + 1)[-1][0]


def filters(truth: Truth) -> list[tuple[str, dict, object]]:
    rows, times = truth.rows, truth.times
    types = [common((row["type"] for row in rows), place) for place in (0, 3)]
    actors = [common((row["actor"]["user_id"] for row in rows if "user_id" in row["actor"]), place) for place in (0, 5)]
    tagged = common((row["organization_id"] for row in rows if row["organization_id"]), 0)
    uuid = common((row["organization_uuid"] for row in rows if row["organization_uuid"]), 1)
    low, high = rows[len(rows) // 4]["created_at"], rows[len(rows) // 2]["created_at"]
    early, late = instant(low), instant(high)
    elsewhere = (early + timedelta(hours=0)).astimezone().isoformat()
    return [
        ("no filter", {}, lambda row, time: True),
        ("one type", {"activity_types": types[:1]}, lambda row, time: row["type"] == types[0]),
        ("two types", {"activity_types": types}, lambda row, time: row["type"] in types),
        ("without two types", {"exclude_activity_types": types}, lambda row, time: row["type"] not in types),
        ("one actor", {"actor_ids": actors[:1]}, lambda row, time: row["actor"].get("user_id") == actors[0]),
        ("two actors", {"actor_ids": actors}, lambda row, time: row["actor"].get("user_id") in actors),
        ("organization by id", {"organization_ids": [tagged]}, lambda row, time: row["organization_id"] == tagged),
        ("organization by uuid", {"organization_ids": [uuid]}, lambda row, time: row["organization_uuid"] == uuid),
        ("from, included", {"created_at_gte": low}, lambda row, time: time >= early),
        ("from, excluded", {"created_at_gt": low}, lambda row, time: time > early),
        ("to, included", {"created_at_lte": high}, lambda row, time: time <= late),
        ("to, excluded", {"created_at_lt": high}, lambda row, time: time < late),
        ("window", {"created_at_gte": low, "created_at_lt": high}, lambda row, time: early <= time < late),
        ("a time in another zone", {"created_at_gte": elsewhere}, lambda row, time: time >= early),
        (
            "all at once",
            {"activity_types": types, "actor_ids": actors, "organization_ids": [tagged, uuid], "created_at_gte": low},
            lambda row, time: row["type"] in types
            and row["actor"].get("user_id") in actors
            and (row["organization_id"] == tagged or row["organization_uuid"] == uuid)
            and time >= early,
        ),
        ("a type that nobody has", {"activity_types": ["no_such_type"]}, lambda row, time: False),
    ]


def every_filter_in_both_orders(sdk, truth: Truth) -> int:
    asked = 0
    for what, condition, keep in filters(truth):
        for order in ("desc", "asc"):
            found = read(truth, sdk.activities.iter(order=order, limit=5000, **condition), f"{what}, {order}")
            equal(found, truth.ids(order, keep), f"{what}, {order}")
            asked += 1
    return asked


def pages(sdk, truth: Truth) -> None:
    """Small pages, both directions, and what a page says of itself."""
    middle = truth.rows[len(truth.rows) // 2]["created_at"]
    window = {"created_at_gte": middle, "created_at_lt": (instant(middle) + timedelta(hours=6)).isoformat()}
    for limit in (1, 7, 100):
        ids = read(truth, sdk.activities.iter(limit=limit, order="asc", **window), f"pages of {limit}")
        equal(ids, truth.ids("asc", lambda row, time: instant(window["created_at_gte"]) <= time < instant(window["created_at_lt"])), f"pages of {limit}")

    first = sdk.activities.list(limit=10, created_at_lte=middle)
    assert len(first.data) == 10 and first.has_more and first.first_id and first.last_id
    older = sdk.activities.list(limit=10, created_at_lte=middle, after_id=first.last_id)
    back = sdk.activities.list(limit=10, created_at_lte=middle, before_id=older.first_id)
    equal([row.id for row in back.data], [row.id for row in first.data], "before_id goes back to the page before")
    assert not back.has_more, "nothing is newer than the first page of a window"
    # The block next to the cursor, not the newest one.
    next_to = sdk.activities.list(limit=3, created_at_lte=middle, before_id=older.first_id)
    equal([row.id for row in next_to.data], [row.id for row in first.data[-3:]], "before_id gives the neighbours")
    assert next_to.has_more
    nothing = sdk.activities.list(limit=10, activity_types=["no_such_type"])
    assert (nothing.data, nothing.has_more, nothing.first_id, nothing.last_id) == ([], False, None, None)
    assert len(sdk.activities.list().data) == 100, "100 rows unless told otherwise"


def rows_as_they_were(sdk, truth: Truth) -> None:
    """Every field of every row of a day's worth, also those that the SDK does not know."""
    by_id = {row["id"]: row for row in truth.rows}
    for activity in sdk.activities.list(limit=5000, created_at_lte=truth.rows[-1]["created_at"]).data:
        if activity.id in by_id:
            known = {name: getattr(activity, name) for name in ("id", "created_at", "type", "organization_id", "organization_uuid", "actor")}
            equal({**known, **activity.extra}, by_id[activity.id], activity.id)


async def the_async_client_too(truth: Truth) -> None:
    async with AsyncComplianceClient(api_key=key("compliance"), base_url=ADDRESS, rate_limit_rpm=0) as sdk:
        ids = [row.id async for row in sdk.activities.iter(order="asc", limit=5000) if row.id in truth.known and row.type != OWN_READS]
    equal(ids, truth.ids("asc"), "the async client")


def main(path: str) -> None:
    truth = Truth(path)
    with client() as sdk:
        asked = every_filter_in_both_orders(sdk, truth)
        pages(sdk, truth)
        rows_as_they_were(sdk, truth)
        status = sdk.rate_limit_status
        assert status and status.limit and status.remaining is not None and status.reset_at, "the budget is in the headers"
    asyncio.run(the_async_client_too(truth))
    print(json.dumps({"activities": len(truth.rows), "walks": asked}))


if __name__ == "__main__":
    main(sys.argv[1])
