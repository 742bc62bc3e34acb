"""Volumes of EBS.

https://github.com/awslabs/aws-config-resource-schema/blob/master/config/properties/resource-types/AWS::EC2::Volume.properties.json
"""

from __future__ import annotations

from typing import Any

from kumoniwa.services.config.resource import Found, Kind, Reader, said, spelled, tags_of

VOLUME = "AWS::EC2::Volume"


def _found(reader: Reader, held: dict[str, Any]) -> Found:
    id_ = held["VolumeId"]
    (told,) = spelled("ec2", "DescribeVolumes", {"Volumes": [held]}, member="Volumes")
    return Found(
        id_, None, reader.call.arn(f"volume/{id_}", "ec2"), told, tags=tags_of(held.get("Tags")), created=held["CreateTime"],
        is_settled=held["State"] not in ("creating", "deleting"),
    )  # fmt: skip


async def _look(reader: Reader, ids: list[str] | None) -> dict[str, Found | None]:
    if ids is None:
        return {each["VolumeId"]: _found(reader, each) for each in await reader.all("ec2:DescribeVolumes")}
    found: dict[str, Found | None] = {}
    for id_ in ids:
        reply = await reader.ask("ec2:DescribeVolumes", absent=("InvalidVolume.NotFound",), VolumeIds=[id_])
        found[id_] = _found(reader, reply["Volumes"][0]) if reply else None
    return found


def _named(event: dict[str, Any]) -> list[str] | None:
    """Most of what EC2 is asked is about networks."""
    if event["eventName"] in ("CreateTags", "DeleteTags"):
        return None
    id_ = said(event, "volumeId")
    return ([id_] if id_ else None) if "Volume" in event["eventName"] else []


KINDS = (Kind(VOLUME, ("ec2",), _look, _named),)
"""Looked at again while it comes or goes."""
