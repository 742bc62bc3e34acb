"""Message move tasks: out of a dead-letter queue, at a pace, to where the messages came from."""

import base64
import json

import pytest
from botocore.exceptions import ClientError
from refusals import refused

ACCOUNT = "000000000000"


def arn(name: str) -> str:
    return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


class Stage:
    """Two queues whose dead letters lie in a third one."""

    def __init__(self, cloud) -> None:
        self.cloud, self.sqs = cloud, cloud.client("sqs")
        self.urls = {"dead": self.sqs.create_queue(QueueName="dead")["QueueUrl"]}
        policy = json.dumps({"deadLetterTargetArn": arn("dead"), "maxReceiveCount": 1})
        for name in ("a", "b", "elsewhere"):
            attributes = {"RedrivePolicy": policy} if name != "elsewhere" else {}
            self.urls[name] = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def bury(self, name: str, count: int) -> None:
        for n in range(count):
            self.sqs.send_message(QueueUrl=self.urls[name], MessageBody=f"{name}{n}")
        for _ in range(2):
            while self.sqs.receive_message(
                QueueUrl=self.urls[name], MaxNumberOfMessages=10, VisibilityTimeout=1
            ).get("Messages"):
                pass
            self.cloud.sleep(1)
        self.sqs.receive_message(QueueUrl=self.urls[name])

    def count(self, name: str) -> int:
        found = self.sqs.get_queue_attributes(
            QueueUrl=self.urls[name], AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(found["Attributes"]["ApproximateNumberOfMessages"])

    def start(self, **params) -> str:
        return self.sqs.start_message_move_task(SourceArn=arn("dead"), **params)["TaskHandle"]

    def last(self, count: int = 1) -> dict:
        return self.sqs.list_message_move_tasks(SourceArn=arn("dead"), MaxResults=count)["Results"][0]


@pytest.fixture
def stage(cloud):
    return Stage(cloud)


def test_messages_go_back_to_the_queues_they_came_from(cloud, stage):
    stage.bury("a", 3)
    stage.bury("b", 2)
    assert stage.count("dead") == 5
    started = int(cloud.now() * 1000)
    stage.start()
    cloud.sleep(1)
    assert (stage.count("a"), stage.count("b"), stage.count("dead")) == (3, 2, 0)
    assert stage.last() == {
        "Status": "COMPLETED",
        "SourceArn": arn("dead"),
        "ApproximateNumberOfMessagesMoved": 5,
        "ApproximateNumberOfMessagesToMove": 5,
        "StartedTimestamp": started,
    }


def test_a_destination_takes_all_of_them(cloud, stage):
    stage.bury("a", 3)
    stage.start(DestinationArn=arn("elsewhere"))
    cloud.sleep(1)
    assert (stage.count("a"), stage.count("elsewhere")) == (0, 3)
    assert stage.last()["DestinationArn"] == arn("elsewhere")


@pytest.mark.parametrize("per_second", [1, 4, 25])
def test_a_task_keeps_to_its_pace(cloud, stage, per_second):
    stage.bury("a", per_second * 6)
    stage.start(MaxNumberOfMessagesPerSecond=per_second)
    for second in (1, 2, 4):
        cloud.sleep(second / 2 if second == 4 else 1)
        moved = stage.count("a")
        passed = min(second, 4)
        assert per_second * passed * 0.8 - 1 <= moved <= per_second * passed + max(1, per_second * 0.15)
    cloud.sleep(5)
    assert stage.last()["Status"] == "COMPLETED"


def test_only_one_task_at_a_time_and_it_can_be_cancelled_once(cloud, stage):
    stage.bury("a", 10)
    handle = stage.start(MaxNumberOfMessagesPerSecond=1)
    cloud.sleep(3)
    # Recorded: localstack's test_start_multiple_move_tasks.
    assert refused(stage.start)[0] == "InvalidParameterValue"
    assert stage.last()["TaskHandle"] == handle
    moved = stage.sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"]
    assert 2 <= moved <= 4
    cloud.sleep(10)
    assert (stage.count("a"), stage.count("dead")) == (moved, 10 - moved)
    assert stage.last()["Status"] == "CANCELLED"
    assert "TaskHandle" not in stage.last()
    assert (
        refused(stage.sqs.cancel_message_move_task, TaskHandle=handle)[0]
        == "AWS.SimpleQueueService.UnsupportedOperation"
    )


def test_a_task_goes_on_after_its_region_was_killed_and_moves_each_message_once(cloud, stage):
    stage.bury("a", 30)
    stage.start(MaxNumberOfMessagesPerSecond=10)
    cloud.sleep(1)
    before = stage.count("a")
    assert 5 <= before <= 15
    cloud.restart(kill=True)
    cloud.sleep(10)
    assert (stage.count("a"), stage.count("dead")) == (30, 0)
    assert stage.last()["ApproximateNumberOfMessagesMoved"] == 30


def test_tasks_still_run_after_the_region_was_emptied(cloud):
    Stage(cloud).start()
    cloud.run(cloud.region().reset())
    stage = Stage(cloud)
    stage.bury("a", 2)
    stage.start()
    cloud.sleep(1)
    assert stage.count("a") == 2


def test_a_message_nobody_sent_through_a_queue_fails_the_task_and_stays(cloud, stage):
    stage.sqs.send_message(QueueUrl=stage.urls["dead"], MessageBody="stray")
    stage.start()
    cloud.sleep(1)
    assert (stage.last()["Status"], stage.last()["FailureReason"]) == (
        "FAILED",
        "CouldNotDetermineMessageSource",
    )
    assert stage.count("dead") == 1


def test_what_cannot_be_moved_is_refused(stage):
    start = stage.sqs.start_message_move_task
    assert refused(start, SourceArn=arn("elsewhere")) == (
        "InvalidParameterValue",
        "Source queue must be configured as a Dead Letter Queue.",
    )
    # Only dead-letter queues of other queues: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
    assert refused(start, SourceArn=arn("elsewhere"), DestinationArn=arn("a"))[0] == "InvalidParameterValue"
    assert refused(start, SourceArn=arn("nobody"))[0] == "ResourceNotFoundException"
    assert (
        refused(start, SourceArn="arn:aws:sqs:eu-west-1:000000000000:dead")[0] == "ResourceNotFoundException"
    )
    assert (
        refused(start, SourceArn=arn("dead"), DestinationArn=arn("nobody"))[0] == "ResourceNotFoundException"
    )
    for rate in (0, 501):
        assert (
            refused(start, SourceArn=arn("dead"), MaxNumberOfMessagesPerSecond=rate)[0]
            == "InvalidParameterValue"
        )
    for handle in ("nonsense", "AAAA", "é"):
        # Recorded: localstack's test_cancel_with_invalid_…
        assert refused(stage.sqs.cancel_message_move_task, TaskHandle=handle) == (
            "InvalidParameterValue", "Value for parameter TaskHandle is invalid."
        )  # fmt: skip
    elsewhere = base64.b64encode(json.dumps({"taskId": "x", "sourceArn": arn("nobody")}).encode()).decode()
    assert refused(stage.sqs.cancel_message_move_task, TaskHandle=elsewhere) == (
        "ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist."
    )  # fmt: skip
    with pytest.raises(ClientError) as caught:
        stage.sqs.cancel_message_move_task(TaskHandle=elsewhere)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    unknown = base64.b64encode(json.dumps({"taskId": "x", "sourceArn": arn("dead")}).encode()).decode()
    assert refused(stage.sqs.cancel_message_move_task, TaskHandle=unknown) == ("ResourceNotFoundException", "Task does not exist.")


def test_tasks_are_listed_newest_first_one_unless_more_are_wanted_and_ten_are_kept(cloud, stage):
    for _ in range(12):
        stage.start()
        cloud.sleep(1)
    found = stage.sqs.list_message_move_tasks(SourceArn=arn("dead"), MaxResults=10)["Results"]
    assert len(found) == 10
    assert [t["StartedTimestamp"] for t in found] == sorted(
        (t["StartedTimestamp"] for t in found), reverse=True
    )
    assert len(stage.sqs.list_message_move_tasks(SourceArn=arn("dead"))["Results"]) == 1
    for count in (0, 11):
        assert (
            refused(stage.sqs.list_message_move_tasks, SourceArn=arn("dead"), MaxResults=count)[0]
            == "InvalidParameterValue"
        )


def test_a_message_that_was_moved_is_a_new_one(cloud, stage):
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
    sent = stage.sqs.send_message(QueueUrl=stage.urls["a"], MessageBody="x")
    for _ in range(2):
        stage.sqs.receive_message(QueueUrl=stage.urls["a"], VisibilityTimeout=0)
    cloud.sleep(100)
    started = cloud.now()
    stage.start()
    cloud.sleep(1)
    (message,) = stage.sqs.receive_message(QueueUrl=stage.urls["a"], AttributeNames=["All"])["Messages"]
    assert message["MessageId"] != sent["MessageId"]
    assert int(message["Attributes"]["SentTimestamp"]) >= int(started * 1000)
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert "DeadLetterQueueSourceArn" not in message["Attributes"]
