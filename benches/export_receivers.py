"""What the export benchmark sends to, as far as no program does it by itself.

elastic PORT   takes `_bulk` and says 201 to every document; nothing is kept, so that it is not what is measured
stream PORT    makes a stream in a NATS server
topic PORT     makes a topic of one partition in a Kafka broker
bucket PORT    makes a bucket through SeaweedFS's filer
"""

import asyncio
import gzip
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Bulk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        item = b'{"create":{"status":201}}'
        said = b'{"errors":false,"items":[' + b",".join([item] * (body.count(b"\n") // 2)) + b"]}"
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_) -> None:
        pass


async def stream(port: str) -> None:
    import nats

    client = await nats.connect(f"nats://127.0.0.1:{port}")
    await client.jetstream().add_stream(name="CLAUDE", subjects=["claude.>"])
    await client.close()


def topic(port: str) -> None:
    from confluent_kafka.admin import AdminClient, NewTopic

    # The client ends with its name.
    client = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}"})
    client.create_topics([NewTopic("claude", 1, 1)])["claude"].result(60)


def bucket(port: str) -> None:
    urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/buckets/audit/", method="POST"), timeout=60).read()


def main(what: str, port: str) -> None:
    if what == "elastic":
        ThreadingHTTPServer(("127.0.0.1", int(port)), Bulk).serve_forever()
    elif what == "stream":
        asyncio.run(stream(port))
    else:
        {"topic": topic, "bucket": bucket}[what](port)


main(*sys.argv[1:])
