"""Grants: leave for one principal to do some operations with one key, until it is retired or revoked.

Here a grant holds at once; AWS takes some seconds, which is what its tokens are for.
https://docs.aws.amazon.com/kms/latest/developerguide/grants.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.languages.policy_principal import is_wellformed
from kumoniwa.services.kms import policy
from kumoniwa.services.kms.errors import (
    DryRunOperationException,
    InvalidArnException,
    InvalidGrantIdException,
    InvalidGrantTokenException,
    NotFoundException,
    ValidationException,
)
from kumoniwa.services.kms.key import (
    AGREE,
    ENCRYPT,
    MAC,
    SIGN,
    Key,
    arn_of,
    check_state,
    found,
    without_alias,
)
from kumoniwa.services.kms.policy import Grant

_ALWAYS = frozenset({"CreateGrant", "DescribeKey", "RetireGrant"})
_SYMMETRIC = frozenset({
    "Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
})  # fmt: skip
_BY_USE = {
    ENCRYPT: frozenset({"Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GetPublicKey"}),
    SIGN: frozenset({"Sign", "Verify", "GetPublicKey"}),
    MAC: frozenset({"GenerateMac", "VerifyMac"}),
    AGREE: frozenset({"DeriveSharedSecret", "GetPublicKey"}),
}


def _allowed(key: Key) -> frozenset[str]:
    """What can be granted on a key of this kind."""
    return _ALWAYS | (_SYMMETRIC if key.is_symmetric else _BY_USE[key.usage])


def CreateGrant(
    call: Call, *, KeyId: str, Operations: list[str], GranteePrincipal: str | None = None, GranteeServicePrincipal: str | None = None,
    RetiringPrincipal: str | None = None, RetiringServicePrincipal: str | None = None, Constraints: dict[str, Any] | None = None,
    GrantTokens: list[str] | None = None, Name: str | None = None, DryRun: bool | None = None,
) -> dict:  # fmt: skip
    """One with the name and the words of another is that other."""
    key = found(call, KeyId)
    check_state(call, key, "Enabled", "Disabled")
    check_tokens(call, GrantTokens)
    grantee, retiring = GranteePrincipal or GranteeServicePrincipal or "", RetiringPrincipal or RetiringServicePrincipal or ""
    if not grantee:
        raise ValidationException("A grant has one grantee: GranteePrincipal or GranteeServicePrincipal.")
    for who in filter(None, (GranteePrincipal, RetiringPrincipal)):
        # Services of AWS grant each other leave by their names.
        if not is_wellformed("AWS", who) and not who.endswith(".amazonaws.com"):
            raise InvalidArnException(f"ARN does not refer to a valid principal: {who}")
    if foreign := sorted(set(Operations) - _allowed(key)):
        raise ValidationException(f"Grant operations {foreign} are not valid for a key of the spec {key.spec} and the usage {key.usage}.")
    equals, subset = ((Constraints or {}).get(f"EncryptionContext{kind}") or {} for kind in ("Equals", "Subset"))
    if (equals or subset) and not key.is_symmetric:
        raise ValidationException("Only grants on symmetric encryption keys can have constraints on the encryption context.")
    if DryRun:
        raise DryRunOperationException
    said: dict[str, Any] = {
        "grantee": grantee, "retiring": retiring, "operations": tuple(dict.fromkeys(Operations)), "equals": equals, "subset": subset,
        "name": Name or ""
    }  # fmt: skip
    for held in call.shelf(Grant).values() if Name else ():
        if held.key == key.id and all(getattr(held, field) == value for field, value in said.items()):
            return {"GrantToken": held.token, "GrantId": held.id}
    grant = Grant(
        id=f"{call.ids.random.getrandbits(256):064x}",
        key=key.id,
        created=call.now(),
        issuer=call.principal.arn,
        token=call.ids.secret(),
        **said,
    )
    call.shelf(Grant)[f"{key.id}:{grant.id}"] = grant
    policy.forget(call, key.id)
    return {"GrantToken": grant.token, "GrantId": grant.id}


def check_tokens(call: Call, tokens: list[str] | None) -> None:
    """A token proves a grant that may not be known everywhere yet. Here it is, so it must be the token of one."""
    if tokens:
        known = {grant.token for grant in call.shelf(Grant).values()}
        if not known.issuperset(tokens):
            raise InvalidGrantTokenException


def _listed(call: Call, grant: Grant, key: Key) -> dict[str, Any]:
    constraints = {"EncryptionContextEquals": grant.equals, "EncryptionContextSubset": grant.subset}
    retiring = "RetiringServicePrincipal" if grant.retiring.endswith(".amazonaws.com") else "RetiringPrincipal"
    grantee = "GranteeServicePrincipal" if grant.grantee.endswith(".amazonaws.com") else "GranteePrincipal"
    shown = {
        "KeyId": arn_of(call, key),
        "GrantId": grant.id,
        "Name": grant.name,
        "CreationDate": grant.created,
        grantee: grant.grantee,
        retiring: grant.retiring,
        "IssuingAccount": f"arn:{call.home.partition}:iam::{call.account}:root",
        "Operations": list(grant.operations),
        "Constraints": {name: pairs for name, pairs in constraints.items() if pairs},
    }
    return {name: value for name, value in shown.items() if value or name == "Name"}


def ListGrants(
    call: Call, *, KeyId: str, GrantId: str | None = None, GranteePrincipal: str | None = None, GranteeServicePrincipal: str | None = None
) -> dict:
    key = without_alias(call, KeyId)
    grantee = GranteePrincipal or GranteeServicePrincipal
    grants = sorted((g for g in call.shelf(Grant).values() if g.key == key.id), key=lambda g: (g.created, g.id))
    if GrantId is not None and all(grant.id != GrantId for grant in grants):
        raise InvalidGrantIdException("The grant ID is not valid for the key.")
    return {"Grants": [_listed(call, g, key) for g in grants if GrantId in (None, g.id) and grantee in (None, g.grantee)]}


def ListRetirableGrants(call: Call, *, RetiringPrincipal: str | None = None, RetiringServicePrincipal: str | None = None) -> dict:
    retiring = RetiringPrincipal or RetiringServicePrincipal
    grants = sorted((g for g in call.shelf(Grant).values() if g.retiring == retiring), key=lambda g: (g.created, g.id))
    return {"Grants": [_listed(call, grant, call.shelf(Key)[grant.key]) for grant in grants]}


def to_retire(call: Call, token: str | None, key_id: str | None, grant_id: str | None) -> Grant:
    if token is not None:
        grant = next((each for each in call.shelf(Grant).values() if each.token == token), None)
        if grant is None:
            raise InvalidGrantTokenException
        return grant
    if not key_id or not grant_id:
        raise ValidationException("Either GrantToken, or KeyId and GrantId are required.")
    return _grant(call, without_alias(call, key_id), grant_id)


def _grant(call: Call, key: Key, grant_id: str) -> Grant:
    grant = call.shelf(Grant).get(f"{key.id}:{grant_id}")
    if grant is None:
        raise NotFoundException(f"Grant ID {grant_id} not found")
    return grant


def RetireGrant(
    call: Call, *, GrantToken: str | None = None, KeyId: str | None = None, GrantId: str | None = None, DryRun: bool | None = None
) -> None:
    _end(call, to_retire(call, GrantToken, KeyId, GrantId), DryRun)


def RevokeGrant(call: Call, *, KeyId: str, GrantId: str, DryRun: bool | None = None) -> None:
    _end(call, _grant(call, without_alias(call, KeyId), GrantId), DryRun)


def _end(call: Call, grant: Grant, is_dry: bool | None) -> None:
    if is_dry:
        raise DryRunOperationException
    del call.shelf(Grant)[f"{grant.key}:{grant.id}"]
    policy.forget(call, grant.key)
