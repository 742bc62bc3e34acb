"""GetBucketLifecycle, PutBucketLifecycle, GetBucketNotification and PutBucketNotification: clients that still say them ask for the same
resources as those who say what took their place, and are answered the same.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycle.html, API_PutBucketNotification.html"""

import pytest
from refusals import refused

QUEUE = "arn:aws:sqs:us-east-1:000000000000:told"


@pytest.fixture
def s3(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="box")
    return s3


@pytest.fixture
def queue(cloud):
    sqs = cloud.client("sqs")
    policy = '{"Statement": [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}]}'
    return sqs.create_queue(QueueName="told", Attributes={"Policy": policy})["QueueUrl"]


def test_a_lifecycle_put_by_an_old_client_is_one(s3):
    moving = {"Days": 30, "StorageClass": "STANDARD_IA"}
    aged = {"NoncurrentDays": 30, "StorageClass": "GLACIER"}
    rule = {"ID": "a", "Prefix": "logs/", "Status": "Enabled", "Transition": moving, "NoncurrentVersionTransition": aged}
    s3.put_bucket_lifecycle(Bucket="box", LifecycleConfiguration={"Rules": [rule]})
    assert s3.get_bucket_lifecycle(Bucket="box")["Rules"] == [rule]
    told = s3.get_bucket_lifecycle_configuration(Bucket="box")["Rules"][0]
    assert (told["Prefix"], told["Transitions"], told["NoncurrentVersionTransitions"]) == ("logs/", [moving], [aged])


def test_an_old_client_is_refused_as_a_new_one_is(s3):
    assert refused(s3.get_bucket_lifecycle, Bucket="box")[0] == "NoSuchLifecycleConfiguration"
    # The prefix of a rule is what it must have here: there are no filters.
    rules = {"Rules": [{"ID": "a", "Prefix": "", "Status": "Enabled"}]}
    words = "At least one action needs to be specified in a rule"
    assert refused(s3.put_bucket_lifecycle, Bucket="box", LifecycleConfiguration=rules) == ("InvalidRequest", words)


def test_notifications_configured_by_an_old_client_arrive(cloud, s3, queue):
    s3.put_bucket_notification(Bucket="box", NotificationConfiguration={"QueueConfiguration": {"Event": "s3:ObjectCreated:*", "Queue": QUEUE}})
    told = s3.get_bucket_notification(Bucket="box")["QueueConfiguration"]
    assert (told["Queue"], told["Event"], told["Events"]) == (QUEUE, "s3:ObjectCreated:*", ["s3:ObjectCreated:*"])
    assert s3.get_bucket_notification_configuration(Bucket="box")["QueueConfigurations"][0]["QueueArn"] == QUEUE
    s3.put_object(Bucket="box", Key="k", Body=b"1")
    sqs = cloud.client("sqs")
    heard = [sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"][0]["Body"] for _ in range(2)]
    assert '"s3:TestEvent"' in heard[0] and '"ObjectCreated:Put"' in heard[1]


def test_a_function_s_old_name_is_understood(s3):
    old = {"Event": "s3:ObjectCreated:*", "CloudFunction": "arn:aws:lambda:us-east-1:000000000000:function:none", "InvocationRole": "arn:aws:iam::000000000000:role/r"}
    words = "Unable to validate the following destination configurations"
    assert refused(s3.put_bucket_notification, Bucket="box", NotificationConfiguration={"CloudFunctionConfiguration": old}) == ("InvalidArgument", words)
    s3.put_bucket_notification(Bucket="box", NotificationConfiguration={})
    assert "CloudFunctionConfiguration" not in s3.get_bucket_notification(Bucket="box")
