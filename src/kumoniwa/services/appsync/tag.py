"""Tags: of GraphQL APIs, of Event APIs and of their channel namespaces."""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.appsync import channel, graphqlapi
from kumoniwa.services.appsync.channel import Namespace
from kumoniwa.services.appsync.errors import BadRequestException, NotFoundException
from kumoniwa.services.appsync.eventapi import EventApi

_PATH = re.compile(r"apis/([^/]+)(?:/channelNamespace/([^/]+))?")


def _path(arn: Any) -> re.Match[str] | None:
    parsed = arns.parse(arn) if isinstance(arn, str) else None
    return _PATH.fullmatch(parsed.resource) if parsed is not None else None


def refusal_of(operation: str, params: dict[str, Any], error: AwsError) -> AwsError | None:
    """The model knows no ARN of a namespace, whose tags CloudFormation's schema says appsync:TagResource changes."""
    path = _path(params.get("resourceArn"))
    is_of_namespace = path is not None and path[2] is not None
    is_of_arn_alone = error.text.count(" failed to satisfy constraint") == error.text.count(" at 'resourceArn' ")
    return None if is_of_namespace and is_of_arn_alone else error


def reserved_tag(operation: str, key: str) -> AwsError:
    """The text is one of ours: how AWS says it was not found."""
    return BadRequestException("Tag keys that begin with aws: are reserved.")


def _tagged(call: Call, arn: str) -> tuple[EventApi | Namespace | graphqlapi.Api, str]:
    """What an ARN names, and under which key it is shelved."""
    path = _path(arn)
    if path is None:
        raise BadRequestException(f"Invalid resource ARN {arn}.")
    if arns.parse(arn).region != call.region:
        raise NotFoundException(f"There is no {arn} in {call.region}.")
    if path[2] is not None:
        return channel.found(call, path[1], path[2]), f"{path[1]}/{path[2]}"
    return call.shelf(EventApi).get(path[1]) or graphqlapi.existing(call, path[1]), path[1]


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return _tagged(call, arn)[0].tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    apis = [(graphqlapi.arn_of(call, key), each.tags) for kind in (EventApi, graphqlapi.Api) for key, each in call.shelf(kind).items()]
    return apis + [(channel.arn(call, each), each.tags) for each in call.shelf(Namespace).values()]


def TagResource(call: Call, *, resourceArn: str, tags: dict[str, str]) -> None:
    held, key = _tagged(call, resourceArn)
    call.shelf(type(held))[key] = changed(held, tags={**held.tags, **tags})


def UntagResource(call: Call, *, resourceArn: str, tagKeys: list[str]) -> None:
    held, key = _tagged(call, resourceArn)
    call.shelf(type(held))[key] = changed(held, tags={name: value for name, value in held.tags.items() if name not in tagKeys})


def ListTagsForResource(call: Call, *, resourceArn: str) -> dict:
    return {"tags": _tagged(call, resourceArn)[0].tags}
