"""Queues, their attributes, tags, permissions and names, as clients see them."""

import json

import pytest
from botocore.exceptions import ClientError
from refusals import refused, refused_fully

ACCOUNT = "000000000000"


@pytest.fixture
def sqs(cloud):
    return cloud.client("sqs")


def arn(name: str, region: str = "us-east-1") -> str:
    return f"arn:aws:sqs:{region}:{ACCOUNT}:{name}"


def shown(sqs, url: str, *names: str) -> dict:
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names or ["All"])).get("Attributes", {})


def test_a_new_queue_has_the_documented_defaults(cloud, sqs):
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    assert url == f"http://localhost:4566/{ACCOUNT}/jobs"
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
    assert shown(sqs, url) == {
        "QueueArn": arn("jobs"),
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "CreatedTimestamp": str(int(cloud.now())),
        "LastModifiedTimestamp": str(int(cloud.now())),
        "VisibilityTimeout": "30",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "DelaySeconds": "0",
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true",
    }


def test_a_fifo_queue_shows_its_own_attributes_beside_the_common_ones(sqs):
    url = sqs.create_queue(QueueName="jobs.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    found = shown(sqs, url)
    assert {
        n: found[n]
        for n in ("FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")
    } == {
        "FifoQueue": "true",
        "ContentBasedDeduplication": "false",
        "DeduplicationScope": "queue",
        "FifoThroughputLimit": "perQueue",
    }


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("VisibilityTimeout", 0, 43_200),
        ("MaximumMessageSize", 1_024, 1_048_576),
        ("MessageRetentionPeriod", 60, 1_209_600),
        ("DelaySeconds", 0, 900),
        ("ReceiveMessageWaitTimeSeconds", 0, 20),
    ],
)
def test_a_number_is_taken_within_its_range_and_refused_beyond(sqs, name, low, high):
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    for value in (low, high):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={name: str(value)})
        assert shown(sqs, url, name) == {name: str(value)}
    for value in (str(low - 1), str(high + 1), "many", "", "9" * 5000, "²", "1.5"):
        code, text = refused(sqs.set_queue_attributes, QueueUrl=url, Attributes={name: value})
        assert (code, text) == ("InvalidAttributeValue", f"Invalid value for the parameter {name}.")
    assert shown(sqs, url, name) == {name: str(high)}


@pytest.mark.parametrize(
    "attributes",
    [{"Colour": "red"}, {"FifoQueue": "false"}, {"ContentBasedDeduplication": "true"}, {"QueueArn": "x"}],
)
def test_an_attribute_a_standard_queue_does_not_have_is_unknown(sqs, attributes):
    name = next(iter(attributes))
    assert refused(sqs.create_queue, QueueName="q", Attributes=attributes) == (
        "InvalidAttributeName",
        f"Unknown Attribute {name}.",
    )
    assert "QueueUrls" not in sqs.list_queues()


@pytest.mark.parametrize(("name", "value"), [("DeduplicationScope", "queue"), ("FifoThroughputLimit", "perQueue")])
def test_only_a_fifo_queue_may_say_how_far_its_order_reaches(sqs, name, value):
    assert refused(sqs.create_queue, QueueName="q", Attributes={name: value}) == (
        "InvalidAttributeName",
        f"You can specify the {name} only when FifoQueue is set to true.",
    )


def test_how_long_data_keys_are_reused_is_told_of_a_queue_that_has_a_key(sqs):
    key = {"KmsMasterKeyId": "alias/x", "KmsDataKeyReusePeriodSeconds": "600"}
    url = sqs.create_queue(QueueName="q", Attributes=key)["QueueUrl"]
    assert shown(sqs, url, "KmsDataKeyReusePeriodSeconds") == {"KmsDataKeyReusePeriodSeconds": "600"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": "", "KmsDataKeyReusePeriodSeconds": "300"})
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["KmsDataKeyReusePeriodSeconds"])


def test_asking_for_an_unknown_attribute_is_refused_and_for_an_unset_one_answers_nothing(sqs):
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    assert refused(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["Colour"]) == (
        "InvalidAttributeName",
        "Unknown Attribute Colour.",
    )
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url)


@pytest.mark.parametrize("name", ["", "a" * 81, "a b", "x.y", "jobs.fifo", "ü"])
def test_a_queue_name_is_letters_digits_hyphens_and_underscores(sqs, name):
    code, text = refused(sqs.create_queue, QueueName=name)
    assert code == "InvalidParameterValue"
    assert text == "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"


