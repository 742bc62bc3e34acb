"""The steps of a registration, one function each. The workflow tells them apart by the class of what they raise.

Each notes under its execution that it was asked, so that one can see afterwards that nothing was asked twice.
"""

import os
import re
import time

import boto3
from botocore.exceptions import ClientError

tables = boto3.resource("dynamodb")
users, asked = tables.Table(os.environ["USERS"]), tables.Table(os.environ["ASKED"])
ses = boto3.client("ses")


class ValidationError(Exception):
    """The input is no registration."""


class DuplicateUserError(Exception):
    """Somebody is registered under this address."""


class Throttled(Exception):
    """SES takes no more at the moment."""


def note(event, step):
    asked.update_item(
        Key={"id": f"{event['execution']}:{step}"}, UpdateExpression="ADD times :one", ExpressionAttributeValues={":one": 1}
    )
    time.sleep(float(event["user"].get("work_s", 0)) if isinstance(event["user"], dict) else 0)
    return event["user"]


def validate(event, context):
    user = note(event, "ValidateInput")
    if not isinstance(user, dict) or not user.get("name") or not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", user.get("email", "")):
        raise ValidationError("a registration has a name and an address")


def check_duplicate(event, context):
    user = note(event, "CheckDuplicateUser")
    held = users.get_item(Key={"email": user["email"]}, ConsistentRead=True).get("Item")
    if held is not None and held["registered_by"] != event["execution"]:
        raise DuplicateUserError(user["email"])


def create(event, context):
    """Two registrations at once pass the check together: only here one of them is the first."""
    user = note(event, "CreateUser")
    try:
        users.put_item(
            Item={"email": user["email"], "name": user["name"], "registered_by": event["execution"]},
            ConditionExpression="attribute_not_exists(email) OR registered_by = :me",
            ExpressionAttributeValues={":me": event["execution"]},
        )
    except users.meta.client.exceptions.ConditionalCheckFailedException:
        raise DuplicateUserError(user["email"]) from None


def send_welcome(event, context):
    user = note(event, "SendWelcomeEmail")
    try:
        ses.send_email(
            Source=os.environ["SENDER"],
            Destination={"ToAddresses": [user["email"]]},
            Message={
                "Subject": {"Data": "Welcome to our service!"},
                "Body": {"Text": {"Data": f"Dear {user['name']},\n\nthank you for registering."}},
            },
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "Throttling":
            raise Throttled(str(error)) from error
        raise
