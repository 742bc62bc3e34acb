"""Virtual MFA devices: made with a seed, enabled for a user by two codes in a row, taken away again.

A device knows its user by the user's id, so that it follows a renamed user. What STS and S3 must know of it is the gate's
``MfaDevice``. https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_enable_virtual.html

The root user has no name. AWS's console enables its device by the same operations, for which CloudTrail tells a name that no user can
have; here whoever is the root user says that name.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html
"""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING, Any

from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.mfa import MfaDevice, ahead
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.kernel.record import changed
from kumoniwa.services.iam.credential import Device, of
from kumoniwa.services.iam.entity import (
    User,
    account_created,
    checked_path,
    found,
    global_arn,
    now_s,
    shown_tags,
    tagged,
    untagged,
)
from kumoniwa.services.iam.errors import DeleteConflict, EntityAlreadyExists, LimitExceeded, NoSuchEntity, NotOfAName
from kumoniwa.services.iam.user import holder, privileged_holder, root_user, shown

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

DEVICES_PER_USER_MAX = 8
SEED_BYTES = 40
ENABLE_REACH_STEPS, RESYNC_REACH_STEPS = 10, 240
"""How far a device's clock may be off: five minutes when it is enabled, two hours when it is brought back in step."""

ROOT = "AWS ROOT USER"
OF_ROOT = ("EnableMFADevice", "ResyncMFADevice", "DeactivateMFADevice")
_PATH = re.compile(r"/(?:[\w!-~]+/)*", re.ASCII)


class InvalidAuthenticationCode(AwsError):
    status = 403
    message = "Authentication code for device is not valid."


def _found(call: Call, serial: str) -> Device:
    device = call.shelf(Device).get(serial)
    if device is None:
        raise NoSuchEntity(f"VirtualMFADevice with serial number {serial} doesn't exist.")
    return device


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return _found(call, arn).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(each.serial, each.tags) for each in call.shelf(Device).values()]


def _named(call: Call, name: str) -> User:
    if name != ROOT:
        return found(call, User, name)
    if not call.principal.is_unbound_root:
        raise NotOfAName("userName")
    return root_user(call)


def _assigned(call: Call, serial: str, user: User) -> Device:
    device = call.shelf(Device).get(serial)
    if device is None or device.user_id != user.id:
        raise NoSuchEntity("MFA Device invalid for user.")
    return device


def _keep(call: Call, device: Device) -> None:
    call.shelf(Device)[device.serial] = device


def CreateVirtualMFADevice(
    call: Call, *, VirtualMFADeviceName: str, Path: str | None = None, Tags: list[dict] | None = None
) -> dict:
    """The only answer that ever holds the seed."""
    path = checked_path(Path)
    if not _PATH.fullmatch(path) or "//" in path:
        raise ValidationError(
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric "
            "characters and/or / characters."
        )
    serial = global_arn(call, f"mfa{path}{VirtualMFADeviceName}")
    if serial in call.shelf(Device):
        raise EntityAlreadyExists("MFADevice entity at the same path and name already exists.")
    seed = base64.b32encode(call.ids.random.randbytes(SEED_BYTES)).decode()
    device = Device(serial=serial, seed=seed, tags=tagged({}, Tags))
    _keep(call, device)
    shown = {"SerialNumber": serial, "Base32StringSeed": seed.encode(), **_picture(call, VirtualMFADeviceName, seed)}
    return {"VirtualMFADevice": shown | ({"Tags": shown_tags(device.tags)} if device.tags else {})}


def _picture(call: Call, name: str, seed: str) -> dict[str, bytes]:
    """What an authenticator app photographs: https://docs.aws.amazon.com/IAM/latest/APIReference/API_VirtualMFADevice.html
    Without the extra that draws, the seed alone is answered, which is all that the picture says."""
    try:
        import segno  # noqa: PLC0415 (an extra)
    except ImportError:
        return {}
    drawn = io.BytesIO()
    segno.make_qr(f"otpauth://totp/{name}@{call.account}?secret={seed}").save(drawn, kind="png", scale=5)
    return {"QRCodePNG": drawn.getvalue()}


def DeleteVirtualMFADevice(call: Call, *, SerialNumber: str) -> None:
    if _found(call, SerialNumber).user_id:
        raise DeleteConflict("MFA VirtualDevice in use. Must deactivate first.")
    del call.shelf(Device)[SerialNumber]


