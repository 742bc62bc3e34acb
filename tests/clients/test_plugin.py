"""The pytest plugin's fixtures, as a test author uses them: real processes, real boto3."""

import boto3


def test_the_environment_points_at_an_empty_cloud(kumoniwa):
    sqs = boto3.client("sqs")
    assert "QueueUrls" not in sqs.list_queues()
    sqs.create_queue(QueueName="left-behind")


def test_what_the_test_before_left_is_gone(kumoniwa):
    assert "QueueUrls" not in kumoniwa.client("sqs").list_queues()


def test_a_key_of_twelve_digits_is_an_account(kumoniwa):
    kumoniwa.client("sqs", account="111111111111").create_queue(QueueName="mine")
    assert "QueueUrls" not in kumoniwa.client("sqs", account="222222222222").list_queues()
    kumoniwa.reset("222222222222")
    assert kumoniwa.client("sqs", account="111111111111").list_queues()["QueueUrls"]
    kumoniwa.reset("111111111111")
    assert "QueueUrls" not in kumoniwa.client("sqs", account="111111111111").list_queues()
