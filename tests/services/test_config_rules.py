"""AWS Config: rules, when they are evaluated, and what comes out.

https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config.html
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from config_workshop import ACCOUNT, put_recorder, put_rule, verdicts
from lambda_workshop import make, put_role, settle
from notice_workshop import received, subscribed
from refusals import refused

US = "us-east-1"
BUCKET, FILES = "AWS::S3::Bucket", f"config-files-{US}"
VERSIONED = "s3-bucket-versioning-enabled"


@pytest.fixture
def config(cloud):
    put_recorder(cloud, resourceTypes=[BUCKET, "AWS::SQS::Queue", "AWS::DynamoDB::Table"])
    return cloud.client("config")


def rule(**more) -> dict:
    return {"ConfigRuleName": "r", "Source": {"Owner": "AWS", "SourceIdentifier": "S3_BUCKET_VERSIONING_ENABLED"}, **more}


# Putting -------------------------------------------------------------------------------------------


def test_a_rule_needs_a_recorder(cloud):
    assert refused(cloud.client("config").put_config_rule, ConfigRule=rule())[0] == "NoAvailableConfigurationRecorderException"


@pytest.mark.parametrize(
    ("said", "text"),
    [  # getmoto/moto's tests/test_config/test_config_rules.py
        ({"Source": {"Owner": "AWS", "SourceIdentifier": "NONE_SUCH"}}, "The sourceIdentifier NONE_SUCH is invalid."),
        ({"ConfigRuleName": None}, "One or more identifiers needs to be provided. Provide Name or Id or Arn"),
        ({"ConfigRuleArn": "arn"}, "ConfigRule Arn and Id can not be specified when creating a new ConfigRule."),
        ({"InputParameters": "{'a': }"}, "Invalid json {'a': } passed in the InputParameters field"),
        ({"InputParameters": '{"Extra":"1"}'}, 'Unknown parameters provided in the inputParameters: {"Extra":"1"}'),
        ({"Source": {"Owner": "AWS", "SourceIdentifier": "CLOUDWATCH_ALARM_ACTION_CHECK"}},
         "The required parameter [alarmActionRequired, insufficientDataActionRequired, okActionRequired] is not present in the inputParameters"),
        ({"ConfigRuleState": "DELETING"}, "The ConfigRuleState DELETING is invalid.  Only the following values are permitted: ACTIVE"),
        ({"CreatedBy": "me"}, "AWS Config populates the CreatedBy field for ServiceLinkedConfigRule."),
        ({"Scope": {"TagValue": "v"}}, "Tag key should not be empty when tag value is provided in scope"),
        ({"Scope": {"TagKey": "k", "ComplianceResourceTypes": [BUCKET]}}, "Scope cannot be applied to both resource and tag"),
        ({"Scope": {"ComplianceResourceId": "b", "ComplianceResourceTypes": [BUCKET, "AWS::SQS::Queue"]}},
         "A single resourceType should be provided when resourceId is provided in scope"),
        ({"MaximumExecutionFrequency": "One_Hour"}, "A maximum execution frequency is not allowed"),
        ({"Source": {"Owner": "AWS", "SourceIdentifier": "ACCESS_KEYS_ROTATED"}, "InputParameters": '{"maxAccessKeyAge":"x"}'}, "The parameter maxAccessKeyAge is no int"),
    ],
)  # fmt: skip
def test_what_is_no_rule_is_refused_in_aws_words(config, said, text):
    asked = {name: value for name, value in rule(**said).items() if value is not None}
    code, told = refused(config.put_config_rule, ConfigRule=asked)
    assert (code, text in told) == ("InvalidParameterValueException", True), told


def test_what_is_not_evaluated_here_is_refused_by_name(config):
    for source in (
        {"Owner": "AWS", "SourceIdentifier": "ENCRYPTED_VOLUMES"},
        {"Owner": "CUSTOM_POLICY", "CustomPolicyDetails": {"PolicyRuntime": "guard-2.x.x", "PolicyText": "rule x {}"}},
    ):
        assert refused(config.put_config_rule, ConfigRule=rule(Source=source))[0] == "NotImplemented"
    proactive = rule(EvaluationModes=[{"Mode": "PROACTIVE"}])
    assert refused(config.put_config_rule, ConfigRule=proactive)[0] == "NotImplemented"


def test_a_rule_is_shown_as_it_was_said_and_changed_by_its_arn(config):
    config.put_config_rule(ConfigRule=rule(Description="d", Scope={"ComplianceResourceTypes": [BUCKET]}), Tags=[{"Key": "a", "Value": "b"}])
    (shown,) = config.describe_config_rules()["ConfigRules"]
    assert shown.pop("ConfigRuleArn") == f"arn:aws:config:{US}:{ACCOUNT}:config-rule/{shown['ConfigRuleId']}"
    assert shown == {
        **rule(Description="d", Scope={"ComplianceResourceTypes": [BUCKET]}), "ConfigRuleId": shown["ConfigRuleId"], "ConfigRuleState": "ACTIVE",
        "EvaluationModes": [{"Mode": "DETECTIVE"}],
    }  # fmt: skip
    said = {"ConfigRuleId": shown["ConfigRuleId"], "Source": shown["Source"], "InputParameters": '{"isMfaDeleteEnabled":"true"}'}
    config.put_config_rule(ConfigRule=said)
    (changed,) = config.describe_config_rules()["ConfigRules"]
    assert (changed["ConfigRuleName"], "Description" in changed) == ("r", False)
    assert config.list_tags_for_resource(ResourceArn=changed["ConfigRuleArn"])["Tags"] == [{"Key": "a", "Value": "b"}]
    assert refused(config.describe_config_rules, ConfigRuleNames=["r", "none"]) == (
        "NoSuchConfigRuleException", "The ConfigRule 'none' provided in the request is invalid. Please check the configRule name",
    )  # fmt: skip


# Evaluation ----------------------------------------------------------------------------------------


def test_a_rule_judges_what_there_is_and_every_change(cloud, config):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="first")
    cloud.sleep(2)
    put_rule(config, "S3_BUCKET_VERSIONING_ENABLED")
    assert config.describe_compliance_by_config_rule()["ComplianceByConfigRules"] == [
        {"ConfigRuleName": VERSIONED, "Compliance": {"ComplianceType": "INSUFFICIENT_DATA"}}
    ]
    cloud.sleep(2)
    s3.create_bucket(Bucket="second")
    s3.put_bucket_versioning(Bucket="first", VersioningConfiguration={"Status": "Enabled"})
    cloud.sleep(2)
    assert verdicts(config, VERSIONED) == {"first": "COMPLIANT", "second": "NON_COMPLIANT", FILES: "NON_COMPLIANT"}
    assert config.describe_compliance_by_config_rule(ConfigRuleNames=[VERSIONED])["ComplianceByConfigRules"][0]["Compliance"] == {
        "ComplianceType": "NON_COMPLIANT", "ComplianceContributorCount": {"CappedCount": 2, "CapExceeded": False},
    }  # fmt: skip
    s3.delete_bucket(Bucket="second")
    cloud.sleep(2)
    assert set(verdicts(config, VERSIONED)) == {"first", FILES}
    (detail,) = config.get_compliance_details_by_resource(ResourceType=BUCKET, ResourceId="first")["EvaluationResults"]
    assert detail["EvaluationResultIdentifier"]["EvaluationResultQualifier"]["ConfigRuleName"] == VERSIONED
    by_resource = config.describe_compliance_by_resource(ResourceType=BUCKET, ComplianceTypes=["NON_COMPLIANT"])["ComplianceByResources"]
    assert [each["ResourceId"] for each in by_resource] == [FILES]
    summary = config.get_compliance_summary_by_resource_type(ResourceTypes=[BUCKET])["ComplianceSummariesByResourceType"][0]["ComplianceSummary"]
    assert (summary["CompliantResourceCount"]["CappedCount"], summary["NonCompliantResourceCount"]["CappedCount"]) == (1, 1)
    summary = config.get_compliance_summary_by_config_rule()["ComplianceSummary"]
    assert (summary["CompliantResourceCount"]["CappedCount"], summary["NonCompliantResourceCount"]["CappedCount"]) == (0, 1)
    (status,) = config.describe_config_rule_evaluation_status()["ConfigRulesEvaluationStatus"]
    assert (status["FirstEvaluationStarted"], "LastSuccessfulEvaluationTime" in status, "LastErrorCode" in status) == (True, True, False)


def test_results_can_be_deleted_and_asked_for_again(cloud, config):
    put_rule(config, "S3_BUCKET_VERSIONING_ENABLED")
    cloud.sleep(2)
    assert verdicts(config, VERSIONED) == {FILES: "NON_COMPLIANT"}
    config.delete_evaluation_results(ConfigRuleName=VERSIONED)
    assert verdicts(config, VERSIONED) == {}
    config.start_config_rules_evaluation(ConfigRuleNames=[VERSIONED])
    cloud.sleep(1)
    assert verdicts(config, VERSIONED) == {FILES: "NON_COMPLIANT"}
    config.delete_config_rule(ConfigRuleName=VERSIONED)
    assert refused(config.get_compliance_details_by_config_rule, ConfigRuleName=VERSIONED)[0] == "NoSuchConfigRuleException"


def test_a_scope_narrows_what_is_judged(cloud, config):
    s3 = cloud.client("s3")
    for name in ("tagged", "plain"):
        s3.create_bucket(Bucket=name)
    s3.put_bucket_tagging(Bucket="tagged", Tagging={"TagSet": [{"Key": "team", "Value": "blue"}]})
    put_rule(config, "S3_BUCKET_VERSIONING_ENABLED", "by-tag", Scope={"TagKey": "team", "TagValue": "blue"})
    put_rule(config, "S3_BUCKET_VERSIONING_ENABLED", "by-id", Scope={"ComplianceResourceTypes": [BUCKET], "ComplianceResourceId": "plain"})
    cloud.sleep(2)
    assert (set(verdicts(config, "by-tag")), set(verdicts(config, "by-id"))) == ({"tagged"}, {"plain"})
    s3.delete_bucket_tagging(Bucket="tagged")
    cloud.sleep(2)
    assert verdicts(config, "by-tag") == {}


def test_a_periodic_rule_is_evaluated_when_its_time_comes(cloud, config):
    iam = cloud.client("iam")
    put_rule(config, "IAM_PASSWORD_POLICY", parameters={"MinimumPasswordLength": "10", "PasswordReusePrevention": "1"}, MaximumExecutionFrequency="One_Hour")
    cloud.sleep(2)
    assert verdicts(config, "iam-password-policy") == {ACCOUNT: "NON_COMPLIANT"}
    iam.update_account_password_policy(MinimumPasswordLength=12, RequireSymbols=True, RequireNumbers=True, RequireUppercaseCharacters=True,
                                       RequireLowercaseCharacters=True, MaxPasswordAge=90, PasswordReusePrevention=3)  # fmt: skip
    cloud.sleep(1_800)
    assert verdicts(config, "iam-password-policy") == {ACCOUNT: "NON_COMPLIANT"}
    cloud.sleep(1_800)
    assert verdicts(config, "iam-password-policy") == {ACCOUNT: "COMPLIANT"}


def test_a_rule_that_may_not_look_says_why(cloud, config):
    cloud.client("iam").detach_role_policy(RoleName="recorder", PolicyArn="arn:aws:iam::aws:policy/service-role/AWS_ConfigRole")
    put_rule(config, "IAM_PASSWORD_POLICY")
    cloud.sleep(2)
    (status,) = config.describe_config_rule_evaluation_status()["ConfigRulesEvaluationStatus"]
    assert (status["LastErrorCode"], "iam:GetAccountPasswordPolicy" in status["LastErrorMessage"]) == ("AccessDenied", True)
    assert verdicts(config, "iam-password-policy") == {}


def test_evaluations_that_are_due_outlive_a_kill(cloud, config):
    cloud.sleep(2)
    put_rule(config, "S3_BUCKET_VERSIONING_ENABLED")
    cloud.restart(kill=True)
    cloud.sleep(2)
    assert verdicts(cloud.client("config"), VERSIONED) == {FILES: "NON_COMPLIANT"}


def test_a_verdict_that_is_new_is_told(cloud):
    topic = cloud.client("sns").create_topic(Name="changes")["TopicArn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "config.amazonaws.com"}, "Action": "sns:Publish", "Resource": topic}
    cloud.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    put_recorder(cloud, resourceTypes=[BUCKET], topic=topic)
    config, s3 = cloud.client("config"), cloud.client("s3")
    sqs, events = cloud.client("sqs"), cloud.client("events")
    bus_url, arn = sqs.create_queue(QueueName="bus")["QueueUrl"], f"arn:aws:sqs:{US}:{ACCOUNT}:bus"
    let = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=bus_url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [let]})})
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["aws.config"], "detail-type": ["Config Rules Compliance Change"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": arn}])
    cloud.sleep(2)
    put_rule(config, "S3_BUCKET_VERSIONING_ENABLED")
    cloud.sleep(2)
    url, _ = subscribed(cloud, topic, "heard")
    received(cloud, bus_url)
    s3.put_bucket_versioning(Bucket=FILES, VersioningConfiguration={"Status": "Enabled"})
    cloud.sleep(2)
    s3.put_bucket_tagging(Bucket=FILES, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})  # judged again, and nothing new
    cloud.sleep(2)
    notices = [json.loads(message["Body"]) for message in received(cloud, url)]
    told = [each for each in notices if json.loads(each["Message"])["messageType"] == "ComplianceChangeNotification"]
    (heard,) = [json.loads(message["Body"]) for message in received(cloud, bus_url)]
    # https://docs.aws.amazon.com/config/latest/developerguide/example-config-rule-compliance-notification.html
    assert [each["Subject"] for each in told] == [f"[AWS Config:{US}] {BUCKET} {FILES} is COMPLIANT with s3-bucket-version..."]
    message = json.loads(told[0]["Message"])
    assert (message["newEvaluationResult"]["complianceType"], message["oldEvaluationResult"]["complianceType"]) == ("COMPLIANT", "NON_COMPLIANT")
    assert (heard["detail"]["configRuleName"], heard["detail"]["newEvaluationResult"]["complianceType"]) == (VERSIONED, "COMPLIANT")


# Functions of customers ------------------------------------------------------------------------------

JUDGE = """
    import json
    import boto3

    def handler(event, context):
        invoking = json.loads(event["invokingEvent"])
        print(json.dumps(event))
        return invoking["messageType"]
