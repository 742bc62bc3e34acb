"""AWS::CloudFront. Templates write plain lists where the API counts them; whoever changes or deletes says which version that is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Reading,
    ResourceType,
    Work,
    at,
    carries,
    gone_tags,
    made,
    p,
    seen,
    text,
    use,
)
from kumoniwa.kernel.errors import NotImplementedHere

_RENAMED = {
    "OriginCustomHeaders": "CustomHeaders", "AcmCertificateArn": "ACMCertificateArn", "IamCertificateId": "IAMCertificateId",
    "SslSupportMethod": "SSLSupportMethod", "OriginSSLProtocols": "OriginSslProtocols", "IPV6Enabled": "IsIPV6Enabled",
}  # fmt: skip
_LEGACY = ("CNAMEs", "CustomOrigin", "S3Origin")
"""Of distributions before 2012, which the API does not know."""


def counted(said: Any) -> Any:
    """A structure as the API takes it: every list in it with its length."""
    if isinstance(said, list):
        return {"Quantity": len(said), "Items": [counted(each) for each in said]}
    if not isinstance(said, dict):
        return said
    found = {}
    for name, value in said.items():
        if name in _LEGACY:
            raise NotImplementedHere(f"the nested property {name}")
        if name == "Items" and isinstance(value, list):
            found |= {"Quantity": len(value), "Items": [counted(each) for each in value]}
        else:
            found[_RENAMED.get(name, name)] = counted(value)
    return found


# Distributions --------------------------------------------------------------------------------------------------


def _origin(said: dict[str, Any]) -> dict[str, Any]:
    if "S3OriginConfig" in said:
        said["S3OriginConfig"] = {"OriginAccessIdentity": "", **said["S3OriginConfig"]}
    if "CustomOriginConfig" in said:
        said["CustomOriginConfig"] = {"HTTPPort": 80, "HTTPSPort": 443, **said["CustomOriginConfig"]}
    return said


def _behavior(said: dict[str, Any]) -> dict[str, Any]:
    cached = said.pop("CachedMethods", None)
    if cached is not None and "AllowedMethods" not in said:
        said["AllowedMethods"] = {"Quantity": 2, "Items": ["HEAD", "GET"]}
    if cached is not None:
        said["AllowedMethods"]["CachedMethods"] = cached
    for name in ("TrustedSigners", "TrustedKeyGroups"):
        if name in said:
            said[name] = {"Enabled": bool(said[name]["Quantity"]), **said[name]}
    if "ForwardedValues" in said:
        said["ForwardedValues"] = {"QueryString": False, "Cookies": {"Forward": "none"}, **said["ForwardedValues"]}
    return said


def _distribution(config: dict[str, Any], reference: str) -> dict[str, Any]:
    """What a template says of a distribution, as the API takes it."""
    said = {"Comment": "", **counted(config), "CallerReference": reference}
    if "Origins" in said:
        said["Origins"]["Items"] = [_origin(each) for each in said["Origins"]["Items"]]
    said["DefaultCacheBehavior"] = _behavior(said["DefaultCacheBehavior"])
    if "CacheBehaviors" in said:
        said["CacheBehaviors"]["Items"] = [_behavior(each) for each in said["CacheBehaviors"]["Items"]]
    restriction = said.get("Restrictions", {}).get("GeoRestriction")
    if restriction is not None:
        said["Restrictions"]["GeoRestriction"] = {**restriction, **restriction.pop("Locations", {"Quantity": 0})}
        said["Restrictions"]["GeoRestriction"].pop("Locations", None)
    if "Logging" in said:
        logging = said["Logging"]
        said["Logging"] = {"Enabled": bool(logging.get("Bucket")), "IncludeCookies": False, "Bucket": "", "Prefix": "", **logging}
    return said


@carries("DistributionConfig Tags")
async def _make_distribution(work: Work) -> dict[str, Any]:
    config = _distribution(work.properties["DistributionConfig"], work.fresh_name(64))
    if not (tags := work.properties.get("Tags")):
        return await work.ask("cloudfront:CreateDistribution", DistributionConfig=config)
    said = {"DistributionConfig": config, "Tags": {"Items": tags}}
    return await work.ask("cloudfront:CreateDistributionWithTags", DistributionConfigWithTags=said)


@carries("DistributionConfig")
async def _change_distribution(work: Work) -> None:
    found = await work.look("cloudfront:GetDistributionConfig", Id=work.id)
    config = _distribution(work.properties["DistributionConfig"], found["DistributionConfig"]["CallerReference"])
    await work.ask("cloudfront:UpdateDistribution", Id=work.id, IfMatch=found["ETag"], DistributionConfig=config)


_change_distribution.handles_absence = True


async def _delete_distribution(work: Work) -> None:
    """What is still served is disabled first, as CloudFormation does."""
    found = await work.look("cloudfront:GetDistributionConfig", Id=work.id)
    if found["DistributionConfig"]["Enabled"]:
        config = {**found["DistributionConfig"], "Enabled": False}
        await work.ask("cloudfront:UpdateDistribution", Id=work.id, IfMatch=found["ETag"], DistributionConfig=config)
        found = await work.look("cloudfront:GetDistributionConfig", Id=work.id)
    await work.ask("cloudfront:DeleteDistribution", Id=work.id, IfMatch=found["ETag"])


_arn = text("arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${ID}")

Distribution = ResourceType(
    create=_make_distribution,
    id=made.Distribution.Id,
    read=Call("cloudfront:GetDistribution", Id=ID),
    ready={"Distribution.Status": "Deployed"},
    update=(
        _change_distribution,
        Call("cloudfront:UntagResource", Resource=_arn, TagKeys={"Items": gone_tags}).when(gone_tags),
        Call("cloudfront:TagResource", Resource=_arn, Tags={"Items": p.Tags}).when(p.Tags),
    ),
    delete=_delete_distribution,
    absent="NoSuchDistribution",
    attributes={"Id": ID, "DomainName": seen.Distribution.DomainName},
    drift=(Reading({"Tags": seen.Tags.Items}, Call("cloudfront:ListTagsForResource", Resource=_arn)),),
)


# What distributions go by ------------------------------------------------------------------------------------------


def _versioned(
    thing: str, property_: str, absent: str, *, convert: Callable[[Any], Any] = counted, referenced: bool = False, **more: Any
) -> ResourceType:
    """A thing with an id, one structure and an ETag. Where the API wants a caller's reference, it is a name of ours."""

    @carries(property_)
    async def make(work: Work) -> dict[str, Any]:
        config = convert(work.properties[property_])
        if referenced:
            config = {"CallerReference": work.fresh_name(64), **config}
        return await work.ask(f"cloudfront:Create{thing}", **{property_: config})

    async def version(work: Work) -> dict[str, Any]:
        return await work.look(f"cloudfront:Get{thing}Config", Id=work.id)

    @carries(property_)
    async def change(work: Work) -> None:
        found = await version(work)
        config = convert(work.properties[property_])
        if referenced:
            config = {"CallerReference": found[property_]["CallerReference"], **config}
        await work.ask(f"cloudfront:Update{thing}", Id=work.id, IfMatch=found["ETag"], **{property_: config})

    async def delete(work: Work) -> None:
        await work.ask(f"cloudfront:Delete{thing}", Id=work.id, IfMatch=(await version(work))["ETag"])

    return ResourceType(
        create=make,
        id=getattr(made, thing).Id,
        read=Call(f"cloudfront:Get{thing}", Id=ID),
        update=(change,),
        delete=delete,
        absent=absent,
        attributes={"Id": ID, **more},
    )


