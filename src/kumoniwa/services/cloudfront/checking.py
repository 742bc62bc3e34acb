"""What a distribution's configuration must be: filled in where nothing is said, refused where it cannot be served.

Defaults: https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_DistributionConfig.html and the types it names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kumoniwa.aws import geography
from kumoniwa.gate import firewall
from kumoniwa.gate.address import locate
from kumoniwa.gate.edge import EdgeName, EdgeResource, key_of
from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.cloudfront import access, errors, held, policy
from kumoniwa.wire.message import Request

NONE = {"Quantity": 0}
READ = ["HEAD", "GET"]
_POLICIES = frozenset(sort.behavior_member for sort in (policy.CACHE, policy.REQUEST, policy.RESPONSE))
METHODS = ({"GET", "HEAD"}, {"GET", "HEAD", "OPTIONS"}, {"GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"})
ERROR_CODES = (400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504)
RESPONSE_CODES = frozenset(["200", "400", "403", "404", "405", "414", "416", "500", "501", "502", "503", "504"])
OAI = "origin-access-identity/cloudfront/"
_HOST = re.compile(r"(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?", re.IGNORECASE)


# What is not said ------------------------------------------------------------------------------------------


def filled(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration with everything in it that AWS adds. Raises InconsistentQuantities."""
    _counted(config)
    whole = {
        "Aliases": NONE, "DefaultRootObject": "", "OriginGroups": NONE, "CacheBehaviors": NONE, "CustomErrorResponses": NONE,
        "PriceClass": "PriceClass_All", "WebACLId": "", "HttpVersion": "http2", "IsIPV6Enabled": True, "ContinuousDeploymentPolicyId": "",
        "Staging": False, **config,
    }  # fmt: skip
    whole["Logging"] = {"Enabled": False, "IncludeCookies": False, "Bucket": "", "Prefix": "", **(config.get("Logging") or {})}
    whole["Restrictions"] = config.get("Restrictions") or {"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}}
    whole["ViewerCertificate"] = _certificate(config.get("ViewerCertificate") or {"CloudFrontDefaultCertificate": True})
    origins = config["Origins"]
    whole["Origins"] = {**origins, "Items": [_origin(each) for each in origins["Items"]]}
    whole["DefaultCacheBehavior"] = _behavior(config["DefaultCacheBehavior"])
    if (behaviors := whole["CacheBehaviors"]).get("Items"):
        whole["CacheBehaviors"] = {**behaviors, "Items": [_behavior(each) for each in behaviors["Items"]]}
    return whole


def _counted(said: Any) -> None:
    if isinstance(said, dict):
        if "Quantity" in said and said["Quantity"] != len(said.get("Items") or ()):
            raise errors.InconsistentQuantities
        for each in said.values():
            _counted(each)
    elif isinstance(said, list):
        for each in said:
            _counted(each)


def _certificate(said: dict[str, Any]) -> dict[str, Any]:
    if said.get("ACMCertificateArn"):
        arn = said["ACMCertificateArn"]
        return {"CloudFrontDefaultCertificate": False, "MinimumProtocolVersion": "TLSv1", **said, "Certificate": arn, "CertificateSource": "acm"}
    if said.get("IAMCertificateId"):
        id = said["IAMCertificateId"]
        return {"CloudFrontDefaultCertificate": False, "MinimumProtocolVersion": "TLSv1", **said, "Certificate": id, "CertificateSource": "iam"}
    return {"CloudFrontDefaultCertificate": True, "SSLSupportMethod": "vip", "MinimumProtocolVersion": "TLSv1", "CertificateSource": "cloudfront"}


def _origin(said: dict[str, Any]) -> dict[str, Any]:
    whole = {
        "OriginPath": "", "CustomHeaders": NONE, "ConnectionAttempts": 3, "ConnectionTimeout": 10, "OriginShield": {"Enabled": False},
        "OriginAccessControlId": "", **said,
    }  # fmt: skip
    if "CustomOriginConfig" in said:
        custom = {"OriginReadTimeout": 30, "OriginKeepaliveTimeout": 5, **said["CustomOriginConfig"]}
        custom.setdefault("OriginSslProtocols", {"Quantity": 3, "Items": ["TLSv1", "TLSv1.1", "TLSv1.2"]})
        whole["CustomOriginConfig"] = custom
    return whole


def _behavior(said: dict[str, Any]) -> dict[str, Any]:
    # Terraform sends the policies that a behavior does not have as empty ids, which AWS takes for none:
    # https://github.com/hashicorp/terraform-provider-aws/blob/v5.100.0/internal/service/cloudfront/distribution.go
    said = {name: value for name, value in said.items() if value or name not in _POLICIES}
    whole = {
        "TrustedSigners": {"Enabled": False, "Quantity": 0}, "TrustedKeyGroups": {"Enabled": False, "Quantity": 0}, "SmoothStreaming": False,
        "Compress": False, "LambdaFunctionAssociations": NONE, "FunctionAssociations": NONE, "FieldLevelEncryptionId": "", **said,
    }  # fmt: skip
    methods = {"Quantity": 2, "Items": READ, **(said.get("AllowedMethods") or {})}
    methods.setdefault("CachedMethods", {"Quantity": 2, "Items": READ})
    whole["AllowedMethods"] = methods
    if "ForwardedValues" in said:
        whole["ForwardedValues"] = {"Headers": NONE, "QueryStringCacheKeys": NONE, **said["ForwardedValues"]}
        least = said.get("MinTTL", 0)
        whole["MinTTL"] = least
        whole.setdefault("DefaultTTL", max(86_400, least))
        whole.setdefault("MaxTTL", max(31_536_000, whole["DefaultTTL"]))
    return whole


# What cannot be served --------------------------------------------------------------------------------------


def _unserved(config: dict[str, Any]) -> Iterator[str]:
    """What AWS would do and edge locations here do not."""
    for member in ("ContinuousDeploymentPolicyId", "Staging", "AnycastIpListId", "TenantConfig", "ViewerMtlsConfig",
                   "ConnectionFunctionAssociation", "CacheTagConfig"):  # fmt: skip
        if config.get(member):
            yield f"{member} of distributions"
    if config.get("ConnectionMode", "direct") != "direct":
        yield "ConnectionMode tenant-only of distributions"
    if config["ViewerCertificate"].get("IAMCertificateId"):
        yield "IAMCertificateId of distributions: certificates are ACM's here"
    if config["ViewerCertificate"]["MinimumProtocolVersion"].startswith("TLSv1.3"):
        yield "MinimumProtocolVersion above TLSv1.2 of distributions"
    for origin in config["Origins"]["Items"]:
        yield from _unserved_of_origin(origin)
    for group in config["OriginGroups"].get("Items") or ():
        if group.get("SelectionCriteria", "default") != "default":
            yield f"SelectionCriteria {group['SelectionCriteria']} of origin groups"
    for behavior in held.behaviors(config):
        if behavior["LambdaFunctionAssociations"]["Quantity"]:
            yield "Lambda@Edge (LambdaFunctionAssociations of cache behaviors)"
        if behavior["TrustedSigners"]["Enabled"]:
            yield "TrustedSigners of cache behaviors"
        for member in ("SmoothStreaming", "FieldLevelEncryptionId", "RealtimeLogConfigArn"):
            if behavior.get(member):
                yield f"{member} of cache behaviors"
        if (behavior.get("GrpcConfig") or {}).get("Enabled"):
            yield "GrpcConfig of cache behaviors"


def _unserved_of_origin(origin: dict[str, Any]) -> Iterator[str]:
    for member in ("VpcOriginConfig", "ResponseCompletionTimeout"):
        if origin.get(member):
            yield f"{member} of origins"
    if origin["OriginShield"].get("Enabled"):
        yield "OriginShield of origins"
    custom = origin.get("CustomOriginConfig") or {}
    if custom.get("OriginMtlsConfig"):
        yield "OriginMtlsConfig of origins"
    if custom.get("IpAddressType") == "ipv6":
        yield "IpAddressType ipv6 of origins"
    if custom and "TLSv1.2" not in custom["OriginSslProtocols"]["Items"]:
        yield "OriginSslProtocols without TLSv1.2 of origins"


def check(call: Call, config: dict[str, Any], own: EdgeResource | None = None) -> None:
    """Raise what AWS answers to a configuration that it does not take; ``own`` is the distribution that has one already."""
    for what in _unserved(config):
        raise NotImplementedHere(what)
    _check_names(call, config, own)
    if config["WebACLId"] and not is_web_acl(call, config["WebACLId"]):
        raise errors.InvalidWebACLId(hint="Give the ARN of a web ACL of AWS WAF with the scope CLOUDFRONT.")
    _check_places(config["Restrictions"]["GeoRestriction"])
    root = config["DefaultRootObject"]
    if root.startswith("/") or len(root) > 255 or not re.fullmatch(r"[A-Za-z0-9_\-.*$/~\"'&]*", root):
        raise errors.InvalidDefaultRootObject
    origins = config["Origins"]["Items"]
    ids = {origin["Id"] for origin in origins}
    if len(ids) < len(origins):
        raise errors.InvalidArgument("The parameter Origin Id must be unique.")
    for group in config["OriginGroups"].get("Items") or ():
        if any(member["OriginId"] not in ids for member in group["Members"]["Items"]):
            raise errors.NoSuchOrigin
    ids |= {group["Id"] for group in config["OriginGroups"].get("Items") or ()}
    if any(behavior["TargetOriginId"] not in ids for behavior in held.behaviors(config)):
        raise errors.NoSuchOrigin
    for origin in origins:
        _check_origin(call, origin)
    patterns = set()
    for behavior in held.behaviors(config):
        pattern = behavior.get("PathPattern")
        if pattern in patterns:
            raise errors.InvalidArgument("The parameter PathPattern contains a duplicate.")
        patterns.add(pattern)
        _check_behavior(call, behavior)
    for answer in config["CustomErrorResponses"].get("Items") or ():
        if answer["ErrorCode"] not in ERROR_CODES:
            raise errors.InvalidErrorCode
        if bool(answer.get("ResponsePagePath")) != bool(answer.get("ResponseCode")):
            raise errors.InvalidArgument("The parameter ResponsePagePath and ResponseCode must be specified together.")
        if answer.get("ResponseCode") and answer["ResponseCode"] not in RESPONSE_CODES:
            raise errors.InvalidResponseCode


def _check_places(said: dict[str, Any]) -> None:
    listed = said.get("Items") or ()
    if (said["RestrictionType"] == "none") != (not listed):
        raise errors.InvalidGeoRestrictionParameter(hint="A restriction names countries, and none names none.")
    if any(country not in geography.countries() for country in listed):
        raise errors.InvalidGeoRestrictionParameter(hint="Countries are two-letter codes of ISO 3166-1 in capitals.")


def is_web_acl(call: Call, arn: str) -> bool:
    part = call.home.store.shelf(SHARED, firewall.Part).get(arn)
    return part is not None and part.kind == "webacl" and part.account == call.account


def _check_names(call: Call, config: dict[str, Any], own: EdgeResource | None) -> None:
    names = call.home.store.shelf(SHARED, EdgeName)
    certificate = config["ViewerCertificate"]
    for alias in config["Aliases"].get("Items") or ():
        if not _HOST.fullmatch(alias) or "." not in alias:
            raise errors.InvalidArgument("The parameter CNAME contains one or more parameters that are not valid.")
        held_by = names.get(alias.lower())
        if held_by is not None and (own is None or held_by.target != own.id):
            raise errors.CNAMEAlreadyExists
        if certificate["CloudFrontDefaultCertificate"]:
            # https://github.com/cloudposse/terraform-aws-cloudfront-s3-cdn/pull/72
            raise errors.InvalidViewerCertificate(
                "To add an alternate domain name (CNAME) to a CloudFront distribution, you must attach a trusted certificate that validates "
                "your authorization to use the domain name. For more details, see: https://docs.aws.amazon.com/AmazonCloudFront/latest/"
                "DeveloperGuide/CNAMEs.html#alternate-domain-names-requirements",
                hint="Give ViewerCertificate an ACMCertificateArn of us-east-1.",
            )
    if certificate.get("ACMCertificateArn"):
        parsed = arns.parse(certificate["ACMCertificateArn"])
        if parsed is None or parsed.service != "acm" or parsed.region != "us-east-1":
            raise errors.InvalidViewerCertificate(
                "The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, or doesn't include a valid certificate chain."
            )


def _check_origin(call: Call, origin: dict[str, Any]) -> None:
    domain = origin["DomainName"]
    if not _HOST.fullmatch(domain) or domain.startswith("*"):
        # https://github.com/hashicorp/terraform-provider-aws/issues/33214 quotes it of buckets.
        raise errors.InvalidArgument(
            f"The parameter Origin DomainName does not refer to a valid {'S3 bucket' if 'S3OriginConfig' in origin else 'host'}."
        )
    path = origin["OriginPath"]
    if path and (not path.startswith("/") or path.endswith("/")):
        raise errors.InvalidArgument("The parameter OriginPath must begin with / and must not end with it.")
    if origin["ConnectionAttempts"] not in range(1, 4) or origin["ConnectionTimeout"] not in range(1, 11):
        # https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_Origin.html
        raise errors.InvalidArgument("The parameter ConnectionAttempts must be between 1 and 3, and ConnectionTimeout between 1 and 10.")
    if ("S3OriginConfig" in origin) == ("CustomOriginConfig" in origin):
        # https://github.com/ansible-collections/community.aws/issues/1819
        raise errors.InvalidOrigin("You must specify either a CustomOrigin or an S3Origin. You cannot specify both.")
    identity = (origin.get("S3OriginConfig") or {}).get("OriginAccessIdentity")
    if "S3OriginConfig" in origin and locate(Request("GET", "/", "", {"host": domain})).door != "s3":
        raise errors.InvalidArgument("The parameter Origin DomainName does not refer to a valid S3 bucket.")
    if identity and (
        not identity.startswith(OAI) or key_of(access.IDENTITY.name, identity.removeprefix(OAI)) not in held.shelf(call.home)
    ):
        raise errors.InvalidOriginAccessIdentity("The specified origin access identity does not exist or is not valid.")
    if origin["OriginAccessControlId"]:
        control = held.shelf(call.home).get(key_of(access.CONTROL.name, origin["OriginAccessControlId"]))
        if control is None or control.account != call.account or identity:
            raise errors.InvalidOriginAccessControl
        if (control.config["OriginAccessControlOriginType"] == "s3") != ("S3OriginConfig" in origin):
            raise errors.InvalidOriginAccessControl


def _check_behavior(call: Call, behavior: dict[str, Any]) -> None:
    methods = behavior["AllowedMethods"]
    cached = set(methods["CachedMethods"]["Items"])
    if set(methods["Items"]) not in METHODS or cached not in METHODS[:2] or not cached <= set(methods["Items"]):
        raise errors.InvalidArgument("The parameter AllowedMethods contains a combination of methods that is not supported.")
    if ("CachePolicyId" in behavior) == ("ForwardedValues" in behavior):
        raise errors.InvalidArgument(
            "The parameter ForwardedValues cannot be used when a cache policy is associated to the cache behavior."
            if "CachePolicyId" in behavior
            else "The parameter ForwardedValues is required."
        )
    for sort in (policy.CACHE, policy.REQUEST, policy.RESPONSE):
        id = behavior.get(sort.behavior_member)
        if id and policy.config_of(call.home, call.account, sort.kind.name, id) is None:
            raise sort.kind.absent
    if "ForwardedValues" in behavior:
        policy.check_headers(behavior["ForwardedValues"]["Headers"])
    if "ForwardedValues" in behavior and not behavior["MinTTL"] <= behavior["DefaultTTL"] <= behavior["MaxTTL"]:
        raise errors.InvalidArgument("The parameter MinTTL, DefaultTTL and MaxTTL must be in ascending order.")
    for group in behavior["TrustedKeyGroups"].get("Items") or ():
        found = held.shelf(call.home).get(key_of(access.GROUP.name, group))
        if found is None or found.account != call.account:
            raise errors.TrustedKeyGroupDoesNotExist
    events = set()
    for each in behavior["FunctionAssociations"].get("Items") or ():
        live = held.shelf(call.home).get(key_of("function-live", each["FunctionARN"]))
        if not each["EventType"].startswith("viewer-") or each["EventType"] in events or live is None or live.account != call.account:
            raise errors.InvalidFunctionAssociation(
                hint="A function must be published, and may stand at viewer-request and at viewer-response once each."
            )
        events.add(each["EventType"])
