"""Times every page of the console over one kept HTTP connection, then many viewers at once.

Usage: WRITE_KEY=... console_pages.py SIGN_IN_LINK REQUESTS VIEWERS SECONDS

The link must work more than once, as a demo's does. While pages are asked again and again, one activity a second comes in, as in
a node at work: an answer that is kept only while nothing happens is of no use. Prints one JSON object.
"""

import asyncio
import http.client
import json
import os
import random
import re
import statistics
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlencode, urlsplit

PATTERNS = Path(__file__).parent.parent / "tests/python/console_pages.txt"
# Questions that a page is asked beside the plain one: filters that take another way through the lake.
FURTHER = ("/activity?span=7d", "/activity?category=role", "/people?seen=week", "/findings?severity=high")
# What one page makes a browser fetch besides, once.
ASSETS = re.compile(r'(?:href|src)="(/assets/[^"]+)"')
# A viewer who reads what came before asking for the next page.
READING_SECONDS = 5.0
FORM = {"content-type": "application/x-www-form-urlencoded"}


class Visitor:
    """A browser without scripts, signed in."""

    def __init__(self, link: str) -> None:
        parts = urlsplit(link)
        self.host = parts.netloc
        self.home = f"{parts.scheme}://{parts.netloc}"
        self.connection = http.client.HTTPConnection(self.host, timeout=600)
        self.cookies: dict[str, str] = {}
        _, page = self.get("/sign-in")
        status, _ = self.post("/sign-in/code", page, code=parts.fragment.removeprefix("code="))
        assert status == 303, f"the link does not sign in: {status}"

    def headers(self) -> dict[str, str]:
        return {"accept": "text/html", "cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    def ask(self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        self.connection.request(method, path, body=body, headers=self.headers() | (headers or {}))
        response = self.connection.getresponse()
        body = response.read()
        for line in response.headers.get_all("set-cookie") or []:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        self.led_to = response.headers.get("location", "")
        return response.status, body

    def get(self, path: str) -> tuple[int, str]:
        status, body = self.ask("GET", path)
        return status, body.decode()

    def post(self, path: str, page: str, **fields: str) -> tuple[int, str]:
        token = re.search(r'name="form_token" value="([^"]+)"', page)[1]
        status, body = self.ask("POST", path, urlencode({"form_token": token, **fields}), FORM | {"origin": self.home})
        return status, body.decode()


def pages(visitor: Visitor) -> list[tuple[str, str]]:
    """Every pattern of the mounted table with an address of its kind; of a use case all."""
    found = []
    for line in PATTERNS.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern, _, where = line.partition(" <- ")
        if "{" not in pattern:
            found.append((pattern, pattern))
            continue
        before, _, after = pattern.partition("{")
        below = after.partition("}")[2]
        above = where or before.rstrip("/")
        text = visitor.get(above)[1]
        kin = list(dict.fromkeys(re.findall(f'href="({re.escape(before)}[^"/?#]+)"', text)))
        if not kin:
            print(f"{above} leads to no {pattern}: it is left out", file=sys.stderr)
        chosen = kin if pattern == "/use-cases/{name}" else kin[:1]
        found += [(path + below if len(chosen) > 1 else pattern, path + below) for path in chosen]
    return found + [(path, path) for path in FURTHER]


def something_to_look_at(visitor: Visitor) -> list[tuple[str, str]]:
    """A case and a review, which nobody has opened in a new organisation, and the story of one person."""
    person = re.search(r'href="/people/([^"/?#]+)"', visitor.get("/people?sort=count&way=down")[1])[1]
    visitor.post("/incidents", visitor.get("/incidents")[1], title="For the benchmark", actor=person)
    page = visitor.get("/reviews")[1]
    due = re.search(r'name="due" value="([^"]+)"', page)[1]
    visitor.post("/reviews", page, name="For the benchmark", due=due, reviewer="reviewer@example.com", kind="organization_role", privileged="1")
    return [("/timeline?actor=", f"/timeline?actor={person}"), ("/activity?actor=", f"/activity?actor={person}")]


class News(threading.Thread):
    """One activity a second, until it is stopped."""

    def __init__(self, host: str, key: str) -> None:
        super().__init__(daemon=True)
        self.host, self.key, self.ended, self.told = host, key, threading.Event(), 0

    def run(self) -> None:
        connection = http.client.HTTPConnection(self.host, timeout=600)
        while not self.ended.wait(1.0):
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            actor = {"type": "user_actor", "user_id": "user_benchmark", "email_address": "bench@example.com"}
            activity = {"id": f"activity_bench_{time.time_ns()}", "created_at": now, "type": "user_logged_out", "actor": actor}
            headers = {"x-api-key": self.key, "content-type": "application/x-ndjson"}
            connection.request("POST", "/ephor/v1/activities", body=json.dumps(activity), headers=headers)
            response = connection.getresponse()
            response.read()
            self.told += response.status == 200

    def stop(self) -> None:
        self.ended.set()
        self.join()


def timed(visitor: Visitor, path: str) -> tuple[float, int, int]:
    start = time.perf_counter()
    status, body = visitor.ask("GET", path)
    return (time.perf_counter() - start) * 1000, status, len(body)


def each_page(visitor: Visitor, asked: list[tuple[str, str]], requests: int) -> list[dict]:
    first = {}
    for pattern, path in asked:
        first[path] = timed(visitor, path)
        assert first[path][1] in (200, 303), f"{path}: {first[path]}"
    # In turns, so that a page is not asked again while all of it is still at hand.
    again: dict[str, list[tuple[float, int, int]]] = {path: [] for _, path in asked}
    for _ in range(requests):
        for _, path in asked:
            again[path].append(timed(visitor, path))
    results = []
    for pattern, path in asked:
        cuts = statistics.quantiles([taken for taken, _, _ in again[path]], n=100, method="inclusive")
        weight = max(size for _, _, size in again[path])
        results.append({"page": pattern, "first_ms": first[path][0], "p50_ms": cuts[49], "p95_ms": cuts[94], "p99_ms": cuts[98], "bytes": weight})
    return results


def asset_bytes(visitor: Visitor) -> int:
    """What the first page of a visit makes a browser fetch besides: style, script, typeface."""
    found = set(ASSETS.findall(visitor.get("/")[1]))
    for style in [asset for asset in found if ".css" in asset]:
        found |= set(re.findall(r'url\("?(/assets/[^")]+)', visitor.get(style)[1]))
    return sum(len(visitor.ask("GET", asset)[1]) for asset in found)


async def viewer(visitor: Visitor, paths: list[str], until: float, pause_seconds: float, seed: int, taken: list[float]) -> None:
    draw = random.Random(seed)
    reader, writer = await asyncio.open_connection(*visitor.host.split(":"))
    head = "".join(f"{name}: {value}\r\n" for name, value in visitor.headers().items())
    if pause_seconds:
        await asyncio.sleep(draw.uniform(0, pause_seconds))
    while time.monotonic() < until:
        start = time.perf_counter()
        writer.write(f"GET {draw.choice(paths)} HTTP/1.1\r\nhost: {visitor.host}\r\n{head}\r\n".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.split(b" ", 2)[1] == b"200", answer
        length = re.search(rb"content-length: (\d+)", answer)
        await reader.readexactly(int(length[1]))
        taken.append((time.perf_counter() - start) * 1000)
        if pause_seconds:
            await asyncio.sleep(draw.uniform(0.5, 1.5) * pause_seconds)
    writer.close()


async def many(visitors: list[Visitor], paths: list[str], seconds: float, pause_seconds: float) -> dict:
    taken: list[float] = []
    start = time.monotonic()
    await asyncio.gather(*(viewer(visitor, paths, start + seconds, pause_seconds, seed, taken) for seed, visitor in enumerate(visitors)))
    cuts = statistics.quantiles(taken, n=100, method="inclusive")
    return {
        "viewers": len(visitors),
        "pause_seconds": pause_seconds,
        "requests": len(taken),
        "requests_a_second": len(taken) / (time.monotonic() - start),
        "p50_ms": cuts[49],
        "p95_ms": cuts[94],
        "p99_ms": cuts[98],
    }


def main(link: str, requests: str, viewers: str, seconds: str) -> None:
    visitor = Visitor(link)
    news = News(visitor.host, os.environ["WRITE_KEY"])
    asked = something_to_look_at(visitor)
    asked = pages(visitor) + asked
    news.start()
    told = {"pages": each_page(visitor, asked, int(requests)), "asset_bytes": asset_bytes(visitor)}
    visitors = [Visitor(link) for _ in range(int(viewers))]
    mixed = [path for pattern, path in asked if not pattern.startswith(("/sign", "/set-up"))]
    told["at_once"] = [asyncio.run(many(visitors, mixed, float(seconds), pause)) for pause in (READING_SECONDS, 0.0)]
    news.stop()
    told["activities_meanwhile"] = news.told
    print(json.dumps(told))


main(*sys.argv[1:])
