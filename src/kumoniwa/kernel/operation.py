"""An operation is a plain function whose name and parameters are AWS's own.

Services are found by listing their folder and imported on the first call. What a function
declares is what we implement; the rest of the model is a gap.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
from collections.abc import Callable
from functools import cache, lru_cache
from types import ModuleType
from typing import Any


class Handler:
    """One implemented operation: the function, and what its signature says."""

    __slots__ = ("name", "function", "is_async", "members", "renames")

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self.name, self.function = name, function
        self.is_async = inspect.iscoroutinefunction(function)
        names = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
        self.members = frozenset(n.rstrip("_") for n in names)
        self.renames = {n.rstrip("_"): n for n in names if n.endswith("_")}


class Service:
    """One service of ours: its operations and its optional hooks."""

    __slots__ = (
        "name", "module", "handlers", "owner_of", "resource_of", "policy_of", "tags_of", "all_tags", "tag_keys", "conditions_of", "headers_of",
        "resource_must_allow", "refusal_of", "reserved_tag", "params_of", "tokens", "witness_of", "confided_of", "told_of", "denied", "is_of_aws",
        "body_bytes_max", "uses_of", "caller_pays", "standing_of", "listening_of", "work", "door", "exchange",
    )  # fmt: skip

    def __init__(self, name: str, module: ModuleType) -> None:
        self.name, self.module = name, module
        self.handlers = {n: Handler(n, f) for n, f in operations(module).items()}
        self.owner_of = getattr(module, "owner_of", None)
        self.resource_of = getattr(module, "resource_of", None)
        self.policy_of = getattr(module, "policy_of", None)
        self.tags_of = getattr(module, "tags_of", None)
        """The tags of what an ARN names, ``tags_of(call, arn) -> mapping``; an AwsError says that there is no such thing."""
        self.all_tags = getattr(module, "all_tags", None)
        """Everything it keeps that can be tagged, of one account and in one region: ``all_tags(call) -> [(arn, its own tags)]``."""
        self.tag_keys = ("aws:resourcetag/", *(f"{key.lower()}/" for key in getattr(module, "TAG_CONDITIONS", ())))
        """How the condition keys begin that hold them."""
        self.conditions_of = getattr(module, "conditions_of", None)
        self.headers_of = getattr(module, "headers_of", None)
        self.resource_must_allow = getattr(module, "RESOURCE_MUST_ALLOW", False)
        """Whether a resource's own policy must allow what is done to it, whatever identity policies say (KMS keys, roles)."""
        self.refusal_of = getattr(module, "refusal_of", None)
        self.reserved_tag = getattr(module, "reserved_tag", None)
        """What it answers to whoever touches a tag that is reserved for AWS: ``reserved_tag(operation, key) -> AwsError``."""
        self.params_of = getattr(module, "params_of", None)
        self.tokens = getattr(module, "TOKENS", {})
        """By which parameter clients say that they ask again, for operations that then give the answer they gave: ``{operation: gate.once.Token}``."""
        self.witness_of = getattr(module, "witness_of", None)
        self.body_bytes_max = getattr(module, "BODY_BYTES_MAX", 0)
        """How much it takes for one request; 0 for as much as the gate does."""
        self.confided_of = getattr(module, "confided_of", None)
        """Texts of a request that no trail may tell, whether or not it is let in, where the model calls them no secrets."""
        self.told_of = getattr(module, "told_of", None)
        """Its requests and answers as a trail tells of them, where it does not by the model's names: ``told_of(call, operation, params, reply)``."""
        self.denied = getattr(module, "denied", None)
        """Raises what is answered instead of AccessDenied, where AWS tells the caller more."""
        self.is_of_aws = getattr(module, "is_of_aws", None)
        """Whether AWS itself manages a resource, which no resource control policy then restricts."""
        self.uses_of = getattr(module, "uses_of", None)
        """What AWS bills an answered call for: ``uses_of(call, operation, params, result) -> [(usage, resource, quantity)]``."""
        self.caller_pays = getattr(module, "CALLER_PAYS", False)
        """Whether a call is billed to who makes it, and not to whose account it touches."""
        self.standing_of = getattr(module, "standing_of", None)
        """What an account keeps that is billed by time: ``standing_of(call) -> [(usage, resource, level)]``."""
        self.listening_of = getattr(module, "listening_of", None)
        """Its servers at addresses of VPCs: ``listening_of(call) -> [gate.private_network.Listening]``."""
        self.work = _sibling(module, "work")
        self.door = _sibling(module, "door")
        self.exchange = _sibling(module, "exchange")
        """What it answers to itself in another region: ``async def hear(home, origin, message)``."""


def operations(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """Every public function spelled like an AWS operation (CapWords)."""
    return {n: f for n, f in vars(module).items() if n[0].isupper() and inspect.isfunction(f)}


def _sibling(module: ModuleType, name: str) -> ModuleType | None:
    full = f"{module.__package__}.{name}"
    return importlib.import_module(full) if importlib.util.find_spec(full) else None


@lru_cache(maxsize=1)
def service_names() -> frozenset[str]:
    """The boto3 names of the services that live here."""
    folder = os.path.join(os.path.dirname(os.path.dirname(__file__)), "services")
    found = (n for n in os.listdir(folder) if os.path.exists(os.path.join(folder, n, "api.py")))
    return frozenset(n.rstrip("_").replace("_", "-") for n in found)


@cache
def load(name: str) -> Service:
    """Import a service by its boto3 name. Raises KeyError if it does not live here."""
    if name not in service_names():
        raise KeyError(name)
    folder = name.replace("-", "_")
    if folder in ("lambda",):  # a Python keyword
        folder += "_"
    return Service(name, importlib.import_module(f"kumoniwa.services.{folder}.api"))
