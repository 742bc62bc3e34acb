"""Certificates of ACM as the services of their region see them: which names one is for, whether it is good, and who uses it.

ACM makes and keeps them; a service that shows one to its clients says so with ``use``, in the commit in which it begins to.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record


class Proof(Record):
    """That whoever asks for a certificate rules over one of its names, or how that is to be shown."""

    domain: str
    validation_domain: str
    method: str
    status: str = "PENDING_VALIDATION"
    token: str = ""
    """Of the link in the letters."""
    emails: tuple[str, ...] = ()
    """To whom letters have gone."""


class Certificate(Record):
    """Shelved by its ARN."""

    arn: str
    kind: str
    """AMAZON_ISSUED or IMPORTED."""
    status: str
    names: tuple[str, ...]
    """The first is the domain name."""
    algorithm: str
    created: float
    issued: float | None = None
    imported: float | None = None
    revoked: tuple[float, str] | None = None
    body: str = ""
    chain: str = ""
    key: bytes = b""
    """Under the cloud's seal."""
    facts: dict[str, Any] = {}
    """What ``engines.certificate_reading`` reads in it."""
    options: dict[str, str] = {}
    proofs: tuple[Proof, ...] = ()
    failure: str = ""
    renewal: dict[str, Any] | None = None
    """``status`` and ``updated``."""
    renewal_proofs: tuple[Proof, ...] = ()
    is_exported: bool = False
    told_days: int | None = None
    """How near its end the last event said it is."""
    request: tuple[str, str] = ("", "")
    """The idempotency token, and what was asked for with it."""
    tags: dict[str, str | None] = {}


class CertificateUse(Record):
    """Shelved by the ARN of what shows certificates."""

    resource: str
    certificates: tuple[str, ...]


def held(call: Call, arn: str) -> Certificate | None:
    return call.shelf(Certificate).get(arn)


def covers(names: Iterable[str], host: str) -> bool:
    """A wildcard stands for exactly one label: https://docs.aws.amazon.com/acm/latest/userguide/acm-concepts.html"""
    host = host.lower()
    return any(name.lower() in (host, f"*.{host.partition('.')[2]}") for name in names)


def use(call: Call, resource: str, *arns: str) -> None:
    """``resource`` shows these certificates from now on, or none."""
    uses = call.shelf(CertificateUse)
    if arns:
        uses[resource] = CertificateUse(resource=resource, certificates=arns)
    elif resource in uses:
        del uses[resource]


def users(call: Call, arn: str) -> list[str]:
    return sorted(each.resource for each in call.shelf(CertificateUse).values() if arn in each.certificates)
