"""Server access logs: a line for every request to a bucket, put into another bucket some time later; and a record of JSON, for CloudWatch
Logs to deliver where that was asked for.

Lines wait as rows; what is delivered is put there by the logging service as itself, so that the target's policy or grants
must let it. Delivery is an attempt, as on AWS: lines that may not be put are dropped.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/sal-cw-log-format.html
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import orjson

from kumoniwa.gate import identity
from kumoniwa.gate.access_point import asked_by
from kumoniwa.gate.backlog import Backlog, Batch
from kumoniwa.gate.vended_logs import SERVER_ACCESS, SERVER_ACCESS_FIELDS, is_wanted_nearby
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.ids import host_id
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import changed
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3.acl import LOGGING, PERMISSIONS
from kumoniwa.services.s3.bucket import Bucket, arn, canonical_id, found, location
from kumoniwa.services.s3.request_metric import body_bytes
from kumoniwa.services.s3.watched import look_again
from kumoniwa.store.rows import Table
from kumoniwa.wire.message import Request, Response
from kumoniwa.wire.timestamps import MONTHS, to_millisecond
from kumoniwa.wire.xml import MalformedXML

if TYPE_CHECKING:
    from kumoniwa.gate.route import Route

DELIVERED_AFTER_S = {"instant": 1.0, "real": 3600.0}
LINES_PER_OBJECT_MAX = 10_000
LINES = Table(
    "s3_access_log",
    "create table if not exists s3_access_log (id integer primary key, bucket text, at real, line text)",
)
WAITING = ("s3", "access log")
"""What wakes the delivery when a first line waits."""
BACKLOG = Backlog("s3", 3_600.0)
"""Records, on their way to CloudWatch Logs."""
_IN_LINE = (
    "bucket_owner_id", "bucket_name", "request_time", *SERVER_ACCESS_FIELDS[SERVER_ACCESS_FIELDS.index("remote_ip"):],
)  # fmt: skip
"""A line has the fields of a record in their order, but for what is told of a record itself."""
_QUOTED = frozenset(("request_uri", "referer", "user_agent"))


class InvalidTargetBucketForLogging(AwsError):
    status = 400
    message = "The target bucket for logging does not exist"


class CrossLocationLoggingProhibitted(AwsError):
    """Spelled as AWS spells it; recorded, with the blank: localstack's test_put_bucket_logging_cross_locations."""

    status = 403
    message = "Cross S3 location logging not allowed. "


# Operations ------------------------------------------------------------------------------------------


def PutBucketLogging(
    call: Call,
    *,
    Bucket: str,
    BucketLoggingStatus: dict[str, Any] | None = None,
    ChecksumAlgorithm: str | None = None,
    ContentMD5: str | None = None,
    ExpectedBucketOwner: str | None = None,
) -> None:
    bucket = found(call, Bucket)
    bodies.check_document(call)
    if BucketLoggingStatus is None:
        raise MalformedXML
    said = BucketLoggingStatus.get("LoggingEnabled")
    if said is not None:
        _check_target(call, said)
    call.shelf(type(bucket))[Bucket] = changed(bucket, logging=said or {})
    look_again(call)


def _check_target(call: Call, said: dict[str, Any]) -> None:
    if not said.get("TargetBucket") or "TargetPrefix" not in said:
        raise MalformedXML
    format = said.get("TargetObjectKeyFormat") or {}
    if len(format) > 1 or format.get("PartitionedPrefix", {}).get("PartitionDateSource", "EventTime") not in ("EventTime", "DeliveryTime"):
        raise MalformedXML
    name = said["TargetBucket"]
    place = location(call.home, name)
    if place is None:
        raise InvalidTargetBucketForLogging(TargetBucket=name)
    if place.account != call.account:
        raise InvalidTargetBucketForLogging("The owner for the bucket to be logged and the target bucket must be the same.", TargetBucket=name)
    if place.region != call.region:
        # The oldest region's buckets have no location.
        there, here = (("TargetBucketLocation", place.region), ("SourceBucketLocation", call.region))
        raise CrossLocationLoggingProhibitted(**{name: region for name, region in (here, there) if region != "us-east-1"})
    target = found(call, name)
    if "TargetGrants" in said:
        if not target.has_acls:
            raise InvalidTargetBucketForLogging(
                "Target grants not supported for buckets with bucket owner enforced ObjectOwnership", TargetBucket=name
            )
        _check_grants(said["TargetGrants"])


