"""AWS's SDK as commands use it: with the caller's keys, and with those of the cloud's own account where there are none."""

from __future__ import annotations

import os

import boto3


def session(region: str) -> boto3.Session:
    """One for each region, and each thread: a session is not to be shared."""
    keys = {} if os.environ.get("AWS_ACCESS_KEY_ID") else {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.Session(region_name=region, **keys)
