"""Log groups: how they are listed, protected, and opened to AWS's own services."""

from __future__ import annotations

import json

import pytest
from refusals import refused

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.errors import AwsError


@pytest.fixture
def logs(cloud):
    return cloud.client("logs")


def names(reply) -> list[str]:
    return [group["logGroupName"] for group in reply["logGroups"]]


def make(logs, *wanted: str, **more) -> None:
    for name in wanted:
        logs.create_log_group(logGroupName=name, **more)


# Listing -------------------------------------------------------------------------------------------


def test_a_group_shows_all_there_is_of_it(cloud, logs):
    make(logs, "g")
    # Recorded: localstack's TestLogsGroups::test_describe_log_groups_with_prefix.
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:g"
    assert logs.describe_log_groups(logGroupNamePrefix="g")["logGroups"] == [
        {
            "logGroupName": "g", "arn": f"{arn}:*", "logGroupArn": arn, "creationTime": int(cloud.now() * 1000),
            "metricFilterCount": 0, "storedBytes": 0, "logGroupClass": "STANDARD", "deletionProtectionEnabled": False,
        }
    ]  # fmt: skip


def test_a_search_by_pattern_is_case_sensitive_and_tells_less_of_each_group(logs):
    # API_DescribeLogGroups; what is told of each is recorded: TestLogsGroups::test_describe_log_groups_with_pattern.
    make(logs, "DataLogs", "aws-DataLogs", "datalogs")
    found = logs.describe_log_groups(logGroupNamePattern="DataLogs")
    assert names(found) == ["DataLogs", "aws-DataLogs"]
    assert found["logGroups"][0].keys() == {"logGroupName", "creationTime", "metricFilterCount", "arn", "logGroupClass", "logGroupArn"}
    both = refused(logs.describe_log_groups, logGroupNamePattern="a", logGroupNamePrefix="a")
    assert both == (
        "InvalidParameterException", "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
    )  # fmt: skip


def test_groups_are_asked_for_by_identifiers_alone(logs):
    make(logs, "a", "b", "c")
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:c"
    assert names(logs.describe_log_groups(logGroupIdentifiers=["a", arn])) == ["a", "c"]
    assert refused(logs.describe_log_groups, logGroupIdentifiers=["a"], logGroupNamePrefix="a")[0] == "InvalidParameterException"


def test_a_monitoring_account_without_links_sees_its_own_groups(logs):
    make(logs, "a")
    assert names(logs.describe_log_groups(includeLinkedAccounts=True)) == ["a"]
    assert names(logs.list_log_groups(includeLinkedAccounts=True, accountIdentifiers=["000000000000"])) == ["a"]
    assert refused(logs.describe_log_groups, accountIdentifiers=["000000000000"])[0] == "InvalidParameterException"
    assert refused(logs.describe_log_groups, includeLinkedAccounts=True, accountIdentifiers=["111111111111"])[0] == "NotImplemented"


def test_groups_are_listed_by_texts_in_their_names(logs):
    make(logs, "/aws/lambda/a", "/aws/lambda/b", "discovery", "x/aws/lambda")
    assert logs.list_log_groups(logGroupNamePattern="no-such-group")["logGroups"] == []
    assert names(logs.list_log_groups(logGroupNamePattern="^/aws/lambda|discov")) == ["/aws/lambda/a", "/aws/lambda/b", "discovery"]
    assert names(logs.list_log_groups(logGroupNamePattern="aws/lambda"))[-1] == "x/aws/lambda"
    first = logs.list_log_groups(limit=3)
    assert names(logs.list_log_groups(limit=3, nextToken=first["nextToken"])) == ["x/aws/lambda"]
    assert first["logGroups"][0] == {
        "logGroupName": "/aws/lambda/a", "logGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/a",
        "logGroupClass": "STANDARD",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "expected"),
    [(None, ["a", "b"]), (["prod"], ["a"]), (["PROD*"], ["a", "b"]), (["!prod"], ["b"]), (["x", "prod-2"], ["b"])],
)
def test_groups_are_listed_by_their_tags(logs, values, expected):
    # API_TagFilter: exact and negated values are case-sensitive, wildcards are not.
    make(logs, "a", tags={"stage": "prod"})
    make(logs, "b", tags={"stage": "prod-2"})
    make(logs, "c")
    wanted = {"key": "stage"} | ({"values": values} if values else {})
    assert names(logs.list_log_groups(logGroupTags=[wanted])) == expected


