"""Web ACLs as they are kept, and what they guard: stages of APIs, GraphQL APIs, user pools and, at every edge location, distributions.

WAF makes and keeps them. Those of a region lie in the account that has them; those for CloudFront are kept in ``aws-global`` and followed by
every region. Compiled, they stand guard: ``gate.firewall_guard``.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record


class Part(Record):
    """A web ACL, or something that its rules refer to, or how its traffic is logged. Shelved by its ARN, of logging by ``logging`` and
    the web ACL's."""

    kind: str
    """``webacl``, ``rulegroup``, ``ipset``, ``regexpatternset`` or ``logging``."""
    id: str
    name: str
    arn: str
    account: str
    lock: str
    document: dict[str, Any]
    """What AWS answers of it."""
    tags: dict[str, str] = {}


class Association(Record):
    """Which web ACL guards a resource of this region; shelved by the resource's ARN."""

    web_acl: str


def is_global(arn: str) -> bool:
    """Whether it is CloudFront's: their ARNs say ``global`` where those of a region say ``regional``."""
    return ":global/" in arn


def shelf(home: Any, account: str, arn: str) -> Any:
    return home.store.shelf(SHARED if is_global(arn) else account, Part)


def logging_key(arn: str) -> str:
    return f"logging {arn}"


def associate(call: Call, resource: str, web_acl: str) -> None:
    call.shelf(Association)[resource] = Association(web_acl=web_acl)


def release(call: Call, resource: str) -> None:
    """A resource is guarded no more, such as because it is gone."""
    held = call.shelf(Association)
    if resource in held:
        del held[resource]


def guarding(call: Call, resource: str) -> str | None:
    """The ARN of the web ACL of a resource."""
    held = call.shelf(Association).get(resource)
    return held.web_acl if held is not None else None
