"""What functions measure of themselves, each for itself and all of an account together.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from __future__ import annotations

from kumoniwa.engines.lambda_runtime.environment import Outcome
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.meter import rounded
from kumoniwa.services.lambda_.function import Alias, Provisioned

SPACE = "AWS/Lambda"


def _tell(call: Call, function: str, name: str, value: float = 1.0, unit: str = "Count") -> None:
    call.measure(SPACE, name, "FunctionName", function, value=value, unit=unit)
    call.measure(SPACE, name, value=value, unit=unit)


def throttled(call: Call, function: str) -> None:
    _tell(call, function, "Throttles")


def unsigned(call: Call, function: str) -> None:
    """A package came whose signature is none that is allowed."""
    _tell(call, function, "SignatureValidationErrors")


def began(call: Call, function: str, at_once: int) -> None:
    _tell(call, function, "Invocations")
    call.measure(SPACE, "ConcurrentExecutions", "FunctionName", function, value=at_once)


def used(call: Call, function: str, version: str, share: float) -> None:
    """How much of what is provisioned is busy, by the version or alias that it is provisioned for."""
    for held in call.shelf(Provisioned).values():
        if held.function == function and version in (held.qualifier, _version_of(call, held)):
            resource = f"{function}:{held.qualifier}"
            call.measure(SPACE, "ProvisionedConcurrencyUtilization", "FunctionName", function, "Resource", resource, value=rounded(share))


def _version_of(call: Call, held: Provisioned) -> str | None:
    alias = call.shelf(Alias).get(f"{held.function}:{held.qualifier}")
    return alias.version if alias is not None else None


def ended(call: Call, function: str, outcome: Outcome) -> None:
    """That a function succeeded is a figure, too: an error of nought."""
    _tell(call, function, "Errors", float(outcome.function_error is not None))
    _tell(call, function, "Duration", rounded(outcome.duration_ms), "Milliseconds")


def received(call: Call, function: str) -> None:
    """An event was queued."""
    _tell(call, function, "AsyncEventsReceived")


def aged(call: Call, function: str, waited_s: float) -> None:
    """An event is tried for the first time, this long after it came."""
    _tell(call, function, "AsyncEventAge", rounded(waited_s * 1000), "Milliseconds")


def lost(call: Call, function: str, name: str) -> None:
    """An event is given up, or whoever should have it does not take it."""
    _tell(call, function, name)


# Durable executions: https://docs.aws.amazon.com/lambda/latest/dg/durable-monitoring.html#durable-monitoring-metrics


def durable_began(call: Call, function: str, running: int) -> None:
    _tell(call, function, "DurableExecutionStarted")
    call.measure(SPACE, "ApproximateRunningDurableExecutions", value=running)


def durable_ended(call: Call, function: str, status: str, lasted_s: float, running: int) -> None:
    """``status`` as AWS spells it: SUCCEEDED, TIMED_OUT, …"""
    _tell(call, function, "DurableExecution" + "".join(word.capitalize() for word in status.split("_")))
    _tell(call, function, "DurableExecutionDuration", rounded(lasted_s * 1000), "Milliseconds")
    call.measure(SPACE, "ApproximateRunningDurableExecutions", value=running)


def metered(call: Call, function: str, operations: int, written: int) -> None:
    """What of durable executions is billed, too."""
    if operations:
        _tell(call, function, "DurableExecutionOperations", float(operations))
    if written:
        _tell(call, function, "DurableExecutionStorageWrittenBytes", float(written), "Bytes")
