"""What AWS bills for distributions, at each edge location: requests of viewers, what is sent to them, functions that run, and paths that are invalidated.

Requests by HTTP and by HTTPS have prices of their own. What is sent is counted with the header, as access logs have it; that the bill does so is not
said in words. Not counted are what is sent to origins, reads of key value stores, and live logs. https://aws.amazon.com/cloudfront/pricing/
"""

from __future__ import annotations

from typing import Any

from kumoniwa.aws.prices import GIB
from kumoniwa.gate.edge import EdgeResource
from kumoniwa.kernel.call import Call


def answered(home: Any, distribution: EdgeResource, *, is_tls: bool, sent_bytes: int) -> None:
    use = home.gate.ledger.use
    use(distribution.account, "cloudfront:https_requests" if is_tls else "cloudfront:http_requests", distribution.id)
    use(distribution.account, "cloudfront:egress", distribution.id, sent_bytes / GIB)


def ran(home: Any, account: str, function_arn: str) -> None:
    home.gate.ledger.use(account, "cloudfront:function_invocations", function_arn.rpartition("/")[2])


def invalidated(call: Call, distribution: str, paths: list[str]) -> None:
    call.bill("cloudfront:invalidation_paths", distribution, len(paths))
