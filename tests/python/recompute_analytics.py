"""Computes every number of the Analytics API again, in DuckDB SQL over the Parquet files of `usage_events` and of the directory,
and compares each field of each row of each day with what the running Ephor serves.

Written from the definitions in docs/analytics.md alone. Arguments: the data folder, and the number of days.
"""

import datetime
import json
import os
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

import duckdb

from analytics_money import SKILL_PRICES, cents, compare_reports, load_requests
from analytics_session import as_of_one_day
from analytics_sql import ACTIVE, ANYWHERE, ARTIFACTS, FACTS, LISTINGS, live_files

ADDRESS = os.environ["EPHOR_ADDRESS"]
KEY = os.environ["ANALYTICS_KEY"]
LAKE = Path(sys.argv[1]) / "lake"
DAYS = int(sys.argv[2])
# A page of a report in daily buckets.
MOST_BUCKETS = 31


def served(endpoint, **parameters):
    limit = MOST_BUCKETS if endpoint in ("usage_report", "cost_report") else 1000
    rows, page = [], None
    while True:
        asked = dict(parameters, limit=limit, **({"page": page} if page else {}))
        url = f"{ADDRESS}/v1/organizations/analytics/{endpoint}?{urlencode(asked, doseq=True)}"
        with urllib.request.urlopen(urllib.request.Request(url, headers={"x-api-key": KEY})) as answer:
            body = json.load(answer)
        rows += body["data"]
        page = body["next_page"]
        if page is None:
            return rows


IDENTITY = {
    "users": "user.id",
    "apps/chat/projects": "project_id",
    "skills": "skill_name",
    "connectors": "connector_name",
    "plugins": "plugin_name",
}


def at(row, path):
    for part in path.split("."):
        row = None if row is None else row[part]
    return row


def leaves(row, path=""):
    if not isinstance(row, dict):
        return {path}
    return {leaf for name, value in row.items() for leaf in leaves(value, f"{path}.{name}" if path else name)}


# The directory as it is now: of each row the last that was seen of it.
NOW = """create table {name} as
         with last as (select *, row_number() over (partition by source, scope, key order by revision desc) as place
                       from read_parquet(?, hive_partitioning = false))
         select * from last where place = 1 and change <> 'removed'"""


def load(database) -> None:
    database.execute("set timezone = 'UTC'")
    for name in ("users", "projects", "invites"):
        files = live_files(LAKE, f"directory_{name}")
        if files:
            database.execute(NOW.format(name=f"directory_{name}"), [files])
    people = "select distinct on (address) lower(email) as address, user_id from directory_users order by address, organization_uuid desc"
    database.execute(f"""create table facts as
        select f.* replace (coalesce(f.u_id, people.user_id, lower(f.user_email)) as u)
        from (select *, user_id as u_id from ({FACTS})) f left join ({people}) people on people.address = lower(f.user_email)""",
        [live_files(LAKE, "usage_events")])
    load_requests(database)


def compare(database, endpoint, day):
    key, condition, measures = LISTINGS[endpoint]
    columns = ", ".join(f'{sql} as "{path}"' for path, sql in measures.items())
    query = f"select {key} as identity, {columns} from facts where day = ? and {key} is not null and {condition} group by 1"
    cursor = database.execute(query, [day])
    names = [column[0] for column in cursor.description]
    expected = {row[0]: dict(zip(names, row)) for row in cursor.fetchall()}
    add_what_follows(database, endpoint, day, expected)
    told = {at(row, IDENTITY[endpoint]): row for row in served(endpoint, date=day)}
    assert told.keys() == expected.keys(), (endpoint, day, told.keys() ^ expected.keys())
    compared = 0
    for identity, row in told.items():
        wanted = expected[identity] | {IDENTITY[endpoint]: identity}
        for path in wanted.keys() - {"identity"}:
            assert at(row, path) == wanted[path], (endpoint, day, identity, path, at(row, path), wanted[path])
            compared += 1
        uncompared = leaves(row) - wanted.keys() - {leaf for path in wanted if isinstance(wanted[path], dict) for leaf in leaves(wanted[path], path)}
        assert not uncompared, (endpoint, uncompared)
    return compared


