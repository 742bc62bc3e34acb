"""Recursive loops: a function that is called by what it called itself is stopped after sixteen rounds.

The chain is told by the trace header, which AWS's SDKs pass on from a function to what it calls: ``Lineage=a87bd80c:1|68fd508a:5``
counts how often each function has been in it.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

from __future__ import annotations

import re
import zlib

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.lambda_.errors import Refusal
from kumoniwa.services.lambda_.function import Function, existing
from kumoniwa.services.lambda_.name import arn, unqualified

ROUNDS_MAX = 16
_LINEAGE = re.compile(r"(?:^|;)Lineage=([0-9a-f:|]*)")
MEMBERS_MAX = 32
"""How many functions of a chain are counted; the oldest are forgotten."""


class RecursiveInvocationException(Refusal):
    message = (
        "Lambda has detected your function being invoked in a recursive loop with other Amazon Web Services resources and "
        "stopped your function's invocation."
    )


def stepped(call: Call, name: str, trace: str) -> str:
    """The trace with one more round of this function. Raises RecursiveInvocationException."""
    found = _LINEAGE.search(trace)
    counts = dict(part.split(":", 1) for part in found[1].split("|") if ":" in part) if found else {}
    mark = f"{zlib.crc32(arn(call, name).encode()):08x}"
    rounds = counts.pop(mark, "0")
    rounds = int(rounds) if rounds.isdecimal() else 0
    if rounds >= ROUNDS_MAX and existing(call, name).recursive_loop == "Terminate":
        raise RecursiveInvocationException
    counts[mark] = str(rounds + 1)
    lineage = "|".join(f"{key}:{value}" for key, value in list(counts.items())[-MEMBERS_MAX:])
    return f"{_LINEAGE.sub('', trace)};Lineage={lineage}"


def carried(messages: tuple[str, ...], trace: str) -> str:
    """A new trace with the lineage of the first message that has one, so that loops through queues are seen, too."""
    found = next(filter(None, map(_LINEAGE.search, messages)), None)
    return f"{trace};Lineage={found[1]}" if found else trace


def PutFunctionRecursionConfig(call: Call, *, FunctionName: str, RecursiveLoop: str) -> dict:
    name = unqualified(call, FunctionName)
    call.shelf(Function)[name] = changed(existing(call, name), recursive_loop=RecursiveLoop)
    return {"RecursiveLoop": RecursiveLoop}


def GetFunctionRecursionConfig(call: Call, *, FunctionName: str) -> dict:
    return {"RecursiveLoop": existing(call, unqualified(call, FunctionName)).recursive_loop}
