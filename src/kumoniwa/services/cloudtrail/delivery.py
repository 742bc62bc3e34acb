"""The files of a trail: every five minutes what happened since the last, and every hour a signed digest of the files of that hour.

Each digest names the one before it and its signature, so that nobody can take a file or a digest away without being noticed by
``aws cloudtrail validate-logs``. What a file is to hold is decided before it is written: a region that is killed meanwhile writes the same
file again.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-intro.html
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
from typing import Any

import orjson

from kumoniwa.gate import log_delivery, trails
from kumoniwa.gate.organization import member
from kumoniwa.gate.trail import DATA, TRAIL
from kumoniwa.gate.trails import Trail
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.cloudtrail import bill, everywhere, signing
from kumoniwa.services.cloudtrail import trail as trail_records
from kumoniwa.wire import timestamps

DIGEST_S = 3_600.0
FILE_EVENTS_MAX = 10_000


class File(Record):
    """A file that was decided on: the events of a stretch of time."""

    key: str
    after: float
    until: float


class Progress(Record):
    """How far a trail is in this region; shelved by its ARN."""

    since: float
    """Events up to then were delivered."""
    file: File | None = None
    log_files: tuple[dict[str, str], ...] = ()
    """Those no digest names yet."""
    digest_since: float = 0.0
    previous: dict[str, str] = {}
    """The last digest: its key, hash and signature."""
    delivered: float = 0.0
    delivery_error: str = ""
    digested: float = 0.0
    notified: float = 0.0
    notification_error: str = ""
    logged: float = 0.0
    logs_error: str = ""


def progress_of(call: Call, trail: Trail) -> Progress:
    """A trail that logs again after a rest begins anew, and so does its chain of digests."""
    held, found = call.shelf(Progress).get(trail.arn), member(call.home, call.account)
    starts = trail.started if trail.account == call.account or found is None else max(trail.started, found.joined)
    if held is None or held.since < starts:
        held = call.shelf(Progress)[trail.arn] = Progress(since=starts, digest_since=starts)
    return held


async def deliver(call: Call, trail: Trail, until: float, *, is_free: bool) -> None:
    """Write the file that is due, and the digest. ``is_free`` is for the bill."""
    progress = progress_of(call, trail)
    file = progress.file
    if file is None and until > progress.since:
        until = _reach(call, progress.since, until)
        file = File(key=_key(call, trail, "CloudTrail", until, call.ids.secret(16)), after=progress.since, until=until)
    if file is not None:
        records = _events(call, trail, file)
        if records:
            _set(call, trail, file=file)
            await call.home.store.journal.settled()
        await _write(call, trail, file, records, is_free=is_free)
    if trail.is_validated:
        await _digest(call, trail)


def _reach(call: Call, since: float, until: float) -> float:
    """How far one file goes: a very busy stretch makes several."""
    for table in ("trail", "trail_data"):
        most = call.rows(TRAIL, DATA).one(
            f"select at from {table} where at >= ? and at < ? order by at limit 1 offset ?", since, until, FILE_EVENTS_MAX - 1
        )
        if most is not None:
            until = min(until, math.nextafter(most[0], math.inf))
    return until


def _set(call: Call, trail: Trail, **changes: Any) -> Progress:
    progress = call.shelf(Progress)[trail.arn] = changed(call.shelf(Progress)[trail.arn], **changes)
    return progress


def _key(call: Call, trail: Trail, kind: str, at: float, unique: str) -> str:
    moment = timestamps.to_second(at)
    day, minute = moment[:10].replace("-", "/"), moment.replace("-", "").replace(":", "")[:13] + "Z"
    name = f"{call.account}_{kind}_{call.region}_{minute}_{''.join(c for c in unique if c.isalnum()):0<16.16}.json.gz"
    return "/".join(filter(None, (trail.prefix, "AWSLogs", trail.organization, call.account, kind, call.region, day, name)))


def _events(call: Call, trail: Trail, file: File) -> list[bytes]:
    rows, stretch = call.rows(TRAIL, DATA), (file.after, file.until)
    found = rows.all("select at, event from trail where at >= ? and at < ?", *stretch)
    if trails.asks_for_data(trail):
        found += rows.all("select at, event from trail_data where at >= ? and at < ?", *stretch)
    return [event for _, event in sorted(found) if _is_wanted(trail, orjson.loads(event))]


def _is_wanted(trail: Trail, event: dict[str, Any]) -> bool:
    resources = event.get("resources") or [{}]
    return trails.wants(
        trail,
        trails.Event(
            event["eventCategory"], event["eventSource"], event["eventName"], event["readOnly"], resources[0].get("type", ""),
            tuple(resource.get("ARN", "") for resource in resources),
        ),
    )  # fmt: skip


async def _write(call: Call, trail: Trail, file: File, records: list[bytes], *, is_free: bool) -> None:
    now = call.now()
    if records:
        whole = b'{"Records":[' + b",".join(records) + b"]}"
        try:
            # Bytes of the same events are the same bytes.
            await trail_records.put(call, trail, file.key, gzip.compress(whole, mtime=0), ContentEncoding="gzip")
        except AwsError as error:
            _set(call, trail, delivery_error=error.code)
            return
        bill.delivered(call, trail, records, is_free=is_free)
        times = sorted(orjson.loads(record)["eventTime"] for record in records)
        listed = {
            "s3Bucket": trail.bucket, "s3Object": file.key, "hashValue": hashlib.sha256(whole).hexdigest(), "hashAlgorithm": "SHA-256",
            "newestEventTime": times[-1], "oldestEventTime": times[0],
        }  # fmt: skip
        progress = call.shelf(Progress)[trail.arn]
        _set(call, trail, file=None, since=file.until, log_files=(*progress.log_files, listed), delivered=now, delivery_error="")
        await _notify(call, trail, file.key)
        await _log(call, trail, records)
    else:
        _set(call, trail, file=None, since=file.until)


async def _notify(call: Call, trail: Trail, key: str) -> None:
    if not trail.topic:
        return
    message = json.dumps({"s3Bucket": trail.bucket, "s3ObjectKey": [key]}, separators=(",", ":"))
    region = arns.parse(trail.topic).region
    try:
        await trail_records.ourselves(call, trail).ask("sns:Publish", to_region=region, once=key, TopicArn=trail.topic, Message=message)
        _set(call, trail, notified=call.now(), notification_error="")
    except AwsError as error:
        _set(call, trail, notification_error=error.code)


async def _log(call: Call, trail: Trail, records: list[bytes]) -> None:
    if not trail.log_group:
        return
    group = arns.parse(trail.log_group)
    name, stream = group.resource.removeprefix("log-group:").removesuffix(":*"), f"{call.account}_CloudTrail_{call.region}"
    stream = f"{trail.organization}_{stream}" if trail.organization else stream
    try:
        role = trail_records.at_owner(call, trail).assuming(trail.log_role, trail_records.SERVICE, "cloudtrail", **{"aws:SourceArn": trail.arn})
        events = [{"timestamp": milliseconds(timestamps.parsed(orjson.loads(record)["eventTime"])), "message": record.decode()} for record in records]
        await log_delivery.to_group(role, group.region, name, stream, events, None)
        _set(call, trail, logged=call.now(), logs_error="")
    except AwsError as error:
        _set(call, trail, logs_error=error.code)


# Digests -------------------------------------------------------------------------------------------


async def _digest(call: Call, trail: Trail) -> None:
    progress = call.shelf(Progress)[trail.arn]
    while progress.digest_since + DIGEST_S <= call.now() and progress.since >= progress.digest_since:
        start, end = progress.digest_since, progress.digest_since + DIGEST_S
        key_pair = await signing.current(call)
        moment = timestamps.to_second(end)
        stamp = moment.replace("-", "").replace(":", "")
        name = f"{call.account}_CloudTrail-Digest_{call.region}_{trail.name}_{trail.home}_{stamp}.json.gz"
        day = moment[:10].replace("-", "/")
        key = "/".join(filter(None, (trail.prefix, "AWSLogs", trail.organization, call.account, "CloudTrail-Digest", call.region, day, name)))
        files, previous = list(progress.log_files), progress.previous
        said = {
            "awsAccountId": call.account,
            "digestStartTime": timestamps.to_second(start),
            "digestEndTime": moment,
            "digestS3Bucket": trail.bucket,
            "digestS3Object": key,
            "digestPublicKeyFingerprint": key_pair.fingerprint,
            "digestSignatureAlgorithm": signing.ALGORITHM,
            "newestEventTime": max((file["newestEventTime"] for file in files), default=None),
            "oldestEventTime": min((file["oldestEventTime"] for file in files), default=None),
            "previousDigestS3Bucket": trail.bucket if previous else None,
            "previousDigestS3Object": previous.get("key"),
            "previousDigestHashValue": previous.get("hash"),
            "previousDigestHashAlgorithm": "SHA-256" if previous else None,
            "previousDigestSignature": previous.get("signature"),
            "logFiles": files,
        }
        whole = json.dumps(said, separators=(",", ":")).encode()
        hashed = hashlib.sha256(whole).hexdigest()
        text = f"{moment}\n{trail.bucket}/{key}\n{hashed}\n{previous.get('signature') or 'null'}"
        signature = signing.signed(call, key_pair, text.encode())
        metadata = {"signature": signature, "signature-algorithm": signing.ALGORITHM}
        try:
            await trail_records.put(call, trail, key, gzip.compress(whole, mtime=0), ContentEncoding="gzip", Metadata=metadata)
        except AwsError as error:
            _set(call, trail, delivery_error=error.code)
            return
        done = {"key": key, "hash": hashed, "signature": signature}
        left = call.shelf(Progress)[trail.arn].log_files[len(files) :]
        progress = _set(call, trail, digest_since=end, previous=done, log_files=left, digested=call.now())


async def deliver_all(call: Call) -> None:
    """Whatever is due of the account's trails in this region."""
    mine = [trail for trail in trail_records.of_account(call) if trail.is_logging and trail.covers(call.region)]
    if not mine:
        return
    until = await everywhere.pull(call)
    free = bill.free(mine)
    for trail in mine:
        await deliver(call, trail, until, is_free=trail.arn == free)
    oldest = min(call.shelf(Progress)[trail.arn].since for trail in mine)
    call.rows(DATA).run("delete from trail_data where at < ?", oldest)
