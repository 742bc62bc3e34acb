"""Topics: what they are made of, who may use them. Answers recorded from AWS by localstack's TestSNSTopicCrud and TestSNSTopicCrudV2."""

from __future__ import annotations

import json

import pytest
from refusals import refused

ACCOUNT = "000000000000"
RETRIES = {
    "minDelayTarget": 20, "maxDelayTarget": 20, "numRetries": 3, "numMaxDelayRetries": 0, "numNoDelayRetries": 0, "numMinDelayRetries": 0,
    "backoffFunction": "linear",
}  # fmt: skip
REQUEST = {"headerContentType": "text/plain; charset=UTF-8"}


@pytest.fixture
def sns(cloud):
    return cloud.client("sns")


def attributes(sns, topic: str) -> dict[str, str]:
    return sns.get_topic_attributes(TopicArn=topic)["Attributes"]


def test_a_fresh_topic_shows_the_policy_and_the_retries_that_aws_gives_it(sns):
    topic = sns.create_topic(Name="news")["TopicArn"]
    said = attributes(sns, topic)
    policy, effective = json.loads(said.pop("Policy")), json.loads(said.pop("EffectiveDeliveryPolicy"))
    assert said == {
        "TopicArn": topic, "Owner": ACCOUNT, "DisplayName": "", "SubscriptionsConfirmed": "0", "SubscriptionsPending": "0",
        "SubscriptionsDeleted": "0",
    }  # fmt: skip
    assert policy["Id"] == "__default_policy_ID" and policy["Statement"][0]["Condition"] == {"StringEquals": {"AWS:SourceOwner": ACCOUNT}}
    assert effective == {"http": {"defaultHealthyRetryPolicy": RETRIES, "disableSubscriptionOverrides": False, "defaultRequestPolicy": REQUEST}}


@pytest.mark.parametrize("name, said", [
    ("", {}), ("x" * 257, {}), ("news.fifo", {}), ("news", {"FifoTopic": "true"}), *((f"a{mark}b", {}) for mark in ":;!@|^%"),
])  # fmt: skip
def test_a_name_that_is_none_is_refused(sns, name, said):
    assert refused(sns.create_topic, Name=name, Attributes=said) == ("InvalidParameter", "Invalid parameter: Topic Name")


def test_attributes_that_say_too_much_are_refused(sns):
    # cdk-preflight's pf-sns-topic-attribute-values and -fifo-only-attributes, of AWS
    archive = {"FifoTopic": "true", "ArchivePolicy": '{"MessageRetentionPeriod": 366}'}
    for name, said, text in (
        ("news", {"DisplayName": "x" * 101}, "DisplayName"),
        ("news.fifo", archive, "ArchivePolicy: MessageRetentionPeriod value is invalid"),
    ):
        assert refused(sns.create_topic, Name=name, Attributes=said) == ("InvalidParameter", f"Invalid parameter: Attributes Reason: {text}")


def test_making_a_topic_again_is_harmless_unless_it_would_change_it(sns):
    tags = [{"Key": "k", "Value": "v"}, {"Key": "l", "Value": "w"}]
    topic = sns.create_topic(Name="news", Attributes={"DisplayName": "News"}, Tags=tags)["TopicArn"]
    for again in ({}, {"Tags": []}, {"Tags": tags}, {"Tags": tags[:1]}, {"Attributes": {"DisplayName": "News"}}, {"Attributes": {"SignatureVersion": "1"}}):
        assert sns.create_topic(Name="news", **again)["TopicArn"] == topic
    differs = ("InvalidParameter", "Invalid parameter: Attributes Reason: Topic already exists with different attributes")
    assert refused(sns.create_topic, Name="news", Attributes={"DisplayName": "Olds"}) == differs
    assert refused(sns.create_topic, Name="news", Attributes={"SignatureVersion": "2"}) == differs
    # Recorded: localstack's test_create_duplicate_topic_check_idempotency.
    more = [*tags, {"Key": "k2", "Value": "v2"}]
    assert refused(sns.create_topic, Name="news", Tags=more)[1] == "Invalid parameter: Tags Reason: Topic already exists with different tags"


def test_a_topic_that_is_not_there_is_not_found_and_deleted_with_success(sns):
    topic = sns.create_topic(Name="news")["TopicArn"]
    for _ in range(2):
        sns.delete_topic(TopicArn=topic)
    assert refused(sns.get_topic_attributes, TopicArn=topic) == ("NotFound", "Topic does not exist")
    malformed = "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1"
    assert refused(sns.get_topic_attributes, TopicArn="news") == ("InvalidParameter", malformed)
    assert refused(sns.get_topic_attributes, TopicArn=topic.replace("us-east-1", "us-west-2")) == ("InvalidParameter", "Invalid parameter: TopicArn")


