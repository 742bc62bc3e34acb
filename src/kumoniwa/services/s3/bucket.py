"""Buckets: who owns a name, where it lives, and what is configured for it.

A name is claimed in ``aws-global`` by the very operation that makes a bucket: run there, CreateBucket only enters the
name in the registry and DeleteBucket only strikes it out. Every region follows the registry, so that each knows whose
any bucket is and which region to send a lost client to.
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from hashlib import sha256
from typing import Any

from kumoniwa.aws.regions import is_region
from kumoniwa.gate.access_point import through
from kumoniwa.gate.address import GLOBAL
from kumoniwa.gate.authorize import AccessDenied
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.names import BucketName
from kumoniwa.gate.public_access import BLOCKED, PublicAccess
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import Record
from kumoniwa.services.s3 import point, storage
from kumoniwa.services.s3.acl import CLOSED, ENFORCED, OWNERSHIPS, Grant, grants_of
from kumoniwa.services.s3.tag import tags_of_new
from kumoniwa.wire.message import Request

S3_ITSELF = "s3.amazonaws.com"
OLD_NAMES = {"EU": "eu-west-1"}
"""Of regions, in the constraints of who makes a bucket, and told again as they were said:
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html"""
LIST_MAX = 10_000


class NoSuchBucket(AwsError):
    status = 404
    message = "The specified bucket does not exist"


class InvalidBucketName(AwsError):
    status = 400
    message = "The specified bucket is not valid."


class BucketAlreadyExists(AwsError):
    message = (
        "The requested bucket name is not available. The bucket namespace is shared by all users of the system. "
        "Please select a different name and try again."
    )


class BucketAlreadyOwnedByYou(AwsError):
    message = "Your previous request to create the named bucket succeeded and you already own it."


class BucketNotEmpty(AwsError):
    status = 409
    message = "The bucket you tried to delete is not empty"


class VersionedBucketNotEmpty(BucketNotEmpty):
    code = "BucketNotEmpty"
    message = "The bucket you tried to delete is not empty. You must delete all versions in the bucket."


class PermanentRedirect(AwsError):
    status = 301
    message = (
        "The bucket you are attempting to access must be addressed using the specified endpoint. "
        "Please send all future requests to this endpoint."
    )


class TemporaryRedirect(AwsError):
    status = 307
    message = (
        "Please re-send this request to the specified temporary endpoint. Continue to use the original request endpoint for "
        "future requests."
    )


def redirect(request: Request | None, name: str, region: str) -> AwsError:
    """Where a bucket of another region must be asked. At the one name for all regions it is only for as long as no name server knows
    the new bucket, which here is always: https://docs.aws.amazon.com/AmazonS3/latest/developerguide/RESTRedirect.html"""
    endpoint = f"{name}.s3.{region}.amazonaws.com"
    headers = {"x-amz-bucket-region": region}
    if request is None or request.host.partition(":")[0].lower() != f"{name}.s3.amazonaws.com":
        error: AwsError = PermanentRedirect(Endpoint=endpoint, Bucket=name)
    else:
        error = TemporaryRedirect(Endpoint=endpoint, Bucket=name)
        target = f"{request.path}?{request.query}" if request.query else request.path
        headers["Location"] = f"{'https' if request.is_tls else 'http'}://{endpoint}{target}"
    error.headers = headers
    return error


class IllegalLocationConstraintException(AwsError):
    status = 400


class InvalidLocationConstraint(AwsError):
    status = 400
    message = "The specified location-constraint is not valid"


class AuthorizationHeaderMalformed(AwsError):
    status = 400


class InvalidBucketOwnerAWSAccountID(AwsError):
    """Recorded: localstack's test_get_bucket_policy_invalid_account_id."""

    status = 400


class NothingPosted(AwsError):
    code = "MethodNotAllowed"
    status = 405
    message = "The specified method is not allowed against this resource."


class InvalidArgument(AwsError):
    status = 400


