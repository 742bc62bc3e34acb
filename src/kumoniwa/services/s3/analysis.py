"""Storage class analysis: how much is kept and read of objects of which age, told once a day in a file that grows.

Requests are counted as they are answered, as rows of their day; at its end it is counted what lies in the bucket, and the file of all days is
put anew. What AWS's model makes of it, the age from which objects should be moved, it does not publish: those columns are empty here.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/analytics-storage-class.html
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from time import gmtime, strftime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import unpack
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3 import bucket as buckets
from kumoniwa.services.s3 import named_configuration, reporting, storage
from kumoniwa.services.s3.archive import DAY_S, midnight_after
from kumoniwa.services.s3.lifecycle import check_filter, fits, predicates
from kumoniwa.services.s3.listing import live_keys, steps
from kumoniwa.services.s3.request_metric import body_bytes
from kumoniwa.services.s3.storage import Head
from kumoniwa.services.s3.watched import look_again
from kumoniwa.store.rows import Table
from kumoniwa.wire.message import Request, Response
from kumoniwa.wire.xml import MalformedXML

if TYPE_CHECKING:
    from kumoniwa.gate.route import Route

FIELD = "analytics"
DEADLINES = reporting.Deadlines("s3_analysis_due")
DAYS = Table(
    "s3_analysis",
    """create table if not exists s3_analysis (bucket text, id text, day integer, storage text, age integer, objects integer, uploaded integer,
         stored integer, retrieved integer, gets integer, primary key (bucket, id, age, day, storage)) without rowid""",
)
"""Of each day (since 1970) and storage class, what an age group had: bytes and counts."""
AGES = (
    (0, "000-014"), (15, "015-029"), (30, "030-044"), (45, "045-059"), (60, "060-074"), (75, "075-089"), (90, "090-119"), (120, "120-149"),
    (150, "150-179"), (180, "180-364"), (365, "365-729"), (730, "730+"),
)  # fmt: skip
"""From which day on objects are of a group, and what it is called."""
ALL = len(AGES)
AGED_BYTES_MIN = 131_072
"""Smaller objects count among all, and in no group."""
COLUMNS = (
    "Date", "ConfigId", "Filter", "StorageClass", "ObjectAge", "ObjectCount", "DataUploaded_MB", "Storage_MB", "DataRetrieved_MB",
    "GetRequestCount", "CumulativeAccessRatio", "ObjectAgeForSIATransition", "RecommendedObjectAgeForSIATransition",
)  # fmt: skip
MB = 1 << 20


# Configurations --------------------------------------------------------------------------------------


def _export(said: dict[str, Any]) -> dict[str, Any] | None:
    """Where the analysis is to be told; None where nobody asked to be told."""
    data = said["StorageClassAnalysis"].get("DataExport")
    return data["Destination"]["S3BucketDestination"] if data is not None else None


def _check(said: dict[str, Any], id: str) -> None:
    if said.get("Id") != id or "StorageClassAnalysis" not in said:
        # Of the id recorded: localstack's test_s3_analytics_configurations.
        raise MalformedXML
    if "Filter" in said:
        check_filter(said)
    data = said["StorageClassAnalysis"].get("DataExport")
    if data is not None:
        target = (data.get("Destination") or {}).get("S3BucketDestination") or {}
        if data.get("OutputSchemaVersion") != "V_1" or target.get("Format") != "CSV" or "Bucket" not in target:
            raise MalformedXML
        reporting.check_destination(target)


def PutBucketAnalyticsConfiguration(
    call: Call, *, Bucket: str, Id: str, AnalyticsConfiguration: dict[str, Any], ExpectedBucketOwner: str | None = None
) -> dict:
    """The first day to be told is the one that has begun. What stands in the place of another goes on in its file."""
    buckets.found(call, Bucket)
    bodies.check_document(call)
    _check(AnalyticsConfiguration, Id)
    reply = named_configuration.keep(call, Bucket, FIELD, Id, AnalyticsConfiguration)
    look_again(call)
    if _export(AnalyticsConfiguration) is not None:
        DEADLINES.set(call, Bucket, Id, midnight_after(call.now()))
    else:
        _forget(call, Bucket, Id)
    return reply


def GetBucketAnalyticsConfiguration(call: Call, *, Bucket: str, Id: str, ExpectedBucketOwner: str | None = None) -> dict:
    return {"AnalyticsConfiguration": named_configuration.held(call, Bucket, FIELD, Id)}


def ListBucketAnalyticsConfigurations(
    call: Call, *, Bucket: str, ContinuationToken: str | None = None, ExpectedBucketOwner: str | None = None
) -> dict:
    return named_configuration.listed(call, Bucket, FIELD, "AnalyticsConfigurationList", ContinuationToken)


def DeleteBucketAnalyticsConfiguration(call: Call, *, Bucket: str, Id: str, ExpectedBucketOwner: str | None = None) -> None:
    named_configuration.drop(call, Bucket, FIELD, Id)
    look_again(call)
    _forget(call, Bucket, Id)


def _forget(call: Call, name: str, id: str) -> None:
    DEADLINES.drop(call, name, id)
    call.rows(DAYS).run("delete from s3_analysis where bucket = ? and id = ?", name, id)


# Counting --------------------------------------------------------------------------------------------


def _age(modified: float, size: int, at: float) -> int | None:
    """The group of an object, None for one that is too small for any."""
    if size < AGED_BYTES_MIN:
        return None
    days = (at - modified) // DAY_S
    return max(group for group, (first, _) in enumerate(AGES) if first <= max(days, 0))


def _means(said: dict[str, Any], key: str, size: int, tags: dict[str, str]) -> bool:
    return fits({"Filter": {}, **said, "Status": "Enabled"}, key, size, tags)


_ADD = """insert into s3_analysis values (?,?,?,?,?,?,?,?,?,?) on conflict (bucket, id, age, day, storage) do update set
    objects = objects + excluded.objects, uploaded = uploaded + excluded.uploaded, stored = stored + excluded.stored,
    retrieved = retrieved + excluded.retrieved, gets = gets + excluded.gets"""


def counter(call: Call, bucket: buckets.Bucket, route: Route, request: Request) -> Callable[[Response], None] | None:
    """What counts a request when its answer is known; None for one that is not counted. "You will not see multipart object upload
    activity in your export data", nor requests that failed."""
    if route.name not in ("GetObject", "PutObject"):
        return None
    key, version_id = request.labels["Key"], parse_qs(request.query).get("versionId", [None])[0]

    def count(response: Response) -> None:
        if response.status >= 300:
            return
        found = storage.live(call, bucket, key) if version_id is None else storage.version(call, bucket, key, version_id)
        if found is None:
            return
        size, at = found.size, call.now()
        told = (0, 0, 0, body_bytes(response), 1) if route.name == "GetObject" else (0, size, 0, 0, 0)
        for id, said in bucket.analytics.items():
            if _export(said) is not None and _means(said, key, size, found.head.tags):
                for age in {ALL, _age(found.modified, size, at)} - {None}:
                    call.rows(DAYS).run(_ADD, bucket.name, id, int(at // DAY_S), found.storage, age, *told)

    return count


# Telling ---------------------------------------------------------------------------------------------


async def run(region: Any) -> None:
    await DEADLINES.run(region, _told)


async def _told(call: Call, name: str, id: str) -> float | None:
    """The day that has ended is counted, and all days are told."""
    bucket = call.shelf(buckets.Bucket).get(name)
    said = bucket.analytics.get(id) if bucket is not None else None
    target = _export(said) if said is not None else None
    if target is None:
        _forget(call, name, id)
        return None
    now = call.now()
    stored = await _stored(call, bucket, said, now)
    call.atomically(lambda: _keep(call, name, id, int(now // DAY_S) - 1, stored))
    try:
        await reporting.put(call, bucket, target, f"{reporting.folder(target, bucket)}{id}.csv", _file(call, bucket, said), "text/csv")
    except AwsError as error:
        # The days are told with the next.
        reporting.undelivered(call, target, error)
    return midnight_after(now)


Stored = dict[tuple[str, int], Counter]


async def _stored(call: Call, bucket: buckets.Bucket, said: dict[str, Any], now: float) -> Stored:
    """Objects and bytes in a bucket by storage class and age group."""
    found: Stored = {}
    for step in steps(partial(live_keys, call, bucket), predicates({"Filter": {}, **said}).get("Prefix", "")):
        for key, modified, size, _, kind, packed in step:
            if _means(said, key, size, unpack(packed, Head).tags):
                for age in {ALL, _age(modified, size, now)} - {None}:
                    found.setdefault((kind, age), Counter()).update(objects=1, stored=size)
        await asyncio.sleep(0)
    return found


def _keep(call: Call, name: str, id: str, day: int, stored: Stored) -> None:
    rows = call.rows(DAYS)
    # Of a life that was cut short, the same day may have been counted already.
    rows.run("update s3_analysis set objects = 0, stored = 0 where bucket = ? and id = ? and day = ?", name, id, day)
    for (kind, age), counted in stored.items():
        rows.run(_ADD, name, id, day, kind, age, counted["objects"], 0, counted["stored"], 0, 0)


def _file(call: Call, bucket: buckets.Bucket, said: dict[str, Any]) -> bytes:
    """All days by age group, those of all groups at the end."""
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\n").writerow
    write(COLUMNS)
    today = int(call.now() // DAY_S)
    rows = call.rows(DAYS).all(
        "select day, storage, age, objects, uploaded, stored, retrieved, gets from s3_analysis where bucket = ? and id = ? and day < ? "
        "order by age, day, storage",
        bucket.name, said["Id"], today,
    )  # fmt: skip
    heat = _heat(rows)
    for day, kind, age, objects, uploaded, stored, retrieved, gets in rows:
        # "Date when the record was processed": that is after its day.
        date = strftime("%m-%d-%Y", gmtime((day + 1) * DAY_S))
        name = AGES[age][1] if age != ALL else "ALL"
        bytes_told = (_mb(uploaded), _mb(stored), _mb(retrieved))
        write((date, said["Id"], _filter(said), kind, name, objects, *bytes_told, gets, heat(day, kind, age), "", ""))
    return text.getvalue().encode()


def _mb(count: int) -> str:
    return f"{count / MB:.6f}".rstrip("0").rstrip(".")


def _heat(rows: list[tuple]) -> Callable[[int, str, int], str]:
    """How much of what a group and all older ones keep was read in a day. AWS names such a ratio "usage/byte heat" and does not say more."""
    by_age = {(day, kind, age): (stored, retrieved) for day, kind, age, _, _, stored, retrieved, _ in rows}

    def told(day: int, kind: str, age: int) -> str:
        ages = (ALL,) if age == ALL else range(age, ALL)
        found = [by_age.get((day, kind, each), (0, 0)) for each in ages]
        stored = sum(each[0] for each in found)
        return f"{sum(each[1] for each in found) / stored:.6f}".rstrip("0").rstrip(".") if stored else ""

    return told


def _filter(said: dict[str, Any]) -> str:
    """"Full filter values as configured"; no source tells how they are spelled."""

    def parts() -> Iterator[str]:
        named = predicates({"Filter": {}, **said})
        if "Prefix" in named:
            yield f"prefix={named['Prefix']}"
        yield from (f"tag:{tag['Key']}={tag['Value']}" for tag in named.get("Tags", ()))

    return ";".join(parts())
