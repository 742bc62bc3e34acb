"""Reachability Analyzer: paths whose reachability is asked for, and the answers (`reach`), with the component that stands in the way.

An analysis is done at once, and names of the way through what it began with, what led there and where it ended.
https://docs.aws.amazon.com/vpc/latest/reachability/how-reachability-analyzer-works.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.ec2 import catalogue, filters, reach, tag
from kumoniwa.services.ec2.dry_run import may_be_dry
from kumoniwa.services.ec2.errors import InvalidParameterValue, MissingParameter, Refused
from kumoniwa.services.ec2.kinds import described, existing, fresh, keep
from kumoniwa.services.ec2.network import (
    INSIGHTS_ANALYSIS,
    INSIGHTS_PATH,
    INTERFACE,
    INTERNET_GATEWAY,
    InsightsAnalysis,
    InsightsPath,
    Interface,
)

_TOLD_BY_PREFIX = {
    "acl": "Acl", "subnet": "Subnet", "rtb": "RouteTable", "igw": "InternetGateway", "eni": "NetworkInterface", "pcx": "VpcPeeringConnection",
    "nat": "NatGateway", "vpce": "VpcEndpoint",
}  # fmt: skip
"""How an explanation calls what stands in the way."""


def show_path(call: Call, path: InsightsPath) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "NetworkInsightsPathId": path.id, "NetworkInsightsPathArn": call.arn(f"network-insights-path/{path.id}", "ec2"), "CreatedDate": path.created,
        "Source": path.source, "SourceArn": call.arn(f"network-interface/{path.source}", "ec2"), "Protocol": path.protocol, "Tags": tag.shown(path.tags),
        "DestinationPort": path.port,
    }  # fmt: skip
    if path.destination:
        kind = catalogue.kind_of(path.destination)
        shown |= {"Destination": path.destination, "DestinationArn": call.arn(f"{kind.name if kind else ''}/{path.destination}", "ec2")}
    return shown | ({"DestinationIp": path.address} if path.address else {})


@may_be_dry
def CreateNetworkInsightsPath(
    call: Call, *, Source: str, Protocol: str, ClientToken: str, Destination: str | None = None, DestinationIp: str | None = None,
    DestinationPort: int | None = None, TagSpecifications: list[dict] | None = None,
) -> dict:  # fmt: skip
    source, destination = (each.rpartition("/")[2] for each in (Source, Destination or ""))
    if not source.startswith("eni-") or (destination and not destination.startswith(("eni-", "igw-"))):
        raise NotImplementedHere(f"reachability of {destination or source}, which is no network interface")
    if Protocol not in ("tcp", "udp"):
        raise InvalidParameterValue(f"Value ({Protocol}) for parameter protocol is invalid.")
    if DestinationPort is None:
        raise NotImplementedHere("analyses of any port (ec2:CreateNetworkInsightsPath without DestinationPort)")
    existing(call, INTERFACE, source)
    if destination:
        existing(call, INTERFACE if destination.startswith("eni-") else INTERNET_GATEWAY, destination)
    if not destination.startswith("eni-") and not DestinationIp:
        raise MissingParameter("The request must contain the parameter destinationIp, or a network interface as the destination")
    id_ = fresh(call, "nip")
    made = InsightsPath(
        id=id_, source=source, destination=destination, address=DestinationIp or "", protocol=Protocol, port=DestinationPort, created=call.now(),
        tags=tag.of_new(call, TagSpecifications, INSIGHTS_PATH, id_),
    )  # fmt: skip
    return {"NetworkInsightsPath": show_path(call, keep(call, made))}


@may_be_dry
def DeleteNetworkInsightsPath(call: Call, *, NetworkInsightsPathId: str) -> dict:
    existing(call, INSIGHTS_PATH, NetworkInsightsPathId)
    if any(each.path == NetworkInsightsPathId for each in call.shelf(InsightsAnalysis).values()):
        # The words are ours.
        raise Refused("AnalysisExistsForNetworkInsightsPath", f"The path {NetworkInsightsPathId} has analyses, which must be deleted first.")
    del call.shelf(InsightsPath)[NetworkInsightsPathId]
    return {"NetworkInsightsPathId": NetworkInsightsPathId}


@may_be_dry
def DescribeNetworkInsightsPaths(call: Call, *, NetworkInsightsPathIds: list[str] | None = None, Filters: list[dict] | None = None) -> dict:
    names: filters.Names = {"destination": "Destination", "source": "Source", "protocol": "Protocol", "destination-port": "DestinationPort"}
    return {"NetworkInsightsPaths": described(call, INSIGHTS_PATH, NetworkInsightsPathIds, Filters, names, show_path)}


# Analyses ------------------------------------------------------------------------------------------


def _component(call: Call, id_: str) -> dict[str, str]:
    kind = catalogue.kind_of(id_)
    return {"Id": id_} | ({"Arn": call.arn(f"{kind.name}/{id_}", "ec2")} if kind is not None else {})


def show(call: Call, analysis: InsightsAnalysis) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "NetworkInsightsAnalysisId": analysis.id, "NetworkInsightsAnalysisArn": call.arn(f"network-insights-analysis/{analysis.id}", "ec2"),
        "NetworkInsightsPathId": analysis.path, "StartDate": analysis.started, "Status": "succeeded", "NetworkPathFound": analysis.is_found,
        "Tags": tag.shown(analysis.tags),
    }  # fmt: skip
    components = [_component(call, id_) for id_ in analysis.components]
    if analysis.is_found:
        return shown | {"ForwardPathComponents": [{"SequenceNumber": n, "Component": each} for n, each in enumerate(components, 1)]}
    told: dict[str, Any] = {"ExplanationCode": analysis.code, "Direction": "ingress" if "ingress" in analysis.layer else "egress"}
    for id_, each in zip(analysis.components, components):
        name = _TOLD_BY_PREFIX.get(id_.partition("-")[0])
        if name:
            told[name] = each
        elif id_.startswith("sg-"):
            told.setdefault("SecurityGroups", []).append(each)
    # What stands in the way is told in our words, too, for which AWS has no other place.
    return shown | {"Explanations": [told], "StatusMessage": analysis.text}


@may_be_dry
def StartNetworkInsightsAnalysis(
    call: Call, *, NetworkInsightsPathId: str, ClientToken: str, TagSpecifications: list[dict] | None = None
) -> dict:
    path: InsightsPath = existing(call, INSIGHTS_PATH, NetworkInsightsPathId)
    target = call.shelf(Interface).get(path.destination)
    if path.destination.startswith("eni-") and target is None:
        existing(call, INTERFACE, path.destination)
    address = path.address or (target.ips[0] if target is not None else "")
    verdict = reach.judge(call, path.source, address, path.port, path.protocol)
    if verdict.is_allowed and path.destination.startswith("igw-") and path.destination not in (verdict.way, *_beyond(call, verdict)):
        verdict = reach.Verdict(False, "route", f"{path.address} is not reached by {path.destination}.", code="NO_ROUTE_TO_DESTINATION")
    id_ = fresh(call, "nia")
    through = [path.source, *([verdict.way] if verdict.way not in ("", "local") else []), *([verdict.target] if verdict.target else [])]
    made = InsightsAnalysis(
        id=id_, path=path.id, started=call.now(), is_found=verdict.is_allowed, text=verdict.text, code=verdict.code, layer=verdict.layer,
        components=tuple(through) if verdict.is_allowed else verdict.components, tags=tag.of_new(call, TagSpecifications, INSIGHTS_ANALYSIS, id_),
    )  # fmt: skip
    call.bill("ec2:reachability_analysis", path.id)
    shown = show(call, keep(call, made))
    begun = ("NetworkInsightsAnalysisId", "NetworkInsightsAnalysisArn", "NetworkInsightsPathId", "StartDate", "Tags")
    return {"NetworkInsightsAnalysis": {name: shown[name] for name in begun} | {"Status": "running"}}


def _beyond(call: Call, verdict: reach.Verdict) -> list[str]:
    """The internet gateway behind a NAT gateway."""
    return [word.rstrip(".") for word in verdict.text.split() if word.startswith("igw-")] if verdict.way.startswith("nat-") else []


@may_be_dry
def DeleteNetworkInsightsAnalysis(call: Call, *, NetworkInsightsAnalysisId: str) -> dict:
    existing(call, INSIGHTS_ANALYSIS, NetworkInsightsAnalysisId)
    del call.shelf(InsightsAnalysis)[NetworkInsightsAnalysisId]
    return {"NetworkInsightsAnalysisId": NetworkInsightsAnalysisId}


@may_be_dry
def DescribeNetworkInsightsAnalyses(
    call: Call, *, NetworkInsightsAnalysisIds: list[str] | None = None, NetworkInsightsPathId: str | None = None, Filters: list[dict] | None = None
) -> dict:
    names: filters.Names = {"path-found": "NetworkPathFound", "status": "Status"}
    found = described(call, INSIGHTS_ANALYSIS, NetworkInsightsAnalysisIds, Filters, names, show)
    return {"NetworkInsightsAnalyses": [each for each in found if NetworkInsightsPathId in (None, each["NetworkInsightsPathId"])]}
