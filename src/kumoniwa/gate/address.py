"""Where a request wants to go, told from its head alone: region, service, and the door for what is not an AWS API call.

The door process and the regions both ask this, so that a connection lands where its first
request belongs. Nothing is verified here.
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache

from kumoniwa.aws import regions
from kumoniwa.kernel.record import Record, changed
from kumoniwa.wire.message import Request

GLOBAL = "aws-global"
"""The pseudo-region that holds the control planes AWS keeps once for all regions."""

EDGE = "aws-edge"
"""The pseudo-region that answers the world whatever becomes of regions and control planes: name servers and their health checkers."""

MULTI_REGION = ".mrap"
"""How the names of S3's Multi-Region Access Points end."""

BALANCER, BALANCER_PORT = "elb", "elb-port"
"""The doors of load balancers: by their names, and at ports of their own."""
PUBLIC_KEYS = "public-keys"
"""What is named at the first where it is asked with which keys balancers sign."""

CONTROL = "s3control"
"""The service that shares S3's signing name and is told by its path."""

GLOBAL_SERVICES = frozenset(
    {"iam", "route53", "route53domains", "organizations", "cloudfront", "cloudfront-keyvaluestore", "globalaccelerator", "budgets", "ce"}
)
# Signing names that AWS answers in one place only (botocore's endpoints.json: isRegionalized false, partition endpoint aws-global).


class Address(Record):
    region: str | None = None
    """None where the request does not say."""
    signing_name: str | None = None
    """The service of the credential scope or the host name."""
    access_key: str | None = None
    door: str | None = None
    """``execute-api``, ``lambda-url``, ``lambda-code``, ``appsync-api``, ``appsync-realtime-api``, ``auth`` (a user pool's hosted pages), ``user-pool`` (its keys), ``token-issuer`` (the keys of an account), ``registry`` (of images), ``elb`` (a load balancer's), ``elb-port`` (of a listener's own port), ``cloudfront`` or ``s3``: a host name or path that is a data plane of its own. The
    gate adds ``host-name``, for a host name that a customer brought to the region."""
    name: str = ""
    """The API id, function URL id or bucket in the host name or path; for ``host-name`` the name itself."""
    through: str = ""
    """The access point of S3 by which a bucket is asked, as the gate found it."""
    path: str = ""
    """For a door: the path behind it, still percent-encoded; with the stage for execute-api."""
    endpoint: str | None = None
    """The region that one of AWS's own host names spells: whoever signed for another is sent away there."""


def is_led(address: Address) -> bool:
    """Whether the edge says, request by request, which region answers: at the name of a Multi-Region Access Point."""
    return address.door == "s3" and address.name.endswith(MULTI_REGION)


def is_admin(request: Request) -> bool:
    """Whether a request is for the admin door and for no region."""
    return request.path.startswith("/_kumoniwa/") or request.path == "/_kumoniwa"


_HOST = re.compile(
    r"(?:(?P<name>.+?)\.)?(?P<kind>execute-api|lambda-url|appsync-api|appsync-realtime-api|auth|s3-website|s3-accelerate|s3-accesspoint|accesspoint\.s3-global|s3|[a-z0-9-]+?)"
    r"(?:[.-](?P<region>[a-z]{2}(?:-[a-z]+)+-\d))?\.(?:localhost(?:\.[a-z0-9.-]+)?|amazonaws\.com(?:\.cn)?|amazoncognito\.com|on\.aws)"
)
_EDGE = re.compile(r"(d[a-z0-9]{6,20})\.cloudfront\.(?:net|localhost(?:\.[a-z0-9.-]+)?)")
_BALANCER = re.compile(r"(?:dualstack\.)?([a-z0-9-]+\.([a-z]{2}(?:-[a-z]+)+-\d)\.elb)\.(?:amazonaws\.com(?:\.cn)?|localhost(?:\.[a-z0-9.-]+)?)")
_KEYS = re.compile(r"public-keys\.auth\.elb\.([a-z]{2}(?:-[a-z]+)+-\d)\.(?:amazonaws\.com(?:\.cn)?|localhost(?:\.[a-z0-9.-]+)?)")
_ISSUER = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.tokens\.sts\.(?:global\.api\.aws|localhost(?:\.[a-z0-9.-]+)?)")
_PATH = re.compile(
    r"/restapis/(?P<a>[a-z0-9]+)/(?P<stage>[^/]+)/_user_request_(?P<ra>/.*)?"
    r"|(?:/_aws/execute-api/(?P<b>[a-z0-9]+)|/(?:execute-api|ws)/(?P<c>[a-z0-9]{10}))(?P<rest>/.*)?"
)
_GRAPHQL = re.compile(r"/graphql/([a-z0-9]{26})(/.*)?")
_POOL = re.compile(r"/(([a-z]{2}(?:-[a-z]+)+-\d)_[A-Za-z0-9]+)/\.well-known/(?:jwks\.json|openid-configuration)")
_CODE = re.compile(r"/_aws/lambda-code/([a-z0-9]+)")


