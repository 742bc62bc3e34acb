"""Names by which the gate finds whose something is, before any account is named.

Those of buckets are unique across all accounts and regions: they are claimed in ``aws-global`` and replicated like
identities, so that every region knows at once whose a name is and where it lives. Host names that customers brought
belong to the region that was told of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.record import Record


class BucketName(Record):
    """Whose bucket a name is and where; shelved by name."""

    name: str
    account: str
    region: str
    created: float
    constraint: str = ""
    """What its maker called the region, where that is an older name of it."""


def region_of_bucket(home: Any, name: str) -> str:
    """Where a bucket is, for services that write into buckets of any region; here if nobody knows of it."""
    held = home.store.shelf(SHARED, BucketName).get(name)
    return held.region if held is not None else home.name


class TlsTerms(Record):
    """How TLS is spoken under a name, where its owner chose a security policy."""

    versions: tuple[str, ...]
    """From the newest to the oldest, as OpenSSL calls them: ``TLSv1.2``."""
    ciphers: tuple[str, ...]
    speaks_http_2: bool = True


class HostName(Record):
    """A host name that a customer brought to a service of this region, or the first label of one of the region's own; shelved
    by name, in small letters."""

    name: str
    account: str
    service: str
    certificate: str = ""
    """The ARN of the certificate that is shown under it, if that is one of ACM."""
    trust: str | None = None
    """Up to which certificates those of clients must lead (PEM), where they are asked for any."""
    target: str = ""
    """What of its service answers, where the name does not say so."""
    terms: TlsTerms | None = None
    address: str = ""
    """The loopback address at which nobody else is asked, under whatever name."""


def host_at(hosts: Mapping[str, HostName], address: str) -> HostName | None:
    """Whose address this is."""
    return next((each for each in hosts.values() if each.address == address), None)


Named = TypeVar("Named")


def host_named(hosts: Mapping[str, Named], host: str) -> Named | None:
    """The name a request's host goes by: its own, or the wildcard that stands for its first label."""
    name = host.partition(":")[0].rstrip(".").lower()
    return hosts.get(name) or hosts.get(f"*.{name.partition('.')[2]}")
