"""The operations of S3 Control."""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.gate.address import GLOBAL
from kumoniwa.gate.once import Token
from kumoniwa.gate.public_access import PublicAccess, of_accounts
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.s3 import abac
from kumoniwa.services.s3control import multi_region
from kumoniwa.services.s3control.access_point import (
    CreateAccessPoint,
    DeleteAccessPoint,
    DeleteAccessPointPolicy,
    GetAccessPoint,
    GetAccessPointPolicy,
    GetAccessPointPolicyStatus,
    InvalidRequest,
    ListAccessPoints,
    PutAccessPointPolicy,
)
from kumoniwa.services.s3control.job import ENDED, Job
from kumoniwa.services.s3control.multi_region import (
    CreateMultiRegionAccessPoint,
    DeleteMultiRegionAccessPoint,
    DescribeMultiRegionAccessPointOperation,
    GetMultiRegionAccessPoint,
    GetMultiRegionAccessPointPolicy,
    GetMultiRegionAccessPointPolicyStatus,
    GetMultiRegionAccessPointRoutes,
    ListMultiRegionAccessPoints,
    PutMultiRegionAccessPointPolicy,
    SubmitMultiRegionAccessPointRoutes,
)
from kumoniwa.wire.message import Request

__all__ = [
    "CreateAccessPoint", "CreateJob", "CreateMultiRegionAccessPoint", "DeleteAccessPoint", "DeleteAccessPointPolicy", "DeleteJobTagging",
    "DeleteMultiRegionAccessPoint", "DeletePublicAccessBlock", "DescribeJob", "DescribeMultiRegionAccessPointOperation", "GetAccessPoint",
    "GetAccessPointPolicy", "GetAccessPointPolicyStatus", "GetJobTagging", "GetMultiRegionAccessPoint", "GetMultiRegionAccessPointPolicy",
    "GetMultiRegionAccessPointPolicyStatus", "GetMultiRegionAccessPointRoutes", "GetPublicAccessBlock", "ListAccessPoints", "ListJobs",
    "ListMultiRegionAccessPoints", "ListTagsForResource", "PutAccessPointPolicy", "PutJobTagging", "PutMultiRegionAccessPointPolicy",
    "PutPublicAccessBlock", "SubmitMultiRegionAccessPointRoutes", "TagResource",
    "UntagResource", "UpdateJobPriority", "UpdateJobStatus", "conditions_of", "owner_of", "params_of", "policy_of", "refusal_of",
    "resource_of", "tags_of",
]  # fmt: skip

LISTED, INVENTORY = "S3BatchOperations_CSV_20180820", "S3InventoryReport_CSV_20161130"
"""What a manifest may be: a list, or what S3 puts beside the lists of an inventory."""
JOBS_LISTED_MAX = 1_000
JOBS = ("s3control", "jobs")
"""What wakes the work that does jobs."""


class BadRequestException(AwsError): ...


class InvalidRequestException(AwsError): ...


class NoSuchJob(AwsError):
    """The model calls it NotFoundException. https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshooting-batch-operations.html
    names NoSuchJobException and this text; S3's codes go without the last word, and so does the copy of this API that Tencent's COS documents."""

    code = "NoSuchJob"
    status = 404
    message = "The specified job does not exist"


class IdempotencyException(AwsError):
    """The code is the model's; of the text no record is at hand."""

    message = "The client request token was used for a request with other parameters."


TOKENS = {"CreateJob": Token("ClientRequestToken", refusal=IdempotencyException)}


class JobStatusException(AwsError): ...


class InvalidNextTokenException(AwsError):
    message = "The token is not valid"


class InvalidTag(AwsError):
    status = 400


class MalformedXML(AwsError):
    status = 400
    message = "The XML you provided was not well-formed or did not validate against our published schema"


class NoSuchPublicAccessBlockConfiguration(AwsError):
    status = 404
    message = "The public access block configuration was not found"


class NoSuchResource(AwsError):
    status = 404
    message = "The specified resource doesn't exist."


def owner_of(call: Call, operation: str, params: dict[str, Any]) -> str | None:
    account = params.get("AccountId", "")
    return account if re.fullmatch(r"\d{12}", account, re.ASCII) else None


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    if multi_region.is_about(operation):
        return multi_region.resource_of(call, operation, params)
    if "JobId" in params:
        return _arn(call, params["JobId"])
    if "Name" in params:
        return call.arn(f"accesspoint/{params['Name']}", "s3")
    arn = params.get("ResourceArn") or "*"
    head, separator, name = arn.partition(":bucket/")
    return f"arn:{call.home.partition}:s3:::{name}" if separator and ":s3:" in head else arn


