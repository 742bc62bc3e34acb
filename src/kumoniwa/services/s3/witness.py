"""The witness of answers: who sees them before they leave, where a bucket logs, is measured or analysed, or has its requesters pay."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kumoniwa.services.s3 import access_log, analysis, request_metric
from kumoniwa.services.s3.watched import watched
from kumoniwa.wire.message import Request, Response

if TYPE_CHECKING:
    from kumoniwa.gate.route import Route


def witness_of(home: Any, route: Route, request: Request, request_id: str) -> Callable[[Response], None] | None:
    """What shall see the answer to a request, if its bucket is watched."""
    name = (request.labels or {}).get("Bucket")
    found = watched(home, name) if name is not None else None
    if found is None:
        return None
    call, bucket = found
    began = home.clock.now()
    counters = [
        request_metric.counter(call, bucket, route, request) if bucket.metrics else None,
        analysis.counter(call, bucket, route, request) if bucket.analytics else None,
    ]

    def witness(response: Response) -> None:
        if bucket.payer == "Requester" and "x-amz-request-payer" in request.headers and response.status < 400:
            response.headers["x-amz-request-charged"] = "requester"
        access_log.note(call, bucket, route, request, request_id, response, began)
        for count in counters:
            if count is not None:
                count(response)

    return witness