def test_a_topic_made_again_under_an_old_name_has_nothing_of_the_old(sns):
    sns.create_topic(Name="news", Tags=[{"Key": "k", "Value": "v"}])
    topic = sns.create_topic(Name="news")["TopicArn"]
    sns.delete_topic(TopicArn=topic)
    sns.create_topic(Name="news", Tags=[{"Key": "other", "Value": "v"}])
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "other", "Value": "v"}]


def test_topics_are_listed_a_hundred_at_a_time(sns):
    for number in range(101):
        sns.create_topic(Name=f"topic-{number:03}")
    first = sns.list_topics()
    second = sns.list_topics(NextToken=first["NextToken"])
    assert (len(first["Topics"]), len(second["Topics"]), "NextToken" in second) == (100, 1, False)
    assert refused(sns.list_topics, NextToken="nonsense")[0] == "InvalidParameter"


def test_tags(sns):
    topic = sns.create_topic(Name="news", Tags=[{"Key": "k1", "Value": "v1"}, {"Key": "k2", "Value": "v2"}])["TopicArn"]
    sns.untag_resource(ResourceArn=topic, TagKeys=["k1"])
    sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "k2", "Value": "v2b"}])
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "k2", "Value": "v2b"}]
    twice = [{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}]
    assert refused(sns.tag_resource, ResourceArn=topic, Tags=twice)[1] == "Invalid parameter: Duplicated keys are not allowed."
    assert refused(sns.tag_resource, ResourceArn=topic + "x", Tags=twice[:1]) == ("ResourceNotFound", "Resource does not exist")


def test_attributes_are_set_one_by_one(sns):
    topic = sns.create_topic(Name="news.fifo", Attributes={"FifoTopic": "true", "SignatureVersion": "2"})["TopicArn"]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="News")
    sns.set_topic_attributes(TopicArn=topic, AttributeName="ContentBasedDeduplication", AttributeValue="true")
    said = attributes(sns, topic)
    assert [said[name] for name in ("DisplayName", "ContentBasedDeduplication", "FifoTopic", "SignatureVersion")] == ["News", "true", "true", "2"]
    for name in ("FifoTopic", "Colour"):
        assert refused(sns.set_topic_attributes, TopicArn=topic, AttributeName=name, AttributeValue="false")[1] == "Invalid parameter: AttributeName"


def test_a_standard_topic_may_be_told_that_it_is_no_fifo_topic(sns):
    topic = sns.create_topic(Name="news", Attributes={"FifoTopic": "false"})["TopicArn"]
    assert "FifoTopic" not in attributes(sns, topic)


def test_a_delivery_policy_is_shown_as_it_counts(sns):
    topic = sns.create_topic(Name="news")["TopicArn"]

    def shown(policy: dict | str) -> tuple:
        text = policy if isinstance(policy, str) else json.dumps(policy)
        sns.set_topic_attributes(TopicArn=topic, AttributeName="DeliveryPolicy", AttributeValue=text)
        said = attributes(sns, topic)
        own = json.loads(said["DeliveryPolicy"])["http"] if "DeliveryPolicy" in said else None
        return own, json.loads(said["EffectiveDeliveryPolicy"])["http"]

    json_type = {"headerContentType": "application/json"}
    assert shown({"http": {"defaultRequestPolicy": json_type}}) == (
        {"disableSubscriptionOverrides": False, "defaultRequestPolicy": json_type},
        {"defaultHealthyRetryPolicy": RETRIES, "disableSubscriptionOverrides": False, "defaultRequestPolicy": json_type},
    )
    few = {"minDelayTarget": 5, "maxDelayTarget": 6, "numRetries": 1}
    own, effective = shown({"http": {"defaultHealthyRetryPolicy": few}})
    assert own == {"defaultHealthyRetryPolicy": few, "disableSubscriptionOverrides": False} and effective["defaultHealthyRetryPolicy"] == RETRIES | few
    assert shown({"http": {"defaultHealthyRetryPolicy": None}})[0] == {"disableSubscriptionOverrides": False}
    assert shown("")[0] is None


@pytest.mark.parametrize("retries", [
    {"numRetries": 3}, {"minDelayTarget": 5, "maxDelayTarget": 4, "numRetries": 1}, {"minDelayTarget": 1, "maxDelayTarget": 1, "numRetries": 101},
    {"minDelayTarget": 1, "maxDelayTarget": 1, "numRetries": 1, "numNoDelayRetries": 2}, {"minDelayTarget": 3600, "maxDelayTarget": 3600, "numRetries": 2},
    {"minDelayTarget": 1, "maxDelayTarget": 1, "numRetries": 1, "backoffFunction": "random"}, {"minDelayTarget": "1", "maxDelayTarget": 1, "numRetries": 1},
])  # fmt: skip
def test_a_delivery_policy_has_bounds(sns, retries):
    topic = sns.create_topic(Name="news")["TopicArn"]
    policy = json.dumps({"http": {"defaultHealthyRetryPolicy": retries}})
    code, text = refused(sns.set_topic_attributes, TopicArn=topic, AttributeName="DeliveryPolicy", AttributeValue=policy)
    assert code == "InvalidParameter" and text.startswith("Invalid parameter: DeliveryPolicy: http.defaultHealthyRetryPolicy")


