"""Reads the lake without Ephor: Delta's log says which Parquet files count, DuckDB reads them.

Usage: read_lake.py LAKE/activities ACTIVITIES.ndjson
"""

import json
import pathlib
import sys
import urllib.parse

import duckdb


def live_files(table: pathlib.Path) -> list[str]:
    files: set[str] = set()
    for commit in sorted(table.glob("_delta_log/*.json")):
        for line in commit.read_text().splitlines():
            action = json.loads(line)
            if "add" in action:
                files.add(urllib.parse.unquote(action["add"]["path"]))
            if "remove" in action:
                files.discard(urllib.parse.unquote(action["remove"]["path"]))
    return [str(table / file) for file in sorted(files)]


def main(table: str, activities: str) -> None:
    with open(activities, encoding="utf-8") as lines:
        truth = {json.loads(line)["id"]: line.rstrip("\n") for line in lines}
    files = live_files(pathlib.Path(table))
    read = duckdb.sql(f"SELECT seq, id, raw FROM read_parquet({files!r}, hive_partitioning = true) ORDER BY seq").fetchall()
    assert [seq for seq, _, _ in read] == list(range(len(truth))), "seq runs from 0 without a gap"
    assert {id: raw for _, id, raw in read} == truth, "the same rows, byte for byte"


if __name__ == "__main__":
    main(*sys.argv[1:3])
