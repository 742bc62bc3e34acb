"""What injected faults do to a call at the gate: errors, throttling, delay, silence, and answers that are lost on their way.

They stand before authorization, because a broken service does not check your permissions.
"""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING, Any

from kumoniwa.aws import models
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.fault import Fault
from kumoniwa.kernel.principal import Principal

if TYPE_CHECKING:
    from collections.abc import Callable

    from kumoniwa.gate.route import DoorRoute, Route

THROTTLED = {
    "dynamodb": ("ProvisionedThroughputExceededException", 400),
    "dynamodbstreams": ("LimitExceededException", 400),
    "kinesis": ("ProvisionedThroughputExceededException", 400),
    "lambda": ("TooManyRequestsException", 429),
    "apigateway": ("TooManyRequestsException", 429),
    "apigatewayv2": ("TooManyRequestsException", 429),
    "apigatewaymanagementapi": ("LimitExceededException", 429),
    "s3": ("SlowDown", 503),
    "sqs": ("RequestThrottled", 403),
}
"""How services say that somebody asks too often; the others say ThrottlingException. The models' error shapes and retry data."""


class Severed(Exception):
    """The connection ends without an answer: nobody at the other end knows what became of the call."""


class Injected(AwsError):
    """An error of somebody's choice."""

    @classmethod
    def of(cls, code: str, status: int | None, text: str) -> AwsError:
        return _class(code, status)(text)


@cache
def _class(code: str, status: int | None) -> type[AwsError]:
    return type(code.replace(".", "_"), (Injected,), {"code": code, "status": status})


def role_names(principal: Principal) -> tuple[str, ...]:
    """How a fault may call whoever asks: the ARN, and for a role's session the role's name and its ARN."""
    names = (principal.arn, principal.source_arn)
    return (*names, principal.source_arn.rpartition("/")[2]) if principal.kind == "role" else names


_KINDS = ("service.down", "service.error", "service.throttle", "service.slow", "service.lost-reply")


def gate_fault(call: Call, route: Route) -> Fault | None:
    """The first fault that acts on this call before its service does."""
    faults, service, name = call.home.faults, route.service.name, route.name
    facts = {"service": service, "services": service, "operations": name, "role": role_names(call.principal)}
    for kind in _KINDS:
        if (fault := faults.hit(kind, **facts)) is not None:
            return fault
    if service == "sts" and name.startswith("AssumeRole") and (fault := faults.hit("iam.sts-down", **facts)) is not None:
        return fault
    is_control = route.is_recorded and not route.is_read_only
    return faults.hit("control-plane.down", **facts) if is_control else None


def door_fault(home: Any, route: DoorRoute) -> Fault | None:
    """The first fault that acts on a data plane behind a host name; it is aimed at by the service's name or by the door's."""
    name = (route.address.door, route.service)
    for kind in _KINDS:
        if (fault := home.faults.hit(kind, service=name, services=name)) is not None:
            return fault
    return None


async def suffered(home: Any, service: str, fault: Fault, go_on: Callable[[], Any]) -> Any:
    """Answer a call as the fault has it. ``go_on()`` is the rest of the passage: a result or a coroutine of it."""
    kind, params = fault.kind, fault.params
    if kind == "service.down" and params.get("mode", "timeout") == "timeout":
        await home.faults.over(fault)
        raise Severed
    if kind == "service.down" and params["mode"] == "refuse":
        raise Severed
    if kind in ("service.down", "control-plane.down", "iam.sts-down"):
        raise Injected.of("ServiceUnavailable", 503, "The service is unavailable.")
    if kind == "service.error":
        raise _error(service, params.get("code", "InternalServerError"))
    if kind == "service.throttle" and _is_over(home, fault):
        raise Injected.of(*THROTTLED.get(service, ("ThrottlingException", 400)), "Rate exceeded")
    is_late = kind == "service.slow" and params.get("after")
    if kind == "service.slow" and not is_late:
        await asyncio.sleep(params["latency"])
    result = go_on()
    if asyncio.iscoroutine(result):
        result = await result
    if is_late or kind == "service.lost-reply":
        # The effect is there for all to see; only the answer is missing.
        await home.store.journal.settled()
    if is_late:
        await asyncio.sleep(params["latency"])
    if kind == "service.lost-reply":
        raise Severed
    return result


def _error(service: str, code: str) -> AwsError:
    """An error of a service by its code, with its status; one that the model does not know is a 500 or 503."""
    known = models.service(service).errors.get(code)
    status = known.status if known is not None else 503 if "Unavailable" in code else 500
    return Injected.of(known.code if known is not None else code, status, "An error was injected by a fault.")


def _is_over(home: Any, fault: Fault) -> bool:
    """Whether a call comes faster than ``rps`` allows; a fault that counts by ``percent`` alone throttles whatever it hits."""
    rps = fault.params.get("rps")
    if rps is None:
        return True
    now, key = home.clock.now(), ("fault.rps", fault.id)
    tokens, at = home.memory.get(key, (float(rps), now))
    tokens = min(float(rps), tokens + (now - at) * rps)
    home.memory[key] = (tokens - 1 if tokens >= 1 else tokens, now)
    return tokens < 1
