"""Crawlers: what is to be looked at, in whose name and when, and what becomes of what is found. ``crawl`` looks.

Those that look at S3 are built; databases, other catalogs and tables of Delta, Iceberg and Hudi are refused by name, as are events as a guide.
https://docs.aws.amazon.com/glue/latest/dg/add-crawler.html
"""

from __future__ import annotations

import json
from statistics import median
from typing import Any

import orjson

from kumoniwa.gate.turns import Turns
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages import schedule_expression
from kumoniwa.services.glue import catalog, classifier, crawl_known, page
from kumoniwa.services.glue.errors import (
    AlreadyExistsException,
    CrawlerRunningException,
    EntityNotFoundException,
    InvalidInputException,
    NoScheduleException,
    SchedulerNotRunningException,
    SchedulerRunningException,
)
from kumoniwa.store.rows import Table

SERVICE = "glue.amazonaws.com"
PAGE = 100
READY, RUNNING, STOPPING = "READY", "RUNNING", "STOPPING"
SCHEDULED, NOT_SCHEDULED = "SCHEDULED", "NOT_SCHEDULED"
TURNS = Turns("glue", SERVICE, "glue_crawler_due")
"""Of crawlers: when one is to run, or goes on running."""
CRAWLS = Table(
    "glue_crawl", "create table if not exists glue_crawl (crawler text, started real, id text, body blob, primary key (crawler, started)) without rowid"
)
NEW_ONLY = "CRAWL_NEW_FOLDERS_ONLY"


class Crawler(Record):
    """Shelved by its name."""

    name: str
    said: dict[str, Any]
    created: float
    updated: float
    version: int = 1
    tags: dict[str, str] = {}
    schedule: str = ""
    schedule_state: str = NOT_SCHEDULED
    due: float | None = None
    """When its schedule starts it next."""
    state: str = READY
    crawl: str = ""
    started: float = 0.0
    """Of the crawl that is under way, or was the last."""
    last: dict[str, Any] | None = None
    counts: dict[str, int] = {}
    """Of tables and partitions, what the last crawl did."""
    id: str = ""


def existing(call: Call, name: str) -> Crawler:
    found = call.shelf(Crawler).get(name)
    if found is None:
        # Recorded as moto's test_get_crawler_not_exits has it.
        raise EntityNotFoundException(f"Crawler {name} not found.")
    return found


def arn_of(call: Call, name: str) -> str:
    return call.arn(f"crawler/{name}", "glue")


def keep(call: Call, held: Crawler, **more: Any) -> Crawler:
    found = changed(held, **more)
    call.shelf(Crawler)[held.name] = found
    return found


def role_arn(call: Call, said: str) -> str:
    """A role is said by its name or its ARN, and told by its name: so Terraform, which compares both, has it."""
    return said if said.startswith("arn:") else f"arn:{call.home.partition}:iam::{call.account}:role/{said}"


def as_role(call: Call, held: Crawler) -> Call:
    return call.assuming(role_arn(call, held.said["Role"]), SERVICE, "AWS-Crawler", **{"aws:SourceArn": arn_of(call, held.name)})


# What may be said ----------------------------------------------------------------------------------


def configured(said: dict[str, Any]) -> dict[str, Any]:
    """The Configuration, which is JSON. Raises InvalidInputException."""
    try:
        read = json.loads(said.get("Configuration") or "{}")
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise InvalidInputException("Configuration is not valid JSON.")  # our words
    return read


_KNOWN = {
    ("Grouping", "TableGroupingPolicy"): ("CombineCompatibleSchemas",), ("Grouping", "TableLevelConfiguration"): None,
    ("CrawlerOutput", "Partitions", "AddOrUpdateBehavior"): ("InheritFromTable",), ("CrawlerOutput", "Tables", "AddOrUpdateBehavior"): ("MergeNewColumns",),
    ("CrawlerOutput", "Tables", "TableThreshold"): None, ("CreatePartitionIndex",): None, ("Version",): None,
}  # fmt: skip