def policy_of(call: Call, arn: str) -> str | None:
    """A bucket's policy speaks of its tags, too."""
    return abac.policy_of(call, arn)


TAG_CONDITIONS = ("s3:BucketTag",)


def tags_of(call: Call, arn: str) -> dict[str, str]:
    """Of a bucket, or of a job. Access points have none here."""
    if ":job/" in arn:
        return _found(call, arn.rpartition("/")[2]).tags
    return abac.tags_of(call, arn)


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    """Of jobs; S3 itself tells of buckets."""
    return [(_arn(call, key), each.tags) for key, each in call.shelf(Job).items()]


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html"""
    if multi_region.is_about(operation):
        return {"s3:dataaccesspointaccount": call.account}
    if "Name" not in params:
        return {}
    arn = resource_of(call, operation, params)
    return {"s3:dataaccesspointarn": arn, "s3:dataaccesspointaccount": call.account, "s3:accesspointnetworkorigin": "Internet"}


def refusal_of(operation: str, params: dict[str, Any], error: AwsError) -> AwsError:
    if operation != "TagResource":
        return error
    if all("Key" in tag and "Value" in tag for tag in params.get("Tags") or ()):
        return InvalidTag(
            "This request contains a tag key or value that isn't valid. Valid characters include the following: [a-zA-Z+-=._:/]. "
            "Tag keys can contain up to 128 characters. Tag values can contain up to 256 characters."
        )
    return MalformedXML()


def params_of(operation: str, request: Request, params: dict[str, Any]) -> dict[str, Any]:
    """Terraform names a bucket as S3 does, without region and account. AWS takes that, though its own model's pattern does not.
    https://github.com/floci-io/floci/issues/556"""
    params = multi_region.params_of(operation, params)
    head, separator, name = params.get("ResourceArn", "").partition(":s3:::")
    if separator:
        return {**params, "ResourceArn": f"{head}:s3:{request.address.region}:{params.get('AccountId', '')}:bucket/{name}"}
    return params


def _arn(call: Call, id: str) -> str:
    return f"arn:{call.home.partition}:s3:{call.region}:{call.account}:job/{id}"


# Tags of buckets -------------------------------------------------------------------------------------


def _bucket(arn: str) -> str:
    """The bucket an ARN names, in the form of S3 or of S3 Control."""
    parsed = arns.parse(arn)
    if parsed is None or parsed.service != "s3":
        raise InvalidRequest("Invalid ARN")
    name = parsed.resource.removeprefix("bucket/")
    if "/" in name:
        raise NotImplementedHere(f"tags of {parsed.resource.partition('/')[0]} in s3control")
    return name


def _itself(call: Call) -> Call:
    """S3, which changes tags of the bucket for whoever has the right to tag it, and needs no other."""
    itself = call.by_owner()
    return itself.carried_out(call.principal.through) if call.principal.through else itself


async def _tags(call: Call, name: str) -> dict[str, str]:
    try:
        told = await _itself(call).ask("s3:GetBucketTagging", Bucket=name)
    except AwsError as error:
        if error.code == "NoSuchTagSet":
            return {}
        raise NoSuchResource if error.code == "NoSuchBucket" else error
    return {tag["Key"]: tag["Value"] for tag in told["TagSet"]}


async def _put_tags(call: Call, name: str, tags: dict[str, str]) -> None:
    if tags:
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        await _itself(call).ask("s3:PutBucketTagging", Bucket=name, Tagging={"TagSet": listed})
    else:
        await _itself(call).ask("s3:DeleteBucketTagging", Bucket=name)


def reserved_tag(operation: str, key: str) -> AwsError:
    """localstack's test_tag_resource_validation."""
    return InvalidTag(
        'User-defined tag keys can\'t start with "aws:". This prefix is reserved for system tags. Remove "aws:" from your tag keys and try again.'
    )


def _checked(tags: list[dict[str, str]]) -> dict[str, str]:
    """Tags as a mapping, each one valid: localstack's test_tag_resource_validation."""
    found = {tag["Key"]: tag["Value"] for tag in tags}
    if len(found) < len(tags):
        raise InvalidTag("There are duplicate tag keys in your request. Remove the duplicate tag keys and try again.")
    return found


