"""How findings come, change and go: what was found now is held against what had been found before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.accessanalyzer import analyzer as analyzers
from kumoniwa.services.accessanalyzer import filtering, finding
from kumoniwa.services.accessanalyzer.analyzer import Analyzer
from kumoniwa.services.accessanalyzer.errors import ResourceNotFoundException
from kumoniwa.services.accessanalyzer.finding import EXTERNAL_ACCESS, Finding

RESOLVED_KEPT_S = 90 * 86_400.0
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-findings.html


class Found(NamedTuple):
    """A finding as it is found now."""

    type: str
    key: str
    details: tuple[dict[str, Any], ...]
    error: str = ""


class Seen(NamedTuple):
    """A resource that was looked at."""

    arn: str
    type: str
    owner: str


class Analyzed(Record):
    """A resource that an analyzer has looked at; shelved by the analyzer's name and its ARN."""

    analyzer: str
    arn: str
    type: str
    owner: str
    created: float
    analyzed: float
    updated: float
    error: str = ""
    state: tuple[str, ...] = ()
    """The keys of what was found: another set of them is a change."""


def judge(call: Call, analyzer: Analyzer, seen: Seen, found: Iterable[Found]) -> None:
    """What was found of one resource, whole: what is not among it is resolved."""
    now, held = call.now(), {each.key: each for each in finding.of(call, analyzer) if each.resource == seen.arn}
    keys, error = [], ""
    for one in found:
        keys.append(one.key)
        error = error or one.error
        before = held.pop(one.key, None)
        if before is None:
            _begin(call, analyzer, seen, one)
        else:
            _go_on(call, analyzer, before, one)
    for gone in held.values():
        if gone.status != "RESOLVED":
            finding.put(call, changed(gone, analyzed=now), "RESOLVED")
    _note(call, analyzer, seen, tuple(sorted(keys)), error)


def _begin(call: Call, analyzer: Analyzer, seen: Seen, one: Found) -> None:
    now = call.now()
    made = Finding(
        id=call.new_id(), analyzer=analyzer.name, type=one.type, resource=seen.arn, resource_type=seen.type, owner=seen.owner,
        key=one.key,
        created=now, analyzed=now, updated=now, error=one.error, details=one.details,
    )  # fmt: skip
    made = changed(made, status=_status(analyzer, made))
    call.shelf(Finding)[made.place] = made
    finding.tell(call, made)


def _go_on(call: Call, analyzer: Analyzer, before: Finding, one: Found) -> None:
    now, is_same = call.now(), before.details == one.details and before.error == one.error
    after = changed(before, details=one.details, error=one.error, analyzed=now, updated=before.updated if is_same else now)
    if before.status == "RESOLVED":
        finding.put(call, after, _status(analyzer, after))
    else:
        call.shelf(Finding)[after.place] = after


def _status(analyzer: Analyzer, one: Finding) -> str:
    """Archive rules speak of findings as they come."""
    said = finding.fields(one)
    return "ARCHIVED" if any(filtering.meets(said, rule.filter) for rule in analyzer.rules.values()) else "ACTIVE"


def _note(call: Call, analyzer: Analyzer, seen: Seen, state: tuple[str, ...], error: str) -> None:
    place, now = f"{analyzer.name}/{seen.arn}", call.now()
    before = call.shelf(Analyzed).get(place)
    updated = before.updated if before is not None and (before.state, before.error) == (state, error) else now
    created = before.created if before is not None else now
    call.shelf(Analyzed)[place] = Analyzed(
        analyzer=analyzer.name, arn=seen.arn, type=seen.type, owner=seen.owner, created=created, analyzed=now, updated=updated, error=error,
        state=state,
    )  # fmt: skip
    analyzers.keep(call, changed(analyzers.found(call, analyzer.name), last_resource=seen.arn, last_analyzed=now))


def forget_others(call: Call, analyzer: Analyzer, kinds: frozenset[str], standing: set[str]) -> None:
    """What no longer stands is resolved and no longer listed."""
    for analyzed in list(call.shelf(Analyzed).values()):
        if analyzed.analyzer == analyzer.name and analyzed.type in kinds and analyzed.arn not in standing:
            judge(call, analyzer, Seen(analyzed.arn, analyzed.type, analyzed.owner), ())
            del call.shelf(Analyzed)[f"{analyzer.name}/{analyzed.arn}"]


def purge(call: Call, analyzer: Analyzer) -> None:
    """What has been resolved for long is deleted."""
    for each in finding.of(call, analyzer):
        if each.status == "RESOLVED" and each.updated + RESOLVED_KEPT_S <= call.now():
            drop(call, each)


def drop(call: Call, one: Finding) -> None:
    del call.shelf(Finding)[one.place]
    finding.tell(call, one, one.status, is_deleted=True)


def DeleteAnalyzer(call: Call, *, analyzerName: str, clientToken: str | None = None) -> None:
    """With all that it found: https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_DeleteAnalyzer.html"""
    analyzer = analyzers.found(call, analyzerName)
    for each in finding.of(call, analyzer):
        drop(call, each)
    for analyzed in [each for each in call.shelf(Analyzed).values() if each.analyzer == analyzer.name]:
        del call.shelf(Analyzed)[f"{analyzer.name}/{analyzed.arn}"]
    del call.shelf(Analyzer)[analyzer.name]


# Resources -----------------------------------------------------------------------------------------


def ListAnalyzedResources(call: Call, *, analyzerArn: str, resourceType: str | None = None) -> dict:
    analyzer = analyzers.of_arn(call, analyzerArn)
    held = (each for each in call.shelf(Analyzed).values() if each.analyzer == analyzer.name and resourceType in (None, each.type))
    return {
        "analyzedResources": [
            {"resourceArn": each.arn, "resourceOwnerAccount": each.owner, "resourceType": each.type}
            for each in sorted(held, key=lambda each: each.arn)
        ]
    }


def GetAnalyzedResource(call: Call, *, analyzerArn: str, resourceArn: str) -> dict:
    analyzer = analyzers.of_arn(call, analyzerArn)
    held = call.shelf(Analyzed).get(f"{analyzer.name}/{resourceArn}")
    if held is None:
        raise ResourceNotFoundException.of("analyzed-resource", resourceArn)
    live = [each for each in finding.of(call, analyzer) if each.resource == resourceArn and each.status != "RESOLVED"]
    details = [each.details[0] for each in live if each.type == EXTERNAL_ACCESS and each.details]
    told: dict[str, Any] = {
        "resourceArn": held.arn, "resourceType": held.type, "resourceOwnerAccount": held.owner, "createdAt": held.created,
        "analyzedAt": held.analyzed, "updatedAt": held.updated, "isPublic": any(each["isPublic"] for each in details),
    }  # fmt: skip
    if live:
        told["status"] = "ACTIVE" if any(each.status == "ACTIVE" for each in live) else "ARCHIVED"
    if details:
        told["actions"] = sorted({action for each in details for action in each["action"]})
        told["sharedVia"] = sorted({source["type"] for each in details for source in each.get("sources", ())})
    return {"resource": told | ({"error": held.error} if held.error else {})}
