"""Rate-based statements: how many requests of one sort came within the last minutes.

Requests are counted in sixtieths of the window, and every request counts, those that are blocked as well.
https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-type-rate-based.html
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from typing import Any

from kumoniwa.languages.firewall import transformation
from kumoniwa.languages.firewall.address import source
from kumoniwa.languages.firewall.web_request import WebRequest

WINDOW_S = 300
KEYS_MAX = 10_000
"""So many sorts are told apart; the one that has been silent longest is forgotten."""
LIMIT_KEYS = {"IP": "IP", "FORWARDED_IP": "FORWARDEDIP", "CUSTOM_KEYS": "CUSTOMKEYS", "CONSTANT": "CONSTANT"}
"""As logs spell them."""

Key = tuple[str, ...]
Values = Callable[[WebRequest], list[str]]


class Rates:
    """What was counted for one statement. It outlives changes of other rules."""

    def __init__(self, limit: int, window_s: int) -> None:
        self.limit, self.slot_s = limit, window_s / 60
        self._counted: dict[Key, tuple[deque[list[int]], list[int]]] = {}
        """By key: ``[slot, requests]`` from the oldest on, and their sum."""

    def _aged(self, key: Key, slot: int) -> tuple[deque[list[int]], list[int]]:
        slots, total = self._counted.pop(key, None) or (deque(), [0])
        while slots and slots[0][0] <= slot - 60:
            total[0] -= slots.popleft()[1]
        return slots, total

    def count(self, key: Key, now: float) -> bool:
        """One more request of this sort: whether that is too many."""
        slot = int(now / self.slot_s)
        slots, total = self._aged(key, slot)
        if not slots or slots[-1][0] != slot:
            slots.append([slot, 0])
        slots[-1][1] += 1
        total[0] += 1
        if len(self._counted) >= KEYS_MAX:
            del self._counted[next(iter(self._counted))]
        self._counted[key] = slots, total
        return total[0] > self.limit

    def limited(self, now: float) -> list[Key]:
        """The sorts that are too many now."""
        slot, found = int(now / self.slot_s), []
        for key in list(self._counted):
            slots, total = self._aged(key, slot)
            if slots:
                self._counted[key] = slots, total
                if total[0] > self.limit:
                    found.append(key)
        return found


def _named(pairs_of: Callable[[WebRequest], list[tuple[bytes, bytes]]], settings: dict[str, Any], *, folds: bool = True) -> Values:
    name = (settings["Name"].lower() if folds else settings["Name"]).encode()
    transform = transformation.compiled(settings["TextTransformations"]) or (lambda text: text)
    return lambda request: [transform(value).decode("latin-1") for key, value in pairs_of(request) if key == name][:1]


def _whole(part_of: Callable[[WebRequest], bytes], settings: dict[str, Any]) -> Values:
    transform = transformation.compiled(settings["TextTransformations"]) or (lambda text: text)
    return lambda request: [transform(part_of(request)).decode("latin-1")]


def _values(kind: str, settings: dict[str, Any], statement: dict[str, Any]) -> Values:
    if kind == "Header":
        return _named(lambda request: request.headers, settings)
    if kind == "Cookie":
        return _named(lambda request: request.cookies, settings, folds=False)
    if kind == "QueryArgument":
        return _named(lambda request: request.arguments, settings)
    if kind == "QueryString":
        return _whole(lambda request: request.query, settings)
    if kind == "UriPath":
        return _whole(lambda request: request.path, settings)
    if kind == "HTTPMethod":
        return lambda request: [request.method.decode("latin-1")]
    if kind == "LabelNamespace":
        namespace = settings["Namespace"]
        return lambda request: [label for label in request.labels if label.startswith(namespace)]
    addresses = source(statement["ForwardedIPConfig"] if kind == "ForwardedIP" else None)

    def told(request: WebRequest) -> list[str]:
        found = addresses(request)
        return [] if isinstance(found, bool) else [str(found[0])]

    return told


KINDS = frozenset(("Header", "Cookie", "QueryArgument", "QueryString", "UriPath", "HTTPMethod", "LabelNamespace", "IP", "ForwardedIP"))
"""Custom keys; those of TLS handshakes and of networks are not here."""


def keys(statement: dict[str, Any]) -> Callable[[WebRequest], list[Key] | bool]:
    """The sorts that a request is of: none if it lacks a part that they are told apart by."""
    kind = statement["AggregateKeyType"]
    if kind == "CONSTANT":
        return lambda request: [()]
    if kind in ("IP", "FORWARDED_IP"):
        addresses = source(statement["ForwardedIPConfig"] if kind == "FORWARDED_IP" else None)

        def of_address(request: WebRequest) -> list[Key] | bool:
            found = addresses(request)
            return found if isinstance(found, bool) else [(str(found[0]),)]

        return of_address
    parts = [_values(name, settings, statement) for key in statement["CustomKeys"] for name, settings in key.items()]
    return lambda request: list(itertools.product(*(part(request) for part in parts)))


def told(statement: dict[str, Any], name: str, key: Key) -> dict[str, Any]:
    """A rule that held a request to be too much, as logs tell it."""
    kind = statement["AggregateKeyType"]
    found = {
        "rateBasedRuleId": "", "rateBasedRuleName": name, "limitKey": LIMIT_KEYS[kind], "maxRateAllowed": statement["Limit"],
        "evaluationWindowSec": str(statement.get("EvaluationWindowSec", WINDOW_S)),
    }  # fmt: skip
    if kind == "CUSTOM_KEYS":
        named = [(part, settings) for custom in statement["CustomKeys"] for part, settings in custom.items()]
        found["customValues"] = [
            {"key": part.upper(), "name": settings.get("Name", settings.get("Namespace", "")), "value": value}
            for (part, settings), value in zip(named, key)
        ]
    elif kind != "CONSTANT":
        found["limitValue"] = key[0]
    return found
