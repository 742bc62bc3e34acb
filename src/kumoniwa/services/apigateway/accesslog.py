"""Access logs: a line of the owner's own form for each request, put into a group of CloudWatch Logs or into a stream of Firehose.

The account's role writes them, or API Gateway's own where they go to Firehose, after the caller has his answer; what cannot be written is
lost, as on AWS.
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-logging-to-kinesis.html
"""

from __future__ import annotations

import contextlib
import re
from functools import partial
from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.principal import Principal
from kumoniwa.services.apigateway.account import Account
from kumoniwa.services.apigateway.exchange import Exchange, length_of
from kumoniwa.services.apigateway.logstream import WRITER
from kumoniwa.services.apigateway.proxy import SERVICE
from kumoniwa.wire.message import Response

GROUP = re.compile(r"arn:aws[a-z-]*:logs:(?P<region>[a-z0-9-]+):\d{12}:log-group:(?P<name>[^:]+)")
_VARIABLE = re.compile(
    r"\$(?:context\.([A-Za-z0-9_.-]*[A-Za-z0-9_])|\{context\.([A-Za-z0-9_.-]*[A-Za-z0-9_])\})"
)


class AccessLog:
    """The access log of one stage."""

    __slots__ = ("group", "region", "format", "stream")

    def __init__(self, group: str, region: str, form: str, stream: str) -> None:
        self.group, self.region, self.format, self.stream = group, region, form, stream

    def line(self, exchange: Exchange, response: Response) -> str:
        size = length_of(exchange, response) or 0
        latency_ms = int((exchange.home.clock.now() - exchange.now) * 1000)
        known = {
            "status": response.status, "responseLength": size, "responseLatency": latency_ms,
            "xrayTraceId": exchange.trace, "integrationStatus": exchange.reply.status if exchange.reply else None,
        }  # fmt: skip
        known |= _of_integration(exchange)

        def value(found: re.Match[str]) -> str:
            name = found[1] or found[2]
            given = known[name] if name in known else exchange.context(name)
            return "-" if given is None or given == "" else str(given)

        return _VARIABLE.sub(value, self.format)

    def write(self, exchange: Exchange, response: Response) -> None:
        line, now = self.line(exchange, response), milliseconds(exchange.home.clock.now())
        exchange.home.spawn(self._put(exchange, [{"timestamp": now, "message": line}]))

    def writer(self, home: Any, account: str) -> Principal | None:
        """Who writes: the account's role for logs, if it has one. Raises KeyError or AwsError."""
        known = home.store.shelf(account, Account).get("account")
        return home.assume(known.document["cloudwatchRoleArn"], SERVICE, "logs", account) if known else None

    async def _put(self, exchange: Exchange, events: list[dict[str, Any]]) -> None:
        home, account = exchange.home, exchange.served.account
        place = {"logGroupName": self.group, "logStreamName": self.stream}
        with contextlib.suppress(AwsError, KeyError):
            writer = self.writer(home, account)
            if writer is None:
                return
            put = partial(home.ask, writer, "logs:PutLogEvents", {**place, "logEvents": events}, region=self.region)
            try:
                await put()
            except AwsError as error:
                if error.code != "ResourceNotFoundException":
                    raise
                await self._open(home, writer, place)
                await put()

    async def _open(self, home: Any, writer: Any, place: dict[str, str]) -> None:
        await self._made(home, writer, "logs:CreateLogStream", place)

    async def _made(self, home: Any, writer: Any, operation: str, place: dict[str, str]) -> None:
        try:
            await home.ask(writer, operation, place, region=self.region)
        except AwsError as error:
            if error.code != "ResourceAlreadyExistsException":
                raise


def _of_integration(exchange: Exchange) -> dict[str, Any]:
    """What is told of a response that is streamed, in milliseconds.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/response-streaming-troubleshoot.html"""
    flow = exchange.flow
    if flow is None:
        return {"integration.responseTransferMode": "BUFFERED" if exchange.endpoint is not None else None}
    latency_ms = int(flow.taken_s * 1000)
    return {
        "integration.responseTransferMode": "STREAMED", "integration.latency": latency_ms, "integrationLatency": latency_ms,
        "integration.timeToAllHeaders": None if flow.head_s is None else int(flow.head_s * 1000),
        "integration.timeToFirstContent": None if flow.first_s is None else int(flow.first_s * 1000),
    }  # fmt: skip


class StreamLog(AccessLog):
    """The access log of a stage whose lines are records of a stream of Firehose. Nothing is put between them, so that who wants lines in
    his files ends the form with one (https://dev.classmethod.jp/articles/api-gateway-custom-access-log-athena-kiwotukero/)."""

    __slots__ = ()

    async def _put(self, exchange: Exchange, events: list[dict[str, Any]]) -> None:
        home, account = exchange.home, exchange.served.account
        ours = home.call("apigateway", account, principals.service(SERVICE, account))
        with contextlib.suppress(AwsError):
            for each in events:
                await WRITER.assumed(ours, "AccessLogs").ask(
                    "firehose:PutRecord", to_region=self.region, DeliveryStreamName=self.stream, Record={"Data": each["message"].encode()}
                )


def of_stream(arn: str, form: str) -> StreamLog | None:
    """The log that goes to a stream, if the ARN is one of Firehose."""
    named = arns.parse(arn)
    if named is None or named.service != "firehose":
        return None
    return StreamLog("", named.region, form, named.resource.removeprefix("deliverystream/"))


def prepared(served: Any) -> AccessLog | None:
    """The stage's access log, if it has one; without a form there is nothing to be written."""
    settings = served.stage.document.get("accessLogSettings") or {}
    arn, form = settings.get("destinationArn", ""), settings.get("format")
    group = GROUP.fullmatch(arn)
    if not form:
        return None
    return AccessLog(group["name"], group["region"], form, f"{served.api_id}/{served.name}") if group else of_stream(arn, form)
