"""Keys of KMS behind volumes and snapshots.

Every lineage has one data key, which volumes made from its snapshots and snapshots taken of its volumes inherit; each keeps it encrypted for
itself. KMS is asked in the name of whoever asks, through EC2. What EBS goes on with by itself (blocks that are sealed anew, or come from another
region) it does by a grant, given when it was asked for and retired when it is done.
https://docs.aws.amazon.com/ebs/latest/userguide/how-ebs-encryption-works.html, ebs-encryption-requirements.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.data_key import SECRET_BYTES, DataKey, on_behalf
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed

MANAGED = "alias/aws/ebs"
_LENT = ["Decrypt", "DescribeKey", "RetireGrant"]
_CONTEXT = "aws:ebs:id"


class Seal(Record):
    """How something is sealed."""

    id: str
    """Of the lineage's data key, as snapshots tell it."""
    data_key: DataKey
    grant: str = ""
    """By which EC2 itself may open it, while it needs to."""

    @property
    def key(self) -> str:
        """The ARN of KMS's key."""
        return self.data_key.key


class Default(Record):
    """What an account encrypts with in a region when nobody says otherwise; on the shelf under ``ebs``."""

    is_on: bool = False
    key: str = ""
    """Empty for the key that AWS keeps."""
    managed: str = ""
    """The ARN of that one, once it was used."""


def default(call: Call) -> Default:
    return call.shelf(Default).get("ebs") or Default()


async def _ask(call: Call, operation: str, region: str = "", **params: Any) -> dict:
    """KMS, on behalf of whoever calls, who is seen through EC2 whichever API he speaks to: the policy of AWS's own key for EBS says so.
    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service"""
    region = region or call.region
    return await call.home.ask(on_behalf(changed(call, service="ec2"), region), f"kms:{operation}", params, region=region, once=None)


async def _by_itself(call: Call, operation: str, region: str = "", **params: Any) -> dict:
    region = region or call.region
    return await call.home.ask(principals.service(f"ec2.{region}.amazonaws.com", call.account), f"kms:{operation}", params, region=region, once=None)


async def made(call: Call, key: str, of: str) -> Seal:
    """A new data key under a key of KMS (an id, an ARN or an alias; "" for the account's default). Raises what KMS answers."""
    context = {_CONTEXT: of}
    said = {"KeyId": key or default(call).key or MANAGED, "NumberOfBytes": SECRET_BYTES, "EncryptionContext": context}
    answer = await _ask(call, "GenerateDataKeyWithoutPlaintext", **said)
    held = default(call)
    if said["KeyId"] == MANAGED and held.managed != answer["KeyId"]:
        call.shelf(Default)["ebs"] = changed(held, managed=answer["KeyId"])
    return Seal(id=call.new_id(), data_key=DataKey(key=answer["KeyId"], wrapped=answer["CiphertextBlob"], context=context))


async def inherited(call: Call, seal: Seal, of: str) -> Seal:
    """The same data key, encrypted for another of its lineage. Raises what KMS answers."""
    context = {_CONTEXT: of}
    answer = await _ask(
        call, "ReEncrypt", CiphertextBlob=seal.data_key.wrapped, SourceEncryptionContext=seal.data_key.context, DestinationKeyId=seal.key,
        DestinationEncryptionContext=context,
    )  # fmt: skip
    return Seal(id=seal.id, data_key=DataKey(key=seal.key, wrapped=answer["CiphertextBlob"], context=context))


async def lent(call: Call, seal: Seal, region: str = "") -> Seal:
    """The same, with a grant for what EC2 still has to do with it. Raises what KMS answers."""
    service = f"ec2.{region or call.region}.amazonaws.com"
    answer = await _ask(
        call, "CreateGrant", region, KeyId=seal.key, GranteePrincipal=service, RetiringPrincipal=service, Operations=_LENT,
        Constraints={"EncryptionContextSubset": seal.data_key.context},
    )  # fmt: skip
    return changed(seal, grant=answer["GrantId"])


def retire(call: Call, seal: Seal | None, region: str = "") -> Seal | None:
    """EC2 needs the key no more."""
    if seal is None or not seal.grant:
        return seal

    async def tell() -> None:
        try:
            await _by_itself(call, "RetireGrant", region, KeyId=seal.key, GrantId=seal.grant)
        except AwsError:
            return  # the key is gone, or the grant was revoked

    call.home.spawn(tell())
    return changed(seal, grant="")


async def opened(call: Call, seal: Seal | None) -> bytes:
    """The secret, for whoever calls; none where nothing is encrypted. Raises what KMS answers."""
    if seal is None:
        return b""
    return (await _ask(call, "Decrypt", KeyId=seal.key, CiphertextBlob=seal.data_key.wrapped, EncryptionContext=seal.data_key.context))["Plaintext"]


async def opened_by_itself(call: Call, seal: Seal | None) -> bytes:
    """The secret, for EC2, by its grant."""
    if seal is None:
        return b""
    said = {"KeyId": seal.key, "CiphertextBlob": seal.data_key.wrapped, "EncryptionContext": seal.data_key.context}
    return (await _by_itself(call, "Decrypt", **said))["Plaintext"]


async def named(call: Call, key: str) -> str:
    """The ARN of a key, by any of its names ("" for the account's default). Raises what KMS answers."""
    key = key or default(call).key or MANAGED
    return key if ":key/" in key else (await _ask(call, "DescribeKey", KeyId=key))["KeyMetadata"]["Arn"]
