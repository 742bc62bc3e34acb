"""Custom domain names: hosts a customer owns, and which API each base path of theirs shows.

A name belongs to one account of a region and is answered by its APIs there; DNS, which is the customer's, decides
which region is asked. A certificate of ACM must be issued and cover the name, one that is imported here must be readable and
fit its key. What is not verified is that the customer owns the name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kumoniwa.aws.endpoints import CLOUDFRONT_ZONE, REGIONAL_API_ZONES
from kumoniwa.gate import certificate as certificates
from kumoniwa.gate import names
from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.apigateway import stage as stages
from kumoniwa.services.apigateway import truststore
from kumoniwa.services.apigateway.patch import BadRequestException, NotFoundException
from kumoniwa.services.apigateway.restapi import ConflictException, RestApi, address_type
from kumoniwa.services.apigateway.stage import Stage
from kumoniwa.services.apigateway.truststore import Truststore

NONE = "(none)"
"""How the empty base path is called."""

CLOUDFRONT_REGION = "us-east-1"

_NAME = re.compile(r"(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)
_BASE_PATH = re.compile(r"[A-Za-z0-9$\-_.+!*'()]+")
POLICIES = ("TLS_1_0", "TLS_1_2")
CERTIFICATES = {"EDGE": ("certificateArn", "certificateName"), "REGIONAL": ("regionalCertificateArn", "regionalCertificateName")}


class DomainName(Record):
    """Shelved by its name in small letters."""

    document: dict[str, Any]
    """What GetDomainName answers, without tags."""
    mappings: dict[str, dict[str, str]] = {}
    """By base path, ``(none)`` for the empty one: what GetBasePathMapping answers."""
    trust: str = ""
    """What could be read of its truststore, in PEM."""
    mapping_ids: dict[str, str] = {}
    """By base path: what a mapping that was made as an API mapping is called."""
    tags: dict[str, str] = {}

    @property
    def name(self) -> str:
        return self.document["domainName"]

    def mapped(self, path: str) -> tuple[dict[str, str] | None, str]:
        """The mapping that a request's path meets, and the path behind its base path."""
        segment, slash, rest = path.lstrip("/").partition("/")
        if segment in self.mappings:
            return self.mappings[segment], slash + rest
        return self.mappings.get(NONE), path


def found(call: Call, name: str) -> DomainName:
    domain = call.shelf(DomainName).get(name.lower())
    if domain is None:
        raise NotFoundException("Invalid domain name identifier specified")
    return domain


def _put(call: Call, domain: DomainName) -> DomainName:
    call.shelf(DomainName)[domain.name.lower()] = domain
    document = domain.document
    arns_shown = [document[arn] for arn, _ in CERTIFICATES.values() if document.get(arn)]
    certificates.use(call, document["domainNameArn"], *arns_shown)
    hosts = call.home.store.shelf(SHARED, names.HostName)
    host, shown = hosts[domain.name.lower()], arns_shown[-1] if arns_shown else ""
    trust = domain.trust if "mutualTlsAuthentication" in document else None
    if (host.certificate, host.trust) != (shown, trust):
        hosts[host.name] = changed(host, certificate=shown, trust=trust)
    return domain


def _shown(domain: DomainName) -> dict[str, Any]:
    return domain.document | ({"tags": domain.tags} if domain.tags else {})


# Certificates --------------------------------------------------------------------------------------------


def _check_arn(call: Call, kind: str, certificate: str) -> None:
    """A certificate of ACM in the region that will use it: CloudFront's for EDGE.
    https://github.com/aws/aws-cdk/issues/10529"""
    parsed = arns.parse(certificate)
    if parsed is None or parsed.service != "acm" or not parsed.resource.startswith("certificate/"):
        raise BadRequestException(f"Invalid certificate ARN: {certificate}. Certificate must be a valid ACM certificate ARN.")
    region = CLOUDFRONT_REGION if kind == "EDGE" else call.region
    if parsed.region != region:
        raise BadRequestException(f"Invalid certificate ARN: {certificate}. Certificate must be in '{region}'.")
    if parsed.account != call.account:
        raise BadRequestException("The certificate provided must be owned by the account creating the domain.")


