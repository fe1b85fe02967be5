"""Runs the shipped rules as SQL over activities in DuckDB or SQLite, each rule as one query of pySigma's backend for it.

The rows are those of `ephor rules pace --tables`: flat, with every field that a rule names, so that nothing is left for SQL
to unfold. Lists are a table. Usage: rules_sql.py ENGINE TABLES LISTS RULES; prints one JSON document. Only the processor's
time is told: loading the table, and all queries. What a backend cannot convert, and what its database refuses, is named.
"""

import json
import re
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import orjson
from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import QueryExpressionPlaceholderTransformation
from sigma_backend_duckdb.backend import DuckDBBackend

ON_A_LIST = "{field} IN (SELECT entry FROM lists WHERE list = '{id}')"


def kind_of(values) -> str:
    """Of a field that no row has, text."""
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return "BOOLEAN"
    return "BIGINT" if kinds == {int} else "VARCHAR"


def read(tables: Path) -> tuple[dict[str, str], list[tuple]]:
    """Columns with their types, and rows. What lies in an array is its JSON."""
    raw = [orjson.loads(line) for line in (tables / "activities.ndjson").read_bytes().splitlines()]
    names = json.loads((tables / "fields.json").read_text())
    columns = {name: kind_of([row[name] for row in raw if row.get(name) is not None]) for name in names}
    columns["created_at"] = "TIMESTAMP"

    def plain(value, kind: str):
        if value is None or kind in ("BOOLEAN", "BIGINT") or isinstance(value, str):
            return value
        return orjson.dumps(value).decode()

    return columns, [tuple(plain(row.get(name), kind) for name, kind in columns.items()) for row in raw]


def entries(lists: Path) -> list[tuple[str, str]]:
    """Of each list, what it is asked by: `LIST`, `LIST_ids` and `LIST_names`, as in rules."""
    told = []
    for entry in json.loads(lists.read_text()):
        told += [(entry["list"], entry["id"]), (entry["list"] + "_ids", entry["id"])]
        if entry["name"]:
            told += [(entry["list"], entry["name"]), (entry["list"] + "_names", entry["name"])]
    return told


class InDuckDB:
    def __init__(self, columns: dict[str, str], rows: list[tuple], listed: list[tuple[str, str]]):
        self.backend = DuckDBBackend(ProcessingPipeline())
        self.backend.timestamp_field = "created_at"
        self.database = duckdb.connect()
        self.database.execute("set threads = 1; set timezone = 'UTC'")
        # Rows of Python go in one by one; a file of them goes in as DuckDB likes it.
        names = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        self.database.execute(f"create table logs ({names})")
        with tempfile.NamedTemporaryFile("wb", suffix=".ndjson") as file:
            for row in rows:
                file.write(orjson.dumps(dict(zip(columns, row))) + b"\n")
            file.flush()
            kinds = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
            begin = time.process_time()
            self.database.execute(f"insert into logs select * from read_json('{file.name}', format = 'newline_delimited', columns = {{{kinds}}})")
            self.load_seconds = time.process_time() - begin
        self.database.execute("create table lists (list varchar, entry varchar)")
        if listed:
            self.database.executemany("insert into lists values (?, ?)", listed)

    def count(self, query: str) -> int:
        return self.database.execute(f"select count(*) from ({query})").fetchone()[0]

    def close(self):
        self.database.close()


class InSQLite:
    def __init__(self, columns: dict[str, str], rows: list[tuple], listed: list[tuple[str, str]]):
        self.backend = sqliteBackend(ProcessingPipeline())
        self.backend.timestamp_field = "created_at"
        self.backend.table = "logs"
        self.database = sqlite3.connect(":memory:")
        # The engine's own way to regular expressions: a function of the host's.
        self.database.create_function("regexp", 2, lambda pattern, text: text is not None and re.search(pattern, str(text)) is not None, deterministic=True)
        names = ", ".join(f'"{name}"' for name in columns)
        begin = time.process_time()
        self.database.execute(f"create table logs ({names})")
        gaps = ", ".join("?" * len(columns))
        self.database.executemany(f"insert into logs values ({gaps})", rows)
        self.load_seconds = time.process_time() - begin
        self.database.execute("create table lists (list, entry)")
        self.database.executemany("insert into lists values (?, ?)", listed)

    def count(self, query: str) -> int:
        return self.database.execute(f"select count(*) from ({query.replace('<TABLE_NAME>', 'logs')})").fetchone()[0]

    def close(self):
        self.database.close()


def about_activities(rule) -> bool:
    return isinstance(rule, SigmaCorrelationRule) or rule.logsource.service != "directory"


def converted(backend, rules: SigmaCollection) -> tuple[dict[str, str], dict[str, str]]:
    """The queries of rules by name, and what cannot be one."""
    lists = ProcessingPipeline(items=[ProcessingItem(QueryExpressionPlaceholderTransformation(expression=ON_A_LIST))])
    backend.processing_pipeline = lists
    queries, refused = {}, {}
    # Detections first: a correlation is made of what they were converted into.
    for rule in sorted(filter(about_activities, rules.rules), key=lambda rule: isinstance(rule, SigmaCorrelationRule)):
        try:
            if isinstance(rule, SigmaCorrelationRule):
                made = backend.convert_correlation_rule(rule)
            else:
                # What only feeds a correlation is not put out, but converted all the same.
                made = backend.convert_rule(rule) or rule.get_conversion_result()
            query = made[0] if isinstance(made[0], str) else str(made[0])
            is_whole = query.lstrip().upper().startswith("SELECT")
            queries[rule.name] = query if is_whole else f"select * from logs where {query}"
        except (SigmaError, NotImplementedError, AttributeError, TypeError, KeyError) as error:
            refused[rule.name] = f"{type(error).__name__}: {error}"[:160]
    return queries, refused


def main(engine: str, tables: str, lists: str, folder: str) -> None:
    columns, rows = read(Path(tables))
    expected = json.loads((Path(tables) / "hits.json").read_text())
    database = {"duckdb": InDuckDB, "sqlite": InSQLite}[engine](columns, rows, entries(Path(lists)))
    queries, refused = converted(database.backend, SigmaCollection.load_ruleset([folder]))
    found, seconds = {}, 0.0
    for name, query in queries.items():
        begin = time.process_time()
        try:
            found[name] = database.count(query)
        except (duckdb.Error, sqlite3.Error) as error:
            refused[name] = f"{type(error).__name__}: {error}".split("\n")[0][:160]
        seconds += time.process_time() - begin
    database.close()
    held = [name for name in found if name in expected]
    told = {
        "activities": len(rows),
        "queries": len(found),
        "load_seconds": database.load_seconds,
        "query_seconds": seconds,
        "refused": refused,
        "compared": len(held),
        "others": {name: [found[name], expected[name]] for name in held if found[name] != expected[name]},
    }
    print(json.dumps(told))


main(*sys.argv[1:])
