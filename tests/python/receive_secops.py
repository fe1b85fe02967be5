"""A stand-in for Google's token endpoint and the Chronicle API's `events:import`, with the limits and faults that are published.

Argument: a folder. In it stands `account.json`, the key file of a service account, written here with the port in it, and
`received`, one line for each event that was taken. An assertion is checked with `cryptography`; the first token ends early;
one import is answered with 429; events are held to the names of the Unified Data Model, and an import with one that is not
theirs is refused whole, as the API does. Each import that was taken is a line of `requests`. Google's own client is let in as
well: it writes names with underscores, which are the same ones to the API, and asks for a scope more.
"""

import base64
import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

FOLDER = Path(sys.argv[1])
POISON = sys.argv[2]
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
IMPORT = "/v1/projects/security/locations/eu/instances/instance-1/events:import"
NOUN = {"user", "ip", "application", "url", "group", "resource"}
FIELDS = {
    "metadata": {"eventTimestamp", "eventType", "vendorName", "productName", "productEventType", "productLogId", "description", "id"},
    "principal": NOUN,
    "target": NOUN,
    "network": {"sessionId", "http"},
    "extensions": {"auth"},
}
EVENTS = {
    "GENERIC_EVENT", "USER_LOGIN", "USER_LOGOUT", "USER_CREATION", "USER_DELETION", "USER_CHANGE_PERMISSIONS", "GROUP_CREATION",
    "GROUP_DELETION", "GROUP_MODIFICATION", "SETTING_CREATION", "SETTING_MODIFICATION", "SETTING_DELETION", "USER_RESOURCE_CREATION",
    "USER_RESOURCE_ACCESS", "USER_RESOURCE_UPDATE_CONTENT", "USER_RESOURCE_UPDATE_PERMISSIONS", "USER_RESOURCE_DELETION",
}
lock = threading.Lock()
tokens: list[str] = []
imports = 0


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def camel_case(value):
    """Names as JSON of the API has them, whichever of both ways they were written."""
    if isinstance(value, list):
        return [camel_case(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {re.sub("_([a-z])", lambda found: found[1].upper(), name): camel_case(one) for name, one in value.items()}


def wrong_with(event: dict) -> str | None:
    if set(event) - set(FIELDS) - {"securityResult", "additional"}:
        return "unknown noun"
    for name, known in FIELDS.items():
        if set(event.get(name, {})) - known:
            return f"unknown field of {name}"
    metadata = event["metadata"]
    if metadata["eventType"] not in EVENTS:
        return "unknown event type"
    if metadata["productLogId"] == POISON:
        return "an event that nobody can read"
    kind, target = metadata["eventType"], event.get("target", {})
    if kind != "GENERIC_EVENT" and not (event.get("principal", {}).get("user") or event.get("principal", {}).get("ip")):
        return f"{kind} without a principal"
    if kind.startswith(("USER_LOG", "USER_CREATION", "USER_DELETION", "USER_CHANGE")) and "user" not in target:
        return f"{kind} without target.user"
    if kind.startswith(("USER_RESOURCE", "SETTING")) and "resource" not in target:
        return f"{kind} without target.resource"
    return None


class Google(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        with lock:
            status, said = self.token(body) if self.path == "/token" else self.take(body)
        said = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def token(self, body: bytes) -> tuple[int, dict]:
        form = parse_qs(body.decode())
        assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
        said, signature = form["assertion"][0].rsplit(".", 1)
        KEY.public_key().verify(unpadded(signature), said.encode(), padding.PKCS1v15(), hashes.SHA256())
        header, claims = (json.loads(unpadded(part)) for part in said.split("."))
        assert header == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}, header
        assert claims["iss"] == "ephor@security.iam.gserviceaccount.com" and claims["aud"].endswith("/token")
        assert "https://www.googleapis.com/auth/cloud-platform" in claims["scope"].split()
        assert abs(claims["iat"] - time.time()) < 60 and 0 < claims["exp"] - claims["iat"] <= 3600
        tokens.append(f"token-{len(tokens)}")
        return 200, {"access_token": tokens[-1], "expires_in": 3599, "token_type": "Bearer"}

    def take(self, body: bytes) -> tuple[int, dict]:
        global imports
        if self.headers["authorization"] != f"Bearer {tokens[-1]}" or len(tokens) == 1 and imports >= 2:
            return 401, {"error": {"status": "UNAUTHENTICATED"}}
        if self.path != IMPORT:
            return 404, {"error": {"status": "NOT_FOUND"}}
        imports += 1
        if imports == 1:
            return 429, {"error": {"status": "RESOURCE_EXHAUSTED"}}
        if len(body) > 4_000_000:
            return 413, {"error": {"status": "INVALID_ARGUMENT"}}
        said = camel_case(json.loads(body))
        events = [event["udm"] for event in said["inlineSource"]["events"]]
        wrong = next(filter(None, map(wrong_with, events)), None)
        if wrong or len(events) > 1_000:
            return 400, {"error": {"status": "INVALID_ARGUMENT", "message": wrong}}
        request = {"path": self.path, "headers": {name.lower(): value for name, value in self.headers.items()}, "body": said}
        with (FOLDER / "requests").open("a") as out:
            out.write(json.dumps(request) + "\n")
        with (FOLDER / "received").open("a") as out:
            out.writelines(json.dumps(event) + "\n" for event in events)
        return 200, {}

    def log_message(self, *_) -> None:
        pass


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Google)
    port = server.server_address[1]
    pem = KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    account = {
        "type": "service_account",
        "client_email": "ephor@security.iam.gserviceaccount.com",
        "private_key_id": "key-1",
        "private_key": pem.decode(),
        "token_uri": f"http://127.0.0.1:{port}/token",
    }
    (FOLDER / "account.json").write_text(json.dumps(account))
    aside = FOLDER / "port.aside"
    aside.write_text(str(port))
    aside.rename(FOLDER / "port")
    server.serve_forever()


main()