def ListVirtualMFADevices(call: Call, *, AssignmentStatus: str | None = None) -> dict:
    users = {user.id: shown(call, user) for user in call.shelf(User).values()}
    # The root user has neither name nor path, as lists of AWS show (linuxer.name on MFA delete, 2020).
    users[call.account] = {"UserId": call.account, "Arn": global_arn(call, "root"), "CreateDate": account_created(call)}
    listed = []
    for serial, device in sorted(call.shelf(Device).items()):
        if AssignmentStatus in (None, "Any") or (AssignmentStatus == "Assigned") == bool(device.user_id):
            view: dict[str, Any] = {"SerialNumber": serial}
            if device.user_id:
                view |= {"User": users[device.user_id], "EnableDate": device.enabled}
            listed.append(view)
    return {"VirtualMFADevices": listed}


# In use --------------------------------------------------------------------------------------------


def _enable(call: Call, device: Device, first: str, second: str, reach_steps: int) -> None:
    off = ahead(device.seed, first, second, call.now(), reach_steps)
    if off is None:
        raise InvalidAuthenticationCode
    _keep(call, device)
    call.home.store.shelf(SHARED, MfaDevice)[device.serial] = MfaDevice(
        account=call.account, user_id=device.user_id, seed=device.seed, ahead_steps=off
    )


def EnableMFADevice(
    call: Call, *, UserName: str, SerialNumber: str, AuthenticationCode1: str, AuthenticationCode2: str
) -> None:
    user, device = _named(call, UserName), _found(call, SerialNumber)
    if device.user_id:
        raise EntityAlreadyExists("MFA Device is already in use.")
    if len(of(call, Device, user.id)) >= DEVICES_PER_USER_MAX:
        raise LimitExceeded(f"Cannot exceed quota for MFADevicesPerUser: {DEVICES_PER_USER_MAX}")
    device = changed(device, user_id=user.id, enabled=now_s(call))
    _enable(call, device, AuthenticationCode1, AuthenticationCode2, ENABLE_REACH_STEPS)


def ResyncMFADevice(
    call: Call, *, UserName: str, SerialNumber: str, AuthenticationCode1: str, AuthenticationCode2: str
) -> None:
    device = _assigned(call, SerialNumber, _named(call, UserName))
    _enable(call, device, AuthenticationCode1, AuthenticationCode2, RESYNC_REACH_STEPS)


def DeactivateMFADevice(call: Call, *, SerialNumber: str, UserName: str | None = None) -> None:
    user = _named(call, ROOT) if UserName == ROOT else privileged_holder(call, UserName)
    device = _assigned(call, SerialNumber, user)
    _keep(call, changed(device, user_id="", enabled=0.0))
    del call.home.store.shelf(SHARED, MfaDevice)[SerialNumber]


def GetMFADevice(call: Call, *, SerialNumber: str, UserName: str | None = None) -> dict:
    device = _found(call, SerialNumber)
    if device.user_id == call.account and UserName is None:
        return {"SerialNumber": SerialNumber, "EnableDate": device.enabled}
    user = next((user for user in call.shelf(User).values() if user.id == device.user_id), None)
    if user is None or (UserName is not None and found(call, User, UserName).id != user.id):
        raise NoSuchEntity("MFA Device invalid for user.")
    return {"UserName": user.name, "SerialNumber": SerialNumber, "EnableDate": device.enabled}


def ListMFADevices(call: Call, *, UserName: str | None = None) -> dict:
    user = holder(call, UserName)
    return {
        "MFADevices": [
            ({"UserName": user.name} if user.name else {}) | {"SerialNumber": device.serial, "EnableDate": device.enabled}
            for device in of(call, Device, user.id)
        ]
    }


def TagMFADevice(call: Call, *, SerialNumber: str, Tags: list[dict]) -> None:
    device = _found(call, SerialNumber)
    _keep(call, changed(device, tags=tagged(device.tags, Tags)))


def UntagMFADevice(call: Call, *, SerialNumber: str, TagKeys: list[str]) -> None:
    device = _found(call, SerialNumber)
    _keep(call, changed(device, tags=untagged(device.tags, TagKeys)))


def ListMFADeviceTags(call: Call, *, SerialNumber: str) -> dict:
    return {"Tags": shown_tags(_found(call, SerialNumber).tags)}
