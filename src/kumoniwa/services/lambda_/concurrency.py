"""How much of the account's concurrency a function may have."""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.lambda_ import sandbox
from kumoniwa.services.lambda_.errors import LimitExceeded
from kumoniwa.services.lambda_.function import Function, existing, not_found
from kumoniwa.services.lambda_.name import LATEST, unqualified
from kumoniwa.services.lambda_.provision import Provisioned


def PutFunctionConcurrency(call: Call, *, FunctionName: str, ReservedConcurrentExecutions: int) -> dict:
    """A reservation is a limit as well; one of zero stops the function."""
    name = unqualified(call, FunctionName)
    function = call.shelf(Function).get(name)
    if function is None:
        raise not_found(call, name, LATEST)
    provisioned = sum(held.requested for held in call.shelf(Provisioned).values() if held.function == name)
    if ReservedConcurrentExecutions < provisioned:
        # The two spaces and the missing words are AWS's (recorded: test_reserved_provisioned_overlap).
        raise LimitExceeded(
            f" ReservedConcurrentExecutions  {ReservedConcurrentExecutions} should not be lower than function's total "
            f"provisioned concurrency [{provisioned}]."
        )
    left = sandbox.unreserved(call) + (function.reserved or 0) - ReservedConcurrentExecutions
    if left < sandbox.UNRESERVED_MIN:
        raise LimitExceeded(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
            f"minimum value of [{sandbox.UNRESERVED_MIN}]."
        )
    call.shelf(Function)[name] = changed(function, reserved=ReservedConcurrentExecutions)
    return {"ReservedConcurrentExecutions": ReservedConcurrentExecutions}


def GetFunctionConcurrency(call: Call, *, FunctionName: str) -> dict:
    function = existing(call, unqualified(call, FunctionName))
    return {} if function.reserved is None else {"ReservedConcurrentExecutions": function.reserved}


def DeleteFunctionConcurrency(call: Call, *, FunctionName: str) -> None:
    name = unqualified(call, FunctionName)
    call.shelf(Function)[name] = changed(existing(call, name), reserved=None)