_MARKED = ("execute-api", "lambda-url", "appsync-api", "appsync-realtime-api")
"""Doors whose names say their region: see ``region_mark``."""
_SERVICES = {"lambda-url": "lambda", "s3-website": "s3", "appsync-api": "appsync", "appsync-realtime-api": "appsync", "auth": "cognito-idp"}


def locate(request: Request) -> Address:
    """What the head of a request says about its destination."""
    headers, path = request.headers, request.path
    host = headers.get("host", "")[:256]
    authorization = headers.get("authorization")
    if authorization is not None and authorization.startswith("AWS4-"):
        head = authorization.rpartition("Signature=")[0] or authorization
        address = (_signed if len(head) <= 1_024 else _signed.__wrapped__)(head, host)
    elif "X-Amz-Credential=" in request.query:
        credential = request.query.partition("X-Amz-Credential=")[2].partition("&")[0]
        address = _addressed(*_scope(credential.replace("%2F", "/").replace("%2f", "/")), host)
    else:
        # Signature Version 2 says no more than that there is one.
        address = _addressed(None, "s3" if "AWSAccessKeyId=" in request.query else None, None, host)
    if path.startswith("/v20180820/") and address.signing_name == "s3" and "x-amz-account-id" in headers:
        # It signs as S3 does, and its host name begins with an account as others do with a bucket.
        return changed(address, signing_name=CONTROL, door=None, name="")
    if address.door is not None:
        return changed(address, path=path)
    # What is signed for S3 is the path of an object, whatever its bucket is called.
    if path.endswith(("/.well-known/jwks.json", "/.well-known/openid-configuration")) and (pool := _POOL.fullmatch(path)) is not None:
        return changed(address, door="user-pool", name=pool[1], region=pool[2], path=path)
    is_door = path.startswith(("/restapis/", "/_aws/", "/execute-api/", "/ws/", "/graphql/")) and address.signing_name != "s3"
    return _behind_path(address, path) if is_door else address


@lru_cache(maxsize=4096)
def _signed(head: str, host: str) -> Address:
    """Where an Authorization header without its signature points to at a host: the same for all requests of a client's day."""
    return _addressed(*_scope(head.partition("Credential=")[2].partition(",")[0]), host)


def _addressed(region: str | None, signing_name: str | None, access_key: str | None, host: str) -> Address:
    """The address that a credential's scope and a host name spell together."""
    door, name, host_region, host_service = _host(host)
    if region is None:
        region = host_region or (region_of(name) if door in _MARKED else None)
    if signing_name is None:
        signing_name = host_service
    elif door is None and signing_name == "s3" and host_service not in (None, "s3") and not name and _is_bucket_label(host):
        door, name = "s3", host_service
    if signing_name in GLOBAL_SERVICES and door is None:
        region = GLOBAL
    if door == "s3" and name.endswith(MULTI_REGION):
        # Whatever region its signature names: the edge says which one answers.
        region = None
    endpoint = host_region if region not in (GLOBAL, EDGE, None) and door in (None, "s3") and _is_of_aws(host) else None
    return Address(region=endpoint or region, signing_name=signing_name, access_key=access_key, door=door, name=name, endpoint=endpoint)


