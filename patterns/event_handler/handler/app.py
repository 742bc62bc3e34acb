"""One handler for three sources of events: a table's stream, a bucket, a queue.

On a new user it sends a welcome mail and a notification. A record may come twice, so what was done for it is noted under the record's
id. A record of a stream or a queue that fails is named to Lambda, which brings it again without those that succeeded.
"""

import os
from urllib.parse import unquote_plus

import boto3

seen = boto3.resource("dynamodb").Table(os.environ["SEEN"])
sns, ses = boto3.client("sns"), boto3.client("ses")


def handler(event, context):
    failed = []
    for record in event["Records"]:
        id_of, process = SOURCES[record["eventSource"]]
        try:
            process(record)
        except Exception as error:
            if record["eventSource"] == "aws:s3":
                raise  # a bucket's events come one by one, and Lambda itself tries them again
            print(f"{id_of(record)} failed: {error}")
            failed.append({"itemIdentifier": id_of(record)})
            if record["eventSource"] == "aws:dynamodb":
                break  # a stream goes on from the first that failed
    return {"batchItemFailures": failed}


def process_stream(record):
    if record["eventName"] != "INSERT":
        return
    email = record["dynamodb"]["NewImage"]["email"]["S"]
    once(record["eventID"], "mail", lambda: send_welcome_email(email))
    once(record["eventID"], "notification", lambda: send_notification("New user registered", email))


def process_object(record):
    key = unquote_plus(record["s3"]["object"]["key"])
    once(f"{key}@{record['s3']['object']['sequencer']}", "object", lambda: None)


def process_message(record):
    once(record["messageId"], "message", lambda: None, body=record["body"])


SOURCES = {
    "aws:dynamodb": (lambda record: record["dynamodb"]["SequenceNumber"], process_stream),
    "aws:s3": (lambda record: record["s3"]["object"]["key"], process_object),
    "aws:sqs": (lambda record: record["messageId"], process_message),
}


def once(id_, what, act, **more):
    """Do something for a record unless it is noted that it was done."""
    key = {"id": f"{what}:{id_}"}
    if "Item" not in seen.get_item(Key=key, ConsistentRead=True):
        act()
        seen.put_item(Item={**key, **more})


def send_welcome_email(email):
    ses.send_email(
        Source=os.environ["SENDER"],
        Destination={"ToAddresses": [email]},
        Message={
            "Subject": {"Data": "Welcome to our service!"},
            "Body": {"Text": {"Data": "Thank you for registering."}},
        },
    )


def send_notification(subject, message):
    sns.publish(TopicArn=os.environ["TOPIC"], Subject=subject, Message=message)
