"""Data protection policies: what is sensitive in a message is masked as it comes in, for everybody who is not allowed to see it.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutDataProtectionPolicy.html
"""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.record import changed
from kumoniwa.languages import data_protection
from kumoniwa.services.logs import account_policy
from kumoniwa.services.logs.group import Group, InvalidParameterException, identified

ACTIVATED, DELETED = "ACTIVATED", "DELETED"


def check(document: str) -> None:
    try:
        data_protection.compiled(document)
    except data_protection.InvalidPolicy as error:
        raise InvalidParameterException(str(error)) from None


def PutDataProtectionPolicy(call: Call, *, logGroupIdentifier: str, policyDocument: str) -> dict:
    """Only what comes in from now on is masked."""
    group, now_ms = identified(call, logGroupIdentifier), milliseconds(call.now())
    check(policyDocument)
    group = call.shelf(Group)[group.name] = changed(group, protection=policyDocument, protection_ms=now_ms, protection_status=ACTIVATED)
    return _shown(call, group)


def _shown(call: Call, group: Group) -> dict:
    shown = {"logGroupIdentifier": call.arn(f"log-group:{group.name}")}
    return shown | ({"policyDocument": group.protection, "lastUpdatedTime": group.protection_ms} if group.protection else {})


def GetDataProtectionPolicy(call: Call, *, logGroupIdentifier: str) -> dict:
    """A group without one answers so; what AWS says then was not found."""
    return _shown(call, identified(call, logGroupIdentifier))


def DeleteDataProtectionPolicy(call: Call, *, logGroupIdentifier: str) -> None:
    group = identified(call, logGroupIdentifier)
    if group.protection:
        call.shelf(Group)[group.name] = changed(group, protection="", protection_status=DELETED)


def masked(call: Call, group: Group, batch: list[tuple[int, str]]) -> tuple[list[tuple[int, str]], list[str | None]]:
    """A batch as others may see it, and what came in where that differs. The policies of the group and of the account add up."""
    wide = account_policy.on(call, group, account_policy.DATA_PROTECTION)
    documents = [document for document in (group.protection, wide.document if wide is not None else "") if document]
    if not documents:
        return batch, [None] * len(batch)
    seen, originals = [], []
    for at_ms, message in batch:
        shown = message
        for document in documents:
            shown = data_protection.compiled(document)(shown)
        seen.append((at_ms, shown))
        originals.append(message if shown != message else None)
    if not group.is_masked and any(each is not None for each in originals):
        call.shelf(Group)[group.name] = changed(call.shelf(Group)[group.name], is_masked=True)
    return seen, originals
