"""Computes every number of the Analytics API's listings and summaries again, in DuckDB SQL over the Parquet files of
`usage_events`, and compares each field of each row of each day with what the running Ephor serves.

Written from the definitions in docs/analytics.md alone. Arguments: the data folder, and the number of days.
"""

import json
import os
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

import duckdb

from analytics_sql import ACTIVE, ANYWHERE, FACTS, LISTINGS, live_files

ADDRESS = os.environ["EPHOR_ADDRESS"]
KEY = os.environ["ANALYTICS_KEY"]
LAKE = Path(sys.argv[1]) / "lake"
DAYS = int(sys.argv[2])

def served(endpoint, **parameters):
    rows, page = [], None
    while True:
        asked = dict(parameters, limit=1000, **({"page": page} if page else {}))
        url = f"{ADDRESS}/v1/organizations/analytics/{endpoint}?{urlencode(asked)}"
        with urllib.request.urlopen(urllib.request.Request(url, headers={"x-api-key": KEY})) as answer:
            body = json.load(answer)
        rows += body["data"]
        page = body["next_page"]
        if page is None:
            return rows


IDENTITY = {"users": "user.id", "apps/chat/projects": "project_id", "skills": "skill_name", "connectors": "connector_name", "plugins": "plugin_name"}


def at(row, path):
    for part in path.split("."):
        row = row[part]
    return row


def leaves(row, path=""):
    if not isinstance(row, dict):
        return {path}
    return {leaf for name, value in row.items() for leaf in leaves(value, f"{path}.{name}" if path else name)}


# Told by the directory or the price list, or the same in every row.
NOT_COUNTED = {
    "user.id", "user.type", "last_activity_date", "distinct_user_count.users", "project_id", "project_name", "created_at",
    "created_by", "created_by.id", "created_by.email_address", "created_by.type", "skill_name", "attributed_list_price",
    "currency", "estimated_overage_spend", "connector_name", "plugin_name",
}


def compare(database, endpoint, day):
    key, condition, measures = LISTINGS[endpoint]
    columns = ", ".join(f'{sql} as "{path}"' for path, sql in measures.items())
    query = f"select {key} as identity, {columns} from facts where day = ? and {key} is not null and {condition} group by 1"
    cursor = database.execute(query, [day])
    names = [column[0] for column in cursor.description]
    expected = {row[0]: dict(zip(names, row)) for row in cursor.fetchall()}
    told = {at(row, IDENTITY[endpoint]): row for row in served(endpoint, date=day)}
    assert told.keys() == expected.keys(), (endpoint, day, told.keys() ^ expected.keys())
    compared = 0
    for identity, row in told.items():
        for path in measures:
            assert at(row, path) == expected[identity][path], (endpoint, day, identity, path, at(row, path), expected[identity][path])
            compared += 1
        uncompared = leaves(row) - set(measures) - NOT_COUNTED - ({"distinct_user_count"} if endpoint == "users" else set())
        assert not uncompared, (endpoint, uncompared)
    return compared


def compare_summaries(database, first, end):
    compared = 0
    for entry in served("summaries", starting_date=first, ending_date=end):
        day = entry["starting_at"][:10]
        seats = entry["assigned_seat_count"]
        for product, condition in [("", ANYWHERE), *((f"{name}_", sql) for name, sql in ACTIVE.items())]:
            for window, days in (("daily", 1), ("weekly", 7), ("monthly", 30)):
                count = database.execute(
                    f"select count(distinct u) from facts where day <= ?::date and day > ?::date - {days} and ({condition})",
                    [day, day],
                ).fetchone()[0]
                name = f"{product}{window}_active_user_count"
                assert entry[name] == count, (day, name, entry[name], count)
                compared += 1
                if not product:
                    # In hundredths, so that halves are rounded as they are meant to be.
                    rate = (count * 20000 + seats) // (2 * seats) / 100 if seats else 0
                    assert entry[f"{window}_adoption_rate"] == rate, (day, window, entry)
                    compared += 1
    return compared


def main():
    database = duckdb.connect()
    database.execute("set timezone = 'UTC'")
    users = {}
    for endpoint in LISTINGS:
        assert endpoint in IDENTITY
    database.execute(
        "create table facts as " + FACTS,
        [live_files(LAKE, "usage_events")],
    )
    days = [str(day) for (day,) in database.execute("select distinct day from facts order by 1 desc").fetchall()]
    newest_day = served_newest()
    days = [day for day in days if day <= newest_day][:DAYS]
    compared = sum(compare(database, endpoint, day) for day in days for endpoint in LISTINGS)
    end = str(database.execute("select ?::date + 1", [days[0]]).fetchone()[0])
    summaries = compare_summaries(database, days[-1], end)
    assert compared > 0 and summaries > 0
    print(f"{compared} fields of listings and {summaries} of summaries on {len(days)} days are equal")


def served_newest():
    """The newest day that is served, as the refusal of a day to come names it."""
    url = f"{ADDRESS}/v1/organizations/analytics/users?date=2999-01-01"
    try:
        urllib.request.urlopen(urllib.request.Request(url, headers={"x-api-key": KEY}))
    except urllib.error.HTTPError as refused:
        return json.load(refused)["error"]["message"].split()[-1]
    raise AssertionError("a day to come was served")


main()
