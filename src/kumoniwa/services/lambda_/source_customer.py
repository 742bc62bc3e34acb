"""A function as whom queues and streams are read for: how a mapping calls it, and where it reports what it has given up.

https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
"""

from __future__ import annotations

import json
import math
import sys
import time
from typing import Any

import orjson

from kumoniwa.intake.customer import Lost, Taken, failed_whole, reported
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.lambda_ import destination, durable_begin, figures, recursion, sandbox, source
from kumoniwa.services.lambda_.errors import ResourceNotFoundException
from kumoniwa.services.lambda_.function import Version, chosen
from kumoniwa.services.lambda_.invocation import PAYLOAD_BYTES_MAX, trace_of
from kumoniwa.services.lambda_.name import arn
from kumoniwa.services.lambda_.source import Mapping
from kumoniwa.wire import timestamps

FRAME_BYTES = 4096
"""What of a payload is not records."""


class FunctionCustomer:
    """One mapping."""

    batch_bytes_max = PAYLOAD_BYTES_MAX - FRAME_BYTES

    def __init__(self, call: Call, uuid: str) -> None:
        self.call, self.id = call, uuid
        self.key = ("lambda", "source", call.account, uuid)

    def wishes(self) -> Mapping | None:
        return self.call.shelf(Mapping).get(self.id)

    def _version(self) -> Version:
        """The version that answers now."""
        mapping = self.wishes()
        if mapping is None:
            raise ResourceNotFoundException("The resource you requested does not exist.")
        return chosen(self.call, mapping.function, mapping.qualifier or None)[0]

    @property
    def role(self) -> str:
        return self._version().role

    def reader(self) -> Call:
        return sandbox.role_of(self.call, self._version())

    def shaped(self, record: dict[str, Any]) -> dict[str, Any]:
        return record

    def say(self, result: str) -> None:
        """What the mapping shows as its last result."""
        held = self.wishes()
        if held is not None and held.is_stream and held.result != result:
            self.call.shelf(Mapping)[self.id] = changed(held, result=result)

    def counted(self, fate: str, count: int) -> None:
        """https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html#event-source-mapping-metrics"""
        held = self.wishes()
        if held is not None and held.metrics:
            self.call.measure(figures.SPACE, f"{fate}EventCount", "EventSourceMappingUUID", self.id, value=float(count))

    # Invoking ---------------------------------------------------------------------------------

    async def take(self, records: list[dict[str, Any]], frame: dict[str, Any]) -> Taken:
        """Call the function once. Raises TooManyRequestsException."""
        call, mapping, version = self.call, self.wishes(), self._version()
        request_id = call.new_id()
        messages = () if mapping.is_stream else tuple(filter(None, (each["attributes"].get("AWSTraceHeader") for each in records)))
        self.counted("Invoked", len(records))
        payload = orjson.dumps({"Records": records} | frame)
        trace = recursion.stepped(call, mapping.function, recursion.carried(messages, trace_of(call)))
        if version.durable is not None:
            outcome = await durable_begin.answered(call, version, mapping.qualifier or None, payload, trace, request_id)
        else:
            outcome = await sandbox.of(call.home).invoke(
                call, version, request_id, payload, arn=arn(call, mapping.function, mapping.qualifier or None), trace_id=trace, messages=messages
            )
        facts = {"requestId": request_id, "executedVersion": version.version, "functionError": outcome.function_error}
        if outcome.function_error is not None:
            self.counted("FailedInvoke", len(records))
            return failed_whole(records, facts=facts)
        failed = frozenset()
        if mapping.response_types:
            failed = reported(outcome.payload, [_identifier(record) for record in records])
            if failed:
                self.counted("FailedInvoke", len(failed))
        return Taken(failed, payload=outcome.payload, facts=facts)

    # What becomes of records that a function does not take ------------------------------------

    async def give_up(self, lost: Lost) -> None:
        """Tell the mapping's destination. What it refuses is dropped, as AWS drops it, and said to whoever runs the cloud."""
        self.counted("Dropped", len(lost.records))
        mapping = self.wishes()
        if mapping is None or not mapping.on_failure:
            return
        role, said = self.reader(), self._report(mapping, lost)
        target = arns.parse(mapping.on_failure)
        try:
            if target.service == "sqs":
                await destination.send(role, target, _json(said), lost.once)
            elif target.service == "sns":
                await role.ask("sns:Publish", to_region=target.region, TopicArn=mapping.on_failure, Message=_json(said), once=lost.once)
            else:
                # Only S3 is given the records themselves (recorded: test_dynamodb_event_source_mapping_with_s3_on_failure_destination).
                now = time.gmtime(role.now())
                key = time.strftime(f"aws/lambda/{mapping.uuid}/{lost.shard}/%Y/%m/%d/%Y-%m-%dT%H.%M.%S-", now) + role.new_id()
                body = _json(said | {"payload": {"Records": lost.records}}).encode()
                await role.ask("s3:PutObject", Bucket=target.resource, Key=key, Body=body, once=lost.once)
            self.counted("OnFailureDestinationDelivered", len(lost.records))
        except AwsError as error:
            print(f"kumoniwa: {mapping.source}: {error.code} from the destination of a batch: {error.text}", file=sys.stderr)

    def _report(self, mapping: Mapping, lost: Lost) -> dict[str, Any]:
        """Recorded: test_dynamodb_event_source_mapping_with_on_failure_destination_config, test_kinesis_maximum_record_age_exceeded."""
        call = self.call
        said: dict[str, Any] = {
            "requestContext": {
                "requestId": lost.facts.get("requestId") or call.new_id(),
                "functionArn": arn(call, mapping.function, mapping.qualifier or None),
                "condition": lost.condition,
                "approximateInvokeCount": lost.count,
            }
        }
        if lost.condition == "RetryAttemptsExhausted":
            executed = {name: lost.facts.get(name) for name in ("executedVersion", "functionError")}
            said["responseContext"] = {"statusCode": 200, **executed}
        return said | {"version": "1.0", "timestamp": timestamps.to_millisecond(call.now()), **lost.information}


def _identifier(record: dict[str, Any]) -> str:
    """What a function names a record by when it reports its failure."""
    if "messageId" in record:
        return record["messageId"]
    return record["kinesis"]["sequenceNumber"] if "kinesis" in record else record["dynamodb"]["SequenceNumber"]


def _json(said: dict[str, Any]) -> str:
    return json.dumps(said, separators=(",", ":"))


# Who is read for now ---------------------------------------------------------------------------------


def wanted(call: Call) -> list[FunctionCustomer]:
    """Mappings that are to be read now. Those whose deletion is done are taken away."""
    found = []
    for mapping in list(call.shelf(Mapping).values()):
        if source.is_over(call, mapping):
            source.drop(call, mapping)
        elif mapping.is_enabled and (mapping.settled <= call.now() or mapping.state == "Updating"):
            found.append(FunctionCustomer(call, mapping.uuid))
    return found


def next_settling(call: Call) -> float:
    return min((m.settled for m in call.shelf(Mapping).values() if m.settled > call.now()), default=math.inf)
