"""AWS calls for journeys and for reading back: JSON over HTTP, signed, one region at a time, never retried.

A drill speaks to DynamoDB, SQS, Lambda and CloudWatch through the region's own address, so that a dead region is as silent here
as it is for everybody else.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from datetime import UTC, datetime
from typing import Any

import orjson

from kumoniwa.aws.regions import loopback
from kumoniwa.drill.web import Answer, Web
from kumoniwa.kernel.clock import Clock

TARGETS = {"dynamodb": ("DynamoDB_20120810", "1.0"), "sqs": ("AmazonSQS", "1.0")}


class Refusal(Exception):
    """The service's own error: it answered, and did not do it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status, self.code = status, code


class Keys:
    """Who the drill is: the environment's keys, or ``test``, which open clouds take for root."""

    def __init__(self) -> None:
        self.key_id = os.environ.get("AWS_ACCESS_KEY_ID", "test")
        self.secret = os.environ.get("AWS_SECRET_ACCESS_KEY", "test")
        self.token = os.environ.get("AWS_SESSION_TOKEN", "")


def signed(keys: Keys, clock: Clock, region: str, service: str, method: str, target: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
    """The headers with a Signature Version 4. ``target`` is an already encoded path without query."""
    stamp = datetime.fromtimestamp(clock.now(), UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {**headers, "x-amz-date": stamp, **({"x-amz-security-token": keys.token} if keys.token else {})}
    names = sorted(headers)
    lines = [method, target, "", *(f"{name}:{headers[name].strip()}" for name in names), "", ";".join(names), hashlib.sha256(body).hexdigest()]
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(chr(10).join(lines).encode()).hexdigest()}"
    key = f"AWS4{keys.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    said = f"AWS4-HMAC-SHA256 Credential={keys.key_id}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"
    return {**headers, "authorization": said}


class Aws:
    """One caller of one cloud."""

    def __init__(self, web: Web, port: int) -> None:
        self.web, self.port, self.keys, self.clock = web, port, Keys(), Clock()

    async def call(self, region: str, operation: str, params: dict[str, Any], timeout_s: float = 10.0) -> dict[str, Any]:
        """``dynamodb:GetItem`` and the like. Raises Refusal, or the web's NotSent and Unknown."""
        service, _, name = operation.partition(":")
        prefix, version = TARGETS[service]
        headers = {"x-amz-target": f"{prefix}.{name}", "content-type": f"application/x-amz-json-{version}"}
        answer = await self._send(region, service, "/", headers, orjson.dumps(params), timeout_s)
        said = orjson.loads(answer.body) if answer.body else {}
        if answer.status >= 300:
            raise Refusal(answer.status, str(said.get("__type", answer.status)).rpartition("#")[2], str(said.get("message", said.get("Message", ""))))
        return said

    async def invoke(self, region: str, function: str, payload: bytes, timeout_s: float) -> Answer:
        """Lambda's Invoke, request and response."""
        return await self._send(region, "lambda", f"/2015-03-31/functions/{function}/invocations", {}, payload, timeout_s)

    async def _send(self, region: str, service: str, target: str, headers: dict[str, str], body: bytes, timeout_s: float) -> Answer:
        host = f"{service}.{region}.amazonaws.com"
        said = signed(self.keys, self.clock, region, service, "POST", target, {"host": host, **headers}, body)
        return await self.web.ask((loopback(region), self.port), "POST", target, said, body, timeout_s)
