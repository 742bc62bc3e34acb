"""Crawls: what a crawler does once it is started, by a call or by its schedule, and what is told of it afterwards.

A crawl whose region was killed is done again from its beginning; what it has written by then it finds unchanged.
"""

from __future__ import annotations

import asyncio
import operator
import traceback
from collections.abc import AsyncIterator
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.glue import bill, classifier, crawl_layout, page, telling
from kumoniwa.services.glue.crawl_catalog import Writer
from kumoniwa.services.glue.crawl_files import CrawlFailed, Reader, target
from kumoniwa.services.glue.crawl_known import Known
from kumoniwa.services.glue.crawl_layout import Folder, Rules, Stored
from kumoniwa.services.glue.crawler import (
    CRAWLS,
    NEW_ONLY,
    READY,
    RUNNING,
    STOPPING,
    TURNS,
    Crawler,
    again,
    as_role,
    configured,
    existing,
    keep,
)
from kumoniwa.services.glue.errors import (
    CrawlerNotRunningException,
    CrawlerRunningException,
    CrawlerStoppingException,
    EntityNotFoundException,
    InvalidInputException,
)

PAGE, KEPT_MAX = 20, 1_000
GROUP = "/aws-glue/crawlers"
_COUNTED = [f"{what}{how}" for what in ("tables", "partitions") for how in ("Created", "Updated", "Deleted")]


class _Stopped(Exception):
    """Somebody asked for it."""


# Operations ----------------------------------------------------------------------------------------


def StartCrawler(call: Call, *, Name: str) -> None:
    held = existing(call, Name)
    if held.state == STOPPING:
        raise CrawlerStoppingException(f"Crawler with name {Name} is stopping")  # our words
    if held.state == RUNNING:
        # Recorded by many that start theirs twice.
        raise CrawlerRunningException(f"Crawler with name {Name} has already started")
    _begin(call, held)


def StopCrawler(call: Call, *, Name: str) -> None:
    """The words of these refusals are ours."""
    held = existing(call, Name)
    if held.state == READY:
        raise CrawlerNotRunningException(f"Crawler with name {Name} is not running")
    if held.state == STOPPING:
        raise CrawlerStoppingException(f"Crawler with name {Name} is stopping")
    keep(call, held, state=STOPPING)


def ListCrawls(
    call: Call, *, CrawlerName: str, MaxResults: int | None = None, Filters: list[dict[str, str]] | None = None, NextToken: str | None = None
) -> dict:
    """The newest first."""
    if CrawlerName not in call.shelf(Crawler):
        raise EntityNotFoundException(f"Crawler entry with name {CrawlerName} does not exist")
    fits = [_filter(each) for each in Filters or ()]
    start, most = page.after(NextToken), MaxResults or PAGE
    found: list[dict[str, Any]] = []
    last = ""
    sql = "select started, body from glue_crawl where crawler = ? and started < ? order by started desc"
    for started, body in call.rows(CRAWLS).each(sql, CrawlerName, float(start) if start else 1e18):
        if len(found) == most:
            return {"Crawls": found, "NextToken": page.token(last)}
        last, read = repr(started), orjson.loads(body)
        if all(fit(read) for fit in fits):
            found.append(read)
    return {"Crawls": found}


_MEMBERS = {"CRAWL_ID": "CrawlId", "STATE": "State", "START_TIME": "StartTime", "END_TIME": "EndTime", "DPU_HOUR": "DPUHour"}
_COMPARED = {"GT": operator.gt, "GE": operator.ge, "LT": operator.lt, "LE": operator.le, "EQ": operator.eq, "NE": operator.ne}


def _filter(said: dict[str, str]) -> Any:
    """Times are compared in milliseconds. The words are ours."""
    name, compares, value = said.get("FieldName", ""), said.get("FilterOperator", ""), said.get("FieldValue", "")
    if name not in _MEMBERS or compares not in _COMPARED:
        raise InvalidInputException("A filter needs FieldName, FilterOperator and FieldValue.")
    if name in ("CRAWL_ID", "STATE"):
        return lambda read: _COMPARED[compares](read[_MEMBERS[name]], value)
    try:
        wanted = float(value)
    except ValueError:
        raise InvalidInputException(f"Invalid value of {name}: {value}") from None
    factor = 1 if name == "DPU_HOUR" else 1_000
    return lambda read: _MEMBERS[name] in read and _COMPARED[compares](read[_MEMBERS[name]] * factor, wanted)


