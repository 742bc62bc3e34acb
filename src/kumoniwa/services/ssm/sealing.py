"""SecureStrings: encrypted by KMS, for their parameter alone, in the name of whoever writes and reads them.

A value of the standard tier is encrypted by its key itself, one of the advanced tier under a data key.
https://docs.aws.amazon.com/systems-manager/latest/userguide/secure-string-parameter-kms-encryption.html
"""

from __future__ import annotations

import base64

from kumoniwa.engines import cipher
from kumoniwa.gate import data_key as data_keys
from kumoniwa.gate.data_key import DataKey
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.ssm.errors import Denied, InvalidKeyId
from kumoniwa.services.ssm.parameter import ADVANCED, DEFAULT_KEY, Parameter, Revision, arn_of


def _context(call: Call, name: str) -> dict[str, str]:
    return {"PARAMETER_ARN": arn_of(call, name)}


def _refusal(call: Call, error: AwsError) -> AwsError:
    """KMS's words, as Systems Manager hands them on: https://github.com/binxio/aws-ssm-copy/issues/10"""
    told = f"{error.text} (Service: AWSKMS; Status Code: 400; Error Code: {error.code}; Request ID: {call.new_id()}; Proxy: null)"
    return (Denied if error.code == "AccessDeniedException" else InvalidKeyId)(told, hint=error.hint)


async def sealed(call: Call, name: str, value: str, tier: str, key: str) -> tuple[bytes, DataKey | None]:
    # AWS's own key is that of the parameter's account, which keeps others out of it.
    key, context = call.arn(DEFAULT_KEY, "kms") if key == DEFAULT_KEY else key, _context(call, name)
    try:
        if tier != ADVANCED:
            made = await data_keys.ask_kms(call, "Encrypt", KeyId=key, Plaintext=value.encode(), EncryptionContext=context)
            return made["CiphertextBlob"], None
        data_key, secret = await data_keys.fresh(call, key, context)
    except AwsError as error:
        raise _refusal(call, error) from None
    return cipher.seal(secret, value.encode(), b"parameter"), data_key


async def opened(call: Call, parameter: Parameter, revision: Revision) -> str:
    try:
        if revision.data_key is None:
            context = _context(call, parameter.name)
            return (await data_keys.ask_kms(call, "Decrypt", CiphertextBlob=revision.sealed, EncryptionContext=context))["Plaintext"].decode()
        secret = await data_keys.opened(call, revision.data_key)
    except AwsError as error:
        raise _refusal(call, error) from None
    value = cipher.unseal(secret, revision.sealed, b"parameter")
    if value is None:
        raise InvalidKeyId("The value was encrypted under another key.")
    return value.decode()


def shut(revision: Revision) -> str:
    """What is answered to those who do not ask for the value itself."""
    return base64.b64encode((revision.data_key.wrapped if revision.data_key is not None else b"") + revision.sealed).decode()
