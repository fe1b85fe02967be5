"""A stand-in for receivers of posts, which keeps what it takes whatever happens to it.

Arguments: `webhook` or `hec`, a folder and a port. A body's records are written to the folder's `received` at once and before
the answer, one a line, so that whoever kills it finds all of a body or nothing. `hec` is Splunk's collector with indexer
acknowledgement: a body is written when somebody asks for its acknowledgement, which is said once; what nobody had asked for
yet is lost with the process, as it is with an indexer's memory.
"""

import gzip
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

WHAT, FOLDER, PORT = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
lock = threading.Lock()
waiting: dict[int, bytes] = {}
numbers = 0


def keep(lines: bytes) -> None:
    out = os.open(FOLDER / "received", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(out, lines)
    os.close(out)


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers["content-encoding"] == "gzip":
            body = gzip.decompress(body)
        with lock:
            said = self.hec(body) if WHAT == "hec" else self.webhook(body)
        said = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def webhook(self, body: bytes) -> dict:
        assert self.headers["idempotency-key"]
        keep(body)
        return {}

    def hec(self, body: bytes) -> dict:
        global numbers
        assert self.headers["authorization"] == "Splunk token" and self.headers["x-splunk-request-channel"]
        if self.path == "/services/collector/ack":
            asked = {str(number): waiting.pop(number, None) for number in json.loads(body)["acks"]}
            keep(b"".join(body for body in asked.values() if body))
            return {"acks": {number: body is not None for number, body in asked.items()}}
        numbers += 1
        waiting[numbers] = body
        return {"text": "Success", "code": 0, "ackId": numbers}

    def log_message(self, *_) -> None:
        pass


ThreadingHTTPServer(("127.0.0.1", PORT), Receiver).serve_forever()