def _behind_path(address: Address, path: str) -> Address:
    """The same address, or the door that a path of ours opens where no host name does."""
    match = _PATH.fullmatch(path)
    if match:
        door, name = "execute-api", match["a"] or match["b"] or match["c"]
        path = f"/{match['stage']}{match['ra'] or '/'}" if match["a"] else match["rest"] or "/"
    elif (match := _CODE.fullmatch(path)) is not None:
        door, name = "lambda-code", match[1]
    elif (match := _GRAPHQL.fullmatch(path)) is not None:
        door, name, path = "appsync-api", match[1], f"/graphql{match[2] or ''}"
    elif path.startswith("/_aws/cloudformation/"):
        return changed(address, door="cloudformation", region=path.split("/", 4)[3] or address.region, path=path)
    elif path.startswith("/_aws/sns/"):
        return changed(address, door="notices", region=path.split("/", 4)[3] or address.region, path=path)
    elif path.startswith("/_aws/ecr/"):
        return changed(address, door="registry", region=path.split("/", 4)[3] or address.region, path=path)
    elif path.startswith("/_aws/acm/"):
        return changed(address, door="approvals", region=path.split("/", 4)[3] or address.region, path=path)
    elif path == "/_aws/ses" or path.startswith("/_aws/ses/"):
        return changed(address, door="mail", region=path.removeprefix("/_aws/ses").strip("/").partition("/")[0] or address.region, path=path)
    else:
        return address
    return changed(address, door=door, name=name, path=path, region=address.region or region_of(name))


def _scope(credential: str) -> tuple[str | None, str | None, str | None]:
    parts = credential.strip().rsplit("/", 4)
    if len(parts) == 4 and parts[3] == "aws4_request":
        # Signature Version 4A names no region here. EventBridge's is for its global endpoints, which the edge answers.
        return (EDGE if parts[2] == "events" else None), parts[2] or None, parts[0]
    if len(parts) != 5:
        return None, None, None
    return parts[2] or None, parts[3] or None, parts[0]


def _is_of_aws(host: str) -> bool:
    return host.partition(":")[0].lower().endswith((".amazonaws.com", ".amazonaws.com.cn"))


def _is_bucket_label(host: str) -> bool:
    """``bucket.localhost``: how an S3 client addresses a bucket at a custom endpoint called localhost."""
    return host.partition(":")[0].endswith(".localhost")


@lru_cache(maxsize=4096)
def _host(host: str) -> tuple[str | None, str, str | None, str | None]:
    """Door, name, region and service that a host name spells."""
    name = host.rpartition(":")[0].lower() if ":" in host and not host.endswith("]") else host.lower()
    if (match := _EDGE.fullmatch(name)) is not None:
        # No region: whichever is asked is the edge location.
        return "cloudfront", match[1], None, None
    if (match := _BALANCER.fullmatch(name)) is not None:
        return BALANCER, f"{match[1]}.localhost", match[2], "elasticloadbalancing"
    if (match := _KEYS.fullmatch(name)) is not None:
        return BALANCER, PUBLIC_KEYS, match[1], "elasticloadbalancing"
    if (match := _ISSUER.fullmatch(name)) is not None:
        # No region: every one knows the keys.
        return "token-issuer", match[1], None, None
    match = _HOST.fullmatch(name)
    if match is None:
        return None, "", None, None
    kind, name, region = match["kind"], match["name"] or "", match["region"]
    if region is None and name and regions.is_region(kind):
        # sqs.us-east-1.localhost: the lazy name took the service and the kind took the region.
        head, _, last = name.rpartition(".")
        name, kind, region = head, last, kind
    if kind == "s3-accelerate":
        # One endpoint for all regions: the signature, or whoever has the bucket, says which.
        return ("s3" if name else None), name, region, "s3"
    if kind in ("s3-accesspoint", "accesspoint.s3-global"):
        return ("s3" if name else None), name, region, "s3"
    if kind == "ecr" and name.endswith(".dkr"):
        return "registry", name.removesuffix(".dkr"), region, "ecr"
    if kind in (*_MARKED, "auth", "s3", "s3-website"):
        service = _SERVICES.get(kind, kind)
        return (kind if name else None), name, region, service
    if kind == "events" and name.endswith(".endpoint"):
        return None, "", EDGE, "events"
    return None, "", region, (f"{name}.{kind}" if name else kind)


# An id that says its region: the first two letters of API ids and function URL ids are the region's mark, so that
# a host name without a region still finds the process that serves it.

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


@lru_cache(maxsize=256)
def region_mark(region: str) -> str:
    n = zlib.crc32(region.encode()) % 936
    return _ALPHABET[n // 36] + _ALPHABET[n % 36]


@lru_cache(maxsize=1)
def _regions_by_mark() -> dict[str, str]:
    return {region_mark(name): name for name in (region.code for region in regions.regions())}


def region_of(name: str) -> str | None:
    return _regions_by_mark().get(name[:2])