def test_a_rate_of_deliveries_to_log_is_kept_and_logs_nothing_without_a_role(sns):
    # Terraform's provider sets them all to zero: internal/service/sns/topic.go of hashicorp/terraform-provider-aws 5.100.0.
    topic = sns.create_topic(Name="news", Attributes={"SQSSuccessFeedbackSampleRate": "100"})["TopicArn"]
    for kind in ("Application", "Firehose", "HTTP", "Lambda", "SQS"):
        sns.set_topic_attributes(TopicArn=topic, AttributeName=f"{kind}SuccessFeedbackSampleRate", AttributeValue="0")
        sns.set_topic_attributes(TopicArn=topic, AttributeName=f"{kind}FailureFeedbackRoleArn", AttributeValue="")
    shown = attributes(sns, topic)
    assert {name: value for name, value in shown.items() if "Feedback" in name} == {
        f"{kind}SuccessFeedbackSampleRate": "0" for kind in ("Application", "Firehose", "HTTP", "Lambda", "SQS")
    }
    assert refused(sns.set_topic_attributes, TopicArn=topic, AttributeName="SQSSuccessFeedbackSampleRate", AttributeValue="101")[0] == "InvalidParameter"


# Permissions ---------------------------------------------------------------------------------------


def statements(sns, topic: str) -> list[dict]:
    return json.loads(attributes(sns, topic)["Policy"])["Statement"]


def test_a_permission_is_a_statement_of_the_policy(sns):
    topic = sns.create_topic(Name="news")["TopicArn"]
    sns.add_permission(TopicArn=topic, Label="one", AWSAccountId=["111111111111"], ActionName=["Publish"])
    sns.add_permission(TopicArn=topic, Label="two", AWSAccountId=["111111111111", "222222222222"], ActionName=["Publish", "Subscribe"])
    _, one, two = statements(sns, topic)
    root = "arn:aws:iam::{}:root".format
    assert one == {"Sid": "one", "Effect": "Allow", "Principal": {"AWS": root("1" * 12)}, "Action": "SNS:Publish", "Resource": topic}
    assert two["Principal"] == {"AWS": [root("1" * 12), root("2" * 12)]} and two["Action"] == ["SNS:Publish", "SNS:Subscribe"]
    sns.remove_permission(TopicArn=topic, Label="one")
    assert [each["Sid"] for each in statements(sns, topic)] == ["__default_statement_ID", "two"]


def test_refusals_of_permissions(sns):
    topic = sns.create_topic(Name="news")["TopicArn"]
    said = {"TopicArn": topic, "Label": "one", "AWSAccountId": ["111111111111"], "ActionName": ["Publish"]}
    sns.add_permission(**said)
    assert refused(sns.add_permission, **said)[1] == "Invalid parameter: Statement already exists"
    assert refused(sns.add_permission, **said | {"TopicArn": topic + "x"}) == ("NotFound", "Topic does not exist")
    out = "Invalid parameter: Policy statement action out of service scope!"
    assert refused(sns.add_permission, **said | {"Label": "two", "ActionName": ["InvalidAction"]})[1] == out
    document = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": topic}]})
    assert refused(sns.set_topic_attributes, TopicArn=topic, AttributeName="Policy", AttributeValue=document)[1] == out
    assert refused(sns.set_topic_attributes, TopicArn=topic, AttributeName="Policy", AttributeValue="{}")[0] == "InvalidParameter"


def test_another_account_publishes_when_the_policy_lets_it(cloud, sns):
    topic = sns.create_topic(Name="news")["TopicArn"]
    other = cloud.client("sns", key="111111111111")
    code, text = refused(other.publish, TopicArn=topic, Message="x")
    assert code == "AuthorizationError" and "is not authorized to perform: SNS:Publish on resource: " + topic in text
    sns.add_permission(TopicArn=topic, Label="one", AWSAccountId=["111111111111"], ActionName=["Publish"])
    assert other.publish(TopicArn=topic, Message="x")["MessageId"]


def test_a_user_without_rights_is_refused_and_the_default_policy_gives_none(cloud, sns):
    topic = sns.create_topic(Name="news")["TopicArn"]
    iam = cloud.client("iam")
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    user = cloud.client("sns", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert refused(user.publish, TopicArn=topic, Message="x")[0] == "AuthorizationError"
    allowed = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sns:Publish", "Resource": topic}}
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps(allowed))
    assert user.publish(TopicArn=topic, Message="x")["MessageId"]


def test_what_is_said_of_a_topic_survives_a_kill(cloud, sns):
    topic = sns.create_topic(Name="news", Attributes={"DisplayName": "News"}, Tags=[{"Key": "k", "Value": "v"}])["TopicArn"]
    cloud.restart(kill=True)
    assert attributes(sns, topic)["DisplayName"] == "News" and sns.list_tags_for_resource(ResourceArn=topic)["Tags"]
