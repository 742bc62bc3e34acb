"""What is kept of the requests that a web ACL judged: figures, samples, and lines of its log.

https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html
https://docs.aws.amazon.com/waf/latest/developerguide/waf-metrics.html
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from kumoniwa.gate.backlog import Backlog
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.languages.firewall.rule import DEFAULT, GroupHits, Hit, Verdict
from kumoniwa.languages.firewall.web_request import Detail, WebRequest

NAMESPACE = "AWS/WAFV2"
FIGURES = {"Allow": "AllowedRequests", "Block": "BlockedRequests", "Count": "CountedRequests"}
ALL = "ALL"
GLOBAL_FIGURES = "us-east-1"
"""Where those of edge locations are found."""
LABELS_MAX = 100
"""So many labels of a request have figures: https://docs.aws.amazon.com/waf/latest/developerguide/waf-metrics.html"""
POPULATION_MAX, SAMPLES_MAX = 5_000, 500
SAMPLED_S = 3 * 3600
"""https://docs.aws.amazon.com/waf/latest/APIReference/API_GetSampledRequests.html"""
HIDDEN = "REDACTED"
LOCATIONS = {
    "SingleHeader": "HEADER", "Headers": "HEADER", "Cookies": "HEADER", "UriPath": "URI", "QueryString": "QUERY_STRING", "Body": "BODY",
    "AllQueryArguments": "ALL_QUERY_ARGS", "SingleQueryArgument": "SINGLE_QUERY_ARG",
}  # fmt: skip
"""Where an attack was found, as logs call it. Of JSON they do not say; of arguments the logs that people show do:
https://docs.aws.amazon.com/waf/latest/developerguide/logging-examples.html"""
FILE_S = 300.0
BACKLOG = Backlog("wafv2", FILE_S)


class Source(NamedTuple):
    """What was called."""

    kind: str
    """As an association's settings call it: ``API_GATEWAY``, ``CLOUDFRONT``, ``APPSYNC``, ``COGNITO_USER_POOL``."""
    name: str
    """As logs call it."""
    id: str


class Met(NamedTuple):
    """A request that was judged."""

    request: WebRequest
    verdict: Verdict
    source: Source
    id: str
    country: str


# Figures --------------------------------------------------------------------------------------------------------


def _named(hits: Verdict) -> Iterator[tuple[Hit, GroupHits | None]]:
    """Every rule that did something, those of groups with their group."""
    yield from ((hit, None) for hit in hits.counted)
    for group in hits.groups:
        yield from ((hit, group) for hit in (*group.counted, *((group.ending,) if group.ending is not None else ())))
    if hits.ending is not None:
        yield hits.ending, None


def measure(home: Any, account: str, part: Any, verdict: Verdict, labels: list[str]) -> None:
    """Of a rule of AWS's groups the web ACL's owner sees figures by the group's and the rule's name, and of a label by its two halves."""
    is_global = ":global/" in part.arn
    region = () if is_global else ("Region", home.name)
    place = GLOBAL_FIGURES if is_global else None

    def count(figure: str, *dimensions: str) -> None:
        home.meter.count(account, NAMESPACE, figure, (*dimensions, *region), place=place)

    visible = part.document["VisibilityConfig"]
    if visible["CloudWatchMetricsEnabled"]:
        count(FIGURES[verdict.action], "WebACL", visible["MetricName"], "Rule", ALL)
        if verdict.ending is None:
            count(FIGURES[verdict.action], "WebACL", visible["MetricName"], "Rule", DEFAULT)
        if verdict.counted:
            count(FIGURES["Count"], "WebACL", visible["MetricName"], "Rule", ALL)
        for label in labels[:LABELS_MAX]:
            namespace, _, name = label.rpartition(":")
            count(FIGURES[verdict.action], "LabelNamespace", namespace, "LabelName", name, "WebACL", visible["MetricName"])
    for hit, group in _named(verdict):
        said = hit.rule.visibility
        if group is not None and group.rule.is_managed:
            if group.rule.visibility["CloudWatchMetricsEnabled"]:
                name = group.rule.group["Name"]
                count(FIGURES[hit.action], "ManagedRuleGroup", name, "ManagedRuleGroupRule", hit.rule.name, "WebACL", visible["MetricName"])
        elif said["CloudWatchMetricsEnabled"]:
            holder = ("WebACL", visible["MetricName"]) if group is None else ("RuleGroup", group.rule.group["VisibilityConfig"]["MetricName"])
            count(FIGURES[hit.action], *holder, "Rule", said["MetricName"])


