"""What injected faults do to invocations: slow ones, failed ones, other answers, workers killed in the middle.

Everything asks here with ``home.faults`` true, which it almost never is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import orjson

from kumoniwa.engines.lambda_runtime.environment import PRELUDE, PRELUDE_END, Outcome
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.fault import Fault
from kumoniwa.services.lambda_.function import Version
from kumoniwa.services.lambda_.name import arn

ERROR_TYPE = "FaultInjection"
ERROR = {"errorType": ERROR_TYPE, "errorMessage": "The invocation was failed by an injected fault."}

Invoke = Callable[..., Awaitable[Outcome]]


def facts(call: Call, version: Version) -> dict[str, Any]:
    """How a fault may name what it is aimed at: a name, or an ARN with or without the version."""
    name = version.function
    return {"function": (name, arn(call, name), f"{name}:{version.version}", arn(call, name, version.version))}


class Harm(NamedTuple):
    """What one invocation suffers, by the throws of its region's dice."""

    error: Fault | None
    answer: Fault | None
    delay: Fault | None
    crash: Fault | None

    async def suffered(self, invoke: Invoke, more: dict[str, Any]) -> Outcome:
        """The invocation with everything that befalls it; ``more`` as for ``Environment.invoke``."""
        if self.error is not None and self.error.params.get("prevent_execution", True):
            tail = b"" if more.get("wants_tail") else None
            return Outcome(orjson.dumps(ERROR), "Unhandled", 0.0, 0, 0, None, ERROR_TYPE, tail)
        if self.delay is not None:
            more["delay_s"] = self.delay.params["ms"] / 1000
        if self.crash is not None:
            more["kill_after_s"] = self.crash.params.get("after", 0) / 1000
        # What a function says that is to fail or to be replaced reaches nobody, what it streams neither.
        receiver = more.pop("receiver", None) if self.error is not None or self.answer is not None else None
        if self.answer is not None and self.answer.params.get("prevent_execution", False):
            outcome = Outcome(b"", None, 0.0, 0, 0, None, None, b"" if more.get("wants_tail") else None)
        else:
            outcome = await invoke(**more)
        if self.error is not None:
            return outcome._replace(payload=orjson.dumps(ERROR), function_error="Unhandled", error_type=ERROR_TYPE)
        if self.answer is not None:
            kind = self.answer.params.get("content_type", "application/json")
            said = {"statusCode": int(self.answer.params["status_code"]), "headers": {"Content-Type": kind}}
            if receiver is not None:
                receiver.begin(PRELUDE, _nothing, _nothing)
                receiver.feed(orjson.dumps(said) + PRELUDE_END)
            said["body"] = ""
            return outcome._replace(payload=orjson.dumps(said), function_error=None, error_type=None)
        return outcome


def _nothing() -> None:
    """Nobody is to be held back from a few bytes."""


def harm(call: Call, version: Version) -> Harm:
    faults, aimed = call.home.faults, facts(call, version)
    kinds = ("lambda.error", "lambda.http-response", "lambda.delay", "lambda.crash")
    return Harm(*[faults.hit(kind, **aimed) for kind in kinds])


def limit(call: Call, version: Version) -> tuple[int, bool] | None:
    """How many may run at once by an injected limit, and whether it is the function's alone; None for no limit."""
    fault = call.home.faults.hit("lambda.concurrency", **facts(call, version))
    return (int(fault.params["limit"]), "function" in fault.target) if fault is not None else None