class InvalidRequest(AwsError):
    status = 400


SSE_C = "SSE-C"


def blocked_at_first(region: str) -> str:
    """What a new bucket blocks, since April 2026: https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-s3-c-encryption-setting-faq.html"""
    return "NONE" if region in ("me-south-1", "me-central-1") else SSE_C


class Bucket(Record):
    name: str
    id: str
    """What its objects' rows are kept under: a bucket made anew has none of its predecessor's."""
    created: float
    versioning: str = ""
    """``Enabled``, ``Suspended``, or empty for a bucket that never was versioned."""
    mfa_delete: str = ""
    """``Enabled``, ``Disabled``, or empty for a bucket for which nobody said either."""
    ownership: str | None = ENFORCED
    access: PublicAccess | None = BLOCKED
    grants: tuple[Grant, ...] = CLOSED
    policy: str = ""
    tags: dict[str, str] = {}
    is_told_by_tags: bool = False
    """Whether policies are told of its tags."""
    cors: tuple[dict[str, Any], ...] = ()
    encryption: tuple[dict[str, Any], ...] = ()
    blocked_encryption: str = SSE_C
    """``SSE-C`` where nothing may be written under keys that clients bring, or ``NONE``."""
    lock: dict[str, Any] = {}
    """The ObjectLockConfiguration, empty where versions are never locked."""
    lifecycle: tuple[dict[str, Any], ...] = ()
    least_moved: str = ""
    """The lifecycle's TransitionDefaultMinimumObjectSize."""
    website: dict[str, Any] = {}
    logging: dict[str, Any] = {}
    replication: dict[str, Any] = {}
    payer: str = "BucketOwner"
    acceleration: str = ""
    metrics: dict[str, dict[str, Any]] = {}
    """Each MetricsConfiguration by its id, and so with the next three."""
    analytics: dict[str, dict[str, Any]] = {}
    tiering: dict[str, dict[str, Any]] = {}
    inventories: dict[str, dict[str, Any]] = {}
    notification: dict[str, Any] = {}
    """The NotificationConfiguration, empty where nobody is told."""

    @property
    def has_acls(self) -> bool:
        return self.ownership != ENFORCED


_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_RESERVED_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html


def check_name(name: str) -> None:
    if (
        _NAME.fullmatch(name) is None
        or ".." in name
        or _ADDRESS.fullmatch(name)
        or name.startswith(_RESERVED_STARTS[:2])
        or name.endswith(_RESERVED_ENDS)
    ):
        raise InvalidBucketName(BucketName=name)


@lru_cache(maxsize=1024)
def canonical_id(account: str) -> str:
    """The canonical user id of an account: 64 hexadecimal digits that tell nothing."""
    return sha256(f"canonical user {account}".encode()).hexdigest()


def location(home: Any, name: str) -> BucketName | None:
    """What the registry of names says of a bucket."""
    return home.store.shelf(SHARED, BucketName).get(name)


def owner_of(call: Call, operation: str, params: dict[str, Any]) -> str | None:
    """The account of the bucket that is asked for, before anybody asks whether they may. Raises NoSuchBucket or
    PermanentRedirect, which AWS answers to everybody."""
    name = params.get("Bucket")
    region = call.home.name
    if region == GLOBAL:
        # Some tools sign for the place that names no region: recorded, also of HeadBucket, by localstack's test_create_bucket_aws_global.
        _must_be_s3_itself(call)
    if operation == "CompleteMultipartUpload" and "UploadId" not in params:
        # The one thing that is posted to a key by its path alone is nothing at all.
        raise NothingPosted(Method="POST", ResourceType="OBJECT")
    if call.request is not None and call.request.address is not None and call.request.address.through:
        point.check(call, operation)
    if name is None or operation == "CreateBucket" or (operation == "DeleteBucket" and region == GLOBAL):
        return None
    place = location(call.home, name)
    if place is None:
        raise NoSuchBucket(BucketName=name)
    if place.region != region and not (operation == "GetBucketLocation" and region == "us-east-1"):
        raise redirect(call.request, name, place.region)
    expected = params.get("ExpectedBucketOwner")
    if expected is not None and expected != place.account:
        if re.fullmatch("[0-9]{12}", expected) is None:
            raise InvalidBucketOwnerAWSAccountID(
                f"The value of the expected bucket owner parameter must be an AWS Account ID... [{expected[:1024]}]"
            )
        raise AccessDenied
    bucket = call.home.store.shelf(place.account, Bucket).get(name)
    if bucket is not None:
        _check_way(call, bucket, place.account, params)
    return place.account


