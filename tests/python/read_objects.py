"""DuckDB reads what a sink has put into a folder.

Arguments: `lake` or `lines`, and the folder; or `bucket`, a folder to fetch to and where SeaweedFS shows the bucket's folder.
Prints what there is as one JSON document: for each source of Security Lake its columns, rows, whether every file is sorted by
time and of one class, and the ids; for lines the ids. `make` and an address makes a bucket as soon as SeaweedFS is up; `replace`
and an address puts something else there.
"""

import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import duckdb

LAYOUT, FOLDER = sys.argv[1], Path(sys.argv[2])
PATIENCE_SECONDS = 120


def lake() -> dict:
    sources = {}
    for source in sorted((FOLDER / "ext").iterdir()):
        files = f"{source}/*/*/*/*.parquet"
        columns = [row[:2] for row in duckdb.sql(f"describe select * from read_parquet('{files}', hive_partitioning = false)").fetchall()]
        read = f"read_parquet('{files}', hive_partitioning = true, filename = true)"
        rows = duckdb.sql(
            f"""select filename, region, "accountId"::varchar, "eventDay"::varchar, class_uid, time, metadata.uid, unmapped,
                strftime(make_timestamp(time * 1000), '%Y%m%d') as day from {read}"""
        ).fetchall()
        by_file = {}
        for row in rows:
            by_file.setdefault(row[0], []).append(row)
        sources[source.name] = {
            "columns": columns,
            "rows": len(rows),
            "ids": [row[6] for row in rows],
            "partitions": sorted({(row[1], row[2]) for row in rows}),
            "classes": sorted({row[4] for row in rows}),
            "days_fit": all(row[3] == row[8] for row in rows),
            "sorted": all([row[5] for row in one] == sorted(row[5] for row in one) for one in by_file.values()),
            "unmapped_is_json": all(row[7] is None or isinstance(json.loads(row[7]), dict) for row in rows),
        }
        packed = duckdb.sql(f"select distinct compression from parquet_metadata('{files}') where total_compressed_size > 0").fetchall()
        sources[source.name]["compression"] = sorted(one[0] for one in packed)
    return sources


def lines() -> dict:
    read = f"read_json('{FOLDER}/*/*.ndjson.gz', format = 'newline_delimited', hive_partitioning = true, columns = {{id: 'VARCHAR', created_at: 'VARCHAR'}})"
    rows = duckdb.sql(f"select id, dt::varchar, created_at from {read} order by id").fetchall()
    return {"ids": [row[0] for row in rows], "days_fit": all(row[2].startswith(row[1]) for row in rows)}


def make(address: str) -> dict:
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(address, method="POST")) as answer:
                return {"made": answer.status}
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def replace(address: str) -> dict:
    with urllib.request.urlopen(urllib.request.Request(address, data=b"something else", method="PUT")) as answer:
        return {"replaced": answer.status}


def fetch(address: str, to: Path) -> None:
    to.mkdir(parents=True)
    listing = urllib.request.Request(f"{address}?limit=10000", headers={"accept": "application/json"})
    with urllib.request.urlopen(listing) as answer:
        entries = json.load(answer)["Entries"] or []
    for entry in entries:
        name = entry["FullPath"].rsplit("/", 1)[1]
        if entry["Mode"] & (1 << 31):
            fetch(f"{address}{name}/", to / name)
        else:
            # Without this word SeaweedFS unpacks what is named .gz on the way.
            asked = urllib.request.Request(f"{address}{name}", headers={"accept-encoding": "gzip"})
            with urllib.request.urlopen(asked) as answer:
                (to / name).write_bytes(answer.read())


def bucket() -> dict:
    fetch(sys.argv[3], FOLDER)
    return lines()


def main() -> dict:
    if LAYOUT in ("make", "replace"):
        return {"make": make, "replace": replace}[LAYOUT](sys.argv[2])
    return {"lake": lake, "lines": lines, "bucket": bucket}[LAYOUT]()


print(json.dumps(main()))