def _check_configured(call: Call, value: Any, path: tuple[str, ...] = ()) -> None:
    """https://docs.aws.amazon.com/glue/latest/dg/crawler-configuration.html; the words are ours."""
    if isinstance(value, dict):
        for name, each in value.items():
            _check_configured(call, each, (*path, name))
        return
    if path not in _KNOWN:
        raise NotImplementedHere(f"glue:{call.operation}(Configuration.{'.'.join(path)})")
    allowed, is_number = _KNOWN[path], path[-1] in ("TableLevelConfiguration", "TableThreshold")
    if (allowed is not None and value not in allowed) or (is_number and (type(value) is not int or value < 1)):
        raise InvalidInputException(f"Invalid value of {'.'.join(path)} in Configuration: {value}")


def _scheduled(said: str) -> schedule_expression.Schedule:
    try:
        if said.startswith("cron("):
            return schedule_expression.of_rule(said)
    except schedule_expression.InvalidExpression:
        pass
    raise InvalidInputException(f"Schedule expression {said} is not valid.")  # our words


def _check(call: Call, said: dict[str, Any]) -> None:
    targets = said["Targets"]
    catalog.refuse(call, "Targets", targets, *(name for name in targets if name != "S3Targets"))
    if not targets.get("S3Targets"):
        raise InvalidInputException("Crawler target is empty.")  # our words
    for each in targets["S3Targets"]:
        catalog.refuse(call, "Targets.S3Targets", each, "ConnectionName", "EventQueueArn", "DlqEventQueueArn")
        bucket = each.get("Path", "").removeprefix("s3://").partition("/")[0]
        if not bucket or not 1 <= each.get("SampleSize", 1) <= 249:
            # The model: "A valid value is an integer between 1 and 249." The words are ours.
            raise InvalidInputException(f"Invalid S3 target: {each.get('Path', '')}")
    if said.get("CrawlerSecurityConfiguration"):
        raise NotImplementedHere(f"glue:{call.operation}(CrawlerSecurityConfiguration)")
    if said.get("LineageConfiguration", {}).get("CrawlerLineageSettings") == "ENABLE":
        raise NotImplementedHere(f"glue:{call.operation}(LineageConfiguration)")
    if said.get("LakeFormationConfiguration", {}).get("UseLakeFormationCredentials"):
        raise NotImplementedHere(f"glue:{call.operation}(LakeFormationConfiguration)")
    recrawl = said.get("RecrawlPolicy", {}).get("RecrawlBehavior", "CRAWL_EVERYTHING")
    if recrawl == "CRAWL_EVENT_MODE":
        raise NotImplementedHere(f"glue:{call.operation}(RecrawlBehavior=CRAWL_EVENT_MODE)")
    if recrawl == NEW_ONLY and _policy(said) != {"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"}:
        raise InvalidInputException(
            'The SchemaChangePolicy for "Crawl new folders only" Amazon S3 target can have only LOG DeleteBehavior value and LOG UpdateBehavior value.'
        )
    for name in said.get("Classifiers", ()):
        classifier.existing(call, name)
    _check_configured(call, configured(said))


def _policy(said: dict[str, Any]) -> dict[str, str]:
    return {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "DEPRECATE_IN_DATABASE", **said.get("SchemaChangePolicy", {})}


def _prove_role(call: Call, held: Crawler) -> None:
    call.require("iam:PassRole", role_arn(call, held.said["Role"]), **{"iam:PassedToService": SERVICE})
    if call.home.settings.iam != "enforce":
        return
    try:
        as_role(call, held)
    except AwsError as error:
        # Recorded by those who wait for a new role to be known.
        raise InvalidInputException("Service is unable to assume provided role. Please verify role's TrustPolicy.", hint=error.hint) from None


# Operations ----------------------------------------------------------------------------------------


