"""Times the same pages from PostgreSQL: prepared statements over one kept connection, keyset pagination.

Usage: feed_postgres.py SOCKET_FOLDER PAGES.json REQUESTS
"""

import json
import sys
import time

import psycopg

from feed_pages import asked_order, summary

COLUMNS = {"actor_ids[]": "actor_id", "activity_types[]": "type"}


def statement(condition: dict) -> str:
    where = "".join(f" AND {COLUMNS[name]} = %({COLUMNS[name]})s" for name in condition)
    return (
        "SELECT id, raw FROM activities WHERE (created_at, id) < (%(created_at)s::timestamptz, %(id)s)"
        f"{where} ORDER BY created_at DESC, id DESC LIMIT %(rows)s"
    )


def measure(connection: psycopg.Connection, kind: dict, requests: int) -> dict:
    sql = statement(kind["condition"])
    values = {COLUMNS[name]: value for name, value in kind["condition"].items()}
    limit = kind["limit"]
    seconds, ids = [], []
    with connection.cursor() as cursor:
        for turn, index in enumerate(asked_order(len(kind["positions"]), requests)):
            at = kind["positions"][index]
            asked = {"created_at": at["created_at"], "id": at["id"], "rows": limit + 1, **values}
            start = time.perf_counter()
            rows = cursor.execute(sql, asked, prepare=True).fetchall()
            seconds.append(time.perf_counter() - start)
            if turn < len(kind["positions"]):
                ids.extend(row[0] for row in rows[:limit])
    return summary(kind, seconds, ids)


def main(socket: str, pages: str, requests: str) -> None:
    with open(pages, encoding="utf-8") as source:
        kinds = json.load(source)
    with psycopg.connect(host=socket, user="postgres", dbname="postgres", autocommit=True) as connection:
        print(json.dumps([measure(connection, kind, int(requests)) for kind in kinds]))


if __name__ == "__main__":
    main(*sys.argv[1:4])
