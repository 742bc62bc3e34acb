"""Who may fetch from origins, and who may see what is there: origin access controls and identities, public keys and key groups."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from kumoniwa.gate.edge import EdgeResource
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.cloudfront import errors, held
from kumoniwa.services.cloudfront.held import Kind

CONTROL = Kind("origin-access-control", "origin-access-control", errors.NoSuchOriginAccessControl)
IDENTITY = Kind("origin-access-identity", "origin-access-identity/cloudfront", errors.NoSuchCloudFrontOriginAccessIdentity)
KEY = Kind("public-key", "public-key", errors.NoSuchPublicKey)
GROUP = Kind("key-group", "key-group", errors.NoSuchResource)


def _answered(kind: Kind, member: str, shown: dict[str, Any], resource: EdgeResource) -> dict:
    return {member: shown, "Location": f"{held.ADDRESS}/{kind.path}/{resource.id}", "ETag": resource.etag}


def _origins(call: Call) -> list[dict[str, Any]]:
    return [origin for each in held.all_of(call, "distribution") for origin in each.config["Origins"]["Items"]]


# Origin access controls ------------------------------------------------------------------------------------


def _checked_control(call: Call, config: dict[str, Any], id: str = "") -> None:
    if config["OriginAccessControlOriginType"] not in ("s3", "lambda"):
        raise NotImplementedHere(f"origin access controls of type {config['OriginAccessControlOriginType']}")
    if config["SigningBehavior"] not in ("always", "never") or config["SigningProtocol"] != "sigv4":
        raise NotImplementedHere(f"SigningBehavior {config['SigningBehavior']} by {config['SigningProtocol']}")
    if any(each.config["Name"] == config["Name"] and each.id != id for each in held.all_of(call, CONTROL.name)):
        raise errors.OriginAccessControlAlreadyExists


def _control(resource: EdgeResource) -> dict[str, Any]:
    return {"Id": resource.id, "OriginAccessControlConfig": resource.config}


def CreateOriginAccessControl(call: Call, *, OriginAccessControlConfig: dict[str, Any]) -> dict:
    _checked_control(call, OriginAccessControlConfig)
    made = held.make(call, CONTROL.name, f"E{call.ids.upper(13)}", OriginAccessControlConfig)
    return _answered(CONTROL, "OriginAccessControl", _control(made), made)


def GetOriginAccessControl(call: Call, *, Id: str) -> dict:
    found = held.find(call, CONTROL, Id)
    return {"OriginAccessControl": _control(found), "ETag": found.etag}


def GetOriginAccessControlConfig(call: Call, *, Id: str) -> dict:
    found = held.find(call, CONTROL, Id)
    return {"OriginAccessControlConfig": found.config, "ETag": found.etag}


def UpdateOriginAccessControl(
    call: Call, *, Id: str, OriginAccessControlConfig: dict[str, Any], IfMatch: str | None = None
) -> dict:
    found = held.matched(call, CONTROL, Id, IfMatch)
    _checked_control(call, OriginAccessControlConfig, Id)
    found = held.keep(call, found, config=OriginAccessControlConfig)
    return {"OriginAccessControl": _control(found), "ETag": found.etag}


def DeleteOriginAccessControl(call: Call, *, Id: str, IfMatch: str | None = None) -> None:
    found = held.matched(call, CONTROL, Id, IfMatch)
    if any(origin.get("OriginAccessControlId") == Id for origin in _origins(call)):
        raise errors.OriginAccessControlInUse
    held.drop(call, found)


def ListOriginAccessControls(call: Call, *, Marker: str | None = None, MaxItems: str | None = None) -> dict:
    items = [{"Id": each.id, "Description": "", **each.config} for each in held.all_of(call, CONTROL.name)]
    return {"OriginAccessControlList": held.page(items, Marker, MaxItems)}


# Origin access identities ----------------------------------------------------------------------------------


def canonical_user(id: str) -> str:
    """The id by which S3 knows an origin access identity."""
    return sha256(f"CloudFront Origin Access Identity {id}".encode()).hexdigest() + sha256(id.encode()).hexdigest()[:32]


def _identity(resource: EdgeResource) -> dict[str, Any]:
    return {
        "Id": resource.id,
        "S3CanonicalUserId": canonical_user(resource.id),
        "CloudFrontOriginAccessIdentityConfig": resource.config,
    }


def CreateCloudFrontOriginAccessIdentity(call: Call, *, CloudFrontOriginAccessIdentityConfig: dict[str, Any]) -> dict:
    said = CloudFrontOriginAccessIdentityConfig
    for each in held.all_of(call, IDENTITY.name):
        if each.config["CallerReference"] == said["CallerReference"]:
            if each.config != said:
                raise errors.CloudFrontOriginAccessIdentityAlreadyExists
            return _answered(IDENTITY, "CloudFrontOriginAccessIdentity", _identity(each), each)
    made = held.make(call, IDENTITY.name, f"E{call.ids.upper(13)}", said)
    return _answered(IDENTITY, "CloudFrontOriginAccessIdentity", _identity(made), made)


def GetCloudFrontOriginAccessIdentity(call: Call, *, Id: str) -> dict:
    found = held.find(call, IDENTITY, Id)
    return {"CloudFrontOriginAccessIdentity": _identity(found), "ETag": found.etag}


def GetCloudFrontOriginAccessIdentityConfig(call: Call, *, Id: str) -> dict:
    found = held.find(call, IDENTITY, Id)
    return {"CloudFrontOriginAccessIdentityConfig": found.config, "ETag": found.etag}


def UpdateCloudFrontOriginAccessIdentity(
    call: Call, *, Id: str, CloudFrontOriginAccessIdentityConfig: dict[str, Any], IfMatch: str | None = None
) -> dict:
    found = held.matched(call, IDENTITY, Id, IfMatch)
    if CloudFrontOriginAccessIdentityConfig["CallerReference"] != found.config["CallerReference"]:
        raise errors.IllegalUpdate
    found = held.keep(call, found, config=CloudFrontOriginAccessIdentityConfig)
    return {"CloudFrontOriginAccessIdentity": _identity(found), "ETag": found.etag}


def DeleteCloudFrontOriginAccessIdentity(call: Call, *, Id: str, IfMatch: str | None = None) -> None:
    found = held.matched(call, IDENTITY, Id, IfMatch)
    named = f"{IDENTITY.path}/{Id}"
    if any((origin.get("S3OriginConfig") or {}).get("OriginAccessIdentity") == named for origin in _origins(call)):
        raise errors.CloudFrontOriginAccessIdentityInUse
    held.drop(call, found)


def ListCloudFrontOriginAccessIdentities(call: Call, *, Marker: str | None = None, MaxItems: str | None = None) -> dict:
    items = [
        {"Id": each.id, "S3CanonicalUserId": canonical_user(each.id), "Comment": each.config["Comment"]}
        for each in held.all_of(call, IDENTITY.name)
    ]
    return {"CloudFrontOriginAccessIdentityList": held.page(items, Marker, MaxItems)}


# Public keys -----------------------------------------------------------------------------------------------


def _key(resource: EdgeResource) -> dict[str, Any]:
    return {"Id": resource.id, "CreatedTime": resource.created, "PublicKeyConfig": resource.config}


def _checked_key(text: str) -> None:
    """RSA of 2048 bits or ECDSA on P-256:
    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-trusted-signers.html"""
    try:
        key = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    is_rsa = isinstance(key, rsa.RSAPublicKey) and key.key_size == 2048
    if not is_rsa and not (isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)):
        raise errors.InvalidArgument("Your request contains empty/invalid/out of limits RSA Encoded Key")


def CreatePublicKey(call: Call, *, PublicKeyConfig: dict[str, Any]) -> dict:
    for each in held.all_of(call, KEY.name):
        if each.config == {"Comment": "", **PublicKeyConfig}:
            return _answered(KEY, "PublicKey", _key(each), each)
        if PublicKeyConfig["Name"] == each.config["Name"] or PublicKeyConfig["CallerReference"] == each.config["CallerReference"]:
            raise errors.PublicKeyAlreadyExists
    _checked_key(PublicKeyConfig["EncodedKey"])
    made = held.make(call, KEY.name, f"K{call.ids.upper(13)}", {"Comment": "", **PublicKeyConfig})
    return _answered(KEY, "PublicKey", _key(made), made)


def GetPublicKey(call: Call, *, Id: str) -> dict:
    found = held.find(call, KEY, Id)
    return {"PublicKey": _key(found), "ETag": found.etag}


def GetPublicKeyConfig(call: Call, *, Id: str) -> dict:
    found = held.find(call, KEY, Id)
    return {"PublicKeyConfig": found.config, "ETag": found.etag}


def UpdatePublicKey(call: Call, *, Id: str, PublicKeyConfig: dict[str, Any], IfMatch: str | None = None) -> dict:
    """Only the comment may change."""
    found = held.matched(call, KEY, Id, IfMatch)
    if any(PublicKeyConfig[name] != found.config[name] for name in ("CallerReference", "Name", "EncodedKey")):
        raise errors.CannotChangeImmutablePublicKeyFields
    found = held.keep(call, found, config=PublicKeyConfig)
    return {"PublicKey": _key(found), "ETag": found.etag}


def DeletePublicKey(call: Call, *, Id: str, IfMatch: str | None = None) -> None:
    found = held.matched(call, KEY, Id, IfMatch)
    if any(Id in group.config["Items"] for group in held.all_of(call, GROUP.name)):
        raise errors.PublicKeyInUse
    held.drop(call, found)


def ListPublicKeys(call: Call, *, Marker: str | None = None, MaxItems: str | None = None) -> dict:
    items = [
        {"Id": each.id, "CreatedTime": each.created, **{name: value for name, value in each.config.items() if name != "CallerReference"}}
        for each in held.all_of(call, KEY.name)
    ]
    return {"PublicKeyList": held.page(items, Marker, MaxItems, is_marked=False)}


# Key groups ------------------------------------------------------------------------------------------------


def _checked_group(call: Call, config: dict[str, Any], id: str = "") -> None:
    if any(each.config["Name"] == config["Name"] and each.id != id for each in held.all_of(call, GROUP.name)):
        raise errors.KeyGroupAlreadyExists
    known = {each.id for each in held.all_of(call, KEY.name)}
    if not config["Items"] or any(key not in known for key in config["Items"]):
        raise errors.InvalidArgument("Your request contains invalid public key IDs." if config["Items"] else None)


def _group(resource: EdgeResource) -> dict[str, Any]:
    return {"Id": resource.id, "LastModifiedTime": resource.modified, "KeyGroupConfig": resource.config}


def CreateKeyGroup(call: Call, *, KeyGroupConfig: dict[str, Any]) -> dict:
    _checked_group(call, KeyGroupConfig)
    made = held.make(call, GROUP.name, call.new_id(), KeyGroupConfig)
    return _answered(GROUP, "KeyGroup", _group(made), made)


def GetKeyGroup(call: Call, *, Id: str) -> dict:
    found = held.find(call, GROUP, Id)
    return {"KeyGroup": _group(found), "ETag": found.etag}


def GetKeyGroupConfig(call: Call, *, Id: str) -> dict:
    found = held.find(call, GROUP, Id)
    return {"KeyGroupConfig": found.config, "ETag": found.etag}


def UpdateKeyGroup(call: Call, *, Id: str, KeyGroupConfig: dict[str, Any], IfMatch: str | None = None) -> dict:
    found = held.matched(call, GROUP, Id, IfMatch)
    _checked_group(call, KeyGroupConfig, Id)
    found = held.keep(call, found, config=KeyGroupConfig)
    return {"KeyGroup": _group(found), "ETag": found.etag}


def _users(call: Call, id: str) -> list[str]:
    return [
        each.id
        for each in held.all_of(call, "distribution")
        if any(id in (behavior["TrustedKeyGroups"].get("Items") or ()) for behavior in held.behaviors(each.config))
    ]


def DeleteKeyGroup(call: Call, *, Id: str, IfMatch: str | None = None) -> None:
    found = held.matched(call, GROUP, Id, IfMatch)
    if _users(call, Id):
        raise errors.ResourceInUse
    held.drop(call, found)


def ListKeyGroups(call: Call, *, Marker: str | None = None, MaxItems: str | None = None) -> dict:
    items = [{"KeyGroup": _group(each)} for each in held.all_of(call, GROUP.name)]
    return {"KeyGroupList": held.page(items, Marker, MaxItems, is_marked=False)}


def ListDistributionsByKeyGroup(
    call: Call, *, KeyGroupId: str, Marker: str | None = None, MaxItems: str | None = None
) -> dict:
    held.find(call, GROUP, KeyGroupId)
    return {"DistributionIdList": held.page(_users(call, KeyGroupId), Marker, MaxItems)}
