"""Builds days of the listings in DuckDB SQL over the Parquet files of `usage_events`, and writes each as a Parquet file.

The SQL is that of the test which compares every number, so both build the same rows. DuckDB is spared two things that Ephor
builds as well: the artifacts, and who was active where. Usage: duckdb_days.py DATA OUT DAY...; prints the rows written.
"""

import sys
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).parent.parent / "tests/python"))
from analytics_sql import FACTS, LISTINGS, live_files


def build(database, files: list[str], day: str, out: Path) -> int:
    database.execute("create or replace table facts as " + FACTS, [[file for file in files if f"={day}/" in file]])
    rows = 0
    for endpoint, (key, condition, measures) in LISTINGS.items():
        columns = ", ".join(f'{sql} as "{path}"' for path, sql in measures.items())
        query = f"select {key} as identity, {columns} from facts where {key} is not null and {condition} group by 1 order by 1"
        target = out / f"{endpoint.replace('/', '_')}-{day}.parquet"
        rows += database.execute(f"copy ({query}) to '{target}' (format parquet, compression zstd)").fetchone()[0]
    return rows


def main(data: str, out: str, *days: str) -> None:
    database = duckdb.connect()
    database.execute("set timezone = 'UTC'")
    Path(out).mkdir(parents=True, exist_ok=True)
    files = live_files(Path(data) / "lake", "usage_events")
    print(sum(build(database, files, day, Path(out)) for day in days))


main(*sys.argv[1:])
