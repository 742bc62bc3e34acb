"""SQS as clients from before 2023 speak it: forms and XML."""

from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest

SIGNED = (
    "AWS4-HMAC-SHA256 Credential=test/20300101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=00"
)
URL = "http://localhost:4566/000000000000/q"


@pytest.fixture
def ask(cloud):
    def ask(Action: str, expected: int = 200, path: str = "/", **fields: str) -> ElementTree.Element:
        form = urlencode(
            {
                "Action": Action,
                "Version": "2012-11-05",
                **{k.replace("__", "."): v for k, v in fields.items()},
            }
        )
        headers = {
            "Authorization": SIGNED,
            "X-Amz-Date": "20300101T000000Z",
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        }
        status, answered, body = cloud.http("POST", path, headers=headers, body=form.encode())
        assert (status, answered["Content-Type"]) == (expected, "text/xml")
        root = ElementTree.fromstring(body)
        for element in root.iter():
            assert element.tag.startswith("{http://queue.amazonaws.com/doc/2012-11-05/}")
            element.tag = element.tag.partition("}")[2]
        return root

    return ask


def test_a_message_lives_its_life_in_forms_and_xml(ask):
    assert (
        ask(
            "CreateQueue", QueueName="q", Attribute__1__Name="VisibilityTimeout", Attribute__1__Value="40"
        ).findtext(".//QueueUrl")
        == URL
    )
    sent = ask(
        "SendMessage", QueueUrl=URL, MessageBody="<水 & co>", MessageAttribute__1__Name="a", MessageAttribute__1__Value__DataType="String",
        MessageAttribute__1__Value__StringValue="v",
    )  # fmt: skip
    assert sent.tag == "SendMessageResponse"
    got = ask(
        "ReceiveMessage",
        QueueUrl=URL,
        MaxNumberOfMessages="10",
        AttributeName__1="All",
        MessageAttributeName__1="All",
    )
    message = got.find("ReceiveMessageResult/Message")
    assert message.findtext("Body") == "<水 & co>"
    assert message.findtext("MD5OfMessageAttributes") == sent.findtext(".//MD5OfMessageAttributes")
    assert message.findtext("MessageAttribute/Value/StringValue") == "v"
    assert {a.findtext("Name"): a.findtext("Value") for a in message.findall("Attribute")}[
        "ApproximateReceiveCount"
    ] == "1"
    ask("DeleteMessage", QueueUrl=URL, ReceiptHandle=message.findtext("ReceiptHandle"))
    shown = ask("GetQueueAttributes", QueueUrl=URL, AttributeName__1="All")
    attributes = {a.findtext("Name"): a.findtext("Value") for a in shown.iter("Attribute")}
    assert (attributes["VisibilityTimeout"], attributes["ApproximateNumberOfMessages"]) == ("40", "0")
    assert ask("ListQueues").findtext(".//QueueUrl") == URL
    assert ask("DeleteQueue", QueueUrl=URL).findtext("ResponseMetadata/RequestId")


def test_a_batch_is_numbered_in_the_form(ask):
    ask("CreateQueue", QueueName="q")
    reply = ask(
        "SendMessageBatch", QueueUrl=URL,
        SendMessageBatchRequestEntry__1__Id="a", SendMessageBatchRequestEntry__1__MessageBody="x",
        SendMessageBatchRequestEntry__2__Id="b", SendMessageBatchRequestEntry__2__MessageBody="x",
        SendMessageBatchRequestEntry__2__DelaySeconds="901",
    )  # fmt: skip
    assert reply.findtext(".//SendMessageBatchResultEntry/Id") == "a"
    assert reply.findtext(".//BatchResultErrorEntry/Code") == "InvalidParameterValue"
    assert reply.findtext(".//BatchResultErrorEntry/SenderFault") == "true"


@pytest.mark.parametrize(
    ("action", "fields", "code"),
    [
        (
            "SendMessage",
            {"QueueUrl": URL + "x", "MessageBody": "x"},
            "AWS.SimpleQueueService.NonExistentQueue",
        ),
        (
            "SendMessage",
            {"QueueUrl": URL, "MessageBody": "x", "DelaySeconds": "901"},
            "InvalidParameterValue",
        ),
        ("SendMessage", {"QueueUrl": URL, "MessageBody": ""}, "MissingParameter"),
        (
            "SendMessageBatch",
            {"QueueUrl": URL, "SendMessageBatchRequestEntry": ""},
            "AWS.SimpleQueueService.EmptyBatchRequest",
        ),
        (
            "CreateQueue",
            {"QueueName": "q", "Attribute.1.Name": "DelaySeconds", "Attribute.1.Value": "3"},
            "QueueAlreadyExists",
        ),
        ("DeleteMessage", {"QueueUrl": URL, "ReceiptHandle": "nonsense"}, "ReceiptHandleIsInvalid"),
    ],
)
def test_refusals_bear_the_older_codes(ask, action, fields, code):
    ask("CreateQueue", QueueName="q")
    error = ask(action, 400, **fields).find("Error")
    assert (error.findtext("Type"), error.findtext("Code")) == ("Sender", code)
    assert error.findtext("Message")