def _as_said(config: Any) -> Any:
    return config


CachePolicy = _versioned("CachePolicy", "CachePolicyConfig", "NoSuchCachePolicy")
OriginRequestPolicy = _versioned("OriginRequestPolicy", "OriginRequestPolicyConfig", "NoSuchOriginRequestPolicy")
ResponseHeadersPolicy = _versioned("ResponseHeadersPolicy", "ResponseHeadersPolicyConfig", "NoSuchResponseHeadersPolicy")
OriginAccessControl = _versioned("OriginAccessControl", "OriginAccessControlConfig", "NoSuchOriginAccessControl")
CloudFrontOriginAccessIdentity = _versioned(
    "CloudFrontOriginAccessIdentity", "CloudFrontOriginAccessIdentityConfig", "NoSuchCloudFrontOriginAccessIdentity", referenced=True,
    S3CanonicalUserId=seen.CloudFrontOriginAccessIdentity.S3CanonicalUserId,
)  # fmt: skip
PublicKey = _versioned("PublicKey", "PublicKeyConfig", "NoSuchPublicKey")
KeyGroup = _versioned("KeyGroup", "KeyGroupConfig", "NoSuchResource", convert=_as_said)


# Functions ------------------------------------------------------------------------------------------------------------


def _code(work: Work) -> dict[str, Any]:
    properties = work.properties
    return {"FunctionConfig": counted(properties["FunctionConfig"]), "FunctionCode": properties["FunctionCode"].encode()}


