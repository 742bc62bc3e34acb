"""What web ACLs, rule groups and sets have in common: a name, an id, and a token without which nobody changes them.

https://docs.aws.amazon.com/waf/latest/APIReference/API_UpdateWebACL.html tells of the token.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kumoniwa.gate import firewall, reserved_tags
from kumoniwa.gate.firewall import Part
from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.wafv2 import errors
from kumoniwa.services.wafv2.scope import CLOUDFRONT, CONTROL

PAGE_MAX = 100
SUMMARY = ("Name", "Id", "Description", "ARN")
TAGS_MAX = 50


def arn_of(call: Call, scope: str, kind: str, name: str, id: str) -> str:
    place = f"{CONTROL}:{call.account}:global" if scope == CLOUDFRONT else f"{call.region}:{call.account}:regional"
    return f"arn:{call.home.partition}:wafv2:{place}/{kind}/{name}/{id}"


def _shelf(call: Call, scope: str) -> Any:
    return call.home.store.shelf(SHARED if scope == CLOUDFRONT else call.account, Part)


def of_kind(call: Call, scope: str, kind: str) -> list[Part]:
    """The account's, by name."""
    found = [each for each in _shelf(call, scope).values() if each.kind == kind and each.account == call.account]
    return sorted(found, key=lambda each: each.name)


def check_new(call: Call, scope: str, kind: str, name: str) -> None:
    if any(each.name == name for each in of_kind(call, scope, kind)):
        raise errors.WAFDuplicateItemException


def make(call: Call, scope: str, kind: str, document: dict[str, Any], tags: list[dict[str, str]] | None) -> dict:
    """``document`` is without id and ARN. Who describes nothing reads an empty description:
    https://docs.aws.amazon.com/cli/latest/reference/wafv2/create-ip-set.html"""
    name = document["Name"]
    check_new(call, scope, kind, name)
    id = call.new_id()
    arn = arn_of(call, scope, kind, name, id)
    whole = {"Name": name, "Id": id, "ARN": arn, "Description": "", **{key: value for key, value in document.items() if value is not None}}
    part = Part(kind=kind, id=id, name=name, arn=arn, account=call.account, lock=call.new_id(), document=whole, tags=tagged({}, tags))
    _shelf(call, scope)[arn] = part
    return {"Summary": summary(part)}


def summary(part: Part) -> dict[str, Any]:
    return {key: part.document[key] for key in SUMMARY if key in part.document} | {"LockToken": part.lock}


def by_arn(call: Call, arn: str, kind: str | None = None) -> Part:
    part = firewall.shelf(call.home, call.account, arn).get(arn)
    if part is None or part.account != call.account or kind not in (None, part.kind):
        raise errors.WAFNonexistentItemException
    return part


def named(call: Call, scope: str, kind: str, name: str, id: str) -> Part:
    return by_arn(call, arn_of(call, scope, kind, name, id), kind)


def locked(call: Call, scope: str, kind: str, name: str, id: str, token: str) -> Part:
    """The same, if it is the version that the caller has seen."""
    part = named(call, scope, kind, name, id)
    if part.lock != token:
        raise errors.WAFOptimisticLockException
    return part


def keep(call: Call, part: Part, **members: Any) -> dict:
    """The next version of a part, without those members that are None."""
    whole = {key: value for key, value in {**part.document, **members, "Description": members["Description"] or ""}.items() if value is not None}
    part = changed(part, document=whole, lock=call.new_id())
    firewall.shelf(call.home, call.account, part.arn)[part.arn] = part
    return {"NextLockToken": part.lock}


def drop(call: Call, part: Part) -> None:
    del firewall.shelf(call.home, call.account, part.arn)[part.arn]


def listed(call: Call, scope: str, kind: str, name: str, marker: str | None, limit: int | None) -> dict:
    return page([summary(each) for each in of_kind(call, scope, kind)], name, "Name", marker, limit)


def page(items: list[dict[str, Any]], name: str, key: str, marker: str | None, limit: int | None) -> dict:
    """One page of a list; the marker is the key of the last that was seen."""
    items = [each for each in items if marker is None or each[key] > marker]
    shown = items[: limit or PAGE_MAX]
    return {name: shown} | ({"NextMarker": shown[-1][key]} if len(shown) < len(items) else {})


# Who uses what ------------------------------------------------------------------------------------------------


def references(value: Any) -> Iterator[str]:
    """The ARNs that a document's rules refer to."""
    if isinstance(value, dict):
        for kind, each in value.items():
            if kind.endswith("ReferenceStatement"):
                yield each["ARN"]
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def check_unused(call: Call, part: Part) -> None:
    scope = CLOUDFRONT if firewall.is_global(part.arn) else "REGIONAL"
    for kind in ("webacl", "rulegroup"):
        for each in of_kind(call, scope, kind):
            if part.arn in references(each.document.get("Rules")):
                raise errors.WAFAssociatedItemException


# Tags -----------------------------------------------------------------------------------------------------------


def reserved_tag(operation: str, key: str) -> AwsError:
    """The text is one of ours: how AWS says it was not found."""
    return errors.WAFInvalidParameterException("Tag keys that begin with aws: are reserved.")


def tagged(held: dict[str, str], added: list[dict[str, str]] | None) -> dict[str, str]:
    tags = held | {each["Key"]: each["Value"] for each in added or ()}
    if reserved_tags.counted(tags) > TAGS_MAX:
        raise errors.WAFLimitsExceededException
    return tags