# Samples --------------------------------------------------------------------------------------------------------


class Samples:
    """The last requests that each rule met, by the rule's metric. Gone with the region, as AWS promises them for three hours only."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[deque[float], deque[tuple[Met, Hit | None, str]]]] = {}
        """When requests came, and the last of them whole."""

    def keep(self, met: Met, part: Any) -> None:
        visible = part.document["VisibilityConfig"]
        if met.verdict.ending is None and visible["SampledRequestsEnabled"]:
            self._put(DEFAULT, met, None, "")
        for hit, group in _named(met.verdict):
            within = hit.rule.name if group is not None else ""
            shown = hit.rule
            if group is not None and group.rule.is_managed:
                # Its rules have no metrics that a customer could name: they are found with the rule that refers to the group.
                within, shown = f"{group.rule.group_id}#{hit.rule.name}", group.rule
            elif hit.rule.is_managed and hit.rule.group is not None:
                continue
            if shown.visibility["SampledRequestsEnabled"]:
                self._put(shown.visibility["MetricName"], met, hit, within)
        if visible["SampledRequestsEnabled"]:
            self._put(ALL, met, met.verdict.ending, "")

    def _put(self, metric: str, met: Met, hit: Hit | None, within: str) -> None:
        times, samples = self._kept.setdefault(metric, (deque(maxlen=POPULATION_MAX), deque(maxlen=SAMPLES_MAX)))
        times.append(met.request.now)
        samples.append((met, hit, within))

    def told(self, metric: str, start: float, end: float) -> dict[str, Any]:
        """``{"population": how many came then, "samples": […]}``"""
        times, samples = self._kept.get(metric, ((), ()))
        return {
            "population": sum(start <= at <= end for at in times),
            "samples": [_sample(*each) for each in samples if start <= each[0].request.now <= end],
        }


def _sample(met: Met, hit: Hit | None, within: str) -> dict[str, Any]:
    request, verdict = met.request, met.verdict
    told: dict[str, Any] = {
        "Request": {
            "ClientIP": request.address, "Country": met.country or "-", "URI": _uri(request), "Method": request.method.decode("latin-1"),
            "HTTPVersion": "HTTP/1.1",
            "Headers": [{"Name": name.decode("latin-1"), "Value": value.decode("latin-1")} for name, value in request.headers],
        },
        "Weight": 1, "Timestamp": request.now, "Action": (hit.action if hit is not None else verdict.action).upper(),
        "Labels": [{"Name": label} for label in request.labels],
    }  # fmt: skip
    if within:
        told["RuleNameWithinRuleGroup"] = within
    if hit is not None and hit.overridden:
        told["OverriddenAction"] = hit.overridden.upper()
    if verdict.inserted:
        told["RequestHeadersInserted"] = [{"Name": name, "Value": value} for name, value in verdict.inserted]
    if verdict.response is not None:
        told["ResponseCodeSent"] = verdict.response["ResponseCode"]
    return told


def _uri(request: WebRequest) -> str:
    path, query = request.path.decode("latin-1"), request.query.decode("latin-1")
    return f"{path}?{query}" if query else path


# The log --------------------------------------------------------------------------------------------------------


class Log:
    """How one web ACL is logged: what of a request, and whether at all."""

    def __init__(self, home: Any, account: str, part: Any, document: dict[str, Any]) -> None:
        self.home, self.account, self.arn, self.document = home, account, part.arn, document
        self.hidden = frozenset(kind for field in document.get("RedactedFields") or () for kind in field if kind != "SingleHeader")
        self.hidden_headers = frozenset(
            field["SingleHeader"]["Name"].lower() for field in document.get("RedactedFields") or () if "SingleHeader" in field
        )

    def write(self, met: Met) -> None:
        if not self._wants(met):
            return
        BACKLOG.add(self.home, self.account, self.arn, orjson.dumps(self.line(met)))

    def _wants(self, met: Met) -> bool:
        filters = self.document.get("LoggingFilter")
        if filters is None:
            return True
        hits = [*met.verdict.counted, *(hit for group in met.verdict.groups for hit in group.counted)]
        actions = {met.verdict.action.upper(), *("EXCLUDED_AS_COUNT" if hit.rule.is_excluded else "COUNT" for hit in hits)}
        for each in filters["Filters"]:
            found = [
                condition["ActionCondition"]["Action"] in actions
                if "ActionCondition" in condition
                else condition["LabelNameCondition"]["LabelName"] in met.request.labels
                for condition in each["Conditions"]
            ]
            if all(found) if each["Requirement"] == "MEETS_ALL" else any(found):
                return each["Behavior"] == "KEEP"
        return filters["DefaultBehavior"] == "KEEP"

    def line(self, met: Met) -> dict[str, Any]:
        request, verdict = met.request, met.verdict
        inserted = [{"name": name, "value": value} for name, value in verdict.inserted]
        labels = {"labels": [{"name": label} for label in request.labels]} if request.labels else {}
        oversize = {"oversizeFields": request.oversize} if request.oversize else {}
        return {
            "timestamp": milliseconds(request.now), "formatVersion": 1, "webaclId": self.arn, "terminatingRuleId": verdict.rule,
            "terminatingRuleType": verdict.ending.rule.kind if verdict.ending is not None else "REGULAR", "action": verdict.action.upper(),
            "terminatingRuleMatchDetails": self._details(verdict.inner or verdict.ending), "httpSourceName": met.source.name,
            "httpSourceId": met.source.id,
            "ruleGroupList": [self._group(each) for each in verdict.groups],
            "rateBasedRuleList": [{**each, "rateBasedRuleId": self.arn} for each in request.limits],
            "nonTerminatingMatchingRules": [self._matched(hit) for hit in verdict.counted],
            "requestHeadersInserted": inserted or None,
            "responseCodeSent": verdict.response["ResponseCode"] if verdict.response is not None else None,
            "httpRequest": self._told(met), **oversize, **labels,
        }  # fmt: skip

    def _told(self, met: Met) -> dict[str, Any]:
        request = met.request

        def shown(kind: str, value: bytes) -> str:
            return HIDDEN if kind in self.hidden else value.decode("latin-1")

        headers = [
            {"name": name.decode("latin-1"), "value": HIDDEN if name.decode("latin-1") in self.hidden_headers else value.decode("latin-1")}
            for name, value in request.headers
        ]
        return {
            "clientIp": request.address, "country": met.country or "-", "headers": headers, "uri": shown("UriPath", request.path),
            "args": shown("QueryString", request.query), "httpVersion": "HTTP/1.1", "httpMethod": shown("Method", request.method),
            "requestId": met.id,
        }  # fmt: skip

    def _matched(self, hit: Hit) -> dict[str, Any]:
        told = {"ruleId": hit.rule.name, "action": hit.action.upper(), "ruleMatchDetails": self._details(hit)}
        return told | ({"overriddenAction": hit.overridden.upper()} if hit.overridden else {})

    def _details(self, hit: Hit | None) -> list[dict[str, Any]]:
        return [self._detail(each) for each in (hit.details if hit is not None else ())]

    def _detail(self, detail: Detail) -> dict[str, Any]:
        """What is hidden of a request is not told here either."""
        is_hidden = detail.field in self.hidden or detail.name.lower() in self.hidden_headers
        told: dict[str, Any] = {"conditionType": detail.condition}
        if detail.sensitivity:
            told["sensitivityLevel"] = detail.sensitivity
        told |= {"location": LOCATIONS.get(detail.field, "UNKNOWN"), "matchedData": [HIDDEN] if is_hidden else detail.tokens}
        return told | ({"matchedFieldName": detail.name} if detail.name else {})

    def _group(self, hits: GroupHits) -> dict[str, Any]:
        excluded = [{"exclusionType": "EXCLUDED_AS_COUNT", "ruleId": hit.rule.name} for hit in hits.counted if hit.rule.is_excluded]
        ending = hits.ending
        return {
            "ruleGroupId": hits.rule.group_id,
            "terminatingRule": {**self._matched(ending), "ruleMatchDetails": self._details(ending) or None} if ending is not None else None,
            "nonTerminatingMatchingRules": [self._matched(hit) for hit in hits.counted if not hit.rule.is_excluded],
            "excludedRules": excluded or None,
        }
