"""How a name is shown to be the customer's: by a CNAME that this cloud's name servers answer, or by the link in a letter to its keepers."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from kumoniwa.gate.address import EDGE
from kumoniwa.gate.certificate import Certificate, Proof
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed

KEEPERS = ("administrator", "hostmaster", "postmaster", "webmaster", "admin")
# https://docs.aws.amazon.com/acm/latest/userguide/email-validation.html
ISSUERS = frozenset({"amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com"})
# https://docs.aws.amazon.com/acm/latest/userguide/setup-caa.html
SENDER = "Amazon Certificates <no-reply@certificates.amazon.com>"
LETTER = """Greetings from Amazon Web Services,

We received a request to issue an SSL/TLS certificate for {domain}.

Verify that the following domain, AWS account ID, and certificate identifier correspond to a request from you or someone in your organization.

Domain: {domain}
AWS account ID: {account}
AWS Region name: {region}
Certificate Identifier: {id}

To approve this request, go to Amazon Certificate Approvals at
{link}
and follow the instructions on the page.

Sincerely,
Amazon Web Services
"""


def apex(domain: str) -> str:
    """What a wildcard stands under: both are proven together."""
    return domain.removeprefix("*.").lower()


def record_of(call: Call, domain: str) -> dict[str, str]:
    """The same for every certificate of an account, so that it is put once.
    https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html"""
    seed = hmac.digest(call.home.settings.seal, f"acm {call.account} {apex(domain)}".encode(), "sha512").hex()
    zone = "".join(chr(ord("a") + int(seed[64 + 2 * n : 66 + 2 * n], 16) % 26) for n in range(10))
    return {"Name": f"_{seed[:32]}.{apex(domain)}.", "Type": "CNAME", "Value": f"_{seed[32:64]}.{zone}.acm-validations.aws."}


def told(call: Call, proofs: tuple[Proof, ...]) -> list[dict[str, Any]]:
    options = []
    for proof in proofs:
        option: dict[str, Any] = {"DomainName": proof.domain}
        if proof.method == "EMAIL":
            option["ValidationEmails"] = list(proof.emails)
        option |= {"ValidationDomain": proof.validation_domain, "ValidationStatus": proof.status}
        if proof.method == "DNS":
            option["ResourceRecord"] = record_of(call, proof.domain)
        options.append(option | {"ValidationMethod": proof.method})
    return options


async def _answers(call: Call, name: str, kind: str) -> list[str]:
    """What the name servers answer, which hold the zones of all accounts; nothing while they are dark."""
    try:
        said = await call.home.exchange(EDGE, "route53", {"ask": "resolve", "name": name, "type": kind, "subnet": ""})
    except (AwsError, ConnectionError):
        return []
    return list(said.get("addresses", ()))


async def found(call: Call, proofs: tuple[Proof, ...]) -> set[str]:
    """The domains whose record stands."""
    standing, asked = set(), {}
    for proof in proofs:
        if proof.method == "DNS" and proof.status != "SUCCESS":
            record = record_of(call, proof.domain)
            if record["Name"] not in asked:
                asked[record["Name"]] = await _answers(call, record["Name"].rstrip("."), "CNAME")
            if record["Value"].rstrip(".") in [value.rstrip(".").lower() for value in asked[record["Name"]]]:
                standing.add(proof.domain)
    return standing


async def is_forbidden(call: Call, names: tuple[str, ...]) -> bool:
    """Whether a CAA record keeps Amazon from issuing for one of the names: RFC 8659, section 3."""
    for name in names:
        labels = apex(name).split(".")
        for n in range(len(labels)):
            if rules := await _answers(call, ".".join(labels[n:]), "CAA"):
                if not _allow(rules, is_wildcard=name.startswith("*.")):
                    return True
                break
    return False


def _allow(rules: list[str], *, is_wildcard: bool) -> bool:
    parsed = [rule.split(None, 2) for rule in rules]
    by_tag: dict[str, set[str]] = {}
    for _, tag, value in (rule for rule in parsed if len(rule) == 3):
        by_tag.setdefault(tag.lower(), set()).add(value.strip('"').partition(";")[0].strip().lower())
    said = by_tag.get("issuewild") if is_wildcard and "issuewild" in by_tag else by_tag.get("issue")
    return said is None or bool(said & ISSUERS)


# Letters -------------------------------------------------------------------------------------------


async def write(call: Call, certificate: Certificate, proof: Proof) -> tuple[str, ...]:
    """Send the letters of a proof; to send them again does nothing. Answers to whom."""
    id_ = certificate.arn.rpartition("/")[2]
    link = f"{call.home.settings.endpoint}/_aws/acm/{call.region}/approve/{call.account}/{id_}/{proof.token}"
    text = LETTER.format(domain=proof.domain, account=call.account, region=call.region, id=id_, link=link)
    addresses = tuple(f"{keeper}@{apex(proof.validation_domain)}" for keeper in KEEPERS)
    for address in addresses:
        letter = {
            "account": call.account, "from": SENDER, "to": address, "subject": f"Certificate approval for {proof.domain}", "text": text,
            "token": hashlib.sha256(f"acm {proof.token} {address}".encode()).hexdigest(),
        }  # fmt: skip
        await call.home.heard("", "ses", {"post": letter})
    return addresses


def opened(proofs: tuple[Proof, ...], token: str) -> tuple[Proof, ...]:
    """The proofs when somebody has opened a link."""
    return tuple(
        changed(each, status="SUCCESS") if each.token and hmac.compare_digest(each.token, token) and each.status == "PENDING_VALIDATION" else each
        for each in proofs
    )
