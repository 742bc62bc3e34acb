"""How a mapping calls its function, and how it reads what the function says of single records."""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.engines.lambda_runtime.environment import Outcome
from kumoniwa.kernel.call import Call
from kumoniwa.services.lambda_ import recursion, sandbox
from kumoniwa.services.lambda_.function import Version
from kumoniwa.services.lambda_.invocation import PAYLOAD_BYTES_MAX, chosen, trace_of
from kumoniwa.services.lambda_.name import arn
from kumoniwa.services.lambda_.source import Mapping

FRAME_BYTES = 4096
"""What of a payload is not records."""


def batches(records: list[dict[str, Any]], count_max: int) -> list[list[dict[str, Any]]]:
    """Records in order, as many together as a mapping wants and a payload holds."""
    found: list[list[dict[str, Any]]] = []
    room = 0
    for record in records:
        size = len(orjson.dumps(record)) + 1
        if not found or len(found[-1]) >= count_max or size > room:
            found.append([])
            room = PAYLOAD_BYTES_MAX - FRAME_BYTES
        found[-1].append(record)
        room -= size
    return found


def function_of(call: Call, mapping: Mapping) -> tuple[Version, Call]:
    """The version that answers now, and a call as its role. Raises the AwsError that says why there is none."""
    version, _ = chosen(call, mapping.function, mapping.qualifier or None)
    return version, sandbox.role_of(call, version)


async def invoke(call: Call, mapping: Mapping, version: Version, event: dict[str, Any], trace: str = "") -> tuple[str, Outcome]:
    """Call the function once; answers the id of the request and what came of it. Raises TooManyRequestsException."""
    request_id = call.new_id()
    outcome = await sandbox.of(call.home).invoke(
        call, version, request_id, orjson.dumps(event),
        arn=arn(call, mapping.function, mapping.qualifier or None),
        trace_id=recursion.stepped(call, mapping.function, trace or trace_of(call)),
    )  # fmt: skip
    return request_id, outcome


def failed_items(payload: bytes, known: set[str]) -> set[str] | None:
    """The identifiers that a function reports as failed; None if its report makes no sense, and so the whole batch has failed.

    Recorded: test_dynamodb_report_batch_item_success_scenarios and test_dynamodb_report_batch_item_failure_scenarios.
    """
    try:
        said = orjson.loads(payload or b"null")
    except orjson.JSONDecodeError:
        return None
    if not said:
        return set()
    if not isinstance(said, dict):
        return None
    items = said.get("batchItemFailures")
    if items is None:
        return set()
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        return None
    failed = {item.get("itemIdentifier") for item in items}
    return failed if failed <= known else None
