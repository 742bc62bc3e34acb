"""Custom domain names as HTTP and WebSocket APIs see them, and the mappings that say which API each path of theirs shows.

The names are those of REST APIs (``apigateway.domain``), told in this service's words: one may show APIs of all kinds, each
under a path of its own, of which the longest that fits is meant.
https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mappings.html
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from typing import Any

from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.names import HostName
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.apigateway import domain as names
from kumoniwa.services.apigateway.deployment import Stage as RestStage
from kumoniwa.services.apigateway.domain import NONE, DomainName
from kumoniwa.services.apigateway.restapi import RestApi
from kumoniwa.services.apigatewayv2.definition import (
    SERVICE,
    Api,
    BadRequestException,
    ConflictException,
    NotFoundException,
    Stage,
    said,
)

ROUTING = {"BASE_PATH_MAPPING_ONLY": "API_MAPPING_ONLY"}
"""By REST's word for it."""
KEY_LENGTH_MAX = 300
_KEY = re.compile(r"[A-Za-z0-9$\-_.+!*'()/]+")


def _configurations(document: dict[str, Any]) -> list[dict[str, Any]]:
    told = []
    for kind in document["endpointConfiguration"]["types"]:
        arn, name = names.CERTIFICATES[kind]
        prefix = "regional" if kind == "REGIONAL" else "distribution"
        told.append(
            said(
                ApiGatewayDomainName=document.get(f"{prefix}DomainName"),
                CertificateArn=document.get(arn),
                CertificateName=document.get(name),
                CertificateUploadDate=document["certificateUploadDate"],
                DomainNameStatus=document["domainNameStatus"],
                EndpointType=kind,
                HostedZoneId=document.get(f"{prefix}HostedZoneId"),
                IpAddressType=document["endpointConfiguration"].get("ipAddressType"),
                OwnershipVerificationCertificateArn=document.get("ownershipVerificationCertificateArn"),
                SecurityPolicy=document["securityPolicy"],
            )
        )
    return told


def _mutual_shown(document: dict[str, Any]) -> dict[str, Any]:
    mutual = document.get("mutualTlsAuthentication")
    return {"MutualTlsAuthentication": {member[0].upper() + member[1:]: value for member, value in mutual.items()}} if mutual else {}


def _shown(domain: DomainName) -> dict[str, Any]:
    return {
        "ApiMappingSelectionExpression": "$request.basepath",
        "DomainName": domain.name,
        "DomainNameArn": domain.document["domainNameArn"],
        "DomainNameConfigurations": _configurations(domain.document),
        **_mutual_shown(domain.document),
        "RoutingMode": ROUTING.get(domain.document["routingMode"], domain.document["routingMode"]),
        "Tags": domain.tags,
    }


def _check_unsupported(routing: str | None) -> None:
    if routing not in (None, "API_MAPPING_ONLY"):
        raise NotImplementedHere("routing rules of apigatewayv2 domain names")


def _configuration(given: list[dict[str, Any]] | None) -> dict[str, Any]:
    if not given:
        return {}
    if len(given) != 1:
        raise BadRequestException("Exactly one domain name configuration must be specified")
    if given[0].get("EndpointType", "REGIONAL") != "REGIONAL":
        raise BadRequestException(f"{given[0]['EndpointType']} endpoint type is not supported for APIGatewayV2 domainName")
    return given[0]


def CreateDomainName(
    call: Call,
    *,
    DomainName: str,
    DomainNameConfigurations: list[dict] | None = None,
    MutualTlsAuthentication: dict | None = None,
    RoutingMode: str | None = None,
    Tags: dict[str, str] | None = None,
) -> dict:
    _check_unsupported(RoutingMode)
    if "_" in DomainName:
        raise BadRequestException("Domain names cannot contain an underscore character")
    given = _configuration(DomainNameConfigurations)
    made = names.CreateDomainName(
        call, domainName=DomainName, regionalCertificateArn=given.get("CertificateArn"),
        regionalCertificateName=given.get("CertificateName"),
        endpointConfiguration={"types": ["REGIONAL"], **said(ipAddressType=given.get("IpAddressType"))},
        securityPolicy=given.get("SecurityPolicy"), tags=Tags,
        mutualTlsAuthentication={member[0].lower() + member[1:]: value for member, value in (MutualTlsAuthentication or {}).items()},
        ownershipVerificationCertificateArn=given.get("OwnershipVerificationCertificateArn"),
    )  # fmt: skip
    return _told_then(call, made, DomainName)


