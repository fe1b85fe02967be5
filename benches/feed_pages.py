"""What both feed scripts share: which pages are asked, how often, and how times become numbers."""

import hashlib
import random
import statistics

PLACES = ("head", "middle", "tail")
LIMITS = (100, 1000)
# Different places of the feed per kind of page, so that no system answers one page from its cache again and again.
POSITIONS = 50


def asked_order(count: int, requests: int) -> list[int]:
    """Every position once in order (its rows are compared), then at random until there were enough."""
    order = list(range(count))
    draw = random.Random(7)
    return order + [draw.randrange(count) for _ in range(max(0, requests - count))]


def summary(kind: dict, seconds: list[float], ids: list[str]) -> dict:
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {
        "place": kind["place"],
        "filter": kind["filter"],
        "limit": kind["limit"],
        "p50_ms": cuts[49] * 1000,
        "p99_ms": cuts[98] * 1000,
        "digest": hashlib.sha256("\n".join(ids).encode()).hexdigest(),
    }
