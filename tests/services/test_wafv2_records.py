"""What a web ACL remembers of the requests it judged: figures, samples, logs."""

from __future__ import annotations

import datetime
import gzip
import json

import pytest
from botocore.exceptions import ClientError
from edge_workshop import Edge
from firewall_workshop import Wall, contains, guarded, rule, visible
from lambda_workshop import put_role

from kumoniwa.gate.address import GLOBAL

ROLE = "arn:aws:iam::000000000000:role/gateway"
TRUST = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}})
GROUP = "arn:aws:logs:us-east-1:000000000000:log-group:aws-waf-logs-wall"


def moment(cloud, seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(cloud.region().clock.now() + seconds, datetime.UTC)


def figure(cloud, name: str, region: str = "us-east-1", **dimensions: str) -> float:
    found = cloud.client("cloudwatch", region).get_metric_statistics(
        Namespace="AWS/WAFV2", MetricName=name, Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=moment(cloud, -3600), EndTime=moment(cloud, 60), Period=3600 * 2, Statistics=["Sum"],
    )["Datapoints"]  # fmt: skip
    return sum(each["Sum"] for each in found)


def test_figures_count_what_was_allowed_blocked_and_counted(cloud):
    """https://docs.aws.amazon.com/waf/latest/developerguide/waf-metrics.html"""
    shop, _ = guarded(cloud, rule("admin", contains("/admin")), rule("seen", contains("/a"), {"Count": {}}, priority=1))
    for path in ("/admin", "/a", "/b"):
        shop.status(path)
    cloud.sleep(61)
    place = {"WebACL": "wall", "Region": "us-east-1"}
    assert figure(cloud, "BlockedRequests", Rule="admin", **place) == figure(cloud, "BlockedRequests", Rule="ALL", **place) == 1
    assert figure(cloud, "CountedRequests", Rule="seen", **place) == figure(cloud, "CountedRequests", Rule="ALL", **place) == 1
    assert figure(cloud, "AllowedRequests", Rule="Default_Action", **place) == figure(cloud, "AllowedRequests", Rule="ALL", **place) == 2


def test_figures_of_edges_are_found_in_us_east_1_and_name_no_region(cloud):
    cloud.region(GLOBAL)
    edge = Edge(cloud)
    wall = Wall(cloud, rule("evil", contains("evil")), scope="CLOUDFRONT")
    edge.site(WebACLId=wall.arn).get("/evil")
    cloud.sleep(61)
    assert figure(cloud, "BlockedRequests", WebACL="wall", Rule="evil") == 1
    told = wall.client.get_sampled_requests(
        WebAclArn=wall.arn, RuleMetricName="evil", Scope="CLOUDFRONT", MaxItems=10,
        TimeWindow={"StartTime": moment(cloud, -600), "EndTime": moment(cloud, 1)},
    )  # fmt: skip
    assert [each["Request"]["URI"] for each in told["SampledRequests"]] == ["/evil"]


def test_samples_show_the_last_requests_that_a_rule_met(cloud):
    shop, wall = guarded(cloud, rule("admin", contains("/admin"), RuleLabels=[{"Name": "l"}]))
    shop.ask("/admin?x=1", "POST", User_Agent="curl")
    shop.ask("/free")
    asked = {"WebAclArn": wall.arn, "Scope": "REGIONAL", "MaxItems": 10}
    window = {"StartTime": moment(cloud, -600), "EndTime": moment(cloud, 1)}
    told = wall.client.get_sampled_requests(**asked, RuleMetricName="admin", TimeWindow=window)
    (sample,) = told["SampledRequests"]
    assert (sample["Action"], sample["Request"]["URI"], sample["Request"]["Method"], told["PopulationSize"]) == ("BLOCK", "/prod/admin?x=1", "POST", 1)
    assert {"Name": "user-agent", "Value": "curl"} in sample["Request"]["Headers"]
    assert sample["Labels"] == [{"Name": "awswaf:000000000000:webacl:wall:l"}] and sample["Request"]["ClientIP"] == "127.0.0.1"
    told = wall.client.get_sampled_requests(**asked, RuleMetricName="Default_Action", TimeWindow=window)
    assert [(each["Action"], each["Request"]["URI"]) for each in told["SampledRequests"]] == [("ALLOW", "/prod/free")]
    with pytest.raises(ClientError):
        wall.client.get_sampled_requests(**asked, RuleMetricName="admin", TimeWindow={"StartTime": moment(cloud, 1), "EndTime": moment(cloud, 0)})


# Logs -------------------------------------------------------------------------------------------------------------


def log(wall: Wall, destination: str, **more) -> dict:
    said = {"ResourceArn": wall.arn, "LogDestinationConfigs": [destination], **more}
    return wall.client.put_logging_configuration(LoggingConfiguration=said)["LoggingConfiguration"]


def lines(cloud, group: str = "aws-waf-logs-wall", stream: str = "us-east-1_wall_0") -> list[dict]:
    cloud.sleep(1)
    found = cloud.client("logs").get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]
    return [json.loads(each["message"]) for each in found]