def _check_held(kind: str, arn: str, held: dict[str, Any] | None, name: str) -> None:
    """That the certificate exists, is good and is for the name. https://github.com/aws/aws-cdk/issues/3612 and, for EDGE,
    https://github.com/amplify-education/serverless-domain-manager/issues/161"""
    if held is None:
        raise BadRequestException("The provided certificate does not exist.", hint="Request one of ACM, or import it there.")
    if held["status"] != "ISSUED":
        raise BadRequestException(f"The provided certificate {arn} is not issued: its status is {held['status']}.")
    if certificates.covers(held["names"], name):
        return
    if kind == "EDGE":
        raise BadRequestException(
            f"Unable to associate certificate {arn} with CloudFront. This error may prevent the domain name {name} from being used in API "
            "Gateway for up to 40 minutes. Please ensure the certificate domain name matches the requested domain name, and that this user "
            "has permission to call cloudfront:UpdateDistribution on '*' resources."
        )
    raise BadRequestException(f"The domain name {name} is not covered by the provided certificate.")


def _check_imported(body: str | None, key: str | None, chain: str | None) -> None:
    if not body or not key:
        raise BadRequestException("Certificate body and private key must be specified to import a certificate")
    try:
        certificate = x509.load_pem_x509_certificate(body.encode())
        private = load_pem_private_key(key.encode(), None)
        if chain:
            x509.load_pem_x509_certificates(chain.encode())
    except (ValueError, TypeError):
        raise BadRequestException("Unable to parse certificate. Please ensure the certificate is in PEM format.")
    if certificate.public_key() != private.public_key():
        raise BadRequestException("The private key does not match the certificate.")


def _check_certificates(call: Call, document: dict[str, Any]) -> None:
    kinds = document["endpointConfiguration"]["types"]
    for kind, (arn, name) in CERTIFICATES.items():
        if document.get(arn):
            _check_arn(call, kind, document[arn])
        has_one = bool(document.get(arn) or document.get(name))
        if has_one and kind not in kinds:
            raise BadRequestException(f"Cannot import certificates for {kind} while {kinds[0]} is active.")
        if kind in kinds and not has_one:
            raise BadRequestException(f"A certificate was not provided for the endpoint type {kind}.")


def _with_certificates(call: Call, document: dict[str, Any], before: dict[str, Any], then: Callable[[], dict[str, Any]]) -> Any:
    """Go on when the certificates that are new are found to be good. Those of another region are asked for there, which takes a journey."""
    name, far = document["domainName"], None
    for kind, (member, _) in CERTIFICATES.items():
        arn = document.get(member)
        if arn is None or arn == before.get(member):
            continue
        if kind == "EDGE" and call.region != CLOUDFRONT_REGION:
            far = arn
            continue
        certificate = certificates.held(call, arn)
        _check_held(kind, arn, certificate and {"status": certificate.status, "names": certificate.names}, name)
    return then() if far is None else _after_asking(call, far, name, then)


