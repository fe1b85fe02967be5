"""Times pages of Ephor's feed over one kept HTTP connection, and writes down which pages those were.

Usage: FEED_KEY=... feed_ephor.py ADDRESS PAGES.json REQUESTS ACTIVITIES.ndjson
"""

import collections
import http.client
import json
import os
import sys
import time
import urllib.parse
from datetime import datetime

import orjson

from feed_pages import LIMITS, PLACES, POSITIONS, asked_order, summary

FEED = "/v1/compliance/activities"
# Rows looked at to find times at the feed's two ends and values to filter by; the feed's largest page.
SAMPLE_ROWS = 5000
# What a node writes about its own callers is not in PostgreSQL.
OWN = "compliance_api_accessed"


class Feed:
    def __init__(self, address: str, key: str) -> None:
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(address).netloc, timeout=60)
        self.headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}

    def body(self, query: str) -> bytes:
        self.connection.request("GET", query, headers=self.headers)
        response = self.connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise SystemExit(f"{query}: {response.status} {body[:500]!r}")
        return body

    def page(self, **params) -> dict:
        return orjson.loads(self.body(path(params)))


def path(params: dict) -> str:
    return FEED + "?" + urllib.parse.urlencode({name.replace("__", "."): value for name, value in params.items()}, doseq=True)


def filters_of(feed: Feed, newest: str) -> dict[str, dict]:
    """No filter, a busy actor and a middling type, as they occur in the newest rows."""
    rows = feed.page(limit=SAMPLE_ROWS, created_at__lte=newest, **{"exclude_activity_types[]": OWN})["data"]
    actors = collections.Counter(row["actor"]["user_id"] for row in rows if row["actor"]["type"] == "user_actor")
    types = [name for name, _ in collections.Counter(row["type"] for row in rows).most_common()]
    return {
        "none": {},
        "actor": {"actor_ids[]": actors.most_common(1)[0][0]},
        "type": {"activity_types[]": types[min(2, len(types) - 1)]},
    }


def times_in(feed: Feed, place: str, condition: dict, ends: list[str], limit: int) -> list[str]:
    """Times just above the first row of each page to ask."""
    if place == "middle":
        low, high = (seconds_since_epoch(end) for end in ends)
        steps = [low + (high - low) * (0.45 + 0.1 * step / POSITIONS) for step in range(POSITIONS)]
        return [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(step)) for step in steps]
    order = "desc" if place == "head" else "asc"
    # Only up to the newest simulated row: what the node itself writes meanwhile is newer.
    rows = feed.page(limit=SAMPLE_ROWS, order=order, created_at__lte=ends[1], **condition)["data"]
    # At the tail a page needs `limit` rows below its position; at the head any row will do.
    first = 0 if place == "head" else min(limit, len(rows) - 1)
    last = len(rows) - 1
    return [rows[first + (last - first) * step // POSITIONS]["created_at"] for step in range(POSITIONS)]


def positions(feed: Feed, place: str, condition: dict, ends: list[str], limit: int) -> list[dict]:
    found = []
    for instant in times_in(feed, place, condition, ends, limit):
        page = feed.page(limit=1, created_at__lte=instant, **condition)
        if page["data"]:
            row = page["data"][0]
            found.append({"cursor": page["last_id"], "created_at": row["created_at"], "id": row["id"]})
    return found


def seconds_since_epoch(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def measure(feed: Feed, kind: dict, requests: int) -> dict:
    queries = [path({"limit": kind["limit"], "after_id": at["cursor"], **kind["condition"]}) for at in kind["positions"]]
    seconds, ids = [], []
    for turn, index in enumerate(asked_order(len(queries), requests)):
        start = time.perf_counter()
        body = feed.body(queries[index])
        seconds.append(time.perf_counter() - start)
        if turn < len(queries):
            ids.extend(row["id"] for row in orjson.loads(body)["data"])
    return summary(kind, seconds, ids)


def first_and_last_line(file: str) -> tuple[bytes, bytes]:
    with open(file, "rb") as source:
        first = source.readline()
        source.seek(-min(os.path.getsize(file), 1 << 16), os.SEEK_END)
        return first, source.read().splitlines()[-1]


def main(address: str, pages: str, requests: str, activities: str) -> None:
    feed = Feed(address, os.environ["FEED_KEY"])
    # The file is in the order of time; what Ephor has done itself since (keys, recording switched on) is newer.
    ends = [orjson.loads(line)["created_at"] for line in first_and_last_line(activities)]
    kinds = [
        {"place": place, "filter": name, "limit": limit, "condition": condition,
         "positions": positions(feed, place, condition, ends, limit)}
        for name, condition in filters_of(feed, ends[1]).items()
        for place in PLACES
        for limit in LIMITS
    ]
    with open(pages, "w", encoding="utf-8") as out:
        json.dump(kinds, out)
    print(json.dumps([measure(feed, kind, int(requests)) for kind in kinds]))


if __name__ == "__main__":
    main(*sys.argv[1:5])
