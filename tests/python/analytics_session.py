"""How the vendor's SDK is pointed at Ephor: another base URL and a key of this node, and nothing else. And which day is the newest."""

import datetime
import re
import typing

import anthropic

from session import ADDRESS, key


def analytics(name: str = "analytics", **options) -> anthropic.Anthropic:
    """The SDK as it is, but for its retries: an error is an error here."""
    return anthropic.Anthropic(**{"api_key": key(name), "base_url": ADDRESS, "max_retries": 0, **options})


def newest_day() -> datetime.date:
    """From the refusal of a day that is too young, as a client finds it."""
    try:
        analytics().beta.organization.analytics.users.list(date="2999-01-01")
    except anthropic.BadRequestError as error:
        named = re.search(r"newest available day is (\d{4}-\d{2}-\d{2})", error.api_message)
        assert named, error.api_message
        return datetime.date.fromisoformat(named.group(1))
    raise AssertionError("a day to come was served")


def as_of_one_day(work: typing.Callable[[datetime.date], None]) -> datetime.date:
    """Does work that asks about days; once more if it failed because a day has passed meanwhile. The newest day it was done for."""
    newest = newest_day()
    try:
        work(newest)
    except Exception:
        passed, newest = newest, newest_day()
        if newest == passed:
            raise
        work(newest)
    return newest
