"""Who is asking: from an access key to a principal.

IAM writes ``Credential`` and ``Identity`` records in ``aws-global``; every region holds a replica, so regions go
on authorizing while IAM's control plane is down. Temporary keys need no replica: their session token carries
the whole session, sealed under the cloud's key.
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from kumoniwa.engines import cipher
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.arn import partition
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.principal import ANONYMOUS, Principal
from kumoniwa.kernel.record import Record, changed, pack, unpack
from kumoniwa.wire import timestamps

if TYPE_CHECKING:
    from kumoniwa.kernel.ids import Ids

SHARED = "aws"
"""The pseudo-account whose shelves belong to no customer: credentials, identities."""


class Credential(Record):
    """A long-lived access key that IAM issued; shelved by key id.

    A deleted key stays on the shelf, inactive: nobody must become root in ``open`` mode with a key that was taken away.
    """

    key_id: str
    secret: str
    account: str
    arn: str
    user_id: str
    is_active: bool = True


class Grant(Record):
    """One policy attached to an identity. ``kind`` is ``managed``, ``inline`` or ``group``; ``document`` may be the ARN of a
    managed policy, which stands for what that policy says now."""

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


class Document(Record):
    """What a customer's managed policy says now; shelved by ARN. Session policies name it."""

    account: str
    document: str


class Session(Record):
    """Temporary keys, as their token carries them."""

    key_id: str
    secret: str
    expires: float
    principal: Principal
    padding: bytes = b""
    """Nothing, for tokens that were asked to be long."""


class InvalidClientTokenId(AwsError):
    status = 403
    message = "The security token included in the request is invalid."


class UnrecognizedClientException(AwsError):
    status = 400
    message = "The security token included in the request is invalid."


class InvalidToken(AwsError):
    status = 400
    message = "The provided token is malformed or otherwise invalid."


class InvalidAccessKeyId(AwsError):
    status = 403
    message = "The AWS Access Key Id you provided does not exist in our records."


class ExpiredToken(AwsError):
    status = 403
    message = "The security token included in the request is expired"


class ExpiredTokenException(ExpiredToken):
    status = 400


class ExpiredS3Token(ExpiredToken):
    code = "ExpiredToken"
    status = 400
    message = "The provided token has expired."


class RestUnrecognizedClientException(UnrecognizedClientException):
    code = "UnrecognizedClientException"
    status = 403


class RestExpiredTokenException(ExpiredTokenException):
    code = "ExpiredTokenException"
    status = 403


UNKNOWN_KEY: dict[str, type[AwsError]] = {
    "json": UnrecognizedClientException,
    "smithy-rpc-v2-cbor": UnrecognizedClientException,
    "rest-json": RestUnrecognizedClientException,
    "s3": InvalidAccessKeyId,
}
UNKNOWN_TOKEN = {**UNKNOWN_KEY, "s3": InvalidToken}
EXPIRED: dict[str, type[AwsError]] = {
    "json": ExpiredTokenException,
    "smithy-rpc-v2-cbor": ExpiredTokenException,
    "rest-json": RestExpiredTokenException,
    "s3": ExpiredS3Token,
}

# Access keys. Like AWS's, a key id spells its account: after the prefix, base 32 of ten bytes that begin with a set bit
# and the account number in forty bits. https://awsteele.com/blog/2020/09/26/aws-access-key-format.html

ACCESS_KEY, SESSION_KEY = "AKIA", "ASIA"
_ACCOUNT_BIT = 39 + 40
_KEY_ID = re.compile(r"A[KS]IA([A-Z2-7]{16})")


def new_key_id(ids: Ids, prefix: str, account: str) -> str:
    number = (1 << _ACCOUNT_BIT) | (int(account) << 39) | ids.random.getrandbits(39)
    return prefix + base64.b32encode(number.to_bytes(10, "big")).decode()


def account_of_key(key_id: str) -> str | None:
    """The account a key id spells, None for what is no key id."""
    found = _KEY_ID.fullmatch(key_id)
    if found is None:
        return None
    number = int.from_bytes(base64.b32decode(found[1]), "big")
    return f"{(number >> 39) & ((1 << 40) - 1):012d}"


def issue(
    home, principal: Principal, lifetime_s: float, token_bytes_min: int = 0, *, is_inside: bool = False
) -> tuple[Session, str]:
    """Temporary keys for ``principal``, and the session token that goes with them. They work in every region."""
    now = home.clock.now()
    key_id = new_key_id(home.ids, SESSION_KEY, principal.account)
    issued = timestamps.to_second(now)
    principal = changed(principal, key_id=key_id, context={"aws:TokenIssueTime": issued, **principal.context}, is_inside=is_inside)
    session = Session(key_id=key_id, secret=home.ids.secret(), expires=now + lifetime_s, principal=principal)
    token = seal(home.settings.seal, session)
    if len(token) < token_bytes_min:
        session = changed(session, padding=bytes(-(-(token_bytes_min - len(token)) * 3 // 4)))
        token = seal(home.settings.seal, session)
    return session, token


_SEALED = b"KW1"


def seal(key: bytes, session: Session) -> str:
    """A session token: readable by every region of this cloud, by nobody else."""
    return base64.b64encode(_SEALED + cipher.seal(key, pack(session), b"session")).decode()


@lru_cache(maxsize=4096)
def unseal(key: bytes, token: str) -> Session | None:
    """The session of a token, or None if it was not sealed by this cloud."""
    try:
        body = base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError):
        return None
    opened = cipher.unseal(key, body[len(_SEALED) :], b"session") if body.startswith(_SEALED) else None
    return unpack(opened, Session) if opened is not None else None


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
        if token.startswith(base64.b64encode(_SEALED).decode()):
            raise UNKNOWN_TOKEN.get(protocol, InvalidClientTokenId)()
    opening = home.settings.root_key
    if opening is not None and access_key == opening[0]:
        _must_be_alone(token, protocol)
        return _root(access_key, home.settings.account, home.name), opening[1]
    credential = home.store.shelf(SHARED, Credential).get(access_key)
    if credential is not None:
        if not credential.is_active:
            raise UNKNOWN_KEY.get(protocol, InvalidClientTokenId)()
        _must_be_alone(token, protocol)
        return _holder(credential), credential.secret
    if home.settings.auth == "strict":
        raise UNKNOWN_KEY.get(protocol, InvalidClientTokenId)(hint="--auth strict refuses keys that IAM here did not issue.")
    return _root(access_key, home.settings.account, home.name), None


def _must_be_alone(token: str | None, protocol: str) -> None:
    """A key that stands for long has no token: botocore's test_bad_request_on_invalid_credentials."""
    if token:
        raise UNKNOWN_TOKEN.get(protocol, InvalidClientTokenId)()


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
