"""What AWS bills for parameters: advanced ones by the month, prorated by the hour, and each time that a request has to do with one.

"An API interaction is defined as an interaction between an API request and an individual parameter": a request that answers ten parameters is ten
of them. Standard parameters cost nothing at the throughput that all have here. https://aws.amazon.com/systems-manager/pricing/
Not counted are deletions, after which nobody knows what tier a parameter had, and the steps of automations.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.ledger import Use
from kumoniwa.kernel.call import Call
from kumoniwa.services.ssm.parameter import ADVANCED, Parameter

USAGE = "ssm:advanced_parameter_requests"


def uses_of(call: Call, operation: str, params: dict[str, Any], result: dict[str, Any]) -> list[Use] | tuple[Use, ...]:
    if "Parameter" not in operation:
        return ()
    if "Parameter" in result:
        names = {result["Parameter"]["Name"]}
    elif "Parameters" in result:
        names = {each["Name"] for each in result["Parameters"]}
    else:
        names = {params.get("Name", "")}
    shelf = call.shelf(Parameter)
    held = (shelf.get(name.lstrip("/")) for name in names)
    return [(USAGE, each.name, 1.0) for each in held if each is not None and each.last.tier == ADVANCED]


def standing_of(call: Call) -> list[Use]:
    return [("ssm:advanced_parameter", each.name, 1.0) for each in call.shelf(Parameter).values() if each.last.tier == ADVANCED]