def _check_way(call: Call, bucket: Bucket, account: str, params: dict[str, Any]) -> None:
    """Where requesters pay, others than the owner say that they will; the accelerated endpoint is there for who enabled it."""
    if bucket.payer == "Requester" and call.principal.account != account and call.principal.kind != "service":
        if params.get("RequestPayer") != "requester" or not call.principal.account:
            raise AccessDenied(hint="The bucket's requesters pay: send RequestPayer='requester'.")
    if bucket.acceleration != "Enabled" and call.request is not None and ".s3-accelerate." in call.request.host:
        raise InvalidRequest("S3 Transfer Acceleration is not configured on this bucket")


def found(call: Call, name: str) -> Bucket:
    """The bucket of that name in this region. Raises NoSuchBucket."""
    bucket = call.shelf(Bucket).get(name)
    if bucket is None:
        raise NoSuchBucket(BucketName=name)
    return bucket


def canonical_user(principal: Principal) -> str:
    """The id by which S3 knows a caller: its account's, or one of its own, as an origin access identity has."""
    return principal.context.get("canonicaluser") or canonical_id(principal.account)


def require(call: Call, action: str, arn: str, **context: Any) -> None:
    """One more permission on something of S3's, whose lists of grants name accounts by their canonical ids."""
    if call.principal.account:
        context["canonicaluser"] = canonical_user(call.principal)
    by = through(call)
    if by is not None:
        context |= point.conditions(by)
        call.require(action, point.arn_by(by, arn), **context)
    call.require(action, arn, **context)


def arn(call: Call, bucket: str, key: str = "") -> str:
    return (
        f"arn:{call.home.partition}:s3:::{bucket}/{key}"
        if key
        else f"arn:{call.home.partition}:s3:::{bucket}"
    )


def token_of(key: str) -> str:
    return base64.urlsafe_b64encode(b"\1" + key.encode("utf-8", "surrogatepass")).decode()


def token_text(token: str) -> str:
    try:
        body = base64.urlsafe_b64decode(token)
        if body[:1] == b"\1":
            return body[1:].decode()
    except (binascii.Error, ValueError):
        pass
    raise InvalidArgument("The continuation token provided is incorrect", ArgumentName="continuation-token")


# The registry of names, in aws-global ----------------------------------------------------------------


def _must_be_s3_itself(call: Call) -> None:
    if call.principal.arn != S3_ITSELF:
        raise AuthorizationHeaderMalformed(
            f"The authorization header is malformed; the region '{GLOBAL}' is wrong; expecting 'us-east-1'",
            Region="us-east-1",
        )


def _named(call: Call, name: str, constraint: str) -> BucketName:
    region = OLD_NAMES.get(constraint, constraint)
    said = constraint if constraint != region else ""
    return BucketName(name=name, account=call.account, region=region, created=call.now(), constraint=said)


def _claim(call: Call, name: str, constraint: str) -> None:
    _must_be_s3_itself(call)
    new = _named(call, name, constraint)
    names = call.home.store.shelf(SHARED, BucketName)
    held = names.get(name)
    if held is None:
        names[name] = new
    elif held.account != call.account:
        raise BucketAlreadyExists(BucketName=name)
    elif held.region != new.region:
        raise BucketAlreadyOwnedByYou(BucketName=name)
    # The same bucket again: the region knows whether it stands, or was cut short after the name was claimed.


