"""Log events: what is written, what is refused, and how it is read again."""

from __future__ import annotations

import json

import pytest
from refusals import refused

PLACE = {"logGroupName": "g", "logStreamName": "s"}
DAY_MS = 86_400_000


@pytest.fixture
def logs(cloud):
    client = cloud.client("logs")
    client.create_log_group(logGroupName="g")
    client.create_log_stream(**PLACE)
    return client


def now_ms(cloud) -> int:
    return int(cloud.now() * 1000)


def put(cloud, *messages, stream="s", at_ms=None, **more) -> dict:
    at_ms = now_ms(cloud) if at_ms is None else at_ms
    events = [{"timestamp": at_ms + number, "message": message} for number, message in enumerate(messages)]
    return cloud.client("logs").put_log_events(logGroupName="g", logStreamName=stream, logEvents=events, **more)


def messages(reply) -> list[str]:
    return [event["message"] for event in reply["events"]]


def test_events_are_read_in_order_and_say_when_they_came(cloud, logs):
    cloud.sleep(10)
    put(cloud, "a", "b", "c")
    event = logs.get_log_events(**PLACE)["events"][1]
    assert event == {"message": "b", "timestamp": now_ms(cloud) + 1, "ingestionTime": now_ms(cloud)}


def test_tokens_walk_a_stream_in_both_directions_and_stand_still_at_its_ends(cloud, logs):
    put(cloud, *"abcdefg")
    page = logs.get_log_events(**PLACE, limit=3)
    assert messages(page) == ["e", "f", "g"]
    back = logs.get_log_events(**PLACE, limit=3, nextToken=page["nextBackwardToken"])
    assert messages(back) == ["b", "c", "d"]
    assert messages(logs.get_log_events(**PLACE, limit=3, nextToken=back["nextForwardToken"])) == ["e", "f", "g"]
    end = logs.get_log_events(**PLACE, nextToken=page["nextForwardToken"])
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html: the same token at the end.
    assert (end["events"], end["nextForwardToken"]) == ([], page["nextForwardToken"])
    put(cloud, "h", at_ms=now_ms(cloud) + 50)
    assert messages(logs.get_log_events(**PLACE, nextToken=end["nextForwardToken"])) == ["h"]
    assert messages(logs.get_log_events(**PLACE, limit=2, startFromHead=True)) == ["a", "b"]


def test_times_bound_what_is_read_the_end_excluded(cloud, logs):
    start = now_ms(cloud)
    put(cloud, *"abcd")
    assert messages(logs.get_log_events(**PLACE, startTime=start + 1, endTime=start + 3)) == ["b", "c"]


def test_a_batch_must_be_in_order_and_within_a_day_and_a_megabyte(cloud, logs):
    now = now_ms(cloud)
    unordered = [{"timestamp": now, "message": "a"}, {"timestamp": now - 1, "message": "b"}]
    assert refused(logs.put_log_events, **PLACE, logEvents=unordered) == (
        "InvalidParameterException", "Log events in a single PutLogEvents request must be in chronological order.",
    )  # fmt: skip
    wide = [{"timestamp": now - DAY_MS - 1, "message": "a"}, {"timestamp": now, "message": "b"}]
    assert refused(logs.put_log_events, **PLACE, logEvents=wide)[1] == (
        "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
    )
    large = [{"timestamp": now, "message": "x" * 600_000}] * 2
    assert refused(logs.put_log_events, **PLACE, logEvents=large) == (
        "InvalidParameterException", "Upload too large: 1200052 bytes exceeds limit of 1048576",
    )  # fmt: skip
    code, text = refused(logs.put_log_events, **PLACE, logEvents=[{"timestamp": now, "message": "x"}] * 10_001)
    assert code == "InvalidParameterException" and "Member must have length less than or equal to 10000" in text
    assert logs.get_log_events(**PLACE)["events"] == []