async def _after_asking(call: Call, arn: str, name: str, then: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    held = await call.home.exchange(CLOUDFRONT_REGION, "acm", {"account": call.account, "certificate": arn})
    _check_held("EDGE", arn, held, name)
    return call.atomically(then)


# Clients' certificates -----------------------------------------------------------------------------------


def _check_mutual(call: Call, document: dict[str, Any]) -> None:
    """What a name must be that asks callers for certificates, and which certificate proves that an imported one may stand for it.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mutual-tls.html; the words are ours."""
    proof = document.get("ownershipVerificationCertificateArn")
    if proof is not None:
        _check_arn(call, "REGIONAL", proof)
        held = certificates.held(call, proof)
        _check_held("REGIONAL", proof, held and {"status": held.status, "names": held.names}, document["domainName"])
        if held.kind != "AMAZON_ISSUED":
            raise BadRequestException("The ownership verification certificate must be issued by AWS Certificate Manager.")
    if "mutualTlsAuthentication" not in document:
        return
    if document["endpointConfiguration"]["types"] != ["REGIONAL"]:
        raise BadRequestException("Mutual TLS authentication is only supported for Regional custom domain names.")
    if document["securityPolicy"] != "TLS_1_2":
        raise BadRequestException("Mutual TLS authentication requires the security policy TLS_1_2.")
    held = certificates.held(call, document.get("regionalCertificateArn", ""))
    if held is None:
        raise BadRequestException("Mutual TLS authentication requires a certificate of AWS Certificate Manager.")
    if held.kind != "AMAZON_ISSUED" and proof is None:
        raise BadRequestException(
            "Mutual TLS authentication with an imported certificate requires an ownership verification certificate.",
            hint="Request a certificate for the name of ACM and give its ARN as ownershipVerificationCertificateArn.",
        )


async def _trusting(call: Call, mutual: dict[str, Any], then: Callable[[Truststore], dict[str, Any]]) -> dict[str, Any]:
    """Go on when the truststore is read."""
    store = await truststore.read(call, mutual["truststoreUri"], mutual.get("truststoreVersion"))
    return call.atomically(lambda: then(store))


def _with_store(document: dict[str, Any], store: Truststore) -> dict[str, Any]:
    mutual = {member: value for member, value in document["mutualTlsAuthentication"].items() if member != "truststoreWarnings"}
    return document | {"mutualTlsAuthentication": mutual | ({"truststoreWarnings": store.warnings} if store.warnings else {})}


# Domain names ----------------------------------------------------------------------------------------------


def _endpoint(given: dict[str, Any] | None) -> dict[str, Any]:
    kinds = list((given or {}).get("types") or ["EDGE"])
    if "PRIVATE" in kinds:
        # Nobody is inside a virtual private cloud here.
        raise NotImplementedHere("private custom domain names of apigateway")
    if len(kinds) > 1:
        raise BadRequestException("Cannot create a domain name with multiple endpoint types.")
    return {"types": kinds, "ipAddressType": address_type((given or {}).get("ipAddressType", "ipv4"))}


def _policy(value: str | None) -> str:
    if value not in POLICIES:
        raise NotImplementedHere(f"the security policy {value} of apigateway domain names")
    return value


def _routing(value: str | None) -> str:
    if value != "BASE_PATH_MAPPING_ONLY":
        raise NotImplementedHere("routing rules of apigateway domain names")
    return value


def _addressed(call: Call, document: dict[str, Any]) -> dict[str, Any]:
    """The document with the names under which its endpoints answer, and without those it has no more."""
    kinds = document["endpointConfiguration"]["types"]
    document = dict(document)
    if "REGIONAL" not in kinds:
        document.pop("regionalDomainName", None)
        document.pop("regionalHostedZoneId", None)
    elif "regionalDomainName" not in document:
        document["regionalDomainName"] = f"d-{call.ids.lower(10)}.execute-api.{call.region}.amazonaws.com"
        if call.region in REGIONAL_API_ZONES:
            document["regionalHostedZoneId"] = REGIONAL_API_ZONES[call.region]
    if "EDGE" not in kinds:
        document.pop("distributionDomainName", None)
        document.pop("distributionHostedZoneId", None)
    elif "distributionDomainName" not in document:
        document |= {"distributionDomainName": f"d{call.ids.lower(13)}.cloudfront.net", "distributionHostedZoneId": CLOUDFRONT_ZONE}
    return document


def CreateDomainName(
    call: Call,
    *,
    domainName: str,
    certificateName: str | None = None,
    certificateBody: str | None = None,
    certificatePrivateKey: str | None = None,
    certificateChain: str | None = None,
    certificateArn: str | None = None,
    regionalCertificateName: str | None = None,
    regionalCertificateArn: str | None = None,
    endpointConfiguration: dict | None = None,
    tags: dict[str, str] | None = None,
    securityPolicy: str | None = None,
    routingMode: str | None = None,
    mutualTlsAuthentication: dict | None = None,
    ownershipVerificationCertificateArn: str | None = None,
) -> dict:
    """An edge-optimized name is answered by its region, too: what CloudFront would add stands before it, not within."""
    if not domainName:
        raise BadRequestException("No Domain Name specified")
    if len(domainName) > 253 or not _NAME.fullmatch(domainName):
        raise BadRequestException("Invalid domain name specified")
    if certificateBody or certificatePrivateKey or certificateChain:
        _check_imported(certificateBody, certificatePrivateKey, certificateChain)
    given = {
        "certificateName": certificateName, "certificateArn": certificateArn, "regionalCertificateName": regionalCertificateName,
        "regionalCertificateArn": regionalCertificateArn, "ownershipVerificationCertificateArn": ownershipVerificationCertificateArn,
    }  # fmt: skip
    if (mutualTlsAuthentication or {}).get("truststoreUri"):
        members = ("truststoreUri", "truststoreVersion")
        given["mutualTlsAuthentication"] = {name: mutualTlsAuthentication[name] for name in members if mutualTlsAuthentication.get(name)}
    document: dict[str, Any] = {
        "domainName": domainName, "domainNameArn": f"arn:{call.home.partition}:apigateway:{call.region}::/domainnames/{domainName}",
        "certificateUploadDate": float(int(call.now())), "endpointConfiguration": _endpoint(endpointConfiguration),
        "domainNameStatus": "AVAILABLE", "securityPolicy": _policy(securityPolicy or "TLS_1_2"),
        "routingMode": _routing(routingMode or "BASE_PATH_MAPPING_ONLY"),
    }  # fmt: skip
    document |= {member: value for member, value in given.items() if value}
    _check_certificates(call, document)
    _check_mutual(call, document)

    def made(store: Truststore | None = None) -> dict[str, Any]:
        hosts = call.home.store.shelf(SHARED, names.HostName)
        if domainName.lower() in hosts:
            raise BadRequestException("The domain name you provided already exists.")
        hosts[domainName.lower()] = names.HostName(name=domainName.lower(), account=call.account, service="apigateway")
        told = _with_store(document, store) if store is not None else document
        trust = store.pem if store is not None else ""
        return _shown(_put(call, DomainName(document=_addressed(call, told), tags=tags or {}, trust=trust)))

    if "mutualTlsAuthentication" in document:
        return _trusting(call, document["mutualTlsAuthentication"], lambda store: _with_certificates(call, document, {}, lambda: made(store)))
    return _with_certificates(call, document, {}, made)


def GetDomainName(call: Call, *, domainName: str) -> dict:
    return _shown(found(call, domainName))


def GetDomainNames(call: Call, *, resourceOwner: str | None = None) -> dict:
    """Only private names are shared between accounts, and there are none."""
    if resourceOwner == "OTHER_ACCOUNTS":
        return {"items": []}
    shelf = call.shelf(DomainName)
    return {"items": [_shown(shelf[name]) for name in sorted(shelf)]}


MUTUAL = "/mutualTlsAuthentication/"
PLACES = {
    "/ownershipVerificationCertificateArn": "ownershipVerificationCertificateArn",
    "/certificateName": "certificateName", "/certificateArn": "certificateArn", "/regionalCertificateName": "regionalCertificateName",
    "/regionalCertificateArn": "regionalCertificateArn", "/securityPolicy": "securityPolicy", "/routingMode": "routingMode",
}  # fmt: skip
TYPES = "/endpointConfiguration/types"
_READ = {"/securityPolicy": _policy, "/routingMode": _routing}


def _moved(kinds: list[str], op: str, path: str, value: str | None) -> list[str]:
    """A name may have both endpoint types while it moves from one to the other.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-regional-api-custom-domain-migrate.html
    """
    named = path.removeprefix(TYPES).lstrip("/")
    wanted = value or named
    if wanted == "PRIVATE":
        raise NotImplementedHere("private custom domain names of apigateway")
    if wanted not in CERTIFICATES:
        raise BadRequestException("Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE")
    if op == "add":
        return kinds if wanted in kinds else [*kinds, wanted]
    if op == "remove":
        kinds = [kind for kind in kinds if kind != wanted]
    else:
        kinds = [wanted if kind == named else kind for kind in kinds] if named in kinds else [wanted]
    if not kinds:
        raise BadRequestException("REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.")
    return kinds


def UpdateDomainName(call: Call, *, domainName: str, patchOperations: list[dict] | None = None) -> dict:
    domain = found(call, domainName)
    document = {**domain.document, "endpointConfiguration": dict(domain.document["endpointConfiguration"])}
    mutual: dict[str, str] | None = None
    for operation in patchOperations or ():
        op, path, value = operation.get("op", ""), operation.get("path") or "", operation.get("value")
        if op not in ("add", "replace", "remove"):
            raise BadRequestException("Invalid patch operation specified. Must be 'add'|'remove'|'replace'")
        if path == TYPES or path.startswith(TYPES + "/"):
            configuration = document["endpointConfiguration"]
            configuration["types"] = _moved(configuration["types"], op, path, value)
        elif path == "/endpointConfiguration/ipAddressType":
            document["endpointConfiguration"]["ipAddressType"] = address_type(value)
        elif path == "/endpointAccessMode":
            raise NotImplementedHere("endpointAccessMode of apigateway domain names")
        elif path in (f"{MUTUAL}truststoreUri", f"{MUTUAL}truststoreVersion"):
            mutual = {**(mutual or {}), path.removeprefix(MUTUAL): "" if op == "remove" else value or ""}
        elif path not in PLACES:
            raise BadRequestException(f"Invalid patch path {path or 'null'}")
        elif op == "remove" or not value:
            document.pop(PLACES[path], None)
        else:
            document[PLACES[path]] = _READ.get(path, str)(value)
            if "ertificate" in path:
                document["certificateUploadDate"] = float(int(call.now()))
    for kind, members in CERTIFICATES.items():
        if kind not in document["endpointConfiguration"]["types"] and kind in domain.document["endpointConfiguration"]["types"]:
            # With an endpoint type that was removed goes its certificate.
            document = {member: value for member, value in document.items() if member not in members}
    if mutual is not None:
        document = _with_mutual(document, mutual)
    _check_certificates(call, document)
    _check_mutual(call, document)

    def updated(store: Truststore | None = None) -> dict[str, Any]:
        before = found(call, domainName)
        told, trust = (document, before.trust) if store is None else (_with_store(document, store), store.pem)
        return _shown(_put(call, changed(before, document=_addressed(call, told), trust=trust)))

    if mutual is not None and "mutualTlsAuthentication" in document:
        return _trusting(
            call,
            document["mutualTlsAuthentication"],
            lambda store: _with_certificates(call, document, domain.document, lambda: updated(store)),
        )
    return _with_certificates(call, document, domain.document, updated)


def _with_mutual(document: dict[str, Any], said: dict[str, str]) -> dict[str, Any]:
    """The document with what was said of its truststore. A URI of nothing turns mutual TLS off, as the documentation's example does."""
    known = document.get("mutualTlsAuthentication", {})
    mutual = {member: value for member, value in (known | said).items() if value and member != "truststoreWarnings"}
    kept = {member: value for member, value in document.items() if member != "mutualTlsAuthentication"}
    return kept | ({"mutualTlsAuthentication": mutual} if mutual.get("truststoreUri") else {})


def DeleteDomainName(call: Call, *, domainName: str) -> None:
    """With a name go its mappings."""
    domain = found(call, domainName)
    del call.shelf(DomainName)[domain.name.lower()]
    certificates.use(call, domain.document["domainNameArn"])
    del call.home.store.shelf(SHARED, names.HostName)[domain.name.lower()]


# Base path mappings ------------------------------------------------------------------------------------------


def mapping_names(call: Call, api_id: str, stage: str | None = None) -> list[str]:
    """The domain names that show an API, or one stage of it."""
    return [
        domain.name
        for domain in call.shelf(DomainName).values()
        if any(one["restApiId"] == api_id and stage in (None, one.get("stage")) for one in domain.mappings.values())
    ]


def _checked(call: Call, mapping: dict[str, str]) -> dict[str, str]:
    if "/" in mapping["basePath"]:
        raise BadRequestException(
            "API Gateway V1 doesn't support the slash character (/) in base path mappings. To create a multi-level base path "
            "mapping, use API Gateway V2."
        )
    if not _BASE_PATH.fullmatch(mapping["basePath"]):
        raise BadRequestException("Base path may only contain letters, numbers and one of $-_.+!*'()")
    if mapping["restApiId"] not in call.shelf(RestApi):
        raise BadRequestException("Invalid REST API identifier specified")
    if mapping.get("stage") and stages.key(mapping["restApiId"], mapping["stage"]) not in call.shelf(Stage):
        raise BadRequestException("Invalid stage identifier specified")
    return mapping


def _mapping(call: Call, name: str, base_path: str) -> tuple[DomainName, dict[str, str]]:
    domain = found(call, name)
    mapping = domain.mappings.get(base_path or NONE)
    if mapping is None:
        raise NotFoundException("Invalid base path mapping identifier specified")
    return domain, mapping


def CreateBasePathMapping(
    call: Call, *, domainName: str, restApiId: str, basePath: str | None = None, stage: str | None = None
) -> dict:
    domain = found(call, domainName)
    mapping = {"basePath": basePath or NONE, "restApiId": restApiId} | ({"stage": stage} if stage else {})
    _checked(call, mapping)
    if mapping["basePath"] in domain.mappings:
        raise ConflictException("Base path already exists for this domain name")
    _put(call, changed(domain, mappings={**domain.mappings, mapping["basePath"]: mapping}))
    return mapping


def GetBasePathMapping(call: Call, *, domainName: str, basePath: str) -> dict:
    return _mapping(call, domainName, basePath)[1]


def GetBasePathMappings(call: Call, *, domainName: str) -> dict:
    mappings = found(call, domainName).mappings
    return {"items": [mappings[base_path] for base_path in sorted(mappings)]}


MAPPING_PLACES = {"/basePath": "basePath", "/stage": "stage", "/restapiId": "restApiId", "/restApiId": "restApiId"}


def UpdateBasePathMapping(
    call: Call, *, domainName: str, basePath: str, patchOperations: list[dict] | None = None
) -> dict:
    """A mapping that moves to another's base path takes its place."""
    domain, mapping = _mapping(call, domainName, basePath)
    mapping = dict(mapping)
    for operation in patchOperations or ():
        op, path, value = operation.get("op"), operation.get("path") or "", operation.get("value")
        if path not in MAPPING_PLACES:
            raise BadRequestException(f"Invalid patch path {path or 'null'}")
        if op == "remove" and path == "/stage" or op in ("add", "replace") and path == "/stage" and not value:
            mapping.pop("stage", None)
        elif op not in ("add", "replace"):
            raise BadRequestException("Invalid patch operation specified. Must be one of: [replace]")
        else:
            mapping[MAPPING_PLACES[path]] = value or NONE
    _checked(call, mapping)
    kept = {key: one for key, one in domain.mappings.items() if key != (basePath or NONE)}
    _put(call, changed(domain, mappings={**kept, mapping["basePath"]: mapping}))
    return mapping


def DeleteBasePathMapping(call: Call, *, domainName: str, basePath: str) -> None:
    domain, mapping = _mapping(call, domainName, basePath)
    kept = {key: one for key, one in domain.mappings.items() if key != mapping["basePath"]}
    _put(call, changed(domain, mappings=kept))