# Running -------------------------------------------------------------------------------------------


def unfinished(call: Call) -> list[str]:
    return [each.name for each in call.shelf(Crawler).values() if each.state != READY or each.due is not None]


async def move(call: Call, name: str) -> None:
    held = call.shelf(Crawler).get(name)
    if held is None:
        return
    if held.due is not None and held.due <= call.now():
        # While one is under way no other begins.
        call.atomically(lambda: _fired(call, held))
    elif held.due is not None:
        TURNS.put(call, name, held.due)
    held = call.shelf(Crawler)[name]
    if held.state != READY:
        await _run(call, held)


def _fired(call: Call, held: Crawler) -> None:
    again(call, held)
    if held.state == READY:
        _begin(call, existing(call, held.name))


def _begin(call: Call, held: Crawler) -> None:
    found = keep(call, held, state=RUNNING, crawl=call.new_id(), started=call.now())
    _put(call, found, "RUNNING")
    telling.of_crawl(call, held.name, "Started")
    TURNS.put(call, held.name, call.now())


def _put(call: Call, held: Crawler, state: str, **more: Any) -> None:
    """What the history has of the crawl."""
    body = {
        "CrawlId": held.crawl, "State": state, "StartTime": held.started, "LogGroup": GROUP, "LogStream": held.name, "MessagePrefix": held.crawl, **more,
    }  # fmt: skip
    rows = call.rows(CRAWLS)
    rows.run("insert or replace into glue_crawl values (?,?,?,?)", held.name, held.started, held.crawl, orjson.dumps(body))
    sql = "delete from glue_crawl where crawler = ? and started <= (select started from glue_crawl where crawler = ? order by started desc limit 1 offset ?)"
    rows.run(sql, held.name, held.name, KEPT_MAX)


async def _run(call: Call, held: Crawler) -> None:
    log = _Log(call, held)
    log.say(f"BENCHMARK : Running Start Crawl for Crawler {held.name}")
    error, counts = "", {}
    try:
        counts = await _crawl(call, held, log)
        status = "SUCCEEDED"
    except _Stopped:
        status = "CANCELLED"
    except (CrawlFailed, AwsError) as refusal:
        status, error = "FAILED", refusal.text if isinstance(refusal, AwsError) else str(refusal)
        log.say(f"ERROR : {error}")
    except Exception:
        # A defect of ours is told as AWS tells one of its own, and the crawler can be started again.
        traceback.print_exc()
        status, error = "FAILED", "Internal Service Exception"
        log.say(f"ERROR : {error}")
    log.say("BENCHMARK : Crawler has finished running and is in state READY")
    await log.flush()
    call.atomically(lambda: _end(call, held, status, error, counts))


def _end(call: Call, held: Crawler, status: str, error: str, counts: dict[str, int]) -> None:
    now, why = call.now(), {"ErrorMessage": error[:2_000]} if error else {}
    last = {"Status": status, "LogGroup": GROUP, "LogStream": held.name, "MessagePrefix": held.crawl, "StartTime": held.started, **why}
    found = keep(call, existing(call, held.name), state=READY, last=last, counts=counts)
    state = {"SUCCEEDED": "COMPLETED", "CANCELLED": "STOPPED", "FAILED": "FAILED"}[status]
    hours = bill.crawled(call, held.name, now - held.started)
    summary = orjson.dumps({name: counts[name] for name in _COUNTED if name in counts}).decode() if counts else ""
    _put(call, found, state, EndTime=now, DPUHour=hours, **({"Summary": summary} if summary else {}), **why)
    if status == "SUCCEEDED":
        told = {name: str(counts.get(name, 0)) for name in _COUNTED}
        telling.of_crawl(call, held.name, "Succeeded", warningMessage="N/A", running_s=str(int(now - held.started)), **told)
    elif status == "FAILED":
        telling.of_crawl(call, held.name, "Failed", errorMessage=error)


def _check_not_stopped(call: Call, held: Crawler) -> None:
    if call.shelf(Crawler)[held.name].state == STOPPING:
        raise _Stopped


