"""Cache policies, origin request policies and response headers policies: AWS's own and the customer's.

What is in AWS's own: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html and
the pages beside it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kumoniwa.gate.edge import EdgeResource, key_of
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.cloudfront import errors, held, viewer
from kumoniwa.services.cloudfront.held import Kind

MADE_BY_AWS = 1_596_240_000.0
"""When managed policies came to be: with cache policies themselves, in July 2020."""


class Sort(NamedTuple):
    """One of the three sorts of policies."""

    kind: Kind
    member: str
    exists: type[AwsError]
    in_use: type[AwsError]

    @property
    def behavior_member(self) -> str:
        return f"{self.member}Id"


CACHE = Sort(
    Kind("cache-policy", "cache-policy", errors.NoSuchCachePolicy), "CachePolicy",
    errors.CachePolicyAlreadyExists, errors.CachePolicyInUse,
)  # fmt: skip
REQUEST = Sort(
    Kind("origin-request-policy", "origin-request-policy", errors.NoSuchOriginRequestPolicy), "OriginRequestPolicy",
    errors.OriginRequestPolicyAlreadyExists, errors.OriginRequestPolicyInUse,
)  # fmt: skip
RESPONSE = Sort(
    Kind("response-headers-policy", "response-headers-policy", errors.NoSuchResponseHeadersPolicy), "ResponseHeadersPolicy",
    errors.ResponseHeadersPolicyAlreadyExists, errors.ResponseHeadersPolicyInUse,
)  # fmt: skip


# AWS's own ---------------------------------------------------------------------------------------------------


def _listed(member: str, behavior: str, names: tuple[str, ...]) -> dict[str, Any]:
    said: dict[str, Any] = {f"{member.removesuffix('s')}Behavior": behavior}
    return said | ({member: {"Quantity": len(names), "Items": list(names)}} if names else {})


def _cache(
    name: str, times: tuple[int, int, int], encodings: bool, *, headers: tuple[str, ...] = (), cookies: str = "none",
    queries: str = "none", listed: tuple[str, ...] = (), is_brotli: bool = True,
) -> dict[str, Any]:  # fmt: skip
    least, default, most = times
    return {
        "Name": name, "MinTTL": least, "DefaultTTL": default, "MaxTTL": most,
        "ParametersInCacheKeyAndForwardedToOrigin": {
            "EnableAcceptEncodingGzip": encodings, "EnableAcceptEncodingBrotli": encodings and is_brotli,
            "HeadersConfig": _listed("Headers", "whitelist" if headers else "none", headers),
            "CookiesConfig": _listed("Cookies", cookies, ()),
            "QueryStringsConfig": _listed("QueryStrings", queries, listed),
        },
    }  # fmt: skip


def _request(name: str, headers: str, cookies: str = "none", queries: str = "none", listed: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "Name": name, "HeadersConfig": _listed("Headers", headers, listed), "CookiesConfig": _listed("Cookies", cookies, ()),
        "QueryStringsConfig": _listed("QueryStrings", queries, ()),
    }  # fmt: skip


_METHODS = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS")
_SECURITY = {
    "XSSProtection": {"Override": False, "Protection": True, "ModeBlock": True},
    "FrameOptions": {"Override": False, "FrameOption": "SAMEORIGIN"},
    "ReferrerPolicy": {"Override": False, "ReferrerPolicy": "strict-origin-when-cross-origin"},
    "ContentTypeOptions": {"Override": True},
    "StrictTransportSecurity": {"Override": False, "AccessControlMaxAgeSec": 31_536_000},
}


def _items(*values: str) -> dict[str, Any]:
    return {"Quantity": len(values), "Items": list(values)}


def _response(name: str, *, methods: tuple[str, ...] = (), exposed: bool = False, secure: bool = False) -> dict[str, Any]:
    config: dict[str, Any] = {"Name": name}
    if methods:
        config["CorsConfig"] = {
            "AccessControlAllowOrigins": _items("*"), "AccessControlAllowHeaders": _items("*"),
            "AccessControlAllowMethods": _items(*methods), "AccessControlAllowCredentials": False, "OriginOverride": False,
        } | ({"AccessControlExposeHeaders": _items("*")} if exposed else {})  # fmt: skip
    return config | ({"SecurityHeadersConfig": _SECURITY} if secure else {})


_OF_ORIGINS = ("Host", "Origin", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
_YEAR_S = 31_536_000
_MANAGED = {
    "cache-policy": {
        "658327ea-f89d-4fab-a63d-7e88639e58f6": _cache("Managed-CachingOptimized", (1, 86_400, _YEAR_S), True),
        "b2884449-e4de-46a7-ac36-70bc7f1ddd6d": _cache("Managed-CachingOptimizedForUncompressedObjects", (1, 86_400, _YEAR_S), False),
        "4135ea2d-6df8-44a3-9df3-4b5a84be39ad": _cache("Managed-CachingDisabled", (0, 0, 0), False),
        "83da9c7e-98b4-4e11-a168-04f0df8e2c65": _cache(
            "UseOriginCacheControlHeaders", (0, 0, _YEAR_S), True, headers=_OF_ORIGINS, cookies="all"
        ),
        "4cc15a8a-d715-48a4-82b8-cc0b614638fe": _cache(
            "UseOriginCacheControlHeaders-QueryStrings", (0, 0, _YEAR_S), True, headers=_OF_ORIGINS, cookies="all", queries="all"
        ),
        "2e54312d-136d-493c-8eb9-b001f22f67d2": _cache(
            "Managed-Amplify", (2, 2, 600), True, headers=("Authorization", "CloudFront-Viewer-Country", "Host"), cookies="all",
            queries="all",
        ),
        "08627262-05a9-4f76-9ded-b50ca2e3a84f": _cache(
            "Managed-Elemental-MediaPackage", (0, 86_400, _YEAR_S), True, is_brotli=False, headers=("Origin",), queries="whitelist",
            listed=("aws.manifestfilter", "start", "end", "m"),
        ),
    },
    "origin-request-policy": {
        "216adef6-5c7f-47e4-b989-5492eafa07d3": _request("Managed-AllViewer", "allViewer", "all", "all"),
        "b689b0a8-53d0-40ab-baf2-68738e2966ac": _request(
            "Managed-AllViewerExceptHostHeader", "allExcept", "all", "all", ("Host",)
        ),
        "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf": _request(
            "Managed-CORS-S3Origin", "whitelist", listed=("Origin", "Access-Control-Request-Headers", "Access-Control-Request-Method")
        ),
        "59781a5b-3903-41f3-afcb-af62929ccde1": _request("Managed-CORS-CustomOrigin", "whitelist", listed=("Origin",)),
        "acba4595-bd28-49b8-b9fe-13317c0390fa": _request("Managed-UserAgentRefererHeaders", "whitelist", listed=("User-Agent", "Referer")),
        "bf0718e1-ba1e-49d1-88b1-f726733018ae": _request("Managed-HostHeaderOnly", "whitelist", listed=("Host",)),
    },
    "response-headers-policy": {
        "60669652-455b-4ae9-85a4-c4c02393f86c": _response("Managed-SimpleCORS", methods=("GET", "HEAD")),
        "5cc3b908-e619-4b99-88e5-2cf7f45965bd": _response("Managed-CORS-With-Preflight", methods=_METHODS, exposed=True),
        "67f7725c-6f97-4210-82d7-5512b31e9d03": _response("Managed-SecurityHeadersPolicy", secure=True),
        "e61eb60c-9c35-4d20-a928-2b84e02af89c": _response(
            "Managed-CORS-and-SecurityHeadersPolicy", methods=("GET", "HEAD"), secure=True
        ),
        "eaab4381-ed33-4a86-88ca-d9558dc6cd63": _response(
            "Managed-CORS-with-preflight-and-SecurityHeadersPolicy", methods=_METHODS, exposed=True, secure=True
        ),
    },
}  # fmt: skip


def managed(kind: str) -> list[EdgeResource]:
    return [
        EdgeResource(
            kind=kind, id=id, account=held.MANAGED, etag="E23ZP02F085DFQ", created=MADE_BY_AWS, modified=MADE_BY_AWS, config=config
        )
        for id, config in _MANAGED[kind].items()
    ]


def config_of(home: Any, account: str, kind: str, id: str) -> dict[str, Any] | None:
    """What a policy says, AWS's or the account's own; None if there is none."""
    own = held.shelf(home).get(key_of(kind, id))
    if own is not None and own.account == account:
        return own.config
    return _MANAGED[kind].get(id)


# The operations -----------------------------------------------------------------------------------------------


def _checked(call: Call, sort: Sort, config: dict[str, Any], id: str = "") -> None:
    name = config["Name"]
    taken = [each for each in (*held.all_of(call, sort.kind.name), *managed(sort.kind.name)) if each.config["Name"] == name]
    if any(each.id != id for each in taken):
        raise sort.exists
    if sort is CACHE:
        least, most = config["MinTTL"], config.get("MaxTTL", _YEAR_S)
        if not 0 <= least <= config.get("DefaultTTL", max(least, 86_400)) <= max(most, least) or most < least:
            raise errors.InvalidArgument("The parameter MinTTL, DefaultTTL and MaxTTL must be in ascending order.")
        inside = config.get("ParametersInCacheKeyAndForwardedToOrigin") or {}
        check_headers((inside.get("HeadersConfig") or {}).get("Headers"))
    if sort is REQUEST:
        check_headers(config["HeadersConfig"].get("Headers"))
    if sort is RESPONSE and (config.get("ServerTimingHeadersConfig") or {}).get("Enabled"):
        raise NotImplementedHere("ServerTimingHeadersConfig of response headers policies")


def check_headers(listed: dict[str, Any] | None) -> None:
    """Not all that AWS tells of a viewer is known here."""
    for name in (listed or {}).get("Items") or ():
        if name.lower().startswith(viewer.PREFIX) and name.lower() not in viewer.KNOWN:
            raise NotImplementedHere(f"the header {name} of CloudFront")


def _filled(sort: Sort, config: dict[str, Any]) -> dict[str, Any]:
    if sort is not CACHE:
        return config
    least = config["MinTTL"]
    config = {"DefaultTTL": max(86_400, least), "MaxTTL": max(_YEAR_S, least), **config}
    inside = config.get("ParametersInCacheKeyAndForwardedToOrigin")
    if inside is not None:
        config["ParametersInCacheKeyAndForwardedToOrigin"] = {"EnableAcceptEncodingBrotli": False, **inside}
    return config


def create(call: Call, sort: Sort, config: dict[str, Any]) -> dict:
    _checked(call, sort, config)
    policy = held.make(call, sort.kind.name, call.new_id(), _filled(sort, config))
    return _told(sort, policy) | {"Location": f"{held.ADDRESS}/{sort.kind.path}/{policy.id}"}


def get(call: Call, sort: Sort, id: str) -> dict:
    return _told(sort, _found(call, sort, id))


def get_config(call: Call, sort: Sort, id: str) -> dict:
    policy = _found(call, sort, id)
    return {f"{sort.member}Config": policy.config, "ETag": policy.etag}


def update(call: Call, sort: Sort, id: str, config: dict[str, Any], if_match: str | None) -> dict:
    policy = held.matched(call, sort.kind, id, if_match)
    _checked(call, sort, config, id)
    return _told(sort, held.keep(call, policy, config=_filled(sort, config)))


def delete(call: Call, sort: Sort, id: str, if_match: str | None) -> None:
    policy = held.matched(call, sort.kind, id, if_match)
    if held.users(call, sort.behavior_member, id):
        raise sort.in_use
    held.drop(call, policy)


def list_(call: Call, sort: Sort, type_: str | None, marker: str | None, max_items: str | None) -> dict:
    found = [("managed", each) for each in managed(sort.kind.name)] + [("custom", each) for each in held.all_of(call, sort.kind.name)]
    items = [{"Type": kind, sort.member: _shown(sort, each)} for kind, each in found if type_ in (None, kind)]
    return {f"{sort.member}List": held.page(items, marker, max_items, is_marked=False)}


def users(call: Call, sort: Sort, id: str, marker: str | None, max_items: str | None) -> dict:
    _found(call, sort, id)
    ids = [each.id for each in held.users(call, sort.behavior_member, id)]
    return {"DistributionIdList": held.page(ids, marker, max_items)}


def _found(call: Call, sort: Sort, id: str) -> EdgeResource:
    return next((each for each in managed(sort.kind.name) if each.id == id), None) or held.find(call, sort.kind, id)


def _shown(sort: Sort, policy: EdgeResource) -> dict[str, Any]:
    return {"Id": policy.id, "LastModifiedTime": policy.modified, f"{sort.member}Config": policy.config}


def _told(sort: Sort, policy: EdgeResource) -> dict[str, Any]:
    return {sort.member: _shown(sort, policy), "ETag": policy.etag}