async def ListTagsForResource(call: Call, *, AccountId: str, ResourceArn: str) -> dict:
    tags = await _tags(call, _bucket(ResourceArn))
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


async def TagResource(call: Call, *, AccountId: str, ResourceArn: str, Tags: list[dict[str, str]]) -> dict:
    name, tags = _bucket(ResourceArn), _checked(Tags)
    await _put_tags(call, name, await _tags(call, name) | tags)
    return {}


async def UntagResource(call: Call, *, AccountId: str, ResourceArn: str, TagKeys: list[str]) -> dict:
    name = _bucket(ResourceArn)
    await _put_tags(call, name, {key: value for key, value in (await _tags(call, name)).items() if key not in TagKeys})
    return {}


# Jobs ------------------------------------------------------------------------------------------------


def CreateJob(
    call: Call,
    *,
    AccountId: str,
    Operation: dict[str, Any],
    Report: dict[str, Any],
    ClientRequestToken: str,
    Priority: int,
    RoleArn: str,
    ConfirmationRequired: bool | None = None,
    Description: str | None = None,
    Manifest: dict[str, Any] | None = None,
    ManifestGenerator: dict[str, Any] | None = None,
    Tags: list[dict[str, str]] | None = None,
) -> dict:
    jobs = call.shelf(Job)
    if len(Operation) != 1:
        raise InvalidRequestException("The request must name exactly one operation")
    if "S3ReplicateObject" not in Operation:
        raise NotImplementedHere(f"the batch operation {next(iter(Operation))} of s3control:CreateJob")
    if (Manifest is None) == (ManifestGenerator is None):
        raise InvalidRequestException("The request must have either a Manifest or a ManifestGenerator")
    if Priority < 0:
        raise BadRequestException("Priority must be a nonnegative number")
    if not re.fullmatch(r"arn:aws[a-z-]*:iam::\d{12}:role/.+", RoleArn):
        raise InvalidRequestException("Invalid role ARN")
    _check_manifest(Manifest, ManifestGenerator)
    if Report.get("Enabled") and (not Report.get("Bucket") or Report.get("Format") != "Report_CSV_20180820" or "ReportScope" not in Report):
        raise InvalidRequestException("A report needs a Bucket, a Format and a ReportScope")
    call.require("iam:PassRole", RoleArn, **{"iam:PassedToService": "batchoperations.s3.amazonaws.com"})
    id = call.new_id()
    jobs[id] = Job(
        id=id, status="New", operation=Operation, role=RoleArn, priority=Priority, created=call.now(),
        report=Report, manifest=Manifest or {}, generator=ManifestGenerator or {}, description=Description or "",
        needs_confirmation=True if ConfirmationRequired is None else ConfirmationRequired,
        tags={tag["Key"]: tag["Value"] for tag in Tags or ()},
    )  # fmt: skip
    call.after_commit(lambda: call.home.wake(JOBS))
    return {"JobId": id}


def _check_manifest(manifest: dict[str, Any] | None, generator: dict[str, Any] | None) -> None:
    if manifest is not None:
        spec = manifest.get("Spec") or {}
        if spec.get("Format") not in (LISTED, INVENTORY):
            raise NotImplementedHere(f"manifests of the format {spec.get('Format')} in s3control:CreateJob")
        if spec["Format"] == LISTED and not {"Bucket", "Key"} <= set(spec.get("Fields") or ()):
            raise InvalidRequestException("A manifest needs the fields Bucket and Key")
        return
    said = (generator or {}).get("S3JobManifestGenerator") or {}
    if not said.get("SourceBucket"):
        raise InvalidRequestException("A manifest generator needs a SourceBucket")
    if said.get("EnableManifestOutput"):
        raise NotImplementedHere("EnableManifestOutput of s3control:CreateJob")
    for member in ("MatchAnyObjectEncryption",):
        if member in (said.get("Filter") or {}):
            raise NotImplementedHere(f"the filter {member} of s3control:CreateJob")


def _found(call: Call, id: str) -> Job:
    job = call.shelf(Job).get(id)
    if job is None:
        raise NoSuchJob
    return job


def DescribeJob(call: Call, *, AccountId: str, JobId: str) -> dict:
    return {"Job": _found(call, JobId).shown(_arn(call, JobId))}


