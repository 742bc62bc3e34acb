"""The traces that invocations are part of: what Lambda itself tells X-Ray of them, and the daemons that its functions find.

Of a request that is sampled Lambda sends two segments, one for the service and one for the function, in the name of the function's role;
what the function sends belongs into the second, whose id is the ``Parent`` of the header that it is given. Whether a request is sampled
is said by its header; where it says nothing, a function whose tracing is active takes one request a second and five of a hundred others.
Messages of a queue may come from several traces at once: what a function does with them is a trace of its own, linked to theirs.
https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
"""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.engines.lambda_runtime.environment import Outcome
from kumoniwa.gate import tracing
from kumoniwa.gate.sampling import Reservoirs
from kumoniwa.gate.trace_daemon import TraceDaemon
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.lambda_.function import Version, arn
from kumoniwa.wire.message import Request, Response

RESERVOIR, FIXED_RATE = 1, 0.05


class FunctionReservoirs(Reservoirs):
    """By function: what was traced that nobody asked to trace."""


class Tracing:
    """One invocation's part of a trace; ``header`` is what the function is given. ``messages`` are the headers of messages that it is
    invoked with."""

    def __init__(self, call: Call, version: Version, said: str, messages: tuple[str, ...] = ()) -> None:
        header = tracing.read(said)
        self.call, self.version = call, version
        self.links = [link for link in map(tracing.read, dict.fromkeys(messages)) if link.root and link.parent and link.sampled == "1"]
        self.root = header.root or tracing.new_root(call)
        self.parent = header.parent
        self.is_sampled = header.sampled == "1"
        if header.sampled not in ("0", "1") and version.is_traced:
            self.is_sampled = bool(self.links) or call.memory(FunctionReservoirs).draws(call, version.function, RESERVOIR, FIXED_RATE)
        self.began = call.now()
        self.service_id, self.function_id = call.ids.hex(16), call.ids.hex(16)
        parent = self.function_id if self.is_sampled else self.parent or self.function_id
        self.header = tracing.Header(self.root, parent, str(int(self.is_sampled)), header.rest).spelled()

    def segments(self, request_id: str, outcome: Outcome, resource_arn: str) -> list[dict[str, Any]]:
        ended = self.call.now()
        running_s = outcome.duration_ms / 1000
        started = max(self.began, ended - running_s)
        version, seen = self.version, {"trace_id": self.root, "name": self.version.function, "end_time": ended}
        failed = {"fault": True} if outcome.function_error is not None else {}
        service = seen | failed | {
            "id": self.service_id, "start_time": self.began, "origin": "AWS::Lambda", "http": {"response": {"status": 200}},
            "aws": {"request_id": request_id}, "resource_arn": resource_arn,
        }  # fmt: skip
        if self.parent:
            service["parent_id"] = self.parent
        if self.links:
            service["links"] = [{"trace_id": link.root, "id": link.parent, "attributes": {"ReferenceType": "parent"}} for link in self.links]
        parts = [{"id": self.call.ids.hex(16), "name": "Invocation", "start_time": started, "end_time": ended} | failed]
        if outcome.init_ms is not None:
            begun = max(self.began, started - outcome.init_ms / 1000)
            parts.insert(0, {"id": self.call.ids.hex(16), "name": "Initialization", "start_time": begun, "end_time": started})
        function = seen | failed | {
            "id": self.function_id, "parent_id": self.service_id, "start_time": started, "origin": "AWS::Lambda::Function",
            "resource_arn": resource_arn, "aws": {"function_arn": arn(self.call, version.function), "request_id": request_id},
            "subsegments": parts,
        }  # fmt: skip
        return [service, function]

    async def tell(self, role: Call, request_id: str, outcome: Outcome, resource_arn: str) -> None:
        documents = [orjson.dumps(each).decode() for each in self.segments(request_id, outcome, resource_arn)]
        try:
            await role.ask("xray:PutTraceSegments", TraceSegmentDocuments=documents)
        except AwsError:
            # A role that may not, or a service that is down: as on AWS the trace is lost and the request is not.
            return


class Daemons:
    """The daemons of a region's functions, one for each role: it is the function's role that sends."""

    def __init__(self, home: Any) -> None:
        self.home = home
        self.by_role: dict[tuple[str, str], TraceDaemon] = {}

    async def variables(self, account: str, role_arn: str, assumed: Any) -> dict[str, str]:
        """What a function is told of its daemon. ``assumed`` gives the call of its role."""
        daemon = self.by_role.get((account, role_arn))
        if daemon is None:

            async def send(request: Request) -> Response:
                request.headers["host"] = f"xray.{self.home.name}.amazonaws.com"
                try:
                    return (await self.home.gate.relay(assumed().principal, request))[0]
                except AwsError:
                    return Response(403)

            daemon = TraceDaemon(send, self.home.spawn)
            await daemon.listen("127.0.0.1")
            held = self.by_role.setdefault((account, role_arn), daemon)
            if held is not daemon:
                await daemon.close()
                daemon = held
        host, _, port = daemon.address.rpartition(":")
        return {
            "AWS_XRAY_DAEMON_ADDRESS": daemon.address, "_AWS_XRAY_DAEMON_ADDRESS": host, "_AWS_XRAY_DAEMON_PORT": port,
            "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        }  # fmt: skip

    async def close(self) -> None:
        for daemon in self.by_role.values():
            await daemon.close()
        self.by_role.clear()
