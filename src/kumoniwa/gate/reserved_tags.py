"""Who may set tags whose keys begin with ``aws:``: AWS alone.

A service of AWS sets, changes and removes those of its own name (``aws:cloudformation:stack-name``), whether it asks for itself or carries
out what somebody asked of it (`Principal.through`). Everybody else is refused, by the gate, for every operation that takes tags or their
keys; a service's ``reserved_tag`` says it in AWS's words.
https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html#id_tags_naming_best_practices
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kumoniwa.gate.tags import CONTAINERS, KEYS, pairs
from kumoniwa.kernel.errors import AwsError, ValidationError, ValidationException
from kumoniwa.kernel.principal import Principal

PREFIX = "aws:"


def is_reserved(key: str) -> bool:
    """Whatever case it is written in."""
    return key[:4].lower() == PREFIX


def _own_prefix(principal: Principal) -> str:
    """How the keys begin that whoever asks may touch all the same; empty for everybody but services of AWS."""
    of_aws = principal.arn if principal.kind == "service" else principal.through
    return f"{PREFIX}{of_aws.partition('.')[0]}:" if of_aws else ""


def checkable(principal: Principal, params: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The parameters as the model can judge them: its patterns know of users' keys alone, so those of AWS are shown without their prefix."""
    own = _own_prefix(principal)
    return {name: _disguised(value, own) if name in names else value for name, value in params.items()} if own else params


def _disguised(value: Any, own: str) -> Any:
    if isinstance(value, str):
        return value[len(PREFIX) :] if value.startswith(own) else value
    if isinstance(value, list):
        return [_disguised(each, own) for each in value]
    if isinstance(value, Mapping):
        return {_disguised(key, own): _disguised(each, own) if key in (*KEYS, *CONTAINERS) else each for key, each in value.items()}
    return value


def refused(principal: Principal, keys: Iterable[str]) -> str:
    """The first of these keys that whoever asks may not set or remove; empty if there is none."""
    own = _own_prefix(principal)
    return next((key for key in keys if is_reserved(key) and not (own and key.startswith(own))), "")


def counted(tags: Iterable[str]) -> int:
    """How many tags count against the most that a resource can have: reserved ones do not.
    https://docs.aws.amazon.com/tag-editor/latest/userguide/reference.html"""
    return sum(not is_reserved(key) for key in tags)


def guard(principal: Principal, service: Any, operation: str, protocol: str, params: Mapping[str, Any], names: tuple[str, ...]) -> None:
    """Raise what the service answers if the parameters of these names carry a tag that whoever asks may not touch."""
    for name in names:
        if name in params and (key := refused(principal, (key for key, _ in pairs(params[name])))):
            raise refusal(service, operation, protocol, key)


def refusal(service: Any, operation: str, protocol: str, key: str) -> AwsError:
    if service.reserved_tag is not None:
        return service.reserved_tag(operation, key)
    # CloudFormation's words, and those recorded of SNS; what a service says that has no ``reserved_tag`` was not found.
    error = ValidationError if protocol == "query" else ValidationException
    return error("aws: prefixed tag key names are not allowed for external use.")
