"""Who may make volumes of a snapshot, and whether anybody at all may be let.

https://docs.aws.amazon.com/ebs/latest/userguide/ebs-modifying-snapshot-permissions.html, block-public-access-snapshots.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.ec2 import ebs_key, ebs_record, ebs_telling
from kumoniwa.services.ec2.dry_run import may_be_dry
from kumoniwa.services.ec2.ebs_record import SNAPSHOT, Snapshot
from kumoniwa.services.ec2.errors import InvalidParameterCombination, InvalidParameterValue, OperationNotPermitted, Refused

CHANGES_MAX = 500
UNBLOCKED, BLOCKS_NEW, BLOCKS_ALL = "unblocked", "block-new-sharing", "block-all-sharing"
_PERMISSION = "createVolumePermission"


class PublicSnapshots(Record):
    """On the shelf under ``ebs``."""

    state: str = UNBLOCKED


def _state(call: Call) -> str:
    return (call.shelf(PublicSnapshots).get("ebs") or PublicSnapshots()).state


def _check_attribute(name: str | None) -> None:
    if name not in (None, _PERMISSION):
        raise InvalidParameterValue(f"Value ({name}) for parameter attribute is invalid. Only {_PERMISSION} can be modified.")


def _wish(
    attribute: dict[str, Any] | None, operation: str | None, groups: list[str] | None, users: list[str] | None
) -> tuple[set[str], set[str], set[str], set[str]]:
    """Groups and accounts to add, and to remove."""
    if attribute is not None:
        added, removed = attribute.get("Add") or (), attribute.get("Remove") or ()
        if added and removed:
            raise InvalidParameterCombination("Only one of add and remove can be specified.")
        said = [({each["Group"] for each in half if each.get("Group")}, {each["UserId"] for each in half if each.get("UserId")}) for half in (added, removed)]
        return said[0] + said[1]
    if operation not in ("add", "remove"):
        raise InvalidParameterValue(f"Value ({operation}) for parameter operationType is invalid.")
    half = (set(groups or ()), set(users or ()))
    return half + (set(), set()) if operation == "add" else (set(), set(), *half)


@may_be_dry
def ModifySnapshotAttribute(
    call: Call, *, SnapshotId: str, Attribute: str | None = None, CreateVolumePermission: dict | None = None, GroupNames: list[str] | None = None,
    OperationType: str | None = None, UserIds: list[str] | None = None,
) -> None:  # fmt: skip
    each: Snapshot = ebs_record.existing(call, SNAPSHOT, SnapshotId)
    _check_attribute(Attribute)
    groups, users, no_groups, no_users = _wish(CreateVolumePermission, OperationType, GroupNames, UserIds)
    if (groups | no_groups) - {"all"}:
        raise InvalidParameterValue(f"Value ({min((groups | no_groups) - {'all'})}) for parameter group is invalid.")
    for user in sorted(users | no_users):
        if not (len(user) == 12 and user.isascii() and user.isdigit()):
            raise Refused("InvalidUserID.Malformed", f"Invalid user id: {user!r}")
    if len(users) + len(no_users) > CHANGES_MAX:
        raise InvalidParameterValue(f"At most {CHANGES_MAX} permissions can be modified at once.")
    if each.seal is not None and (groups or (users and each.seal.key == ebs_key.default(call).managed)):
        # The second text is quoted by users who share what AWS's own key encrypts; the first is ours.
        raise OperationNotPermitted(
            "Encrypted snapshots cannot be shared publicly" if groups else "Encrypted snapshots with EBS default key cannot be shared"
        )
    if groups and _state(call) != UNBLOCKED:
        raise OperationNotPermitted("Public sharing of snapshots is blocked for this account and Region.")
    before = set(each.users)
    after = (before | users) - no_users
    is_public = (each.is_public or bool(groups)) and not no_groups
    each = ebs_record.keep(call, each, users=tuple(sorted(after)), is_public=is_public)
    for account in sorted(after - before - {call.account}):
        ebs_telling.shared(call, each, account)


@may_be_dry
def ResetSnapshotAttribute(call: Call, *, SnapshotId: str, Attribute: str) -> None:
    each: Snapshot = ebs_record.existing(call, SNAPSHOT, SnapshotId)
    _check_attribute(Attribute)
    ebs_record.keep(call, each, users=(), is_public=False)


@may_be_dry
def DescribeSnapshotAttribute(call: Call, *, SnapshotId: str, Attribute: str) -> dict:
    each: Snapshot = ebs_record.existing(call, SNAPSHOT, SnapshotId)
    if Attribute == "productCodes":
        return {"ProductCodes": [], "SnapshotId": SnapshotId}
    _check_attribute(Attribute)
    said = [{"UserId": user} for user in each.users] + [{"Group": "all"}] * each.is_public
    return {"CreateVolumePermissions": said, "SnapshotId": SnapshotId}


# Blocking ------------------------------------------------------------------------------------------


def _become(call: Call, state: str) -> dict:
    call.shelf(PublicSnapshots)["ebs"] = PublicSnapshots(state=state)
    for each in list(call.shelf(Snapshot).values()):
        if each.is_hidden != (each.is_public and state == BLOCKS_ALL):
            ebs_record.keep(call, each, is_hidden=not each.is_hidden)
    return {"State": state}


@may_be_dry
def EnableSnapshotBlockPublicAccess(call: Call, *, State: str) -> dict:
    """What was public already is treated as private, or stays so."""
    if State not in (BLOCKS_NEW, BLOCKS_ALL):
        raise InvalidParameterValue(f"Value ({State}) for parameter state is invalid.")
    return _become(call, State)


@may_be_dry
def DisableSnapshotBlockPublicAccess(call: Call) -> dict:
    return _become(call, UNBLOCKED)


@may_be_dry
def GetSnapshotBlockPublicAccessState(call: Call) -> dict:
    return {"State": _state(call), "ManagedBy": "account"}