async def _crawl(call: Call, held: Crawler, log: _Log) -> dict[str, int]:
    said, configuration, role = held.said, configured(held.said), as_role(call, held)
    custom = [classifier.told(call, name) for name in said.get("Classifiers", ())]
    known = Known(call, held.id) if said.get("RecrawlPolicy", {}).get("RecrawlBehavior") == NEW_ONLY else None
    grouping = configuration.get("Grouping", {})
    rules = Rules("TableGroupingPolicy" in grouping, grouping.get("TableLevelConfiguration"))
    found: list[crawl_layout.Found] = []
    places = []
    for each in said["Targets"]["S3Targets"]:
        where = target(each)
        places.append("s3://" + "/".join(where.path))
        root = Folder()
        async for key, stored in _files(call, held, Reader(role, where, custom), known):
            if key == where.prefix:
                found.append(crawl_layout.of_file(stored, where.path))
            else:
                root.at(where.folders(key)).files.append(stored)
        # A lake may have many folders, and to look at them takes its time.
        found += await asyncio.to_thread(crawl_layout.tables, root, where.path, rules)
    _check_not_stopped(call, held)
    most = configuration.get("CrawlerOutput", {}).get("Tables", {}).get("TableThreshold")
    if most is not None and len(found) > most:
        # https://docs.aws.amazon.com/glue/latest/dg/crawler-maximum-number-of-tables.html
        raise CrawlFailed(
            f"The number of tables detected by crawler: {len(found)} is greater than the table threshold value provided: {most}. "
            "Failing crawler without writing to Data Catalog."
        )
    counts = await _written(call, held, role, found, places, log)
    if known is not None:
        await known.keep()
    return counts


async def _files(call: Call, held: Crawler, reader: Reader, known: Known | None) -> AsyncIterator[tuple[str, Stored]]:
    """Each file with its key; in folders that are known no file is read again."""
    async for listed in reader.listed():
        _check_not_stopped(call, held)
        if known is not None:
            for key, stored in known.of(reader.where.bucket, listed):
                yield key, stored
            listed = [each for each in listed if not known.has(reader.where.bucket, each)]
        for key, stored in await reader.stored(listed):
            if known is not None:
                known.add(reader.where.bucket, key, stored)
            yield key, stored


async def _written(
    call: Call, held: Crawler, role: Call, found: list[crawl_layout.Found], places: list[str], log: _Log
) -> dict[str, int]:
    writer = Writer(role, held.name, held.crawl, held.said, configured(held.said), log.say)
    log.say(f"BENCHMARK : Classification complete, writing results to database {writer.database}")
    for each in found:
        _check_not_stopped(call, held)
        await writer.write(each)
    await writer.gone(places)
    log.say("BENCHMARK : Finished writing to Catalog")
    for what in ("tables", "partitions"):
        told = {"ADD": "Created", "UPDATE": "Updated", "DELETE": "Deleted"}
        lines = [f"INFO : {name}: {writer.counts[what + how]}" for name, how in told.items() if writer.counts.get(what + how)]
        for line in [f"INFO : Run Summary For {what[:-1].upper()}:", *lines] if lines else []:
            log.say(line)
    return writer.counts


class _Log:
    """Lines for CloudWatch Logs, written as the crawler's role if it may."""

    def __init__(self, call: Call, held: Crawler) -> None:
        self.call, self.held = call, held
        self.lines: list[dict[str, Any]] = []

    def say(self, text: str) -> None:
        self.lines.append({"timestamp": milliseconds(self.call.now()), "message": f"[{self.held.crawl}] {text}"})

    async def flush(self) -> None:
        place = {"logGroupName": GROUP, "logStreamName": self.held.name.replace(":", "_").replace("*", "_")}
        try:
            role = as_role(self.call, self.held)
            for operation, params in (("CreateLogGroup", {"logGroupName": GROUP}), ("CreateLogStream", place)):
                try:
                    await role.ask(f"logs:{operation}", **params)
                except AwsError as error:
                    if error.code != "ResourceAlreadyExistsException":
                        raise
            for place_of in range(0, len(self.lines), 1_000):
                await role.ask("logs:PutLogEvents", **place, logEvents=self.lines[place_of : place_of + 1_000])
        except AwsError:
            pass  # A crawl whose role may not write a log is a crawl all the same.
