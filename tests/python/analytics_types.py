"""The vendor's own types as a strict judge: every key there, none besides, each value of the type that the SDK names.

The SDK itself is lenient: it builds objects without checking. This walks over the annotations of its models and checks.
"""

import datetime
import types
import typing

from anthropic import BaseModel

# Younger than the state that Ephor serves (analytics_api.md 0.1, P7): left out, as on deployments without them.
YOUNGER = ("chat_cowork_unified_", "claude_tag_metrics", "claude_tag_daily_", "claude_tag_weekly_", "claude_tag_monthly_")
# On rows of the engagement endpoints these are there when the request grouped by them, and only then.
GROUP_KEYS = {"product", "rbac_group_id", "rbac_group_name", "user_id"}
# Older than the SDK and still served, for clients of that time: model, key, type.
OLDER = {("BetaAnalyticsUserActor", "email"): typing.Optional[str]}


class Wrong(AssertionError):
    """A value that the SDK's types do not describe."""


def row(value: BaseModel, model: type, grouped_by: typing.Iterable[str] = ()) -> int:
    """One row of an endpoint; how many values were checked."""
    keys = set(grouped_by)
    if "rbac_group_id" in keys:
        keys.add("rbac_group_name")
    return check(value, model, model.__name__, keys)


def check(value, annotation, path: str, group_keys: set[str] = frozenset()) -> int:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return check(value, typing.get_args(annotation)[0], path, group_keys)
    if origin in (typing.Union, types.UnionType):
        return union(value, typing.get_args(annotation), path, group_keys)
    if origin is typing.Literal:
        return right(value in typing.get_args(annotation), value, annotation, path)
    if origin is list:
        right(isinstance(value, list), value, annotation, path)
        (kind,) = typing.get_args(annotation)
        return sum(check(item, kind, f"{path}[{place}]", group_keys) for place, item in enumerate(value))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return model(value, annotation, path, group_keys)
    return right(scalar(value, annotation), value, annotation, path)


def union(value, kinds, path: str, group_keys: set[str]) -> int:
    if value is None:
        return right(type(None) in kinds, value, kinds, path)
    others = [kind for kind in kinds if kind is not type(None)]
    if len(others) == 1:
        return check(value, others[0], path, group_keys)
    return right(any(accepts(value, kind, path, group_keys) for kind in others), value, kinds, path)


def accepts(value, kind, path: str, group_keys: set[str]) -> bool:
    try:
        check(value, kind, path, group_keys)
    except Wrong:
        return False
    return True


def scalar(value, kind) -> bool:
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is datetime.datetime:
        return isinstance(value, datetime.datetime) and value.utcoffset() == datetime.timedelta(0)
    if kind is datetime.date:
        return isinstance(value, datetime.date) and not isinstance(value, datetime.datetime)
    if kind in (str, bool):
        return isinstance(value, kind)
    raise Wrong(f"this checker does not know the annotation {kind!r}")


def model(value, kind: type[BaseModel], path: str, group_keys: set[str]) -> int:
    right(isinstance(value, kind), value, kind, path)
    expected = {name for name in kind.model_fields if not name.startswith(YOUNGER)}
    if kind.__name__.endswith("Activity"):
        expected = (expected - GROUP_KEYS) | group_keys
    older = {name: annotation for (owner, name), annotation in OLDER.items() if owner == kind.__name__}
    extra = dict(value.model_extra or {})
    found = set(value.model_fields_set) | set(extra)
    missing, surplus = expected | set(older), found - expected - set(older)
    missing -= found
    if missing or surplus:
        raise Wrong(f"{path}: missing {sorted(missing)}, not in the SDK's type {sorted(surplus)}")
    checked = sum(check(extra[name], annotation, f"{path}.{name}") for name, annotation in older.items())
    for name in sorted(expected):
        annotation = kind.model_fields[name].annotation
        checked += check(getattr(value, name), annotation, f"{path}.{name}")
    return checked


def right(holds: bool, value, annotation, path: str) -> int:
    if not holds:
        raise Wrong(f"{path}: {value!r} is not {annotation!r}")
    return 1