def test_a_fifo_queue_must_be_called_so(sqs):
    code, text = refused(sqs.create_queue, QueueName="jobs", Attributes={"FifoQueue": "true"})
    assert (code, text.startswith("The name of a FIFO queue can only include")) == (
        "InvalidParameterValue",
        True,
    )


def test_making_a_queue_again_answers_its_url_unless_an_attribute_differs(sqs):
    url = sqs.create_queue(QueueName="q", Attributes={"DelaySeconds": "5"})["QueueUrl"]
    assert sqs.create_queue(QueueName="q")["QueueUrl"] == url
    assert (
        sqs.create_queue(QueueName="q", Attributes={"DelaySeconds": "5", "VisibilityTimeout": "30"})[
            "QueueUrl"
        ]
        == url
    )
    code, text = refused(sqs.create_queue, QueueName="q", Attributes={"DelaySeconds": "6"})
    assert (code, text) == (
        "QueueAlreadyExists",
        "A queue already exists with the same name and a different value for attribute DelaySeconds",
    )


def test_setting_attributes_changes_only_what_was_said_and_when(cloud, sqs):
    url = sqs.create_queue(QueueName="q", Attributes={"DelaySeconds": "5"})["QueueUrl"]
    cloud.sleep(100)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "7"})
    found = shown(sqs, url)
    assert (found["DelaySeconds"], found["VisibilityTimeout"]) == ("5", "7")
    assert int(found["LastModifiedTimestamp"]) - int(found["CreatedTimestamp"]) == 100


def test_high_throughput_needs_deduplication_by_group_whether_said_now_or_before(sqs):
    url = sqs.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    limit = {"FifoThroughputLimit": "perMessageGroupId"}
    assert refused(sqs.set_queue_attributes, QueueUrl=url, Attributes=limit) == (
        "InvalidAttributeValue",
        # cdk-preflight's pf-sqs-high-throughput-pairing, of AWS
        "Invalid value for the parameter FifoThroughputLimit. Reason: To set FifoThroughputLimit to perMessageGroupId, "
        "the DeduplicationScope must be messageGroup.",
    )
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DeduplicationScope": "messageGroup"})
    sqs.set_queue_attributes(QueueUrl=url, Attributes=limit)
    assert shown(sqs, url, "FifoThroughputLimit") == limit


# Redrive policies ----------------------------------------------------------------------------------


@pytest.fixture
def dead(sqs):
    return sqs.create_queue(QueueName="dead")["QueueUrl"]


def redrive(count=3, name="dead") -> dict:
    return {"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn(name), "maxReceiveCount": count})}


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ({"maxReceiveCount": 3}, "does not contain mandatory attribute: deadLetterTargetArn"),
        ({"deadLetterTargetArn": arn("dead")}, "does not contain mandatory attribute: maxReceiveCount"),
        ({"deadLetterTargetArn": arn("dead"), "maxReceiveCount": 0}, "valid values are from 1 to 1000"),
        ({"deadLetterTargetArn": arn("dead"), "maxReceiveCount": 1001}, "valid values are from 1 to 1000"),
        ({"deadLetterTargetArn": arn("dead"), "maxReceiveCount": "²"}, "valid values are from 1 to 1000"),
        (
            {"deadLetterTargetArn": arn("dead"), "maxReceiveCount": "9" * 5000},
            "valid values are from 1 to 1000",
        ),
        ({"deadLetterTargetArn": arn("nobody"), "maxReceiveCount": 1}, "Dead letter target does not exist."),
        (
            # cdk-preflight's pf-sqs-redrive-arn-region, of AWS
            {"deadLetterTargetArn": arn("dead", "eu-west-1"), "maxReceiveCount": 1},
            "for parameter RedrivePolicy is invalid. Reason: Dead-letter target must be in same region as the source.",
        ),
        (
            {"deadLetterTargetArn": arn("dead.fifo"), "maxReceiveCount": 1},
            # cdk-preflight's pf-sqs-dlq-same-type, of AWS
            "for parameter RedrivePolicy is invalid. Reason: Dead-letter queue must be same type of queue as the source..",
        ),
        (
            {"deadLetterTargetArn": arn("dead"), "maxReceiveCount": 1, "x": 1},
            "Only following attributes are supported",
        ),
        ("[" * 100_000, "unsupported format"),
        ("nonsense", "unsupported format"),
    ],
)
def test_a_redrive_policy_that_cannot_work_is_refused_with_its_reason(sqs, dead, policy, reason):
    sqs.create_queue(QueueName="dead.fifo", Attributes={"FifoQueue": "true"})
    text = policy if isinstance(policy, str) else json.dumps(policy)
    code, message = refused(sqs.create_queue, QueueName="q", Attributes={"RedrivePolicy": text})
    assert code == "InvalidParameterValue"
    assert reason in message


