"""Whether a resource still is as its stack made it: read through its service, and compared property by property.

The one idea: only what the template said is compared. What a service adds of its own, such as a default, is no drift; what
somebody added to a list or a map that the template gave is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kumoniwa.deploy import dynamic, schemas, step, tagging
from kumoniwa.deploy.resource import OMIT, read
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record

DEPTH_MAX = 32


class Drift(Record):
    """``status`` is IN_SYNC, MODIFIED, DELETED or NOT_CHECKED, as AWS says it."""

    status: str
    expected: dict[str, Any] = {}
    actual: dict[str, Any] = {}
    differences: tuple[dict[str, str], ...] = ()


async def detect(work: step.Work) -> Drift:
    """Read one resource and compare it. Raises the service's error if it may not be read."""
    entry = work.entry
    if not entry.drift:
        return Drift(status="NOT_CHECKED")
    actual: dict[str, Any] = {}
    looked = set()
    for reading in entry.drift:
        # What a template says nothing of is not compared, so it need not be read, unless it tells whether the resource is there.
        if looked and not set(reading.properties) & set(work.properties):
            continue
        call = reading.call or entry.read
        looked.add(call)
        try:
            work.seen = await call.look(work)
        except AwsError as error:
            if error.code in reading.absent.split():
                continue
            if step.is_absent(entry, error):
                return Drift(status="DELETED", expected=_comparable(work, work.properties))
            raise
        found = {name: read(value, work) for name, value in reading.properties.items()}
        actual |= {name: value for name, value in found.items() if value is not OMIT}
    expected = _comparable(work, work.properties)
    actual = {name: value for name, value in actual.items() if name in expected}
    actual = schemas.conform(entry.type, actual)
    differences = tuple(_differences(entry.type, expected, actual))
    status = "MODIFIED" if differences else "IN_SYNC"
    return Drift(status=status, expected=expected, actual=actual, differences=differences)


def _comparable(work: step.Work, properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties that can be read back. A secret's value is nobody's to show or to compare."""
    names = {name for reading in work.entry.drift for name in reading.properties}
    found = {name: value for name, value in properties.items() if name in names}
    return {name: value for name, value in found.items() if not dynamic.is_secret(value)}


def _differences(
    type_name: str, expected: dict[str, Any], actual: dict[str, Any]
) -> Iterator[dict[str, str]]:
    for name in sorted(expected):
        wanted, found = expected[name], actual.get(name)
        if name not in actual and _is_empty(wanted):
            continue
        if name in actual:
            yield from _compared(_plain(wanted), _plain(found), f"/{name}", 0)
        else:
            yield _difference(f"/{name}", "REMOVE", wanted, None)


def _is_empty(value: Any) -> bool:
    return value in ("", [], {}, None, False)


def _plain(value: Any) -> Any:
    """Documents that a template wrote as text, read; tags that AWS put there itself, left out."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    if isinstance(value, list):
        return [each for each in value if not (isinstance(each, dict) and str(each.get("Key", "")).startswith(tagging.RESERVED))]
    if isinstance(value, dict):
        return {key: each for key, each in value.items() if not key.startswith(tagging.OWN)}
    return value


def _compared(wanted: Any, found: Any, path: str, depth: int) -> Iterator[dict[str, str]]:
    if depth > DEPTH_MAX or wanted == found:
        return
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in sorted(wanted):
            if key in found:
                yield from _compared(wanted[key], found[key], f"{path}/{key}", depth + 1)
            elif not _is_empty(wanted[key]):
                yield _difference(f"{path}/{key}", "REMOVE", wanted[key], None)
        if _is_map(wanted, found):
            for key in sorted(set(found) - set(wanted)):
                yield _difference(f"{path}/{key}", "ADD", None, found[key])
    elif isinstance(wanted, list) and isinstance(found, list):
        yield from _lists_compared(wanted, found, path, depth)
    elif isinstance(wanted, list) != isinstance(found, list) and not isinstance(wanted, dict):
        # IAM documents allow one member without its list.
        listed = (each if isinstance(each, list) else [each] for each in (wanted, found))
        yield from _lists_compared(*listed, path, depth)
    elif _text(wanted) != _text(found):
        yield _difference(path, "NOT_EQUAL", wanted, found)


def _is_map(wanted: dict[str, Any], found: dict[str, Any]) -> bool:
    """Whether the keys are somebody's own, as of variables or conditions: a service adds no text of its own to those."""
    return all(isinstance(value, str) for value in (*wanted.values(), *found.values()))


def _lists_compared(wanted: list, found: list, path: str, depth: int) -> Iterator[dict[str, str]]:
    """Without regard to order: services do not keep it. Members that have no equal went, or came."""
    left = list(enumerate(found))
    for index, each in enumerate(wanted):
        place = next(
            (
                place
                for place, (_, other) in enumerate(left)
                if next(_compared(each, other, "", depth + 1), None) is None
            ),
            None,
        )
        if place is None:
            yield _difference(f"{path}/{index}", "REMOVE", each, None)
        else:
            del left[place]
    for index, each in left:
        yield _difference(f"{path}/{index}", "ADD", None, each)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def _difference(path: str, kind: str, wanted: Any, found: Any) -> dict[str, str]:
    shown = ("null" if value is None else _text(value) for value in (wanted, found))
    expected, actual = shown
    return {
        "PropertyPath": path,
        "ExpectedValue": expected,
        "ActualValue": actual,
        "DifferenceType": kind,
    }