def test_both_protocols_speak_of_the_same_queue(ask, cloud):
    ask("CreateQueue", QueueName="q")
    cloud.client("sqs").send_message(QueueUrl=URL, MessageBody="from json")
    assert ask("ReceiveMessage", QueueUrl=URL).findtext(".//Body") == "from json"


def test_a_form_posted_to_the_queues_own_address_need_not_name_the_queue(ask):
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-xml.html
    ask("CreateQueue", QueueName="q")
    ask("SendMessage", path="/000000000000/q", MessageBody="by address")
    assert ask("ReceiveMessage", path="/000000000000/q").findtext(".//Body") == "by address"


def test_an_action_no_parser_could_read_back_is_refused_in_readable_xml(ask, cloud):
    headers = {"Authorization": SIGNED, "X-Amz-Date": "20300101T000000Z", "Content-Type": "application/x-www-form-urlencoded"}
    status, _, body = cloud.http("POST", "/", headers=headers, body=b"Action=Send%00Message&Version=2012-11-05")
    assert status == 400
    assert "Send?Message" in ElementTree.fromstring(body).findtext(".//Message")


# At a queue's own address, by GET: localstack's TestSqsQueryApi, validated against AWS -----------------


@pytest.fixture
def get(cloud, ask):
    ask("CreateQueue", QueueName="q")

    def get(path: str = "/000000000000/q", **fields: str) -> tuple[int, str]:
        query = urlencode({name.replace("__", "."): value for name, value in fields.items()})
        headers = {"Authorization": SIGNED, "X-Amz-Date": "20300101T000000Z"}
        status, _, body = cloud.http("GET", f"{path}?{query}", headers=headers)
        return status, body.decode()

    return get


def test_a_queue_is_asked_at_its_own_address(get):
    status, shown = get(Action="GetQueueAttributes", AttributeName__1="All")
    assert status == 200
    assert "<Name>QueueArn</Name><Value>arn:aws:sqs:us-east-1:000000000000:q</Value>" in shown
    assert get(Action="SendMessage", MessageBody="foobar")[0] == 200
    assert "<Body>foobar</Body>" in get(Action="ReceiveMessage")[1]
    assert f"<QueueUrl>{URL}</QueueUrl>" in get(Action="GetQueueUrl", QueueName="q")[1]
    assert get(Action="DeleteQueue")[0] == 200
    status, gone = get(Action="GetQueueAttributes")
    assert (status, "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in gone) == (400, True)
    assert "<Message>The specified queue does not exist for this wsdl version.</Message>" in gone


@pytest.mark.parametrize(
    ("fields", "code", "text"),
    [
        ({"Action": "FooBar", "Version": "2012-11-05"}, "InvalidAction", "The action FooBar is not valid for this endpoint."),
        ({"Action": "ListQueues"}, "InvalidAction", "The action ListQueues is not valid for this endpoint."),
        ({"Action": "CreateQueue", "QueueName": "x"}, "InvalidAction", "The action CreateQueue is not valid for this endpoint."),
        ({"Action": "SendMessage"}, "MissingParameter", "The request must contain the parameter MessageBody."),
        ({"Action": "GetQueueAttributes", "AttributeName__1": "Foobar"}, "InvalidAttributeName", "Unknown Attribute Foobar."),
    ],
)
def test_what_a_queue_cannot_be_asked_is_refused_in_sqs_words(get, fields, code, text):
    status, body = get(**fields)
    assert (status, f"<Code>{code}</Code>" in body, f"<Message>{text}</Message>" in body) == (400, True, True)


def test_an_address_without_an_action_is_no_operation(get):
    assert get() == (404, "<UnknownOperationException/>\n")


def test_an_empty_batch_is_refused_in_a_form_as_in_json(ask):
    ask("CreateQueue", QueueName="q")
    error = ask("SendMessageBatch", 400, QueueUrl=URL)
    assert error.findtext(".//Code") == "AWS.SimpleQueueService.EmptyBatchRequest"
