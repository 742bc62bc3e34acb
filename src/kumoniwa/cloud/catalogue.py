"""The faults that this cloud offers: what each is aimed at, what it takes, what it physically does.

A fault that is not here, and a parameter that stands with none, is refused by name: a drill must not report on a break that never
happened.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from kumoniwa.kernel.fault import FaultRefused

Reader = Callable[[Any], Any]
"""Reads a parameter as somebody wrote it. Raises ValueError with what would be right."""

_DURATION = re.compile(r"(?:PT)?(\d+(?:\.\d+)?)(ms|s|m|h|S|M|H)?")
_UNITS = {None: 1.0, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(value: Any) -> float:
    """``30``, ``"30s"``, ``"500ms"``, ``"2m"``, ``"PT30S"`` as seconds."""
    match = _DURATION.fullmatch(str(value).strip())
    if match is None or isinstance(value, bool):
        raise ValueError("a duration such as 30, 30s, 500ms or 2m")
    return float(match[1]) * _UNITS[match[2] and match[2].lower()]


def shift(value: Any) -> float:
    """Seconds forward, or with a minus sign backward."""
    text = str(value).strip()
    return -seconds(text[1:]) if text.startswith("-") else seconds(value)


def number(least: float = 0.0, most: float = float("inf")) -> Reader:
    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            raise ValueError(f"a number from {least:g}" + (f" to {most:g}" if most != float("inf") else ""))
        return value

    return read


def one_of(*words: str) -> Reader:
    def read(value: Any) -> str:
        if value not in words:
            raise ValueError("one of " + ", ".join(words))
        return value

    return read


def words(value: Any) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(word, str) and word for word in listed):
        raise ValueError("a word or a list of words")
    return listed


def word(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a word")
    return value


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


_PERCENT = {"percent": number(0, 100)}


class Kind(NamedTuple):
    where: str
    """``fleet``: done to processes; ``link``: to what runs between them; ``region``: told to a region; ``edge``: to ``aws-edge``."""
    targets: tuple[str, ...]
    says: str
    params: dict[str, Reader] = {}
    needs: tuple[str, ...] = ()
    """Parameters and targets without which it means nothing."""


_SERVICE = ("region", "service", "operations", "role")
_FUNCTION = ("region", "function")
_REPLICATION = ("region", "table", "bucket", "to")
_LINK = ("from", "to")

CATALOGUE: dict[str, Kind] = {
    "region.kill": Kind(
        "fleet", ("region",), "SIGKILL; its address and its open connections are silent (or reset, or refuse) until it is healed",
        {"disk": one_of("kept", "lost"), "loss": one_of("blackhole", "reset", "refuse")}, ("region",),
    ),
    "region.pause": Kind("fleet", ("region",), "SIGSTOP: connections are accepted and nothing answers", needs=("region",)),
    "region.restart": Kind("fleet", ("region",), "SIGKILL and, after a delay, a new life on the same data", {"delay": seconds}, ("region",)),
    "region.isolate": Kind("link", ("region",), "every link of the region is cut, its clients still reach it", {"except": words}, ("region",)),
    "link.cut": Kind(
        "link", _LINK, "nothing passes: a blackhole that TCP outlives, or a reset that both ends notice",
        {"direction": one_of("both", "one"), "mode": one_of("blackhole", "reset")}, _LINK,
    ),
    "link.delay": Kind("link", _LINK, "the round trip is longer by rtt_add ms, with jitter ms", {"rtt_add": number(), "jitter": number()}, (*_LINK, "rtt_add")),
    "link.throttle": Kind("link", _LINK, "megabits per second, in each direction", {"mbps": number(0.001)}, (*_LINK, "mbps")),
    "link.loss": Kind("link", _LINK, "emulated: a lost segment is a stall of 200 ms that doubles", {**_PERCENT, "direction": one_of("both", "one")}, (*_LINK, "percent")),
    "link.flap": Kind("link", _LINK, "cut for duty percent of each period", {"period": seconds, "duty": number(0, 100)}, (*_LINK, "period")),
    "service.down": Kind("region", _SERVICE, "calls are swallowed, answered 503, or their connection ends", {"mode": one_of("timeout", "503", "refuse"), **_PERCENT}, ("service",)),
    "service.error": Kind("region", _SERVICE, "an error of the service's model instead of the effect", {"code": word, **_PERCENT}, ("service",)),
    "service.throttle": Kind("region", _SERVICE, "the service's own word for too many requests, for a share of calls or above a rate", {"rps": number(0.001), **_PERCENT}, ("service",)),
    "service.slow": Kind("region", _SERVICE, "calls wait before they take effect, or after it", {"latency": seconds, "after": flag, **_PERCENT}, ("service", "latency")),
    "service.lost-reply": Kind("region", _SERVICE, "the effect is durable and the connection ends before the answer", _PERCENT, ("service",)),
    "control-plane.down": Kind("region", ("region", "services"), "calls that change configuration fail, data planes go on"),
    "lambda.error": Kind("region", _FUNCTION, "the invocation fails, with or without running the code", {"prevent_execution": flag, **_PERCENT}),
    "lambda.delay": Kind("region", _FUNCTION, "the handler starts later; the wait is billed", {"ms": number(), **_PERCENT}, ("ms",)),
    "lambda.http-response": Kind("region", _FUNCTION, "the function's answer to an HTTP integration is replaced", {"status_code": number(100, 599), "content_type": word, "prevent_execution": flag, **_PERCENT}, ("status_code",)),
    "lambda.coldstart": Kind("region", _FUNCTION, "the warm environments are gone"),
    "lambda.concurrency": Kind("region", _FUNCTION, "no more than so many at once; 0 stops it", {"limit": number()}, ("limit",)),
    "lambda.crash": Kind("region", _FUNCTION, "SIGKILL of the environment in mid-handler", {"after": number(), **_PERCENT}),
    "replication.pause": Kind("region", _REPLICATION, "replication from the region stops, its log is kept"),
    "replication.slow": Kind("region", _REPLICATION, "replication from the region lags by so much more", {"lag": seconds}, ("lag",)),
    "replication.reorder": Kind("region", _REPLICATION, "writes of different keys arrive in another order", {"window": seconds}, ("window",)),
    "queue.duplicate": Kind("region", ("region", "queue"), "a message is received once more than it should be", _PERCENT),
    "queue.delay": Kind("region", ("region", "queue"), "messages are hidden for so long after they were sent", {"seconds": seconds, **_PERCENT}, ("seconds",)),
    "queue.reorder": Kind("region", ("region", "queue"), "messages of a standard queue change places within a window", {"window": number(2, 10_000)}, ("window",)),
    "queue.consumer-crash": Kind("region", ("region", "queue"), "messages are received by a consumer that dies with them", _PERCENT),
    "dns.fail": Kind("edge", ("record", "resolver"), "name servers fail, are silent, or resolvers ignore the TTL", {"mode": one_of("SERVFAIL", "timeout", "stale")}),
    "dns.health-flap": Kind("edge", ("health_check",), "what checkers report alternates", {"period": seconds}, ("period",)),
    "clock.skew": Kind("region", ("region",), "the region's date is wrong, and drifts", {"offset": shift, "drift_ppm": number(-1e6)}, ("region",)),
    "iam.deny": Kind("region", ("region", "role"), "an explicit deny for a role", {"actions": words}, ("role",)),
    "iam.sts-down": Kind("region", ("region", "role"), "nobody assumes a role; sessions go on until they expire"),
    "disk.full": Kind("region", ("region",), "the store may grow by so many bytes and no more", {"free_bytes": number()}, ("region",)),
    "disk.slow": Kind("region", ("region",), "writes reach the disk so much later, and so do their answers", {"ms": number(), **_PERCENT}, ("region", "ms")),
    "disk.pause": Kind("region", ("region",), "writes do not reach the disk until it is healed", needs=("region",)),
    "disk.torn-write": Kind("fleet", ("region",), "SIGKILL, half a record behind the log, and a new life", {"at": number(1)}, ("region",)),
}  # fmt: skip

ELSEWHERE = {
    "load.spike": "the runner of a drill drives the load",
    "load.poison": "the runner of a drill drives the load",
    "wait": "the runner of a drill waits",
}


def read(asked: dict[str, Any]) -> tuple[str, Kind, dict[str, Any], dict[str, Any]]:
    """The kind, its entry, its target and its parameters, as somebody asked for them. Raises FaultRefused."""
    name = asked.get("fault")
    kind = CATALOGUE.get(name) if isinstance(name, str) else None
    if kind is None:
        why = f"{ELSEWHERE[name]}." if name in ELSEWHERE else f"There are: {', '.join(CATALOGUE)}."
        raise FaultRefused(f"This cloud has no fault {name}: {why}" if name in ELSEWHERE else f"This cloud has no fault {name}. {why}")
    target = _target(name, kind, asked.get("target") or {})
    params = {}
    for key, value in asked.items():
        if key in ("fault", "target", "duration", "lease"):
            continue
        reader = kind.params.get(key)
        if reader is None:
            raise FaultRefused(f"{name} takes no parameter {key}; it takes {', '.join([*kind.params, 'duration', 'lease'])}.")
        try:
            params[key] = reader(value)
        except ValueError as error:
            raise FaultRefused(f"{name}: {key} is {value!r} and must be {error}.") from None
    missing = [key for key in kind.needs if key not in target and key not in params]
    if missing:
        raise FaultRefused(f"{name} needs {' and '.join(missing)}.")
    return name, kind, target, params


def _target(name: str, kind: Kind, target: Any) -> dict[str, Any]:
    if not isinstance(target, dict):
        raise FaultRefused(f"{name}: target is {target!r} and must name {', '.join(kind.targets)}.")
    target = dict(target)
    link = target.pop("link", None)
    if link is not None and kind.where == "link" and "from" in kind.targets:
        ends = re.split(r"\s*<?->\s*", str(link))
        if len(ends) != 2:
            raise FaultRefused(f"{name}: link is {link!r} and must be like us-east-1->eu-west-1.")
        target |= {"from": ends[0], "to": ends[1]}
    for key, value in target.items():
        if key not in kind.targets:
            raise FaultRefused(f"{name} cannot be aimed at {key}; it is aimed at {', '.join(kind.targets)}.")
        try:
            words(value)
        except ValueError as error:
            raise FaultRefused(f"{name}: {key} is {value!r} and must be {error}.") from None
    return target


def offered() -> dict[str, dict[str, Any]]:
    """The catalogue for people to read."""
    return {
        name: {"targets": kind.targets, "parameters": [*kind.params, "duration", "lease"], "needs": kind.needs, "does": kind.says}
        for name, kind in CATALOGUE.items()
    }
