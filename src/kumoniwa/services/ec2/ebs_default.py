"""Whether an account encrypts all new volumes in a region, and with which key.

https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html
"""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.ec2 import ebs_key
from kumoniwa.services.ec2.dry_run import DryRunOperation, may_be_dry
from kumoniwa.services.ec2.ebs_key import Default
from kumoniwa.services.ec2.errors import Refused


def _keep(call: Call, **changes: object) -> Default:
    call.shelf(Default)["ebs"] = held = changed(ebs_key.default(call), **changes)
    return held


@may_be_dry
def GetEbsEncryptionByDefault(call: Call) -> dict:
    """``SseType`` is for later use, says the model; AWS tells it none the less."""
    held = ebs_key.default(call)
    return {"EbsEncryptionByDefault": held.is_on, "SseType": "sse-kms" if held.is_on else "none"}


@may_be_dry
def EnableEbsEncryptionByDefault(call: Call) -> dict:
    return {"EbsEncryptionByDefault": _keep(call, is_on=True).is_on}


@may_be_dry
def DisableEbsEncryptionByDefault(call: Call) -> dict:
    return {"EbsEncryptionByDefault": _keep(call, is_on=False).is_on}


@may_be_dry
def GetEbsDefaultKmsKeyId(call: Call) -> dict:
    """An ARN of a key that was chosen; AWS's own by its alias until then."""
    return {"KmsKeyId": ebs_key.default(call).key or ebs_key.MANAGED}


async def ModifyEbsDefaultKmsKeyId(call: Call, *, KmsKeyId: str, DryRun: bool | None = None) -> dict:
    try:
        arn = await ebs_key.named(call, KmsKeyId)
    except AwsError as error:
        if (error.status or 400) >= 500:
            raise
        raise Refused("InvalidKmsKeyId.NotFound" if error.code == "NotFoundException" else "KMSKeyNotAccessibleFault", error.text) from None
    if DryRun:
        raise DryRunOperation
    return {"KmsKeyId": _keep(call, key=arn).key}


@may_be_dry
def ResetEbsDefaultKmsKeyId(call: Call) -> dict:
    return {"KmsKeyId": _keep(call, key="").key or ebs_key.MANAGED}