def _release(call: Call, name: str) -> None:
    _must_be_s3_itself(call)
    names = call.home.store.shelf(SHARED, BucketName)
    held = names.get(name)
    if held is not None and held.account == call.account:
        del names[name]


# Operations ------------------------------------------------------------------------------------------


class InvalidNamespaceHeader(AwsError):
    status = 400


class InvalidBucketNamespace(AwsError):
    status = 400


class MissingNamespaceHeader(AwsError):
    status = 400
    message = (
        "The requested bucket is an account-regional namespace bucket, but your request is missing the required "
        "x-amz-bucket-namespace header."
    )


ACCOUNT_REGIONAL = "account-regional"
_RESERVED = re.compile(r".*-\d{12}-[a-z]{2}(-[a-z]+)+-\d+-an")


def _check_namespace(call: Call, name: str, namespace: str | None) -> None:
    """A name ends with its account, its region and ``-an`` if and only if it is asked for in the account's own namespace.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html"""
    if namespace not in (None, "global", ACCOUNT_REGIONAL):
        raise InvalidArgument(f"Invalid x-amz-bucket-namespace header: {namespace}", ArgumentName="x-amz-bucket-namespace")
    if namespace == ACCOUNT_REGIONAL:
        suffix = f"-{call.account}-{call.region}-an"
        if name.endswith("-an") and not name.endswith(suffix):
            # The code is that of the AWS CLI's test_short_an_suffix_sends_namespace_header; the words are not recorded.
            raise InvalidBucketNamespace(
                f"The requested bucket is an account-regional namespace bucket, but the bucket name does not end with {suffix}. "
                "Specify the targeted account and region in the bucket name.",
                BucketNamespace=name,
            )
        if not name.endswith(suffix) or name == suffix:
            raise InvalidNamespaceHeader(
                "The requested bucket name did not include the account-regional namespace suffix, but the provided "
                f"x-amz-bucket-namespace header value is account-regional. Specify {suffix} as the bucket name suffix to create a "
                "bucket in your account-regional namespace, or remove the header."
            )
    elif _RESERVED.fullmatch(name):
        raise MissingNamespaceHeader(header="x-amz-bucket-namespace")


