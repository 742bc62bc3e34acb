"""The handbook's user service, with the two functions that it calls and does not have, and names that somebody resolves."""

import os

import boto3
import requests
from aws_xray_sdk.core import patch_all, xray_recorder

# Every call over boto3 and requests is a subsegment from here on.
patch_all()

USERS = boto3.resource("dynamodb").Table(os.environ["USERS"])


@xray_recorder.capture("user_service.get_user")
def get_user(user_id):
    xray_recorder.current_subsegment().put_annotation("user_id", user_id)
    return {"user": get_user_from_db(user_id), "orders": call_order_service(user_id), "payments": call_payment_service(user_id)}


@xray_recorder.capture("user_service.call_order_service")
def call_order_service(user_id):
    return requests.get(f"http://order-service/users/{user_id}/orders", timeout=10).json()


@xray_recorder.capture("user_service.call_payment_service")
def call_payment_service(user_id):
    return requests.get(f"http://payment-service/users/{user_id}/payments", timeout=10).json()


def get_user_from_db(user_id):
    return USERS.get_item(Key={"id": user_id}).get("Item")