def test_the_sources_of_a_dead_letter_queue_are_listed_in_pages(sqs, dead):
    for n in range(5):
        sqs.create_queue(QueueName=f"q{n}", Attributes=redrive())
    sqs.create_queue(QueueName="other")
    pages = list(
        sqs.get_paginator("list_dead_letter_source_queues").paginate(
            QueueUrl=dead, PaginationConfig={"PageSize": 2}
        )
    )
    assert [len(page["queueUrls"]) for page in pages] == [2, 2, 1]
    assert [url.rpartition("/")[2] for page in pages for url in page["queueUrls"]] == [
        "q0",
        "q1",
        "q2",
        "q3",
        "q4",
    ]


def test_a_redrive_policy_shows_its_count_as_a_number(sqs, dead):
    url = sqs.create_queue(QueueName="q", Attributes=redrive("7"))["QueueUrl"]
    assert json.loads(shown(sqs, url, "RedrivePolicy")["RedrivePolicy"]) == {
        "deadLetterTargetArn": arn("dead"),
        "maxReceiveCount": 7,
    }


def test_a_redrive_policy_is_taken_away_by_an_empty_text(sqs, dead):
    url = sqs.create_queue(QueueName="q", Attributes=redrive())["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})
    assert "RedrivePolicy" not in shown(sqs, url)
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == []


@pytest.mark.parametrize(
    ("policy", "source", "is_allowed"),
    [
        ({"redrivePermission": "allowAll"}, "q", True),
        ({"redrivePermission": "denyAll"}, "q", False),
        ({"redrivePermission": "byQueue", "sourceQueueArns": [arn("q")]}, "q", True),
        ({"redrivePermission": "byQueue", "sourceQueueArns": [arn("other")]}, "q", False),
    ],
)
def test_a_dead_letter_queue_chooses_its_sources(sqs, dead, policy, source, is_allowed):
    sqs.set_queue_attributes(QueueUrl=dead, Attributes={"RedriveAllowPolicy": json.dumps(policy)})
    if is_allowed:
        sqs.create_queue(QueueName=source, Attributes=redrive())
    else:
        assert refused(sqs.create_queue, QueueName=source, Attributes=redrive())[0] == "InvalidParameterValue"
        assert len(sqs.list_queues()["QueueUrls"]) == 1


@pytest.mark.parametrize(
    "policy", [{"redrivePermission": "some"}, {"redrivePermission": "byQueue"}, {"redrivePermission": "byQueue", "sourceQueueArns": [arn("q")] * 11},
               {"redrivePermission": "allowAll", "sourceQueueArns": [arn("q")]}, []]
)  # fmt: skip
def test_a_malformed_redrive_allow_policy_is_refused(sqs, dead, policy):
    code, _ = refused(
        sqs.set_queue_attributes, QueueUrl=dead, Attributes={"RedriveAllowPolicy": json.dumps(policy)}
    )
    assert code == "InvalidParameterValue"


# Names and lists -----------------------------------------------------------------------------------


def test_lists_are_sorted_filtered_and_paged_only_on_request(sqs):
    for name in ("b2", "a1", "b1", "c"):
        sqs.create_queue(QueueName=name)
    names = lambda reply: [url.rpartition("/")[2] for url in reply.get("QueueUrls", [])]  # noqa: E731
    assert names(sqs.list_queues()) == ["a1", "b1", "b2", "c"]
    assert names(sqs.list_queues(QueueNamePrefix="b")) == ["b1", "b2"]
    first = sqs.list_queues(MaxResults=3)
    assert names(first) == ["a1", "b1", "b2"]
    rest = sqs.list_queues(MaxResults=3, NextToken=first["NextToken"])
    assert (names(rest), "NextToken" in rest) == (["c"], False)
    for count in (0, 1001):
        assert refused(sqs.list_queues, MaxResults=count)[0] == "InvalidParameterValue"


def test_a_queue_that_is_not_there_has_no_url(sqs):
    assert refused(sqs.get_queue_url, QueueName="nobody") == (
        "AWS.SimpleQueueService.NonExistentQueue",
        "The specified queue does not exist.",
    )
    assert refused(sqs.send_message, QueueUrl="http://localhost:4566/000000000000/nobody", MessageBody="x")[
        0
    ] == ("AWS.SimpleQueueService.NonExistentQueue")


def test_an_address_that_is_no_url_is_invalid(sqs):
    assert refused(sqs.send_message, QueueUrl="nobody", MessageBody="x") == (
        "InvalidAddress",
        "The address nobody is not valid for this endpoint.",
    )


def test_an_owner_that_does_not_own_the_queue_is_not_confused_with_the_caller(sqs):
    url = sqs.create_queue(QueueName="mine")["QueueUrl"]
    assert sqs.get_queue_url(QueueName="mine", QueueOwnerAWSAccountId=ACCOUNT)["QueueUrl"] == url
    for owner in ("111111111111", "../../elsewhere"):
        with pytest.raises(ClientError):
            sqs.get_queue_url(QueueName="mine", QueueOwnerAWSAccountId=owner)


def test_an_account_in_a_clients_arn_never_becomes_a_path(cloud, sqs, tmp_path):
    for account in ("../../evil", "..%2Fevil", "²" * 12, "/tmp/evil"):
        with pytest.raises(ClientError):
            sqs.list_message_move_tasks(SourceArn=f"arn:aws:sqs:us-east-1:{account}:q")
    found = {path.name for path in tmp_path.rglob("*.db")}
    assert found <= {"000000000000.db", "aws.db"}


def test_a_deleted_queue_is_gone_and_its_successor_is_empty(sqs):
    url = sqs.create_queue(QueueName="q", Attributes={"DelaySeconds": "0"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="old")
    sqs.delete_queue(QueueUrl=url)
    assert refused(sqs.receive_message, QueueUrl=url)[0] == "AWS.SimpleQueueService.NonExistentQueue"
    assert sqs.create_queue(QueueName="q")["QueueUrl"] == url
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_at_aws_pace_a_name_rests_a_minute_after_its_deletion(make_cloud):
    cloud = make_cloud(pace="real")
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.delete_queue(QueueUrl=url)
    code, text = refused(sqs.create_queue, QueueName="q")
    assert code == "AWS.SimpleQueueService.QueueDeletedRecently"
    assert (
        text
        == "You must wait 60 seconds after deleting a queue before you can create another with the same name."
    )
    cloud.sleep(61)
    sqs.create_queue(QueueName="q")


def test_queues_belong_to_an_account_and_a_region(cloud):
    cloud.region("eu-west-1")
    cloud.client("sqs").create_queue(QueueName="q")
    assert "QueueUrls" not in cloud.client("sqs", "eu-west-1").list_queues()
    assert "QueueUrls" not in cloud.client("sqs", key="111122223333").list_queues()


# Tags ----------------------------------------------------------------------------------------------


def test_tags_are_added_replaced_and_removed(sqs):
    url = sqs.create_queue(QueueName="q", tags={"team": "a"})["QueueUrl"]
    sqs.tag_queue(QueueUrl=url, Tags={"team": "b", "cost": ""})
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "b", "cost": ""}
    sqs.untag_queue(QueueUrl=url, TagKeys=["team", "absent"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"cost": ""}
    sqs.untag_queue(QueueUrl=url, TagKeys=["cost"])
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=url)


def test_tagging_with_nothing_is_refused(sqs):
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    assert refused(sqs.tag_queue, QueueUrl=url, Tags={}) == (
        "MissingParameter",
        "The request must contain the parameter Tags.",
    )
    assert refused(sqs.untag_queue, QueueUrl=url, TagKeys=[]) == (
        "InvalidParameterValue",
        "Tag keys must be between 1 and 128 characters in length.",
    )


def test_a_queue_has_at_most_fifty_tags(sqs):
    url = sqs.create_queue(QueueName="q", tags={f"k{n}": "v" for n in range(50)})["QueueUrl"]
    assert refused(sqs.tag_queue, QueueUrl=url, Tags={"one": "more"})[0] == "InvalidParameterValue"
    sqs.tag_queue(QueueUrl=url, Tags={"k0": "w"})
    assert len(sqs.list_queue_tags(QueueUrl=url)["Tags"]) == 50


# Permissions ---------------------------------------------------------------------------------------


def test_a_permission_becomes_a_statement_in_the_documented_shape(sqs):
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.add_permission(QueueUrl=url, Label="one", AWSAccountIds=["111122223333"], Actions=["SendMessage"])
    sqs.add_permission(
        QueueUrl=url,
        Label="two",
        AWSAccountIds=["111122223333", "444455556666"],
        Actions=["SendMessage", "ReceiveMessage"],
    )
    # The document AWS makes: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-customer-managed-policy-examples.html
    assert json.loads(shown(sqs, url, "Policy")["Policy"]) == {
        "Version": "2008-10-17",
        "Id": f"{arn('q')}/SQSDefaultPolicy",
        "Statement": [
            {
                "Sid": "one",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                "Action": "SQS:SendMessage",
                "Resource": arn("q"),
            },
            {
                "Sid": "two",
                "Effect": "Allow",
                "Principal": {"AWS": ["arn:aws:iam::111122223333:root", "arn:aws:iam::444455556666:root"]},
                "Action": ["SQS:SendMessage", "SQS:ReceiveMessage"],
                "Resource": arn("q"),
            },
        ],
    }
    sqs.remove_permission(QueueUrl=url, Label="one")
    assert [s["Sid"] for s in json.loads(shown(sqs, url, "Policy")["Policy"])["Statement"]] == ["two"]
    sqs.remove_permission(QueueUrl=url, Label="two")
    assert "Policy" not in shown(sqs, url)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Actions": ["DeleteQueue"]}, "Only the queue owner is allowed to invoke this action."),
        ({"Actions": ["Dance"]}, "Please refer to the appropriate WSDL for a list of valid actions."),
        ({"Actions": ["Queue"]}, "Please refer to the appropriate WSDL for a list of valid actions."),
        ({"AWSAccountIds": ["somebody"]}, "Unable to verify."),
        ({"Label": "no spaces"}, "Can only include alphanumeric characters"),
    ],
)
def test_a_permission_nobody_could_use_is_refused(sqs, change, reason):
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    params = {"Label": "l", "AWSAccountIds": ["111122223333"], "Actions": ["SendMessage"], **change}
    code, text = refused(sqs.add_permission, QueueUrl=url, **params)
    assert (code, reason in text) == ("InvalidParameterValue", True)
    assert "Policy" not in shown(sqs, url)