async def CreateBucket(
    call: Call,
    *,
    Bucket: str,
    CreateBucketConfiguration: dict | None = None,
    ACL: str | None = None,
    GrantFullControl: str | None = None,
    GrantRead: str | None = None,
    GrantReadACP: str | None = None,
    GrantWrite: str | None = None,
    GrantWriteACP: str | None = None,
    ObjectLockEnabledForBucket: bool | None = None,
    ObjectOwnership: str | None = None,
    BucketNamespace: str | None = None,
) -> dict | None:
    """In us-east-1 making one's own bucket again succeeds, as it always has; elsewhere it is refused. Its endpoint is the
    old global one too: what shall stand in another region is made there."""
    said = CreateBucketConfiguration or {}
    if call.region == GLOBAL:
        return _claim(call, Bucket, said.get("LocationConstraint", ""))
    for member in said:
        if member not in ("LocationConstraint", "Tags"):
            raise NotImplementedHere(f"the parameter CreateBucketConfiguration.{member} of s3:CreateBucket")
    check_name(Bucket)
    where = _region_meant(call, said.get("LocationConstraint") or "")
    if where != call.region:
        asked = {
            "CreateBucketConfiguration": said, "ACL": ACL, "GrantFullControl": GrantFullControl, "GrantRead": GrantRead,
            "GrantReadACP": GrantReadACP, "GrantWrite": GrantWrite, "GrantWriteACP": GrantWriteACP,
            "ObjectLockEnabledForBucket": ObjectLockEnabledForBucket, "ObjectOwnership": ObjectOwnership,
            "BucketNamespace": BucketNamespace,
        }  # fmt: skip
        asked = {name: value for name, value in asked.items() if value is not None}
        return await call.ask("s3:CreateBucket", to_region=where, Bucket=Bucket, **asked)
    _check_namespace(call, Bucket, BucketNamespace)
    if ObjectOwnership is not None and ObjectOwnership not in OWNERSHIPS:
        raise InvalidArgument(
            "Invalid x-amz-object-ownership header: " + ObjectOwnership, ArgumentName="x-amz-object-ownership"
        )
    ownership = ObjectOwnership or ENFORCED
    header = {
        "FULL_CONTROL": GrantFullControl,
        "READ": GrantRead,
        "READ_ACP": GrantReadACP,
        "WRITE": GrantWrite,
        "WRITE_ACP": GrantWriteACP,
    }
    grants = grants_of(ACL, header, is_bucket=True)
    if ownership == ENFORCED and grants not in (None, CLOSED):
        raise InvalidBucketAclWithObjectOwnership
    if any(grant.is_public for grant in grants or ()):
        # A new bucket blocks public ACLs from its first moment.
        raise InvalidBucketAclWithBlockPublicAccessError
    tags = tags_of_new(call, said.get("Tags") or [])
    constraint = said.get("LocationConstraint") or call.region
    await call.acting(S3_ITSELF).ask(
        "s3:CreateBucket",
        to_region=GLOBAL,
        Bucket=Bucket,
        CreateBucketConfiguration={"LocationConstraint": constraint},
    )
    return _created(call, _named(call, Bucket, constraint), ownership, grants or CLOSED, tags, bool(ObjectLockEnabledForBucket))


class InvalidBucketAclWithBlockPublicAccessError(AwsError):
    """As cdk-preflight saw it of AWS (pf-s3-acl-public-blocked), and https://github.com/emgarten/Sleet/issues/180. Neither told the code, which is
    made like that of ownership's."""

    status = 400
    message = "Bucket cannot have public ACLs set with BlockPublicAccess enabled"


class InvalidBucketAclWithObjectOwnership(AwsError):
    status = 400
    message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"


def _region_meant(call: Call, constraint: str) -> str:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html"""
    region, ours = OLD_NAMES.get(constraint, constraint), call.home.settings.regions
    if call.region == "us-east-1":
        if constraint == "us-east-1" or (region and (region not in ours if ours else not is_region(region))):
            raise InvalidLocationConstraint(LocationConstraint=constraint)
        return region or call.region
    if region != call.region:
        named = constraint or "unspecified"
        raise IllegalLocationConstraintException(
            f"The {named} location constraint is incompatible for the region specific endpoint this request was sent to."
        )
    return region


def _created(
    call: Call, named: BucketName, ownership: str, grants: tuple[Grant, ...], tags: dict[str, str], is_locking: bool
) -> dict:
    buckets, name = call.shelf(Bucket), named.name
    if name in buckets:
        # Tags that come with it would go nowhere: localstack's test_create_bucket_with_tags_us_east_1_idempotency.
        if call.region != "us-east-1" or tags:
            raise BucketAlreadyOwnedByYou(BucketName=name)
    else:
        buckets[name] = Bucket(
            name=name, id=call.ids.hex(12), created=named.created, ownership=ownership, grants=grants, tags=tags,
            versioning="Enabled" if is_locking else "", lock={"ObjectLockEnabled": "Enabled"} if is_locking else {},
            blocked_encryption=blocked_at_first(call.region),
        )  # fmt: skip
        # The registry's own word may take a while to arrive here.
        names = call.home.store.shelf(SHARED, BucketName)
        if name not in names:
            names[name] = named
    where = f"/{name}" if call.region == "us-east-1" else f"http://{name}.s3.amazonaws.com/"
    return {"Location": where, "BucketArn": arn(call, name)}


async def DeleteBucket(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> None:
    if call.region == GLOBAL:
        return _release(call, Bucket)
    _delete(call, Bucket)
    await call.acting(S3_ITSELF).ask("s3:DeleteBucket", to_region=GLOBAL, Bucket=Bucket)
    return _forgotten(call, Bucket)


def _forgotten(call: Call, name: str) -> None:
    names = call.home.store.shelf(SHARED, BucketName)
    if name in names and name not in call.shelf(Bucket):
        del names[name]


def _delete(call: Call, name: str) -> None:
    """A name without its bucket is left by a region that ended before the registry heard: then only the name is released."""
    buckets = call.shelf(Bucket)
    bucket = buckets.get(name)
    if bucket is None:
        return
    rows = call.rows(storage.OBJECTS)
    if rows.one("select 1 from s3_object where bucket = ? and is_live = 1 limit 1", bucket.id):
        raise BucketNotEmpty(BucketName=name)
    if rows.one("select 1 from s3_object where bucket = ? and is_live = 0 limit 1", bucket.id):
        raise VersionedBucketNotEmpty(BucketName=name)
    point.check_none(call, name)
    storage.forget_uploads(call, bucket.id)
    del buckets[name]


def _is_asked_by_alias(call: Call) -> bool:
    """Whether the name in the request is an access point's alias, in its host or path."""
    by = through(call)
    return by is not None and (call.request.address.name == by.alias or call.request.path.strip("/") == by.alias)


