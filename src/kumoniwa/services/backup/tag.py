"""Tags of vaults, plans of both kinds, legal holds and recovery points."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate import reserved_tags
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.backup import hold, plan, testing_plan, vault
from kumoniwa.services.backup.errors import (
    InvalidParameterValueException,
    LimitExceededException,
    ResourceNotFoundException,
)
from kumoniwa.services.backup.hold import Hold
from kumoniwa.services.backup.plan import Plan
from kumoniwa.services.backup.point import RecoveryPoint
from kumoniwa.services.backup.testing_plan import TestingPlan
from kumoniwa.services.backup.vault import Vault

TAGS_MAX = 50
_KINDS = {"backup-vault": Vault, "backup-plan": Plan, "recovery-point": RecoveryPoint, "legal-hold": Hold, "restore-testing-plan": TestingPlan}


def held(call: Call, arn: str) -> tuple[Any, str] | None:
    """Where what an ARN names lies: the shelf, and under which key."""
    parsed = arns.parse(arn)
    what, _, name = parsed.resource.partition(":") if parsed is not None and parsed.service == "backup" else ("", "", "")
    kind = _KINDS.get(what)
    if kind is None or parsed.region != call.region:
        return None
    key = arn if kind is RecoveryPoint else name
    shelf = call.shelf(kind)
    if kind is TestingPlan:
        # Its ARN ends with an id, and its name has no hyphen.
        key = name.partition("-")[0]
        return (shelf, key) if key in shelf and testing_plan.arn_of(call, shelf[key]) == arn else None
    return (shelf, key) if key in shelf else None


def _found(call: Call, arn: str) -> tuple[Any, str]:
    there = held(call, arn)
    if there is None:
        if not arn.startswith("arn:"):
            raise InvalidParameterValueException(f"Invalid ARN: {arn}")
        raise ResourceNotFoundException(f"Resource {arn} does not exist.")
    return there


def tags_of(call: Call, arn: str) -> dict[str, str]:
    shelf, key = _found(call, arn)
    return shelf[key].tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    found = [(vault.arn_of(call, key), each.tags) for key, each in call.shelf(Vault).items()]
    found += [(plan.arn_of(call, each), each.tags) for each in call.shelf(Plan).values() if not each.deleted]
    found += [(testing_plan.arn_of(call, each), each.tags) for each in call.shelf(TestingPlan).values()]
    found += [(hold.arn_of(call, key), each.tags) for key, each in call.shelf(Hold).items()]
    # What lies with another service is told of there.
    return found + [(each.arn, each.tags) for each in call.shelf(RecoveryPoint).values() if ":recovery-point:" in each.arn]


def reserved_tag(operation: str, key: str) -> AwsError:
    return InvalidParameterValueException("Tag keys cannot begin with aws:")


def ListTags(call: Call, *, ResourceArn: str) -> dict:
    shelf, key = _found(call, ResourceArn)
    return {"Tags": dict(sorted(shelf[key].tags.items()))}


def TagResource(call: Call, *, ResourceArn: str, Tags: dict[str, str]) -> None:
    shelf, key = _found(call, ResourceArn)
    tags = {**shelf[key].tags, **Tags}
    if reserved_tags.counted(tags) > TAGS_MAX:
        raise LimitExceededException(f"A resource can have at most {TAGS_MAX} tags.")
    shelf[key] = changed(shelf[key], tags=tags)


def UntagResource(call: Call, *, ResourceArn: str, TagKeyList: list[str]) -> None:
    shelf, key = _found(call, ResourceArn)
    shelf[key] = changed(shelf[key], tags={name: value for name, value in shelf[key].tags.items() if name not in TagKeyList})