def test_a_log_group_gets_a_line_for_every_request(cloud):
    """https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html"""
    shop, wall = guarded(cloud, rule("admin", contains("/admin")), rule("seen", contains("/a"), {"Count": {}}, priority=1, RuleLabels=[{"Name": "l"}]))
    cloud.client("logs").create_log_group(logGroupName="aws-waf-logs-wall")
    log(wall, GROUP)
    shop.ask("/admin?x=1", User_Agent="curl")
    shop.ask("/a")
    blocked, counted = lines(cloud)
    assert blocked["httpRequest"].pop("headers")[-1] == {"name": "user-agent", "value": "curl"}
    assert len(blocked["httpRequest"].pop("requestId")) == 36 and blocked.pop("timestamp") > 1e12
    assert blocked == {
        "formatVersion": 1, "webaclId": wall.arn, "terminatingRuleId": "admin", "terminatingRuleType": "REGULAR", "action": "BLOCK",
        "terminatingRuleMatchDetails": [], "httpSourceName": "APIGW", "httpSourceId": f"000000000000:{shop.api}:prod", "ruleGroupList": [],
        "rateBasedRuleList": [], "nonTerminatingMatchingRules": [], "requestHeadersInserted": None, "responseCodeSent": None,
        "httpRequest": {"clientIp": "127.0.0.1", "country": "-", "uri": "/prod/admin", "args": "x=1", "httpVersion": "HTTP/1.1", "httpMethod": "GET"},
    }  # fmt: skip
    assert (counted["terminatingRuleId"], counted["action"]) == ("Default_Action", "ALLOW")
    assert counted["nonTerminatingMatchingRules"] == [{"ruleId": "seen", "action": "COUNT", "ruleMatchDetails": []}]
    assert counted["labels"] == [{"name": "awswaf:000000000000:webacl:wall:l"}]


def test_a_log_tells_of_groups_rates_and_answers(cloud):
    waf = cloud.client("wafv2")
    inner = [rule("a", contains("/a")), rule("c", contains("/c"), {"Count": {}}, priority=1)]
    made = waf.create_rule_group(Name="g", Scope="REGIONAL", Capacity=50, VisibilityConfig=visible("g"), Rules=inner)["Summary"]["ARN"]
    often = {"RateBasedStatement": {"Limit": 10, "AggregateKeyType": "CUSTOM_KEYS", "CustomKeys": [{"HTTPMethod": {}}, {"UriPath": {"TextTransformations": [{"Priority": 0, "Type": "NONE"}]}}]}}
    slow = {"Block": {"CustomResponse": {"ResponseCode": 429}}}
    shop, wall = guarded(cloud, rule("ours", {"RuleGroupReferenceStatement": {"ARN": made}}), rule("often", often, slow, priority=1))
    cloud.client("logs").create_log_group(logGroupName="aws-waf-logs-wall")
    log(wall, GROUP)
    shop.ask("/a")
    for _ in range(11):
        shop.ask("/c")
    told = lines(cloud)
    assert told[0]["terminatingRuleType"] == "GROUP" and told[0]["ruleGroupList"] == [{
        "ruleGroupId": made, "terminatingRule": {"ruleId": "a", "action": "BLOCK", "ruleMatchDetails": None},
        "nonTerminatingMatchingRules": [], "excludedRules": None,
    }]  # fmt: skip
    last = told[-1]
    assert (last["terminatingRuleType"], last["responseCodeSent"]) == ("RATE_BASED", 429)
    assert last["ruleGroupList"][0]["nonTerminatingMatchingRules"][0]["ruleId"] == "c"
    (held,) = last["rateBasedRuleList"]
    assert (held["limitKey"], held["maxRateAllowed"], held["evaluationWindowSec"]) == ("CUSTOMKEYS", 10, "300")
    assert [(each["key"], each["value"]) for each in held["customValues"]] == [("HTTPMETHOD", "GET"), ("URIPATH", "/prod/c")]


def test_what_is_redacted_or_filtered_is_not_in_the_log(cloud):
    shop, wall = guarded(cloud, rule("admin", contains("/admin")), rule("seen", contains("/a"), {"Count": {}}, priority=1, RuleLabels=[{"Name": "l"}]))
    cloud.client("logs").create_log_group(logGroupName="aws-waf-logs-wall")
    keep = {"Behavior": "KEEP", "Requirement": "MEETS_ANY", "Conditions": [
        {"ActionCondition": {"Action": "BLOCK"}}, {"LabelNameCondition": {"LabelName": "awswaf:000000000000:webacl:wall:l"}},
    ]}  # fmt: skip
    hidden = [{"SingleHeader": {"Name": "Authorization"}}, {"QueryString": {}}]
    log(wall, GROUP, RedactedFields=hidden, LoggingFilter={"DefaultBehavior": "DROP", "Filters": [keep]})
    shop.ask("/admin?token=secret", Authorization="secret")
    shop.ask("/a")
    shop.ask("/free")
    told = lines(cloud)
    assert [each["httpRequest"]["uri"] for each in told] == ["/prod/admin", "/prod/a"]
    assert told[0]["httpRequest"]["args"] == "REDACTED" and {"name": "authorization", "value": "REDACTED"} in told[0]["httpRequest"]["headers"]
    assert "secret" not in json.dumps(told)


