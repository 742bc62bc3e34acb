"""How values are kept: each under a data key of its own, which a KMS key encrypts for its secret and its version alone.

KMS is asked as the caller, through Secrets Manager: whoever reads a secret must be allowed to use its key.
https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
"""

from __future__ import annotations

import orjson

from kumoniwa.engines import cipher
from kumoniwa.gate import data_key as data_keys
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.secretsmanager.errors import AccessDenied, DecryptionFailure, EncryptionFailure
from kumoniwa.services.secretsmanager.secret import DEFAULT_KEY, Secret, Version, arn_of


def _context(call: Call, secret: Secret, version: str) -> dict[str, str]:
    return {"SecretARN": arn_of(call, secret), "SecretVersionId": version}


def _refusal(error: AwsError, failure: type[AwsError]) -> AwsError:
    return (AccessDenied if error.code == "AccessDeniedException" else failure)(hint=error.text)


async def sealed(call: Call, secret: Secret, id_: str, value: str | bytes) -> Version:
    """A version with its value. Raises EncryptionFailure."""
    context = _context(call, secret, id_)
    # AWS's own key is that of the secret's account, which keeps others out of it.
    try:
        data_key, plain = await data_keys.fresh(call, secret.key or call.arn(DEFAULT_KEY, "kms"), context)
    except AwsError as error:
        raise _refusal(error, EncryptionFailure) from None
    body = cipher.seal(plain, value.encode() if isinstance(value, str) else value, orjson.dumps(context))
    return Version(
        id=id_, created=call.now(), data_key=data_key, sealed=body, is_binary=isinstance(value, bytes), is_default=not secret.key
    )


async def opened(call: Call, secret: Secret, version: Version) -> str | bytes:
    """What a version says. Raises DecryptionFailure."""
    try:
        plain = await data_keys.opened(call, version.data_key)
    except AwsError as error:
        raise _refusal(error, DecryptionFailure) from None
    body = cipher.unseal(plain, version.sealed, orjson.dumps(_context(call, secret, version.id)))
    if body is None:
        raise DecryptionFailure
    return body if version.is_binary else body.decode()
