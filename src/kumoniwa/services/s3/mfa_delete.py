"""MFA delete: in a bucket that has it only the account's root user, with a code of its device, deletes versions and changes versioning.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/MultiFactorAuthenticationDelete.html. The texts of refusals were seen of AWS, where nothing
else is said: https://repost.aws/knowledge-center/s3-bucket-mfa-delete (none was given), https://github.com/iterate-ch/cyberduck/issues/16267
(malformed), https://github.com/99designs/aws-vault/issues/793 (a session).
"""

from __future__ import annotations

import re

from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.mfa import MfaDevice, unused_step, use_up
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.s3.bucket import AccessDenied, Bucket, InvalidArgument, InvalidRequest
from kumoniwa.services.s3.locking import InvalidBucketState

_SAID = re.compile(r"(\S+) (\S+)")


class NotDeviceOwnerError(AwsError):
    """Its text as people quote it who tried it with the guide's placeholders."""

    status = 400


class TokenCodeInvalidError(AwsError):
    """In the words of https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList"""

    status = 400
    message = "The serial number and/or token code you provided is not valid."


class MustBeProven(AccessDenied):
    code = "AccessDenied"
    message = "Mfa Authentication must be used for this request"


class MustBeOwner(AccessDenied):
    """To users and roles of the owner's account, too."""

    code = "AccessDenied"
    message = "This operation may only be performed by the bucket owner"


def proves(call: Call, said: str | None) -> bool:
    """Whether the caller proves by ``x-amz-mfa`` that a device of theirs is at hand. A code is used up by it, whatever it was for; a wrong one is
    refused, also where none was needed. How AWS refuses it over plain HTTP is not told: the words are its guide's."""
    if said is None:
        return False
    found = _SAID.fullmatch(said)
    if found is None:
        raise InvalidArgument(
            "Mfa header is invalid -- the header should be formatted as {serialNumber}(space){tokenCode}",
            ArgumentName="x-amz-mfa", ArgumentValue=said,
        )  # fmt: skip
    if call.principal.kind not in ("root", "user") or "aws:TokenIssueTime" in call.principal.context:
        # S3 takes the token of a session for one of DevPay, whose header it was.
        raise InvalidRequest("DevPay and Mfa are mutually exclusive authorization methods.")
    if call.request is not None and not call.request.is_tls:
        raise InvalidRequest(
            "Requests that include x-amz-mfa must use HTTPS.",
            hint="This cloud speaks TLS on the same port; its certificate is at /_kumoniwa/ca.pem.",
        )
    serial, code = found.groups()
    device = call.home.store.shelf(SHARED, MfaDevice).get(serial)
    if device is None or device.user_id != call.principal.user_id:
        raise NotDeviceOwnerError(
            f"The device with serial number {serial} that generated token {code} is not owned by the authenticated user"
        )
    step = unused_step(call.home, serial, device, code)
    if step is None:
        raise TokenCodeInvalidError
    use_up(call.home, serial, step)
    return True


def check(call: Call, *, is_proven: bool) -> None:
    """Raise AccessDenied for whoever is not the root user of the bucket's account with a device at hand."""
    if not is_proven:
        raise MustBeProven
    if call.principal.kind != "root" or call.principal.account != call.account:
        raise MustBeOwner


def check_may_be_enabled(bucket: Bucket) -> None:
    """https://github.com/cloudposse/terraform-aws-codebuild/issues/76"""
    if bucket.lifecycle:
        raise InvalidBucketState(
            "Mfa Authentication is not supported on a bucket with lifecycle configuration. Delete lifecycle configuration before enabling "
            "Mfa Authentication."
        )


def check_may_age(bucket: Bucket) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-and-other-bucket-config.html says that it is not supported, not how it is
    refused: the words are ours, after those for the other way round."""
    if bucket.mfa_delete == "Enabled":
        raise InvalidBucketState("Lifecycle configuration is not supported on a bucket with Mfa Authentication.")
