"""Sends OTLP log records as Claude Code exports them, over HTTP and as fast as they are taken.

Bodies are encoded beforehand. Usage: WRITE_KEY=... otlp_intake.py ADDRESS BODIES RECORDS_A_BODY; prints events and seconds.
"""

import gzip
import http.client
import json
import os
import sys
import threading
import time
import urllib.parse

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

SENDERS = 2
EVENTS = ("user_prompt", "api_request", "tool_result", "tool_decision")


def body(number: int, records: int) -> bytes:
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    scope.scope.name = "com.anthropic.claude_code.events"
    now = time.time_ns() - 60_000_000_000
    for place in range(records):
        name = EVENTS[place % len(EVENTS)]
        record = scope.log_records.add(time_unix_nano=now + place * 1000, event_name=name)
        texts = {
            "event.name": name, "organization.id": "11111111-1111-4111-8111-111111111111", "user.account_id": f"user_{number % 1000}",
            "user.email": f"user{number % 1000}@example.com", "session.id": f"session-{number}-{place // 100}", "model": "claude-sonnet-4-5",
            "tool_name": "Edit", "success": "true", "decision": "accept",
        }
        numbers = {"event.sequence": place, "prompt_length": 120, "input_tokens": 1100, "output_tokens": 220, "cache_read_tokens": 5000}
        for key, value in texts.items():
            record.attributes.add(key=key).value.string_value = value
        for key, value in numbers.items():
            record.attributes.add(key=key).value.int_value = value
    return gzip.compress(request.SerializeToString(), 1)


def send(address: str, bodies: list[bytes]) -> None:
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(address).netloc, timeout=600)
    headers = {"x-api-key": os.environ["WRITE_KEY"], "content-type": "application/x-protobuf", "content-encoding": "gzip"}
    for sent in bodies:
        connection.request("POST", "/v1/logs", body=sent, headers=headers)
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200:
            os.write(2, f"{response.status} {answer[:500]!r}\n".encode())
            os._exit(1)


def main(address: str, bodies: str, records: str) -> None:
    encoded = [body(number, int(records)) for number in range(int(bodies))]
    senders = [threading.Thread(target=send, args=(address, encoded[start::SENDERS])) for start in range(SENDERS)]
    start = time.perf_counter()
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    print(json.dumps({"events": int(bodies) * int(records), "seconds": time.perf_counter() - start}))


main(*sys.argv[1:])
