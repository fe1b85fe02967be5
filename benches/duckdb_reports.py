"""Answers the question of a report in DuckDB SQL over the lake's Parquet files, and holds Ephor's answer against it.

Usage: duckdb_reports.py DATA REPORT.json; the report names itself and its days. Exit 1 where the two tell different numbers.
Each asks less than the report tells: one cut of ten, no names, no gaps, no sources.
"""

import json
import sys
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).parent.parent / "tests/python"))
from analytics_sql import live_files

PRODUCTS = ("chat", "claude_code", "cowork", "design", "office", "science")


def dormant_accounts(database, files, report):
    """Seats that nobody was seen with in the period."""
    first, last = report["period"]["from"], report["period"]["to"]
    sql = f"""
      with seen as (
        select coalesce(actor_id, actor_email) as who, created_at as moment from read_parquet($activities)
        where actor_type = 'user_actor' and type not like '%\\_viewed' escape '\\'
        union all select coalesce(user_id, user_email), time from read_parquet($usage_events)
        union all select k.created_by_id, a.created_at from read_parquet($activities) a
          join (select distinct api_key_id, created_by_id from read_parquet($directory_api_keys)) k using (api_key_id)),
      newest as (select who, max(moment) as newest from seen where moment < date '{last}' + interval 1 day group by 1),
      seats as (select distinct user_id, lower(email) as email from read_parquet($directory_users) where user_id is not null)
      select count(*) from seats s
      where not exists (select 1 from newest n where (n.who = s.user_id or lower(n.who) = s.email) and n.newest >= date '{first}')"""
    figures = {figure["label"]: figure["value"] for figure in report["figures"]}
    ours = figures["Dormant seats"] + figures["Idle, but not dormant"]
    return ours, database.execute(sql, files).fetchone()[0]


def cost_attribution(database, files, report):
    """Requests and tokens by model: prices are the report's own work."""
    first, last = report["period"]["from"], report["period"]["to"]
    tokens = " + ".join(
        f"coalesce({name}_tokens, 0)" for name in ("input", "output", "cache_read", "cache_creation_5m", "cache_creation_1h")
    )
    sql = f"""select model, sum(coalesce(count, 1)), sum({tokens}) from read_parquet($usage_events, hive_partitioning = true)
              where day between date '{first}' and date '{last}' and kind = 'api_request' group by 1"""
    theirs = {model: (int(requests), int(tokens)) for model, requests, tokens in database.execute(sql, files).fetchall()}
    models = next(table for table in report["tables"] if table["id"] == "models")
    names = [column["name"] for column in models["columns"]]
    model, requests, tokens = (names.index(name) for name in ("model", "requests", "tokens"))
    return {row[model]: (row[requests], row[tokens]) for row in models["rows"]}, theirs


def adoption_governance(database, files, report):
    """People active on each day, and in the windows that end with the last one."""
    first, last = report["period"]["from"], report["period"]["to"]
    anywhere = " or ".join(f"active_{product} > 0" for product in PRODUCTS)
    table = "read_parquet($analytics_users, hive_partitioning = true)"
    sql = f"select day, count(distinct user_id) from {table} where day between date '{first}' and date '{last}' and ({anywhere}) group by 1 order by 1"
    theirs = [count for _, count in database.execute(sql, files).fetchall()]
    for days in (7, 30):
        sql = f"select count(distinct user_id) from {table} where day > date '{last}' - {days} and day <= date '{last}' and ({anywhere})"
        theirs.append(database.execute(sql, files).fetchone()[0])
    names = [column["name"] for column in report["columns"]]
    daily, weekly, monthly = (names.index(f"{window}_active") for window in ("daily", "weekly", "monthly"))
    rows = report["rows"]
    ours = [row[daily] for row in rows if row[daily]] + [rows[-1][weekly], rows[-1][monthly]]
    return ours, theirs


QUESTIONS = {
    "dormant-accounts": (dormant_accounts, ("activities", "usage_events", "directory_api_keys", "directory_users")),
    "cost-attribution": (cost_attribution, ("usage_events",)),
    "adoption-governance": (adoption_governance, ("analytics_users",)),
}


def main(data, path):
    report = json.loads(Path(path).read_text())
    answer, tables = QUESTIONS[report["report"]]
    database = duckdb.connect()
    database.execute("set timezone = 'UTC'")
    files = {table: live_files(Path(data) / "lake", table) for table in tables}
    ours, theirs = answer(database, files, report)
    if ours != theirs:
        raise SystemExit(f"{report['report']}: the report tells {ours}, DuckDB {theirs}")
    print(theirs)


main(*sys.argv[1:])
