"""X-Ray: insights begin when a service faults more than is to be expected of it, tell whom it hurts, and end when it is over.

https://docs.aws.amazon.com/xray/latest/devguide/xray-console-insights.html; the range that is expected is Kumoniwa's own, as
``services/xray/anomaly.py`` says.
"""

from __future__ import annotations

import itertools
import json

import pytest
from refusals import refused_code

ACCOUNT = "000000000000"


class Shop:
    """A shop that asks its stock, minute by minute."""

    def __init__(self, cloud) -> None:
        self.cloud, self.xray, self.numbers = cloud, cloud.client("xray"), itertools.count(1)
        self.arn = self.xray.create_group(GroupName="all", InsightsConfiguration={"InsightsEnabled": True, "NotificationsEnabled": True})["Group"]["GroupARN"]

    def minute(self, requests: int, faults: int, *, at: str = "stock") -> None:
        """Requests of one minute, some of which fault at the shop or already at its stock; then the minute passes."""
        for number in range(requests):
            is_fault = number < faults
            trace, now = f"1-{int(self.cloud.now()):08x}-{next(self.numbers):024x}", self.cloud.now()
            call = {"id": "2" * 16, "name": "stock", "namespace": "remote", "start_time": now, "end_time": now + 0.1, "fault": is_fault and at == "stock"}
            shop = {"trace_id": trace, "id": "1" * 16, "name": "shop", "start_time": now, "end_time": now + 0.2, "fault": is_fault, "subsegments": [call]}
            stock = {
                "trace_id": trace, "id": "3" * 16, "parent_id": "2" * 16, "name": "stock", "start_time": now, "end_time": now + 0.1, "fault": is_fault and at == "stock",
            }  # fmt: skip
            self.xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(each) for each in (shop, stock)])
        self.cloud.sleep(60)

    def insights(self, **more) -> list[dict]:
        now = self.cloud.now()
        return self.xray.get_insight_summaries(GroupARN=self.arn, StartTime=now - 7_200, EndTime=now, **more)["InsightSummaries"]


@pytest.fixture
def shop(cloud):
    return Shop(cloud)


def test_an_insight_begins_goes_on_and_is_resolved(shop):
    for _ in range(4):
        shop.minute(20, 0)
    assert shop.insights() == []
    shop.minute(20, 10)
    shop.minute(20, 12)
    shop.cloud.sleep(30)
    (found,) = shop.insights(States=["ACTIVE"])
    assert found["RootCauseServiceId"] == {"Name": "stock", "Names": ["stock"], "AccountId": ACCOUNT}
    assert [each["ServiceId"]["Name"] for each in found["TopAnomalousServices"]] == ["shop", "stock"]
    impact = {"FaultCount": 22, "OkCount": 18, "TotalCount": 40}
    assert found["ClientRequestImpactStatistics"] == found["RootCauseServiceRequestImpactStatistics"] == impact
    assert (found["Categories"], found["GroupName"], found["GroupARN"], "EndTime" in found) == (["FAULT"], "all", shop.arn, False)
    id_ = found["InsightId"]
    events = shop.xray.get_insight_events(InsightId=id_)["InsightEvents"]
    assert [each["ClientRequestImpactStatistics"]["FaultCount"] for each in events] == [22, 10]
    assert shop.xray.get_insight_events(InsightId=id_, MaxResults=1)["NextToken"]
    for _ in range(7):
        shop.minute(5, 0)
    (found,) = shop.insights(States=["CLOSED"])
    assert shop.insights(States=["ACTIVE"]) == []
    assert (found["EndTime"] - found["StartTime"]).total_seconds() == 120
    insight = shop.xray.get_insight(InsightId=id_)["Insight"]
    assert (insight["State"], insight["ClientRequestImpactStatistics"]) == ("CLOSED", impact)
    # When it is as bad again, that is another issue.
    shop.minute(20, 12)
    shop.cloud.sleep(30)
    assert [each["State"] for each in shop.insights()] == ["ACTIVE", "CLOSED"]


def test_the_root_cause_is_who_faults_without_asking_another_that_does(shop):
    for _ in range(4):
        shop.minute(20, 0)
    shop.minute(20, 10, at="shop")
    shop.cloud.sleep(30)
    (found,) = shop.insights()
    assert found["RootCauseServiceId"]["Name"] == "shop" and [each["ServiceId"]["Name"] for each in found["TopAnomalousServices"]] == ["shop"]


@pytest.mark.parametrize(
    ("before", "after", "is_one"),
    [
        ((20, 0), (20, 2), False),  # three faults at the least
        ((20, 0), (20, 3), True),
        ((20, 10), (20, 12), False),  # who always faults is expected to
        ((20, 2), (20, 5), False),
        ((20, 2), (20, 8), True),
        ((5, 0), (5, 5), False),  # too little is known: twenty requests
    ],
)
def test_what_is_out_of_the_range_that_was_expected(shop, before, after, is_one):
    for _ in range(4):
        shop.minute(*before)
    shop.minute(*after)
    shop.cloud.sleep(30)
    assert bool(shop.insights()) is is_one