def test_names_that_begin_with_aws_are_reserved(logs):
    # API_CreateLogGroup
    assert refused(logs.create_log_group, logGroupName="aws/x")[0] == "InvalidParameterException"
    make(logs, "/aws/x")


def test_a_group_goes_by_its_name_or_its_identifier_never_by_both(logs):
    make(logs, "g")
    # Recorded: TestLogsStreams::test_describe_log_streams_with_log_group_identifier.
    assert refused(logs.describe_log_streams, logGroupName="g", logGroupIdentifier="g") == (
        "ValidationException", "LogGroup name and LogGroup ARN are mutually exclusive parameters."
    )  # fmt: skip


# Deletion protection -------------------------------------------------------------------------------


def test_a_protected_group_and_its_streams_stay_until_protection_is_lifted(cloud, logs):
    make(logs, "g", deletionProtectionEnabled=True)
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    cloud.restart(kill=True)
    assert logs.describe_log_groups()["logGroups"][0]["deletionProtectionEnabled"] is True
    assert refused(logs.delete_log_group, logGroupName="g")[0] == "ValidationException"
    assert refused(logs.delete_log_stream, logGroupName="g", logStreamName="s")[0] == "ValidationException"
    arn = logs.describe_log_groups()["logGroups"][0]["logGroupArn"]
    logs.put_log_group_deletion_protection(logGroupIdentifier=arn, deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName="g")
    assert logs.describe_log_groups()["logGroups"] == []
    missing = refused(logs.put_log_group_deletion_protection, logGroupIdentifier="g", deletionProtectionEnabled=True)
    assert missing == ("ResourceNotFoundException", "The specified log group does not exist.")


def test_what_begins_like_an_arn_and_is_none_is_no_group(logs):
    # The model's pattern lets it through. No source tells what AWS answers.
    make(logs, "g")
    for identifier in ("arn:", "arn:awsxlogs:us-east-1:000000000000:log-group:g"):
        assert refused(logs.delete_index_policy, logGroupIdentifier=identifier)[0] == "ResourceNotFoundException"
        assert logs.describe_log_groups(logGroupIdentifiers=[identifier])["logGroups"] == []


# Resource policies ---------------------------------------------------------------------------------


def written_by(service: str, *, resource: str = "*", action: str | list[str] = "logs:PutLogEvents") -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": [service]}, "Action": action, "Resource": resource}
    return json.dumps({"Statement": [statement]})


def test_a_policy_is_answered_as_sent_and_listed_in_normal_form(cloud, logs):
    sent = written_by("route53.amazonaws.com", action="logs:*")
    made = logs.put_resource_policy(policyName="p", policyDocument=sent)["resourcePolicy"]
    at_ms = int(cloud.now() * 1000)
    assert made == {"policyName": "p", "policyDocument": sent, "lastUpdatedTime": at_ms, "policyScope": "ACCOUNT"}
    (listed,) = logs.describe_resource_policies()["resourcePolicies"]
    # Recorded: TestResourcePolicies::test_put_resource_policy_update.
    statement = {"Effect": "Allow", "Principal": {"Service": "route53.amazonaws.com"}, "Action": "logs:*", "Resource": "*"}
    assert json.loads(listed["policyDocument"]) == {"Version": "2008-10-17", "Statement": [statement]}


