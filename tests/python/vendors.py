"""A stand-in for five vendors' doors, and the clients of four of them, with which it is compared.

receive FOLDER                 the stand-in; its port is in FOLDER/port, and each request that it took a line of FOLDER/requests:
                               method, path, headers and the items of the body. It lets nobody in without the vendor's kind of
                               key, and takes no more than the vendor says it does; the first token of Entra ends early
send VENDOR FOLDER ADDRESS     the vendor's client sends the items of the last request in FOLDER/requests once more: `elastic`
                               (elasticsearch), `datadog` (datadog-api-client), `sentinel` (azure-monitor-ingestion), `secops`
                               (secops), and for `splunk`, which has none of its own, Tenzir
"""

import gzip
import json
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

lock = threading.Lock()
tokens = 0


def documents_of(body: bytes) -> list:
    lines = [json.loads(line) for line in body.decode().split("\n")[:-1]]
    return [{"action": action, "document": document} for action, document in zip(lines[::2], lines[1::2], strict=True)]


def events_of(body: bytes) -> list:
    text, place, events = body.decode(), 0, []
    while place < len(text):
        event, place = json.JSONDecoder().raw_decode(text, place)
        place += len(text[place:]) - len(text[place:].lstrip())
        events.append(event)
    return events


class Vendors(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        packed = len(body)
        if self.headers["content-encoding"] == "gzip":
            body = gzip.decompress(body)
        with lock:
            status, said = self.take(body, packed)
        said = json.dumps(said).encode() if said is not None else b""
        self.send_response(status)
        self.send_header("content-type", "application/json")
        if self.path.startswith("/_bulk"):
            # Elastic's client speaks to nobody who does not say this.
            self.send_header("x-elastic-product", "Elasticsearch")
        if status != 204:
            self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    # Elastic's client puts.
    do_PUT = do_POST

    def take(self, body: bytes, packed: int) -> tuple[int, dict | list | None]:
        global tokens
        path, authorization = urllib.parse.urlsplit(self.path).path, self.headers["authorization"]
        if path == "/tenant/oauth2/v2.0/token":
            form = dict(urllib.parse.parse_qsl(body.decode()))
            if form != {"grant_type": "client_credentials", "client_id": "client", "client_secret": "secret", "scope": "https://monitor.azure.com/.default"}:
                return 401, {"error": "invalid_client"}
            tokens += 1
            return 200, {"access_token": f"token-{tokens}", "expires_in": 3600, "token_type": "Bearer"}
        if path == "/_bulk":
            if authorization != "ApiKey secret":
                return 401, {"error": {"type": "security_exception"}}
            items = documents_of(body)
            said = [{"create": {"_index": item["action"]["create"]["_index"], "_id": item["action"]["create"]["_id"], "status": 201}} for item in items]
            return self.keep(items, 200, {"errors": False, "took": 1, "items": said})
        if path == "/api/v2/logs":
            items = json.loads(body)
            if self.headers["dd-api-key"] != "secret":
                return 403, {"errors": [{"status": "403", "title": "Forbidden"}]}
            if len(body) > 5_000_000 or len(items) > 1_000:
                return 413, {"errors": [{"status": "413", "title": "Payload Too Large"}]}
            assert all(isinstance(item["message"], str) for item in items), "a message is a text"
            return self.keep(items, 202, {})
        if path == "/services/collector/event":
            items = events_of(body)
            if authorization != "Splunk secret":
                return 403, {"text": "Invalid token", "code": 4}
            return self.keep(items, 200, {"text": "Success", "code": 0})
        if path == "/dataCollectionRules/dcr-1/streams/Custom-Claude":
            if authorization != f"Bearer token-{tokens}" or tokens < 2:
                return 401, {"error": {"code": "InvalidToken"}}
            if max(len(body), packed) > 1024 * 1024:
                return 413, {"error": {"code": "ContentLengthLimitExceeded"}}
            return self.keep(json.loads(body), 204, None)
        return 404, {}

    def keep(self, items: list, status: int, said: dict | None) -> tuple[int, dict | None]:
        headers = {name.lower(): value for name, value in self.headers.items()}
        line = {"method": self.command, "path": self.path, "headers": headers, "items": items}
        with (Path(sys.argv[2]) / "requests").open("a") as out:
            out.write(json.dumps(line) + "\n")
        return status, said

    def log_message(self, *_) -> None:
        pass


def receive(folder: str) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Vendors)
    aside = Path(folder, "port.aside")
    aside.write_text(str(server.server_address[1]))
    aside.rename(Path(folder, "port"))
    server.serve_forever()