def HeadBucket(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> dict:
    found(call, Bucket)
    return {"BucketRegion": call.region, "BucketArn": arn(call, Bucket), "AccessPointAlias": _is_asked_by_alias(call)}


def GetBucketLocation(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> dict:
    """The oldest endpoint tells it of every bucket: so clients find out where theirs is."""
    place = location(call.home, Bucket)
    if place is None or place.region == call.region:
        found(call, Bucket)
    where = (place.constraint or place.region) if place is not None else call.region
    return {} if where == "us-east-1" else {"LocationConstraint": where}


def ListBuckets(
    call: Call,
    *,
    MaxBuckets: int | None = None,
    ContinuationToken: str | None = None,
    Prefix: str | None = None,
    BucketRegion: str | None = None,
) -> dict:
    """The account's buckets of all regions, from any region. Their regions are told to those who asked with a parameter."""
    if MaxBuckets is not None and not 1 <= MaxBuckets <= LIST_MAX:
        raise InvalidArgument(
            "Argument max-buckets must be an integer between 1 and 10000",
            ArgumentName="max-buckets",
            ArgumentValue=MaxBuckets,
        )
    if BucketRegion is not None and not is_region(BucketRegion):
        raise InvalidArgument(f"Argument value {BucketRegion[:1024]} is not a valid AWS Region", ArgumentName="bucket-region")
    after = token_text(ContinuationToken) if ContinuationToken else ""
    is_detailed = any(value is not None for value in (MaxBuckets, Prefix, BucketRegion, ContinuationToken))
    mine = sorted(
        (
            held
            for held in call.home.store.shelf(SHARED, BucketName).values()
            if held.account == call.account
            and held.name > after
            and held.name.startswith(Prefix or "")
            and BucketRegion in (None, held.region)
        ),
        key=lambda held: held.name,
    )
    page = mine[: MaxBuckets or LIST_MAX]
    shown = [{"Name": held.name, "CreationDate": float(int(held.created))} for held in page]
    if is_detailed:
        shown = [
            {**each, "BucketRegion": held.region, "BucketArn": arn(call, held.name)}
            for each, held in zip(shown, page)
        ]
    reply: dict[str, Any] = {"Owner": {"ID": canonical_id(call.account)}, "Buckets": shown}
    if Prefix is not None:
        reply["Prefix"] = Prefix
    if len(mine) > len(page):
        reply["ContinuationToken"] = token_of(page[-1].name)
    return reply