def test_an_account_has_ten_policies_and_may_still_change_them(logs):
    # Recorded: TestResourcePoliciesLimits::test_put_resource_policy_limit_exceeded.
    for number in range(10):
        logs.put_resource_policy(policyName=f"p{number}", policyDocument=written_by("es.amazonaws.com"))
    assert refused(logs.put_resource_policy, policyName="p10", policyDocument=written_by("es.amazonaws.com")) == (
        "LimitExceededException", "Resource limit exceeded."
    )  # fmt: skip
    logs.put_resource_policy(policyName="p3", policyDocument=written_by("route53.amazonaws.com"))
    first = logs.describe_resource_policies(limit=4)
    second = logs.describe_resource_policies(limit=50, nextToken=first["nextToken"])
    assert [p["policyName"] for p in first["resourcePolicies"] + second["resourcePolicies"]] == [f"p{n}" for n in range(10)]
    logs.delete_resource_policy(policyName="p3")
    logs.put_resource_policy(policyName="p10", policyDocument=written_by("es.amazonaws.com"))


def test_a_policy_that_is_not_there_or_says_nothing_is_refused(logs):
    # Recorded: TestResourcePolicies::test_delete_resource_policy_not_found.
    assert refused(logs.delete_resource_policy, policyName="x") == (
        "ResourceNotFoundException", "Policy with name [x] does not exist."
    )  # fmt: skip
    for document in ("{", "{}", '{"Statement":[{"Effect":"Allow","Action":"logs:*","Resource":"*"}]}'):
        assert refused(logs.put_resource_policy, policyName="x", policyDocument=document)[0] == "InvalidParameterException"


def test_a_groups_own_policy_is_changed_only_by_who_knows_its_revision(logs):
    make(logs, "g")
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:g"
    document = written_by("delivery.logs.amazonaws.com")
    made = logs.put_resource_policy(resourceArn=arn, policyDocument=document)
    assert made["resourcePolicy"]["policyScope"] == "RESOURCE"
    assert refused(logs.put_resource_policy, resourceArn=arn, policyDocument=document)[0] == "OperationAbortedException"
    again = logs.put_resource_policy(resourceArn=arn, policyDocument=document, expectedRevisionId=made["revisionId"])
    assert again["revisionId"] != made["revisionId"]
    assert logs.describe_resource_policies()["resourcePolicies"] == []
    (listed,) = logs.describe_resource_policies(resourceArn=arn)["resourcePolicies"]
    assert (listed["resourceArn"], listed["revisionId"]) == (arn, again["revisionId"])
    logs.delete_log_group(logGroupName="g")
    assert logs.describe_resource_policies(policyScope="RESOURCE")["resourcePolicies"] == []


def test_a_service_writes_where_a_policy_lets_it_and_nowhere_else(cloud, logs):
    make(logs, "g", "h")
    for name in ("g", "h"):
        logs.create_log_stream(logGroupName=name, logStreamName="s")
    region = cloud.region()

    def write(group: str) -> str:
        event = {"timestamp": int(cloud.now() * 1000), "message": "m"}
        params = {"logGroupName": group, "logStreamName": "s", "logEvents": [event]}
        try:
            cloud.run(region.ask(principals.service("route53.amazonaws.com", "000000000000"), "logs:PutLogEvents", params))
        except AwsError as error:
            return error.code
        return "written"

    assert write("g") == "AccessDeniedException"
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:g:*"
    logs.put_resource_policy(policyName="p", policyDocument=written_by("route53.amazonaws.com", resource=arn))
    assert (write("g"), write("h")) == ("written", "AccessDeniedException")
    logs.delete_resource_policy(policyName="p")
    assert write("g") == "AccessDeniedException"


def test_an_identifier_that_ends_like_the_arn_of_streams_is_refused_without_being_told_again(logs):
    # Verified against AWS by moto's test_arn_formats_log_group_and_stream and test_get_log_events_using_arn.
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    group = logs.describe_log_groups(logGroupNamePrefix="g")["logGroups"][0]
    assert logs.describe_log_streams(logGroupIdentifier=group["logGroupArn"])["logStreams"][0]["logStreamName"] == "s"
    text = (
        "1 validation error detected: Value at 'logGroupIdentifier' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [\\w#+=/:,.@-]*"
    )
    for asked, more in ((logs.describe_log_streams, {}), (logs.get_log_events, {"logStreamName": "s"})):
        assert refused(asked, logGroupIdentifier=group["arn"], **more) == ("InvalidParameterException", text)
