"""How values are kept: each under a data key of its own, which a KMS key encrypts for its secret and its version alone.

KMS is asked as the caller, through Secrets Manager: whoever reads a secret must be allowed to use its key.
https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
"""

from __future__ import annotations

import orjson

from kumoniwa.engines import cipher
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
    key = secret.key or call.arn(DEFAULT_KEY, "kms")
    try:
        made = await call.through().ask("kms:GenerateDataKey", KeyId=key, KeySpec="AES_256", EncryptionContext=context)
    except AwsError as error:
        raise _refusal(error, EncryptionFailure) from None
    body = cipher.seal(made["Plaintext"], value.encode() if isinstance(value, str) else value, orjson.dumps(context))
    return Version(
        id=id_, created=call.now(), data_key=made["CiphertextBlob"], sealed=body, is_binary=isinstance(value, bytes),
        key=made["KeyId"] if secret.key else "",
    )  # fmt: skip


async def opened(call: Call, secret: Secret, version: Version) -> str | bytes:
    """What a version says. Raises DecryptionFailure."""
    context = _context(call, secret, version.id)
    try:
        reply = await call.through().ask("kms:Decrypt", CiphertextBlob=version.data_key, EncryptionContext=context)
    except AwsError as error:
        raise _refusal(error, DecryptionFailure) from None
    body = cipher.unseal(reply["Plaintext"], version.sealed, orjson.dumps(context))
    if body is None:
        raise DecryptionFailure
    return body if version.is_binary else body.decode()
