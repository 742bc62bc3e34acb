"""Live Tail: what is written is told to who listens, once a second."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from kumoniwa.gate.address import locate
from kumoniwa.services.logs.tail import SESSION_S_MAX, SESSIONS_MAX
from kumoniwa.wire.eventstream import FrameDecoder
from kumoniwa.wire.message import Request, Response

ARN = "arn:aws:logs:us-east-1:000000000000:log-group:{}"


@pytest.fixture
def logs(cloud):
    client = cloud.client("logs")
    for name in ("g", "h"):
        client.create_log_group(logGroupName=name)
        for stream in ("s", "t", "web-1"):
            client.create_log_stream(logGroupName=name, logStreamName=stream)
    return client


class Tail:
    """A client that reads one frame when it is asked to."""

    def __init__(self, cloud, *groups: str, **more) -> None:
        self.cloud, self.decoder, self.frames = cloud, FrameDecoder(), []
        body = json.dumps({"logGroupIdentifiers": [ARN.format(group) for group in groups], **more}).encode()
        headers = {
            "host": "stream-logs.us-east-1.localhost:4566", "content-type": "application/x-amz-json-1.1",
            "x-amz-target": "Logs_20140328.StartLiveTail", "content-length": str(len(body)),
            "authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/logs/aws4_request, SignedHeaders=host, Signature=0",
            "x-amz-date": "20260101T000000Z",
        }  # fmt: skip
        response = cloud.run(self.answered(Request("POST", "/", "", headers, body)))
        assert response.headers["Content-Type"] == "application/vnd.amazon.eventstream", response.body
        self.body = response.body
        assert self.next()[0] == "initial-response"
        self.start = self.next()
        assert self.start[0] == "sessionStart"

    async def answered(self, request: Request) -> Response:
        request.address = locate(request)
        replied = self.cloud.loop.create_future()
        self.cloud.region().answer(request, replied.set_result)
        return await replied

    def next(self) -> tuple[str, dict]:
        while not self.frames:
            self.frames += self.decoder.feed(self.cloud.run(anext(self.body)))
        frame = self.frames.pop(0)
        kind = frame.headers.get(":event-type") or frame.headers[":exception-type"]
        return kind, json.loads(frame.payload)

    def update(self) -> dict:
        kind, update = self.next()
        assert kind == "sessionUpdate"
        return update

    def messages(self) -> list[str]:
        return [event["message"] for event in self.update()["sessionResults"]]

    def close(self) -> None:
        self.cloud.run(self.body.aclose())


def put(cloud, *messages: str, group: str = "g", stream: str = "s") -> None:
    now_ms = int(cloud.now() * 1000)
    events = [{"timestamp": now_ms, "message": message} for message in messages]
    cloud.client("logs").put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def test_a_session_begins_by_telling_what_it_is_about(cloud, logs):
    tail = Tail(cloud, "g", logStreamNames=["s"], logEventFilterPattern="error")
    start = tail.start[1]
    assert start["logGroupIdentifiers"] == [ARN.format("g")]
    assert (start["logStreamNames"], start["logEventFilterPattern"]) == (["s"], "error")
    assert start["sessionId"] and start["requestId"]


def test_each_second_brings_what_was_written_in_it_or_nothing(cloud, logs):
    tail = Tail(cloud, "g", "h")
    put(cloud, "a")
    put(cloud, "b", group="h", stream="t")
    written_ms = int(cloud.now() * 1000)
    update = tail.update()
    assert update["sessionMetadata"] == {"sampled": False}
    assert update["sessionResults"][1] == {
        "logGroupIdentifier": ARN.format("h"), "logStreamName": "t", "message": "b", "timestamp": written_ms,
        "ingestionTime": written_ms,
    }  # fmt: skip
    before = cloud.now()
    assert (tail.messages(), tail.messages()) == ([], [])
    assert cloud.now() - before == pytest.approx(2)


def test_a_session_hears_only_what_it_asked_for(cloud, logs):
    by_name, by_prefix = Tail(cloud, "g", logStreamNames=["s"]), Tail(cloud, "g", logStreamNamePrefixes=["web-"])
    by_pattern = Tail(cloud, "g", logEventFilterPattern="error")
    put(cloud, "an error", stream="t")
    put(cloud, "fine", stream="s")
    put(cloud, "hello", stream="web-1")
    put(cloud, "elsewhere", group="h")
    assert [tail.messages() for tail in (by_name, by_prefix, by_pattern)] == [["fine"], ["hello"], ["an error"]]


def test_more_than_500_events_of_a_second_are_sampled(cloud, logs):
    tail = Tail(cloud, "g")
    put(cloud, *[f"m{number}" for number in range(2_000)])
    update = tail.update()
    assert update["sessionMetadata"] == {"sampled": True}
    heard = {event["message"] for event in update["sessionResults"]}
    assert len(heard) == 500
    # Each had the same chance: not the first ones, not the last ones.
    assert 50 < sum(int(message[1:]) < 1_000 for message in heard) < 450


def test_ten_seconds_wait_for_a_slow_reader_and_the_oldest_go_first(cloud, logs):
    tail = Tail(cloud, "g")
    for second in range(15):
        put(cloud, f"m{second}")
        cloud.sleep(1)
    heard = [message for _ in range(15) for message in tail.messages()]
    assert heard == [f"m{second}" for second in range(5, 15)]


def test_a_session_ends_after_three_hours_in_words_of_the_model(cloud, logs):
    tail = Tail(cloud, "g")
    cloud.sleep(SESSION_S_MAX)
    kinds = [tail.next()[0]]
    while kinds[-1] == "sessionUpdate":
        kinds.append(tail.next()[0])
    assert kinds[-1] == "SessionTimeoutException"


def test_an_account_has_fifteen_sessions_and_those_that_closed_do_not_count(cloud, logs):
    tails = [Tail(cloud, "g") for _ in range(SESSIONS_MAX)]
    with pytest.raises(ClientError) as caught:
        logs.start_live_tail(logGroupIdentifiers=[ARN.format("g")])
    assert caught.value.response["Error"]["Code"] == "LimitExceededException"
    tails.pop().close()
    Tail(cloud, "g")


@pytest.mark.parametrize(
    ("code", "params"),
    [
        ("ResourceNotFoundException", {"logGroupIdentifiers": [ARN.format("missing")]}),
        ("InvalidParameterException", {"logGroupIdentifiers": ["g"]}),
        ("InvalidParameterException", {"logGroupIdentifiers": [ARN.format("g") + ":*"]}),
        ("InvalidParameterException", {"logGroupIdentifiers": [ARN.format("g"), ARN.format("h")], "logStreamNames": ["s"]}),
        (
            "InvalidParameterException",
            {"logGroupIdentifiers": [ARN.format("g")], "logStreamNames": ["s"], "logStreamNamePrefixes": ["s"]},
        ),
        ("InvalidParameterException", {"logGroupIdentifiers": [ARN.format("g")], "logEventFilterPattern": "{ $.a = }"}),
    ],
)
def test_a_session_that_cannot_be_is_refused_before_it_begins(logs, code, params):
    with pytest.raises(ClientError) as caught:
        logs.start_live_tail(**params)
    assert caught.value.response["Error"]["Code"] == code


def test_listening_needs_permission_for_each_group(cloud, logs):
    iam = cloud.client("iam")
    iam.create_user(UserName="u")
    statement = {"Effect": "Allow", "Action": "logs:StartLiveTail", "Resource": ARN.format("g:*")}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName="u")["AccessKey"]
    client = cloud.client("logs", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    with pytest.raises(ClientError) as caught:
        client.start_live_tail(logGroupIdentifiers=[ARN.format("g"), ARN.format("h")])
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