def _told_then(call: Call, made: Any, name: str) -> Any:
    """The name in this service's words, when what makes or changes it is done."""

    async def later() -> dict[str, Any]:
        await made
        return _shown(names.found(call, name))

    return later() if asyncio.iscoroutine(made) else _shown(names.found(call, name))


def GetDomainName(call: Call, *, DomainName: str) -> dict:
    return _shown(names.found(call, DomainName))


def GetDomainNames(call: Call) -> dict:
    shelf = call.shelf(DomainName)
    return {"Items": [_shown(shelf[name]) for name in sorted(shelf)]}


def UpdateDomainName(
    call: Call,
    *,
    DomainName: str,
    DomainNameConfigurations: list[dict] | None = None,
    MutualTlsAuthentication: dict | None = None,
    RoutingMode: str | None = None,
) -> dict:
    _check_unsupported(RoutingMode)
    names.found(call, DomainName)
    if MutualTlsAuthentication is not None and not DomainNameConfigurations:
        # As AWS was seen to say: https://github.com/hashicorp/terraform-provider-aws/issues/18312
        raise BadRequestException("Invalid input. Expected one domain name configuration")
    changes = []
    if DomainNameConfigurations is not None:
        given = _configuration(DomainNameConfigurations)
        places = {
            "CertificateArn": "/regionalCertificateArn", "CertificateName": "/regionalCertificateName",
            "SecurityPolicy": "/securityPolicy", "IpAddressType": "/endpointConfiguration/ipAddressType",
            "OwnershipVerificationCertificateArn": "/ownershipVerificationCertificateArn",
        }  # fmt: skip
        changes += [{"op": "replace", "path": places[name], "value": value} for name, value in given.items() if name in places]
    for member, value in (MutualTlsAuthentication or {}).items():
        changes.append({"op": "replace", "path": f"{names.MUTUAL}{member[0].lower()}{member[1:]}", "value": value})
    made = names.UpdateDomainName(call, domainName=DomainName, patchOperations=changes) if changes else None
    return _told_then(call, made, DomainName)


def DeleteDomainName(call: Call, *, DomainName: str) -> None:
    names.DeleteDomainName(call, domainName=DomainName)


# Mappings ---------------------------------------------------------------------------------------------


def mapped(domain: DomainName, path: str) -> tuple[dict[str, str] | None, str, str]:
    """The mapping that a request's path meets, its key, and the path behind it: the longest key that fits."""
    parts = path.lstrip("/").split("/")
    for count in range(len(parts), 0, -1):
        key = "/".join(parts[:count])
        if key in domain.mappings:
            return domain.mappings[key], key, "/" + "/".join(parts[count:])
    return domain.mappings.get(NONE), "", path


def _id(domain: DomainName, key: str) -> str:
    """What a mapping is called: as it was made; by its place if it was made in REST's words."""
    given = domain.mapping_ids.get(key)
    return given or hashlib.sha256(f"{domain.name} {key}".encode()).hexdigest()[:6]


def _told(domain: DomainName, key: str) -> dict[str, Any]:
    mapping = domain.mappings[key]
    return {
        "ApiId": mapping["restApiId"],
        "ApiMappingId": _id(domain, key),
        "ApiMappingKey": "" if key == NONE else key,
        "Stage": mapping.get("stage", ""),
    }


def _found(call: Call, name: str, mapping_id: str) -> tuple[DomainName, str]:
    domain = names.found(call, name)
    for key in domain.mappings:
        if _id(domain, key) == mapping_id:
            return domain, key
    raise NotFoundException("Invalid api mapping identifier specified")


