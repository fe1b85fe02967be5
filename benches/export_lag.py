"""Pushes activities at a steady rate and watches the file of a sink: how long from the push until the line is there.

Usage: WRITE_KEY=... export_lag.py ADDRESS FILE RATE SECONDS; prints one line of JSON. Ten pushes a second, each with a tenth of
the rate, over a few connections in turn. The clock of an activity starts before its push is sent, so the way into the lake counts as well.
"""

import http.client
import json
import os
import sys
import threading
import time
import urllib.parse
from datetime import datetime, timezone

PUSHES_A_SECOND = 10
SENDERS = 4
PATIENCE_SECONDS = 120


def activities(number: int, size: int) -> bytes:
    now = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
    row = {"type": "claude_file_viewed", "created_at": now, "organization_id": "org_1"}
    actor = {"type": "user_actor", "user_id": "user_1", "email_address": "ada@example.com", "ip_address": "192.0.2.7"}
    rows = (row | {"id": f"activity_{number}_{place}", "actor": actor, "claude_file_id": f"file_{place}"} for place in range(size))
    return "\n".join(json.dumps(row) for row in rows).encode()


def main(address: str, file: str, rate: int, seconds: int) -> None:
    size, pushes = rate // PUSHES_A_SECOND, seconds * PUSHES_A_SECOND
    sent: list[float] = [0.0] * pushes
    headers = {"x-api-key": os.environ["WRITE_KEY"], "content-type": "application/x-ndjson"}
    start = time.monotonic()

    def push(first: int) -> None:
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(address).netloc, timeout=60)
        for number in range(first, pushes, SENDERS):
            due = start + number / PUSHES_A_SECOND
            time.sleep(max(0.0, due - time.monotonic()))
            body = activities(number, size)
            sent[number] = time.monotonic()
            connection.request("POST", "/ephor/v1/activities", body=body, headers=headers)
            response = connection.getresponse()
            answer = response.read()
            if response.status >= 300:
                os.write(2, f"{response.status} {answer[:500]!r}\n".encode())
                os._exit(1)

    senders = [threading.Thread(target=push, args=(first,)) for first in range(SENDERS)]
    for sender in senders:
        sender.start()
    lags: list[float] = []
    place, rest, heard = 0, b"", time.monotonic()
    while len(lags) < size * pushes:
        time.sleep(0.005)
        try:
            with open(file, "rb") as lines:
                lines.seek(place)
                new = lines.read()
        except FileNotFoundError:
            new = b""
        now = time.monotonic()
        if not new and now - heard > PATIENCE_SECONDS:
            sys.exit(f"{len(lags)} of {size * pushes} arrived")
        heard = now if new else heard
        place += len(new)
        whole = (rest + new).split(b"\n")
        rest = whole.pop()
        for line in whole:
            # The node tells of its own doings too.
            uid = json.loads(line)["metadata"]["uid"].split("_")
            if len(uid) == 3 and uid[1].isdigit():
                lags.append(now - sent[int(uid[1])])
    for sender in senders:
        sender.join()
    took = max(sent) - start + 1 / PUSHES_A_SECOND
    lags.sort()
    at = lambda share: lags[min(len(lags) - 1, int(len(lags) * share))] * 1000
    print(json.dumps({"events": len(lags), "events_per_second": len(lags) / took, "p50_ms": at(0.5), "p99_ms": at(0.99), "most_ms": lags[-1] * 1000}))


main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
