"""An execution: one batch on its way through a pipe, and what is told of each step.

What fails by the customer's doing counts as a try of the batch; what fails by AWS's is raised, and the reader tries again without
counting. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-error-troubleshooting.html
"""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.gate import patience
from kumoniwa.gate.api_destination import DestinationFailure
from kumoniwa.intake.customer import Taken, failed_whole
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.pipes import bill, enrichment, life, log, target, transform
from kumoniwa.services.pipes.failure import StageFailed, TargetBusy
from kumoniwa.services.pipes.pipe import Pipe, arn_of, id_of
from kumoniwa.services.pipes.transform import InvalidTransformation
from kumoniwa.wire import timestamps

NEVER = frozenset({"StateMachineTypeNotSupported"})
"""What no other try mends: the pipe is stopped."""


def _written(value: Any) -> str:
    return orjson.dumps(value, default=lambda body: body.decode(errors="replace")).decode()


class Execution:
    def __init__(self, call: Call, pipe: Pipe, role: Call, events: list[dict[str, Any]]) -> None:
        self.call, self.pipe, self.role, self.events = call, pipe, role, events
        self.id = call.new_id()
        self.records: list[dict[str, Any]] = []
        self.exchange: dict[str, str] = {}
        """What enrichment or target were last asked, and what they answered."""

    def note(self, step: str, *, payload: Any = None, failure: Exception | None = None) -> None:
        if not log.is_wanted(self.pipe.logging, step):
            return
        record: dict[str, Any] = {
            "resourceArn": arn_of(self.call, self.pipe), "timestamp": milliseconds(self.call.now()), "executionId": self.id, "messageType": step,
            "logLevel": log.level_of(step),
        }  # fmt: skip
        if payload is not None:
            record["payload"] = _written(payload)
        if "_INVOCATION_" in step and not step.endswith(("STARTED", "SKIPPED")):
            record |= self.exchange
        if failure is not None:
            record["error"] = {
                "httpStatusCode": getattr(failure, "status", None) or 400, "message": str(failure), "details": "",
                "awsService": getattr(failure, "service", "") or "EventBridge Pipes", "requestId": self.call.new_id(),
            }  # fmt: skip
        self.records.append(record)

    async def ask(self, operation: str, /, **params: Any) -> dict[str, Any]:
        """A call of enrichment or target, as the pipe's role."""
        self.exchange = {"awsRequest": _written(params)}
        answer = await self.role.ask(operation, **params)
        self.exchange["awsResponse"] = _written({name: value for name, value in answer.items() if isinstance(value, (str, int, list, dict, bytes))})
        return answer

    # The way through --------------------------------------------------------------------------

    async def run(self) -> Taken:
        """Raises AwsError for what is not the customer's doing."""
        bill.taken(self.call, self.pipe, len(_written(self.events).encode()))
        try:
            return await self._through()
        finally:
            await log.put(self.call, self.pipe, self.role, self.records)

    async def _through(self) -> Taken:
        self.note("EXECUTION_STARTED", payload=self.events)
        try:
            events = await self._enriched() if self.pipe.enrichment else list(self.events)
            failed = await self._sent(events)
        except AwsError as error:
            self.note("EXECUTION_THROTTLED" if patience.is_throttled(error) else "EXECUTION_FAILED", failure=error)
            if patience.is_passing(error):
                raise
            if error.code in NEVER:
                life.stop(self.call, self.pipe, f"{error.text} Standard workflows can only be invoked asynchronously.")
            return failed_whole(self.events)
        except (StageFailed, InvalidTransformation) as failure:
            self.note("EXECUTION_FAILED", failure=failure)
            return failed_whole(self.events)
        self.note("EXECUTION_PARTIALLY_FAILED" if failed else "EXECUTION_SUCCEEDED")
        return Taken(failed)

    def _known(self) -> dict[str, str]:
        pipe = self.pipe
        return {
            "aws.pipes.pipe-arn": arn_of(self.call, pipe), "aws.pipes.pipe-name": pipe.name, "aws.pipes.source-arn": pipe.source,
            "aws.pipes.enrichment-arn": pipe.enrichment, "aws.pipes.target-arn": pipe.target,
            "aws.pipes.event.ingestion-time": timestamps.to_millisecond(self.call.now()),
        }  # fmt: skip

    def _transformed(self, stage: str, template: str, events: list[Any]) -> list[Any]:
        if not template:
            return events
        self.note(f"{stage}_TRANSFORMATION_STARTED")
        known = self._known()
        try:
            made = [transform.made(template, event, known) for event in events]
        except InvalidTransformation as failure:
            self.note(f"{stage}_TRANSFORMATION_FAILED", failure=failure)
            raise
        self.note(f"{stage}_TRANSFORMATION_SUCCEEDED", payload=made)
        return made

    async def _invoked(self, stage: str, doing: Any) -> Any:
        """What came of enrichment or target, with its failures told."""
        self.note(f"{stage}_INVOCATION_STARTED")
        try:
            return await doing
        except DestinationFailure as failure:
            self._note_failure(stage, failure)
            if failure.is_passing and failure.code != "ERROR_FROM_TARGET":
                raise TargetBusy(failure.text) from None
            raise StageFailed(failure.text, failure.status) from None
        except (AwsError, StageFailed, InvalidTransformation) as failure:
            self._note_failure(stage, failure)
            raise

    def _note_failure(self, stage: str, failure: Exception) -> None:
        self.note(f"{stage}_INVOCATION_FAILED", failure=failure)
        self.note(f"{stage}_STAGE_FAILED", failure=failure)

    async def _enriched(self) -> list[Any]:
        self.note("ENRICHMENT_STAGE_ENTERED")
        given = self._transformed("ENRICHMENT", self.pipe.enrichment_parameters.get("InputTemplate", ""), self.events)
        events = await self._invoked("ENRICHMENT", enrichment.invoke(self, given))
        self.note("ENRICHMENT_INVOCATION_SUCCEEDED")
        self.note("ENRICHMENT_STAGE_SUCCEEDED", payload=events)
        return events

    async def _sent(self, events: list[Any]) -> frozenset[int]:
        """The places in the batch of what the target did not take."""
        if not events:
            self.note("TARGET_STAGE_SKIPPED")
            return frozenset()
        self.note("TARGET_STAGE_ENTERED")
        given = self._transformed("TARGET", self.pipe.target_parameters.get("InputTemplate", ""), events)
        failed = await self._invoked("TARGET", target.send(self, events, given))
        if failed:
            self.note("TARGET_INVOCATION_PARTIALLY_FAILED")
            self.note("TARGET_STAGE_PARTIALLY_FAILED")
        else:
            self.note("TARGET_INVOCATION_SUCCEEDED")
            self.note("TARGET_STAGE_SUCCEEDED", payload=given)
        return self._places(events, failed)

    def _places(self, events: list[Any], failed: frozenset[int]) -> frozenset[int]:
        """Where in the batch those are that failed at the target; an enrichment may have made other events of it.
        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html#pipes-partial-batch-failure"""
        if not failed or not self.pipe.enrichment:
            return failed
        place_of = {id_of(event): place for place, event in enumerate(self.events)}
        ids = {id_of(events[place]) for place in failed}
        if None in ids or not ids <= place_of.keys():
            return frozenset(range(len(self.events)))
        return frozenset(place_of[each] for each in ids)
