"""EventBridge: archives and replays. Recorded answers: test_archive_and_replay."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from refusals import refused
from services.test_events_rules import ACCOUNT, PATTERN, put, queue, received, rule

BUS = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"
ARCHIVE = f"arn:aws:events:us-east-1:{ACCOUNT}:archive/a"


@pytest.fixture
def events(cloud):
    cloud.region()
    return cloud.client("events")


def replay(cloud, events, name: str = "p", **more) -> dict:
    span = {"EventStartTime": cloud.now() - 3600, "EventEndTime": cloud.now() + 1}
    return events.start_replay(**{"ReplayName": name, "EventSourceArn": ARCHIVE, "Destination": {"Arn": BUS}, **span, **more})


def test_archives_are_made_shown_changed_and_deleted(cloud, events):
    made = events.create_archive(ArchiveName="a", EventSourceArn=BUS, EventPattern=PATTERN, RetentionDays=1, Description="d")
    assert (made["ArchiveArn"], made["State"]) == (ARCHIVE, "ENABLED")
    assert refused(events.create_archive, ArchiveName="a", EventSourceArn=BUS) == ("ResourceAlreadyExistsException", "Archive a already exists.")
    assert refused(events.create_archive, ArchiveName="b", EventSourceArn=BUS + "x") == ("ResourceNotFoundException", "Event bus defaultx does not exist.")
    assert refused(events.describe_archive, ArchiveName="x") == ("ResourceNotFoundException", "Archive x does not exist.")
    text = "At least one of EventPattern, RetentionDays or Description must be provided."
    assert refused(events.update_archive, ArchiveName="x") == ("ValidationException", text)
    events.update_archive(ArchiveName="a", RetentionDays=2)
    put(cloud)
    put(cloud, Source="other")
    shown = events.describe_archive(ArchiveName="a")
    assert (shown["RetentionDays"], shown["EventCount"], shown["Description"], shown["EventPattern"]) == (2, 1, "d", PATTERN)
    assert shown["SizeBytes"] > 100
    cloud.sleep(3 * 86_400)
    assert events.list_archives(NamePrefix="a")["Archives"][0]["EventCount"] == 0
    assert events.list_archives(EventSourceArn=BUS)["Archives"][0]["EventCount"] == 0
    events.delete_archive(ArchiveName="a")
    assert events.list_archives()["Archives"] == []


def test_a_replay_puts_on_the_bus_what_the_archive_kept(cloud, events):
    events.create_archive(ArchiveName="a", EventSourceArn=BUS)
    ids = [put(cloud)["Entries"][0]["EventId"] for _ in range(250)]
    rule(cloud, {"Id": "t", "Arn": queue(cloud)})
    assert replay(cloud, events)["State"] == "STARTING"
    cloud.sleep(30)
    heard = [json.loads(each["Body"]) for each in received(cloud)]
    assert sorted(each["id"] for each in heard) == sorted(ids)
    assert list(heard[0])[6:8] == ["region", "replay-name"] and heard[0]["replay-name"] == "p"
    shown = events.describe_replay(ReplayName="p")
    assert shown["State"] == "COMPLETED" and shown["Destination"] == {"Arn": BUS} and shown["ReplayEndTime"] >= shown["ReplayStartTime"]
    assert events.describe_archive(ArchiveName="a")["EventCount"] == 250
    assert [each["ReplayName"] for each in events.list_replays(State="COMPLETED")["Replays"]] == ["p"]
    assert [each["ReplayName"] for each in events.list_replays(EventSourceArn=ARCHIVE)["Replays"]] == ["p"]
    for ask in (events.list_replays, events.list_archives):
        # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ListArchives.html
        code, text = refused(ask, NamePrefix="p", State="COMPLETED" if ask == events.list_replays else "ENABLED")
        assert code == "ValidationException" and text.startswith("At most one filter is allowed for List")


def test_a_replay_is_heard_by_the_rules_it_names_and_of_its_time(cloud, events):
    events.create_archive(ArchiveName="a", EventSourceArn=BUS)
    put(cloud)
    cloud.sleep(600)
    late = put(cloud)["Entries"][0]["EventId"]
    rule(cloud, {"Id": "t", "Arn": queue(cloud)})
    rule(cloud, {"Id": "t", "Arn": queue(cloud, "named")}, name="named")
    destination = {"Arn": BUS, "FilterArns": [f"arn:aws:events:us-east-1:{ACCOUNT}:rule/named"]}
    replay(cloud, events, Destination=destination, EventStartTime=cloud.now() - 60)
    cloud.sleep(5)
    assert not received(cloud)
    assert [json.loads(each["Body"])["id"] for each in received(cloud, "named")] == [late]


def test_a_replay_goes_by_the_time_in_the_event_and_retention_by_when_it_came(cloud, events):
    """"A replay processes events to replay based on the time in the event":
    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_StartReplay.html"""
    events.create_archive(ArchiveName="a", EventSourceArn=BUS, RetentionDays=1)
    past = datetime(2021, 1, 1, 12, tzinfo=UTC)
    then = [put(cloud, Time=past + timedelta(hours=hours))["Entries"][0]["EventId"] for hours in (1, 0)]
    put(cloud)
    rule(cloud, {"Id": "t", "Arn": queue(cloud)})
    replay(cloud, events, EventStartTime=past, EventEndTime=past + timedelta(days=1))
    cloud.sleep(5)
    heard = [json.loads(each["Body"]) for each in received(cloud)]
    assert [each["id"] for each in sorted(heard, key=lambda each: each["time"])] == then[::-1] and {each["replay-name"] for each in heard} == {"p"}
    assert events.describe_replay(ReplayName="p")["EventLastReplayedTime"] == past + timedelta(hours=1)
    assert events.describe_archive(ArchiveName="a")["EventCount"] == 3
    cloud.sleep(86_500)
    assert events.describe_archive(ArchiveName="a")["EventCount"] == 0


def test_wrong_replays_are_refused(cloud, events):
    events.create_event_bus(Name="b")
    events.create_archive(ArchiveName="a", EventSourceArn=BUS)
    other = BUS.replace("default", "b")
    for more, text in (
        ({"EventSourceArn": ARCHIVE + "x"}, "Parameter EventSourceArn is not valid. Reason: Archive ax does not exist."),
        # moto's test_start_replay_error_invalid_event_bus_arn
        ({"Destination": {"Arn": "default"}}, "Parameter Destination.Arn is not valid. Reason: Must contain an event bus ARN."),
        ({"Destination": {"Arn": other}}, "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted."),
        (
            {"Destination": {"Arn": other}, "EventStartTime": cloud.now() + 1, "EventEndTime": cloud.now()},
            "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.",
        ),
    ):
        with pytest.raises(ClientError) as error:
            replay(cloud, events, **more)
        assert error.value.response["Error"]["Message"] == text
    replay(cloud, events)
    with pytest.raises(ClientError, match="Replay p already exists"):
        replay(cloud, events)
    cloud.sleep(1)
    assert refused(events.cancel_replay, ReplayName="p")[0] == "IllegalStatusException"
    assert refused(events.describe_replay, ReplayName="x") == ("ResourceNotFoundException", "Replay x does not exist.")


def test_a_replay_goes_on_after_a_kill_and_puts_nothing_twice(cloud, events):
    events.create_archive(ArchiveName="a", EventSourceArn=BUS)
    ids = [put(cloud)["Entries"][0]["EventId"] for _ in range(220)]
    rule(cloud, {"Id": "t", "Arn": queue(cloud)})
    replay(cloud, events)
    cloud.restart(kill=True)
    cloud.sleep(30)
    assert sorted(json.loads(each["Body"])["id"] for each in received(cloud)) == sorted(ids)


def test_an_archive_shows_itself_as_a_rule_of_its_bus_that_nobody_else_changes(cloud, events):
    # moto's verified test_archive_actual_events.
    events.create_archive(ArchiveName="a", EventSourceArn=BUS, EventPattern=PATTERN)
    events.create_archive(ArchiveName="b", EventSourceArn=BUS)
    rules = {each["Name"]: each for each in events.list_rules()["Rules"]}
    assert {each["ManagedBy"] for each in rules.values()} == {"prod.vhs.events.aws.internal"}
    assert json.loads(rules["Events-Archive-a"]["EventPattern"]) == {**json.loads(PATTERN), "replay-name": [{"exists": False}]}
    assert json.loads(events.describe_rule(Name="Events-Archive-b")["EventPattern"]) == {"replay-name": [{"exists": False}]}
    (target,) = events.list_targets_by_rule(Rule="Events-Archive-b")["Targets"]
    assert target["Arn"] == "arn:aws:events:us-east-1:::" and '"event": <aws.events.event.json>' in target["InputTransformer"]["InputTemplate"]
    for call, params in (
        (events.put_rule, {"Name": "Events-Archive-b", "EventPattern": PATTERN}), (events.delete_rule, {"Name": "Events-Archive-b"}),
        (events.disable_rule, {"Name": "Events-Archive-b"}), (events.enable_rule, {"Name": "Events-Archive-b"}),
        (events.put_targets, {"Rule": "Events-Archive-b", "Targets": [{"Id": "t", "Arn": queue(cloud)}]}),
        (events.remove_targets, {"Rule": "Events-Archive-b", "Ids": ["Events-Archive-b"]}),
    ):  # fmt: skip
        assert refused(call, **params)[0] == "ManagedRuleException"
    events.update_archive(ArchiveName="b", EventPattern=PATTERN)
    assert "source" in json.loads(events.describe_rule(Name="Events-Archive-b")["EventPattern"])
    put(cloud)
    cloud.sleep(1)
    assert [events.describe_archive(ArchiveName=name)["EventCount"] for name in "ab"] == [1, 1]
    for name in "ab":
        events.delete_archive(ArchiveName=name)
    assert events.list_rules()["Rules"] == []
