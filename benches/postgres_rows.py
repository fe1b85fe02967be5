"""Takes the JSON apart before PostgreSQL's clock starts: NDJSON in, rows for COPY out.

Usage: postgres_rows.py ACTIVITIES.ndjson ROWS.copy
"""

import json
import pathlib
import sys
from datetime import datetime, timezone

import orjson

ACTOR_ID_FIELDS = (
    "user_id",
    "api_key_id",
    "admin_api_key_id",
    "service_account_id",
    "service",
    "directory_id",
    "subject",
    "external_client_id",
)
CATALOGUE = pathlib.Path(__file__).parent.parent / "crates/ephor-wire/data/activity_types.json"
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def categories() -> dict[str, str]:
    if not CATALOGUE.exists():
        return {}
    return {entry["type"]: entry["category"] for entry in json.loads(CATALOGUE.read_text())}


def first(values, fields):
    for field in fields:
        if values.get(field):
            return values[field]
    return None


def main(activities: str, rows: str) -> None:
    category_of = categories()
    received_at = datetime.now(timezone.utc).isoformat()
    with open(activities, "rb") as source, open(rows, "w", encoding="utf-8", newline="\n") as out:
        for seq, line in enumerate(source):
            raw = line.rstrip(b"\n")
            activity = orjson.loads(raw)
            actor = activity.get("actor") or {}
            values = (
                str(seq),
                activity["id"],
                activity["created_at"],
                received_at,
                "import",
                activity["type"],
                category_of.get(activity["type"], "unclassified"),
                activity.get("organization_id"),
                activity.get("organization_uuid"),
                actor.get("type"),
                first(actor, ACTOR_ID_FIELDS),
                first(actor, ("email_address", "unauthenticated_email_address")),
                first(actor, ("api_key_id", "admin_api_key_id"))
                or first(activity, ("api_key_id", "admin_api_key_id", "scoped_api_key_id")),
                actor.get("ip_address"),
                actor.get("user_agent"),
                activity.get("workspace_id"),
                raw.decode(),
            )
            # A character that COPY wants escaped can only have come from an escape in the JSON.
            if b"\\" in raw:
                values = tuple(value and value.translate(ESCAPES) for value in values)
            out.write("\t".join([r"\N" if value is None else value for value in values]))
            out.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:3])