def CreateCrawler(
    call: Call, *, Name: str, Role: str, Targets: dict[str, Any], Tags: dict[str, str] | None = None, CatalogId: str | None = None,
    Schedule: str | None = None,
    DatabaseName: str | None = None, Description: str | None = None, Classifiers: list[str] | None = None, TablePrefix: str | None = None,
    SchemaChangePolicy: dict[str, Any] | None = None, RecrawlPolicy: dict[str, Any] | None = None, Configuration: str | None = None,
    LineageConfiguration: dict[str, Any] | None = None, LakeFormationConfiguration: dict[str, Any] | None = None,
    CrawlerSecurityConfiguration: str | None = None,
) -> None:  # fmt: skip
    catalog.check(call, CatalogId)
    if Name in call.shelf(Crawler):
        raise AlreadyExistsException("Crawler already exists.")
    said = _without_none(
        Role=Role, Targets=Targets,
        DatabaseName=DatabaseName, Description=Description, Classifiers=Classifiers, TablePrefix=TablePrefix,
        SchemaChangePolicy=SchemaChangePolicy, RecrawlPolicy=RecrawlPolicy, Configuration=Configuration,
        LineageConfiguration=LineageConfiguration, LakeFormationConfiguration=LakeFormationConfiguration,
        CrawlerSecurityConfiguration=CrawlerSecurityConfiguration,
    )  # fmt: skip
    _check(call, said)
    held = Crawler(name=Name, id=call.ids.hex(32), said=said, created=call.now(), updated=call.now(), tags=Tags or {})
    _prove_role(call, held)
    _schedule(call, held, Schedule or "", SCHEDULED)


def _without_none(**said: Any) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}


def UpdateCrawler(
    call: Call, *, Name: str, Role: str | None = None, Targets: dict[str, Any] | None = None, CatalogId: str | None = None,
    Schedule: str | None = None,
    DatabaseName: str | None = None, Description: str | None = None, Classifiers: list[str] | None = None, TablePrefix: str | None = None,
    SchemaChangePolicy: dict[str, Any] | None = None, RecrawlPolicy: dict[str, Any] | None = None, Configuration: str | None = None,
    LineageConfiguration: dict[str, Any] | None = None, LakeFormationConfiguration: dict[str, Any] | None = None,
    CrawlerSecurityConfiguration: str | None = None,
) -> None:  # fmt: skip
    held = existing(call, Name)
    catalog.check(call, CatalogId)
    _check_idle(held)
    more = _without_none(
        Role=Role, Targets=Targets,
        DatabaseName=DatabaseName, Description=Description, Classifiers=Classifiers, TablePrefix=TablePrefix,
        SchemaChangePolicy=SchemaChangePolicy, RecrawlPolicy=RecrawlPolicy, Configuration=Configuration,
        LineageConfiguration=LineageConfiguration, LakeFormationConfiguration=LakeFormationConfiguration,
        CrawlerSecurityConfiguration=CrawlerSecurityConfiguration,
    )  # fmt: skip
    said = {**held.said, **more}
    _check(call, said)
    found = changed(held, said=said, updated=call.now(), version=held.version + 1)
    if Role is not None:
        _prove_role(call, found)
    state = SCHEDULED if Schedule not in (None, held.schedule) else held.schedule_state
    _schedule(call, found, held.schedule if Schedule is None else Schedule, state)


def _check_idle(held: Crawler) -> None:
    if held.state != READY:
        raise CrawlerRunningException(f"Crawler with name {held.name} is running")  # our words


def DeleteCrawler(call: Call, *, Name: str) -> None:
    held = existing(call, Name)
    _check_idle(held)
    del call.shelf(Crawler)[held.name]
    TURNS.drop(call, held.name)
    call.rows(CRAWLS).run("delete from glue_crawl where crawler = ?", held.name)
    crawl_known.forget(call, held.id)


def shown(call: Call, held: Crawler) -> dict[str, Any]:
    said = {name: value for name, value in held.said.items() if name != "Role"}
    parsed = arns.parse(held.said["Role"])
    schedule = {"Schedule": {"ScheduleExpression": held.schedule, "State": held.schedule_state}} if held.schedule else {}
    return {
        "Name": held.name,
        "Role": parsed.resource.removeprefix("role/") if parsed is not None else held.said["Role"],
        "Classifiers": [],
        "RecrawlPolicy": {"RecrawlBehavior": "CRAWL_EVERYTHING"},
        "LineageConfiguration": {"CrawlerLineageSettings": "DISABLE"},
        "LakeFormationConfiguration": {"UseLakeFormationCredentials": False, "AccountId": ""},
        **said,
        "SchemaChangePolicy": _policy(held.said),
        "State": held.state,
        "CrawlElapsedTime": int(1000 * (call.now() - held.started)) if held.state != READY else 0,
        "CreationTime": held.created,
        "LastUpdated": held.updated,
        "Version": held.version,
        **schedule,
        **({"LastCrawl": held.last} if held.last is not None else {}),
    }