def test_events_of_the_wrong_time_are_rejected_and_the_others_kept(cloud, logs):
    now = now_ms(cloud)
    old = now - 14 * DAY_MS
    reply = put(cloud, "too old", "b", at_ms=old - 1)
    assert reply["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    reply = put(cloud, "c", "too new", at_ms=now + 2 * 3_600_000)
    assert reply["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    logs.put_retention_policy(logGroupName="g", retentionInDays=1)
    reply = put(cloud, "expired", "e", at_ms=now - DAY_MS - 1)
    assert reply["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    assert messages(logs.get_log_events(**PLACE)) == ["e", "c"]


def test_any_sequence_token_is_accepted(cloud, logs):
    reply = put(cloud, "a", sequenceToken="nonsense")
    assert len(reply["nextSequenceToken"]) == 56


def test_what_is_not_there_is_named(cloud, logs):
    assert refused(logs.get_log_events, logGroupName="no", logStreamName="s") == (
        "ResourceNotFoundException", "The specified log group does not exist.",
    )  # fmt: skip
    assert refused(logs.get_log_events, logGroupName="g", logStreamName="no") == (
        "ResourceNotFoundException", "The specified log stream does not exist.",
    )  # fmt: skip
    assert refused(logs.get_log_events, **PLACE, nextToken="f/nonsense")[0] == "InvalidParameterException"


def test_events_survive_a_kill(cloud, logs):
    put(cloud, "a")
    cloud.restart(kill=True)
    assert messages(cloud.client("logs").get_log_events(**PLACE)) == ["a"]


def test_a_group_forgets_what_it_keeps_no_longer(cloud, logs):
    logs.put_retention_policy(logGroupName="g", retentionInDays=1)
    put(cloud, "a")
    assert logs.describe_log_groups()["logGroups"][0]["storedBytes"] == 27
    cloud.sleep(12 * 3600)
    put(cloud, "b")
    cloud.sleep(13 * 3600)
    assert messages(logs.get_log_events(**PLACE)) == ["b"]
    group = logs.describe_log_groups()["logGroups"][0]
    assert (group["storedBytes"], group["retentionInDays"]) == (27, 1)


def test_a_group_made_anew_is_empty(cloud, logs):
    put(cloud, "a")
    logs.delete_log_group(logGroupName="g")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(**PLACE)
    assert logs.get_log_events(**PLACE)["events"] == []


def test_streams_are_listed_by_name_or_by_their_last_event(cloud, logs):
    for name in ("a", "b"):
        logs.create_log_stream(logGroupName="g", logStreamName=name)
    put(cloud, "1", stream="b")
    cloud.sleep(1)
    put(cloud, "2", stream="a")

    def names(**more):
        return [stream["logStreamName"] for stream in logs.describe_log_streams(logGroupName="g", **more)["logStreams"]]

    assert names() == ["a", "b", "s"]
    assert names(orderBy="LastEventTime", descending=True) == ["a", "b", "s"]
    assert names(orderBy="LastEventTime") == ["s", "b", "a"]
    assert names(logStreamNamePrefix="b") == ["b"]
    page = logs.describe_log_streams(logGroupName="g", limit=2)
    assert [s["logStreamName"] for s in logs.describe_log_streams(logGroupName="g", nextToken=page["nextToken"])["logStreams"]] == ["s"]
    assert refused(logs.describe_log_streams, logGroupName="g", orderBy="LastEventTime", logStreamNamePrefix="b") == (
        "InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix.",
    )  # fmt: skip


def test_a_search_runs_over_all_streams_in_order_of_time(cloud, logs):
    logs.create_log_stream(logGroupName="g", logStreamName="t")
    start = now_ms(cloud)
    put(cloud, "ERROR one", "fine", "ERROR three", at_ms=start)
    put(cloud, "ERROR two", stream="t", at_ms=start + 1)
    reply = logs.filter_log_events(logGroupName="g", filterPattern="ERROR")
    assert messages(reply) == ["ERROR one", "ERROR two", "ERROR three"] and "nextToken" not in reply
    first = logs.filter_log_events(logGroupName="g", filterPattern="ERROR", limit=2)
    assert messages(first) == ["ERROR one", "ERROR two"]
    assert messages(logs.filter_log_events(logGroupName="g", filterPattern="ERROR", nextToken=first["nextToken"])) == ["ERROR three"]
    assert messages(logs.filter_log_events(logGroupName="g", logStreamNames=["t"])) == ["ERROR two"]
    assert messages(logs.filter_log_events(logGroupName="g", startTime=start + 2)) == ["ERROR three"]
    code, _ = refused(logs.filter_log_events, logGroupName="g", filterPattern="{ $.a = }")
    assert code == "InvalidParameterException"


def test_tags_belong_to_groups(cloud, logs):
    arn = logs.describe_log_groups()["logGroups"][0]["logGroupArn"]
    logs.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    logs.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}
    assert logs.list_tags_log_group(logGroupName="g")["tags"] == {"b": "2"}


def test_a_search_may_begin_with_the_latest_events(cloud, logs):
    logs.create_log_stream(logGroupName="g", logStreamName="t")
    start = now_ms(cloud)
    put(cloud, *"ace", at_ms=start)
    put(cloud, *"bdf", stream="t", at_ms=start)
    first = logs.filter_log_events(logGroupName="g", startTime=start, startFromHead=False, limit=4)
    # The token knows the direction: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
    second = logs.filter_log_events(logGroupName="g", startTime=start, startFromHead=True, limit=4, nextToken=first["nextToken"])
    assert (messages(first), messages(second)) == (["f", "e", "d", "c"], ["b", "a"])
    assert "nextToken" not in second
    too_early = refused(logs.filter_log_events, logGroupName="g", startFromHead=False, startTime=1_700_000_000_000)
    assert too_early[0] == "InvalidParameterException"


def test_a_search_takes_in_the_end_of_its_range(cloud, logs):
    # "Events with a timestamp later than this time are not returned": API_FilterLogEvents. GetLogEvents excludes it.
    start = now_ms(cloud)
    put(cloud, *"abc")
    assert messages(logs.filter_log_events(logGroupName="g", endTime=start + 1)) == ["a", "b"]


def test_a_token_that_was_never_given_is_refused(logs):
    # Recorded: localstack's TestFilterLogEvents::test_filter_log_events_unknown_token.
    for token in ("x", "f-1", "f-1-2-z", "g-1-2-3", "f--1-2-3", f"f-{'9' * 40}-1-1"):
        assert refused(logs.filter_log_events, logGroupName="g", nextToken=token) == (
            "InvalidParameterException", "The specified nextToken is invalid."
        )  # fmt: skip


def test_reading_what_is_masked_needs_its_own_permission(cloud, logs):
    put(cloud, "a")
    assert messages(logs.get_log_events(**PLACE, unmask=True)) == ["a"]
    assert messages(logs.filter_log_events(logGroupName="g", unmask=True)) == ["a"]
    iam = cloud.client("iam")
    iam.create_user(UserName="u")
    statement = {"Effect": "Allow", "Action": ["logs:GetLogEvents", "logs:FilterLogEvents"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName="u")["AccessKey"]
    reader = cloud.client("logs", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert messages(reader.get_log_events(**PLACE)) == ["a"]
    assert refused(reader.get_log_events, **PLACE, unmask=True)[0] == "AccessDeniedException"
    assert refused(reader.filter_log_events, logGroupName="g", unmask=True)[0] == "AccessDeniedException"
