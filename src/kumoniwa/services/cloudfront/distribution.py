"""Distributions: what is served under which names, from which origins.

A distribution is Deployed a moment after it was changed, when the regions that can be reached have heard of it.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.edge import EdgeName, EdgeResource
from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.cloudfront import access, asking, bill, checking, errors, held
from kumoniwa.services.cloudfront.held import Kind
from kumoniwa.services.cloudfront.invalidation import Invalidation, checked, publish

DISTRIBUTION = Kind("distribution", "distribution", errors.NoSuchDistribution)
DOMAIN = "cloudfront.net"
DEPLOYED_AFTER_S = 0.05
DEPLOYED_AFTER_REAL_S = 240.0
"""With ``--pace real``: the few minutes that customers of AWS see."""
SUMMARY = (
    "Aliases", "Origins", "OriginGroups", "DefaultCacheBehavior", "CacheBehaviors", "CustomErrorResponses", "Comment", "PriceClass", "Enabled",
    "ViewerCertificate", "Restrictions", "WebACLId", "HttpVersion", "IsIPV6Enabled", "Staging",
)  # fmt: skip


def is_spread(call: Call, since: float) -> bool:
    """Whether edge locations have heard of what was changed then."""
    return call.now() >= since + (DEPLOYED_AFTER_REAL_S if call.home.settings.pace == "real" else DEPLOYED_AFTER_S)


def status(call: Call, distribution: EdgeResource) -> str:
    return "Deployed" if is_spread(call, distribution.modified) else "InProgress"


def _trusted(call: Call, config: dict[str, Any]) -> dict[str, Any]:
    groups = {id: None for behavior in held.behaviors(config) for id in behavior["TrustedKeyGroups"].get("Items") or ()}
    items = [
        {"KeyGroupId": id, "KeyPairIds": {"Quantity": len(keys), "Items": keys}}
        for id in groups
        for keys in [held.find(call, access.GROUP, id).config["Items"]]
    ]
    return {"Enabled": bool(items), "Quantity": len(items)} | ({"Items": items} if items else {})


def _shown(call: Call, distribution: EdgeResource) -> dict[str, Any]:
    waiting = [each for each in call.shelf(Invalidation).values() if each.distribution == distribution.id]
    return {
        "Id": distribution.id,
        "ARN": held.arn(call, "distribution", distribution.id),
        "Status": status(call, distribution),
        "LastModifiedTime": distribution.modified,
        "InProgressInvalidationBatches": sum(not is_spread(call, each.created) for each in waiting),
        "DomainName": distribution.more["domain"],
        "ActiveTrustedSigners": {"Enabled": False, "Quantity": 0},
        "ActiveTrustedKeyGroups": _trusted(call, distribution.config),
        "DistributionConfig": distribution.config,
    }


def _told(call: Call, distribution: EdgeResource) -> dict[str, Any]:
    return {"Distribution": _shown(call, distribution), "ETag": distribution.etag}


def _name(call: Call, distribution: EdgeResource, old: dict[str, Any] | None = None) -> None:
    """Enter the host names of a distribution, and strike out those it had."""
    names = call.home.store.shelf(SHARED, EdgeName)
    own = {each.lower() for each in distribution.config["Aliases"].get("Items") or ()}
    for gone in {each.lower() for each in ((old or {}).get("Aliases") or {}).get("Items") or ()} - own:
        del names[gone]
    shown = distribution.config["ViewerCertificate"].get("ACMCertificateArn", "")
    for name in (distribution.more["domain"], *own):
        made = EdgeName(
            name=name, account=call.account, service="cloudfront", target=distribution.id, certificate=shown if name in own else ""
        )
        if names.get(name) != made:
            names[name] = made


def _check_reference(call: Call, reference: str) -> None:
    for each in held.all_of(call, "distribution"):
        if each.config["CallerReference"] == reference:
            # Even the same request: https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_DistributionConfig.html
            raise errors.DistributionAlreadyExists(
                "The caller reference that you are using to create a distribution is associated with another distribution. "
                f"Already exists: {each.id}"
            )


def _created(call: Call, said: dict[str, Any], tags: dict[str, str]) -> dict:
    config = checking.filled(said)
    _check_reference(call, config["CallerReference"])
    checking.check(call, config)
    return asking.with_what_it_names(call, config, None, lambda: _made(call, config, tags))


def _made(call: Call, config: dict[str, Any], tags: dict[str, str]) -> dict:
    """As it stands now: others may have been made while something was asked."""
    _check_reference(call, config["CallerReference"])
    checking.check(call, config)
    id = f"E{call.ids.upper(13)}"
    made = held.make(call, "distribution", id, config, {"domain": f"d{call.ids.lower(13)}.{DOMAIN}"})
    if tags:
        made = changed(made, tags=tags)
        held.shelf(call.home)[f"distribution/{id}"] = made
    _name(call, made)
    return _told(call, made) | {"Location": f"{held.ADDRESS}/distribution/{id}"}


def CreateDistribution(call: Call, *, DistributionConfig: dict[str, Any]) -> dict:
    return _created(call, DistributionConfig, {})


def CreateDistributionWithTags(call: Call, *, DistributionConfigWithTags: dict[str, Any]) -> dict:
    tags = {tag["Key"]: tag.get("Value", "") for tag in DistributionConfigWithTags["Tags"].get("Items") or ()}
    return _created(call, DistributionConfigWithTags["DistributionConfig"], tags)


def GetDistribution(call: Call, *, Id: str) -> dict:
    return _told(call, held.find(call, DISTRIBUTION, Id))


def GetDistributionConfig(call: Call, *, Id: str) -> dict:
    found = held.find(call, DISTRIBUTION, Id)
    return {"DistributionConfig": found.config, "ETag": found.etag}


def UpdateDistribution(call: Call, *, Id: str, DistributionConfig: dict[str, Any], IfMatch: str | None = None) -> dict:
    found = held.matched(call, DISTRIBUTION, Id, IfMatch)
    config = checking.filled(DistributionConfig)
    if config["CallerReference"] != found.config["CallerReference"]:
        raise errors.IllegalUpdate(hint="CallerReference does not change.")
    checking.check(call, config, found)
    return asking.with_what_it_names(call, config, found.config, lambda: _changed(call, Id, config, IfMatch))


def _changed(call: Call, id: str, config: dict[str, Any], if_match: str | None) -> dict:
    found = held.matched(call, DISTRIBUTION, id, if_match)
    checking.check(call, config, found)
    old = found.config
    found = held.keep(call, found, config=config)
    _name(call, found, old)
    return _told(call, found)


def DeleteDistribution(call: Call, *, Id: str, IfMatch: str | None = None) -> None:
    found = held.matched(call, DISTRIBUTION, Id, IfMatch)
    if found.config["Enabled"]:
        raise errors.DistributionNotDisabled
    names = call.home.store.shelf(SHARED, EdgeName)
    for name in [name for name, each in names.items() if each.target == Id]:
        del names[name]
    invalidations = call.shelf(Invalidation)
    for key in [key for key, each in invalidations.items() if each.distribution == Id]:
        del invalidations[key]
    if (struck := held.shelf(call.home).get(f"invalidated/{Id}")) is not None:
        held.drop(call, struck)
    held.drop(call, found)


def _listed(call: Call, found: list[EdgeResource], marker: str | None, max_items: str | int | None) -> dict:
    items = [
        {
            "Id": each.id,
            "ARN": held.arn(call, "distribution", each.id),
            "ETag": each.etag,
            "Status": status(call, each),
            "LastModifiedTime": each.modified,
            "DomainName": each.more["domain"],
            **{member: each.config[member] for member in SUMMARY},
        }
        for each in found
    ]
    return {"DistributionList": held.page(items, marker, max_items)}


def ListDistributions(call: Call, *, Marker: str | None = None, MaxItems: str | None = None) -> dict:
    return _listed(call, held.all_of(call, "distribution"), Marker, MaxItems)


def ListDistributionsByWebACLId(call: Call, *, WebACLId: str, Marker: str | None = None, MaxItems: str | None = None) -> dict:
    """``null`` means those that have none: https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_ListDistributionsByWebACLId.html"""
    wanted = "" if WebACLId == "null" else WebACLId
    if wanted and not checking.is_web_acl(call, wanted):
        raise errors.InvalidWebACLId
    return _listed(call, [each for each in held.all_of(call, "distribution") if each.config["WebACLId"] == wanted], Marker, MaxItems)


def _web_acl(call: Call, id: str, if_match: str | None, web_acl: str) -> dict:
    found = held.find(call, DISTRIBUTION, id) if if_match is None else held.matched(call, DISTRIBUTION, id, if_match)
    if web_acl and not checking.is_web_acl(call, web_acl):
        raise errors.InvalidWebACLId
    found = held.keep(call, found, config={**found.config, "WebACLId": web_acl})
    return {"Id": id, "ETag": found.etag} | ({"WebACLArn": web_acl} if web_acl else {})


def AssociateDistributionWebACL(call: Call, *, Id: str, WebACLArn: str, IfMatch: str | None = None) -> dict:
    return _web_acl(call, Id, IfMatch, WebACLArn)


def DisassociateDistributionWebACL(call: Call, *, Id: str, IfMatch: str | None = None) -> dict:
    return _web_acl(call, Id, IfMatch, "")


# Invalidations -----------------------------------------------------------------------------------------------


def _invalidation(call: Call, each: Invalidation) -> dict[str, Any]:
    status = "Completed" if is_spread(call, each.created) else "InProgress"
    return {"Id": each.id, "Status": status, "CreateTime": each.created, "InvalidationBatch": each.batch}


def _of_distribution(call: Call, id: str) -> list[Invalidation]:
    """The newest first."""
    held.find(call, DISTRIBUTION, id)
    mine = [each for each in call.shelf(Invalidation).values() if each.distribution == id]
    return sorted(mine, key=lambda each: (-each.created, each.id))


def CreateInvalidation(call: Call, *, DistributionId: str, InvalidationBatch: dict[str, Any]) -> dict:
    known = _of_distribution(call, DistributionId)
    location = f"{held.ADDRESS}/distribution/{DistributionId}/invalidation"
    paths = checked(InvalidationBatch)
    for each in known:
        if each.batch["CallerReference"] == InvalidationBatch["CallerReference"]:
            if each.batch != InvalidationBatch:
                raise errors.InvalidationBatchAlreadyExists
            return {"Location": f"{location}/{each.id}", "Invalidation": _invalidation(call, each)}
    made = Invalidation(id=f"I{call.ids.upper(25)}", distribution=DistributionId, created=call.now(), batch=InvalidationBatch)
    call.shelf(Invalidation)[made.id] = made
    publish(call, DistributionId, paths)
    bill.invalidated(call, DistributionId, paths)
    return {"Location": f"{location}/{made.id}", "Invalidation": _invalidation(call, made)}


def GetInvalidation(call: Call, *, DistributionId: str, Id: str) -> dict:
    held.find(call, DISTRIBUTION, DistributionId)
    found = call.shelf(Invalidation).get(Id)
    if found is None or found.distribution != DistributionId:
        raise errors.NoSuchInvalidation
    return {"Invalidation": _invalidation(call, found)}


def ListInvalidations(call: Call, *, DistributionId: str, Marker: str | None = None, MaxItems: str | None = None) -> dict:
    items = [_invalidation(call, each) for each in _of_distribution(call, DistributionId)]
    for each in items:
        del each["InvalidationBatch"]
    return {"InvalidationList": held.page(items, Marker, MaxItems)}


# Tags ----------------------------------------------------------------------------------------------------------


def _tagged(call: Call, arn: str) -> EdgeResource:
    kind, _, id = arn.rpartition(":")[2].partition("/")
    if kind == "function":
        found = held.shelf(call.home).get(f"function/{arn}")
    else:
        found = held.shelf(call.home).get(f"distribution/{id}") if kind == "distribution" else None
    if found is None or found.account != call.account:
        raise errors.NoSuchResource(f"{arn} does not exist.")
    return found


def tags_of(call: Call, arn: str) -> dict[str, str]:
    """Functions have tags, of which policies are told nothing."""
    return _tagged(call, arn).tags if ":distribution/" in arn else {}


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    mine = [each for each in held.shelf(call.home).values() if each.account == call.account and each.kind in ("distribution", "function")]
    return [(held.arn(call, each.kind, each.id) if each.kind == "distribution" else each.id, each.tags) for each in mine]


def _retag(call: Call, found: EdgeResource, tags: dict[str, str]) -> None:
    """Tags are no new version of what bears them."""
    held.shelf(call.home)[f"{found.kind}/{found.id}"] = changed(found, tags=tags)


def TagResource(call: Call, *, Resource: str, Tags: dict[str, Any]) -> None:
    found = _tagged(call, Resource)
    _retag(call, found, found.tags | {tag["Key"]: tag.get("Value", "") for tag in Tags.get("Items") or ()})


def UntagResource(call: Call, *, Resource: str, TagKeys: dict[str, Any]) -> None:
    found = _tagged(call, Resource)
    _retag(call, found, {key: value for key, value in found.tags.items() if key not in (TagKeys.get("Items") or ())})


def ListTagsForResource(call: Call, *, Resource: str) -> dict:
    tags = _tagged(call, Resource).tags
    return {"Tags": {"Items": [{"Key": key, "Value": value} for key, value in tags.items()]}}