def elastic(items: list, address: str) -> None:
    from elasticsearch import Elasticsearch, helpers

    client = Elasticsearch(address, api_key="secret", http_compress=True)
    actions = ({"_op_type": "create", "_source": item["document"]} | item["action"]["create"] for item in items)
    assert all(ok for ok, _ in helpers.streaming_bulk(client, actions, chunk_size=len(items)))


def datadog(items: list, address: str) -> None:
    from datadog_api_client import ApiClient, Configuration
    from datadog_api_client.v2.api.logs_api import LogsApi
    from datadog_api_client.v2.model.content_encoding import ContentEncoding
    from datadog_api_client.v2.model.http_log import HTTPLog
    from datadog_api_client.v2.model.http_log_item import HTTPLogItem

    settings = Configuration(host=address)
    settings.api_key["apiKeyAuth"] = "secret"
    with ApiClient(settings) as client:
        LogsApi(client).submit_log(body=HTTPLog([HTTPLogItem(**item) for item in items]), content_encoding=ContentEncoding("gzip"))


def sentinel(items: list, address: str) -> None:
    from azure.core.credentials import AccessToken
    from azure.monitor.ingestion import LogsIngestionClient

    class Entra:
        """Azure's own class for this asks for TLS and for Microsoft's name; what it asks for is this."""

        def get_token(self, *scopes: str, **_) -> AccessToken:
            form = {"grant_type": "client_credentials", "client_id": "client", "client_secret": "secret", "scope": " ".join(scopes)}
            with urllib.request.urlopen(f"{address}/tenant/oauth2/v2.0/token", urllib.parse.urlencode(form).encode()) as answer:
                token = json.load(answer)["access_token"]
            return AccessToken(token, 1 << 40)

    LogsIngestionClient(address, Entra()).upload("dcr-1", "Custom-Claude", items, enforce_https=False)


def splunk(items: list, address: str) -> None:
    import importlib.util

    program = Path(importlib.util.find_spec("tenzir").submodule_search_locations[0], "bundled/bin/tenzir")
    names = ("host", "source", "sourcetype", "index", "time", "fields", "event")
    given = ", ".join(f"{name}={name}" for name in names if name in items[0])
    pipeline = f'from_stdin {{ read_ndjson raw=true }}\nto_splunk "{address}", hec_token="secret", {given}'
    lines = "".join(json.dumps(item) + "\n" for item in items)
    subprocess.run([program, "--bare-mode", pipeline], input=lines.encode(), check=True)


def secops(items: list, address: str) -> None:
    from google.auth.transport.requests import AuthorizedSession
    from google.oauth2 import service_account
    from requests.adapters import HTTPAdapter
    from secops.chronicle.client import ChronicleClient

    class Loopback(HTTPAdapter):
        """The client knows Google's address only."""

        def send(self, request, **how):
            parts = urllib.parse.urlsplit(request.url)
            assert parts.netloc == "eu-chronicle.googleapis.com", parts
            request.url = address + parts.path
            return super().send(request, **how)

    scopes = ["https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/chronicle-backstory"]
    account = service_account.Credentials.from_service_account_file(Path(sys.argv[3], "account.json"), scopes=scopes)
    session = AuthorizedSession(account)
    session.mount("https://", Loopback())
    client = ChronicleClient("security", "instance-1", "eu", session=session, default_api_version="v1")
    client.ingest_udm([snake_case(item) for item in items], add_missing_ids=False)


def snake_case(value):
    """Names as the client's own examples have them."""
    if isinstance(value, list):
        return [snake_case(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {"".join(f"_{c.lower()}" if c.isupper() else c for c in name): snake_case(one) for name, one in value.items()}


def send(vendor: str, folder: str, address: str) -> None:
    last = json.loads(Path(folder, "requests").read_text().splitlines()[-1])
    items = [event["udm"] for event in last["body"]["inlineSource"]["events"]] if vendor == "secops" else last["items"]
    {"elastic": elastic, "datadog": datadog, "sentinel": sentinel, "splunk": splunk, "secops": secops}[vendor](items, address)


if __name__ == "__main__":
    {"receive": receive, "send": send}[sys.argv[1]](*sys.argv[2:])
