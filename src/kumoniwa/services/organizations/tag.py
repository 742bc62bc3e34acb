"""Tags of the root, of units, accounts and policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kumoniwa.gate import reserved_tags
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.organizations.errors import (
    ConstraintViolationException,
    InvalidInputException,
    TargetNotFoundException,
)
from kumoniwa.services.organizations.record import (
    Account,
    Organization,
    Policy,
    ResourcePolicy,
    Unit,
    managed,
)

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

TAGS_MAX = 50


def reserved_tag(operation: str, key: str) -> AwsError:
    text = "You specified a tag key that is a system tag. You can't add, edit, or delete system tag keys because they're reserved for AWS use."
    return InvalidInputException(text, Reason="INVALID_SYSTEM_TAGS_PARAMETER")


def merged(tags: dict[str, str], more: list[dict[str, str]] | None) -> dict[str, str]:
    new = {tag["Key"]: tag["Value"] for tag in more or ()}
    if len(new) != len(more or ()):
        raise InvalidInputException("Tag keys must be unique among the tags attached to the same entity.", Reason="DUPLICATE_TAG_KEY")
    found = tags | new
    if reserved_tags.counted(found) > TAGS_MAX:
        raise ConstraintViolationException("You have exceeded the number of tags allowed on this resource.", Reason="MAX_TAG_LIMIT_EXCEEDED")
    return found


def of(call: Call, held: Organization, id_: str) -> dict[str, str]:
    """The tags of whatever goes by an id."""
    if id_ == held.root:
        return held.root_tags
    for kind in (Account, Unit, Policy, ResourcePolicy):
        if (found := call.shelf(kind).get(id_)) is not None:
            return found.tags
    raise TargetNotFoundException


def _put(call: Call, held: Organization, id_: str, tags: dict[str, str]) -> None:
    if id_ == held.root:
        call.shelf(Organization)[held.id] = changed(held, root_tags=tags)
        return
    for kind in (Account, Unit, Policy, ResourcePolicy):
        if (found := call.shelf(kind).get(id_)) is not None:
            call.shelf(kind)[id_] = changed(found, tags=tags)


def TagResource(call: Call, *, ResourceId: str, Tags: list[dict]) -> None:
    call, held = managed(call)
    _put(call, held, ResourceId, merged(of(call, held, ResourceId), Tags))


def UntagResource(call: Call, *, ResourceId: str, TagKeys: list[str]) -> None:
    call, held = managed(call)
    _put(call, held, ResourceId, {key: value for key, value in of(call, held, ResourceId).items() if key not in TagKeys})


def ListTagsForResource(call: Call, *, ResourceId: str) -> dict:
    call, held = managed(call)
    return {"Tags": [{"Key": key, "Value": value} for key, value in of(call, held, ResourceId).items()]}