"""


def custom(arn: str, **detail) -> dict:
    details = {"EventSource": "aws.config", "MessageType": "ConfigurationItemChangeNotification", **detail}
    return {"ConfigRuleName": "custom", "Source": {"Owner": "CUSTOM_LAMBDA", "SourceIdentifier": arn, "SourceDetails": [details]},
            "InputParameters": '{"wanted":"Enabled"}', "Scope": {"ComplianceResourceTypes": [BUCKET]}}  # fmt: skip


def asked(cloud) -> list[dict]:
    """The events that the function printed."""
    logs, group = cloud.client("logs"), "/aws/lambda/f"
    lines = [each["message"] for each in logs.filter_log_events(logGroupName=group)["events"]]
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_a_function_is_asked_and_answers_with_a_token(cloud, config):
    put_role(cloud, "logs:*")
    arn = make(cloud, JUDGE)["FunctionArn"]
    code, text = refused(config.put_config_rule, ConfigRule=custom(arn))
    assert code == "InsufficientPermissionsException"
    assert text == f"The AWS Lambda function {arn} cannot be invoked. Check the specified function ARN, and check the function's permissions."
    cloud.client("lambda").add_permission(FunctionName="f", StatementId="config", Action="lambda:InvokeFunction", Principal="config.amazonaws.com",
                                          SourceAccount=ACCOUNT)  # fmt: skip
    cloud.sleep(2)
    config.put_config_rule(ConfigRule=custom(arn))
    cloud.sleep(2)
    settle(cloud)
    (event,) = asked(cloud)
    # https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules_example-events.html
    invoking = json.loads(event["invokingEvent"])
    assert (invoking["messageType"], invoking["configurationItem"]["resourceId"]) == ("ConfigurationItemChangeNotification", FILES)
    assert json.loads(event["ruleParameters"]) == {"wanted": "Enabled"}
    assert (event["configRuleName"], event["eventLeftScope"], event["accountId"]) == ("custom", False, ACCOUNT)
    captured = datetime.fromisoformat(invoking["configurationItem"]["configurationItemCaptureTime"])
    verdict = {"ComplianceResourceType": BUCKET, "ComplianceResourceId": FILES, "ComplianceType": "NON_COMPLIANT", "Annotation": "why", "OrderingTimestamp": captured}
    assert refused(config.put_evaluations, Evaluations=[verdict], ResultToken="forged")[0] == "InvalidResultTokenException"
    assert config.put_evaluations(Evaluations=[verdict], ResultToken="any", TestMode=True)["FailedEvaluations"] == []
    assert verdicts(config, "custom") == {}
    config.put_evaluations(Evaluations=[verdict], ResultToken=event["resultToken"])
    assert verdicts(config, "custom") == {FILES: "NON_COMPLIANT"}
    older = {**verdict, "ComplianceType": "COMPLIANT", "OrderingTimestamp": datetime(2020, 1, 1, tzinfo=UTC)}
    config.put_evaluations(Evaluations=[older], ResultToken=event["resultToken"])
    assert verdicts(config, "custom") == {FILES: "NON_COMPLIANT"}  # what was ordered before does not count any more
    config.put_evaluations(Evaluations=[{**verdict, "ComplianceType": "NOT_APPLICABLE"}], ResultToken=event["resultToken"])
    assert verdicts(config, "custom") == {}


def test_a_function_with_a_schedule_is_asked_once_each_time(cloud, config):
    put_role(cloud, "logs:*")
    arn = make(cloud, JUDGE)["FunctionArn"]
    cloud.client("lambda").add_permission(FunctionName="f", StatementId="config", Action="lambda:InvokeFunction", Principal="config.amazonaws.com")
    config.put_config_rule(ConfigRule=custom(arn, MessageType="ScheduledNotification", MaximumExecutionFrequency="One_Hour"))
    cloud.sleep(2)
    settle(cloud)
    cloud.sleep(3_600)
    settle(cloud)
    assert [json.loads(each["invokingEvent"])["messageType"] for each in asked(cloud)] == ["ScheduledNotification"] * 2
    wrong = custom(arn, MaximumExecutionFrequency="One_Hour")
    assert refused(config.put_config_rule, ConfigRule=wrong)[0] == "InvalidParameterValueException"