def test_a_permission_names_at_most_seven_actions(sqs):
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    actions = ["ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl", "PurgeQueue", "ReceiveMessage", "SendMessage"]
    permission = {"QueueUrl": url, "AWSAccountIds": ["111122223333"]}
    sqs.add_permission(**permission, Label="seven", Actions=actions)
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html; the words are moto's.
    assert refused_fully(sqs.add_permission, **permission, Label="eight", Actions=[*actions, "ListDeadLetterSourceQueues"]) == (
        403, "OverLimit", "8 Actions were found, maximum allowed is 7.",
    )  # fmt: skip
    assert len(json.loads(shown(sqs, url, "Policy")["Policy"])["Statement"]) == 1


def test_a_label_is_used_once_and_must_be_there_to_be_removed(sqs):
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    permission = {"QueueUrl": url, "Label": "l", "AWSAccountIds": ["111122223333"], "Actions": ["*"]}
    assert refused(sqs.remove_permission, QueueUrl=url, Label="l") == (
        "InvalidParameterValue",
        "Value l for parameter Label is invalid. Reason: can't find label.",
    )
    sqs.add_permission(**permission)
    assert refused(sqs.add_permission, **permission) == (
        "InvalidParameterValue",
        "Value l for parameter Label is invalid. Reason: Already exists.",
    )
    assert refused(sqs.remove_permission, QueueUrl=url, Label="other") == (
        "InvalidParameterValue",
        "Value other for parameter Label is invalid. Reason: can't find label on existing policy.",
    )