def GetCrawler(call: Call, *, Name: str) -> dict:
    return {"Crawler": shown(call, existing(call, Name))}


def _page(call: Call, names: list[str], most: int | None, token: str | None) -> tuple[list[str], dict[str, str]]:
    start, most = page.after(token), most or PAGE
    found = [name for name in names if name > start]
    return found[:most], {"NextToken": page.token(found[most - 1])} if len(found) > most else {}


def GetCrawlers(call: Call, *, MaxResults: int | None = None, NextToken: str | None = None) -> dict:
    names, more = _page(call, sorted(call.shelf(Crawler)), MaxResults, NextToken)
    return {"Crawlers": [shown(call, existing(call, name)) for name in names], **more}


def ListCrawlers(call: Call, *, MaxResults: int | None = None, NextToken: str | None = None, Tags: dict[str, str] | None = None) -> dict:
    wanted = (Tags or {}).items()
    names = sorted(name for name, held in call.shelf(Crawler).items() if wanted <= held.tags.items())
    found, more = _page(call, names, MaxResults, NextToken)
    return {"CrawlerNames": found, **more}


def BatchGetCrawlers(call: Call, *, CrawlerNames: list[str]) -> dict:
    shelf = call.shelf(Crawler)
    return {
        "Crawlers": [shown(call, shelf[name]) for name in CrawlerNames if name in shelf],
        "CrawlersNotFound": [name for name in CrawlerNames if name not in shelf],
    }


def GetCrawlerMetrics(
    call: Call, *, CrawlerNameList: list[str] | None = None, MaxResults: int | None = None, NextToken: str | None = None
) -> dict:
    """How long a crawl still takes is not estimated."""
    shelf = call.shelf(Crawler)
    names, more = _page(call, sorted(name for name in CrawlerNameList or shelf if name in shelf), MaxResults, NextToken)
    found = []
    for name in names:
        bodies = call.rows(CRAWLS).all("select body from glue_crawl where crawler = ? order by started desc", name)
        crawls = [orjson.loads(body) for (body,) in bodies]
        times = [each["EndTime"] - each["StartTime"] for each in crawls if "EndTime" in each]
        counts = shelf[name].counts
        found.append({
            "CrawlerName": name, "TimeLeftSeconds": 0.0, "StillEstimating": shelf[name].state == RUNNING,
            "LastRuntimeSeconds": times[0] if times else 0.0, "MedianRuntimeSeconds": median(times) if times else 0.0,
            **{f"Tables{what}": counts.get(f"tables{what}", 0) for what in ("Created", "Updated", "Deleted")},
        })  # fmt: skip
    return {"CrawlerMetricsList": found, **more}


# Schedules -----------------------------------------------------------------------------------------


def _schedule(call: Call, held: Crawler, said: str, state: str) -> None:
    """Keep a crawler with this schedule."""
    due = _scheduled(said).after(call.now(), anchored=0.0) if said else None
    is_on = bool(said) and state == SCHEDULED
    keep(call, held, schedule=said, schedule_state=state if said else NOT_SCHEDULED, due=due if is_on else None)
    if is_on and due is not None:
        TURNS.put(call, held.name, due)


def again(call: Call, held: Crawler) -> None:
    """Its schedule has fired."""
    _schedule(call, held, held.schedule, held.schedule_state)


def UpdateCrawlerSchedule(call: Call, *, CrawlerName: str, Schedule: str | None = None) -> None:
    _schedule(call, existing(call, CrawlerName), Schedule or "", SCHEDULED)


def StartCrawlerSchedule(call: Call, *, CrawlerName: str) -> None:
    """The words of these refusals, and of those of the next, are ours."""
    held = existing(call, CrawlerName)
    if not held.schedule:
        raise NoScheduleException(f"Crawler {CrawlerName} has no schedule.")
    if held.schedule_state == SCHEDULED:
        raise SchedulerRunningException(f"The schedule of crawler {CrawlerName} is running.")
    _schedule(call, held, held.schedule, SCHEDULED)


def StopCrawlerSchedule(call: Call, *, CrawlerName: str) -> None:
    held = existing(call, CrawlerName)
    if held.schedule_state != SCHEDULED:
        raise SchedulerNotRunningException(f"The schedule of crawler {CrawlerName} is not running.")
    _schedule(call, held, held.schedule, NOT_SCHEDULED)
