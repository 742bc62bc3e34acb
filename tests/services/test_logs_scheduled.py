"""Scheduled queries of CloudWatch Logs.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateScheduledQuery.html"""

from __future__ import annotations

import json

from log_workshop import written
from refusals import refused_code

TRUST = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "logs.amazonaws.com"}, "Action": "sts:AssumeRole"}}
ALLOW = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "logs:StartQuery", "Resource": "*"}}


def role(cloud, policy=ALLOW):
    iam = cloud.client("iam")
    arn = iam.create_role(RoleName="asker", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    if policy:
        iam.put_role_policy(RoleName="asker", PolicyName="p", PolicyDocument=json.dumps(policy))
    return arn


def scheduled(cloud, **more):
    logs = written(cloud, {"a": 1}, {"a": 2})
    said = {
        "name": "hourly", "queryLanguage": "CWLI", "queryString": "stats sum(a) as s", "logGroupIdentifiers": ["g"], "scheduleExpression": "cron(0 * * * ? *)",
        "startTimeOffset": 7200, "executionRoleArn": role(cloud),
    }  # fmt: skip
    return logs, logs.create_scheduled_query(**said | more)["scheduledQueryArn"]


def to_the_hour(cloud):
    cloud.sleep(3600 - cloud.now() % 3600 + 1)


def history(cloud, logs, identifier="hourly", **more):
    return logs.get_scheduled_query_history(identifier=identifier, startTime=0, endTime=int(cloud.now() * 1000) + 1, **more)["triggerHistory"]


def test_a_query_is_asked_at_its_time_in_the_name_of_its_role(cloud):
    logs, arn = scheduled(cloud)
    assert history(cloud, logs) == []
    to_the_hour(cloud)
    while (found := history(cloud, logs))[0]["executionStatus"] == "Running":
        cloud.sleep(0.1)
    (run,) = found
    assert run["executionStatus"] == "Complete" and run["triggeredTimestamp"] % 3_600_000 < 2_000
    assert logs.get_query_results(queryId=run["queryId"])["results"] == [[{"field": "s", "value": "3"}]]
    (asked,) = logs.describe_queries()["queries"]
    assert ":assumed-role/asker/" in asked["userIdentity"]
    to_the_hour(cloud)
    assert len(history(cloud, logs, arn)) == 2 and len(history(cloud, logs, maxResults=1)) == 1
    shown = logs.get_scheduled_query(identifier=arn)
    assert shown["name"] == "hourly" and shown["scheduleType"] == "CUSTOMER_MANAGED" and shown["lastTriggeredTime"] > run["triggeredTimestamp"]
    assert logs.list_scheduled_queries(state="DISABLED")["scheduledQueries"] == []
    assert [each["scheduledQueryArn"] for each in logs.list_scheduled_queries()["scheduledQueries"]] == [arn]


def test_a_disabled_query_and_one_whose_time_is_over_rest(cloud):
    logs, arn = scheduled(cloud, state="DISABLED")
    to_the_hour(cloud)
    assert history(cloud, logs) == []
    said = {name: value for name, value in logs.get_scheduled_query(identifier=arn).items() if name in (
        "queryLanguage", "queryString", "logGroupIdentifiers", "scheduleExpression", "startTimeOffset", "executionRoleArn")}  # fmt: skip
    ends = int(cloud.now()) + 3700
    shown = logs.update_scheduled_query(identifier=arn, **said, state="ENABLED", scheduleEndTime=ends * 1000)
    assert shown["state"] == "ENABLED" and shown["scheduleEndTime"] == ends * 1000
    for _ in range(3):
        to_the_hour(cloud)
    assert len(history(cloud, logs)) == 1


def test_a_role_without_leave_and_a_group_that_is_gone_are_told(cloud):
    logs, arn = scheduled(cloud)
    cloud.client("iam").delete_role_policy(RoleName="asker", PolicyName="p")
    to_the_hour(cloud)
    (run,) = history(cloud, logs, executionStatuses=["Failed"])
    assert "logs:StartQuery" in run["errorMessage"]
    assert history(cloud, logs, executionStatuses=["Complete"]) == []
    assert logs.get_scheduled_query(identifier=arn)["lastExecutionStatus"] == "Failed"


def test_a_killed_region_asks_what_it_missed_once(cloud):
    logs, arn = scheduled(cloud)
    cloud.restart(kill=True)
    to_the_hour(cloud)
    cloud.restart(kill=True)
    assert len(history(cloud, logs)) == 1
    logs.delete_scheduled_query(identifier="hourly")
    to_the_hour(cloud)
    assert len(logs.describe_queries()["queries"]) == 1


def test_the_clock_is_that_of_the_time_zone(cloud):
    logs, arn = scheduled(cloud, scheduleExpression="cron(30 9 * * ? *)", timezone="Asia/Tokyo")
    cloud.sleep(86_400)
    (run,) = history(cloud, logs)
    assert run["triggeredTimestamp"] // 60_000 % 1440 == 30


def test_what_is_no_scheduled_query_is_refused(cloud):
    logs, arn = scheduled(cloud)
    said = {"name": "x", "queryLanguage": "CWLI", "queryString": "fields a", "scheduleExpression": "cron(0 * * * ? *)", "executionRoleArn": "arn:aws:iam::000000000000:role/asker"}
    assert refused_code(logs.create_scheduled_query, **said | {"name": "hourly"}) == "ConflictException"
    for wrong in ({"queryString": "filter ("}, {"scheduleExpression": "hourly"}, {"scheduleExpression": "cron(x)"}, {"timezone": "Mars"}, {"startTimeOffset": 5, "endTimeOffset": 5}):
        assert refused_code(logs.create_scheduled_query, **said | wrong) == "ValidationException"
    assert refused_code(logs.create_scheduled_query, **said | {"queryLanguage": "SQL"}) == "NotImplemented"
    destination = {"s3Configuration": {"destinationIdentifier": "s3://bucket/x", "roleArn": said["executionRoleArn"]}}
    assert refused_code(logs.create_scheduled_query, **said, destinationConfiguration=destination) == "NotImplemented"
    for act in (logs.get_scheduled_query, logs.delete_scheduled_query):
        assert refused_code(act, identifier="no") == "ResourceNotFoundException"
    logs.tag_resource(resourceArn=arn, tags={"a": "b"})
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "b"}
