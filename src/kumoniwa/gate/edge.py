"""What edge locations serve, before any service or account is named: kept in ``aws-global`` and followed by every region.

Each region is an edge location: it answers for every distribution there is, out of a cache of its own.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.record import Record


class EdgeResource(Record):
    """One thing that an edge location goes by, such as a distribution or a cache policy; shelved by kind and id."""

    kind: str
    id: str
    account: str
    etag: str
    created: float
    modified: float
    config: dict[str, Any]
    """As AWS's model spells it."""
    more: dict[str, Any] = {}
    tags: dict[str, str] = {}


class EdgeName(Record):
    """A host name that edge locations answer to, shelved by itself in small letters."""

    name: str
    account: str
    service: str
    target: str
    """The id of what answers: a distribution."""
    certificate: str = ""
    """The ARN of the certificate that is shown under it, if that is one of ACM."""


def key_of(kind: str, id: str) -> str:
    return f"{kind}/{id}"
