"""Where viewers come in: ``d….cloudfront.net``, ``d….cloudfront.localhost`` or a name of the customer's own.

Whichever region is asked is the edge location: it answers out of its own cache, and says so in ``X-Cache``, ``Age`` and
``X-Amz-Cf-Pop``.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.address import Address
from kumoniwa.gate.edge import EdgeName, EdgeResource, key_of
from kumoniwa.gate.identity import SHARED
from kumoniwa.services.cloudfront import accesslog, answer, bill, held
from kumoniwa.services.cloudfront.distribution import DOMAIN
from kumoniwa.services.cloudfront.visit import Told, Visit
from kumoniwa.wire.message import Request, Response

LOOPS_MAX = 4


def _distribution(home: Any, address: Address) -> EdgeResource | None:
    name = f"{address.name}.{DOMAIN}" if address.door == "cloudfront" else address.name
    named = home.store.shelf(SHARED, EdgeName).get(name)
    return held.shelf(home).get(key_of("distribution", named.target)) if named is not None else None


async def serve(home: Any, request: Request, address: Address, request_id: str) -> Response:
    distribution = _distribution(home, address)
    id, began = f"{home.ids.secret(54)}==", home.clock.now()
    if distribution is None or not distribution.config["Enabled"]:
        told = Told(403, *answer.error_page(403, answer.BAD, id), "Error")
    elif request.headers.get("via", "").count("(CloudFront)") > LOOPS_MAX:
        told = Told(403, *answer.error_page(403, answer.LOOP, id), "Error")
    else:
        told = await Visit(home, distribution, request, id).told()
    response = _written(home, request, told, id)
    if distribution is not None:
        bill.answered(home, distribution, is_tls=request.is_tls, sent_bytes=accesslog.sent_bytes(response, told))
        accesslog.write(home, distribution, request, response, told, id, began)
    return response


def _written(home: Any, request: Request, told: Told, id: str) -> Response:
    headers: dict[str, Any] = {}
    for name, value in told.headers:
        spelled = next((each for each in headers if each.lower() == name.lower()), name)
        before = headers.get(spelled)
        headers[spelled] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
    via = f"1.1 {home.ids.hex(32)}.cloudfront.net (CloudFront)"
    headers |= {"X-Cache": f"{told.result} from cloudfront", "Via": via, "X-Amz-Cf-Pop": home.name, "X-Amz-Cf-Id": id}
    headers.setdefault("Date", answer.moment(home.clock.now()))
    if told.age_s is not None:
        headers["Age"] = str(int(told.age_s))
    body = told.body
    if isinstance(body, bytes) and told.status not in (204, 304):
        headers["Content-Length"] = str(len(body)) if told.length is None else told.length
    elif told.length is not None:
        headers["Content-Length"] = told.length
    return Response(told.status, b"" if request.method == "HEAD" else body, headers)