def test_a_policy_with_a_single_statement_takes_further_ones(sqs):
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    single = {
        "Sid": "own",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "sqs:SendMessage",
        "Resource": arn("q"),
    }
    sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": single})}
    )
    sqs.add_permission(QueueUrl=url, Label="l", AWSAccountIds=["111122223333"], Actions=["*"])
    sqs.remove_permission(QueueUrl=url, Label="own")
    assert [s["Sid"] for s in json.loads(shown(sqs, url, "Policy")["Policy"])["Statement"]] == ["l"]


def test_a_policy_lets_another_account_send_and_nothing_else(sqs, cloud):
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    stranger = cloud.client("sqs", key="111122223333")
    assert refused(stranger.send_message, QueueUrl=url, MessageBody="x")[0].startswith("AccessDenied")
    sqs.add_permission(QueueUrl=url, Label="l", AWSAccountIds=["111122223333"], Actions=["SendMessage"])
    stranger.send_message(QueueUrl=url, MessageBody="hello")
    assert refused(stranger.receive_message, QueueUrl=url)[0].startswith("AccessDenied")
    message = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["SenderId"])["Messages"][0]
    assert (message["Body"], message["Attributes"]) == ("hello", {"SenderId": "111122223333"})


def test_a_policy_that_is_no_policy_is_refused(sqs):
    for text in (
        "{}",
        "nonsense",
        '{"Version":"2012-10-17","Statement":[{"Effect":"Perhaps"}]}',
        "[" * 100_000,
    ):
        assert refused(sqs.create_queue, QueueName="q", Attributes={"Policy": text}) == (
            "InvalidAttributeValue",
            "Invalid value for the parameter Policy.",
        )
