"""Web ACLs before a pool: asked of what programs send for people, and of the hosted pages.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-waf.html
"""

from __future__ import annotations

from kumoniwa.gate import firewall, firewall_guard
from kumoniwa.gate.firewall_record import Source
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.wire.message import Request


class ForbiddenException(AwsError):
    """https://github.com/ravenscar/franken-srp/issues/13"""

    status = 403
    message = "Request not allowed due to WAF block."


def meet(call: Call, pool_arn: str, request: Request, *, is_page: bool = False) -> firewall_guard.Meeting | None:
    """How a request fares, None where no web ACL is. Of what is sent to a page AWS shows rules no body."""
    guard = firewall_guard.guard_of(call.shelf(firewall.Association), call.home, call.account, pool_arn)
    source = Source("COGNITO_USER_POOL", "COGNITOIDP", pool_arn.rpartition("/")[2])
    return guard.meet(request, source, call.request_id, hides_body=is_page) if guard is not None else None


def check(call: Call, pool_arn: str) -> None:
    """Raise what a program is answered whose request is blocked. What comes to a page was judged at the door."""
    if call.request is not None and call.operation and (met := meet(call, pool_arn, call.request)) is not None and met.is_blocked:
        raise ForbiddenException
