"""Tags of APIs, stages and domain names.

https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/tags-resource-arn.html
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from kumoniwa.gate import reserved_tags
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.apigateway.domain import DomainName
from kumoniwa.services.apigatewayv2.definition import Api, BadRequestException, NotFoundException, Stage

TAGS_MAX = 50
_ARN = re.compile(
    r"arn:aws[a-z-]*:apigateway:(?P<region>[a-z0-9-]+)::(?:/v2)?/(?:apis/(?P<api>[^/]+)(?:/stages/(?P<stage>[^/]+))?|domainnames/(?P<domain>[^/]+)"
    r"|(?P<other>vpclinks|portals|portalproducts)/.+)"
)


def _tagged(call: Call, arn: str) -> tuple[type, str, Any]:
    """The kind, the shelf's key and the record behind an ARN."""
    found = _ARN.fullmatch(unquote(arn))
    if found is None:
        raise BadRequestException("Invalid resource ARN specified in the request")
    if found["other"]:
        raise NotImplementedHere(f"apigatewayv2 {found['other']}")
    if found["stage"]:
        kind, key = Stage, f"{found['api']}/{found['stage']}"
    elif found["api"]:
        kind, key = Api, found["api"]
    else:
        kind, key = DomainName, found["domain"].lower()
    record = call.shelf(kind).get(key) if found["region"] == call.region else None
    if record is None:
        raise NotFoundException("Invalid resource specified")
    return kind, key, record


def tags_of(call: Call, arn: str) -> dict[str, str]:
    """Of what has no tags itself, only what lies below a domain name goes by its parent's.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-tagging-supported-resources.html"""
    head, domains, rest = arn.partition("::/domainnames/")
    return _tagged(call, f"{head}{domains}{rest.partition('/')[0]}" if domains else arn)[2].tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    """Domain names are those of the first of the two services as well: either may be the only one that is used."""
    start = f"arn:{call.home.partition}:apigateway:{call.region}::"
    found = [
        (f"{start}/{path}/{key}", each.tags)
        for kind, path in ((Api, "apis"), (DomainName, "domainnames"))
        for key, each in call.shelf(kind).items()
    ]
    stages = ((key.partition("/"), each.tags) for key, each in call.shelf(Stage).items())
    return found + [(f"{start}/apis/{api}/stages/{name}", tags) for (api, _, name), tags in stages]


def reserved_tag(operation: str, key: str) -> AwsError:
    return BadRequestException("Tag keys must not be empty nor begin with aws:")


def TagResource(call: Call, *, ResourceArn: str, Tags: dict[str, str] | None = None) -> dict:
    kind, key, record = _tagged(call, ResourceArn)
    tags = {**record.tags, **(Tags or {})}
    if reserved_tags.counted(tags) > TAGS_MAX:
        raise BadRequestException(f"The maximum number of tags is {TAGS_MAX}.")
    if "" in tags:
        raise reserved_tag("TagResource", "")
    call.shelf(kind)[key] = changed(record, tags=tags)
    return {}


def UntagResource(call: Call, *, ResourceArn: str, TagKeys: list[str]) -> None:
    kind, key, record = _tagged(call, ResourceArn)
    tags = {name: value for name, value in record.tags.items() if name not in TagKeys}
    call.shelf(kind)[key] = changed(record, tags=tags)


def GetTags(call: Call, *, ResourceArn: str) -> dict:
    return {"Tags": _tagged(call, ResourceArn)[2].tags}
