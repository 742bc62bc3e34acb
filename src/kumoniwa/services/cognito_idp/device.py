"""Devices: on which somebody need not show a second factor, since they prove by a secret of their own that he signed in there before.

A sign-in without a device's key is given one. What is kept of a device is told when it is confirmed: its name, and the salt and verifier of
its secret. https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-device-tracking.html
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from kumoniwa.gate import viewer
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.cognito_idp import place, srp, ticket, token
from kumoniwa.services.cognito_idp import user as users
from kumoniwa.services.cognito_idp.errors import InvalidParameterException, NotAuthorizedException, ResourceNotFoundException
from kumoniwa.services.cognito_idp.pool import UserPool
from kumoniwa.services.cognito_idp.user import User

SRP_AUTH, VERIFIER = "DEVICE_SRP_AUTH", "DEVICE_PASSWORD_VERIFIER"
REMEMBERED, NOT_REMEMBERED = "remembered", "not_remembered"
LISTED_MAX = 60
GROUP_LENGTH = 8
_OPEN = "device"


class DeviceKeyExistsException(AwsError):
    message = "Device already exists."


class Device(Record):
    """One that was confirmed; shelved by ``pool/user/key``."""

    pool: str
    user: str
    key: str
    created: float
    modified: float
    authenticated: float
    verifier: bytes
    """Sealed."""
    name: str = ""
    is_remembered: bool = False
    address: str = ""
    """From where it was last used."""


def _id(user: User, key: str) -> str:
    return f"{user.pool}/{user.name}/{key}"


def held(call: Call, user: User, key: str) -> Device | None:
    return call.shelf(Device).get(_id(user, key))


def _found(call: Call, user: User, key: str, *, only_remembered: bool = False) -> Device:
    """The text: https://github.com/aws/aws-sdk-net/issues/1055. That people see remembered ones only: aws-sdk-android's tests of the devices of
    AWSMobileClient."""
    device = held(call, user, key)
    if device is None or only_remembered and not device.is_remembered:
        raise ResourceNotFoundException("Device does not exist.")
    return device


def _keep(call: Call, device: Device) -> Device:
    call.shelf(Device)[f"{device.pool}/{device.user}/{device.key}"] = device
    return device


def drop_all(call: Call, user: User) -> None:
    shelf = call.shelf(Device)
    for key in [key for key, device in shelf.items() if (device.pool, device.user) == (user.pool, user.name)]:
        del shelf[key]


# While somebody signs in -----------------------------------------------------------------------------


def are_tracked(pool: UserPool) -> bool:
    """"When you provide a value for any DeviceConfiguration field, you activate the Amazon Cognito device-remembering feature." """
    return bool(pool.settings.get("DeviceConfiguration"))


def replaces_factors(pool: UserPool) -> bool:
    """"When true, a remembered device can sign in with device authentication instead of SMS and time-based one-time password factors." """
    return bool(pool.settings["DeviceConfiguration"].get("ChallengeRequiredOnNewDevice"))


def asked_for(call: Call, pool: UserPool, user: User, key: str) -> Device | None:
    """The device that must prove itself: a remembered one, of which somebody told the key. Raises ResourceNotFoundException."""
    if not key or not are_tracked(pool):
        return None
    device = _found(call, user, key)
    return device if device.is_remembered else None


def group_of(call: Call, user: User) -> str:
    """What devices of a user mix into their proofs. It is the same for all of them, which AWS does not promise."""
    digest = place.digest(call.home, "device group", user.pool, user.sub)
    return f"-{base64.b32encode(digest).decode()[:GROUP_LENGTH]}"


def who(call: Call, user: User, key: str) -> str:
    """Under which name a device proves itself."""
    return group_of(call, user) + key


def verifier_of(call: Call, device: Device) -> srp.Verifier:
    return srp.unpacked(place.opened(call.home, device.verifier, "device") or b"")


def leave_session(call: Call, user: User, key: str, client_id: str, session: str, lasts_s: float) -> None:
    """Where those find their session who show none."""
    ticket.issue(call, _OPEN, {"session": session}, lasts_s, _open_id(user, key, client_id))


def session_left(call: Call, user: User | None, key: str, client_id: str) -> str:
    """The session in which a device is to prove itself, for who names the device alone, as Amazon's own amazon-cognito-identity-js does
    (its getDeviceResponse shows no session)."""
    said = ticket.read(call, _OPEN, _open_id(user, key, client_id)) if user is not None else None
    return said["session"] if said is not None else ""


def _open_id(user: User, key: str, client_id: str) -> str:
    return f"device {client_id} {_id(user, key)}"


def new_key(call: Call) -> str:
    return f"{call.region}_{call.new_id()}"


def used(call: Call, user: User, key: str) -> None:
    """Somebody signed in on it."""
    if (device := held(call, user, key)) is not None:
        _keep(call, changed(device, authenticated=call.now(), address=_address(call)))


def _address(call: Call) -> str:
    return viewer.address_of(call.request) if call.request is not None else viewer.HERE


# Told of by people -----------------------------------------------------------------------------------


def ConfirmDevice(
    call: Call, *, AccessToken: str, DeviceKey: str, DeviceSecretVerifierConfig: dict[str, str] | None = None, DeviceName: str | None = None
) -> dict:
    """The text of a key that the tokens do not tell of: https://github.com/boto/boto3/issues/4059"""
    pool, user, claims = token.bearer(call, AccessToken)
    if not are_tracked(pool) or claims.get("device_key") != DeviceKey:
        raise InvalidParameterException("Invalid device key given.")
    if held(call, user, DeviceKey) is not None:
        raise DeviceKeyExistsException
    told = DeviceSecretVerifierConfig or {}
    try:
        salt, value = (int.from_bytes(base64.b64decode(told[name], validate=True), "big") for name in ("Salt", "PasswordVerifier"))
    except (KeyError, ValueError, binascii.Error):
        raise InvalidParameterException("The device needs a Salt and a PasswordVerifier in base 64.") from None
    if not 0 < value < srp.GROUP:
        raise InvalidParameterException("PasswordVerifier is out of range.")
    is_chosen = bool(pool.settings["DeviceConfiguration"].get("DeviceOnlyRememberedOnUserPrompt"))
    now = call.now()
    _keep(call, Device(
        pool=pool.id, user=user.name, key=DeviceKey, created=now, modified=now, authenticated=now, name=DeviceName or "",
        verifier=place.shut(call.home, srp.Verifier(salt, value).packed(), "device"), is_remembered=not is_chosen, address=_address(call),
    ))  # fmt: skip
    return {"UserConfirmationNecessary": is_chosen}


