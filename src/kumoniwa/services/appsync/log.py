"""What an API writes into CloudWatch Logs of each request: as much as its owner asked for, in the owner's role.

It is written after the caller has the answer; what cannot be written is lost, as on AWS.
https://docs.aws.amazon.com/appsync/latest/devguide/monitoring.html#cwl
"""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.appsync.caller import SERVICE
from kumoniwa.services.appsync.code import Outcome
from kumoniwa.services.appsync.graphqlapi import Api, arn_of

LEVELS = ("NONE", "ERROR", "INFO", "DEBUG", "ALL")
"""Of what fields say, each with what those before it have."""


class Log:
    """The lines of one request."""

    def __init__(self, call: Call, api: Api, settings: dict[str, Any]) -> None:
        self.call, self.api, self.role = call, api, settings["cloudWatchLogsRoleArn"]
        self.level, self.is_verbose = settings["fieldLogLevel"], not settings.get("excludeVerboseContent")
        self.began, self.lines = call.now(), []

    def _has(self, level: str) -> bool:
        return LEVELS.index(self.level) >= LEVELS.index(level)

    def say(self, text: str) -> None:
        self.lines.append(f"{self.call.request_id} {text}")

    def tell(self, kind: str, **members: Any) -> None:
        told = {"logType": kind, "requestId": self.call.request_id, "graphQLAPIId": self.api.id, **members}
        self.lines.append(orjson.dumps(told, default=str).decode())

    def begin(self, query: str, operation: str | None, variables: dict[str, Any]) -> None:
        self.say("Begin Request")
        if self.is_verbose:
            said = orjson.dumps(variables).decode()
            self.say(f"GraphQL Query: {query}, Operation: {operation}, Variables: {said}")

    def hear(self, outcome: Outcome) -> None:
        """What the customer's own code says."""
        for line in outcome.logs:
            if self._has("ERROR" if line.startswith(("ERROR", "WARN")) else "INFO"):
                self.say(line)

    def field(self, which: str, field: Any, context: dict[str, Any], outcome: Outcome) -> None:
        """One template or handler of a field."""
        self.hear(outcome)
        if self._has("ALL"):
            seen = {
                "context": {name: context.get(name) for name in ("arguments", "result", "stash", "outErrors")}
            }
            self.tell(
                "RequestMapping" if which == "request" else "ResponseMapping",
                path=field.path,
                fieldName=field.name,
                parentType=field.type,
                resolverArn=f"{arn_of(self.call, self.api.id)}/types/{field.type}/resolvers/{field.name}",
                fieldInError=outcome.error is not None,
                errors=[outcome.error["message"]] if outcome.error and "message" in outcome.error else [],
                **(
                    {**seen, "transformedTemplate": orjson.dumps(outcome.value).decode()}
                    if self.is_verbose
                    else {}
                ),
            )

    def end(self, errors: list[dict[str, Any]], status: int = 200) -> None:
        if self._has("ERROR"):
            for error in errors:
                self.tell(
                    "ExecutionError",
                    errors=[error["message"]],
                    path=error.get("path"),
                    errorType=error.get("errorType"),
                )
        latency_ns = int((self.call.now() - self.began) * 1e9)
        self.tell("RequestSummary", statusCode=status, latency=latency_ns)
        self.say("Tokens Consumed: 1")
        self.say("End Request")
        self.call.home.spawn(self._write())

    async def _write(self) -> None:
        now = milliseconds(self.call.now())
        events = [{"timestamp": now, "message": line} for line in self.lines]
        group, stream = f"/aws/appsync/apis/{self.api.id}", self.call.home.name
        place = {"logGroupName": group, "logStreamName": stream}
        try:
            writer = self.call.assuming(self.role, SERVICE, "APPSYNC_ASSUME_ROLE")
            try:
                await writer.ask("logs:PutLogEvents", **place, logEvents=events)
            except AwsError as error:
                if error.code != "ResourceNotFoundException":
                    raise
                await _made(writer, "logs:CreateLogGroup", logGroupName=group)
                await _made(writer, "logs:CreateLogStream", **place)
                await writer.ask("logs:PutLogEvents", **place, logEvents=events)
        except AwsError:
            return


async def _made(writer: Call, operation: str, **what: str) -> None:
    try:
        await writer.ask(operation, **what)
    except AwsError as error:
        if error.code != "ResourceAlreadyExistsException":
            raise
