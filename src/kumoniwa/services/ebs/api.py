"""The operations of the EBS direct APIs."""
# ruff: noqa: F401 (operations and hooks)

from __future__ import annotations

from typing import Any

from kumoniwa.gate.once import Token
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.ebs.bill import uses_of
from kumoniwa.services.ebs.errors import ConflictException, invalid
from kumoniwa.services.ebs.reading import GetSnapshotBlock, ListChangedBlocks, ListSnapshotBlocks
from kumoniwa.services.ebs.writing import CompleteSnapshot, PutSnapshotBlock, StartSnapshot, reserved_tag
from kumoniwa.services.ec2 import ebs_record
from kumoniwa.services.ec2.ebs_record import SNAPSHOT
from kumoniwa.wire.message import Request

TOKENS = {"StartSnapshot": Token("ClientToken", refusal=ConflictException)}
TAG_CONDITIONS = ("ec2:ResourceTag",)
RESULTS_MIN = 100


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> list[str] | str:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticblockstore.html"""
    named = [params[each] for each in ("SnapshotId", "FirstSnapshotId", "SecondSnapshotId") if isinstance(params.get(each), str)]
    return [ebs_record.snapshot_arn(call, id_) for id_ in named or ["*"]]


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    if operation != "StartSnapshot":
        return {}
    said = {"ebs:description": params.get("Description"), "ebs:volumesize": params.get("VolumeSize")}
    if isinstance(params.get("ParentSnapshotId"), str):
        said["ebs:parentsnapshot"] = ebs_record.snapshot_arn(call, params["ParentSnapshotId"])
    return {key: value for key, value in said.items() if isinstance(value, str | int)}


def tags_of(call: Call, arn: str) -> dict[str, str]:
    held = call.shelf(SNAPSHOT.record).get(arn.rpartition("/")[2])
    return held.tags if held is not None else {}


def params_of(operation: str, request: Request, params: dict[str, Any]) -> dict[str, Any]:
    """Who asks for fewer results than a hundred gets a hundred: https://docs.aws.amazon.com/ebs/latest/userguide/ebsapi-faq.html"""
    if isinstance(params.get("MaxResults"), int) and params["MaxResults"] < RESULTS_MIN:
        return {**params, "MaxResults": RESULTS_MIN}
    return params


def refusal_of(operation: str, params: dict[str, Any], error: AwsError) -> AwsError:
    return invalid(error.text)
