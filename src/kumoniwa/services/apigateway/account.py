"""What an account says of API Gateway as a whole, and the tags of everything that has some."""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.gate import reserved_tags
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.apigateway.certificate import ClientCertificate
from kumoniwa.services.apigateway.domain import DomainName
from kumoniwa.services.apigateway.patch import BadRequestException, NotFoundException, Rule, Rules
from kumoniwa.services.apigateway.plan import ApiKey, UsagePlan
from kumoniwa.services.apigateway.restapi import RestApi
from kumoniwa.services.apigateway.stage import Stage
from kumoniwa.services.apigateway.usage import ACCOUNT_BURST, ACCOUNT_RATE

TAGS_MAX = 50


class Account(Record):
    document: dict[str, Any]


RULES = Rules({"/cloudwatchRoleArn": Rule("cloudwatchRoleArn")})


def cloudwatch_role(call: Call) -> str | None:
    """The role that writes the account's logs."""
    known = call.shelf(Account).get("account")
    return known.document.get("cloudwatchRoleArn") if known is not None else None


def _shown(call: Call) -> dict[str, Any]:
    known = call.shelf(Account).get("account")
    document = {
        "throttleSettings": {"burstLimit": ACCOUNT_BURST, "rateLimit": ACCOUNT_RATE},
        "features": ["UsagePlans"],
        "apiKeyVersion": "4",
    }
    return document | (known.document if known is not None else {})


def GetAccount(call: Call) -> dict:
    return _shown(call)


def UpdateAccount(call: Call, *, patchOperations: list[dict] | None = None) -> dict:
    """The role writes access logs and execution logs."""
    known = call.shelf(Account).get("account")
    document = RULES.applied(known.document if known is not None else {}, patchOperations)
    role = document.get("cloudwatchRoleArn")
    if role:
        call.require("iam:PassRole", role, **{"iam:PassedToService": "apigateway.amazonaws.com"})
    call.shelf(Account)["account"] = Account(document=document)
    return _shown(call)


# Tags --------------------------------------------------------------------------------------------------

_ARN = re.compile(
    r"arn:aws[a-z-]*:apigateway:(?P<region>[a-z0-9-]+)::/(?:restapis/(?P<api>[^/]+)(?:/stages/(?P<stage>[^/]+))?|apikeys/(?P<key>[^/]+)"
    r"|usageplans/(?P<plan>[^/]+)|domainnames/(?P<domain>[^/]+)|clientcertificates/(?P<certificate>[^/]+)"
    r"|(?P<other>vpclinks/.+))"
)


def _tagged(call: Call, arn: str) -> tuple[type, str, Any]:
    """The kind, the shelf's key and the record behind an ARN."""
    found = _ARN.fullmatch(arn)
    if found is None:
        raise BadRequestException("Invalid resource ARN specified in the request")
    if found["other"]:
        raise NotImplementedHere(f"apigateway {found['other'].partition('/')[0]}")
    if found["stage"]:
        kind, key = Stage, f"{found['api']}/{found['stage']}"
    elif found["api"]:
        kind, key = RestApi, found["api"]
    elif found["certificate"]:
        kind, key = ClientCertificate, found["certificate"]
    elif found["domain"]:
        kind, key = DomainName, found["domain"].lower()
    elif found["key"]:
        kind, key = ApiKey, found["key"]
    else:
        kind, key = UsagePlan, found["plan"]
    record = call.shelf(kind).get(key) if found["region"] == call.region else None
    if record is None:
        raise NotFoundException("Invalid resource specified")
    return kind, key, record


_PATHS = {RestApi: "restapis", ApiKey: "apikeys", UsagePlan: "usageplans", DomainName: "domainnames", ClientCertificate: "clientcertificates"}
_TREE = re.compile(r"(.+::/(restapis|usageplans|domainnames|apikeys|clientcertificates)/[^/]+)(/stages/[^/]+)?.*")


def tags_of(call: Call, arn: str) -> dict[str, str]:
    """What lies below an API, a plan or a domain name goes by its tags, and a stage by its own besides.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-tagging-supported-resources.html"""
    found = _TREE.fullmatch(arn)
    if found is None:
        return {}
    tags = dict(_tagged(call, found[1])[2].tags)
    if found[3] and (stage := call.shelf(Stage).get(found[1].rpartition("/")[2] + "/" + found[3].removeprefix("/stages/"))) is not None:
        tags |= stage.tags
    return tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    start = f"arn:{call.home.partition}:apigateway:{call.region}::"
    found = [(f"{start}/{path}/{key}", each.tags) for kind, path in _PATHS.items() for key, each in call.shelf(kind).items()]
    stages = ((key.partition("/"), each.tags) for key, each in call.shelf(Stage).items())
    return found + [(f"{start}/restapis/{api}/stages/{name}", tags) for (api, _, name), tags in stages]


def reserved_tag(operation: str, key: str) -> AwsError:
    return BadRequestException("Tag keys must not be empty nor begin with aws:")


def TagResource(call: Call, *, resourceArn: str, tags: dict[str, str]) -> None:
    kind, key, record = _tagged(call, resourceArn)
    tags = {**record.tags, **tags}
    if reserved_tags.counted(tags) > TAGS_MAX:
        raise BadRequestException(f"The maximum number of tags is {TAGS_MAX}.")
    if "" in tags:
        raise reserved_tag("TagResource", "")
    call.shelf(kind)[key] = changed(record, tags=tags)


def UntagResource(call: Call, *, resourceArn: str, tagKeys: list[str]) -> None:
    kind, key, record = _tagged(call, resourceArn)
    call.shelf(kind)[key] = changed(
        record, tags={name: value for name, value in record.tags.items() if name not in tagKeys}
    )


def GetTags(call: Call, *, resourceArn: str, position: str | None = None, limit: int | None = None) -> dict:
    """AWS, too, answers all of them: neither ``position`` nor ``limit`` is supported yet, says its reference."""
    return {"tags": _tagged(call, resourceArn)[2].tags}
