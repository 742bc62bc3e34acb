"""Somebody who works while regions are killed, and keeps a diary of what was acknowledged.

A call whose answer never came may have happened or not; whoever works here has to say what either would look like.
"""

import http.client
import json
import random
import threading
import time
import traceback

from botocore.exceptions import BotoCoreError, ClientError
from cloud.conftest import Up

REGION = "us-east-1"
SILENCE_S = 20
"""A region that is killed is silent until it is restarted, and then resets. Whoever gave up sooner could be overtaken by a request
of his own that a busy region had not come to."""
UNANSWERED = (BotoCoreError, http.client.HTTPException, OSError)


class Unavailable(OSError):
    """A region that another one needs is dead: nothing was acknowledged."""


class Worker(threading.Thread):
    """Does one thing over and over. ``done`` counts what was acknowledged; what failed otherwise is a finding."""

    def __init__(self, cloud: Up, number: int) -> None:
        super().__init__(daemon=True)
        self.cloud, self.number, self.is_over, self.done, self.unanswered = cloud, number, False, 0, 0
        self.random, self.failures = random.Random(number), []
        self.prepare()

    def run(self) -> None:
        step = 0
        while not self.is_over:
            step += 1
            try:
                self.act(f"{self.number}-{step}")
                self.done += 1
            except UNANSWERED:
                self.unanswered += 1
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] != 503:
                    return self.failures.append(traceback.format_exc())
                self.unanswered += 1
            except Exception:
                return self.failures.append(traceback.format_exc())
        return None

    def client(self, service: str, **more):
        return self.cloud.client(service, REGION, read_timeout=SILENCE_S, **more)

    def prepare(self) -> None: ...

    def act(self, name: str) -> None: ...


class Plain:
    """JSON calls over one plain connection: many times faster than a full client, so that a kill meets more of them."""

    def __init__(self, cloud: Up) -> None:
        self.cloud, self.connection = cloud, None

    def __call__(self, target: str, **params) -> dict:
        signing = "sqs" if target.startswith("AmazonSQS") else "dynamodb"
        headers = {
            "X-Amz-Target": target,
            "X-Amz-Date": "20300101T000000Z",
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": f"AWS4-HMAC-SHA256 Credential=test/20300101/{REGION}/{signing}/aws4_request, SignedHeaders=host, Signature=0",
        }
        status, body = self.send("POST", "/", headers, json.dumps(params))
        assert status == 200, (target, status, body)
        return json.loads(body or b"{}")

    def send(self, method: str, path: str, headers: dict | None = None, body: str | None = None) -> tuple[int, bytes]:
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.cloud.port, timeout=SILENCE_S)
            self.connection.request(method, path, body, headers or {})
            reply = self.connection.getresponse()
            return reply.status, reply.read()
        except UNANSWERED:
            if self.connection is not None:
                self.connection.close()
            self.connection = None
            raise


def in_the_end(found, within_s: float):
    """What ``found()`` answers as soon as it is true, or its last answer when the time is over."""
    ends = time.monotonic() + within_s
    while not (answer := found()) and time.monotonic() < ends:
        time.sleep(0.1)
    return answer
