"""Times the Analytics API over one kept HTTP connection, and DuckDB over the same day tables; both must tell the same.

Usage: ANALYTICS_KEY=... analytics_pages.py ADDRESS DATA REQUESTS; prints one JSON array.
"""

import http.client
import json
import os
import random
import statistics
import sys
import time
import urllib.parse
from datetime import date, timedelta
from pathlib import Path

import duckdb
import orjson

sys.path.insert(0, str(Path(__file__).parent.parent / "tests/python"))
from analytics_sql import live_files

API = "/v1/organizations/analytics/"
PAGE = 1000
# Pages of each day that are asked: head, and what follows.
PAGES_A_DAY = 5
SPAN_DAYS = 31
PRODUCTS = ("chat", "claude_code", "cowork", "design", "office", "science")


class Ephor:
    def __init__(self, address: str, key: str) -> None:
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(address).netloc, timeout=600)
        self.headers = {"x-api-key": key}

    def wake(self) -> None:
        """A connection that stood idle while DuckDB counted may have been let go; the next one is not part of the time."""
        self.connection.close()
        self.connection.connect()

    def answer(self, query: str) -> tuple[int, bytes]:
        self.connection.request("GET", API + query, headers=self.headers)
        response = self.connection.getresponse()
        return response.status, response.read()

    def body(self, query: str) -> bytes:
        status, body = self.answer(query)
        if status != 200:
            raise SystemExit(f"{query}: {status} {body[:500]!r}")
        return body


def pages_of(ephor: Ephor, day: date) -> list[tuple[str, int, date]]:
    """The questions for the first pages of a day, and how many rows lie before each."""
    found, token = [], ""
    for number in range(PAGES_A_DAY):
        question = f"users?date={day}&limit={PAGE}{token}"
        page = orjson.loads(ephor.body(question))
        if page["data"]:
            found.append((question, number * PAGE, day))
        token = page["next_page"]
        if token is None:
            break
        token = f"&page={token}"
    return found


def timed(work) -> tuple[float, object]:
    start = time.perf_counter()
    answer = work()
    return (time.perf_counter() - start) * 1000, answer


def told(what: str, ours: list[float], theirs: list[float]) -> dict:
    def cut(values, percent):
        return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]

    return {
        "what": what,
        "ephor_p50_ms": cut(ours, 50),
        "ephor_p99_ms": cut(ours, 99),
        "duckdb_p50_ms": cut(theirs, 50),
        "duckdb_p99_ms": cut(theirs, 99),
    }


def users(ephor: Ephor, database, files: list[str], newest: date, requests: int) -> dict:
    asked = [page for age in range(SPAN_DAYS) for page in pages_of(ephor, newest - timedelta(age))]
    draw, ours, theirs = random.Random(7), [], []
    for turn in range(requests):
        question, offset, day = draw.choice(asked)
        ephor.wake()
        taken, body = timed(lambda: ephor.body(question))
        ours.append(taken)
        day_files = [file for file in files if f"={day}/" in file]
        sql = f"select to_json(t)::varchar from (select * from read_parquet(?) order by user_email_address, user_id limit {PAGE} offset {offset}) t"
        taken, rows = timed(lambda: database.execute(sql, [day_files]).fetchall())
        theirs.append(taken)
        if turn < 20:
            here = [row["user"]["id"] for row in orjson.loads(body)["data"]]
            assert here == [orjson.loads(row[0])["user_id"] for row in rows], question
    return told(f"users, a page of {PAGE}", ours, theirs)


def summaries(ephor: Ephor, database, files: list[str], newest: date, requests: int) -> dict:
    first, end = newest - timedelta(SPAN_DAYS - 1), newest + timedelta(1)
    anywhere = " or ".join(f"active_{product} > 0" for product in PRODUCTS)
    counts = ", ".join(
        f"count(distinct user_id) filter (where a.day > d.day - {days} and ({condition}))"
        for condition in (anywhere, *(f"active_{product} > 0" for product in PRODUCTS))
        for days in (1, 7, 30)
    )
    sql = f"""select d.day, {counts} from (select unnest(generate_series(date '{first}', date '{newest}', interval 1 day))::date as day) d
              left join (select *, day::date as on_day from read_parquet(?, hive_partitioning = true)) b on b.on_day between d.day - 29 and d.day
              group by 1 order by 1""".replace("a.day", "b.on_day")
    wanted = {str(first - timedelta(age)) for age in range(-SPAN_DAYS, 30)}
    within = [file for file in files if any(f"={day}/" in file for day in wanted)]
    question = f"summaries?starting_date={first}&ending_date={end}"
    ours, theirs = [], []
    for turn in range(requests):
        ephor.wake()
        taken, body = timed(lambda: ephor.body(question))
        ours.append(taken)
        # Its answer takes seconds: a few times are enough to know its speed.
        if turn < max(3, requests // 50):
            taken, rows = timed(lambda: database.execute(sql, [within]).fetchall())
            theirs.append(taken)
            here = [tuple(entry[f"{window}_active_user_count"] for window in ("daily", "weekly", "monthly")) for entry in orjson.loads(body)["data"]]
            assert here == [row[1:4] for row in rows], (here[:2], rows[:2])
    return told(f"summaries, {SPAN_DAYS} days", ours, theirs)


def newest_day(ephor: Ephor) -> date:
    """The newest day that is served, as the refusal of a day to come names it."""
    status, body = ephor.answer("users?date=2999-01-01")
    assert status == 400, body
    return date.fromisoformat(orjson.loads(body)["error"]["message"].split()[-1])


def main(address: str, data: str, requests: str) -> None:
    ephor = Ephor(address, os.environ["ANALYTICS_KEY"])
    database = duckdb.connect()
    files = live_files(Path(data) / "lake", "analytics_users")
    parts = (ephor, database, files, newest_day(ephor), int(requests))
    print(json.dumps([summaries(*parts), users(*parts)]))


main(*sys.argv[1:])