def ListJobs(
    call: Call, *, AccountId: str, JobStatuses: list[str] | None = None, MaxResults: int | None = None, NextToken: str | None = None
) -> dict:
    """The newest first, a thousand at a time; a token is the job that the last page ended with."""
    listed: list[dict] = []
    for job in sorted(call.shelf(Job).values(), key=lambda job: -job.created):
        if JobStatuses and job.status not in JobStatuses:
            continue
        shown = job.shown(_arn(call, job.id))
        named = {
            name: shown[name]
            for name in ("JobId", "Description", "Priority", "Status", "CreationTime", "TerminationDate", "ProgressSummary")
            if name in shown
        }
        listed.append({**named, "Operation": next(iter(job.operation))})
    ids = [shown["JobId"] for shown in listed]
    if NextToken is not None and NextToken not in ids:
        raise InvalidNextTokenException
    rest = listed[ids.index(NextToken) + 1 :] if NextToken is not None else listed
    page = rest[: MaxResults or JOBS_LISTED_MAX]
    return {"Jobs": page} | ({"NextToken": page[-1]["JobId"]} if len(page) < len(rest) else {})


def UpdateJobPriority(call: Call, *, AccountId: str, JobId: str, Priority: int) -> dict:
    """Jobs run one after the other, the one with the highest priority first."""
    job = _found(call, JobId)
    if job.status in ENDED:
        raise BadRequestException(f"The job is {job.status}")
    call.shelf(Job)[JobId] = changed(job, priority=Priority)
    return {"JobId": JobId, "Priority": Priority}


def UpdateJobStatus(
    call: Call, *, AccountId: str, JobId: str, RequestedJobStatus: str, StatusUpdateReason: str | None = None
) -> dict:
    """A job that awaits confirmation begins with Ready; any that has not ended can be cancelled."""
    job = _found(call, JobId)
    if job.status in ENDED or RequestedJobStatus not in ("Ready", "Cancelled"):
        raise JobStatusException(f"The requested job status {RequestedJobStatus} is not allowed for a job that is {job.status}")
    if RequestedJobStatus == "Ready" and job.status not in ("Suspended", "Ready"):
        raise JobStatusException(f"The requested job status Ready is not allowed for a job that is {job.status}")
    ended = call.now() if RequestedJobStatus == "Cancelled" else 0.0
    call.shelf(Job)[JobId] = changed(job, status=RequestedJobStatus, reason=StatusUpdateReason or "", ended=ended)
    call.after_commit(lambda: call.home.wake(JOBS))
    return {"JobId": JobId, "Status": RequestedJobStatus, **({"StatusUpdateReason": StatusUpdateReason} if StatusUpdateReason else {})}


def GetJobTagging(call: Call, *, AccountId: str, JobId: str) -> dict:
    return {"Tags": [{"Key": key, "Value": value} for key, value in _found(call, JobId).tags.items()]}


def PutJobTagging(call: Call, *, AccountId: str, JobId: str, Tags: list[dict[str, str]]) -> dict:
    job = _found(call, JobId)
    call.shelf(Job)[JobId] = changed(job, tags={tag["Key"]: tag["Value"] for tag in Tags})
    return {}


def DeleteJobTagging(call: Call, *, AccountId: str, JobId: str) -> dict:
    call.shelf(Job)[JobId] = changed(_found(call, JobId), tags={})
    return {}


# Public access to all buckets of an account ----------------------------------------------------------

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/configuring-block-public-access-account.html; the errors are as localstack's
# TestS3ControlPublicAccessBlock recorded them.


async def PutPublicAccessBlock(call: Call, *, AccountId: str, PublicAccessBlockConfiguration: dict[str, bool]) -> dict:
    if not PublicAccessBlockConfiguration:
        raise InvalidRequest("Must specify at least one configuration.")
    await _tell(call, PublicAccess(**PublicAccessBlockConfiguration))
    return {}


def GetPublicAccessBlock(call: Call, *, AccountId: str) -> dict:
    access = of_accounts(call.home).get(AccountId)
    if access is None:
        raise NoSuchPublicAccessBlockConfiguration(AccountId=AccountId)
    return {"PublicAccessBlockConfiguration": access.told()}


async def DeletePublicAccessBlock(call: Call, *, AccountId: str) -> dict:
    await _tell(call, None)
    return {}


async def _tell(call: Call, access: PublicAccess | None) -> None:
    told = None if access is None else access.told()
    await call.home.exchange(GLOBAL, "s3control", {"do": "public access", "account": call.account, "access": told})