def add_what_follows(database, endpoint, day, expected) -> None:
    """Fields that the events of a day do not tell by themselves: those of the directory, of the price list, and constants."""
    if endpoint == "users":
        emails = dict(database.execute("select user_id, email from directory_users").fetchall())
        for identity, row in expected.items():
            row["user.email_address"] = row["user.email_address"] or emails.get(identity) or (identity if "@" in identity else "")
            row |= {"user.type": "user", "last_activity_date": day, "distinct_user_count": None}
    if endpoint == "skills":
        prices = dict(database.execute(SKILL_PRICES, [day]).fetchall())
        for identity, row in expected.items():
            price = prices.get(identity)
            row |= {"attributed_list_price": cents(price), "currency": None if price is None else "USD", "estimated_overage_spend": None}
    if endpoint == "apps/chat/projects":
        listed = {row[0]: row[1:] for row in database.execute("select project_id, name, created_at::timestamp, owner_user_id from directory_projects").fetchall()}
        people = dict(database.execute("select user_id, email from directory_users").fetchall())
        made = {row[0]: row[1:] for row in database.execute(CREATIONS).fetchall()}
        for identity, row in expected.items():
            name, created_at, maker = listed.get(identity, (None, None, None))
            first_at, first_by = made.get(identity, (None, None))
            name, created_at, maker = name or row["project_name"], created_at or first_at, maker or first_by
            row["project_name"] = name or ""
            row["created_at"] = None if created_at is None else instant(created_at)
            row["created_by"] = {"id": maker, "email_address": people[maker], "type": "user"} if maker in people else None


CREATIONS = """select project_id, min(time)::timestamp, arg_min(u, (time, u)) from facts
               where surface = 'chat' and kind = 'project_created' and project_id is not null group by 1"""


def instant(moment: datetime.datetime) -> str:
    return moment.replace(tzinfo=None).isoformat() + "Z"


def compare_artifacts(database, day):
    expected = {row[:2]: row[2:] for row in database.execute(ARTIFACTS, [day]).fetchall()}
    fields = ("artifacts_created_count", "distinct_user_count", "published_artifacts_created_count")
    rows = served("artifacts", date=day)
    assert all(row.keys() == {"artifact_type", "is_shared", *fields} for row in rows), rows
    told = {(row["artifact_type"], row["is_shared"]): tuple(row[field] for field in fields) for row in rows}
    assert told == expected, ("artifacts", day, told.items() ^ expected.items())
    return 3 * len(told)


def compare_summaries(database, first, end):
    compared = 0
    (seats,) = database.execute("select count(distinct user_id) from directory_users").fetchone()
    has_invites = database.execute("select count(*) from duckdb_tables() where table_name = 'directory_invites'").fetchone()[0]
    pending = "select count(*) from directory_invites where coalesce(status, 'pending') = 'pending'"
    invites = database.execute(pending).fetchone()[0] if has_invites else 0
    assert seats > 0
    for entry in served("summaries", starting_date=first, ending_date=end):
        day = entry["starting_at"][:10]
        wanted = {"starting_at": f"{day}T00:00:00Z", "ending_at": f"{datetime.date.fromisoformat(day) + datetime.timedelta(1)}T00:00:00Z",
                  "assigned_seat_count": seats, "science_entitled_user_count": seats, "pending_invite_count": invites}
        for product, condition in [("", ANYWHERE), *((f"{name}_", sql) for name, sql in ACTIVE.items())]:
            for window, days in (("daily", 1), ("weekly", 7), ("monthly", 30)):
                (count,) = database.execute(
                    f"select count(distinct u) from facts where day <= ?::date and day > ?::date - {days} and ({condition})",
                    [day, day],
                ).fetchone()
                wanted[f"{product}{window}_active_user_count"] = count
                if not product:
                    # In hundredths, so that halves are rounded as they are meant to be.
                    wanted[f"{window}_adoption_rate"] = (count * 20000 + seats) // (2 * seats) / 100
        assert entry == wanted, (day, entry.items() ^ wanted.items())
        compared += len(wanted)
    return compared


def everything(newest: datetime.date) -> None:
    database = duckdb.connect()
    load(database)
    days = [str(day) for (day,) in database.execute("select distinct day from facts order by 1 desc").fetchall()]
    days = [day for day in days if day <= str(newest)][:DAYS]
    assert len(days) == DAYS, f"{len(days)} days to compare"
    counts = dict.fromkeys([*LISTINGS, "artifacts", "summaries", "reports"], 0)
    for day in days:
        for endpoint in LISTINGS:
            counts[endpoint] += compare(database, endpoint, day)
        counts["artifacts"] += compare_artifacts(database, day)
        counts["reports"] += compare_reports(database, served, day, str(datetime.date.fromisoformat(day) + datetime.timedelta(1)))
    end = str(datetime.date.fromisoformat(days[0]) + datetime.timedelta(1))
    counts["summaries"] = compare_summaries(database, days[-1], end)
    assert all(counts.values()), counts
    print(f"fields on {len(days)} days are equal: {json.dumps(counts)}")


as_of_one_day(everything)