async def _publish(work: Work, name: str, etag: str) -> None:
    if work.properties.get("AutoPublish") is True:
        await work.ask("cloudfront:PublishFunction", Name=name, IfMatch=etag)


@carries("Name FunctionConfig FunctionCode AutoPublish Tags")
async def _make_function(work: Work) -> dict[str, Any]:
    tags = {"Tags": {"Items": work.properties["Tags"]}} if work.properties.get("Tags") else {}
    reply = await work.ask("cloudfront:CreateFunction", Name=work.properties["Name"], **_code(work), **tags)
    await _publish(work, work.properties["Name"], reply["ETag"])
    return reply


@carries("FunctionConfig FunctionCode AutoPublish")
async def _change_function(work: Work) -> None:
    name = work.properties["Name"]
    found = await work.look("cloudfront:DescribeFunction", Name=name)
    reply = await work.ask("cloudfront:UpdateFunction", Name=name, IfMatch=found["ETag"], **_code(work))
    await _publish(work, name, reply["ETag"])


_change_function.handles_absence = True


async def _delete_function(work: Work) -> None:
    name = work.id.rpartition("/")[2]
    found = await work.look("cloudfront:DescribeFunction", Name=name)
    await work.ask("cloudfront:DeleteFunction", Name=name, IfMatch=found["ETag"])


_name = use(lambda arn: arn.rpartition("/")[2], ID)

Function = ResourceType(
    create=_make_function,
    id=made.FunctionSummary.FunctionMetadata.FunctionARN,
    read=Call("cloudfront:DescribeFunction", Name=_name),
    named=Call("cloudfront:DescribeFunction", Name=at(p.Name)),
    update=(
        _change_function,
        Call("cloudfront:UntagResource", Resource=ID, TagKeys={"Items": gone_tags}).when(gone_tags),
        Call("cloudfront:TagResource", Resource=ID, Tags={"Items": p.Tags}).when(p.Tags),
    ),
    delete=_delete_function,
    absent="NoSuchFunctionExists",
    attributes={
        "FunctionARN": ID,
        "FunctionMetadata.FunctionARN": ID,
        "Stage": seen.FunctionSummary.FunctionMetadata.Stage,
    },
)


# Key-value stores -----------------------------------------------------------------------------------------------------


@carries("Comment")
async def _change_store(work: Work) -> None:
    found = await work.look("cloudfront:DescribeKeyValueStore", Name=work.id)
    await work.ask("cloudfront:UpdateKeyValueStore", Name=work.id, IfMatch=found["ETag"], Comment=work.properties.get("Comment", ""))


_change_store.handles_absence = True


async def _delete_store(work: Work) -> None:
    found = await work.look("cloudfront:DescribeKeyValueStore", Name=work.id)
    await work.ask("cloudfront:DeleteKeyValueStore", Name=work.id, IfMatch=found["ETag"])


_import_source = use(lambda said: {"SourceType": said["SourceType"], "SourceARN": said["SourceArn"]}, p.ImportSource)

KeyValueStore = ResourceType(
    create=Call("cloudfront:CreateKeyValueStore", "Name Comment", ImportSource=_import_source),
    id=p.Name,
    read=Call("cloudfront:DescribeKeyValueStore", Name=ID),
    update=(_change_store,),
    delete=_delete_store,
    absent="EntityNotFound",
    attributes={"Arn": seen.KeyValueStore.ARN, "Id": seen.KeyValueStore.Id, "Status": seen.KeyValueStore.Status},
    fixed="ImportSource",
    drift=(Reading({"Comment": seen.KeyValueStore.Comment}),),
)