def test_a_bucket_gets_files_and_is_opened_for_them(cloud):
    shop, wall = guarded(cloud, rule("admin", contains("/admin")))
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="aws-waf-logs-mine")
    log(wall, "arn:aws:s3:::aws-waf-logs-mine/far")
    assert "delivery.logs.amazonaws.com" in s3.get_bucket_policy(Bucket="aws-waf-logs-mine")["Policy"]
    shop.ask("/admin")
    shop.ask("/free")
    cloud.sleep(400)
    (found,) = s3.list_objects_v2(Bucket="aws-waf-logs-mine")["Contents"]
    assert found["Key"].startswith("far/AWSLogs/000000000000/WAFLogs/us-east-1/wall/") and found["Key"].endswith(".log.gz")
    content = gzip.decompress(s3.get_object(Bucket="aws-waf-logs-mine", Key=found["Key"])["Body"].read())
    assert [json.loads(line)["action"] for line in content.splitlines()] == ["BLOCK", "ALLOW"]


def test_lines_outlive_a_kill(cloud):
    shop, wall = guarded(cloud, rule("admin", contains("/admin")))
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="aws-waf-logs-mine")
    log(wall, "arn:aws:s3:::aws-waf-logs-mine")
    shop.ask("/admin")
    cloud.restart(kill=True)
    cloud.sleep(400)
    assert len(s3.list_objects_v2(Bucket="aws-waf-logs-mine")["Contents"]) == 1


def test_a_destination_must_be_there_and_be_called_as_aws_wants(cloud):
    _, wall = guarded(cloud, rule("admin", contains("/admin")))
    for wrong, code in ((GROUP.replace("aws-waf-logs-", ""), "WAFInvalidParameterException"), (GROUP, "WAFNonexistentItemException"),
                        ("arn:aws:s3:::aws-waf-logs-gone", "WAFNonexistentItemException"),
                        ("arn:aws:firehose:us-east-1:000000000000:deliverystream/aws-waf-logs-gone", "WAFNonexistentItemException"),
                        (GROUP.replace("us-east-1", "eu-west-1"), "WAFInvalidParameterException")):  # fmt: skip
        with pytest.raises(ClientError) as error:
            log(wall, wrong)
        assert error.value.response["Error"]["Code"] == code, wrong
    assert wall.client.list_logging_configurations(Scope="REGIONAL")["LoggingConfigurations"] == []


def test_a_logging_configuration_is_kept_told_and_ended(cloud):
    shop, wall = guarded(cloud, rule("admin", contains("/admin")))
    cloud.client("logs").create_log_group(logGroupName="aws-waf-logs-wall")
    said = log(wall, GROUP)
    assert wall.client.get_logging_configuration(ResourceArn=wall.arn)["LoggingConfiguration"] == said
    assert wall.client.list_logging_configurations(Scope="REGIONAL")["LoggingConfigurations"] == [said]
    shop.ask("/admin")
    assert len(lines(cloud)) == 1
    wall.client.delete_logging_configuration(ResourceArn=wall.arn)
    shop.ask("/admin")
    assert len(lines(cloud)) == 1
    with pytest.raises(ClientError) as error:
        wall.client.get_logging_configuration(ResourceArn=wall.arn)
    assert error.value.response["Error"]["Code"] == "WAFNonexistentItemException"


def test_an_apis_own_access_log_tells_of_its_wall(cloud):
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html"""
    shop, wall = guarded(cloud, rule("admin", contains("/admin")))
    put_role(cloud, "logs:*", trust=TRUST, arn=ROLE)
    shop.client.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": ROLE}])
    cloud.client("logs").create_log_group(logGroupName="access")
    settings = {
        "destinationArn": "arn:aws:logs:us-east-1:000000000000:log-group:access",
        "format": "$context.requestId $context.webaclArn $context.wafResponseCode $context.status",
    }
    patches = [{"op": "replace", "path": f"/accessLogSettings/{name}", "value": value} for name, value in settings.items()]
    shop.client.update_stage(restApiId=shop.api, stageName="prod", patchOperations=patches)
    shop.status("/admin"), shop.status("/free")
    cloud.sleep(1)
    found = cloud.client("logs").filter_log_events(logGroupName="access")["events"]
    told = [each["message"].partition(" ")[2] for each in found]
    assert told == [f"{wall.arn} WAF_BLOCK 403", f"{wall.arn} WAF_ALLOW 200"]