def _shown(call: Call, device: Device, *, is_administrator: bool) -> dict[str, Any]:
    """As API_AdminListDevices shows it; people are not told what begins with ``dev:``
    (https://github.com/aws-amplify/amplify-js: its tests of fetchDevices)."""
    owner = f"{device.user}.{device.pool}"
    told = {
        "device_status": "valid", "device_name": device.name, "dev:device_arn": call.arn(f"owner/{owner}/device/{device.key}"),
        "dev:device_owner": owner, "last_ip_used": device.address,
        "dev:device_remembered_status": REMEMBERED if device.is_remembered else NOT_REMEMBERED, "dev:device_sdk": "aws-sdk-unknown-unknown",
    }  # fmt: skip
    return {
        "DeviceKey": device.key, "DeviceCreateDate": device.created, "DeviceLastModifiedDate": device.modified,
        "DeviceLastAuthenticatedDate": float(int(device.authenticated)),
        "DeviceAttributes": [
            {"Name": name, "Value": value} for name, value in told.items() if value and (is_administrator or not name.startswith("dev:"))
        ],
    }  # fmt: skip


def _listed(call: Call, user: User, limit: int | None, after: str | None, *, is_administrator: bool) -> dict:
    found = sorted(
        (each for each in call.shelf(Device).values()
         if (each.pool, each.user) == (user.pool, user.name) and (is_administrator or each.is_remembered)),
        key=lambda each: (each.created, each.key),
    )  # fmt: skip
    if after is not None:
        keys = [base64.b64encode(each.key.encode()).decode() for each in found]
        if after not in keys:
            raise InvalidParameterException("Invalid pagination token.")
        found = found[keys.index(after) + 1 :]
    page = found[: limit or LISTED_MAX]
    more = {"PaginationToken": base64.b64encode(page[-1].key.encode()).decode()} if len(page) < len(found) else {}
    return {"Devices": [_shown(call, each, is_administrator=is_administrator) for each in page], **more}


def ListDevices(call: Call, *, AccessToken: str, Limit: int | None = None, PaginationToken: str | None = None) -> dict:
    return _listed(call, token.bearer(call, AccessToken)[1], Limit, PaginationToken, is_administrator=False)


def GetDevice(call: Call, *, DeviceKey: str, AccessToken: str | None = None) -> dict:
    user = token.bearer(call, AccessToken or "")[1]
    return {"Device": _shown(call, _found(call, user, DeviceKey, only_remembered=True), is_administrator=False)}


def _set(call: Call, user: User, key: str, status: str | None) -> dict:
    device = _found(call, user, key)
    if status is not None:
        _keep(call, changed(device, is_remembered=status == REMEMBERED, modified=call.now()))
    return {}


def UpdateDeviceStatus(call: Call, *, AccessToken: str, DeviceKey: str, DeviceRememberedStatus: str | None = None) -> dict:
    return _set(call, token.bearer(call, AccessToken)[1], DeviceKey, DeviceRememberedStatus)


def ForgetDevice(call: Call, *, DeviceKey: str, AccessToken: str | None = None) -> None:
    user = token.bearer(call, AccessToken or "")[1]
    _found(call, user, DeviceKey)
    del call.shelf(Device)[_id(user, DeviceKey)]


# By an administrator -----------------------------------------------------------------------------------


def AdminListDevices(call: Call, *, UserPoolId: str, Username: str, Limit: int | None = None, PaginationToken: str | None = None) -> dict:
    return _listed(call, users.named(call, UserPoolId, Username), Limit, PaginationToken, is_administrator=True)


def AdminGetDevice(call: Call, *, DeviceKey: str, UserPoolId: str, Username: str) -> dict:
    return {"Device": _shown(call, _found(call, users.named(call, UserPoolId, Username), DeviceKey), is_administrator=True)}


def AdminUpdateDeviceStatus(call: Call, *, UserPoolId: str, Username: str, DeviceKey: str, DeviceRememberedStatus: str | None = None) -> dict:
    return _set(call, users.named(call, UserPoolId, Username), DeviceKey, DeviceRememberedStatus)


def AdminForgetDevice(call: Call, *, UserPoolId: str, Username: str, DeviceKey: str) -> None:
    user = users.named(call, UserPoolId, Username)
    _found(call, user, DeviceKey)
    del call.shelf(Device)[_id(user, DeviceKey)]


def check_refresh(call: Call, pool: UserPool, user: User, of_token: str, told: str | None) -> None:
    """A token of a confirmed device is refreshed with the device's key: https://github.com/aws/aws-sdk-java-v2/issues/3418"""
    if of_token and are_tracked(pool) and held(call, user, of_token) is not None and told != of_token:
        raise NotAuthorizedException("Invalid Refresh Token.")
