"""Subscriptions: who listens to what in this region, and what of a mutation's result reaches whom.

They live as long as their connection and no longer. https://docs.aws.amazon.com/appsync/latest/devguide/aws-appsync-real-time-data.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from graphql import DocumentNode

from kumoniwa.services.appsync.failure import Failure

GROUPS_MAX, FILTERS_MAX = 10, 5
"""https://docs.aws.amazon.com/appsync/latest/devguide/aws-appsync-real-time-enhanced-filtering.html"""


class Subscription(NamedTuple):
    """One client's interest in one subscription field."""

    connection: Any
    id: str
    field: str
    running: Any
    """The execution that began it: who asks, in which schema, with which variables."""
    document: DocumentNode
    operation: str | None
    arguments: dict[str, Any]
    filter: dict[str, Any] | None
    invalidation: dict[str, Any] | None

    def wants(self, payload: dict[str, Any]) -> bool:
        """An enhanced filter stands in the place of the arguments."""
        if self.filter is not None:
            return passes(self.filter, payload)
        return all(payload.get(name) == value for name, value in self.arguments.items())


class Hub:
    """All subscriptions of a region, by API and field."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], dict[tuple[int, str], Subscription]] = {}

    def add(self, api_id: str, one: Subscription) -> None:
        self._held.setdefault((api_id, one.field), {})[id(one.connection), one.id] = one

    def remove(self, api_id: str, one: Subscription) -> None:
        held = self._held.get((api_id, one.field), {})
        held.pop((id(one.connection), one.id), None)
        if not held:
            self._held.pop((api_id, one.field), None)

    def of(self, api_id: str, field: str) -> list[Subscription]:
        return list(self._held.get((api_id, field), {}).values())


def hub(home: Any) -> Hub:
    held = home.memory.get(("appsync", Hub))
    if held is None:
        held = home.memory["appsync", Hub] = Hub()
    return held


# Filters -------------------------------------------------------------------------------------------


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def holds(held: Any, wanted: Any) -> bool:
        is_like = isinstance(held, str) and isinstance(wanted, str)
        is_number = all(
            isinstance(each, (int, float)) and not isinstance(each, bool) for each in (held, wanted)
        )
        return (is_like or is_number) and compare(held, wanted)

    return holds


_is_at_most = _ordered(lambda held, wanted: held <= wanted)


def _contains(held: Any, wanted: Any) -> bool:
    return (
        wanted in held
        if isinstance(held, list)
        else isinstance(held, str) and isinstance(wanted, str) and wanted in held
    )


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda held, wanted: held == wanted,
    "ne": lambda held, wanted: held != wanted,
    "le": _is_at_most,
    "lt": _ordered(lambda held, wanted: held < wanted),
    "ge": _ordered(lambda held, wanted: held >= wanted),
    "gt": _ordered(lambda held, wanted: held > wanted),
    "contains": _contains,
    "notContains": lambda held, wanted: not _contains(held, wanted),
    "beginsWith": lambda held, wanted: isinstance(held, str) and held.startswith(str(wanted)),
    "in": lambda held, wanted: held in wanted,
    "notIn": lambda held, wanted: held not in wanted,
    "between": lambda held, wanted: _is_at_most(wanted[0], held) and _is_at_most(held, wanted[1]),
    "containsAny": lambda held, wanted: any(_contains(held, each) for each in wanted),
}
_WITH_LISTS = frozenset({"in", "notIn", "between", "containsAny"})


def checked(said: Any) -> dict[str, Any] | None:
    """A filter as it was given to ``extensions``. Raises Failure for one that is none."""
    if said is None:
        return None
    groups = said.get("filterGroup") if isinstance(said, dict) else None
    if not isinstance(groups, list) or len(groups) > GROUPS_MAX:
        raise Failure(
            f"A subscription filter has a filterGroup of at most {GROUPS_MAX} groups.",
            "InvalidSubscriptionFilter",
        )
    for group in groups:
        filters = group.get("filters") if isinstance(group, dict) else None
        if not isinstance(filters, list) or len(filters) > FILTERS_MAX:
            raise Failure(
                f"A group of a subscription filter has at most {FILTERS_MAX} filters.",
                "InvalidSubscriptionFilter",
            )
        for each in filters:
            operator, value = each.get("operator"), each.get("value")
            if operator not in OPERATORS or not isinstance(each.get("fieldName"), str):
                raise Failure(
                    f"Unsupported operator '{operator}' of a subscription filter.",
                    "InvalidSubscriptionFilter",
                )
            if operator in _WITH_LISTS and (
                not isinstance(value, list) or (operator == "between" and len(value) != 2)
            ):
                raise Failure(f"The operator '{operator}' wants a list.", "InvalidSubscriptionFilter")
    return said


def _at(payload: Any, path: str) -> Any:
    for name in path.split("."):
        payload = payload.get(name) if isinstance(payload, dict) else None
    return payload


def passes(said: dict[str, Any], payload: dict[str, Any]) -> bool:
    """Groups are alternatives, the filters of a group hold together."""
    return any(
        all(
            OPERATORS[each["operator"]](_at(payload, each["fieldName"]), each.get("value"))
            for each in group["filters"]
        )
        for group in said["filterGroup"]
    )
