"""What AWS refuses of SQS and SNS, in its words as cdk-preflight saw them in live deployments: each case is named after its rule.
It told no codes; they are those of other refusals of the same operation, where no recording is named. It told
the text of a refusal in part, where ours goes on. https://github.com/badmintoncryer/cdk-preflight (rules/sqs, rules/sns)"""

from __future__ import annotations

import json

import pytest
from refusals import refused

TOPIC, QUEUE = "arn:aws:sns:us-east-1:000000000000:t", "arn:aws:sqs:us-east-1:000000000000:q"
NAME = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
WRONG = "InvalidParameter"


def queue(name: str = "made", **attributes):
    said = {key: value if isinstance(value, str) else json.dumps(value) for key, value in attributes.items()}
    return "sqs", "create_queue", {"QueueName": name, "Attributes": said}


def topic(name: str = "made", **attributes):
    return "sns", "create_topic", {"Name": name, "Attributes": attributes}


def subscription(protocol: str, endpoint: str, topic: str = TOPIC, **attributes):
    said = {key: value if isinstance(value, str) else json.dumps(value) for key, value in attributes.items()}
    return "sns", "subscribe", {"TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint, "Attributes": said}


ALLOWED = {"redrivePermission": "byQueue", "sourceQueueArns": [f"{QUEUE}{n}" for n in range(11)]}
OFTEN = {"deadLetterTargetArn": QUEUE, "maxReceiveCount": 1001}


@pytest.mark.parametrize(
    ("asked", "code", "text"),
    [
        pytest.param(queue("made.fifo"), "InvalidParameterValue", NAME, id="sqs-fifo-name-suffix"),
        pytest.param(queue("テスト用"), "InvalidParameterValue", NAME, id="sqs-queue-name-format"),
        pytest.param(
            queue(ContentBasedDeduplication="true"), "InvalidAttributeName", "Unknown Attribute ContentBasedDeduplication.", id="sqs-fifo-only-attributes"
        ),
        pytest.param(
            queue(RedriveAllowPolicy=ALLOWED), "InvalidParameterValue",
            f"Value {json.dumps(ALLOWED)} for parameter RedriveAllowPolicy is invalid. Reason: Amazon SQS can't create the redrive allow policy. You must "
            "specify 1 to 10 sourceQueueArns.",
            id="sqs-redrive-allow-policy",
        ),
        pytest.param(
            queue(RedrivePolicy=OFTEN), "InvalidParameterValue",
            f"Value {json.dumps(OFTEN)} for parameter RedrivePolicy is invalid. Reason: Invalid value for maxReceiveCount: 1001, valid "
            "values are from 1 to 1000 both inclusive.",
            id="sqs-redrive-policy",
        ),
        pytest.param(
            queue(SqsManagedSseEnabled="true", KmsMasterKeyId="alias/aws/sqs"), "InvalidAttributeValue",
            "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.", id="sqs-sse-exclusive",
        ),
        pytest.param(
            ("sqs", "set_queue_attributes", {"QueueUrl": QUEUE, "Attributes": {"DelaySeconds": "1"}}), "InvalidAddress",
            f"The address {QUEUE} is not valid for this endpoint.", id="sqs-queue-policy-queues",
        ),
        pytest.param(
            subscription("https", "https://example.com", DeliveryPolicy={"healthyRetryPolicy": {"numRetries": 101, "minDelayTarget": 21, "maxDelayTarget": 20}}),
            WRONG, "Invalid parameter: Attributes Reason: DeliveryPolicy: healthyRetryPolicy.numRetries must be less than or equal to 100", id="sns-delivery-policy",
        ),
        pytest.param(
            subscription("sqs", f"{QUEUE}.fifo"), WRONG,
            "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
            id="sns-fifo-queue-on-standard-topic",
        ),
        pytest.param(topic("made.fifo"), WRONG, "Invalid parameter: Topic Name", id="sns-fifo-topic-name"),
        pytest.param(topic("テスト用"), WRONG, "Invalid parameter: Topic Name", id="sns-topic-name-format"),
        pytest.param(
            subscription("sqs", QUEUE, FilterPolicy={name: ["x"] for name in "abcdef"}), WRONG,
            "Invalid parameter: Attributes Reason: FilterPolicy: Filter policy can not have more than 5 keys", id="sns-filter-policy",
        ),
        pytest.param(
            subscription("lambda", "arn:aws:lambda:us-east-1:000000000000:function:f", RawMessageDelivery="true"), WRONG,
            "Invalid parameter: Attributes Reason: Delivery protocol [lambda] does not support raw message delivery.", id="sns-raw-message-delivery",
        ),
        pytest.param(subscription("sqs", "someone@example.com"), WRONG, "Invalid parameter: SQS endpoint ARN", id="sns-subscription-endpoint"),
        pytest.param(
            subscription("sqs", QUEUE, RedrivePolicy={"deadLetterTargetArn": TOPIC}), WRONG,
            "Invalid parameter: Attributes Reason: RedrivePolicy: deadLetterTargetArn must be a SQS queue", id="sns-subscription-redrive",
        ),
        pytest.param(subscription("sqs", QUEUE, TOPIC.replace("us-east-1", "us-west-2")), WRONG, "Invalid parameter: TopicArn", id="sns-subscription-region"),
        pytest.param(
            ("sns", "set_topic_attributes", {"TopicArn": "t", "AttributeName": "DisplayName", "AttributeValue": "x"}), WRONG,
            "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1", id="sns-topic-policy-topics",
        ),
    ],
)
def test_what_aws_refuses_is_refused_in_its_words(cloud, asked, code, text):
    cloud.client("sqs").create_queue(QueueName="q")
    cloud.client("sns").create_topic(Name="t")
    service, operation, said = asked
    assert refused(getattr(cloud.client(service), operation), **said) == (code, text)