def _check_grants(grants: list[dict[str, Any]]) -> None:
    """AWS takes more permissions than it documents: localstack's test_put_bucket_logging_accept_wrong_grants."""
    for each in grants:
        if each.get("Permission") not in PERMISSIONS or not grantee_of(each):
            raise MalformedXML


def grantee_of(grant: dict[str, Any]) -> str:
    """As a header names it; empty for none."""
    grantee = grant.get("Grantee") or {}
    kinds = {"ID": "id", "URI": "uri", "EmailAddress": "emailAddress"}
    return next((f'{kinds[name]}="{grantee[name]}"' for name in kinds if grantee.get(name)), "")


def GetBucketLogging(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> dict:
    logging = found(call, Bucket).logging
    return {"LoggingEnabled": logging} if logging else {}


# Lines -----------------------------------------------------------------------------------------------


def note(call: Call, bucket: Bucket, route: Route, request: Request, request_id: str, response: Response, began: float) -> None:
    """Have a request be a line, if its bucket logs, and a record, if somebody wants those delivered."""
    is_wanted = is_wanted_nearby(call, arn(call, bucket.name))
    if not bucket.logging and not is_wanted:
        return
    told = _told(call, route, request, request_id, response, began)
    if bucket.logging:
        line = _line(told, began)
        call.rows(LINES).run("insert into s3_access_log (bucket, at, line) values (?,?,?)", bucket.name, began, line)
        call.home.wake(WAITING)
    if is_wanted:
        BACKLOG.add(call.home, call.account, bucket.name, orjson.dumps(told))


def _told(call: Call, route: Route, request: Request, request_id: str, response: Response, began: float) -> dict[str, Any]:
    """All that is known of a request, as records have it. What is not known here is null: which ciphers were agreed upon, and whether an ACL
    was needed."""
    headers, labels, took_ms = request.headers, request.labels or {}, int((call.now() - began) * 1000)
    error = (
        response.body.partition(b"<Code>")[2].partition(b"</Code>")[0].decode()
        if response.status >= 300 and isinstance(response.body, bytes)
        else ""
    )
    sent = body_bytes(response) or ""
    size = response.headers.get("Content-Range", "").rpartition("/")[2] or (
        sent if route.name == "GetObject" and response.status == 200 else headers.get("content-length") if route.takes_stream else ""
    )
    target, name = request.path + (f"?{request.query}" if request.query else ""), labels["Bucket"]
    is_signed = request.address is not None and request.address.access_key is not None
    told = {
        "schema_version_id": "V_1_0", "bucket_arn": arn(call, name), "bucket_name": name, "request_time": to_millisecond(began),
        "bucket_owner_id": canonical_id(call.account), "remote_ip": "127.0.0.1", "requester": _requester(call, request),
        "request_id": request_id, "operation": _operation(route, request), "key_name": labels.get("Key"),
        "request_uri": f"{request.method} {target} HTTP/1.1", "http_status": response.status, "error_code": error,
        "bytes_sent_size": _number(sent), "object_size": _number(size), "total_duration": took_ms, "turn_around_duration": took_ms,
        "referer": headers.get("referer"), "user_agent": headers.get("user-agent"), "version_id": response.headers.get("x-amz-version-id"),
        "host_id": host_id(request_id), "signature_version": "SigV4" if is_signed else None,
        "authentication_type": None if not is_signed else "AuthHeader" if "authorization" in headers else "QueryString",
        "host_header": request.host, "tls_version": "TLSv1.2" if request.is_tls else None, "access_point_arn": _point(call, request),
    }  # fmt: skip
    return {field: None if told.get(field) == "" else told.get(field) for field in SERVER_ACCESS_FIELDS}


def _number(size: Any) -> int | None:
    return int(size) if str(size).isdecimal() else None


def _line(told: dict[str, Any], began: float) -> str:
    at, key = time.gmtime(began), told["key_name"]
    text = {field: "-" if value is None else str(value) for field, value in told.items()} | {
        "request_time": f"[{at.tm_mday:02d}/{MONTHS[at.tm_mon]}/{at.tm_year}:{at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d} +0000]",
        "key_name": key.replace(" ", "+") if key else "-",
    }
    return " ".join(f'"{text[field]}"' if field in _QUOTED else text[field] for field in _IN_LINE)


def _point(call: Call, request: Request) -> str:
    """The ARN of the access point by which the request came."""
    point = asked_by(call.home, request)
    return point.arn if point is not None else ""


def _requester(call: Call, request: Request) -> str | None:
    if request.address is None or request.address.access_key is None:
        return None
    try:
        token = request.headers.get("x-amz-security-token")
        who: Principal = identity.identify(call.home, request.address.access_key, token, "s3")[0]
    except AwsError:
        return None
    return canonical_id(who.account) if who.kind == "root" else who.arn


_RESOURCES = {
    "": "BUCKET", "acl": "ACL", "accelerate": "ACCELERATE", "attributes": "OBJECT_ATTRIBUTES", "cors": "CORS",
    "delete": "MULTI_OBJECT_DELETE", "encryption": "ENCRYPTION",
    "legal-hold": "OBJECT_LOCK_LEGALHOLD", "lifecycle": "LIFECYCLE", "list-type": "BUCKET", "location": "LOCATION",
    "logging": "LOGGING_STATUS", "notification": "NOTIFICATION", "object-lock": "OBJECT_LOCK_CONFIGURATION",
    "ownershipControls": "OWNERSHIP_CONTROLS", "policy": "BUCKETPOLICY", "policyStatus": "POLICY_STATUS",
    "publicAccessBlock": "PUBLIC_ACCESS_BLOCK", "replication": "REPLICATION", "requestPayment": "REQUEST_PAYMENT",
    "restore": "RESTORE", "retention": "OBJECT_LOCK_RETENTION", "uploads": "UPLOADS", "versioning": "VERSIONING",
    "versions": "BUCKETVERSIONS", "website": "WEBSITE",
}  # fmt: skip


def _operation(route: Route, request: Request) -> str:
    """``REST.GET.OBJECT``: the method, and what it was about."""
    method, has_key = request.method, "Key" in (request.labels or {})
    if route.name in ("CopyObject", "UploadPartCopy"):
        return f"REST.COPY.{'OBJECT' if route.name == 'CopyObject' else 'PART'}"
    asked = route.model.uri.partition("?")[2].partition("=")[0].partition("&")[0]
    if asked == "tagging":
        return f"REST.{method}.{'OBJECT_TAGGING' if has_key else 'TAGGING'}"
    if route.name in ("UploadPart", "ListParts", "CompleteMultipartUpload", "AbortMultipartUpload"):
        return f"REST.{method}.{'PART' if route.name == 'UploadPart' else 'UPLOAD'}"
    if has_key and asked in ("", "x-id"):
        return f"REST.{method}.OBJECT"
    return f"REST.{method}.{_RESOURCES.get(asked, asked.upper())}"


# Delivery --------------------------------------------------------------------------------------------


async def run(region: Any) -> None:
    """Put what waits into its targets, a while after the first line came."""
    while True:
        is_waiting = False
        for call in region.calls("s3", LOGGING):
            is_waiting |= await _delivered(call)
        if not is_waiting:
            await region.wait(WAITING, region.clock.now() + 86_400)
        await asyncio.sleep(DELIVERED_AFTER_S[region.settings.pace])


async def _delivered(call: Call) -> bool:
    """Put the oldest lines of every bucket of an account; answers whether more wait."""
    rows, more = call.rows(LINES), False
    for (name,) in rows.all("select distinct bucket from s3_access_log"):
        lines = rows.all("select id, at, line from s3_access_log where bucket = ? order by id limit ?", name, LINES_PER_OBJECT_MAX)
        more |= len(lines) == LINES_PER_OBJECT_MAX
        bucket = call.shelf(Bucket).get(name)
        if bucket is not None and bucket.logging:
            await _put(call, bucket, lines)
        rows.run("delete from s3_access_log where bucket = ? and id <= ?", name, lines[-1][0])
    return more


def wait_s(call: Call, source: str) -> float:
    return DELIVERED_AFTER_S[call.home.settings.pace]


async def carry(call: Call, batch: Batch) -> None:
    """Hand records over to CloudWatch Logs."""
    lines = [(line.number, line.at, (SERVER_ACCESS, line.text.decode())) for line in batch.lines]
    await call.home.heard(call.region, "logs", {"what": "lines", "account": call.account, "arn": arn(call, batch.source), "lines": lines})


def _granted(call: Call, bucket: Bucket) -> dict[str, str]:
    """Whom else a log object is given to. To write to an object means nothing."""
    target, wanted = call.shelf(Bucket).get(bucket.logging["TargetBucket"]), bucket.logging.get("TargetGrants")
    if not wanted or target is None or not target.has_acls:
        return {}
    members = {"FULL_CONTROL": "GrantFullControl", "READ": "GrantRead", "READ_ACP": "GrantReadACP", "WRITE_ACP": "GrantWriteACP"}
    given = {"GrantFullControl": [f'id="{canonical_id(call.account)}"']}
    for each in wanted:
        if each["Permission"] in members:
            given.setdefault(members[each["Permission"]], []).append(grantee_of(each))
    return {member: ", ".join(grantees) for member, grantees in given.items()}


async def _put(call: Call, bucket: Bucket, lines: list[tuple[int, float, str]]) -> None:
    source = call.acting(LOGGING, **{"aws:SourceArn": arn(call, bucket.name), "aws:SourceAccount": call.account})
    granted, by_key = _granted(call, bucket), dict[str, list[str]]()
    for _, at, line in lines:
        by_key.setdefault(_prefix_of(call, bucket, at), []).append(line)
    for prefix, content in by_key.items():
        key = f"{prefix}{call.ids.hex(16).upper()}"
        body = ("\n".join(content) + "\n").encode("utf-8", "replace")
        try:
            await source.ask("s3:PutObject", Bucket=bucket.logging["TargetBucket"], Key=key, Body=body, ContentType="text/plain", **granted)
        except AwsError as error:
            call.tell("Server Access Log Not Delivered", {"bucket": bucket.name, "target": bucket.logging["TargetBucket"], "reason": error.text})


def _prefix_of(call: Call, bucket: Bucket, at: float) -> str:
    """Everything of a log object's key but its last, unique part."""
    logging = bucket.logging
    partitioned = (logging.get("TargetObjectKeyFormat") or {}).get("PartitionedPrefix")
    if partitioned is None:
        return logging["TargetPrefix"] + time.strftime("%Y-%m-%d-%H-%M-%S-", time.gmtime(call.now()))
    is_event = partitioned.get("PartitionDateSource") == "EventTime"
    day = time.gmtime(at - at % 86_400 if is_event else call.now())
    where = f"{call.account}/{call.region}/{bucket.name}/"
    return logging["TargetPrefix"] + where + time.strftime("%Y/%m/%d/%Y-%m-%d-%H-%M-%S-", day)
