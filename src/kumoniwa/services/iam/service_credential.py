"""Names and passwords by which a user signs in to one service: CodeCommit over HTTPS, Keyspaces over CQL.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_service-specific.html; answers recorded: localstack's
test_service_specific_credential_lifecycle and its neighbours.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from kumoniwa.kernel.errors import NotImplementedHere, ValidationError
from kumoniwa.kernel.record import changed
from kumoniwa.services.iam.credential import ServiceCredential, of
from kumoniwa.services.iam.entity import User, now_s
from kumoniwa.services.iam.errors import LimitExceeded, NoSuchEntity
from kumoniwa.services.iam.policy import paged
from kumoniwa.services.iam.user import asked_for

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

SERVICES = ("codecommit.amazonaws.com", "cassandra.amazonaws.com")
_BEARERS = ("bedrock.amazonaws.com", "logs.amazonaws.com")
"""These two hand out API keys, which other services take as bearer tokens."""
PER_SERVICE_MAX = 2
PASSWORD_CHARACTERS = 44


def _check_service(name: str) -> None:
    if name in _BEARERS:
        raise NotImplementedHere(f"API keys of {name}")
    if name not in SERVICES:
        raise NoSuchEntity(f"No such service {name} is supported for Service Specific Credentials")


def _found(call: Call, user_name: str | None, number: str) -> ServiceCredential:
    user, credential = asked_for(call, user_name), call.shelf(ServiceCredential).get(number)
    if credential is None or credential.user_id != user.id:
        raise NoSuchEntity(f"No such credential {number} exists")
    return credential


def _with_password(call: Call, credential: ServiceCredential) -> dict[str, Any]:
    """Give it a new password, which only this answer ever holds."""
    password = call.ids.secret(PASSWORD_CHARACTERS)
    digest = hashlib.sha256(credential.id.encode() + password.encode()).digest()
    call.shelf(ServiceCredential)[credential.id] = changed(credential, password_sha256=digest)
    return {"ServiceSpecificCredential": _shown(call, credential) | {"ServicePassword": password}}


def _shown(call: Call, credential: ServiceCredential) -> dict[str, Any]:
    user = next(user for user in call.shelf(User).values() if user.id == credential.user_id)
    return {
        "UserName": user.name,
        "Status": credential.status,
        "ServiceUserName": credential.service_user,
        "CreateDate": credential.created,
        "ServiceSpecificCredentialId": credential.id,
        "ServiceName": credential.service,
    }


def CreateServiceSpecificCredential(call: Call, *, UserName: str, ServiceName: str) -> dict:
    user = asked_for(call, UserName)
    _check_service(ServiceName)
    own = [one for one in of(call, ServiceCredential, user.id) if one.service == ServiceName]
    if len(own) >= PER_SERVICE_MAX:
        raise LimitExceeded(f"Cannot exceed quota for ServiceSpecificCredentialsPerUser: {PER_SERVICE_MAX}")
    taken = {one.service_user for one in own}
    names = (f"{user.name}{number}-at-{call.account}" for number in ("", "+1"))
    credential = ServiceCredential(
        id=f"ACCA{call.ids.upper(17)}", user_id=user.id, service=ServiceName, created=now_s(call),
        service_user=next(name for name in names if name not in taken),
    )  # fmt: skip
    return _with_password(call, credential)


def ListServiceSpecificCredentials(
    call: Call, *, UserName: str | None = None, ServiceName: str | None = None, AllUsers: bool | None = None,
    Marker: str | None = None, MaxItems: int | None = None,
) -> dict:  # fmt: skip
    if AllUsers and UserName is not None:
        raise ValidationError("UserName and AllUsers cannot be given together.")
    if ServiceName is not None:
        _check_service(ServiceName)
    held = call.shelf(ServiceCredential).values() if AllUsers else of(call, ServiceCredential, asked_for(call, UserName).id)
    shown = [_shown(call, one) for one in held if ServiceName in (None, one.service)]
    # A list that is whole does not say so: recorded, test_service_specific_credential_lifecycle.
    page = paged({"ServiceSpecificCredentials": shown}, Marker, MaxItems)
    return page if page["IsTruncated"] else {"ServiceSpecificCredentials": page["ServiceSpecificCredentials"]}


def UpdateServiceSpecificCredential(
    call: Call, *, ServiceSpecificCredentialId: str, Status: str, UserName: str | None = None
) -> None:
    credential = _found(call, UserName, ServiceSpecificCredentialId)
    call.shelf(ServiceCredential)[credential.id] = changed(credential, status=Status)


def ResetServiceSpecificCredential(
    call: Call, *, ServiceSpecificCredentialId: str, UserName: str | None = None
) -> dict:
    return _with_password(call, _found(call, UserName, ServiceSpecificCredentialId))


def DeleteServiceSpecificCredential(
    call: Call, *, ServiceSpecificCredentialId: str, UserName: str | None = None
) -> None:
    del call.shelf(ServiceCredential)[_found(call, UserName, ServiceSpecificCredentialId).id]