def _checked(call: Call, domain: DomainName, mapping: dict[str, str], before: str | None) -> dict[str, str]:
    key, api, stage = mapping["basePath"], mapping["restApiId"], mapping["stage"]
    if key != NONE and (not _KEY.fullmatch(key) or len(key) > KEY_LENGTH_MAX):
        raise BadRequestException("API mapping key should contain only letters, numbers and one of $-_.+!*'()/")
    if key.startswith("/") or "//" in key:
        raise BadRequestException("API mapping key should not start with a '/' or have consecutive '/'s.")
    if key.endswith("/"):
        raise BadRequestException("API mapping key should not end with a '/'.")
    if api not in call.shelf(Api) and api not in call.shelf(RestApi):
        raise NotFoundException(f"Invalid API identifier specified {call.account}:{api}")
    if f"{api}/{stage}" not in call.shelf(Stage if api in call.shelf(Api) else RestStage):
        raise BadRequestException("Invalid stage identifier specified")
    if key != before and key in domain.mappings:
        raise ConflictException("ApiMapping key already exists for this domain name")
    return mapping


def _put(call: Call, domain: DomainName, mapping: dict[str, str], id_: str, before: str | None = None) -> DomainName:
    """Keep a mapping, in the place of the one under the key ``before``. The name is answered by this service from now on."""
    _checked(call, domain, mapping, before)
    mappings = {key: one for key, one in domain.mappings.items() if key != before} | {mapping["basePath"]: mapping}
    ids = {key: one for key, one in domain.mapping_ids.items() if key != before} | {mapping["basePath"]: id_}
    domain = call.shelf(DomainName)[domain.name.lower()] = changed(domain, mappings=mappings, mapping_ids=ids)
    hosts = call.home.store.shelf(SHARED, HostName)
    hosts[domain.name.lower()] = changed(hosts[domain.name.lower()], service=SERVICE)
    return domain


def CreateApiMapping(call: Call, *, ApiId: str, DomainName: str, Stage: str, ApiMappingKey: str | None = None) -> dict:
    domain = names.found(call, DomainName)
    key = ApiMappingKey or NONE
    return _told(_put(call, domain, {"basePath": key, "restApiId": ApiId, "stage": Stage}, call.ids.lower(6)), key)


def GetApiMapping(call: Call, *, ApiMappingId: str, DomainName: str) -> dict:
    return _told(*_found(call, DomainName, ApiMappingId))


def GetApiMappings(call: Call, *, DomainName: str, MaxResults: str | None = None, NextToken: str | None = None) -> dict:
    """AWS's model does not say how these are paged: a token is the key that the page begins with."""
    domain = names.found(call, DomainName)
    keys = [key for key in sorted(domain.mappings) if NextToken is None or key >= NextToken]
    if MaxResults is not None and not (MaxResults.isdecimal() and int(MaxResults) > 0):
        raise BadRequestException(f"Invalid max results specified: {MaxResults}")
    count = int(MaxResults) if MaxResults else len(keys)
    items = {"Items": [_told(domain, key) for key in keys[:count]]}
    return items | ({"NextToken": keys[count]} if len(keys) > count else {})


def UpdateApiMapping(
    call: Call, *, ApiId: str, ApiMappingId: str, DomainName: str, ApiMappingKey: str | None = None, Stage: str | None = None
) -> dict:
    domain, before = _found(call, DomainName, ApiMappingId)
    known = domain.mappings[before]
    key = before if ApiMappingKey is None else ApiMappingKey or NONE
    mapping = {"basePath": key, "restApiId": ApiId, "stage": Stage or known.get("stage", "")}
    return _told(_put(call, domain, mapping, ApiMappingId, before), key)


def DeleteApiMapping(call: Call, *, ApiMappingId: str, DomainName: str) -> None:
    domain, key = _found(call, DomainName, ApiMappingId)
    mappings = {known: one for known, one in domain.mappings.items() if known != key}
    ids = {known: one for known, one in domain.mapping_ids.items() if known != key}
    call.shelf(names.DomainName)[domain.name.lower()] = changed(domain, mappings=mappings, mapping_ids=ids)
