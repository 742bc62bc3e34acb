"""Who is asking: from an access key to a principal.

IAM writes ``Credential`` and ``Identity`` records in ``aws-global``; every region holds a replica, so regions go
on authorizing while IAM's control plane is down. Temporary keys need no replica: their session token carries
the whole session, sealed under the cloud's key.
"""

from __future__ import annotations

import base64
import binascii
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.arn import partition
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.principal import ANONYMOUS, Principal
from kumoniwa.kernel.record import Record, pack, unpack

SHARED = "aws"
"""The pseudo-account whose shelves belong to no customer: credentials, identities."""


class Credential(Record):
    """A long-lived access key that IAM issued; shelved by key id."""

    key_id: str
    secret: str
    account: str
    arn: str
    user_id: str
    is_active: bool = True


class Grant(Record):
    """One policy attached to an identity. ``kind`` is ``managed``, ``inline`` or ``group``."""

    name: str
    kind: str
    document: str


class Identity(Record):
    """What the gate must know of a user or a role; shelved by ARN."""

    arn: str
    kind: str
    account: str
    id: str
    grants: tuple[Grant, ...] = ()
    boundary: str = ""
    trust: str = ""
    tags: dict[str, str] = {}
    session_s_max: int = 3600


class Session(Record):
    """Temporary keys, as their token carries them."""

    key_id: str
    secret: str
    expires: float
    principal: Principal


class InvalidClientTokenId(AwsError):
    status = 403
    message = "The security token included in the request is invalid."


class UnrecognizedClientException(AwsError):
    status = 400
    message = "The security token included in the request is invalid."


class InvalidAccessKeyId(AwsError):
    status = 403
    message = "The AWS Access Key Id you provided does not exist in our records."


class ExpiredToken(AwsError):
    status = 403
    message = "The security token included in the request is expired"


class ExpiredTokenException(ExpiredToken):
    status = 400


UNKNOWN_KEY = {"json": UnrecognizedClientException, "rest-json": UnrecognizedClientException, "rest-xml": InvalidAccessKeyId}
EXPIRED = {"json": ExpiredTokenException, "rest-json": ExpiredTokenException}


def seal(key: bytes, session: Session) -> str:
    """A session token: readable by every region of this cloud, by nobody else."""
    nonce = os.urandom(12)
    return base64.b64encode(b"KW1" + nonce + AESGCM(key).encrypt(nonce, pack(session), b"session")).decode()


@lru_cache(maxsize=4096)
def unseal(key: bytes, token: str) -> Session | None:
    """The session of a token, or None if it was not sealed by this cloud."""
    try:
        body = base64.b64decode(token, validate=True)
        if body[:3] != b"KW1":
            return None
        return unpack(AESGCM(key).decrypt(body[3:15], body[15:], b"session"), Session)
    except (binascii.Error, InvalidTag, ValueError):
        return None


def identify(home, access_key: str | None, token: str | None, protocol: str) -> tuple[Principal, str | None]:
    """The principal behind an access key, and the secret its signature must be verified with.

    The secret is None for a key that nobody issued: in ``open`` mode such a key is the root of the account it spells
    (twelve digits) or of the default account, and its signature proves nothing.
    """
    if access_key is None:
        return ANONYMOUS, None
    if token:
        session = unseal(home.settings.seal, token)
        if session is not None:
            if session.key_id != access_key:
                raise UNKNOWN_KEY.get(protocol, InvalidClientTokenId)()
            if session.expires <= home.clock.now():
                raise EXPIRED.get(protocol, ExpiredToken)()
            return session.principal, session.secret
    credential = home.store.shelf(SHARED, Credential).get(access_key)
    if credential is not None:
        if not credential.is_active:
            raise UNKNOWN_KEY.get(protocol, InvalidClientTokenId)()
        return _holder(credential), credential.secret
    if home.settings.auth == "strict":
        raise UNKNOWN_KEY.get(protocol, InvalidClientTokenId)(hint="--auth strict refuses keys that IAM here did not issue.")
    return _root(access_key, home.settings.account, home.name), None


@lru_cache(maxsize=4096)
def _holder(credential: Credential) -> Principal:
    kind = "root" if credential.arn.endswith(":root") else "user"
    return Principal(
        kind=kind,
        account=credential.account,
        arn=credential.arn,
        user_id=credential.user_id,
        source_arn=credential.arn,
        key_id=credential.key_id,
    )


@lru_cache(maxsize=4096)
def _root(access_key: str, default_account: str, region: str) -> Principal:
    account = access_key if len(access_key) == 12 and access_key.isdigit() else default_account
    return principals.root(account, access_key, partition(region))