def test_who_wants_it_is_told_by_events_of_the_default_bus(shop):
    events, sqs = shop.cloud.client("events"), shop.cloud.client("sqs")
    url = sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:told"
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": allow})})
    events.put_rule(Name="insights", EventPattern=json.dumps({"source": ["aws.xray"], "detail-type": ["AWS X-Ray Insight Update"]}))
    events.put_targets(Rule="insights", Targets=[{"Id": "1", "Arn": arn}])
    for _ in range(4):
        shop.minute(20, 0)
    shop.minute(20, 10)
    for _ in range(6):
        shop.minute(1, 0)
    told = [json.loads(each["Body"]) for each in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
    assert sorted(each["detail"]["State"] for each in told) == ["ACTIVE", "CLOSED"]
    for each in told:
        assert each["resources"] == [shop.arn] and each["detail"]["RootCauseServiceId"]["Name"] == "stock"
        assert each["detail"]["Event"]["ClientRequestImpactStatistics"] == {"FaultCount": 10, "OkCount": 10, "TotalCount": 20}


def test_the_graph_of_what_an_insight_hurt(shop):
    for _ in range(4):
        shop.minute(20, 0)
    shop.minute(20, 10)
    shop.cloud.sleep(30)
    (found,) = shop.insights()
    now = shop.cloud.now()
    graph = shop.xray.get_insight_impact_graph(InsightId=found["InsightId"], StartTime=now - 600, EndTime=now)
    services = {(each["Name"], each.get("Type")): each for each in graph["Services"]}
    assert set(services) == {("shop", "client"), ("shop", None), ("stock", None)}
    edges = {name: [edge["ReferenceId"] for edge in each["Edges"]] for name, each in services.items()}
    assert edges[("shop", None)] == [services["stock", None]["ReferenceId"]] and edges[("stock", None)] == []
    assert graph["ServiceGraphStartTime"] == found["StartTime"]
    early = shop.xray.get_insight_impact_graph(InsightId=found["InsightId"], StartTime=now - 600, EndTime=now - 400)
    assert early["Services"] == []


def test_an_insight_and_what_was_expected_survive_a_kill(shop):
    for _ in range(4):
        shop.minute(20, 0)
    shop.cloud.restart(kill=True)
    shop.minute(20, 10)
    shop.cloud.restart(kill=True)
    shop.cloud.sleep(30)
    (found,) = shop.insights()
    shop.cloud.restart(kill=True)
    assert shop.xray.get_insight(InsightId=found["InsightId"])["Insight"]["State"] == "ACTIVE"


def test_which_groups_are_watched(cloud):
    xray = cloud.client("xray")
    # https://docs.aws.amazon.com/xray/latest/api/API_InsightsConfiguration.html
    assert refused_code(xray.create_group, GroupName="g", InsightsConfiguration={"NotificationsEnabled": True}) == "InvalidRequestException"
    shown = xray.update_group(GroupName="Default", InsightsConfiguration={"InsightsEnabled": True})["Group"]
    assert shown["InsightsConfiguration"] == {"InsightsEnabled": True, "NotificationsEnabled": False}
    assert [each["GroupName"] for each in xray.get_groups()["Groups"]] == ["Default"]
    assert refused_code(xray.update_group, GroupName="Default", FilterExpression="fault") == "InvalidRequestException"
    assert refused_code(xray.create_group, GroupName="Default") == "InvalidRequestException"
    for call in (xray.get_insight, xray.get_insight_events):
        assert refused_code(call, InsightId="11111111-1111-4111-8111-111111111111") == "InvalidRequestException"
    assert refused_code(xray.get_insight_summaries, StartTime=0, EndTime=1) == "InvalidRequestException"


def test_a_group_without_insights_and_one_that_ends_them(shop):
    shop.xray.create_group(GroupName="other")
    for _ in range(4):
        shop.minute(20, 0)
    shop.minute(20, 10)
    shop.cloud.sleep(30)
    now = shop.cloud.now()
    assert shop.xray.get_insight_summaries(GroupName="other", StartTime=now - 600, EndTime=now)["InsightSummaries"] == []
    assert [each["State"] for each in shop.insights()] == ["ACTIVE"]
    shop.xray.update_group(GroupName="all", InsightsConfiguration={"InsightsEnabled": False, "NotificationsEnabled": False})
    shop.cloud.sleep(61)
    assert [each["State"] for each in shop.insights()] == ["CLOSED"]


def test_traces_under_a_key_of_the_customers_are_judged_too(shop):
    key = shop.cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    shop.xray.put_encryption_config(Type="KMS", KeyId=key)
    for _ in range(4):
        shop.minute(20, 0)
    shop.minute(20, 10)
    shop.cloud.sleep(30)
    assert [each["RootCauseServiceId"]["Name"] for each in shop.insights()] == ["stock"]
