"""Enrichment: who is asked what to make of a batch, before the target gets it.

https://docs.aws.amazon.com/eventbridge/latest/userguide/pipes-enrichment.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from kumoniwa.kernel import arn as arns
from kumoniwa.services.pipes import endpoint
from kumoniwa.services.pipes.pipe import kind_of

if TYPE_CHECKING:
    from kumoniwa.services.pipes.execution import Execution


async def invoke(execution: Execution, given: list[Any]) -> list[Any]:
    """The events that go on to the target. Nothing goes on if the answer is empty, be it a text, an object or a list."""
    arn = arns.parse(execution.pipe.enrichment)
    kind = kind_of(arn)
    if kind == "lambda":
        answer = await endpoint.function(execution, str(arn), given)
    elif kind == "states":
        answer = await endpoint.machine(execution, str(arn), given)
    else:
        parameters = execution.pipe.enrichment_parameters.get("HttpParameters")
        answer = await endpoint.http(execution, arn, given[0], parameters, execution.events[0])
    return _events(answer)


def _events(answer: bytes) -> list[Any]:
    try:
        value = orjson.loads(answer or b"null")
    except orjson.JSONDecodeError:
        value = answer.decode(errors="replace")
    if isinstance(value, list):
        return value
    return [] if value in (None, "", {}) else [value]
